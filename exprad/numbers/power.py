"""Whole powers, which are products by definition."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from exprad.numbers.library import namespace_of
from exprad.numbers.number import EXACT, as_float, kind_of
from exprad.tables.elementary import div, mul

LARGEST_EXACT = 1 << 22  # bits of a power that stays exact


def whole_power(base: Any, exponent: int) -> Any:
    """base ** exponent as a product, by repeated squaring; the same in every back end by definition."""
    exponent = int(exponent)
    if isinstance(base, EXACT):
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if abs(exponent) * size > LARGEST_EXACT and base not in (0, 1, -1):
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
    if kind_of(base.__class__) in ("2 numpy", "4 array"):
        return namespace_of(base).ones_like(base)
    return type(base)(1)
