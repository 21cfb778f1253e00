"""An array with axes in front of its variable's own has a value at each of many points, as a gufunc of NumPy's takes it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import DualNumber, Var, Variable, compile
from exprad.backends.points import MOST_RUNNERS
from exprad.errors import ExpradError, ShapeError, UnsupportedError
from tests.arrays import Draw, array
from tests.rows import searched
from tests.rows_of_arrays import ROWS, call
from tests.targets import arrays_of, needs

POINTS = (3, 2)
LEADS: list[tuple[int, ...]] = [(), (2,), (1,), (3, 1), (1, 2), (3, 2)]
v, M, s = Var("v", shape=(3,)), Var("M", shape=(3, 3)), Var("s")


def formula(v: Any, M: Any, s: Any) -> Any:  # noqa: N803  # as in the formula
    return [s * (M @ v), ep.sin(v[::-1]).sum(), 2 * v + s]


def drawn(draw: Draw, name: str) -> tuple[list[Any], list[Any], list[Any], tuple[int, ...]]:
    """A row with its derivatives, its variables, arrays for them that have leading axes, and the shape of the points."""
    f = call(draw, name)
    while f is None:
        f = call(draw, name)
    inputs = list(f.variables)
    outputs = [f, *ep.vjp(f, ep.cos(f), inputs)] if 0 not in f.shape else [f]
    leads = [draw(st.sampled_from(LEADS)) for _ in inputs]
    arrays = [array(draw, lead + x.shape, 0.3, 1.7) for lead, x in zip(leads, inputs, strict=True)]
    return outputs, inputs, arrays, np.broadcast_shapes(*leads)


def one_by_one(outputs: Any, inputs: Any, arrays: Any, points: tuple[int, ...]) -> list[Any]:
    """A Python loop over the points."""
    function = compile(outputs, inputs, backend="numpy")
    wide = [np.broadcast_to(each, points + x.shape) for each, x in zip(arrays, inputs, strict=True)]
    found = [function(*[np.array(each[place]) for each in wide]) for place in np.ndindex(points)]
    return [np.stack([each[k] for each in found]).reshape(points + f.shape) for k, f in enumerate(outputs)]


def agree(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert np.shape(mine) == theirs.shape
        np.testing.assert_allclose(np.asarray(mine), theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", ROWS)
@searched(6)
@given(data=st.data())
def test_every_row_of_arrays(name: str, data: Any) -> None:
    outputs, inputs, arrays, points = drawn(data.draw, name)
    expected = one_by_one(outputs, inputs, arrays, points)
    for backend in ("auto", "numpy", "python"):
        function = compile(outputs, inputs, backend=backend)
        if backend != "python" or function._takes_arrays:  # a program of numbers takes numbers there
            agree(function(*arrays), expected)
    out = [np.full(each.shape[::-1], 7.0).T for each in expected]
    assert compile(outputs, inputs)(*arrays, out=out) is out
    agree(out, expected)


@pytest.mark.parametrize("name", ROWS)
@searched(2)
@given(data=st.data())
def test_every_row_of_arrays_of_carriers(name: str, data: Any) -> None:
    outputs, inputs, arrays, points = drawn(data.draw, name)
    function, expected = compile(outputs, inputs), one_by_one(outputs, inputs, arrays, points)
    wide = [Var(f"wide{place}", shape=each.shape) for place, each in enumerate(arrays)]
    tolerance = 1e-6 if name == "astype" else 1e-9
    agree(compile(function(*wide), wide)(*arrays), expected, tolerance)
    agree([each.data for each in function(*map(Variable, arrays))], expected, tolerance)
    duals = function(*[DualNumber(each, np.ones(each.shape) if each.shape else 1.0) for each in arrays])
    agree([each.value for each in duals], expected, tolerance)
    ones = {x: np.ones(x.shape) for x in inputs}
    agree([duals[0].eps], one_by_one([ep.jvp(outputs[0], ones)], inputs, arrays, points), tolerance)


@pytest.mark.parametrize("name", ROWS)
@searched(1)
@given(data=st.data())
def test_every_row_of_arrays_in_machine_code(name: str, data: Any) -> None:
    needs("native")
    outputs, inputs, arrays, points = drawn(data.draw, name)
    try:
        function = compile(outputs, inputs, backend="native")
    except UnsupportedError:
        return
    agree(function(*arrays), one_by_one(outputs, inputs, arrays, points))


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("name", ROWS)
@searched(2)
@given(data=st.data())
def test_every_row_of_arrays_of_other_libraries(backend: str, name: str, data: Any) -> None:
    library = arrays_of(backend)
    outputs, inputs, arrays, points = drawn(data.draw, name)
    if name == "astype":
        return
    try:
        found = compile(outputs, inputs, backend=backend)(*map(library.asarray, arrays))
    except UnsupportedError:
        return
    agree([np.asarray(each) for each in found], one_by_one(outputs, inputs, arrays, points))


@pytest.mark.parametrize("backend", ["auto", "numpy", "python"])
def test_scalars_arrays_and_matrices_broadcast_together(backend: str) -> None:
    rng = np.random.default_rng(0)
    outputs = formula(v, M, s)
    function = compile(outputs, [v, M, s], backend=backend)
    for leads in (((1000,), (), ()), ((), (4,), (2, 1)), ((4, 1), (5,), (2, 1, 1)), ((), (), (3,)), ((1, 1), (1,), ())):
        arrays = [rng.normal(size=(*lead, *x.shape)) for lead, x in zip(leads, (v, M, s), strict=True)]
        points = np.broadcast_shapes(*leads)
        agree(function(*arrays), one_by_one(outputs, [v, M, s], arrays, points))
    agree(
        function(v=np.ones((2, 3)), M=np.eye(3), s=2),
        one_by_one(outputs, [v, M, s], [np.ones((2, 3)), np.eye(3), 2.0], (2,)),
    )


def test_no_points_give_no_values() -> None:
    found = compile(formula(v, M, s), [v, M, s])(np.ones((0, 3)), np.ones((2, 1, 3, 3)), 1.0)
    assert [each.shape for each in found] == [(2, 0, 3), (2, 0), (2, 0, 3)]


def test_types_layouts_and_overlap() -> None:
    function = compile(2 * v + s, [v, s])
    assert function(np.ones((4, 3), np.float32), 1).dtype == np.float32
    assert function(np.ones((4, 3), int), 1).dtype == np.float64
    given = np.arange(12.0).reshape(3, 4)
    np.testing.assert_array_equal(function(given.T, 1.0), 2 * given.T + 1)
    np.testing.assert_array_equal(function(given.T[::-1], np.arange(4.0)), 2 * given.T[::-1] + np.arange(4.0)[:, None])
    np.testing.assert_array_equal(function([[1, 2, 3], [4, 5, 6]], 1), [[3, 5, 7], [9, 11, 13]])
    mine = np.arange(12.0).reshape(4, 3)
    function(mine, 1.0, out=mine)
    np.testing.assert_array_equal(mine, 2 * np.arange(12.0).reshape(4, 3) + 1)


def test_arrays_of_variables_have_points_behind() -> None:
    p = np.array(ep.variables("a b"), object)
    function = compile([p[0] * v + p[1]], [p, v])
    found = function(np.array([[1.0, 2.0], [10.0, 20.0]]), np.ones((2, 3)))
    np.testing.assert_array_equal(found[0], [[11.0] * 3, [22.0] * 3])


def test_structures_of_outputs() -> None:
    function = compile({"whole": v**2, "parts": (np.array(list(v), object), v.sum())}, [v])
    found = function(np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(found["whole"], [[0, 1, 4], [9, 16, 25]])
    np.testing.assert_array_equal(
        found["parts"][0], np.arange(6.0).reshape(2, 3).T, "an array of outputs has its axes first"
    )
    np.testing.assert_array_equal(found["parts"][1], [3, 12])


MANY = r"needs an array of shape \(3,\), or \(\.\.\., 3\) for many points, got"
WRONG: list[tuple[Any, str]] = [
    ((np.ones((4, 2)), np.eye(3), 1.0), rf"input 'v' {MANY} \(4, 2\)"),
    ((np.ones((4, 1)), np.eye(3), 1.0), rf"input 'v' {MANY} \(4, 1\)"),
    ((1.0, np.eye(3), 1.0), rf"input 'v' {MANY} \(\)"),
    ((np.ones(3), np.ones((3, 3, 2)), 1.0), r"input 'M' needs .* \(3, 3\), or \(\.\.\., 3, 3\) .* got \(3, 3, 2\)"),
    (
        (np.ones((4, 3)), np.ones((5, 3, 3)), 1.0),
        r"broadcast together: input 'v': \(4,\), input 'M': \(5,\), input 's': \(\)",
    ),
    ((np.ones((4, 3)), np.eye(3), np.ones(3)), r"input 'v': \(4,\), .*input 's': \(3,\)"),
]


@pytest.mark.parametrize(("given", "told"), WRONG)
@pytest.mark.parametrize("backend", ["auto", "jax"])
def test_what_does_not_fit_is_named(backend: str, given: Any, told: str) -> None:
    if backend == "jax":
        pytest.importorskip("jax")
    function = compile(formula(v, M, s), [v, M, s], backend=backend)
    with pytest.raises(ShapeError, match=told):
        function(*given)
    if backend == "auto":
        wide = [x if np.shape(x) == () else Var(f"w{place}", shape=np.shape(x)) for place, x in enumerate(given)]
        with pytest.raises(ExpradError):
            function(*wide)


def test_out_must_have_the_points() -> None:
    function = compile(2 * v, [v])
    with pytest.raises(ShapeError, match=r"out of output 0 must be an array \(2, 3\) of float64, got \(3,\)"):
        function(np.ones((2, 3)), out=np.empty(3))


def test_a_program_is_made_once_and_many_numbers_of_points_make_few() -> None:
    function = compile(ep.sin(v).sum() * v, [v])
    runner = function._choice._at_points
    made: list[int] = []
    make = runner._made
    runner._made = lambda names, count: made.append(count) or make(names, count)  # type: ignore[method-assign,func-returns-value]
    rng = np.random.default_rng(0)
    for _ in range(3):
        for shape in ((4,), (2, 2), (1, 4, 1)):
            function(rng.normal(size=(*shape, 3)))
    assert made == [4], "however the points are arranged"
    for count in range(1, 300):
        x = rng.normal(size=(count, 3))
        np.testing.assert_allclose(function(x), np.sin(x).sum(1, keepdims=True) * x, rtol=1e-12)
    assert len(made) == len(set(made)) < MOST_RUNNERS + 10


def test_the_memory_of_many_points_is_bounded() -> None:
    x = np.random.default_rng(0).normal(size=(300_000, 3))
    function = compile(v @ v, [v])
    np.testing.assert_allclose(function(x), (x * x).sum(1), rtol=1e-12)
    assert function._choice._at_points.size < 300_000
