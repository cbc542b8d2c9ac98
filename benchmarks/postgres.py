"""A PostgreSQL server that may be restarted at will."""

import os
import shutil
import subprocess
from pathlib import Path

from django.conf import settings

DEBIAN = Path("/usr/lib/postgresql")


class Postgres:
    """The one that the settings name. It refuses to run as root, so root lets `postgres` run it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "postgres"
        self.port = settings.DATABASES["default"]["PORT"]

    def start(self) -> None:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            self.folder.parent.chmod(0o755)
        self._run("initdb", "-D", self._data, "-A", "trust", "-U", "postgres")
        self._pg_ctl("start", "-o", f"-p {self.port} -k {self.folder} -c fsync=off")

    def restart(self) -> None:
        self._pg_ctl("restart", "-m", "fast")

    def stop(self) -> None:
        self._pg_ctl("stop", "-m", "immediate")

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    def _pg_ctl(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", self._data, "-l", str(self.folder / "log"), "-w", *arguments)

    def _run(self, program: str, *arguments: str) -> None:
        as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        subprocess.run(  # noqa: S603
            [*as_postgres, str(_programs() / program), *arguments],
            cwd=self.folder,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )


def _programs() -> Path:
    """Debian keeps them off the PATH, by version."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name))
