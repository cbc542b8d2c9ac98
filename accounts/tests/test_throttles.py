from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from accounts.cache import request_counts
from accounts.clients import client_of
from accounts.throttles import UserThrottle
from conftest import PASSWORD, in_threads

pytestmark = pytest.mark.django_db

# Windows are aligned to the clock; a test must not run across the end of one.
MOMENT = datetime(2026, 5, 4, 12, 0, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _one_window():
    with time_machine.travel(MOMENT, tick=False):
        yield


def log_in(email="x@example.com", **headers):
    return APIClient().post("/authenticate", {"email": email, "password": "guess"}, **headers)


@pytest.mark.django_db(transaction=True)
def test_lets_ten_of_forty_parallel_guesses_at_one_address_through():
    codes = [response.status_code for response in in_threads(*[log_in] * 40)]
    assert codes.count(401) == 10
    assert codes.count(429) == 30


def test_says_when_to_try_again():
    response = [log_in() for _ in range(11)][-1]
    assert response.status_code == 429
    assert response["Retry-After"] == "40"
    assert response.json()["code"] == "throttled"


def test_counts_an_address_whatever_its_case():
    codes = [log_in(email).status_code for email in ["x@example.com", "X@Example.com"] * 6]
    assert codes.count(429) == 2


def test_starts_again_with_the_next_minute():
    assert [log_in() for _ in range(11)][-1].status_code == 429
    with time_machine.travel(datetime(2026, 5, 4, 12, 1, tzinfo=UTC)):
        assert log_in().status_code == 401


def test_limits_one_client_across_addresses_and_forged_headers():
    forged = [{"HTTP_X_FORWARDED_FOR": f"10.0.0.{n}"} for n in range(61)]
    codes = [log_in(f"{n}@example.com", **forged[n]).status_code for n in range(61)]
    assert codes == [401] * 60 + [429]


def test_limits_one_client_behind_a_proxy_whatever_it_claims(settings):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    forged = [{"HTTP_X_FORWARDED_FOR": f"10.0.0.{n}, 203.0.113.7"} for n in range(61)]
    codes = [log_in(f"{n}@example.com", **forged[n]).status_code for n in range(61)]
    assert codes == [401] * 60 + [429]
    another = {"HTTP_X_FORWARDED_FOR": "203.0.113.8"}
    assert log_in("other@example.com", **another).status_code == 401


def test_limits_sign_ups_of_one_client():
    codes = [APIClient().post("/users", {}).status_code for _ in range(31)]
    assert codes == [400] * 30 + [429]


def test_survives_a_redis_that_forgets():
    codes = []
    for _ in range(12):
        codes.append(log_in().status_code)
        cache.clear()
    assert codes == [401] * 10 + [429] * 2


def test_holds_without_redis(unreachable_redis):
    assert [log_in().status_code for _ in range(12)] == [401] * 10 + [429] * 2


def test_keeps_few_counts_in_memory(monkeypatch):
    monkeypatch.setattr(request_counts, "MAX_REMEMBERED", 3)
    for n in range(9):
        log_in(f"{n}@example.com")
    assert len(request_counts._remembered) == 3


def test_leaves_no_counter_behind():
    log_in()
    redis = get_redis_connection("default")
    assert all(0 < redis.ttl(key) <= 120 for key in redis.scan_iter())


def test_locks_nobody_out_who_comes_from_elsewhere(user):
    owner = {"REMOTE_ADDR": "203.0.113.8"}
    assert [log_in(user.email).status_code for _ in range(11)][-1] == 429
    login = {"email": user.email, "password": PASSWORD}
    assert APIClient().post("/authenticate", login, **owner).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:203.0.113.7", "203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
    ],
)
def test_counts_a_network_of_ipv6_as_one_client(rf, first, second, is_one):
    clients = {client_of(rf.get("/", REMOTE_ADDR=address)) for address in (first, second)}
    assert len(clients) == (1 if is_one else 2)


def test_limits_guesses_of_the_current_password(own_api, user):
    guess = {"current_password": "x", "password": "new one", "password_confirmation": "new one"}
    codes = [own_api.post("/me/password", guess).status_code for _ in range(11)]
    assert codes == [400] * 10 + [429]
    assert log_in(user.email).status_code == 429


def test_limits_guesses_at_the_admin(client, user):
    guess = {"username": user.email, "password": "x"}
    codes = [client.post("/admin/login/", guess).status_code for _ in range(11)]
    assert codes == [200] * 10 + [429]
    refused = client.post("/admin/login/", guess)
    assert refused["Retry-After"] == "40"
    assert "Try again in 40 seconds" in refused.content.decode()


def test_leaves_a_trace_of_every_refused_log_in(client, user, caplog):
    log_in(user.email)
    client.post("/admin/login/", {"username": user.email, "password": "x"})
    for _ in range(9):
        log_in(user.email)
    refused = [vars(record) for record in caplog.records if record.msg == "log-in refused"]
    assert len(refused) == 11
    assert {line["client"] for line in refused} == {"127.0.0.1"}
    assert len({line["account"] for line in refused}) == 1
    assert user.email not in str(refused)
    assert refused[-1]["reason"] == "too many: authenticate_email"


def test_limits_the_requests_of_a_person(own_api, monkeypatch):
    monkeypatch.setattr(UserThrottle, "rate", "3/min", raising=False)
    answers = [own_api.get("/me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer["RateLimit-Limit"] for answer in answers} == {"3"}
    assert answers[-1]["Retry-After"] == answers[-1]["RateLimit-Reset"] == "40"


def test_does_not_count_polls(own_api, meeting, monkeypatch):
    monkeypatch.setattr(UserThrottle, "rate", "3/min", raising=False)
    for name in ["sync_status", "last_sync_success", "sync"] * 2:
        answer = own_api.get(f"/meetings/{meeting.pk}/{name}")
        assert answer.status_code == 200
        assert "RateLimit-Limit" not in answer
    assert own_api.post(f"/meetings/{meeting.pk}/sync")["RateLimit-Remaining"] == "2"


def test_limits_the_meetings_of_a_person(own_api, make_meeting, monkeypatch):
    monkeypatch.setattr("meetings.views.MAX_MEETINGS", 2)
    moments = {"starts_at": "2026-09-01T14:00:00Z", "ends_at": "2026-09-01T15:00:00Z"}
    answers = [own_api.post("/meetings", {"title": "Lunch", **moments}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[-1].json()["code"] == "too_many_meetings"
