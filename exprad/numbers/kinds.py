"""What a row gives on values that are no carriers: exact numbers, floats, arrays of any library, mpmath numbers.

Exact in, exact out; otherwise IEEE 754 as NumPy does it: never an exception for a number, never a complex result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, cast

from exprad.ground.bound import bound
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import OPERATORS
from exprad.numbers.library import of_library
from exprad.numbers.mpmath import of_mpmath
from exprad.numbers.number import EXACT, Number, as_float, by_formula, kind_of, unwrap
from exprad.numbers.numpy import of_numpy
from exprad.numbers.power import whole_power


def evaluate(row: Primitive, operands: Sequence[Any]) -> Any:
    """The value of `row` at `operands`, none of which is a carrier of a level above 0."""
    kind = ""
    for operand in operands:
        cls = operand.__class__
        if cls is Number:
            return Number(evaluate(row, [unwrap(each) for each in operands]))
        found = kind_of(cls)
        if found > kind:
            kind, deciding = found, operand
    if row.partials is None:
        return _structural(row, operands)
    if kind == "2 numpy" and object in [getattr(operand, "dtype", None) for operand in operands]:
        import numpy as np

        return np.frompyfunc(row, row.arity, 1)(*operands)
    if row.powers and isinstance(operands[1], int):
        return whole_power(*operands)
    return _EVALUATE[kind](row, operands, deciding)


def _structural(row: Primitive, operands: Sequence[Any]) -> Any:
    """A row of the second table: what its own function gives on arrays. Whole numbers are moved, else become floats."""
    import numpy as np

    is_moved = row.family.reads in ("moves", "scatters")  # type: ignore[attr-defined]  # rows of the second table have one
    ready = [_as_array(x, is_moved) for x in operands]
    with np.errstate(all="ignore"):
        return cast("Callable[..., Any]", row.numpy)(*ready)


def _as_array(x: Any, is_moved: bool) -> Any:
    import numpy as np

    if x.__class__ is np.ndarray and (x.dtype.kind in "fO" or is_moved):
        return x
    if isinstance(x, EXACT):
        is_whole = is_moved and isinstance(x, int) and -(2**63) <= x < 2**63
        return np.asarray(x if is_whole else as_float(x))
    kind = kind_of(x.__class__)
    if isinstance(x, (np.generic, np.ndarray)):
        return x if x.dtype.kind in "fO" or is_moved else x.astype(np.float64)
    return x if kind == "4 array" else np.asarray(x, np.float64)


def _exact(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    if row.operation is not None:
        try:
            return row.operation(*operands)
        except (ZeroDivisionError, OverflowError):
            return _float(row, operands, None)
    if row.is_composed:
        return by_formula(row, operands)
    return _float(row, operands, None)


def _float(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    if is_operator(row):
        try:
            return row.exact(*operands)  # type: ignore[misc]  # it has one
        except (OverflowError, ZeroDivisionError):
            pass
    if row.is_composed:
        return by_formula(row, operands)
    if (row.predicate or row.truths) and row.exact is not None:
        return row.exact(*operands)
    import numpy as np

    result = of_numpy(row, [np.float64(as_float(operand)) for operand in operands], None)
    return result.item() if isinstance(result, np.generic) or result.shape == () else result


@cache
def is_operator(row: Primitive) -> bool:
    """Whether Python's own operator on floats does what IEEE 754 says, or raises where it doesn't."""
    return row.operation in OPERATORS


@bound
def as_operand(x: Any) -> Any:
    """A list as an array, of carriers where it holds some."""


def _lists(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    """Lists count as arrays."""
    return row(*map(as_operand, operands))


_EVALUATE = {
    "0 exact": _exact,
    "1 float": _float,
    "2 numpy": of_numpy,
    "3 mpmath": of_mpmath,
    "4 array": of_library,
    "5 list": _lists,
}
