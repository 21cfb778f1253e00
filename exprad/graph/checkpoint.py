"""Checkpointing: a program that recomputes values instead of keeping them, which saves memory for time.

The reverse pass reads what the forward pass computed, in reverse order. With every k-th of n such values kept, and the
others computed again segment by segment as the reverse pass comes to them, about n/k + k live at once instead of n, for
at most one forward pass more; k = sqrt(n) is best. (A. Griewank, Optimization Methods and Software 1 (1992) 35-54;
T. Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv:1604.06174.)
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt, prod
from typing import Any

from exprad.errors import ArgumentError
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive


def checkpointed(program: Program, every: int | str) -> Program:
    """The program with all but every k-th value of its forward pass recomputed where the reverse pass reads it.

    `every` is k, or "sqrt" for the root of how many values there are.
    """
    if every != "sqrt" and (not isinstance(every, int) or isinstance(every, bool) or every < 1):
        raise ArgumentError(f"checkpoint must be a whole number of at least 1, or 'sqrt', got {every!r}")
    turn = _turning_point(program)
    kept = set(program.outputs)
    waiting = [
        index
        for index in range(turn + 1)
        if _is_call(program, index) and program.last_use[index] > turn and index not in kept
    ]
    step = max(1, isqrt(len(waiting))) if every == "sqrt" else int(every)
    if len(waiting) <= step:
        return program
    ends = [*waiting[step - 1 :: step][: (len(waiting) - 1) // step], turn]
    segment_of, carried = _segments(program, waiting, ends, turn)
    return _Rewriting(
        program, {value: segment for value, segment in segment_of.items() if value not in carried}, carried
    ).program(turn)


def _is_call(program: Program, index: int) -> bool:
    return isinstance(program.steps[index][0], Primitive)


def _turning_point(program: Program) -> int:
    """The step after which the most is alive: where the forward pass ends."""
    live = most = place = 0
    ends: dict[int, int] = {}
    for index, shape in enumerate(program.shapes):
        if _is_call(program, index):
            size = prod(shape)
            live += size
            last = program.last_use[index]
            ends[last] = ends.get(last, 0) + size
        live -= ends.pop(index, 0)
        if live > most:
            most, place = live, index
    return place


def _segments(
    program: Program, waiting: Sequence[int], ends: Sequence[int], turn: int
) -> tuple[dict[int, int], set[int]]:
    """The segment of each value that waits for the reverse pass; and the values that a later segment starts from."""
    segment_at = [0] * (turn + 1)
    segment = 0
    for index in range(turn + 1):
        segment_at[index] = segment
        if index == ends[segment] and segment < len(ends) - 1:
            segment += 1
    carried = {
        operand
        for index in range(turn + 1)
        if _is_call(program, index)
        for operand in program.steps[index][1:]
        if _is_call(program, operand) and segment_at[operand] < segment_at[index]
    }
    return {value: segment_at[value] for value in waiting}, carried


class _Rewriting:
    """Steps written anew, with those of a segment again where the first of its values is read."""

    def __init__(self, program: Program, dropped: dict[int, int], carried: set[int]) -> None:
        self.old, self.dropped, self.carried = program, dropped, carried
        self.steps: list[tuple[Any, ...]] = []
        self.place: dict[int, int] = {}
        self.members: dict[int, list[int]] = {}
        for value, segment in dropped.items():
            self.members.setdefault(segment, []).append(value)

    def program(self, turn: int) -> Program:
        for index in range(turn + 1):
            self._write(index)
        for index in range(turn + 1):
            is_read = self.old.last_use[index] > turn and index not in self.dropped
            if _is_call(self.old, index) and not is_read and index not in self.carried:
                del self.place[index]
        for index in range(turn + 1, len(self.old.steps)):
            if _is_call(self.old, index):
                for operand in self.old.steps[index][1:]:
                    if operand not in self.place:
                        self._recompute(self.dropped[operand])
            self._write(index)
        return Program(tuple(self.steps), tuple([self.place[output] for output in self.old.outputs]))

    def _write(self, index: int) -> None:
        head, *rest = self.old.steps[index]
        self.place[index] = len(self.steps)
        self.steps.append(
            (head, *[self.place[each] for each in rest]) if isinstance(head, Primitive) else (head, *rest)
        )

    def _recompute(self, segment: int) -> None:
        """Write the steps again that lead from what was kept to the values of a segment."""
        needed: set[int] = set()
        stack = list(self.members[segment])
        while stack:
            index = stack.pop()
            if index not in needed and index not in self.place:
                needed.add(index)
                stack += self.old.steps[index][1:]
        for index in sorted(needed):
            self._write(index)
        for index in needed.difference(self.members[segment]):
            del self.place[index]
