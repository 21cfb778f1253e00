"""A program of scalars as arrays, and the registers and records of it for an interpreter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from exprad.backends.native.flat.allocation import Allocation
from exprad.backends.native.flat.arena import RECORD
from exprad.backends.native.flat.subset import in_machine_code
from exprad.backends.native.flat.walk import MOST_OPERANDS, WHOLE
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape


class FlatProgram(Program):
    """A program of scalars as arrays: variables, then constants, then calls. Its steps are made when they are asked for.

    The k-th call is of the row `table[heads[k]]`, and reads the steps operands[3 * k], ..., as many as the row has operands.
    """

    def __init__(
        self,
        names: Sequence[str],
        values: Sequence[Any],
        heads: Any,
        operands: Any,
        table: Sequence[Any],
        outputs: Sequence[int],
    ) -> None:
        self.names, self.values, self.heads, self.operands, self.table = names, values, heads, operands, table
        self.first = len(names) + len(values)
        self.outputs = tuple(outputs)

    @property
    def size(self) -> int:
        return self.first + len(self.heads)

    @cached_property
    def steps(self) -> tuple[tuple[Any, ...], ...]:  # type: ignore[override]  # a field of other programs
        leaves: list[tuple[Any, ...]] = [("var", name, ()) for name in self.names]
        leaves += [("const", value) for value in self.values]
        rows = map(self.table.__getitem__, self.heads.tolist())
        read = self.operands.reshape(-1, MOST_OPERANDS).tolist()
        return (*leaves, *[(row, *operands[: row.arity]) for row, operands in zip(rows, read, strict=True)])

    @cached_property
    def _leaves(self) -> tuple[dict[str, int], list[int]]:
        names = {name: place for place, name in enumerate(self.names)}
        return names, list(range(len(self.names), self.first))

    @cached_property
    def calls(self) -> Sequence[int]:
        return range(self.first, self.size)

    @cached_property
    def counts(self) -> dict[Primitive, int]:
        counts = np.bincount(self.heads, minlength=len(self.table)).tolist()
        return {row: count for row, count in zip(self.table, counts, strict=True) if count}

    @cached_property
    def rows(self) -> list[Primitive]:
        return list(self.counts)

    @cached_property
    def shapes(self) -> list[Shape]:
        return [()] * self.size

    @property
    def is_of_scalars(self) -> bool:
        return True

    def is_condition(self, index: int) -> bool:
        return False


class FlatRegisters:
    """The registers of a flat program, and its records; see `exprad.backends.registers.Registers`.

    `numbers` are the numbers of the functions that compute rows.
    """

    def __init__(
        self, program: FlatProgram, columns: Sequence[int], constants: Sequence[Any], numbers: Mapping[Primitive, int]
    ) -> None:
        self.inputs, self.constants = len(columns), [*program.values, *constants]
        found = self._begun(program, np.array(columns, WHOLE), numbers)
        in_machine_code(found, "run")
        self.height = found.height
        self.results = found.registers[np.array(program.outputs, WHOLE)]
        self.records = found.records[: (found.size + 1) * RECORD]
        self.records[found.size * RECORD] = 0  # which ends a program

    def _begun(self, program: FlatProgram, columns: Any, numbers: Mapping[Primitive, int]) -> Allocation:
        calls, rows = len(program.heads), program.table
        found = Allocation()
        found.heads, found.operands, found.calls, found.leaf_count = (
            program.heads,
            program.operands,
            calls,
            program.first,
        )
        found.last = np.full(program.size, -1, WHOLE)
        found.last[: program.first] = calls  # leaves stay, and outputs
        found.last[np.array(program.outputs, WHOLE)] = calls
        found.registers = np.empty(program.size, WHOLE)
        found.registers[columns[columns >= 0]] = np.flatnonzero(columns >= 0)
        found.registers[len(program.names) : program.first] = self.inputs + np.arange(len(program.values))
        found.free, found.height = np.empty(calls, WHOLE), self.inputs + len(self.constants)
        found.codes = np.array([numbers.get(row, 0) for row in rows], WHOLE)
        found.arities = np.array([getattr(row, "arity", 0) for row in rows], WHOLE)
        found.zero, found.size = found.height - 1, 0
        found.records = np.empty((calls * 2 + 1) * RECORD, WHOLE)
        return found
