"""Limits which hosts a user-chosen CRM address may reach, and for how long a call may take.

The resolved address is checked at the moment of connecting, so a name cannot resolve to a public
address first and to a private one later.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from typing import Any

import httpcore
import httpx
from django.conf import settings

UNICAST = ipaddress.ip_network("2000::/3")
TUNNEL = ipaddress.ip_network("2002::/16")  # 6to4 embeds an IPv4 address, which may be private.


class ForbiddenAddressError(httpx.ConnectError):
    """The host is not allowed for a CRM."""


class UnknownHostError(httpx.ConnectError):
    """No name server knows the host."""


class GuardedTransport(httpx.HTTPTransport):
    """Reaches only public addresses (unless ALLOW_PRIVATE_CRM_HOSTS), each call with a deadline."""

    def __init__(self, *, secure: bool = True) -> None:
        # Plain http needs no certificates.
        super().__init__(verify=_trusted() if secure else False, trust_env=False)
        self._backend = GuardedBackend()
        # httpx has no public way to choose its pool's backend; test_ssrf.py guards this.
        self._pool._network_backend = self._backend

    def finish_within(self, seconds: float) -> None:
        self._backend.deadline = time.monotonic() + seconds


@cache
def _trusted() -> ssl.SSLContext:
    """Cached, because reading all certificates takes longer than many a call."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedBackend(httpcore.SyncBackend):
    deadline = float("inf")

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        addresses = resolve(host, port, _time_left(self, timeout))
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return self._connect(address, port, timeout, *args, **kwargs)
        return self._connect(addresses[-1], port, timeout, *args, **kwargs)

    def _connect(
        self, address: str, port: int, timeout: float | None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        left = _time_left(self, timeout)
        return DeadlineStream(super().connect_tcp(address, port, left, *args, **kwargs), self)


class DeadlineStream(httpcore.NetworkStream):
    """Ends a call whose server keeps resetting the read time-out by sending single bytes."""

    def __init__(self, stream: httpcore.NetworkStream, backend: GuardedBackend) -> None:
        self.stream = stream
        self.backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _time_left(self.backend, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _time_left(self.backend, timeout))

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _time_left(self.backend, timeout)
        secured = self.stream.start_tls(ssl_context, server_hostname, left)
        return DeadlineStream(secured, self.backend)

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)

    def close(self) -> None:
        self.stream.close()


def resolve(host: str, port: int, seconds: float = 5) -> list[str]:
    """The host's addresses. Raises ForbiddenAddressError if any is not public."""
    # In a thread, because the system's resolver has no configurable time-out.
    pool = ThreadPoolExecutor(1)
    try:
        found = pool.submit(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM).result(seconds)
    except TimeoutError as error:
        raise httpcore.ConnectTimeout(f"{host} could not be looked up in time.") from error
    except (OSError, UnicodeError) as error:
        raise UnknownHostError(f"{host} is not known.") from error
    finally:
        pool.shutdown(wait=False)
    addresses = [str(address[0]) for *_, address in found]
    if not settings.ALLOW_PRIVATE_CRM_HOSTS and not _all_public(addresses):
        raise ForbiddenAddressError(f"{host} is not a public address.")
    return addresses


def _all_public(addresses: Iterable[str]) -> bool:
    return all(_is_public(ipaddress.ip_address(a.partition("%")[0])) for a in addresses)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        return _is_public(mapped)
    if address.version == 6 and (address not in UNICAST or address in TUNNEL):
        return False
    return address.is_global and not address.is_multicast


def _time_left(backend: GuardedBackend, timeout: float | None) -> float:
    left = backend.deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The call took too long in all.")
    return left if timeout is None else min(left, timeout)
