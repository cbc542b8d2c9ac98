"""Of many threads that miss the same copy at once, one reads the row, and the others its copy."""

import threading

# A lock for each key would have to be thrown away again; a few that keys share need not.
_LOCKS = [threading.Lock() for _ in range(64)]


def key_lock(key: str) -> threading.Lock:
    """Hold it while looking again, and reading the row if there still is no copy."""
    return _LOCKS[hash(key) % len(_LOCKS)]
