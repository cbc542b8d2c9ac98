"""HTTP servers for tests: a base for stand-ins of CRMs, and a proxy that loses answers."""

import json
import re
import socket
import ssl
import threading
from collections import defaultdict
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx

TLS = ssl.create_default_context()  # Shared: reading the authorities takes 25 ms.


class Server:
    """Serves `respond(method, path, body, headers)` → (status, JSON or bytes)."""

    head = ()

    def __init__(self):
        self.lock = threading.RLock()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.http.daemon_threads = False  # Closing then waits for what is still being answered.
        self.connections = set()
        self.url = f"http://127.0.0.1:{self.http.server_port}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)  # Or a client that keeps it open is waited for.
        self.http.server_close()


def handler_of(server):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def setup(self):
            super().setup()
            server.connections.add(self.connection)

        def finish(self):
            server.connections.discard(self.connection)
            super().finish()

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = server.respond(self.command, self.path, body, self.headers)
            if answer is None:
                self.close_connection = True
                return
            status, data = answer
            content = data if isinstance(data, bytes) else json.dumps(data).encode()
            lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(content)}", *server.head]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + content)

        do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

        def log_message(self, *_):
            pass

    return Handler


def route(method, pattern):
    """Marks the method of a stand-in that answers what fits; groups of the pattern are named."""

    def mark(function):
        function.route = (method, re.compile(pattern))
        return function

    return mark


class Refused(Exception):
    def __init__(self, status, data):
        super().__init__(status)
        self.answer = (status, data)


class StandIn(Server):
    token = "s3cret-t0ken"
    no_entry = (401, {"message": "no"})

    def __init__(self):
        super().__init__()
        self.first = defaultdict(list)  # By method and path: what is answered instead, each once.

    def respond(self, method, target, body, headers):
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if headers.get("Authorization") != f"Bearer {self.token}":
            return self.no_entry
        with self.lock:
            try:
                return self.answer(method, url.path, query, json.loads(body) if body else None)
            except Refused as refused:
                return refused.answer

    def answer(self, method, path, query, body):
        if self.first[method, path]:
            return self.first[method, path].pop(0)
        for name in dir(type(self)):
            function = getattr(self, name)
            verb, pattern = getattr(function, "route", (None, None))
            match = pattern.fullmatch(path) if verb == method else None
            if match:
                return function(query=query, body=body, **match.groupdict())
        return 404, {"message": f"There is no {method} {path}."}


class Proxy(Server):
    """Passes calls on; the answer of call number `losing`, counted from 0, never arrives."""

    def __init__(self, target):
        super().__init__()
        self.target = httpx.Client(base_url=target, timeout=60, verify=TLS)
        self.requests = []  # Method, path and body.
        self.losing = None

    @property
    def calls(self):
        return [(method, path) for method, path, _ in self.requests]

    def respond(self, method, path, body, headers):
        passed = {
            name: value
            for name, value in headers.items()
            if name.lower() not in ("host", "content-length", "connection", "accept-encoding")
        }
        answer = self.target.request(method, path, content=body, headers=passed)
        self.requests.append((method, path, body))
        if self.losing == len(self.requests) - 1:
            return None
        return answer.status_code, answer.content

    def __exit__(self, *_):
        self.target.close()
        super().__exit__()

    def restart(self, losing=None):
        self.requests, self.losing = [], losing
