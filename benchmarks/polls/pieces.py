"""Polls one meeting under callgrind, whole and in pieces that contain one another.

python -m benchmarks.polls.pieces MEETING TOKEN prints a line for each piece: its name, and the
thousands of instructions that it takes.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncsite.wsgi import application  # Sets Django up, which the rest needs.

# isort: split
from django.test import RequestFactory
from django.urls import get_resolver
from rest_framework.request import Request

from accounts.authentication import PollAuthentication
from accounts.cache import generation
from meetings import cache

ROUNDS = 200
OUTPUT = "callgrind.out"
Piece = Callable[[], Any]


def pieces(meeting_id: int, token: str) -> dict[str, Piece]:
    path = f"/meetings/{meeting_id}/sync_status"
    factory = RequestFactory(SERVER_NAME="localhost", HTTP_AUTHORIZATION=token)
    request = factory.get(path)
    view, _, kwargs = get_resolver().resolve(path)
    authentication = PollAuthentication(lambda user_id: [cache.key(meeting_id)])
    user, _ = authentication.authenticate(Request(request))  # type: ignore[misc]
    names = [f"user:{user.pk}", cache.key(meeting_id)]
    return {
        "django": lambda: ask_django(dict(request.environ)),
        "urls": lambda: get_resolver().resolve(path),
        "view": lambda: view(request, **kwargs),
        "authentication": lambda: authentication.authenticate(Request(request)),
        "redis": lambda: generation.read(names),
    }


def ask_django(environ: dict[str, Any]) -> None:
    response: Any = application(environ, lambda *_: None)  # type: ignore[arg-type]
    response.close()


def measure(piece: Piece) -> float:
    for _ in range(ROUNDS):  # What is done once only, is done by then.
        piece()
    _control("--zero")
    for _ in range(ROUNDS):
        piece()
    _control("--dump")
    return _dumped() / ROUNDS / 1000


def _control(action: str) -> None:
    command = ["callgrind_control", action, str(os.getpid())]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603


def _dumped() -> int:
    newest = max(Path().glob(f"{OUTPUT}.*"), key=lambda file: int(file.suffix[1:]))
    match = re.search(r"^totals: (\d+)", newest.read_text(), re.MULTILINE)
    assert match, newest
    return int(match[1])


if __name__ == "__main__":
    for name, piece in pieces(int(sys.argv[1]), sys.argv[2]).items():
        print(name, measure(piece), flush=True)
