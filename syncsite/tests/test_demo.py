"""The demo in a copy of the project, with an empty environment, as on a fresh machine."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from crmsync.support.sample_data import LOCAL_PASSWORD
from syncsite.management.commands.demo import choose_password
from syncsite.tests.processes import free_port, wait_for

EMBEDDED = not os.environ.get("DATABASE_URL") and not os.environ.get("REDIS_URL")
pytestmark = [
    pytest.mark.skipif(not EMBEDDED, reason="the demo brings its own database and queue"),
    pytest.mark.slow,
]


@pytest.fixture
def project(tmp_path):
    copy = tmp_path / "a project"  # With a blank, as folders of people have.
    unwanted = shutil.ignore_patterns(".*")
    shutil.copytree(settings.BASE_DIR, copy, ignore=unwanted, dirs_exist_ok=True)
    return copy


@pytest.fixture
def start(project):
    started = []

    def start_demo(*args):
        output = (project / f"output-{len(started)}").open("w+")
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "manage.py", "demo", "--no-browser", *args],
            cwd=project,
            env={
                "PATH": os.environ["PATH"],
                "SYNC_RETRY_DELAYS": "0.5,0.5",
                "WEB_CONCURRENCY": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        started.append((process, output))
        return process, lambda: Path(output.name).read_text()

    yield start_demo
    for process, output in started:
        process.kill()
        process.wait()
        output.close()


def wait_for_text(process, read, text):
    def is_shown():
        assert process.poll() is None, read()
        return text in read()

    wait_for(is_shown)


def processes_of(project):
    """Command lines of what runs with the project's folder in its working directory."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cwd").resolve().is_relative_to(project):
                found.append((folder / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_shows_a_sync_stays_until_ctrl_c_and_goes_on_with_the_same_data(start, project):
    port = free_port()
    process, read = start("--port", str(port))
    wait_for_text(process, read, "Ctrl-C stops everything")
    shown = read()
    for text in ("=1 ", "=2 ", "=3 ", "retrying", "Sandbox is not answering", "synced"):
        assert text in shown
    (authenticate, status, success) = re.findall(
        r"curl [^\n]*(?:authenticate|status|success).*", shown
    )
    assert curl(authenticate).json()["auth_token"]
    assert curl(status).content == b'{"in_progress_sync_status":null}'
    assert curl(success).content == b'{"last_sync_success":true}'
    refused, read_refused = start("--port", str(free_port()))
    assert refused.wait(30) == 1
    assert read_refused().strip().endswith("A demo is already running in this folder.")
    process.send_signal(signal.SIGINT)
    assert process.wait(40) == 0
    assert not processes_of(project)
    again, read_again = start("--once", "--port", str(port))
    assert again.wait(90) == 0, read_again()
    assert [added(text) for text in (shown, read_again())] == [11, 12]
    assert not processes_of(project)


def added(text):
    (number,) = re.findall(r"Added meeting (\d+)", text)
    return int(number)


def curl(line):
    """What the shell would do with a curl line of the demo."""
    method = "POST" if "-X POST" in line else "GET"
    (url,) = re.findall(r"http://\S+", line)
    headers = dict(header.split(": ") for header in re.findall(r"-H '([^']*)'", line))
    body = re.findall(r"-d '([^']*)'", line)
    return httpx.request(
        method, url.replace("localhost", "127.0.0.1"), headers=headers, content="".join(body)
    )


def test_gives_nobody_a_known_password_to_a_shared_database(monkeypatch):
    assert choose_password() == choose_password() == LOCAL_PASSWORD
    monkeypatch.setenv("DATABASE_URL", "postgres://db.example/syncsite")
    assert len({choose_password(), choose_password(), LOCAL_PASSWORD}) == 3


def test_says_that_a_port_is_taken(start):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        process, read = start("--port", str(port))
        assert process.wait(30) == 1
    assert read().strip().startswith(f"CommandError: Port {port} is not free")
    assert len(read().strip().splitlines()) == 1


def test_leaves_nothing_running_when_it_is_killed(start, project):
    process, read = start("--port", str(free_port()))
    wait_for_text(process, read, "Signed in")
    process.kill()
    wait_for(lambda: not processes_of(project))
