"""Keeps processes from outliving their parent."""

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
    """Asks Linux to end this process with its parent. Does nothing elsewhere."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def follow_parent() -> None:
    """Ends a multiprocessing child soon after its parent."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_follow, args=[parent], daemon=True).start()


def _follow(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)  # A signal early in its life may have been missed.
    os._exit(1)
