"""Axes as NumPy takes them, brought to the one form that a row takes."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Sequence
from typing import Any

from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.ground.digits import shown
from exprad.ground.shapes import Axes, shape_of, size_of

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


def count_of(x: Any, axes: Axes) -> int:
    shape = shape_of(x)
    return size_of(shape if axes is None else tuple(shape[i] for i in axes))
