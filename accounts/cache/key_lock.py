"""When many threads miss the same copy, one reads the row. The others then find its copy."""

import threading

# A few shared locks: one lock per key would need cleaning up.
_LOCKS = [threading.Lock() for _ in range(64)]


def key_lock(key: str) -> threading.Lock:
    """Hold it to look up the copy again and, if it is still missing, to read the row."""
    return _LOCKS[hash(key) % len(_LOCKS)]
