"""From expressions to the first result where nobody looks at the gradient: derived, lowered and called, in turn with CasADi's
`gradient`, `Function` and call; medians of times in one process, building aside. Less than 1 means that exprad is faster.
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.long import AT, lorenz
from benchmarks.symbolic import rosenbrock
from exprad import Var, compile, sin, value_and_gradient

Model = Callable[[Sequence[Any], Callable[[Any], Any]], Any]


def chain(x: Sequence[Any], sine: Callable[[Any], Any]) -> Any:
    """A recurrence of 100,000 operations."""
    y = x[0]
    for _ in range(33_333):
        y = sine(y * x[0] + 0.5)
    return y


MODELS: dict[str, tuple[Model, Any]] = {
    "Rosenbrock, n = 10,000": (lambda x, _: rosenbrock(x), np.linspace(0.5, 1.5, 10_000)),
    "a chain of 100,000": (chain, np.array([0.3])),
    "Lorenz, 2,000 steps": (lambda x, _: lorenz(x, 2000), np.array(AT)),
}


def exprad_job(model: Model, at: Any, as_numbers: bool) -> Callable[[], Any]:
    x = [Var(f"x{i}") for i in range(len(at))]
    f, arguments = model(x, sin), at.tolist() if as_numbers else [at]
    inputs = x if as_numbers else [x]
    return lambda: compile(value_and_gradient(f, x), inputs, backend="native")(*arguments)


def casadi_job(model: Model, at: Any) -> Callable[[], Any]:
    import casadi as ca

    x = ca.SX.sym("x", len(at))
    f = model([x[i] for i in range(len(at))], ca.sin)
    return lambda: ca.Function("f", [x], [f, ca.gradient(f, x)])(at)


def timed(job: Callable[[], Any]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def main(rounds: int = 9) -> None:
    if not importlib.util.find_spec("casadi"):
        print("  not installed: casadi")
        return
    print(f"{'derive, lower and call, ms':28} {'CasADi SX':>10} {'exprad, an array':>22} {'exprad, numbers':>22}")
    for name, (model, at) in MODELS.items():
        jobs = [casadi_job(model, at), exprad_job(model, at, False), exprad_job(model, at, True)]
        times = [[timed(job) for job in jobs] for _ in range(rounds)][1:]  # the first makes machine code
        peer, *ours = [1e3 * statistics.median(each) for each in zip(*times, strict=True)]
        print(f"{name:28} {peer:10.1f} " + " ".join(f"{each:13.1f} ({each / peer:4.2f})  " for each in ours))
