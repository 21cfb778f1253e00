"""Parts of an array by an index, and an array of zeros with parts added."""

from __future__ import annotations

import builtins
import operator
from typing import Any

from exprad import tensor
from exprad.arrays.shapes import broadcast_to
from exprad.errors import OperandError, ShapeError
from exprad.primitive import Shape
from exprad.tensor import Index, IndexArray, shape_of


def getitem(x: Any, index: Any) -> Any:
    """A part of x, as NumPy's `x[index]`: whole numbers, slices, `...`, new axes, arrays of whole numbers, masks.

    >>> from exprad import Var
    >>> v = Var("v", shape=(4,))
    >>> ((v[1:] - v[:-1]) ** 2).sum().gradient(v).evaluate(v=[1.0, 2.0, 4.0, 7.0])
    array([-2., -2., -2.,  6.])
    """
    shape = shape_of(x)
    places = _resolved(index, shape)
    return x if places == tuple((0, size, 1) for size in shape) else tensor.getitem(x, index=places)


def add_at(y: Any, shape: Shape, index: Any) -> Any:
    """Zeros of `shape`, with y added at `index`, again and again where it repeats: the transpose of `getitem`."""
    return tensor.add_at(_fitting(y, tuple(shape), index), shape=tuple(shape), index=_resolved(index, tuple(shape)))


def _fitting(y: Any, shape: Shape, index: Any) -> Any:
    part = tensor.getitem.shape(shape, _resolved(index, shape))
    return broadcast_to(y, part)


def _resolved(index: Any, shape: Shape) -> Index:
    """An index as given, for each axis of `shape`."""
    given: list[Any] = []
    for each in index if isinstance(index, tuple) else (index,):
        given += _masked(each, shape) if _is_mask(each) else [each]
    used = builtins.sum(each is not None and each is not Ellipsis for each in given)
    if builtins.sum(each is Ellipsis for each in given) > 1 or used > len(shape):
        raise ShapeError(f"the index {index!r} has more places than an expression of shape {shape} has axes")
    rest = (slice(None),) * (len(shape) - used)
    place = next((i for i, each in enumerate(given) if each is Ellipsis), len(given))
    sizes = iter(shape)
    whole = (*given[:place], *rest, *given[place + 1 :])
    return tuple([None if each is None else _along(each, next(sizes), shape) for each in whole])


def _is_mask(each: Any) -> builtins.bool:
    return getattr(each, "dtype", None) == bool and not getattr(each, "_level", 0)


def _masked(mask: Any, shape: Shape) -> list[Any]:
    if not mask.shape or mask.shape != shape[: mask.ndim]:
        raise ShapeError(f"a mask of shape {mask.shape} does not fit an expression of shape {shape}")
    return list(mask.nonzero())


def _along(each: Any, size: int, shape: Shape) -> Any:
    if isinstance(each, slice):
        start, stop, step = each.indices(size)
        return start, stop if stop >= 0 else None, step
    if isinstance(each, tuple):  # a slice as text spells it
        return each
    if isinstance(each, IndexArray):
        each = each.array
    if isinstance(each, list) or shape_of(each) and not getattr(each, "_level", 0):
        return _index_array(each, size, shape)
    if not hasattr(each, "__index__") or isinstance(each, builtins.bool):
        raise OperandError("an expression is indexed by whole numbers, slices and arrays of whole numbers, got "
                           f"{type(each).__name__}: {each!r}")  # fmt: skip
    place = operator.index(each)
    if not -size <= place < size:
        raise ShapeError(f"index {place} is out of range for an axis of size {size} of shape {shape}")
    return place % size


def _index_array(given: Any, size: int, shape: Shape) -> IndexArray:
    import numpy as np

    places = np.asarray(given)
    if places.size == 0:
        places = places.astype(np.intp)
    if places.dtype.kind not in "iu":
        raise OperandError(f"an array that indexes holds whole numbers, got {places.dtype}")
    outside = places[(places < -size) | (places >= size)]
    if outside.size:
        raise ShapeError(f"index {outside[0]} is out of range for an axis of size {size} of shape {shape}")
    found = np.where(places < 0, places + size, places).astype(np.intp)
    found.setflags(write=False)
    return IndexArray(found)
