"""Parts of an array by an index, and an array of zeros with parts added.

An index is read as NumPy reads it. The row takes one place for each axis: a whole number, a slice with ends within the
axis, or an array of whole numbers from 0; masks become such arrays. A truth value, which NumPy takes for a mask without
axes, becomes an index into a new axis of size 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from exprad import tensor
from exprad.errors import ArgumentError, OperandError, PlaceError, refuse_masked
from exprad.ground.digits import shown
from exprad.ground.shapes import Shape, broadcast_shapes, shape_of
from exprad.tensor import Index, IndexArray, Slice, reshaped, stretched

_WHOLE = slice(None)
_PLAIN = (int, slice)


def getitem(x: Any, index: Any) -> Any:
    """A part of x, as NumPy's `x[index]`: whole numbers, slices, `...`, new axes, arrays of whole numbers, masks.

    >>> from exprad import Var
    >>> v = Var("v", shape=(4,))
    >>> ((v[1:] - v[:-1]) ** 2).sum().gradient(v).evaluate(v=[1.0, 2.0, 4.0, 7.0])
    array([-2., -2., -2.,  6.])
    """
    shape = shape_of(x)
    wide, places, gap = _resolved(index, shape)
    if places == tuple([Slice(0, size) for size in shape]):
        return x
    part = tensor.getitem(reshaped(x, wide), index=places)
    return reshaped(part, _without(shape_of(part), gap)) if gap else part


def add_at(y: Any, shape: Shape, index: Any) -> Any:
    """Zeros of `shape`, with y added at `index`, again and again where it repeats: the transpose of `getitem`."""
    whole = tuple(shape)
    wide, places, gap = _resolved(index, whole)
    part = tensor.getitem.shape(wide, places)
    ready = reshaped(stretched(y, _without(part, gap)), part)
    return reshaped(tensor.add_at(ready, shape=wide, index=places), whole)


def _resolved(index: Any, shape: Shape) -> tuple[Shape, Index, int]:
    """An index as given, as the shape that it is applied to (new axes for truth values), its places there, and a gap."""
    entries = index if isinstance(index, tuple) else (index,)
    if len(entries) <= len(shape) and not [each for each in entries if each.__class__ not in _PLAIN]:
        plain = [
            _place(each, size, shape) if each.__class__ is int else _slice(each, size)
            for each, size in zip(entries, shape, strict=False)
        ]
        return shape, (*plain, *[Slice(0, size) for size in shape[len(entries) :]]), 0
    given = [_read(each) for each in entries]
    rest = len(shape) - sum(map(_taken, given))
    dots = [place for place, each in enumerate(given) if each is Ellipsis]
    if rest < 0 or len(dots) > 1:
        what = "has more than one ellipsis" if len(dots) > 1 else f"has more places than shape {shape} has axes"
        raise PlaceError(f"the index {shown(index)} {what}")
    place = dots[0] if dots else len(given)
    has_gap = bool(dots) and _is_gap(given, place, rest)
    given[place : place + len(dots)] = [None] if has_gap else [_WHOLE] * rest
    wide: list[int] = []
    found: list[Any] = []
    axis = gap = 0
    for number, each in enumerate(given):
        if has_gap and number > place:
            gap += each is None or each.__class__ is slice
        sizes = shape[axis : axis + _taken(each)]
        axis += len(sizes)
        found += [None] if each is None else _places(each, sizes, shape)
        wide += sizes if sizes or each is None else (1,)
    broadcast_shapes("an index", [each.array.shape for each in found if isinstance(each, IndexArray)])
    return tuple(wide), tuple(found), gap + has_gap


def _is_gap(given: list[Any], place: int, rest: int) -> bool:
    """Whether an ellipsis for no axes stands between arrays: to NumPy they are apart then, as by a new axis."""
    sides = given[:place], given[place + 1 :]
    return not rest and all(any(map(_is_advanced, side)) for side in sides) and any(hasattr(x, "dtype") for x in given)


def _is_advanced(each: Any) -> bool:
    return each.__class__ is int or hasattr(each, "dtype")


def _without(part: Shape, gap: int) -> Shape:
    """The shape of a part without the axis of such an ellipsis, counted from the end; 0 where there is none."""
    return part[: len(part) - gap] + part[len(part) - gap + 1 :] if gap else part


def _read(each: Any) -> Any:
    """One entry of an index: None, `...`, a slice, a whole number, or an array of whole numbers or truth values."""
    if each is None or each is Ellipsis or each.__class__ is slice or each.__class__ is int:
        return each
    if isinstance(each, IndexArray):
        return each.array
    if getattr(each, "_level", 0) or isinstance(each, (str, bytes)):
        raise _no_index(each)
    refuse_masked(each, "an index")
    import numpy as np

    try:
        array = np.asarray(each)
    except ValueError as error:
        raise OperandError(f"an index is no array of whole numbers: {shown(each)}: {error}") from None
    if array.size == 0 and not hasattr(each, "dtype"):
        array = array.astype(np.intp)
    if array.dtype.kind not in "iub":
        raise _no_index(each)
    return array if array.shape or array.dtype.kind == "b" else int(array)


def _no_index(each: Any) -> OperandError:
    kind = f"an array of {each.dtype}" if getattr(each, "shape", ()) and hasattr(each, "dtype") else type(each).__name__
    return OperandError(
        "an index is made of whole numbers, slices, `...`, None, and arrays of whole numbers or truth "
        f"values, got {kind}: {shown(each)}"
    )


def _taken(each: Any) -> int:
    """How many axes an entry takes."""
    if each is None or each is Ellipsis:
        return 0
    return each.ndim if getattr(each, "dtype", None) == bool else 1


def _places(each: Any, sizes: Shape, shape: Shape) -> Iterator[int | Slice | IndexArray]:
    """An entry as the row takes it, for the axes of these sizes."""
    if each.__class__ is int:
        yield _place(each, sizes[0], shape)
    elif each.__class__ is slice:
        yield _slice(each, sizes[0])
    elif each.dtype == bool:
        yield from _mask(each, sizes, shape)
    else:
        yield _array(each, sizes[0], shape)


def _place(each: int, size: int, shape: Shape) -> int:
    if not -size <= each < size:
        raise PlaceError(f"index {shown(each)} is out of range for an axis of size {size} of shape {shape}")
    return each % size


def _slice(each: slice, size: int) -> Slice:
    try:
        return Slice.of(each, size)
    except TypeError:
        raise OperandError(f"the ends and the step of a slice are whole numbers or None, got {shown(each)}") from None
    except ValueError:
        raise ArgumentError(f"the step of a slice is not 0, got {shown(each)}") from None


def _mask(mask: Any, sizes: Shape, shape: Shape) -> Iterator[IndexArray]:
    """A mask as the places where it holds; one without axes chooses all or nothing of a new axis."""
    if mask.shape != sizes:
        raise PlaceError(f"a mask of shape {mask.shape} does not fit the axes of sizes {sizes} of shape {shape}")
    for places in (mask if mask.shape else mask.reshape(1)).nonzero():
        yield _kept(places)


def _array(places: Any, size: int, shape: Shape) -> IndexArray:
    low, high = (places.min(), places.max()) if places.size else (0, -1)
    if low < -size or high >= size:
        outside = places[(places < -size) | (places >= size)]
        raise PlaceError(f"index {outside[0]} is out of range for an axis of size {size} of shape {shape}")
    whole = places.astype(int)
    return _kept(whole + size * (whole < 0) if low < 0 else whole)


def _kept(places: Any) -> IndexArray:
    places.setflags(write=False)
    return IndexArray(places)
