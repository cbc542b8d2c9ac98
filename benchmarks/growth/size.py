"""How much there is of everything."""

from dataclasses import dataclass

OWNER = 1  # Who has far more meetings than anybody else.
PAGE = 50
RARE = "Zanzibar"  # In the titles of 40 meetings.


@dataclass(frozen=True)
class Size:
    """`owned` meetings are the owner's, spread evenly among those of the others."""

    name: str
    meetings: int
    owned: int

    @classmethod
    def small(cls, meetings: int) -> "Size":
        return cls("small", meetings, meetings // 2)

    @classmethod
    def large(cls, meetings: int) -> "Size":
        return cls("large", meetings, meetings * 6 // 100)

    @property
    def users(self) -> int:
        return max(100, self.meetings // 100)

    @property
    def last_page(self) -> int:
        return min(1000, -(-self.owned // PAGE))
