"""Kinks: where they are, and the conventions there, against one-sided differences of 120 digits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
from hypothesis import given
from hypothesis import strategies as st

import exprad
from exprad import (
    clip,
    copysign,
    equal,
    exp,
    floor,
    hypot,
    jacobian,
    maximum,
    minimum,
    norm,
    relu,
    sign,
    sin,
    square,
    stack,
    where,
)  # fmt: skip
from tests.rows import X, Y, searched

Made = tuple[Any, Callable[..., Any]]  # an expression, and the function of mpmath's numbers that it is
STEP = {"left": -1, "right": 1}


def _mp_where(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def _mp_copysign(a: Any, b: Any) -> Any:
    return abs(a) if b >= 0 else -abs(a)


ONE: list[tuple[Any, Any]] = [
    (abs, abs), (exprad.abs, abs), (relu, lambda a: max(a, 0)), (square, lambda a: a * a), (sin, mpmath.sin), (exp, mpmath.exp),
    (lambda a: -a, lambda a: -a), (lambda a: 2 * a, lambda a: 2 * a), (lambda a: a**3, lambda a: a**3),
    (lambda a: a - 1, lambda a: a - 1), (lambda a: clip(a, 0, 1), lambda a: min(max(a, 0), 1)), (sign, mpmath.sign),
    (floor, mpmath.floor), (exprad.ceil, mpmath.ceil), (lambda a: a % 1, lambda a: a - mpmath.floor(a)),
    (exprad.round, mpmath.nint), (exprad.trunc, lambda a: mpmath.floor(a) if a >= 0 else mpmath.ceil(a)),
]  # fmt: skip
TWO: list[tuple[Any, Any]] = [
    (lambda a, b: a + b, lambda a, b: a + b), (lambda a, b: a - b, lambda a, b: a - b), (lambda a, b: a * b, lambda a, b: a * b),
    (maximum, max), (minimum, min), (copysign, _mp_copysign),
    (lambda a, b: where(a < b, a, b * b), lambda a, b: _mp_where(a < b, a, b * b)),
    (lambda a, b: where(a <= b, 2 * a, b), lambda a, b: _mp_where(a <= b, 2 * a, b)),
    (lambda a, b: where((a > 0) & ~(b >= 0), a, b), lambda a, b: _mp_where(a > 0 and not b >= 0, a, b)),
    (lambda a, b: where((a > 0) | equal(b, 0), a, b), lambda a, b: _mp_where(a > 0 or b == 0, a, b)),
    (lambda a, b: (a > b) * a, lambda a, b: _mp_where(a > b, a, 0)),
    (lambda a, b: exprad.max(stack([a, b, 2 * a])), lambda a, b: max(a, b, 2 * a)),
    (lambda a, b: exprad.min(stack([stack([a, b]), stack([b, 2 * a])]), axis=0)[0], lambda a, b: min(a, b)),
]  # fmt: skip
LENGTHS: list[tuple[Any, Any]] = [
    (hypot, lambda a, b: mpmath.sqrt(a * a + b * b)),
    (lambda a, b: norm(stack([a, 2 * b, a - b])), lambda a, b: mpmath.sqrt(a * a + 4 * b * b + (a - b) ** 2)),
]


@st.composite
def programs(draw: Any, size: int = 6) -> Made:
    """An expression of x and y, which piles kinks on kinks at the points tried."""
    pool: list[Made] = [(X, lambda x, y: x), (Y, lambda x, y: y), (X + Y, lambda x, y: x + y)]
    for _ in range(draw(st.integers(1, size))):
        ours, theirs = draw(st.sampled_from(ONE + TWO + LENGTHS))
        count = 1 if (ours, theirs) in ONE else 2
        parts = [draw(st.sampled_from(pool[-4:])) for _ in range(count)]
        inner = [function for _, function in parts]
        made = ours(*[node for node, _ in parts])
        pool.append((made, lambda x, y, inner=inner, theirs=theirs: theirs(*[f(x, y) for f in inner])))
    return pool[-1]


def slope(function: Any, at: Any, place: int, step: int, h: Any) -> Any:
    """The derivative on one side, from two points on that side."""
    first, second = (list(at) for _ in range(2))
    first[place] += step * h
    second[place] += 2 * step * h
    return step * (function(*second) - function(*first)) / h


def differences(function: Any, at: Any, step: int) -> tuple[list[Any], list[list[Any]]]:
    """One-sided slopes; and of the slopes beyond a step, which is large beside theirs, the one-sided slopes."""
    fine, coarse = mpmath.mpf(10) ** -60, mpmath.mpf(10) ** -14
    first = [slope(function, at, place, step, fine) for place in range(2)]
    mixed = [[slope(lambda *p, i=i: slope(function, p, i, step, fine), at, j, step, coarse) if i != j else
              slope(lambda *p, i=i: slope(function, p, i, step, fine), at, i, step, coarse) for j in range(2)]
             for i in range(2)]  # fmt: skip
    return first, mixed


def agree(expected: Any, found: float) -> bool:
    return abs(float(expected) - found) <= 1e-9 * max(1.0, abs(float(expected)))


@searched(250)
@given(programs(), st.sampled_from([(0, 0), (1, 1), (0, 1), (-1, 0), (2, -1)]), st.sampled_from(["left", "right"]))
def test_one_sided_derivatives_are_those_of_the_whole_expression(made: Made, at: Any, convention: str) -> None:
    f, function = made
    with mpmath.workdps(140):
        slopes, curvature = differences(function, [mpmath.mpf(each) for each in at], STEP[convention])
    found = f.gradient([X, Y], kink=convention)
    point = {X: float(at[0]), Y: float(at[1])}
    for i, x in enumerate((X, Y)):
        if abs(slopes[i]) < 1e6:
            for g in (found[i], f.gradient(x, kink=convention), jacobian([f, f], [X, Y], kink=convention)[1][i]):
                assert agree(slopes[i], float(g.evaluate(point))), (str(f), i, slopes[i], g.evaluate(point))
    if all(abs(each) < 1e6 for row in curvature for each in row):
        second = f.hessian([X, Y], kink=convention)
        for i in range(2):
            for j in range(2):
                assert agree(curvature[i][j], float(second[i][j].evaluate(point))), (str(f), i, j)
