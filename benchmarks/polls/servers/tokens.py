"""Checks a token as SimpleJWT does with the project's settings; a memo spares the signature."""

import os
import time
from typing import Any

import jwt

MOST_KEPT = 10_000
Claims = dict[str, Any]
_kept: dict[str, Claims] = {}


def verify(token: str) -> Claims | None:
    """The claims, or None where the token is not good."""
    try:
        claims = jwt.decode(token, os.environ["SECRET_KEY"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return None
    return claims if claims.get("token_type") == "access" else None


def recall(token: str) -> Claims | None:
    claims = _kept.get(token) or _verify_and_keep(token)
    # The signature stays good, the time does not.
    return claims if claims and claims["exp"] > time.time() else None


def _verify_and_keep(token: str) -> Claims | None:
    claims = verify(token)
    if claims:
        if len(_kept) >= MOST_KEPT:
            _kept.clear()
        _kept[token] = claims
    return claims


claims_of = recall if os.environ.get("TOKEN_MEMO") else verify
