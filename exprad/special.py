"""Functions of the table that no library offers in the form needed, on NumPy arrays and mpmath numbers."""

from __future__ import annotations

from typing import Any


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
