import re
from pathlib import Path

import pytest
from django.conf import settings

from syncsite.demo.processes import procfile

ROOT = Path(settings.BASE_DIR)
README = (ROOT / "README.md").read_text()
SETTINGS = (ROOT / "syncsite" / "settings.py").read_text()
VARIABLES = re.findall(r'(?:env\.\w+|listed|environ\.get)\(\s*"([A-Z_]+)"', SETTINGS)
PACKAGES = re.findall(r"^([a-z-]+)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
COMMANDS = [path.stem for path in (ROOT / "crmsync/management/commands").glob("[a-z]*.py")]


@pytest.mark.parametrize("variable", sorted(set(VARIABLES)))
def test_explains_every_variable(variable):
    assert re.search(rf"^\| .*`{variable}`", README, re.MULTILINE)


@pytest.mark.parametrize("package", sorted(set(PACKAGES)))
def test_explains_every_direct_dependency(package):
    assert re.search(rf"^\| (.*, )?{package}(, .*)? \|", README, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_explains_every_command(command):
    assert re.search(rf"^\| `{command}", README, re.MULTILINE)


@pytest.mark.parametrize("process", procfile(ROOT / "Procfile"))
def test_explains_every_process(process):
    assert f"| `{process}` |" in README


def test_shows_the_worker_as_the_procfile_runs_it():
    assert procfile(ROOT / "Procfile")["worker"].removeprefix("python ") in README
