"""The backward pass over a tape: what a node passes on, on arrays, or on Variables where the pass is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.chain import Guarded, joined, plus, resolve
from exprad.primitive import Primitive
from exprad.value import keep
from exprad.variable.tape import Leaf, Node


def verify(order: Sequence[Any]) -> None:
    """Raise if data that the tape has read were changed since."""
    for node in order:
        if node.__class__ is Leaf:
            if node.hold is not None:
                node.hold.verify()
        else:
            for _, _, hold in node.constants:
                if hold is not None:
                    hold.verify()


def pull_arrays(row: Primitive, node: Node, operands: Sequence[Any], y_bar: Any, _: Any, bars: dict[Any, Any]) -> None:
    """A step of the sweep on arrays."""
    _spread(node, operands, node.rule.pull, node.saved, y_bar, bars)


def pull_variables(
    row: Primitive, node: Node, operands: Sequence[Any], y_bar: Any, _: Any, bars: dict[Any, Any]
) -> None:
    """A step of the sweep that is recorded itself."""
    _spread(node, operands, node.rule.pull_carriers, _saved_variables(node), y_bar, bars)


def _spread(node: Node, operands: Sequence[Any], pull: Any, saved: Any, y_bar: Any, bars: dict[Any, Any]) -> None:
    """Add what a node passes on to the adjoints of its operands; guards are kept where shapes are."""
    conditions: tuple[Any, ...] = ()
    if y_bar.__class__ is Guarded:
        if node.rule.is_plain:
            conditions, y_bar = y_bar.conditions, y_bar.value
        else:
            y_bar = _resolved(y_bar)
    for x, x_bar in zip(operands, pull(y_bar, saved), strict=True):
        if x_bar is None:
            continue
        if conditions:
            inner, value = (x_bar.conditions, x_bar.value) if x_bar.__class__ is Guarded else ((), x_bar)
            x_bar = Guarded((*conditions, *inner), value)
        known = bars.get(x)
        bars[x] = x_bar if known is None else plus(known, x_bar)


def _resolved(bar: Any) -> Any:
    """What a guarded adjoint is as an array."""
    value = bar.value
    if value.__class__ is not np.ndarray or value.dtype.kind != "f":
        return resolve(bar)
    condition, kept = joined(bar.conditions), np.empty_like(value)
    if condition.shape != value.shape:
        return resolve(bar)
    keep(condition, value, kept)
    return kept


def _saved_variables(node: Node) -> Any:
    """What a node saved, as the Variables that it was."""
    from exprad.variable import Variable

    places = node.rule.places
    if not places:
        return None
    values = node.saved if len(places) > 1 else (node.saved,)
    constant = {place for place, *_ in node.constants}
    nodes = iter(node._operands)
    of_place = {place: next(nodes) for place in range(node.primitive.arity) if place not in constant}
    found = []
    for place, value in zip(places, values, strict=True):
        if place and place - 1 in constant:
            found.append(value)
            continue
        origin = node if place == 0 else of_place[place - 1]
        found.append(Variable._of(value, origin))
    return tuple(found) if len(found) > 1 else found[0]


def own(x_bar: Any, taken: set[int]) -> Any:
    """A gradient in memory of its own: the sweep hands one array to several operands, and views."""
    if x_bar.__class__ is np.ndarray and (id(x_bar) in taken or not x_bar.flags.owndata or not x_bar.flags.writeable):
        x_bar = x_bar.copy()
    taken.add(id(x_bar))
    return x_bar
