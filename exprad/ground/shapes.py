"""Shapes: what an operand's is, and how several go together."""

from __future__ import annotations

import operator
from collections.abc import Sequence

from exprad.errors import OperandError, ShapeError
from exprad.ground.digits import shown
from exprad.ground.hints import Any

Shape = tuple[int, ...]
Axes = tuple[int, ...] | None


def shape_of(x: Any) -> Shape:
    return tuple(getattr(x, "shape", ()))


def broadcast_shapes(name: str, shapes: Sequence[Shape]) -> Shape:
    """The shape that `shapes` broadcast to, as NumPy does it; `name` says in the error who asked."""
    several = set(shapes)
    several.discard(())
    if len(several) < 2:
        return several.pop() if several else ()
    width = max(map(len, shapes))
    result = []
    for sizes in zip(*[(1,) * (width - len(shape)) + tuple(shape) for shape in shapes], strict=True):
        distinct = set(sizes)
        distinct.discard(1)
        if len(distinct) > 1:
            raise ShapeError(f"{name}: shapes {', '.join(map(str, shapes))} do not broadcast together")
        result.append(distinct.pop() if distinct else 1)
    return tuple(result)


def sizes_of(shape: Any, name: str) -> Shape:
    """A shape as given, one whole number or several, none of them negative."""
    try:
        sizes = tuple([operator.index(size) for size in given_sizes(shape, name)])
    except TypeError:
        raise OperandError(f"{name}: a shape is whole numbers, got {shown(shape)}") from None
    if any(size < 0 for size in sizes):
        raise ShapeError(f"{name}: a shape has no negative sizes, got {shown(shape)}")
    return sizes


def given_sizes(shape: Any, name: str) -> tuple[Any, ...]:
    """A shape as given: one size, or a sequence of them."""
    if hasattr(shape, "__index__"):
        return (shape,)
    if isinstance(shape, str) or not hasattr(shape, "__iter__"):
        raise OperandError(f"{name}: a shape is whole numbers, got {shown(shape)}")
    return tuple(shape)


def size_of(shape: Shape) -> int:
    size = 1
    for each in shape:
        size *= each
    return size
