"""How far a sync has come. Instants and shares only: an unchanged state stays the same. Pure."""

from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

from crmsync.models import SyncRun
from crmsync.status.state import ends_about_of, expected_seconds_of
from meetings.models import Meeting, SyncStep

STEP_KEYS = {SyncStep.CONTACTS: "contacts", SyncStep.MEETING: "meeting", SyncStep.NOTES: "notes"}


def describe_progress(
    state: str,
    meeting: Meeting,
    run: SyncRun | None,
    next_attempt_at: datetime | None,
    now: datetime,
) -> dict[str, Any] | None:
    if run is None or run.removes:
        return None
    step = SyncStep(meeting.in_progress_sync_status or run.step)
    seconds = expected_seconds_of(run)
    ends_about = ends_about_of(run) if state == "syncing" else None
    if next_attempt_at:
        ends_about = next_attempt_at + timedelta(seconds=sum(seconds[step - 1 :]))
    is_done = state in {"synced", "out_of_date"}
    parts = _parts(seconds, step, is_done=is_done, is_active=state == "syncing")
    return {
        "step": step,
        "steps": len(SyncStep),
        "key": STEP_KEYS[step],
        "label": str(step.label),
        "percent": 100 if is_done else parts[step - 1]["from"],
        "parts": parts,
        "step_started_at": run.step_started_at if state == "syncing" else None,
        "step_expected_seconds": None if is_done else seconds[step - 1],
        # Once a step takes longer than usual, no end can be predicted.
        "ends_about": ends_about if ends_about and ends_about > now else None,
    }


def _parts(
    seconds: list[float], current: SyncStep, *, is_done: bool, is_active: bool
) -> list[dict[str, Any]]:
    """A bar's unequal parts. `from` and `to` are percents."""
    ends = [int(100 * end / sum(seconds)) for end in accumulate(seconds)]
    ends[-1] = 100  # Sums of fractions may end just below.
    states = {step: "done" if is_done or step < current else "waiting" for step in SyncStep} | (
        {current: "active"} if is_active else {}
    )
    return [
        {
            "key": STEP_KEYS[step],
            "label": str(step.label),
            "from": start,
            "to": end,
            "expected_seconds": expected,
            "state": states[step],
        }
        for step, start, end, expected in zip(SyncStep, [0, *ends], ends, seconds, strict=False)
    ]
