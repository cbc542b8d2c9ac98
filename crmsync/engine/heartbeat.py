"""The dispatcher's heartbeat in Redis, which expires by itself."""

from datetime import datetime

from django.core.cache import cache

KEY = "dispatcher"
TTL_SECONDS = 15


def beat(now: datetime) -> None:
    cache.set(KEY, now.isoformat(), TTL_SECONDS)


def is_alive() -> bool:
    return cache.get(KEY) is not None
