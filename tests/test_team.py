"""Threads that share the points of a call in machine code: all points once, at rest when idle, and none after a fork."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exprad import compile, cos, exp, sin, variables
from exprad.backends.native import layout

pytest.importorskip("llvmlite")
from exprad.backends.native import team

pytestmark = pytest.mark.skipif(
    not layout.has_builtins() or team.threads() is None, reason="there are no threads that wait for points here"
)
x, y = variables("x y")
VISITS = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def crew() -> team.Threads:
    found = team.threads()
    assert found is not None
    return found


def address(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


@pytest.mark.parametrize("count", [1, 63, 64, 65, 1000, 1 << 20])
def test_each_point_is_visited_once(count: int) -> None:
    seen: list[tuple[int, int]] = []
    kernel = VISITS(lambda slots, start, stop: seen.append((start, stop)))
    for _ in range(20):
        seen.clear()
        assert crew().share(address(kernel), None, count, 64 if count < 5000 else 8192)
        ends = [0, *[stop for _, stop in sorted(seen)]]
        assert [(start, stop) for start, stop in sorted(seen)] == list(zip(ends, ends[1:], strict=False))
        assert ends[-1] == count
        assert not (crew().team.open or crew().team.active or crew().team.busy)


def test_a_call_is_over_when_the_last_thread_is_done() -> None:
    done = []

    def slowly(slots: Any, start: int, stop: int) -> None:
        time.sleep(0.02 if threading.current_thread() is not threading.main_thread() else 0.001)
        done.append(stop)

    kernel = VISITS(slowly)
    for _ in range(20):
        done.clear()
        assert crew().share(address(kernel), None, 8, 1)
        assert sorted(done) == list(range(1, 9))


def test_who_comes_while_threads_are_busy_computes_alone() -> None:
    inside, answers = threading.Event(), []

    def nested(slots: Any, start: int, stop: int) -> None:
        if start == 0:
            answers.append(crew().share(address(kernel), None, 5, 1))
            inside.set()

    kernel = VISITS(nested)
    assert crew().share(address(kernel), None, 1, 1)
    assert inside.wait(10)
    assert answers == [False]
    assert crew().share(address(VISITS(lambda slots, start, stop: None)), None, 5, 1)


def asleep() -> None:
    """Wait until all threads sleep."""
    crew().start()
    deadline = time.monotonic() + 20
    while crew().team.asleep != len(crew()._started):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_sleepers_are_woken_and_sleep_again() -> None:
    for _ in range(5):
        asleep()
        helpers = set()

        def slowly(slots: Any, start: int, stop: int, helpers: set[int] = helpers) -> None:
            helpers.add(threading.get_ident())
            time.sleep(0.01)

        kernel = VISITS(slowly)
        assert crew().share(address(kernel), None, 20, 1)
        assert len(helpers) == len(crew()._started) + 1


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not tell of threads")
def test_threads_leave_signals_to_python() -> None:
    crew().start()
    told = [path.read_text() for path in Path("/proc/self/task").glob("*/status")]
    blocked = [int(text.split("SigBlk:")[1].split()[0], 16) for text in told]
    assert len([each for each in blocked if each >> (signal.SIGALRM - 1) & 1]) >= len(crew()._started)


def test_threads_sleep_when_there_is_nothing_to_do() -> None:
    f, a = compile(sin(x) * y + exp(x), [x, y], backend="native"), np.linspace(0, 1, 400_000)
    f(a, a)
    f(a, a)
    assert crew().team.ready
    asleep()
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.05
    turn = crew().team.turn
    assert f(a, 0.5).tobytes() == f(a, np.full(400_000, 0.5)).tobytes()
    assert crew().team.turn == turn + 2


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_shared_calls_give_the_bits_of_calls_alone(kind: Any) -> None:
    f = compile([sin(x) * y, cos(x) + exp(y)], [x, y], backend="native")
    a, b = np.random.default_rng(0).random((2, 300_001)).astype(kind)
    f(a, b)
    for given in ((a, b), (a, 0.5), (a[::-1], b)):
        turn = crew().team.turn
        found = f(*given)
        assert crew().team.turn == turn + 1
        pieces = [
            f(*[each[k : k + 1000] if isinstance(each, np.ndarray) else each for each in given])
            for k in range(0, 300_001, 1000)
        ]
        for place, each in enumerate(found):
            assert each.tobytes() == np.concatenate([piece[place] for piece in pieces]).tobytes()


BEGIN = """
import atexit, os, signal, sys, threading, time, warnings
import numpy as np
from exprad import compile, exp, sin, variables
from exprad.backends.native import team
warnings.simplefilter("ignore", DeprecationWarning)
x, y = variables("x y")
f = compile([sin(x) * y, exp(x) + y], [x, y], backend="native")
a = np.linspace(0, 1, 60_000)
expected = [each.tobytes() for each in f(a, 0.5)]
def check():
    assert [each.tobytes() for each in f(a, 0.5)] == expected
check()
"""
FORKS = """
stop = False
def forever():
    while not stop:
        check()
threads = [threading.Thread(target=forever) for _ in range(2)]
for each in threads:
    each.start()
for number in range(15):
    time.sleep(0.001 * (number % 5))
    process = os.fork()
    if not process:
        signal.alarm(30)
        stop = True
        assert not team.threads().team.ready
        for _ in range(3):
            check()
        assert team.threads().team.ready
        os._exit(0)
    assert os.waitpid(process, 0)[1] == 0, number
stop = True
for each in threads:
    each.join()
check()
"""
ENDS = """
def forever():
    while True:
        check()
threading.Thread(target=forever, daemon=True).start()
time.sleep(0.05)
"""
LATE = """
team.threads().end()
turn = team.threads().team.turn
check()
assert team.threads().team.turn == turn and not team.threads().team.ready
"""
LONELY = """
assert team.threads() is None
check()
"""
SIGNALS = """
caught = []
signal.signal(signal.SIGALRM, lambda *_: caught.append(threading.current_thread()))
import ctypes
time.sleep(0.1)
start = time.monotonic()
signal.setitimer(signal.ITIMER_REAL, 0.1)
signal.pause()
assert caught and time.monotonic() - start < 5
"""


@pytest.mark.parametrize("program", ["FORKS", "ENDS", "LATE", "LONELY", "SIGNALS"])
def test_threads_in_processes(program: str, tmp_path: Path) -> None:
    if program == "LONELY" and not hasattr(os, "sched_setaffinity"):
        pytest.skip("processes keep to no processor here")
    before = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})" if program == "LONELY" else ""
    environment = {**os.environ, "EXPRAD_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", before + BEGIN + globals()[program]]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
