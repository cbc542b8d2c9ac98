from datetime import UTC, datetime

import pytest
import time_machine
from django.core.cache import cache
from django_redis import get_redis_connection
from rest_framework.test import APIClient

from conftest import in_threads

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


def test_survives_a_redis_that_forgets(monkeypatch):
    for _ in range(20):
        assert log_in().status_code in {401, 429}
        cache.clear()


def test_leaves_no_counter_behind():
    log_in()
    redis = get_redis_connection("default")
    assert all(0 < redis.ttl(key) <= 120 for key in redis.scan_iter())


def test_limits_nobody_without_redis(unreachable_redis):
    assert {log_in().status_code for _ in range(12)} == {401}
