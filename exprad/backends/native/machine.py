"""Programs of scalars run by an interpreter in machine code, which is made once: no code is made for a program.

A call takes no Python an operation: it is one loop over records of whole numbers. At many points each record computes a
block of numbers, which stay in the cache.
"""

from __future__ import annotations

import ctypes
import operator
from collections.abc import Sequence
from functools import cache
from math import prod
from operator import attrgetter
from typing import Any

import numpy as np

from exprad.backends.levels import LevelRunner
from exprad.backends.native import engine, linking
from exprad.backends.native.flat import FlatProgram, FlatRegisters
from exprad.backends.native.interpreter import ARITHMETIC, RECORD, interpreter, records
from exprad.backends.native.runners import REALS, THREADED_WORK
from exprad.backends.numpy import pool, workers
from exprad.backends.planned import finish, input_rows, output_rows
from exprad.backends.registers import WHOLE, Registers
from exprad.backends.signature import Input
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive, table
from exprad.ground.shapes import Shape
from exprad.numbers import constant_of_dtype

CACHE = 1 << 20  # bytes of the fast memory of a core, in which the registers of a block shall lie
BLOCKS = 16, 256  # points of a block: at least, at most
COMMON = (*ARITHMETIC, operator.truediv)  # what the rows compute that every interpreter has
NEGATIVE = ARITHMETIC.index(operator.neg) + 1  # the function that a negative takes
COST = 0.1  # nanoseconds that an operation takes at a point of a block
LINE = 64  # bytes of a line of the cache


class Machine:
    """An interpreter for programs of some rows, in one real type."""

    def __init__(self, rows: Sequence[Primitive], real: str) -> None:
        vectors = linking.new_module(engine.width(), real, False)
        numbers = linking.new_module(1, real, False, vectors)
        self.engine, point = linking.linked(numbers, interpreter(rows, numbers, vectors), "point")
        run = self.engine.get_function_address("run")
        pointer, whole = ctypes.c_void_p, ctypes.c_int64
        self.point = ctypes.CFUNCTYPE(None, pointer, pointer)(point)
        self.run = ctypes.CFUNCTYPE(None, pointer, pointer, whole, whole, whole, pointer, whole, pointer, whole)(run)


@cache
def machine(rows: tuple[Primitive, ...], real: str) -> Machine:
    """The interpreter for programs of these rows."""
    return Machine(rows, real)


class Code:
    """A program as records for an interpreter, and where its values lie."""

    def __init__(self, program: Program, columns: Sequence[int], real: str) -> None:
        rows = _arranged(program.rows)
        self.machine = machine(rows, real)
        number = {row: place for place, row in enumerate(rows, 1)}
        self.places: Registers | FlatRegisters
        if isinstance(program, FlatProgram):
            self.places = FlatRegisters(program, columns, [-0.0], number)
            self.records = self.places.records
        else:
            self.places = Registers(program, columns, [-0.0])
            heads = np.fromiter(map(number.__getitem__, self.places.heads), WHOLE, len(self.places.heads))
            self.records = _records(heads, self.places)
        self.address = _address(self.records)
        self.cost = COST * len(program.calls)

    def rounded(self, count: int) -> int:
        """So many points as whole vectors, whatever they are."""
        return -(-count // BLOCKS[0]) * BLOCKS[0]

    def block(self, dtype: Any) -> int:
        """How many points are computed at once."""
        least, most = BLOCKS
        return max(least, min(most, CACHE // (self.places.height * dtype.itemsize) // least * least))


def _arranged(rows: Sequence[Primitive]) -> tuple[Primitive, ...]:
    """The rows that an interpreter is made for: those that all have, and the program's others, in an order of their own."""
    exact = {row.exact: row for row in table() if row.is_own}
    common = [exact[each] for each in COMMON]
    others = [row for row in rows if row not in common]
    return (*common, *sorted(others, key=attrgetter("digest", "name")))


def _records(heads: Any, places: Registers) -> Any:
    """The records of calls: what computes, what is written, what is read; then one that ends."""
    first, beyond = places.starts[:-1], places.starts[1:]
    arities = beyond - first
    most = int(arities.max(initial=0))
    sizes = np.array([0, *map(records, range(1, most + 1))], WHOLE)[arities]
    ends = np.cumsum(sizes)
    found = np.zeros((int(ends[-1:].sum()) + 1) * RECORD, WHOLE)
    at = (ends - sizes) * RECORD
    found[at], found[at + 1] = heads, places.targets
    found[at + 2], found[at + 3] = places.operands[first], places.operands[beyond - 1]
    found[at[heads == NEGATIVE] + 2] = places.inputs + len(places.constants) - 1  # -0.0
    for place in range(1, most - 1):
        more = arities > place + 1
        found[at[more] + RECORD + place - 1] = places.operands[first[more] + place]
    return found


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


class Room:
    """Room for the values of a program at `size` points, with its constants."""

    def __init__(self, code: Code, size: int, dtype: Any) -> None:
        room = np.zeros(code.places.height * size + LINE // dtype.itemsize, dtype)
        skipped = -_address(room) % LINE // dtype.itemsize
        self.values = room[skipped : skipped + code.places.height * size].reshape(code.places.height, size)
        self.address = _address(self.values)
        constants = [constant_of_dtype(value, dtype) for value in code.places.constants]
        self.values[code.places.inputs : code.places.inputs + len(constants)] = np.array(constants, dtype)[:, None]


class MachineRunner:
    """Runs a program of scalars on the interpreter. Threads may share it: each takes registers of its own."""

    def __init__(self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any) -> None:
        self.program, self.columns, self.inputs, self.structure = program, columns, inputs, structure
        self._are_numbers = all(shape is None for shape, *_ in structure)
        self._codes: dict[Any, Code] = {}
        self._spare: dict[Any, list[Room]] = {}
        self._other = cache(lambda: LevelRunner(program, columns, inputs, structure))

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        if dtype not in REALS:
            return self._other()(arrays, leaves, points, dtype)
        code = self._coded(dtype)
        count = prod(points)
        if count:
            run = self._few if count <= code.block(dtype) else self._many
            run(code, arrays, leaves, points, dtype)
        return None

    def prepare(self, dtype: Any) -> None:
        """Make the records for a type of numbers."""
        if dtype in REALS:
            self._coded(dtype)

    def _coded(self, dtype: Any) -> Code:
        found = self._codes.get(dtype)
        if found is None:
            found = self._codes.setdefault(dtype, Code(self.program, self.columns, REALS[dtype]))
        return found

    def _taken(self, code: Code, size: int, dtype: Any) -> Room:
        try:
            return self._spare[size, dtype].pop()
        except (KeyError, IndexError):
            return Room(code, size, dtype)

    def _given_back(self, registers: Room, size: int, dtype: Any) -> None:
        spare = self._spare.setdefault((size, dtype), [])
        if len(spare) < workers():
            spare.append(registers)

    def _few(self, code: Code, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        """One block, into and out of which NumPy moves numbers."""
        count = prod(points)
        size = 1 if count == 1 else code.rounded(count)
        registers = self._taken(code, size, dtype)
        values, first = registers.values, 0
        for rows in input_rows(self.inputs, arrays, points):
            values[first : first + len(rows), :count] = rows
            first += len(rows)
        if size == 1:
            code.machine.point(code.address, registers.address)
        else:
            code.machine.run(code.address, registers.address, size, 0, count, None, 0, None, 0)
        found = values[code.places.results, :count]
        self._given_back(registers, size, dtype)
        if found.shape == (len(leaves), 1) and self._are_numbers:
            for leaf, number in zip(leaves, found.ravel().tolist(), strict=True):
                leaf[...] = number
            return
        for leaf, (_, first, beyond) in zip(leaves, self.structure, strict=True):
            leaf[...] = found[first:beyond].reshape(leaf.shape)

    def _many(self, code: Code, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        """Block after block, on threads where that pays."""
        count = prod(points)
        given = input_rows(self.inputs, [np.asarray(array, dtype) for array in arrays], points)
        rows = output_rows(leaves, self.structure, points, dtype)
        moves = Moves(range(code.places.inputs), given), Moves(code.places.results, rows)
        size = code.block(dtype)
        share = -(-count // size // workers()) * size if count * code.cost > THREADED_WORK else count
        pieces = [(start, min(start + share, count)) for start in range(0, count, share)]
        jobs = [pool().submit(self._blocks, code, size, dtype, piece, *moves) for piece in pieces[1:]]
        try:
            self._blocks(code, size, dtype, pieces[0], *moves)
        finally:  # also where the user interrupts: nobody writes to `out` once the call is over
            for job in jobs:
                job.result()
        finish(leaves, rows)

    def _blocks(self, code: Code, size: int, dtype: Any, piece: tuple[int, int], into: Moves, out: Moves) -> None:
        registers = self._taken(code, size, dtype)
        code.machine.run(code.address, registers.address, size, *piece, *into.table, *out.table)
        self._given_back(registers, size, dtype)


class Moves:
    """What is moved between registers and arrays, which live as long: for each register the address of the first number,
    and the bytes to the next. `table` is its address and its length."""

    def __init__(self, registers: Any, arrays: Sequence[Any]) -> None:
        self.arrays, self.rows = arrays, np.empty((len(registers), 3), np.int64)
        self.rows[:, 0] = registers
        first = 0
        for array in arrays:
            beyond = first + len(array)
            self.rows[first:beyond, 1] = _address(array) + array.strides[0] * np.arange(len(array))
            self.rows[first:beyond, 2] = array.strides[1]
            first = beyond
        self.table = _address(self.rows), len(self.rows)
