"""Derivatives as they leave: missing ones become zeros, and those of arrays are gathered into one array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from exprad.arrays import add_at, stack
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.reverse import adjoints
from exprad.tensor import stretched


def edge(value: Any, shape: tuple[int, ...]) -> Expr:
    """A derivative as it leaves: a missing one is 0, and one that was not stretched yet is."""
    result = Const(0) if value is None else expression(value)
    return stretched(result, shape) if result.shape != shape else result


def blocks(f: Expr, inputs: Sequence[Var]) -> list[Expr]:
    """The derivative of an expression by each variable, of shape f.shape + x.shape."""
    if not f.shape:
        return [edge(x_bar, x.shape) for x, x_bar in zip(inputs, adjoints({f: 1}, inputs), strict=True)]
    if not f.size:
        return [edge(None, f.shape + x.shape) for x in inputs]
    if f.size < sum(x.size for x in inputs):
        sweeps = [adjoints({f: unit}, inputs) for unit in units(f.shape)]
        return [
            stack([edge(sweep[place], x.shape) for sweep in sweeps]).reshape(f.shape + x.shape)
            for place, x in enumerate(inputs)
        ]
    return [
        columns(f, x, units(x.shape)).reshape(f.shape + x.shape) if x.size else edge(None, f.shape + x.shape)
        for x in inputs
    ]


def columns(f: Expr, x: Var, directions: Iterable[Any]) -> Any:
    """The tangents of f for directions of x, along one more axis, the last."""
    return stack([edge(tangents([f], {x: direction})[0], f.shape) for direction in directions], -1)


def units(shape: tuple[int, ...]) -> list[Expr]:
    """For each place of an array, the array with 1 there and 0 elsewhere."""
    return [unit(shape, place) for place in product(*map(range, shape))]


def unit(shape: tuple[int, ...], place: tuple[int, ...]) -> Expr:
    return expression(add_at(Const(1), shape, place)) if shape else Const(1)
