"""What goes wrong in a run, and when: drawn from a seed."""

import random
import signal
import threading
import time
from collections.abc import Callable, Mapping

import redis

from benchmarks.lab.stack import LEASE_SECONDS, Stack
from benchmarks.postgres import Postgres

OUTAGE_SECONDS = (0.5, 2.5)


class Faults:
    def __init__(self, stack: Stack, postgres: Postgres | None, seed: int) -> None:
        self.stack = stack
        self.postgres = postgres
        self.random = random.Random(seed)
        self.database_outages: list[tuple[float, float]] = []
        self._frozen: list[threading.Thread] = []

    def cause(self, plan: Mapping[str, int], progress: Callable[[], float]) -> None:
        """Each as often as `plan` says, spread over the run's progress from 0 to 1."""
        names = [name for name, count in plan.items() for _ in range(count)]
        self.random.shuffle(names)
        for name, moment in zip(names, sorted(self.random.random() for _ in names), strict=True):
            while progress() < moment:
                time.sleep(0.05)
            getattr(self, name.replace(" ", "_"))()
        for thread in self._frozen:
            thread.join()

    def kill(self) -> None:
        kind = self.random.choice(["worker", "worker", "dispatcher", "web"])
        self.stack.kill(self._one_of(kind))

    def restart_workers(self) -> None:
        for pid in self.stack.pids("worker"):
            self.stack.kill(pid, signal.SIGTERM)

    def kill_redis(self) -> None:
        self.stack.valkey.process.kill()
        self.stack.valkey.process.wait()
        time.sleep(self.random.uniform(*OUTAGE_SECONDS))
        self.stack.valkey.start()

    def hang_redis(self) -> None:
        self.stack.valkey.process.send_signal(signal.SIGSTOP)
        time.sleep(self.random.uniform(*OUTAGE_SECONDS))
        self.stack.valkey.process.send_signal(signal.SIGCONT)

    def empty_redis(self) -> None:
        self._redis(lambda client: client.flushall())

    def fill_redis(self) -> None:
        """Writes are refused, as by a server that is full and may throw nothing away."""
        self._redis(lambda client: client.config_set("maxmemory", "1"))
        time.sleep(self.random.uniform(*OUTAGE_SECONDS))
        self._redis(lambda client: client.config_set("maxmemory", "0"))

    def freeze_worker(self) -> None:
        """For longer than its lease; then it wakes up and goes on as if nothing had happened."""
        thread = threading.Thread(target=self._freeze, args=[self._one_of("worker")])
        thread.start()
        self._frozen.append(thread)

    def restart_database(self) -> None:
        if self.postgres:
            start = time.monotonic()
            self.postgres.restart()
            self.database_outages.append((start, time.monotonic()))

    def _freeze(self, pid: int) -> None:
        self.stack.kill(pid, signal.SIGSTOP)
        time.sleep(LEASE_SECONDS + 3)
        self.stack.kill(pid, signal.SIGCONT)

    def _one_of(self, kind: str) -> int:
        return self.random.choice(self.stack.pids(kind))

    def _redis(self, command: Callable[[redis.Redis], object]) -> None:
        with self.stack.redis() as client:
            command(client)
