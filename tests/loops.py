"""Jobs run by NumPy, one by one: what they mean, for tests of the lowering and of the targets."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from exprad.backends.loops import Accumulate, Fill, Fold, Gather, Loops, Nest, Scatter, View
from exprad.graph.program import Program
from exprad.numbers import constant_of_dtype, numpy_function

DOUBLE = np.dtype(float)


def run(program: Program, columns: Sequence[int], arrays: Sequence[Any], dtype: Any = DOUBLE) -> list[Any]:
    """The outputs of a program, by its jobs."""
    loops = Loops(program, columns)
    room = np.full(loops.room, np.nan, dtype)
    memory = [_memory(each, arrays, room, dtype) for each in loops.memories]
    with np.errstate(all="ignore"):
        for job in loops.jobs:
            _run(job, lambda view: _array(memory, view), dtype)
    first, shapes = loops.inputs, [program.shapes[output] for output in program.outputs]
    return [memory[first + place].reshape(shape) for place, shape in enumerate(shapes)]


def _memory(memory: Any, arrays: Sequence[Any], room: Any, dtype: Any) -> Any:
    if memory.kind == "input":
        return np.array(arrays[memory.place], dtype).reshape(-1)
    if memory.kind == "constant":
        return np.array(constant_of_dtype(memory.value, dtype)).reshape(-1)
    return room[memory.place :][: memory.size] if memory.kind == "room" else np.full(memory.size, np.nan, dtype)


def _array(memory: Sequence[Any], view: View) -> Any:
    whole = memory[view.memory]
    bytes_ = [stride * whole.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(whole[view.offset :], view.shape, bytes_)


def _run(job: Any, at: Any, dtype: Any) -> None:
    if isinstance(job, Nest):
        _nest(job, at, dtype)
    elif isinstance(job, Fold):
        _fold(job, at(job.read), at(job.write))
    elif isinstance(job, Accumulate):
        at(job.write)[...] = np.add.accumulate(at(job.read), job.axis)
    elif isinstance(job, Fill):
        at(job.write)[...] = job.value
    elif isinstance(job, Gather):
        at(job.write).reshape(-1)[...] = at(job.read).reshape(-1)[job.places]
    elif isinstance(job, Scatter):
        np.add.at(at(job.write).reshape(-1), job.places, at(job.read).reshape(-1))
    else:
        at(job.write)[...] = job.row.numpy(*map(at, job.reads))


def _nest(job: Nest, at: Any, dtype: Any) -> None:
    given = [at(each) if isinstance(each, View) else constant_of_dtype(each, dtype) for each in job.sources]
    found: list[Any] = []
    for row, *operands in job.steps:
        xs = [given[~each] if each < 0 else found[each] for each in operands]
        xs = [x != 0 if place in row.truths else x for place, x in enumerate(xs)]
        found.append(np.asarray(numpy_function(row)(*xs)).astype(dtype))
    for operand, view in job.writes:
        at(view)[...] = given[~operand] if operand < 0 else found[operand]


def _fold(job: Fold, x: Any, y: Any) -> None:
    """The loops in order; the last axis by NumPy's own loop."""
    function = numpy_function(job.row)
    for place in np.ndindex(job.shape[:-1]):
        if job.shape and job.write.strides[-1]:
            function(y[place], x[place], out=y[place])
        else:
            whole, xs = (y[(*place, 0)], x[place]) if job.shape else (y[()], np.reshape(x, 1))
            is_sum = function is np.add  # taken by pairs, and then added
            found = function(whole, function.reduce(xs)) if is_sum else function.reduce([whole, *xs])
            y[(*place, ...)] = found
    assert prod(job.shape)
