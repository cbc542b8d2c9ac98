"""The geometry of an SVG bar chart by hours."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

WIDTH, HEIGHT, BASE = 480, 140, 120
LABEL_EVERY, LABEL_WIDTH = 6, 30  # Hours; units of the drawing.


@dataclass(frozen=True)
class Hour:
    """Syncs that ended in the hour from `at`."""

    at: datetime
    succeeded: int
    failed: int


def build(hours: Sequence[Hour]) -> dict[str, Any]:
    most = max((hour.succeeded + hour.failed for hour in hours), default=0)
    pitch = WIDTH // max(1, len(hours))
    succeeded, failed = (sum(getattr(h, n) for h in hours) for n in ("succeeded", "failed"))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "base": BASE,
        "label_y": HEIGHT - 6,
        "most": most,
        "hours": hours,
        "text": f"{succeeded} syncs succeeded and {failed} failed since {hours[0].at:%H:%M} UTC.",
        "bars": [_bar(hour, n * pitch, pitch - 3, most) for n, hour in enumerate(hours)],
    }


def _bar(hour: Hour, x: int, width: int, most: int) -> dict[str, Any]:
    scale = (BASE - 14) / most if most else 0
    green, red = round(hour.succeeded * scale), round(hour.failed * scale)
    time = f"{hour.at:%H:%M}"
    return {
        "x": x,
        "width": width,
        "succeeded": {"y": BASE - green, "height": green},
        "failed": {"y": BASE - green - red, "height": red},
        "label": time if hour.at.hour % LABEL_EVERY == 0 and x < WIDTH - LABEL_WIDTH else "",
        "text": f"{time}: {hour.succeeded} succeeded, {hour.failed} failed",
    }
