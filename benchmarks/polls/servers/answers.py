"""What a bare server does: it checks the token, the user and the owner, by one MGET for both."""

import json
import os
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jwt

REDIS_URL = os.environ["COPIES_URL"]
Claims = dict[str, Any]


def verify(token: str) -> Claims | None:
    """As SimpleJWT does with the project's settings."""
    try:
        claims = jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return None
    return claims if claims.get("token_type") == "access" else None


remember = lru_cache(10_000)(verify)


def recall(token: str) -> Claims | None:
    claims = remember(token)
    # The signature stays good, the time does not.
    return claims if claims and claims["exp"] > time.time() else None


claims_of = recall if os.environ.get("TOKEN_MEMO") else verify


def keys(claims: Claims, meeting_id: int) -> list[str]:
    return [f"user:{claims['user_id']}", f"meeting:{meeting_id}"]


def answer(claims: Claims, copies: Sequence[bytes | None]) -> tuple[int, dict[str, Any]]:
    user, meeting = (json.loads(copy) if copy else None for copy in copies)
    if not user or not user["is_active"] or user["revocation"] != claims["jti"].rpartition(".")[0]:
        return refusal()
    if meeting is None or str(meeting["user_id"]) != str(claims["user_id"]):
        return 404, {"detail": "No such meeting."}
    return 200, {"in_progress_sync_status": meeting["step"]}


def look_up(client: Any, token: str, meeting_id: int) -> tuple[int, dict[str, Any]]:
    claims = claims_of(token)
    return answer(claims, client.mget(keys(claims, meeting_id))) if claims else refusal()


def refusal() -> tuple[int, dict[str, Any]]:
    return 401, {"detail": "This token is not good."}
