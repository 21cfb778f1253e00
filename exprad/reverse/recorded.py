"""What the chain rule does with expressions, written down step by step: it is asked once, on carriers that record.

A step is kept as it was asked for, and nothing is folded: so the same steps, taken on expressions, give what the chain rule
would have given them. Code that looks at what an expression *is*, other than for the number that it is known to be,
can't be recorded, nor what has guards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any, NamedTuple

from exprad.carrier import Carrier
from exprad.chain import Negated, plus, pullback
from exprad.errors import UnsupportedError
from exprad.graph.expr import Expr
from exprad.ground.primitive import Primitive


class Step(NamedTuple):
    """A call of a row, on recorded values, constants and numbers."""

    row: Primitive
    operands: tuple[Any, ...]
    result: Recorded


class Recorded(Carrier):
    """An expression that is no constant, of which no more is known."""

    __slots__ = ("_steps", "is_known_asked", "name")
    _level = 2  # above expressions, which may stand beside it
    shape, dtype = (), None
    __hash__ = object.__hash__

    def __init__(self, name: str, steps: list[Step]) -> None:
        self.name, self._steps, self.is_known_asked = name, steps, False

    @property
    def known(self) -> None:
        """The number that it is: none; that it was asked for is noted."""
        self.is_known_asked = True

    def interpret(self, primitive: Primitive, operands: Sequence[Any]) -> Recorded:
        if primitive.partials is None or not all(map(_is_recorded, operands)):
            raise _not_recorded(f"{primitive.name} of {operands}")
        result = Recorded(f"v{len(self._steps)}", self._steps)
        self._steps.append(Step(primitive, tuple(operands), result))
        return result

    def __getattr__(self, name: str) -> Any:
        raise _not_recorded(name)

    def __bool__(self) -> bool:
        raise _not_recorded("bool")

    def __eq__(self, other: object) -> bool:
        raise _not_recorded("==")

    __ne__ = __eq__


def _is_recorded(operand: Any) -> bool:
    return isinstance(operand, (Recorded, Expr, float, Fraction)) or operand.__class__ is int


def _not_recorded(what: str) -> UnsupportedError:
    """What ends a recording; no AttributeError, which `getattr` would take for an answer."""
    return UnsupportedError(f"{what} can't be recorded")


class Whole:
    """A sensitivity of any kind, which can but be passed on."""


class Recording(NamedTuple):
    """Steps, and the sensitivity that they come to: the one that was given, a value, or a `Negated` value."""

    steps: list[Step]
    given: Any
    found: Any


Kind = Callable[[list[Step]], Any]
KINDS: dict[str, Kind] = {  # sensitivities, beside numbers and constants
    "whole": lambda steps: Whole(),
    "plain": lambda steps: Recorded("y_bar", steps),
    "negated": lambda steps: Negated(Recorded("y_bar", steps)),
}


def pull_of(row: Primitive, place: int, kind: Kind, constants: Mapping[int, Any]) -> Recording | None:
    """What a row passes to one of its operands of an adjoint of a kind; None if it can't be recorded.

    Operands that are constants are given by their places, and others are none.
    """
    steps: list[Step] = []
    xs = _operands(row, steps, constants)
    given, x_bars = kind(steps), dict[Any, Any]()
    try:
        pullback(row, Recorded("y", steps), xs, given, set(xs) - {xs[place]}, x_bars)
    except Exception:  # what a partial can't do with what is recorded, it may do with expressions
        return None
    if any(isinstance(x, Recorded) and x.is_known_asked for x in xs):
        return None
    return Recording(steps, given, x_bars.get(xs[place]))


def _operands(row: Primitive, steps: list[Step], constants: Mapping[int, Any]) -> list[Any]:
    return [constants[place] if place in constants else Recorded(f"x{place}", steps) for place in range(row.arity)]


_OF_KINDS = frozenset(("isinstance", "type", "__class__"))  # names in code that asks what an operand is


def is_recordable(row: Primitive) -> bool:
    """Whether a row has partials that can't tell what is recorded from expressions; of exprad's own rows, none does."""
    if row.partials is None or row.is_own:
        return row.partials is not None
    codes = [getattr(partial, "__code__", None) for partial in row.partials]
    return all(code is None or _OF_KINDS.isdisjoint(code.co_names) for code in codes)


def asked_of(row: Primitive) -> tuple[int, ...]:
    """The places of those operands of which a partial asks what number they are known to be."""
    steps: list[Step] = []
    xs = _operands(row, steps, {})
    for partial in row.partials:
        if callable(partial):
            with suppress(Exception):
                partial(Recorded("y", steps), *xs)
    return tuple([place for place, x in enumerate(xs) if x.is_known_asked])


def sum_of(before: str, after: str) -> Recording:
    """The sum of two sensitivities, each plain or negated."""
    steps: list[Step] = []
    values = {"before": Recorded("before", steps), "after": Recorded("after", steps)}
    first, second = [
        Negated(value) if sign == "negated" else value
        for value, sign in zip(values.values(), (before, after), strict=True)
    ]
    return Recording(steps, first, plus(first, second))
