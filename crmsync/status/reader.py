from dataclasses import dataclass

from django.utils.translation import get_language


@dataclass(frozen=True)
class Reader:
    """Who reads a document. `time_zone` may be empty; `language` is the active one."""

    user_id: int
    time_zone: str = ""

    @property
    def terms(self) -> list[str]:
        return [get_language() or "", self.time_zone]
