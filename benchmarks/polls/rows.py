"""The meetings that are polled, in the database and as copies that other servers read."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import cycle, islice

import redis
from django.utils import timezone

from accounts.tokens import AccessToken
from benchmarks import rows
from crmsync.models import SyncRun
from meetings.models import Meeting, SyncStep

USERS = 1_000
MEETINGS = 10_000
STEPS = (None, *SyncStep.values)


@dataclass(frozen=True)
class Polled:
    """A meeting as its owner is to see it, and what proves who the owner is."""

    meeting_id: int
    user_id: int
    token: str
    revocation: str
    step: int | None


def make_rows() -> list[Polled]:
    users = rows.make_users(USERS)
    rows.connect(users, "sandbox")
    meetings = rows.make_meetings(islice(cycle(users), MEETINGS), notes="What was said. " * 10)
    polled = random.Random(1).sample(meetings, MEETINGS)
    for meeting, step in zip(polled, cycle(STEPS), strict=False):
        meeting.in_progress_sync_status = step
    Meeting.objects.bulk_update(polled, ["in_progress_sync_status"])
    SyncRun.objects.bulk_create(_run(it) for it in polled if it.in_progress_sync_status)
    return [_polled(meeting) for meeting in polled]


def write_copies(client: redis.Redis, polled: Sequence[Polled]) -> None:
    pairs: dict[str, object] = {}
    for it in polled:
        pairs[f"user:{it.user_id}"] = {"is_active": True, "revocation": it.revocation}
        pairs[f"meeting:{it.meeting_id}"] = {"user_id": it.user_id, "step": it.step}
    client.mset({key: json.dumps(value) for key, value in pairs.items()})


def _run(meeting: Meeting) -> SyncRun:
    now = timezone.now()
    return SyncRun(
        meeting=meeting,
        connection=meeting.user.connection,
        status=SyncRun.Status.RUNNING,
        step=SyncStep(meeting.in_progress_sync_status or SyncStep.CONTACTS),
        due_at=now + timedelta(hours=6),
        started_at=now,
    )


def _polled(meeting: Meeting) -> Polled:
    token = AccessToken.for_user(meeting.user)
    return Polled(
        meeting_id=meeting.pk,
        user_id=meeting.user_id,
        token=str(token),
        revocation=token.key,
        step=meeting.in_progress_sync_status,
    )
