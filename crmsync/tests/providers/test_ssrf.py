import socket
import threading

import httpcore
import httpx
import pytest

from crmsync.providers import ssrf

PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.2.1",
    "224.0.0.1",
    "::1",
    "::",
    "fc00::1",
    "fe80::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "64:ff9b::7f00:1",
    "::127.0.0.1",
    "::ffff:0:127.0.0.1",
    "fec0::1",
    "a..b.example",
    "x" * 64 + ".example",
    "2002:7f00:1::1",
    "2130706433",
    "0x7f000001",
    "localhost",
]


@pytest.mark.parametrize("host", PRIVATE)
def test_refuses_what_is_not_public(host):
    with pytest.raises((httpx.ConnectError, httpcore.ConnectError)):
        ssrf.resolve(host, 443)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_lets_public_addresses_through(host):
    assert ssrf.resolve(host, 443) == [host]


def test_refuses_a_name_with_one_private_address_among_public_ones(monkeypatch):
    def resolve(*_, **__):
        return [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]

    monkeypatch.setattr("socket.getaddrinfo", resolve)
    with pytest.raises(ssrf.ForbiddenAddressError):
        ssrf.resolve("crm.example", 443)


def test_says_that_a_name_is_unknown():
    with pytest.raises(ssrf.UnknownHostError):
        ssrf.resolve("nowhere.invalid", 443)


def test_lets_private_addresses_through_where_a_setting_says_so(settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    assert ssrf.resolve("127.0.0.1", 443) == ["127.0.0.1"]


def test_waits_no_longer_for_a_name_than_the_call_may_take(monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: answer.wait(10))
    with pytest.raises(httpcore.ConnectTimeout):
        ssrf.resolve("slow.example", 443, 0.05)
    answer.set()


def test_tries_the_next_address_where_one_is_dead(monkeypatch, settings):
    settings.ALLOW_PRIVATE_CRM_HOSTS = True
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(ssrf, "resolve", lambda *_: ["127.0.0.2", "127.0.0.1"])
        stream = ssrf.GuardedBackend().connect_tcp("crm.example", port, 1)
        assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
        stream.close()


def test_stands_between_httpx_and_the_network():
    """It is put in place of a private attribute of httpx, which a new release may rename."""
    client = httpx.Client(transport=ssrf.GuardedTransport())
    with client, pytest.raises(ssrf.ForbiddenAddressError):
        client.get("http://127.0.0.1:9")
