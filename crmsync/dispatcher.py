"""The sweep: finds what is due and what lost its worker. Any number may run at once."""

import logging
import threading
from collections.abc import Callable

from django.core.cache import cache
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.utils import timezone
from redis.exceptions import RedisError

from crmsync import upkeep
from crmsync.engine import claims, hints, scheduling

logger = logging.getLogger(__name__)

HEARTBEAT = "dispatcher"
HEARTBEAT_SECONDS = 15
SHORT_QUEUE = 20


def sweep() -> int:
    """One round; returns how many hints it sent. Raises RedisError and DatabaseError."""
    now = timezone.now()
    lost = claims.recover_lost(now)
    if lost:
        logger.warning("%s attempts had lost their worker.", lost)
    waiting = hints.length()
    room = max(0, hints.CAPACITY - waiting)
    due = scheduling.take_due(now, room, busy=waiting > SHORT_QUEUE) if room else []
    if due:
        hints.send_hints(due)
    upkeep.hand_out(now)
    cache.set(HEARTBEAT, now.isoformat(), HEARTBEAT_SECONDS)
    return len(due)


def run(interval: float, stop: threading.Event) -> None:
    """Sweeps every `interval` seconds until `stop` is set, whatever is down meanwhile."""
    while not stop.is_set():
        for duty in (sweep, upkeep.keep_up):  # Without Redis the second is all the more needed.
            _try(duty, interval)
        close_old_connections()
        stop.wait(interval)


def _try(duty: Callable[[], object], interval: float) -> None:
    try:
        duty()
    except (RedisError, DatabaseError) as error:
        logger.warning("Sweep failed, next one in %s s: %s", interval, error)
    except Exception:  # Whatever it is, the next sweep must take place.
        logger.exception("Sweep failed, next one in %s s.", interval)


def is_alive() -> bool:
    return cache.get(HEARTBEAT) is not None
