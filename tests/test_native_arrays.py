"""Programs of arrays in machine code: what every row gives, for any layout, type and thread, beside the NumPy back end."""

from __future__ import annotations

import pickle
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Call, Function, Primitive, Var, compile
from exprad.backends.native import layout
from exprad.errors import ArgumentError, ShapeError, UnsupportedError
from exprad.tensor import Family
from tests.arrays import CASES, Draw, array
from tests.rows import searched
from tests.rows_of_arrays import ROWS, call
from tests.targets import needs

needs("native")
MOST = {np.dtype(float): 1e-12, np.dtype(np.float32): 1e-4}  # of rows whose last bits may differ
ROUNDED = {"softmax", "log_softmax", "logsumexp", "norm", "einsum", "logdet", "cofactor"}
TYPES = np.dtype(float), np.dtype(np.float32)


def same(expected: Any, actual: Any, dtype: Any, is_rounded: bool) -> None:
    for a, b in zip(expected, actual, strict=True):
        assert (np.asarray(a).dtype, np.shape(a)) == (np.asarray(b).dtype, np.shape(b))
        if is_rounded:
            np.testing.assert_allclose(b, a, MOST[dtype], MOST[dtype])
        else:
            np.testing.assert_array_equal(a, b)


def laid(draw: Draw, x: Any) -> Any:
    """The same numbers, lying otherwise."""
    how = draw(st.sampled_from(["plain", "plain", "reversed", "gaps", "columns", "unaligned", "swapped"]))
    if how == "reversed":
        return np.flip(np.flip(x).copy())
    if how == "gaps":
        wide = np.zeros([2 * size for size in x.shape], x.dtype)
        wide[tuple([slice(None, None, 2)] * x.ndim)] = x
        return wide[tuple([slice(None, None, 2)] * x.ndim)]
    if how == "columns":
        return np.asfortranarray(x) if x.ndim else x
    if how == "unaligned":
        memory = np.zeros(x.nbytes + 1, np.uint8)
        found = memory[1:].view(x.dtype).reshape(x.shape)
        found[...] = x
        return found
    return x.astype(x.dtype.newbyteorder()) if how == "swapped" else x


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", sorted(ROWS))
@searched(12)
@given(data=st.data())
def test_rows(name: str, dtype: Any, data: Any) -> None:
    """A row, what is computed of it, and its gradient."""
    node = call(data.draw, name)
    if node is None:
        return
    inputs = sorted(node.variables, key=lambda each: each.name)
    arrays = [array(data.draw, each.shape) for each in inputs]
    if name in ("solve", "inv", "cofactor", "logdet"):
        arrays[0] = arrays[0] + 3 * np.eye(inputs[0].shape[-1])
    arrays = [each.astype(dtype) for each in arrays]  # one after another, as NumPy's order is that of the memory
    others = [laid(data.draw, each) for each in arrays]
    outputs = [node, node * 2 + 1, node > 0.5, *ep.sum(node * node).gradient(inputs)]
    f, g = (compile(outputs, inputs, backend=backend) for backend in ("numpy", "native"))
    is_rounded = name in {*ROUNDED, "solve", "inv", "det", "matmul", "prod"}  # whose gradients are other rows
    expected, actual = f(*arrays), g(*others)
    if name in ROUNDED:
        del expected[2], actual[2]  # a comparison, which rounding may turn
    same(expected[:2], actual[:2], dtype, name in ROUNDED)
    same(expected[2:], actual[2:], dtype, is_rounded)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("name", sorted(CASES))
@searched(5)
@given(data=st.data())
def test_functions(name: str, dtype: Any, data: Any) -> None:
    """As users call them."""
    case = CASES[name](data.draw)
    inputs = [Var(f"x{place}", shape=np.shape(each)) for place, each in enumerate(case.arrays)]
    f = case.function(*inputs)
    if not isinstance(f, ep.Expr):
        return
    arrays = [each.astype(dtype) for each in case.arrays]
    expected, actual = (compile([f], inputs, backend=backend)(*arrays) for backend in ("numpy", "native"))
    same(expected, actual, dtype, True)


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 63, 1000, 5000, 300_000])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_lengths(n: int, dtype: Any) -> None:
    """Vectors that are not full, blocks that are not, and nests that threads share."""
    v, w, s = Var("v", shape=(n,)), Var("w", shape=(3, n)), Var("s")
    f = ep.sqrt(abs(v * w + s)) / (v * v + 1) - w[:, ::-1]
    outputs = [f, ep.sum(f), f[:, ::2] * 2, ep.sum(f, axis=0) * v, s * 2]
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=each.shape).astype(dtype) for each in (v, w, s)]
    expected, actual = (compile(outputs, [v, w, s], backend=backend)(*arrays) for backend in ("numpy", "native"))
    same(expected, actual, dtype, False)


@pytest.mark.parametrize("n", [10, 3000, 300_000])
def test_registers_hold_what_is_read_later(n: int) -> None:
    """In short nests, in blocks, and on threads, each of which has its own."""
    chosen = np.random.default_rng(1)
    v = Var("v", shape=(n,))
    pool: list[Any] = [v, v * 0.5]
    for _ in range(80):
        a, b = (pool[place] for place in chosen.integers(max(0, len(pool) - 12), len(pool), 2))
        pool.append(chosen.choice([lambda a, b: a * b / 2, lambda a, b: a + b - 0.25, lambda a, b: abs(a) - b])(a, b))
    x = np.random.default_rng(0).normal(size=n)
    outputs = [ep.maximum(-2, ep.minimum(2, pool[-1])) + pool[-2] * 0]
    f, g = (compile(outputs, [v], backend=backend) for backend in ("numpy", "native"))
    for _ in range(3):
        same(f(x), g(x), np.dtype(float), False)


def test_threads_share_a_long_nest() -> None:
    v, w = Var("v", shape=(300_000,)), Var("w", shape=(3, 300_000))
    f = compile(abs(v * w + 1) / (v * v + 1) - w * v, [v, w], backend="native")
    f(np.ones(300_000), np.ones((3, 300_000)))
    (code,) = f._choice.arrays._codes.values()
    assert max(part.units for part in code.table.parts) > 1


@pytest.mark.parametrize("value", [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-310, 1e300])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "cumsum", "norm", "softmax", "logsumexp", "log_softmax"])
def test_edges_of_reductions(name: str, value: float) -> None:
    v = Var("v", shape=(2, 3))
    f = getattr(ep, name)
    outputs = [f(v, axis=axis) for axis in ([0, 1] if name == "cumsum" else [None, 0, (0, 1)])]
    for x in (np.full((2, 3), value), np.array([[value, 1, 2], [-1, value, 3]])):
        expected, actual = (compile(outputs, [v], backend=backend)(x) for backend in ("numpy", "native"))
        for a, b in zip(expected, actual, strict=True):
            np.testing.assert_allclose(b, a, 1e-14)
            if name not in ROUNDED:
                np.testing.assert_array_equal(np.signbit(a), np.signbit(b))


def test_a_singular_matrix_gives_nan() -> None:
    m, v = Var("m", shape=(2, 2, 2)), Var("v", shape=(2,))
    x = np.array([[[1.0, 2.0], [2.0, 4.0]], [[1.0, 2.0], [0.0, 4.0]]])
    found = compile([ep.inv(m), ep.det(m), ep.solve(m[0], v)], [m, v], backend="native")(x, np.ones(2))
    expected = compile([ep.inv(m), ep.det(m), ep.solve(m[0], v)], [m, v], backend="numpy")(x, np.ones(2))
    same(expected, found, np.dtype(float), False)
    assert np.isnan(found[0][0]).all()


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_stacks_of_matrices(dtype: Any) -> None:
    """In any order, stretched along some axes, and of vectors."""
    a, b, v = Var("a", shape=(3, 2, 4, 4)), Var("b", shape=(2, 1, 4, 4)), Var("v", shape=(4,))
    moved = ep.transpose(a, (1, 0, 3, 2))
    outputs = [
        moved @ b,
        b @ moved,
        a @ v,
        v @ moved,
        ep.inv(moved + b),
        ep.solve(moved, v),
        ep.det(moved[:, ::2]),
        v @ v,
    ]
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=each.shape).astype(dtype) for each in (a, b, v)]
    expected, actual = (compile(outputs, [a, b, v], backend=backend)(*arrays) for backend in ("numpy", "native"))
    same(expected, actual, dtype, False)


def network(count: int, n: int) -> tuple[list[Any], list[Var]]:
    h, w = Var("h", shape=(n, n)), Var("w", shape=(n, n))
    y = h
    for _ in range(count):
        y = ep.tanh(y @ w + 0.1)
    f = ep.sum(y * y)
    return [f, *f.gradient([h, w])], [h, w]


@pytest.mark.parametrize(("count", "n"), [(200, 3), (3, 70)])
def test_deep_and_wide_networks(count: int, n: int) -> None:
    outputs, inputs = network(count, n)
    generator = np.random.default_rng(0)
    arrays = [generator.normal(size=(n, n)) / np.sqrt(n) for _ in range(2)]
    expected, actual = (compile(outputs, inputs, backend=backend)(*arrays) for backend in ("numpy", "native"))
    same(expected, actual, np.dtype(float), True)


def test_very_wide_programs() -> None:
    """Many arrays, of many shapes."""
    inputs = [Var(f"v{k}", shape=(k % 7 + 1,)) for k in range(300)]
    outputs = [ep.exp(a) * ep.sum(b) for a, b in zip(inputs, inputs[1:], strict=False)]
    arrays = [np.random.default_rng(k).normal(size=each.shape) for k, each in enumerate(inputs)]
    expected, actual = (compile(outputs, inputs, backend=backend)(*arrays) for backend in ("numpy", "native"))
    same(expected, actual, np.dtype(float), True)


def test_threads_have_rooms_of_their_own() -> None:
    outputs, inputs = network(20, 12)
    f = compile(outputs, inputs, backend="native")
    given = [[np.random.default_rng(seed + k).normal(size=(12, 12)) for k in range(2)] for seed in range(8)]
    expected = [f(*arrays) for arrays in given]
    wrong: list[int] = []

    def run(place: int) -> None:
        for _ in range(200):
            found = f(*given[place])
            if not all(np.array_equal(a, b) for a, b in zip(expected[place], found, strict=True)):
                wrong.append(place)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


@searched(30)
@given(data=st.data())
def test_out_of_any_layout_and_that_overlaps(data: Any) -> None:
    v = Var("v", shape=(4, 5))
    f = compile([v.T + 1, ep.cumsum(v, axis=0)], [v], backend="native")
    x = array(data.draw, (4, 5))
    expected = [x.T + 1, np.cumsum(x, 0)]
    out = [np.full((10, 8), 7.0)[::2, ::-2], x]
    assert f(x, out=out) is out
    same(expected, out, np.dtype(float), False)


def test_out_is_checked() -> None:
    v = Var("v", shape=(3,))
    f = compile(v + 1, [v], backend="native")
    with pytest.raises(ShapeError, match="out of output 0 must be an array"):
        f(np.ones(3), out=np.ones(4))
    locked = np.ones(3)
    locked.setflags(write=False)
    with pytest.raises(ArgumentError, match="read-only"):
        f(np.ones(3), out=locked)


def test_other_types_go_through_numpy() -> None:
    v = Var("v", shape=(3,))
    f = compile([ep.sum(v), ep.exp(v)], [v], backend="native")
    assert f(np.arange(3))[0] == 3.0
    assert f(np.ones(3, np.float16))[1].dtype == np.float16
    assert f(np.ones(3, np.longdouble))[1].dtype == np.longdouble


def test_many_points() -> None:
    v, s = Var("v", shape=(3,)), Var("s")
    outputs = [ep.norm(v * s), ep.softmax(v + s)]
    f, g = (compile(outputs, [v, s], backend=backend) for backend in ("numpy", "native"))
    points = np.linspace(-1, 1, 50)
    same(f(np.arange(3.0), points), g(np.arange(3.0), points), np.dtype(float), True)


def test_what_it_says_of_itself() -> None:
    v = Var("v", shape=(3,))
    f = compile(ep.sum(ep.exp(v)), [v], backend="native")
    assert f.backend == "native"
    assert "exp" in f.source()
    assert f.forecast().peak_memory == 64
    assert pickle.loads(pickle.dumps(f))(np.zeros(3)) == 3.0


def test_a_row_without_code_is_refused() -> None:
    row = Primitive("only_in_numpy_arrays", lambda y, x: 1.0, numpy=lambda x: x + 1)
    with pytest.raises(UnsupportedError, match="no code for only_in_numpy_arrays"):
        compile(row(Var("v", shape=(3,))), backend="native")


def test_a_call_of_its_own_takes_what_any_call_takes() -> None:
    """After the first call, plain arrays go to machine code at once, and all else as ever."""
    v, s = Var("v", shape=(3,)), Var("s")
    f = compile({"a": ep.sum(v * s), "b": [v + s]}, [v, s], backend="native")
    plain = np.arange(3.0), np.array(2.0)
    f(*plain)
    assert type(f) is not Function
    assert f(*plain)["a"] == 6.0
    assert type(f(*plain)["a"]) is np.float64
    np.testing.assert_array_equal(f(v=[0, 1, 2], s=2)["b"][0], [2, 3, 4])
    np.testing.assert_array_equal(f(np.arange(3), 2.0)["b"][0], [2, 3, 4])
    np.testing.assert_array_equal(f(np.arange(3.0), np.ones(4))["a"], [3, 3, 3, 3])
    assert f(v, s)["a"] is ep.sum(v * s)
    for wrong, error in (((np.ones(4), 1.0), ShapeError), ((plain[0],), ArgumentError), ((*plain, 1.0), ArgumentError)):
        with pytest.raises(error):
            f(*wrong)
    assert pickle.loads(pickle.dumps(f))(*plain)["a"] == 6.0


class Subclass(np.ndarray[Any, Any]):
    """An array of another class."""


def test_arrays_of_other_classes_are_taken() -> None:
    v = Var("v", shape=(3,))
    f = compile(v + 1, [v], backend="native")
    given, out = (np.ones(3).view(Subclass) for _ in range(2))
    assert f(given, out=out) is out
    np.testing.assert_array_equal(out, [2, 2, 2])
    np.testing.assert_array_equal(f(given), [2, 2, 2])


def test_numpy_runs_what_tables_can_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where objects lie otherwise in memory; where numbers change their type on the way."""
    v = Var("v", shape=(3,))
    retyped = compile(Call(Family.registry["astype"].row(dtype="float32"), [v]) * 2, [v], backend="native")
    assert retyped.backend == "numpy"
    np.testing.assert_array_equal(retyped(np.array([0.1, 0.2, 0.3])), np.float32([0.1, 0.2, 0.3]) * 2)
    monkeypatch.setattr(layout, "reads_tuples", lambda: False)
    f = compile([ep.sum(v), ep.exp(v)], [v], backend="native")
    assert f.backend == "numpy"
    assert f(np.arange(3.0))[0] == 3.0
    assert f(np.arange(3.0))[0] == 3.0
