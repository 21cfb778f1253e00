"""With respect to what: variables, names, sequences and dicts of them; and the point of a Python function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import (
    Const,
    DualNumber,
    Var,
    derivative,
    gradient,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_gradient,
    variables,
    vjp,
)
from exprad.errors import ArgumentError, NameClashError, OperandError

x, y = variables("x y")
v = Var("v", shape=(3,))
f = x * x * y + y + 2
F_X, F_Y = f.gradient([x, y])
HESSIAN = f.hessian([x, y])

# How variables may be given, and results of two variables, in that structure.
STRUCTURES: list[tuple[Any, Any]] = [
    ([x, y], lambda a, b: [a, b]), ((x, y), lambda a, b: [a, b]),
    (["x", "y"], lambda a, b: [a, b]), ([x, "y"], lambda a, b: [a, b]),
    ({"first": x, "second": "y"}, lambda a, b: {"first": a, "second": b}), ({1: x, x: y}, lambda a, b: {1: a, x: b}),
    ([[x], [[y]]], lambda a, b: [[a], [[b]]]), ({"w": [x], "b": {"c": y}}, lambda a, b: {"w": [a], "b": {"c": b}}),
    ([{"a": "x"}, ("y",)], lambda a, b: [{"a": a}, [b]]), (np.array([x, y], object), lambda a, b: [a, b]),
    (np.array([[x, y]], object), lambda a, b: [[a, b]]),
]  # fmt: skip
structures = pytest.mark.parametrize(("wrt", "like"), STRUCTURES)


@structures
def test_results_have_the_structure_of_wrt(wrt: Any, like: Any) -> None:
    assert f.gradient(wrt) == gradient(f, wrt) == like(F_X, F_Y)
    assert value_and_gradient(f, wrt) == (f, like(F_X, F_Y))
    assert jacobian(f, wrt) == like(F_X, F_Y)
    assert jacobian([f, x], wrt) == [like(F_X, F_Y), like(Const(1), Const(0))]
    assert vjp([f, x], [1, 2], wrt) == like(F_X + 2, F_Y)
    assert f.hessian(wrt) == hessian(f, wrt) == like(*[like(*row) for row in HESSIAN])
    assert hvp(f, wrt, like(1, 0)) == like(2 * y, 2 * x)


@structures
@pytest.mark.parametrize("kink", ["left", "zero"])
def test_results_have_the_structure_of_wrt_on_one_side(wrt: Any, like: Any, kink: str) -> None:
    g = abs(x) * y
    assert gradient(g, wrt, kink=kink) == like(*gradient(g, [x, y], kink=kink))
    assert jacobian([g], wrt, kink=kink) == [like(*gradient(g, [x, y], kink=kink))]
    assert hessian(g, wrt, kink=kink) == like(*[like(*row) for row in hessian(g, [x, y], kink=kink)])


def test_a_name_is_a_variable_of_the_expression() -> None:
    assert f.gradient("x") is F_X
    assert f.hessian("x") is HESSIAN[0][0]
    assert jacobian(f, "x") is F_X
    assert derivative(f, "x", order=2) is HESSIAN[0][0]
    assert derivative(f, "x", order=4) is Const(0)  # by what f has, though no derivative has it
    assert jvp(f, {"x": 1, y: 2}) is jvp(f, {x: 1, y: 2})
    assert vjp(f, 1, "x") is F_X
    assert hvp(f, "x", 1) is HESSIAN[0][0]
    assert (v * v).sum().gradient("v") is (v * v).sum().gradient(v)
    assert hessian(f, ["x", "y"], sparse=True).shape == (2, 2)
    assert gradient(abs(x), "x", kink="left") is gradient(abs(x), x, kink="left")


@pytest.mark.parametrize(
    "call",
    [
        lambda: f.gradient("z"), lambda: f.gradient(["x", "z"]), lambda: hessian(f, {"a": "z"}), lambda: jacobian([f], "z"),
        lambda: vjp(f, 1, "z"), lambda: jvp(f, {"z": 1}), lambda: hvp(f, ["z"], [1]), lambda: derivative(f, "z"),
        lambda: value_and_gradient(f, "z"), lambda: gradient(f, "z", strict=True),
    ],
)  # fmt: skip
def test_a_name_that_the_expression_lacks_says_which_it_has(call: Any) -> None:
    with pytest.raises(ArgumentError, match=r"no variable is called 'z'; the expression has \['x', 'y'\]"):
        call()


def test_a_name_of_two_variables_is_refused() -> None:
    with pytest.raises(NameClashError, match="two variables called 'v'"):
        (Var("v") + v.sum()).gradient("v")


@pytest.mark.parametrize("wrt", [3, None, [3], {"a": None}, x * y, 2 * v, b"x", {"x": 1.0}, iter([x])])
def test_what_is_no_variable_is_refused_with_its_type(wrt: Any) -> None:
    with pytest.raises(OperandError, match="a Var, the name of one, or a sequence or dict of them, got "):
        gradient(f, wrt)


def test_a_variable_itself_may_be_absent() -> None:
    assert f.gradient({"z": Var("z")}) == {"z": Const(0)}
    with pytest.raises(ArgumentError, match="strict=True"):
        gradient(f, {"z": Var("z")}, strict=True)


@pytest.mark.parametrize(
    ("wrt", "direction"), [([x, y], [1]), ({"a": x}, [1]), ({"a": x}, {"b": 1}), ([x], {"a": 1}), ([x, [y]], [1, 2])]
)
def test_a_direction_has_the_structure_of_wrt(wrt: Any, direction: Any) -> None:
    with pytest.raises(ArgumentError, match="the direction needs"):
        hvp(f, wrt, direction)


@pytest.mark.parametrize("seed", [1.0, np.float64(1.0), np.array(1.0), np.float32(1.0)])
def test_a_seed_of_one_leaves_no_factor(seed: Any) -> None:
    assert f.backpropagate(seed) == f.backpropagate() == {x: F_X, y: F_Y}
    assert vjp(f, seed, x) is F_X
    assert jvp(f, {x: seed}) is F_X
    assert f.backpropagate(-1.0) == f.backpropagate(-1)
    assert f.backpropagate(2.0)[y] is 2.0 * x**2 + 2.0


# Python functions at a point.

POINTS = [[0.5, 1.5], (0.5, 1.5), np.array([0.5, 1.5])]
FUNCTIONS = {
    "indexed": lambda p: p[0] ** 2 * p[1], "summed": lambda p: np.sum(np.sin(p)),
    "methods": lambda p: np.asarray(p).dot([1.0, 2.0]),
    "norm": lambda p: np.linalg.norm(p), "exprad": lambda p: ep.sum(ep.exp(p)),
    "maximum": lambda p: np.sum(np.maximum(p, 1.0)),
    "unpacked": lambda p: (lambda a, b: a * ep.sin(b))(*p), "branches": lambda p: p[1] if p[0] > 0 else p[0],
    "stacked": lambda p: np.prod(np.stack([p[0], p[1] * 2])),
    "nested": lambda p: gradient(lambda q: (np.sin(q) * p[0]).sum(), [p[1]])[0],
    "constant": lambda p: 3.0,
}  # fmt: skip


@pytest.mark.parametrize("point", POINTS, ids=["list", "tuple", "array"])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_a_python_function_is_differentiated_where_numpy_takes_its_point(function: Any, point: Any) -> None:
    found = gradient(function, point)
    assert isinstance(found, list)
    step = 1e-6
    for place, slope in enumerate(found):
        values = [[each + by * (place == index) for index, each in enumerate(point)] for by in (step, -step)]
        above, below = (float(function(np.array(each))) for each in values)
        assert float(slope) == pytest.approx((above - below) / (2 * step), abs=1e-7)
    second = hessian(function, point)
    np.testing.assert_allclose(np.array(second, float), np.array(second, float).T, rtol=1e-12)
    value, slopes = value_and_gradient(function, point)
    assert float(value) == float(function(np.array(point)))
    assert slopes == found


def test_a_python_function_of_an_array_keeps_its_type() -> None:
    found = gradient(lambda p: np.sum(np.sin(p)), np.ones(3, np.float32))
    assert {each.dtype for each in found} == {np.dtype(np.float32)}
    assert found == [np.float32(math.cos(1))] * 3
    assert gradient(lambda p: p[0] ** 2 * p[1], [3, 4]) == [24, 9]
    assert gradient(lambda p: np.sum(p**2), np.array([3, 4])) == [6.0, 8.0]
    assert gradient(lambda p: p[0] * p[1], np.array([x, y], object)) == [y, x]
    assert hessian(lambda p: p[0] ** 2 * p[1], np.array([3.0, 4.0])) == [[8.0, 6.0], [6.0, 0.0]]


@pytest.mark.parametrize("operator", [gradient, hessian])
def test_a_function_of_several_arguments_says_how_points_are_given(operator: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"the point as a sequence of numbers, and this one needs 2: a, b; write .*f\(\*p\)"
    ):
        operator(lambda a, b: a * b, [1.0, 2.0])
    with pytest.raises(
        ArgumentError, match=r"a number, and this one needs 2: a, b; write derivative\(lambda a: f\(a, b\), a\)"
    ):
        derivative(lambda a, b: a * b, 1.0)
    assert gradient(lambda p, scale=2.0: p[0] * scale, [1.0]) == [2.0]


@pytest.mark.parametrize("point", [3.0, np.array(3.0), "ab", DualNumber(3.0, 1.0), {"a": 1.0}, np.ones((2, 2))])
def test_a_point_that_is_no_sequence_is_refused(point: Any) -> None:
    with pytest.raises((OperandError, ArgumentError), match="sequence of numbers"):
        gradient(lambda p: p, point)


def test_expressions_are_no_python_functions_though_they_can_be_called() -> None:
    assert callable(f)
    assert callable(x)
    assert gradient(f, x) is F_X
    assert derivative(f, x) is F_X
    assert hessian(f, x) is HESSIAN[0][0]
    assert gradient(Const(2), x) is Const(0)
    compiled = ep.compile(x**2, [[x]])
    assert gradient(compiled, [3.0]) == [6.0]
