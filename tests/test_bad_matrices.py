"""Linear algebra of matrices that hold nan or inf, or are singular: numbers or nan on every carrier, never an error."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import exprad
from exprad import DualNumber, Var, Variable, compile, det, inv, jvp, logdet, solve
from exprad.tensor import cofactor

ROWS: dict[str, Any] = {
    "det": det, "logdet": logdet, "inv": inv, "cofactor": cofactor, "solve": lambda a: solve(a, a[..., :1] + 1),
    "solve for": lambda b: solve(2 * np.eye(b.shape[-1]), b), "trace": lambda a: a.trace(axis1=-2, axis2=-1),
}  # fmt: skip
GOOD = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.25], [0.5, -1.0, 5.0]])


def _bad() -> dict[str, Any]:
    found = {"zeros": np.zeros((3, 3)), "rank one": np.ones((3, 3))}
    for value in (np.nan, np.inf, -np.inf):
        found[f"one {value}"] = GOOD.copy()
        found[f"one {value}"][0, 1] = value
        found[f"diagonal {value}"] = np.diag([2.0, value, 3.0])
        found[f"all {value}"] = np.full((3, 3), value)
    return found


BAD = _bad()


def _total(row: Any, a: Any) -> Any:
    return exprad.sum(row(a))


@pytest.fixture(autouse=True)
def _no_warnings() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", BAD)
def test_no_mode_raises(name: str, kind: str) -> None:
    a, matrix, ones = Var("a", shape=(3, 3)), BAD[kind], np.ones((3, 3))
    f = _total(ROWS[name], a)
    slope = f.gradient(a)
    second = exprad.sum(slope * slope).gradient(a)
    results = compile([f, slope, second, jvp(f, {a: ones})], [a], backend="numpy")(matrix)
    for expected, expression in zip(results, (f, slope, second, jvp(f, {a: ones})), strict=True):
        np.testing.assert_array_equal(expected, expression.evaluate(a=matrix))
    dual = f.evaluate(a=DualNumber(matrix, ones)).eps
    np.testing.assert_allclose(dual, results[3], equal_nan=True)
    recorded = Variable(matrix.copy())
    _total(ROWS[name], recorded).backward(create_graph=True)
    first = recorded.grad
    np.testing.assert_allclose(first.data, results[1], equal_nan=True)
    recorded.cleargrad()
    exprad.sum(first * first).backward()


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_matrix_poisons_no_other(name: str, kind: str) -> None:
    a, single = Var("a", shape=(4, 3, 3)), Var("single", shape=(3, 3))
    given = np.stack([GOOD, BAD[kind], GOOD.T, BAD[kind].T])
    slopes, others = _total(ROWS[name], a).gradient(a), _total(ROWS[name], single).gradient(single)
    second = exprad.sum(slopes**3).gradient(a).evaluate(a=given)
    alone = exprad.sum(others**3).gradient(single)
    value = np.asarray(ROWS[name](given))
    recorded = Variable(given.copy())
    _total(ROWS[name], recorded).backward()
    for place in (0, 2):
        np.testing.assert_allclose(value[place], ROWS[name](given[place]), rtol=1e-12)
        np.testing.assert_allclose(slopes.evaluate(a=given)[place], others.evaluate(single=given[place]), rtol=1e-12)
        np.testing.assert_allclose(recorded.grad.data[place], others.evaluate(single=given[place]), rtol=1e-12)
        np.testing.assert_allclose(second[place], alone.evaluate(single=given[place]), rtol=1e-9, atol=1e-12)


def test_the_gradient_of_det_is_nan_where_the_matrix_is_not_finite() -> None:
    a = Var("a", shape=(2, 2))
    slope = det(a).gradient(a)
    for value in (np.nan, np.inf):
        assert np.isnan(slope.evaluate(a=np.array([[1.0, value], [2.0, 3.0]]))).all()
    np.testing.assert_allclose(slope.evaluate(a=np.ones((2, 2))), [[1, -1], [-1, 1]], atol=1e-12)
