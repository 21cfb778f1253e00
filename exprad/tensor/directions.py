"""Tangents in many directions at once: a tangent has axes in front of its own, `lead`, which count the directions.

What a row makes of them it makes as of a batch of points (see `batching`). Conditions are the same in every direction, so guards
have no such axes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from operator import attrgetter
from typing import Any

from exprad.chain import Masked, plus, pushforward, resolve, times, unchanged, within
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape, shape_of
from exprad.tensor.batching import batched, whole
from exprad.tensor.carrying import arrives_pushed, is_whole, moved, of_shape, slope_of
from exprad.tensor.family import Structural
from exprad.tensor.linear import add_at, getitem, joined, masked, reshaped, stretched, sum

_shape = attrgetter("shape")


def pushforwards(row: Primitive, y: Any, xs: Sequence[Any], x_dots: list[Any], lead: Shape) -> Any:
    """The tangents of a node y = row(*xs), for those of the operands."""
    if isinstance(row, Structural):
        return _through(row, y, xs, x_dots, lead)
    rank = len(y.shape)
    for place, x in enumerate(xs):
        if len(x.shape) != rank and x_dots[place] is not None:
            x_dots[place] = _aligned(x_dots[place], rank - len(x.shape), lead)
    return pushforward(row, y, xs, x_dots)


def _aligned(x_dot: Any, more: int, lead: Shape) -> Any:
    """A tangent with as many own axes as the result, so that directions meet directions."""
    wide = (*lead, *(1,) * more)
    return within(lambda part: reshaped(part, wide + shape_of(part)[len(lead) :]), x_dot, unchanged)


def _through(row: Structural, y: Any, xs: Sequence[Any], x_dots: Sequence[Any], lead: Shape) -> Any:
    """The same for a row of the second table."""
    own = list(map(_shape, xs))
    ready = [  # of no elements comes nothing
        None if x_dot is None or 0 in mine else of_shape(x_dot, lead + mine)
        for x_dot, mine in zip(x_dots, own, strict=True)
    ]
    family = row.family
    if family.slope is not None:
        return None if ready[0] is None else _summed(row, y, xs, ready[0], lead)
    if family.is_linear and all(map(is_whole, ready)):
        made = batched(row, list(map(resolve, ready)), own, lead)
        return masked(made, **row.parameters) if family is add_at else made
    y_dot = None
    for index, x_dot in enumerate(ready):
        if x_dot is not None:
            y_dot = plus(y_dot, _pushed(row, y, xs, x_dot, index, lead))
    return y_dot


def _summed(row: Structural, y: Any, xs: Sequence[Any], x_dot: Any, lead: Shape) -> Any:
    """Through a reduction that states its slope by each element: a product and a sum."""
    slopes = times(row, slope_of(row), y, xs, x_dot)
    if slopes is None:
        return None
    total = sum.row(axis=row.parameters["axis"], keepdims=row.parameters["keepdims"])
    have, shape = shape_of(xs[0]), shape_of(y)
    return moved(
        total,
        of_shape(slopes, lead + have),
        have,
        shape,
        lead=lead,
        of_value=lambda part: batched(total, [part], [have], lead),
    )


def _pushed(row: Structural, y: Any, xs: Sequence[Any], x_dot: Any, index: int, lead: Shape) -> Any:
    have, shape = shape_of(xs[index]), shape_of(y)

    def rule(part: Any) -> Any:
        return row.family.push(y, xs, part, index, **row.parameters)

    def of_value(part: Any) -> Any:
        if row.family is add_at:
            return masked(batched(row, [part], [have], lead), **row.parameters)
        if row.family.is_multilinear or row.family.is_linear and row.arity == 1:
            return batched(row, [*xs[:index], part, *xs[index + 1 :]], list(map(_shape, xs)), lead)
        return _one_by_one(rule, part, have, shape, lead)

    arrives = arrives_pushed(row, xs, rule, index)
    return moved(rule, x_dot, have, shape, arrives, lead=lead, of_value=of_value)


def _one_by_one(rule: Callable[[Any], Any], x_dots: Any, have: Shape, shape: Shape, lead: Shape) -> Any:
    """What a rule makes of the tangent in each direction; where it counts is the same in all."""
    found = [rule(getitem(x_dots, index=(*place, *map(whole, have)))) for place in product(*map(range, lead))]
    rows = [reshaped(stretched(resolve(each), shape), (1, *shape)) for each in found]
    together = reshaped(joined(rows, 0), lead + shape)
    return Masked(found[0].guard, together) if found[0].__class__ is Masked else together
