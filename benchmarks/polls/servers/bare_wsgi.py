"""No framework: a WSGI function."""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import redis

from benchmarks.polls.servers.answers import REDIS_URL, look_up

PATH = re.compile(r"/meetings/(\d+)/sync_status")
client = redis.Redis.from_url(REDIS_URL)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    match = PATH.fullmatch(environ["PATH_INFO"])
    token = environ.get("HTTP_AUTHORIZATION", "")
    status, found = look_up(client, token, int(match[1])) if match else (404, {})
    body = json.dumps(found).encode()
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]
