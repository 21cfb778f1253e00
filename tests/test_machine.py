"""The interpreter in machine code: every row, at a point and in blocks, gives the bits of the code that is made for a program."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile
from exprad.backends.signature import Structure, read_inputs
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from tests.rows import VARIABLES, X, Z, expressions, operands_of, rows, searched, smooth_rows

pytest.importorskip("llvmlite")
native = pytest.importorskip("exprad.backends.native.linking")
machine = pytest.importorskip("exprad.backends.native.machine")
engine = pytest.importorskip("exprad.backends.native.engine")
stages = pytest.importorskip("exprad.backends.native.stages")

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.5, 1e-310, 1e300, -1e300, 1e5, np.inf, -np.inf, np.nan)
HAVE_CODE = [row for row in rows() if native.has_code(row)]


def runner(outputs: Any, inputs: Any) -> Any:
    """A function of arrays that the interpreter computes, which returns one array an output."""
    structure = Structure(outputs)
    program = Program.lowered(structure.expressions, native.has_code)
    slots = read_inputs(program, inputs)
    columns = [program.variables.get(v.name, -1) for slot in slots for v in slot.variables]
    run = machine.MachineRunner(program, columns, slots, structure.leaves)

    def call(*arrays: Any) -> list[Any]:
        given = [np.asarray(each) for each in arrays]
        dtype = np.result_type(*given, np.float32)
        points = np.broadcast_shapes(*[each.shape[len(slot.shape) :] for slot, each in zip(slots, given, strict=True)])
        leaves = [np.empty((shape or ()) + points, dtype) for shape, *_ in structure.leaves]
        run(given, leaves, points, dtype)
        return leaves

    call.run = run  # type: ignore[attr-defined]
    return call


def same_bits(a: Any, b: Any, signs_of_nan: bool = False) -> bool:
    """Whether numbers are the same, and their signs, those of zeros too. Of two nan, a processor gives either."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    both = np.isnan(a) & np.isnan(b)
    is_free = both & (not signs_of_nan)
    return bool(np.all(((a == b) | both) & ((np.signbit(a) == np.signbit(b)) | is_free)))


@pytest.mark.parametrize("row", HAVE_CODE, ids=lambda row: row.name)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_each_row_at_a_point_in_blocks_and_in_code(row: Primitive, dtype: Any) -> None:
    f = row(*operands_of(row))
    count = 3 if row.truths and not row.predicate else row.arity
    inputs = VARIABLES[:count]
    edges = np.array(
        [each for each in EDGES if abs(each) < 1e38 or dtype is np.float64 or not abs(each) < np.inf], dtype
    )
    places = list(itertools.product(range(len(edges)), repeat=count))[:: 1 if count < 3 else 13]
    at = edges[np.array(places).T]
    with np.errstate(all="ignore"):
        expected = compile(f, inputs, backend="native")(*[np.ascontiguousarray(each) for each in at])
        call = runner(f, inputs)
        (blocks,) = call(*at)
        assert same_bits(blocks, expected, row.arity == 1)
        for k in range(0, at.shape[1], 7):
            assert same_bits(call(*at[:, k])[0], blocks[k], row.arity == 1), at[:, k]


@searched(60)
@given(expressions(depth=12, rows=[row for row in smooth_rows() if native.has_code(row)]), st.integers(0, 1000))
def test_random_programs(f: Any, seed: int) -> None:
    outputs = [f, *ep.gradient(f, VARIABLES)]
    at = np.random.default_rng(seed).normal(0, 2, (3, 37))
    with np.errstate(all="ignore"):
        expected = compile(outputs, VARIABLES, backend="native")(*at)
        call = runner(outputs, VARIABLES)
        found = call(*at)
    for mine, other in zip(found, expected, strict=True):
        assert same_bits(mine, other)
    for k in (0, 17, 36):
        for mine, other in zip(call(*at[:, k]), found, strict=True):
            assert same_bits(mine, other[k])


def lorenz(steps: int) -> tuple[Any, list[Any]]:
    """A Lorenz system by Runge and Kutta's method, unrolled: the last point's square, and what it depends on."""
    inputs = [Var(name) for name in ("x0", "y0", "z0", "sigma", "rho", "beta")]
    *point, sigma, rho, beta = inputs
    h = 0.01

    def slope(x: Any, y: Any, z: Any) -> tuple[Any, ...]:
        return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

    def beside(k: Any, by: float) -> list[Any]:
        return [u + by * each for u, each in zip(point, k, strict=True)]

    for _ in range(steps):
        k1 = slope(*point)
        k2 = slope(*beside(k1, h / 2))
        k3 = slope(*beside(k2, h / 2))
        k4 = slope(*beside(k3, h))
        point = [u + h / 6 * (a + 2 * b + 2 * c + d) for u, a, b, c, d in zip(point, k1, k2, k3, k4, strict=True)]
    return sum(each * each for each in point), inputs


AT = (1.0, 1.0, 1.0, 10.0, 28.0, 8 / 3)


def test_a_long_program_gives_the_bits_of_numpy_and_few_registers_hold_it() -> None:
    f, inputs = lorenz(60)
    call = runner([f, *ep.gradient(f, inputs)], inputs)
    found = call(*AT)
    assert found == compile([f, *ep.gradient(f, inputs)], inputs, backend="numpy")(*AT)
    code = call.run._coded(np.dtype(float))
    assert len(code.places.heads) > 10_000 > 8 * code.places.height
    chain = Var("x")
    for _ in range(100_000):
        chain = chain * 0.5 + Var("x")
    assert runner(chain, [Var("x")]).run._coded(np.dtype(float)).places.height <= 8


def test_arrays_of_any_layout() -> None:
    f, inputs = lorenz(3)
    call = runner([f, f.gradient(inputs[0])], inputs)
    rng = np.random.default_rng(1)
    wide = rng.normal(1, 0.1, (6, 5, 202))
    whole = call(*wide[:, :, ::2])
    assert whole[0].shape == (5, 101)
    flat = call(*wide[:, :, ::2].reshape(6, -1))
    assert same_bits(whole[0].ravel(), flat[0]) and same_bits(whole[1].ravel(), flat[1])
    broadcast = call(wide[0, :, :1], *[float(each) for each in wide[1:, 0, 0]])
    assert same_bits(broadcast[0][:, 0], call(wide[0, :, 0], *[np.full(5, each) for each in wide[1:, 0, 0]])[0])
    assert [each.shape for each in call(*np.empty((6, 0)))] == [(0,), (0,)]


def long(f: Any) -> Any:
    """The same value by a program of more than 300 steps."""
    for _ in range(320):
        f = 1.0 * (f + Z)
    return f


def test_outputs_of_other_layouts_and_types(monkeypatch: Any) -> None:
    """On one thread and on many, in one block and in several: conditions, strided arrays, what overlaps an input."""
    f, inputs = lorenz(12)
    outputs = [f, inputs[0] < inputs[1], f.gradient(inputs[3])]
    function, numpy = (compile(outputs, inputs, backend=backend) for backend in ("native", "numpy"))
    assert "interpreted" in function.backend
    for work in (machine.THREADED_WORK, 0):
        monkeypatch.setattr(machine, "THREADED_WORK", work)
        for count in (1, 15, 16, 17, 255, 257, 5000):
            at = np.random.default_rng(count).normal(1, 0.1, (6, count))
            expected = numpy(*at)
            for mine, other in zip(function(*at), expected, strict=True):
                assert mine.dtype == other.dtype and same_bits(mine, other)
            store = np.full((count, 3), np.nan)
            out = [store[:, 0], np.zeros(count, bool)[::-1], at[3]]
            for mine, other in zip(function(*at, out=out), expected, strict=True):
                assert same_bits(mine, other)
            assert np.isnan(store[:, 1:]).all()


def test_no_number_changes_the_bits_of_another() -> None:
    """Angles so large that the C library takes them, beside others, and before them in the same registers."""
    functions = [ep.sin, ep.cos, ep.tan, ep.sinh, ep.erf, lambda a: a**0.3]
    call = runner([each(long(X)) for each in functions], [X, Z])
    at = np.random.default_rng(0).uniform(9.0e5, 1.2e6, 1000)
    alone = [call(np.array([each]), 0.0) for each in at[:60]]
    call(np.full(1000, 3e9), 0.0)
    beside = call(at, 0.0)
    for k, found in enumerate(alone):
        for mine, other in zip(found, beside, strict=True):
            assert same_bits(mine[0], other[k])
    code = compile([each(X) for each in functions], [X], backend="native")(at)
    for mine, other in zip(beside, code, strict=True):
        assert same_bits(mine, other)


def test_signs_of_nan_are_those_of_code() -> None:
    f = [ep.copysign(1, each) for each in (-X, 1 - X, X - 1, X + 1, X * 2, -X * 3, X / 2)]
    at = np.array([np.nan, -np.nan, 1.0, -0.0, 0.0])
    code = compile(f, [X], backend="native")(at)
    call = runner(f, [X])
    for k, each in enumerate(at):
        for mine, blocks, other in zip(call(each), call(at), code, strict=True):
            assert same_bits(mine, other[k]) and same_bits(blocks[k], other[k])


INTERRUPTED = """
import signal, numpy as np
from exprad import compile, variables
x, y = variables("x y")
f = x
for _ in range(400):
    f = f * 0.99 + (y - x) * 0.01
g, a = compile(f, [x, y], backend="native"), np.random.default_rng(0).random((2000, 2000))
def stop(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
g(a[::2, ::2].T, a[::2, 1::2])
for k in range(12):
    signal.setitimer(signal.ITIMER_REAL, 0.002 + 0.007 * k)
    try:
        g(a[::2, ::2].T, a[::2, 1::2])
    except KeyboardInterrupt:
        pass
    signal.setitimer(signal.ITIMER_REAL, 0)
print("went on")
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="interrupts by a timer")
def test_a_user_may_interrupt_a_call_on_threads() -> None:
    done = subprocess.run([sys.executable, "-c", INTERRUPTED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "went on\n"


def test_rows_of_many_operands() -> None:
    def made(*x: Any) -> Any:
        return x[0] + 2 * x[1] + 4 * x[2] + x[3] * 8 + (3 + x[4]) * 16 + 32 / (1 + x[5]) + 64 * x[6]

    row = Primitive("seven_for_test", *[lambda y, *x: 1] * 7, spell={"llvm": lambda m, *x: made(*x)},
                    numpy=lambda *x: made(*x))  # fmt: skip
    try:
        x = [Var(f"x{k}") for k in range(7)]
        at = np.random.default_rng(0).integers(0, 9, (7, 40)).astype(float)
        (found,) = runner(row(*x) + 1, x)(*at)
        assert (found == made(*at) + 1).all()
        assert runner(row(*x) + 1, x)(*at[:, 3])[0] == made(*at[:, 3]) + 1
    finally:
        del Primitive.registry["seven_for_test"]


def test_no_code_is_made_for_another_program_of_the_same_rows(monkeypatch: Any) -> None:
    f, inputs = lorenz(2)
    runner(f, inputs)(*AT)

    def refused(*_: Any) -> None:
        raise AssertionError("code is made")

    monkeypatch.setattr(engine, "loaded", refused)
    f, inputs = lorenz(5)
    assert runner(f, inputs)(*AT) == compile([f], inputs, backend="numpy")(*AT)


def test_nobody_sees_code_take_over_in_the_middle_of_eight_threads_calls(monkeypatch: Any) -> None:
    for name in ("LOOP_MAKING", "ROWS_MAKING"):
        monkeypatch.setattr(stages, name, 1e-6)
    x = [Var(f"s{k}") for k in range(8)]
    at = np.random.default_rng(0).normal(size=(8, 301))
    wide = [ep.sin(a + k) * ep.exp(-b * b - k) + ep.tanh(a * b) / (1 + k) for a in x for b in x for k in range(12)]
    narrow = wide[0]
    for k in range(200):
        narrow = ep.sin(narrow) * x[k % 8] + ep.cos(narrow)
    for outputs, points, kind in (
        ([narrow], at, "NativeRunner"),
        ([sum(wide)], at[:, 0], "LargeRunner"),
        ([narrow], at[:, 1], "NativeRunner"),
    ):
        function = compile(outputs, x, backend="native")
        assert function.backend.startswith("python for numbers, native (interpreted)") or kind == "LargeRunner"
        expected, found = function(*points), []

        def work(function: Any = function, points: Any = points, expected: Any = expected, found: Any = found) -> None:
            until = time.monotonic() + 20
            same = True
            while not function._choice.arrays._better and time.monotonic() < until:
                same &= same_bits(function(*points)[0], expected[0])
            found.append(same and same_bits(function(*points)[0], expected[0]))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 8
        assert {type(each).__name__ for each in function._choice.arrays._better.values()} == {kind}
        assert function._choice.arrays.stage == "native"


def test_what_the_interpreter_needs_first_is_no_reason_for_code(monkeypatch: Any) -> None:
    clock, prepare = [0.0], machine.Code.__init__

    def slow(*given: Any) -> None:
        clock[0] += 1000
        prepare(*given)

    monkeypatch.setattr(machine.Code, "__init__", slow)
    monkeypatch.setattr(stages, "perf_counter", lambda: clock[0])
    f, inputs = lorenz(30)
    function = compile([f, *ep.gradient(f, inputs)], inputs, backend="native")
    function(*AT)
    assert clock[0] == 1000 and function.backend == "native (interpreted)"
    assert not function._choice.arrays._is_making


def test_loops_over_rows_take_over_where_they_are_long_and_at_one_point_only(monkeypatch: Any) -> None:
    monkeypatch.setattr(stages, "ROWS_MAKING", 0.0)
    f, inputs = lorenz(30)
    narrow = compile([f, *ep.gradient(f, inputs)], inputs, backend="native")
    p = np.array([Var(f"p{k}") for k in range(600)], object)
    f = sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(p, p[1:], strict=False))
    wide = compile([f, np.array(ep.gradient(f, list(p)), object)], [p], backend="native")
    at = np.random.default_rng(0).normal(size=(600, 20))
    wide(at)
    assert not wide._choice.arrays._better  # many points go on as they are
    expected = wide(at[:, 0])
    narrow(*AT)
    until = time.monotonic() + 20
    while (wide._choice.arrays._is_making or narrow._choice.arrays._is_making) and time.monotonic() < until:
        time.sleep(0.01)
    assert wide.backend == "native" and narrow.backend == "native (interpreted)"
    for mine, other in zip(wide(at[:, 0]), expected, strict=True):
        assert same_bits(mine, other)
    assert same_bits(wide(at)[1][:, 0], expected[1])
