"""Axes as NumPy takes them, brought to the one form that a row takes."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

from exprad.digits import shown
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.primitive import Shape
from exprad.tensor import Axes, shape_of

Axis = int | Sequence[int] | None


def place_of(axis: Any, rank: int, name: str, shape: Any) -> int:
    """One axis as a whole number from 0."""
    if not hasattr(axis, "__index__") or isinstance(axis, builtins.bool):
        raise OperandError(f"{name}: an axis is a whole number, got {type(axis).__name__}: {shown(axis)}")
    if not -rank <= operator.index(axis) < rank:
        raise ShapeError(f"{name}: axis {shown(axis)} is out of range for shape {shape}")
    return operator.index(axis) % rank


def places_of(axis: Any, rank: int, name: str, shape: Any) -> tuple[int, ...]:
    """One axis, or several different ones, as whole numbers from 0, in the order given."""
    found = tuple(place_of(each, rank, name, shape) for each in (axis if isinstance(axis, (tuple, list)) else (axis,)))
    if len(set(found)) < len(found):
        raise ArgumentError(f"{name}: an axis is given twice in {shown(axis)}")
    return found


def axes_of(x: Any, axis: Axis, name: str) -> Axes:
    """Axes as a row takes them: None for all, else whole numbers from 0, in order."""
    if axis is None:
        return None
    shape = shape_of(x)
    found = tuple(sorted(places_of(axis, len(shape), name, shape)))
    return None if len(found) == len(shape) else found


def as_operand(x: Any) -> Any:
    """x as an operand: a list becomes an array, of carriers where it holds some; a table of pandas an array."""
    if hasattr(x, "_level") or x.__class__ in (float, int) or x is None:
        return x
    if isinstance(x, (list, tuple)) and holds_carriers(x):
        from exprad.arrays.shapes import stack

        return stack([as_operand(each) for each in x])
    return as_numbers(x)


def holds_carriers(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(holds_carriers, x))
    return builtins.bool(getattr(x, "_level", 0))


_LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "cupy", "dask")  # whose arrays are operands as they are


def as_numbers(x: Any) -> Any:
    """What is no carrier, as an operand: lists, and tables and columns of pandas, become arrays."""
    if hasattr(x, "tocoo"):
        raise OperandError(f"a sparse matrix, {x!r}, meets an operand of exprad in a product, @, alone; elsewhere write "
                           ".toarray()")  # fmt: skip
    is_array = hasattr(x, "__array_finalize__") or type(x).__module__.partition(".")[0] in _LIBRARIES  # or a subclass
    is_table = hasattr(x, "__array__") and not is_array
    if not is_table and not isinstance(x, (list, tuple)):
        return x
    import numpy as np

    found = np.asarray(x)
    if found.dtype.kind not in "biufO" or found.dtype == object and any(_is_no_number(each) for each in found.flat):
        raise OperandError(f"a list or a table counts as an array where it holds real numbers, got {shown(x)}")
    return found


def _is_no_number(x: Any) -> bool:
    return x is None or isinstance(x, (str, bytes, complex))


def sizes_of(shape: Any, name: str) -> Shape:
    """A shape as given, one whole number or several, none of them negative."""
    given = (shape,) if hasattr(shape, "__index__") else tuple(shape)
    try:
        sizes = tuple([operator.index(size) for size in given])
    except TypeError:
        raise OperandError(f"{name}: a shape is whole numbers, got {shown(shape)}") from None
    if any(size < 0 for size in sizes):
        raise ShapeError(f"{name}: a shape has no negative sizes, got {shown(shape)}")
    return sizes


def size_of(shape: Shape) -> int:
    size = 1
    for each in shape:
        size *= each
    return size


def count_of(x: Any, axes: Axes) -> int:
    shape = shape_of(x)
    return size_of(shape if axes is None else tuple(shape[i] for i in axes))
