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
 8. an active run can go on: it is due some time, and held only where its connection is;
 9. whoever reads "synced" finds the CRM with this title, these notes and these people.
In the end, with every connection repaired and time enough, every run comes to an end.
"""

import json

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    invariant,
    rule,
    run_state_machine_as_test,
)

from crmsync.engine import breaker, claims, outcomes, scheduling
from crmsync.models import Connection, SyncAttempt, SyncRun
from crmsync.status import delivery
from crmsync.status.reader import Reader
from crmsync.status.state import state_of
from crmsync.tests.actions import Actions, numbers
from meetings import cache
from meetings.models import Meeting

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EXAMPLES = 10  # Enough for every change; raise it, without `derandomize`, after a big one.
ENDED = ("succeeded", "failed", "canceled")


class Machine(Actions):
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

    @invariant()
    def what_is_called_synced_is_so_in_the_crm(self):
        for meeting in Meeting.objects.prefetch_related("attendees"):
            run = SyncRun.objects.latest_of(meeting).select_related("connection").first()
            if state_of(meeting, run, None, timezone.now()) != "synced":
                continue
            people = {person.email: person.name for person in meeting.attendees.all()}
            assert self.crm[meeting.pk] == {
                "names": people,
                "people": set(people),
                "title": meeting.title,
                "notes": meeting.notes,
            }

    @rule(number=numbers)
    def read(self, number):
        pk = self.existing(number).pk
        told = delivery.read(pk, Reader(self.user.pk))
        so, _ = delivery._read_rows(pk, Reader(self.user.pk), timezone.now())
        data = json.loads(told.body)
        assert (told.etag, data | {"poll_after": 0}) == (
            so["etag"],
            json.loads(so["body"]) | {"poll_after": 0},
        )
        held = Connection.objects.get().state == "needs_reauth"
        assert (data["state"] == "paused") <= held

    def let_everything_end(self):
        self.connect("valid")
        for _ in range(60):
            self.traveller.shift(4000)
            outcomes.reap_expired(timezone.now())
            probes = breaker.select_probes(timezone.now())
            for pk, step in [*scheduling.select_due_hints(timezone.now(), 100), *probes]:
                claim = claims.claim(pk, step)
                if claim:
                    self.write(claim)
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
