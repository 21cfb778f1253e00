"""Steps as arrays, equal ones once: what a program is while it is made."""

from __future__ import annotations

from exprad.backends.native.flat.subset import Long, Real, Whole
from exprad.backends.native.flat.walk import ABSENT

LEAF = 0  # in place of a row's number. A leaf has for operands its class, and the number of its value
VARIABLE, INTEGER, FLOAT, OTHER = range(
    4
)  # classes of leaves; others are exact fractions, and whole numbers beyond a double
RECORD = 4  # numbers of a step: a row and three operands
TRIED = 4  # places near the operands where a step is looked for first


class Arena:
    """Steps, each with a number: leaves, which are there when it begins, and what is made of them."""

    # the rows
    commutes: Whole
    gives_floats: Whole
    # the steps; and their numbers and 1, by a part of them
    steps: Whole
    slots: Whole
    mask: int
    count: int
    # the constants
    numbers: Real
    bits: Long  # the same
    number_slots: Whole  # steps and 1, by a part of their numbers
    number_mask: int
    number_count: int
    opposites: Whole  # of a number that is another than a double, the step of its negative
    one: int  # the step of 1
    is_refused: int  # whether something was asked that only expressions know

    def is_constant(self, a: int) -> int:
        return self.steps[a * RECORD] == LEAF and self.steps[a * RECORD + 1] != VARIABLE

    def is_number(self, a: int, value: float) -> int:
        """Whether a step is this whole number."""
        if self.steps[a * RECORD] == LEAF and self.steps[a * RECORD + 1] == INTEGER:
            return self.numbers[self.steps[a * RECORD + 2]] == value
        return 0

    def refused(self) -> int:
        self.is_refused = 1
        return self.one

    def constant(self, value: float, kind: int) -> int:
        """The step of a number, which may be new. Tables of numbers are as large as needed."""
        self.numbers[self.number_count] = value
        bits = self.bits[self.number_count]
        slot = self.number_slot(bits, kind)
        if self.number_slots[slot] != 0:
            return self.number_slots[slot] - 1
        self.number_slots[slot] = self.count + 1
        self.number_count += 1
        return self.new(LEAF, kind, self.number_count - 1, ABSENT)

    def number_slot(self, bits: int, kind: int) -> int:
        """Where a number is, or would be, in `number_slots`."""
        mixed = (bits & 4294967295) * 668265263 + ((bits >> 32) & 4294967295) * 374761393  # odd numbers below 2**30
        slot = (mixed ^ (mixed >> 15) ^ (mixed >> 31)) + kind & self.number_mask
        while self.number_slots[slot] != 0:
            found = self.number_slots[slot] - 1
            if self.steps[found * RECORD + 1] == kind and self.bits[self.steps[found * RECORD + 2]] == bits:
                return slot
            slot = (slot + 1) & self.number_mask
        return slot

    def new(self, row: int, a: int, b: int, c: int) -> int:
        at = self.count * RECORD
        self.steps[at] = row
        self.steps[at + 1] = a
        self.steps[at + 2] = b
        self.steps[at + 3] = c
        self.count += 1
        return self.count - 1

    def is_step(self, which: int, row: int, a: int, b: int, c: int) -> int:
        at = which * RECORD
        if self.steps[at] != row or self.steps[at + 3] != c:
            return 0
        if self.steps[at + 1] == a and self.steps[at + 2] == b:
            return 1
        return self.commutes[row] and self.steps[at + 1] == b and self.steps[at + 2] == a

    def step(self, row: int, a: int, b: int, c: int) -> int:
        """The step of a row: an earlier one, or a new one.

        It is looked for near its younger operand first, so that what is done one after another lies together; then anywhere.
        """
        low, high = a if a < b else b, b if a < b else a
        slot = (high * 2 + (row & 1)) & self.mask
        for _ in range(TRIED):
            if self.slots[slot] == 0:
                self.slots[slot] = self.count + 1
                return self.new(row, a, b, c)
            if self.is_step(self.slots[slot] - 1, row, a, b, c):
                return self.slots[slot] - 1
            slot = (slot + 1) & self.mask
        mixed = (high * 40503 + row * 9973 + c * 31) ^ ((low & 4294967295) * 2654435)
        slot = (mixed ^ (mixed >> 17)) & self.mask
        while self.slots[slot] != 0:
            if self.is_step(self.slots[slot] - 1, row, a, b, c):
                return self.slots[slot] - 1
            slot = (slot + 1) & self.mask
        self.slots[slot] = self.count + 1
        return self.new(row, a, b, c)
