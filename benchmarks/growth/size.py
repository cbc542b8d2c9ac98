"""How much there is of everything, and whose each meeting is."""

from dataclasses import dataclass

OWNER = 1  # Who has far more meetings than anybody else.
PAGE = 50


@dataclass(frozen=True)
class Size:
    name: str
    meetings: int
    users: int
    owned: int

    @classmethod
    def small(cls, meetings: int) -> "Size":
        return cls("small", meetings, max(100, meetings // 100), meetings // 2)

    @classmethod
    def large(cls, meetings: int) -> "Size":
        return cls("large", meetings, max(100, meetings // 100), meetings * 6 // 100)

    def owner_of(self, meeting: int) -> int:
        """The owner's are spread evenly among those of the others."""
        if meeting * self.owned // self.meetings > (meeting - 1) * self.owned // self.meetings:
            return OWNER
        return 2 + meeting % (self.users - 1)

    @property
    def last_page(self) -> int:
        return min(1000, -(-self.owned // PAGE))
