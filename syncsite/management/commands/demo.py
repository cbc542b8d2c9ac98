import io
import json
import os
import secrets
import signal
import sys
import time
import webbrowser
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx
import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from django.db import connection
from rich.console import Console

from crmsync.support.sample_data import (
    ADMIN,
    DEMO_USER,
    LOCAL_PASSWORD,
    SUPPORT_USER,
    make_admin,
    set_password,
)
from syncsite.demo.frontend import Frontend, FrontendError
from syncsite.demo.mails import Mails
from syncsite.demo.preflight import check_port, lock_folder
from syncsite.demo.processes import Processes, procfile
from syncsite.demo.valkey import EmbeddedValkey, ValkeyError

HOST = "127.0.0.1"
RETRY_DELAYS = "2,3,5,8,13"
WORKERS = 2

PAGES = """
Pages
  The app     {url}/app       {credentials_in_words}
  Every state {url}/app/states   once “manage.py seed --states” has made them
  API docs    {url}/docs
  Support     {url}/admin/    {support}
  The same, with every right  {admin}
  Help        {url}/help

As a frontend
  curl -X POST {url}/authenticate -H 'Content-Type: application/json' -d '{credentials}'
  curl {url}/meetings/{meeting}/sync_status -H 'Authorization: {token}'
  curl {url}/meetings/{meeting}/last_sync_success -H 'Authorization: {token}'
  curl -X POST {url}/meetings/{meeting}/sync -H 'Authorization: {token}'
"""


FAILURES = (ValkeyError, FrontendError, DatabaseError, redis.RedisError, httpx.HTTPError)


class Command(BaseCommand):
    help = "The whole product on this machine: database, queue, web, workers, and a sync to watch."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--once", action="store_true", help="end when the sync is done")
        parser.add_argument("--no-browser", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        # SIGINT too: a shell starts background jobs with SIGINT ignored.
        _on_signals(_interrupt)
        self.password = choose_password()
        self.console = Console(file=sys.stdout, no_color=options["no_color"] or None)
        try:
            with ExitStack() as stack:
                self._run(stack, options)
        except KeyboardInterrupt:
            self.console.print("Stopped. The data stays in .data/ for the next start.")
        except FAILURES as error:
            raise CommandError(str(error).splitlines()[0]) from error
        except OSError as error:
            raise CommandError(f"Cannot write to {settings.DATA_DIR}: {error.strerror}.") from error

    def _run(self, stack: ExitStack, options: dict[str, Any]) -> None:
        stack.enter_context(lock_folder(settings.DATA_DIR))
        check_port(HOST, options["port"])
        self._start_valkey(stack)
        self._prepare_database()
        processes = self._start_processes(stack, options["port"])
        self._show_sync(processes, options)
        if not options["once"]:
            self._stay(processes)

    def _start_valkey(self, stack: ExitStack) -> None:
        if os.environ.get("REDIS_URL"):
            redis.Redis.from_url(settings.REDIS_URL).ping()
            return
        valkey = EmbeddedValkey(settings.EMBEDDED_SOCKET, settings.DATA_DIR)
        valkey.start()
        stack.callback(valkey.stop)

    def _prepare_database(self) -> None:
        self.console.print(f"syncsite {settings.VERSION}. Preparing the database …")
        call_command("migrate", verbosity=0)
        call_command("seed", password=self.password, stdout=io.StringIO())
        make_admin(self.password)
        set_password([ADMIN], self.password)
        connection.close()

    def _start_processes(self, stack: ExitStack, port: int) -> Processes:
        logs = settings.DATA_DIR / "logs"
        logs.mkdir(exist_ok=True)
        self.mails = Mails(settings.DATA_DIR / "mails")
        environment = _environment(port, self.mails.url)
        processes = Processes(settings.BASE_DIR, logs, environment)
        stack.callback(processes.stop)
        stack.callback(self.console.print, "Stopping …")
        commands = procfile(settings.BASE_DIR / "Procfile")
        processes.start("web", commands["web"], HOST=HOST, PORT=str(port))
        for number in range(1, WORKERS + 1):
            processes.start(f"worker-{number}", commands["worker"])
        processes.start("dispatcher", commands["dispatcher"])
        return processes

    def _show_sync(self, processes: Processes, options: dict[str, Any]) -> None:
        url = f"http://localhost:{options['port']}"
        frontend = Frontend(f"http://{HOST}:{options['port']}", self.console)
        still_running = partial(_check_running, processes)
        frontend.wait_until_ready(still_running)
        session = frontend.sign_in(DEMO_USER, self.password)
        frontend.connect()
        meeting = frontend.add_meeting()
        self._show_app(url, session, options)
        if not frontend.sync(meeting, still_running):
            raise CommandError("The sync did not succeed.")
        credentials = json.dumps({"email": DEMO_USER, "password": self.password})
        self.stdout.write(
            PAGES.format(
                url=url,
                credentials_in_words=f"{DEMO_USER} / {self.password}",
                support=f"{SUPPORT_USER} / {self.password}",
                admin=ADMIN,
                credentials=credentials,
                meeting=meeting,
                token=session["auth_token"],
            )
        )

    def _show_app(self, url: str, session: Mapping[str, str], options: dict[str, Any]) -> None:
        self.console.print(f"Watch it in the app: {url}/app")
        if not (options["once"] or options["no_browser"]) and self.console.is_terminal:
            # What follows the # stays in the browser; the page removes it at once.
            signed_in = urlencode({"email": DEMO_USER, **session})
            webbrowser.open(f"{url}/app#{signed_in}")

    def _stay(self, processes: Processes) -> None:
        self.console.print("Running; Ctrl-C stops everything.")
        while True:
            _check_running(processes)
            for mail in self.mails.new():
                self.console.print(mail, highlight=False, markup=False, soft_wrap=True)
            time.sleep(1)


def choose_password() -> str:
    """The default password is public, so it is used only for a local database."""
    return secrets.token_urlsafe(9) if os.environ.get("DATABASE_URL") else LOCAL_PASSWORD


def _on_signals(handler: Any) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handler)


def _interrupt(*_: Any) -> None:
    _on_signals(signal.SIG_IGN)  # A second Ctrl-C must not leave processes behind.
    raise KeyboardInterrupt


def _environment(port: int, mails: str) -> Mapping[str, str]:
    defaults = {
        "SYNC_RETRY_DELAYS": RETRY_DELAYS,
        "PUBLIC_URL": f"http://localhost:{port}",
        "EMAIL_URL": mails,
    }
    return {**defaults, **os.environ}


def _check_running(processes: Processes) -> None:
    name = processes.dead()
    if name:
        log = processes.logs / f"{name}.log"
        raise CommandError(f"The {name} process ended by itself; {log} says why.")
