"""Programs of every shape and size that are measured: outputs, inputs and a point."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from benchmarks.long import AT, lorenz
from benchmarks.symbolic import rosenbrock
from exprad import Var, cos, gradient, sin, tanh

Graph = tuple[list[Any], list[Any], tuple[Any, ...]]  # outputs, inputs, a point


def lorenz_slopes(steps: int) -> Graph:
    inputs = [Var(name) for name in ("x", "y", "z", "sigma", "rho", "beta")]
    f = lorenz(inputs, steps)
    return [f, *gradient(f, inputs)], inputs, AT


def random_graph(count: int) -> Graph:
    """So many nodes, each of two of the last twenty: sums, products, quotients and functions."""
    generator, inputs = random.Random(1), [Var(f"x{k}") for k in range(4)]
    made: list[Callable[[Any, Any], Any]] = [
        lambda a, b: a + b,
        lambda a, b: a * b,
        lambda a, b: a - b,
        lambda a, b: sin(a) * b,
        lambda a, b: a / (2 + b * b),
        lambda a, b: tanh(a) + cos(b),
    ]
    nodes: list[Any] = list(inputs)
    for k in range(count):
        a, b = (nodes[-generator.randint(1, min(20, len(nodes)))] for _ in range(2))
        each = generator.choice(made)(a, b)
        nodes.append(each if k % 5 else tanh(each))
    return nodes[-4:], list(inputs), (0.1, 0.2, 0.3, 0.4)


def rosenbrock_slopes(count: int) -> Graph:
    x = [Var(f"x{k}") for k in range(count)]
    f = rosenbrock(x)
    return [f, *gradient(f, x)], [x], ([0.5 + k / count for k in range(count)],)


def long_sum(count: int) -> Graph:
    x = Var("x")
    total: Any = x
    for k in range(count):
        total = total + (x * (k + 0.5) if k % 2 else k + 0.5)
    return [total], [x], (0.3,)


LARGE: dict[str, Callable[[int], Graph]] = {
    "Lorenz": lorenz_slopes,
    "random": random_graph,
    "Rosenbrock": rosenbrock_slopes,
    "sum": long_sum,
}
