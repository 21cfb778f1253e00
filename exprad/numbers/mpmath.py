"""A row on numbers of mpmath, of any precision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from exprad.errors import UnsupportedError
from exprad.ground.primitive import Primitive
from exprad.ground.spelling import found_at
from exprad.numbers.number import by_formula


def of_mpmath(row: Primitive, operands: Sequence[Any], deciding: Any) -> Any:
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
