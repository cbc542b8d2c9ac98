import string

import pytest

from crmsync.errors import CATALOGUE, CrmError
from crmsync.status.error_messages import error_texts

DESIGNED = {
    *("crm_rate_limited", "crm_daily_quota_used", "crm_unavailable", "crm_timeout"),
    *("record_locked", "connection_expired", "permission_missing", "crm_user_inactive"),
    *("record_rejected", "field_missing", "record_deleted", "worker_lost"),
    *("attempts_exhausted", "unexpected_error", "wrong_address", "refused_by_rule"),
    "connection_unconfirmed",
}


def test_are_those_of_the_catalogue():
    assert set(CATALOGUE) == DESIGNED


@pytest.mark.parametrize("code", CATALOGUE)
def test_have_texts_for_people(code):
    texts = error_texts(code, "sandbox", "title", "too long")
    for text in texts.values():
        assert text
        assert code not in text
        assert not any(part for _, part, _, _ in string.Formatter().parse(text))


@pytest.mark.parametrize("code", CATALOGUE)
def test_have_a_help_page(code, client):
    response = client.get(f"/help/{code}")
    assert response.status_code == 200
    # Django escapes quotes in the page; the longest word of the title is plain.
    assert max(error_texts(code)["title"].split(), key=len) in response.content.decode()


def test_carry_no_null_bytes_into_the_database():
    error = CrmError("record_rejected", "a\0b", detail="c\0d")
    assert (error.message, error.detail) == ("ab", "cd")


def test_quote_the_crm_about_the_field():
    texts = error_texts("record_rejected", "sandbox", "e-mail address", "x is not valid")
    assert texts["title"] == "Sandbox did not accept the e-mail address"
    assert "x is not valid" in texts["message"]


def test_survive_braces_in_what_the_crm_said():
    assert "{x}" in error_texts("record_rejected", "sandbox", "title", "{x} {0}")["message"]


def test_keep_nothing_that_a_database_refuses():
    error = CrmError(
        "record_rejected", "a\0b", detail="c\ud800", field="\0", correlation_id="\udfff"
    )
    assert (error.message, error.detail) == ("ab", "c?")
    assert (error.field, error.correlation_id) == ("", "?")
