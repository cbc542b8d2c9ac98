"""The samples in deploy/ fit the product, and the programs that read them accept them."""

import os
import re
import shutil
import subprocess
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
from django.conf import settings

from syncsite.demo.processes import procfile
from syncsite.tests.proxies import DEPLOY, need, proxy_command

ROOT = Path(settings.BASE_DIR)
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
PROCFILE = procfile(ROOT / "Procfile")
BIN = "/srv/syncsite/.venv/bin/"
DEFAULT = re.compile(r"\$\{(\w+):-([^}]*)\}")
ENVIRONMENT_FILE = (DEPLOY / "env.example").read_text()
VARIABLE = re.compile(r"^#?([A-Z_]+)=(.*)$", re.MULTILINE)


def unit(name):
    parser = RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str
    parser.read(DEPLOY / "systemd" / name)
    return parser


def run(*command, **environment):
    return subprocess.run(  # noqa: S603
        command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("process", "name"),
    [
        ("web", "syncsite-web.service"),
        ("worker", "syncsite-worker@.service"),
        ("dispatcher", "syncsite-dispatcher.service"),
    ],
)
def test_runs_what_the_procfile_runs(process, name):
    service = unit(name)["Service"]
    command = DEFAULT.sub(r"${\1}", PROCFILE[process])
    assert service["ExecStart"] == f"{BIN}{command}"
    defaults = [f"{name}={value}" for name, value in DEFAULT.findall(PROCFILE[process])]
    assert service.get("Environment", "").split() == defaults


def test_releases_as_the_procfile_does():
    service = unit("syncsite-release.service")["Service"]
    steps = [service["ExecStartPre"], service["ExecStart"]]
    together = " && ".join(step.removeprefix(BIN) for step in steps)
    assert PROCFILE["release"] == f"sh -c '{together}'"


def test_leaves_no_process_without_a_unit():
    started = {path.stem.removeprefix("syncsite-").rstrip("@") for path in SERVICES}
    assert set(PROCFILE) <= started


def test_prunes_with_commands_that_exist():
    prune = (DEPLOY / "systemd" / "syncsite-prune.service").read_text()
    commands = re.findall(r"^ExecStart=\S+ manage\.py (\S+)", prune, re.MULTILINE)
    assert commands == ["prune_sync_history", "clearsessions"]
    for command in commands:
        assert run(sys.executable, "manage.py", command, "--help", **filled()).returncode == 0


def test_guards_every_service_alike():
    guards = {
        path.read_text().partition("NoNewPrivileges")[2].partition("\n\n")[0] for path in SERVICES
    }
    assert len({guard.strip() for guard in guards}) == 1


def verify(folder, extra=""):
    """What systemd says of copies whose programs exist on this machine."""
    need("systemd-analyze")
    for path in UNITS:
        text = re.sub(
            rf"=({re.escape(BIN)}|/bin/)\w+", f"={shutil.which('true')}", path.read_text()
        )
        (folder / path.name).write_text(text.replace("[Service]\n", f"[Service]\n{extra}"))
    names = [str(folder / path.name) for path in UNITS]
    return run("systemd-analyze", "verify", "--man=no", "--recursive-errors=one", *names)


def complaints(done):
    """Of what systemd itself lacks on a bare machine it may complain."""
    return [line for line in done.stderr.splitlines() if "syncsite-" in line]


def test_has_units_that_systemd_understands(tmp_path):
    done = verify(tmp_path)
    assert not complaints(done), done.stderr


def test_notices_a_key_that_systemd_does_not_know(tmp_path):
    done = verify(tmp_path, extra="NoNewPriviliges=yes\n")
    assert any("NoNewPriviliges" in line for line in complaints(done)), done.stderr


PORTS = {"web": 8000, "http": 8080, "https": 8443}


def test_has_a_site_that_nginx_accepts(tmp_path):
    done = run(*proxy_command("nginx", tmp_path, **PORTS), "-t")
    assert done.returncode == 0, done.stderr


def test_has_a_caddyfile_that_caddy_accepts(tmp_path):
    caddy, _, *options = proxy_command("caddy", tmp_path, **PORTS)
    done = run(caddy, "validate", *options, HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr


def test_sets_only_variables_that_are_read():
    sources = [ROOT / "syncsite" / name for name in ("settings.py", "api_settings.py")]
    source = "".join(path.read_text() for path in sources)
    read = set(re.findall(r'(?:env\.\w+|listed|environ\.get)\(\s*"([A-Z_]+)"', source))
    read |= {name for command in PROCFILE.values() for name, _ in DEFAULT.findall(command)}
    assert {name for name, _ in VARIABLE.findall(ENVIRONMENT_FILE)} <= read


def test_quotes_no_value():
    # systemd and shells read such a value alike.
    for _, value in VARIABLE.findall(ENVIRONMENT_FILE):
        assert re.fullmatch(r"[\w@%:/.,+-]*", value, re.ASCII)


def filled():
    """The variables of env.example, with the secrets made as its comments say."""
    values, program = {}, ""
    for line in ENVIRONMENT_FILE.splitlines():
        if made := re.search(r'python3? -c "(.*)"$', line):
            program = made[1]
        elif variable := re.fullmatch(r"([A-Z_]+)=(.*)", line):
            values[variable[1]] = variable[2] or run(sys.executable, "-c", program).stdout.strip()
    return values


def test_passes_the_deployment_check_as_its_comments_say():
    environment = filled()
    assert all(environment.values())
    done = run(
        sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **environment
    )
    assert done.returncode == 0, done.stderr
