"""The settings of a test run: its own keys, SQLite and its own Valkey unless told otherwise.

With DATABASE_URL the run uses a test database there, with REDIS_URL the databases 15 downward of
that server, two for each parallel worker; it empties them.
"""

import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from syncsite.redis_urls import unix_url

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
NUMBER = int(WORKER.removeprefix("gw"))
if "SYNCSITE_TEST_FOLDER" not in os.environ:  # Workers inherit the one of the run.
    os.environ["SYNCSITE_TEST_FOLDER"] = tempfile.mkdtemp(prefix="syncsite-tests-")
FOLDER = Path(os.environ["SYNCSITE_TEST_FOLDER"])
SOCKET = FOLDER / f"{WORKER}.sock"
OWN_REDIS = not os.environ.get("REDIS_URL")
# A server of its own for every worker, or a shared one with two databases for each.
SERVER, LAST = (unix_url(SOCKET), 1) if OWN_REDIS else (os.environ["REDIS_URL"], 15 - 2 * NUMBER)

ENVIRONMENT = {
    "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{FOLDER / 'unused.sqlite3'}",
    "REDIS_URL": f"{SERVER.partition('?')[0]}?db={LAST}",
    "CACHE_URL": f"{SERVER.partition('?')[0]}?db={LAST - 1}",
    "SECRET_KEY": "only-for-tests-only-for-tests-only-for-tests-only-for-tests",
    "CREDENTIALS_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    "LOG_LEVEL": "WARNING",
    "SANDBOX_FAULTS": "1",
}
KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "PYTEST_XDIST_WORKER", "SYNCSITE_TEST_FOLDER"}
INHERITED = {name: value for name, value in os.environ.items() if name in KEPT}
with patch.dict(os.environ, {**INHERITED, **ENVIRONMENT}, clear=True):
    from syncsite.settings import *  # noqa: F403
    from syncsite.settings import DATABASES, REST_FRAMEWORK

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, because workers are processes of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(FOLDER / "test.sqlite3")}
REST_FRAMEWORK["TEST_REQUEST_DEFAULT_FORMAT"] = "json"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SANDBOX_ANSWER_SECONDS = (0, 0)
WHITENOISE_AUTOREFRESH = True  # Else every test client reads the dates of all static files.
SYNC_RETRY_DELAYS = [0.0] * 5
