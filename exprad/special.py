"""Functions of the table that no library offers in the form needed: on NumPy arrays, on mpmath numbers, and as formulas
of other rows for targets that have no such function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from exprad import elementary as table
from exprad.errors import UnsupportedError

BERNOULLI = tuple(Fraction(n, d) for n, d in (  # B2, B4, ...
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330)))  # fmt: skip
SHIFT = 10  # how far to the right series in 1/x are taken
TERMS = 14  # of Taylor's series of sinc_slope, of order 0


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma, by SciPy; nan where n is no whole number of at least 0."""
    import numpy as np
    from scipy import special

    n, x = np.asarray(n), np.asarray(x)
    whole = (n >= 0) & (n == np.floor(n))
    return np.where(whole, special.polygamma(np.where(whole, n, 0), x), np.nan)[()]


def sinc_slope(n: Any, t: Any) -> Any:
    """The n-th derivative of sin(t)/t: the integral of s**n cos(t s + n pi/2) over s in [0, 1].

    By Gauss-Legendre quadrature for small t, where the closed form cancels, and by the recurrence
    t f_n + n f_(n-1) = sin(t + n pi/2) for large t, where it is stable.
    """
    import numpy as np

    t = np.asarray(t)
    n, t = np.broadcast_arrays(n, t if t.dtype.kind == "f" else t.astype(float))
    order = n.astype(int)
    if order.size == 0 or (order != n).any() or (order < 0).any():
        return np.full(t.shape, np.nan, t.dtype)[()]
    small = np.abs(t) <= 20 + 2 * order
    return np.where(
        small, _by_quadrature(order, np.where(small, t, 0.0)), _by_recurrence(order, np.where(small, 100.0, t))
    )[()]


def _by_quadrature(n: Any, t: Any) -> Any:
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(64)
    s, w = (nodes + 1) / 2, weights / 2
    phase = t[..., None] * s
    trig = np.where((n % 2 == 0)[..., None], np.cos(phase), np.sin(phase))
    sign = np.where((n + 1) // 2 % 2 == 0, 1.0, -1.0)
    return (sign * (w * s ** n[..., None] * trig).sum(-1)).astype(t.dtype)


def _by_recurrence(n: Any, t: Any) -> Any:
    import numpy as np

    f = np.sin(t) / t
    for k in range(1, int(n.max()) + 1):
        turn = (np.sin(t), np.cos(t), -np.sin(t), -np.cos(t))[k % 4]
        f = np.where(k <= n, (turn - k * f) / t, f)
    return np.where(np.isinf(t), 0.0, f).astype(t.dtype)


def mp_sinc_slope(n: Any, t: Any) -> Any:
    """`sinc_slope` for mpmath numbers, by its Taylor series with guard digits."""
    mp = t.context
    order, j, total = int(n), int(n) % 2, mp.mpf(0)
    precision = mp.prec + 2 * int(abs(t) * 1.5) + 60
    with mp.workprec(precision):
        power = t**j
        while True:
            sign = -1 if (j + order) % 4 else 1
            total += sign * power / (j + order + 1)
            power *= t * t / ((j + 1) * (j + 2))
            j += 2
            if j > abs(t) and abs(power) <= mp.ldexp(abs(total) or 1, -precision):
                break
    return +total


def _order(row: str, n: Any) -> int:
    """A known whole number; formulas depend on it."""
    known = getattr(n, "value", n)
    if known.__class__ is not int or known < 0:
        raise UnsupportedError(f"{row} has a formula for constant whole orders only, got {n!r}")
    return known


def _right_of_zero(x: Any) -> tuple[Any, Any, Any]:
    """Whether x is left of 1/2; what the reflection 1 - x puts right of it; and x less the nearest whole number."""
    is_left = x < 0.5
    return is_left, table.where(is_left, 1 - x, x), table.where(table.equal(x, 0), x, x - table.round(x))


def digamma_formula(x: Any) -> Any:
    """Stirling's series at x + 10, less 1/x + 1/(x + 1) + ...; reflected left of 1/2 (DLMF 5.5.2, 5.5.4, 5.11.2)."""
    is_pole = table.equal(x, table.round(x)) & (x < 0)
    is_left, x, fraction = _right_of_zero(x)
    y = x + SHIFT
    z = 1 / (y * y)
    series = z * _polynomial([float(number / (2 * k)) for k, number in enumerate(BERNOULLI[:8], 1)], z)
    value = table.log(y) - 0.5 / y - series - sum((1 / (x + k) for k in range(1, SHIFT)), 1 / x)
    reflected = table.where(is_pole, math.nan, value - math.pi / table.tan(math.pi * fraction))
    return table.where(is_left, reflected, value)


def polygamma_formula(n: Any, x: Any) -> Any:
    """Euler and Maclaurin's series of the sum of 1/(x + k)**(n + 1); reflected left of 1/2 (DLMF 5.15.1, 5.15.6, 25.11.5)."""
    order = _order("polygamma", n)
    if not order:
        return table.digamma(x)
    is_left, x, fraction = _right_of_zero(x)
    s, y = order + 1, x + SHIFT
    near: Any = sum((1 / (x + k) ** s for k in range(1, SHIFT)), 1 / x**s)
    coefficients, factor = [], Fraction(s)
    for k, number in enumerate(BERNOULLI, 1):
        coefficients.append(float(number * factor / math.factorial(2 * k)))
        factor *= (s + 2 * k - 1) * (s + 2 * k)
    r = 1 / y
    far = r**order * (Fraction(1, order) + r * (0.5 + r * _polynomial(coefficients, r * r)))
    sign = 1 if order % 2 else -1
    value = sign * math.factorial(order) * (near + far)
    turned = math.pi ** (order + 1) * _polynomial(_cotangent(order), 1 / table.tan(math.pi * fraction))
    return table.where(is_left, -sign * value - turned, value)


@cache
def _cotangent(order: int) -> tuple[int, ...]:
    """The n-th derivative of cot as a polynomial in cot."""
    coefficients = [0, 1]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(coefficients)][1:]
        coefficients = [-(a + b) for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return tuple(coefficients)


def _polynomial(coefficients: Sequence[Any], x: Any) -> Any:
    result: Any = coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result


def sinc_slope_formula(n: Any, t: Any) -> Any:
    """Taylor's series for small t; t f_n + n f_(n-1) = sin(t + n pi/2) for others."""
    order = _order("sinc_slope", n)
    z, half = t * t, order % 2
    near: Any = 0
    for j in reversed(range(half, half + 2 * (TERMS + 2 * order), 2)):
        sign = -1 if (j + order) % 4 else 1
        near = near * z + Fraction(sign, math.factorial(j) * (j + order + 1))
    near = near * t if half else near
    is_near, is_infinite = abs(t) < 2 + order, table.equal(abs(t), math.inf)
    far_t = table.where(is_near | is_infinite, 100, t)
    sine, cosine = table.sin(far_t), table.cos(far_t)
    far = sine / far_t
    for k in range(1, order + 1):
        far = ((sine, cosine, -sine, -cosine)[k % 4] - k * far) / far_t
    return table.where(is_near, near, table.where(is_infinite, 0, far))
