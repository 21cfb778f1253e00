"""JAX and PyTorch: functions of their arrays, that their own transformations take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile, variables
from exprad.errors import ArgumentError, MissingExtraError, UnsupportedError
from tests.arrays import CASES, array
from tests.rows import VARIABLES, operands_of, rows, searched
from tests.targets import arrays_of

x, y = variables("x y")
LIBRARIES = ["jax", "torch"]
ROWS = [row.name for row in rows() if row.name != "at_kink"]


@pytest.mark.parametrize("backend", LIBRARIES)
@pytest.mark.parametrize("name", ROWS)
def test_every_row_and_its_partials(backend: str, name: str) -> None:
    arrays = arrays_of(backend)
    row = next(row for row in rows() if row.name == name)
    f = row(*operands_of(row))
    slopes = [] if row.predicate else f.gradient(list(VARIABLES))
    outputs = [f, *slopes]
    points = [
        np.array([low + (high - low) * t for t in (0.3, 0.55, 0.8)])
        for low, high in [*row.sample, (0.2, 0.9), (0.3, 0.8)][:3]
    ]
    if name == "where":
        points = [np.array([1.0, 0.2, 0.4]), np.array([0.5, 0.6, 0.3]), np.array([0.1, 0.2, 0.3])]
    expected = compile(outputs, VARIABLES, backend="numpy")(*points)
    if (backend, name) == ("torch", "gamma"):
        with pytest.raises(UnsupportedError, match="no function for gamma"):
            compile(outputs, VARIABLES, backend=backend)(*map(arrays.asarray, points))
        return
    found = compile(outputs, VARIABLES, backend=backend)(*[arrays.asarray(point) for point in points])
    for ours, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(np.broadcast_to(np.asarray(theirs), ours.shape), ours, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("backend", LIBRARIES)
@pytest.mark.parametrize("name", CASES)
@searched(2)
@given(data=st.data())
def test_every_function_of_arrays(backend: str, name: str, data: Any) -> None:
    arrays = arrays_of(backend)
    function, given_arrays, _ = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=each.shape) for place, each in enumerate(given_arrays)]
    z = function(*xs)
    f = ep.sum(array(data.draw, z.shape, 0.5, 1.5) * ep.sin(z))
    outputs = [z, f, *f.gradient(xs)]
    expected = compile(outputs, xs)(*given_arrays)
    found = compile(outputs, xs, backend=backend)(*[arrays.asarray(each) for each in given_arrays])
    for ours, theirs in zip(expected, found, strict=True):
        assert tuple(theirs.shape) == np.shape(ours)
        np.testing.assert_allclose(np.asarray(theirs), ours, rtol=1e-8, atol=1e-10)


def test_jax_transforms_it() -> None:
    jnp = arrays_of("jax")
    import jax

    f = x**2 * y + ep.sin(x * y)
    value, slope = compile(f, [x, y], backend="jax"), compile(f.gradient(x), [x, y], backend="jax")
    a, b = jnp.asarray([0.5, 1.5]), jnp.asarray([2.0, 0.25])
    np.testing.assert_allclose(jax.jit(slope)(a, b), slope(a, b), rtol=1e-15)
    np.testing.assert_allclose(jax.vmap(jax.grad(value))(a, b), slope(a, b), rtol=1e-12)
    assert slope(x=a, y=b).shape == (2,)
    assert compile(f, [x, y], backend="jax")(jnp.float32(1), jnp.float32(2)).dtype == jnp.float32


def test_pytorch_sees_through_the_whole_of_it() -> None:
    torch = arrays_of("torch")
    outputs = [ep.where(x < y, x**2 * y, 0.5) + ep.sigmoid(x), ep.maximum(x, 1), np.array([x, 3], object)]
    function = compile(outputs, [x, y], backend="torch")
    a, b = torch.linspace(-1, 1, 5, dtype=torch.float64), torch.tensor(0.25, dtype=torch.float64)
    compiled = torch.compile(function, fullgraph=True, backend="eager")
    for ours, theirs in zip(compiled(a, b), function(a, b), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_pytorch_transforms_it() -> None:
    torch = arrays_of("torch")
    f = x**2 * y + ep.sin(x * y)
    value, slope = compile(f, [x, y], backend="torch"), compile(f.gradient(x), [x, y], backend="torch")
    a = torch.tensor([0.5, 1.5], dtype=torch.float64, requires_grad=True)
    b = torch.tensor([2.0, 0.25], dtype=torch.float64)
    value(a, b).sum().backward()
    np.testing.assert_allclose(a.grad, slope(a, b).detach(), rtol=1e-12)
    assert compile(x / 3 + 0.1, [x], backend="torch")(torch.ones(2)).dtype == torch.float32


@pytest.mark.parametrize("backend", LIBRARIES)
def test_structures_and_arrays_of_variables(backend: str) -> None:
    arrays = arrays_of(backend)
    p = np.array(variables("a b c"), dtype=object)
    g = compile(
        {"f": (p**2).sum(), "slopes": np.array((p**2).sum().gradient(list(p)), dtype=object)}, [p], backend=backend
    )
    found = g(arrays.asarray([1.0, 2.0, 3.0]))
    assert float(found["f"]) == 14.0
    assert np.asarray(found["slopes"]).tolist() == [2.0, 4.0, 6.0]
    with pytest.raises(ArgumentError, match="takes the inputs"):
        g()


def test_a_missing_library_names_its_extra(monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jax.numpy", None)
    with pytest.raises(MissingExtraError, match=r"backend 'jax' needs jax; install exprad\[jax\]"):
        compile(x, [x], backend="jax")
