"""Incidents of a whole CRM."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.incidents import incidents
from crmsync.models import Alert, Connection, Incident, SyncRun
from crmsync.providers import PROVIDERS
from crmsync.providers.sandbox import CONNECTION, Sandbox
from crmsync.tests.incidents.desk import OPENED, RESOLVED, alerts, review, sync

pytestmark = pytest.mark.django_db

HUBSPOT = {**CONNECTION, "provider": "hubspot"}


def connected(number, hours=2, **values):
    """A customer of HubSpot for so many hours."""
    user = User.objects.create_user(f"owner-{number}@example.com")
    since = timezone.now() - timedelta(hours=hours)
    values = {**HUBSPOT, **values, "connected_at": since, "credentials": Sealed.seal({})}
    return Connection.objects.create(user=user, **values)


@pytest.fixture
def _hubspot(monkeypatch):
    """Answers as the sandbox does."""
    monkeypatch.setitem(PROVIDERS, "hubspot", Sandbox)


@pytest.mark.usefixtures("_hubspot")
def test_are_the_providers_when_many_connections_fail_alike(make_meeting, settle):
    for number in range(incidents.PROVIDER_THRESHOLD):
        owner = connected(number).user
        sync(make_meeting("unavailable@sandbox.invalid", owner=owner), settle)
    review(11)
    whole = Incident.objects.get(connection=None)
    assert (whole.provider, whole.cause, whole.syncs) == ("hubspot", "crm_unavailable", 5)
    assert whole.parts.count() == incidents.PROVIDER_THRESHOLD
    assert Alert.objects.get().incident == whole


@pytest.mark.parametrize("values", [{"hours": 0.9}, {"provider": "sandbox"}])
@pytest.mark.usefixtures("_hubspot")
def test_are_no_providers_when_strangers_make_syncs_fail(make_meeting, settle, values):
    for number in range(incidents.PROVIDER_THRESHOLD):
        owner = connected(number, **values).user
        sync(make_meeting("unavailable@sandbox.invalid", owner=owner), settle)
    review(11)
    assert incidents.open_incidents().count() == incidents.PROVIDER_THRESHOLD
    assert not Incident.objects.filter(connection=None).exists()


@pytest.mark.usefixtures("_hubspot")
def test_are_the_providers_as_soon_as_many_are_about_to_give_up(
    make_meeting, connection, settle, settings
):
    settings.SYNC_RETRY_DELAYS = [60]
    for number in range(incidents.PROVIDER_THRESHOLD):
        owner = connected(number).user
        sync(make_meeting("unavailable@sandbox.invalid", owner=owner), settle)
    SyncRun.objects.filter(connection__user__email="owner-0@example.com").update(
        due_at=timezone.now()
    )
    settle()
    review(11)
    assert Alert.objects.get().incident.connection is None


@pytest.mark.usefixtures("_hubspot")
def test_of_a_provider_end_as_a_whole(make_meeting, settle):
    owners = [connected(number).user for number in range(incidents.PROVIDER_THRESHOLD)]
    for owner in owners:
        sync(make_meeting("unavailable@sandbox.invalid", owner=owner), settle)
    review(11)
    sync(make_meeting(owner=owners[0]), settle)
    review(62)
    assert incidents.open_incidents().count() == 0
    assert alerts() == [OPENED, RESOLVED]
