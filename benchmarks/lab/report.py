"""Runs one trial for every seed and says what they came to."""

import argparse
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from rich.console import Console
from rich.table import Table

from benchmarks.lab.people import Observations
from benchmarks.lab.postgres import Postgres
from benchmarks.lab.stack import Stack
from benchmarks.lab.trial import Trial
from benchmarks.lab.verdict import FAULTLESS, Verdict

PROCESSES = {"web": 2, "worker": 4, "dispatcher": 2}
PLAN = {
    "restart workers": 5,
    "kill redis": 2,
    "hang redis": 1,
    "empty redis": 1,
    "fill redis": 1,
    "freeze worker": 1,
    "restart database": 1,
}


def main(folder: Path) -> int:
    options = _parse()
    console = Console()
    with ExitStack() as stack:
        postgres = None if options.sqlite else stack.enter_context(Postgres(folder))
        verdicts = list(_run_all(options, folder, postgres, console))
    console.print(_table(verdicts))
    if options.json:
        options.json.write_text(json.dumps([asdict(verdict) for verdict in verdicts], indent=2))
    return 0 if all(verdict.is_faultless for verdict in verdicts) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Is anything lost, stuck or written twice?")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="how many runs")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the first run")
    parser.add_argument("--syncs", type=int, default=500, metavar="N")
    parser.add_argument("--users", type=int, default=20, metavar="N")
    parser.add_argument("--kills", type=int, default=40, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--logs", type=Path, metavar="FOLDER", help="keep the processes' logs")
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL")
    return parser.parse_args()


def _run_all(
    options: argparse.Namespace, folder: Path, postgres: Postgres | None, console: Console
) -> Iterator[Verdict]:
    call_command("migrate", verbosity=0)
    plan = {"kill": options.kills, **PLAN}
    for seed in range(options.seed, options.seed + options.seeds):
        call_command("flush", interactive=False, verbosity=0)
        trial = Trial(seed, options.users, options.syncs, plan)
        own = (options.logs or folder) / f"seed-{seed}"
        own.mkdir(parents=True)
        with Stack(own, _environment(), PROCESSES) as stack:
            verdict, seen = trial.run(stack, postgres)
        _explain(verdict, seen, console)
        yield verdict


def _environment() -> Mapping[str, str]:
    return {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "SECRET_KEY": settings.SECRET_KEY,
        "CREDENTIALS_KEYS": ",".join(settings.CREDENTIALS_KEYS),
    }


def _explain(verdict: Verdict, seen: Observations, console: Console) -> None:
    console.print(verdict)
    for line in [*seen.surprises, *seen.backward, *(text for _, text in seen.server_errors)]:
        console.print(line, markup=False)


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(*["", *(f"seed {verdict.seed}" for verdict in verdicts)])
    for name in asdict(verdicts[0]):
        if name != "seed":
            style = "bold" if name in FAULTLESS else ""
            figures = [str(getattr(verdict, name)) for verdict in verdicts]
            table.add_row(name.replace("_", " "), *figures, style=style)
    return table
