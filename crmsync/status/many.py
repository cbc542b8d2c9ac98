"""The documents of many meetings of one person: one round trip, or a fixed number of statements."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import get_language
from redis.exceptions import RedisError

from accounts.cache import generation
from accounts.cache.key_lock import key_lock
from crmsync.models import SyncRun
from crmsync.status import cache, delivery, surroundings
from crmsync.status.cache import CachedDocument
from crmsync.status.delivery import Document
from crmsync.status.reader import Reader
from meetings.models import Meeting

Read = tuple[Meeting, CachedDocument]


def keys(meeting_ids: Sequence[int], user_id: int) -> list[str]:
    """The Redis keys whose entries read() takes."""
    return cache.keys_of_many(meeting_ids, user_id, get_language() or "")


def read(
    meeting_ids: Sequence[int],
    reader: Reader,
    names: Sequence[str] = (),
    entries: Sequence[bytes | None] = (),
) -> dict[int, Document]:
    """By meeting, without those that the reader does not have.

    `entries`: what Redis just returned for `names`.
    """
    now = timezone.now()
    usable = entries and list(names) == keys(meeting_ids, reader.user_id)
    found = cache.get_many(entries, meeting_ids, reader, now) if usable else {}
    if len(found) < len(meeting_ids):
        found = _load(meeting_ids, reader, now)
    finished = {pk: delivery.finish(found.get(pk), now) for pk in meeting_ids}
    return {pk: document for pk, document in finished.items() if document}


def _load(meeting_ids: Sequence[int], reader: Reader, now: datetime) -> dict[int, CachedDocument]:
    names = keys(meeting_ids, reader.user_id)
    try:
        with key_lock(f"documents:{reader.user_id}"):
            entries = generation.read(names)
            found = cache.get_many(entries, meeting_ids, reader, now)
            missing = [pk for pk in meeting_ids if pk not in found]
            made = _read_rows(missing, reader, now)
            places = dict(zip(meeting_ids, names[2::2], strict=True))
            cache.store_many([(meeting, places[meeting.pk], own) for meeting, own in made])
    except RedisError:
        found, made = {}, _read_rows(meeting_ids, reader, now)
    return found | {meeting.pk: own for meeting, own in made}


def _read_rows(meeting_ids: Sequence[int], reader: Reader, now: datetime) -> list[Read]:
    if not meeting_ids:
        return []
    runs = _runs_of(meeting_ids, reader.user_id)
    around = surroundings.read_many(list(runs.values()), now)
    made: list[Read] = [
        (run.meeting, delivery.make(run.meeting, run, reader, now, around[run.pk]))
        for run in runs.values()
    ]
    others = _read_meetings([pk for pk in meeting_ids if pk not in runs], reader.user_id)
    made += [(one, delivery.make(one, None, reader, now)) for one in others if not one.has_runs]
    just_requested = [one.pk for one in others if one.has_runs]  # Since the first statement.
    return made + _read_rows(just_requested, reader, now)


def _runs_of(meeting_ids: Sequence[int], user_id: int) -> dict[int, SyncRun]:
    """The latest run of each, with its meeting: read apart, they could be of different moments."""
    latest = SyncRun.objects.latest_of_each().filter(meeting__in=meeting_ids, meeting__user=user_id)
    runs = latest.select_related("meeting__user__connection", "connection__host")
    return {run.meeting_id: run for run in runs}


def _read_meetings(meeting_ids: Sequence[int], user_id: int) -> list[Any]:
    """The meetings and, in the same statement, whether each has runs."""
    if not meeting_ids:
        return []
    own = Meeting.objects.owned_by(user_id).select_related("user__connection")
    has_runs = Exists(SyncRun.objects.filter(meeting=OuterRef("pk")))
    return list(own.filter(pk__in=meeting_ids).annotate(has_runs=has_runs))
