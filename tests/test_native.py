"""Machine code by LLVM: its mathematics, its arrays of any layout, its cache, and what NumPy computes."""

from __future__ import annotations

import math
import os
import pickle
import re
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
from exprad.backends.native import is_as_in_python
from exprad.backends.python import ScalarSource
from exprad.errors import MissingExtraError, UnsupportedError
from exprad.ground.primitive import Primitive
from tests.rows import PLAIN, VARIABLES, expressions, operands_of, points, rows, searched, smooth_rows

pytest.importorskip("llvmlite")
REFUSED = {"at_kink"}
x, y = variables("x y")
CORRECTLY_ROUNDED = """add sub mul div neg abs sqrt square floor ceil round trunc copysign less greater where maximum minimum
                       sign""".split()
EXACT = [row for row in rows() if row.name in CORRECTLY_ROUNDED]
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
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14 if name == "sinc" else 1e-15)


@pytest.mark.parametrize("name", [row.name for row in rows() if row.name not in REFUSED])
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


NEAR_ONE, SMALL, LARGE = (-1.0, 1.0), (-1e-5, 1e-5), (-1e300, 1e300)
INTERVALS: dict[str, list[tuple[float, float]]] = {
    "exp": [(-745.0, 709.7), NEAR_ONE, (-1e-8, 1e-8)], "log": [(1e-308, 1e-300), (0.5, 2.0), (0.99, 1.01), (1.0, 1e300)],
    "sin": [(-3.2, 3.2), (-1e6, 1e6), (1e6, 1e15), (-1e-300, 1e-300)], "cos": [(-3.2, 3.2), (-1e6, 1e6), (1e6, 1e15)],
    "tan": [(-1.6, 1.6), (-1e6, 1e6), SMALL], "asin": [NEAR_ONE, SMALL, (0.99, 1.0)], "acos": [NEAR_ONE, SMALL, (0.99, 1.0)],
    "atan": [(-3.0, 3.0), (-1e3, 1e3), SMALL, LARGE], "sinh": [NEAR_ONE, (-700.0, 700.0), SMALL],
    "cosh": [NEAR_ONE, (-700.0, 700.0)], "tanh": [NEAR_ONE, (-25.0, 25.0), SMALL],
    "asinh": [NEAR_ONE, (-1e3, 1e3), SMALL, LARGE], "acosh": [(1.0, 1.01), (1.0, 10.0), (1.0, 1e300)],
    "atanh": [NEAR_ONE, (-0.1, 0.1), SMALL, (0.99, 1.0)], "exp2": [NEAR_ONE, (-1000.0, 1000.0)],
    "expm1": [NEAR_ONE, (-40.0, 709.0), SMALL], "log2": [(0.5, 2.0), (1e-300, 1e300)], "log10": [(0.5, 2.0), (1e-300, 1e300)],
    "log1p": [(-0.9, 1.0), (-0.01, 0.01), (0.0, 1e300), SMALL], "cbrt": [(-8.0, 8.0), LARGE], "erf": [NEAR_ONE, (-6.0, 6.0)],
    "erfc": [NEAR_ONE, (-6.0, 25.0)], "pow": [(0.1, 9.0), (0.9, 1.1)], "atan2": [NEAR_ONE, LARGE], "hypot": [NEAR_ONE, LARGE],
}  # fmt: skip
AT_MOST_1 = {"exp", "log", "sin", "cos", "tan", "acos", "atan", "atan2", "log1p"}
HARD = {  # by the upper end of the interval: multiples of pi/2, nearly; what needs all that a sum lost
    1e6: [321307.9594422229, 642615.9188844458, 871790.3905748408, 413441.44719405076, math.pi, 2 * math.pi],
    1.01: [1.001931965170021, 1.0018707724072031, 1.000120256637648],
    1.0: [-0.5082511045654361, -0.5193370312190848, 0.23300071137075962, -0.4743305375962259],
}


@pytest.mark.parametrize("name", INTERVALS)
def test_units_in_the_last_place(name: str) -> None:
    """Against mpmath at 60 digits."""
    generator = np.random.default_rng(1)
    row = next(row for row in rows() if row.name == name)
    function = compile(row(*[x, y][: row.arity]), [x, y], backend="native")
    special = {
        "exp2": lambda t: mpmath.power(2, t),
        "log2": lambda t: mpmath.log(t, 2),
        "pow": mpmath.power,
        "cbrt": lambda t: mpmath.sign(t) * mpmath.cbrt(abs(t)),
    }
    exactly = special.get(name) or getattr(mpmath, name)
    for low, high in INTERVALS[name]:
        a = generator.uniform(low, high, 1500)
        b = generator.uniform(-5.0, 5.0, 1500) if name == "pow" else generator.uniform(low, high, 1500)
        hard = [each for each in HARD.get(high, []) if each > low]
        a[: len(hard)] = hard
        worst, where = 0.0, 0.0
        with mpmath.workdps(60):
            for first, second, ours in zip(a.tolist(), b.tolist(), function(a, b).tolist(), strict=True):
                exact = exactly(*[mpmath.mpf(each) for each in (first, second)[: row.arity]])
                if 1e-307 < abs(exact) < 1e308:
                    off = float(abs(mpmath.mpf(ours) - exact) / mpmath.mpf(np.spacing(abs(float(exact)))))
                    worst, where = max((worst, where), (off, first))
        bound = 1.0 if name in AT_MOST_1 else 1.2 if name == "asinh" else 2.0
        assert worst <= bound, (low, high, where)


@pytest.mark.parametrize("width", [2, 4])
def test_narrower_vectors(width: int, monkeypatch: Any) -> None:
    from exprad.backends.native import engine

    if engine.width() < width:
        pytest.skip("the machine has no such vectors")
    monkeypatch.setattr(engine, "width", lambda: width)
    names = [row for row in rows() if row.name in INTERVALS]
    outputs = [row(*operands_of(row)) for row in names] + [ep.sin(x) * ep.cos(x), x % y]
    a, b = np.random.default_rng(0).uniform(0.05, 0.95, (2, 1001))
    a[0], b[0] = 1e9, 2.0
    for ours, theirs in zip(*in_both(outputs, VARIABLES, a, b, b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


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


def test_single_precision_rounds_every_step() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 1003)).astype(np.float32)
    exact = [x * y + 0.1, x / 3 - y, ep.sqrt(x * x + y), ep.floor(x) % y, ep.where(x < y, x, -y), x < y]
    for ours, theirs in zip(*in_both(exact, [x, y], a, b), strict=True):
        assert ours.dtype == theirs.dtype
        same_bits(ours, theirs)
    smooth = [ep.exp(x) * ep.sin(y) + ep.cos(y), ep.tanh(x) ** 2, ep.atan2(x, y)]
    for ours, theirs in zip(*in_both(smooth, [x, y], a, b), strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7)


def test_other_types_numbers_and_pickles() -> None:
    function = compile([x * y + 0.1, x / 3], [x, y], backend="native")
    long = np.linspace(0, 1, 20, dtype=np.longdouble)
    assert {each.dtype for each in function(long, long)} == {np.dtype(np.longdouble)}
    assert function(2.0, 3.0) == [6.1, 2.0 / 3]
    again = pickle.loads(pickle.dumps(compile(x * y + 0.1, [x, y], backend="native", fast=True)))
    np.testing.assert_allclose(again(np.ones(3), np.ones(3)), 1.1)
    assert "native" in again.backend
    assert "contract" in again._choice.arrays.source


def test_fast_is_for_native_code_alone() -> None:
    with pytest.raises(ep.ExpradError, match="fast=True is for backend='native'"):
        compile(x, [x], fast=True)


def test_fast_assumes_nothing_about_nan_and_infinity() -> None:
    special = np.array([0.0, math.inf, -math.inf, math.nan, 1.0])
    ours, theirs = in_both([x - x, 0 * x, x / x, ep.where(x > 0, x, -x), ep.maximum(x, 1.0)], [x], special, fast=True)
    for a, b in zip(ours, theirs, strict=True):
        same_bits(a, b)


def test_rows_of_a_user_run_by_their_formula_or_their_ufunc() -> None:
    bump = Primitive("bump_for_native", lambda y, x: -2 * x * y, formula=lambda x: ep.exp(-x * x))
    both = Primitive("both_for_native", lambda y, x: -2 * x * y, numpy=PLAIN.numpy, formula=lambda x: x * x)
    deg = Primitive("deg_for_native", lambda y, x: 180 / math.pi, numpy="rad2deg")
    a = np.random.default_rng(0).normal(size=1003)
    for ours, theirs in zip(*in_both([bump(x), both(x), deg(x)], [x], a), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-15)
    assert compile(deg(x), [x], backend="native")(math.pi) == 180.0


def test_scipys_functions_are_called_where_they_are(monkeypatch: Any) -> None:
    pytest.importorskip("scipy")
    function = compile([ep.digamma(x), ep.gamma(x)], [x], backend="native")
    assert "exprad_loop_digamma" in function._choice.arrays.source
    a = np.linspace(-3.3, 20, 1003)
    for ours, theirs in zip(*in_both([ep.digamma(x), ep.gamma(x)], [x], a), strict=True):
        same_bits(ours, theirs)
    expected = function(a)
    from exprad.backends.native import layout

    monkeypatch.setattr(layout, "loop_of", lambda row: None)
    without = compile([ep.digamma(x), ep.gamma(x)], [x], backend="native")
    assert "exprad_loop" not in without._choice.arrays.source
    for ours, theirs in zip(without(a), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13, atol=1e-14)


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
    with pytest.raises(UnsupportedError, match="backend 'native' has no code for plain_for_test"):
        compile(PLAIN(x), [x], backend="native")
    with pytest.raises(UnsupportedError, match="backend 'native' has no code for plain_for_test"):
        compile(ep.sum(PLAIN(Var("v", shape=(3,)))), backend="native")
    from exprad.backends.native import engine

    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    engine.binding.cache_clear()
    try:
        with pytest.raises(MissingExtraError, match=r"needs llvmlite; install exprad\[native\]"):
            compile(x, [x], backend="native")
    finally:
        engine.binding.cache_clear()


def test_how_objects_lie_in_memory_stands_in_one_file() -> None:
    from exprad.backends.native import layout

    if layout.has_builtins():
        assert object.__basicsize__ == layout.HEAD == layout.VALUE == layout.Array.data.offset
    told = re.compile(r"_fields_|from_address|basicsize|getelementptr i8, ptr %\w+, i64 \d")
    files = Path(layout.__file__).parents[1].rglob("*.py")
    telling = {path.name for path in files if told.search(path.read_text(encoding="utf-8"))}
    assert telling == {"layout.py", "calls.py"}  # and what is exprad's own


def test_code_is_kept_and_a_corrupt_file_is_made_anew(tmp_path: Path, monkeypatch: Any) -> None:
    from exprad.backends.native import engine

    monkeypatch.setenv("EXPRAD_CACHE", str(tmp_path / "cache"))
    made: list[str] = []
    keep = engine.keep
    monkeypatch.setattr(engine, "keep", lambda key, code: (made.append(key), keep(key, code)))
    f = [[x * 3.25 + 3.25]]
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
assert "_ZGV" not in g._choice.arrays.source
np.testing.assert_allclose(g(a, b), compile(f, [x, y], backend="numpy")(a, b), rtol=1e-13)
"""
    environment = {**os.environ, "EXPRAD_LIBMVEC": "0", "EXPRAD_CACHE": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)


def test_calls_with_floats_are_built_in_and_all_others_are_taken() -> None:
    f = x * x * y + ep.log(y)
    g = compile([f, *f.gradient([x, y])], [x, y], backend="native")
    expected = compile([f, *f.gradient([x, y])], [x, y])(1.5, 2.5)
    from exprad.backends.native import has_builtins

    np.testing.assert_allclose(g(1.5, 2.5), expected, rtol=1e-15)
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


def test_conditions_of_a_built_in_are_truth_values() -> None:
    for outputs, at in ((x < y, (1.0, 2.0)), ([x < y, x + y, ~(x < y)], (2.0, 1.0)), ((x >= y,), (2.0, 2.0))):
        native, python = (compile(outputs, [x, y], backend=backend) for backend in ("native", "python"))
        for _ in range(3):
            assert repr(native(*at)) == repr(python(*at))


def test_built_in_calls_leak_nothing_and_outlive_what_made_them() -> None:
    import gc
    import tracemalloc

    g = compile([x * y, x + y], [x, y], backend="native")
    assert g(2.0, 3.0) == [6.0, 5.0]
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


def test_sine_and_cosine_of_one_argument_are_one_call() -> None:
    function = compile([ep.sin(x * y), ep.cos(x * y), ep.sin(x)], [x, y], backend="native")
    source = function._choice.arrays.source
    if "exprad_sin" in source:
        assert source.count("call {") == 1
        assert source.count("@exprad_cos") == 0
    a, b = np.random.default_rng(0).normal(size=(2, 1001))
    for mine, inner in zip(function(a, b), (ep.sin(x * y), ep.cos(x * y), ep.sin(x)), strict=True):
        np.testing.assert_array_equal(mine, compile(inner, [x, y], backend="native")(a, b))


def in_code(function: Any) -> Any:
    """A function that the interpreter would run first, run by code of its own."""
    staged = function._choice.arrays
    for kind in (np.float64, np.float32):
        staged._runner().prepare(np.dtype(kind))
        staged._better[np.dtype(kind)] = staged._runner()
    return function


def rosenbrock(p: Any) -> Any:
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(p, p[1:], strict=False))


def test_a_large_program_is_a_few_loops_and_gives_numpys_bits() -> None:
    sizes = []
    for n in (600, 1800):
        p = np.array([Var(f"q{i}") for i in range(n)], object)
        f = rosenbrock(list(p))
        outputs = [f, np.array(f.gradient(list(p)), object), p[0] < p[1]]
        native, numpy = (compile(outputs, [p], backend=backend) for backend in ("native", "numpy"))
        in_code(native)
        for at in (np.random.default_rng(0).normal(size=n), np.random.default_rng(0).normal(size=(n, 11))):
            for kind in (np.float64, np.float32):
                for ours, theirs in zip(native(at.astype(kind)), numpy(at.astype(kind)), strict=True):
                    assert ours.dtype == theirs.dtype
                    same_bits(ours, theirs)
        at = np.random.default_rng(0).normal(size=(n, 11))
        out = [np.empty(11), np.empty((11, n)).T, np.empty(11, bool)]
        for ours, theirs in zip(native(at, out=out), numpy(at), strict=True):
            same_bits(ours, theirs)
        assert [each.shape for each in native(np.empty((n, 0)))] == [(0,), (n, 0), (0,)]
        sizes.append(len(native._choice.arrays.source))
    assert sizes[1] < 1.1 * sizes[0]


def test_rows_of_one_loop_that_read_each_other_elsewhere() -> None:
    """One value of a group read by all of another of its length; a group read in another order; a sum of negative zeros."""
    p = np.array([Var(f"q{i}") for i in range(1300)], object)
    squares, sines = np.array([each * each for each in p], object), [ep.sin(each) for each in p]
    first = np.array([sine + squares[0] for sine in sines], object)
    mixed = np.array([sine * squares[(7 * i + 3) % 1300] for i, sine in enumerate(sines)], object)
    for outputs in ([first, squares], [mixed, squares], [first, mixed, squares], [sum(p[1:], p[0])]):
        ours, theirs = (compile(outputs, [p], backend=backend) for backend in ("native", "numpy"))
        assert type(in_code(ours)._choice.arrays._runner()).__name__ == "LargeRunner"
        for at in (np.random.default_rng(0).normal(size=1300), np.full(1300, -0.0)):
            for mine, other in zip(ours(at), theirs(at), strict=True):
                np.testing.assert_allclose(mine, other, rtol=1e-14, atol=1e-14)
                np.testing.assert_array_equal(np.signbit(mine), np.signbit(other))


def test_a_large_program_of_no_pattern() -> None:
    generator = np.random.default_rng(3)
    pool: list[Any] = [Var(f"r{i}") for i in range(12)]
    inputs = pool[:]
    while len(pool) < 5000:
        a, b = (pool[int(i)] for i in generator.integers(max(0, len(pool) - 60), len(pool), 2))
        kinds = [ep.sin(a), ep.tanh(a) * b, ep.where(a < b, a - b, b), 0.5 * a + 0.25 * b, ep.cos(a)]
        pool.append(kinds[int(generator.integers(5))])
    chain: Any = x
    for i in range(4000):
        chain = ep.sin(chain) * 0.5 + (y if i % 2 else x)
    pool[-1] = pool[-1] + sum(ep.digamma(each * each + 1) for each in pool[-60:]) + ep.digamma(pool[50] ** 2 + 2)
    for f, names in ((sum(pool[-40:]), inputs), (chain, [x, y])):
        at = generator.normal(size=(len(names), 9))
        native, numpy = (compile(f, names, backend=backend) for backend in ("native", "numpy"))
        assert type(in_code(native)._choice.arrays._runner()).__name__ == "LargeRunner"
        np.testing.assert_allclose(native(*at), numpy(*at), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(native(*at[:, 0]), numpy(*at)[0], rtol=1e-9, atol=1e-12)
        found: list[Any] = [None] * 8

        def work(place: int, native: Any = native, at: Any = at, found: Any = found) -> None:
            found[place] = native(*at)

        threads = [threading.Thread(target=work, args=(place,)) for place in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in found:
            same_bits(each, native(*at))


def test_auto_takes_machine_code_where_it_pays_and_says_so() -> None:
    f = (x - y) * x / 3 + ep.sqrt(x)
    function = compile([f, x < y], [x, y])
    points = function._choice.native.points
    assert function.backend == f"python for numbers, numpy for arrays, native from {points:,} points"
    a = np.random.default_rng(0).uniform(size=points)
    numpy = compile([f, x < y], [x, y], backend="numpy")
    for count in (points - 1, points):
        for ours, theirs in zip(function(a[:count], 0.5), numpy(a[:count], 0.5), strict=True):
            same_bits(ours, theirs)
    assert [plan.runner is function._choice.arrays for plan in function._plans.values()] == [True, False]
    assert "native" not in compile(PLAIN(x), [x]).backend
    order = next(row for row in rows() if row.name == "polygamma")(x, y)  # whose formula wants a constant
    assert "native" not in compile(order, [x, y]).backend
    assert compile(order, [x, y])(np.ones(200_000), 2.0)[0] == compile(order, [x, y], backend="numpy")(1.0, 2.0)
    assert "native" not in compile(ep.sum(Var("v", shape=(3,)))).backend


def test_auto_makes_a_built_in_of_many_calls_that_gives_the_same_bits() -> None:
    from exprad.backends.floats import CALLS_BEFORE_BUILTIN
    from exprad.backends.native import has_builtins

    function = compile([ep.exp(x) / y, x - y], [x, y])
    points = np.random.default_rng(0).normal(size=(CALLS_BEFORE_BUILTIN + 50, 2)).tolist()
    first = [function(*point) for point in points]
    for thread in threading.enumerate():
        if thread.name == "exprad built-in":
            thread.join()
    if has_builtins():
        assert type(type(function).__call__) is type(len)
    assert [function(*point) for point in points] == first
    assert function(1.0, 0.0)[0] == math.inf
    assert function(1000.0, 1.0)[0] == math.inf


@pytest.mark.parametrize("name", [row.name for row in rows() if is_as_in_python(row) and not row.infix])
def test_a_built_in_of_one_row_gives_what_python_gives_bit_by_bit(name: str) -> None:
    row = next(row for row in rows() if row.name == name)
    f = row(*operands_of(row))
    function, python = (compile(1.0 * f, VARIABLES, backend=backend) for backend in ("native", "python"))
    generator = np.random.default_rng(0)
    intervals = [*row.sample, (0.2, 0.9), (0.3, 0.8)][:3]
    for _ in range(500):
        at = [float(generator.uniform(low, high)) for low, high in intervals]
        assert function(*at) == python(*at), at


@searched(60)
@given(f=expressions(rows=[row for row in rows() if is_as_in_python(row)]), data=st.data())
def test_built_ins_give_what_python_gives_bit_by_bit(f: Any, data: Any) -> None:
    at = [data.draw(st.floats(-4, 4)) for _ in VARIABLES]
    program = compile(f, VARIABLES).program
    if not all(map(is_as_in_python, program.rows)):
        return
    source = ScalarSource(program, [program.variables.get(v.name, -1) for v in VARIABLES], "{}").function()
    try:
        expected = float(source(*at))
    except (ArithmeticError, ValueError):
        return
    found = float(compile(f, VARIABLES, backend="native")(*at))
    assert found == expected or found != found and expected != expected


def test_auto_does_without_a_broken_library(monkeypatch: Any) -> None:
    from exprad.backends.native import engine

    monkeypatch.setitem(sys.modules, "llvmlite.binding", None)
    engine.binding.cache_clear()
    try:
        function = compile([x * y, x - y], [x, y])
        assert function.backend == "python for numbers, numpy for arrays"
        a = np.ones(1_000_000)
        assert function(a, 2.0)[0][0] == 2.0
        assert [function(2.0, 3.0) for _ in range(1100)][-1] == [6.0, -1.0]
    finally:
        engine.binding.cache_clear()


def test_all_numbers_go_through_one_built_in() -> None:
    function = compile([ep.hypot(x, y), ep.sinc(x)], [x, y], backend="native")
    values = [function(3.1, 4.2), function(x=3.1, y=4.2), function(np.float64(3.1), np.array(4.2)), function(3.1, 4.2)]
    assert all(each == values[0] for each in values)
    assert function(3, 4) == function(3.0, 4.0)
