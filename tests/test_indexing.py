"""Every kind of index that NumPy takes, and many that it refuses: values, slopes and text are NumPy's."""

from __future__ import annotations

import operator
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import DualNumber, Var, Variable, parse
from exprad.errors import ArgumentError, ExpradError, OperandError, PlaceError
from exprad.tensor import Family, Slice
from tests.indices import indices
from tests.rows import searched

X = np.arange(12.0).reshape(3, 4)


def numpys(x: Any, index: Any) -> Any:
    """What NumPy gives; None where it raises."""
    try:
        return x[index]
    except (IndexError, TypeError, ValueError):
        return None


@searched(300)
@given(data=st.data(), shape=st.lists(st.integers(0, 4), max_size=3).map(tuple))
def test_an_index_is_read_as_numpy_reads_it(data: Any, shape: tuple[int, ...]) -> None:
    index = data.draw(indices(shape))
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape) + 0.5
    expected = numpys(x, index)
    for carrier in (ep.Var("x", shape=shape) + 0, Variable(x), DualNumber(x, x + 1), x):
        try:
            part = ep.arrays.getitem(carrier, index)
        except ExpradError as error:  # NumPy forgives a place beyond the end where there are no elements
            assert expected is None or expected.size == 0 and isinstance(error, PlaceError)
            continue
        assert expected is not None
        if isinstance(part, ep.Expr):
            assert part.shape == np.shape(expected)
            assert parse(str(part)) is part
            part = part.evaluate(x=x)
        elif isinstance(part, DualNumber):
            np.testing.assert_array_equal(part.eps, expected + 1, strict=True)
            part = part.value
        np.testing.assert_array_equal(getattr(part, "data", part), expected)


@searched(150)
@given(data=st.data(), shape=st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple))
def test_slopes_are_added_where_the_index_reads(data: Any, shape: tuple[int, ...]) -> None:
    index = data.draw(indices(shape))
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape) + 0.5
    found = numpys(x, index)
    if found is None or not found.size:  # NumPy forgives places beyond the end there
        return
    expected = np.zeros(shape)
    np.add.at(expected, index, 2 * x[index])
    v = Var("v", shape=shape)
    slope = ep.sum(v[index] ** 2).gradient(v)
    assert parse(str(slope)).evaluate(v=x).tolist() == slope.evaluate(v=x).tolist()
    np.testing.assert_array_equal(expected, slope.evaluate(v=x))
    np.testing.assert_array_equal(expected, ep.compile(slope, [v])(x))
    carrier = Variable(x)
    ep.sum(carrier[index] ** 2).backward()
    assert carrier.grad is not None
    np.testing.assert_array_equal(expected, carrier.grad.data)
    placed = ep.arrays.add_at(Var("y", shape=x[index].shape), shape, index)
    assert parse(str(placed)) is placed
    np.testing.assert_array_equal(expected, placed.evaluate(y=2 * x[index]))


@pytest.mark.parametrize("backend", ["auto", "numpy", "jax", "torch"])
@pytest.mark.parametrize("index", [(slice(None), (1, 2)), (slice(None), [True, False, True, True]), slice(-10, None, -1),
                                   (True, (0, 1)), (None, (0, 1), None, 1), (Ellipsis, slice(9, -9, -3)), X > 4,
                                   np.zeros((0, 2), int)], ids=str)  # fmt: skip
def test_every_back_end_reads_the_index(index: Any, backend: str) -> None:
    pytest.importorskip({"auto": "numpy"}.get(backend, backend))
    v = Var("v", shape=X.shape)
    part = ep.sin(v)[index]
    slope = np.zeros(X.shape)
    np.add.at(slope, index, np.cos(X[index]))
    value, found = ep.compile([part, ep.sum(part).gradient(v)], [v], backend=backend)(X.astype(np.float32))
    np.testing.assert_allclose(np.asarray(value), np.sin(X)[index], rtol=1e-6)
    np.testing.assert_allclose(np.asarray(found), slope, rtol=1e-6)


@pytest.mark.parametrize(("index", "error", "says"), [
    (1.5, OperandError, "float: 1.5"), ("a", OperandError, "str: 'a'"), (3, PlaceError, "index 3 is out of range"),
    ((0, [0, 9]), PlaceError, "index 9 is out of range for an axis of size 4"), ((0, 0, 0), PlaceError, "more places"),
    ((..., ...), PlaceError, "more than one ellipsis"), ((slice(None), [True, False]), PlaceError, r"shape \(2,\)"),
    (slice(None, None, 0), ArgumentError, "step of a slice"), (slice(1.5, None), OperandError, "ends and the step"),
    (np.array([]), OperandError, "float64"), (Variable(np.array(1.0)), OperandError, "Variable"),
    ([[0], [1, 2]], OperandError, "no array of whole numbers"), ([Var("i")], OperandError, r"list: \[i\]"),
])  # fmt: skip
def test_what_is_no_index_is_refused(index: Any, error: type[Exception], says: str) -> None:
    for carrier in (Var("x", shape=(3, 4)), Variable(X), DualNumber(X, X)):
        with pytest.raises(error, match=says):
            carrier[index]


def test_a_place_beyond_the_end_is_an_index_error() -> None:
    with pytest.raises(IndexError):
        Variable(X)[7]
    assert [each.value for each in DualNumber(X[0], X[0])] == [0.0, 1.0, 2.0, 3.0]


def test_the_form_of_a_row_is_none_that_a_user_writes() -> None:
    """A tuple is an array of whole numbers to NumPy, and no slice to the row."""
    v = Var("v", shape=(3, 4))
    part = v[1:, 2]
    assert part.primitive.parameters["index"] == (Slice(1, 3), 2)
    assert pickle.loads(pickle.dumps(part)) is part
    assert parse("getitem(v[3, 4], index=(slice(1,3),2))") is part
    assert parse("getitem(v[3, 4], index=((0,1,2),2))") is v[[0, 1, 2], 2]
    with pytest.raises(AttributeError):
        Family.registry["getitem"](v, index=((1, 3, 1), 2))


def test_a_series_is_an_index() -> None:
    pandas = pytest.importorskip("pandas")
    for series in (pandas.Series([2, 0]), pandas.Series([True, False, True])):
        for carrier in (Variable(X), DualNumber(X, X)):
            part = carrier[series]
            np.testing.assert_array_equal(getattr(part, "value", getattr(part, "data", None)), X[series])
        assert operator.getitem(Var("x", shape=(3, 4)), series).evaluate(x=X).tolist() == X[series].tolist()
