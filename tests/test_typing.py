"""What type checkers are told is what comes out, and is all there is. `make lint` asks the checkers themselves."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_origin

import numpy as np
import pytest

import exprad
from exprad import DualNumber, Expr, Variable
from exprad.derivatives.kink import KINKS
from exprad.typing import Kink
from tests.rows import HIDDEN, operands_of, rows

STUBS = Path(exprad.__file__).parent
MODULES = ("arrays", "carriers", "derivatives", "elementary")


def declared(stub: str) -> dict[str, ast.stmt]:
    """What a stub declares at its top, by name."""
    found: dict[str, ast.stmt] = {}
    for node in ast.parse((STUBS / stub).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.ImportFrom):
            found.update({each.asname: node for each in node.names if each.asname})
    return found


def holds(value: Any, kind: Any) -> bool:
    """Whether a value is of a type as checkers write it."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin is list:
        return isinstance(value, list) and all(holds(each, inner[0]) for each in value)
    if origin is dict:
        return all(holds(key, inner[0]) and holds(each, inner[1]) for key, each in value.items())
    if origin is tuple:
        kinds = [inner[0]] * len(value) if inner[1:] == (...,) else inner
        return len(kinds) == len(value) and all(map(holds, value, kinds))
    if origin is np.ndarray:  # of no axes, NumPy gives its scalars
        return isinstance(value, (np.ndarray, np.generic)) and holds(value.dtype.type(0), get_args(inner[1])[0])
    return any(map(holds, [value] * len(inner), inner)) if inner else isinstance(value, kind)


@pytest.mark.parametrize("name", MODULES)
def test_what_checkers_are_told_comes_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(f"tests.typing.{name}")
    asked: list[Any] = []

    def told(value: Any, kind: Any) -> None:
        asked.append(kind)
        assert holds(value, kind), f"{value!r} of {type(value).__name__} is no {kind}"

    monkeypatch.setattr(module, "assert_type", told)
    module.right()
    assert len(asked) > 20


def test_what_is_told_can_be_false() -> None:
    assert not holds(1.0, Expr)
    assert not holds([1.0], list[Expr])
    assert not holds((1, 2), tuple[int])
    assert not holds(np.ones(2), np.ndarray[Any, np.dtype[np.bool]])
    assert not holds(1.0, Expr | None)


@pytest.mark.parametrize("row", [row for row in rows() if row.name not in HIDDEN], ids=lambda row: row.name)
def test_a_row_gives_what_its_class_of_calls_says(row: Any) -> None:
    """The class of calls that a stub names for the row tells carriers apart as calls of the row do."""
    points = [low + 0.4 * (high - low) for low, high in row.sample]
    given: dict[type, Any] = {
        Expr: operands_of(row), Variable: [Variable(np.full(2, each)) for each in points],
        DualNumber: [DualNumber(each, 1.0) for each in points], float: points, np.ndarray: [np.full(2, each) for each in points],
    }  # fmt: skip
    name = declared("__init__.pyi")[row.name].annotation.id
    assert name == f"{'Condition' if row.predicate else 'Function'}{row.arity}"
    for kind, operands in given.items():
        if row.name == "where" and kind is not Expr:
            operands = [np.array([True, False]) if kind in (Variable, np.ndarray) else True, *operands[1:]]
        assert isinstance(row(*operands), _told(kind, row.predicate)), kind


def _told(kind: type, is_condition: bool) -> Any:
    truths = {Expr: Expr, Variable: np.ndarray, DualNumber: bool, float: bool, np.ndarray: np.ndarray}
    return truths[kind] if is_condition else (int, float) if kind is float else kind


def test_the_public_stub_has_the_public_names() -> None:
    stub = declared("__init__.pyi")
    names = {*exprad.__all__, *exprad._HOMES}
    assert names == {name for name in stub if name[0] != "_"} - {row.name for row in rows() if row.name not in names}
    assert all(row.name in stub for row in rows())
    for name in stub:
        assert hasattr(exprad, name), name


@pytest.mark.parametrize("carrier", [Expr, Variable, DualNumber], ids=lambda carrier: carrier.__name__)
def test_a_carrier_has_the_methods_that_its_stub_declares(carrier: Any) -> None:
    body = declared("signatures/carriers.pyi")[f"Of{carrier.__name__}"].body
    methods = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    lacking = {name for name in methods if not hasattr(carrier, name)}
    assert lacking == ({"__len__"} if carrier is Expr else set()), "those of arrays alone have a length"
    typed = {name for base in carrier.__mro__[:1] for name in vars(base)} | methods | {"conj", "conjugate", "real"}
    unseen = {name for name in dir(carrier) if name[0] != "_" and hasattr(carrier, name)} - typed
    assert unseen <= {"ndim", "size"}, unseen


def test_kinks_have_their_names() -> None:
    assert get_args(Kink) == KINKS


def test_signatures_are_for_checkers_alone() -> None:
    assert not list((STUBS / "signatures").rglob("*.py"))
    assert (STUBS / "py.typed").exists()
