"""The states of many meetings, in a fixed number of queries."""

from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone

from crmsync.connections import store
from crmsync.models import SyncRun
from crmsync.status.state import state_of
from meetings.models import Meeting


def prefetch_latest_run(meetings: QuerySet[Meeting]) -> QuerySet[Any]:
    """Fetches what state_of_meeting() needs: the latest run and the owner's connection."""
    latest = SyncRun.objects.select_related("connection__host").order_by("-id")[:1]
    prefetch = Prefetch("sync_runs", latest, to_attr="latest_runs")
    return meetings.select_related("user__connection").prefetch_related(prefetch)


def state_of_meeting(meeting: Meeting) -> str:
    runs = getattr(meeting, "latest_runs", [])  # A new meeting has none.
    run = runs[0] if runs else None
    return state_of(meeting, run, store.for_user(meeting.user), timezone.now())
