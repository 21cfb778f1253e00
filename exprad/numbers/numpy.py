"""A row on NumPy's arrays and numbers, whose dtype constants take."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, cast

from exprad.errors import UnsupportedError, extra
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import found_at
from exprad.numbers.library import of_truths
from exprad.numbers.number import as_float, by_formula


def of_numpy(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    import numpy as np

    if row.is_composed:
        return by_formula(row, operands)
    kind = np.result_type(*(x for x in operands if hasattr(x, "dtype")))
    ready = [x if hasattr(x, "dtype") else _rounded(x, kind) for x in operands]
    with np.errstate(all="ignore"):
        if kind.kind in "iub" and not row.predicate:
            return _on_integers(row, ready)
        return numpy_function(row)(*ready)


def _rounded(value: Any, kind: Any) -> Any:
    """An exact constant, rounded once to the dtype it meets."""
    import numpy as np

    if isinstance(value, Fraction):
        nearest = as_float(value)
        if kind.kind == "f" and kind.itemsize < 8 and math.isfinite(nearest):
            middle = kind.type(nearest)
            near = [middle, np.nextafter(middle, kind.type(np.inf)), np.nextafter(middle, kind.type(-np.inf))]
            return min(
                (x for x in near if np.isfinite(x)), key=lambda x: abs(Fraction(float(x)) - value), default=middle
            )
        return nearest
    if isinstance(value, int) and not isinstance(value, bool):
        if kind.kind == "f":
            return kind.type(as_float(value))
        return value if -(2**63) <= value < 2**63 else as_float(value)
    return value


def _on_integers(row: Primitive, operands: Sequence[Any]) -> Any:
    """Integer arrays stay integers where the row is exact and nothing overflows, and are float64 elsewhere."""
    import numpy as np

    wide = [np.asarray(x, np.float64) if getattr(x, "dtype", np.dtype(float)).kind in "iub" else x for x in operands]
    approximate = numpy_function(row)(*wide)
    if row.operation in (None, operator.truediv) or any(isinstance(x, float) for x in operands):
        return approximate
    if not np.all(np.abs(approximate) < 2.0**62):
        return approximate
    return numpy_function(row)(*(np.asarray(x, np.int64) for x in operands))


def constant_of_dtype(value: Any, dtype: Any) -> Any:
    """A constant as an array of `dtype`, rounded once."""
    import numpy as np

    return np.asarray(value if hasattr(value, "dtype") else _rounded(value, dtype), dtype)


def keep(condition: Any, x: Any, out: Any) -> None:
    """Write x where a condition holds, else 0: its bits and a mask, which takes half the time of a choice."""
    import numpy as np

    if x.dtype != out.dtype:  # truth values: their bits are no number's
        np.copyto(out, np.where(condition, x, 0))
        return
    kind = f"i{out.itemsize}"
    bits = out.view(kind)
    np.copyto(bits, condition)
    np.negative(bits, bits)
    np.bitwise_and(bits, x.view(kind), bits)


@cache
def numpy_function(row: Primitive) -> Callable[..., Any]:
    """The row's function of NumPy arrays."""
    import numpy as np

    spelled = row.spelling("numpy")
    if spelled is None and row.formula is not None:
        return lambda *operands: by_formula(row, operands)
    if callable(spelled):
        return of_truths(row, spelled)
    if spelled is None or ":" not in spelled:
        if spelled is None or not hasattr(np, spelled):
            said = "the row states no value" if spelled is None else f"NumPy has no function {spelled!r}"
            raise UnsupportedError(f"{said} for {row.name} on numbers and arrays; give the row numpy= or formula=")
        return cast("Callable[..., Any]", getattr(np, spelled))
    try:
        function = found_at(spelled)
        import_module(getattr(function, "needs", "numpy"))
        return cast("Callable[..., Any]", function)
    except ImportError:
        by_python = row.spelling("python")
        if not isinstance(by_python, str) or not hasattr(math, by_python):
            raise extra("scipy", "special", row.name) from None
        return np.vectorize(_total(getattr(math, by_python)), otypes=[float])


@cache
def on_floats(row: Primitive) -> Callable[..., Any] | None:
    """The function of a row for arrays of floats, of which nothing need be asked; None where something must."""
    if row.partials is None:
        return cast("Callable[..., Any]", row.numpy)
    return None if row.is_composed or row.powers else numpy_function(row)


def _total(function: Callable[[float], float]) -> Callable[[float], float]:
    def total(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return total
