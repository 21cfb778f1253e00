"""Rows that are linear in what they read: sums, and rows that move elements or scatter them among zeros."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from functools import lru_cache, partial
from math import prod as _size
from typing import Any, Self
from zlib import crc32

from exprad.chain import Guard, Masked
from exprad.errors import ShapeError
from exprad.ground.shapes import Axes, Shape, broadcast_shapes, shape_of
from exprad.tensor.family import Family


def stretched(x: Any, shape: Shape) -> Any:
    """x broadcast to `shape`, if it is not of that shape already."""
    return x if shape_of(x) == shape else broadcast_to(x, shape=shape)


def reshaped(x: Any, shape: Shape) -> Any:
    """x in another shape, if it is not of that shape already."""
    return x if shape_of(x) == shape else reshape(x, shape=shape)


def summed_to(x: Any, shape: Shape) -> Any:
    """x summed over what broadcasting from `shape` had added: the transpose of `stretched`."""
    have = shape_of(x)
    if have == shape:
        return x
    lead = len(have) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, size in enumerate(shape) if size == 1 and have[lead + i] != 1)
    whole = None if len(axes) == len(have) else axes
    return reshaped(sum(x, axis=whole, keepdims=False) if axes else x, shape)


# Axes that a row reduces: None for all of them, else whole numbers from 0, in order.


def axes_of(axis: Axes, shape: Shape) -> tuple[int, ...]:
    return tuple(range(len(shape))) if axis is None else axis


def _kept(shape: Shape, axis: Axes) -> Shape:
    axes = axes_of(axis, shape)
    return tuple(1 if i in axes else size for i, size in enumerate(shape))


def reduced(shape: Shape, axis: Axes, keepdims: bool) -> Shape:
    axes = axes_of(axis, shape)
    return _kept(shape, axis) if keepdims else tuple(size for i, size in enumerate(shape) if i not in axes)


def along(x: Any, y: Any, axis: Axes) -> Any:
    """What a reduction of x gave, with the reduced axes kept, so that it broadcasts against x."""
    return y if shape_of(y) == () else reshaped(y, _kept(shape_of(x), axis))


sum = Family(
    "sum", axis=None, keepdims=False, reads="group", adds=True,
    shape=lambda x, axis, keepdims: reduced(x, axis, keepdims),
    value=lambda np, x, axis, keepdims: np.add.reduce(x, axis, keepdims=keepdims),
    transpose=lambda y_bar, x, axis, keepdims: broadcast_to(along(x, y_bar, axis), shape=shape_of(x)),
)  # fmt: skip
sum.into = lambda np, axis, keepdims: lambda x, out: np.add.reduce(x, axis, None, out, keepdims)


cumsum: Family = Family(
    "cumsum", adds=True,
    shape=lambda x, axis: x,
    value=lambda np, x, axis: np.add.accumulate(x, axis),
    transpose=lambda y_bar, x, axis: reversed_along(cumsum(reversed_along(y_bar, axis), axis=axis), axis),
)  # fmt: skip


def reversed_along(x: Any, axis: int) -> Any:
    shape = shape_of(x)
    return getitem(
        x, index=tuple(Slice(size - 1, None, -1) if i == axis else Slice(0, size) for i, size in enumerate(shape))
    )


# Rows that move elements.


def _broadcast_shape(given: Shape, shape: Shape) -> Shape:
    if len(given) > len(shape) or broadcast_shapes("broadcast_to", [given, shape]) != shape:
        raise ShapeError(f"broadcast_to: shape {given} does not broadcast to {shape}")
    return shape


def _repeated(np: Any, x: Any, shape: Shape) -> Any:
    """One number as a read-only array of any shape: NumPy's own way there is long."""
    if not isinstance(x, (np.ndarray, np.generic)):
        return np.broadcast_to(x, shape)
    found = np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
    found.setflags(write=False)
    return found


broadcast_to: Family = Family(
    "broadcast_to", reads="moves", shape=_broadcast_shape,
    value=lambda np, x, shape: np.broadcast_to(x, shape) if x.ndim else _repeated(np, x, shape),
    transpose=lambda y_bar, x, shape: summed_to(y_bar, shape_of(x)),
)  # fmt: skip
broadcast_to.stretches = True


def _reshape_shape(given: Shape, shape: Shape) -> Shape:
    if _size(given) != _size(shape):
        raise ShapeError(f"reshape: shape {given} has {_size(given)} elements, {shape} has {_size(shape)}")
    return shape


reshape: Family = Family(
    "reshape", reads="moves", shape=_reshape_shape,
    value=lambda np, x, shape: x.reshape(shape),
    transpose=lambda y_bar, x, shape: reshape(y_bar, shape=shape_of(x)),
)  # fmt: skip

transpose: Family = Family(
    "transpose", reads="moves",
    shape=lambda x, axes: tuple(x[i] for i in axes),
    value=lambda np, x, axes: x.transpose(axes),
    transpose=lambda y_bar, x, axes: transpose(y_bar, axes=tuple(axes.index(i) for i in range(len(axes)))),
)  # fmt: skip


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """x with its axes in another order, if that is another."""
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def swapped(x: Any) -> Any:
    """Matrices transposed: the last two axes exchanged."""
    last = len(shape_of(x)) - 1
    return transpose(x, axes=(*range(last - 1), last, last - 1))


def _concatenated_shape(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    for shape in shapes[1:]:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise ShapeError(f"concatenate: shapes {first} and {shape} differ in another axis than {axis}")
    return (*first[:axis], builtins.sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _places(xs: Sequence[Any], index: int, axis: int) -> tuple[Any, ...]:
    """Where operand `index` lies in the concatenation."""
    shape = shape_of(xs[index])
    start = builtins.sum(shape_of(x)[axis] for x in xs[:index])
    return tuple(Slice(start, start + size) if i == axis else Slice(0, size) for i, size in enumerate(shape))


concatenate = Family(
    "concatenate", reads="moves", is_linear=True, shape=_concatenated_shape, axis=0,
    value=lambda np, *xs, axis: np.concatenate(xs, axis),
    push=lambda y, xs, x_dot, index, axis: scattered(x_dot, shape_of(y), _places(xs, index, axis)),
    pull=lambda y, xs, y_bar, index, axis: getitem(y_bar, index=_places(xs, index, axis)),
)  # fmt: skip
concatenate.into = lambda np, axis: lambda *given: np.concatenate(given[:-1], axis, given[-1])


class IndexArray:
    """Whole numbers that index an axis: an array that compares by what it holds."""

    __slots__ = ("array", "digest")

    def __init__(self, array: Any) -> None:
        self.array = array
        self.digest = crc32(array if array.flags.c_contiguous else array.copy())

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        is_alike = (
            isinstance(other, IndexArray) and self.digest == other.digest and self.array.shape == other.array.shape
        )
        return is_alike and (self.array is other.array or bool((self.array == other.array).all()))  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return self.digest

    @property
    def as_numpy(self) -> Any:
        return self.array

    def __repr__(self) -> str:
        is_hidden = 0 in self.array.shape[:-1]  # a list of no lists does not tell how long they would be
        return f"zeros({self.array.shape})" if is_hidden else repr(self.array.tolist())

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexArray, (self.array,)


class Slice(tuple[Any, ...]):
    """A slice whose ends lie within the axis: one that compares and hashes, and that nobody writes as an index."""

    __slots__ = ()

    def __new__(cls, start: int, stop: int | None, step: int = 1) -> Self:
        return tuple.__new__(cls, ("slice", start, stop, step))  # so that it equals no tuple of numbers

    @classmethod
    def of(cls, given: slice, size: int) -> Self:
        """A slice as a user gives it, on an axis of a size."""
        start, stop, step = given.indices(size)
        if (stop - start if step > 0 else start - stop) <= 0:
            return cls(0, 0)
        return cls(start, stop if stop >= 0 else None, step)

    @property
    def as_numpy(self) -> slice:
        return slice(*self[1:])

    def __repr__(self) -> str:
        return f"slice{self[1:]}"

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self[1:]


Index = tuple[int | Slice | IndexArray | None, ...]  # as `x[index]`, one for each axis, and None for a new one


def of_numpy(index: Index) -> tuple[Any, ...]:
    """An index as NumPy takes it."""
    return tuple([each if each is None or isinstance(each, int) else each.as_numpy for each in index])


def _part_shape(shape: Shape, index: Index) -> Shape:
    """The shape of `x[index]`, without a look at the elements."""
    has_arrays = IndexArray in map(type, index)
    arrays = [place for place, each in enumerate(index) if isinstance(each, (int, IndexArray))] if has_arrays else []
    common = (
        broadcast_shapes("getitem", [each.array.shape for each in index if isinstance(each, IndexArray)])
        if arrays
        else ()
    )
    together = arrays == list(range(arrays[0], arrays[-1] + 1)) if arrays else True  # else NumPy puts their axes first
    sizes = iter(shape)
    found: list[int] = []
    for place, each in enumerate(index):
        size = 1 if each is None else next(sizes)
        if arrays and place == arrays[0] and together:
            found += common
        if isinstance(each, Slice):
            found.append(len(range(*slice(*each[1:]).indices(size))))
        elif each is None:
            found.append(1)
    return (*found, *sizes) if together else (*common, *found, *sizes)


def _add_at(np: Any, y: Any, shape: Shape, index: tuple[Any, ...]) -> Any:
    whole = np.zeros(shape, y.dtype)
    _add_to(np, whole, index, y)
    return whole


def _add_to(np: Any, whole: Any, index: tuple[Any, ...], y: Any) -> None:
    """Add to an array of zeros."""
    if any(isinstance(each, np.ndarray) for each in index):
        np.add.at(whole, index, y)
    else:
        whole[index] = y


def _add_into(np: Any, shape: Shape, index: tuple[Any, ...]) -> Any:
    def function(y: Any, out: Any) -> None:
        out.fill(0)
        _add_to(np, out, index, y)

    return function


def _with_numpy_index(parameters: dict[str, Any]) -> dict[str, Any]:
    return {**parameters, "index": of_numpy(parameters["index"])}


getitem: Family = Family(
    "getitem", reads="moves", shape=_part_shape,
    value=lambda np, x, index: x[index], ready=_with_numpy_index,
    transpose=lambda y_bar, x, index: scattered(y_bar, shape_of(x), index),
)  # fmt: skip
add_at: Family = Family(
    "add_at", reads="scatters",
    shape=lambda y, shape, index: shape, value=_add_at, ready=_with_numpy_index,
    push=lambda y, xs, x_dot, _, shape, index: scattered(x_dot, shape, index),
    transpose=lambda x_bar, y, shape, index: getitem(x_bar, index=index),
)  # fmt: skip
add_at.into = _add_into


def scattered(y: Any, shape: Shape, index: Index) -> Any:
    """`add_at`, as a sensitivity: elements to which nothing is added do not count."""
    return masked(add_at(y, shape=shape, index=index), shape, index)


def masked(whole: Any, shape: Shape, index: Index) -> Any:
    """What `add_at` gave, as a sensitivity."""
    return Masked(Guard(partial(_reached, shape, index), is_static=True), whole) if _has_gaps(shape, index) else whole


@lru_cache(maxsize=1024)
def _has_gaps(shape: Shape, index: Index) -> bool:
    """Whether an index may leave elements out, told without a look at arrays of places."""
    return any(each.__class__ is IndexArray for each in index) or _size(_part_shape(shape, index)) < _size(shape)


def _reached(shape: Shape, index: Index) -> Any:
    import numpy as np

    reached = np.zeros(shape, bool)
    reached[of_numpy(index)] = True
    return reached


astype = Family(
    "astype", reads="moves",
    shape=lambda x, dtype: x, value=lambda np, x, dtype: x.astype(dtype),
    transpose=lambda y_bar, x, dtype: y_bar,
)  # fmt: skip


def last(x: Any, start: int, stop: int) -> Any:
    """A slice along the last axis."""
    shape = shape_of(x)
    whole = tuple(Slice(0, size) for size in shape[:-1])
    return x if (start, stop) == (0, shape[-1]) else getitem(x, index=(*whole, Slice(start, stop)))


def joined(parts: Sequence[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 else concatenate(*parts, axis=axis)
