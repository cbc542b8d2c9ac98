"""Customers of one CRM host."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from crmsync.fields import Sealed
from crmsync.models import Connection, CrmHost
from crmsync.operations import syncs


@pytest.fixture
def host(db):
    return CrmHost.objects.create(name="api.hubapi.com", provider="hubspot")


@pytest.fixture
def make_run(host, make_meeting):
    """A run of a customer of their own, whose connection leads to the host."""

    def make(email, on=host):
        owner, _ = User.objects.get_or_create(email=email)
        made = {"provider": "hubspot", "account_id": email, "credentials": Sealed.seal({})}
        old = timezone.now() - timedelta(days=1)
        Connection.objects.get_or_create(
            user=owner, defaults={**made, "host": on, "connected_at": old}
        )
        return syncs.request_sync(make_meeting(owner=owner), by=None)[0]

    return make


@pytest.fixture
def runs(make_run):
    """Of three customers, two each."""
    return [make_run(f"{name}@example.com") for name in ("ann", "bob", "cid") for _ in range(2)]
