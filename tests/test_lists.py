"""Lists count as arrays wherever NumPy takes them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import Const, DualNumber, Expr, Var, Variable, variables
from exprad.errors import ExpradError, OperandError
from tests.rows import rows

x, y = variables("x y")
v = Var("v", shape=(3,))
VECTOR, MATRIX = [1.0, 2.0], [[4.0, 1.0], [1.0, 3.0]]
CALLS: dict[str, Any] = {
    "broadcast_to": lambda f, v, M: f(v, (2, 2)), "concatenate": lambda f, v, M: f([v, v]), "cumsum": lambda f, v, M: f(v),
    "det": lambda f, v, M: f(M), "diag": lambda f, v, M: f(v), "diagonal": lambda f, v, M: f(M), "diff": lambda f, v, M: f(v),
    "dot": lambda f, v, M: f(v, v), "einsum": lambda f, v, M: f("ij,j", M, v), "expand_dims": lambda f, v, M: f(v, 0),
    "flip": lambda f, v, M: f(v), "hstack": lambda f, v, M: f([v, v]), "inner": lambda f, v, M: f(v, v),
    "inv": lambda f, v, M: f(M),
    "log_softmax": lambda f, v, M: f(v), "logdet": lambda f, v, M: f(M), "logsumexp": lambda f, v, M: f(v),
    "matmul": lambda f, v, M: f(M, v), "max": lambda f, v, M: f(v), "mean": lambda f, v, M: f(v), "min": lambda f, v, M: f(v),
    "moveaxis": lambda f, v, M: f(M, 0, 1), "norm": lambda f, v, M: f(v), "outer": lambda f, v, M: f(v, v),
    "pad": lambda f, v, M: f(v, 1), "prod": lambda f, v, M: f(v), "ravel": lambda f, v, M: f(M),
    "repeat": lambda f, v, M: f(v, 2),
    "reshape": lambda f, v, M: f(v, (2, 1)), "roll": lambda f, v, M: f(v, 1), "softmax": lambda f, v, M: f(v),
    "solve": lambda f, v, M: f(M, v), "squeeze": lambda f, v, M: f([v]), "stack": lambda f, v, M: f([v, v]),
    "std": lambda f, v, M: f(v), "sum": lambda f, v, M: f(v), "swapaxes": lambda f, v, M: f(M, 0, 1),
    "take": lambda f, v, M: f(v, [0, 1]), "tensordot": lambda f, v, M: f(M, M), "tile": lambda f, v, M: f(v, 2),
    "trace": lambda f, v, M: f(M), "transpose": lambda f, v, M: f(M), "tril": lambda f, v, M: f(M),
    "triu": lambda f, v, M: f(M),
    "var": lambda f, v, M: f(v), "vdot": lambda f, v, M: f(v, v), "vstack": lambda f, v, M: f([v, v]),
}  # fmt: skip


def numbers(result: Any) -> Any:
    if isinstance(result, Expr):
        return result.evaluate(x=1.0, y=2.0)
    return getattr(result, "value", getattr(result, "data", result))


def test_every_function_of_arrays_is_tried() -> None:
    assert set(CALLS) == {"trace", *ep._LAZY["arrays"].split()}


@pytest.mark.parametrize("name", CALLS)
def test_functions_of_arrays_take_lists_of_numbers_and_of_carriers(name: str) -> None:
    function, call = getattr(ep, name), CALLS[name]
    expected = call(function, np.array(VECTOR), np.array(MATRIX))
    assert not isinstance(expected, list)
    np.testing.assert_array_equal(call(function, VECTOR, MATRIX), expected)
    np.testing.assert_array_equal(call(function, tuple(VECTOR), tuple(map(tuple, MATRIX))), expected)
    carried = [[x, y], [Variable(np.array(1.0)), Variable(np.array(2.0))], [DualNumber(1.0, 1.0), 2.0]]
    for vector in carried:
        found = call(
            function,
            vector,
            [[each * value for each, value in zip([vector[0], 1.0], row, strict=True)] for row in MATRIX],
        )
        np.testing.assert_allclose(numbers(found), expected, rtol=1e-12)
        assert not isinstance(found, list)
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in rows() if row.name != "at_kink"])
def test_rows_take_lists_of_numbers_and_of_carriers(row: Any) -> None:
    given = [
        1 if partial is None else (low + high) / 2 + 0.125
        for partial, (low, high) in zip(row.partials, row.sample, strict=True)
    ]
    lists = [[each, each] if row.partials[place] is not None else each for place, each in enumerate(given)]
    expected = row(*[np.array(each) if isinstance(each, list) else each for each in lists])
    assert np.shape(expected) == (2,)
    np.testing.assert_array_equal(row(*lists), expected)
    np.testing.assert_array_equal(row(*[tuple(each) if isinstance(each, list) else each for each in lists]), expected)
    for carried in (DualNumber(given[-1], 1.0), Variable(np.array(given[-1]))):
        np.testing.assert_allclose(np.asarray(numbers(row(*lists[:-1], [carried, given[-1]]))), expected, rtol=1e-13)
    found = row(*lists[:-1], [x, given[-1]])
    assert found.shape == (2,)
    np.testing.assert_allclose(found.evaluate(x=given[-1]), expected, rtol=1e-13)


def test_lists_are_seeds_directions_replacements_and_constants() -> None:
    f = (v * v).sum()
    np.testing.assert_array_equal((v * v).backpropagate([1.0, 2.0, 3.0])[v].evaluate(v=np.ones(3)), [2.0, 4.0, 6.0])
    np.testing.assert_array_equal(ep.jvp(v * v, {v: [1, 0, 0]}).evaluate(v=np.ones(3)), [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(ep.vjp(v * v, [1, 0, 0], v).evaluate(v=np.ones(3)), [2.0, 0.0, 0.0])
    np.testing.assert_array_equal(ep.hvp(f, v, [1.0, 2.0, 3.0]).evaluate(v=np.ones(3)), [2.0, 4.0, 6.0])
    assert f.substitute({v: [1.0, 2.0, 2.0]}).evaluate() == 9.0
    assert f.substitute({v: [x, y, 2.0]}).evaluate(x=1.0, y=2.0) == 9.0
    with pytest.raises(OperandError, match=r"got list: \[1.0, 2.0\]; write np.array"):
        Const([1.0, 2.0])
    assert DualNumber([1.0, 2.0], [1.0, 0.0]).sum().eps == 1.0
    assert ep.derivative(lambda t: t**2, [1.0, 2.0]).tolist() == [2.0, 4.0]


@pytest.mark.parametrize("given", [["a"], [None], [[1.0], [1.0, 2.0]], ["1.0", 2.0]])
def test_lists_of_what_is_no_number_are_refused(given: Any) -> None:
    for call in (lambda: Const(given), lambda: ep.sin(given), lambda: v + given, lambda: ep.sum(given)):
        with pytest.raises((ExpradError, ValueError, TypeError)):
            call()
    with pytest.raises(OperandError):
        Const([x, y])


def test_a_list_of_expressions_is_no_scalar_expression() -> None:
    with pytest.raises(ExpradError, match=r"needs a scalar expression, got one of shape \(2,\); use jacobian"):
        ep.gradient([x * y, x + y], [x, y])
