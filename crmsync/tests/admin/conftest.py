import pytest

from crmsync.models import SyncRun
from crmsync.operations import syncs


@pytest.fixture
def failed_run(make_meeting, connection, settle):
    run, _ = syncs.request_sync(make_meeting("rejected@sandbox.invalid"), by=None)
    settle()
    return SyncRun.objects.get(pk=run.pk)
