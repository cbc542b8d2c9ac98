"""What the front holds for its clients, in this process."""

import asyncio
import json

import pytest

from syncsite.asgi import application
from syncsite.front import answers, bodies, memory
from syncsite.front.threads import Answer

SCOPE = {
    "type": "http",
    "method": "POST",
    "path": "/authenticate",
    "query_string": b"",
    "http_version": "1.1",
    "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
}


def answer_to(*messages):
    """Status and body of the answer to a request that arrives in these parts, then no more."""
    left, sent = list(messages), []

    async def receive():
        if left:
            return left.pop(0)
        return await asyncio.Future()

    async def send(message):
        sent.append(message)

    asyncio.run(application(SCOPE, receive, send))
    return sent and (sent[0]["status"], json.loads(sent[1]["body"]))


def part(body, more=True):
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.fixture(autouse=True)
def gives_everything_back():
    yield
    assert memory.memory.held == 0


@pytest.mark.django_db(transaction=True)
def test_is_a_body_until_it_is_answered():
    status, answer = answer_to(part(b"{"), part(b"}", more=False))
    assert (status, answer["email"]) == (400, ["This field is required."])


def test_ends_with_a_body_that_does_not_come(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    assert answer_to(part(b"{")) == (
        408,
        {"detail": "The request body did not arrive in time.", "code": "body_timeout"},
    )


def test_ends_with_a_body_that_is_too_large():
    status, answer = answer_to(*[part(b"x" * 65536)] * 20)
    assert (status, answer["code"]) == (413, "body_too_large")


def test_ends_with_a_client_that_has_gone():
    assert answer_to(part(b"{"), {"type": "http.disconnect"}) == []


def test_is_limited(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 10)
    status, answer = answer_to(part(b"x" * 11))
    assert (status, answer["code"]) == (503, "unavailable")


def send_to_one_who_reads(parts, body):
    """How many parts were sent, to a client that reads as many and then no more."""
    sent = []

    async def send(message):
        if len(sent) > parts:
            await asyncio.Future()
        sent.append(message)

    asyncio.run(answers.send_answer(Answer(200, [], body), {}, send))
    return len(sent) - 1


def test_ends_with_a_client_that_does_not_read(monkeypatch):
    monkeypatch.setattr(answers, "SEND_SECONDS", 0.05)
    assert send_to_one_who_reads(3, b"x" * 10 * answers.PART) == 3


def test_is_not_needed_for_a_small_answer(monkeypatch):
    monkeypatch.setattr(memory, "LIMIT", 0)
    assert send_to_one_who_reads(9, b"x" * answers.PART) == 1


def test_ends_with_a_large_answer():
    assert send_to_one_who_reads(99, b"x" * 3 * answers.PART) == 3
