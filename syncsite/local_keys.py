"""Keys for a machine on which nobody has set any: made once, kept for this user only."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cryptography.fernet import Fernet
from django.core.management.utils import get_random_secret_key


def local_key(path: Path, make: Callable[[], str]) -> str:
    """The key stored at `path` (mode 0600), made by `make()` at the first call.

    Ends the process with one sentence where the folder cannot be written.
    """
    try:
        if not path.exists():
            _create(path, make())
        return path.read_text()
    except OSError as error:
        sys.exit(
            f"syncsite cannot keep its files in {path.parent}: {error.strerror}. "
            "Make the folder writable, or set the variables that README.md lists."
        )


def _create(path: Path, key: str) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as file:
        file.write(key)
    try:
        # A link appears whole or not at all, and the first of several processes wins.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def local_secret_key(folder: Path) -> str:
    return local_key(folder / "secret_key", get_random_secret_key)


def local_credentials_key(folder: Path) -> str:
    return local_key(folder / "credentials_key", lambda: Fernet.generate_key().decode())
