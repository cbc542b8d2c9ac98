import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from crmsync.engine import claims
from crmsync.models import SyncRun
from crmsync.operations import syncs
from crmsync.providers.base import MeetingContent
from crmsync.tests.stand_ins.hubspot import HubSpotStandIn
from meetings.models import Meeting, SyncStep


@pytest.fixture
def run(meeting: Meeting, connection: object) -> SyncRun:
    """A run of `meeting` that was just asked for."""
    return syncs.request_sync(meeting, by=None)[0]


@pytest.fixture
def claim(run: SyncRun) -> claims.Claim | None:
    """A worker's right to perform the first step of `run`."""
    return claims.claim(run.pk, SyncStep.CONTACTS)


@pytest.fixture
def content() -> MeetingContent:
    """A meeting as the providers get it."""
    start, end = (datetime(2026, 5, 4, hour, tzinfo=UTC) for hour in (12, 13))
    return MeetingContent(uuid.uuid4(), "Kick-off", start, end, "Room 7", "Forty seats.")


@pytest.fixture
def hubspot(settings: Any) -> Iterator[HubSpotStandIn]:
    """Where people can sign in."""
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    settings.HUBSPOT_CLIENT_ID = "client"
    settings.HUBSPOT_CLIENT_SECRET = "client-s3cret"
    with HubSpotStandIn() as crm:
        settings.HUBSPOT_API_URL = crm.url
        yield crm
