"""What a tape does to the arrays that it has read: they are read-only as long as it lives, and then as they were."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Variable, no_grad
from exprad.errors import OperandError, TapeError
from exprad.variable.fingerprint import WHOLE, WIDTH, _weights, fingerprint
from exprad.variable.tape import Hold, _arrays
from tests.rows import searched


def held() -> set[int]:
    return {*Hold.living, *[key for key, views in _arrays.waiting.items() if len(views)]}


def nothing_is_held(before: frozenset[int] = frozenset()) -> bool:
    return held() <= before


class Plain(np.ndarray):
    """A subclass, whose views stay views of views."""


KINDS = {
    "array": lambda: np.arange(24.0),
    "subclass": lambda: np.arange(24.0).view(Plain),
    "matrix": lambda: np.arange(24.0).reshape(4, 6)[1:].reshape(-1),
    "bytes": lambda: np.frombuffer(bytearray(np.arange(24.0).tobytes())),
}


@pytest.mark.parametrize("kind", KINDS)
@searched(100)
@given(data=st.data())
def test_views_of_views_die_in_any_order(kind: str, data: Any) -> None:
    """What a tape that was not swept has read is read-only; in the end all is as it was.

    (A view of what is read-only is so, and stays so: that is NumPy's rule.)
    """
    if held():  # by an example that was broken off, say
        gc.collect()
    before = frozenset(held())
    arrays: list[Any] = [KINDS[kind]()]
    writeable = [True]
    tapes: list[tuple[Any, list[Any]]] = []
    for _ in range(data.draw(st.integers(1, 25))):
        act = data.draw(st.sampled_from(["view", "record", "record", "sweep", "drop", "drop"]))
        if act == "view":
            whole = arrays[data.draw(st.integers(0, len(arrays) - 1))]
            arrays.append(whole[data.draw(st.integers(0, 2)) :] if data.draw(st.booleans()) else whole[::-1])
            writeable.append(arrays[-1].flags.writeable)
        elif act == "record":
            x, c = (arrays[data.draw(st.integers(0, len(arrays) - 1))] for _ in range(2))
            tapes.append((ep.sum(Variable(x) * 2.0) + ep.sum(Variable(np.ones(len(c))) * c), [x, c]))
        elif tapes:
            place = data.draw(st.integers(0, len(tapes) - 1))
            if act == "sweep":
                tapes[place][0].backward()
            else:
                del tapes[place]
        assert not any(array.flags.writeable for _, held in tapes for array in held)
    tapes.clear()
    assert writeable == [array.flags.writeable for array in arrays]
    assert nothing_is_held(before)


def test_a_view_that_dies_before_what_it_is_a_view_of() -> None:
    w = Variable(np.arange(4.0))
    v = Variable(w.data[:2])
    r, q = v * 3, w * 2
    del r
    assert not v.data.flags.writeable
    s = v * 5  # recorded again while it waits
    del q
    assert w.data.flags.writeable
    assert not v._value.flags.writeable
    del s
    assert v.data.flags.writeable
    v.data[0] = w.data[1] = 7.0
    assert nothing_is_held()


def test_a_view_that_is_swept_waits_for_what_it_is_a_view_of() -> None:
    w = Variable(np.arange(4.0))
    v = Variable(w.data[:2])
    r, q = ep.sum(v * v), ep.sum(w * w)
    r.backward()
    assert not v.data.flags.writeable
    q.backward()
    w.data[3] = 9.0
    v.data[0] = 5.0
    with pytest.raises(TapeError, match="data were changed"):
        q.backward()
    with pytest.raises(TapeError, match="data were changed"):
        r.backward()


def test_a_view_of_an_array_that_its_owner_made_read_only() -> None:
    """NumPy would let nobody write it again: it is left as it is, and watched."""
    whole = np.arange(4.0)
    view = whole[:2]
    whole.setflags(write=False)
    x = Variable(view)
    y = ep.sum(x * x)
    assert view.flags.writeable
    y.backward()
    view[0] = 5.0
    with pytest.raises(TapeError, match="data were changed"):
        y.backward()
    z = ep.sum(x**3) + ep.sum(x * 2.0)
    x.cleargrad()
    z.backward()
    np.testing.assert_array_equal(x.grad.data, 3 * view**2 + 2)


class Lent:
    """Memory that another library lends: it has no buffer that NumPy could ask whether it may write."""

    def __init__(self) -> None:
        self.own = np.arange(4.0)
        self.__array_interface__ = self.own.__array_interface__


def test_memory_of_another_library_is_watched() -> None:
    lent = np.asarray(Lent())
    assert lent.flags.writeable
    x = Variable(lent)
    y = ep.sum(x * x)
    y.backward()
    lent[0] = 3.0
    with pytest.raises(TapeError, match="data were changed"):
        y.backward()
    del y
    assert lent.flags.writeable
    y = ep.sum(Variable(np.ones(4)) * lent)
    lent[1] = 8.0
    with pytest.raises(TapeError, match="data were changed"):
        y.backward()


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_memory_maps(tmp_path: Path, mode: Any) -> None:
    path = tmp_path / "numbers"
    np.arange(4.0).tofile(path)
    numbers = np.memmap(path, float, mode)
    part = numbers[1:]
    x, y = Variable(numbers), Variable(part)
    z = ep.sum(x * x) + ep.sum(y * 3.0)
    del x, y
    assert not numbers.flags.writeable
    z.backward()
    del z
    assert numbers.flags.writeable is part.flags.writeable is (mode != "r")
    assert nothing_is_held()


def test_results_of_a_subclass_are_read_only_too() -> None:
    y = ep.exp(Variable(np.ones(3).view(Plain)))
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 7.0


def test_views_that_come_and_go_leave_nothing() -> None:
    whole = Variable(np.arange(1000.0))
    long = whole * 2.0
    for place in range(200):
        y = Variable(whole._value[place:]) * 3.0
        del y
    assert sum(map(len, _arrays.waiting.values())) == 0  # nobody has them any more
    del long
    assert nothing_is_held()


def test_the_end_of_the_interpreter_is_quiet() -> None:
    """Tapes that live to the end, in modules and in cycles, views before their arrays."""
    code = """
import sys, builtins, threading, numpy as np, exprad as ep
from exprad import Variable
class Cycle: pass
def tape():
    w = Variable(np.arange(4.0)); v = Variable(w.data[:2]); y = ep.sum(v * 3) + ep.sum(w * 2) * np.ones(3)
    c = Cycle(); c.own, c.held = c, (y, w, v)
    return c
mine = tape()
builtins.kept, sys.kept, np.kept, ep.variable.tape.kept, threading.kept = tape(), tape(), tape(), tape(), tape()
ep.variable.kept = ep.graph.expr.kept = ep.kept = tape()
class Late:
    def __del__(self): self.kept = None
late = Late(); late.kept = tape(); sys.modules["late"] = late
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_eight_threads_share_an_array() -> None:
    """While one of them has a tape of it that was not swept, it is read-only; afterwards it is not."""
    whole = np.arange(1000.0)
    parts = [whole[place:] for place in range(8)]
    failed: list[Any] = []

    def work(number: int) -> None:
        try:
            for _ in range(300):
                x, y = Variable(whole), Variable(parts[number])
                z = ep.sum(x * 2.0) + ep.sum(y * 2.0) + ep.sum(Variable(whole) * whole)
                if whole.flags.writeable or parts[number].flags.writeable:
                    failed.append(number)
                del x, y, z
        except Exception as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    gc.collect()
    assert not failed
    assert whole.flags.writeable
    assert all(part.flags.writeable for part in parts)
    assert nothing_is_held()


LARGE = WHOLE // 8 + 3 * WIDTH + 5  # more doubles than are copied


def changed(array: Any, change: Any) -> bool:
    before, copy = fingerprint(array), array.copy()
    change(array)
    assert copy.tobytes() != array.tobytes()
    return before != fingerprint(array)


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i1", "u2", "g"])
@pytest.mark.parametrize("size", [3, 700, LARGE])
@searched(40)
@given(data=st.data())
def test_a_fingerprint_sees_every_change(dtype: str, size: int, data: Any) -> None:
    """Exchanges of elements and rows, permutations, signs, small steps: of few values, so that much stays the same."""
    size = size * 8 // np.dtype(dtype).itemsize if size == LARGE else size
    numbers = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    array = numbers.choice(np.array([0, 1, 2, 3]), size).astype(dtype)
    kind = data.draw(st.sampled_from(["exchange", "permute", "negate", "step", "roll", "reverse", "sort"]))
    few = numbers.choice(size, min(size, data.draw(st.sampled_from([2, 4, 100]))), replace=False)
    before, copy = fingerprint(array), array.copy()
    if kind == "exchange":
        array[few[:2]] = array[few[:2]][::-1]
    elif kind == "permute":
        array[few] = numbers.permutation(array[few])
    elif kind == "negate":
        array[few] = array.dtype.type(0) - array[few]
    elif kind == "step":
        array[few[0]] += 1
    elif kind == "roll":
        array[:] = np.roll(array, int(few[0]))
    elif kind == "reverse":
        array[few.min() : few.max()] = array[few.min() : few.max()][::-1].copy()
    else:
        array.sort()
    assert (copy.tobytes() == array.tobytes()) == (before == fingerprint(array))


def test_a_fingerprint_sees_every_exchange_of_two_elements() -> None:
    """By what its docstring says: no two weights agree in their last 33 bits, and all are odd."""
    weights = _weights()
    assert len({int(weight) % 2**33 for weight in weights}) == WIDTH == len(weights)
    assert all(int(weight) % 2 for weight in weights)
    array = np.ones(LARGE)
    for a, b in [(1.0, -1.0), (1.0, 2.0), (0.0, -0.0), (1.0, np.nextafter(1, 2)), (1.0, 1 + 2.0**-21), (np.nan, 1.0)]:
        array[:40] = [a, b] * 20
        array[-40:] = [a, b] * 20
        before = fingerprint(array)
        for first, second in combinations([*range(0, 40, 7), *range(LARGE - 40, LARGE, 7)], 2):
            if array[first].tobytes() != array[second].tobytes():
                array[[first, second]] = array[[second, first]]
                assert fingerprint(array) != before
                array[[first, second]] = array[[second, first]]
        assert fingerprint(array) == before


PATTERNS = {
    "rows": lambda a: np.copyto(a, a[np.random.default_rng(0).permutation(len(a))]),
    "columns": lambda a: np.copyto(a, a[:, np.random.default_rng(0).permutation(a.shape[1])]),
    "two rows": lambda a: np.copyto(a[:2], a[:2][::-1].copy()),
    "transposed": lambda a: np.copyto(a, a.T.copy()),
    "all signs": lambda a: np.negative(a, out=a),
    "a square of signs": lambda a: np.negative(a[:2, :2], out=a[:2, :2]),
    "signs of a row": lambda a: np.negative(a[5], out=a[5]),
    "doubled": lambda a: np.multiply(a, 2, out=a),
}


@pytest.mark.parametrize("side", [512, 1024])
@pytest.mark.parametrize("make", ["permutation", "signs", "random"])
@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_second_pass_over_a_rearranged_matrix_is_refused(side: int, make: str, pattern: str, order: Any) -> None:
    numbers = np.random.default_rng(1)
    matrix = {
        "permutation": lambda: np.eye(side)[numbers.permutation(side)],
        "signs": lambda: numbers.choice([1.0, -1.0], (side, side)),
        "random": lambda: numbers.standard_normal((side, side)),
    }[make]()
    x = Variable(np.asarray(matrix, order=order))
    y = ep.sum(x * x)
    y.backward()
    before = x.data.copy()
    PATTERNS[pattern](x.data)
    assert before.tobytes() != x.data.tobytes()
    with pytest.raises(TapeError, match="data were changed"):
        y.backward()
    x.data[...] = before
    y.backward()


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (WHOLE // 8 + 1,), (700, 1, 400)])
def test_fingerprints_of_any_shape_and_layout(shape: Any) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    assert fingerprint(array) == fingerprint(array.copy())
    views = [array.T, array[..., ::-1], array[::2], np.broadcast_to(array, (2, *shape))] if shape else []
    for view in views:
        assert fingerprint(view) == fingerprint(view)
        if view.size and view.flags.writeable:
            assert changed(view, lambda view: np.add.at(view, tuple(-1 for _ in view.shape), 1.0))
    unaligned = np.frombuffer(b"x" + np.arange(float(LARGE)).tobytes(), np.float64, offset=1)
    assert fingerprint(unaligned) == fingerprint(unaligned)


def test_a_digest_is_small() -> None:
    assert len(fingerprint(np.ones(LARGE * 10))) < LARGE * 80 / 200


@pytest.mark.parametrize("exponent", [0, 1, 0.0, -0.0, 1.0, -1, -1.0, 2, False, True, np.float64(0), np.int64(0), np.int8(1),
                                      np.zeros(()), np.ones(()), "0", "1", "-1", "1/2", 2**60, 10**400])  # fmt: skip
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("base", [2.0, [1.0, 3.0], [[4.0], [2.0]], [0.0, -2.0], []])
@pytest.mark.parametrize("dtype", ["f8", "f4", "i8"])
def test_powers_of_any_exponent(exponent: Any, create_graph: bool, base: Any, dtype: str) -> None:
    from fractions import Fraction

    exponent = Fraction(exponent) if isinstance(exponent, str) else exponent
    x = Variable(np.array(base, dtype))
    n = float(exponent) if not isinstance(exponent, int) or exponent < 2**53 else np.inf
    with np.errstate(all="ignore"):
        y = x**exponent
        expected = np.array(base, float) ** n
        slope = n * np.array(base, float) ** (n - 1) if n else np.zeros(np.shape(base))
    assert isinstance(y, Variable)
    assert (y.shape, y.dtype.kind) == (x.shape, "f")
    assert not np.shares_memory(y._value, x._value)
    rtol = 1e-5 if dtype == "f4" else 1e-13
    y.backward(create_graph=create_graph)
    assert (x.grad.shape, x.grad.dtype.kind) == (x.shape, "f")
    if n < 100 and (n in (0, 1, 2) or not np.any(np.equal(base, 0)) and (n != 0.5 or np.all(np.greater(base, 0)))):
        np.testing.assert_allclose(y.data, expected, rtol)
        np.testing.assert_allclose(x.grad.data, slope, rtol)
    if create_graph:
        first = x.grad
        x.cleargrad()
        with np.errstate(all="ignore"):
            first.backward()
        found = np.zeros(x.shape) if x.grad is None else x.grad.data
        if n in (0, 1, 2):
            np.testing.assert_array_equal(found, np.full(x.shape, 2.0 if n == 2 else 0.0))


def test_a_power_in_a_longer_computation() -> None:
    for depth in range(3):
        x = Variable(np.array([2.0, 3.0]))
        y = ep.sum((x**0 + x**1 * x**0 + x**-1) ** depth)
        y.backward(create_graph=True)
        f = y.expression
        xv = next(iter(f.variables), None)
        expected = f.gradient(xv).evaluate({xv: x.data}) if xv is not None else 0.0
        np.testing.assert_allclose(x.grad.data, np.broadcast_to(expected, 2))
    with no_grad():
        x = Variable(np.array([2.0, 3.0]))
        (x**1).data[0] = 7.0
    assert x.data[0] == 2.0


def test_what_was_computed_without_recording_has_no_backward_pass() -> None:
    x = Variable(np.array([1.0, 2.0]))
    with no_grad():
        y, z = x * x, ep.sum(x)
    for each in (y, z):
        with pytest.raises(TapeError, match="not recorded"):
            each.backward()
    (y * x).backward()  # an operand like any other
    np.testing.assert_array_equal(x.grad.data, [1.0, 4.0])
    np.testing.assert_array_equal(y.grad.data, [1.0, 2.0])
    with pytest.raises(TapeError, match="not recorded"):
        y.backward()
    with pytest.raises(TapeError, match="create_graph=True"):
        x.grad.backward()
    y.data = np.array([3.0, 4.0])  # now it is what was put in
    y.cleargrad()
    y.backward()
    np.testing.assert_array_equal(y.grad.data, [1.0, 1.0])


def test_a_variable_that_was_made_of_an_array_has_a_slope_of_one() -> None:
    for data in (np.array(2.0), np.array([1.0, 2.0]), np.array([1, 2]), np.ones(2, np.float32)):
        x = Variable(data)
        x.backward()
        np.testing.assert_array_equal(x.grad.data, np.ones(data.shape))
        assert x.grad.dtype == (data.dtype if data.dtype.kind == "f" else np.float64)
    with no_grad():
        x = Variable(np.ones(3))
        x.backward()
        y = Variable(np.ones(3)) * 2.0
    assert x.grad is not None
    with pytest.raises(TapeError, match="not recorded"):
        y.backward()


def test_a_pass_within_no_grad_and_second_derivatives() -> None:
    x = Variable(np.array(3.0))
    y = x**3
    with no_grad():
        y.backward(create_graph=True)
    with pytest.raises(TapeError, match="not recorded"):
        x.grad.backward()
    x.cleargrad()
    y.backward(create_graph=True)
    first = x.grad
    x.cleargrad()
    first.backward(create_graph=True)
    x.grad.backward()
    z = x * 3.0
    x.cleargrad()
    z.backward(create_graph=True)
    x.grad.backward()  # a constant, recorded as one


IN_PLACE = {
    "-=": lambda a, x: a.__isub__(x), "+=": lambda a, x: a.__iadd__(x), "*=": lambda a, x: a.__imul__(x),
    "/=": lambda a, x: a.__itruediv__(x), "**=": lambda a, x: a.__ipow__(x), "%=": lambda a, x: a.__imod__(x),
    "out": lambda a, x: np.subtract(a, x, out=a), "exp": lambda a, x: np.exp(x, out=a),
    "to a Variable": lambda a, x: np.exp(a, out=x),
}  # fmt: skip


@pytest.mark.parametrize("name", IN_PLACE)
@pytest.mark.parametrize("shape", [(), (2,)])
def test_what_writes_to_an_array_says_what_to_write(name: str, shape: Any) -> None:
    x, a = Variable(np.ones(shape)), np.ones(shape)
    with pytest.raises(OperandError, match=r"x\.data -= rate \* x\.grad\.data"):
        IN_PLACE[name](a, x * 0.5)
    assert np.all(a == 1)


def test_data_take_no_variable() -> None:
    x = Variable(np.ones(2))
    (x * x).backward()
    with pytest.raises(OperandError, match="in-place|lose the derivative"):
        x.data -= 0.1 * x.grad
    with pytest.raises(OperandError, match=r"write \.data"):
        x.data = x.data - 0.1 * x.grad
    with pytest.raises(OperandError, match=r"write \.data"):
        Variable(x)
    with pytest.raises(OperandError, match="use .data"):
        x.data[...] = x.grad
    x.data -= 0.1 * x.grad.data
    np.testing.assert_allclose(x.data, [0.8, 0.8])
    for act in (
        lambda: np.add.reduce(x),
        lambda: np.add(x, 1, where=[True, False]),
        lambda: np.add.at(np.ones(2), [0], x),
    ):
        with pytest.raises(OperandError, match="not offered for a Variable"):
            act()
