"""Where the elements of an array lie: in a memory, from an offset on, by strides. Moves of elements that cost nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from exprad.ground.shapes import Shape


@lru_cache(maxsize=4096)
def contiguous(shape: Shape) -> Shape:
    """The strides of an array whose elements lie one after another, in elements.

    >>> contiguous((2, 3))
    (3, 1)
    """
    return tuple([prod(shape[axis + 1 :]) for axis in range(len(shape))])


class View(NamedTuple):
    """An array: the number of a memory, where in it the first element lies, and the shape and strides in elements.

    >>> x = View(0, 0, (2, 3), (3, 1))
    >>> x.transposed((1, 0)).strides, x.broadcast((4, 2, 3)).strides
    ((1, 3), (0, 3, 1))
    >>> x.part((1, slice(None, None, -1)))
    View(memory=0, offset=5, shape=(3,), strides=(-1,))
    """

    memory: int
    offset: int
    shape: Shape
    strides: Shape

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def is_contiguous(self) -> bool:
        return self.strides == contiguous(self.shape) or _is_contiguous(self.shape, self.strides)

    def broadcast(self, shape: Shape) -> View:
        """The array stretched to a shape: strides of 0."""
        if shape == self.shape:
            return self
        lead = len(shape) - len(self.shape)
        strides = [
            0 if own == 1 and size != 1 else stride
            for own, size, stride in zip(self.shape, shape[lead:], self.strides, strict=True)
        ]
        return View(self.memory, self.offset, shape, ((0,) * lead + tuple(strides)))

    def transposed(self, axes: Sequence[int]) -> View:
        """The axes in another order."""
        order = tuple(axes)
        shape, strides = tuple([self.shape[i] for i in order]), tuple([self.strides[i] for i in order])
        return View(self.memory, self.offset, shape, strides)

    def reshaped(self, shape: Shape) -> View | None:
        """The same elements in another shape; None where strides can't tell it."""
        if self.is_contiguous or 0 in shape:
            return View(self.memory, self.offset, shape, contiguous(shape))
        strides = _regrouped(self.shape, self.strides, shape)
        return None if strides is None else View(self.memory, self.offset, shape, strides)

    def part(self, index: Sequence[Any]) -> View:
        """`x[index]` for whole numbers, slices, and None for a new axis; one for each axis."""
        offset, shape, strides = self.offset, [], []
        axes = iter(zip(self.shape, self.strides, strict=True))
        for each in index:
            if each is None:
                shape.append(1)
                strides.append(0)
                continue
            size, stride = next(axes)
            if isinstance(each, slice):
                places = range(*each.indices(size))
                offset += places.start * stride if len(places) else 0
                shape.append(len(places))
                strides.append(stride * places.step)
            else:
                offset += (each + size if each < 0 else each) * stride
        for size, stride in axes:
            shape.append(size)
            strides.append(stride)
        return View(self.memory, offset, tuple(shape), tuple(strides))


@lru_cache(maxsize=4096)
def _is_contiguous(shape: Shape, strides: Shape) -> bool:
    """Whether elements lie one after another, however axes of one element step."""
    pairs = zip(shape, strides, contiguous(shape), strict=True)
    return 0 in shape or all(size == 1 or stride == usual for size, stride, usual in pairs)


def _regrouped(have: Shape, strides: Shape, shape: Shape) -> Shape | None:
    """Strides of the same elements in another shape: each run of axes becomes axes of as many elements."""
    axes, (runs,) = merged(have, (strides,))
    found, axis = [0] * len(shape), len(shape) - 1
    for count, stride in zip(reversed(axes), reversed(runs), strict=True):
        left = count
        while left > 1:
            if left % shape[axis]:
                return None
            found[axis], left = stride * (count // left), left // shape[axis]
            axis -= 1
    return tuple(found)


@lru_cache(maxsize=4096)
def merged(shape: Shape, strides: tuple[Shape, ...]) -> tuple[Shape, tuple[Shape, ...]]:
    """The axes of a loop over several arrays, as few as do: without those of one element, and with those merged that go on.

    >>> merged((2, 3, 1), ((3, 1, 1), (0, 0, 0))), merged((2, 3), ((3, 1), (1, 2)))
    (((6,), ((1,), (0,))), ((2, 3), ((3, 1), (1, 2))))
    """
    sizes: list[int] = []
    steps: list[list[int]] = []
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        own = [each[axis] for each in strides]
        if sizes and all(last == size * each for last, each in zip(steps[-1], own, strict=True)):
            sizes[-1], steps[-1] = sizes[-1] * size, own
        else:
            sizes.append(size)
            steps.append(own)
    return tuple(sizes), tuple([tuple([step[k] for step in steps]) for k in range(len(strides))])
