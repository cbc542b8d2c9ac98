"""Checks before the demo starts anything; each error is one sentence."""

import fcntl
import os
import socket
from pathlib import Path
from typing import IO

from django.core.management.base import CommandError


def lock_folder(folder: Path) -> IO[str]:
    """A lock that ends with this process, however it ends."""
    lock = (folder / "demo.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CommandError("A demo is already running in this folder.") from error
    return lock


def check_port(host: str, port: int) -> None:
    try:
        with socket.create_server((host, port)):
            pass
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else error
        raise CommandError(f"Port {port} is not free ({reason}): choose another --port.") from error
