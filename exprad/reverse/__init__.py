"""Symbolic reverse mode: one sweep carries adjoints from the outputs to every variable, as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exprad.chain import Guarded, plus, pullback, resolve
from exprad.expr import Expr
from exprad.tensor import stretched, summed_to
from exprad.traverse import collector_paused, dependents, postorder


def adjoints(seeds: Mapping[Expr, Any], wrt: Sequence[Expr]) -> list[Any]:
    """The adjoint of each node of `wrt` for the adjoints of some outputs; None where it is zero."""
    bars: dict[Expr, Any] = {}
    with collector_paused():
        order = postorder(seeds)
        active = dependents(order, wrt)
        targets, is_active = set(wrt), active.__contains__
        for output, seed in seeds.items():
            bars[output] = plus(bars.get(output), stretched(seed, output.shape))
        for node in reversed([node for node in order if node.operands and node in active]):
            y_bar = bars.get(node) if node in targets else bars.pop(node, None)  # free what no one reads again
            if y_bar is None:
                continue
            operands = node.operands
            found = pullback(node.primitive, node, operands, y_bar, list(map(is_active, operands)))
            for operand, x_bar in zip(operands, found):  # noqa: B905  # hot
                if x_bar is not None:
                    if node.shape:
                        x_bar = unbroadcast(x_bar, operand.shape)
                    known = bars.get(operand)
                    bars[operand] = x_bar if known is None else plus(known, x_bar)
    return [resolve(bars.get(node)) for node in wrt]


def unbroadcast(x_bar: Any, shape: tuple[int, ...]) -> Any:
    """An adjoint summed back to its operand's shape."""
    if x_bar.__class__ is Guarded and x_bar.value.shape == shape:
        return x_bar
    return summed_to(resolve(x_bar), shape)
