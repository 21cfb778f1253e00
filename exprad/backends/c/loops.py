"""A loop of a program in C: its body once, with operands that move from turn to turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from exprad.backends.c.parts import Parts
from exprad.backends.c.text import A_LINE, at
from exprad.backends.rolled import CONSTANT, INPUT, Loop
from exprad.backends.statements import Statements


class LoopText:
    """The lines of a loop, and the tables of constants that it reads.

    `names` says how values from before the loop are read.
    """

    def __init__(self, code: Statements, parts: Parts, loop: Loop, names: Any, prefix: str) -> None:
        self.code, self.parts, self.loop, self.names, self.prefix = code, parts, loop, names, prefix
        self.kept, self.calls = parts.kept[loop], code.program.calls
        self.carried: dict[int, str] = {}  # by the place in the body: how the value of the turn before begins
        self.tables: list[str] = []
        self.body = list(self._body())

    @property
    def lines(self) -> list[str]:
        t = self.code.dtype
        first = [f"{t} c{place} = {name};" for place, name in self.carried.items()]
        head = f"for (long i = 0; i < {self.loop.turns}; i++) {{"
        kept = [f"    c{place} = {self._own(place)};" for place in self.carried]
        return [*self._before(), *first, head, *[f"    {line}" for line in self.body], *kept, "}"]

    def _own(self, place: int) -> str:
        return f"v{self.calls[self.loop.first + place]}"

    def _before(self) -> Iterator[str]:
        """What later turns read of values from before the loop, laid where the loop would have laid it."""
        for place, lag in self.kept.lags.items():
            for turn in range(-lag, 0):
                step = self.calls[self.loop.first + turn * self.loop.length + place]
                yield f"w[{self.kept.at(turn, place)}] = {self.names[step]};"

    def _body(self) -> Iterator[str]:
        loop, table, width = self.loop, self.parts.table, len(self.kept.slots)
        moves, codes = table.moves(loop).tolist(), table.codes[table.calls_of(loop)].tolist()
        kinds = table.kinds[table.calls_of(loop)].tolist()
        for place in range(loop.length):
            row = self.code.program.steps[self.calls[loop.first + place]][0]
            count = len(self.code.program.steps[self.calls[loop.first + place]]) - 1
            reads = [
                self._read(place, operand, kinds[place][operand], codes[place][operand], moves[place][operand])
                for operand in range(count)
            ]
            kind = "int" if row.predicate else self.code.dtype
            yield f"const {kind} {self._own(place)} = {self.code.call(row, reads)};"
            if place in self.kept.slots:
                yield f"{_moving('w', self.kept.at(0, place), width)} = {self._own(place)};"
            elif place in self.kept.last:
                yield f"w[{self.kept.last[place]}] = {self._own(place)};"

    def _read(self, place: int, operand: int, kind: int, code: int, move: int) -> str:
        if kind == INPUT:
            return _moving("x", code, move)
        if kind == CONSTANT:
            return self._constant(place, operand)
        if move == 0:
            return str(self.names[self.calls[code]])
        return self._read_own(code) if self.loop.is_own(code, move) else self._read_other(code, move)

    def _read_own(self, call: int) -> str:
        turn, place = self.loop.place(call)
        if turn == 0:
            return self._own(place)
        if turn == -1:
            self.carried[place] = self.names[self.calls[call]]
            return f"c{place}"
        return _moving("w", self.kept.at(turn, place), len(self.kept.slots))

    def _read_other(self, call: int, move: int) -> str:
        """A value of another loop, which moves along that loop."""
        other = self.parts.holder(call + move)
        turn, place = other.place(call)
        kept = self.parts.kept[other]
        return _moving("w", kept.at(turn, place), len(kept.slots) * (move // other.length))

    def _constant(self, place: int, operand: int) -> str:
        """A constant, or an element of a table where turns have constants of their own."""
        steps = self.code.program.steps
        codes = self.parts.table.codes[self.loop.first + place : self.loop.beyond : self.loop.length, operand].tolist()
        if codes.count(codes[0]) == len(codes):
            return self.code.literal(steps[codes[0]][1])
        name = f"{self.prefix}_{len(self.tables)}"
        values = [self.code.literal(steps[code][1]) for code in codes]
        rows = ",\n".join(f"    {', '.join(values[first : first + A_LINE])}" for first in range(0, len(values), A_LINE))
        self.tables.append(f"static const {self.code.dtype} {name}[{len(values)}] = {{\n{rows}\n}};\n")
        return f"{name}[i]"


def _moving(array: str, start: int, move: int) -> str:
    """An element of an array that is at `start` in the first turn and moves on."""
    return at(array, start, [move], ["i"])


def copies(pairs: Sequence[tuple[int, str, int]]) -> list[str]:
    """Statements that give outputs, by their places, elements of arrays; one for all that lie at equal distances."""
    lines, first = [], 0
    while first < len(pairs):
        beyond = _run(pairs, first)
        place, array, index = pairs[first]
        if beyond - first < 4:
            beyond = first + 1
            lines.append(f"y[{place}] = {array}[{index}];")
        else:
            move = pairs[first + 1][2] - index
            lines.append(f"for (long i = 0; i < {beyond - first}; i++)")
            lines.append(f"    {_moving('y', place, 1)} = {_moving(array, index, move)};")
        first = beyond
    return lines


def _run(pairs: Sequence[tuple[int, str, int]], first: int) -> int:
    """Where a run of outputs side by side ends, whose elements of one array lie at equal distances."""
    place, array, index = pairs[first]
    move = pairs[first + 1][2] - index if first + 1 < len(pairs) else 0
    beyond = first + 1
    while beyond < len(pairs) and pairs[beyond] == (place + beyond - first, array, index + move * (beyond - first)):
        beyond += 1
    return beyond
