"""Everything about one sync, for the support agent who helps its owner."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crmsync.engine import remote_records
from crmsync.models import Incident, SyncAttempt, SyncRun
from crmsync.status import delivery
from crmsync.status.error_messages import error_texts

MAX_RELATED = 10


def build(run: SyncRun, now: datetime) -> dict[str, Any]:
    """`document` is what the owner reads now, about the latest run, which may not be `run`."""
    meeting = run.meeting
    latest = SyncRun.objects.latest_of(meeting).select_related("connection__host").first()
    document = delivery.build(meeting, latest, now)
    others = SyncRun.objects.filter(connection=run.connection).exclude(pk=run.pk)
    return {
        "run": run,
        "latest": latest,
        "document": document,
        "reply": reply(run, document, now),
        "attempts": [_attempt_row(attempt) for attempt in run.attempts.all()],
        "records": remote_records.for_meeting(meeting).order_by("kind", "local_key"),
        "others": others.select_related("meeting", "connection").order_by("-id")[:MAX_RELATED],
        "incidents": Incident.objects.filter(connection=run.connection, resolved_at=None),
    }


def reply(run: SyncRun, document: dict[str, Any], now: datetime) -> str:
    """A draft reply to the customer."""
    error = document["error"]
    said = [document["headline"], document["detail"]]
    said += [error["message"]] if error else []
    # A customer who has written to support needs no advice to do so.
    said += [document["next"]["text"]] if document["next"]["by"] != "support" else []
    sentences = " ".join(text if text.endswith((".", "”")) else f"{text}." for text in said)
    zone = ZoneInfo(run.meeting.user.time_zone or "UTC")
    starts = run.meeting.starts_at.astimezone(zone)
    return (
        f"About your meeting “{run.meeting.title}” ({starts:%Y-%m-%d %H:%M %Z}):\n\n"
        f"{sentences}\n\nReference: {run.reference}"
    )


def _attempt_row(attempt: SyncAttempt) -> dict[str, Any]:
    ended = attempt.finished_at
    summary, _, rest = attempt.internal_message.strip().partition("\n")
    return {
        "attempt": attempt,
        "seconds": (ended - attempt.started_at).total_seconds() if ended else None,
        "title": error_texts(attempt.error_code, attempt.run.crm)["title"],
        "summary": rest.rstrip().rpartition("\n")[2]
        if summary.startswith("Traceback")
        else summary,
        "folded": attempt.internal_message if rest else "",
    }
