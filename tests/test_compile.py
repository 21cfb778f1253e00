"""compile: every back end gives what evaluation gives, for every row, layout and special value."""

from __future__ import annotations

import inspect
import math
import pickle
import threading
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad
from exprad import DualNumber, Expr, Function, Primitive, Var, compile, exp, log, sigmoid, sin, sqrt, variables, where
from exprad.backends import choice, numpy, regions
from exprad.derivatives.kink import with_kinks
from exprad.errors import UnsupportedError
from exprad.graph.evaluation import evaluate
from exprad.graph.program import Program
from tests.rows import VARIABLES, X, Y, Z, close, expressions, operands_of, rows, searched
from tests.ways import WAYS, take

x, y = variables("x y")
ROWS = {row.name: row for row in rows() if row.name != "at_kink"}
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -5e-324, 1e308, -1e308, 1.0, -1.0, 0.5, 2.0, -3.5]


def same(ours, theirs):
    return np.array_equal(np.asarray(ours), np.asarray(theirs), equal_nan=True)


@pytest.fixture
def at_once(monkeypatch):
    """Source is compiled for the first call."""
    take(monkeypatch, "blocks")


@pytest.fixture(params=WAYS)
def runner(request, monkeypatch):
    """The ways in which NumPy runs a program of scalars."""
    take(monkeypatch, request.param)


def points_of(f, values):
    grid = np.meshgrid(*[values] * len(f.variables))
    return {v.name: axis.ravel() for v, axis in zip(f.variables, grid, strict=True)}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_gives_what_evaluation_gives_at_special_values(name, runner):
    f = ROWS[name](*operands_of(ROWS[name]))
    at = points_of(f, SPECIAL if len(f.variables) < 3 else SPECIAL[:9])
    outputs = [f] if ROWS[name].predicate or name == "sinc_slope" else [f, *f.gradient(list(f.variables))]
    found = compile(outputs, list(f.variables), backend="numpy")(**at)
    for ours, theirs in zip(found, evaluate(outputs, at), strict=True):
        assert same(ours, np.broadcast_to(theirs, ours.shape)), name


@pytest.mark.parametrize("name", ROWS)
def test_every_row_gives_python_numbers_what_evaluation_gives(name):
    f = ROWS[name](*operands_of(ROWS[name]))
    compiled = compile(f, list(f.variables))
    at = points_of(f, SPECIAL if len(f.variables) < 3 else SPECIAL[:7])
    for point in zip(*at.values(), strict=True):
        values = [float(value) for value in point]
        ours, theirs = compiled(*values), evaluate(f, dict(zip(at, values, strict=True)))
        if name == "pow" and values == [-math.inf, 0.5]:
            continue  # C and Python say inf; NumPy takes a square root, and says nan
        assert type(ours) in (float, bool) and close(ours, theirs, 4e-15) and (ours or not math.isnan(theirs)), values


@pytest.mark.parametrize(
    "name", [n for n in ROWS if not ROWS[n].predicate and n not in ("where", "polygamma", "sinc_slope")]
)
def test_every_row_agrees_with_mpmath_in_every_back_end(name):
    row = ROWS[name]
    f = row(*VARIABLES[: row.arity])
    spread = [np.linspace(low, high, 23)[1:-1] * (1 - 1e-3 * i) for i, (low, high) in enumerate(row.sample)]
    with mpmath.workdps(40):
        exact = [float(row(*map(mpmath.mpf, point))) for point in zip(*spread, strict=True)]
    blocks = compile(f, VARIABLES[: row.arity], backend="numpy")(*spread)
    numbers = [compile(f, VARIABLES[: row.arity])(*map(float, point)) for point in zip(*spread, strict=True)]
    for found in (blocks, numbers):
        assert all(close(float(a), b, 1e-13) for a, b in zip(found, exact, strict=True))


numbers = st.sampled_from([0.0, -0.0, 1.0, -1.0, math.inf, -math.inf, math.nan, 1e308]) | st.floats(-3, 3)


@searched(60)
@given(expressions(), st.lists(st.tuples(numbers, numbers, numbers), min_size=2, max_size=4))
def test_random_programs_give_what_evaluation_gives(f, points):
    outputs = [f, *f.gradient(list(VARIABLES))]
    at = {v.name: np.array(column) for v, column in zip(VARIABLES, zip(*points, strict=True), strict=True)}
    theirs = evaluate(outputs, at)
    for way in WAYS:
        with pytest.MonkeyPatch.context() as patch:
            take(patch, way)
            ours = compile(outputs, VARIABLES, backend="numpy")(**at)
        for a, b in zip(ours, theirs, strict=True):
            assert same(a, np.broadcast_to(b, a.shape)), f
    point = {name: float(column[0]) for name, column in at.items()}
    for a, b in zip(compile(outputs, VARIABLES)(**point), evaluate(outputs, point), strict=True):
        assert close(float(a), float(b), 1e-9) or abs(b) > 1e12, (f, point)


def test_structures_come_back_as_they_were_given():
    f = x * y
    assert compile(f, [x, y])(2.0, 3.0) == 6.0 and compile((f,), [x, y])(2.0, 3.0) == (6.0,)
    assert compile({"f": f, "g": [x, (y,)]})(2.0, 3.0) == {"f": 6.0, "g": [2.0, (3.0,)]}
    grid = np.array([[x, y], [f, 1]], object)
    assert compile(grid, [x, y])(2.0, 3.0).tolist() == [[2, 3], [6, 1]]
    assert compile(grid, [x, y])(np.ones((4, 5)), 2.0).shape == (2, 2, 4, 5)
    assert compile([f, grid])(2, 3)[1].tolist() == [[2, 3], [6, 1]]


def test_inputs_left_out_are_the_variables_by_first_appearance():
    a, b = variables("A B")
    f = compile(exp(b) * a - b)
    assert f(B=1.0, A=2.0) == 2 * math.e - 1 and "(A, B)" in repr(f)
    assert str(inspect.signature(f)) == "(A, B, *, out=None)"
    assert str(inspect.signature(compile(Var("lambda") + x))) == "(input_0, x, *, out=None)"


def test_an_array_of_variables_is_one_argument(runner):
    p = np.array([Var(f"p{i}") for i in range(6)], object).reshape(2, 3)
    f = (p**2).sum() + x * p[0, 0]
    gradient = np.array(f.gradient(list(p.ravel())), object).reshape(2, 3)
    g = compile([f, gradient], [p, x])
    at = np.arange(6.0).reshape(2, 3) + 1
    expected = 2 * at + np.array([[2, 0, 0], [0, 0, 0]])
    assert g(at, 2.0)[0] == 91 + 2 and same(g(at, 2.0)[1], expected)
    many = g(np.stack([at, 2 * at], axis=-1), np.array([2.0, 0.0]))
    assert many[0].tolist() == [93, 364] and many[1].shape == (2, 3, 2) and same(many[1][..., 0], expected)


@pytest.mark.parametrize("shape", [(), (0,), (1,), (7,), (50_000,), (300, 500), (3, 1, 90_001)])
def test_arrays_of_any_size_in_blocks_and_threads(shape, runner):
    f = where(x < y, sin(x) * y, x - sigmoid(y))
    g = compile([f, x < y, 3, x], [x, y], backend="numpy")
    rng = np.random.default_rng(0)
    a, b = np.asarray(rng.normal(size=shape)), np.asarray(rng.normal(size=shape[-1:]))
    found = g(a, b)
    for ours, theirs in zip(found, evaluate([f, x < y], {x: a, y: b}), strict=False):
        assert same(ours, theirs)
    assert found[1].dtype == bool and found[2].shape == np.broadcast_shapes(a.shape, b.shape) and same(found[3], a)


def test_layouts_and_strides():
    f = compile(x * y + exp(x), [x, y], backend="numpy")
    a, b = np.random.default_rng(1).normal(size=(2, 120, 400))
    expected = a * b + np.exp(a)
    for u, v in ((a.T.copy().T, b), (np.asfortranarray(a), np.asfortranarray(b)), (a[::-1][::-1], b)):
        assert same(f(u, v), expected)
    assert same(f(a[::2, ::3], b[::2, ::3]), expected[::2, ::3])
    assert same(f(a, b[:1]), a * b[:1] + np.exp(a)) and same(f(a[:, :1], b), a[:, :1] * b + np.exp(a[:, :1]))
    out = np.empty((400, 120)).T
    assert f(a, b, out=out) is out and same(out, expected)
    read_only = a.copy()
    read_only.setflags(write=False)
    assert same(f(read_only, b), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_of_floats_is_kept_and_constants_are_rounded_once(dtype, runner):
    f = x * Fraction(1, 3) + 0.1 + sigmoid(x)
    at = np.linspace(-2, 2, 9, dtype=dtype)
    found = compile(f, [x])(at)
    assert found.dtype == dtype and same(found, f.evaluate(x=at))
    assert compile(x / 2, [x])(np.array([1, 2])).tolist() == [0.5, 1.0]
    assert compile(f, [x])(dtype(0.5)).dtype == dtype
    assert compile(x * 10**400, [x])(np.ones(2)).tolist() == [math.inf, math.inf]


def test_out_is_written_and_may_overlap_inputs_but_not_itself():
    f = compile([x + y, x * y], [x, y])
    a, b = np.arange(5.0), np.ones(5) * 2
    out = [np.empty(5), np.empty(5)]
    assert f(a, b, out=out) is out and out[0].tolist() == [2, 3, 4, 5, 6] and out[1].tolist() == [0, 2, 4, 6, 8]
    f(a, b, out=[a, b])
    assert a.tolist() == [2, 3, 4, 5, 6] and b.tolist() == [0, 2, 4, 6, 8]
    base = np.arange(100_001.0)
    expected = base[:-1] * 2 + np.sin(base[:-1])
    compile(x * 2 + sin(x), [x])(base[:-1], out=base[1:])
    assert same(base[1:], expected)
    with pytest.raises(exprad.ExpradError, match="shares memory"):
        f(a, b, out=[out[0], out[0]])


def test_errors_name_the_input():
    f = compile([x + y], [x, y])
    for call, message in (
        (lambda: f(1.0), "takes 2 inputs"),
        (lambda: f(1.0, 2.0, 3.0), "takes 2 inputs"),
        (lambda: f(1.0, z=2.0), "'z'"),
        (lambda: f(1.0, 2.0, y=2.0), "twice"),
        (lambda: f(np.ones(3), np.ones(4)), "input 'x'.*3.*input 'y'.*4"),
        (lambda: f("a", 1.0), "input 'x'"),
        (lambda: f(1j, 1.0), "input 'x'"),
        (lambda: f(np.ones(3), 1.0, out=[np.ones(4)]), "output 0"),
        (lambda: f(np.ones(3), 1.0, out=[np.ones(3, np.float32)]), "float64"),
        (lambda: f(np.ones(3), 1.0, out=np.ones(3)), "structure|array"),
        (lambda: compile(x + y, [x]), "'y'"),
        (lambda: compile(x + y, [x, y, x]), "'x' is an input twice"),
        (lambda: compile(x + y, [x, [y, x]]), "'x' is an input twice"),
        (lambda: compile(x, ["x"]), "input is a variable"),
        (lambda: compile(x, backend="fortran"), "backend"),
        (lambda: compile("x", [x]), "constant"),
        (lambda: compile(x * 2, [[x]])(np.ones(3)), "shape"),
        (lambda: compile(with_kinks(abs(x), "raise").gradient(x), [x]), "raise"),
        (lambda: compile(x, backend="python")(np.ones(3)), "one point"),
    ):
        with pytest.raises(exprad.ExpradError, match=message):
            call()


def test_expressions_give_expressions_and_dual_numbers_dual_numbers():
    f = compile([x * y, (x,)], [x, y])
    assert f(x + 1, 2) == [2 * (x + 1), (x + 1,)]
    product = f(DualNumber(3.0, 1.0), 4.0)[0]
    assert (product.value, product.eps) == (12.0, 4.0)
    z = np.array([x, y], object)
    assert isinstance(compile(x + y, [z])([y, 3]), Expr)


def test_shaped_programs():
    v, m = Var("v", shape=(4,)), Var("m", shape=(3, 4))
    f = ((m @ v) ** 2).sum() + exp(v).sum() * x + where(v > 0, v, 2).sum()
    outputs = [f, *f.gradient([v, m, x])]
    g = compile(outputs, [v, m, x])
    at = {"v": np.linspace(-1, 1, 4), "m": np.arange(12.0).reshape(3, 4), "x": 0.5}
    for ours, theirs in zip(g(**at), evaluate(outputs, at), strict=True):
        assert np.allclose(ours, theirs, rtol=1e-14) and np.shape(ours) == np.shape(theirs)
    assert g(**{k: np.asarray(a, np.float32) for k, a in at.items()})[1].dtype == np.float32
    with pytest.raises(exprad.ExpradError, match="'v'"):
        g(np.ones(5), at["m"], 1.0)
    for batched, one in zip(g(at["v"], at["m"], np.ones(2)), g(at["v"], at["m"], 1.0), strict=True):
        assert np.allclose(batched, np.stack([one, one]), rtol=1e-14)
    big = Var("big", shape=(100_000,))
    slope = compile((big**3).sum().gradient(big), [big])
    assert same(slope(np.ones(100_000)), np.full(100_000, 3.0))


def test_whole_powers_are_products_as_in_evaluation():
    at = np.linspace(-2, 2, 101) + 1e-3
    for n in (-7, -2, 0, 3, 10, 31):
        assert same(compile(x**n, [x], backend="numpy")(at), (x**n).evaluate(x=at))
        assert compile(x**n, [x])(1.1) == (x**n).evaluate(x=1.1)
    assert set(Program.lowered([x**31]).operations) == {"mul"}
    assert compile(exprad.Const(0.1) ** 2 * x, [x])(1.0) == 0.1 * 0.1
    assert compile([exprad.Const(0.1) - 1, 2, math.pi], [x])(1.0) == [0.1 - 1, 2.0, math.pi]


def test_a_program_counts_and_forecasts():
    program = Program.lowered([x**4 + sin(x)])
    assert program.operations == {"mul": 2, "sin": 1, "add": 1} and "v0*v0" in str(program)
    cost = program.forecast(1000)
    assert cost.operations == 4000 and cost.registers == 2 and cost.peak_memory == 16_000
    assert compile(x**4 + sin(x)).forecast(10).operations == 40


def test_memory_beyond_inputs_and_outputs_does_not_grow_with_the_array():
    import tracemalloc

    f = exp(-x * x) * sin(3 * y) + log(1 + x * x * y * y) / (1 + exp(-x * y))
    g = compile([f, *f.gradient([x, y])], [x, y])
    peaks = []
    for n in (200_000, 2_000_000):
        a, b, out = np.ones(n), np.ones(n), [np.empty(n) for _ in range(3)]
        g(a, b, out=out)
        tracemalloc.start()
        g(a, b, out=out)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000


def test_functions_pickle():
    p = [Var(f"p{i}") for i in range(3)]
    f = compile({"a": x * p[0], "b": np.array([p[1], p[2] ** 2], object)}, [x, p])
    again = pickle.loads(pickle.dumps(f))
    assert isinstance(again, Function) and repr(again) == repr(f)
    assert again(2.0, [1.0, 2.0, 3.0])["a"] == 2.0 and again(2.0, [1.0, 2.0, 3.0])["b"].tolist() == [2, 9]


def test_eight_threads_call_and_compile_at_once():
    f = where(x < 1, exp(x) * sin(y), sqrt(abs(x * y)))
    shared, wrong = compile(f, [x, y], backend="numpy"), []
    data = [np.random.default_rng(k).normal(size=(2, 70_000 + k)) for k in range(8)]
    expected = [evaluate(f, {x: a, y: b}) for a, b in data]

    def work(k):
        for i in range(6):
            own = compile(f + i, [x, y], backend="numpy")
            if not same(shared(*data[k]), expected[k]) or not same(
                own(*data[k]), expected[k] + i if i else expected[k]
            ):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


HOSTILE = ["__import__('os')", "x0", "o0", "lambda", "a\nb", 'a"b', "copyto", "math", "v1", "function"]


@pytest.mark.parametrize("large", [False, True])
def test_names_of_inputs_are_never_taken_for_those_of_the_code(large, monkeypatch):
    if large:
        monkeypatch.setattr(choice, "LONG_PROGRAM", -1)
    first, second, third = Var("x1"), Var("x0"), Var("self")
    f = compile(first - 10 * second + 100 * third, [first, second, third])
    assert f(x0=1.0, x1=2.0, self=3.0) == f(2.0, self=3.0, x0=1.0) == f(2.0, 1.0, 3.0) == 292
    assert f(x0=np.ones(2), x1=2.0, self=3.0).tolist() == [292, 292]


def test_functions_of_nothing_and_of_no_outputs():
    assert compile(exprad.Const(2) ** 5000, [])() == math.inf and compile([], [x])(1.0) == []
    assert compile([1, 2])() == [1, 2] and compile(3, [x])(np.zeros((2, 2))).tolist() == [[3, 3], [3, 3]]
    assert compile([], [x])(np.ones(3)) == [] and compile({}, [x])(1.0) == {}


def test_hostile_names_never_reach_generated_code():
    names = [Var(name) for name in HOSTILE]
    f = sum(v * (i + 1) for i, v in enumerate(names))
    g = compile(f, names)
    assert g(*[1.0] * len(names)) == 55 and g(*[np.ones(3)] * len(names)).tolist() == [55] * 3
    assert "import__" not in g.source()
    rows = [Primitive(name, lambda y, x: 1, numpy=lambda x: x + 1) for name in ("lambda", "copyto", "math", "x0")]
    try:
        for row in rows:
            h = compile(row(x) * 2, [x])
            assert h(1.0) == 4 and h(np.ones(2)).tolist() == [4, 4]
            with pytest.raises(exprad.ExpradError, match="no source"):
                h.source()
    finally:
        for row in rows:
            del Primitive.registry[row.name]


@pytest.mark.parametrize("backend", ["auto", "numpy", "python"])
def test_numbers_give_numbers(backend, monkeypatch):
    for _ in range(2):
        found = compile([x + y, x < y, 1], [x, y], backend=backend)(1, 2.5)
        assert found == [3.5, True, 1.0] and list(map(type, found)) == [float, bool, float]
        monkeypatch.setattr(choice, "LONG_PROGRAM", -1)


def test_source_is_standalone():
    f = compile([sigmoid(x) * y, exprad.sinc(y), x < y], [x, y])
    scope = {}
    exec(f.source(), scope)
    assert scope["function"](1.0, 2.0) == f(1.0, 2.0)
    assert "exp(" in compile(exp(x), [x], backend="numpy").source()


def test_what_python_refuses_is_what_ieee_says():
    assert compile(1 / x, [x])(0.0) == math.inf and compile(log(x), [x])(0.0) == -math.inf
    assert compile(exp(x), [x])(1000) == math.inf and math.isnan(compile(sqrt(x), [x])(-1.0))
    assert math.isnan(compile(x**y, [x, y])(-8.0, 1 / 3)) and math.isnan(compile(sin(x), [x])(math.inf))
    assert compile(where(x > 0, log(x), x), [x])(-1.0) == -1


def rosenbrock(p):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(p, p[1:], strict=False))


@pytest.fixture
def made(monkeypatch):
    """The kernels of NumPy's that are made meanwhile."""
    found = []
    for module in (numpy, regions):

        class Counted(module.BlockKernel):
            def __init__(self, *arguments):
                found.append(self)
                super().__init__(*arguments)

        monkeypatch.setattr(module, "BlockKernel", Counted)
    return found


@pytest.mark.parametrize("backend", ["auto", "python"])
@pytest.mark.usefixtures("at_once")
def test_a_function_of_floats_makes_no_kernel_of_numpys(backend, made):
    f = x * sin(y) + exp(x) / y
    g = compile([f, *f.gradient([x, y])], [x, y], backend=backend)
    h = compile([f, np.array(f.gradient([x, y]), object)], [np.array([x, y], object)], backend=backend)
    again = pickle.loads(pickle.dumps(g))
    for each in (g, again, g, again):
        assert each(0.3, 0.4) == g(x=0.3, y=0.4)
        assert (repr(each), each.backend, each.forecast().operations) == (repr(g), g.backend, g.forecast().operations)
    assert h(np.array([0.3, 0.4]))[0] == g(0.3, 0.4)[0]
    assert g(x, 2.0)[0].variables == (x,) and g.source() and inspect.signature(g)
    assert g(0.3, 0.0)[0] == math.inf, "what Python refuses, NumPy computes"
    assert not made


@pytest.mark.usefixtures("at_once")
def test_arrays_make_the_kernel_once(made):
    f = x * sin(y)
    g = compile([f, x < y], [x, y])
    assert g(0.3, 0.4) == [0.3 * math.sin(0.4), True] and not made
    out = [np.empty(()), np.empty((), bool)]
    assert g(0.3, 0.4, out=out) is out and out[0] == 0.3 * math.sin(0.4)
    for _ in range(2):
        assert g(np.full(3, 0.3), 0.4)[0].tolist() == [np.float64(0.3) * np.sin(0.4)] * 3
    assert len(made) == 1
    threads = [threading.Thread(target=compile(f + k, [x, y]), args=(np.ones(3), 2.0)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 5


@pytest.mark.parametrize("backend", ["auto", "numpy", "python"])
def test_what_a_back_end_lacks_is_refused_when_it_is_compiled(backend, made):
    nothing = Primitive("nothing_for_compile", lambda y, x: 1, numpy="nothing_that_numpy_has")
    with pytest.raises(
        UnsupportedError, match="NumPy has no function 'nothing_that_numpy_has' for nothing_for_compile"
    ):
        compile([sin(x), nothing(x)], [x], backend=backend)
    assert not made


def test_a_large_program_runs_level_by_level():
    p = np.array([Var(f"q{i}") for i in range(1500)], object)
    f = rosenbrock(list(p))
    slopes = f.gradient(list(p))
    g = compile([f, np.array(slopes, object)], [p], backend="numpy")
    at = np.random.default_rng(0).normal(size=1500)
    bindings = dict(zip([v.name for v in p], at, strict=True))
    value, found = g(at)
    assert g.backend == "numpy, level by level" and value == f.evaluate(bindings)
    assert same(found, evaluate(slopes, bindings)) and len(g._choice.arrays.levels.layout.groups) < 60
    several = g(np.stack([at, -at], axis=1))
    assert several[0][0] == value and same(several[1][:, 0], found)
    assert [each.tobytes() for each in pickle.loads(pickle.dumps(g))(at)] == [value.tobytes(), found.tobytes()]


def test_a_deep_program_compiles():
    e = x
    for i in range(3000):
        e = sin(e) + Y * (i % 3)
    assert compile(e, [x, Y])(0.5, 0.1) == pytest.approx(e.evaluate(x=0.5, y=0.1), rel=1e-12)


def test_the_fast_path_of_a_point_takes_what_solvers_give():
    p = [X, Y, Z]
    f = compile(np.array([X * Y, Z], object), [p])
    assert f([1, 2, 3]).tolist() == [2, 3] and f(np.array([1.0, 2.0, 0.0])).tolist() == [2, 0]
    assert compile(X / Y, [p])([1.0, 0.0, 0.0]) == math.inf


@pytest.mark.parametrize("way", [*WAYS, "native", "large"])
def test_an_array_of_inputs_may_be_the_same_at_all_points(way: str, monkeypatch: Any) -> None:
    """Parameters beside data: their own axis comes first, and the points' axes are broadcast after it."""
    if way in WAYS:
        take(monkeypatch, way)
    else:
        pytest.importorskip("llvmlite")
        monkeypatch.setattr("exprad.backends.native.machine_code.SHORT", 0)
        monkeypatch.setattr("exprad.backends.native.machine_code.LOOP_STEPS", 0 if way == "large" else 3000)
    p = variables("a b c d")
    f = p[0] * sin(x) + p[1] * y - p[2] / (3 + p[3])
    g = compile([f, f * 2], [list(p), x, y], backend="native" if way in ("native", "large") else "numpy")
    at, xs, ys = np.array([1.0, 2.0, 3.0, 4.0]), np.linspace(0, 1, 6).reshape(2, 3), np.array([0.5, 0.25, 2.0])
    expected = at[0] * np.sin(xs) + at[1] * ys - at[2] / (3 + at[3])
    np.testing.assert_allclose(g(at, xs, ys), [expected, 2 * expected], rtol=1e-14)
    many = np.stack([at, at + 1, at + 2], axis=1)
    np.testing.assert_allclose(
        g(many, xs, 0.5)[0][1, 2], many[0, 2] * np.sin(1) + many[1, 2] * 0.5 - many[2, 2] / (3 + many[3, 2])
    )


@pytest.mark.parametrize("way", [*WAYS, "native", "large"])
def test_outputs_that_are_written_may_lie_in_any_layout(way: str, monkeypatch: Any) -> None:
    """An array of outputs of two axes, at one point and at several: in Fortran's order, with gaps, backwards."""
    if way in WAYS:
        take(monkeypatch, way)
    p = np.array([Var(f"q{i}") for i in range(6)], object)
    many = 600 if way == "large" else 1  # a program that is wide, whose code takes over
    outputs = [(p * p).reshape(2, 3), np.array([[sin(each * k) for each in p] for k in range(1, many + 1)], object)]
    if way in ("native", "large"):
        pytest.importorskip("llvmlite")
    g = compile(outputs, [p], backend="native" if way in ("native", "large") else "numpy")
    if way == "large":
        runner = g._choice.arrays._runner()
        runner.prepare(np.dtype(float))
        g._choice.arrays._better[np.dtype(float)] = runner
    for points in ((), (4,), (2, 5)):
        at = np.random.default_rng(0).normal(size=(6, *points))
        squares = (at * at).reshape(2, 3, *points)
        room = np.zeros((2, 6, *points))
        for out in (np.zeros(squares.shape, order="F"), room[:, ::2], np.zeros(squares.shape)[::-1, ::-1]):
            g(at, out=[out, np.zeros((many, 6, *points))])
            np.testing.assert_array_equal(out, squares)
        assert not room[:, 1::2].any()


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_a_condition_that_is_repeated_along_axes_is_one(backend: str) -> None:
    """A comparison of what is stretched is stretched after; its outputs are truth values as others are."""
    f = exprad.broadcast_to(x, (3,)) > 0
    found = compile([f, x * 2], [x], backend=backend)(1.5)
    assert found[0].dtype == bool and found[0].tolist() == [True] * 3 and found[1] == 3.0
