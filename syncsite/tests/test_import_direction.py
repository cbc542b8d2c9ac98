import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

LAYERS = ["accounts", "meetings", "crmsync", "syncsite"]  # Each may import itself and those before.
ROOT = Path(settings.BASE_DIR)
FILES = [
    path
    for layer in LAYERS
    for path in sorted((ROOT / layer).rglob("*.py"))
    if not {"tests", "migrations"} & set(path.parts)
]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(path): ast.parse(path.read_text()) for path in FILES}


@pytest.mark.parametrize("module", TREES)
def test_points_down(module):
    layer = LAYERS.index(module.split(".")[0])
    tops = {name.split(".")[0] for name in imported(TREES[module])}
    assert not tops & set(LAYERS[layer + 1 :])


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


def test_has_no_loops():
    graph = {name: set(imported(tree)) & set(TREES) - {name} for name, tree in TREES.items()}
    TopologicalSorter(graph).prepare()
