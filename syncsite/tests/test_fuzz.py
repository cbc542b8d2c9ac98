"""Whatever is sent to the API, it answers what its schema says, and never with a 5xx."""

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings

from accounts.cache import request_counts
from accounts.tokens import AccessToken
from conftest import PASSWORD
from crmsync.operations import connections, syncs
from meetings.models import Meeting
from syncsite.wsgi import application

schemathesis = pytest.importorskip("schemathesis", reason="one of the quality tools")
checks = schemathesis.checks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


@pytest.fixture
def send(user, make_meeting):
    """Sends what was made up, as a person with a connection and a meeting that is being synced."""

    def call(case):
        # The limits would answer most of it.
        cache.clear()
        request_counts.forget()
        user.set_password(PASSWORD)
        user.save()
        connections.connect(user, "sandbox", {})
        meeting = Meeting.objects.first() or make_meeting("ann@acme.example")
        syncs.request_sync(meeting, by=None)
        if "id" in (case.path_parameters or {}):
            case.path_parameters["id"] = meeting.pk
        token = str(AccessToken.for_user(user))
        case.call_and_validate(headers={"Authorization": token}, checks=CHECKS)

    return call


def test_every_endpoint_answers_as_documented(send):
    schema = schemathesis.openapi.from_wsgi("/schema", application)
    # A stream is the front's; test_streams.py covers it.
    for found in schema.exclude(path="/syncs/stream").get_all_operations():
        case = found.ok().as_strategy()
        limits = settings(
            max_examples=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        limits(given(case)(send))()
