"""One spelling for each e-mail address, so that nobody is two people."""

import contextlib
import unicodedata

import idna


def normalize(address: str) -> str:
    """In lower case, without invisible characters, with the host in ASCII.

    What is no address stays as it is, for a validator to refuse.
    """
    visible = "".join(c for c in address if unicodedata.category(c) != "Cf")
    local, at, host = unicodedata.normalize("NFKC", visible).strip().lower().rpartition("@")
    with contextlib.suppress(idna.IDNAError, UnicodeError):
        host = idna.encode(host, uts46=True).decode()
    return f"{local}{at}{host}"
