"""Long and narrow programs, as time steps are: from expressions to the first result, a call, many points; in turn with CasADi.

Each figure is from a process of its own for each round and library, as what is built or compiled once is kept.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

AT = (1.0, 1.0, 1.0, 10.0, 28.0, 8 / 3)  # the point of a Lorenz system, sigma, rho and beta
STEP = 0.01
WAYS = ("CasADi SX", "exprad, native", "exprad, NumPy alone")
SEQUENCES = {"Lorenz, 200 steps": (200, 10_000), "Lorenz, 2,000 steps": (2000, 100)}  # time steps, and many points


def lorenz(inputs: Sequence[Any], steps: int) -> Any:
    """A Lorenz system by Runge and Kutta's method, unrolled: the square of the last point."""
    *point, sigma, rho, beta = inputs

    def slope(x: Any, y: Any, z: Any) -> tuple[Any, ...]:
        return sigma * (y - x), x * (rho - z) - y, x * y - beta * z

    def beside(k: Sequence[Any], by: float) -> list[Any]:
        return [u + by * each for u, each in zip(point, k, strict=True)]

    for _ in range(steps):
        k1 = slope(*point)
        k2 = slope(*beside(k1, STEP / 2))
        k3 = slope(*beside(k2, STEP / 2))
        k4 = slope(*beside(k3, STEP))
        slopes = zip(point, k1, k2, k3, k4, strict=True)
        point = [u + STEP / 6 * (a + 2 * b + 2 * c + d) for u, a, b, c, d in slopes]
    return sum(each * each for each in point)


def points(count: int) -> list[Any]:
    return [np.random.default_rng(k).normal(value, 0.01, count) for k, value in enumerate(AT)]


def exprad_way(steps: int, count: int, backend: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A call at one point, and one at many."""
    from exprad import Var, compile, gradient

    inputs = [Var(name) for name in ("x", "y", "z", "sigma", "rho", "beta")]
    f = lorenz(inputs, steps)
    function = compile([f, *gradient(f, inputs)], inputs, backend=backend)
    arrays = points(count)
    return lambda: function(*AT), lambda: function(*arrays)


def casadi_way(steps: int, count: int) -> tuple[Callable[[], Any], Callable[[], Any]]:
    from casadi import SX, Function
    from casadi import gradient as slopes

    x = SX.sym("x", 6)
    f = lorenz([x[k] for k in range(6)], steps)
    function = Function("f", [x], [f, slopes(f, x)])
    at, arrays = np.array(AT), np.stack(points(count))
    return lambda: function(at), lambda: function.map(count)(arrays)


def measured(way: str, steps: int, count: int) -> dict[str, float]:
    """Seconds, in a process that did nothing before but import the libraries."""
    if way == "CasADi SX":
        make = lambda: casadi_way(steps, count)
    else:
        make = lambda: exprad_way(steps, count, "native" if way == "exprad, native" else "auto")
    start = time.perf_counter()
    one, many = make()
    one()
    found = {"to the first result": time.perf_counter() - start}
    found["a call"] = min(_timed(one) for _ in range(20))
    found[f"{count:,} points"] = min(_timed(many) for _ in range(3))
    return found


def _timed(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


# llvmlite as if it were not installed
WITHOUT_LLVM = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "llvmlite" else found(name, *rest)
"""
READY = {
    "CasADi SX": "import casadi",
    "exprad, native": "import exprad, numpy, llvmlite.binding",
    "exprad, NumPy alone": f"{WITHOUT_LLVM}\nimport exprad, numpy",
}


def in_a_process(way: str, steps: int, count: int, cache: str) -> dict[str, float]:
    code = f"{READY[way]}\nimport json\nfrom benchmarks import long\nprint(json.dumps(long.measured({way!r}, {steps}, {count})))"
    environment = {**os.environ, "EXPRAD_CACHE": cache}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(rounds: int = 3) -> None:
    ways = WAYS if importlib.util.find_spec("casadi") else WAYS[1:]
    if ways != WAYS:
        print("  not installed: casadi")
    with tempfile.TemporaryDirectory() as cache:
        for name, (steps, count) in SEQUENCES.items():
            times: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way in ways:
                    times[way].append(in_a_process(way, steps, count, cache))
            report(name, times)


def report(name: str, times: dict[str, list[dict[str, float]]]) -> None:
    print(f"\n{name}, value and six partials: medians; over the first of these")
    medians = {
        way: {what: statistics.median(each[what] for each in rounds) for what in rounds[0]}
        for way, rounds in times.items()
    }
    first = next(iter(medians))
    for way, found in medians.items():
        said = [f"{what} {each * 1e3:.3g} ms ({each / medians[first][what]:.2f})" for what, each in found.items()]
        print(f"  {way}: {'; '.join(said)}")
