"""One run, from the first meeting to the verdict."""

import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from benchmarks.lab.crm import LabServer
from benchmarks.lab.faults import Faults
from benchmarks.lab.people import Api, Observations, Onlooker, Poller, Salesperson
from benchmarks.lab.postgres import Postgres
from benchmarks.lab.stack import LEASE_SECONDS, Stack
from benchmarks.lab.verdict import Verdict, judge, wait_until_settled
from crmsync.fields import Sealed
from crmsync.models import Connection
from meetings.models import Attendee, Meeting

SALESPEOPLE = 6
POLLERS = 2
SETTLING_SECONDS = LEASE_SECONDS + 30
ADDRESSES = 40  # Of one user, shared by their meetings.

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
        restarts = stack.restarts
        with LabServer(self.seed) as crm:
            owned = self._make_meetings(crm.url)
            salespeople = self._salespeople(stack, owned, seen)
            onlookers = self._onlookers(stack, seen)
            _start([*salespeople, *onlookers])
            faults.cause(self.plan, partial(self._progress, salespeople, seen))
            for salesperson in salespeople:
                salesperson.join()
            settled = wait_until_settled(SETTLING_SECONDS)
            for onlooker in onlookers:
                onlooker.ending.set()
                onlooker.join()
            verdict = judge(
                seed=self.seed,
                syncs=self.syncs,
                crm=crm,
                seen=seen,
                outages=faults.database_outages,
                restarts=stack.restarts - restarts,
                settled=settled,
            )
        return verdict, seen

    def _progress(self, salespeople: Sequence[Salesperson], seen: Observations) -> float:
        at_work = any(salesperson.is_alive() for salesperson in salespeople)
        return len(seen.asked) / self.syncs if at_work else 1

    def _make_meetings(self, crm_url: str) -> Owned:
        rng = random.Random(self.seed)
        owners = [_make_user(number, crm_url) for number in range(self.users)]
        tokens = {owner.pk: str(AccessToken.for_user(owner)) for owner in owners}
        meetings = Meeting.objects.bulk_create(
            # One owner has half of them all.
            _meeting(owners[0] if number % 2 else rng.choice(owners[1:]), number)
            for number in range(self.syncs)
        )
        Attendee.objects.bulk_create(
            Attendee(meeting=meeting, email=f"person-{number}@acme.example", name="Ann Lee")
            for meeting in meetings
            for number in rng.sample(range(ADDRESSES), rng.randint(1, 3))
        )
        return [(meeting.pk, tokens[meeting.user_id]) for meeting in meetings]

    def _salespeople(self, stack: Stack, owned: Owned, seen: Observations) -> list[Salesperson]:
        return [
            Salesperson(Api(stack.urls, seen), owned[n::SALESPEOPLE], self.seed + n)
            for n in range(SALESPEOPLE)
        ]

    def _onlookers(self, stack: Stack, seen: Observations) -> list[Poller | Onlooker]:
        pollers = [Poller(Api(stack.urls, seen), self.seed + n) for n in range(POLLERS)]
        return [*pollers, Onlooker(seen)]


def _start(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.daemon = True
        thread.start()


def _make_user(number: int, crm_url: str) -> User:
    user = User.objects.create(email=f"user-{number}@example.com")
    Connection.objects.create(
        user=user,
        provider="lab",
        account_id=user.email,
        account_name=user.email,
        credentials=Sealed.seal({"url": crm_url, "token": user.email}),
    )
    return user


def _meeting(owner: User, number: int) -> Meeting:
    starts_at = timezone.now()
    ends_at = starts_at + timedelta(hours=1)
    return Meeting(
        user=owner, title=f"Meeting {number}", notes="Said.", starts_at=starts_at, ends_at=ends_at
    )
