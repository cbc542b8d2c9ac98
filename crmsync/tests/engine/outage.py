"""What the tests of an outage do and look at."""

from datetime import timedelta

import time_machine
from django.utils import timezone

from crmsync.engine import claims, outcomes
from crmsync.errors import CrmError
from crmsync.models import SyncRun
from crmsync.status.document import describe

DOWN = CrmError("crm_unavailable", http_status=503)


def attempt(run, error=None):
    claim = claims.claim(run.pk, run.step)
    if claim is None:
        return False
    if error:
        outcomes.fail_step(claim, error)
    else:
        outcomes.complete_step(claim, [])
    return True


def is_out(host):
    host.refresh_from_db()
    return host.open_since is not None


def fail_all(runs):
    for run in runs[:5]:
        assert attempt(run, DOWN)


def later(seconds):
    return time_machine.travel(timezone.now() + timedelta(seconds=seconds))


def described(run):
    run = SyncRun.objects.select_related("meeting", "connection__host").get(pk=run.pk)
    return describe(run.meeting, run, run.connection, timezone.now())
