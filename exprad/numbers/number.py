"""Plain values: which kinds of them there are, and a number whose operators are the table's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from exprad.carrier import Arithmetic
from exprad.errors import OperandError
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape

EXACT = (int, Fraction)


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


def by_formula(row: Primitive, operands: Sequence[Any]) -> Any:
    """The row's value by its formula, whose operators are the table's: `~` of a Python bool is no condition."""
    return unwrap(row.by_formula(*map(Number, operands)))


@cache
def kind_of(cls: type) -> str:
    """The kind of values of a class. Of several operands, the last kind in order decides how a row is computed."""
    if issubclass(cls, EXACT):
        return "0 exact"
    if cls is float:
        return "1 float"
    if issubclass(cls, (list, tuple)):
        return "5 list"
    if any(base.__module__.startswith("numpy.ma") for base in cls.__mro__):
        raise OperandError(
            f"an operand can't be a masked array, got {cls.__name__}: its mask would be lost; fill it "
            "(.filled(0.0)), or take what is not masked (.compressed())"
        )
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


def as_float(value: Any) -> float:
    """`value` rounded once to a float; what is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
