"""What is to be done beside the syncs: add them up, watch them, tell of incidents.

The dispatcher does it; where none lives, workers do, so that a dead dispatcher is told of, too.
"""

import time
from datetime import datetime
from types import SimpleNamespace

from django.utils import timezone
from django.utils.module_loading import import_string

from crmsync.engine import hints
from crmsync.incidents import alerts, incidents
from crmsync.metrics import totals
from crmsync.operations import bulk

EVERY = 5  # Seconds.
_last = SimpleNamespace(at=0.0)


def keep_up() -> None:
    """Every few seconds, however often it is called. Raises RedisError and DatabaseError."""
    if time.monotonic() < _last.at + EVERY:
        return
    _last.at = time.monotonic()
    now = timezone.now()
    while totals.count_ended() == totals.BATCH:
        pass
    incidents.review(now)
    deliver_left_lying(now)


def hand_out(now: datetime) -> None:
    """Hints for what workers do beside the syncs. Raises RedisError."""
    for job, pks in (
        (hints.ALERT, alerts.take_due(now)),
        (hints.INTERVENTION, bulk.take_due(now)),
    ):
        if pks:
            hints.send_chores(job, pks)


def deliver_left_lying(now: datetime) -> None:
    """Without a worker there is nobody else to tell that there is none."""
    for alert_id in alerts.left_lying(now):
        import_string(hints.ALERT)(alert_id)
