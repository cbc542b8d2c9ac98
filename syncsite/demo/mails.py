"""The mails of a demo, which has no mail server: files, for the terminal."""

from collections import Counter
from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import quote

END = b"-" * 79 + b"\n"  # Django's, behind each mail.


class Mails:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = Counter({path.name: len(_whole(path)) for path in self._files()})

    @property
    def url(self) -> str:
        """For EMAIL_URL."""
        return f"filemail:///{quote(str(self.folder))}"

    def new(self) -> Iterator[str]:
        """Those that are whole and were not shown yet."""
        for path in self._files():
            for mail in _whole(path)[self.shown[path.name] :]:
                self.shown[path.name] += 1
                yield _text(mail)

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.log"))


def _whole(path: Path) -> list[bytes]:
    """The mails of a file. Two of the same second may share one."""
    return path.read_bytes().split(END)[:-1]


def _text(written: bytes) -> str:
    mail = BytesParser(policy=policy.default).parsebytes(written)
    body = mail.get_body()
    text = body.get_content() if body else ""
    return f"\nMail to {mail['To']}: {mail['Subject']}\n{text}"
