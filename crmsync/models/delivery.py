"""What alerts and notices share: a message is tried until it is delivered or given up."""

from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models
from django.db.models import F, Q

LEASE = timedelta(minutes=2)  # Longer than one delivery takes.
RESEND_AFTER = timedelta(seconds=10)
MessageT = TypeVar("MessageT", bound=models.Model, covariant=True)


class DeliveryQuerySet(models.QuerySet[MessageT]):
    def undelivered(self) -> Self:
        return self.filter(delivered_at=None, given_up_at=None)

    def select_due(self, now: datetime) -> list[int]:
        """Those without a recent hint; marks them as sent."""
        unsent = Q(sent_at=None) | Q(sent_at__lte=now - RESEND_AFTER)
        due = self.undelivered().filter(unsent, due_at__lte=now)
        pks = list(due.values_list("pk", flat=True)[:100])
        self.filter(pk__in=pks).update(sent_at=now)
        return pks

    def claim(self, pk: int, now: datetime) -> bool:
        """Whether this process may deliver it now. A claim postpones `due_at`, as for a run."""
        due = self.undelivered().filter(pk=pk, due_at__lte=now)
        return bool(due.update(due_at=now + LEASE, tries=F("tries") + 1))

    def record_delivery(self, pk: int, now: datetime) -> None:
        self.undelivered().filter(pk=pk).update(delivered_at=now, last_error="")

    def record_failure(
        self, pk: int, tries: int, why: str, *, retry_at: datetime, given_up_at: datetime | None
    ) -> None:
        """Does nothing if another process has claimed it since, which counts a try."""
        self.undelivered().filter(pk=pk, tries=tries).update(
            due_at=retry_at, sent_at=None, last_error=why, given_up_at=given_up_at
        )
