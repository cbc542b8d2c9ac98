"""The processes of the Procfile, run as a supervisor would, and ended with their parent."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from syncsite.orphans import end_with_parent

STOP_SECONDS = 30  # A worker ends the step it is at.


def start_process(
    command: Sequence[str], *, folder: Path, log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """In a session of its own: Ctrl-C reaches only us, and we choose the order of the end."""
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
    """The processes of the project in `folder`, by name, each with a log of its own in `logs`."""

    def __init__(self, folder: Path, logs: Path, env: Mapping[str, str]) -> None:
        # `python` and `granian` in the Procfile mean those of the running interpreter.
        path = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
        self.env = {**env, "PATH": path}
        self.folder = folder
        self.logs = logs
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: str, **env: str) -> None:
        """The shell reads the command, as it does for whatever runs a Procfile."""
        log = self.logs / f"{name}.log"
        self.running[name] = start_process(
            ["sh", "-c", f"exec {command}"], folder=self.folder, log=log, env={**self.env, **env}
        )

    def dead(self) -> str | None:
        """The name of one that ended by itself, if any did."""
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
