import gzip
import json
import socket
import time
from contextlib import suppress
from email.utils import formatdate

import pytest

from crmsync.errors import CrmError
from crmsync.providers import http
from crmsync.providers.base import Session

TOKEN = "pat-na1-0123456789"


def call(url, method, path, **options):
    with Session({}) as session:
        return http.CrmClient(url, session, TOKEN).call(method, path, **options)


def failure(crm, answer):
    crm.answer = answer
    with pytest.raises(CrmError) as caught:
        call(crm.url, "POST", "/meetings", json={})
    assert TOKEN not in f"{caught.value} {caught.value.message}"
    return caught.value


def test_gives_back_the_json_of_an_answer(crm):
    crm.answer = lambda handler: handler.send(201, b'{"id": 7}')
    assert call(crm.url, "POST", "/meetings", json={}) == {"id": 7}


def test_gives_back_nothing_of_an_empty_answer(crm):
    crm.answer = lambda handler: handler.send(200)
    assert call(crm.url, "GET", "/meetings") is None


def test_prolongs_the_lease_before_every_call(crm):
    crm.answer = lambda handler: handler.send(200, b"{}")
    calls = []
    with Session({}, before_call=lambda: calls.append(1)) as session:
        client = http.CrmClient(crm.url, session)
        client.call("GET", "/a")
        client.call("GET", "/b")
    assert len(calls) == 2


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "unexpected_error"),
        (401, "connection_expired"),
        (403, "permission_missing"),
        (418, "unexpected_error"),
        (423, "record_locked"),
        (429, "crm_rate_limited"),
        (500, "crm_unavailable"),
        (503, "crm_unavailable"),
        (522, "crm_unavailable"),
    ],
)
def test_knows_what_a_status_means(crm, status, code):
    error = failure(crm, lambda handler: handler.send(status, b'{"message": "no"}'))
    assert (error.code, error.http_status) == (code, status)
    assert error.message == '{"message": "no"}'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("0.5", 0.5),
        ("0", 0),
        ("-3", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("1e400", None),
        ("Mon, 01 Jan 1990 00:00:00 GMT", 0),
        ("Mon, 99 Jan 1990 00:00:00 GMT", None),
        ("Mon, 01 Jan 2024 99999999999999999999:00:00 GMT", None),
    ],
)
def test_reads_how_long_to_wait(text, seconds):
    assert http.retry_after(text) == seconds


def test_reads_how_long_to_wait_from_a_date(crm):
    when = formatdate(time.time() + 90, usegmt=True)
    error = failure(crm, lambda handler: handler.send(429, Retry_After=when))
    assert 80 < error.retry_after <= 90


def test_follows_no_redirect(crm):
    error = failure(crm, lambda handler: handler.send(302, Location="/elsewhere"))
    assert (error.code, error.http_status) == ("wrong_address", 302)
    assert crm.paths == ["/meetings"]


@pytest.mark.parametrize(
    "body",
    [b"<html>Back soon.</html>", b" " * 600 + b"<html>", b'{"id": ', b"\xff\xfe", b"[" * 200_000],
)
def test_calls_an_answer_that_is_no_json_a_bug(crm, body):
    error = failure(crm, lambda handler: handler.send(200, body))
    assert (error.code, error.outcome_unknown) == ("unexpected_error", True)


def test_survives_a_gigantic_answer(crm, monkeypatch):
    monkeypatch.setattr(http, "MAX_BODY", 1000)
    assert failure(crm, lambda h: h.send(200, b" " * 2000)).code == "unexpected_error"


def test_asks_for_answers_that_are_not_packed(crm):
    crm.answer = lambda h: h.send(200, json.dumps(h.headers["Accept-Encoding"]).encode())
    assert call(crm.url, "GET", "/") == "identity"


@pytest.mark.parametrize(("status", "code"), [(200, "unexpected_error"), (429, "crm_rate_limited")])
def test_unpacks_nothing_but_knows_its_status(crm, status, code):
    packed = gzip.compress(b'{"id": 7}')
    error = failure(crm, lambda handler: handler.send(status, packed, Content_Encoding="gzip"))
    assert (error.code, error.outcome_unknown) == (code, status == 200)
    assert "Packed unasked: gzip" in error.message


def test_does_not_know_what_came_of_a_call_that_was_cut_off(crm):
    def cut_off(handler):
        handler.close_connection = True

    error = failure(crm, cut_off)
    assert (error.code, error.outcome_unknown) == ("crm_unavailable", True)


def test_does_not_know_what_came_of_a_call_that_took_too_long(crm, settings):
    settings.CRM_CALL_SECONDS = 0.2
    error = failure(crm, lambda handler: time.sleep(0.3))
    assert (error.code, error.outcome_unknown) == ("crm_timeout", True)


def test_is_not_held_by_a_server_that_sends_a_byte_now_and_then(crm, settings):
    settings.CRM_CALL_SECONDS = 0.5

    def drip(handler):
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200:
            with suppress(OSError):
                handler.wfile.write(bytes([byte]))
            time.sleep(0.02)

    start = time.monotonic()
    assert failure(crm, drip).code == "crm_timeout"
    assert time.monotonic() - start < 3


def test_knows_that_nothing_was_sent_to_a_closed_port(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(CrmError) as caught:
        call(url, "GET", "/")
    assert (caught.value.code, caught.value.outcome_unknown) == ("crm_unavailable", False)


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1", "https://[::1]", "https://localhost", "http://8.8.8.8", "ftp://x"]
)
def test_reaches_public_addresses_over_https_only(url):
    with pytest.raises(CrmError) as caught:
        call(url, "GET", "/")
    assert caught.value.code == "wrong_address"


@pytest.mark.parametrize("url", ["https://", "https://[", "https://a b", "https://x:port"])
def test_survives_a_malformed_address(url):
    with pytest.raises(CrmError):
        call(url, "GET", "/")


@pytest.mark.parametrize("port", [-1, 0, 65_536, 99_999])
def test_knows_a_port_that_cannot_be(port):
    with pytest.raises(CrmError) as caught:
        call(f"https://crm.example:{port}", "GET", "/")
    assert caught.value.code == "wrong_address"


@pytest.mark.parametrize("url", ["https://a..b.example", "https://xn--a.com"])
def test_survives_an_impossible_name(url):
    with pytest.raises(CrmError):
        call(url, "GET", "/")


@pytest.mark.parametrize("token", ["secret\n", " secret", "sécret", "sec\0ret", ""])
def test_quotes_no_token_that_is_none(crm, token):
    with Session({}) as session, pytest.raises(CrmError) as caught:
        http.CrmClient(crm.url, session, token)
    assert caught.value.code == "connection_expired"
    assert "cret" not in str(caught.value)


def test_calls_once_more_with_a_new_token_a_new_lease_and_all_its_time(crm, settings):
    settings.CRM_CALL_SECONDS = 0.5
    calls = []

    def answer(handler):
        accepted = handler.headers["Authorization"] == "Bearer second"
        handler.send(200 if accepted else 401, b"{}")

    def refresh(token):
        time.sleep(0.6)
        return {TOKEN: "second"}[token]

    crm.answer = answer
    with Session({}, refresh=refresh, before_call=lambda: calls.append(1)) as session:
        assert http.CrmClient(crm.url, session, TOKEN).call("GET", "/") == {}
    assert len(calls) == 2


def test_sends_its_token_and_not_the_password_of_an_address(crm):
    crm.answer = lambda h: h.send(200, json.dumps(h.headers["Authorization"]).encode())
    url = crm.url.replace("http://", "http://ann:s3cret@")
    assert call(url, "GET", "/") == "Bearer ..."


def test_hears_its_token_from_no_answer(crm):
    crm.answer = lambda handler: handler.send(200, json.dumps({"said": TOKEN}).encode())
    assert call(crm.url, "GET", "/") == {"said": "..."}
    crm.answer = lambda handler: handler.send(400, TOKEN.encode())
    assert failure(crm, crm.answer).message == "..."


@pytest.mark.parametrize("path", ["https://elsewhere.example/", "/a\nb"])
def test_calls_nothing_but_the_crm(crm, path):
    with pytest.raises(CrmError) as caught:
        call(crm.url, "GET", path)
    assert caught.value.code == "unexpected_error"


def test_sends_json(crm):
    def echo(handler):
        length = int(handler.headers["Content-Length"])
        handler.send(200, handler.rfile.read(length))

    crm.answer = echo
    sent = {"title": "Kick-off – 🎉"}
    assert call(crm.url, "POST", "/", json=sent) == json.loads(json.dumps(sent))
