"""Redis URLs: the embedded server's, and the options that redis-py reads from a URL."""

import hashlib
import os
import tempfile
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

MAX_SOCKET_PATH = 100  # Bytes; the system truncates longer paths.


def embedded_socket(folder: Path) -> Path:
    """The socket of this folder's embedded Valkey."""
    path = folder / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"syncsite-{digest}.sock"


def unix_url(path: Path) -> str:
    return f"unix://{quote(str(path))}?db=0"


def next_database(url: str) -> str:
    """The same server with the next database number."""
    base, options = _split(url)
    last = base.rpartition("/")[2]
    number = int(options.get("db", last if last.isdigit() else "0"))
    return _join(base, {**options, "db": str(number + 1)})


def with_timeouts(url: str, seconds: float) -> str:
    """Adds time-outs in seconds, unless `url` has its own."""
    base, options = _split(url)
    timeouts = {"socket_timeout": str(seconds), "socket_connect_timeout": str(seconds)}
    return _join(base, {**timeouts, **options})


def _split(url: str) -> tuple[str, dict[str, str]]:
    base, _, query = url.partition("?")
    return base, dict(parse_qsl(query))


def _join(base: str, options: dict[str, str]) -> str:
    return f"{base}?{urlencode(options)}"
