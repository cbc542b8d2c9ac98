"""What it means that a record is not there."""

from collections.abc import Iterator
from contextlib import contextmanager

from crmsync.errors import CrmError


@contextmanager
def not_found_means_deleted() -> Iterator[None]:
    """Inside, a 404 means that a record which we knew was deleted."""
    try:
        yield
    except CrmError as error:
        if error.http_status not in (404, 410):
            raise
        raise as_deleted(error) from error


@contextmanager
def unless_gone() -> Iterator[None]:
    """Inside, a 404 means that what was to be removed is not there any more."""
    try:
        yield
    except CrmError as error:
        if error.http_status not in (404, 410) and error.code != "record_deleted":
            raise


def as_deleted(error: CrmError) -> CrmError:
    return CrmError(
        "record_deleted",
        error.message,
        http_status=error.http_status,
        correlation_id=error.correlation_id,
    )
