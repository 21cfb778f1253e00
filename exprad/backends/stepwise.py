"""Large programs step by step, where there is no machine code: of blocks of points by NumPy, of one point by Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from math import prod
from typing import Any

import numpy as np

from exprad.backends.costs import STEPS
from exprad.backends.levels import writing
from exprad.backends.planned import Call, PlannedRunner
from exprad.backends.python import ScalarSource
from exprad.backends.registers import Registers
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.spelling import OPERATORS
from exprad.ground.traverse import collector_paused
from exprad.numbers import constant_of_dtype

TABLE_NUMBERS = 1 << 23  # numbers that registers may hold for a block of points, where that leaves LEAST_POINTS
LEAST_WIDTH = 2  # numbers of a row: NumPy takes twice as long to write one number over one that it reads
LEAST_POINTS, MOST_POINTS = 256, STEPS.block  # points of a block


class StepRunner(PlannedRunner):
    """Runs a program of many scalar steps over blocks of points, step by step."""

    @cached_property
    def places(self) -> Registers:
        return Registers(self.program, self.columns)

    @property
    def size(self) -> int:
        """How many points are computed at once."""
        return max(LEAST_POINTS, min(MOST_POINTS, TABLE_NUMBERS // self.places.height))

    def is_ready(self, points: Shape, dtype: Any) -> bool:
        """Whether there are calls bound to rows for such points."""
        return bool(self._spare) and ((max(min(prod(points), self.size), LEAST_WIDTH),), dtype) in self._spare

    def _run(self, arrays: Sequence[Any], outputs: Sequence[Any], width: Shape, dtype: Any) -> None:
        super()._run(arrays, outputs, (max(width[0], LEAST_WIDTH),), dtype)

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        self._run_pieces(arrays, leaves, points, dtype, self.size)

    def _planned(self, width: Shape, dtype: Any) -> tuple[Any, list[Call]]:
        places = self.places
        table = np.zeros((places.height, *width), dtype)
        constants = [constant_of_dtype(value, dtype) for value in places.constants]
        table[places.inputs : places.inputs + len(constants)] = np.array(constants, dtype)[:, None]
        rows, calls = list(table), {row: writing(row) for row in self.program.rows}
        return table, [
            (calls[row], (*[rows[place] for place in operands], rows[target]))
            for row, target, operands in _calls(places)
        ]

    def _write(self, table: Any, outputs: Sequence[Any]) -> None:
        results = self.places.results
        for output, (_, first, beyond) in zip(outputs, self.structure, strict=True):
            output[...] = table[results[first:beyond], : output.shape[1]]


def _calls(places: Registers) -> Iterator[tuple[Primitive, int, list[int]]]:
    """The row, the register written and those read of each call."""
    operands, starts = places.operands.tolist(), places.starts.tolist()
    for place, (row, target) in enumerate(zip(places.heads, places.targets.tolist(), strict=True)):
        yield row, target, operands[starts[place] : starts[place + 1]]


def scalar_steps(program: Program, columns: Sequence[int]) -> Callable[..., tuple[Any, ...]]:
    """A function of floats that takes the steps of a program one by one, in Python: the outputs, in order.

    An operation that Python refuses raises as Python does.
    """
    with collector_paused():
        places = Registers(program, columns)
        functions = {row: _function(row) for row in program.rows}
        plan = [
            (functions[row], target, operands[0], operands[-1] if len(operands) == 2 else -len(operands), operands)
            for row, target, operands in _calls(places)
        ]
    start = [0.0] * places.height
    start[places.inputs : places.inputs + len(places.constants)] = map(_as_float, places.constants)
    results = places.results.tolist()
    conditions = [
        place for place, output in enumerate(program.outputs) if getattr(program.steps[output][0], "predicate", False)
    ]

    def run(*values: float) -> tuple[Any, ...]:
        held = start.copy()
        held[: len(values)] = values
        for function, target, a, b, operands in plan:
            if b >= 0:
                held[target] = function(held[a], held[b])
            elif b == -1:
                held[target] = function(held[a])
            else:
                held[target] = function(*[held[place] for place in operands])
        found = [held[place] for place in results]
        for place in conditions:
            found[place] = bool(found[place])
        return tuple(found)

    return run


def _as_float(value: Any) -> float:
    return float(constant_of_dtype(value, np.dtype(float)))


@lru_cache(maxsize=512)
def _function(row: Primitive) -> Callable[..., Any]:
    """A row's function of floats in Python, which gives a float, of conditions too."""
    if row.exact in OPERATORS and "python" not in row.spell and not row.predicate:
        return row.exact  # type: ignore[return-value]  # a function
    names = [f"x{place}" for place in range(row.arity)]
    single = Program((*[("var", name, ()) for name in names], (row, *range(row.arity))), (row.arity,))
    return ScalarSource(single, range(row.arity), "float({})").function()
