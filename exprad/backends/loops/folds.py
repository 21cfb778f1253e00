"""Reductions in the order in which NumPy goes through an array, so that sums have the same bits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exprad.backends.loops.jobs import Fold
from exprad.backends.loops.views import View, contiguous, merged
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape

BUFFER = 8192  # elements that NumPy takes at once where axes that are reduced don't lie one after another


def folds(to: Any, row: Primitive, x: View, y: View) -> Iterator[Fold]:
    """Jobs that take each element of x into that of y, which has strides of 0 along axes that are reduced.

    NumPy orders axes by strides, merges those that follow one another, and calls one loop along the last. Where several of
    the last are reduced, it copies as many elements as its buffer holds, and reduces these.
    """
    order = _ordered(x.shape, y.strides, x.strides)
    x, y = x.transposed(order), y.transposed(order)
    shape, (reads, writes) = merged(x.shape, (x.strides, y.strides))
    first = len(shape)
    while first and not writes[first - 1]:
        first -= 1
    if len(shape) - first < 2:
        yield Fold(row, shape, View(x.memory, x.offset, shape, reads), View(y.memory, y.offset, shape, writes))
        return
    yield from _buffered(to, row, View(x.memory, x.offset, shape, reads), writes, y, first)


def _buffered(to: Any, row: Primitive, x: View, writes: Shape, y: View, first: int) -> Iterator[Fold]:
    """The axes from `first` on are reduced: of the last, as many as the buffer holds are one axis, in pieces."""
    copied = to.copy(x, to.new(x.shape))
    count, axis = x.shape[-1], len(x.shape) - 1
    while axis > first and count * x.shape[axis - 1] <= BUFFER:
        axis -= 1
        count *= x.shape[axis]
    outer, steps = x.shape[:axis], contiguous(x.shape)[:axis]
    whole = View(copied.memory, copied.offset, (*outer, count), (*steps, 1))
    if axis == first:
        yield Fold(row, whole.shape, whole, View(y.memory, y.offset, whole.shape, (*writes[:axis], 0)))
        return
    at_once = max(1, BUFFER // count)
    for start in range(0, outer[-1], at_once):  # in the order of NumPy where nothing else is outside
        part = min(at_once, outer[-1] - start)
        shape = (*outer[:-1], part * count)
        read = View(copied.memory, copied.offset + start * count, shape, (*steps[:-1], 1))
        yield Fold(row, shape, read, View(y.memory, y.offset, shape, (*writes[: axis - 1], 0)))


def _ordered(shape: Shape, *strides: Shape) -> list[int]:
    """The axes in the order of NumPy's iterators: an insertion sort by strides, in which axes stay where no stride tells."""
    order = list(range(len(shape)))[::-1]  # the last axis, which is the fastest, first
    sizes = [tuple([0 if shape[axis] == 1 else abs(each[axis]) for each in strides]) for axis in range(len(shape))]
    for place in range(1, len(order)):
        target = place
        for other in range(place - 1, -1, -1):
            told = _goes_inside(sizes[order[place]], sizes[order[other]])
            if told is None:
                continue
            if not told:
                break
            target = other
        order.insert(target, order.pop(place))
    return order[::-1]


def _goes_inside(mine: tuple[int, ...], other: tuple[int, ...]) -> bool | None:
    """Whether an axis goes inside another; None where no stride tells."""
    found: bool | None = None
    for a, b in zip(mine, other, strict=True):
        if a and b:
            if b <= a:
                return False
            found = True
    return found
