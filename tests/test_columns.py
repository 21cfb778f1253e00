"""Derivatives by many variables in one walk are the very objects that one variable at a time gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from exprad import Var, abs, exp, hessian, jacobian, log, maximum, relu, sign, sin, sum, variables, where
from exprad.derivatives.blocks import edge
from exprad.forward import columns as module
from exprad.forward import tangents
from exprad.forward.columns import columns

X = variables([f"x{i}" for i in range(70)])  # more than two walks' worth


def product(x: Any) -> Any:
    total = 1
    for each in x:
        total = total * each
    return total


def branches(x: Any) -> Any:
    total = 0
    for a, b in zip(x, x[1:], strict=False):
        total = total + where(a > b, sin(a) * b, log(b)) + relu(a * b) - maximum(a, b**2) * abs(a) + sign(a) * b
    return exp(-total)


MODELS: dict[str, Callable[[Any], Any]] = {
    "chained": lambda x: sum_of((b - a**2) ** 2 / 3 - a for a, b in zip(x, x[1:], strict=False)),
    "product": lambda x: product(x[:12]),
    "branches": lambda x: branches(x[:9]),
    "linear": lambda x: 2 * x[0] - x[69],
    "of an array": lambda x: sum(sin(x[0] * np.arange(3.0)) * x[1]),
}


def sum_of(terms: Any) -> Any:
    total = 0
    for term in terms:
        total = total + term
    return total


def one_by_one(outputs: Any, inputs: Any) -> list[list[Any]]:
    return [[edge(entry, ()) for entry in tangents(outputs, {x: 1})] for x in inputs]


def same(a: Any, b: Any) -> bool:
    return all(p is q for left, right in zip(a, b, strict=True) for p, q in zip(left, right, strict=True))


@pytest.mark.parametrize("model", MODELS)
def test_hessians(model: str) -> None:
    f = MODELS[model](X)
    expected = one_by_one(list(f.gradient(X)), X)
    lower = [[expected[min(i, j)][max(i, j)] for j in range(70)] for i in range(70)]  # derived once for both places
    if model == "of an array":
        assert str(lower) == str(hessian(f, X))  # constant arrays are objects of their own
    else:
        assert same(lower, hessian(f, X))


@pytest.mark.parametrize("model", ["chained", "branches"])
def test_jacobians(model: str) -> None:
    f = MODELS[model]
    outputs = [f(X[k : k + 10]) for k in range(5)] + [X[3], X[3] ** 0, *X[:66]]
    inputs = [*X[:3], X[1], Var("not there")]  # one twice
    found = jacobian(outputs, inputs)
    assert same(zip(*one_by_one(outputs, inputs), strict=True), found)


def test_a_node_meets_only_what_it_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return push(*arguments)

    push = module.pushforward_by_direction
    monkeypatch.setattr(module, "pushforward_by_direction", counted)
    slopes = list(MODELS["chained"](X).gradient(X))
    list(columns(slopes, X, is_symmetric=True))
    assert asked < 40 * 70  # three walks, and a dozen nodes a variable
