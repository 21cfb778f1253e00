"""The only chain rule. Handed expressions it returns expressions, handed numbers, numbers, handed arrays, arrays.

A *sensitivity* (a tangent or an adjoint) is None, a zero that costs nothing; a value; a `Negated` value, which is
subtracted where it is met; or a `Guarded` value, which counts only where its conditions hold. Guards select instead
of multiplying, so a branch that is not taken never poisons a derivative. `-v` and `where(c, v, 0)` are built at the
outputs alone, by `resolve`.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from exprad.elementary import logical_not, where
from exprad.errors import NotDifferentiableError
from exprad.primitive import If, Primitive


class Guarded:
    """A value that counts only where every one of `conditions` holds."""

    __slots__ = ("conditions", "value")

    def __init__(self, conditions: tuple[Any, ...], value: Any) -> None:
        self.conditions, self.value = conditions, value


class Negated:
    """A value that counts with the other sign."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def pushforward(f: Primitive, y: Any, xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
    """The tangent of y = f(*xs), for the tangents of the operands."""
    if f.partials is None:
        return f.push(y, xs, x_dots)
    y_dot = None
    for partial, x_dot in zip(f.partials, x_dots):  # noqa: B905  # hot, and as long by construction
        if x_dot is not None:
            y_dot = plus(y_dot, times(f, partial, y, xs, x_dot))
    return y_dot


def pullback(f: Primitive, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], x_bars: dict[Any, Any]) -> None:
    """Add to `x_bars`, adjoints by operand, what the adjoint of y = f(*xs) passes to its operands, `idle` ones aside."""
    if f.partials is None:
        return f.pull(y, xs, y_bar, idle, x_bars)
    for partial, x in zip(f.partials, xs):  # noqa: B905  # hot, and as long by construction
        if x not in idle:
            x_bar = y_bar if partial.__class__ is int and partial == 1 else times(f, partial, y, xs, y_bar)
            known = x_bars.get(x)
            x_bars[x] = x_bar if known is None else plus(known, x_bar)
    return None


def times(f: Primitive, partial: Any, y: Any, xs: Sequence[Any], sensitivity: Any) -> Any:
    """partial * sensitivity, keeping guards; the partial's function is called only here."""
    if partial.__class__ is not int:
        if partial is None:
            place = f.partials.index(None) + 1
            raise NotDifferentiableError(f"{f.name} states no partial derivative in operand {place}")
        partial = partial(y, *xs)
    kind = partial.__class__
    if kind is int and -1 <= partial <= 1:
        if partial == 0:
            return None
        if partial == 1:
            return sensitivity
        if sensitivity.__class__ is not Guarded:
            return sensitivity.value if sensitivity.__class__ is Negated else Negated(sensitivity)
    if kind is If:
        return _select(partial, sensitivity)
    inner = sensitivity.__class__
    if inner is Negated:
        return Negated(_product(partial, sensitivity.value))
    if inner is Guarded:
        return Guarded(sensitivity.conditions, _product(partial, sensitivity.value))
    return _product(partial, sensitivity)


def _product(partial: Any, value: Any) -> Any:
    if partial.__class__ is tuple:  # the constant joins a constant value before any node is built
        factor, partial = partial
        if value.__class__ is int:
            return partial * (factor * value)
        known = getattr(value, "known", None)
        if known is not None:
            return partial * ((known if known.__class__ is int else value) * factor)
        partial = partial * factor
    elif value.__class__ is int and value == 1:
        return partial
    return value if partial.__class__ is int and partial == 1 else partial * value


def _select(partial: If, sensitivity: Any) -> Any:
    condition = partial.condition
    truth = known_truth(condition)
    if truth is False:
        return None
    inner, value = (
        (sensitivity.conditions, sensitivity.value) if sensitivity.__class__ is Guarded else ((), resolve(sensitivity))
    )
    if truth is True or any(condition is known for known in inner):
        product = _product(partial.value, value)
        return Guarded(inner, product) if inner else product
    return Guarded((*inner, condition), _product(partial.value, value))


def known_truth(condition: Any) -> bool | None:
    """Whether a condition is decided already: True, False, or None where it differs from point to point."""
    condition = getattr(condition, "_truth", condition)
    if (
        condition.__class__ is bool
        or getattr(condition, "shape", None) == ()
        and getattr(condition, "dtype", None) == bool
    ):
        return bool(condition)
    return None


def plus(a: Any, b: Any) -> Any:
    """The sum of two sensitivities; complementary guards become one `where`."""
    if a is None:
        return b
    if b is None:
        return a
    if a.__class__ is not Guarded and b.__class__ is not Guarded:
        if b.__class__ is Negated:
            return Negated(a.value + b.value) if a.__class__ is Negated else a - b.value
        return b - a.value if a.__class__ is Negated else a + b
    if a.__class__ is Guarded and b.__class__ is Guarded and len(a.conditions) == len(b.conditions):
        *outer, last = a.conditions
        if all(p is q for p, q in zip(outer, b.conditions[:-1], strict=True)):
            merged = _merge(tuple(outer), last, a.value, b.conditions[-1], b.value)
            return _either(a, b) if merged is None else merged
    if a.__class__ is Guarded and b.__class__ is Guarded:
        return _either(a, b)
    return resolve(a) + resolve(b)


def _merge(outer: tuple[Any, ...], last: Any, a: Any, other: Any, b: Any) -> Any:
    if last is other:
        return Guarded((*outer, last), a + b)
    if is_complement(last, other):
        value = where(last, a, b)
        return Guarded(outer, value) if outer else value
    return None


def _either(a: Guarded, b: Guarded) -> Guarded:
    return Guarded((joined(a.conditions) | joined(b.conditions),), resolve(a) + resolve(b))


def is_complement(a: Any, b: Any) -> bool:
    """Whether one of two conditions is, as built, the negation of the other."""
    return any(getattr(p, "primitive", None) is logical_not and p.operands[0] is q for p, q in ((a, b), (b, a)))


def joined(conditions: Sequence[Any]) -> Any:
    """The condition that all of several hold."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = result & condition
    return result


def resolve(sensitivity: Any) -> Any:
    """A sensitivity at an output: a plain value, or None."""
    if sensitivity.__class__ is Negated:
        return -sensitivity.value
    if sensitivity.__class__ is Guarded:
        return where(joined(sensitivity.conditions), sensitivity.value, 0)
    return sensitivity
