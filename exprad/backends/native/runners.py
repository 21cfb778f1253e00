"""How a compiled program meets points and threads: over arrays of any layout, and large ones at one point."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from functools import cache, cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np

from exprad.backends.levels import Layout
from exprad.backends.native import engine, kernels, layout, linking, team
from exprad.backends.native.levels import Levels
from exprad.backends.native.steps import function_name
from exprad.backends.numpy import BlockRunner, columns_of, pool, rows_of, workers
from exprad.backends.planned import finish, flat_outputs
from exprad.backends.signature import Input
from exprad.graph.program import Program
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused

THREADED_WORK = 500_000  # nanoseconds of work from which threads pay
COST = 0.02, 0.8  # nanoseconds that an operation takes at a point: of arithmetic; of a function
WIDE = 16  # steps that are one loop, on average, from which loops are faster than an interpreter
QUICK = 200_000  # characters of text from which LLVM is asked for code made quickly, which is at most a fifth slower
REALS = {np.dtype(np.float64): "double", np.dtype(np.float32): "float"}


class ArrayKernel:
    """A program as a loop of machine code over arrays of one real type."""

    def __init__(self, program: Program, columns: Sequence[int], real: str, fast: bool) -> None:
        module = linking.new_module(engine.width(), real, fast)
        self.engine, address = linking.linked(module, kernels.kernel(module, program, columns), "kernel")
        self.real, self.address = real, address
        self.slots = ctypes.c_int64 * (2 * (len(columns) + len(program.outputs)))
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(address)

    def __call__(self, arrays: Sequence[Any], start: int, stop: int) -> None:
        """Run from one point to another over arrays of one dimension, or none."""
        self.function(self._slots(arrays), start, stop)

    def share(self, threads: team.Threads, arrays: Sequence[Any], count: int, piece: int) -> bool:
        """Run over so many points on threads, unless they are busy."""
        return threads.share(self.address, self._slots(arrays), count, piece)

    def _slots(self, arrays: Sequence[Any]) -> Any:
        return self.slots(*[number for array in arrays for number in layout.slot(array)])


class NativeRunner:
    """Runs a program of scalars over arrays of any layout: one loop, on threads where that pays.

    Code for double and for single precision is made when it is first needed. Other types go through NumPy.
    """

    pays = True

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        self.program, self.inputs, self.structure, self.fast = program, inputs, structure, fast
        self.columns = columns
        # An array each, just as they are given:
        self.takes_all = not any(slot.shape for slot in inputs) and all(shape is None for shape, *_ in structure)
        functions = sum(map(bool, map(function_name, [program.steps[index][0] for index in program.calls])))
        self.cost = COST[0] * len(program.calls) + COST[1] * functions
        self._kernels: dict[Any, Any] = {}
        self._builtin: Any = None
        self._other = cache(lambda: BlockRunner(program, columns, inputs, structure))

    @property
    def source(self) -> str:
        return kernels.kernel(linking.new_module(engine.width(), "double", self.fast), self.program, self.columns)

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        kernel = self._kernels.get(dtype) or self._made(dtype)
        if kernel is None:
            return self._other()(arrays, leaves, points, dtype)
        flat = _of_one_axis([*arrays, *leaves], points, dtype) if self.takes_all else None
        if flat is None:
            return self._rearranged(kernel, arrays, leaves, points, dtype)
        return self._shared(kernel, flat, prod(points))

    def _rearranged(
        self, kernel: ArrayKernel, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any
    ) -> None:
        """Arrays of arrays, of other types, or of any layout: by their last axis, and copied where it must be."""
        columns, rows = columns_of(self.inputs, arrays, dtype), rows_of(leaves, self.structure)
        targets = [row if row.dtype == dtype else np.empty(points, dtype) for row in rows]
        flat = _of_one_axis(columns + targets, points, dtype)
        if flat is not None:
            self._shared(kernel, flat, prod(points))
        elif prod(points):
            stretched = [np.broadcast_to(array, points) for array in columns] + targets
            for place in product(*map(range, points[:-1])):
                self._shared(kernel, [array[place] for array in stretched], points[-1])
        for row, target in zip(rows, targets, strict=True):
            if row is not target:
                np.copyto(row, target, casting="unsafe")

    def prepare(self, dtype: Any) -> None:
        """Make the code for a type of numbers."""
        self._made(dtype)

    def serve(self, builtin: Any) -> None:
        """Give a built-in the code that is there, and that will be made."""
        with engine.compiling():
            self._builtin = builtin
            for kernel in self._kernels.values():
                builtin.take_arrays(kernel, self.cost)

    def _made(self, dtype: Any) -> Any:
        real = REALS.get(dtype)
        with engine.compiling():
            if real is not None and dtype not in self._kernels:
                kernel = self._kernels[dtype] = ArrayKernel(self.program, self.columns, real, self.fast)
                if self._builtin is not None:
                    self._builtin.take_arrays(kernel, self.cost)
        return self._kernels.get(dtype)

    def _shared(self, kernel: ArrayKernel, arrays: Sequence[Any], count: int) -> None:
        """One axis, on threads where that pays."""
        work, threads = count * self.cost, team.threads()
        if threads is None and work >= THREADED_WORK:
            share = math.ceil(count / workers() / 64) * 64
            pieces = [(start, min(start + share, count)) for start in range(0, count, share)]
            jobs = [pool().submit(kernel, arrays, start, stop) for start, stop in pieces[1:]]
            kernel(arrays, *pieces[0])
            for job in jobs:
                job.result()
        elif threads is None or work < team.WORTH or not kernel.share(threads, arrays, count, team.piece(self.cost)):
            kernel(arrays, 0, count)


def _of_one_axis(arrays: Sequence[Any], points: Shape, dtype: Any) -> list[Any] | None:
    """The arrays with one axis, or none, if all are contiguous and of the type; else None."""
    flat = []
    for array in arrays:
        if array.ndim and (array.shape != points or not array.flags.c_contiguous) or array.dtype != dtype:
            return None
        flat.append(array if array.ndim < 2 else array.reshape(-1))
    return flat


class LevelsKernel:
    """A large program as loops over the rows of a table of one real type; see `Levels`."""

    def __init__(self, layout: Layout, real: str, fast: bool) -> None:
        vectors = linking.new_module(engine.width(), real, fast)
        numbers = linking.new_module(1, real, fast, vectors)
        levels = Levels(layout, vectors, numbers)
        self.places = np.concatenate(levels.places) if levels.places else np.empty(0, np.int64)
        self.engine, address = linking.linked(numbers, levels.text, "levels", 0 if len(levels.text) > QUICK else 2)
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(address)

    def __call__(self, table: Any) -> None:
        """Fill a table from its inputs and constants."""
        self.function(*[array.__array_interface__["data"][0] for array in (table, self.places)])


class LargeRunner:
    """Runs a large program at one point, in double or single precision. Threads may share it: each takes a table of its own."""

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        self.program, self.columns, self.inputs, self.structure, self.fast = program, columns, inputs, structure, fast
        self._kernels: dict[Any, LevelsKernel] = {}
        self._tables: dict[Any, list[Any]] = {}

    @cached_property
    def layout(self) -> Layout:
        with collector_paused():
            return Layout(self.program, self.columns, self.structure, engine.width())

    @property
    def pays(self) -> bool:
        """Whether its loops are long enough to be faster than an interpreter of the steps."""
        return self.layout.steps_a_group >= WIDE

    @property
    def source(self) -> str:
        vectors = linking.new_module(engine.width(), "double", self.fast)
        return Levels(self.layout, vectors, linking.new_module(1, "double", self.fast, vectors)).text

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        kernel, tables = self._made(dtype), self._tables.setdefault(dtype, [])
        try:
            table = tables.pop()
        except IndexError:
            table = np.concatenate([self.layout.table((), dtype), np.zeros(engine.width(), dtype)])
        found, first = flat_outputs(leaves), 0
        for array in arrays:
            table[first : first + array.size] = array.reshape(-1)
            first += array.size
        kernel(table)
        self.layout.write(table, found)
        tables.append(table)
        finish(leaves, found)

    def prepare(self, dtype: Any) -> None:
        """Make the code for a type of numbers."""
        self._made(dtype)

    def _made(self, dtype: Any) -> LevelsKernel:
        found = self._kernels.get(dtype)
        if found is None:
            with engine.compiling():
                if dtype not in self._kernels:
                    self._kernels[dtype] = LevelsKernel(self.layout, REALS[dtype], self.fast)
            found = self._kernels[dtype]
        return found
