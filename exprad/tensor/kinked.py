"""Where reductions have kinks, and what they are beside them: columns of the rows of extrema and norms.

They stand apart from the rows' own rules as they are composed of these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from math import inf
from typing import Any

from exprad.ground.shapes import Axes
from exprad.tables.elementary import equal, where
from exprad.tensor.family import Family
from exprad.tensor.linear import along, sum
from exprad.tensor.reductions import max, min, norm


def _state(extremum: Family, sign: int, is_behind: Callable[[Any, Any], Any]) -> None:
    """The columns of max (sign 1) or min (-1)."""
    least = -sign * inf

    def kink(x: Any, axis: Axes, keepdims: bool) -> Any:
        """How far the second is behind the first."""
        first = extremum(x, axis=axis, keepdims=keepdims)
        wins = equal(x, along(x, first, axis))
        second = extremum(where(wins, least, x), axis=axis, keepdims=keepdims)
        return where(sum(where(wins, 1, 0), axis=axis, keepdims=keepdims) > 1, 0, sign * (first - second))

    def sides(side: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
        """The elements that lead on this side: of those that tie, the ones whose tangents do; they share what is left."""
        leads = ~is_behind(x, along(x, extremum(x, axis=axis, keepdims=keepdims), axis))
        for _, (slope,) in islice(side.terms(x), 1, None):
            steepest = extremum(where(leads, slope, least), axis=axis, keepdims=keepdims)
            leads = leads & ~is_behind(slope, along(x, steepest, axis))
        count = sum(where(leads, 1, 0), axis=axis, keepdims=keepdims)
        return sum(where(leads, x, 0), axis=axis, keepdims=keepdims) / count

    extremum.kink, extremum.sides = kink, sides


def _norm_beside(side: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    options = {"axis": axis, "keepdims": keepdims}
    return side.length(
        (x,), lambda u: norm(u, **options), lambda e, u: sum(e * u, **options), lambda length: along(x, length, axis)
    )


_state(max, 1, lambda a, b: a < b)
_state(min, -1, lambda a, b: a > b)
norm.kink, norm.sides = norm, _norm_beside
norm.squared = lambda x, axis, keepdims: sum(x**2, axis=axis, keepdims=keepdims)
