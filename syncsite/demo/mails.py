"""The mails of a demo, which has no mail server: files, for the terminal."""

from collections.abc import Iterator
from email import policy
from email.parser import BytesParser
from pathlib import Path
from urllib.parse import quote

END = b"-" * 79 + b"\n"  # Django's, behind each mail.


class Mails:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = {path.name for path in self._files()}

    @property
    def url(self) -> str:
        """For EMAIL_URL."""
        return f"filemail:///{quote(str(self.folder))}"

    def new(self) -> Iterator[str]:
        """Those that are whole and were not shown yet."""
        for path in self._files():
            written = path.read_bytes()
            if path.name not in self.shown and written.endswith(END):
                self.shown.add(path.name)
                yield from map(_text, filter(None, written.split(END)))

    def _files(self) -> list[Path]:
        return sorted(self.folder.glob("*.log"))


def _text(written: bytes) -> str:
    mail = BytesParser(policy=policy.default).parsebytes(written)
    body = mail.get_body()
    text = body.get_content() if body else ""
    return f"\nMail to {mail['To']}: {mail['Subject']}\n{text}"
