"""Jitted functions: exprad's, numba's and JAX's, and the plain function on NumPy; microseconds a call, in turn, in one run.

"first" is the first call of the value and of its gradient, tracing and compiling included. numba has no gradients: there it is
the value alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from exprad import gradient, jit

CALLS, BUDGET = 2000, 0.3


class Function(NamedTuple):
    """A function of a library's, in terms of its `np`, with arguments, the first of which it is differentiated by."""

    make: Callable[[Any], Callable[..., Any]]
    arguments: tuple[Any, ...]


def _formula(np: Any) -> Any:
    def formula(x, y):  # type: ignore[no-untyped-def]  # numba reads the source
        return np.exp(-x * x) * np.sin(3 * y) + np.log(1 + x * x * y * y) / (1 + np.exp(-x * y))

    return formula


def _energy(np: Any) -> Any:
    def energy(v):  # type: ignore[no-untyped-def]
        return np.sum(100 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)

    return energy


def _network(np: Any) -> Any:
    def network(w, b, out, x):  # type: ignore[no-untyped-def]
        return np.sum((np.tanh(x @ w + b) @ out) ** 2)

    return network


def functions() -> dict[str, Function]:
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.normal(size=shape)
    return {
        "formula of two floats": Function(_formula, (0.5, 0.7)),
        "formula, 10 points": Function(_formula, (draw(10), draw(10))),
        "formula, 1e5 points": Function(_formula, (draw(100_000), draw(100_000))),
        "Rosenbrock, 10": Function(_energy, (draw(10),)),
        "Rosenbrock, 1e5": Function(_energy, (draw(100_000),)),
        "network of 50 × 20": Function(_network, (draw(50, 20), draw(20), draw(20), draw(100, 50))),
    }


def _exprad(each: Function) -> tuple[Any, Any]:
    f = jit(each.make(np))
    return f, gradient(f) if each.make is not _formula or not np.ndim(each.arguments[0]) else None


def _jax(each: Function) -> tuple[Any, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    f = each.make(jax.numpy)
    ready = lambda function: lambda *given: jax.block_until_ready(function(*given))
    is_number = each.make is not _formula or not np.ndim(each.arguments[0])
    return ready(jax.jit(f)), ready(jax.jit(jax.grad(f))) if is_number else None


def _numba(each: Function) -> tuple[Any, Any]:
    import numba

    return numba.njit(each.make(np)), None


def _plain(each: Function) -> tuple[Any, Any]:
    return each.make(np), None


LIBRARIES = {"exprad": _exprad, "JAX": _jax, "numba": _numba, "plain NumPy": _plain}


def measured(each: Function, make: Any) -> list[float]:
    """Seconds of the first calls, and microseconds of a call of the value and of the gradient."""
    value, slope = make(each)
    start = time.perf_counter()
    for function in (value, slope):
        if function is not None:
            function(*each.arguments)
    first = time.perf_counter() - start
    return [first, *[_call(function, each.arguments) if function else np.nan for function in (value, slope)]]


def _call(function: Any, arguments: tuple[Any, ...]) -> float:
    for _ in range(CALLS):  # until what is made meanwhile is there
        begun = time.perf_counter()
        function(*arguments)
        if time.perf_counter() - begun > BUDGET / CALLS:
            break
    times: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < BUDGET:
        start = time.perf_counter()
        for _ in range(10):
            function(*arguments)
        times.append((time.perf_counter() - start) / 10)
    return 1e6 * median(times)


def main() -> None:
    print("| | " + " | ".join(f"{name}: first, s; value, us; gradient, us" for name in LIBRARIES) + " |")
    print("|---" * (1 + len(LIBRARIES)) + "|")
    for name, each in functions().items():
        cells = []
        for make in LIBRARIES.values():
            try:
                first, *calls = measured(each, make)
                cells.append("; ".join([f"{first:.2f}", *["" if np.isnan(us) else f"{us:.2f}" for us in calls]]))
            except ImportError:
                cells.append("")
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
