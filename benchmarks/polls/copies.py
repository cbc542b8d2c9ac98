"""The copies that the rivals read, in a Redis database of their own."""

import json
from collections.abc import Sequence

import redis

from benchmarks.polls.rows import Polled


def write_copies(url: str, polled: Sequence[Polled]) -> None:
    pairs = {}
    for it in polled:
        pairs[f"user:{it.user_id}"] = {"is_active": True, "revocation": it.revocation}
        pairs[f"meeting:{it.meeting_id}"] = {
            "user_id": it.user_id,
            "in_progress_sync_status": it.in_progress_sync_status,
        }
    with redis.Redis.from_url(url) as client:
        client.mset({key: json.dumps(value) for key, value in pairs.items()})
