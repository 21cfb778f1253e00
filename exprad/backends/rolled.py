"""What repeats along a program of scalars: the same calls again and again, as time steps and terms of sums are.

A repetition is a loop if each operand of its body moves by a fixed number a turn: not at all, from turn to turn of the loop
itself, along another loop or the inputs. Calls are counted from 0, without the leaves between them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.registers import flattened
from exprad.graph.program import Program

CALL, INPUT, CONSTANT, NOTHING = range(4)  # what an operand is
LEAST_TURNS, LEAST_SAVED = 4, 64  # of a loop: turns, and calls that need not be written
MOST_OPERANDS = 8  # of rows in programs that are looked at
MOST_LAG = 64  # turns back that a loop may read of itself, and half of its turns at most
WINDOWS = (4, 32, 256, 2048)  # calls in a row, whose likes tell how long a body may be
GUESSES = 3  # lengths that are tried for each window
EFFORT = 6  # times that a call is looked at, on average, for loops within what others leave


class Loop(NamedTuple):
    """So many turns of a body of `length` calls, of which the first is the call `first`."""

    first: int
    length: int
    turns: int

    @property
    def beyond(self) -> int:
        """The first call after the last turn."""
        return self.first + self.length * self.turns

    @property
    def saved(self) -> int:
        """The calls that need not be written."""
        return (self.turns - 1) * self.length

    @property
    def pays(self) -> bool:
        return self.turns >= LEAST_TURNS and self.saved >= LEAST_SAVED

    def is_own(self, call: int, move: int) -> bool:
        """Whether an operand, that is `call` in the first turn and moves so, is of the loop itself, at least in the end."""
        return move == self.length and call + move * (self.turns - 1) >= self.first

    def place(self, call: int) -> tuple[int, int]:
        """The turn that a call belongs to, and where in the body it is; turns before the first are negative."""
        return divmod(call - self.first, self.length)


class CallTable:
    """The calls of a program as arrays: a number for the row of each, and of each operand its kind and its number.

    The number is that of a call, the place of an input, or the step of a constant. `columns` are the steps of the inputs.
    """

    def __init__(self, program: Program, columns: Sequence[int]) -> None:
        heads, lengths, operands = flattened(program)
        count = len(heads)
        kind, number = np.full(len(program.steps), CONSTANT), np.arange(len(program.steps))
        kind[program.calls], number[program.calls] = CALL, np.arange(count)
        for column, step in enumerate(columns):
            if step >= 0:
                kind[step], number[step] = INPUT, column
        shape = (count, int(lengths.max(initial=1)))
        at = np.repeat(np.arange(count), lengths)
        beside = np.arange(len(operands)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        self.number = number
        self.kinds, self.codes = np.full(shape, NOTHING), np.zeros(shape, np.int64)
        self.kinds[at, beside], self.codes[at, beside] = kind[operands], number[operands]
        numbers = {row: place for place, row in enumerate(program.rows)}
        self.looks = np.array(
            [numbers[head] for head in heads], np.int64
        )  # calls that look alike: of one row, operands of a kind
        for column in self.kinds.T[:MOST_OPERANDS]:
            self.looks = 4 * self.looks + column

    def calls_of(self, loop: Loop) -> slice:
        """The calls of the first turn."""
        return slice(loop.first, loop.first + loop.length)

    def moves(self, loop: Loop) -> Any:
        """By how much the number of each operand of the body grows a turn."""
        first, second = (self.codes[start : start + loop.length] for start in (loop.first, loop.first + loop.length))
        return second - first


def loops(table: CallTable, longest: int) -> list[Loop]:
    """The loops of a program, in order, with bodies of at most `longest` calls. The time is linear in the program."""
    count = len(table.looks)
    if table.kinds.shape[1] > MOST_OPERANDS:
        return []
    found: list[Loop] = []
    left, effort = [(0, count)], EFFORT * count
    while left and effort > 0:
        first, beyond = left.pop()
        effort -= beyond - first
        loop = _best(table, first, beyond, longest)
        if loop is not None:
            found.append(loop)
            left += [(first, loop.first), (loop.beyond, beyond)]
    kept: list[Loop] = []
    for loop in sorted(found):
        kept += _sound(table, loop, kept)
    return kept


def home(call: int, found: Sequence[Loop]) -> Loop | None:
    """The loop, of those in order, that a call is in."""
    place = bisect_right(found, (call, 1 << 62))
    loop = found[place - 1] if place else None
    return loop if loop is not None and call < loop.beyond else None


def _best(table: CallTable, first: int, beyond: int, longest: int) -> Loop | None:
    """The loop in a range of calls that saves most."""
    best: Loop | None = None
    for length in sorted(set(_lengths(table.looks[first:beyond]))):
        if length <= longest:
            start, count = _steady(table, first, beyond, length)
            loop = Loop(start, length, count)
            if loop.pays and (best is None or loop.saved > best.saved):
                best = loop
    return best


def _lengths(looks: Any) -> Iterator[int]:
    """How long a body may be: the distances that are frequent between windows that look alike."""
    hashes, size = looks.astype(np.uint64), 1
    for window in WINDOWS:
        while size < window:
            if len(hashes) < 2 * size + LEAST_SAVED:
                return
            hashes = hashes[:-size] * np.uint64(0x9E3779B97F4A7C15 + 2 * size) + (
                hashes[size:] ^ hashes[size:] >> np.uint64(29)
            )
            size *= 2
        order = np.argsort(hashes, kind="stable")
        alike = hashes[order[1:]] == hashes[order[:-1]]
        often = np.bincount(np.diff(order)[alike])
        guesses = np.argsort(often)[-GUESSES:]
        yield from guesses[often[guesses] >= LEAST_SAVED // 2].tolist()


def _steady(table: CallTable, first: int, beyond: int, length: int) -> tuple[int, int]:
    """Where the longest repetition with bodies of a length begins, and how many turns it has."""
    looks = table.looks[first:beyond]
    same = looks[length:] == looks[:-length]
    if beyond - first <= 2 * length or same.sum() < LEAST_SAVED:
        return first, 0
    steady = same[length:] & same[:-length]
    for codes, kinds in zip(table.codes[first:beyond].T, table.kinds[first:beyond].T, strict=True):
        moved = codes[length:] - codes[:-length]
        steady &= (moved[length:] == moved[:-length]) | (kinds[: -2 * length] == CONSTANT)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], steady, [False]]).astype(np.int8)))
    if not len(edges):
        return first, 0
    runs = edges[1::2] - edges[::2]
    place = int(runs.argmax())
    return first + int(edges[2 * place]), (int(runs[place]) + 2 * length) // length


def _sound(table: CallTable, loop: Loop, before: Sequence[Loop]) -> list[Loop]:
    """The loop without turns at its ends that read beyond the ends of others; none where it reads what is in no loop."""
    low, high = 0, loop.turns
    moves = table.moves(loop)
    for place, operand in zip(*np.nonzero(table.kinds[table.calls_of(loop)] == CALL), strict=True):
        bounds = _turns(int(table.codes[loop.first + place, operand]), int(moves[place, operand]), loop, before)
        low, high = max(low, bounds[0]), min(high, bounds[1])
    kept = Loop(loop.first + low * loop.length, loop.length, high - low)
    return [kept] if kept.pays and 2 * kept.turns >= loop.turns else []


def _turns(call: int, move: int, loop: Loop, before: Sequence[Loop]) -> tuple[int, int]:
    """The turns, from the first to beyond the last, in which an operand, that is `call` in the first, can be read."""
    turn, _ = loop.place(call)
    if move == 0:
        return max(0, turn + 1), loop.turns
    if loop.is_own(call, move):
        return (0, loop.turns) if -turn <= min(MOST_LAG, loop.turns // 2) else (0, 0)
    other = home(call + move * (loop.turns // 2), before)
    if other is None or move % other.length:
        return 0, 0
    ends = sorted(((other.first - call) / move, (other.beyond - 1 - call) / move))
    return int(np.ceil(ends[0])), int(np.floor(ends[1])) + 1
