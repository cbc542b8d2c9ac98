"""An ASGI scope as the environ of PEP 3333, with an empty body."""

from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from syncsite.front.compression import MAY_COMPRESS

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
Environ = dict[str, Any]


def make_environ(scope: dict[str, Any]) -> Environ:
    raw_path = scope.get("raw_path")
    path = scope["path"].encode() if raw_path is None else unquote_to_bytes(raw_path)
    root = scope.get("root_path", "")
    server = scope.get("server") or ("localhost", "")
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": root,
        "PATH_INFO": path.decode("latin-1").removeprefix(root),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": (scope.get("client") or ("",))[0],
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.input": BytesIO(),
        MAY_COMPRESS: True,
    }
    for name, value in scope["headers"]:
        key = _key(name)
        text = value.decode("latin-1")
        if key in environ:
            text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}"
        if key:
            environ[key] = text
    return environ


@lru_cache(256)
def _key(header: bytes) -> str:
    """Empty for a header with `_`: it could pass for one with `-`."""
    if b"_" in header:
        return ""
    key = header.decode("latin-1").upper().replace("-", "_")
    return key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
