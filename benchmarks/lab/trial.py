"""One run, from the first meeting to the verdict."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from accounts.tokens import AccessToken
from benchmarks import rows
from benchmarks.lab.crm import FaultyServer
from benchmarks.lab.faults import Faults
from benchmarks.lab.pages import Page, wait_until_current
from benchmarks.lab.people import Api, Observations, Onlooker, Poller, Salesperson
from benchmarks.lab.stack import LEASE_SECONDS, Stack
from benchmarks.lab.verdict import Verdict, judge, wait_until_settled
from benchmarks.postgres import Postgres

SALESPEOPLE = 6
POLLERS = 2
PAGES_OF_A_PERSON = 10  # As many as a person may have open.
SETTLING_SECONDS = LEASE_SECONDS + 60
EMAILS = [f"person-{number}@acme.example" for number in range(40)]  # Shared by all meetings.

Owned = Sequence[tuple[int, str]]  # A meeting's id and its owner's token.


@dataclass(frozen=True)
class Trial:
    """`plan` says how often each fault happens while `syncs` meetings are being synced."""

    seed: int
    users: int
    syncs: int
    plan: Mapping[str, int]

    def run(self, stack: Stack, postgres: Postgres | None = None) -> tuple[Verdict, Observations]:
        seen = Observations()
        faults = Faults(stack, postgres, self.seed)
        with FaultyServer(self.seed) as crm:
            self._sync_all(stack, self._make_meetings(crm.url, seen), faults, seen)
            seen.outages, seen.restarts = faults.database_outages, stack.restarts
            verdict = judge(self.seed, self.syncs, crm, seen)
        return verdict, seen

    def _sync_all(self, stack: Stack, owned: Owned, faults: Faults, seen: Observations) -> None:
        salespeople = [
            Salesperson(Api(stack.urls, seen), owned[n::SALESPEOPLE], self.seed + n)
            for n in range(SALESPEOPLE)
        ]
        pollers = [Poller(Api(stack.urls, seen), self.seed + n) for n in range(POLLERS)]
        readers = _people(owned) * PAGES_OF_A_PERSON
        pages = [Page(Api(stack.urls, seen), *one) for one in readers]
        seen.pages = len(pages)
        watchers = [*pollers, *pages, Onlooker(seen)]
        for person in (*salespeople, *watchers):
            person.start()
        faults.cause(self.plan, partial(self._progress, salespeople, seen))
        for salesperson in salespeople:
            salesperson.join()
        seen.settled_seconds = wait_until_settled(SETTLING_SECONDS)
        seen.late_pages = wait_until_current(pages)
        for watcher in watchers:
            watcher.ending.set()
        for watcher in watchers:
            watcher.join()
        for page in pages:
            page.api.http.close()

    def _progress(self, salespeople: Sequence[threading.Thread], seen: Observations) -> float:
        at_work = any(salesperson.is_alive() for salesperson in salespeople)
        return len(seen.asked) / self.syncs if at_work else 1

    def _make_meetings(self, crm_url: str, seen: Observations) -> Owned:
        rng = random.Random(self.seed)
        users = rows.make_users(self.users)
        rows.connect(users, "faulty", url=crm_url)
        tokens = {user.pk: str(AccessToken.for_user(user)) for user in users}
        # One owner has half of them all.
        owners = (users[0] if n % 2 else rng.choice(users[1:]) for n in range(self.syncs))
        meetings = rows.make_meetings(owners)
        seen.keys = {one.pk: (one.user.email, str(one.key)) for one in meetings}
        rows.invite(meetings, lambda: rng.sample(EMAILS, rng.randint(1, 3)))
        return [(meeting.pk, tokens[meeting.user_id]) for meeting in meetings]


def _people(owned: Owned) -> list[tuple[list[int], str]]:
    """The meetings of each person, and their token."""
    tokens = dict.fromkeys(token for _, token in owned)
    return [([pk for pk, owner in owned if owner == token], token) for token in tokens]
