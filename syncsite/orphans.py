"""No process outlives the one that started it and would have ended it."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from typing import Any

PR_SET_PDEATHSIG = 1  # Linux only, from <sys/prctl.h>
LIBC = ctypes.CDLL(None)
GRACE_SECONDS = 10


def end_with_parent() -> None:
    """From now on the end of the parent asks this process to end. Does nothing but on Linux."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def follow_parent() -> None:
    """For a process that multiprocessing made: soon after its parent it ends, whatever it does."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=[parent], daemon=True).start()


def _follow(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)  # Asked too early in its life, it may not have listened.
    os._exit(1)
