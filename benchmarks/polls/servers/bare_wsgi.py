"""No framework: a WSGI function."""

import json
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import redis

from benchmarks.polls.servers.answers import REDIS_URL, answer, claims_of, keys, refusal

PATH = re.compile(r"/meetings/(\d+)/sync_status")
client: Any = redis.Redis.from_url(REDIS_URL)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    status, found = _find(environ)
    body = json.dumps(found).encode()
    start_response(
        f"{status} {HTTPStatus(status).phrase}",
        [("Content-Type", "application/json"), ("Content-Length", str(len(body)))],
    )
    return [body]


def _find(environ: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    match = PATH.fullmatch(environ["PATH_INFO"])
    if match is None:
        return 404, {"detail": "No such page."}
    claims = claims_of(environ.get("HTTP_AUTHORIZATION", ""))
    if claims is None:
        return refusal()
    return answer(claims, client.mget(keys(claims, int(match[1]))))
