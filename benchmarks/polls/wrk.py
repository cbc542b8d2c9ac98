"""Load from wrk, whose script checks every answer."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.polls.load import CONNECTIONS, Load, WrongAnswersError
from benchmarks.polls.poll import Poll

SCRIPT = Path(__file__).with_name("wrk.lua")
RESULT = re.compile(r"^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)\n(.*)", re.MULTILINE | re.DOTALL)


def run_wrk(url: str, polls: Sequence[Poll], seconds: int, folder: Path) -> Load:
    listed = folder / "polls.tsv"
    listed.write_text("".join(map(_line, polls)))
    many = str(CONNECTIONS)
    command = ["wrk", "-t", many, "-c", many, "-d", f"{seconds}s", "-s", str(SCRIPT), url]
    done = subprocess.run(  # noqa: S603
        [*command, "--", str(listed), many], capture_output=True, text=True, check=False
    )
    return _read(done.stdout + done.stderr)


def _line(poll: Poll) -> str:
    fields = [poll.path, poll.authorization, poll.etag, str(poll.status), poll.body or ""]
    return "\t".join(fields) + "\n"


def _read(output: str) -> Load:
    match = RESULT.search(output)
    if match is None:
        raise RuntimeError(f"wrk said no result:\n{output}")
    requests, microseconds, p50, p99, wrong, lost = (int(match[n]) for n in range(1, 7))
    if wrong or lost or not requests:
        raise WrongAnswersError(f"{wrong} wrong, {lost} lost of {requests}\n{match[7]}")
    return Load(requests, microseconds / 1e6, p50 / 1e3, p99 / 1e3)
