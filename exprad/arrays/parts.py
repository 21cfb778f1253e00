"""Elements taken, added, repeated and moved along axes."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from typing import Any

from exprad.arrays.axes import Axis, axes_of, place_of
from exprad.arrays.indexing import add_at, getitem
from exprad.arrays.lists import of_lists
from exprad.arrays.shapes import concatenate, ravel
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.ground.shapes import shape_of, size_of
from exprad.tables import elementary
from exprad.tensor import permuted, reshaped


@of_lists
def take(x: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """The elements of x at `indices`, along an axis, or of all elements in order.

    What is beyond the ends is an error, or is wrapped around or clipped where `mode` is "wrap" or "clip".

    >>> import numpy as np
    >>> take(np.array([1.0, 2.0, 3.0]), [2, 0])
    array([3., 1.])
    """
    import numpy as np

    if axis is None:
        x, axis = ravel(x), 0
    place = place_of(axis, len(shape_of(x)), "take", shape_of(x))
    places = np.asarray(indices)
    if places.dtype.kind not in "iub" and places.size:
        raise OperandError(f"take: places are whole numbers, got {type(indices).__name__}: {indices!r}")
    if mode not in _BEYOND:
        raise ArgumentError(f"take: mode is 'raise', 'wrap' or 'clip', got {mode!r}")
    whole = _BEYOND[mode](np, places.astype(int), shape_of(x)[place])
    return getitem(x, (slice(None),) * place + (whole,))


_BEYOND: dict[str, Callable[[Any, Any, int], Any]] = {
    "raise": lambda np, places, size: places,
    "wrap": lambda np, places, size: places % (size or 1),
    "clip": lambda np, places, size: np.clip(places, 0, size - 1),
}


def _by_map(x: Any, rearranged: Callable[[Any, Any], Any]) -> Any:
    """Elements of x as `rearranged(np, numbers)` arranges their numbers."""
    import numpy as np

    return getitem(ravel(x), rearranged(np, np.arange(size_of(shape_of(x))).reshape(shape_of(x))))


@of_lists
def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """x with elements added before and after: constants (zeros), or by any of NumPy's modes that repeat elements.

    `pad_width` is one number, (before, after), or such a pair for each axis.

    >>> import numpy as np
    >>> pad(np.array([1.0, 2.0]), 1)
    array([0., 1., 2., 0.])
    """
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return _by_map(x, lambda np, numbers: np.pad(numbers, pad_width, mode))
    if mode != "constant":
        raise ArgumentError(f"pad: mode {mode!r} is not offered; constant, edge, reflect, symmetric and wrap are")
    return _surrounded(x, pad_width, constant_values)


def _surrounded(x: Any, pad_width: Any, constant_values: Any) -> Any:
    """x with constants before and after."""
    import numpy as np

    shape = shape_of(x)
    given = np.asarray(pad_width)
    if given.dtype.kind not in "iu" or (given < 0).any():
        raise ArgumentError(f"pad: widths are whole numbers of at least 0, got {pad_width!r}")
    widths = np.broadcast_to(given, (len(shape), 2)).tolist()
    whole = tuple(before + size + after for size, (before, after) in zip(shape, widths, strict=True))
    index = tuple(slice(before, before + size) for size, (before, _) in zip(shape, widths, strict=True))
    placed = add_at(x, whole, index)
    if isinstance(constant_values, int) and constant_values == 0:
        return placed
    if not getattr(constant_values, "_level", 0) and np.ndim(constant_values):  # a pair, or one for each axis
        kind = getattr(getattr(x, "_numbers", x), "dtype", None)
        constant_values = np.pad(np.zeros(shape, kind), widths, constant_values=constant_values)
    outside = np.ones(whole, bool)
    outside[index] = False
    return elementary.where(outside, constant_values, placed)


@of_lists
def flip(x: Any, axis: Axis = None) -> Any:
    """x in reverse order along all axes, or along those named.

    >>> import numpy as np
    >>> flip(np.array([1.0, 2.0]))
    array([2., 1.])
    """
    axes = axes_of(x, axis, "flip")
    return getitem(x, tuple(slice(None, None, -1 if axes is None or i in axes else 1) for i in range(len(shape_of(x)))))


@of_lists
def roll(x: Any, shift: Any, axis: Axis = None) -> Any:
    """x with elements moved on by `shift` along an axis, those that leave at the end coming in at the front.

    >>> import numpy as np
    >>> roll(np.array([1.0, 2.0, 3.0]), 1)
    array([3., 1., 2.])
    """
    if axis is None:
        return reshaped(roll(ravel(x), shift, 0), shape_of(x))
    if isinstance(axis, (tuple, list)) or isinstance(shift, (tuple, list)):
        import numpy as np

        for each, along in zip(*np.broadcast_arrays(shift, axis), strict=True):
            x = roll(x, int(each), int(along))
        return x
    place = place_of(axis, len(shape_of(x)), "roll", shape_of(x))
    size = shape_of(x)[place]
    cut = -operator.index(shift) % (size or 1)
    lead = (slice(None),) * place
    return concatenate([x[(*lead, slice(cut, None))], x[(*lead, slice(cut))]], place) if cut else x


@of_lists
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """x with each element `repeats` times, along an axis, or of all elements in order.

    >>> import numpy as np
    >>> repeat(np.array([1.0, 2.0]), 2)
    array([1., 1., 2., 2.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    import numpy as np

    size = shape_of(x)[place_of(axis, len(shape_of(x)), "repeat", shape_of(x))]
    return take(x, np.repeat(np.arange(size), repeats), axis)


@of_lists
def tile(x: Any, reps: Any) -> Any:
    """x side by side with itself, `reps` times along each axis.

    >>> import numpy as np
    >>> tile(np.array([1.0, 2.0]), 2)
    array([1., 2., 1., 2.])
    """
    return _by_map(x, lambda np, numbers: np.tile(numbers, reps))


@of_lists
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose places along two axes differ by `offset`, along a new last axis.

    >>> import numpy as np
    >>> diagonal(np.eye(2))
    array([1., 1.])
    """
    import numpy as np

    rank = len(shape_of(x))
    i, j = (place_of(axis, rank, "diagonal", shape_of(x)) for axis in (axis1, axis2))
    if i == j:
        raise ArgumentError(f"diagonal: axes {axis1} and {axis2} are the same")
    moved = permuted(x, (*[k for k in range(rank) if k not in (i, j)], i, j))
    rows, columns = shape_of(moved)[-2:]
    along = np.arange(builtins.max(0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0))))
    return getitem(moved, (..., along - builtins.min(offset, 0), along + builtins.max(offset, 0)))


@of_lists
def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or a matrix with a vector on its diagonal.

    >>> import numpy as np
    >>> diag(np.array([1.0, 2.0]))
    array([[1., 0.],
           [0., 2.]])
    """
    import numpy as np

    if len(shape_of(x)) not in (1, 2):
        raise ShapeError(f"diag takes a vector or a matrix, got shape {shape_of(x)}")
    if len(shape_of(x)) == 2:
        return diagonal(x, k)
    size = shape_of(x)[0] + builtins.abs(k)
    along = np.arange(shape_of(x)[0])
    return add_at(x, (size, size), (along - builtins.min(k, 0), along + builtins.max(k, 0)))


def _below(x: Any, name: str, k: int) -> Any:
    """Where a matrix is at a diagonal or below it; a vector counts as rows that are all the same."""
    import numpy as np

    if not shape_of(x):
        raise ShapeError(f"{name} needs at least one axis, got shape ()")
    rows, columns = shape_of(x)[-2:] if len(shape_of(x)) > 1 else shape_of(x) * 2
    return np.tri(rows, columns, k=k, dtype=bool)


@of_lists
def tril(x: Any, k: int = 0) -> Any:
    """Matrices with zeros above a diagonal.

    >>> import numpy as np
    >>> tril(np.ones((2, 2)))
    array([[1., 0.],
           [1., 1.]])
    """
    return elementary.where(_below(x, "tril", k), x, 0)


@of_lists
def triu(x: Any, k: int = 0) -> Any:
    """Matrices with zeros below a diagonal.

    >>> import numpy as np
    >>> triu(np.ones((2, 2)))
    array([[1., 1.],
           [0., 1.]])
    """
    return elementary.where(_below(x, "triu", k - 1), 0, x)


@of_lists
def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours along an axis, n times over.

    >>> import numpy as np
    >>> diff(np.array([1.0, 4.0, 9.0]))
    array([3., 5.])
    """
    if not shape_of(x) or hasattr(n, "_level"):
        raise ShapeError(
            f"diff takes differences of neighbours in an array, got shape {shape_of(x)}; the derivative of f by x "
            "is gradient(f, x)"
        )
    lead = (slice(None),) * place_of(axis, len(shape_of(x)), "diff", shape_of(x))
    if not hasattr(n, "__index__") or n < 0:
        raise ArgumentError(f"diff: n is a whole number of at least 0, got {n!r}")
    for _ in range(n):
        x = x[(*lead, slice(1, None))] - x[(*lead, slice(-1))]
    return x
