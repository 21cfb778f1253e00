"""C99 of arrays: loops that give what NumPy gives, over all rows."""

from __future__ import annotations

import math
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile, to_c, variables
from exprad.backends.c.arrays import FUNCTION_LINES, MOST_PARAMETERS
from exprad.backends.c.matrices import LIBRARY
from exprad.backends.c.text import STACKED
from exprad.errors import ArgumentError, UnsupportedError
from tests.arrays import array
from tests.rows_of_arrays import ROWS, call
from tests.targets import GCC, STRICT, ArrayLibraries, needs_gcc, passes

SANITIZED = ["-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-g", "-O1"]
REFUSED = {"astype", "logdet", "cofactor"}
ROUNDED = {
    "softmax",
    "log_softmax",
    "logsumexp",
    "norm",
    "einsum",
    "matmul",
    "solve",
    "inv",
    "det",
}  # another order, or libm
x, y = variables("x y")
v, A = Var("v", shape=(3,)), Var("A", shape=(3, 3))


def compared(found: list[Any], outputs: list[Any], inputs: list[Any], arrays: list[Any], close: float) -> None:
    with np.errstate(all="ignore"):
        expected = compile(outputs, inputs, backend="numpy")(*arrays)
    for a, b in zip(expected, found, strict=True):
        if close:
            np.testing.assert_allclose(b, a, close, close)
        else:
            np.testing.assert_array_equal(b, a)


@needs_gcc
@pytest.mark.parametrize("dtype", ["double", "float"])
@pytest.mark.parametrize("name", sorted(set(ROWS) - REFUSED))
@settings(max_examples=2, phases=[Phase.generate])
@given(data=st.data())
def test_rows(name: str, dtype: str, data: Any, tmp_path_factory: Any) -> None:
    libraries = ArrayLibraries(tmp_path_factory.mktemp("c"), dtype, "-O0")
    cases = []
    for node in [call(data.draw, name) for _ in range(15)]:
        if node is None:
            continue
        inputs = sorted(node.variables, key=lambda each: each.name)
        arrays = [array(data.draw, each.shape).astype(libraries.kind) for each in inputs]
        if name in ("solve", "inv"):
            arrays[0] = arrays[0] + 3 * np.eye(inputs[0].shape[-1], dtype=libraries.kind)
        outputs = [node, node * 2 + 1, node]
        libraries.add(outputs, inputs)
        cases.append((outputs, inputs, arrays))
    libraries.compile()
    for number, (outputs, inputs, arrays) in enumerate(cases):
        close = 1e-4 if dtype == "float" and name in ROUNDED else 1e-11 if name in ROUNDED else 0
        compared(libraries(number, *arrays), outputs, inputs, arrays, close)


@needs_gcc
def test_elementwise_rows_over_arrays_and_their_edges(tmp_path: Path) -> None:
    special = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 3.0, math.inf, -math.inf, math.nan, 1e-300, 1e300]
    count = len(special)
    X, Y, z = Var("X", shape=(count, 1)), Var("Y", shape=(count,)), Var("z")
    given = {"X": np.array(special)[:, None], "Y": np.array(special), "z": np.array(1.5)}
    inputs, both = [X, Y, z], X * 1.0 + 0 * Y
    outputs = [
        X + Y,
        X - Y,
        X * Y,
        X / Y,
        X % Y,
        X < Y,
        ep.equal(X, Y),
        ep.where(X < Y, X, z),
        ep.where(X > 0, Y * z, -Y),
    ]
    outputs += [ep.sqrt(X), ep.sign(X), ep.abs(X), ep.floor(Y), ep.ceil(Y), ep.round(Y), ep.trunc(Y), (X < Y) & (z > Y)]
    outputs += [
        ep.max(both, axis=0),
        ep.min(both, axis=1),
        ep.sum(both, axis=0),
        ep.prod(both, axis=1),
        ep.max(X),
        ep.sum(Y),
    ]
    libraries = ArrayLibraries(tmp_path)
    libraries.add(outputs, inputs)
    libraries.compile()
    compared(libraries(0, *given.values()), outputs, inputs, list(given.values()), 0)


def model() -> tuple[list[Any], list[Any]]:
    """A network, with its slopes."""
    W, b, u, s = Var("W", shape=(4, 5)), Var("b", shape=(4,)), Var("u", shape=(7, 5)), Var("s")
    hidden = ep.tanh(u @ ep.transpose(W) + b) * s
    f = ep.sum(ep.softmax(hidden, axis=1) ** 2) + ep.sum(ep.cumsum(b, axis=0)[1:]) / 7
    inputs = [W, b, u, s]
    return [f, *ep.gradient(f, inputs), hidden], inputs


@needs_gcc
@pytest.mark.parametrize("dtype", ["double", "float"])
def test_a_model_passes_its_own_test(dtype: str, tmp_path: Path) -> None:
    outputs, inputs = model()
    code = to_c(outputs, inputs, dtype=dtype)
    passes(code, tmp_path, *SANITIZED)
    found = ArrayLibraries(tmp_path, dtype, "-O2")
    found.add(outputs, inputs)
    found.compile()
    arrays = [np.random.default_rng(k).normal(size=each.shape) for k, each in enumerate(inputs)]
    compared(found(0, *arrays), outputs, inputs, arrays, 1e-12 if dtype == "double" else 1e-4)


@needs_gcc
def test_linear_algebra(tmp_path: Path) -> None:
    f = ep.sum(ep.solve(A, v)) + ep.det(A) * ep.sum(ep.inv(A))
    outputs = [f, ep.solve(A, v), ep.inv(A), *ep.gradient(ep.sum(ep.solve(A, v)), [A, v])]
    passes(to_c(outputs, [A, v]), tmp_path, *SANITIZED)
    libraries = ArrayLibraries(tmp_path)
    libraries.add([ep.solve(A, v), ep.inv(A), ep.det(A)], [A, v])
    libraries.compile()
    swapped = np.array([[0.0, 2, 1], [1, 0, 0], [0, 1, 0.5]])[[0, 1, 2]]
    singular = np.array([[1.0, 2, 3], [2, 4, 6], [0, 1, 1]])
    regular = np.array([[0.0, 2, 1], [1, 0, 0], [0, 1, 3]])
    b = np.array([1.0, 2, 3])
    compared(libraries(0, regular, b), libraries.made[0][1], [A, v], [regular, b], 1e-14)
    for each in (singular, swapped):
        solution, inverse, det = libraries(0, each, b)
        assert np.isnan(solution).all() and np.isnan(inverse).all() and det == 0


@needs_gcc
def test_long_sums_have_numpys_bits(tmp_path: Path) -> None:
    """Over axes of any strides, beyond what is summed at once."""
    u, long = Var("u", shape=(60, 14, 41)), Var("long", shape=(12_345,))
    moved = ep.transpose(u[:, ::-1, ::2], (2, 0, 1))
    outputs = [
        f for axis in (None, 0, 2, (0, 1), (0, 2), (1, 2)) for f in (ep.sum(u, axis=axis), ep.sum(moved, axis=axis))
    ]
    outputs += [ep.sum(long), ep.sum(long[::-3]), ep.prod(u + 1.5, axis=1)]
    libraries = ArrayLibraries(tmp_path)
    libraries.add(outputs, [u, long])
    libraries.compile()
    for seed in range(3):
        draw = np.random.default_rng(seed)
        arrays = [draw.normal(size=u.shape), draw.normal(size=long.shape)]
        compared(libraries(0, *arrays), outputs, [u, long], arrays, 0)


@needs_gcc
def test_elements_that_are_taken_twice_gather_both_slopes(tmp_path: Path) -> None:
    f = ep.sum(v[[0, 2, 0, 1, 0]] ** 3)
    passes(to_c([f, f.gradient(v), ep.cumsum(v, axis=0)], [v]), tmp_path, *SANITIZED)


@needs_gcc
def test_what_arrays_without_elements_ask_for_is_left_out(tmp_path: Path) -> None:
    none = v[:0]
    passes(to_c([none % 2, none + np.ones(0), ep.sum(none % 2), ep.sum(v)], [v]), tmp_path)


@needs_gcc
def test_large_ones_take_their_memory_from_the_caller(tmp_path: Path) -> None:
    u = Var("u", shape=(40, 30))
    f = ep.sum(ep.exp(u @ ep.transpose(u)) @ u)
    code = to_c([f, *ep.gradient(f, [u])], [u])
    work = int(re.findall("MODEL_WORK = ([0-9]+)", code.header)[0])
    assert work > STACKED and "double *w" in code.header
    passes(code, tmp_path, *SANITIZED)
    subprocess.run([str(GCC), *STRICT, "-Wframe-larger-than=8192", "-O0", "-c", "model.c"], cwd=tmp_path, check=True)


@needs_gcc
def test_many_steps_are_functions_of_bounded_size(tmp_path: Path) -> None:
    u = Var("u", shape=(4,))
    f = u
    for k in range(200):
        f = ep.sin(f) + ep.sum(f) * (0.125 / (k + 1))
    code = to_c([f], [u])
    parts = code.source.partition("#ifdef")[0].split("\n}\n")
    assert len(parts) > 2 and max(part.count("\n") for part in parts) < 1.2 * FUNCTION_LINES
    passes(code, tmp_path)


@needs_gcc
def test_arrays_of_variables_and_of_outputs_are_arrays(tmp_path: Path) -> None:
    outputs = [np.array([x * y, x + ep.sum(v)], object), {"v": v * x}]
    code = to_c(outputs, [[x, y], v])
    assert "const double x0[2], const double x1[3], double f0[2], double f1[3]" in code.header
    passes(code, tmp_path, *SANITIZED)


@needs_gcc
def test_outputs_may_be_inputs_constants_and_moved_inputs(tmp_path: Path) -> None:
    outputs = [v, A.T, ep.Const(2.5), x, v[::-1], v < x, v[:0]]
    libraries = ArrayLibraries(tmp_path)
    libraries.add(outputs, [v, A, x])
    libraries.compile()
    arrays = [np.arange(3.0), np.arange(9.0).reshape(3, 3), np.array(1.0)]
    compared(libraries(0, *arrays), outputs, [v, A, x], arrays, 0)


def test_what_c_has_no_loops_for_is_refused_by_name() -> None:
    assert set(LIBRARY) == {"matmul", "solve", "inv", "det"}
    with pytest.raises(UnsupportedError, match="logdet"):
        to_c(ep.logdet(A))
    with pytest.raises(UnsupportedError, match="cofactor"):
        to_c(ep.det(A).gradient(A))
    many = [Var(f"u{k}", shape=(2,)) for k in range(MOST_PARAMETERS)]
    with pytest.raises(UnsupportedError, match="parameter for each"):
        to_c(many, many)


@needs_gcc
@pytest.mark.parametrize("name", "x0 i0 v0 f_0 k0 b sum".split())
def test_names_of_functions_may_be_those_of_parameters(name: str, tmp_path: Path) -> None:
    passes(to_c([ep.sum(ep.solve(A, v)), ep.max(v), v * x], [v, A, x], name=name), tmp_path)


@pytest.mark.parametrize("name", ["f0", "f12", "points0", "expected1", "differs"])
def test_names_that_the_test_takes_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=name):
        to_c(v, name=name)


def test_the_header_says_what_each_parameter_is() -> None:
    lines = to_c([A @ v, x], [A, x, v]).header.splitlines()
    assert [line[5:] for line in lines if line.startswith(" *   ")] == [
        "x0  A, of shape (3, 3)", "x1  x", "x2  v, of shape (3,)", "f0  output 0, of shape (3,)", "f1  output 1",
    ]  # fmt: skip


def test_the_self_test_of_large_arrays_is_short() -> None:
    u = Var("u", shape=(1000, 1000))
    code = to_c(ep.exp(u), [u])
    assert len(code.source) < 10_000
