"""Functions of the table that no library offers in the form needed: on NumPy arrays, on mpmath numbers, and as formulas
of other rows for targets that have no such function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from typing import Any

from exprad.errors import OperandError
from exprad.tables import elementary as table

BERNOULLI = tuple(Fraction(n, d) for n, d in (  # B2, B4, ...
    (1, 6), (-1, 30), (1, 42), (-1, 30), (5, 66), (-691, 2730), (7, 6), (-3617, 510), (43867, 798), (-174611, 330)))  # fmt: skip
SHIFT = 10  # how far to the right series in 1/x are taken
TERMS = 14  # of Taylor's series of sinc_slope, of order 0
LOW_ORDER = 6  # of sinc_slope, up to which its formula cancels little
MOST_ORDER = 100  # of a derivative: beyond about 140 the numbers in the formulas are larger than any float
# lgamma(x)/((x - 1)(x - 2)) for x - 3/2 between -1/2 and 1/2, to 4e-17 of it: interpolated at Chebyshev's points
LGAMMA = (
    0.4831289505409809, -0.14595989591430608, 0.06291140107456496, -0.03130848750101101, 0.01679709863118352,
    -0.009425622448467657, 0.005446457844800713, -0.0032120740773551953, 0.0019229161306902386,
    -0.0011644144679247021, 0.0007115224750426455, -0.0004379952605342461, 0.00027127400224009565,
    -0.00016889233273334643, 0.00010565261976836096, -6.633218881329272e-05, 4.159729145290115e-05,
    -2.628414257610881e-05, 1.7455601766662794e-05, -1.1093831935230702e-05, 4.939312310674292e-06,
    -3.141701075555155e-06, 5.243347943772127e-06, -3.3634106716698643e-06)  # fmt: skip


def power(a: Any, b: Any, out: Any = None) -> Any:
    """a**b as C's pow has it. NumPy takes the root for an exponent 1/2 that many numbers share, and the root of -inf
    is nan, and that of -0.0 has a sign."""
    import numpy as np

    half = b == 0.5
    if half is False or getattr(half, "shape", None) == () and not half:
        return np.power(a, b) if out is None else np.power(a, b, out)
    differs, size = half & ((a == 0) | (a == -math.inf)), np.abs(a)  # before a is written over
    found = np.power(a, b) if out is None else np.power(a, b, out)
    if found.__class__ is np.ndarray:
        np.copyto(found, size, where=differs)
        return found
    return size if differs else found


power.writes = True  # type: ignore[attr-defined]  # it takes where to write, as a ufunc does


def _checked_orders(row: str, n: Any) -> Any:
    """Whether each order is a whole number of at least 0."""
    import numpy as np

    n = np.asarray(n)
    if (n > MOST_ORDER).any():
        raise OperandError(f"{row} takes orders up to {MOST_ORDER}, got {n.max():.17g}")
    return (n >= 0) & (n == np.floor(n))


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma, by SciPy; nan where n is no whole number of at least 0, and at -inf."""
    import numpy as np
    from scipy import special

    x = np.asarray(x)
    whole = _checked_orders("polygamma", n) & (x != -math.inf)
    found = np.where(whole, special.polygamma(np.where(whole, n, 0), x), np.nan)
    return (found.astype(x.dtype) if x.dtype.kind == "f" else found)[()]


polygamma.needs = "scipy"  # type: ignore[attr-defined]  # asked for before it is called


def sinc_slope(n: Any, x: Any) -> Any:
    """The n-th derivative of sin(pi x)/(pi x): the integral of (pi s)**n cos(pi x s + n pi/2) over s in [0, 1].

    Of low orders by the formula; else by Gauss-Legendre quadrature for small x, where the closed form cancels, and by the
    recurrence x f_n + n f_(n-1) = pi**(n-1) sin(pi x + n pi/2) for large x, where it is stable.
    """
    import numpy as np

    x = np.asarray(x)
    n, x = np.broadcast_arrays(n, x if x.dtype.kind == "f" else x.astype(float))
    if n.size == 0 or not _checked_orders("sinc_slope", n).all():
        return np.full(x.shape, np.nan, x.dtype)[()]
    order = n.astype(int)
    if order.flat[0] <= LOW_ORDER and (order == order.flat[0]).all():
        return np.asarray(sinc_slope_formula(int(order.flat[0]), x), x.dtype)[()]
    small = np.abs(x) <= (20 + 2 * order) / math.pi
    return np.where(
        small, _by_quadrature(order, np.where(small, x, 0.0)), _by_recurrence(order, np.where(small, 100.0, x))
    ).astype(x.dtype)[()]


@cache
def _nodes(count: int) -> Any:
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2


def _by_quadrature(n: Any, x: Any) -> Any:
    import numpy as np

    s, w = _nodes(64 + 2 * int(n.max()))
    phase = math.pi * x[..., None] * s
    trig = np.where((n % 2 == 0)[..., None], np.cos(phase), np.sin(phase))
    sign = np.where((n + 1) // 2 % 2 == 0, 1.0, -1.0)
    return sign * (w * (math.pi * s) ** n[..., None] * trig).sum(-1)


def _by_recurrence(n: Any, x: Any) -> Any:
    import numpy as np

    sine, cosine = sine_and_cosine_of_turns(x)
    f = sine / (math.pi * x)
    for k in range(1, int(n.max()) + 1):
        turn = (sine, cosine, -sine, -cosine)[k % 4]
        f = np.where(k <= n, (math.pi ** (k - 1) * turn - k * f) / x, f)
    return np.where(np.isinf(x), 0.0, f)


def mp_sinc_slope(n: Any, x: Any) -> Any:
    """`sinc_slope` for mpmath numbers, by its Taylor series with guard digits, or its recurrence where x is large."""
    mp, order = x.context, int(n)
    if order > MOST_ORDER:
        raise OperandError(f"sinc_slope takes orders up to {MOST_ORDER}, got {order}")
    if abs(x) > 100 + 4 * order:
        return _mp_by_recurrence(mp, order, x)
    with mp.workprec(mp.prec + 2 * int(abs(x) * 5) + 60):
        precision = mp.prec
        t = mp.pi * x
        j, total = order % 2, mp.mpf(0)
        power = t**j
        while True:
            sign = -1 if (j + order) % 4 else 1
            total += sign * power / (j + order + 1)
            power *= t * t / ((j + 1) * (j + 2))
            j += 2
            if j > abs(t) and abs(power) <= mp.ldexp(abs(total) or 1, -precision):
                break
        total *= mp.pi**order
    return +total


def _mp_by_recurrence(mp: Any, order: int, x: Any) -> Any:
    if mp.isinf(x):
        return mp.mpf(0)
    with mp.workprec(mp.prec + 10 * order + 60):
        sine, cosine = mp.sinpi(x), mp.cospi(x)
        f = sine / (mp.pi * x)
        for k in range(1, order + 1):
            f = (mp.pi ** (k - 1) * (sine, cosine, -sine, -cosine)[k % 4] - k * f) / x
    return +f


def _bounded(row: str, order: int) -> int:
    if order > MOST_ORDER:
        raise OperandError(f"{row} takes orders up to {MOST_ORDER}, got {order}")
    return order


def sine_and_cosine_of_turns(x: Any) -> tuple[Any, Any]:
    """sin(pi x) and cos(pi x), right to a few roundings for every x: what is left of x beside the nearest whole number
    is exact, and that number says the sign."""
    whole = table.round(x)
    rest = x - whole
    sign = 1 - 2 * abs(whole - 2 * table.round(whole / 2))
    return sign * table.sin(math.pi * rest), sign * table.sin(math.pi * (0.5 - abs(rest)))


def sinc_formula(x: Any) -> Any:
    """sin(pi x)/(pi x)."""
    return table.where(table.equal(x, 0), 1, sine_and_cosine_of_turns(x)[0] / (math.pi * x))


def lgamma_formula(x: Any) -> Any:
    """log|gamma(x)|: a polynomial between 1 and 2, times what makes it 0 there, so that its relative error is small, too;
    the logarithm of a product up to 8; Stirling's series beyond (DLMF 5.11.1); reflected left of 1/2 (DLMF 5.5.3)."""
    is_left = x < 0.5
    fraction = x - table.round(x)
    is_pole = table.equal(x, table.round(x)) & (x <= 0)
    z = table.where(is_left, 1 - x, x)
    is_small, is_large = z < 1, z >= 8
    beyond = table.where(is_small, z, z - table.floor(z))  # 1 less than what z + 1, or z less a whole number, is
    near = beyond * (beyond - 1) * _polynomial(LGAMMA, beyond - 0.5)
    product: Any = 1
    for k in range(1, 7):
        product = product * table.where(z >= k + 1, z - k, 1)
    log = table.log(table.where(is_small | is_large, z, product))
    series = _polynomial(
        [float(number / (2 * k * (2 * k - 1))) for k, number in enumerate(BERNOULLI[:9], 1)], 1 / (z * z)
    )
    far = (z - 0.5) * (log - 1) + ((math.log(2 * math.pi) - 1) / 2 + series / z)
    value = table.where(is_large, far, near + table.where(is_small, -log, log))
    distance = abs(fraction)
    is_near = distance < 1e-9  # to a pole: the sine is pi times the distance, which may be subnormal
    sine = table.where(is_left & ~is_pole, table.where(is_near, distance, abs(table.sin(math.pi * fraction))), 1)
    scale = table.where(is_near, 0.0, math.log(math.pi))
    reflected = table.where(is_pole, math.inf, scale - table.log(sine) - value)
    return table.where(is_left, reflected, value)


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


def polygamma_formula(n: int, x: Any) -> Any:
    """Euler and Maclaurin's series of the sum of 1/(x + k)**(n + 1); reflected left of 1/2 (DLMF 5.15.1, 5.15.6, 25.11.5)."""
    order = _bounded("polygamma", n)
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


def sinc_slope_formula(n: int, x: Any) -> Any:
    """Taylor's series for small x; x f_n + n f_(n-1) = pi**(n-1) sin(pi x + n pi/2) for others."""
    order = _bounded("sinc_slope", n)
    t, half = math.pi * x, order % 2
    z = t * t
    near: Any = 0
    for j in reversed(range(half, half + 2 * (TERMS + 2 * order), 2)):
        sign = -1 if (j + order) % 4 else 1
        near = near * z + sign / (math.factorial(j) * (j + order + 1))
    near = math.pi**order * (near * t if half else near)
    is_near, is_infinite = abs(t) < 2 + order, table.equal(abs(x), math.inf)
    far_x = table.where(is_near | is_infinite, 100, x)
    sine, cosine = sine_and_cosine_of_turns(far_x)
    far = sine / (math.pi * far_x)
    for k in range(1, order + 1):
        far = (math.pi ** (k - 1) * (sine, cosine, -sine, -cosine)[k % 4] - k * far) / far_x
    return table.where(is_near, near, table.where(is_infinite, 0, far))
