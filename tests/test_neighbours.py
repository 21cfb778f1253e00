"""What real programs hand over at once: tables of pandas, sparse matrices, lists, object arrays, methods of arrays."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import DualNumber, Var, Variable
from exprad.errors import ExpradError, OperandError
from tests.rows import searched

X = np.array([1.0, 2.0, 4.0])
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod, operator.matmul]
LEVELS: dict[str, Callable[[Any], Any]] = {
    "Variable": Variable, "DualNumber": lambda x: DualNumber(x, np.ones_like(x)),
    "expression": lambda x: Var("v", x, shape=x.shape),
}  # fmt: skip
carriers = pytest.mark.parametrize("carry", LEVELS.values(), ids=LEVELS)


def numbers(result: Any) -> Any:
    if isinstance(result, ep.Expr):
        return result.evaluate()
    if hasattr(result, "index") and hasattr(result, "map"):  # a column of pandas
        return np.array([numbers(each) for each in result])
    return getattr(result, "value", getattr(result, "data", result))


def slope(call: Callable[[Any], Any], x: Any, carry: Any) -> Any:
    """The derivative of the sum of what `call` gives, by each carrier, in all directions or in one."""
    given = carry(x)
    total = sum(np.ravel(np.asarray(call(given), object)))
    if isinstance(given, Variable):
        total.backward()
        assert given.grad is not None
        return float(np.sum(given.grad.data))
    if isinstance(given, DualNumber):
        return float(total.eps)
    return float(np.sum(total.gradient([given])[0].evaluate({given: x})))


@carriers
@pytest.mark.parametrize("act", OPERATORS)
def test_a_series_is_an_operand_on_either_side(act: Any, carry: Any) -> None:
    pandas = pytest.importorskip("pandas")
    series = pandas.Series([3.1, 5.2, 0.7])
    for call in (lambda x: act(series, x), lambda x: act(x, series)):
        expected = call(X)
        result = call(carry(X))
        np.testing.assert_allclose(numbers(result), np.asarray(expected))
        step = np.full(3, 1e-6)
        numeric = np.sum(call(X + step) - call(X - step)) / 2e-6
        assert slope(call, X, carry) == pytest.approx(numeric, rel=1e-6)
    assert np.shape(numbers(np.add(series, carry(X)))) == (3,)


@carriers
def test_a_table_is_a_matrix(carry: Any) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(np.arange(6.0).reshape(2, 3))
    for call in (lambda x: table @ x, lambda x: np.dot(table, x), lambda x: x @ table.T, lambda x: np.matmul(table, x)):
        np.testing.assert_allclose(numbers(call(carry(X))), table.to_numpy() @ X)
        assert slope(call, X, carry) == 15.0
    np.testing.assert_allclose(numbers(table * carry(X)), table.to_numpy() * X)
    np.testing.assert_allclose(numbers(carry(X) - table), X - table.to_numpy())


@carriers
@searched(20)
@given(data=st.data())
def test_a_sparse_matrix_multiplies(carry: Any, data: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    rows, columns = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
    dense = np.random.default_rng(data.draw(st.integers(0, 99))).integers(-2, 3, (rows, columns)) * 0.5
    form = data.draw(
        st.sampled_from([sparse.csr_array, sparse.csc_array, sparse.coo_array, sparse.csr_matrix, sparse.dia_array])
    )
    a, x = form(dense), np.arange(columns) + 1.5
    m = np.stack([x, -x], 1)
    for call, point, expected in (
        (lambda v: a @ v, x, dense @ x),
        (lambda v: v @ a.T, x, dense @ x),
        (lambda v: a @ v, m, dense @ m),
        (lambda v: v.T @ a.T, m, m.T @ dense.T),
    ):
        np.testing.assert_allclose(numbers(call(carry(point))), expected)
    if rows:
        assert slope(lambda v: (a @ v) ** 2, x, carry) == pytest.approx(np.sum(2 * (dense @ x) @ dense))


@carriers
def test_a_sparse_matrix_is_no_other_operand(carry: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    a = sparse.csr_array(np.eye(3))
    for call in (lambda v: a * v, lambda v: a + v, lambda v: v * a, lambda v: a @ v[:2], lambda v: v - a):
        with pytest.raises(ExpradError):
            call(carry(X))


@carriers
def test_methods_and_functions_of_arrays(carry: Any) -> None:
    v, m = carry(X), carry(np.arange(6.0).reshape(2, 3))
    same: list[Callable[[Any], Any]] = [
        np.real, np.conj, np.copy, lambda x: x.real, lambda x: x.conj(), lambda x: x.conjugate(), lambda x: x.copy(),
        lambda x: x.flatten(), np.isnan, np.isfinite, np.isinf, lambda x: np.clip(x, 2, None), lambda x: np.clip(x, None, 2),
        lambda x: x.clip(0, 3), lambda x: np.clip(x, min=3), np.atleast_1d, np.atleast_2d, np.atleast_3d, np.signbit,
        lambda x: x.astype(np.float32), lambda x: x.astype("float64"), lambda x: x.imag, np.imag, np.zeros_like, np.ravel,
    ]  # fmt: skip
    for call in same:
        for carrier, array in ((v, X), (m, np.arange(6.0).reshape(2, 3))):
            result = numbers(call(carrier))
            assert np.shape(result) == np.shape(call(array))
            np.testing.assert_array_equal(result, call(array))
    if isinstance(v, ep.Expr):
        for refused in (np.argmax, lambda x: np.allclose(x, X), lambda x: x.argmin()):
            with pytest.raises(OperandError, match="no values before it is evaluated"):
                refused(v)
    else:
        assert (np.argmax(v), v.argmin(), np.allclose(v, X), np.argmax(m, axis=0).tolist()) == (2, 0, True, [1, 1, 1])
    for refused in (lambda x: x.astype(int), lambda x: x.item(), lambda x: np.asarray(x, float)):
        with pytest.raises((OperandError, ValueError)):
            refused(v)


def test_a_copy_has_memory_of_its_own_and_a_derivative() -> None:
    x = Variable(X.copy())
    y = x.copy()
    flat = x.flatten()
    ep.sum(y * flat).backward()
    assert x.grad is not None
    assert x.grad.data.tolist() == (2 * X).tolist()
    x.data[0] = 9
    assert (y.data[0], flat.data[0]) == (1, 1)


def test_numbers_of_a_variable_and_elements_of_others() -> None:
    x = Variable(X)
    assert (x[1].item(), x.item(2), x.tolist(), type(x[1].item())) == (2.0, 4.0, [1.0, 2.0, 4.0], float)
    v = Var("v", shape=(2, 2))
    assert v.tolist() == [[v[0, 0], v[0, 1]], [v[1, 0], v[1, 1]]]
    assert v.item(3) is v[1, 1]
    dual = DualNumber(X, X + 1).tolist()
    assert [(each.value, each.eps) for each in dual] == [(1, 2), (2, 3), (4, 5)]


def test_an_object_array_takes_elements() -> None:
    v = Var("v", shape=(3,))
    elements = [v[0], v[1], v[2]]
    assert np.asarray(v).tolist() == elements
    array = np.zeros(4, object)
    array[0:3] = v
    assert array.tolist() == [*elements, 0]
    assert (array[:3] + v).tolist() == [2 * each for each in elements]
    array[:3] -= v
    assert [ep.simplify(each) for each in array[:3]] == [ep.Const(0)] * 3
    assert np.array([v, 2 * v]).shape == (2, 3)
    assert np.array(Var("x")).shape == ()
    variable = Variable(X)
    array[0:3] = variable
    ep.sum(array[0] * array[2] * 1.0).backward()
    assert variable.grad is not None
    assert variable.grad.data.tolist() == [4, 0, 1]
    array[0:3] = DualNumber(X, X)
    assert [each.eps for each in array[:3]] == X.tolist()


def test_lists_of_variables() -> None:
    v, w = Variable(X), Variable(2 * X)
    assert np.stack([v, w]).shape == (2, 3)
    assert np.concatenate([v, [0.0], w]).shape == (7,)
    total = np.sum([v, w])
    total.backward()
    assert v.grad is not None
    assert v.grad.data.tolist() == [1, 1, 1]
    assert np.max([v[0], w[0]]).item() == 2.0
    for refused in (lambda: np.array([v, w]), lambda: np.asarray(v), lambda: np.mean([v, w]), lambda: v + [w, w, w]):
        with pytest.raises(OperandError, match=r"np\.stack"):
            refused()
    np.testing.assert_array_equal(np.dot(v, [[1.0], [2.0], [3.0]]).data, X @ [[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(np.where(X > 1, v, [v[0], v[1], v[2]]).data, X)


REDUCTIONS = ["sum", "prod", "mean", "var", "std", "norm", "logsumexp", "softmax", "log_softmax", "cumsum"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize(
    ("shape", "axis"), [((0,), None), ((0,), 0), ((3, 0), None), ((3, 0), 0), ((3, 0), 1), ((0, 2), 0)]
)
def test_empty_arrays(name: str, shape: tuple[int, ...], axis: int | None) -> None:
    """NumPy's value, or SciPy's; slopes have the shape, and nothing raises."""
    x, v = np.zeros(shape), Var("v", shape=shape)
    function = getattr(ep, name)
    expected = {
        "logsumexp": lambda: np.log(np.sum(np.exp(x), axis)),
        "norm": lambda: np.sqrt(np.sum(x * x, axis)),
        "softmax": lambda: x,
        "log_softmax": lambda: x,
    }.get(name, lambda: getattr(np, name)(x, axis))()
    f = ep.sum(function(v, axis=axis))
    values = [
        function(v, axis=axis).evaluate(v=x),
        function(x, axis=axis),
        ep.compile(function(v, axis=axis), [v])(x),
        function(Variable(x), axis=axis).data,
        function(DualNumber(x, x), axis=axis).value,
    ]
    for value in values:
        np.testing.assert_array_equal(value, expected)
        assert np.shape(value) == np.shape(expected)
    assert f.gradient(v).evaluate(v=x).shape == ep.hvp(f, v, x).evaluate(v=x).shape == shape
    for create_graph in (False, True):
        variable = Variable(x)
        ep.sum(function(variable, axis=axis)).backward(create_graph=create_graph)
        assert variable.grad is not None
        assert variable.grad.shape == shape


@pytest.mark.parametrize("library", ["jax", "torch"])
@pytest.mark.parametrize("name", ["norm", "logsumexp", "softmax", "log_softmax", "prod", "std"])
def test_empty_arrays_of_other_libraries(name: str, library: str) -> None:
    pytest.importorskip(library)
    v = Var("v", shape=(2, 0))
    expected = getattr(ep, name)(np.zeros((2, 0)), axis=1)
    found = ep.compile(getattr(ep, name)(v, axis=1), [v], backend=library)(np.zeros((2, 0), np.float32))
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize(("x", "axis"), [(np.array([3.0]), None), (np.array(3.0), None), (np.ones((2, 1)) * 7, 1),
                                         (np.array([2.0, 2.0, 2.0]), None), (np.array([[5.0]]), 0)])  # fmt: skip
def test_std_without_spread_has_slope_0(x: Any, axis: Any) -> None:
    v = Var("v", shape=x.shape)
    f = ep.sum(ep.std(v, axis))
    zeros = np.zeros(x.shape)
    slopes = [f.gradient([v])[0], ep.jvp(f, {v: x}), ep.hvp(f, v, np.ones(x.shape)), ep.hessian(f, v)]
    for each in [f, *slopes]:
        assert not np.any(each.evaluate(v=x)), each
        assert not np.any(ep.compile(each, [v])(x)), each
    assert not np.any(ep.std(DualNumber(x, x + 1), axis).eps)
    variable = Variable(x)
    ep.sum(ep.std(variable, axis)).backward(create_graph=True)
    first = variable.grad
    assert first is not None
    np.testing.assert_array_equal(first.data, zeros)
    variable.cleargrad()
    ep.sum(first * np.ones(x.shape)).backward()
    assert variable.grad is None or not np.any(variable.grad.data)


def test_vectors_are_rows_below_one_another() -> None:
    for carry in LEVELS.values():
        for call in (np.vstack, np.hstack, lambda x: np.vstack([x, x]), np.column_stack, np.dstack, np.stack):
            np.testing.assert_array_equal(numbers(call(carry(X))), call(X))
            assert call(carry(X)).shape == call(X).shape
