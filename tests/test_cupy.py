"""The fused kernel for a GPU: run where there is one; elsewhere its text is compiled by gcc and run point by point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exprad as ep
from exprad import compile, variables
from exprad.errors import MissingExtraError, UnsupportedError
from tests.rows import PLAIN, VARIABLES, expressions, operands_of, rows
from tests.targets import emulated, needs_gcc

REFUSED = {"at_kink"}
x, y = variables("x y")


def on_gpu() -> Any:
    cupy = pytest.importorskip("cupy")
    if not cupy.cuda.runtime.getDeviceCount():
        pytest.skip("there is no GPU")
    return cupy


def outputs_of_rows() -> list[Any]:
    found = []
    for row in rows():
        if row.name not in REFUSED:
            f = row(*operands_of(row))
            found += [f] if row.predicate else [f, *f.gradient(list(VARIABLES))]
    return [g for g in found if not REFUSED & set(compile(g, VARIABLES).program.operations)]


def points(count: int = 200) -> list[Any]:
    return list(np.random.default_rng(0).uniform(0.1, 0.9, (3, count)))


@needs_gcc
@pytest.mark.parametrize("dtype, tolerance", [("double", 1e-13), ("float", 2e-3)])
def test_the_text_means_what_numpy_computes(tmp_path: Path, dtype: str, tolerance: float) -> None:
    outputs = outputs_of_rows()
    function = compile(outputs, VARIABLES, backend="cupy")
    expected = compile(outputs, VARIABLES, backend="numpy")(*points())
    for ours, theirs in zip(emulated(function, tmp_path, points(), dtype), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.astype(float), rtol=tolerance, atol=tolerance)


@needs_gcc
@settings(max_examples=1)
@given(data=st.data())
def test_random_programs(data: Any, tmp_path_factory: Any) -> None:
    kept = [
        row
        for row in rows()
        if not row.predicate and row.name not in REFUSED | {"where", "copysign", "gamma", "lgamma"}
    ]
    found = [data.draw(expressions(rows=kept)) for _ in range(30)]
    outputs = [part for f in found for part in (f, *f.gradient(list(VARIABLES)))]
    expected = compile(outputs, VARIABLES, backend="numpy")(*points(20))
    ours = emulated(compile(outputs, VARIABLES, backend="cupy"), tmp_path_factory.mktemp("k"), points(20))
    for mine, theirs in zip(ours, expected, strict=True):
        fine = np.isfinite(theirs) & (np.abs(theirs) < 1e6)
        np.testing.assert_allclose(mine[fine], theirs[fine], rtol=1e-8, atol=1e-8)


def test_on_a_gpu_it_computes_what_numpy_computes() -> None:
    cupy = on_gpu()
    outputs = outputs_of_rows()
    found = compile(outputs, VARIABLES, backend="cupy")(*[cupy.asarray(each) for each in points()])
    for ours, theirs in zip(found, compile(outputs, VARIABLES, backend="numpy")(*points()), strict=True):
        np.testing.assert_allclose(cupy.asnumpy(ours), theirs.astype(float), rtol=1e-12, atol=1e-14)


def test_on_a_gpu_arrays_broadcast_and_keep_their_type() -> None:
    cupy = on_gpu()
    function = compile([x * y + 0.1, x - y], [x, y], backend="cupy")
    a, b = cupy.ones((3, 1), cupy.float32), cupy.arange(4, dtype=cupy.float32)
    assert [(each.shape, each.dtype) for each in function(a, b)] == [((3, 4), cupy.float32)] * 2


def test_the_text_is_there_without_a_gpu() -> None:
    function = compile([x * x + x % y], [x, y], backend="cupy")
    assert "const double v" in function.source()
    assert "__device__ static float exprad_mod" in function.source("float")


def test_what_it_does_not_take_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="CUDA has no function for plain_for_test"):
        compile(PLAIN(x), backend="cupy")
    with pytest.raises(UnsupportedError, match="scalars"):
        compile(ep.sum(ep.Var("v", shape=(3,))), backend="cupy")


def test_a_missing_library_names_its_extra(monkeypatch: Any) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with pytest.raises(MissingExtraError, match=r"backend 'cupy' needs cupy; install exprad\[cupy\]"):
        compile(x, [x], backend="cupy")(1.0)
