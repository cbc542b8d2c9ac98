"""What can happen to syncs, one rule for each."""

from datetime import UTC, datetime, timedelta

import django_rq
import time_machine
from django.core.cache import cache as redis_cache
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)

from accounts.models import User
from crmsync.connections import store
from crmsync.engine import breaker, claims, hints, outcomes, scheduling
from crmsync.errors import CATALOGUE, CrmError
from crmsync.models import Connection, CrmHost, SyncRun
from crmsync.operations import connections, syncs
from crmsync.providers.base import Ref
from meetings.models import Attendee, Meeting, SyncStep
from meetings.serializers import MeetingSerializer

MEETINGS = 3
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
numbers = st.integers(0, MEETINGS - 1)


class Actions(RuleBasedStateMachine):
    """`crm` holds what the completed steps wrote: people, title and notes by meeting."""

    @initialize()
    def begin(self):
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        self.user = User.objects.create(email="ann@example.com")
        self.host = CrmHost.objects.create(name="crm.example", provider="sandbox")
        self.claims = []
        self.runs, self.versions, self.crm = {}, {}, {}
        self.connect("valid")
        self.meetings = [self.make_meeting(number) for number in range(MEETINGS)]

    def make_meeting(self, number):
        ends_at = START + timedelta(hours=1)
        meeting = Meeting.objects.create(
            user=self.user, title="Lunch", starts_at=START, ends_at=ends_at
        )
        if number:  # The first has no attendees, the others share one.
            Attendee.objects.create(meeting=meeting, email="bob@acme.example")
        return meeting

    def teardown(self):
        if not hasattr(self, "clock"):
            return
        try:
            self.let_everything_end()
        finally:
            self.clock.stop()
            User.objects.all().delete()
            CrmHost.objects.all().delete()
            redis_cache.clear()

    @rule(number=numbers)
    def ask(self, number):
        self.meetings[number] = self.existing(number)
        try:
            syncs.request_sync(self.meetings[number], by=self.user)
        except syncs.NotConnectedError:
            assert store.for_user(User.objects.get()) is None

    @rule(number=numbers, step=st.sampled_from(SyncStep))
    def claim(self, number, step):
        for run in SyncRun.objects.active().filter(meeting=self.meetings[number].pk):
            claim = claims.claim(run.pk, step)
            if claim:
                self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def complete(self, data):
        self.write(data.draw(st.sampled_from(self.claims)))  # Also one overtaken long ago.

    def write(self, claim):
        people = {person.email: person.name for person in claim.run.meeting.attendees.all()}
        refs = [Ref("contact", email, "1", "created") for email in people]
        # An overtaken attempt notices it before it calls the CRM.
        if claims.still_leased(claim).exists():
            self.write_step(self.crm.setdefault(claim.run.meeting_id, {}), claim.run, people)
        outcomes.complete_step(claim, refs)

    def write_step(self, held, run, people):
        if run.step == SyncStep.CONTACTS:
            held["names"] = people
        elif run.step == SyncStep.MEETING:
            held |= {"title": run.meeting.title, "people": set(people)}
        else:
            held["notes"] = run.meeting.notes

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), code=st.sampled_from(sorted(CATALOGUE)))
    def fail(self, data, code):
        claim = data.draw(st.sampled_from(self.claims))
        outcomes.fail_step(claim, CrmError(code))

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data):
        claim = data.draw(st.sampled_from(self.claims))
        try:
            claims.renew_lease(claim)
        except claims.StaleAttemptError:
            outcomes.abandon(claim)

    @rule(number=numbers)
    def cancel(self, number):
        syncs.cancel(self.meetings[number].pk)

    @rule(number=numbers, word=st.sampled_from(["Lunch", "Dinner"]))
    def retitle(self, number, word):
        self.edit(number, title=word)

    @rule(number=numbers, word=st.sampled_from(["", "Forty seats."]))
    def note(self, number, word):
        self.edit(number, notes=word)

    @rule(number=numbers, name=st.sampled_from(["", "Bob", "Rob"]))
    def invite(self, number, name):
        self.edit(number, attendees=[{"email": "bob@acme.example", "name": name}] if name else [])

    def edit(self, number, **change):
        edit = MeetingSerializer(self.existing(number), data=change, partial=True)
        edit.is_valid(raise_exception=True)
        edit.save()

    @rule(number=numbers)
    def delete(self, number):
        syncs.delete_meeting(self.existing(number))

    @rule(token=st.sampled_from(["valid", "other account"]))
    def connect(self, token):
        account = "Other" if token == "other account" else "Sandbox"
        if not Connection.objects.filter(account_id=account).exists():
            self.crm.clear()
        connections.connect(User.objects.get(), "sandbox", {"account": account})
        Connection.objects.update(host=self.host)  # The sandbox itself has none.

    @rule()
    def disconnect(self):
        connections.disconnect(Connection.objects.get())

    @rule(seconds=st.sampled_from([1, 20, 100, 4000]))
    def let_time_pass(self, seconds):
        self.traveller.shift(seconds)

    @rule()
    def sweep(self):
        outcomes.reap_expired(timezone.now())
        scheduling.select_due_hints(timezone.now(), 100)
        breaker.select_probes(timezone.now())
        breaker.announce_pending()

    @rule()
    def empty_redis(self):
        redis_cache.clear()
        django_rq.get_queue(hints.NAME).empty()

    def existing(self, number):
        meeting = Meeting.objects.filter(pk=self.meetings[number].pk).first()
        if meeting is None:
            meeting = self.meetings[number] = self.make_meeting(number)
        return meeting
