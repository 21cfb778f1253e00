"""Symbolic forward mode: tangents flow from variables to outputs, as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exprad.chain import pushforward, resolve
from exprad.expr import Expr, expression, variables_by_name
from exprad.traverse import collector_paused, independents, postorder


def tangents(outputs: Sequence[Expr], seeds: Mapping[Expr, Any]) -> list[Any]:
    """The tangent of each output for the tangents of some nodes; None where it is zero."""
    x_dot: dict[Expr, Any] = dict(seeds)
    with collector_paused():
        order = postorder(outputs)
        idle = independents(order, seeds)
        if any(node.shape for node in order):  # rows of arrays take expressions for numbers
            variables_by_name(order)  # refuses one name with two shapes
            x_dot = {node: expression(seed) for node, seed in seeds.items()}
        for node in order:
            if node not in idle and node not in seeds:
                operands = node._operands
                y_dot = pushforward(node.primitive, node, operands, [x_dot.get(operand) for operand in operands])
                if y_dot is not None:
                    x_dot[node] = y_dot
    return [resolve(x_dot.get(output)) for output in outputs]
