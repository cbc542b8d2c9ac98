import json
import os
import subprocess
import sys
from functools import cache

import pytest
from django.conf import settings

from syncsite.checks import check_deployment

pytestmark = pytest.mark.xdist_group("settings")  # Which share what `read` has read.

PRODUCTION = {
    "SECRET_KEY": "$a-key-that-starts-with-a-dollar-and-is-quite-long-enough-0123456789",
    "CREDENTIALS_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=, "
    "MTEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "DATABASE_URL": "postgres://syncsite:p%40ss@db.example/syncsite",
    "REDIS_URL": "redis://:secret@redis.example:6379/3",
    "ALLOWED_HOSTS": "api.example.com",
    "PUBLIC_URL": "https://api.example.com",
    "NUM_PROXIES": "1",
}


def manage(*args, **environment):
    """In a process of its own, because settings are read once."""
    kept = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "syncsite.settings"}
    return subprocess.run(  # noqa: S603
        [sys.executable, "manage.py", *args],
        cwd=settings.BASE_DIR,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


VALUES = """{
    "SECRET_KEY": s.SECRET_KEY,
    "CREDENTIALS_KEYS": s.CREDENTIALS_KEYS,
    "CACHE_URL": s.CACHE_URL,
    "cache": s.CACHES["default"]["LOCATION"],
    "queue": s.RQ_QUEUES["crmsync"]["URL"],
    "database": s.DATABASES["default"]["OPTIONS"],
    "SYNC_RETRY_DELAYS": s.SYNC_RETRY_DELAYS,
    "lifetime": s.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"].total_seconds(),
}"""


@cache
def read(**environment):
    """Everything at once, because each start takes most of a second."""
    code = f"import json; from django.conf import settings as s; print(json.dumps({VALUES}))"
    done = manage("shell", "--no-imports", "-c", code, **{**PRODUCTION, **environment})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_pass_the_deployment_check_in_production():
    done = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("environment", "text"),
    [
        ({"DEBUG": "1"}, "DEBUG is on"),
        ({"DATABASE_URL": "sqlite:////tmp/x.sqlite3"}, "The database is SQLite"),
    ],
)
def test_fail_the_deployment_check(environment, text):
    done = manage("check", "--deploy", **{**PRODUCTION, **environment})
    assert done.returncode == 1
    assert text in done.stderr


def test_fail_the_deployment_check_with_generated_keys(monkeypatch):
    monkeypatch.setattr(settings, "GENERATED_KEYS", ["SECRET_KEY", "CREDENTIALS_KEYS"])
    texts = [error.msg for error in check_deployment()]
    assert any("SECRET_KEY was generated" in text for text in texts)
    assert any("CREDENTIALS_KEYS was generated" in text for text in texts)


def test_fail_the_check_with_a_malformed_credentials_key():
    done = manage("check", **{**PRODUCTION, "CREDENTIALS_KEYS": "not-a-key"})
    assert done.returncode == 1
    assert "CREDENTIALS_KEYS has a malformed key" in done.stderr


def test_take_a_key_that_starts_with_a_dollar_as_it_is():
    assert read()["SECRET_KEY"] == PRODUCTION["SECRET_KEY"]


def test_take_several_credentials_keys():
    keys = read()["CREDENTIALS_KEYS"]
    assert [len(key) for key in keys] == [44, 44]


def test_keep_the_cache_in_the_next_database_of_the_same_redis():
    assert read()["CACHE_URL"] == "redis://:secret@redis.example:6379/3?db=4"


def test_give_a_hanging_redis_half_a_second_at_most():
    values = read()
    assert "socket_timeout=0.2&socket_connect_timeout=0.2" in values["cache"]
    assert "socket_timeout=0.4&socket_connect_timeout=0.4" in values["queue"]


def test_take_other_time_outs_of_the_database_from_its_url():
    url = "postgres://db.example/syncsite?options=-c%20statement_timeout=1s"
    assert read(DATABASE_URL=url)["database"] == {
        "connect_timeout": 5,
        "options": "-c statement_timeout=1s",
    }


def test_read_the_retry_delays_and_the_lifetime_of_a_token():
    environment = {"SYNC_RETRY_DELAYS": "1,2.5", "JWT_LIFETIME_HOURS": "2"}
    values = read(**environment)
    assert [values["SYNC_RETRY_DELAYS"], values["lifetime"]] == [[1, 2.5], 7200]


def test_say_which_variable_is_wrong():
    done = manage("check", **{**PRODUCTION, "NUM_PROXIES": "many"})
    assert done.returncode != 0
    assert "many" in done.stderr
