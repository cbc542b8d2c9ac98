"""A state as the pages of the support desk show it."""

from datetime import datetime

from django.utils.html import format_html

from crmsync.models import Connection, SyncRun
from crmsync.status.state import state_of


def badge(state: str, words: str = "") -> str:
    return format_html('<span class="badge {}">{}</span>', state, words or state.replace("_", " "))


def badge_of_run(run: SyncRun, now: datetime) -> str:
    return badge(state_of(run.meeting, run, run.connection, now))


def badge_of_connection(connection: Connection) -> str:
    return badge(connection.state, connection.get_state_display())
