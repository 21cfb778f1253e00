"""Programs of arrays on tables of loops: what a call does, and what the native back end has for such programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import prod
from typing import Any, cast

import numpy as np

from exprad.backends.loops import Loops, View, expanded
from exprad.backends.native import engine, layout
from exprad.backends.native.linking import has_code
from exprad.backends.native.runners import REALS
from exprad.backends.native.tables import Part, Table
from exprad.backends.numpy import code as code_of
from exprad.backends.numpy import pool, workers
from exprad.backends.regions import RegionRunner
from exprad.backends.signature import Input, Structure
from exprad.graph.program import Program
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused

PAGE = 64  # bytes, at a multiple of which a room begins


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


class Room:
    """What one call at a time needs: room for what lies between, and a table whose addresses are there."""

    def __init__(self, table: Table, words: Any, shapes: Sequence[Shape]) -> None:
        threads = workers() if any(part.units for part in table.parts) else 1
        self.memory = np.empty(table.room + table.scratch * threads + PAGE, np.uint8)
        start = -_address(self.memory) % PAGE
        self.memory = self.memory[start:]
        self.words = words.copy()
        self.words[table.in_room] += _address(self.memory)
        self.start = _address(self.words)
        beyond = self.start + 8 * len(words)
        pairs = zip(shapes, table.bound, strict=True)
        places = [word for shape, each in pairs for word in (len(shape), *shape, len(each) // 2, *each)]
        first = len(shapes), id(np.ndarray), id(table.dtype), self.start, beyond
        self.head = np.array([*first, *places], np.int64)
        self.address = _address(self.head)


class Code:
    """A program as a table for one type of numbers, and rooms for calls."""

    def __init__(
        self, loops: Loops, dtype: Any, fast: bool, whose: Sequence[tuple[int, int]], shapes: Sequence[Shape]
    ) -> None:
        self.table = table = Table(loops, dtype, fast, whose, len(shapes))
        self.shapes = shapes
        self.words = np.array(table.words, np.int64)
        self.spare: list[Room] = []
        self.most_spare = workers()
        self.drivers = table.drivers
        self.is_one = len(table.parts) < 2 and not any(part.units or part.job for part in table.parts)

    def room(self) -> Room:
        try:
            return self.spare.pop()
        except IndexError:
            return Room(self.table, self.words, self.shapes)

    def give_back(self, room: Room) -> None:
        if len(self.spare) < self.most_spare:
            self.spare.append(room)

    def run(self, room: Room, arrays: tuple[Any, ...]) -> int:
        """0; or, where nothing was done, the number from 1 of what is no plain array of its shape and type."""
        if self.is_one:
            return int(self.drivers.call(room.address, id(arrays)))
        bad = int(self.drivers.bind(room.address, id(arrays)))
        if not bad:
            for part in self.table.parts:
                self._part(room, arrays, part)
        return bad

    def _part(self, room: Room, arrays: Sequence[Any], part: Part) -> None:
        if part.job is not None:
            self._by_numpy(room, arrays, part.job)
        elif part.units:
            self._shared(room, part)
        else:
            self.drivers.run(room.start + 8 * part.start, room.start + 8 * part.beyond)

    def _shared(self, room: Room, part: Part) -> None:
        """A nest, of which each thread runs a share."""
        job, scratch = room.start + 8 * part.start, self.table.scratch
        share = -(-part.units // workers())
        pieces = [(start, min(start + share, part.units)) for start in range(0, part.units, share)]
        jobs = [
            pool().submit(self.drivers.units, job, *piece, number * scratch)
            for number, piece in enumerate(pieces[1:], 1)
        ]
        try:
            self.drivers.units(job, *pieces[0], 0)
        finally:
            for each in jobs:
                each.result()

    def _by_numpy(self, room: Room, arrays: Sequence[Any], job: Any) -> None:
        given = [self._array(room, arrays, view) for view in job.reads]
        with np.errstate(all="ignore"):
            self._array(room, arrays, job.write)[...] = job.row.numpy(*given)

    def _array(self, room: Room, arrays: Sequence[Any], view: View) -> Any:
        table, size = self.table, self.table.size
        memory = table.loops.memories[view.memory]
        base, first = table.bases[view.memory]
        if memory.kind == "constant":
            whole = next(each for each in table.kept if _address(each) == first).reshape(-1)
        elif memory.kind == "room":
            whole = room.memory[first : first + memory.size * size].view(table.dtype)
        else:
            whole = arrays[base].reshape(-1)[first // size :]
        steps = [stride * size for stride in view.strides]
        return np.lib.stride_tricks.as_strided(whole[view.offset :], view.shape, steps)


_CALL = """\
def __call__(self, /, *arguments, **named):
    if len(arguments) == {count} and not named:
        given = (*arguments{given})
        try:
            room = spare.pop()
        except IndexError:
            room = code.room()
        bad = {run}
        if len(spare) < {most}:
            spare.append(room)
        if not bad:
            return {found}
    return general(*arguments, **named)
"""


class ShapedRunner:
    """Runs a program of arrays on tables of loops. Threads may share it: each call takes a room of its own.

    Types that have no table go through NumPy.
    """

    def __init__(
        self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool
    ) -> None:
        self.program, self.inputs, self.structure, self.fast = program, inputs, structure, fast
        with collector_paused():
            whole = expanded(program, has_code)
            names = [program.steps[column][1] if column >= 0 else "" for column in columns]
            self.loops = Loops(whole, [whole.variables.get(name, -1) for name in names])
        self._codes: dict[Any, Code] = {}
        self._other = cache(lambda: RegionRunner(program, columns, inputs, structure))

    @property
    def source(self) -> str:
        """The jobs."""
        return "\n".join(map(str, self.loops.jobs))

    def peak(self, itemsize: int) -> int:
        """The bytes that a call takes beyond its inputs and outputs."""
        return self.loops.room * itemsize

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        code = self._codes.get(dtype)
        if code is None:
            if dtype not in REALS:
                return self._other()(arrays, leaves, points, dtype)
            code = self._coded(dtype)
        room = code.room()
        given = (*arrays, *leaves)
        if code.run(room, given):
            self._copied(code, room, arrays, leaves, dtype)
        code.give_back(room)
        return None

    def _copied(self, code: Code, room: Room, arrays: Sequence[Any], leaves: Sequence[Any], dtype: Any) -> None:
        """Arrays of other types, or that are not contiguous: by copies."""
        kind = code.table.dtype
        given = [np.require(np.asarray(each), kind, ("C", "A")) for each in arrays]
        found = [each if _is_plain(each, kind) else np.empty(each.shape, kind) for each in leaves]
        whole = tuple([each if each.dtype is kind else each.view(kind) for each in (*given, *found)])
        if code.run(room, whole):
            self._other()(arrays, leaves, (), kind)
            return
        for leaf, each in zip(leaves, found, strict=True):
            if leaf is not each:
                np.copyto(leaf, each, casting="unsafe")

    def own_call(self, general: Callable[..., Any], structure: Structure) -> Callable[..., Any] | None:
        """A `__call__` of a function that hands plain arrays in double precision to machine code at once, and leaves all else to
        `general`; None where an output is no number."""
        heads = [self.program.steps[output][0] for output in self.program.outputs]
        if any(getattr(head, "predicate", False) for head in heads):
            return None
        dtype = np.dtype(float)
        found = self._coded(dtype)
        shapes, count = found.shapes[len(self.inputs) :], len(self.inputs)
        places = range(len(shapes))
        given = "".join([f", empty({shape}, dtype)" for shape in shapes])
        numbers = [f"given[{count + place}]{'' if shapes[place] else '[()]'}" for place in places]
        template = structure.template() or "build([" + ", ".join(["{}"] * len(numbers)) + "])"
        text = _CALL.format(
            count=count,
            given=given,
            run="call(room.address, id(given))" if found.is_one else "code.run(room, given)",
            most=found.most_spare,
            found=template.format(*numbers),
        )
        scope = {"empty": np.empty, "dtype": dtype, "code": found, "spare": found.spare, "call": found.drivers.call}
        scope |= {"general": general, "build": structure.build}
        exec(code_of(text), scope)
        return cast("Callable[..., Any]", scope["__call__"])

    def _coded(self, dtype: Any) -> Code:
        with engine.compiling():
            found = self._codes.get(dtype)
            if found is None:
                with collector_paused():
                    found = Code(self.loops, np.dtype(dtype.char), self.fast, self._whose(), self._shapes())
                self._codes[dtype] = found
        return found

    def _shapes(self) -> list[Shape]:
        """The shapes of the arrays of a call: inputs, and outputs."""
        found = [slot.array_shape for slot in self.inputs]
        for shape, first, _ in self.structure:
            found.append(self.program.shapes[self.program.outputs[first]] if shape is None else shape)
        return found

    def _whose(self) -> list[tuple[int, int]]:
        """For each variable and each output: in which array it lies, and how many elements from the first."""
        found = [(number, place) for number, slot in enumerate(self.inputs) for place in range(prod(slot.shape))]
        first = len(self.inputs)
        for number, (shape, start, beyond) in enumerate(self.structure, first):
            found += [(number, 0)] if shape is None else [(number, place) for place in range(beyond - start)]
        return found


def _is_plain(array: Any, kind: Any) -> bool:
    return bool(
        array.__class__ is np.ndarray and array.dtype == kind and array.flags.c_contiguous and array.flags.aligned
    )


def has_tables(program: Program) -> bool:
    """Whether a program can run on tables: objects lie in memory as expected, and numbers keep their type on the way."""
    return layout.reads_tuples() and not any(row.partials is None and row.family.retypes for row in program.rows)


def runner_of(
    program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any, fast: bool = False
) -> ShapedRunner | RegionRunner:
    """What runs a program of arrays whose elementwise rows have code."""
    given = program, columns, inputs, structure
    return ShapedRunner(*given, fast) if has_tables(program) else RegionRunner(*given)
