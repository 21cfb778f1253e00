"""Tangents by each of many variables, in one walk over the graph for several: a node meets only what it depends on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any

from exprad.chain import pushforward_by_direction, resolve
from exprad.forward import tangents
from exprad.graph.expr import Expr, Var
from exprad.ground.traverse import collector_paused, postorder

_shape = attrgetter("shape")
_AT_ONCE = 32  # variables of a walk: its tangents are kept until its end


def columns(outputs: Sequence[Expr], inputs: Sequence[Var], is_symmetric: bool = False) -> Iterator[list[Any]]:
    """For each variable, the tangents of the outputs if that of the variable is 1; None where one is zero. For scalars.

    Of a symmetric matrix, what lies above the diagonal need not be right: None will do.
    """
    order = postorder(outputs)
    if any(map(_shape, order)):
        yield from (tangents(outputs, {x: 1}) for x in inputs)
        return
    order = [node for node in order if node._operands]
    last = _last(order, outputs) if is_symmetric else None
    for start in range(0, len(inputs), _AT_ONCE):
        places = range(start, min(start + _AT_ONCE, len(inputs)))
        with collector_paused():
            dots: dict[Any, dict[int, Any]] = {}
            for place in places:
                dots.setdefault(inputs[place], {})[place] = 1
            _add_dots(order, dots, last)
            found = [dots.get(output, {}) for output in outputs]
            matrix = [[resolve(each.get(place)) for each in found] for place in places]
        yield from matrix


def _last(order: Sequence[Any], outputs: Sequence[Expr]) -> dict[Any, int]:
    """By node, the place of the last output that reads it."""
    last: dict[Any, int] = {output: place for place, output in enumerate(outputs)}
    for node in reversed(order):
        place = last[node]
        for operand in node._operands:
            if last.get(operand, -1) < place:
                last[operand] = place
    return last


def _add_dots(order: Sequence[Any], dots: dict[Any, dict[int, Any]], last: Mapping[Any, int] | None) -> None:
    """Add to the tangents of variables, by their places, those of the nodes that depend on them."""
    nothing: dict[int, Any] = {}
    for node in order:
        operands = node._operands
        given = [dots.get(operand, nothing) for operand in operands]
        if any(given):
            if last is not None:
                end = last[node]
                given = [{place: dot for place, dot in each.items() if place <= end} for each in given]
            dots[node] = pushforward_by_direction(node.primitive, node, operands, given)
