"""The README and the other papers: what they name exists, and what exists is named."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import resolve

from syncsite.demo.processes import procfile

ROOT = Path(settings.BASE_DIR)
PAPERS = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]
}
SETTINGS = "".join(
    (ROOT / "syncsite" / name).read_text() for name in ("settings.py", "api_settings.py")
)
VARIABLES = set(re.findall(r'(?:env\.\w+|listed|environ\.get)\(\s*"([A-Z_]+)"', SETTINGS))
PROCESSES = procfile(ROOT / "Procfile")
PACKAGES = re.findall(r"^([a-z-]+)", (ROOT / "requirements.in").read_text(), re.MULTILINE)
COMMANDS = {
    path.stem
    for app in ("crmsync", "syncsite")
    for path in (ROOT / app / "management/commands").glob("[a-z]*.py")
}
FOLDERS = ("accounts", "benchmarks", "crmsync", "deploy", "docs", "meetings", "syncsite")


def row_of(name, paper):
    return re.search(rf"^\| (.*, )?{re.escape(name)}[ ,`|]", PAPERS[paper], re.MULTILINE)


@pytest.mark.parametrize("variable", sorted(VARIABLES))
def test_explains_every_variable(variable):
    assert row_of(f"`{variable}`", "docs/settings.md")


@pytest.mark.parametrize("package", sorted(set(PACKAGES)))
def test_explains_every_direct_dependency(package):
    assert row_of(package, "docs/architecture.md")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_explains_every_command(command):
    assert re.search(rf"^\| `{command}[ `]", PAPERS["docs/support.md"], re.MULTILINE)


@pytest.mark.parametrize("process", PROCESSES)
def test_explains_every_process(process):
    assert row_of(f"`{process}`", "docs/operations.md")


def test_is_short():
    assert len(PAPERS["README.md"].splitlines()) <= 120


@pytest.mark.parametrize("paper", PAPERS)
def test_links_only_to_what_is_there(paper):
    links = re.findall(r"\]\(([^)#]+)\)", PAPERS[paper])
    local = [link for link in links if not link.startswith("https://")]
    assert not [link for link in local if not ((ROOT / paper).parent / link).exists()]


@pytest.mark.parametrize("paper", PAPERS)
def test_names_only_paths_that_exist(paper):
    named = re.findall(rf"(?<![\w/.])((?:{'|'.join(FOLDERS)})/[\w./@*-]*)", PAPERS[paper])
    paths = {name.rstrip(".") for name in named}
    assert not {path for path in paths if not list(ROOT.glob(path.rstrip("/")))}


@pytest.mark.parametrize("paper", PAPERS)
def test_names_only_commands_that_exist(paper):
    named = set(re.findall(r"manage\.py ([a-z_]+)", PAPERS[paper]))
    assert named <= set(get_commands())


@pytest.mark.parametrize("paper", PAPERS)
def test_names_only_variables_that_exist(paper):
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b(?!\.)", PAPERS[paper]))
    read_by_processes = set(re.findall(r"\$\{([A-Z_]+)", " ".join(PROCESSES.values())))
    assert named <= VARIABLES | read_by_processes


def allowed_methods(path):
    view = resolve(path).func
    actions = getattr(view, "actions", None)
    if actions:
        return set(actions)
    return set(dir(view.view_class)) if hasattr(view, "view_class") else {"get"}


@pytest.mark.parametrize("paper", PAPERS)
def test_names_only_endpoints_that_exist(paper):
    text = (
        PAPERS[paper].replace("$MEETING", "1").replace("{id}", "1").replace("{code}", "crm_timeout")
    )
    calls = re.findall(r"(GET|POST|PUT|PATCH|DELETE) (?:\$API)?(/[\w/]*)", text)
    calls += [("GET", path) for path in re.findall(r"curl \$API(/[\w/]+)", text)]
    assert not [(m, path) for m, path in calls if m.lower() not in allowed_methods(path)]
