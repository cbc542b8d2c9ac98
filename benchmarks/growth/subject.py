"""What is asked for in one database: its big owner, an ordinary person, their syncs."""

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
class Subject:
    size: Size
    api: APIClient
    desk: Client
    run: SyncRun
    run_of_owner: SyncRun

    @classmethod
    def of(cls, size: Size) -> "Subject":
        desk = Client(SERVER_NAME="localhost")
        desk.force_login(User.objects.get(is_superuser=True))
        return cls(size, _api(), desk, _last_run(PERSON), _last_run(OWNER))

    def meetings(self, query: str) -> int:
        return len(_read(self.api, f"/meetings?{query}").json()["results"])

    def poll(self, action: str) -> int:
        return len(_read(self.api, f"/meetings/{self.run_of_owner.meeting_id}/{action}").json())

    def listed(self, path: str) -> int:
        page: Any = _read(self.desk, path)
        return len(page.context_data["cl"].result_list)

    def page(self, path: str) -> int:
        return len(_read(self.desk, path).content)

    def metrics(self) -> int:
        token = f"Bearer {settings.METRICS_TOKEN}"
        return len(_read(self.desk, "/metrics", headers={"Authorization": token}).content)


def _api() -> APIClient:
    api = APIClient(SERVER_NAME="localhost")
    api.credentials(HTTP_AUTHORIZATION=str(AccessToken.for_user(User.objects.get(pk=OWNER))))
    return api


def _last_run(user: int) -> SyncRun:
    runs = SyncRun.objects.filter(connection=user, status="succeeded")
    return runs.select_related("meeting").order_by("-id")[:1].get()


def _read(client: Client, path: str, **extra: Any) -> Any:
    response = client.get(path, **extra)
    assert response.status_code == 200, f"{path}: {response.status_code}"
    return response
