"""What each database engine needs besides its address."""

from pathlib import Path
from typing import Any

# Deferred transactions fail with "database is locked" as soon as two processes write.
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
}
# A slow database must not collect requests. A process that is frozen within a transaction must not
# keep its locks for as long as others wait. Migrations may take longer.
LIMITS = "-c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=3s"
# Compiling a plan (jit) takes longer than any of our statements runs.
POSTGRESQL_OPTIONS = {"connect_timeout": 5, "options": f"{LIMITS} -c jit=off"}


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'syncsite.sqlite3'}"


def configured(database: dict[str, Any]) -> dict[str, Any]:
    """`database` as environ reads it from a URL, whose own options win."""
    if database["ENGINE"].endswith("sqlite3"):
        return {**database, "OPTIONS": SQLITE_OPTIONS}
    options = {**POSTGRESQL_OPTIONS, **database.get("OPTIONS", {})}
    return {**database, "OPTIONS": options, "CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
