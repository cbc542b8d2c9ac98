"""Sends the number of hints that it is told to, and prints its peak of memory in MB."""

import re
import sys
from pathlib import Path

import django

django.setup()

from crmsync.engine import hints  # noqa: E402 - needs the settings

if __name__ == "__main__":
    count = int(sys.argv[1])
    hints.send_hints((number, 1) for number in range(count))
    assert hints.length() == count
    status = Path("/proc/self/status").read_text()
    print(int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024)
