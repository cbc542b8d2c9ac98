"""Reads environment variables. A malformed value ends the process with one sentence."""

import os
import re
import sys
import warnings
from typing import Any, NoReturn
from urllib.parse import urlsplit

from environ import Env
from redis.connection import parse_url

TRUE, FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}
RATE = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
ENGINES = ("postgresql", "sqlite3")


def text(name: str, default: str = "") -> str:
    return os.environ.get(name) or default


def listed(name: str) -> list[str]:
    return [item.strip() for item in text(name).split(",") if item.strip()]


def flag(name: str, default: bool) -> bool:
    value = text(name).lower()
    if value and value not in TRUE | FALSE:
        _refuse(name, f"1 or 0, not {value!r}")
    return value in TRUE if value else default


def number(name: str, default: float, least: float = 0) -> float:
    value = text(name)
    return _number(name, value, least) if value else default


def whole_number(name: str, default: int, least: int = 0) -> int:
    value = number(name, default, least)
    if value != int(value):
        _refuse(name, f"a whole number, not {text(name)!r}")
    return int(value)


def numbers(name: str, default: list[float]) -> list[float]:
    return [_number(name, value, 0) for value in listed(name)] or default


def level(name: str, default: str) -> str:
    value = text(name, default).upper()
    if value not in LEVELS:
        _refuse(name, f"one of {', '.join(LEVELS)}, not {value!r}")
    return value


def rate(name: str, default: str) -> str:
    value = text(name, default)
    if not RATE.fullmatch(value):
        _refuse(name, f"a rate such as {default}, not {value!r}")
    return value


def web_address(name: str, default: str) -> str:
    value = text(name, default).rstrip("/")
    return _checked(name, value)


def origins(name: str) -> list[str]:
    """Each a scheme and a host, as browsers send them in `Origin`."""
    found = [_checked(name, value.rstrip("/")) for value in listed(name)]
    if any(urlsplit(value).path for value in found):
        _refuse(name, "addresses without a path, such as https://app.example.com")
    return found


def redis_address(name: str, default: str) -> str:
    value = text(name, default)
    try:
        parse_url(value)
    except ValueError:
        _refuse(name, "an address such as redis://:password@host:6379/0")
    return value


def database(name: str, default: str) -> dict[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: dict[str, Any] = Env.db_url_config(text(name, default))
    except ValueError:
        found = {}
    if not (found.get("ENGINE", "").endswith(ENGINES) and found.get("NAME")):
        _refuse(name, "an address such as postgres://user:password@host/database")
    return found


def mail_server(name: str) -> dict[str, Any]:
    try:
        return Env.email_url_config(text(name, "consolemail://"))
    except Exception:  # environ raises several kinds.
        _refuse(name, "an address such as smtp+tls://user:password@host:587")


def _number(name: str, value: str, least: float) -> float:
    try:
        found = float(value)
    except ValueError:
        found = float("nan")
    if not least <= found < float("inf"):
        _refuse(name, f"a number of at least {least:g}, not {value!r}")
    return found


def _checked(name: str, address: str) -> str:
    page = urlsplit(address)
    if page.scheme not in {"http", "https"} or not page.netloc or page.username:
        _refuse(name, f"an address such as https://app.example.com, not {address!r}")
    return address


def _refuse(name: str, wanted: str) -> NoReturn:
    """Addresses of servers hold passwords, so those are not shown."""
    sys.exit(f"{name} must be {wanted}. docs/settings.md explains it.")
