from typing import Any

MAX = 10_000


def count_in_words(rows: Any, limit: int | None = None) -> str:
    """How many rows a preview names: exact up to MAX, because counting on makes people wait."""
    most = min(limit or MAX + 1, MAX + 1)
    counted = rows.order_by()[:most].count()
    return f"{counted:,}" if counted <= MAX else f"more than {MAX:,}"
