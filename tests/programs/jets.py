"""Numbers with sparse derivatives: the reference.

A `Jet` has a value, its first derivatives by the elements of the inputs, its derivative along a direction, and the derivatives
of that: first and second order, forward. A derivative that is missing is a zero that no infinity can spoil.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tests.programs.arithmetic import NAN, NEAR, finite
from tests.programs.functions import FUNCTIONS


class Jet:
    """A number that knows how it changes; `run` is what it belongs to."""

    __slots__ = ("curves", "is_kink", "run", "slopes", "tangent", "value")

    def __init__(self, run: Run, value: Any) -> None:
        self.run, self.value = run, value
        self.slopes: dict[int, Any] = {}
        self.tangent: Any = None
        self.curves: dict[int, Any] = {}
        self.is_kink = False

    def depend(self, others: Sequence[Jet]) -> None:
        """Count every derivative of others as one of mine, 0 where it is missing."""
        zero = 0 * self.value if finite(self.value) else NAN
        for other in others:
            for i in other.slopes:
                self.slopes.setdefault(i, zero)
                self.curves.setdefault(i, zero)
        self.tangent = zero if self.tangent is None else self.tangent

    def __add__(self, other: Any) -> Any:
        return self.run.call("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self.run.call("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self.run.call("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.run.call("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self.run.call("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.run.call("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.run.call("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.run.call("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self.run.call("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self.run.call("power", other, self)

    def __mod__(self, other: Any) -> Any:
        return self.run.call("mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return self.run.call("mod", other, self)

    def __neg__(self) -> Any:
        return self.run.call("negative", self)

    def __abs__(self) -> Any:
        return self.run.call("abs", self)

    def __lt__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a < b)

    def __le__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a <= b)

    def __gt__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a > b)

    def __ge__(self, other: Any) -> bool:
        return self.run.compared(self, other, lambda a, b: a >= b)

    def __eq__(self, other: object) -> bool:
        return self.run.compared(self, other, lambda a, b: a == b)

    def __ne__(self, other: object) -> bool:
        return self.run.compared(self, other, lambda a, b: a != b)

    __hash__ = None  # type: ignore[assignment]


class Run:
    """One evaluation: its arithmetic, and what it met on its way."""

    def __init__(self, arithmetic: Any) -> None:
        self.m = arithmetic
        self.is_calm = True  # no kink, no tie, nothing infinite: other libraries are right
        self.is_fragile = False  # a comparison that rounding may turn
        self.scale = 1.0
        self.tainted: set[int] = set()  # elements that a row which mixes has met while they were infinite
        self.tainted_second: set[int] = set()

    def lift(self, x: Any) -> Jet:
        return x if x.__class__ is Jet else Jet(self, self.m.number(0 if x is None else x))  # NumPy's sum of no objects

    def near(self, a: Any, b: Any) -> None:
        """Note a comparison of two numbers at which something jumps."""
        if a == b:
            self.is_calm = False
        elif abs(a - b) < NEAR * max(1, abs(a)):
            self.is_fragile = True

    def compared(self, a: Any, b: Any, relation: Callable[[Any, Any], bool]) -> bool:
        x, y = self.lift(a).value, self.lift(b).value
        self.near(x, y)
        return bool(relation(x, y))

    def call(self, name: str, *operands: Any) -> Jet:
        jets = [self.lift(x) for x in operands]
        value, firsts, seconds, *kink = FUNCTIONS[name](self, *[x.value for x in jets])
        return self.combined(value, jets, firsts, seconds, bool(kink and kink[0]))

    def combined(
        self, value: Any, jets: Sequence[Jet], firsts: Sequence[Any], seconds: Sequence[Any], kink: bool = False
    ) -> Jet:
        """The chain rule, to second order; `seconds` by pairs (0, 0), (0, 1), (1, 1)."""
        made = Jet(self, value)
        slopes, curves = made.slopes, made.curves
        for x, first in zip(jets, firsts, strict=True):
            if first is not None and x.slopes:
                for i, each in x.slopes.items():
                    slopes[i] = slopes[i] + first * each if i in slopes else first * each
                for i, each in x.curves.items():
                    curves[i] = curves[i] + first * each if i in curves else first * each
                if x.tangent is not None:
                    made.tangent = first * x.tangent if made.tangent is None else made.tangent + first * x.tangent
                made.is_kink |= x.is_kink
        made.is_kink |= kink
        for second, (k, j) in zip(seconds, PAIRS, strict=False):
            if second is not None:
                self._bend(made, second, jets[k], jets[j])
                if k != j:
                    self._bend(made, second, jets[j], jets[k])
        self._settle(made, jets)
        return made

    def _bend(self, made: Jet, second: Any, x: Jet, along: Jet) -> None:
        if along.tangent is None:
            return
        if x.is_kink or along.is_kink:  # abs(u)**2 may be u**2, whose second derivative is no sum of conventions
            second = NAN
        for i, each in x.slopes.items():
            more = second * along.tangent * each
            made.curves[i] = made.curves[i] + more if i in made.curves else more

    def _settle(self, made: Jet, jets: Sequence[Jet]) -> None:
        if not finite(made.value) or any(not finite(x.value) and x.slopes for x in jets):
            self.is_calm = False
            made.slopes = dict.fromkeys(made.slopes, NAN)
            made.curves = dict.fromkeys([*made.slopes, *made.curves], NAN)
            made.tangent = None if made.tangent is None else NAN
            return
        self.scale = max(self.scale, abs(made.value))
        for each in made.slopes.values():
            if finite(each):
                self.scale = max(self.scale, abs(each))
            else:
                self.is_calm = False

    def taint(self, jets: Sequence[Jet]) -> None:
        """Before a row that mixes all elements: remember which derivatives are lost in it."""
        first = any(not finite(x.value) or not all(map(finite, x.slopes.values())) for x in jets)
        second = first or any(not all(map(finite, x.curves.values())) for x in jets)
        indices = {i for x in jets for i in x.slopes}
        self.tainted |= indices if first else set()
        self.tainted_second |= indices if second else set()


PAIRS = ((0, 0), (0, 1), (1, 1))
