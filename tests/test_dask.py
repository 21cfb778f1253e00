"""Functions over Dask arrays: lazy, chunk by chunk, on threads, processes and a cluster that loses a process."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import Var, compile, variables
from exprad.errors import MissingExtraError, ShapeError
from exprad.interop.dask import Shipped, _restored, total

da = pytest.importorskip("dask.array")
dask = pytest.importorskip("dask")

x, y, w = variables("x y w")
LOSS = ep.tanh(x * w - y) ** 2


def data(size: int = 10_000) -> tuple[Any, Any]:
    generator = np.random.default_rng(0)
    return generator.uniform(-1, 1, size), generator.uniform(-1, 1, size)


def test_a_call_computes_nothing_and_gives_what_numpy_gives() -> None:
    function = compile({"loss": LOSS, "slopes": LOSS.gradient([w, x])}, [x, y, w])
    a, b = data()
    lazy = function(da.from_array(a, chunks=1500), da.from_array(b, chunks=2000), 0.5)
    assert set(lazy) == {"loss", "slopes"}
    assert isinstance(lazy["loss"], da.Array)
    (found,) = dask.compute(lazy)
    expected = function(a, b, 0.5)
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-14)
    for ours, theirs in zip(found["slopes"], expected["slopes"], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_any_scheduler(scheduler: str) -> None:
    function = compile([LOSS, LOSS.gradient(w)], [x, y, w])
    a, b = data()
    lazy = total(function, da.from_array(a, chunks=999), da.from_array(b, chunks=999), 0.5)
    found = dask.compute(lazy, scheduler=scheduler)[0]
    np.testing.assert_allclose(found, [each.sum() for each in function(a, b, 0.5)], rtol=1e-12)


def test_arrays_broadcast_and_keep_their_type() -> None:
    function = compile(x * y + 1, [x, y])
    a = da.ones((60, 1), chunks=(20, 1), dtype=np.float32)
    b = da.arange(50, chunks=7, dtype=np.float32)
    lazy = function(a, b)
    assert (lazy.shape, lazy.dtype) == ((60, 50), np.float32)
    np.testing.assert_array_equal(lazy.compute(), function(a.compute(), b.compute()))
    assert float(total(function, a, b).compute()) == 60 * (49 * 25 + 50)


def test_a_function_travels_as_its_program_and_is_compiled_once() -> None:
    function = compile([LOSS, *LOSS.gradient([x, w])], [x, y, w])
    shipped = Shipped(function)
    assert len(pickle.dumps(shipped)) < 2000
    _restored.cache_clear()
    a, b = data(100)
    again = pickle.loads(pickle.dumps(shipped))
    for _ in range(3):
        np.testing.assert_array_equal(again.stacked(a, b, 0.5)[0], function(a, b, 0.5)[0])
    assert _restored.cache_info().misses == 1


def test_what_it_does_not_take_is_refused() -> None:
    v = Var("v", shape=(3,))
    lazy = da.ones(3, chunks=1)
    with pytest.raises(ShapeError, match="a number at each point; output 0"):
        compile(v, [v])(lazy)
    p = np.array([x, y], dtype=object)
    with pytest.raises(ShapeError, match=r"needs an array of shape \(2,\), got \(3,\)"):
        compile(x * y, [p])(lazy)
    with pytest.raises(ShapeError, match="do not broadcast"):
        compile(x * y, [x, y])(lazy, da.ones(4, chunks=2))


def test_arrays_of_variables_and_of_outputs() -> None:
    p = np.array([[x, y, w], [Var("a"), Var("b"), Var("c")]], dtype=object)
    f = ep.sin(x * y) + w * p[1, 0] - p[1, 1] * p[1, 2]
    z = Var("z")
    slopes = np.array([g * z for g in f.gradient(list(p.ravel()))], object).reshape(2, 3)
    function = compile({"f": f, "slopes": slopes, "one": 1}, [p, z])
    at, other = np.random.default_rng(0).normal(size=(2, 3, 40, 5)), np.linspace(0, 1, 5)
    expected = function(at, other)
    lazy = function(da.from_array(at, chunks=(1, 2, 7, 5)), da.from_array(other, chunks=2))
    assert lazy["slopes"].shape == (2, 3, 40, 5)
    found = dask.compute(lazy, scheduler="synchronous")[0]
    for key in ("f", "slopes", "one"):
        np.testing.assert_array_equal(found[key], expected[key])
    sums = dask.compute(total(function, da.from_array(at, chunks=(2, 3, 7, 2)), other), scheduler="synchronous")[0]
    np.testing.assert_allclose(sums["slopes"], expected["slopes"].sum(axis=(2, 3)), rtol=1e-12)
    assert sums["one"] == 200


def test_a_missing_library_names_its_extra(monkeypatch: Any) -> None:
    function, lazy = compile(x + 1, [x]), da.ones(3, chunks=1)
    monkeypatch.setitem(sys.modules, "dask.array", None)
    with pytest.raises(MissingExtraError, match=r"install exprad\[dask\]"):
        function(lazy)


@pytest.mark.long
def test_data_larger_than_the_memory_that_may_be_used() -> None:
    """100 million points, 1.6 GB of data, in a process that grows by less than half of that."""
    code = """
from examples import cluster
before = cluster.peak_memory()
found = cluster.out_of_core(100_000_000, 1_000_000)
print(found[0] / 100_000_000, cluster.peak_memory() - before)
"""
    pytest.importorskip("examples")
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    mean, grown = map(float, found.stdout.split("\r")[-1].split("\n")[-2].split())
    assert 0.05 < mean < 0.3
    assert grown < 800_000_000


@pytest.mark.long
def test_a_cluster_that_loses_a_process_still_gives_the_right_answer() -> None:
    pytest.importorskip("distributed")
    cluster = pytest.importorskip("examples.cluster")
    points, chunk = 40_000_000, 500_000
    found = cluster.on_a_cluster(points, chunk, kill_after=1.0)
    expected = dask.compute(cluster.loss_and_gradient(points, chunk), scheduler="threads")[0]
    np.testing.assert_allclose(found, [float(each) for each in expected], rtol=1e-12)
