"""Building and differentiating; figures are ratios of best times.

Chained Rosenbrock, sum of 100 (x[i+1] - x[i]**2)**2 + (1 - x[i])**2, in n scalar variables: build it with Python's
operators, then its gradient. Then derivatives alone, of graphs that stand, beside CasADi's: processor time, in turn.
More than 1 means that exprad is faster.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from exprad import Var, gradient, hessian, jacobian
from exprad import sin as ours_sin


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


def chain(x: Any, sine: Callable[[Any], Any], steps: int) -> Any:
    """Three calls a step."""
    y = x
    for _ in range(steps):
        y = sine(y) * x + y
    return y


def states(x: Any, sine: Callable[[Any], Any], count: int) -> list[Any]:
    """The states of a small system at many times, each made of the one before."""
    a, b, c, d = x
    found = []
    for _ in range(count // 4):
        a, b, c, d = a + b / 8, b - sine(a) * c / 8, c + d / 8, d - sine(c) * a / 8
        found += [a, b, c, d]
    return found


def derivatives() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Jobs by what they derive: ours and CasADi's, on graphs that stand."""
    import casadi as ca

    def pair(n: int, build: Callable[[Any, Any], Any], of_ours: Any, of_casadi: Any) -> Any:
        x, xs = [Var(f"x{i}") for i in range(n)], [ca.SX.sym(f"x{i}") for i in range(n)]
        f, g, v = build(x, ours_sin), build(xs, ca.sin), ca.vertcat(*xs)
        g = ca.vertcat(*g) if isinstance(g, list) else g
        return lambda: of_ours(f, x), lambda: of_casadi(g, v)

    def looked_at(f: Any, x: Any) -> Any:
        return list(gradient(f, x))

    return {
        "gradient, Rosenbrock, n = 10,000": pair(10_000, lambda x, _: rosenbrock(x), looked_at, ca.gradient),
        "gradient, a chain of 10^5 calls": pair(1, lambda x, sine: chain(x[0], sine, 33_333), looked_at, ca.gradient),
        "Hessian, Rosenbrock, n = 100": pair(
            100, lambda x, _: rosenbrock(x), hessian, lambda f, x: ca.hessian(f, x)[0]
        ),
        "Jacobian, 400 states by 4": pair(4, lambda x, sine: states(x, sine, 400), jacobian, ca.jacobian),
    }


def compare_derivatives(rounds: int = 7) -> None:
    print("derivatives alone: CasADi's time over ours, medians of processor time")
    for name, jobs in derivatives().items():
        spent: list[list[float]] = [[], []]
        for _ in range(rounds):
            for place, job in enumerate(jobs):
                gc.collect()
                start = time.process_time()
                result = job()
                spent[place].append(time.process_time() - start)
                del result
        mine, theirs = map(statistics.median, spent)
        print(f"  {name:<34} {mine * 1e3:8.1f} ms {theirs * 1e3:8.1f} ms {theirs / mine:8.2f}")


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
    try:
        compare_derivatives()
    except ImportError:
        print("casadi is not installed")
    for module in ("exprad", "numpy", "sympy", "casadi"):
        try:
            print(f"import {module} adds {import_time(module) * 1e3:.0f} ms")
        except subprocess.CalledProcessError:
            print(f"{module} is not installed")
