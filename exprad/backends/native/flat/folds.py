"""Sums, products and negatives, folded as expressions are: the cases are those of `exprad.graph.folding`."""

from __future__ import annotations

from exprad.backends.native.flat.arena import FLOAT, INTEGER, OTHER, RECORD, Arena
from exprad.backends.native.flat.walk import ABSENT

ADD, SUB, MUL, NEG, DIV = range(1, 6)  # rows by number; others follow
LARGEST = 9007199254740992.0  # a whole number up to which doubles are exact
SPLITTER = 134217729.0  # 2**27 + 1
SPLITTABLE, SMALLER = 1e290, 2.0**-60  # up to which numbers can be split, and what brings larger ones there


class Folds(Arena):
    """An arena whose steps are folded."""

    def folded(self, row: int, a: int, b: int, c: int) -> int:
        if row == MUL:
            return self.mul(a, b)
        if row == ADD:
            return self.add(a, b)
        if row == SUB:
            return self.sub(a, b)
        if row == NEG:
            return self.neg(a)
        if row == DIV and self.minus(a) >= 0 and self.minus(b) >= 0:
            return self.step(DIV, self.minus(a), self.minus(b), ABSENT)
        return self.step(row, a, b, c)

    def add(self, a: int, b: int) -> int:
        if self.is_constant(a) and self.is_constant(b):
            return self.joined(ADD, a, b)
        if a == b:
            return self.mul(self.constant(2.0, INTEGER), a)
        if self.is_number(a, 0.0):
            return b
        if self.is_number(b, 0.0):
            return a
        if self.minus(b) >= 0:
            return self.sub(a, self.minus(b))
        if self.minus(a) >= 0:
            return self.sub(b, self.minus(a))
        return self.step(ADD, a, b, ABSENT)

    def sub(self, a: int, b: int) -> int:
        if self.is_constant(a) and self.is_constant(b):
            return self.joined(SUB, a, b)
        if self.is_number(b, 0.0):
            return a
        if self.minus(b) >= 0 and not self.is_number(a, 0.0):
            return self.add(a, self.minus(b))
        return self.step(SUB, a, b, ABSENT)

    def neg(self, a: int) -> int:
        if self.is_constant(a):
            kind = self.steps[a * RECORD + 1]
            if kind == OTHER:
                return self.opposites[self.steps[a * RECORD + 2]]
            value = self.numbers[self.steps[a * RECORD + 2]]
            return self.constant(0.0 - value if kind == INTEGER else -value, kind)
        if self.steps[a * RECORD] == NEG:
            return self.steps[a * RECORD + 1]
        return self.step(NEG, a, ABSENT, ABSENT)

    def mul(self, a: int, b: int) -> int:
        if self.is_constant(b):
            a, b = b, a
        if self.is_constant(a):
            return self.joined(MUL, a, b) if self.is_constant(b) else self.times(a, b)
        p = self.steps[a * RECORD + 1] if self.steps[a * RECORD] == NEG else ABSENT
        q = self.steps[b * RECORD + 1] if self.steps[b * RECORD] == NEG else ABSENT
        if a == b:
            return self.mul(p, p) if p >= 0 else self.step(MUL, a, a, ABSENT)
        if p == b or q == a:
            square = b if p == b else a
            return self.neg(self.step(MUL, square, square, ABSENT))
        p, q = self.minus(a), self.minus(b)
        if p >= 0 and q >= 0:
            return self.mul(p, q)
        if p >= 0:
            return self.neg(self.mul(p, b))
        if q >= 0:
            return self.neg(self.mul(a, q))
        return self.step(MUL, a, b, ABSENT)

    def times(self, a: int, b: int) -> int:
        """The product of a constant and what is none."""
        is_integer = self.steps[a * RECORD + 1] == INTEGER
        factor = self.numbers[self.steps[a * RECORD + 2]]
        if is_integer and factor == 1.0:
            return b
        if is_integer and factor == -1.0:
            return self.neg(b)
        if is_integer and self.steps[b * RECORD] == MUL:
            return self.merged(a, b)
        if self.steps[b * RECORD] == NEG and (
            (is_integer and factor != 0.0) or (not is_integer and self.minus(b) >= 0)
        ):
            return self.mul(self.neg(a), self.steps[b * RECORD + 1])
        return self.step(MUL, a, b, ABSENT)

    def merged(self, a: int, b: int) -> int:
        """2*(3*x) is 6*x, if one factor moves no rounding."""
        inner, rest = self.steps[b * RECORD + 1], self.steps[b * RECORD + 2]
        if self.is_constant(rest):
            inner, rest = rest, inner
        if self.is_constant(inner) and self.steps[inner * RECORD + 1] == INTEGER:
            p, q = self.numbers[self.steps[a * RECORD + 2]], self.numbers[self.steps[inner * RECORD + 2]]
            if p * q != 0.0 and self.size_of(p * q) < LARGEST and (self.is_doubling(p) or self.is_doubling(q)):
                return self.mul(rest, self.constant(p * q, INTEGER))
        return self.step(MUL, a, b, ABSENT)

    def minus(self, a: int) -> int:
        """What a step is the negative of, where a sign may move; ABSENT else."""
        if self.steps[a * RECORD] == NEG:
            inner = self.steps[a * RECORD + 1]
            if self.gives_floats[self.steps[inner * RECORD]]:
                return inner
        return ABSENT

    def joined(self, row: int, a: int, b: int) -> int:
        """What a row gives on two constants: a constant, if no rounding happens."""
        p, q = self.steps[a * RECORD + 1], self.steps[b * RECORD + 1]
        if row == MUL and (self.is_number(a, 1.0) or self.is_number(b, 1.0)):
            return b if self.is_number(a, 1.0) else a
        if (row == ADD and self.is_number(a, 0.0)) or (row != MUL and self.is_number(b, 0.0)):
            return a if self.is_number(b, 0.0) else b
        if p == OTHER or q == OTHER:
            return self.refused()
        x, y = self.numbers[self.steps[a * RECORD + 2]], self.numbers[self.steps[b * RECORD + 2]]
        y = -y if row == SUB else y
        value = x * y if row == MUL else x + y
        if p == INTEGER and q == INTEGER:
            return self.constant(value + 0.0, INTEGER) if self.size_of(value) < LARGEST else self.refused()
        is_exact = (
            self.rounding_of_product(x, y, value) == 0.0 if row == MUL else self.rounding_of_sum(x, y, value) == 0.0
        )
        if is_exact and (value != 0.0 or (x != 0.0 and y != 0.0)):
            return self.constant(value, FLOAT)
        return self.step(row, a, b, ABSENT)

    def rounded(self, factor: int, value: int) -> int:
        """The product of constants, of which a whole one is multiplied as Python does."""
        p, q = self.steps[factor * RECORD + 1], self.steps[value * RECORD + 1]
        if p == FLOAT and q == INTEGER:
            return self.constant(
                self.numbers[self.steps[factor * RECORD + 2]] * self.numbers[self.steps[value * RECORD + 2]], FLOAT
            )
        return self.mul(factor, value)

    def rounding_of_sum(self, x: float, y: float, total: float) -> float:
        """What a sum lacks (D. E. Knuth's two-sum); nan where it is not finite."""
        part = total - x
        return (x - (total - part)) + (y - part)

    def rounding_of_product(self, x: float, y: float, product: float) -> float:
        """What a product lacks (T. J. Dekker's two-product), but for a power of two; nan where it is not finite."""
        if self.size_of(x) > SPLITTABLE:
            return self.rounding_of_product(x * SMALLER, y, product * SMALLER)
        if self.size_of(y) > SPLITTABLE:
            return self.rounding_of_product(x, y * SMALLER, product * SMALLER)
        a, b = SPLITTER * x, SPLITTER * y
        a, b = a - (a - x), b - (b - y)
        return ((a * b - product) + a * (y - b) + (x - a) * b) + (x - a) * (y - b)

    def size_of(self, value: float) -> float:
        return -value if value < 0.0 else value

    def is_doubling(self, value: float) -> int:
        """Whether a whole number is a power of two, or the negative of one."""
        power, size = 1.0, self.size_of(value)
        while power < size:
            power = power * 2.0
        return power == size
