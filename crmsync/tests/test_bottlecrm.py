import httpx
import pytest

from crmsync.providers.bottlecrm import explain
from crmsync.providers.http import Answer
from crmsync.tests.stand_ins.bottlecrm import SCOPES, BottleCrmStandIn

FUTURE = "This is more than five minutes in the future."
ERRORS = [
    (403, {"detail": "Organization context is required"}, "connection_expired", "", ""),
    (403, {"detail": "It needs the contacts:write scope."}, "permission_missing", "",
     "It needs the contacts:write scope."),
    (401, {"detail": "Invalid token"}, "connection_expired", "", ""),
    (400, {"errors": {"occurred_at": [FUTURE]}}, "record_rejected", "start", FUTURE),
    (400, {"errors": {"email": ["Enter a valid email address."]}}, "record_rejected",
     "e-mail address", "Enter a valid email address."),
    (400, {"errors": {"last_name": ["This field is required."]}}, "field_missing",
     "attendee’s name", "This field is required."),
    (400, {"errors": {"kind": ["No."]}}, "unexpected_error", "", ""),
    (400, {"errors": "no"}, "unexpected_error", "", ""),
    (400, [], "unexpected_error", "", ""),
    (404, {"detail": "Not found."}, "unexpected_error", "", ""),
    (429, {"detail": "Request was throttled."}, "crm_rate_limited", "", ""),
    (500, None, "crm_unavailable", "", ""),
]  # fmt: skip


@pytest.mark.parametrize(("status", "data", "code", "field", "detail"), ERRORS)
def test_knows_what_an_error_means(status, data, code, field, detail):
    error = explain(Answer(status, data, "", httpx.Headers()))
    assert (error.code, error.field, error.detail) == (code, field, detail)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("scope", SCOPES)
def test_says_which_scope_is_missing(own_api, settings, scope):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with BottleCrmStandIn() as crm:
        crm.scopes.remove(scope)
        credentials = {"url": crm.url, "token": crm.token}
        refused = own_api.put("/connection", {"provider": "bottlecrm", "credentials": credentials})
        assert not crm.contacts
        assert not crm.interactions
    assert refused.status_code == 400
    assert scope in refused.json()["credentials"][1]
