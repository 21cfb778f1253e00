"""A program cut into parts of bounded size, and where the values lie that one part hands to another."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.rolled import CALL, CallTable, Loop, home, loops
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

Straight = range  # calls that are written one by one


class Kept(NamedTuple):
    """Where a loop keeps what others read, by the place in the body: of all turns in `slots`, or in `last` of the last alone.

    `lags` says of what the loop itself reads later than in the next turn, by how many turns: before the first turn
    there is room for so many.
    """

    start: int
    lags: dict[int, int]
    slots: dict[int, int]
    last: dict[int, int]

    @property
    def lag(self) -> int:
        return max(self.lags.values(), default=0)

    def at(self, turn: int, place: int) -> int:
        if place in self.slots:
            return self.start + len(self.slots) * (turn + self.lag) + self.slots[place]
        return self.last[place]


class Parts:
    """The parts of a program, loops among them, and for each value that a later part reads its place in an array.

    The array holds `size` numbers. A place is taken again when the last part that reads it is done; loops keep theirs.
    """

    def __init__(self, program: Program, columns: Sequence[int], largest: int) -> None:
        self.table = CallTable(program, columns)
        count = len(program.calls)
        self.loops = loops(self.table, largest) if count > largest else []
        self.parts = list(_parts(self.loops, count, largest))
        self.work: dict[int, int] = {}  # of calls outside of loops
        self.kept: dict[Loop, Kept] = {}
        self.size, self._free = 0, list[int]()
        ends = self._ends(program)
        self._place_all(ends)

    def _ends(self, program: Program) -> Any:
        """The last part that reads each call; that beyond all for outputs in loops, which are copied in the end."""
        sizes = [len(_calls(part)) for part in self.parts]
        part = np.repeat(np.arange(len(sizes)), sizes)
        is_call = self.table.kinds == CALL
        last = np.full(len(part), -1)
        last[self.table.codes[is_call]] = part[np.nonzero(is_call)[0]]  # of many, the last one stays
        for output in program.outputs:
            if isinstance(program.steps[output][0], Primitive) and self.is_in_loop(output):
                last[self.table.number[output]] = len(self.parts)
        return np.where(last > part, last, -1)

    def _place_all(self, ends: Any) -> None:
        done: list[list[int]] = [[] for _ in range(len(self.parts) + 1)]  # places that are free when a part is
        for number, part in enumerate(self.parts):
            if isinstance(part, Loop):
                self.kept[part] = self._kept(part, ends[part.first : part.beyond])
            else:
                for call in (part.start + np.flatnonzero(ends[part.start : part.stop] >= 0)).tolist():
                    self.work[call] = self._free.pop() if self._free else self._room(1)
                    done[ends[call]].append(self.work[call])
            self._free += done[number]

    def _kept(self, loop: Loop, ends: Any) -> Kept:
        """Room for what a loop hands on."""
        handed = (ends >= 0).reshape(loop.turns, loop.length)
        lags = self._lags(loop)
        slots = sorted({*np.flatnonzero(handed[:-1].any(axis=0)).tolist(), *lags})
        last = [place for place in np.flatnonzero(handed[-1]).tolist() if place not in slots]
        start = self._room(len(slots) * (loop.turns + max(lags.values(), default=0)))
        return Kept(start, lags, {place: slot for slot, place in enumerate(slots)}, {p: self._room(1) for p in last})

    def holder(self, call: int) -> Loop:
        """The loop that a call is in, which must be in one."""
        return self.loops[bisect_right(self.loops, (call, len(self.table.looks))) - 1]

    def _lags(self, loop: Loop) -> dict[int, int]:
        """The places in the body that a later turn than the next reads, and how much later."""
        found: dict[int, int] = {}
        body, moves = self.table.calls_of(loop), self.table.moves(loop)
        reads = self.table.kinds[body] == CALL
        for call, move in zip(self.table.codes[body][reads].tolist(), moves[reads].tolist(), strict=True):
            turn, place = loop.place(call)
            if loop.is_own(call, move) and turn < -1:
                found[place] = max(found.get(place, 0), -turn)
        return found

    def is_in_loop(self, step: int) -> bool:
        return home(int(self.table.number[step]), self.loops) is not None

    def kept_at(self, step: int) -> int:
        """Where a value of a loop lies."""
        call = int(self.table.number[step])
        loop = self.holder(call)
        return self.kept[loop].at(*loop.place(call))

    def _room(self, numbers: int) -> int:
        self.size += numbers
        return self.size - numbers


def _parts(found: Sequence[Loop], count: int, largest: int) -> Any:
    """The loops in order, and between them ranges of at most `largest` calls."""
    first = 0
    for loop in [*found, None]:
        beyond = count if loop is None else loop.first
        for start in range(first, beyond, largest):
            yield Straight(start, min(start + largest, beyond))
        if loop is not None:
            yield loop
            first = loop.beyond


def _calls(part: Any) -> range:
    return range(part.first, part.beyond) if isinstance(part, Loop) else part
