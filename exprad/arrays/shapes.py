"""The same elements in another shape, and arrays joined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad import tensor
from exprad.arrays.axes import Axis, place_of, places_of
from exprad.arrays.lists import of_lists
from exprad.arrays.operands import as_operand, check_alike
from exprad.errors import ArgumentError, ShapeError
from exprad.ground.shapes import given_sizes, shape_of, size_of, sizes_of
from exprad.tensor import permuted, reshaped


@of_lists
def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to `shape`, as NumPy broadcasts.

    >>> import numpy as np
    >>> broadcast_to(np.array([1.0, 2.0]), (2, 2))
    array([[1., 2.],
           [1., 2.]])
    """
    sizes = sizes_of(shape, "broadcast_to")
    return x if shape_of(x) == sizes else tensor.broadcast_to(x, shape=sizes)


@of_lists
def reshape(x: Any, shape: Any) -> Any:
    """x with its elements, in order, in another shape; one size may be -1.

    >>> import numpy as np
    >>> reshape(np.arange(4.0), (2, -1))
    array([[0., 1.],
           [2., 3.]])
    """
    given = given_sizes(shape, "reshape")
    if -1 not in given:
        return reshaped(x, sizes_of(given, "reshape"))
    place = given.index(-1)
    before, after = sizes_of(given[:place], "reshape"), sizes_of(given[place + 1 :], "reshape")
    rest = size_of(before) * size_of(after)
    if not rest or size_of(shape_of(x)) % rest:
        raise ShapeError(
            f"reshape: no size for -1 makes {given} of the {size_of(shape_of(x))} elements of {shape_of(x)}"
        )
    return reshaped(x, (*before, size_of(shape_of(x)) // rest, *after))


@of_lists
def ravel(x: Any) -> Any:
    """The elements in order, along one axis.

    >>> import numpy as np
    >>> ravel(np.eye(2))
    array([1., 0., 0., 1.])
    """
    return reshape(x, -1)


@of_lists
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """x with its axes reversed, or in the order `axes`.

    >>> import numpy as np
    >>> transpose(np.ones((2, 3))).shape
    (3, 2)
    """
    rank = len(shape_of(x))
    if axes is None:
        return permuted(x, tuple(range(rank))[::-1])
    order = tuple(place_of(each, rank, "transpose", shape_of(x)) for each in axes)
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"transpose: axes {tuple(axes)} do not number those of shape {shape_of(x)}")
    return permuted(x, order)


@of_lists
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """x with two axes exchanged.

    >>> import numpy as np
    >>> swapaxes(np.ones((2, 3, 4)), 0, 2).shape
    (4, 3, 2)
    """
    order = list(range(len(shape_of(x))))
    i, j = (place_of(axis, len(order), "swapaxes", shape_of(x)) for axis in (axis1, axis2))
    order[i], order[j] = order[j], order[i]
    return permuted(x, tuple(order))


@of_lists
def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """x with one axis, or several, moved to other places.

    >>> import numpy as np
    >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    rank = len(shape_of(x))
    starts, stops = (places_of(axis, rank, "moveaxis", shape_of(x)) for axis in (source, destination))
    if len(starts) != len(stops):
        raise ArgumentError(f"moveaxis: as many places as axes are needed, got {source} and {destination}")
    order = [i for i in range(rank) if i not in starts]
    for stop, start in sorted(zip(stops, starts, strict=True)):
        order.insert(stop, start)
    return permuted(x, tuple(order))


@of_lists
def expand_dims(x: Any, axis: int | Sequence[int]) -> Any:
    """x with a new axis of size 1, or with several.

    >>> import numpy as np
    >>> expand_dims(np.ones(3), 0).shape
    (1, 3)
    """
    shape = shape_of(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    places = places_of(axis, len(shape) + count, "expand_dims", shape)
    sizes = iter(shape)
    return reshaped(x, tuple(1 if i in places else next(sizes) for i in range(len(shape) + count)))


@of_lists
def squeeze(x: Any, axis: Axis = None) -> Any:
    """x without axes of size 1: all such, or those named.

    >>> import numpy as np
    >>> squeeze(np.ones((1, 3))).shape
    (3,)
    """
    shape = shape_of(x)
    gone = tuple(i for i, size in enumerate(shape) if size == 1)
    if axis is not None:
        gone = places_of(axis, len(shape), "squeeze", shape)
    if any(shape[i] != 1 for i in gone):
        raise ShapeError(f"squeeze: an axis of {axis} is not of size 1 in shape {shape}")
    return reshaped(x, tuple(size for i, size in enumerate(shape) if i not in gone))


def concatenate(parts: Sequence[Any], axis: int | None = 0) -> Any:
    """Arrays joined along an axis that they have; in order of their elements where axis is None.

    >>> import numpy as np
    >>> concatenate([np.zeros(2), np.ones(1)])
    array([0., 0., 1.])
    """
    parts = [as_operand(part) for part in parts]
    if not parts:
        raise ArgumentError("concatenate needs at least one array")
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    place = place_of(axis, len(shape_of(parts[0])), "concatenate", shape_of(parts[0]))
    return tensor.joined(parts, place)


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> stack([x * y, x + y]).evaluate(x=2.0, y=3.0)
    array([6., 5.])
    """
    parts = [as_operand(part) for part in parts]
    check_alike(parts)
    return concatenate([expand_dims(part, axis) for part in parts], axis)


def hstack(parts: Sequence[Any]) -> Any:
    """Vectors joined end to end; arrays of more axes along the second.

    >>> import numpy as np
    >>> hstack([np.zeros(2), np.ones(1)])
    array([0., 0., 1.])
    """
    parts = [reshape(part, -1) if not shape_of(part) else part for part in map(as_operand, parts)]
    return concatenate(parts, 1 if parts and len(shape_of(parts[0])) != 1 else 0)


def vstack(parts: Sequence[Any]) -> Any:
    """Vectors as rows below one another; arrays of more axes along the first.

    >>> import numpy as np
    >>> vstack([np.zeros(2), np.ones(2)])
    array([[0., 0.],
           [1., 1.]])
    """
    return concatenate([reshape(part, (1, -1)) if len(shape_of(part)) < 2 else part for part in map(as_operand, parts)])
