"""The backward pass over a tape: what a node passes on, on arrays, or on Variables where the pass is recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from exprad.chain import Guard, Guarded, Masked, both, guard_of, joined, plus, resolve
from exprad.ground.primitive import Primitive
from exprad.numbers import keep
from exprad.variable.rules import Pull
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
    _spread(node, operands, y_bar, node.saved, node.rule.pull, "on_arrays", bars)


def pull_carriers(made: Callable[[Any, Any], Any]) -> Callable[..., None]:
    """A step of the sweep that is recorded itself: `made(value, node)` makes the carrier that a node of the tape computed."""

    def pull(row: Primitive, node: Node, operands: Sequence[Any], y_bar: Any, _: Any, bars: dict[Any, Any]) -> None:
        _spread(node, operands, y_bar, _saved(node, made), node.rule.whole.on_carriers, "on_carriers", bars)

    return pull


def _spread(
    node: Node,
    operands: Sequence[Any],
    y_bar: Any,
    saved: Any,
    pull: Callable[..., Sequence[Any]],
    target: str,
    bars: dict[Any, Any],
) -> None:
    """Add what a node passes on to the adjoints of its operands; `pull` gives it for an adjoint that counts everywhere."""
    rule, kind = node.rule, y_bar.__class__
    if rule.is_empty:
        return
    if kind is not Guarded and kind is not Masked:
        found = pull(y_bar, None, saved)
        if rule.has_masks:
            found = _marked(node, rule.whole, None, found)
    elif kind is Guarded and rule.is_plain:
        conditions = y_bar.conditions
        found = [_under(conditions, x_bar) for x_bar in pull(y_bar.value, None, saved)]
    else:
        found = _masked(node, y_bar, saved, target)
    for x, x_bar in zip(operands, found, strict=True):
        if x_bar is not None:
            so_far = bars.get(x)
            bars[x] = x_bar if so_far is None else plus(so_far, x_bar)


def _under(conditions: tuple[Any, ...], x_bar: Any) -> Any:
    if x_bar.__class__ is Guarded:
        return Guarded((*conditions, *x_bar.conditions), x_bar.value)
    return None if x_bar is None else Guarded(conditions, x_bar)


def _masked(node: Node, y_bar: Any, saved: Any, target: str) -> Sequence[Any]:
    """What a node passes on of an adjoint that has a guard, which goes where the rule takes it."""
    rule, guard = node.rule, guard_of(y_bar)
    value = _resolved(y_bar)
    pull = rule.masked
    condition = guard.condition if pull.needs_condition else None  # type: ignore[union-attr]  # it has a guard
    if condition is True:
        pull, guard = rule.whole, None
    found: Sequence[Any] = getattr(pull, target)(value, condition, saved)
    return _marked(node, pull, guard, found) if pull.has_masks else found


def _marked(node: Node, pull: Pull, guard: Guard | None, found: Sequence[Any]) -> list[Any]:
    """Adjoints of operands with the guards that the rule gives them, which are computed when they are asked for: by what
    comes before an operand, so not of leaves."""
    rule, saved = node.rule, node.saved

    def mask(index: int, x_bar: Any) -> Guard:
        own = rule.whole.guard(index)
        conditions = x_bar.conditions if x_bar.__class__ is Guarded else ()

        def holds(condition: Any = True) -> Any:
            if condition is True:
                left = own is None or rule.whole.mask(index, None, saved)
                return both(left, joined(conditions)) if conditions else left
            whole = condition if rule.is_plain else np.broadcast_to(condition, rule.y_shape)  # one rule for all shapes
            return pull.mask(index, whole, saved)

        return Guard(holds, is_static=own.is_static) if guard is None else Guard(holds, guard)

    return [
        x_bar
        if x_bar is None or x.__class__ is Leaf or pull.guard(index) is None
        else Masked(mask(index, x_bar), x_bar)
        for index, (x, x_bar) in enumerate(zip(node._operands, found, strict=True))
    ]


def _resolved(bar: Any) -> Any:
    """What a guarded adjoint is as an array."""
    if bar.__class__ is Masked:
        bar = bar.value
    value: Any = bar.value if bar.__class__ is Guarded else None
    if value.__class__ is not np.ndarray or value.dtype.kind != "f":
        return resolve(bar)
    condition, kept = joined(bar.conditions), np.empty_like(value)
    if condition.shape != value.shape:
        return resolve(bar)
    keep(condition, value, kept)
    return kept


def _saved(node: Node, made: Callable[[Any, Any], Any]) -> Any:
    """What a node saved, as the carriers that it was."""
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
        found.append(made(value, origin))
    return tuple(found) if len(found) > 1 else found[0]


def own(x_bar: Any, taken: set[int]) -> Any:
    """A gradient in memory of its own: the sweep hands one array to several operands, and views."""
    if x_bar.__class__ is np.ndarray and (id(x_bar) in taken or not x_bar.flags.owndata or not x_bar.flags.writeable):
        x_bar = x_bar.copy()
    taken.add(id(x_bar))
    return x_bar
