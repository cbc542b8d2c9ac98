"""What became of each connection and of each sync: as if by chance, but always the same."""

from crmsync.errors import CATALOGUE

RUNS_PER_MEETING = 3
CODES = list(CATALOGUE)
STATUSES = ["succeeded"] * 97 + ["failed"] * 2 + ["canceled"]


def provider_of(user: int) -> str:
    if user % 1000 == 50:
        return "bottlecrm"
    return ("sandbox", "hubspot", "salesforce")[user % 3]


def is_held(user: int) -> bool:
    return user % 100 == 3


def was_synced(meeting: int) -> bool:
    return meeting % 100 != 7


def status_of(meeting: int, turn: int) -> str:
    mixed = (meeting * RUNS_PER_MEETING + turn) * 2_654_435_761 & 0xFFFFFFFF
    return STATUSES[(mixed >> 8) % len(STATUSES)]


def code_of(meeting: int) -> str:
    return "record_rejected" if meeting % 2 else CODES[meeting % len(CODES)]


def last_success(meeting: int) -> str:
    """A canceled sync leaves what was before."""
    if not was_synced(meeting):
        return r"\N"
    ended = [status_of(meeting, turn) for turn in range(RUNS_PER_MEETING)]
    lasting = [status for status in ended if status != "canceled"]
    return {"succeeded": "t", "failed": "f"}[lasting[-1]] if lasting else r"\N"
