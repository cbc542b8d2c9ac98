"""Everything about one sync, for the support agent who helps its owner."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crmsync.engine import remote_records
from crmsync.models import Incident, SyncAttempt, SyncRun
from crmsync.status import delivery
from crmsync.status.error_messages import error_texts
from crmsync.support import audit
from crmsync.support.badges import badge, badge_of_run
from crmsync.support.incident_messages import describe_incident

MAX_RELATED = 10


def build(run: SyncRun, now: datetime) -> dict[str, Any]:
    """`document` is what the owner reads now, about the latest run, which may not be `run`."""
    meeting = run.meeting
    latest = SyncRun.objects.latest_of(meeting).select_related("connection__host").first()
    document = delivery.build(meeting, latest, now)
    incidents = Incident.objects.filter(connection=run.connection, resolved_at=None)
    return {
        "run": run,
        "latest": latest,
        "badge": badge(document["state"]),
        "document": document,
        "cause": _cause(run),
        "replies": list(_replies(run, latest, now)),
        "attempts": [_attempt_row(attempt) for attempt in run.attempts.all()],
        "records": remote_records.for_meeting(meeting).order_by("kind", "local_key"),
        "others": _others(run, now),
        "incidents": [
            {"incident": it, **describe_incident(it)}
            for it in incidents.select_related("connection__user")
        ],
        "history": audit.of_sync(run),
    }


def _cause(run: SyncRun) -> dict[str, str]:
    """Of a sync with an error: its code, and what is behind the code."""
    code = run.error_cause or run.error_code
    if not code:
        return {}
    title = error_texts(code, run.crm)["title"]
    return {"code": run.error_code, "cause": run.error_cause, "of_all": code, "title": title}


def _replies(run: SyncRun, latest: SyncRun | None, now: datetime) -> Iterator[dict[str, str]]:
    """Draft replies; the first is in the customer's own language, as far as we know it."""
    own = run.meeting.user.language
    for code, name in sorted(settings.LANGUAGES, key=lambda language: language[0] != own):
        with translation.override(code):
            document = delivery.build(run.meeting, latest, now)
            yield {"language": code, "name": name, "text": reply(latest or run, document)}


def reply(run: SyncRun, document: dict[str, Any]) -> str:
    """A draft reply to the customer, in the active language."""
    error = document["error"]
    said = [document["headline"], document["detail"]]
    said += [error["message"]] if error else []
    # A customer who has written to support needs no advice to do so.
    said += [document["next"]["text"]] if document["next"]["by"] != "support" else []
    sentences = " ".join(text if text.endswith((".", ".”", ".“")) else f"{text}." for text in said)
    zone = ZoneInfo(run.meeting.user.time_zone or "UTC")
    starts_at = run.meeting.starts_at.astimezone(zone)
    starts = f"{date_format(starts_at, 'DATETIME_FORMAT')} {starts_at:%Z}"
    about = _("About your meeting “{title}” ({starts}):").format(
        title=run.meeting.title, starts=starts
    )
    reference = _("Reference: {reference}").format(reference=run.reference)
    return f"{about}\n\n{sentences}\n\n{reference}"


def _others(run: SyncRun, now: datetime) -> list[dict[str, Any]]:
    others = SyncRun.objects.filter(connection=run.connection).exclude(pk=run.pk)
    latest = others.select_related("meeting", "connection__host").order_by("-id")[:MAX_RELATED]
    return [{"run": it, "badge": badge_of_run(it, now)} for it in latest]


def _attempt_row(attempt: SyncAttempt) -> dict[str, Any]:
    ended = attempt.finished_at
    summary, _line, rest = attempt.internal_message.strip().partition("\n")
    return {
        "attempt": attempt,
        "seconds": (ended - attempt.started_at).total_seconds() if ended else None,
        "title": error_texts(attempt.error_code, attempt.run.crm)["title"],
        "summary": rest.rstrip().rpartition("\n")[2]
        if summary.startswith("Traceback")
        else summary,
        "folded": attempt.internal_message if rest else "",
    }
