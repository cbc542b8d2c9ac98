"""What a bare server answers: one MGET for the user and the meeting, and both checked."""

import json
import os
from collections.abc import Sequence
from typing import Any

from benchmarks.polls.servers.tokens import Claims

REDIS_URL = os.environ["COPIES_URL"]


def keys(claims: Claims, meeting_id: int) -> list[str]:
    return [f"user:{claims['user_id']}", f"meeting:{meeting_id}"]


def answer(claims: Claims, copies: Sequence[bytes | None]) -> tuple[int, dict[str, Any]]:
    user, meeting = (json.loads(copy) if copy else None for copy in copies)
    if not _lets_in(user, claims):
        return 401, {"detail": "This token is not good any more."}
    if meeting is None or str(meeting["user_id"]) != str(claims["user_id"]):
        return 404, {"detail": "No such meeting."}
    return 200, {"in_progress_sync_status": meeting["in_progress_sync_status"]}


def refusal() -> tuple[int, dict[str, Any]]:
    return 401, {"detail": "This token is not good."}


def _lets_in(user: dict[str, Any] | None, claims: Claims) -> bool:
    if user is None or not user["is_active"]:
        return False
    return bool(user["revocation"] == claims["hash_password"])
