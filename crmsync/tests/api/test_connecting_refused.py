"""What a person reads who could not connect: nothing was stored, and nothing is tried again."""

import http.server
import threading

import pytest

from crmsync.models import Connection

pytestmark = pytest.mark.django_db

ANSWERS = {
    "503": (503, {}, b"{}"),
    "302": (302, {"Location": "https://login.example/"}, b""),
    "404": (404, {}, b"{}"),
    "html": (200, {"Content-Type": "text/html"}, b"<html>Lightning</html>"),
    "other api": (200, {}, b'{"hello": "world"}'),
    "401": (401, {}, b'[{"errorCode": "INVALID_SESSION_ID", "message": "expired"}]'),
}


@pytest.fixture
def crm(settings):
    """A server that gives one and the same answer to everything."""
    settings.ALLOW_PRIVATE_CRM_HOSTS = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = ANSWERS[self.server.answer]
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def connect(api, address, **headers):
    credentials = {"instance_url": address, "access_token": "00Dsecret"}
    body = {"provider": "salesforce", "credentials": credentials}
    response = api.put("/connection", body, headers=headers)
    assert response.status_code == 400
    assert "00Dsecret" not in response.content.decode()
    assert not Connection.objects.exists()
    return response.json()


@pytest.mark.parametrize(
    ("answer", "code", "field"),
    [
        ("503", "crm_unavailable", None),
        ("302", "wrong_address", "credentials.instance_url"),
        ("404", "wrong_address", "credentials.instance_url"),
        ("html", "wrong_address", "credentials.instance_url"),
        ("other api", "wrong_address", "credentials.instance_url"),
        ("401", "connection_expired", "credentials.access_token"),
    ],
)
def test_names_what_is_wrong_and_promises_nothing(own_api, crm, answer, code, field):
    crm.answer = answer
    told = connect(own_api, crm.url)
    error = told["error"]
    assert (error["code"], error["field"], error["retryable"]) == (code, field, False)
    assert "Nothing was stored" in error["message"]
    assert told["credentials"] == [error["title"], error["message"], error["remedy"]]
    for promise in ("by ourselves", "do nothing", "reference", "our side"):
        assert promise not in told["detail"]


@pytest.mark.parametrize(
    "address",
    [
        "acme.my.salesforce.com",
        "http://acme.my.salesforce.com",
        "https://nowhere.invalid",
        "https://127.0.0.1",
        "https://",
    ],
)
def test_calls_a_wrong_address_a_wrong_address(own_api, address):
    error = connect(own_api, address)["error"]
    assert (error["code"], error["field"]) == ("wrong_address", "credentials.instance_url")
    assert "my.salesforce.com" in error["remedy"]


def test_is_told_in_the_language_of_the_reader(own_api, crm):
    crm.answer = "503"
    told = connect(own_api, crm.url, **{"Accept-Language": "de"})
    assert told["error"]["title"] == "Salesforce antwortet nicht"
    assert "Es wurde nichts gespeichert" in told["detail"]
    assert "language=de" in told["error"]["help_url"]


def test_leaves_what_was_connected_before(own_api, connection, crm):
    crm.answer = "503"
    credentials = {"instance_url": crm.url, "access_token": "00D"}
    own_api.put("/connection", {"provider": "salesforce", "credentials": credentials})
    assert own_api.get("/connection").json()["provider"] == "sandbox"


def test_of_a_stored_connection_is_told_as_well(own_api, connection):
    Connection.objects.update(state="needs_reauth", last_error="connection_expired")
    told = own_api.get("/connection").json()
    assert told["error"]["code"] == told["last_error"] == "connection_expired"
    assert told["error"]["title"] == "Sandbox does not let us in"
