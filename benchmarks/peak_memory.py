"""The most memory that a management command takes.

python -m benchmarks.peak_memory COMMAND … runs it and prints its peak in MB.
"""

import re
import subprocess
import sys
import time

from django.conf import settings
from django.core.management import execute_from_command_line

from benchmarks.procfs import PROC
from benchmarks.services import environment


def run(*command: str) -> tuple[float, float]:
    """Its peak in MB, and its seconds."""
    start = time.perf_counter()
    output = subprocess.check_output(  # noqa: S603
        [sys.executable, "-m", "benchmarks.peak_memory", *command],
        cwd=settings.BASE_DIR,
        env=environment(),
        text=True,
    )
    return float(output.split()[-1]), time.perf_counter() - start


if __name__ == "__main__":
    execute_from_command_line(sys.argv)
    # The kernel's ru_maxrss would begin with what the parent had at the fork.
    status = (PROC / "self" / "status").read_text()
    print(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024)
