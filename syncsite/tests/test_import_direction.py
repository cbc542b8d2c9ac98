"""An import names its own room and those before it, wherever it stands and however it is made."""

import ast
import inspect
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

from crmsync import jobs
from crmsync.engine import hints

APPS = ["accounts", "meetings", "crmsync", "syncsite"]
ROOMS = [
    "apps",
    "errors",
    "fields",
    "models",
    "providers",
    "incidents",
    "connections",
    "metrics",
    "engine",
    "status",
    "operations",
    "api",
    "support",
    "dispatcher",
    "admin",
    "management",
    "jobs",
    "urls",
    "worker",
]
# RQ's wire format: whoever sends a hint names the job without knowing it.
JOB_NAMES = hints.NAMES
ROOT = Path(settings.BASE_DIR)
FILES = [
    path
    for app in APPS
    for path in sorted((ROOT / app).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.parts)
]
DYNAMIC = {"import_module", "import_string", "__import__"}


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text()) for path in FILES}


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def named_in_strings(tree):
    """Dotted paths of modules of ours, whoever may import them."""
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and re.fullmatch(r"\w+(\.\w+)+", node.value):
            parts = node.value.split(".")
            prefixes = (".".join(parts[:length]) for length in range(2, len(parts) + 1))
            if node.value not in JOB_NAMES and any(name in TREES for name in prefixes):
                yield node.value


def place(module):
    app, *rest = module.split(".")
    is_room = app == "crmsync" and rest and rest[0] in ROOMS
    return APPS.index(app), ROOMS.index(rest[0]) if is_room else 0


def of_ours(names):
    return {name for name in names if name.split(".")[0] in APPS}


@pytest.mark.parametrize("module", TREES)
def test_points_down(module):
    names = of_ours([*imported(TREES[module]), *named_in_strings(TREES[module])])
    assert not {name for name in names if place(name) > place(module)}


@pytest.mark.parametrize("module", TREES)
def test_hides_in_no_function(module):
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inside = [
        inner
        for outer in ast.walk(TREES[module])
        if isinstance(outer, functions)
        for inner in ast.walk(outer)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    ]
    assert not inside


@pytest.mark.parametrize("module", [name for name in TREES if not name.startswith("syncsite")])
def test_is_made_by_no_call(module):
    calls = {ast.unparse(n.func) for n in ast.walk(TREES[module]) if isinstance(n, ast.Call)}
    assert not {call.rpartition(".")[2] for call in calls} & DYNAMIC


def test_has_no_loops():
    graph = {name: set(imported(tree)) & set(TREES) - {name} for name, tree in TREES.items()}
    TopologicalSorter(graph).prepare()


def test_knows_every_room():
    files = [name.split(".")[1:] for name in TREES if name.startswith("crmsync.")]
    rooms = {parts[0] for parts in files}
    assert rooms == set(ROOMS)


def test_by_name_reaches_only_jobs_that_exist():
    functions = {
        f"{jobs.__name__}.{name}"
        for name, function in inspect.getmembers(jobs, inspect.isfunction)
        if function.__module__ == jobs.__name__ and not name.startswith("_")
    }
    assert functions == JOB_NAMES
