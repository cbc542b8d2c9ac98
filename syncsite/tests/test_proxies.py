"""The proxies of deploy/ in front of the real web process."""

import os
import socket
import ssl
from contextlib import ExitStack

import httpx
import pytest
from django.conf import settings

from accounts.tokens import AccessToken
from syncsite.demo.processes import Processes, procfile
from syncsite.tests.processes import database_url, free_ports, wait_for
from syncsite.tests.proxies import HOST, proxy_command
from syncsite.tests.settings import ENVIRONMENT

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("proxies"),  # Which share two proxies with their web processes.
    pytest.mark.slow,
]

BEHIND_A_PROXY = {
    "PUBLIC_URL": f"https://{HOST}",
    "ALLOWED_HOSTS": HOST,
    "NUM_PROXIES": "1",
    "HOST": "127.0.0.1",
    "WEB_CONCURRENCY": "1",
    "THROTTLE_SIGN_UP_ADDRESS": "3/day",
}
CREDENTIALS = {"email": "ann@example.com", "password": "secret"}
SLOW = (
    f"POST /authenticate HTTP/1.1\r\nHost: {HOST}\r\n"
    "Content-Type: application/json\r\nContent-Length: 900\r\n\r\n{"
)


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def name(request):
    return request.param


def start_proxy(name, folder):
    """The proxy, running, and the ports that it knows."""
    ports = dict(zip(("web", "http", "https"), free_ports(3), strict=True))
    command = proxy_command(name, folder, **ports)
    here = {"DATABASE_URL": database_url(), "PATH": os.environ["PATH"]}
    running = Processes(settings.BASE_DIR, folder, {**ENVIRONMENT, **BEHIND_A_PROXY, **here})
    running.start("proxy", " ".join(command), HOME=str(folder))
    return running, ports


@pytest.fixture(scope="module")
def ports(name, tmp_path_factory, django_db_setup):
    """Of a proxy and of the web process behind it, which the tests share."""
    running, ports = start_proxy(name, tmp_path_factory.mktemp(name))
    web = procfile(settings.BASE_DIR / "Procfile")["web"]
    running.start("web", web, PORT=str(ports["web"]))
    yield ports
    running.stop()


@pytest.fixture
def client_at():
    """Makes a client with that address, one of this machine's own."""
    with ExitStack() as clients:

        def make(address, ports):
            transport = httpx.HTTPTransport(verify=False, local_address=address)
            return clients.enter_context(
                httpx.Client(
                    transport=transport,
                    base_url=f"https://127.0.0.1:{ports['https']}",
                    headers={"Host": HOST},
                    event_hooks={"request": [name_the_host]},
                )
            )

        yield make


def name_the_host(request):
    request.extensions["sni_hostname"] = HOST


@pytest.fixture
def service(client_at, ports):
    client = client_at("127.0.0.1", ports)
    wait_for(lambda: status_of(client) == 200)
    return client


@pytest.fixture
def lonely(name, client_at, tmp_path, transactional_db):
    """A client of a proxy behind which nothing runs."""
    running, ports = start_proxy(name, tmp_path)
    client = client_at("127.0.0.1", ports)
    wait_for(lambda: status_of(client))
    yield client
    running.stop()


def status_of(client):
    try:
        return client.get("/livez").status_code
    except httpx.TransportError:
        return None


def sign_up(client, number, **headers):
    both = {"password": "secret", "password_confirmation": "secret"}
    person = {"email": f"ann{number}@example.com", **both}
    return client.post("/users", json=person, headers=headers).status_code


def test_count_a_client_by_its_own_address_whatever_it_claims(service, client_at, ports):
    claims = [{"X-Forwarded-For": f"192.0.2.{number}"} for number in range(4)]
    statuses = [sign_up(service, number, **claim) for number, claim in enumerate(claims)]
    assert statuses == [201, 201, 201, 429]
    assert sign_up(client_at("127.0.0.2", ports), 5) == 201


def test_send_http_to_https_once(service, ports):
    plain = httpx.get(f"http://127.0.0.1:{ports['http']}/docs", headers={"Host": HOST})
    assert plain.status_code in {301, 308}
    assert plain.headers["Location"].startswith(f"https://{HOST}")
    assert service.get("/docs").status_code == 200
    assert service.get("/docs", headers={"X-Forwarded-Proto": "http"}).status_code == 200


def test_compress_json_and_keep_its_etag(service, user, make_meeting):
    meeting = make_meeting(notes="Forty seats. " * 500)
    headers = {"Authorization": str(AccessToken.for_user(user)), "Accept-Encoding": "gzip"}
    path = f"/meetings/{meeting.pk}"
    assert service.get(path, headers=headers).headers["Content-Encoding"] == "gzip"
    path = f"{path}/sync"
    etag = service.get(path, headers=headers).headers["ETag"]
    assert service.get(path, headers={**headers, "If-None-Match": etag}).status_code == 304


def test_refuse_a_body_over_one_megabyte(service):
    response = service.post("/meetings", content=b"x" * 2_000_000)
    assert response.status_code == 413
    assert response.json()["code"] == "body_too_large"


def test_answer_in_json_while_nothing_runs_behind_them(lonely):
    response = lonely.get("/me")
    assert response.status_code == 503
    assert response.json()["code"] == "unavailable"
    assert response.headers["Retry-After"]


def test_keep_the_metrics_from_strangers(service, client_at, ports):
    assert service.get("/metrics").status_code == 200
    for path in ["/metrics", "/%6detrics", "/metrics?format=text"]:
        assert client_at("127.0.0.2", ports).get(path).status_code == 403


def test_hold_slow_bodies_themselves(service, ports):
    with ExitStack() as slow:
        for _ in range(10):
            slow.enter_context(tls_connection(ports["https"])).sendall(SLOW.encode())
        statuses = {service.post("/authenticate", json=CREDENTIALS).status_code for _ in range(10)}
    assert 503 not in statuses


def tls_connection(port):
    context = ssl._create_unverified_context()  # noqa: S323
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=HOST)
