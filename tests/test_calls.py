"""Calls that machine code answers without Python: what it takes is what the function in Python gives, in all else."""

from __future__ import annotations

import copy
import ctypes
import gc
import inspect
import pickle
import random
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from exprad import Var, compile, cos, exp, gradient, sin, variables, where
from exprad.backends.function import Function
from exprad.backends.native import layout

pytest.importorskip("llvmlite")
pytestmark = pytest.mark.skipif(
    not (layout.has_builtins() and layout.numpy_interface()), reason="objects lie otherwise in memory here"
)
x, y, z = variables("x y z")
F = sin(x) * y + exp(x * y) / (1 + x * x)
FORMS = {"one": F, "list": [F, *gradient(F, [x, y])], "tuple": (F, cos(y) + 2 * x)}


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def made(outputs: Any, inputs: Any = (x, y), types: Any = (np.float64, np.float32)) -> Any:
    """A function whose code for all types is there, and what it left to Python since."""
    f = compile(outputs, list(inputs), backend="native")
    f(*[0.5] * len(inputs))
    for kind in types:
        f(*[np.ones(3, kind)] * len(inputs))
    left: list[Any] = []

    def general(*arguments: Any, **options: Any) -> Any:
        left.append(arguments)
        return Function.__call__(f, *arguments, **options)

    f._floats.built(None).leave_to(general)
    return f, left


@pytest.fixture(scope="module", params=FORMS)
def form(request: Any) -> tuple[Any, list[Any], int]:
    f, left = made(FORMS[request.param])
    return f, left, {"one": 0, "list": 3, "tuple": 2}[request.param]


def told(call: Callable[[], Any]) -> Any:
    """The result, or the error, and what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = call()
        except Exception as error:  # noqa: BLE001  # whatever it is, both ways must raise it
            found = error
    return found, [str(each.message) for each in caught]


def shown(found: Any) -> Any:
    """All that can be told of a result."""
    if isinstance(found, (list, tuple)):
        return type(found), [shown(each) for each in found]
    if isinstance(found, np.ndarray):
        numbers = found.tolist() if found.dtype.char == "g" else found.tobytes()  # there are bytes between long doubles
        return type(found), found.dtype, found.shape, numbers, found.flags.writeable
    return type(found), str(found)


def both(f: Any, arguments: Any, out: Any = None, options: Any = None) -> None:
    """Call machine code and the function in Python."""
    mine, theirs = [_copied(arguments, out) for _ in range(2)]
    given = [{"out": each[1]} if each[1] is not None else options or {} for each in (mine, theirs)]
    first = told(lambda: f(*mine[0], **given[0]))
    second = told(lambda: Function.__call__(f, *theirs[0], **given[1]))
    assert (shown(first[0]), first[1]) == (shown(second[0]), second[1])
    assert shown(mine[1]) == shown(theirs[1])
    assert [shown(each) for each in mine[0]] == [shown(each) for each in theirs[0]]
    if out is not None and not isinstance(first[0], Exception):
        assert first[0] is mine[1]


def _copied(arguments: Any, out: Any) -> Any:
    """Arguments and outputs over new memory, which share what they shared."""
    memory: dict[int, Any] = {}

    def copied(each: Any) -> Any:
        if isinstance(each, (list, tuple)):
            return type(each)(map(copied, each))
        if not isinstance(each, np.ndarray) or each.dtype == object or isinstance(each, np.ma.MaskedArray):
            return each
        base = each if each.base is None or not isinstance(each.base, np.ndarray) else each.base
        while isinstance(base.base, np.ndarray):
            base = base.base
        fresh = memory.setdefault(id(base), base.copy("K"))
        start = each.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        kept = (ctypes.c_char * max(1, fresh.nbytes)).from_address(fresh.__array_interface__["data"][0])
        kept.held = fresh
        view = np.ndarray(each.shape, each.dtype, kept, start, each.strides).view(type(each))
        view.flags.writeable = each.flags.writeable
        return view

    return [copied(each) for each in arguments], copied(out)


def arrays(n: int, rng: random.Random, kinds: str = "df") -> list[Callable[[], Any]]:
    """Ways to make an array that machine code takes."""
    kind = rng.choice(kinds)
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    return [
        lambda: numbers.normal(size=n).astype(kind),
        lambda: numbers.normal(size=2 * n).astype(kind)[::2],
        lambda: numbers.normal(size=n).astype(kind)[::-1],
        lambda: numbers.normal(size=(n, 3)).astype(kind)[:, 1],
        lambda: np.broadcast_to(np.array(0.75, kind), n),
    ]


def test_what_machine_code_takes(form: Any) -> None:
    f, left, count = form
    a = np.linspace(-1, 1, 24)
    for arguments in (
        (0.5, 0.25), (1, 0.25), (0.5, 10**30), (-1, 3), (a, a), (a, 0.5), (2, a), (a, np.float64(2)), (a, np.array(2.0)),
        (a[::3], a[:8]), (a[::-1], a), (np.float64(1), 0.5), (np.array(0.5), 2), (a.reshape(2, 3, 4), a.reshape(2, 3, 4)),
        (a.astype("f"), 0.1), (a.astype("f"), np.float32(0.1)), (np.float32(0.5), np.array(2, "f")), (a[:0], a[:0]),
        (np.broadcast_to(0.5, 24), a), (np.zeros((0, 3)), 1.0), (a.astype("f"), float("inf")),
    ):  # fmt: skip
        left.clear()
        both(f, arguments)
        assert not left, arguments
        shape = np.broadcast_shapes(*map(np.shape, arguments))
        kind = (
            np.dtype("f")
            if any(getattr(each, "dtype", None) == np.dtype("f") for each in arguments)
            else np.dtype(float)
        )
        for whole in (np.empty((max(count, 1), *shape), kind), np.empty((max(count, 1), *shape, 2), kind)[..., 0]):
            out = list(whole) if count else whole[0]
            if all(isinstance(each, np.ndarray) and (len(shape) < 2 or each.flags.c_contiguous) for each in whole):
                both(f, arguments, out)
                both(f, arguments, tuple(out) if count else out)
        if shape:
            assert not left, arguments


class Own(np.ndarray):
    """A subclass of NumPy's arrays."""


def test_what_is_left_to_python(form: Any) -> None:
    f, left, count = form
    a = np.linspace(-1, 1, 24)
    unaligned = np.frombuffer(b"." + a.tobytes(), "u1")[1:].view(float)
    for arguments in (
        (a, a.astype("f")), (a.astype("f"), 1e39), (a.astype("f"), -3.5e38), (a > 0, a), (a.astype(int), 1.0), (a, True),
        (a.astype("e"), 0.5), (a.astype("g"), 0.5), (a.astype(">f8"), 0.5), (unaligned, 0.5), (a.view(Own), 0.5),
        (np.ma.masked_less(a, 0), 0.5), (a.tolist(), 0.5), (a, a[:3]), (a.reshape(4, 6), a[:6]), (a.reshape(4, 6).T, 1.0),
        (a, a.reshape(1, 24)), (np.asfortranarray(a.reshape(4, 6)), 1), (a, 10**400), (10**400, 1), (a, "text"), (a, None),
        (a,), (a, a, a), (), (np.int64(3), 0.5), (a.astype("M8[s]"), 1), (a + 0j, 1), (np.array([x, y]), 1), (a, 1j),
        (a.astype("f"), np.float64(1)), (np.array(1, "f"), a), (Var("t"), 0.5),
    ):  # fmt: skip
        left.clear()
        both(f, arguments)
        assert left, arguments
    whole = [np.empty(24) for _ in range(count)] if count else np.empty(24)
    for options in ({"names": whole}, {"out": None, "x": a}):
        both(f, (a, a), None, options)
    both(f, (a, a), None, {"out": None})
    assert shown(f(x=a, y=0.5)) == shown(f(a, 0.5))
    assert shown(f(a, y=0.5)) == shown(f(a, 0.5))


def test_outputs_that_are_left_to_python(form: Any) -> None:
    f, left, count = form
    a, whole = np.linspace(-1, 1, 24), np.zeros((4, 48))
    frozen = np.empty(24)
    frozen.flags.writeable = False
    for kind in (
        lambda k: whole[k], lambda k: whole[k, :23], lambda k: whole[k, :24].astype("f"), lambda k: a, lambda k: a[::-1],
        lambda k: whole[0, : 24 + (not k)], lambda k: whole[0, k : k + 24 + (not count)], lambda k: frozen,
        lambda k: whole[k, ::4],
        lambda k: whole[k, :24].view(Own), lambda k: np.ma.masked_less(np.zeros(24), 1), lambda k: [0.0] * 24,
        lambda k: whole[k, :24].reshape(24, 1), lambda k: np.broadcast_to(np.empty(1), 24), lambda k: whole[k, :24].astype(">f8"),
        lambda k: np.frombuffer(bytearray(193), "u1")[1:].view(float), lambda k: np.empty(24, object), lambda k: 0.5,
    ):  # fmt: skip
        left.clear()
        both(f, (a, 0.5), [kind(k) for k in range(count)] if count else kind(0))
        assert left, kind
    for out in (whole[0, 10:34], whole[0, 10:34][::-1], whole[0, 33:9:-1], whole[0, :24][::-1], whole[0, 1:48:2]):
        both(f, (whole[0, :24], 0.5), [out, *[row[:24] for row in whole[1:count]]] if count else out)
    for out in ([], [whole[0, :24]] * 2, {"a": whole}, (whole[0, :24],), whole[:3, :24], "text", 5):
        both(f, (a, 0.5), out)


def test_outputs_beside_inputs_are_written_at_once(form: Any) -> None:
    f, left, count = form
    whole = np.linspace(-1, 1, 5 * 24).reshape(5, 24)
    left.clear()
    both(f, (whole[0], whole[4]), list(whole[1 : 1 + count]) if count else whole[1])
    both(f, (whole[0], whole[4]), [row[::-1] for row in whole[1 : 1 + count]] if count else whole[1, ::-1])
    assert not left
    both(f, (whole[0], whole[1]), list(whole[1 : 1 + count]) if count else whole[1])
    assert left


def test_thousands_of_random_calls(form: Any) -> None:
    f, left, count = form
    rng = random.Random(15)
    for _ in range(1500):
        n = rng.choice([0, 1, 2, 7, 8, 9, 31, 64, 100])
        ways = arrays(n, rng, rng.choice(["d", "f", "df", "dfdfei"]))
        scalars = [
            lambda: rng.uniform(-2, 2),
            lambda: rng.randrange(-3, 4),
            lambda: np.float64(0.3),
            lambda: np.array(0.3, "f"),
        ]
        arguments = [rng.choice(ways * 2 + scalars)() for _ in range(2)]
        if rng.random() < 0.1:
            arguments[1] = rng.choice(arrays(n + 1, rng))()
        if n == 64 and rng.random() < 0.5:
            arguments = [each.reshape(4, 16) if np.shape(each) == (64,) else each for each in arguments]
        out = None
        if rng.random() < 0.6:
            shape = next((np.shape(each) for each in arguments if np.shape(each)), ())
            kind = rng.choice([np.result_type(*arguments), "d"])
            kind = kind if np.dtype(kind).kind == "f" else "d"
            memory = np.empty((4, *shape, 2), kind)
            rows = [memory[k, ..., 0] if rng.random() < 0.5 else np.empty(shape, kind) for k in range(max(count, 1))]
            if rng.random() < 0.1:
                rows[-1] = arguments[0]
            out = rows if count else rows[0]
        both(f, arguments, out)
    assert left


def test_conditions_are_bools_and_arrays_of_them() -> None:
    f, _ = made([x > y, where(x > y, x, y)])
    a = np.array([1.0, 2.0, 3.0])
    assert f(2.0, 1.0) == [True, 2.0]
    assert f(2, 1)[0] is True
    both(f, (a, 2.0))
    both(f, (a, 2.0), [np.empty(3, bool), np.empty(3)])


def test_inputs_that_nothing_reads_give_shapes_alone() -> None:
    f, left = made([x * 2, x + 1], (x, y, z))
    a = np.arange(12.0)
    both(f, (1.0, a, 2.0))
    both(f, (a, 1, a[::-1]))
    assert not left
    both(f, (a, a[:3], 1))


def counts(*objects: Any) -> list[int]:
    gc.collect()
    return [sys.getrefcount(each) for each in objects]


def test_references_are_given_back() -> None:
    f, left = made(FORMS["list"])
    single, more = made(F)
    a, b, text = np.linspace(0, 1, 100), np.linspace(0, 1, 40_000), "text"
    outs, large, number = [np.empty(100) for _ in range(3)], [np.empty(40_000) for _ in range(3)], 10**300
    watched = [
        a,
        b,
        outs,
        *outs,
        *large,
        large,
        text,
        number,
        np.dtype(float),
        np.ndarray,
        f,
        None,
        f._floats._caller.table,
    ]

    def work() -> None:
        for g, out, much in ((f, outs, large), (single, outs[0], large[0])):
            for arguments in (
                (a, a),
                (a, 0.5),
                (a, 3),
                (a, number),
                (0.5, 2),
                (np.array(0.5), 1),
                (a, 10**400),
                (b, 0.25),
            ):
                told(partial(g, *arguments))
            for arguments, target in (
                ((a, a), out),
                ((b, a[0]), much),
                ((a, text), out),
                ((a, a), text),
                ((a, b), out),
            ):
                told(partial(g, *arguments, out=target))
        left.clear()
        more.clear()

    work()
    before = counts(*watched)
    for _ in range(300):
        work()
    assert [abs(after - first) < 20 for after, first in zip(counts(*watched), before, strict=True)] == [True] * len(
        watched
    )


def test_results_are_freed() -> None:
    import tracemalloc

    f, _ = made(FORMS["list"])
    a = np.zeros(10_000)
    f(a, a)
    tracemalloc.start()
    try:
        for _ in range(100):
            f(a, a)
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


def test_where_memory_does_not_suffice_python_is_told(form: Any) -> None:
    f, left, _ = form
    endless = np.broadcast_to(0.5, 1 << 55)
    f(np.zeros(1_000_000), 1.0)  # which starts the threads that large calls wait for
    left.clear()
    [before] = counts(np.dtype(float))
    for _ in range(100):
        with pytest.raises(MemoryError):
            f(endless, 1.0)
    assert not left
    assert abs(counts(np.dtype(float))[0] - before) < 10


def test_threads_share_a_function() -> None:
    f, _ = made(FORMS["list"])
    wrong: list[Any] = []
    stop = time.monotonic() + 1.5

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while time.monotonic() < stop:
            a, b = rng.random((2, rng.integers(1, 60_000)))
            out = [np.empty_like(a) for _ in range(3)]
            expected = [each.tobytes() for each in Function.__call__(f, a, b)]
            both = f(a, b), f(a, b, out=out)
            wrong.extend([(seed, len(a)) for found in both if [each.tobytes() for each in found] != expected])

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_what_another_thread_takes_out_of_a_list_lives_until_the_call_is_over() -> None:
    f, _ = made(FORMS["list"])
    a = np.linspace(0, 1, 400_000)
    out = [np.empty_like(a) for _ in range(3)]
    stop = False

    def swap() -> None:
        while not stop:
            out[:] = [np.empty_like(a) for _ in range(3)]

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(100):
            f(a, 0.5, out=out)
    finally:
        stop = True
        thread.join()
    assert len(f(a, 0.5)) == 3


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="there are no such alarms here")
def test_an_interrupt_comes_after_the_call() -> None:
    f, _ = made(FORMS["list"])
    a = np.linspace(0, 1, 300_000)
    out, watched = [np.empty_like(a) for _ in range(3)], np.linspace(0, 1, 300_000)
    before, caught = counts(watched, *out), 0

    is_armed = False

    def interrupt(*_: Any) -> None:
        if is_armed:
            raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for place in range(40):
            signal.setitimer(signal.ITIMER_REAL, 0.0005 + 0.0001 * place)
            try:
                is_armed = True
                for _ in range(100):
                    f(watched, a, out=out)
                    f(watched[:100], a[:100])
                is_armed = False
            except KeyboardInterrupt:
                is_armed, caught = False, caught + 1
            signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert caught
    assert counts(watched, *out) == before
    assert [each.tobytes() for each in f(watched, a, out=out)] == [
        each.tobytes() for each in Function.__call__(f, watched, a)
    ]


def test_auto_takes_arrays_from_its_number_of_points_on() -> None:
    f = compile(FORMS["list"], [x, y])
    points = f._choice.native.points
    a = np.linspace(0, 1, points)
    assert f(0.5, 0.25) == pytest.approx(f(0.5, 0.25))
    f(a, a)
    left: list[Any] = []
    f._floats.built(None).leave_to(lambda *given: left.append(given) or Function.__call__(f, *given))
    assert [each.tobytes() for each in f(a, a)] == [each.tobytes() for each in Function.__call__(f, a, a)]
    assert not left
    assert [each.tobytes() for each in f(a[1:], 0.5)] == [each.tobytes() for each in Function.__call__(f, a[1:], 0.5)]
    assert len(left) == 1
    assert f(0.5, 0.25) == Function.__call__(f, 0.5, 0.25)


def test_auto_has_a_built_in_after_its_first_thousand_calls_and_arrays_meanwhile() -> None:
    for is_first in (True, False):
        f = compile([x * y + (2.5 if is_first else 3.5), sin(x)], [x, y])
        a = np.linspace(0, 1, 100_000)
        if is_first:
            f(a, 0.5)
        expected = f(0.5, 0.25)
        for _ in range(1100):
            assert f(0.5, 0.25) == expected
        if not is_first:
            f(a, 0.5)
        deadline = time.monotonic() + 20
        while not f._floats.built(None).table.point:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert f(0.5, 0.25) == expected
        assert f._floats.is_built(type(f).__call__)
        assert type(f).__flags__ & layout.HAS_VECTORCALL
        assert f(a, 0.5)[0].tobytes() == Function.__call__(f, a, 0.5)[0].tobytes()


def test_however_a_function_is_called_machine_code_answers() -> None:
    f, left = made(FORMS["list"])
    a = np.linspace(0, 1, 24)
    points = f(0.5, 0.25), shown(f(a, 0.25))
    assert type(f).__flags__ & layout.HAS_VECTORCALL
    for each in (f, f.__call__, partial(f), type(f).__call__, lambda *given: f(*given), partial(f, out=None)):
        assert each(0.5, 0.25) == points[0]
        assert shown(each(a, 0.25)) == points[1]
    assert list(map(f, [0.5], [0.25])) == [points[0]]
    assert f(*[0.5, 0.25]) == f(*[0.5], out=None, y=0.25) == points[0]
    out = [np.empty(24) for _ in range(3)]
    assert f(*[a], 0.25, out=out) is out
    assert len(left) == 1
    for copied in (pickle.loads(pickle.dumps(f)), copy.copy(f), copy.deepcopy(f)):
        assert type(copied) is Function
        assert not type(copied).__flags__ & layout.HAS_VECTORCALL
        assert copied(0.5, 0.25) == points[0]
        assert shown(copied(a, 0.25)) == points[1]
    assert [str(each) for each in inspect.signature(f).parameters.values()] == ["x", "y", "out=None"]


def test_functions_are_freed_with_what_answers_for_them() -> None:
    gone = []
    for number in range(20):
        f, _ = made([x * (number + 2), sin(x)], (x,), [np.float64])
        gone.append(weakref.ref(f))
        held = f.__call__
        del f
        gc.collect()
        assert held(1.0) == [number + 2.0, np.sin(1.0)]
        del held
    gc.collect()
    assert [each() for each in gone] == [None] * 20


def test_an_object_of_the_class_of_a_function_is_called_as_ever() -> None:
    f, _ = made(FORMS["one"])
    assert callable(f)
    empty = object.__new__(type(f))
    assert empty(0.5, 0.25) == f(0.5, 0.25)  # by the built-in, which is the class's
    plain = object.__new__(Function)
    with pytest.raises(AttributeError):
        plain(0.5, 0.25)
    assert Function.__call__(f, 0.5, 0.25) == f(0.5, 0.25)
