"""Machine code by LLVM: its mathematics, its arrays of any layout, its cache, and what NumPy computes."""

from __future__ import annotations

import math
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile, variables
from exprad.errors import MissingExtraError, UnsupportedError
from tests.rows import VARIABLES, expressions, operands_of, points, rows, searched, smooth_rows

pytest.importorskip("llvmlite")
REFUSED = {"digamma", "polygamma", "sinc_slope", "at_kink"}
x, y = variables("x y")
EXACT = [row for row in rows() if row.name in {"add", "sub", "mul", "div", "neg", "abs", "sqrt", "square", "floor", "ceil",
         "round", "trunc", "copysign", "less", "greater", "where", "maximum", "minimum", "sign"}]  # fmt: skip
EDGES = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.0,
    3.0,
    math.inf,
    -math.inf,
    math.nan,
    1e-300,
    1e300,
    5e-324,
    709.9,
    -745.5,
    1e22,
]


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def same_bits(a: Any, b: Any) -> None:
    a, b = np.asarray(a), np.asarray(b)
    both = np.isnan(a) & np.isnan(b) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    np.testing.assert_array_equal(np.where(both, 0, a), np.where(both, 0, b))


def in_both(outputs: Any, inputs: Any, *arrays: Any, fast: bool = False) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        return (
            compile(outputs, inputs, backend="native", fast=fast)(*arrays),
            compile(outputs, inputs, backend="numpy")(*arrays),
        )


@pytest.mark.parametrize("name", [row.name for row in rows() if row.name not in REFUSED])
def test_every_row_and_its_partials(name: str) -> None:
    row = next(row for row in rows() if row.name == name)
    f = row(*operands_of(row))
    slopes = [] if row.predicate else f.gradient(list(VARIABLES))
    outputs = [g for g in [f, *slopes] if not REFUSED & set(compile(g, VARIABLES).program.operations)]
    generator = np.random.default_rng(0)
    intervals = [*row.sample, (0.2, 0.9), (0.3, 0.8)][:3]
    drawn = [generator.uniform(low, high, 1001) for low, high in intervals]
    for ours, theirs in zip(*in_both(outputs, VARIABLES, *drawn), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("name", [row.name for row in rows() if row.name not in REFUSED | {"gamma", "lgamma"}])
def test_values_at_the_edges_are_those_of_numpy(name: str) -> None:
    row = next(row for row in rows() if row.name == name)
    a, b = (each.ravel() for each in np.meshgrid(EDGES, EDGES))
    f = row(*operands_of(row))
    ours, theirs = (each.astype(float) for each in in_both(f, VARIABLES, a, b, np.full(a.shape, 1.5)))
    both = np.isnan(ours) & np.isnan(theirs) | (ours == theirs)
    with np.errstate(all="ignore"):
        near = np.abs(ours - theirs) <= 1e-14 * np.abs(theirs)
    bad = ~(both | near)
    assert not bad.any(), [(a[i], b[i], ours[i], theirs[i]) for i in np.flatnonzero(bad)[:5]]


@searched(60)
@given(f=expressions(rows=EXACT), data=st.data())
def test_strict_code_is_numpys_bit_by_bit(f: Any, data: Any) -> None:
    generator = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    size = data.draw(st.integers(0, 40))
    arrays = [generator.choice([*EDGES[:10], *generator.normal(size=20)], size) for _ in VARIABLES]
    outputs = [f, *f.gradient(list(VARIABLES))]
    for ours, theirs in zip(*in_both(outputs, VARIABLES, *arrays), strict=True):
        same_bits(ours, theirs)


NO_SIGN_OF_NAN = [row for row in smooth_rows() if row.name != "copysign"]  # nan has a sign, and libraries differ in it


@searched(40)
@given(f=expressions(rows=NO_SIGN_OF_NAN), at=points(next(row for row in rows() if row.name == "clip")))
def test_random_programs_agree_with_numpy(f: Any, at: Any) -> None:
    if REFUSED & set(compile(f, VARIABLES).program.operations):
        return
    nearby = 1 + 1e-12 * np.linspace(-1, 1, 9)  # where these points part, the program jumps, and a rounding may decide
    arrays = [(abs(value) + 0.1) * nearby for value in at]
    for fast in (False, True):
        ours, theirs = in_both(f, VARIABLES, *arrays, fast=fast)
        if not np.isfinite(theirs).all() or np.ptp(theirs) > 1e-8 * (1 + np.abs(theirs).max()):
            return
        np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name, low, high, bound", [
    ("exp", -745.0, 709.7, 1.0), ("exp", -1.0, 1.0, 1.0), ("exp", -1e-8, 1e-8, 1.0), ("log", 1e-308, 1e-300, 1.0),
    ("log", 0.5, 2.0, 1.0), ("log", 0.99, 1.01, 1.0), ("log", 1.0, 1e300, 1.0), ("sin", -3.2, 3.2, 1.0),
    ("cos", -3.2, 3.2, 1.0), ("sin", -1e6, 1e6, 1.0), ("cos", -1e6, 1e6, 1.0), ("sin", 1e6, 1e15, 1.5),
    ("cos", 1e6, 1e15, 1.5), ("sin", -1e-300, 1e-300, 1.0), ("tanh", -5.0, 5.0, 4.0), ("pow", 0.1, 9.0, 4.0),
])  # fmt: skip
def test_units_in_the_last_place(name: str, low: float, high: float, bound: float) -> None:
    """Against mpmath at 60 digits; the functions of exprad's own stay within one unit."""
    a = np.random.default_rng(1).uniform(low, high, 3000)
    f = x**y if name == "pow" else getattr(ep, name)(x)
    found = compile(f, [x, y], backend="native")(a, np.full(3000, 1.7))
    worst = 0.0
    with mpmath.workdps(60):
        for value, ours in zip(a.tolist(), found.tolist(), strict=True):
            exact = mpmath.power(value, mpmath.mpf(1.7)) if name == "pow" else getattr(mpmath, name)(mpmath.mpf(value))
            if abs(exact) > 1e-307:
                worst = max(worst, float(abs(mpmath.mpf(ours) - exact) / mpmath.mpf(np.spacing(abs(float(exact))))))
    assert worst <= bound


def test_arrays_of_any_layout() -> None:
    f = ep.sin(x) * y + x
    function, ours = compile([f, x < y], [x, y], backend="native"), compile([f, x < y], [x, y], backend="numpy")
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(37, 53)), generator.normal(size=(37, 53))
    cases = [(a, b), (a.T, b.T), (a[::2, ::-3], b[::2, ::-3]), (a, b[0]), (a, b[:, :1]), (a, 2.0), (3.0, b), (a[:0], b[:0]),
             (np.asfortranarray(a), b), (a[0], 1.0), (np.float64(0.5), np.float64(2.0)), (a.astype(">f8"), b),
             (np.arange(5), 2)]  # fmt: skip
    for left, right in cases:
        for mine, theirs in zip(function(left, right), ours(left, right), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-14, atol=1e-15)
            assert mine.dtype == theirs.dtype
            assert mine.shape == theirs.shape
    out = [np.empty((53, 37)).T, np.empty((37, 53), bool)]
    assert function(a, b, out=out) is out
    np.testing.assert_allclose(out[0], ours(a, b)[0], rtol=1e-14, atol=1e-15)
    shared = a.copy()
    function(shared, b, out=[shared, out[1]])
    np.testing.assert_allclose(shared, ours(a, b)[0], rtol=1e-14, atol=1e-15)


def test_float32_and_numbers_and_pickles() -> None:
    function = compile([x * y + 0.1, x / 3], [x, y], backend="native")
    a = np.linspace(0, 1, 20, dtype=np.float32)
    assert {each.dtype for each in function(a, a)} == {np.dtype(np.float32)}
    assert function(2.0, 3.0) == [6.1, 2.0 / 3]
    again = pickle.loads(pickle.dumps(compile(x * y + 0.1, [x, y], backend="native", fast=True)))
    np.testing.assert_allclose(again(np.ones(3), np.ones(3)), 1.1)
    assert "native" in again.backend
    assert "contract" in again._runner.source


def test_fast_is_for_native_code_alone() -> None:
    with pytest.raises(ep.ExpradError, match="fast=True is for backend='native'"):
        compile(x, [x], fast=True)


def test_fast_assumes_nothing_about_nan_and_infinity() -> None:
    special = np.array([0.0, math.inf, -math.inf, math.nan, 1.0])
    ours, theirs = in_both([x - x, 0 * x, x / x, ep.where(x > 0, x, -x), ep.maximum(x, 1.0)], [x], special, fast=True)
    for a, b in zip(ours, theirs, strict=True):
        same_bits(a, b)


def test_large_arrays_run_on_threads_and_eight_threads_share_a_function() -> None:
    function = compile([ep.exp(-x * x) * y, x + y], [x, y], backend="native")
    a, b = np.random.default_rng(0).normal(size=(2, 1_000_003))
    expected = compile([ep.exp(-x * x) * y, x + y], [x, y], backend="numpy")(a, b)
    found: list[Any] = [None] * 8

    def work(place: int) -> None:
        local = compile([ep.exp(-x * x) * y + place, x + y], [x, y], backend="native")
        found[place] = (function(a, b), local(a[:1000], b[:1000]))

    threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for place, (whole, part) in enumerate(found):
        np.testing.assert_allclose(whole[0], expected[0], rtol=1e-14)
        np.testing.assert_array_equal(whole[1], expected[1])
        np.testing.assert_allclose(part[0], expected[0][:1000] + place, rtol=1e-13)


def test_what_has_no_code_is_refused_before_any_is_made(monkeypatch: Any) -> None:
    with pytest.raises(UnsupportedError, match="backend 'native' has no code for digamma"):
        compile(ep.digamma(x), [x], backend="native")
    with pytest.raises(UnsupportedError, match="scalars"):
        compile(ep.sum(Var("v", shape=(3,))), backend="native")
    from exprad.backends import native

    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    native._binding.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match=r"needs llvmlite; install exprad\[native\]"):
            compile(x, [x], backend="native")
    finally:
        native._binding.cache_clear()


def test_code_is_kept_and_a_corrupt_file_is_made_anew(tmp_path: Path, monkeypatch: Any) -> None:
    from exprad.backends import native

    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "cache"))
    made: list[str] = []
    keep = native._keep
    monkeypatch.setattr(native, "_keep", lambda key, code: (made.append(key), keep(key, code)))
    f = [[ep.exp(x) * 3.25 + x]]  # nested, so that no built-in is made beside the code for arrays
    for expected in (1, 1):
        assert compile(f, [x], backend="native")(np.zeros(3))[0][0].tolist() == [3.25] * 3
        assert len(made) == expected
    (file,) = (tmp_path / "cache").glob("*.o")
    whole = file.read_bytes()
    for broken in (whole[:-1], b"", b"x" * len(whole), whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]):
        file.write_bytes(broken)
        count = len(made)
        assert compile(f, [x], backend="native")(np.zeros(3))[0][0].tolist() == [3.25] * 3
        assert len(made) == count + 1
        assert file.read_bytes() == whole
    monkeypatch.setenv("EXPRAD_CACHE", str(file / "not-a-folder"))
    assert compile(f[0][0] + 1, [x], backend="native")(np.zeros(1)).tolist() == [4.25]


WRITER = """
import numpy as np
from exprad import Var, compile, sin
x = Var("x")
print("ready", flush=True)
for i in range(10_000):
    f = compile(sin(x) * i + i, [x], backend="native")
    assert f(np.zeros(1))[0] == i
"""


def test_a_process_killed_while_it_writes_leaves_a_cache_that_works(tmp_path: Path) -> None:
    environment = {**os.environ, "EXPRAD_CACHE": str(tmp_path)}
    for delay in (0.05, 0.15, 0.3):
        process = subprocess.Popen([sys.executable, "-c", WRITER], env=environment, stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    code = WRITER.replace("10_000", "40")
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.DEVNULL)


def test_it_works_without_libmvec(tmp_path: Path) -> None:
    code = """
import numpy as np
from exprad import Var, atan2, compile, cosh, exp, sin, tanh
x, y = Var("x"), Var("y")
f = tanh(x) * atan2(y, x) + cosh(x) ** y + sin(exp(x))
a, b = np.random.default_rng(0).uniform(0.1, 2, (2, 1001))
g = compile(f, [x, y], backend="native")
assert "_ZGV" not in g._runner.source
np.testing.assert_allclose(g(a, b), compile(f, [x, y], backend="numpy")(a, b), rtol=1e-13)
"""
    environment = {**os.environ, "EXPRAD_LIBMVEC": "0", "EXPRAD_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_calls_with_floats_are_built_in_and_all_others_are_taken() -> None:
    f = x * x * y + ep.log(y)
    g = compile([f, *f.gradient([x, y])], [x, y], backend="native")
    expected = compile([f, *f.gradient([x, y])], [x, y])(1.5, 2.5)
    from exprad.backends.native import has_builtins

    if has_builtins():
        assert type(type(g).__call__) is type(len)
    for at in ((1.5, 2.5), (np.float64(1.5), 2.5), (1.5, np.array(2.5))):
        np.testing.assert_allclose(g(*at), expected, rtol=1e-15)
    np.testing.assert_allclose(g(y=2.5, x=1.5), expected, rtol=1e-15)
    np.testing.assert_allclose(g(1.5, y=2.5), expected, rtol=1e-15)
    assert g(1, 2)[1:] == [4.0, 1.5]
    assert g(True, 2.0)[1] == 4.0
    assert str(g(x, 2)[1]) == "4*x"
    assert g(ep.DualNumber(1.0, 1.0), 2.0)[0].eps == 4.0
    assert [each.shape for each in g(np.ones(3), 2.0)] == [(3,)] * 3
    assert math.isnan(g(1.0, -1.0)[0])
    assert g(1.0, 0.0)[0] == -math.inf
    for wrong in ((), (1.0,), (1.0, 2.0, 3.0), ("1", 2.0), (None, 1.0)):
        with pytest.raises(ep.ExpradError):
            g(*wrong)
    with pytest.raises(ep.ExpradError, match="no input is called 'z'"):
        g(1.0, z=2.0)


@pytest.mark.parametrize("outputs, expected", [
    (x * y, 6.0), ([x * y], [6.0]), ((x, y, x), (2.0, 3.0, 2.0)), ([x, [y]], [2.0, [3.0]]), ({"a": x}, {"a": 2.0}),
    ([x < y, 1], [True, 1.0]),
])  # fmt: skip
def test_the_structure_of_a_built_in_call(outputs: Any, expected: Any) -> None:
    found = compile(outputs, [x, y], backend="native")(2.0, 3.0)
    assert found == expected
    assert type(found) is type(expected)


def test_built_in_calls_leak_nothing_and_outlive_what_made_them() -> None:
    import gc
    import tracemalloc

    g = compile([x * y, x + y], [x, y], backend="native")
    call = type(g).__call__
    del g
    gc.collect()
    for _ in range(1000):
        assert call(2.0, 3.0) == [6.0, 5.0]
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(20_000):
        call(2.0, 3.0)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 10_000
    references = sys.getrefcount(1.5)
    for _ in range(1000):
        call(1.5, 1.5)
    assert sys.getrefcount(1.5) <= references + 2


def test_eight_threads_call_built_ins() -> None:
    g = compile([ep.sin(x) * y, x + y], [x, y], backend="native")
    wrong: list[Any] = []

    def work(k: int) -> None:
        for i in range(5000):
            found = g(float(i), float(k))
            if found[1] != i + k:
                wrong.append(found)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_programs_that_would_take_long_are_refused() -> None:
    f: Any = x
    for _ in range(3000):
        f = ep.sin(f) + y
    with pytest.raises(UnsupportedError, match="at most 3000 steps"):
        compile(f, [x, y], backend="native")
