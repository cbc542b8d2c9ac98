import pytest

from crmsync import attempts, lifecycle
from crmsync.models import SyncRun
from meetings.models import Meeting, SyncStep


@pytest.fixture
def run(meeting: Meeting, connection: object) -> SyncRun:
    """A run of `meeting` that was just asked for."""
    return lifecycle.request_sync(meeting, by=None)[0]


@pytest.fixture
def claim(run: SyncRun) -> attempts.Claim | None:
    """A worker's right to perform the first step of `run`."""
    return attempts.claim(run.pk, SyncStep.CONTACTS)
