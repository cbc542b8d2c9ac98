"""Clients that mean harm: silent ones, ones that do not read, ones that connect a CRM that is slow.

They send to this machine alone, and end with the `with` block.
"""

import selectors
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import cycle

import httpx

HALF_A_BODY = (
    b"POST /authenticate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n{"
)
SECONDS_OF_SILENCE = 10  # Then the service answers 408.
LARGE = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
SMALL_WINDOW = 4096  # Bytes that a client takes before it must read.


class SlowCrm:
    """Takes every connection, and refuses after `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.is_over = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> "SlowCrm":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # It was closed.
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._refuse, args=[client], daemon=True).start()

    def _refuse(self, client: socket.socket) -> None:
        with client:
            client.recv(65536)
            self.is_over.wait(self.seconds)
            client.sendall(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n")


@contextmanager
def silent_bodies(port: int, count: int) -> Iterator[None]:
    """So many at any moment, each of another age: who is answered comes again."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep_silent, args=[port, count, over])
    keeper.start()
    over.wait(SECONDS_OF_SILENCE)  # Until all are there.
    try:
        yield
    finally:
        over.set()
        keeper.join()


def _keep_silent(port: int, count: int, over: threading.Event) -> None:
    with selectors.DefaultSelector() as waiting:
        for _ in range(count):
            _begin_body(port, waiting)
            over.wait(SECONDS_OF_SILENCE / count)
        while not over.is_set():
            for key, _ in waiting.select(0.1):
                waiting.unregister(key.fileobj)
                key.data.close()
                _begin_body(port, waiting)
        for key in list(waiting.get_map().values()):
            key.data.close()


def _begin_body(port: int, waiting: selectors.BaseSelector) -> None:
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(HALF_A_BODY)
    waiting.register(client, selectors.EVENT_READ, client)


@contextmanager
def deaf_clients(port: int, count: int) -> Iterator[None]:
    with _sockets(count) as clients:
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_WINDOW)
            client.connect(("127.0.0.1", port))
            client.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        yield


@contextmanager
def connecting_people(
    port: int, tokens: Sequence[str], crm: SlowCrm
) -> Iterator["Counter[tuple[int, bool]]"]:
    """Counts the answers by status and whether they say when to come back."""
    answers: Counter[tuple[int, bool]] = Counter()
    queue = cycle(tokens)

    body = {"provider": "bottlecrm", "credentials": {"url": crm.url, "token": "t0ken"}}

    def connect() -> None:
        answer = client.put("/connection", json=body, headers={"Authorization": next(queue)})
        answers[answer.status_code, "Retry-After" in answer.headers] += 1

    base = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=base, timeout=60, trust_env=False)
    with client, _repeated(connect, len(tokens)):
        yield answers
        crm.is_over.set()


@contextmanager
def _repeated(action: Callable[[], None], count: int) -> Iterator[None]:
    """So many threads repeat it."""
    over = threading.Event()

    def repeat() -> None:
        while not over.is_set():
            action()
            over.wait(1)

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(repeat) for _ in range(count)]
        try:
            yield
        finally:
            over.set()
    for each in running:
        each.result()


@contextmanager
def _sockets(count: int) -> Iterator[list[socket.socket]]:
    clients = [socket.socket() for _ in range(count)]
    try:
        yield clients
    finally:
        for client in clients:
            client.close()
