"""A graph lowered and differentiated as arrays.

What a call becomes, and what it passes to its operands in a reverse sweep, is written in templates that are made from the
table (see `templates`): codes of four numbers, a row and what it reads. Here they are applied to the calls of a walk.
"""

from __future__ import annotations

from exprad.backends.native.flat.arena import INTEGER, RECORD
from exprad.backends.native.flat.folds import Folds
from exprad.backends.native.flat.subset import Long, Whole
from exprad.backends.native.flat.walk import ABSENT, MOST_OPERANDS

NONE, PLUS, MINUS, REFUSED = -1, -2, -3, -4  # pulls that have no codes
OPERANDS, RESULT = 3, 3  # what codes read: operands, the result, then what earlier codes gave; below 0, constants


class Derivation(Folds):
    """The steps of calls, and of sweeps over them."""

    # the calls
    nodes: Long
    kinds: Whole
    operands: Whole
    size: int
    # the templates: where the codes of a kind begin, and of its pulls, three a kind
    lowerings: Whole
    pulls: Whole
    codes: Whole
    given: Whole  # steps that codes gave
    # by call and by leaf: its step; its adjoint or tangent, twice the step and the sign; whether it depends on what is asked
    places: Whole
    bars: Whole
    active: Whole
    leaf_bars: Whole
    leaf_active: Whole
    leaf_count: int
    root: int  # what is differentiated
    asked: Whole  # whose adjoints or tangents, and then the steps of these
    asked_count: int

    def lower(self) -> None:
        """The steps of all calls."""
        for slot in range(self.size):
            if self.nodes[slot] != 0:
                self.places[slot] = self.applied(self.lowerings[self.kinds[slot]], slot)

    def sweep(self) -> None:
        """The adjoints of leaves for that of `root`, which is 1."""
        self.mark()
        self.pass_to(self.root, self.one * 2)
        for slot in range(self.root, -1, -1):
            if self.nodes[slot] != 0 and self.bars[slot] >= 0 and self.active[slot]:
                self.pull(slot)
        self.resolve()

    def push(self) -> None:
        """The tangents of what is asked, for those of leaves."""
        for slot in range(self.size):
            if self.nodes[slot] != 0:
                self.bars[slot] = self.pushed(slot)
        self.resolve()

    def pushed(self, slot: int) -> int:
        """The tangent of a call."""
        total = -1
        for place in range(MOST_OPERANDS):
            bar = self.bar_of(self.operands[slot * MOST_OPERANDS + place])
            if bar >= 0:
                part = self.part(slot, place, bar)
                if part >= 0:
                    total = self.plus(total, part)
        return total

    def resolve(self) -> None:
        """The steps of what is asked: sensitivities with their signs."""
        for place in range(self.asked_count):
            bar = self.bar_of(self.asked[place])
            if bar < 0:
                self.asked[place] = self.constant(0.0, INTEGER)
            else:
                self.asked[place] = self.neg(bar >> 1) if bar & 1 else bar >> 1

    def bar_of(self, at: int) -> int:
        """The sensitivity of a call or a leaf; -1 for none."""
        if at >= 0:
            return self.bars[at]
        return self.leaf_bars[-1 - at] if at != ABSENT else -1

    def mark(self) -> None:
        """Which calls depend on what is asked."""
        for leaf in range(self.leaf_count):
            self.leaf_bars[leaf] = -1
            self.leaf_active[leaf] = 0
        for place in range(self.asked_count):
            if self.asked[place] != ABSENT:
                self.leaf_active[-1 - self.asked[place]] = 1
        for slot in range(self.root + 1):
            self.bars[slot] = -1
            self.active[slot] = 0
            if self.nodes[slot] != 0:
                at = slot * MOST_OPERANDS
                if (
                    self.is_active(self.operands[at])
                    or self.is_active(self.operands[at + 1])
                    or self.is_active(self.operands[at + 2])
                ):
                    self.active[slot] = 1

    def is_active(self, at: int) -> int:
        if at >= 0:
            return self.active[at]
        return self.leaf_active[-1 - at] if at != ABSENT else 0

    def pull(self, slot: int) -> None:
        """What a call passes to its operands."""
        bar = self.bars[slot]
        for place in range(MOST_OPERANDS):
            at = self.operands[slot * MOST_OPERANDS + place]
            if self.is_active(at):
                part = self.part(slot, place, bar)
                if part >= 0:
                    self.pass_to(at, part)

    def part(self, slot: int, place: int, bar: int) -> int:
        """The product of the partial of a call in an operand, and a sensitivity; -1 for none."""
        codes = self.pulls[self.kinds[slot] * MOST_OPERANDS + place]
        if codes >= 0:
            return self.scaled(codes, slot, bar >> 1) * 2 + (bar & 1)
        if codes == REFUSED:
            self.is_refused = 1
        return bar if codes == PLUS else bar ^ 1 if codes == MINUS else -1

    def pass_to(self, at: int, part: int) -> None:
        """Add to the adjoint of a call or a leaf."""
        if at >= 0:
            self.bars[at] = self.plus(self.bars[at], part)
        else:
            self.leaf_bars[-1 - at] = self.plus(self.leaf_bars[-1 - at], part)

    def plus(self, a: int, b: int) -> int:
        if a < 0:
            return b
        if a & 1 and b & 1:
            return self.add(a >> 1, b >> 1) * 2 + 1
        if a & 1:
            return self.sub(b >> 1, a >> 1) * 2
        return (self.sub(a >> 1, b >> 1) if b & 1 else self.add(a >> 1, b >> 1)) * 2

    def scaled(self, codes: int, slot: int, value: int) -> int:
        """The product of a partial, which the codes give, perhaps with a factor, and a value."""
        factor = self.codes[codes]
        partial = self.applied(codes + 1, slot)
        if factor == NONE:
            return self.mul(partial, value)
        if self.is_constant(value):
            return self.mul(partial, self.rounded(factor, value))
        return self.mul(self.mul(partial, factor), value)

    def applied(self, codes: int, slot: int) -> int:
        """What codes give for a call: their number, what of them is the result, and they."""
        count, result = self.codes[codes], self.codes[codes + 1]
        at = codes + 2
        for place in range(count):
            a = self.read(self.codes[at + 1], slot)
            b = self.read(self.codes[at + 2], slot) if self.codes[at + 2] != ABSENT else ABSENT
            c = self.read(self.codes[at + 3], slot) if self.codes[at + 3] != ABSENT else ABSENT
            self.given[place] = self.folded(self.codes[at], a, b, c)
            at += RECORD
        return self.read(result, slot)

    def read(self, what: int, slot: int) -> int:
        """The step of what a code reads."""
        if what < 0:
            return -1 - what
        if what > RESULT:
            return self.given[what - RESULT - 1]
        if what == RESULT:
            return self.places[slot]
        at = self.operands[slot * MOST_OPERANDS + what]
        return self.places[at] if at >= 0 else -1 - at
