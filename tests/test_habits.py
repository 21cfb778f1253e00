"""What the tree keeps to, and no other tool sees."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

import exprad

TESTS = Path(__file__).parent
ROOT = TESTS.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("changes/*.md")]  # none beside an installed wheel
FENCED = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def imported(module: Path) -> set[str]:
    """The dotted names that a module imports, in function bodies, too."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = "tests." if node.level else ""
            found |= {f"{package}{node.module or ''}.{alias.name}".replace("..", ".") for alias in node.names}
    return found


@pytest.mark.parametrize("module", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix())
def test_no_test_is_imported(module: Path) -> None:
    tests = {name for name in imported(module) if re.match(r"(tests\.)+test_|test_", name)}
    assert not tests, "move what several tests use to a module of its own, such as tests/targets.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    missing = [link for link in links if ":" not in link and not (page.parent / link).exists()]
    assert not missing


PACKAGE = Path(exprad.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
TABLES = {"tables/elementary.py"}  # and their columns may be as long as they like


def lengths(module: Path) -> dict[str, int]:
    """The lines of each function of a module, signature and docstring included."""
    functions = (node for node in ast.walk(ast.parse(module.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))
    return {f"{node.name}:{node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_files_and_functions_are_short(module: Path) -> None:
    is_table = module.relative_to(PACKAGE).as_posix() in TABLES
    assert is_table or len(module.read_text("utf-8").splitlines()) <= 400, "part it by its ideas"
    assert {name: length for name, length in lengths(module).items() if length > 45} == {}


def test_half_of_all_functions_have_at_most_six_lines() -> None:
    assert statistics.median([length for module in MODULES for length in lengths(module).values()]) <= 6
