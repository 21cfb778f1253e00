"""From a program of arrays to jobs: elementwise steps gathered in nests, views that cost nothing, memory that is used again."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from exprad.backends.loops.folds import folds
from exprad.backends.loops.jobs import Accumulate, Call, Fill, Gather, Job, Memory, Nest, Scatter
from exprad.backends.loops.rooms import placed
from exprad.backends.loops.views import View, contiguous
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape

MOST_STEPS = 256  # of a nest


class Loops:
    """A program as jobs over memories; see `jobs`.

    Memory k is input k, for each of `columns` (the steps that are the inputs, -1 for one that nobody reads); then come one for
    each output, which is contiguous, constants, and rooms. All rooms together take `room` elements.

    >>> from exprad import Var, sum
    >>> v = Var("v", shape=(3,))
    >>> loops = Loops(Program.lowered([sum(v * v)]), [0])
    >>> [type(job).__name__ for job in loops.jobs], loops.room
    (['Nest', 'Fill', 'Fold'], 8)
    """

    def __init__(self, program: Program, columns: Sequence[int]) -> None:
        lowering = Lowering(program, columns)
        lowering.run()
        self.jobs, self.memories = lowering.jobs, lowering.memories
        self.inputs, self.outputs = len(columns), len(program.outputs)
        self.room = placed(self.jobs, self.memories)


class _Open:
    """A nest that still takes steps: its sources by the values that they are, and the values that its steps are."""

    def __init__(self) -> None:
        self.sources: dict[int, int] = {}
        self.given: list[Any] = []
        self.steps: list[tuple[Any, ...]] = []
        self.place: dict[int, int] = {}


class Lowering:
    """The jobs so far, where each value lies, and the nests that are open, by their shapes.

    A nest that is open reads only what jobs before have written; it is closed as soon as others read of it. The columns
    `loops` of rows get this as `to`: they make jobs by its methods, and return where the result lies.
    """

    def __init__(self, program: Program, columns: Sequence[int]) -> None:
        self.program, self.shapes, self.last_use = program, program.shapes, program.last_use
        self.jobs: list[Job] = []
        self.memories: list[Memory] = []
        self.views: dict[int, View] = {}
        self.open: dict[Shape, _Open] = {}
        self.within: dict[int, Shape] = {}  # of which open nest a value is
        self.index = 0
        for place, column in enumerate(columns):
            shape = self.shapes[column] if column >= 0 else ()
            self.memories.append(Memory("input", prod(shape), place))
            if column >= 0:
                self.views[column] = View(place, 0, shape, contiguous(shape))
        self.targets = list(enumerate(program.outputs, len(columns)))
        for place, output in enumerate(program.outputs):
            self.memories.append(Memory("output", prod(self.shapes[output]), place))
        self.direct = {output: memory for memory, output in reversed(self.targets)}

    def run(self) -> None:
        """All steps, and what brings outputs to their places that lie elsewhere."""
        for index in self.program.calls:
            self.index = index
            row, *operands = self.program.steps[index]
            if row.partials is None:
                self._structural(row, operands)
            else:
                self._elementwise(row, operands)
        self.index = len(self.program.steps)
        for shape in list(self.open):
            self._close(shape)
        for memory, output in self.targets:
            view = self._view(output)
            if view.memory != memory:
                self.copy(view, View(memory, 0, view.shape, contiguous(view.shape)))

    # Elementwise rows.

    def _elementwise(self, row: Primitive, operands: Sequence[int]) -> None:
        shape, within = self.shapes[self.index], self.within
        for operand in operands:
            if within.get(operand, shape) != shape:
                self._close(within[operand])
        nest = self.open.get(shape)
        if nest is not None and len(nest.steps) >= MOST_STEPS:
            self._close(shape)
            nest = None
        if nest is None:
            nest = self.open[shape] = _Open()
        place = nest.place
        step = [place[each] if each in place else self._source(nest, shape, each) for each in operands]
        place[self.index] = len(nest.steps)
        nest.steps.append((row, *step))
        within[self.index] = shape

    def _source(self, nest: _Open, shape: Shape, operand: int) -> int:
        found = nest.sources.get(operand)
        if found is None:
            found = nest.sources[operand] = ~len(nest.given)
            head, *rest = self.program.steps[operand]
            is_number = head == "const" and not self.shapes[operand]
            nest.given.append(rest[0] if is_number else self._view(operand).broadcast(shape))
        return found

    def _close(self, shape: Shape) -> None:
        """Make a job of a nest, which writes what is read later."""
        nest = self.open.pop(shape)
        writes = []
        for value, place in nest.place.items():
            del self.within[value]
            if self.last_use[value] >= self.index:
                self.views[value] = self._new(shape, self.direct.get(value))
                writes.append((place, self.views[value]))
        if writes and 0 not in shape:
            self.jobs.append(Nest(shape, nest.given, nest.steps, writes))

    # Rows of the second table.

    def _structural(self, row: Any, operands: Sequence[int]) -> None:
        given = [self._view(operand) for operand in operands]
        self.row = row
        loops = row.family.loops
        found = self.call(*given) if loops is None else loops(self, *given, **row.parameters)
        self.views[self.index] = found

    def _view(self, value: int) -> View:
        """Where a value lies, in memory."""
        if value in self.within:
            self._close(self.within[value])
        found = self.views.get(value)
        if found is None:  # a constant
            given = self.program.steps[value][1]
            shape = self.shapes[value]
            self.memories.append(Memory("constant", prod(shape), 0, given))
            found = self.views[value] = View(len(self.memories) - 1, 0, shape, contiguous(shape))
        return found

    # What columns `loops` ask for.

    @property
    def shape(self) -> Shape:
        """The shape of the result."""
        return self.shapes[self.index]

    def result(self) -> View:
        """Where the result goes, contiguous: to its output, where it is one."""
        return self._new(self.shape, self.direct.get(self.index))

    def new(self, shape: Shape) -> View:
        """Room for an array."""
        return self._new(shape, None)

    def _new(self, shape: Shape, memory: int | None) -> View:
        if memory is None:
            memory = len(self.memories)
            self.memories.append(Memory("room", prod(shape)))
        return View(memory, 0, shape, contiguous(shape))

    def plain(self, x: View) -> View:
        """The array, contiguous: copied where it is not."""
        return x if x.is_contiguous else self.copy(x, self.new(x.shape))

    def copy(self, x: View, y: View) -> View:
        if x.size:
            self.jobs.append(Nest(x.shape, [x], [], [(~0, y)]))
        return y

    def fill(self, value: Any, y: View) -> View:
        if y.size:
            self.jobs.append(Fill(value, y))
        return y

    def fold(self, row: Primitive, x: View, axes: Sequence[int], first: Any) -> View:
        """A reduction along axes, to the result; `first` is what it begins with, None for the first elements."""
        y = self.result()
        kept = iter(contiguous(tuple([size for axis, size in enumerate(x.shape) if axis not in axes])))
        strides = tuple([0 if axis in axes else next(kept) for axis in range(len(x.shape))])
        if first is not None:
            self.fill(first, y)
        elif y.size:
            places = [0 if axis in axes else slice(None) for axis in range(len(x.shape))]
            start = x.part(places)
            self.copy(start, View(y.memory, y.offset, start.shape, contiguous(start.shape)))
        if x.size:
            self.jobs += folds(self, row, x, View(y.memory, y.offset, x.shape, strides))
        return y

    def accumulate(self, x: View, axis: int) -> View:
        """Sums along an axis."""
        y = self.result()
        if x.size:
            self.jobs.append(Accumulate(x.shape, axis, x, y))
        return y

    def gather(self, x: View, index: Any) -> View:
        """`x[index]`, where arrays are in the index."""
        y = self.result()
        if y.size:
            places = np.arange(x.size).reshape(x.shape)[index].reshape(-1)
            self.jobs.append(Gather(places, self.plain(x), y))
        return y

    def scatter(self, y: View, x: View, index: Any) -> View:
        """`y[index] += x`, where arrays are in the index, and y is contiguous."""
        if x.size:
            places = np.arange(y.size).reshape(y.shape)[index].reshape(-1)
            self.jobs.append(Scatter(places, self.plain(x), y))
        return y

    def call(self, *given: View, function: str = "") -> View:
        """The row, by a library; `function` is its name there, where it takes views."""
        y = self.result()
        if y.size:
            self.jobs.append(Call(self.row, list(given), y, function))
        return y
