"""Symbolic reverse mode: one sweep carries adjoints from the outputs to every variable, as expressions."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from exprad.chain import Guarded, Negated, plus, pullback, resolve
from exprad.expr import Expr
from exprad.tensor import stretched, summed_to
from exprad.traverse import collector_paused, independents, postorder


def adjoints(seeds: Mapping[Expr, Any], wrt: Sequence[Expr]) -> list[Any]:
    """The adjoint of each node of `wrt` for the adjoints of some outputs; None where it is zero."""
    bars: dict[Expr, Any] = {}
    with collector_paused():
        order = postorder(seeds)
        idle = independents(order, wrt)
        kept = {node for node in wrt if node._operands}
        for output, seed in seeds.items():
            bars[output] = plus(bars.get(output), stretched(seed, output.shape))
        take = bars.pop
        for node in reversed(order):
            operands = node._operands
            if operands:
                y_bar = take(node, None)
                if y_bar is not None:
                    if kept and node in kept:
                        bars[node] = y_bar
                    if node.shape:
                        _pull_array(node, y_bar, idle, bars)
                    else:
                        pullback(node.primitive, node, operands, y_bar, idle, bars)
    return [resolve(bars.get(node)) for node in wrt]


def _pull_array(node: Any, y_bar: Any, idle: Container[Any], bars: dict[Expr, Any]) -> None:
    """A step of the sweep through an array: what an operand gets is summed back to the operand's shape."""
    x_bars: dict[Expr, Any] = {}
    pullback(node.primitive, node, node._operands, y_bar, idle, x_bars)
    for x, x_bar in x_bars.items():
        if x_bar is not None:
            bars[x] = plus(bars.get(x), unbroadcast(x_bar, x.shape))


def unbroadcast(x_bar: Any, shape: tuple[int, ...]) -> Any:
    """An adjoint summed back to its operand's shape."""
    if x_bar.__class__ in (Guarded, Negated) and x_bar.value.shape == shape:
        return x_bar
    return summed_to(resolve(x_bar), shape)
