"""Calls of rows in text, written and read: what is written is read back as the same row, or is written otherwise."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from exprad import tensor
from exprad.arrays import FUNCTIONS, SPELLINGS, getitem
from exprad.errors import OperandError
from exprad.graph.expr import Call, Expr, Var, expression
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.tables import elementary as table
from exprad.tensor import Family, IndexArray, Slice
from exprad.text.names import quoted

# precedence of what an operator yields, from loose to tight; a literal that starts with a sign binds like its sign
COMPARISON, OR, AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 9)
PRECEDENCE = {"|": OR, "&": AND, "<": COMPARISON, "<=": COMPARISON, ">": COMPARISON, ">=": COMPARISON,
              "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "//": PRODUCT, "@": PRODUCT, "**": POWER}  # fmt: skip
_TIGHT = {"*", "/", "**"}  # operators without blanks around them
_SPELLINGS: dict[str, Callable[..., Any]] = {
    "sec": lambda x: 1 / table.cos(x), "csc": lambda x: 1 / table.sin(x), "cot": lambda x: 1 / table.tan(x),
    "sech": lambda x: 1 / table.cosh(x), "csch": lambda x: 1 / table.sinh(x), "coth": lambda x: 1 / table.tanh(x),
    "expit": lambda x: table.sigmoid(x),
    "max": lambda *xs, **options: table.maximum(*xs) if len(xs) == 2 else SPELLINGS["max"](*xs, **options),
    "min": lambda *xs, **options: table.minimum(*xs) if len(xs) == 2 else SPELLINGS["min"](*xs, **options),
}  # fmt: skip
_READ = {spelling: row for row in Primitive.registry.values() for spelling in row.read}


def function_called(name: str, has_list: bool = False) -> Any:
    """The function that text calls so, with operands one by one or in a list; None where there is none."""
    of_arrays = FUNCTIONS if has_list else SPELLINGS
    tables: tuple[dict[str, Any], ...] = (Primitive.registry, _SPELLINGS, of_arrays, Family.registry, _READ)
    return next((table[name] for table in tables if name in table), None)


def operators() -> dict[str, Any]:
    """By its sign, the row or the family of each operator between two operands."""
    rows = {row.infix: row for row in Primitive.registry.values() if row.infix}
    return (
        rows
        | {"//": table.floor_divide}
        | {family.infix: family for family in Family.registry.values() if family.infix}
    )


# Writing.


def texts_of(row: Primitive, operands: Sequence[Expr]) -> tuple[str, ...]:
    """What stands before, between and after the operands of a row."""
    if row.partials is not None:
        return _elementwise(row)
    shapes = tuple([operand.shape for operand in operands])
    family: Family = row.family
    return _operator(family) or row.text(*shapes) or _call(row, shapes)


@lru_cache(maxsize=1024)
def _elementwise(row: Primitive) -> tuple[str, ...]:
    return _operator(row) or (f"{row.name}(", *[", "] * (row.arity - 1), ")")


def _operator(row: Any) -> tuple[str, ...]:
    if row.infix:
        return "", row.infix if row.infix in _TIGHT else f" {row.infix} ", ""
    return (row.prefix, "") if getattr(row, "prefix", None) else ()


@lru_cache(maxsize=4096)
def _call(row: Any, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    """A call with parameters by name, as NumPy's; where that would be read as another row, with all of a row's own."""
    family, between = row.family, [", "] * (row.arity - 1)
    if not _is_read_back(row, shapes):
        return f"{row.name}[{', '.join(_given(row.parameters))}](", *between, ")"
    shown = dict(row.shown)
    lead = f"{_value(shown.pop(family.leads))}, " if family.leads in shown else ""
    opening, closing = ("([", "]") if family.lists else ("(", "")
    return f"{row.name}{opening}{lead}", *between, ", ".join([closing, *_given(shown)]) + ")"


def _given(parameters: dict[str, Any]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in parameters.items()]


def _value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)


def _is_read_back(row: Any, shapes: tuple[Shape, ...]) -> bool:
    function = function_called(row.name, row.family.lists)
    with suppress(TypeError, ValueError, ArithmeticError):
        return function is not None and _row_called(row.family, function, shapes, row.shown, row.family.lists) is row
    return False


# Reading.


def called(name: str, operands: Sequence[Any], options: dict[str, Any], is_exact: bool = False) -> Expr:
    """The expression of a call, built as written."""
    has_list = len(operands) == 1 and isinstance(operands[0], list)
    flat: Sequence[Expr] = operands[0] if has_list else operands
    if is_exact:
        return Call(_exact_row(Family.registry[name], len(flat), options), tuple(flat))
    function = function_called(name, has_list)
    if name in Family.registry:
        row = _row_called(Family.registry[name], function, tuple([x.shape for x in flat]), options, has_list)
        function, options = row or function, {} if row is not None else options
        operands = operands if row is None else flat
    if isinstance(function, Primitive) and not options:
        return Call(function, tuple(operands))
    return expression(function(*operands, **options))


def part(x: Expr, index: tuple[Any, ...]) -> Expr:
    """`x[index]`, built as written."""
    row = _row_called(tensor.getitem, getitem, (x.shape,), {"index": index})
    return getitem(x, index) if row is None else Call(row, (x,))


def transposed(x: Expr) -> Expr:
    """`x.T`, built as written."""
    return Call(tensor.transpose.row(1, axes=tuple(range(len(x.shape)))[::-1]), (x,))


def _exact_row(family: Family, arity: int, parameters: dict[str, Any]) -> Primitive:
    index = parameters.get("index")
    return family.row(arity, **parameters | ({"index": tuple(map(_place, index))} if isinstance(index, tuple) else {}))


def _place(each: Any) -> Any:
    """A place of an index as a row has it."""
    if isinstance(each, slice):
        return Slice(each.start, each.stop, each.step)
    if isinstance(each, list) or hasattr(each, "dtype"):
        import numpy as np

        return IndexArray(np.array(each, int))
    if each is not None and each.__class__ is not int:
        raise OperandError(
            f"a row has whole numbers, slices, lists and None in its index, got {type(each).__name__}: {each!r}"
        )
    return each


def _row_called(family: Family, function: Callable[..., Any], shapes: tuple[Shape, ...], options: dict[str, Any],
                has_list: bool = False) -> Primitive | None:  # fmt: skip
    """The row that a call spells, to be built as written; None where the function gives another expression.

    What the function gives for variables of the shapes of the operands tells: a call of that row; or, where it does
    nothing, or is of numbers, and so another row, or none, is better, what the parameters as they stand would be.
    """
    formal = [Var(f"operand {place}", shape=shape) for place, shape in enumerate(shapes)]
    found = expression(function(*([formal] if has_list else formal), **options))
    if getattr(getattr(found, "primitive", None), "family", None) is family and found.operands == (*formal,):
        return found.primitive  # type: ignore[attr-defined]  # a call
    is_idle = found is formal[0] or not any(shapes) and not found.shape
    if is_idle and function is getitem:
        options = options | {"index": tuple([Slice(0, size) for size in found.shape])}
    if is_idle and _are_plain(options) and not set(options) - set(inspect.signature(family.shape).parameters):
        with suppress(TypeError, ValueError, IndexError):
            row = family.row(len(formal), **options)
            if row.shape(*shapes) == found.shape:
                return row
    return None


def _are_plain(value: Any) -> bool:
    """Whether parameters are as rows hold them: text, numbers from 0, and tuples of such."""
    if isinstance(value, dict):
        return all(map(_are_plain, value.values()))
    return all(map(_are_plain, value)) if isinstance(value, tuple) else not isinstance(value, (list, float)) and (
        not isinstance(value, int) or value >= 0)  # fmt: skip
