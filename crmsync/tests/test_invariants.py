"""Whatever happens to its runs in whatever order, a meeting's sync stays in order.

A machine asks for syncs, claims, completes, fails, loses workers, lets late ones come back,
cancels, edits, deletes, breaks and repairs connections, empties Redis and lets time pass, in any
order that hypothesis finds. After each step it holds that

 1. a meeting has at most one active run;
 2. a run that has ended never changes again, and an active one never goes back a step;
 3. each claim gets a higher number than all before it;
 4. at most one attempt of a meeting is open, and none of a run beyond its latest claim;
 5. a connection has at most as many open attempts as places, and one that makes contacts;
 6. the three sync fields are what the latest run says, and no step is shown while none is active;
 7. a meeting's version only grows, and what is polled, documents included, matches the database;
 8. an active run can go on: it is due some time, and held only where its connection is.
In the end, with every connection repaired and time enough, every run comes to an end.
"""

import json
from datetime import UTC, datetime, timedelta

import django_rq
import pytest
import time_machine
from django.core.cache import cache as redis_cache
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from crmsync.connections import store
from crmsync.engine import claims, hints, outcomes, scheduling
from crmsync.errors import CATALOGUE, CrmError
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.operations import connections, syncs
from crmsync.providers.base import Ref
from crmsync.status import delivery
from meetings import cache
from meetings.models import Attendee, Meeting, SyncStep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MEETINGS = 3
EXAMPLES = 10  # Enough for every change; raise it, without `derandomize`, after a big one.
START = datetime(2026, 5, 4, 12, tzinfo=UTC)
ENDED = ("succeeded", "failed", "canceled")
numbers = st.integers(0, MEETINGS - 1)


class Machine(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.clock = time_machine.travel(START, tick=False)
        self.traveller = self.clock.start()
        self.user = User.objects.create(email="ann@example.com")
        connections.connect(self.user, "sandbox", {})
        self.meetings = [self.make_meeting(number) for number in range(MEETINGS)]
        self.claims = []
        self.runs, self.versions = {}, {}

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
        claim = data.draw(st.sampled_from(self.claims))  # Also one that was overtaken long ago.
        emails = [attendee.email for attendee in claim.run.meeting.attendees.all()]
        refs = [Ref("contact", email, "1", "created") for email in emails]
        outcomes.complete_step(claim, refs)

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

    @rule(number=numbers)
    def edit(self, number):
        self.existing(number).save()

    @rule(number=numbers)
    def delete(self, number):
        syncs.delete_meeting(self.existing(number))

    @rule(token=st.sampled_from(["valid", "other account"]))
    def connect(self, token):
        account = "Other" if token == "other account" else "Sandbox"
        connections.connect(User.objects.get(), "sandbox", {"account": account})

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

    @rule()
    def empty_redis(self):
        redis_cache.clear()
        django_rq.get_queue(hints.NAME).empty()

    def existing(self, number):
        meeting = Meeting.objects.filter(pk=self.meetings[number].pk).first()
        if meeting is None:
            meeting = self.meetings[number] = self.make_meeting(number)
        return meeting

    @invariant()
    def a_meeting_has_one_active_run_at_most(self):
        active = list(SyncRun.objects.active().values_list("meeting", flat=True))
        assert len(active) == len(set(active))

    @invariant()
    def runs_only_go_forward(self):
        for run in SyncRun.objects.all():
            before = self.runs.get(run.pk)
            if before:
                assert before.status not in ENDED or before.status == run.status
                assert (run.attempt, run.step) >= (before.attempt, before.step)
                assert run.step >= before.step
            self.runs[run.pk] = run

    @invariant()
    def attempts_are_open_one_by_one(self):
        opened = SyncAttempt.objects.filter(finished_at=None).select_related("run")
        meetings = [attempt.run.meeting_id for attempt in opened]
        assert len(meetings) == len(set(meetings)) <= 2
        assert all(attempt.claim <= attempt.run.attempt for attempt in opened)
        assert sum(attempt.holds_contact_lock for attempt in opened) <= 1

    @invariant()
    def the_fields_say_what_the_run_says(self):
        for meeting in Meeting.objects.all():
            fields = meeting.in_progress_sync_status, meeting.last_sync_success
            run = SyncRun.objects.latest_of(meeting).first()
            if run is None:
                assert fields == (None, None)
            elif run.status in ("succeeded", "failed"):
                assert fields == (None, run.status == "succeeded")
            elif run.status == "canceled":
                assert fields[0] is None
            elif run.status == "running":
                assert fields[0] in (run.step, run.step - 1)
            elif run.status == "retrying":
                assert fields == (run.step, False)

    @invariant()
    def what_is_polled_is_what_is_so(self):
        for meeting in Meeting.objects.all():
            assert meeting.version >= self.versions.get(meeting.pk, 0)
            self.versions[meeting.pk] = meeting.version
            assert cache.get(meeting.pk) == cache.read(meeting.pk)

    @rule(number=numbers)
    def read(self, number):
        pk = self.existing(number).pk
        told = delivery.read(pk, self.user.pk)
        so, _ = delivery._read_rows(pk, self.user.pk, timezone.now())
        data = json.loads(told.body)
        assert (told.etag, data | {"poll_after": 0}) == (
            so["etag"],
            json.loads(so["body"]) | {"poll_after": 0},
        )
        held = Connection.objects.get().state == "needs_reauth"
        assert (data["state"] == "paused") <= held

    def let_everything_end(self):
        connections.connect(User.objects.get(), "sandbox", {})
        for _ in range(60):
            self.traveller.shift(4000)
            outcomes.reap_expired(timezone.now())
            for pk, step in scheduling.select_due_hints(timezone.now(), 100):
                claim = claims.claim(pk, step)
                if claim:
                    outcomes.complete_step(claim, [])
        assert not SyncRun.objects.active().exists()
        assert not SyncAttempt.objects.filter(finished_at=None).exists()


def test_hold_in_whatever_order_things_happen():
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=checks,
        ),
    )
