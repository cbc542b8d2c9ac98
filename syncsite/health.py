"""Liveness, readiness and metrics, for monitoring."""

from collections.abc import Callable
from secrets import compare_digest

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError

from accounts.cache import generation
from crmsync.engine import heartbeat, hints, workers
from crmsync.metrics.prometheus import SyncCollector
from crmsync.models import SyncRun

MAX_WAIT = SyncRun.UNATTENDED_AFTER.total_seconds()  # A document then says so, too.


@require_safe
def livez(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"status": "ok", "version": settings.VERSION})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    parts = {name: "ok" if _holds(check) else "down" for name, check in CHECKS.items()}
    ready = set(parts.values()) == {"ok"}
    return JsonResponse(
        {"status": "ok" if ready else "down", **parts}, status=200 if ready else 503
    )


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    if settings.METRICS_TOKEN and not compare_digest(given, settings.METRICS_TOKEN.encode()):
        answer = {"detail": "Send the metrics token.", "code": "not_authenticated"}
        return JsonResponse(answer, status=401, headers={"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(SyncCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (DatabaseError, RedisError):
        return False


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _redis() -> bool:
    """A full server or a replica still reads."""
    return hints.can_write() and generation.can_write()


def _workers() -> bool:
    now = timezone.now()
    return bool(workers.alive(now)) and SyncRun.objects.longest_wait(now) < MAX_WAIT


CHECKS = {
    "database": _database,
    "redis": _redis,
    "workers": _workers,
    "dispatcher": heartbeat.is_alive,
}
