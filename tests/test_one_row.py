"""No function is told by its name, or apart from others, where a column of its row can say what is asked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import exprad
from exprad.ground.primitive import Primitive

ROOT = Path(exprad.__file__).parent
# The tables, the chain rule's guards and folding speak of rows by what they are: there it is their subject.
ABOUT_ROWS = ("tables/", "tensor/", "chain.py", "graph/folding.py", "graph/simplify.py")
ROWS = {name for name, row in vars(exprad.tables.elementary).items() if isinstance(row, Primitive)}  # type: ignore[attr-defined]
CALLED = {"row", "primitive", "head", "action", "_row"}  # what the code calls a row
# What is left, each with the reason.
EXPECTED = {
    "carrier.py": {
        "_row.name": "NumPy's object arrays call a method by this name",
    },
    "arrays/dispatch.py": {
        "row.numpy or row.name": "which ufunc of NumPy is meant by a row, also by one that NumPy's function does not compute",
    },
    "backends/numpy.py": {
        "row is table.where": "where(c, x, 0) keeps bits by a mask: one of NumPy's ways to choose, in half the time",
    },
    "interop/sympy.py": {
        "table.less": "classes of SymPy that have no name of their own there",
    },
    "variable/operators.py": {
        "row is _matmul": "an operator of Variables that takes SciPy's sparse matrices",
    },
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        if not place.as_posix().startswith(ABOUT_ROWS):
            yield place.as_posix(), ast.parse(path.read_text())


def is_name_of_row(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "name" and ast.unparse(node.value).split(".")[-1] in CALLED


def is_row(node: ast.AST, imported: set[str]) -> bool:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id == "table" and node.attr in ROWS
    return isinstance(node, ast.Name) and node.id in imported


def by_name(node: ast.AST) -> bool:
    """Whether a name of a row is compared, or looked up: in a dictionary, or in somebody's module."""
    if isinstance(node, ast.Compare):
        return any(map(is_name_of_row, [node.left, *node.comparators]))
    if isinstance(node, ast.Subscript):
        return is_name_of_row(node.slice)
    if isinstance(node, (ast.BoolOp, ast.Set)):
        return any(map(is_name_of_row, ast.iter_child_nodes(node)))
    called = node.func if isinstance(node, ast.Call) else None
    asks = getattr(called, "attr", getattr(called, "id", "")) in ("get", "hasattr", "getattr", "setattr")
    return asks and any(map(is_name_of_row, node.args))  # type: ignore[attr-defined]  # a call


def by_identity(node: ast.AST, imported: set[str]) -> bool:
    """Whether a row is told from others by what it is: compared, or the key of a dictionary, or in a set."""
    if isinstance(node, ast.Compare):
        return any(is_row(each, imported) for each in [node.left, *node.comparators])
    keys = node.keys if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.Set) else ()
    return any(key is not None and is_row(key, imported) for key in keys)


def findings(tree: ast.Module) -> Iterator[str]:
    imported = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                and node.module == "exprad.tables.elementary" for alias in node.names if alias.name in ROWS}  # fmt: skip
    for node in ast.walk(tree):
        if by_name(node) or by_identity(node, imported):
            yield ast.unparse(node)


def test_no_function_is_told_by_its_name_or_its_identity() -> None:
    unexpected = [f"{place}: {text}" for place, tree in sources() for text in findings(tree)
                  if not any(known in text for known in EXPECTED.get(place, ()))]  # fmt: skip
    assert unexpected == []


def test_what_is_expected_is_there() -> None:
    texts = {place: "\n".join(map(ast.unparse, ast.walk(tree))) for place, tree in sources() if place in EXPECTED}
    assert [
        (place, known) for place, all_known in EXPECTED.items() for known in all_known if known not in texts[place]
    ] == []


@pytest.mark.parametrize("text", [
    "row.name == 'sin'", "head.name in ('sin', 'cos')", "SPELLED[row.name]", "SPELLED.get(node.primitive.name)",
    "hasattr(math, row.name)", "getattr(np, row.name)", "row is table.where", "row in {table.sin}", "{table.sin: 1}",
    "from exprad.tables.elementary import where\nrow is where",
    "f(row.spelling('c') or row.name) == 1 and row.name or 2"])  # fmt: skip
def test_a_lookup_is_found(text: str) -> None:
    assert list(findings(ast.parse(text)))
