"""Calls of rows as text has them, to be built as written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from exprad import tensor
from exprad.arrays import FUNCTIONS, SPELLINGS, getitem
from exprad.errors import OperandError
from exprad.graph.expr import Call, Expr, Var, expression
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.tables import elementary as table
from exprad.tensor import Family, IndexArray, Slice

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


def called(name: str, operands: Sequence[Any], options: dict[str, Any], is_exact: bool = False) -> Expr:
    """The expression of a call, built as written."""
    has_list = len(operands) == 1 and isinstance(operands[0], list)
    flat: Sequence[Expr] = operands[0] if has_list else operands
    family = Family.registry.get(name)
    if is_exact:
        return Call(_exact_row(Family.registry[name], len(flat), options), tuple(flat))
    row = None if family is None else _row_called(family, tuple([x.shape for x in flat]), options)
    if row is not None:
        return Call(row, tuple(flat))
    function = function_called(name, has_list)
    if isinstance(function, Primitive) and not options:
        return Call(function, tuple(operands))
    return expression(function(*operands, **options))


def part(x: Expr, index: tuple[Any, ...]) -> Expr:
    """`x[index]`, built as written."""
    row = _row_of_index(tensor.getitem, (x.shape,), {"index": index})
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


def _row_called(family: Family, shapes: tuple[Shape, ...], options: dict[str, Any]) -> Primitive | None:
    """The row that a call spells; None where its parameters are none of a row's, and the function says what they mean."""
    if "index" in options and family.text is not None:
        return _row_of_index(family, shapes, options)
    several = options | ({"axis": (options["axis"],)} if options.get("axis").__class__ is int else {})
    for parameters in (options, several):
        with suppress(TypeError, ValueError, LookupError):
            given = {**family.defaults, **parameters}
            family.shape(*shapes, **given)
            if family.usual is None or family.usual(*shapes, **given):
                return family.row(len(shapes), **parameters)
    return None


def _row_of_index(family: Family, shapes: tuple[Shape, ...], options: dict[str, Any]) -> Primitive | None:
    """The row of a call with an index, which the function reads: tried on variables of the shapes of the operands."""
    formal = [Var(f"operand {place}", shape=shape) for place, shape in enumerate(shapes)]
    found = expression(SPELLINGS[family.name](*formal, **options))
    if found is formal[0]:
        whole = {**options, "index": tuple([Slice(0, size) for size in found.shape])}
        return family.row(1, **whole)
    is_same = getattr(getattr(found, "primitive", None), "family", None) is family and found.operands == (*formal,)
    return found.primitive if is_same else None  # type: ignore[attr-defined]  # a call
