import json
import os
import subprocess
import sys
from functools import cache
from runpy import run_path

import pytest
from django.conf import settings

from syncsite.checks import check_deployment, check_sqlite
from syncsite.redis_urls import unix_url

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
    "METRICS_TOKEN": "t0ken",
    "EMAIL_URL": "smtp+tls://syncsite:p@smtp.example.com:587",
    "SUPPORT_EMAILS": "desk@example.com",
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


def test_fail_the_deployment_check():
    unfit = {"DEBUG": "1", "DATABASE_URL": "sqlite:////tmp/x.sqlite3"}
    done = manage("check", "--deploy", **{**PRODUCTION, **unfit})
    assert done.returncode == 1
    assert "DEBUG is on" in done.stderr
    assert "The database is SQLite" in done.stderr


UNFIT = {
    "REDIS_URL is not set": {"REDIS_URL": unix_url(settings.EMBEDDED_SOCKET)},
    "REDIS_URL leads to another host without a password": {"REDIS_URL": "redis://r.example/0"},
    "CACHE_URL leads to another host without a password": {"CACHE_URL": "redis://r.example/0"},
    "admits every host": {"ALLOWED_HOSTS": ["*"]},
    "ALLOWED_HOSTS is not set": {"ALLOWED_HOSTS_SET": False},
    "METRICS_TOKEN is not set": {"METRICS_TOKEN": ""},
    "SANDBOX_FAULTS is on": {"SANDBOX_FAULTS": True},
    "ALLOW_PRIVATE_CRM_HOSTS is on": {"ALLOW_PRIVATE_CRM_HOSTS": True},
    "SYNC_STEP_SECONDS is not longer": {"SYNC_STEP_SECONDS": 20},
    "SYNC_LEASE_SECONDS is not longer": {"SYNC_LEASE_SECONDS": 20},
    "no mail leaves this machine": {
        "SUPPORT_EMAILS": ["desk@example.com"],
        "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend",
    },
    "which is no e-mail address": {"SUPPORT_EMAILS": ["desk"]},
    "one of the ALERT_URLS": {"ALERT_URLS": ["nothing://"]},
    "Nobody is told of incidents": {"SUPPORT_EMAILS": [], "ALERT_URLS": []},
}


@pytest.mark.parametrize("text", UNFIT)
def test_are_not_fit_for_production(text, settings, db):
    for name, value in UNFIT[text].items():
        setattr(settings, name, value)
    assert any(text in message.msg for message in check_deployment())


def test_are_not_fit_for_production_if_no_key_fits(settings, connection):
    settings.CREDENTIALS_KEYS = ["OTk5" * 10 + "OTk="]
    texts = [message.msg for message in check_deployment()]
    assert "None of the CREDENTIALS_KEYS decrypts the stored credentials." in texts


MALFORMED = {
    "NUM_PROXIES": "many",
    "SYNC_THREADS_PER_WORKER": "0",
    "SYNC_CONCURRENCY_PER_CONNECTION": "1.5",
    "SYNC_RETRY_DELAYS": "10,-1",
    "JWT_LIFETIME_HOURS": "nan",
    "DEBUG": "maybe",
    "THROTTLE_USER": "lots",
    "LOG_LEVEL": "loud",
    "DATABASE_URL": "mysql-s3cret",
    "REDIS_URL": "redis://:s3cret@host:x/0",
    "EMAIL_URL": "s3cret",
    "PUBLIC_URL": "api.example.com",
    "FRONTEND_ORIGINS": "https://app.example.com/page",
}


def read_settings_again():
    for file in ("api_settings.py", "settings.py"):
        run_path(str(settings.BASE_DIR / "syncsite" / file))


@pytest.mark.parametrize("name", MALFORMED)
def test_refuse_a_malformed_variable_in_one_sentence(name, monkeypatch):
    for variable, value in {**PRODUCTION, name: MALFORMED[name]}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(SystemExit) as ended:
        read_settings_again()
    sentence = str(ended.value)
    assert sentence.startswith(f"{name} must be ")
    assert "\n" not in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize(("name", "value"), [("NUM_PROXIES", "many"), ("SENTRY_DSN", "s3cret")])
def test_end_every_command_with_that_sentence(name, value):
    done = manage("dispatch_syncs", "--once", **{**PRODUCTION, name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name} must be ")
    assert len(done.stderr.splitlines()) == 1


def test_fail_the_deployment_check_with_generated_keys(monkeypatch, db):
    monkeypatch.setattr(settings, "GENERATED_KEYS", ["SECRET_KEY", "CREDENTIALS_KEYS"])
    texts = [error.msg for error in check_deployment()]
    assert any("SECRET_KEY was generated" in text for text in texts)
    assert any("CREDENTIALS_KEYS was generated" in text for text in texts)


def test_fail_the_check_with_an_old_sqlite(monkeypatch):
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", "django.db.backends.sqlite3")
    assert check_sqlite() == []
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    assert [error.id for error in check_sqlite()] == ["syncsite.E015"]


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
