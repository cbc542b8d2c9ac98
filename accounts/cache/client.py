"""The cache's Redis client, held: looking it up for every command costs a poll a fiftieth."""

from functools import cache
from typing import Any

from django.core.signals import setting_changed
from django_redis import get_redis_connection


@cache
def redis_client() -> Any:
    return get_redis_connection("default")


def _forget(setting: str, **_: object) -> None:
    if setting == "CACHES":
        redis_client.cache_clear()


setting_changed.connect(_forget)
