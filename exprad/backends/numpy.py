"""The NumPy back end: elementwise steps on cache-sized blocks, into buffers that are used again and again.

A program is cut into regions. The steps of an elementwise region run block by block, so that no intermediate value
leaves the cache; a structural step (sum, matmul) runs on whole arrays.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property, lru_cache
from itertools import product
from math import copysign, prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from exprad.backends.signature import Input, own_name
from exprad.graph.program import Program
from exprad.ground.forks import at_fork
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import constant_of_dtype, keep, numpy_function
from exprad.tables import elementary as table

CACHE_BYTES = 1 << 22  # that the live values of a block may take: measured, between second- and third-level caches
BLOCK_ELEMENTS = (8192, 32768)  # the fewest and the most of a block
THREADED_ELEMENTS = 1 << 17  # from which threads pay


def _wanted(row: Primitive, position: int) -> str | None:
    """What an operand must be: "b", truth values; "r", numbers; or either."""
    if row.predicate:
        return None
    return "b" if position in row.truths else "r"


def _conversion(read: str, written: str) -> str:
    """Truth values to a register of numbers, or numbers to one of truth values."""
    return f"copyto({written}, {read})" if written[0] == "r" else f"not_equal({read}, 0, {written})"


def writer(row: Primitive) -> Callable[..., Any] | None:
    """The row's function, such as a ufunc, of its operands and of where to write; None where it has none."""
    function = numpy_function(row)
    if function in (np.maximum, np.minimum):
        return lambda a, b, out: function(a, b, out=out)  # for these NumPy takes no third argument by place
    return function if isinstance(function, np.ufunc) or getattr(function, "writes", False) else None


def _is_zero(value: Any) -> bool:
    """Whether a constant is the zero whose bits are."""
    return not hasattr(value, "dtype") and value == 0 and copysign(1, value) > 0


class Allocator:
    """Registers by name, of floats ("r0") and of truth values ("b0"), given out again when they are given back."""

    def __init__(self) -> None:
        self.count = {"r": 0, "b": 0}
        self.free: dict[str, list[str]] = {"r": [], "b": []}

    def take(self, kind: str) -> str:
        if self.free[kind]:
            return self.free[kind].pop()
        self.count[kind] += 1
        return f"{kind}{self.count[kind] - 1}"

    def give(self, names: Iterable[str]) -> None:
        for name in sorted(names):
            self.free[name[0]].append(name)


class BlockKernel:
    """Elementwise steps over one shape: inputs to outputs, with registers for what lies between.

    Names in the generated source are its own: `x` for inputs, `o` for outputs, `r` for registers of floats, `b` for
    registers of truth values, `k` for constants.
    """

    def __init__(self, program: Program, inputs: Sequence[int], steps: Sequence[int], outputs: Sequence[int]) -> None:
        self.program, self.inputs, self.outputs = program, tuple(inputs), tuple(outputs)
        self.constants: list[Any] = []
        self.functions: dict[str, Callable[..., Any]] = {
            "copyto": np.copyto,
            "not_equal": np.not_equal,
            "where": np.where,
            "keep": keep,
        }
        registers = Allocator()
        self.lines = list(self._lines(steps, registers))
        self.floats, self.truths = registers.count["r"], registers.count["b"]

    def _lines(self, steps: Sequence[int], registers: Allocator) -> Iterator[str]:
        place = {value: f"x{i}" for i, value in enumerate(self.inputs)}
        kinds = dict.fromkeys(self.inputs, "r")
        slot = {value: f"o{i}" for i, value in reversed(list(enumerate(self.outputs)))}
        last = {operand: index for index in steps for operand in self.program.steps[index][1:]}
        for index in steps:
            row, *operands = self.program.steps[index]
            for operand in operands:
                if operand not in place:
                    place[operand], kinds[operand] = self._constant(operand), "r"
            reads = [place[operand] for operand in operands]
            done = {place[o] for o in operands if last[o] == index and place[o][0] in "rb"}
            spare: set[str] = set()
            for position, operand in enumerate(operands):
                wanted = _wanted(row, position)
                if wanted and wanted != kinds[operand]:
                    read, reads[position] = reads[position], registers.take(wanted)
                    spare.add(reads[position])
                    yield _conversion(read, reads[position])
            kinds[index] = "b" if row.predicate else "r"
            registers.give(done)
            out = slot.get(index) or registers.take(kinds[index])
            registers.give(spare - {out})
            place[index] = out
            yield from self._call(row, reads, out)
        for i, value in enumerate(self.outputs):
            source = place.get(value) or self._constant(value)
            if source != f"o{i}":
                yield f"copyto(o{i}, {source})"

    def _constant(self, index: int) -> str:
        self.constants.append(self.program.steps[index][1])
        return f"k{len(self.constants) - 1}"

    def _call(self, row: Primitive, reads: Sequence[str], out: str) -> Iterator[str]:
        if row is table.where:
            condition, a, b = reads
            if b[0] == "k" and a[0] != "k" and a != out and _is_zero(self.constants[int(b[1:])]):
                yield f"keep({condition}, {a}, {out})"
            else:
                yield f"copyto({out}, where({condition}, {a}, {b}))"  # several times as fast as copyto with where=
            return
        function, name = writer(row), own_name(row)
        self.functions[name] = function or numpy_function(row)
        if function is not None:
            yield f"{name}({', '.join([*reads, out])})"
        else:
            yield f"copyto({out}, {name}({', '.join(reads)}))"

    @property
    def names(self) -> list[str]:
        counts = {"x": len(self.inputs), "o": len(self.outputs), "r": self.floats, "b": self.truths}
        return [f"{letter}{i}" for letter, count in counts.items() for i in range(count)]

    @cached_property
    def source(self) -> str:
        """The block function as text."""
        body = "\n    ".join(self.lines or ["pass"])
        return f"def block({', '.join(self.names)}):\n    {body}\n"

    def function(self, dtype: Any) -> Callable[..., None]:
        """The block function, with the constants rounded once to `dtype`."""
        scope: dict[str, Any] = dict(self.functions)
        for i, value in enumerate(self.constants):
            scope[f"k{i}"] = constant_of_dtype(value, dtype)
        exec(code(self.source), scope)
        return scope["block"]


@lru_cache(maxsize=256)
def code(source: str) -> Any:
    """The code of a block function; the layers of a network are alike."""
    return compile(source, "<exprad program>", "exec")


def columns_of(inputs: Sequence[Input], arrays: Sequence[Any], dtype: Any) -> list[Any]:
    """One array a variable, of the program's dtype."""
    columns: list[Any] = []
    for slot, array in zip(inputs, arrays, strict=True):
        array = array if array.dtype == dtype else array.astype(dtype)
        columns += list(array.reshape(-1, *array.shape[len(slot.shape) :])) if slot.shape else [array]
    return [np.asarray(column) for column in columns]


def rows_of(leaves: Sequence[Any], structure: Sequence[Any]) -> list[Any]:
    """One array an output expression: the outputs themselves, and the parts of arrays of outputs."""
    rows: list[Any] = []
    for leaf, (shape, *_) in zip(leaves, structure, strict=True):
        rows += [leaf] if shape is None else [leaf[(*place, ...)] for place in np.ndindex(shape)]
    return rows


class BlockRunner:
    """Runs a program of scalars over arrays of any layout. Threads may share it: each takes registers of its own."""

    def __init__(self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any) -> None:
        self.inputs, self.structure = inputs, structure
        used = [place for place, column in enumerate(columns) if column >= 0]
        self.used = used
        kernel = BlockKernel(program, [columns[place] for place in used], program.calls, program.outputs)
        self.blocks = Blocks(kernel)
        are_scalars = not any(slot.shape for slot in inputs) and all(shape is None for shape, *_ in structure)
        self.takes_all = are_scalars and used == list(range(len(inputs)))  # an array each, just as they are given

    @property
    def source(self) -> str:
        return self.blocks.kernel.source

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        if self.takes_all:
            columns = [array if array.dtype == dtype else array.astype(dtype) for array in arrays]
            with np.errstate(all="ignore"):
                self.blocks(columns, leaves, points, dtype)
            return
        columns = columns_of(self.inputs, arrays, dtype)
        with np.errstate(all="ignore"):
            self.blocks([columns[place] for place in self.used], rows_of(leaves, self.structure), points, dtype)


class Registers:
    """Buffers of one block, and the views of them that a block of the last shape took."""

    def __init__(self, kernel: BlockKernel, dtype: Any, size: int, memory: Any) -> None:
        self.buffers = []
        start = 0
        for kind in [dtype] * kernel.floats + [np.dtype(bool)] * kernel.truths:
            self.buffers.append(memory[start : start + size * kind.itemsize].view(kind))
            start += -(-size * kind.itemsize // 64) * 64
        self.shape: Shape | None = None
        self.views: list[Any] = []

    def of(self, shape: Shape) -> list[Any]:
        if shape != self.shape:
            count = prod(shape)
            self.shape, self.views = shape, [buffer[:count].reshape(shape) for buffer in self.buffers]
        return self.views


class _Scratch(threading.local):
    """The memory of a thread for registers: one kernel at a time uses it, so that all share it."""

    def __init__(self) -> None:
        self.memory = np.empty(0, np.uint8)
        self.given_out: WeakKeyDictionary[BlockKernel, dict[Any, Registers]] = WeakKeyDictionary()

    def registers(self, kernel: BlockKernel, dtype: Any, size: int) -> Registers:
        found = self.given_out.setdefault(kernel, {}).get(dtype)
        if found is None:
            needed = (size * dtype.itemsize + 64) * kernel.floats + (size + 64) * kernel.truths
            if needed > len(self.memory):
                self.memory = np.empty(needed, np.uint8)
                self.given_out.clear()
            found = self.given_out.setdefault(kernel, {})[dtype] = Registers(kernel, dtype, size, self.memory)
        return found


class _NoRegisters:
    """For kernels that need none."""

    def of(self, shape: Shape) -> list[Any]:
        return []


_scratch, _none = _Scratch(), _NoRegisters()


class Blocks:
    """Runs a kernel over arrays block by block, on threads where that pays. Callers see to NumPy's warnings."""

    def __init__(self, kernel: BlockKernel, most: int = 1 << 62) -> None:
        self.kernel, self.most = kernel, max(most, 1)
        self._ready: dict[Any, tuple[Callable[..., None], int]] = {}

    def __call__(self, inputs: Sequence[Any], outputs: Sequence[Any], shape: Shape, dtype: Any) -> None:
        function, block = self._ready.get(dtype) or self._prepared(dtype)
        if prod(shape) <= block:
            function(*inputs, *outputs, *self._registers(dtype, block).of(shape))
            return
        inputs, outputs, shape = _flattened(inputs, outputs, shape)
        pieces = list(_pieces(shape, block))
        share = -(-len(pieces) // (workers() if prod(shape) >= THREADED_ELEMENTS else 1))
        tasks = [pieces[i : i + share] for i in range(0, len(pieces), share)]
        jobs = [pool().submit(self._run_quietly, inputs, outputs, task, dtype) for task in tasks[1:]]
        self._run(inputs, outputs, tasks[0], dtype)
        for job in jobs:
            job.result()

    def _prepared(self, dtype: Any) -> tuple[Callable[..., None], int]:
        self._ready[dtype] = self.kernel.function(dtype), self._block(dtype)
        return self._ready[dtype]

    @property
    def is_single(self) -> bool:
        """Whether all that the kernel is ever asked fits in one block."""
        return self.most <= self._block(np.dtype(float))

    def function(self, dtype: Any) -> Callable[..., None]:
        return (self._ready.get(dtype) or self._prepared(dtype))[0]

    def registers(self, dtype: Any, shape: Shape) -> list[Any]:
        """The registers of this thread, for a block of a shape."""
        return self._registers(dtype, (self._ready.get(dtype) or self._prepared(dtype))[1]).of(shape)

    def _registers(self, dtype: Any, block: int) -> Any:
        kernel = self.kernel
        return _scratch.registers(kernel, dtype, block) if kernel.floats or kernel.truths else _none

    def memory(self, itemsize: int) -> int:
        """The bytes that the registers of a block take."""
        return self.kernel.floats * itemsize * self._block(np.dtype(f"f{itemsize}"))

    def _block(self, dtype: Any) -> int:
        kernel = self.kernel
        live = kernel.floats + len(kernel.inputs) + len(kernel.outputs) + 1
        return min(
            max(CACHE_BYTES // (live * dtype.itemsize) // 64 * 64, BLOCK_ELEMENTS[0]), BLOCK_ELEMENTS[1], self.most
        )

    def _run(self, inputs: Sequence[Any], outputs: Sequence[Any], pieces: Sequence[Any], dtype: Any) -> None:
        function, block = self._ready[dtype]
        registers = self._registers(dtype, block)
        for piece in pieces:
            ins = [x[piece] if x.ndim else x for x in inputs] if piece else inputs
            outs = [x[piece] for x in outputs] if piece else outputs
            function(*ins, *outs, *registers.of(outs[0].shape if outs else ()))

    def _run_quietly(self, *arguments: Any) -> None:
        """In a thread of its own, which knows nothing of its caller's warnings."""
        with np.errstate(all="ignore"):
            self._run(*arguments)


def _flattened(inputs: Sequence[Any], outputs: Sequence[Any], shape: Shape) -> tuple[Any, Any, Shape]:
    """The same arrays with one axis, where all are contiguous; else stretched to the common shape."""
    are_contiguous = all(not x.ndim or x.shape == shape and x.flags.c_contiguous for x in inputs)
    if len(shape) > 1 and are_contiguous and all(x.flags.c_contiguous for x in outputs):
        size = (prod(shape),)
        return [x.reshape(size) if x.ndim else x for x in inputs], [x.reshape(size) for x in outputs], size
    return [np.broadcast_to(x, shape) if x.ndim and x.shape != shape else x for x in inputs], outputs, shape


def _pieces(shape: Shape, block: int) -> Iterator[tuple[slice | int, ...]]:
    """Index tuples that cut an array of `shape` into pieces of at most `block` elements."""
    axis = 0
    while axis < len(shape) - 1 and prod(shape[axis + 1 :]) > block:
        axis += 1
    step = max(1, block // max(1, prod(shape[axis + 1 :])))
    for outer in product(*map(range, shape[:axis])):
        for start in range(0, shape[axis], step):
            yield (*outer, slice(start, start + step))


@cache
def pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers(), thread_name_prefix="exprad")


@cache
def workers() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


at_fork(child=pool.cache_clear)  # a child has none of its parent's threads
