"""A Django project of one view and no middleware."""

import os

import redis
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

from benchmarks.polls.servers.answers import REDIS_URL, look_up

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[],
    ROOT_URLCONF=__name__,
    SECRET_KEY=os.environ["SECRET_KEY"],
)
client = redis.Redis.from_url(REDIS_URL)


def sync_status(request: HttpRequest, meeting_id: int) -> JsonResponse:
    status, body = look_up(client, request.META.get("HTTP_AUTHORIZATION", ""), meeting_id)
    return JsonResponse(body, status=status)


urlpatterns = [path("meetings/<int:meeting_id>/sync_status", sync_status)]
application = get_wsgi_application()
