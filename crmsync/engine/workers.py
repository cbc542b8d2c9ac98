"""The workers that are alive, as they report themselves in Redis."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from rq import Worker
from rq.utils import utcparse

from crmsync.engine import hints

# Seconds since the last heartbeat. An idle worker sends one every ten.
ALIVE_SECONDS = 25
LONG_AGO = "1970-01-01T00:00:00.000000Z"


class LiveWorker(NamedTuple):
    host: str
    pid: str
    version: str
    threads: int
    busy: int
    seen_at: datetime
    since: datetime


def alive(now: datetime) -> list[LiveWorker]:
    """Those with a recent heartbeat that have not stopped. Raises RedisError."""
    # RQ's own registry keeps killed workers and, after a flush of Redis, misses living ones.
    pattern = f"{Worker.redis_worker_namespace_prefix}*"
    with hints.guarded_queue() as queue:
        keys = queue.connection.scan_iter(match=pattern, count=1000)
        pipeline = queue.connection.pipeline(transaction=False)
        for key in keys:
            if not key.endswith(b":executions"):
                pipeline.hgetall(key)
        reports = [_decoded(report) for report in pipeline.execute()]
    found = (_read(report) for report in reports if "death" not in report)
    return [w for w in found if (now - w.seen_at).total_seconds() < ALIVE_SECONDS]


def _decoded(report: Mapping[bytes, bytes]) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in report.items()}


def _read(report: Mapping[str, str]) -> LiveWorker:
    return LiveWorker(
        host=report.get("hostname", ""),
        pid=report.get("pid", ""),
        version=report.get("syncsite_version", ""),
        threads=int(report.get("threads", 1)),
        busy=int(report.get("busy", 0)),
        seen_at=utcparse(report.get("last_heartbeat", LONG_AGO)),
        since=utcparse(report.get("birth", LONG_AGO)),
    )
