"""Routes to second derivatives, and the table of all routes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import exprad as ep
from exprad import DualNumber, Variable
from tests.programs.carriers import (
    Case,
    Found,
    at,
    backward,
    compiled,
    compiled_curves,
    create_graph,
    dual,
    evaluated,
    forward,
    grads,
    of_a_subclass,
    of_numbers,
    plain,
    points,
    points_compiled,
    reverse,
    trace_in_trace,
)
from tests.programs.jitted import jitted, jitted_dual, jitted_half, jitted_node


def forward_over_reverse(case: Case) -> Found:
    return {"curves": case.values(case.hvp)}


def reverse_over_reverse(case: Case) -> Found:
    return {"curves": case.values(ep.gradient(case.weighted(case.gradient), case.variables))}


def reverse_over_forward(case: Case) -> Found:
    return {"curves": case.values(ep.gradient(case.jvp, case.variables))}


def forward_over_forward(case: Case) -> Found:
    return {"across": case.values(ep.jvp(case.jvp, dict(zip(case.variables, case.directions, strict=True))))}


def nested_dual(case: Case) -> Found:
    given = [DualNumber(DualNumber(x, plain(d)), plain(d)) for x, d in zip(at(case), case.directions, strict=True)]
    f = case.program.run(given, np, ep)[-1]
    return {"across": getattr(getattr(f, "eps", 0.0), "eps", 0.0)}


def dual_over_reverse(case: Case) -> Found:
    given = {
        x: DualNumber(plain(at), plain(d))
        for x, at, d in zip(case.variables, case.program.inputs, case.directions, strict=True)
    }
    found = ep.evaluate(case.gradient, given)
    return {
        "slopes": [getattr(x, "value", x) for x in found],
        "curves": [getattr(x, "eps", np.zeros(np.shape(x))) for x in found],
    }


def backward_over_reverse(case: Case) -> Found:
    """The symbolic gradient, evaluated on Variables, and a backward pass."""
    given = [Variable(x.copy()) for x in case.program.inputs]
    total = case.weighted(ep.evaluate(case.gradient, dict(zip(case.variables, given, strict=True))))
    if isinstance(total, Variable):
        total.backward()
    return {"curves": grads(given)}


def dense_hessian(case: Case) -> Found:
    """The whole matrix, of one variable with a shape, or of each with each."""
    rows = ep.hessian(case.f, case.variables)
    curves = []
    for row in rows:
        total: Any = 0.0
        for block, d in zip(row, case.directions, strict=True):
            total = total + np.tensordot(case.values(block), d, d.ndim)
        curves.append(total)
    return {"all curves": curves}


def sparse_hessian(case: Case) -> Found:
    (x,), (d,) = case.variables, case.directions
    matrix = ep.hessian(case.f, x, sparse=True).evaluate(case.bound)
    return {"all curves": [(matrix.toarray() @ d.ravel()).reshape(d.shape)]}


def recorded(case: Case) -> Found:
    """What a Variable recorded, as an expression."""
    given = [Variable(x.copy(), case.program.name(slot)) for slot, x in enumerate(case.program.inputs)]
    f = case.program.run(given, np, ep)[-1].expression
    return {"value": ep.evaluate(f, case.bound), "slopes": ep.evaluate(ep.gradient(f, case.variables), case.bound)}


def is_scalar(case: Case) -> bool:
    """Whether a program is one of numbers alone, as C takes them."""
    return all(x.shape == () for x in case.program.inputs) and all(getattr(x, "shape", ()) == () for x in case.slots)


class Route(NamedTuple):
    run: Callable[[Case], Found]
    every: int = 1  # of how many programs one takes it
    fits: Callable[[Case], bool] = lambda case: True


ROUTES: dict[str, Route] = {
    "evaluate": Route(evaluated),
    "reverse": Route(reverse),
    "forward": Route(forward),
    "dual": Route(dual),
    "backward": Route(backward),
    "create_graph": Route(create_graph),
    "subclass": Route(of_a_subclass, 10),
    "trace in trace": Route(trace_in_trace, 10),
    "points": Route(points, 2, of_numbers),
    "points, compiled": Route(points_compiled, 4, of_numbers),
    "forward over reverse": Route(forward_over_reverse),
    "reverse over reverse": Route(reverse_over_reverse, 2),
    "reverse over forward": Route(reverse_over_forward, 2),
    "forward over forward": Route(forward_over_forward, 2),
    "nested dual": Route(nested_dual),
    "dual over reverse": Route(dual_over_reverse, 2),
    "backward over reverse": Route(backward_over_reverse, 3),
    "recorded": Route(recorded, 4),
    "compiled": Route(compiled("numpy"), 2),
    "compiled curves": Route(compiled_curves("numpy"), 4),
    "native": Route(compiled("native"), 2),
    "native curves": Route(compiled_curves("native"), 4),
    "jax": Route(compiled("jax"), 100),
    "jit": Route(jitted, 5),
    "jit, a node": Route(jitted_node, 4),
    "jit, half": Route(jitted_half, 4),
    "jit, dual": Route(jitted_dual, 10),
    "hessian": Route(dense_hessian, 4, lambda case: case.size <= 6 and all(x.shape for x in case.program.inputs)),
    "sparse hessian": Route(sparse_hessian, 1, lambda case: len(case.program.inputs) == 1 and 0 < case.size <= 9
                            and bool(case.program.inputs[0].shape)),
}  # fmt: skip
