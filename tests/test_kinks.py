"""Kinks: where they are, and the conventions there, against one-sided differences of 120 digits."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad
from exprad import (
    If,
    Primitive,
    Var,
    clip,
    compile,
    copysign,
    derivative,
    equal,
    exp,
    floor,
    hessian,
    hypot,
    jacobian,
    kinks,
    maximum,
    minimum,
    norm,
    parse,
    relu,
    sign,
    sin,
    sqrt,
    square,
    stack,
    where,
)
from exprad.errors import KinkError, NotDifferentiableError
from tests.rows import SEARCH, X, Y, searched
from tests.targets import present

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
def programs(draw: Any, size: int = 6, scalar: bool = False) -> Made:
    """An expression of x and y, which piles kinks on kinks at the points tried; of scalars alone, or with arrays within."""
    pool: list[Made] = [(X, lambda x, y: x), (Y, lambda x, y: y), (X + Y, lambda x, y: x + y)]
    for _ in range(draw(st.integers(1, size))):
        ours, theirs = draw(st.sampled_from(ONE + (TWO[:-2] + LENGTHS[:1] if scalar else TWO + LENGTHS)))
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
    fine, coarse = mpmath.ldexp(1, -200), mpmath.ldexp(1, -46)  # powers of two, so that what ties does so exactly
    first = [slope(function, at, place, step, fine) for place in range(2)]
    mixed = [
        [slope(lambda *p, i=i: slope(function, p, i, step, fine), at, j, step, coarse) for j in range(2)]
        for i in range(2)
    ]
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


V = Var("v", shape=(4,))
M = Var("m", shape=(2, 3))
T = Var("t")
TIED = np.array([0.0, 2.0, 0.0, -1.0])
MATRIX = np.array([[1.0, -1.0, 0.0, 2.0], [0.0, 1.0, 1.0, -1.0], [2.0, 0.0, 0.0, 1.0]])


def _norm(x: Any) -> Any:
    return mpmath.sqrt(sum(each**2 for each in x))


ARRAYS: dict[str, tuple[Any, Callable[[list[Any]], Any]]] = {
    "abs": (exprad.sum(abs(V)), lambda v: sum(map(abs, v))),
    "abs of parts": (exprad.sum(abs(V[1:] - 2) * V[:-1]), lambda v: sum(abs(v[i + 1] - 2) * v[i] for i in range(3))),
    "total variation": (exprad.sum(abs(V[1:] + V[:-1] - 2)), lambda v: sum(abs(v[i + 1] + v[i] - 2) for i in range(3))),
    "relu of a product": (exprad.sum(relu(MATRIX @ (V - TIED)) ** 2 + relu(MATRIX @ (TIED - V))),
                          lambda v: sum(max(r, 0) ** 2 + max(-r, 0) for r in [sum(a * (b - c) for a, b, c in zip(
                              row, v, TIED, strict=True)) for row in MATRIX])),
    "max": (exprad.max(abs(V) - 2 * V * V / 4), lambda v: max(abs(x) - x * x / 2 for x in v)),
    "max of ties": (exprad.max(-abs(V)), lambda v: max(-abs(x) for x in v)),
    "min": (exprad.min(V * V), lambda v: min(x * x for x in v)),
    "norm": (norm(V - TIED), lambda v: _norm([a - b for a, b in zip(v, TIED, strict=True)])),
    "norms": (norm((V - TIED).reshape((2, 2)), axis=1)[0], lambda v: _norm([v[0], v[1] - 2])),
    "norm 1": (norm(V, 1) * V[0], lambda v: sum(map(abs, v)) * v[0]),
    "norm inf": (norm(V[:3] - 1, np.inf), lambda v: max(abs(x - 1) for x in v[:3])),
    "where": (exprad.sum(where(V > 0, V * V + V, 3 * V)), lambda v: sum(x * x + x if x > 0 else 3 * x for x in v)),
    "where of the sum": (exprad.sum(where(exprad.sum(V) > 1, V, 3 * V * V)),
                         lambda v: sum(x if sum(v) > 1 else 3 * x * x for x in v)),
    "a jump times another": (sign(V[0]) * V[2] + V[0] * sign(V[2]) + exprad.prod(sign(V) + V),
                             lambda v: mpmath.sign(v[0]) * v[2] + v[0] * mpmath.sign(v[2])
                             + mpmath.fprod(mpmath.sign(x) + x for x in v)),
}  # fmt: skip


@pytest.mark.parametrize("convention", STEP)
@pytest.mark.parametrize("name", ARRAYS)
def test_elements_of_arrays_have_one_sided_derivatives_each(name: str, convention: str) -> None:
    f, function = ARRAYS[name]
    with mpmath.workdps(140):
        at = [mpmath.mpf(x) for x in TIED]
        fine, coarse, step = mpmath.mpf(10) ** -60, mpmath.mpf(10) ** -14, STEP[convention]
        plain = lambda *p: function(list(p))  # noqa: E731  # as `slope` takes it
        expected = np.array([float(slope(plain, at, i, step, fine)) for i in range(4)])
        curvature = [
            [float(slope(lambda *p, i=i: slope(plain, p, i, step, fine), at, j, step, coarse)) for j in range(4)]
            for i in range(4)
        ]
    found = [
        f.gradient(V, kink=convention),
        f.gradient([T, V], kink=convention)[1],
        f.backpropagate(kink=convention)[V],
        jacobian(f, V, kink=convention),
        jacobian(stack([f, 2 * f]), V, kink=convention)[0],
    ]
    for each in found:
        np.testing.assert_allclose(each.evaluate(v=TIED), expected, rtol=1e-9, atol=1e-9)
    second = hessian(f, V, kink=convention)
    np.testing.assert_allclose(second.evaluate(v=TIED), curvature, rtol=1e-9, atol=1e-9)
    pytest.importorskip("scipy")
    sparse = hessian(f, V, kink=convention, sparse=True).evaluate(v=TIED).toarray()
    np.testing.assert_allclose(sparse, curvature, rtol=1e-9, atol=1e-9)
    by_columns = jacobian(stack([f, 3 * f]), V, kink=convention, sparse=True).evaluate(v=TIED).toarray()
    np.testing.assert_allclose(by_columns, [expected, 3 * expected], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("backend", ["python", "numpy"])
def test_conventions_hold_in_compiled_functions(name: str, backend: str) -> None:
    f, _ = ARRAYS[name]
    slopes = [f.gradient(V, kink=convention) for convention in ("zero", "left", "right")]
    slopes.append(hessian(f, V, kink="right"))
    for found, each in zip(compile(slopes, [V], backend=backend)(TIED), slopes, strict=True):
        np.testing.assert_allclose(found, each.evaluate(v=TIED), rtol=1e-12, atol=1e-12)


@searched(60)
@given(programs(scalar=True), st.sampled_from(["zero", "left", "right"]))
def test_conventions_hold_on_every_carrier(made: Made, convention: str) -> None:
    f, _ = made
    slopes = [*f.gradient([X, Y], kink=convention), *hessian(f, [X, Y], kink=convention)[0]]
    points = np.array([[0.0, 0.0], [1.0, 1.0], [-1.0, 0.0], [0.5, 0.0], [2.0, -1.0], [0.3, 0.7]])
    expected = np.array([[float(slope.evaluate(x=a, y=b)) for a, b in points.tolist()] for slope in slopes])
    at_once = [slope.evaluate({X: points[:, 0], Y: points[:, 1]}) for slope in slopes]
    np.testing.assert_allclose(at_once, expected, rtol=1e-12, atol=1e-12)
    for backend in present("python", "numpy", "native"):
        g = compile(slopes, [X, Y], backend=backend)
        if backend != "python":  # which takes a point at a time
            np.testing.assert_allclose(g(points[:, 0], points[:, 1]), expected, rtol=1e-11, atol=1e-11)
        np.testing.assert_allclose(g(0.0, 0.0), expected[:, 0], rtol=1e-11, atol=1e-11)
    for slope in slopes:
        assert parse(str(slope)) is slope


def test_left_and_right_are_of_the_whole_expression() -> None:
    assert [abs(-2 * T).gradient(T, kink=k).evaluate(t=0.0) for k in STEP] == [-2, 2]
    assert [maximum(T, 2 * T).gradient(T, kink=k).evaluate(t=0.0) for k in STEP] == [1, 2]
    assert [where(T > 1, T, T**2).gradient(T, kink=k).evaluate(t=1.0) for k in STEP] == [2, 1]
    assert [abs(abs(T) - abs(2 * T)).gradient(T, kink=k).evaluate(t=0.0) for k in STEP] == [-1, 1]
    assert [derivative(abs(T) * T, T, 2, kink=k).evaluate(t=0.0) for k in STEP] == [-2, 2]
    assert [derivative(abs(T**3), T, 3, kink=k).evaluate(t=0.0) for k in STEP] == [-6, 6]
    assert [derivative(abs(T) ** 5, T, 5, kink=k).evaluate(t=0.0) for k in STEP] == [-120, 120]
    for condition in (
        T**4 > 0,
        T**6 > 0,
        1 - exprad.cos(T) > 0,
        exprad.cosh(T) - 1 - T * T / 2 > 0,
        abs(T - sin(T)) > 0,
        (T * T) * (T * T) > 0,
    ):
        assert [where(condition, 5 * T, T).gradient(T, kink=k).evaluate(t=0.0) for k in STEP] == [5, 5]
    for condition in (T**3 > 0, T - sin(T) > 0, T**5 >= 0):
        assert [where(condition, 5 * T, T).gradient(T, kink=k).evaluate(t=0.0) for k in STEP] == [1, 5]


def test_a_gradient_of_several_variables_takes_each_side_alone() -> None:
    f = abs(X - Y)
    assert [g.evaluate(x=1.0, y=1.0) for g in f.gradient([X, Y], kink="right")] == [1, 1]
    assert [g.evaluate(x=1.0, y=1.0) for g in f.gradient([X, Y], kink="left")] == [-1, -1]
    corner = hessian(abs(X) * abs(Y), [X, Y], kink="right")
    assert [[entry.evaluate(x=0.0, y=0.0) for entry in row] for row in corner] == [[0, 1], [1, 0]]


def test_infinite_operands_and_constants_keep_their_side() -> None:
    assert [clip(X, 0, math.inf).gradient(X, kink=k).evaluate(x=0.0) for k in ("left", "right", "zero")] == [0, 1, 0]
    assert abs(sqrt(X)).gradient(X, kink="right").evaluate(x=0.0) == math.inf
    assert maximum(X, X).gradient(X, kink="right").evaluate(x=2.0) == 1
    assert exprad.max(stack([X, X, Y])).gradient(X, kink="right").evaluate(x=1.0, y=0.0) == 1
    assert math.isnan(abs(X).gradient(X, kink="right").evaluate(x=math.nan))


@pytest.mark.parametrize("point", [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 0.25, -0.75])
@pytest.mark.parametrize("row", ["abs", "sign", "floor", "ceil", "round", "trunc", "relu"])
def test_zero_and_raise_hold_exactly_where_kinks_says(row: str, point: float) -> None:
    f = getattr(exprad, row)(X)
    is_kink = abs(kinks(f)[0][1].evaluate(x=point)) == 0
    at = {"abs": 0, "sign": 0, "relu": 0, "round": point - 0.5, "trunc": point if point else 1}.get(row, point)
    assert is_kink == (
        point == 0 if row in ("abs", "sign", "relu") else float(at).is_integer() and (row != "trunc" or point != 0)
    )
    usual = f.gradient(X).evaluate(x=point)
    assert f.gradient(X, kink="zero").evaluate(x=point) == (0 if is_kink else usual)
    for slope, expected in ((f.gradient(X, kink="raise"), usual), (f.hessian([X], kink="raise")[0][0], 0)):
        if is_kink:
            with pytest.raises(KinkError, match="kink"):
                slope.evaluate(x=point)
        else:
            assert slope.evaluate(x=point) == expected


@pytest.mark.parametrize("name", ARRAYS)
def test_zero_and_raise_hold_for_arrays(name: str) -> None:
    f, _ = ARRAYS[name]
    away = TIED + [0.1, 0.23, 0.37, 0.41]
    for convention in ("zero", "raise"):
        slope = f.gradient(V, kink=convention)
        np.testing.assert_allclose(slope.evaluate(v=away), f.gradient(V).evaluate(v=away))
    assert any(not np.all(gap.evaluate(v=TIED)) for _, gap in kinks(f))
    assert all(np.all(gap.evaluate(v=away)) for _, gap in kinks(f))
    with pytest.raises(KinkError):
        f.gradient(V, kink="raise").evaluate(v=TIED)
    assert exprad.max(V).gradient(V, kink="zero").evaluate(v=[1.0, 3.0, 3.0, 0.0]).tolist() == [0, 0, 0, 0]
    assert exprad.max(V).gradient(V, kink="zero").evaluate(v=[1.0, 3.0, 2.0, 0.0]).tolist() == [0, 1, 0, 0]


def test_zero_and_raise_hold_where_a_condition_decides() -> None:
    f = where((X > 0) & (Y > 0), X * Y, X + 2 * Y)
    zero = f.gradient([X, Y], kink="zero")
    for point, expected in (((0.0, 1.0), (0, 0)), ((0.0, -1.0), (1, 2)), ((0.0, 0.0), (0, 0)), ((1.0, 2.0), (2, 1))):
        assert tuple(g.evaluate(x=point[0], y=point[1]) for g in zero) == expected
    for g in (where(X > 0, 1, -1), (X > 0) * X, exprad.sum(where(V > 0, 1, 0))):
        wrt = g.variables[0]
        with pytest.raises(KinkError):
            g.gradient(wrt, kink="raise").evaluate({wrt: np.zeros(wrt.shape) if wrt.shape else 0.0})
        assert np.all(
            g.gradient(wrt, kink="raise").evaluate({wrt: np.ones(wrt.shape) if wrt.shape else 1.0})
            == (wrt is X and g.primitive.name == "mul")
        )


def test_kinks_lists_conditions_and_rows_of_arrays() -> None:
    f = where((X > 1) | equal(Y, 2), abs(X), exp(Y)) + exprad.max(V) + norm(V)
    assert {repr(node) for node, _ in kinks(f)} == {"x > 1", "equal(y, 2)", "abs(x)", "max(v)", "norm(v)"}
    assert kinks(where(X > 1, X, X**2)) == [(X > 1, X - 1)]
    largest = exprad.max(M, axis=1)
    gap = kinks(largest)[0][1]
    assert gap.shape == (2,) and gap.evaluate(m=[[1.0, 5.0, 2.0], [3.0, 0.0, 3.0]]).tolist() == [3, 0]
    assert kinks(exprad.min(M))[0][1].evaluate(m=[[1.0, 5.0, 2.0], [3.0, 0.0, 3.0]]) == 1
    assert kinks(exp(X) + Y**2) == []
    assert set(kinks(where(equal(X > 0, Y > 0), X, Y))) == {(X > 0, X), (Y > 0, Y)}


def test_a_row_of_a_user_states_its_sides() -> None:
    try:
        silent = Primitive(
            "silent_for_test", lambda y, x: If(x > 0, 2 * x), formula=lambda x: relu(x) ** 2, kink=lambda x: x
        )
        leaky = Primitive(
            "leaky_for_test",
            lambda y, x: where(x > 0, 1, 0.1),
            formula=lambda x: where(x > 0, x, 0.1 * x),
            kink=lambda x: x,
            sides=(lambda x: 0.1 * x, lambda x: x),
        )
        with pytest.raises(NotDifferentiableError, match=r"silent_for_test.*sides=\(below, above\)"):
            silent(X).gradient(X, kink="left")
        assert silent(X).gradient(X, kink="zero").evaluate(x=1.0) == 2
        assert [leaky(-X).gradient(X, kink=k).evaluate(x=0.0) for k in STEP] == [-1, -0.1]
    finally:
        for name in ("silent_for_test", "leaky_for_test"):
            Primitive.registry.pop(name, None)


def test_a_row_of_a_user_says_how_its_sign_follows_and_what_is_linear() -> None:
    pytest.importorskip("scipy")
    from exprad.derivatives.one_sided import passes

    v, options = Var("v", shape=(5,)), {"formula": lambda a, b: 3 * a * b}
    try:
        scaled = Primitive(
            "scaled_for_test", lambda y, a, b: 3 * b, lambda y, a, b: 3 * a, signs=lambda a, b: a * b, **options
        )
        silent = Primitive("silent_for_test", lambda y, a, b: 3 * b, lambda y, a, b: 3 * a, **options)
        for row, expected in ((scaled, 2), (silent, 1)):  # the sixth tangent is the first that is not 0
            f = where(row(X**3, X**3) > 0, 2 * X, X)
            assert [f.gradient(X, kink=k).evaluate(x=0.0) for k in STEP] == [expected, expected]
        assert len(passes([exprad.sum(scaled(floor(v), 2.5))], [v])) == 1
        assert len(passes([exprad.sum(scaled(floor(v), exprad.flip(v)))], [v])) > 1
        assert len(passes([exprad.sum(np.ones((2, 5)) @ floor(v))], [v])) == 1
    finally:
        for name in ("scaled_for_test", "silent_for_test"):
            Primitive.registry.pop(name, None)


@pytest.mark.parametrize("join", ["and", "or", "not"])
def test_joined_conditions_change_where_one_does_that_the_others_let_through(join: str) -> None:
    p, q = X > 0, Y > 0
    f = where({"and": p & q, "or": p | q, "not": ~(p & q)}[join], 2 * X, 3 * Y)
    for x, y in np.ndindex(3, 3):
        at = {"x": x - 1.0, "y": y - 1.0}
        is_open = {x: at["x"] == 0 and (at["y"] <= 0 if join == "or" else at["y"] >= 0),
                   y: at["y"] == 0 and (at["x"] <= 0 if join == "or" else at["x"] >= 0)}  # fmt: skip
        expected = [0, 0] if any(is_open.values()) else [g.evaluate(at) for g in f.gradient([X, Y])]
        assert [g.evaluate(at) for g in f.gradient([X, Y], kink="zero")] == expected


def test_every_row_with_a_kink_has_sides() -> None:
    from exprad.tensor import Family

    for row in [*Primitive.registry.values(), *Family.registry.values()]:
        assert (row.kink is None) == (row.sides is None), row


def test_third_derivatives_through_a_length_are_refused_on_one_side() -> None:
    with pytest.raises(NotDifferentiableError, match="second order"):
        derivative(hypot(X, X**2), X, 3, kink="right")
    assert math.isfinite(derivative(hypot(X, X**2), X, 3).evaluate(x=1.0))


def test_the_direction_of_a_length_turns_in_mixed_derivatives() -> None:
    for f in (hypot(X, X**2 + Y), norm(stack([X**2, X**3 + Y])), norm(stack([X, X**2 + Y, 0 * X]))):
        assert hessian(f, [X, Y], kink="right")[1][0].evaluate(x=0.0, y=0.0) == 1
        assert hessian(f.substitute({X: -X, Y: -Y}), [X, Y], kink="left")[1][0].evaluate(x=0.0, y=0.0) == 1


def test_passes_are_few_where_few_elements_meet() -> None:
    pytest.importorskip("scipy")
    from exprad.derivatives.one_sided import passes

    v = Var("v", shape=(50,))
    assert len(passes([exprad.sum(abs(v))], [v])) == 1
    assert len(passes([exprad.sum(where(v > 0, v, 2 * v)) / 50], [v])) == 1
    assert len(passes([exprad.sum(abs(v[1:] - v[:-1]))], [v])) == 2
    assert len(passes([exprad.max(v)], [v])) == 50
    many = [Var(f"x{place}") for place in range(50)]
    assert len(passes([sum(map(abs, many))], many)) == 1


def test_without_scipy_each_element_has_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    from exprad.derivatives import sparsity
    from exprad.errors import extra

    def missing() -> Any:
        raise extra("scipy", "scipy", "a sparse matrix")

    monkeypatch.setattr(sparsity, "scipy_sparse", missing)
    f, _ = ARRAYS["total variation"]
    assert f.gradient(V, kink="right").evaluate(v=TIED).tolist() == [1, 2, 0, -1]


def test_depth_and_length_are_no_trouble() -> None:
    f: Any = X
    depth = 4_000 * min(SEARCH, 5)  # far beyond what recursion could do
    for _ in range(depth):
        f = abs(f)
        f = f - 1
    assert len(kinks(f)) == depth
    for convention in ("left", "right", "zero", "raise"):
        assert f.gradient(X, kink=convention).evaluate(x=0.25) in (-1, 1)
    product: Any = X
    for _ in range(depth // 4):
        product = product * (X + 1)
    assert where(product > 0, 2 * X, X).gradient(X, kink="left").evaluate(x=0.0) == 1


def test_the_square_of_a_norm_is_smooth() -> None:
    assert norm(V) ** 2 is exprad.sum(V**2) and square(norm(V)) is exprad.sum(V**2)
    assert norm(V) * norm(V) is exprad.sum(V**2) and norm(V) ** 4 is exprad.sum(V**2) ** 2
    assert norm(M, axis=1, keepdims=True) ** 2 is exprad.sum(M**2, axis=1, keepdims=True)
    assert square(abs(X)) is square(X) and square(-X) is square(X)
    for f in (norm(V) ** 2, norm(V) * norm(V), square(norm(V)), exprad.sum(norm(V.reshape((2, 2)), axis=1) ** 2)):
        np.testing.assert_array_equal(hessian(f, V).evaluate(v=np.zeros(4)), 2 * np.eye(4))
    assert parse("norm(v[4])**2") is not norm(V) ** 2  # text builds as it is written
