"""One view that asks Redis for both."""

import redis
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.polls.servers.answers import REDIS_URL, look_up

client = redis.Redis.from_url(REDIS_URL)


def sync_status(request: HttpRequest, meeting_id: int) -> JsonResponse:
    status, body = look_up(client, request.META.get("HTTP_AUTHORIZATION", ""), meeting_id)
    return JsonResponse(body, status=status)


urlpatterns = [path("meetings/<int:meeting_id>/sync_status", sync_status)]
