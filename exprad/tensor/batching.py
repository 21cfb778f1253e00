"""How each family takes a batch: one row at many points, whose axes come in front of an operand's own.

A rule is given the operands (an operand that has points has all of them; one that is the same at each point has only its
own axes), their own shapes, the shape of the points, and the parameters. It is written with rows, so that it holds for
every carrier and for derivatives. A family without a rule is computed point by point.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import product
from string import ascii_letters
from typing import Any

from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Axes, Shape, broadcast_shapes, shape_of
from exprad.tables import elementary as table
from exprad.tensor import linear, matrices, reductions
from exprad.tensor.family import Family, Structural
from exprad.tensor.linear import Index, IndexArray, Slice, axes_of, permuted, reshaped, stretched

Rule = Callable[..., Any]


def at_points(row: Primitive, xs: Sequence[Any], own: Sequence[Shape], shape: Shape) -> Any:
    """The value of a row whose operands have shapes `own`, and its result `shape`, where values may have points in front."""
    leads = [shape_of(x)[: len(shape_of(x)) - len(mine)] for x, mine in zip(xs, own, strict=True)]
    if not any(leads):
        return row(*xs)
    if not isinstance(row, Structural):
        return row(*[_padded(x, lead, mine, len(shape)) for x, lead, mine in zip(xs, leads, own, strict=True)])
    points = broadcast_shapes(row.name, leads)
    ready = [
        stretched(_with_points(x, lead, mine, len(points)), points + mine) if lead else x
        for x, lead, mine in zip(xs, leads, own, strict=True)
    ]
    return batched(row, ready, own, points)


def batched(row: Structural, xs: Sequence[Any], own: Sequence[Shape], points: Shape) -> Any:
    """The value of a row of the second table, where an operand that has points has all of them."""
    rule = row.family.batch
    found = rule(xs, own, points, **row.parameters) if rule else None
    return _one_by_one(row, xs, own, points) if found is None else found


def without_axes(row: Structural, *xs: Any) -> Any:
    """What a row is of operands that have no axes, where it gives no axes: rows of the first table; None for others."""
    rule = row.family.batch
    return rule(xs, [()] * len(xs), (), **row.parameters) if rule else None


def _padded(x: Any, lead: Shape, own: Shape, rank: int) -> Any:
    """x with as many own axes as the result, so that points meet points."""
    return reshaped(x, (*lead, *(1,) * (rank - len(own)), *own)) if lead else x


def _with_points(x: Any, lead: Shape, own: Shape, rank: int) -> Any:
    return reshaped(x, (*(1,) * (rank - len(lead)), *lead, *own))


def _one_by_one(row: Structural, xs: Sequence[Any], own: Sequence[Shape], points: Shape) -> Any:
    shape = row.shape(*own)
    found = []
    for place in product(*map(range, points)):
        at = [
            linear.getitem(x, index=(*place, *map(whole, mine))) if shape_of(x) != mine else x
            for x, mine in zip(xs, own, strict=True)
        ]
        found.append(reshaped(row(*at), (1, *shape)))
    return reshaped(linear.joined(found, 0), points + shape) if found else stretched(0.0, points + shape)


def whole(size: int) -> Slice:
    """An axis as a whole, as an index names it."""
    return Slice(0, size)


def takes_batches(*families: Family) -> Callable[[Rule], Rule]:
    """Give families their rule."""

    def given(rule: Rule) -> Rule:
        for family in families:
            family.batch = rule
        return rule

    return given


# Rows that reduce axes.


def _reducing(family: Family, of_none: Callable[[Any], Any]) -> None:
    """A rule for a row along axes; `of_none` is what it is of a number, along no axes."""

    @takes_batches(family)
    def rule(xs: Sequence[Any], own: Sequence[Shape], points: Shape, axis: Axes, **options: Any) -> Any:
        axes = axes_of(axis, own[0])
        return family(xs[0], axis=tuple(len(points) + i for i in axes), **options) if axes else of_none(xs[0])


for _family in (linear.sum, reductions.prod, reductions.max, reductions.min, reductions.logsumexp):
    _reducing(_family, lambda x: x)
_reducing(reductions.norm, table.abs)
_reducing(reductions.softmax, lambda x: table.exp(x - x))
_reducing(reductions.log_softmax, lambda x: x - x)


@takes_batches(linear.cumsum)
def _cumsum(xs: Sequence[Any], own: Sequence[Shape], points: Shape, axis: int) -> Any:
    return linear.cumsum(xs[0], axis=len(points) + axis)


# Rows that move elements.


@takes_batches(linear.broadcast_to)
def _broadcast_to(xs: Sequence[Any], own: Sequence[Shape], points: Shape, shape: Shape) -> Any:
    return stretched(_padded(xs[0], points, own[0], len(shape)), points + shape)


@takes_batches(linear.reshape)
def _reshape(xs: Sequence[Any], own: Sequence[Shape], points: Shape, shape: Shape) -> Any:
    return reshaped(xs[0], points + shape)


@takes_batches(linear.transpose)
def _transpose(xs: Sequence[Any], own: Sequence[Shape], points: Shape, axes: tuple[int, ...]) -> Any:
    return permuted(xs[0], (*range(len(points)), *(len(points) + i for i in axes)))


@takes_batches(linear.concatenate)
def _concatenate(xs: Sequence[Any], own: Sequence[Shape], points: Shape, axis: int) -> Any:
    wide = [stretched(x, points + mine) for x, mine in zip(xs, own, strict=True)]
    return linear.concatenate(*wide, axis=len(points) + axis)


@takes_batches(linear.getitem)
def _getitem(xs: Sequence[Any], own: Sequence[Shape], points: Shape, index: Index) -> Any:
    if not points and not index:
        return xs[0]
    found = linear.getitem(xs[0], index=(*map(whole, points), *index))
    if IndexArray not in map(type, index):
        return found
    return permuted(found, _behind(index, len(points), len(shape_of(found))))


@takes_batches(linear.add_at)
def _add_at(xs: Sequence[Any], own: Sequence[Shape], points: Shape, shape: Shape, index: Index) -> Any:
    if not points and not index:
        return xs[0]
    moved = xs[0]
    if IndexArray in map(type, index):
        order = _behind(index, len(points), len(shape_of(moved)))
        moved = permuted(moved, tuple(order.index(i) for i in range(len(order))))
    return linear.add_at(moved, shape=points + shape, index=(*map(whole, points), *index))


def _behind(index: Index, lead: int, rank: int) -> tuple[int, ...]:
    """The order of axes that puts the axes of points in front: NumPy puts those of arrays apart from one another there."""
    arrays = [place for place, each in enumerate(index) if isinstance(each, (int, IndexArray))]
    ranks = [each.array.ndim for each in index if isinstance(each, IndexArray)]
    if arrays == list(range(arrays[0], arrays[-1] + 1)):
        return tuple(range(rank))
    common = max(ranks)
    return (*range(common, common + lead), *range(common), *range(common + lead, rank))


# Linear algebra, and rows that take stacks as they are.


def _taking_stacks(family: Family) -> None:
    @takes_batches(family)
    def rule(xs: Sequence[Any], own: Sequence[Shape], points: Shape, **parameters: Any) -> Any:
        return family(*xs, **parameters) if points else None


for _family in (linear.astype, matrices.inv, matrices.det, matrices.logdet, matrices.cofactor):
    _taking_stacks(_family)


def _matrices(xs: Sequence[Any], own: Sequence[Shape], points: Shape) -> list[Any]:
    """Operands as stacks of matrices of the same rank: vectors as a row on the left, as a column on the right."""
    rank = max(2, *map(len, own))
    found = []
    for place, (x, mine) in enumerate(zip(xs, own, strict=True)):
        full = mine if len(mine) > 1 else (*mine, 1) if place else (1, *mine)
        has_points = len(shape_of(x)) > len(mine)
        found.append(reshaped(x, (*(points if has_points else ()), *(1,) * (rank - len(full)), *full)))
    return found


@takes_batches(matrices.matmul)
def _matmul(xs: Sequence[Any], own: Sequence[Shape], points: Shape) -> Any:
    (a, b), (rows, columns) = xs, map(len, own)
    if rows == columns == 1:
        return linear.sum(a * b, axis=(len(points),))
    if rows == 1 and columns == 2 and len(shape_of(b)) == 2:
        return matrices.matmul(a, b)
    if rows == 2 and columns == 1 and len(shape_of(a)) == 2:
        return matrices.matmul(b, linear.swapped(a))
    return reshaped(matrices.matmul(*_matrices(xs, own, points)), points + matrices.matmul.shape(*own))


@takes_batches(matrices.solve)
def _solve(xs: Sequence[Any], own: Sequence[Shape], points: Shape) -> Any:
    return reshaped(matrices.solve(*_matrices(xs, own, points)), points + matrices.solve.shape(*own))


@takes_batches(matrices.einsum)
def _einsum(xs: Sequence[Any], own: Sequence[Shape], points: Shape, subscripts: str) -> Any:
    if not any(own):
        return reduce(table.mul, xs)
    given, result = subscripts.split("->")
    free = [letter for letter in ascii_letters if letter not in subscripts]
    if len(free) < len(points):
        return None
    lead = "".join(free[: len(points)])
    parts = [
        lead * (len(shape_of(x)) > len(letters)) + letters for x, letters in zip(xs, given.split(","), strict=True)
    ]
    return matrices.einsum(*xs, subscripts=f"{','.join(parts)}->{lead}{result}")
