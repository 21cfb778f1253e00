"""Dask: compiled functions over arrays that are larger than memory, chunk by chunk, on any scheduler."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np

from exprad.backends.function import Function
from exprad.errors import OperandError, extra


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

    def outputs(self, arrays: Sequence[Any]) -> list[Any]:
        """The outputs, one after another, for NumPy arrays that broadcast."""
        function = _restored(self.payload)
        found = function._structure.flatten(function(*arrays))
        shape = np.broadcast_shapes(*[np.shape(array) for array in arrays])
        return [np.broadcast_to(each, shape) for each in found]

    def stacked(self, *arrays: Any) -> Any:
        """All outputs of a chunk, along a new first axis."""
        return np.stack(self.outputs(arrays))

    def sums(self, *arrays: Any) -> Any:
        """The sum of each output over a chunk."""
        found = self.outputs(arrays)
        return np.array([each.sum() for each in found]).reshape(len(found), *[1] * found[0].ndim)


@lru_cache(maxsize=128)
def _restored(payload: bytes) -> Function:
    return cast("Function", pickle.loads(payload))


def over_chunks(function: Function, arguments: Sequence[Any]) -> Any:
    """What a function gives on Dask arrays, in the structure of its outputs: Dask arrays that nobody computed yet."""
    da = _dask()
    shipped, arrays, dtype = _prepared(function, arguments)
    count = len(function._structure.leaves)
    chunks = ((count,), *arrays[0].chunks)
    stacked = da.map_blocks(shipped.stacked, *arrays, dtype=dtype, chunks=chunks, new_axis=[0], name=None,
                            meta=np.empty((0,) * (arrays[0].ndim + 1), dtype))  # fmt: skip
    return function._structure.build([stacked[place] for place in range(count)])


def total(function: Function, *arguments: Any, split_every: int = 8) -> Any:
    """The sum over all points of what a function gives, lazily, reduced as a tree: `split_every` parts at each node.

    The gradient of a sum of losses is the total of the gradient of one loss: `arguments` are Dask arrays of the data,
    and numbers. The result has the structure of the outputs, with numbers that nobody computed yet.
    """
    da = _dask()
    shipped, arrays, dtype = _prepared(function, arguments)
    count = len(function._structure.leaves)
    chunks = ((count,), *[(1,) * len(sizes) for sizes in arrays[0].chunks])
    partial = da.map_blocks(shipped.sums, *arrays, dtype=dtype, chunks=chunks, new_axis=[0],
                            meta=np.empty((0,) * (arrays[0].ndim + 1), dtype))  # fmt: skip
    sums = partial.sum(axis=tuple(range(1, partial.ndim)), split_every=split_every)
    return function._structure.build([sums[place] for place in range(count)])


def _prepared(function: Function, arguments: Sequence[Any]) -> tuple[Shipped, list[Any], Any]:
    """The function to be shipped, its arguments broadcast together with equal chunks, and the type of the results."""
    da = _dask()
    if function._is_shaped or any(slot.shape for slot in function._inputs):
        raise OperandError(
            "a function over Dask arrays takes scalar variables: an array gives one a value at each point"
        )
    if any(shape is not None for shape, *_ in function._structure.leaves):
        raise OperandError("a function over Dask arrays gives single expressions, in lists, tuples and dicts")
    lazy = [argument if is_lazy(argument) else da.asarray(np.asarray(argument)) for argument in arguments]
    arrays = da.broadcast_arrays(*lazy)
    unified = da.core.unify_chunks(*[part for array in arrays for part in (array, tuple(range(array.ndim)))])[1]
    kinds = [array.dtype if array.dtype.kind == "f" else np.dtype(float) for array, given in zip(lazy, arguments, strict=True)
             if given.__class__ not in (int, float)]  # fmt: skip
    return Shipped(function), list(unified), np.result_type(*kinds) if kinds else np.dtype(float)
