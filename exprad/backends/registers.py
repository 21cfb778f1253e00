"""Where the values of a program of scalars lie while it runs: in registers, each free again after its last use."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from exprad.graph.program import Program

WHOLE = np.dtype(np.int32)


class Registers:
    """The registers that the calls of a program read and write.

    The first are those of the inputs, in the order of `columns`, then come those of the constants. The k-th call, in order,
    is of the row heads[k], writes targets[k], and reads operands[starts[k] : starts[k + 1]]; the outputs lie in `results`.
    There are `height` registers in all.
    """

    def __init__(self, program: Program, columns: Sequence[int], constants: Sequence[Any] = ()) -> None:
        self.inputs = len(columns)
        self.constants = [*[program.steps[index][1] for index in program.constants], *constants]
        place = [-1] * len(program.steps)
        for register, column in enumerate(columns):
            if column >= 0:
                place[column] = register
        for register, index in enumerate(program.constants, self.inputs):
            place[index] = register
        self.heads, lengths, operands = flattened(program)
        self.starts = np.concatenate([np.zeros(1, WHOLE), np.cumsum(lengths, dtype=WHOLE)])
        self.height = _allocated(program, operands, lengths, place, self.inputs + len(self.constants))
        register_of = np.array(place, WHOLE)
        self.targets, self.operands = register_of[program.calls], register_of[operands]
        self.results = register_of[list(program.outputs)]


def flattened(program: Program) -> tuple[list[Any], Any, Any]:
    """The rows of the calls, how many operands each has, and the steps that they read, of all calls in order."""
    steps = _steps(program)
    lengths = np.fromiter(map(len, steps), WHOLE, len(steps)) - 1
    operands = np.fromiter(chain.from_iterable(map(itemgetter(slice(1, None)), steps)), WHOLE, int(lengths.sum()))
    return list(map(itemgetter(0), steps)), lengths, operands


def _steps(program: Program) -> Sequence[tuple[Any, ...]]:
    """The calls among the steps."""
    if len(program.calls) > 1:
        return itemgetter(*program.calls)(program.steps)
    return [program.steps[index] for index in program.calls]


def _allocated(program: Program, operands: Any, lengths: Any, place: list[int], height: int) -> int:
    """Give each call a register, in `place`: how many there are then."""
    counts, ended = _ended(program, operands, lengths)
    free: list[int] = []
    give, take, following = free.append, free.pop, iter(ended).__next__
    for index, count in zip(program.calls, counts, strict=True):
        while count:
            give(place[following()])
            count -= 1
        if free:
            place[index] = take()
        else:
            place[index] = height
            height += 1
    return height


def _ended(program: Program, operands: Any, lengths: Any) -> tuple[list[int], list[int]]:
    """Which calls nobody reads any more after each call: how many of them, and all in order."""
    at = np.repeat(np.array(program.calls, np.int64), lengths)
    last = np.full(len(program.steps), -1)
    last[operands] = at  # of many, the last one stays
    last[list(chain(program.constants, program.variables.values(), program.outputs))] = -1
    ends = last[operands] == at
    pairs = np.sort(at[ends] * len(program.steps) + operands[ends])
    pairs = pairs[np.diff(pairs, prepend=-1) > 0]  # a call may read one value twice
    reader, ended = np.divmod(pairs, max(1, len(program.steps)))
    return np.bincount(reader, minlength=len(program.steps))[program.calls].tolist(), ended.tolist()
