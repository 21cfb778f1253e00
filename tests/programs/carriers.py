"""Routes: how exprad gives the values, slopes and curvatures of a program. Each is a row of `ROUTES`.

A route returns what it found by the name of what it is: `values` of all slots, `value` of the last, `slopes` by each
input, the slope `along` the directions, `curves` (the Hessian times the directions), and the curvature `across` (that times
the directions); at `points`, the value and the slopes by scalar inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

import exprad as ep
from exprad import DualNumber, Var, Variable
from exprad.errors import NameClashError
from tests.programs.program import Program

Found = dict[str, Any]


class Case:
    """A program with directions, and what its routes share."""

    def __init__(self, program: Program, directions: list[Any]) -> None:
        self.program, self.directions = program, directions

    @cached_property
    def variables(self) -> list[Any]:
        return [Var(self.program.name(slot), shape=x.shape) for slot, x in enumerate(self.program.inputs)]

    @cached_property
    def slots(self) -> list[Any]:
        return self.program.run(self.variables, np, ep)

    @property
    def f(self) -> Any:
        return self.slots[-1]

    @cached_property
    def gradient(self) -> list[Any]:
        return ep.gradient(self.f, self.variables)

    @cached_property
    def hvp(self) -> list[Any]:
        return ep.hvp(self.f, self.variables, self.directions)

    @cached_property
    def jvp(self) -> Any:
        return ep.jvp(self.f, dict(zip(self.variables, self.directions, strict=True)))

    @cached_property
    def bound(self) -> dict[Any, Any]:
        return dict(zip(self.variables, map(plain, self.program.inputs), strict=True))

    @property
    def size(self) -> int:
        return sum(x.size for x in self.program.inputs)

    def values(self, expressions: Any) -> Any:
        return ep.evaluate(expressions, self.bound)

    def weighted(self, slopes: Any) -> Any:
        """The sum of slopes times directions."""
        total = 0
        for slope, direction in zip(slopes, self.directions, strict=True):
            total = total + np.sum(slope * direction)
        return total


def plain(x: Any) -> Any:
    """A point as a number of Python's, where there is one element."""
    return x if x.shape else float(x)


def at(case: Case) -> list[Any]:
    """The points: numbers of Python's unless the program turns conditions, for `~` of Python's own bools does not."""
    turns = any("~" in step.text for step in case.program.steps)
    return [x[()] if turns else plain(x) for x in case.program.inputs]


def evaluated(case: Case) -> Found:
    return {"values": case.values(case.slots)}


def reverse(case: Case) -> Found:
    return {"slopes": case.values(case.gradient)}


def forward(case: Case) -> Found:
    return {"along": case.values(case.jvp)}


def dual(case: Case) -> Found:
    """The slots on dual numbers."""
    given = [DualNumber(x, plain(d)) for x, d in zip(at(case), case.directions, strict=True)]
    slots = case.program.run(given, np, ep)
    values = [x.value if isinstance(x, DualNumber) else x for x in slots]
    return {"values": values, "along": getattr(slots[-1], "eps", 0.0)}


def backward(case: Case) -> Found:
    given = [Variable(x.copy()) for x in case.program.inputs]
    slots = case.program.run(given, np, ep)
    slots[-1].backward()
    return {"values": [x.data if isinstance(x, Variable) else x for x in slots], "slopes": grads(given)}


class Parameter(Variable):
    """A kind of Variable of the user's own."""


def of_a_subclass(case: Case) -> Found:
    given = [Parameter(x.copy()) for x in case.program.inputs]
    case.program.run(given, np, ep)[-1].backward()
    return {"slopes": grads(given)}


def trace_in_trace(case: Case) -> Found:
    """The slope of f at the variables, by a trace of names that are those of the trace around it.

    Inside stands (3 + y**2) f(x), whose slope by the inner x is (3 + y**2) f'(x), where y is made of the outer variables. A
    clash of names that is refused is as good.
    """
    inside: list[Any] = []
    shapes = [x.shape for x in case.program.inputs]

    def outer(*xs: Any) -> Any:
        y = case.weighted(xs)

        def inner(*xs: Any) -> Any:
            inside.extend(xs)
            return (3 + y * y) * case.program.run(list(xs), np, ep)[-1]

        return ep.trace(inner, *shapes), y, xs

    try:
        f, y, xs = ep.trace(outer, *shapes)
    except NameClashError:
        return {}
    at = {
        **dict(zip(xs, map(plain, case.program.inputs), strict=True)),
        **dict(zip(inside, map(plain, case.program.inputs), strict=True)),
    }
    factor, *slopes = ep.evaluate([3 + y * y, *ep.gradient(f, inside)], at)
    return {"slopes": [slope / factor for slope in slopes]}


def grads(given: list[Any]) -> list[Any]:
    return [np.zeros(x.shape) if x.grad is None else x.grad.data for x in given]


def create_graph(case: Case) -> Found:
    """Backward of backward."""
    given = [Variable(x.copy()) for x in case.program.inputs]
    f = case.program.run(given, np, ep)[-1]
    f.backward(create_graph=True)
    slopes = [np.zeros(x.shape) if x.grad is None else x.grad for x in given]
    found = grads(given)
    for x in given:
        x.cleargrad()
    total = case.weighted(slopes)
    if isinstance(total, Variable) and total._node is not None:
        total.backward()
    return {"slopes": found, "curves": grads(given)}


def compiled(backend: str) -> Callable[[Case], Found]:
    def route(case: Case) -> Found:
        function = ep.compile([case.f, *case.gradient], case.variables, backend=backend)
        value, *slopes = [np.asarray(each) for each in function(*_given(case, backend))]
        return {"value": value, "slopes": slopes}

    return route


def compiled_curves(backend: str) -> Callable[[Case], Found]:
    def route(case: Case) -> Found:
        function = ep.compile([case.jvp, *case.hvp], case.variables, backend=backend)
        along, *curves = [np.asarray(each) for each in function(*_given(case, backend))]
        return {"along": along, "curves": curves}

    return route


def _given(case: Case, backend: str) -> list[Any]:
    if backend != "jax":
        return [plain(x) for x in case.program.inputs]
    return [jax_numpy().asarray(x) for x in case.program.inputs]


def jax_numpy() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.numpy


def at_points(case: Case) -> list[Program]:
    """The program at three points: scalar inputs move, arrays stay."""
    moves = (lambda x: x, lambda x: x + 1.0, lambda x: 0.5 - x)
    return [
        Program(tuple(x if x.shape else move(x) for x in case.program.inputs), case.program.steps) for move in moves
    ]


def _bound_to_points(case: Case) -> list[Any]:
    programs = at_points(case)
    return [
        x if x.shape else np.array([float(program.inputs[slot]) for program in programs])
        for slot, x in enumerate(case.program.inputs)
    ]


def _wanted_at_points(case: Case) -> list[Any]:
    """f, and its slopes by the scalar inputs."""
    return [case.f, *[g for g, x in zip(case.gradient, case.program.inputs, strict=True) if not x.shape]]


def points(case: Case) -> Found:
    """Scalar variables bound to arrays of points."""
    return {
        "points": ep.evaluate(_wanted_at_points(case), dict(zip(case.variables, _bound_to_points(case), strict=True)))
    }


def points_compiled(case: Case) -> Found:
    return {"points": ep.compile(_wanted_at_points(case), case.variables)(*_bound_to_points(case))}


def of_numbers(case: Case) -> bool:
    return any(x.shape == () for x in case.program.inputs)
