"""Jacobians and Hessians of expressions of arrays: dense, sparse by colours, and compiled."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Const, Var, hessian, jacobian, variables
from exprad.derivatives import colouring, compression, sparsity
from exprad.errors import ArgumentError, ShapeError
from exprad.forward import tangents
from tests.arrays import CASES, array
from tests.rows import searched

sparse = pytest.importorskip("scipy.sparse")
STEP = 1e-6
PACKAGE = str(Path(ep.__file__).parent)


def rosenbrock(x: Any) -> Any:
    return ep.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def numeric_jacobian(function: Any, x: np.ndarray[Any, Any]) -> Any:
    columns = []
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = STEP
        columns.append((function(x + step) - function(x - step)) / (2 * STEP))
    return np.moveaxis(np.reshape(columns, (*x.shape, *np.shape(columns[0]))), range(x.ndim), range(-x.ndim, 0))


def own_calls(job: Callable[[], Any]) -> int:
    """How many functions of exprad are called."""
    found = 0

    def count(frame: Any, event: str, _: Any) -> None:
        nonlocal found
        found += event == "call" and frame.f_code.co_filename.startswith(PACKAGE)

    job()  # loads what is loaded once
    sys.setprofile(count)
    try:
        kept = job()
    finally:
        sys.setprofile(None)
    del kept
    return found


MATRIX_CASES = [name for name in CASES if name not in ("repeat", "tile")]


@pytest.mark.parametrize("name", MATRIX_CASES)
@searched(2)
@given(data=st.data())
def test_a_jacobian_has_the_shapes_of_its_output_and_its_input(name: str, data: Any) -> None:
    function, arrays, expected = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    f = ep.sin(function(*xs))
    if f.size * sum(x.size for x in xs) > 400:
        return
    for place, (x, value) in enumerate(zip(xs, arrays, strict=True)):
        matrix = jacobian(f, x)
        assert matrix.shape == f.shape + x.shape
        found = matrix.evaluate(dict(zip(xs, arrays, strict=True)))

        def of_one(each: Any, place: int = place) -> Any:
            return np.sin(function(*arrays[:place], each, *arrays[place + 1 :]))

        np.testing.assert_allclose(
            found, numeric_jacobian(of_one, value), atol=1e-5 * (1 + np.abs(found).max(initial=0))
        )
        few = jacobian(f, x, sparse=True).evaluate(dict(zip(xs, arrays, strict=True)))
        np.testing.assert_allclose(
            few.toarray(), np.reshape(found, (f.size, x.size)), atol=1e-9 * (1 + np.abs(found).max(initial=0))
        )


@searched(10)
@given(data=st.data())
def test_dense_and_sparse_hessians_agree(data: Any) -> None:
    x = Var("x", shape=(data.draw(st.integers(2, 6)),))
    parts: list[Any] = [x[1:] * x[:-1], ep.exp(x), x[::-1] * x, ep.cumsum(x) ** 2, ep.sum(x) * x, x @ x, ep.norm(x),
                        ep.roll(x, 1) * x, x[[0, 1, 0]] ** 3, ep.diag(x) @ x, np.ones((2, x.size)) @ x**2]  # fmt: skip
    f: Any = sum(ep.sum(part) for part in data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=3)))
    value = array(data.draw, x.shape, 0.5)
    dense = hessian(f, x)
    assert dense.shape == x.shape * 2
    found = dense.evaluate(x=value)
    slopes = f.gradient(x)
    scale = 1e-5 * (1 + np.abs(found).max())
    np.testing.assert_allclose(found, numeric_jacobian(lambda v: slopes.evaluate(x=v), value), atol=scale)
    matrix = hessian(f, x, sparse=True)
    np.testing.assert_allclose(matrix.evaluate(x=value).toarray(), found, atol=1e-9 * (1 + np.abs(found).max()))
    compiled = ep.compile([f, matrix], [x])(value)
    assert isinstance(compiled[1], sparse.csr_array)
    np.testing.assert_allclose(compiled[1].toarray(), found, atol=1e-9 * (1 + np.abs(found).max()))


def test_the_sparse_hessian_of_rosenbrock_takes_three_passes_at_any_size() -> None:
    sizes = []
    for n in (10, 10_000):
        x = Var("x", shape=(n,))
        matrix = hessian(rosenbrock(x), x, sparse=True)
        assert matrix.nnz == 3 * n - 2
        sizes.append(len(ep.compile(matrix, [x]).program.steps))
    assert sizes[0] == sizes[1]


def test_a_sparse_hessian_takes_few_calls_however_many_colours_it_has() -> None:
    v = Var("v", shape=(3,))
    f = (v[1:] * v[:-1] ** 2).sum()
    assert own_calls(lambda: hessian(f, v, sparse=True)) <= 455
    w, counts, at = Var("w", shape=(40,)), [], np.linspace(-1, 1, 40)
    for width in (2, 20):
        band = np.tri(40, k=width) * np.tri(40, k=width).T
        f = ((band @ w) ** 4).sum()
        matrix = hessian(f, w, sparse=True)
        assert matrix.nnz > 40 * width
        np.testing.assert_allclose(matrix.evaluate(w=at).toarray(), hessian(f, w).evaluate(w=at), rtol=1e-12)
        counts.append(own_calls(lambda f=f: hessian(f, w, sparse=True)))  # type: ignore[misc]
    assert abs(counts[0] - counts[1]) <= 50


def test_huge_arrays_take_few_directions_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    v, at = Var("v", shape=(7,)), np.linspace(-1, 1, 7)
    f = (v[2:] * v[1:-1] * v[:-2]).sum()
    expected = hessian(f, v, sparse=True).evaluate(v=at).toarray()
    for size in (1, 14, 21):
        monkeypatch.setattr(compression, "AT_ONCE", size)
        np.testing.assert_array_equal(hessian(f, v, sparse=True).evaluate(v=at).toarray(), expected)


@pytest.mark.parametrize("name", MATRIX_CASES)
@searched(2)
@given(data=st.data())
def test_tangents_in_many_directions_at_once_are_those_in_each(name: str, data: Any) -> None:
    function, arrays, _ = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    f, at = ep.sin(function(*xs)), dict(zip(xs, arrays, strict=True))
    directions = [array(data.draw, (3, *x.shape)) for x in xs]
    (found,) = tangents([f], {x: Const(each) for x, each in zip(xs, directions, strict=True)}, (3,))
    for place in range(3):
        expected = ep.jvp(f, {x: Const(each[place]) for x, each in zip(xs, directions, strict=True)}).evaluate(at)
        mine = np.zeros(f.shape) if found is None else np.broadcast_to(found.evaluate(at), (3, *f.shape))[place]
        np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_rosenbrock_has_as_many_nodes_at_any_size() -> None:
    from exprad.ground.traverse import postorder

    counts = []
    for n in (10, 1_000_000):
        x = Var("x", shape=(n,))
        f = rosenbrock(x)
        counts.append((len(postorder([f])), len(postorder([f.gradient(x)]))))
    assert counts[0] == counts[1]
    assert counts[0][0] <= 14


def test_a_compiled_sparse_matrix_pickles_and_writes_to_out() -> None:
    x = Var("x", shape=(5,))
    f = ep.compile(hessian(rosenbrock(x), x, sparse=True), x)
    value = np.linspace(-1, 1, 5)
    first = f(value)
    again = pickle.loads(pickle.dumps(f))(value)
    np.testing.assert_array_equal(first.toarray(), again.toarray())
    out = f(value)
    out.data[:] = 0
    assert f(value, out=out) is out
    np.testing.assert_array_equal(first.toarray(), out.toarray())
    with pytest.raises(ArgumentError, match="same 13 places"):
        f(value, out=sparse.eye_array(5, format="csr"))


def test_sparse_matrices_of_scalar_variables() -> None:
    xs = variables("a b c d")
    f: Any = sum(100 * (q - p**2) ** 2 + (1 - p) ** 2 for p, q in zip(xs, xs[1:], strict=False))
    point = dict(zip(xs, [0.3, -0.2, 0.7, 1.1], strict=True))
    dense = np.array(ep.evaluate([entry for row in hessian(f, xs) for entry in row], point)).reshape(4, 4)
    matrix = hessian(f, xs, sparse=True)
    assert matrix.nnz == 10
    np.testing.assert_allclose(matrix.evaluate(point).toarray(), dense)
    np.testing.assert_allclose(ep.compile(matrix, [list(xs)])(list(point.values())).toarray(), dense)
    few = jacobian([xs[0] * xs[1], xs[2]], xs, sparse=True)
    np.testing.assert_allclose(few.evaluate(point).toarray(), [[-0.2, 0.3, 0, 0], [0, 0, 1, 0]])


def test_blocks_of_several_variables() -> None:
    v, a = Var("v", shape=(3,)), Var("a")
    f = a * ep.sum(v**3)
    blocks = hessian(f, [v, a])
    assert [[block.shape for block in row] for row in blocks] == [[(3, 3), (3,)], [(3,), ()]]
    bound = {v: np.array([1.0, 2.0, 3.0]), a: 2.0}
    np.testing.assert_allclose(blocks[0][0].evaluate(bound), np.diag([12.0, 24.0, 36.0]))
    np.testing.assert_allclose(blocks[0][1].evaluate(bound), [3.0, 12.0, 27.0])
    assert [[each.shape for each in row] for row in jacobian([v * a, f], [v, a])] == [[(3, 3), (3,)], [(3,), ()]]


def test_what_is_not_sparse_is_refused_by_name() -> None:
    x = Var("x", shape=(30_000,))
    with pytest.raises(ArgumentError, match="not sparse"):
        hessian(ep.sum(x) ** 2, x, sparse=True)
    with pytest.raises(ShapeError, match="stack them"):
        jacobian([x, x], [x], sparse=True)


def test_colours_of_an_arrow_take_the_fullest_columns_first() -> None:
    n = 50
    x = Var("x", shape=(n,))
    matrix = jacobian(x[1:] * x[0], x, sparse=True)
    assert matrix.nnz == 2 * (n - 1)
    found = colouring.colours(sparsity.pattern(x[1:] * x[0], x))
    assert found.max() == 1


def test_an_absent_variable_has_a_jacobian_of_zeros() -> None:
    x, y = Var("x", shape=(2,)), Var("y", shape=(3,))
    assert not jacobian(x * 2, y).evaluate().any()
    assert jacobian(x * 2, y, sparse=True).nnz == 0
    with pytest.raises(ArgumentError, match="strict"):
        jacobian(x * 2, y, strict=True)
    assert jacobian(x * 2 + Const(np.ones(2)), x).shape == (2, 2)


def test_colours_are_few_where_the_order_of_the_columns_is_bad() -> None:
    """Columns a1 b1 a2 b2 ..., where each a meets every other b: in order they take n colours; the fullest first, two."""
    n = 6
    rows = [[2 * i, 2 * j + 1] for i in range(n) for j in range(n) if i != j] + [[2 * i] for i in range(n)]
    pattern = sparse.lil_array((len(rows), 2 * n), dtype=bool)
    for place, columns in enumerate(rows):
        pattern[place, columns] = True
    found = colouring.colours(pattern.tocsr())
    assert found.max() == 1
    assert all(len(set(found[columns])) == len(columns) for columns in rows)
