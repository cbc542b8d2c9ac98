"""What tests need that start the product's processes."""

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from django.db import connection


def database_url() -> str:
    """Of the test run's database."""
    it = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{it['NAME']}"
    return f"postgres://{it['USER']}:{it['PASSWORD']}@{it['HOST']}:{it['PORT']}/{it['NAME']}"


def free_port() -> int:
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Different ones; the kernel may give the same port twice if it is let go in between."""
    with ExitStack() as held:
        servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
        for server in servers:
            held.enter_context(server)
        return [server.getsockname()[1] for server in servers]


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true answer of `condition`; fails the test when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)
    return found
