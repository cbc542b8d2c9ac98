import json
import logging
from logging.config import dictConfig

import pytest
import structlog
from django.http import HttpResponse
from django.utils.log import log_response

from syncsite.logs import logging_config
from syncsite.sentry import without_query


@pytest.fixture
def log(capsys):
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def configure(as_json):
        dictConfig(logging_config("INFO", as_json))
        return logging.getLogger("crmsync"), lambda: capsys.readouterr().err

    yield configure
    root.handlers, root.level = before


def fail(password):
    raise RuntimeError("it failed")


@pytest.mark.parametrize("as_json", [False, True])
def test_show_no_local_variables_of_an_error(log, as_json):
    logger, written = log(as_json)
    try:
        fail("s3" + "cret")  # In two parts, because a traceback quotes the line.
    except RuntimeError:
        logger.exception("A line")
    text = written()
    assert "it failed" in text
    assert "s3cret" not in text


def test_are_one_json_object_a_line_for_machines(log):
    logger, written = log(as_json=True)
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        logger.info("Sync of meeting %s", 7)
    line = json.loads(written())
    assert (line["event"], line["level"], line["logger"]) == (
        "Sync of meeting 7",
        "info",
        "crmsync",
    )
    assert line["request_id"] == "abc"
    assert line["timestamp"].endswith("Z")


def test_carry_keys_beside_the_event(log):
    _, written = log(as_json=True)
    structlog.get_logger("crmsync").info("step succeeded", run=7, seconds=0.5)
    line = json.loads(written())
    assert (line["event"], line["run"], line["seconds"]) == ("step succeeded", 7, 0.5)


def test_carry_the_request_id_of_the_caller(client):
    assert client.get("/livez", headers={"X-Request-ID": "abc-1"})["X-Request-ID"] == "abc-1"


@pytest.mark.parametrize("forged", ["", "a b", "a\tb", "x" * 65, "ä"])
def test_carry_a_new_request_id_instead_of_a_strange_one(client, forged):
    given = client.get("/livez", headers={"X-Request-ID": forged})["X-Request-ID"]
    assert given != forged
    assert len(given) == 32


def test_show_no_query_of_a_request(log, rf):
    _, written = log(as_json=True)
    request = rf.get("/connection/callback?code=s3cret")
    log_response(
        "Bad Request: %s", request.path, response=HttpResponse(status=400), request=request
    )
    line = json.loads(written())
    assert (line["event"], line["status_code"]) == ("Bad Request: /connection/callback", 400)
    assert "s3cret" not in json.dumps(line)


def test_send_no_query_to_sentry():
    request = {"url": "https://api.example.com/connection/callback?code=s3cret"}
    sent = without_query({"request": {**request, "query_string": "code=s3cret"}}, {})
    assert sent["request"] == {"url": "https://api.example.com/connection/callback"}
