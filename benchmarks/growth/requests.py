"""Requests of one database's big owner, of an ordinary person and of support."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from accounts.models import User
from benchmarks.growth.size import OWNER, Size
from crmsync.models import SyncRun

PERSON = 77


@dataclass(frozen=True)
class Requests:
    size: Size
    api: APIClient
    support: Client
    run: SyncRun
    run_of_owner: SyncRun

    @classmethod
    def on(cls, size: Size) -> "Requests":
        api = APIClient(SERVER_NAME="localhost")
        token = AccessToken.for_user(User.objects.get(pk=OWNER))
        api.credentials(HTTP_AUTHORIZATION=str(token))
        authorization = f"Bearer {settings.METRICS_TOKEN}"
        support = Client(SERVER_NAME="localhost", headers={"Authorization": authorization})
        support.force_login(User.objects.get(is_superuser=True))
        return cls(size, api, support, _last_run(PERSON), _last_run(OWNER))

    def meetings(self, query: str) -> int:
        return len(_get(self.api, f"/meetings?{query}").json()["results"])

    def poll(self, action: str) -> int:
        return len(_get(self.api, f"/meetings/{self.run_of_owner.meeting_id}/{action}").json())

    def rows(self, path: str) -> int:
        return len(_get(self.support, path).context_data["cl"].result_list)

    def page(self, path: str) -> int:
        return len(_get(self.support, path).content)


def _last_run(user: int) -> SyncRun:
    runs = SyncRun.objects.filter(connection=user, status="succeeded")
    return runs.select_related("meeting").order_by("-id")[:1].get()


def _get(client: Client, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    return response
