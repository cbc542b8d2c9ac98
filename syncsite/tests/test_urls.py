import pytest
import yaml
from django.test import Client

from accounts.models import User

pytestmark = pytest.mark.django_db

QUEUE_PAGES = ["/admin/queues/", "/admin/queues/queues/0/", "/admin/queues/workers/0/"]


def test_the_root_leads_to_the_page(client):
    response = client.get("/", follow=True)
    assert response.redirect_chain == [("/app", 302)]
    assert response.status_code == 200


def test_the_docs_load_nothing_from_elsewhere(client):
    page = client.get("/docs").content.decode()
    assert "swagger-ui" in page
    assert "https://" not in page
    assert "//cdn" not in page


def test_the_schema_names_every_endpoint(client):
    schema = yaml.safe_load(client.get("/schema").content)
    assert set(schema["paths"]) == {
        "/app",
        "/app/states",
        "/authenticate",
        "/connection",
        "/connection/authorize",
        "/connection/callback",
        "/connection/complete",
        "/connection/check",
        "/help",
        "/help/{code}",
        "/help/states/{state}",
        "/logout",
        "/me",
        "/me/export",
        "/me/password",
        "/meetings",
        "/meetings/{id}",
        "/meetings/{id}/last_sync_success",
        "/meetings/{id}/runs",
        "/meetings/{id}/sync",
        "/meetings/{id}/sync_status",
        "/password/reset",
        "/password/reset/confirm",
        "/providers",
        "/syncs",
        "/syncs/stream",
        "/token/refresh",
        "/users",
    }


@pytest.mark.parametrize("path", QUEUE_PAGES)
def test_the_queue_pages_are_for_superusers(client, path):
    client.force_login(User.objects.create_superuser("root@example.com", "secret"))
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [*QUEUE_PAGES, "/admin/queues/queues/0/empty/"])
def test_the_queue_pages_are_closed_to_other_staff(client, path):
    client.force_login(User.objects.create_user("staff@example.com", "secret", is_staff=True))
    for response in (client.get(path), client.post(path)):
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("path", ["/nothing", "/meetings/1/nothing", "/users/1"])
def test_unknown_paths_are_json(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found.", "code": "not_found"}


def test_unknown_admin_paths_are_pages(client):
    client.force_login(User.objects.create_superuser("root@example.com", "secret"))
    response = client.get("/admin/nothing/")
    assert response.status_code == 404
    assert response["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", ["/schema?version=%00", "/docs?version=%00"])
def test_odd_versions_of_the_schema_are_no_error(client, path):
    assert client.get(path).status_code == 200


def test_the_docs_are_only_to_be_read(client):
    assert client.options("/docs").status_code == 405


@pytest.mark.parametrize("path", ["login/", "accounts/user/add/", "queues/queues/0/empty/"])
def test_a_forged_form_is_refused(admin_user, path):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(admin_user)
    assert browser.post(f"/admin/{path}").status_code == 403


def test_other_methods_are_refused_in_json(client):
    response = client.get("/authenticate")
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"
