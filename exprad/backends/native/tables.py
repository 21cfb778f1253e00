"""Jobs of a program of arrays as a table of loops to call: no code is made for a program. See `loops` for what a table is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, cast

import numpy as np

from exprad.backends.loops import Accumulate, Call, Fill, Fold, Gather, Loops, Nest, Scatter, View, merged
from exprad.backends.native import layout
from exprad.backends.native.drivers import drivers_of, row_loop_at
from exprad.backends.native.runners import COST, REALS, THREADED_WORK
from exprad.backends.native.steps import function_name
from exprad.ground.shapes import Shape
from exprad.numbers import constant_of_dtype, numpy_function

CACHE = 1 << 18  # bytes of the fast memory of a core, in which the registers of a block shall lie
BLOCKS = 512, 8192  # elements of a block: at least, at most
SHORT = 8  # elements of a last axis, below which a longer one takes its place
LINE = 8  # elements of which a register is a multiple
ABSOLUTE, ROOM = -2, -1  # what an address is counted from; else it is from the first element of an array
# What computes stacks of matrices: a letter for each axis of the operands and of the result. A vector lacks the first letter
# of the first operand, or the last of another.
MATRICES = {"matmul": ("nk", "km", "nm"), "solve": ("pp", "pn", "pn"), "inv": ("pp", "pp"), "det": ("pp", "")}


class Array(NamedTuple):
    """An array of a loop: what its address is counted from, and how many bytes lie between; the bytes from one element to the
    next, and along axes outside; and 1 if it is a register of a thread."""

    base: int
    offset: int
    step: int
    outer: Shape = ()
    own: int = 0


class Part(NamedTuple):
    """Words of a table that run at once, or a job for Python; `units` of a nest that threads may share, else 0."""

    start: int
    beyond: int
    units: int = 0
    job: Any = None


class Table:
    """The table of a program for one type of numbers.

    `words` hold addresses as they are, but those from the room of a call, at `in_room`, and those from arrays, which `bound` has
    for each array: where they are in the table, and how many bytes beyond the first element. `whose` says of each input and
    output of the jobs in which array it lies, and how many elements from the first.
    """

    def __init__(self, loops: Loops, dtype: Any, fast: bool, whose: Sequence[tuple[int, int]], arrays: int) -> None:
        self.loops, self.dtype, self.real, self.fast = loops, dtype, REALS[dtype], fast
        self.size, self.drivers = dtype.itemsize, drivers_of(REALS[dtype])
        self.words: list[int] = []
        self.in_room: list[int] = []
        self.bound: list[list[int]] = [[] for _ in range(arrays)]
        self.kept: list[Any] = []
        self.parts: list[Part] = []
        self.scratch = 0
        self.room = -(-loops.room // LINE) * LINE * self.size
        self.numbers: dict[Any, Array] = {}
        self.bases = [self._base(memory, place, whose) for place, memory in enumerate(loops.memories)]
        self._begun = 0
        for job in loops.jobs:
            _CODERS[job.__class__](self, job)
        self._end()

    def _base(self, memory: Any, place: int, whose: Sequence[tuple[int, int]]) -> tuple[int, int]:
        if memory.kind == "room":
            return ROOM, memory.place * self.size
        if memory.kind == "constant":
            return ABSOLUTE, self._kept(constant_of_dtype(memory.value, self.dtype))
        array, first = whose[place]
        return array, first * self.size

    def _kept(self, array: Any) -> int:
        """The address of an array that lives as long as the table."""
        plain = np.ascontiguousarray(array)
        self.kept.append(plain)
        return int(plain.__array_interface__["data"][0])

    def _number(self, value: Any) -> Array:
        key = (value.__class__, value, str(value) if value == 0 else "")
        found = self.numbers.get(key)
        if found is None:
            address = self._kept(constant_of_dtype(value, self.dtype))
            found = self.numbers[key] = Array(ABSOLUTE, address, 0)
        return found

    def array(self, view: View, step: int = 0, outer: Sequence[int] = ()) -> Array:
        """A view, by strides in elements."""
        base, offset = self.bases[view.memory]
        size = self.size
        return Array(base, offset + view.offset * size, step * size, tuple([each * size for each in outer]))

    def ufunc(self, ufunc: Any) -> tuple[int, int]:
        """The loop of one of NumPy's own functions."""
        return cast("tuple[int, int]", layout.loop_of_ufunc(ufunc, self.dtype.char))

    # Parts.

    def _end(self) -> None:
        """What follows runs by itself."""
        if len(self.words) > self._begun:
            self.parts.append(Part(self._begun, len(self.words)))
        self._begun = len(self.words)

    def alone(self, units: int) -> None:
        """The job from the last end on is one that threads share."""
        self.parts.append(Part(self._begun, len(self.words), units))
        self._begun = len(self.words)

    def for_python(self, job: Any) -> None:
        self._end()
        self.parts.append(Part(0, 0, 0, job))

    # Words.

    def addresses(self, arrays: Sequence[Array]) -> None:
        words = self.words
        for base, offset, *_ in arrays:
            if base >= 0:
                self.bound[base] += (len(words), offset)
            elif base == ROOM:
                self.in_room.append(len(words))
            words.append(offset)

    def direct(
        self, loop: tuple[int, int], arrays: Sequence[Array], counts: Sequence[int], steps: Sequence[int]
    ) -> None:
        """One call."""
        count = len(arrays)
        at = 8 + count
        self.words += (self.drivers.direct, at + len(counts) + len(steps), 1, *loop, count, at, at + len(counts))
        self.addresses(arrays)
        self.words += counts
        self.words += steps

    def nest(self, sizes: Shape, n: int, block: int, calls: Sequence[tuple[Any, ...]]) -> int:
        """Calls at each place of axes outside, for blocks of n elements: how many units."""
        blocks = -(-n // block)
        units = prod(sizes) * blocks
        start = len(self.words)
        are_lines = len(sizes) == len(calls) == blocks == 1
        handler = self.drivers.lines if are_lines else self.drivers.nest
        self.words += (handler, 0, units, n, block, blocks, len(sizes), len(calls), *sizes)
        for loop, arrays, counts, steps in calls:
            self._call(loop, arrays, counts, steps, len(sizes), n > block)
        self.words[start + 1] = len(self.words) - start
        return units

    def _call(
        self,
        loop: tuple[int, int],
        arrays: Sequence[Array],
        counts: Sequence[int],
        steps: Sequence[int],
        axes: int,
        cut: bool,
    ) -> None:
        count = len(arrays)
        at = 6 + count * (3 + axes)
        self.words += (at + len(counts) + len(steps), *loop, count, at if counts else 0, at + len(counts))
        self.addresses(arrays)
        self.words += [each.step if cut and not each.own else 0 for each in arrays]
        self.words += [each.own for each in arrays]
        for axis in range(axes):
            self.words += [each.outer[axis] if each.outer else 0 for each in arrays]
        self.words += counts
        self.words += steps


# Nests.


def _code_nest(table: Table, job: Nest) -> None:
    views = [each for each in job.sources if each.__class__ is View] + [view for _, view in job.writes]
    shape, strides = _with_long_last(*merged(job.shape, tuple([view.strides for view in views])))
    outer, n = shape[:-1], shape[-1] if shape else 1
    count = len(views) - len(job.writes)
    steps = [each[-1] if each else int(place >= count) for place, each in enumerate(strides)]
    pieces = zip(views, steps, strides, strict=True)
    arrays = iter([table.array(view, step, each[:-1]) for view, step, each in pieces])
    sources = [next(arrays) if each.__class__ is View else table._number(each) for each in job.sources]
    nest = _Nest(table, job, sources, list(arrays), n)
    if not outer and n <= nest.block:
        for loop, given, steps in nest.calls:
            table.direct(loop, given, (n,), steps)
        return
    work = prod(shape) * _cost(job)
    if work >= THREADED_WORK:
        table._end()
    units = table.nest(outer, n, nest.block, [(loop, given, (), steps) for loop, given, steps in nest.calls])
    if work >= THREADED_WORK and units > 1:
        table.alone(units)


def _cost(job: Nest) -> float:
    """Nanoseconds an element."""
    return 0.2 + sum([COST[1] if function_name(row) else 5 * COST[0] for row, *_ in job.steps])


def _with_long_last(shape: Shape, strides: tuple[Shape, ...]) -> tuple[Shape, tuple[Shape, ...]]:
    """The longest axis last, where the last is short."""
    if len(shape) < 2 or shape[-1] >= SHORT or max(shape) < 4 * shape[-1]:
        return shape, strides
    place = shape.index(max(shape))
    order = [axis for axis in range(len(shape)) if axis != place] + [place]
    moved = [tuple([each[axis] for axis in order]) for each in strides]
    return tuple([shape[axis] for axis in order]), tuple(moved)


class _Nest:
    """The calls of a nest: registers are given out again after their last use."""

    def __init__(self, table: Table, job: Nest, sources: list[Array], targets: list[Array], n: int) -> None:
        self.table, self.size, self.sources = table, table.size, sources
        self.calls: list[tuple[tuple[int, int], list[Array], list[int]]] = []
        self.block = self._block(n, len(job.steps) + len(sources))
        self.free: list[int] = []
        self.count = 0
        last = job.last_reads
        written: dict[int, Array] = {}
        for (operand, _), target in zip(job.writes, targets, strict=True):
            if operand >= 0 and target.step == self.size and operand not in written:
                written[operand] = target
        values: list[Array] = []
        ready = [self._ready(each) for each in sources]
        for place, (row, *operands) in enumerate(job.steps):
            given = [ready[~each] if each < 0 else values[each] for each in operands]
            for each in operands if len(operands) == 1 else dict.fromkeys(operands):
                if each >= 0 and last[each] == place and values[each].own:
                    self.free.append(values[each].offset)
            target = written.get(place) or self._register()
            values.append(target)
            self._add((row_loop_at(row, table.real, table.fast), 0), [*given, target])
        for (operand, _), target in zip(job.writes, targets, strict=True):
            value = sources[~operand] if operand < 0 else values[operand]
            if value is not target:
                self._copy(value, target)

    def _block(self, n: int, values: int) -> int:
        least, most = BLOCKS
        block = max(least, min(most, CACHE // (values * self.size) // LINE * LINE))
        return n if n <= 2 * block and n <= most else block

    def _register(self) -> Array:
        if self.free:
            offset = self.free.pop()
        else:
            offset = self.table.room + self.count * (-(-self.block // LINE) * LINE * self.size)
            self.count += 1
            self.table.scratch = max(self.table.scratch, self.count * (-(-self.block // LINE) * LINE * self.size))
        return Array(ROOM, offset, self.size, (), 1)

    def _ready(self, source: Array) -> Array:
        """Numbers one after another, or one number: others are copied so."""
        return source if source.step in (0, self.size) else self._copy(source, self._register())

    def _copy(self, source: Array, target: Array) -> Array:
        drivers = self.table.drivers
        is_plain = source.step in (0, self.size) and target.step == self.size
        self._add((drivers.copy if is_plain else drivers.move, 0), [source, target])
        return target

    def _add(self, loop: tuple[int, int], arrays: list[Array]) -> None:
        self.calls.append((loop, arrays, [each.step for each in arrays]))


# Other loops.


def _code_fold(table: Table, job: Fold) -> None:
    loop = table.ufunc(numpy_function(job.row))
    reads, writes = job.read.strides, job.write.strides
    n, step, over = (job.shape[-1], reads[-1], writes[-1]) if job.shape else (1, 0, 0)
    x, y = table.array(job.read, step, reads[:-1]), table.array(job.write, over, writes[:-1])
    steps = (y.step, x.step, y.step)
    if len(job.shape) > 1:
        table.nest(job.shape[:-1], n, n, [(loop, (y, x, y), (), steps)])
    else:
        table.direct(loop, (y, x, y), (n,), steps)


def _code_accumulate(table: Table, job: Accumulate) -> None:
    """Along the axis, NumPy's loop adds each element to the sum before; the first is copied."""
    axis, n = job.axis, job.shape[job.axis]
    step, over = job.read.strides[axis], job.write.strides[axis]
    shape, (reads, writes) = merged(
        _without(job.shape, axis), (_without(job.read.strides, axis), _without(job.write.strides, axis))
    )
    x, y = table.array(job.read, step, reads), table.array(job.write, over, writes)
    calls: list[tuple[Any, ...]] = [((table.drivers.move, 0), (x, y), (1,), (0, 0))]
    if n > 1:
        beyond = [each._replace(offset=each.offset + each.step) for each in (x, y)]
        loop = table.ufunc(np.add)
        calls.append((loop, (y, *beyond), (n - 1,), (y.step, x.step, y.step)))
    table.nest(shape, 1, 1, calls)


def _without(strides: Shape, axis: int) -> Shape:
    return strides[:axis] + strides[axis + 1 :]


def _code_fill(table: Table, job: Fill) -> None:
    number, target = table._number(job.value), table.array(job.write, 1)
    table.direct((table.drivers.copy, 0), (number, target), (job.write.size,), (0, target.step))


def _code_gather(table: Table, job: Gather) -> None:
    places = Array(ABSOLUTE, table._kept(job.places), 0)
    given = table.array(job.read), places, table.array(job.write)
    table.direct((table.drivers.gather, 0), given, (len(job.places),), (0, 0, 0))


def _code_scatter(table: Table, job: Scatter) -> None:
    places = Array(ABSOLUTE, table._kept(job.places), 0)
    given = table.array(job.read), places, table.array(job.write)
    table.direct((table.drivers.scatter, 0), given, (len(job.places),), (0, 0, 0))


def _code_call(table: Table, job: Call) -> None:
    loop = layout.loop_of_ufunc(layout.matrix_function(job.function, table.dtype), table.dtype.char)
    if loop is None:
        table.for_python(job)
        return
    views = [*job.reads, job.write]
    laid = _laid(job.function, tuple([(view.shape, view.strides) for view in views]), table.size)
    arrays = [table.array(view, 0, each) for view, each in zip(views, laid.strides, strict=True)]
    if laid.shape:
        table.nest(laid.shape, 1, 1, [(loop, arrays, laid.counts, laid.steps)])
    else:
        table.direct(loop, arrays, laid.counts, laid.steps)


class _Laid(NamedTuple):
    """How a function of matrices is called: axes outside, but the last; each array's strides along them; counts and steps."""

    shape: Shape
    strides: tuple[Shape, ...]
    counts: Shape
    steps: Shape


@lru_cache(maxsize=1024)
def _laid(function: str, views: tuple[tuple[Shape, Shape], ...], size: int) -> _Laid:
    letters = MATRICES[function]
    operands = zip(letters, views[:-1], strict=False)
    missing = {each[-1 if place else 0] for place, (each, view) in enumerate(operands) if len(view[0]) < len(each)}
    own = [len([letter for letter in each if letter not in missing]) for each in letters]
    result = views[-1][0]
    lead = result[: len(result) - own[-1]]
    outside = [
        View(0, 0, shape[: len(shape) - k], strides[: len(shape) - k])
        for (shape, strides), k in zip(views, own, strict=True)
    ]
    axes, strides = merged(lead, tuple([view.broadcast(lead).strides for view in outside]))
    lengths: dict[str, int] = dict.fromkeys("".join(letters), 1)
    steps = [size * (each[-1] if axes else 0) for each in strides]
    for (shape, each), mine, count in zip(views, letters, own, strict=True):
        inside = iter(zip(shape[len(shape) - count :], each[len(shape) - count :], strict=True))
        for letter in mine:
            lengths[letter], stride = (1, 1) if letter in missing else next(inside)
            steps.append(stride * size)
    count = axes[-1] if axes else 1
    return _Laid(axes[:-1], tuple([each[:-1] for each in strides]), (count, *lengths.values()), tuple(steps))


_CODERS: dict[type, Any] = {
    Nest: _code_nest,
    Fold: _code_fold,
    Accumulate: _code_accumulate,
    Fill: _code_fill,
    Gather: _code_gather,
    Scatter: _code_scatter,
    Call: _code_call,
}
