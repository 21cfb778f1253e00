"""A branch that is not taken, and an element that is never read, poison nothing: through every change of shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import Const, DualNumber, Var, Variable
from exprad.forward import tangents
from exprad.tensor import Family

AT = np.array([[0.0, 2.0, 0.0], [1.0, 0.5, 3.0]])  # each function has an infinite slope, or none, at 0
MASK = np.array([[False, True, True], [True, True, False]])
MOVES: dict[str, Callable[[Any], Any]] = {
    "part": lambda u: u[:, 1:],
    "steps": lambda u: u[::-1, ::2],
    "element": lambda u: u[1],
    "new axis": lambda u: u[:, None],
    "gather": lambda u: u[[1, 0, 1]],
    "mask": lambda u: u[MASK],
    "reshape": lambda u: u.reshape((3, 2)),
    "transpose": lambda u: u.T,
    "broadcast": lambda u: ep.broadcast_to(u, (2, 2, 3)),
    "flip": lambda u: ep.flip(u, 1),
    "roll": lambda u: ep.roll(u, 1, 1),
    "repeat": lambda u: ep.repeat(u, 2, 0),
    "tile": lambda u: ep.tile(u, (2, 1)),
    "concatenate": lambda u: ep.concatenate([u, u[:1]]),
    "stack": lambda u: ep.stack([u, u], 1),
    "pad": lambda u: ep.pad(u, 1),
    "pad with ones": lambda u: ep.pad(u, 1, constant_values=1),
    "diagonal": lambda u: ep.diagonal(u),
    "take": lambda u: ep.take(u, [2, 0], 1),
}
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "log": lambda x: ep.log(x),
    "sqrt": lambda x: ep.sqrt(x),
    "power": lambda x: x**0.5,
    "quotient": lambda x: 1 / x,
    "x log x": lambda x: x * ep.log(x),
}


differences: Family = Family(  # a user's row whose weights cancel one another
    "differences", shape=lambda x: (*x[:-1], x[-1] - 1), value=lambda np, x: x[..., 1:] - x[..., :-1],
    transpose=lambda y_bar, x: ep.pad(y_bar, [(0, 0)] * (y_bar.ndim - 1) + [(1, 0)])
    - ep.pad(y_bar, [(0, 0)] * (y_bar.ndim - 1) + [(0, 1)]))  # fmt: skip


def chosen(u: Any, condition: Any) -> Any:
    return ep.sum(ep.where(condition, ep.sin(u), 0))


def programs() -> dict[str, Callable[[Any], Any]]:
    """Programs in which the function is needed at positive elements alone."""
    found: dict[str, Callable[[Any], Any]] = {}
    for name, move in MOVES.items():
        for called, function in FUNCTIONS.items():
            found[f"{called} before {name}"] = lambda x, f=function, m=move: chosen(m(f(x)), m(x) > 0)
        found[f"root after {name}"] = lambda x, m=move: chosen(ep.sqrt(m(ep.where(x > 0, x, 0))), m(x) > 0)
        found[f"never read by {name}"] = lambda x, m=move: ep.sum(m(ep.where(x > 0, ep.log(x), 1)))
    found |= {
        "sum along an axis": lambda x: chosen(ep.sum(ep.log(x), 1), np.array([False, False])) + ep.sum(x),
        "mean along an axis": lambda x: chosen(ep.mean(ep.sqrt(x), 0), ep.min(x, 0) > 0),
        "cumsum": lambda x: chosen(ep.cumsum(ep.log(x[1:, ::-1]), 1), np.array([[True, False, False]])),
        "product": lambda x: chosen(ep.prod(ep.sqrt(x), 1), ep.min(x, 1) > 0),
        "largest of logarithms": lambda x: ep.sum(ep.max(ep.log(x), 1)),
        "norm of 0": lambda x: ep.sum(ep.norm(x * x[:, :1] ** 0.5, axis=1)),
        "norm of roots": lambda x: ep.sum(ep.norm(ep.sqrt(ep.stack([x, x])), axis=0)),
        "hypot with a column": lambda x: ep.sum(ep.hypot(x[0], np.zeros((3, 1)))),
        "maximum with a column": lambda x: ep.sum(ep.maximum(ep.log(x[0]), np.zeros((3, 1)))),
        "elements never read": lambda x: ep.sum(ep.log(x)[0, 1:2]) + ep.sqrt(x)[1, 2],
        "a sum that broadcasts": lambda x: ep.sum(ep.where(x > 0, ep.log(x) + x[:1], 0)),
        "a product that broadcasts": lambda x: ep.sum(ep.where(x > 0, ep.log(x) * np.ones((1, 3)) * x[:, 2:], 0)),
        "rows of a product": lambda x: chosen(ep.log(x) @ np.array([1.0, 2.0, 1.5]), ep.min(x, 1) > 0),
        "a row of a product": lambda x: ep.sum((ep.log(x) @ np.ones((3, 2)))[1] * x[0, 1]),
        "a column of a product": lambda x: ep.sum((np.array([[1.0, 2.0]]) @ ep.log(x))[:, 1]),
        "a vector times a matrix": lambda x: (np.array([1.0, 2.0]) @ ep.log(x))[1] ** 2,
        "one product of a stack": lambda x: ep.sum((ep.stack([ep.log(x), ep.exp(x)]) @ np.ones((3, 2)))[:, 1] ** 2),
        "products that broadcast": lambda x: ep.sum((np.ones((4, 2, 2)) @ ep.log(x))[1:, :, 1] ** 2),
        "sums of products": lambda x: chosen(ep.einsum("ij,k->ki", ep.sqrt(x), np.ones(2)), ep.min(x, 1) > 0),
        "a column of a system": lambda x: ep.sum(ep.solve(np.array([[2.0, 1.0], [1.0, 3.0]]), ep.log(x))[:, 1] ** 2),
        "a row of softmax": lambda x: ep.sum(ep.softmax(1 / x, 1)[1] ** 2),
        "a column of log_softmax": lambda x: ep.sum(ep.log_softmax(ep.log(x) * x, 0)[:, 1] ** 2),
        "a determinant of a stack": lambda x: ep.det(ep.log(x)[:, :2, None] * np.ones(2) + np.eye(2))[1] ** 2,
        "one condition for all": lambda x: ep.where(x[0, 0] > 0, ep.norm(ep.log(x) @ ep.log(x).T), x[0, 1] ** 2),
        "extended and summed": lambda x: ep.sum(ep.where(x[None] > 0, ep.log(x)[None], 0) * np.ones((2, 1, 1))),
        "two parts": lambda x: (
            ep.sum(ep.exp(ep.log(x)[:, 1] * 2)[:1]) + ep.sum(ep.where(x[0, 1:] > 0, ep.log(x)[0, 1:], 0))
        ),
        "nested": lambda x: ep.sum(
            ep.where(x > 0, ep.where(x[0] > 0, ep.log(x)[0], x[1]), ep.where(x.T[:, 1] > 5, ep.log(x)[1], 0))
        ),
    }
    return found


OF_USERS: dict[str, Callable[[Any], Any]] = {
    "rising differences": lambda x: ep.sum(ep.relu(differences(ep.log(x[1]))) * np.array([1.0, 10.0])),
    "one of the differences": lambda x: ep.sum(differences(ep.log(x))[1, 1:] ** 2),
    "the largest difference": lambda x: ep.max(differences(ep.log(x[1]))) + ep.norm(differences(ep.log(x[1]))),
    "roots of differences": lambda x: chosen(ep.sqrt(differences(ep.where(x > 0, x, 0))), differences(x) > 0),
}
PROGRAMS = programs() | OF_USERS


def reference(program: Callable[[Any], Any]) -> Any:
    """Central differences in the elements: of a program that is smooth there, or constant, a step to a side suffices."""
    step = 1e-6
    slopes = np.zeros_like(AT)
    with np.errstate(all="ignore"):
        for place in np.ndindex(AT.shape):
            high, low = AT.copy(), AT.copy()
            high[place] += step
            low[place] -= step
            slopes[place] = (program(high) - program(low)) / (2 * step)
    return slopes


def directional(program: Callable[[Any], Any], x: Var) -> Any:
    slopes = np.zeros_like(AT)
    f = program(x)
    for place in np.ndindex(AT.shape):
        x_dot = np.zeros_like(AT)
        x_dot[place] = 1
        slopes[place] = ep.evaluate(ep.jvp(f, {x: Const(x_dot)}), {x: AT})
        dual = program(DualNumber(AT, x_dot))
        np.testing.assert_array_equal(dual.eps, slopes[place])
    return slopes


def in_all_directions(program: Callable[[Any], Any], x: Var) -> Any:
    """The slopes by all elements from one pass."""
    units = np.eye(AT.size).reshape(AT.size, *AT.shape)
    (found,) = tangents([program(x)], {x: Const(units)}, (AT.size,))
    return (
        np.zeros_like(AT) if found is None else np.broadcast_to(ep.evaluate(found, {x: AT}), AT.size).reshape(AT.shape)
    )


def recorded(program: Callable[[Any], Any], create_graph: bool) -> Variable:
    x = Variable(AT)
    with np.errstate(all="ignore"):
        program(x).backward(create_graph=create_graph)
    assert x.grad is not None
    return x


@pytest.mark.parametrize("name", PROGRAMS)
def test_first_derivatives_are_clean_on_every_carrier(name: str) -> None:
    program, x = PROGRAMS[name], Var("x", shape=AT.shape)
    f = program(x)
    slopes = f.gradient(x)
    reverse = slopes.evaluate(x=AT)
    assert np.isfinite(reverse).all()
    for found in (
        directional(program, x),
        in_all_directions(program, x),
        ep.compile(slopes, [x])(AT),
        recorded(program, False).grad.data,
        recorded(program, True).grad.data,
    ):
        np.testing.assert_allclose(found, reverse, rtol=1e-12, atol=1e-12)
    is_smooth = AT > 0
    np.testing.assert_allclose(reverse[is_smooth], reference(program)[is_smooth], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in OF_USERS])  # which NumPy alone computes
def test_derivatives_are_clean_in_another_library_of_arrays(name: str) -> None:
    jax = pytest.importorskip("jax")
    x = Var("x", shape=AT.shape)
    f = PROGRAMS[name](x)
    outputs = [f.gradient(x), ep.hvp(f, x, Const(AT))]
    with jax.enable_x64(True):
        found = ep.compile(outputs, [x], backend="jax")(jax.numpy.asarray(AT))
    for theirs, ours in zip(found, ep.evaluate(outputs, {x: AT}), strict=True):
        np.testing.assert_allclose(np.asarray(theirs), ours, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", PROGRAMS)
def test_second_derivatives_are_clean_on_every_carrier(name: str) -> None:
    program, x = PROGRAMS[name], Var("x", shape=AT.shape)
    f, x_dot = program(x), np.where(AT > 0, 0.5, 0.0)
    slopes = f.gradient(x)
    second = ep.hvp(f, x, Const(x_dot)).evaluate(x=AT)
    assert np.isfinite(second).all()
    twice = ep.sum(slopes * x_dot).gradient(x)
    leaf = recorded(program, True)
    total = ep.sum(leaf.grad * x_dot)
    leaf.cleargrad()
    total.backward()
    compiled = ep.compile(twice, [x])(AT)
    dual = slopes.evaluate(x=DualNumber(AT, x_dot)).eps
    for found in (twice.evaluate(x=AT), leaf.grad.data, compiled, dual):
        np.testing.assert_allclose(found, second, rtol=1e-11, atol=1e-11)


def test_where_all_is_read_nothing_is_selected() -> None:
    """Parts that together are the whole, and rows that only move, leave no condition behind."""
    x = Var("x", shape=(4,))
    u = ep.exp(x)
    for f in (
        ep.sum(u[::-1]),
        ep.sum(ep.sin(u[1:] - u[:-1])),
        ep.sum(u[[3, 1, 2, 0]]),
        ep.sum(u.reshape((2, 2)) @ np.ones(2)),
        ep.sum(ep.sin(ep.concatenate([u[:2], u[2:]]))),
    ):
        slopes = f.gradient(x)
        tangent = ep.jvp(f, {x: Const(np.ones(4))})
        for each in (slopes, tangent):
            assert "where" not in str(each), each


def test_many_parts_of_one_array_need_no_recursion() -> None:
    x = Var("x", shape=(4,))
    u, f = ep.log(x), Const(0)
    for _ in range(20_000):
        f = f + 1e-4 * ep.sin(f + u[1])
    assert np.isfinite(f.gradient(x).evaluate(x=np.array([0.0, 1.0, 0.0, 1.0]))).all()
    v = Variable(np.array([0.0, 1.0, 0.0, 1.0]))
    with np.errstate(all="ignore"):
        u, y = ep.log(v), Variable(np.array(0.0))
    for place in range(20_000):
        y = y + u[place % 2 * 2 + 1]
    y.backward()
    assert v.grad.data.tolist() == [0.0, 10_000.0, 0.0, 10_000.0]


def test_a_family_that_states_half_a_derivative_is_refused() -> None:
    rules: dict[str, Any] = {
        "push": lambda y, xs, x_dot, _: 2 * xs[0] * x_dot,
        "pull": lambda y, xs, y_bar, _: 2 * xs[0] * y_bar,
    }
    for name, rule in rules.items():
        with pytest.raises(ep.ExpradError, match="states no derivative"):
            Family("half_a_rule", shape=lambda x: x, value=lambda np, x: x * x, **{name: rule})
    square = Family("whole_rule", shape=lambda x: x, value=lambda np, x: x * x, **rules)
    x = Var("x", shape=(2,))
    assert ep.jvp(square(x), {x: Const(np.ones(2))}).evaluate(x=[3.0, 4.0]).tolist() == [6.0, 8.0]
