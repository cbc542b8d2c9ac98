"""The rows of each table, for COPY."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, cycle

from benchmarks.growth import columns
from benchmarks.growth.columns import NULL
from benchmarks.growth.fate import (
    RUNS_PER_MEETING,
    code_of,
    is_held,
    last_success,
    provider_of,
    status_of,
    was_synced,
)
from benchmarks.growth.size import Size

ACTIVE = 200
HISTORY = timedelta(days=90)
TOPICS = ["Weekly call", "Kick-off", "Demo", "Renewal", "Lunch"]
RARE = "Zanzibar"
REFERENCES = 9_999_991  # A prime, so that multiples of another number repeat none for long.


@dataclass(frozen=True)
class Table:
    """`rows` have what the columns leave open."""

    name: str
    columns: Mapping[str, str]
    rows: Iterator[tuple[object, ...]]

    def lines(self) -> Iterator[str]:
        template = "\t".join(self.columns.values()) + "\n"
        return (template % row for row in self.rows)


class Rows:
    """Of one size. The syncs of a meeting are a month apart, so they lie far from each other."""

    def __init__(self, size: Size, now: datetime) -> None:
        self.size = size
        self.now = now
        self.active = dict(self._active_meetings())

    def tables(self) -> list[Table]:
        return [
            Table("accounts_user", columns.USERS, self._users()),
            Table("crmsync_connection", columns.CONNECTIONS, self._connections()),
            Table("meetings_meeting", columns.MEETINGS, self._meetings()),
            Table("meetings_attendee", columns.ATTENDEES, ((n, n, n, n) for n in self._numbers())),
            Table("crmsync_syncrun", columns.RUNS, self._runs()),
            Table("crmsync_syncattempt", columns.ATTEMPTS, self._attempts()),
        ]

    def _numbers(self) -> range:
        return range(1, self.size.meetings + 1)

    def _users(self) -> Iterator[tuple[object, ...]]:
        return ((n, n, self.now) for n in range(1, self.size.users + 1))

    def _connections(self) -> Iterator[tuple[object, ...]]:
        for n in range(1, self.size.users + 1):
            held = ("needs_reauth", "connection_expired") if is_held(n) else ("connected", "")
            yield n, n, provider_of(n), n, *held, self.now - HISTORY

    def _meetings(self) -> Iterator[tuple[object, ...]]:
        for n in self._numbers():
            topic = RARE if n <= 40 else TOPICS[n % len(TOPICS)]
            step = 1 if self.active.get(n) == "running" else NULL
            yield n, self.size.owner_of(n), n, topic, n, step, last_success(n)

    def _runs(self) -> Iterator[tuple[object, ...]]:
        pks = count(1)
        for at, meeting, status in self._ended():
            code = code_of(meeting) if status == "failed" else ""
            times = {"began": at, "ended": at + timedelta(seconds=3), "due_at": at}
            yield self._run(next(pks), meeting, status, code=code, **times)
        for meeting, status in self.active.items():
            pk = next(pks)
            wait = timedelta(hours=1 if status == "running" or pk % 3 else -1)
            code = "crm_timeout" if status == "retrying" else ""
            due_at = self.now + wait
            yield self._run(
                pk, meeting, status, code=code, began=self.now, ended=None, due_at=due_at
            )

    def _run(
        self,
        pk: int,
        meeting: int,
        status: str,
        *,
        code: str,
        began: datetime,
        ended: datetime | None,
        due_at: datetime,
    ) -> tuple[object, ...]:
        user = self.size.owner_of(meeting)
        reference = pk * 7_654_321 % REFERENCES
        step = 3 if status == "succeeded" else 1
        about = (pk, meeting, user, provider_of(user), status, step, due_at, code)
        at = str(began)
        return (*about, reference, at, at, at, ended or NULL, "t" if ended else "f")

    def _ended(self) -> Iterator[tuple[datetime, int, str]]:
        """When each began, of which meeting, and what it came to; the oldest first."""
        apart = HISTORY / (RUNS_PER_MEETING * self.size.meetings)
        at = self.now - HISTORY
        for turn in range(RUNS_PER_MEETING):
            for meeting in self._numbers():
                at += apart
                if was_synced(meeting):
                    yield at, meeting, status_of(meeting, turn)

    def _attempts(self) -> Iterator[tuple[object, ...]]:
        pks = count(1)
        for run, (at, meeting, status) in enumerate(self._ended(), 1):
            if status == "failed":
                ended = at + timedelta(seconds=3)
                yield next(pks), run, 1, at, ended, "failed", code_of(meeting)
        first = 1 + sum(1 for _ in self._ended())
        for run, status in enumerate(self.active.values(), first):
            if status == "running":
                yield next(pks), run, 1, self.now, NULL, "", ""

    def _active_meetings(self) -> Iterator[tuple[int, str]]:
        """Every tenth is of somebody whose connection needs them."""
        statuses = cycle(["queued", "retrying", "running"])
        apart = max(1, self.size.meetings // ACTIVE)
        for n, status in zip(range(ACTIVE), statuses, strict=False):
            first = 1 + n * apart
            if n % 10:
                yield first, status
            else:
                others = range(first, first + self.size.meetings)
                numbers = (1 + other % self.size.meetings for other in others)
                yield next(m for m in numbers if is_held(self.size.owner_of(m))), "queued"
