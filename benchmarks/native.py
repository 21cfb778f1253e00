"""Code for other targets: built-in calls, time to compile, large programs, C, JAX, PyTorch, Dask; in turn with the peers."""

from __future__ import annotations

import ctypes
import math
import os
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from timeit import timeit
from typing import Any

import numpy as np

import exprad
from benchmarks import peers
from benchmarks.compiled import GP, TR, x, y
from benchmarks.symbolic import rosenbrock
from exprad import Var, gradient
from exprad.graph.program import Program

FUNCTIONS = {"GP": GP, "TR": TR}


def in_turn(jobs: dict[str, Any], rounds: int = 7, calls: int = 2000, call: str = "run()") -> dict[str, float]:
    """Seconds a call: of each job the least mean, the jobs one after another in each round."""
    best = dict.fromkeys(jobs, math.inf)
    for _ in range(rounds):
        for name, run in jobs.items():
            best[name] = min(best[name], timeit(call, globals={"run": run}, number=calls) / calls)
    return best


def scalar() -> None:
    print("\none point, value and both partials: ns of exprad's built-in; the others' time over it")
    for name, f in FUNCTIONS.items():
        outputs = [f, *gradient(f, [x, y])]
        both, value = Program.lowered(outputs), Program.lowered([f])
        jobs = {backend: exprad.compile(outputs, [x, y], backend=backend) for backend in ("native", "python")}
        for peer in ("numba", "casadi", "casadi_gcc", "lambdify"):
            try:
                jobs[peer] = getattr(peers, f"{peer}_point")(value, both)
            except ImportError as error:
                print(f"  not installed: {peer} ({error})")
        times = in_turn(jobs, call="run(0.3, 0.4)")
        rest = ", ".join(f"{peer} {each / times['native']:.1f}" for peer, each in times.items() if peer != "native")
        print(f"  {name}: {times['native'] * 1e9:.0f} ns; {rest}")


def arrays() -> None:
    print(
        "\nvalue and both partials into arrays that are there: the best of C's loop on one thread and on all, ns a point;\n"
        "the others' time over it. C is called by ctypes; NumPy's lines are as one writes them by hand"
    )
    names = ("c", "c_openmp", "native", "native_fast", "numba", "numba_parallel", "numpy_blocked")
    for n in (10, 1000, 100_000, 10_000_000):
        a, b = np.random.default_rng(0).random((2, n))
        out = [np.empty(n) for _ in range(3)]
        for name, f in FUNCTIONS.items():
            both, value = Program.lowered([f, *gradient(f, [x, y])]), Program.lowered([f])
            jobs = {}
            for peer in names:
                with suppress(ImportError):
                    jobs[peer] = getattr(peers, peer)(value, both, a, b, out)
                    jobs[peer]()
            times = shortest(jobs, seconds=2.0 if n < 10**6 else 6.0)
            best = min([times[each] for each in ("c", "c_openmp") if each in times] or [math.nan])
            rest = ", ".join([f"{peer} {each / best:.2f}" for peer, each in times.items()])
            print(f"  {name} {n:>8}: {best / n * 1e9:.2f}; {rest}")


def shortest(jobs: dict[str, Callable[[], Any]], seconds: float) -> dict[str, float]:
    """Seconds of the shortest call of each job (of 0.1 ms of calls, if it is shorter): the jobs in turn, for so long each."""
    best = {name: timeit(run, number=1) for name, run in jobs.items()}
    calls = {name: max(1, round(1e-4 / each)) for name, each in best.items()}
    end = time.perf_counter() + seconds * len(jobs)
    while time.perf_counter() < end:
        for name, run in jobs.items():
            time.sleep(0.01)  # so that no threads of the one before still look for work
            times = [timeit(run, number=calls[name]) / calls[name] for _ in range(10 if best[name] < 0.01 else 1)]
            best[name] = min(best[name], *times)
    return best


def compiling() -> None:
    print("\ncompile to the first result at 1,000 points: ms anew, and from the cache on the disk")
    a, b = np.random.default_rng(0).random((2, 1000))
    exprad.compile([exprad.exp(x) + exprad.log(y) + exprad.sin(x) + exprad.cos(x)], [x, y], backend="native")(a, b)
    for name, f in FUNCTIONS.items():
        times: dict[str, list[float]] = {"anew": [], "cached": []}
        for attempt in range(5):
            outputs = [f + attempt, *gradient(f, [x, y])]  # other code each time
            for kind in times:
                start = time.perf_counter()
                exprad.compile(outputs, [x, y], backend="native")(a, b)
                times[kind].append((time.perf_counter() - start) * 1e3)
        both, value = Program.lowered(outputs), Program.lowered([f])
        others = []
        for peer in ("numba", "c"):
            start = time.perf_counter()
            try:
                getattr(peers, peer)(value, both, a, b, [np.empty(1000) for _ in range(3)])()
            except ImportError:
                continue
            others.append(f"{peer} {(time.perf_counter() - start) * 1e3:.0f} ms")
        print(f"  {name}: {min(times['anew']):.1f}, {min(times['cached']):.1f}; {', '.join(others)}")


def large() -> None:
    print("\nRosenbrock's value and gradient in n variables: ms from expressions to the first result; us a call")
    for n in (100, 1000, 10_000):
        p = np.array([Var(f"x{i}") for i in range(n)], object)
        f = rosenbrock(list(p))
        outputs = [f, np.array(gradient(f, list(p)), object)]
        at = np.random.default_rng(0).random(n)
        cells, jobs = [], {}  # type: list[str], dict[str, Any]
        for backend in ("native", "numpy"):
            start = time.perf_counter()
            jobs[backend] = partial(exprad.compile(outputs, [p], backend=backend), at)
            jobs[backend]()
            cells.append(f"{backend} {(time.perf_counter() - start) * 1e3:.0f} ms")
        try:
            start = time.perf_counter()
            jobs["CasADi SX"] = peers.casadi_rosenbrock(n, at)
            cells.append(f"CasADi SX {(time.perf_counter() - start) * 1e3:.0f} ms")
        except ImportError:
            pass
        times = in_turn(jobs, calls=200)
        print(f"  n={n:<6} {', '.join(cells)}; {', '.join(f'{k} {v * 1e6:.1f} us' for k, v in times.items())}")


def c_functions() -> None:
    print(
        "\nC by to_c, gcc -O2 -march=native, a call for each of 10^5 points; over the loop by hand, gcc -O3 fast-math: ratio"
    )
    n = 100_000
    a, b = np.random.default_rng(0).random((2, n))
    out = [np.empty(n) for _ in range(3)]
    for name, f in FUNCTIONS.items():
        outputs = [f, *gradient(f, [x, y])]
        try:
            hand = peers.c(Program.lowered([f]), Program.lowered(outputs), a, b, out)
        except ImportError:
            print("  gcc is not installed")
            return
        loop = _looped(exprad.to_c(outputs, [x, y]), n, a, b)
        times = in_turn({"to_c": loop, "by hand": hand}, calls=10)
        print(f"  {name}: {times['to_c'] / n * 1e9:.1f} ns a point, {times['to_c'] / times['by hand']:.1f}")


def _looped(code: Any, n: int, a: Any, b: Any) -> Callable[[], Any]:
    folder = Path(tempfile.mkdtemp())
    code.write(folder / "model.c")
    driver = """
#include "model.h"
void run(long n, const double *a, const double *b, double *y)
{ for (long i = 0; i < n; i++) { const double x[2] = {a[i], b[i]}; model(x, y + 3 * i); } }
"""
    (folder / "run.c").write_text(driver)
    command = ["gcc", "-O2", "-march=native", "-shared", "-fPIC", "model.c", "run.c", "-o", "run.so", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    run, y_all = ctypes.CDLL(str(folder / "run.so")).run, np.empty(3 * n)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (a, b, y_all)]
    return lambda: run(ctypes.c_long(n), *pointers) or y_all


def libraries() -> None:
    print(
        "\nvalue and partials at 10^6 points inside the library's own jit: exprad's derivatives over the library's: ratio"
    )
    a, b = np.random.default_rng(0).random((2, 1_000_000))
    for name, f in FUNCTIONS.items():
        outputs = [f, *gradient(f, [x, y])]
        both, value = Program.lowered(outputs), Program.lowered([f])
        for backend in ("jax", "torch"):
            try:
                theirs = getattr(peers, backend)(value, both, a, b, ())
                ours = getattr(peers, f"exprad_in_{backend}")(outputs, a, b)
            except ImportError:
                print(f"  {backend} is not installed")
                continue
            times = in_turn({"ours": ours, "theirs": theirs}, rounds=5, calls=5)
            print(f"  {name}, {backend}: {times['ours'] * 1e3:.1f} ms, {times['ours'] / times['theirs']:.2f}")


def chunks() -> None:
    print("\nsum of losses and its gradient over 10^8 points of Dask arrays; over NumPy in the same chunks: ratio")
    try:
        import dask

        from examples import cluster
    except ImportError:
        print("  dask is not installed")
        return
    lazy = cluster.loss_and_gradient(100_000_000, 2_000_000)
    times, values = cluster.observed(100_000_000, 2_000_000)

    def by_hand(t: Any, v: Any) -> Any:
        decay = np.exp(-t)
        rest = v - decay
        return np.array([[(rest * rest).sum(), (-2 * rest * decay).sum(), (2 * rest * decay * t).sum()]])

    import dask.array as da

    hand = da.map_blocks(
        by_hand, times, values, dtype=float, chunks=((1,) * times.numblocks[0], (3,)), new_axis=[1]
    ).sum(0)
    found = in_turn({"exprad": lambda: dask.compute(lazy), "NumPy": lambda: dask.compute(hand)}, rounds=2, calls=1)
    print(f"  exprad {found['exprad']:.1f} s, {found['exprad'] / found['NumPy']:.2f}")


def main() -> None:
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        os.environ["EXPRAD_CACHE"] = folder
        for part in (scalar, compiling, large, c_functions, libraries, chunks):
            part()
