"""Bounds the memory that this process holds for its clients."""

from syncsite.front.refusals import RefusedError

LIMIT = 128 * 1024 * 1024  # Bytes.


class Memory:
    def __init__(self) -> None:
        self.held = 0

    def take(self, count: int) -> None:
        """Raises RefusedError."""
        if self.held + count > LIMIT:
            raise RefusedError(503)
        self.held += count

    def give_back(self, count: int) -> None:
        self.held -= count


memory = Memory()
