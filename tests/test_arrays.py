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
    numeric = [weighted(function(*[x + step * x_dot for x, x_dot in zip(arrays, dots, strict=True)]), weights)
               for step in (STEP, -STEP)]  # fmt: skip
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
    ends = [ep.evaluate(slopes, {v: x + step * x_dot for v, x, x_dot in zip(xs, arrays, dots, strict=True)})
            for step in (STEP, -STEP)]  # fmt: skip
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
