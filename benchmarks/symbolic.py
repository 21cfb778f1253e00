"""Building and differentiating; figures are ratios of best times.

Chained Rosenbrock, sum of 100 (x[i+1] - x[i]**2)**2 + (1 - x[i])**2, in n scalar variables: build it with Python's
operators, then its gradient. More than 1 means that exprad is faster.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from exprad import Var, gradient


def rosenbrock(x: Any) -> Any:
    total = 0
    for here, after in zip(x, x[1:], strict=False):
        total = total + 100 * (after - here**2) ** 2 + (1 - here) ** 2
    return total


def ours(n: int) -> Any:
    x = [Var(f"x{i}") for i in range(n)]
    return list(gradient(rosenbrock(x), x))


def casadi(n: int) -> Any:
    from casadi import SX, vertcat
    from casadi import gradient as slope

    x = [SX.sym(f"x{i}") for i in range(n)]
    return slope(rosenbrock(x), vertcat(*x))


def symengine(n: int) -> Any:
    import symengine as se

    x = [se.Symbol(f"x{i}") for i in range(n)]
    f = rosenbrock(x)
    return [f.diff(each) for each in x]


def sympy(n: int) -> Any:
    import sympy as sp
    from sympy.core.cache import clear_cache

    clear_cache()  # else a second run finds the first one's results
    x = [sp.Symbol(f"x{i}") for i in range(n)]
    f = rosenbrock(x)
    return [sp.diff(f, each) for each in x]


def gradient_only(n: int) -> float:
    x = [Var(f"x{i}") for i in range(n)]
    f = rosenbrock(x)
    return best(lambda _: list(gradient(f, x)), n, 50, True)


def sympy_gradient_only(n: int) -> float:
    import sympy as sp
    from sympy.core.cache import clear_cache

    x = [sp.Symbol(f"x{i}") for i in range(n)]
    f = rosenbrock(x)

    def run(_: int) -> Any:
        clear_cache()
        return [sp.diff(f, each) for each in x]

    return best(run, n, 2, True)


def best(run: Callable[[int], Any], n: int, repeats: int, collector: bool) -> float:
    times = []
    for _ in range(repeats):
        gc.collect()
        if not collector:
            gc.disable()
        start = time.perf_counter()
        result = run(n)
        times.append(time.perf_counter() - start)
        gc.enable()
        del result
    return min(times)


def import_time(module: str) -> float:
    """Seconds that importing a module adds to `python -c pass`."""

    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def spend(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        return time.perf_counter() - start

    spend(f"import {module}")  # writes the bytecode, as an installation does
    return min(spend(f"import {module}") for _ in range(10)) - min(spend("pass") for _ in range(10))


def main() -> None:
    print("chained Rosenbrock, build + gradient: peer's time over ours")
    cases: list[tuple[Callable[[int], Any], tuple[int, ...], int]] = [
        (casadi, (100, 1000, 10000), 5),
        (symengine, (100,), 3),
        (sympy, (10, 100), 1),
    ]
    for peer, sizes, repeats in cases:
        for n in sizes:
            for collector in (False, True):
                try:
                    ratios = sorted(best(peer, n, 1, collector) / best(ours, n, 1, collector) for _ in range(repeats))
                except ImportError:
                    print(f"  {peer.__name__:<10} not installed")
                    continue
                state = "on" if collector else "off"
                print(f"  {peer.__name__:<10} n={n:<6} collector {state:<4} {ratios[len(ratios) // 2]:8.1f}")
    mine = gradient_only(100)
    try:
        print(f"gradient alone, n=100, SymPy over ours: {sympy_gradient_only(100) / mine:.0f}")
    except ImportError:
        print("sympy is not installed")
    for module in ("exprad", "numpy", "sympy", "casadi"):
        try:
            print(f"import {module} adds {import_time(module) * 1e3:.0f} ms")
        except subprocess.CalledProcessError:
            print(f"{module} is not installed")
