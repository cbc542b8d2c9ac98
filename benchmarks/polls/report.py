"""Runs the rounds and says what they came to."""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from rich.console import Console

from benchmarks.lab.postgres import Postgres
from benchmarks.polls import tables
from benchmarks.polls.candidates import CANDIDATES, SERVERS, Candidate
from benchmarks.polls.copies import write_copies
from benchmarks.polls.load import CONNECTIONS, WrongAnswersError, generator
from benchmarks.polls.options import parse
from benchmarks.polls.record import record
from benchmarks.polls.rounds import Rounds
from benchmarks.polls.rows import make_rows
from syncsite.demo.valkey import EmbeddedValkey
from syncsite.redis_urls import next_database

console = Console()


def main(folder: Path) -> int:
    options = parse()
    with Postgres(folder), _valkey(folder):
        rounds = _prepare(options, folder)
        try:
            found = [_compare(options, rounds, processes) for processes in options.processes]
        except WrongAnswersError as error:
            console.print(f"Wrong answers: {error}", style="red", markup=False)
            return 1
    if options.json:
        asked = {name: getattr(options, name) for name in ("users", "meetings", "seconds")}
        said = {**asked, "load": generator(), "connections": CONNECTIONS, "results": found}
        options.json.write_text(json.dumps(said, indent=2))
    return 0


@contextmanager
def _valkey(folder: Path) -> Iterator[None]:
    valkey = EmbeddedValkey(folder / "valkey.sock", folder, keeps_data=False)
    valkey.start()
    try:
        yield
    finally:
        valkey.stop()


def _prepare(options: argparse.Namespace, folder: Path) -> Rounds:
    copies_url = next_database(settings.CACHE_URL)
    with console.status(f"{options.users:,} users and {options.meetings:,} meetings"):
        call_command("migrate", verbosity=0)
        polled = make_rows(options.users, options.meetings)
        write_copies(copies_url, polled)
    console.print(
        f"{options.users:,} users, {options.meetings:,} meetings, {len(polled):,} of them polled; "
        f"{CONNECTIONS} connections of {generator()}"
    )
    return Rounds(polled, copies_url, folder, options.rounds, options.seconds)


def _compare(options: argparse.Namespace, rounds: Rounds, processes: int) -> dict[str, Any]:
    title = f"{processes} process" + ("es" if processes > 1 else "")
    chosen = [candidate for candidate in CANDIDATES if candidate.name in options.only]
    found: dict[str, Any] = {"processes": processes}
    found |= _measure(rounds, chosen, processes, title)
    if options.servers:
        found["servers"] = _measure(rounds, SERVERS, processes, f"ours, {title}")
    return found


def _measure(
    rounds: Rounds, candidates: Sequence[Candidate], processes: int, title: str
) -> dict[str, Any]:
    with console.status(title) as status:
        measures = rounds.measure(candidates, processes, lambda text: status.update(text))
    console.print(tables.figures(title, measures))
    if tables.reachable(measures):
        console.print(tables.goals(f"Goals, {title}", measures))
    return record(measures)
