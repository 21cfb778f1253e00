"""Symbolic reverse mode: one sweep carries adjoints from the outputs to every variable, as expressions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from operator import attrgetter
from typing import Any

from exprad.chain import Masked, plus, pullback, resolve
from exprad.graph.expr import Expr, expression, variables_by_name
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import collector_paused, independents, postorder, sweep
from exprad.reverse.written import written_pulls
from exprad.tensor import stretched
from exprad.tensor.carrying import unbroadcast

_shape = attrgetter("shape")


def adjoints(seeds: Mapping[Expr, Any], wrt: Sequence[Expr]) -> list[Any]:
    """The adjoint of each node of `wrt` for the adjoints of some outputs; None where it is zero."""
    return [resolve(x_bar) for x_bar in sensitivities(seeds, wrt)]


def sensitivities(seeds: Mapping[Expr, Any], wrt: Sequence[Expr]) -> list[Any]:
    """The same with their guards: those of `chain`. An adjoint of an output may have one, too."""
    bars: dict[Expr, Any] = {}
    with collector_paused():
        order = postorder(seeds)
        idle = independents(order, wrt)
        is_shaped = any(map(_shape, order))
        if is_shaped:
            variables_by_name(order)  # refuses one name with two shapes
        for output, seed in seeds.items():
            is_whole = is_shaped and seed.__class__ is not Masked
            bars[output] = stretched(expression(seed), output.shape) if is_whole else seed
        kept = {node for node in wrt if node._operands}
        if is_shaped:
            sweep(order, bars, idle, kept, _pull_array)
        else:
            written = {} if any(node.is_const for node in wrt) else written_pulls(order)
            sweep(order, bars, idle, kept, pullback, written)
    return [bars.get(node) for node in wrt]


def _pull_array(
    f: Primitive, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], bars: dict[Any, Any]
) -> None:
    """The pullback among arrays: what an operand gets is summed back to the operand's shape. Of no elements comes nothing."""
    if 0 in y.shape:
        return
    x_bars: dict[Any, Any] = {}
    pullback(f, y, xs, y_bar, idle, x_bars)
    for x, x_bar in x_bars.items():
        if x_bar is not None:
            before = bars.get(x)
            if getattr(x_bar, "shape", None) != x.shape:  # of another shape, or one that has a guard or a sign
                x_bar = unbroadcast(x_bar, x.shape)
            bars[x] = x_bar if before is None else plus(before, x_bar)
