"""Runs the processes of the Procfile as a supervisor would, and ends them with their parent."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncsite.orphans import end_with_parent

STOP_SECONDS = 30  # A worker finishes its current step.


def start_process(
    command: Sequence[str], *, folder: Path, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """In its own session: Ctrl-C reaches only us, and we decide the order of stopping."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=env,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )


class Processes:
    """The project's processes by name, started in `folder`, each with its own log in `logs`."""

    def __init__(self, folder: Path, logs: Path, env: Mapping[str, str]) -> None:
        # The Procfile's `python` and `granian` are those of the running interpreter.
        path = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
        self.env = {**env, "PATH": path}
        self.folder = folder
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: str, **env: str) -> None:
        """Through a shell, as other runners of a Procfile do it."""
        log = self.logs / f"{name}.log"
        self.running[name] = start_process(
            ["sh", "-c", f"exec {command}"], folder=self.folder, log=log, env={**self.env, **env}
        )

    def dead(self) -> str | None:
        """The name of a process that has ended by itself, or None."""
        return next((name for name, p in self.running.items() if p.poll() is not None), None)

    def stop(self) -> None:
        for process in self.running.values():
            process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.running.values():
            try:
                process.wait(max(0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def procfile(path: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return {name: command.strip() for name, _, command in lines if command}
