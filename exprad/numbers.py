"""What a row gives on values that are no carriers: exact numbers, floats, arrays of any library, mpmath numbers.

Exact in, exact out; otherwise IEEE 754 as NumPy does it: never an exception for a number, never a complex result.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from importlib import import_module
from typing import Any, cast

from exprad.carrier import Arithmetic
from exprad.errors import OperandError, UnsupportedError, extra
from exprad.ground.bound import bound
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.spelling import OPERATORS, found_at
from exprad.tables.elementary import div, mul

EXACT = (int, Fraction)
MOST_BITS = 1 << 22


class Number(Arithmetic):
    """A plain value whose operators are the table's, so that rules written with operators keep IEEE 754."""

    __slots__ = ("value",)
    _level = 0
    __array_ufunc__ = None  # an array leaves the operation to the number

    def __init__(self, value: Any) -> None:
        self.value = value

    @property
    def _truth(self) -> Any:
        return self.value

    @property
    def shape(self) -> Shape:
        return tuple(getattr(self.value, "shape", ()))


def unwrap(value: Any) -> Any:
    return value.value if value.__class__ is Number else value


def evaluate(row: Primitive, operands: Sequence[Any]) -> Any:
    """The value of `row` at `operands`, none of which is a carrier of a level above 0."""
    kind = ""
    for operand in operands:
        cls = operand.__class__
        if cls is Number:
            return Number(evaluate(row, [unwrap(each) for each in operands]))
        found = _kind(cls)
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


@cache
def on_floats(row: Primitive) -> Callable[..., Any] | None:
    """The function of a row for arrays of floats, of which nothing need be asked; None where something must."""
    if row.partials is None:
        return cast("Callable[..., Any]", row.numpy)
    return None if row.is_composed or row.powers else numpy_function(row)


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
    kind = _kind(x.__class__)
    if isinstance(x, (np.generic, np.ndarray)):
        return x if x.dtype.kind in "fO" or is_moved else x.astype(np.float64)
    return x if kind == "4 array" else np.asarray(x, np.float64)


def by_formula(row: Primitive, operands: Sequence[Any]) -> Any:
    """The row's value by its formula, whose operators are the table's: `~` of a Python bool is no condition."""
    return unwrap(row.by_formula(*map(Number, operands)))


@cache
def _kind(cls: type) -> str:
    if issubclass(cls, EXACT):
        return "0 exact"
    if cls is float:
        return "1 float"
    if issubclass(cls, (list, tuple)):
        return "5 list"
    if any(base.__module__.startswith("numpy.ma") for base in cls.__mro__):
        raise OperandError(f"an operand can't be a masked array, got {cls.__name__}: its mask would be lost; fill it "
                           "(.filled(0.0)), or take what is not masked (.compressed())")  # fmt: skip
    if cls.__module__.split(".")[0] in ("numpy",):
        return "2 numpy"
    if cls.__module__.split(".")[0] == "mpmath":
        return "3 mpmath"
    if hasattr(cls, "__array_namespace__") or cls.__module__.split(".")[0] in ("torch", "jax", "jaxlib"):
        return "4 array"
    if hasattr(cls, "__array_function__"):
        return "2 numpy"
    if hasattr(cls, "__float__") and hasattr(cls, "__add__") and not issubclass(cls, str):
        return "1 float"
    raise OperandError(f"an operand must be a real number, an array or an expression, got {cls.__name__}")


def _exact(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    if row.exact is not None and not row.powers:
        try:
            return row.exact(*operands)
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

    result = _numpy(row, [np.float64(as_float(operand)) for operand in operands], None)
    return result.item() if isinstance(result, np.generic) or result.shape == () else result


@cache
def is_operator(row: Primitive) -> bool:
    """Whether Python's own operator on floats does what IEEE 754 says, or raises where it doesn't."""
    return row.exact in OPERATORS and not row.powers


def as_float(value: Any) -> float:
    """`value` rounded once to a float; what is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _numpy(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
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
    if row.exact in (None, operator.truediv) or row.powers or any(isinstance(x, float) for x in operands):
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
        return _of_truths(row, spelled)
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


def _total(function: Callable[[float], float]) -> Callable[[float], float]:
    def total(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    return total


def _mpmath(row: Primitive, operands: Sequence[Any], deciding: Any) -> Any:
    mp = deciding.context
    ready = [
        mp.mpf(x.numerator) / x.denominator
        if isinstance(x, Fraction)
        else x
        if isinstance(x, (int, type(deciding)))
        else mp.mpf(x)
        for x in operands
    ]
    if row.exact is not None and "mpmath" not in row.spell:
        try:
            return _real(mp, row.exact(*ready))
        except ZeroDivisionError:
            return mp.nan if ready[0] == 0 or mp.isnan(ready[0]) else mp.sign(ready[0]) * mp.inf
    try:
        result = _mpmath_function(row)(mp, *(mp.mpf(x) for x in ready))
    except (ValueError, ZeroDivisionError):
        return mp.nan
    return _real(mp, result)


def _real(mp: Any, value: Any) -> Any:
    """A number of mpmath's as a real one: nan where it is complex."""
    if isinstance(value, mp.mpc):
        return mp.nan if value.imag else value.real
    return value if isinstance(value, (mp.mpf, bool)) else mp.mpf(value.real)


@cache
def _mpmath_function(row: Primitive) -> Callable[..., Any]:
    spelled = row.spelling("mpmath")
    if callable(spelled):
        return spelled
    if spelled is not None and ":" in spelled:
        function = found_at(spelled)
        return lambda mp, *xs: function(*xs)
    import mpmath

    if spelled is not None and hasattr(mpmath, spelled):
        return lambda mp, *xs: getattr(mp, spelled)(*xs)
    if row.formula is not None:
        return lambda mp, *xs: by_formula(row, xs)
    raise UnsupportedError(f"mpmath has no function for {row.name}; give the row mpmath= or formula=")


def _array(row: Primitive, operands: Sequence[Any], deciding: Any) -> Any:
    """Arrays of a library with an array-API namespace: CuPy, JAX, PyTorch."""
    if row.is_composed:
        return by_formula(row, operands)
    namespace = _namespace(deciding)
    function = function_of(namespace, row)
    if function is None and row.formula is not None:
        return by_formula(row, operands)
    if function is None:
        raise UnsupportedError(
            f"{namespace.__name__} has no function for {row.name}; spell it for {_target(namespace)!r}"
        )
    return function(*[_like(namespace, x, operands) for x in operands])


def _target(namespace: Any) -> str:
    library = namespace.__name__.split(".")[0]
    return library if library in ("jax", "torch") else "array"


@cache
def function_of(namespace: Any, row: Primitive) -> Callable[..., Any] | None:
    """A row's function in a library of arrays; None where it has none. Older libraries call it as NumPy does."""
    spelled = row.spelling(_target(namespace))
    if spelled is None or callable(spelled):
        return spelled and _of_truths(row, spelled)
    if ":" in spelled:
        return _of_truths(row, found_at(spelled))
    for name in (spelled, row.numpy):
        if isinstance(name, str) and hasattr(namespace, name):
            return _of_truths(row, getattr(namespace, name))
    return None


def _of_truths(row: Primitive, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of truth values, where the row's operands are conditions, which may be given as numbers."""
    if not row.truths:
        return function
    return lambda *xs: function(*[_truth(x) if place in row.truths else x for place, x in enumerate(xs)])


def _truth(x: Any) -> Any:
    return x if "bool" in str(getattr(x, "dtype", "bool")) else x != 0


def _like(namespace: Any, value: Any, operands: Sequence[Any]) -> Any:
    """A plain number as an array of the numbers' dtype."""
    if hasattr(value, "dtype") or isinstance(value, bool):
        return value if hasattr(value, "dtype") else namespace.asarray(value)
    kinds = [x.dtype for x in operands if hasattr(x, "dtype") and "bool" not in str(x.dtype)]
    return namespace.asarray(as_float(value), dtype=kinds[0]) if kinds else namespace.asarray(as_float(value))


def like(value: Any, arrays: Sequence[Any]) -> Any:
    """A plain number as an array of the library and the dtype of arrays."""
    return _like(_namespace(arrays[0]), value, arrays)


def broadcast(value: Any, shape: Shape) -> Any:
    """An array of any library stretched to a shape."""
    return _namespace(value).broadcast_to(value, shape)


def _namespace(array: Any) -> Any:
    if type(array).__module__.startswith("numpy"):
        return import_module("numpy")
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    return sys.modules[type(array).__module__.split(".")[0].replace("jaxlib", "jax.numpy")]


@bound
def as_operand(x: Any) -> Any:
    """A list as an array, of carriers where it holds some."""


def _lists(row: Primitive, operands: Sequence[Any], _: Any) -> Any:
    """Lists count as arrays."""
    return row(*map(as_operand, operands))


_EVALUATE = {
    "0 exact": _exact,
    "1 float": _float,
    "2 numpy": _numpy,
    "3 mpmath": _mpmath,
    "4 array": _array,
    "5 list": _lists,
}


def whole_power(base: Any, exponent: int) -> Any:
    """base ** exponent as a product, by repeated squaring; the same in every back end by definition."""
    exponent = int(exponent)
    if isinstance(base, EXACT):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent) * size > MOST_BITS and base not in (0, 1, -1):
            base = as_float(base)
        elif exponent >= 0:
            return base**exponent
        else:
            return Fraction(1) / base**-exponent if isinstance(base, Fraction) and base else div(1, base**-exponent)
    if exponent < 0:
        return div(1, whole_power(base, -exponent))
    if exponent == 0:
        return _one_like(base)
    return by_squaring(base, exponent, mul)


def by_squaring(base: Any, exponent: int, product: Callable[[Any, Any], Any]) -> Any:
    """base ** exponent for an exponent of at least 1: what a whole power is, in evaluation and in every back end."""
    result = None
    while True:
        if exponent & 1:
            result = base if result is None else product(result, base)
        exponent >>= 1
        if not exponent:
            return result
        base = product(base, base)


def _one_like(base: Any) -> Any:
    if _kind(base.__class__) in ("2 numpy", "4 array"):
        return _namespace(base).ones_like(base)
    return type(base)(1)
