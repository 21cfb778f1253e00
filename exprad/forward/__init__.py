"""Symbolic forward mode: tangents flow from variables to outputs, as expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Any

from exprad.chain import pushforward, resolve
from exprad.graph.expr import Expr, expression, variables_by_name
from exprad.ground.shapes import Shape
from exprad.ground.traverse import by_age, collector_paused, independents, postorder
from exprad.tensor import stretched
from exprad.tensor.directions import pushforwards

_shape = attrgetter("shape")


def tangents(outputs: Sequence[Expr], seeds: Mapping[Expr, Any], lead: Shape = ()) -> list[Any]:
    """The tangent of each output for the tangents of some nodes; None where it is zero.

    In many directions at once, all seeds have axes `lead`, which count them, in front of their own, and so have the tangents.
    """
    x_dot: dict[Expr, Any] = dict(seeds)
    push = partial(pushforwards, lead=lead) if lead else pushforward
    with collector_paused():
        order = postorder(outputs)
        idle = independents(order, seeds)
        if any(map(_shape, order)):  # rows of arrays take expressions for numbers
            variables_by_name(order)  # refuses one name with two shapes
            x_dot = {node: expression(seed) for node, seed in seeds.items()}
        for node in order:
            if node not in idle and node not in seeds:
                operands = node._operands
                y_dot = push(node.primitive, node, operands, list(map(x_dot.get, operands)))
                if y_dot is not None:
                    x_dot[node] = y_dot
    return [resolve(x_dot.get(output)) for output in outputs]


class Slopes:
    """Tangents asked node by node, of nodes that may be built meanwhile: each node is visited once in all.

    A derivative of a derivative is asked of the same object: the tangent of what it gave.
    """

    def __init__(self, seeds: Mapping[Expr, Any]) -> None:
        self._dots: dict[Expr, Any] = {node: expression(seed) for node, seed in seeds.items()}
        self._seen: set[Expr] = set(seeds)

    def __call__(self, node: Expr) -> Expr | None:
        """The tangent of a node, in the node's shape; None where it is zero."""
        for each in self._unseen(node):
            operands = each._operands
            x_dots = [self._dots.get(operand) for operand in operands]
            if any(x_dot is not None for x_dot in x_dots):
                y_dot = pushforward(each.primitive, each, operands, x_dots)  # type: ignore[attr-defined]  # a call
                if y_dot is not None:
                    self._dots[each] = y_dot
        found = resolve(self._dots.get(node))
        return None if found is None else stretched(found, node.shape)

    def _unseen(self, node: Expr) -> list[Expr]:
        found: list[Expr] = []
        stack = [node]
        while stack:
            each = stack.pop()
            if each not in self._seen:
                self._seen.add(each)
                found.append(each)
                stack.extend(each._operands)
        return sorted(found, key=by_age)
