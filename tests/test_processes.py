"""Processes that are forked while threads of their parent work: a child finds every lock free."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes do not fork here")

FORKS = """
import gc, os, signal, sys, threading, time, traceback, warnings
import numpy as np
import exprad as ep
from exprad import Var, Variable, compile, exp, sin
warnings.simplefilter("ignore", DeprecationWarning)  # that a process with threads forks, which is the point
x = Var("x")

def fork(child, count=20):
    for number in range(count):
        time.sleep(0.003 * (number % 7))
        process = os.fork()
        if not process:
            signal.alarm(30)
            try:
                child(number)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        assert os.waitpid(process, 0)[1] == 0, number

def in_thread(work):
    def forever():
        number = 0
        while not stop:
            work(number)
            number += 1
    thread = threading.Thread(target=forever, daemon=True)
    thread.start()
    return thread

stop = []
"""

NATIVE = """
def compiled(number):
    f = compile(sin(x) * number + exp(x * number), [x], backend="native")
    assert f(np.zeros(3)).tolist() == [1.0] * 3 and f(0.0) == 1.0

threads = [in_thread(lambda number: compiled(1000 * place + number)) for place in range(2)]
time.sleep(0.1)
fork(lambda number: compiled(10**6 + number))
stop.append(True)
for thread in threads:
    thread.join()
compiled(10**7)
"""

AUTO = """
def child(number):
    assert f(0.5) == expected
    g = compile(sin(x) + number, [x], backend="native")
    assert g(np.zeros(2)).tolist() == [number] * 2

for number in range(20):
    g = sin(x) * number
    for _ in range(60):
        g = sin(g) + x * exp(sin(g))
    f = compile(g, [x])
    expected = f(0.5)
    for _ in range(1100):
        f(0.5)
    fork(child, 1)  # while a thread makes a built-in of it
"""

TAPE = """
shared = Variable(np.ones(1000))

def tape(number):
    y = ep.sum(shared * shared) + ep.sum(Variable(np.ones(3)) * np.ones(3))
    y.backward()
    shared.cleargrad()

def lowered(number):
    f = compile([sin(x * number) ** 2 + k for k in range(30)], [x])
    f.source(), f.backend, f(0.5)

threads = [in_thread(tape), in_thread(lowered)]
sys.setswitchinterval(1e-5)
def child(number):
    assert gc.isenabled()
    tape(number)
    lowered(number)
    assert gc.isenabled()
fork(child, 40)
"""

POOL = """
from multiprocessing import get_context
f = compile([sin(x) * exp(x)] * 3, [x], backend="native")
data = np.linspace(0, 1, 10**6)
expected = f(data)[0][-1]

def work(number):
    g = compile(sin(x) * number, [x], backend="native")
    return f(data)[0][-1] == expected and g(np.zeros(2)).tolist() == [0.0, 0.0]

thread = in_thread(lambda number: compile(sin(x) * number + 1, [x], backend="native")(np.zeros(2)))
with get_context("fork").Pool(4) as pool:
    assert all(pool.map_async(work, range(20)).get(60))
"""


@pytest.mark.parametrize("code", [NATIVE, AUTO, TAPE, POOL], ids=["native", "auto", "tape", "pool"])
def test_children_of_a_busy_process(code: str, tmp_path: Path) -> None:
    if code is not TAPE:
        pytest.importorskip("llvmlite")
    environment = {**os.environ, "EXPRAD_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", FORKS + code], env=environment, capture_output=True, text=True, timeout=240
    )
    assert (done.returncode, done.stderr) == (0, "")


LOCKS = """
from exprad.ground import intern
from exprad.backends.native import engine
from exprad.variable.tape import _arrays
compile(x + 1, backend="native")([1.0])
before = engine._lock, _arrays.lock, intern.lock

def child(number):
    after = engine._lock, _arrays.lock, intern.lock
    assert all(old is not new and new.acquire(blocking=False) for old, new in zip(before, after))

fork(child, 3)
assert before == (engine._lock, _arrays.lock, intern.lock)
assert not engine._awaited
in_thread(lambda number: [stop.append(lock.acquire(timeout=10)) for lock in before]).join()
assert stop == [True] * 3
"""


def test_locks_are_renewed_in_a_child_and_free_in_the_parent() -> None:
    pytest.importorskip("llvmlite")
    done = subprocess.run([sys.executable, "-c", FORKS + LOCKS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
