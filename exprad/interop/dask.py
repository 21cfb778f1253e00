"""Dask: compiled functions over arrays that are larger than memory, chunk by chunk, on any scheduler."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np

from exprad.backends.function import Function
from exprad.errors import ShapeError, extra, refuse_masked


def is_lazy(argument: Any) -> bool:
    return hasattr(argument, "__dask_graph__")


def _dask() -> Any:
    try:
        import dask.array
    except ImportError:
        raise extra("dask", "dask", "a Dask array") from None
    return dask.array


class Shipped:
    """A function on its way to other processes: its program, and no compiled code; each process compiles it once."""

    def __init__(self, function: Function) -> None:
        self.payload = pickle.dumps(function)
        self.name = f"exprad-{hashlib.sha256(self.payload).hexdigest()[:16]}"

    def __dask_tokenize__(self) -> str:
        return self.name

    def rows(self, arrays: Sequence[Any]) -> list[Any]:
        """All outputs of a chunk, for NumPy arrays that broadcast."""
        function = _restored(self.payload)
        leaves = function._structure.flatten(function(*arrays))
        points = function._arguments.points([np.asarray(array) for array in arrays])
        rows = [
            leaf if shape is None else part
            for leaf, (shape, *_) in zip(leaves, function._structure.leaves, strict=True)
            for part in ([leaf] if shape is None else np.reshape(leaf, (-1, *np.shape(leaf)[len(shape) :])))
        ]
        return [np.broadcast_to(row, points) for row in rows]

    def stacked(self, *arrays: Any) -> Any:
        """All outputs of a chunk, one after another along a new first axis."""
        return np.stack(self.rows(arrays))

    def sums(self, *arrays: Any) -> Any:
        """The sum of each output over a chunk."""
        found = self.rows(arrays)
        return np.array([row.sum() for row in found]).reshape(len(found), *[1] * found[0].ndim)


@lru_cache(maxsize=128)
def _restored(payload: bytes) -> Function:
    return cast("Function", pickle.loads(payload))


def over_chunks(function: Function, arguments: Sequence[Any]) -> Any:
    """What a function gives on Dask arrays, in the structure of its outputs: Dask arrays that nobody computed yet.

    Each array is that of a variable: of a scalar one, a value at each point. For an input that is an array of variables, its
    leading axes are theirs. These, and the arrays of variables that have a shape, are whole for each chunk of points.
    """
    stacked = _blockwise(function, arguments, "stacked")
    points = stacked.shape[1:]
    return _built(function, stacked, points)


def total(function: Function, *arguments: Any, split_every: int = 8) -> Any:
    """The sum over all points of what a function gives, lazily, reduced as a tree: `split_every` parts at each node.

    The gradient of a sum of losses is the total of the gradient of one loss: `arguments` are Dask arrays of the data,
    and numbers. The result has the structure of the outputs, with numbers that nobody computed yet.
    """
    partial = _blockwise(function, arguments, "sums")
    return _built(function, partial.sum(axis=tuple(range(1, partial.ndim)), split_every=split_every), ())


def _built(function: Function, rows: Any, points: tuple[int, ...]) -> Any:
    """The structure of the outputs, of the rows of all of them."""
    return function._structure.build(
        [
            rows[first] if shape is None else rows[first:beyond].reshape((*shape, *points))
            for shape, first, beyond in function._structure.leaves
        ]
    )


def _blockwise(function: Function, arguments: Sequence[Any], kind: str) -> Any:
    """A row of each output for every chunk: of all its points, or of their sums."""
    da = _dask()
    shipped, arrays, leads, dtype = _prepared(function, arguments)
    rank = max(array.ndim - lead for array, lead in zip(arrays, leads, strict=True))
    row, free = rank, rank + 1  # axes are numbers: 0 to rank - 1 are those of the points
    pairs = []
    for array, lead in zip(arrays, leads, strict=True):
        pairs += [array, [*range(free, free + lead), *range(rank + lead - array.ndim, rank)]]
        free += lead
    adjusted = {axis: lambda size: 1 for axis in range(rank)} if kind == "sums" else None
    return da.blockwise(
        getattr(shipped, kind),
        [row, *range(rank)],
        *pairs,
        new_axes={row: len(function.program.outputs)},
        concatenate=True,
        adjust_chunks=adjusted,
        dtype=dtype,
        meta=np.empty((0,) * (rank + 1), dtype),
    )


def _prepared(function: Function, arguments: Sequence[Any]) -> tuple[Shipped, list[Any], list[int], Any]:
    """The function to be shipped, its arguments with equal chunks, the leading axes of each, and the type of results."""
    da = _dask()
    for place, output in enumerate(function._structure.expressions):
        if output.shape:
            raise ShapeError(
                f"a function over Dask arrays gives a number at each point; output {place} has shape {output.shape}"
            )
    leads = [len(slot.array_shape) for slot in function._inputs]
    arrays = []
    for slot, lead, given in zip(function._inputs, leads, arguments, strict=True):
        refuse_masked(given, slot.label)
        array = given if is_lazy(given) else da.asarray(np.asarray(given))
        if array.shape[:lead] != slot.array_shape or slot.variables[0].shape and array.ndim > lead:
            raise ShapeError(f"{slot.label} needs an array of shape {slot.array_shape}, got {array.shape}")
        arrays.append(array)
    try:
        np.broadcast_shapes(*[array.shape[lead:] for array, lead in zip(arrays, leads, strict=True)])
    except ValueError:
        shapes = [array.shape for array in arrays]
        raise ShapeError(f"the shapes of Dask arrays do not broadcast together: {shapes}") from None
    kinds = [
        array.dtype if array.dtype.kind == "f" else np.dtype(float)
        for array, given in zip(arrays, arguments, strict=True)
        if given.__class__ not in (int, float)
    ]
    return Shipped(function), arrays, leads, np.result_type(*kinds) if kinds else np.dtype(float)
