"""Routes through `jit`: of numbers and arrays, of Variables as one node, of part of a program, of dual numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

import exprad as ep
from exprad import DualNumber, Variable
from tests.programs.carriers import Case, Found, at, grads, plain


def _function(case: Case) -> Any:
    return ep.jit(lambda *xs: case.program.run(list(xs), np, ep)[-1])


def jitted(case: Case) -> Found:
    """The compiled value and gradient, and the gradient of the slope along the directions."""
    every = tuple(range(len(case.program.inputs)))
    f, given = _function(case), [plain(x) for x in case.program.inputs]
    value, slopes = f.value_and_gradient(*given, wrt=every)
    along = ep.jit(lambda *xs: case.weighted(f.gradient(*xs, wrt=every)) + 0 * np.sum(xs[0]))
    curves = along.gradient(*given, wrt=every)
    return {"value": np.asarray(value), "slopes": _arrays(slopes), "curves": _arrays(curves)}


def _arrays(found: Any) -> list[Any]:
    return [np.asarray(each) for each in found]


def jitted_dual(case: Case) -> Found:
    given = [DualNumber(x, plain(d)) for x, d in zip(at(case), case.directions, strict=True)]
    return {"along": getattr(_function(case)(*given), "eps", 0.0)}


def jitted_node(case: Case) -> Found:
    """Backward, and backward of backward, through one node."""
    return _twice(case, _function(case))


def jitted_half(case: Case) -> Found:
    """The first half of the steps in one node, the others on the tape: guards pass from one to the other."""
    program = case.program
    middle, names = len(program.steps) // 2, program.names
    lines = [f"{names[len(program.inputs) + place]} = {program.line(place)}" for place in range(len(program.steps))]
    known = names[: len(program.inputs) + middle]

    @ep.jit
    def first(*xs: Any) -> Any:
        scope = {"np": np, "ep": ep, **dict(zip(names, xs, strict=False))}
        exec("\n".join(lines[:middle]), scope)
        return [scope[name] for name in known[len(xs) :]]

    def function(*xs: Any) -> Any:
        scope = {"np": np, "ep": ep, **dict(zip(known, [*xs, *first(*xs)], strict=True))}
        exec("\n".join(lines[middle:]), scope)
        return scope[names[-1]]

    return _twice(case, function)


def _twice(case: Case, function: Any) -> Found:
    given = [Variable(x.copy()) for x in case.program.inputs]
    f = function(*given)
    f.backward(create_graph=True)
    slopes = [np.zeros(x.shape) if x.grad is None else x.grad for x in given]
    found = grads(given)
    for x in given:
        x.cleargrad()
    total = case.weighted(slopes)
    if isinstance(total, Variable) and total._node is not None:
        total.backward()
    return {"value": f.data, "slopes": found, "curves": grads(given)}
