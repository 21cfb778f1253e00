"""Where the values of steps lie while they run, and the records that an interpreter reads: only of what outputs need."""

from __future__ import annotations

from exprad.backends.native.flat.arena import LEAF, RECORD
from exprad.backends.native.flat.folds import NEG
from exprad.backends.native.flat.subset import Whole
from exprad.backends.native.flat.walk import ABSENT


class Needed:
    """Which steps outputs need."""

    steps: Whole
    last: Whole  # by step, its last reader; -1 where it isn't needed
    outputs: Whole
    output_count: int
    count: int
    calls: int
    leaves: Whole  # the needed ones
    leaf_count: int

    def run(self) -> None:
        """From the last step to the first: each needs its operands."""
        for place in range(self.output_count):
            self.last[self.outputs[place]] = self.count
        for step in range(self.count - 1, -1, -1):
            if self.last[step] >= 0:
                self.need(step)

    def need(self, step: int) -> None:
        at = step * RECORD
        if self.steps[at] == LEAF:
            self.leaves[self.leaf_count] = step
            self.leaf_count += 1
            return
        self.calls += 1
        for place in range(1, RECORD):
            operand = self.steps[at + place]
            if operand != ABSENT and self.last[operand] < 0:
                self.last[operand] = step


class Compaction:
    """Needed calls without gaps, after the leaves, whose places are given: rows, and three operands each."""

    steps: Whole
    last: Whole
    count: int
    places: Whole  # by step, its new number
    heads: Whole
    operands: Whole
    leaf_count: int
    calls: int

    def run(self) -> None:
        for step in range(self.count):
            if self.last[step] >= 0 and self.steps[step * RECORD] != LEAF:
                self.places[step] = self.leaf_count + self.calls
                self.heads[self.calls] = self.steps[step * RECORD]
                for place in range(1, RECORD):
                    operand = self.steps[step * RECORD + place]
                    self.operands[self.calls * 3 + place - 1] = self.places[operand] if operand != ABSENT else ABSENT
                self.calls += 1


class Allocation:
    """Registers for the calls of a flat program, each free again after its last use; and its records."""

    heads: Whole
    operands: Whole
    calls: int
    leaf_count: int
    last: Whole  # by step, the last call that reads it; beyond all for outputs and leaves
    registers: Whole  # by step
    free: Whole
    height: int
    codes: Whole  # by row, the number of the function that computes it
    arities: Whole
    zero: int  # the register of -0.0
    records: Whole
    size: int

    def run(self) -> None:
        for call in range(self.calls):
            for place in range(3):
                operand = self.operands[call * 3 + place]
                if operand != ABSENT and self.last[operand] <= call:
                    self.last[operand] = call
        waiting = 0
        for call in range(self.calls):
            row = self.heads[call]
            a, b, c = self.operands[call * 3], self.operands[call * 3 + 1], self.operands[call * 3 + 2]
            waiting = self.freed(a, call, waiting)
            if b != ABSENT and b != a:
                waiting = self.freed(b, call, waiting)
            if c != ABSENT and c != a and c != b:
                waiting = self.freed(c, call, waiting)
            if waiting > 0:
                waiting -= 1
                target = self.free[waiting]
            else:
                target = self.height
                self.height += 1
            self.registers[self.leaf_count + call] = target
            self.record(row, target, a, b, c)

    def freed(self, operand: int, call: int, waiting: int) -> int:
        if self.last[operand] == call:
            self.free[waiting] = self.registers[operand]
            return waiting + 1
        return waiting

    def record(self, row: int, target: int, a: int, b: int, c: int) -> None:
        """What an interpreter reads of a call: the first and the last operand, then, of three, the one between."""
        at = self.size * RECORD
        arity = self.arities[row]
        self.records[at] = self.codes[row]
        self.records[at + 1] = target
        self.records[at + 2] = self.registers[a] if row != NEG else self.zero
        self.records[at + 3] = self.registers[a if arity == 1 else b if arity == 2 else c]
        if arity == 3:
            self.records[at + 4] = self.registers[b]
            self.size += 1
        self.size += 1
