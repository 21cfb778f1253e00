"""Imports go one way, those in the bodies of functions included; one table, the face, leads upwards."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import exprad
from exprad.ground.bound import declarations, defined, handlers, homes
from exprad.moved import MOVED, PARTED

PACKAGE = Path(exprad.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def imported(path: Path) -> Iterator[str]:
    """The modules of exprad that a module imports, anywhere in it but for type checkers alone."""
    tree = ast.parse(path.read_text())
    for_types = {inner for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
                 for inner in ast.walk(node)}  # fmt: skip
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] == "exprad":
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if inner in MODULES else node.module
        elif isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name in MODULES)


GRAPH = {name: set(imported(path)) - {name} for name, path in MODULES.items()}


def test_no_circle_among_all_imports() -> None:
    left = {name: set(reached) for name, reached in GRAPH.items()}
    while free := {name for name, reached in left.items() if not reached & left.keys()}:
        left = {name: reached for name, reached in left.items() if name not in free}
    assert not left, f"these import one another: {sorted(left)}"


def test_the_graph_is_seen_whole() -> None:
    assert "exprad.ground.primitive" in GRAPH["exprad.tables.elementary"]
    assert sum(map(len, GRAPH.values())) > 300


def test_the_face_is_the_only_door() -> None:
    """What is declared has a home, and a home is for what is declared; nothing imports the face but the package."""
    for name in MODULES:
        importlib.import_module(name)
    assert declarations == homes.keys()
    for name in homes:
        assert callable(defined(name)), name
    assert handlers
    assert {name for name, reached in GRAPH.items() if "exprad.face" in reached} == {"exprad"}


def test_importing_brings_no_library() -> None:
    """Nor what of Python's own is slow to load."""
    slow = {"numpy", "sympy", "llvmlite", "scipy", "mpmath", "typer", "hashlib", "typing", "inspect", "dataclasses"}
    code = f"import sys; held = set(sys.modules); import exprad; print(*{slow} & (set(sys.modules) - held))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


@pytest.mark.parametrize("old", MOVED)
def test_what_could_be_imported_still_imports(old: str) -> None:
    code = f"import sys, exprad.{old}; exprad.simplify(exprad.Var('x')); print(sys.modules['exprad.{old}'].__name__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == [f"exprad.{MOVED[old]}"]


@pytest.mark.parametrize("old", PARTED)
def test_a_module_that_was_parted_has_the_names_of_its_parts(old: str) -> None:
    names = "backpropagate derivative gradient hessian hvp jacobian jvp substitute value_and_gradient vjp"
    found = importlib.import_module(f"exprad.{old}")
    for part in PARTED[old]:
        home = importlib.import_module(f"exprad.{part}")
        own = [name for name in names.split() if getattr(vars(home).get(name), "__module__", "") == home.__name__]
        assert own
        assert all(getattr(found, name) is getattr(home, name) for name in own)
    assert [name for name in names.split() if not hasattr(found, name)] == []
