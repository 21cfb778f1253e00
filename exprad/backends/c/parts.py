"""A program cut into parts of bounded size, and where the values lie that one part hands to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from exprad.backends.registers import flattened
from exprad.graph.program import Program


class Parts:
    """The calls of each part, and for each value that a later part reads, its place in an array of `size` numbers.

    A place is taken again when the last part that reads it is done.
    """

    def __init__(self, program: Program, largest: int) -> None:
        calls = program.calls
        self.calls = [calls[first : first + largest] for first in range(0, len(calls), largest)]
        self.handed: list[list[int]] = [[] for _ in self.calls]  # by each part to later ones
        self.work: dict[int, int] = {}
        self.size = 0
        free: list[int] = []
        ends: list[list[int]] = [[] for _ in self.calls]  # places that are free when a part is done
        begun = 0
        for index, number, last in _crossing(program, largest):
            for done in ends[begun:number]:
                free += done
            begun = number
            self.work[index] = self._place(free)
            self.handed[number].append(index)
            ends[last].append(self.work[index])

    def _place(self, free: list[int]) -> int:
        if free:
            return free.pop()
        self.size += 1
        return self.size - 1


def _crossing(program: Program, largest: int) -> Any:
    """The calls that a later part reads, with their part and the last such part."""
    _, lengths, operands = flattened(program)
    calls = np.array(program.calls, np.int64)
    part = np.arange(len(calls)) // largest
    last = np.full(len(program.steps), -1)
    last[operands] = np.repeat(part, lengths)  # of many, the last one stays
    last = last[calls]
    crosses = last > part
    return zip(calls[crosses].tolist(), part[crosses].tolist(), last[crosses].tolist(), strict=True)
