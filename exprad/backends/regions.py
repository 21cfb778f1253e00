"""Programs of arrays on NumPy: elementwise regions in blocks, rows of the second table as a whole, memory planned."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from math import prod
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.numpy import BlockKernel, Blocks, code, columns_of, rows_of, workers
from exprad.backends.signature import Input
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import constant_of_dtype
from exprad.tensor import IndexArray


class Region(NamedTuple):
    """Steps that run as one: a kernel of elementwise ones, or a row of the second table."""

    action: Any
    reads: list[int]
    writes: list[int]
    ends: list[int]  # values that nobody reads afterwards


class RegionRunner:
    """Runs a program of arrays: elementwise regions block by block, structural steps as a whole.

    What lies between regions has a place in memory that is planned once: a place is taken again as soon as its value,
    and every view of it, was read for the last time. Outputs are written where they are wanted.
    """

    def __init__(self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any) -> None:
        self.program, self.columns, self.inputs, self.structure = program, columns, inputs, structure
        self.roots, self.last = self._lifetimes()
        self.regions = list(self._regions())
        self.direct = {
            output: place
            for place, output in reversed(list(enumerate(program.outputs)))
            if self.roots[output] == output and isinstance(program.steps[output][0], Primitive)
        }
        self.place: dict[int, int] = {}  # the buffer of each value
        self.sizes: list[tuple[int, bool]] = []  # of each buffer: elements, and whether they are truth values
        self._plan()
        self._spare: dict[Any, list[list[Any]]] = {}
        self._ready: dict[Any, Callable[..., None]] = {}
        self.text = self._written()

    def _lifetimes(self) -> tuple[dict[int, int], list[int]]:
        """The value in whose memory each value lies, and the last step that reads that memory."""
        program = self.program
        roots: dict[int, int] = {}
        last = list(program.last_use)
        for index, (head, *rest) in enumerate(program.steps):
            is_view = isinstance(head, Primitive) and head.partials is None and _is_view(head)
            roots[index] = roots[rest[0]] if is_view else index
        for index, root in roots.items():
            last[root] = max(last[root], last[index])
        return roots, last

    def _regions(self) -> Iterator[Region]:
        """Steps in a row that are elementwise and of one shape, each with what it reads and what others read."""
        program = self.program
        steps: list[int] = []
        calls = program.calls
        for index in calls:
            row = program.steps[index][0]
            if steps and (row.partials is None or program.shapes[index] != program.shapes[steps[0]]):
                yield self._region(steps)
                steps = []
            if row.partials is None:
                reads = list(program.steps[index][1:])
                yield Region(row, reads, [index], self._ended(reads, index))
            else:
                steps.append(index)
        if steps:
            yield self._region(steps)

    def _region(self, steps: list[int]) -> Region:
        program, own = self.program, set(steps)
        last = max(steps)
        reads = {o: None for index in steps for o in program.steps[index][1:] if o not in own}
        inputs = [o for o in reads if program.steps[o][0] != "const" or program.shapes[o]]
        outputs = [index for index in steps if program.last_use[index] > last]
        blocks = Blocks(BlockKernel(program, inputs, steps, outputs), prod(program.shapes[last]))
        return Region(blocks, inputs, outputs, self._ended(inputs, last))

    def _ended(self, reads: Sequence[int], step: int) -> list[int]:
        return [read for read in dict.fromkeys(reads) if self.program.last_use[read] <= step]

    def _plan(self) -> None:
        """Give each value that a region writes a buffer, the smallest free one that is large enough."""
        free: dict[bool, list[tuple[int, int]]] = {True: [], False: []}  # by size, of truth values and of numbers
        held: list[tuple[int, int]] = []  # the step that reads it last, and the buffer: a heap
        done = -1
        for region in self.regions:
            step = region.writes[-1] if region.writes else done
            while held and held[0][0] <= done:
                place = heappop(held)[1]
                size, is_truth = self.sizes[place]
                insort(free[is_truth], (size, place))
            if self._writes(region):
                for index in region.writes:
                    if index not in self.direct:
                        self.place[index] = self._buffer(index, free)
                        heappush(held, (self.last[index], self.place[index]))
            done = step

    def _buffer(self, index: int, free: dict[bool, list[tuple[int, int]]]) -> int:
        size, is_truth = prod(self.program.shapes[index]), bool(self.program.steps[index][0].predicate)
        fitting = free[is_truth]
        if not fitting:
            self.sizes.append((size, is_truth))
            return len(self.sizes) - 1
        found, chosen = fitting.pop(min(bisect_left(fitting, (size, -1)), len(fitting) - 1))
        self.sizes[chosen] = max(found, size), is_truth  # the largest grows where none is large enough
        return chosen

    @property
    def source(self) -> str:
        """What NumPy is asked: the function of a call, and those of the elementwise regions."""
        kernels = [
            region.action.kernel.source.replace("def block(", f"def block_{number}(", 1)
            for number, region in enumerate(self.regions)
            if isinstance(region.action, Blocks)
        ]
        return "\n\n".join([self.text, *kernels])

    def peak(self, itemsize: int) -> int:
        """The bytes that a call takes beyond its inputs and outputs."""
        planned = sum(size * (1 if is_truth else itemsize) for size, is_truth in self.sizes)
        live = most = 0
        ends: dict[int, int] = {}
        for region in self.regions:
            for index in region.writes:
                is_fresh = index not in self.place and index not in self.direct and self.roots[index] == index
                if (
                    is_fresh
                    or not isinstance(region.action, Blocks)
                    and index in self.direct
                    and not self._writes(region)
                ):
                    size = prod(self.program.shapes[index]) * itemsize
                    live += size
                    ends[self.last[index]] = ends.get(self.last[index], 0) + size
            most = max(most, live + self._registers(region, itemsize))
            for end in [end for end in ends if region.writes and end <= region.writes[-1]]:
                live -= ends.pop(end)
        return planned + most

    def _writes(self, region: Region) -> bool:
        return isinstance(region.action, Blocks) or region.action.family.into is not None

    def _registers(self, region: Region, itemsize: int) -> int:
        return region.action.memory(itemsize) if isinstance(region.action, Blocks) else 0

    def _written(self) -> str:
        """The function of a call: its arguments are inputs, buffers and outputs, by the steps whose values they hold."""
        program = self.program
        self.columns_used = [place for place, column in enumerate(self.columns) if column >= 0]
        self.copied = [place for place, output in enumerate(program.outputs) if self.direct.get(output) != place]
        given = [f"v{self.columns[place]}" for place in self.columns_used]
        given += [f"v{index}" for index in (*self.place, *self.direct)] + [f"o{place}" for place in self.copied]
        lines = [line for number, region in enumerate(self.regions) for line in self._lines(number, region)]
        lines += [f"copyto(o{place}, v{program.outputs[place]})" for place in self.copied]
        body = "\n    ".join(lines or ["pass"])
        return f"def run({', '.join(given)}):\n    {body}\n"

    def _lines(self, number: int, region: Region) -> Iterator[str]:
        action, reads = region.action, [f"v{read}" for read in region.reads]
        writes = [f"v{index}" for index in region.writes]
        if isinstance(action, Blocks):
            if writes and action.is_single:
                registers = [f"*registers_{number}()"] if action.kernel.floats or action.kernel.truths else []
                yield f"block_{number}({', '.join([*reads, *writes, *registers])})"
            elif writes:
                yield f"blocks_{number}([{', '.join(reads)}], [{', '.join(writes)}])"
            return
        called = f"{action.name}_{number}({', '.join(reads)}"
        if action.family.into is not None:
            yield f"{called}, {writes[0]})"
        elif region.writes[0] in self.direct:
            yield f"copyto({writes[0]}, {called}))"
        else:
            yield f"{writes[0]} = {called})"
        fresh = [read for read in region.ends if not self._is_given(read)]
        if fresh:
            yield f"del {', '.join(f'v{read}' for read in fresh)}"

    def _is_given(self, index: int) -> bool:
        """Whether a value is an argument or a constant, and not made on the way."""
        head = self.program.steps[index][0]
        return not isinstance(head, Primitive) or index in self.place or index in self.direct

    def _function(self, dtype: Any) -> Callable[..., None]:
        """The function of a call, with constants of `dtype`."""
        scope: dict[str, Any] = {"copyto": np.copyto}
        for index in self.program.constants:
            scope[f"v{index}"] = constant_of_dtype(self.program.steps[index][1], dtype)
        for number, (action, _, writes, _) in enumerate(self.regions):
            if not isinstance(action, Blocks):
                into = action.family.into
                made = action.numpy if into is None else into(np, **action.family.ready(action.parameters))
                scope[f"{action.name}_{number}"] = made
            elif writes:
                shape = self.program.shapes[writes[0]]
                scope[f"block_{number}"] = action.function(dtype)
                scope[f"registers_{number}"] = partial(action.registers, dtype, shape)
                scope[f"blocks_{number}"] = partial(action, shape=shape, dtype=dtype)
        exec(code(self.text), scope)
        return scope["run"]

    def _buffers(self, dtype: Any) -> list[Any]:
        """The arrays that values are written to, in buffers of an earlier call if there are some."""
        try:
            return self._spare.setdefault(dtype, []).pop()
        except IndexError:
            flat = [np.empty(size, bool if is_truth else dtype) for size, is_truth in self.sizes]
            shapes = self.program.shapes
            return [flat[place][: prod(shapes[index])].reshape(shapes[index]) for index, place in self.place.items()]

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        run = self._ready.get(dtype)
        if run is None:
            run = self._ready[dtype] = self._function(dtype)
        columns, rows = columns_of(self.inputs, arrays, dtype), rows_of(leaves, self.structure)
        buffers = self._buffers(dtype)
        given = [columns[place] for place in self.columns_used]
        direct, copied = [rows[place] for place in self.direct.values()], [rows[place] for place in self.copied]
        with np.errstate(all="ignore"):
            run(*given, *buffers, *direct, *copied)
        if len(self._spare[dtype]) < 2 * workers():
            self._spare[dtype].append(buffers)


def _is_view(row: Any) -> bool:
    """Whether a row's result may lie in the memory of its operand."""
    return (
        row.family.reads == "moves"
        and row.arity == 1
        and not any(isinstance(i, IndexArray) for i in row.parameters.get("index", ()))
    )
