import argparse
from pathlib import Path

from benchmarks.polls.candidates import CANDIDATES


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What does a status poll cost?")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seconds", type=int, default=3, metavar="N", help="of each measurement")
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1], metavar="N", help="of each server"
    )
    parser.add_argument("--servers", action="store_true", help="also compare gunicorn and granian")
    parser.add_argument("--users", type=int, default=1_000, metavar="N")
    parser.add_argument("--meetings", type=int, default=10_000, metavar="N")
    names = [candidate.name for candidate in CANDIDATES]
    parser.add_argument("--only", nargs="+", default=names, choices=names, metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    return parser.parse_args()
