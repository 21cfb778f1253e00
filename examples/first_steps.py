"""First steps with Variables, along the first three parts of Koki Saito's "Deep Learning from Scratch 3"."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from exprad import Variable, cos, sin, tanh


def sphere(x: Any, y: Any) -> Any:
    return x**2 + y**2


def matyas(x: Any, y: Any) -> Any:
    return 0.26 * (x**2 + y**2) - 0.48 * x * y


def goldstein_price(x: Any, y: Any) -> Any:
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def mistyped_goldstein_price(x: Any, y: Any) -> Any:
    """A form in circulation, in which `6*x*y*3*y**2` stands for `6*x*y + 3*y**2`."""
    first = 1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y * 3 * y**2)
    return first * (30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2))


def rosenbrock(x: Any, y: Any) -> Any:
    return 100 * (y - x**2) ** 2 + (x - 1) ** 2


def gradient_at(function: Any, *point: float) -> list[float]:
    """The partial derivatives of a Python function, from one backward pass."""
    variables = [Variable(np.array(value)) for value in point]
    function(*variables).backward()
    return [float(each.grad.data) for each in variables]


def sine_by_factorials(x: Any, threshold: float = 1e-12) -> Any:
    """Sine by its Taylor series: the loop decides at run time how many terms are added, and differentiated."""
    total, k = 0, 0
    while True:
        term = (-1) ** k / math.factorial(2 * k + 1) * x ** (2 * k + 1)
        total, k = total + term, k + 1
        if abs(term.data if isinstance(term, Variable) else term) < threshold:
            return total


def descend(function: Any, start: tuple[float, float], rate: float, steps: int) -> list[float]:
    """Gradient descent, with the gradients cleared at each step."""
    variables = [Variable(np.array(value)) for value in start]
    for _ in range(steps):
        result = function(*variables)
        for each in variables:
            each.cleargrad()
        result.backward()
        for each in variables:
            each.data -= rate * each.grad.data
    return [float(each.data) for each in variables]


def newton(function: Any, start: float, steps: int = 10) -> float:
    """Newton's method: the second derivative is the derivative of a gradient that was recorded itself."""
    x = Variable(np.array(start))
    for _ in range(steps):
        y = function(x)
        x.cleargrad()
        y.backward(create_graph=True)
        slope = x.grad
        x.cleargrad()
        slope.backward()
        x.data -= slope.data / x.grad.data
    return float(x.data)


def derivatives(function: Any, at: float, order: int) -> list[float]:
    """The first `order` derivatives, by one backward pass over another."""
    x = Variable(np.array(at))
    y = function(x)
    y.backward(create_graph=True)
    found = []
    for _ in range(order):
        slope = x.grad
        found.append(float(slope.data))
        x.cleargrad()
        slope.backward(create_graph=True)
    return found


def main() -> None:
    print("Sphere at (1, 1):         ", gradient_at(sphere, 1.0, 1.0))
    print("Matyas at (1, 1):         ", gradient_at(matyas, 1.0, 1.0))
    print("Goldstein-Price at (1, 1):", gradient_at(goldstein_price, 1.0, 1.0))
    print("the same, mistyped:       ", gradient_at(mistyped_goldstein_price, 1.0, 1.0))
    print(
        "sine by factorials at pi/4:",
        *gradient_at(sine_by_factorials, math.pi / 4),
        "and cosine:",
        math.cos(math.pi / 4),
    )
    print("Rosenbrock from (0, 2), 10,000 steps of descent:", descend(rosenbrock, (0.0, 2.0), 0.001, 10_000))
    print("x**4 - 2*x**2 from 2, 10 steps of Newton's method:", newton(lambda x: x**4 - 2 * x**2, 2.0))
    print("derivatives of sine at 1:", derivatives(sin, 1.0, 4))
    print("derivatives of tanh at 1:", derivatives(tanh, 1.0, 4))
    x = Variable(np.array(math.pi), "x")
    print("what was recorded:", (sin(x) * cos(x) + x**2).expression)


if __name__ == "__main__":
    main()
