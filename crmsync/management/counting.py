from typing import Any

MAX = 10_000


def count_in_words(rows: Any, limit: int | None = None) -> str:
    """Of a queryset, as a preview says it: exact as far as nobody has to wait for it."""
    most = min(limit or MAX + 1, MAX + 1)
    counted = rows.order_by()[:most].count()
    return f"{counted:,}" if counted <= MAX else f"more than {MAX:,}"
