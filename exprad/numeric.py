"""Numeric differentiation of Python functions: how a learner starts, and an independent check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from exprad.errors import ArgumentError

# (offsets in steps, weights): the derivative is sum(weight * f(x + offset * eps)) / eps
STENCILS: dict[str, tuple[tuple[float, float], ...]] = {
    "forward": ((0, -1), (1, 1)),
    "backward": ((-1, -1), (0, 1)),
    "central": ((-1, -1 / 2), (1, 1 / 2)),
    "five-point": ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12)),
}
STEPS = {"forward": 1e-8, "backward": 1e-8, "central": 6e-6, "five-point": 1e-3}


def gradient(
    function: Callable[..., Any], point: Sequence[float], eps: float | None = None, method: str = "central"
) -> list[float]:
    """The partial derivatives of `function(*point)` by finite differences.

    `eps` is the step, relative to max(1, |x|); by default one that balances truncation and rounding. Methods:
    "forward", "backward" (error of order eps), "central" (eps**2), "five-point" (eps**4; Abramowitz and Stegun,
    25.3.6), and "complex" (no cancellation; Squire and Trapp, 1998; analytic functions of complex numbers only).

    >>> [round(slope, 6) for slope in gradient(lambda x, y: x * x * y + y + 2, [3, 4])]
    [24.0, 10.0]
    """
    values = [float(x) for x in point]
    return [_partial(function, values, i, eps, method) for i in range(len(values))]


def _partial(function: Callable[..., Any], point: list[float], i: int, eps: float | None, method: str) -> float:
    def at(x: Any) -> Any:
        return function(*point[:i], x, *point[i + 1 :])

    if method == "complex":
        return float(at(complex(point[i], 1e-100)).imag / 1e-100)
    if method not in STENCILS:
        raise ArgumentError(f"method must be one of {', '.join([*STENCILS, 'complex'])}, got {method!r}")
    if eps is not None and not eps > 0:
        raise ArgumentError(f"eps must be positive, got {eps!r}")
    step = (eps or STEPS[method]) * max(1.0, abs(point[i]))
    return float(sum(weight * at(point[i] + offset * step) for offset, weight in STENCILS[method]) / step)


def hessian(function: Callable[..., Any], point: Sequence[float], eps: float = 1e-4) -> list[list[float]]:
    """The second derivatives of `function(*point)` by central differences of central differences.

    >>> [[round(h, 4) for h in row] for row in hessian(lambda x, y: x * x * y + y + 2, [3, 4])]
    [[8.0, 6.0], [6.0, 0.0]]
    """
    n = len(point)

    def slope(j: int) -> Callable[..., float]:
        return lambda *p: gradient(function, p, eps)[j]

    rows = [[gradient(slope(j), point, eps)[i] for j in range(n)] for i in range(n)]
    return [[(rows[i][j] + rows[j][i]) / 2 for j in range(n)] for i in range(n)]
