"""Functions of arrays: every one, in every mode, over random shapes, axes, broadcasts and indices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import DualNumber, Var, Variable, gradient, hvp, jvp, parse
from exprad.arrays import FUNCTIONS
from tests.arrays import CASES, array
from tests.rows import searched

STEP = 1e-6


def close(expected: Any, actual: Any, tolerance: float = 1e-9) -> None:
    scale = 1 + np.max(np.abs(expected), initial=0)
    assert np.shape(actual) == np.shape(expected)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * scale)


def weighted(y: Any, weights: Any) -> Any:
    """A number in which every element of y counts, and curves."""
    return ep.sum(weights * ep.sin(y))


def test_every_function_has_a_case() -> None:
    assert set(FUNCTIONS) - {"add_at", "getitem", "zeros_like", "ones_like"} <= set(CASES)


@pytest.mark.parametrize("name", CASES)
@searched(5)
@given(data=st.data())
def test_every_mode_agrees(name: str, data: Any) -> None:
    function, arrays, expected = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    bound = dict(zip(xs, arrays, strict=True))
    y = function(*xs)
    assert y.shape == np.shape(expected)
    close(expected, function(*arrays))
    close(expected, y.evaluate(bound))
    assert str(parse(str(y))) == str(y)
    weights = array(data.draw, y.shape, 0.5, 1.5)
    dots = [array(data.draw, x.shape) for x in arrays]
    f = weighted(y, weights)
    slopes = gradient(f, xs)
    assert [g.shape for g in slopes] == [x.shape for x in xs]
    reverse = ep.evaluate(slopes, bound)
    slope = sum(np.sum(g * x_dot) for g, x_dot in zip(reverse, dots, strict=True))
    numeric = [
        weighted(function(*[x + step * x_dot for x, x_dot in zip(arrays, dots, strict=True)]), weights)
        for step in (STEP, -STEP)
    ]
    close((numeric[0] - numeric[1]) / (2 * STEP), slope, 1e-6)
    directions = dict(zip(xs, dots, strict=True))
    close(slope, jvp(f, directions).evaluate(bound))
    duals = [DualNumber(x, x_dot) for x, x_dot in zip(arrays, dots, strict=True)]
    close(slope, weighted(function(*duals), weights).eps)
    found = ep.compile([y, f, *slopes], xs)(*arrays)
    for mine, theirs in zip([expected, weighted(expected, weights), *reverse], found, strict=True):
        close(mine, theirs)
    variables = [Variable(x) for x in arrays]
    result = weighted(function(*variables), weights)
    result.backward(create_graph=True)
    for g, variable in zip(reverse, variables, strict=True):
        close(g, variable.grad.data)
    total = sum(ep.sum(variable.grad * x_dot) for variable, x_dot in zip(variables, dots, strict=True))
    for variable in variables:
        variable.cleargrad()
    if total._node is None:
        return
    total.backward()
    for second, variable in zip(hvp(f, xs, dots), variables, strict=True):
        close(second.evaluate(bound), np.zeros(variable.shape) if variable.grad is None else variable.grad.data)


@pytest.mark.parametrize("name", CASES)
@searched(5)
@given(data=st.data())
def test_second_derivatives_agree_with_differences(name: str, data: Any) -> None:
    function, arrays, _ = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    y = function(*xs)
    weights = array(data.draw, y.shape, 0.5, 1.5)
    dots = [array(data.draw, x.shape) for x in arrays]
    f = weighted(y, weights)
    slopes = gradient(f, xs)
    ends = [
        ep.evaluate(slopes, {v: x + step * x_dot for v, x, x_dot in zip(xs, arrays, dots, strict=True)})
        for step in (STEP, -STEP)
    ]
    seconds = ep.evaluate(hvp(f, xs, dots), dict(zip(xs, arrays, strict=True)))
    for second, high, low in zip(seconds, *ends, strict=True):
        close((high - low) / (2 * STEP), second, 1e-5)


@pytest.mark.parametrize("name", CASES)
@searched(5)
@given(data=st.data())
def test_float32_stays_float32(name: str, data: Any) -> None:
    function, arrays, _ = CASES[name](data.draw)
    variables = [Variable(x.astype(np.float32)) for x in arrays]
    y = function(*variables)
    assert y.dtype == np.float32
    ep.sum(y).backward()
    assert [(x.grad.dtype, x.grad.shape) for x in variables] == [(np.float32, x.shape) for x in variables]
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    bound = {x: variable.data for x, variable in zip(xs, variables, strict=True)}
    f = ep.sum(function(*xs))
    for value in ep.evaluate([f, *gradient(f, xs)], bound):
        assert value.dtype == np.float32
    dual = function(*[DualNumber(each, np.ones_like(each)) for each in bound.values()])
    assert (np.asarray(dual.value).dtype, np.asarray(dual.eps).dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("name", ["sum", "prod", "norm", "softmax", "matmul", "solve", "einsum", "getitem", "pad"])
def test_a_certificate_sets_pushforward_against_pullback(name: str) -> None:
    v, m = Var("v", shape=(3,)), Var("m", shape=(3, 3))
    made: dict[str, Any] = {
        "matmul": m @ v,
        "solve": ep.solve(m, v),
        "einsum": ep.einsum("ij,j,i->i", m, v, v),
        "getitem": m[1:, [0, 0]],
        "pad": ep.pad(v, 1),
    }
    certificate = ep.check(made[name] if name in made else getattr(ep, name)(v))
    assert certificate.ok, certificate
    assert {"reverse", "dual", "define-by-run", "finite differences"} <= set(certificate.worst)


def test_a_certificate_names_a_pullback_that_is_wrong(monkeypatch: Any) -> None:
    from exprad import tensor

    right = tensor.softmax.pull
    monkeypatch.setattr(tensor.softmax, "pull", lambda *arguments, **options: 2 * right(*arguments, **options))
    certificate = ep.check(ep.softmax(Var("v", shape=(3,))))
    assert not certificate
    assert {each.modes for each in certificate.disagreements} >= {("forward", "reverse")}


OF_AUTOGRAD: dict[str, Any] = {
    "sum": lambda np, x: np.sum(x, axis=1),
    "mean": lambda np, x: np.mean(x),
    "prod": lambda np, x: np.prod(x, axis=0),
    "max": lambda np, x: np.max(x, axis=1),
    "min": lambda np, x: np.min(x),
    "var": lambda np, x: np.var(x, axis=0),
    "std": lambda np, x: np.std(x, axis=1),
    "cumsum": lambda np, x: np.cumsum(x, axis=1),
    "T": lambda np, x: x.T,
    "reshape": lambda np, x: np.reshape(x, (2, 6)),
    "part": lambda np, x: x[1:, ::2],
    "places": lambda np, x: x[[0, 0, 2]],
    "concatenate": lambda np, x: np.concatenate([x, 2 * x], axis=1),
    "stack": lambda np, x: np.stack([x, x * x]),
    "matmul": lambda np, x: np.matmul(x, x.T),
    "dot": lambda np, x: np.dot(x, x[0]),
    "outer": lambda np, x: np.outer(x[0], x[1]),
    "einsum": lambda np, x: np.einsum("ij,kj->ik", x, x),
    "tensordot": lambda np, x: np.tensordot(x, x, axes=2),
    "norm": lambda np, x: np.linalg.norm(x),
    "solve": lambda np, x: np.linalg.solve(x[:, :3] + 5 * np.eye(3), x[:, 3]),
    "inv": lambda np, x: np.linalg.inv(x[:, :3] + 5 * np.eye(3)),
    "det": lambda np, x: np.linalg.det(x[:, :3]),
    "roll": lambda np, x: np.roll(x, 2, axis=1),
    "pad": lambda np, x: np.pad(x, ((1, 0), (0, 2)), "constant"),
    "trace": lambda np, x: np.trace(x),
    "tile": lambda np, x: np.tile(x, (2, 1)),
    "repeat": lambda np, x: np.repeat(x, 2, axis=0),
    "where": lambda np, x: np.where(x > 0.1, np.sin(x), x * x),
    "broadcast": lambda np, x: x * x[0] + x[:, :1],
    "diff": lambda np, x: np.diff(x, axis=1),
    "clip": lambda np, x: np.clip(x, -0.5, 0.7),
    "moveaxis": lambda np, x: np.moveaxis(x, 0, 1),
    "squeeze": lambda np, x: np.squeeze(x[:, :1]),
    "triu": lambda np, x: np.triu(x),
    "logaddexp": lambda np, x: np.logaddexp(x, x[0]),
    "maximum": lambda np, x: np.maximum(x, x[::-1] * 0.3),
}


@pytest.mark.parametrize("name", OF_AUTOGRAD)
def test_gradients_agree_with_autograd(name: str) -> None:
    """The same code, with NumPy's own functions on ours and with autograd's."""
    autograd = pytest.importorskip("autograd")
    anp = pytest.importorskip("autograd.numpy")
    function = OF_AUTOGRAD[name]
    value = np.random.default_rng(3).uniform(-1, 1, (3, 4))
    weights = np.random.default_rng(4).uniform(0.5, 1.5, np.shape(function(np, value)))
    theirs = autograd.grad(lambda x: anp.sum(weights * anp.sin(function(anp, x))))(value)
    x = Var("x", shape=value.shape)
    close(theirs, np.sum(weights * np.sin(function(np, x))).gradient(x).evaluate(x=value))
    variable = Variable(value)
    np.sum(weights * np.sin(function(np, variable))).backward()
    close(theirs, variable.grad.data)


def test_a_certificate_takes_points_as_they_are_given() -> None:
    v, s = Var("v", shape=(3,)), Var("s")
    f = s * ep.sum(ep.where(v > 0, v, 2))
    assert ep.check(f, [{"v": np.ones(3), s: 2.0}]).points == 1
    assert ep.check(ep.sum(ep.where(v > 0, 1, 2))).ok  # locally constant
    for point in ({"v": np.ones(3)}, {"v": np.ones(3), "s": 1.0, "stranger": 2.0}):
        with pytest.raises(ep.ExpradError, match="has no value|no variable is called"):
            ep.check(f, [point])


def test_a_family_assumes_its_defaults_and_takes_parameters_in_any_order() -> None:
    from exprad.tensor import Family

    scaled = Family(
        "scaled_and_moved",
        by=2,
        to=0,
        shape=lambda x, by, to: x,
        value=lambda np, x, by, to: x * by + to,
        push=lambda y, xs, x_dot, _, by, to: by * x_dot,
        pull=lambda y, xs, y_bar, _, by, to: by * y_bar,
    )
    v = Var("v", shape=(3,))
    assert scaled(v) is scaled(v, to=0, by=2) is scaled(v, by=2, to=0)
    assert parse(str(scaled(v))) is scaled(v)
    assert parse(str(scaled(v, by=3))) is scaled(v, by=3)
    assert ep.check(scaled(v)).ok
