"""The only chain rule. Handed expressions it returns expressions, handed numbers, numbers, handed arrays, arrays.

A *sensitivity* (a tangent or an adjoint) is None, a zero that costs nothing; a value; a `Negated` value, which is
subtracted where it is met; a `Guarded` value, which counts only where its conditions hold; or a `Masked` value, which
*is* 0 where its guard fails. Guards select instead of multiplying, so a branch that is not taken, or an element that is
never read, never poisons a derivative. `-v` and `where(c, v, 0)` are built at the outputs alone, by `resolve`, and
where a row moves elements: what it moves is 0 where the guard fails, and the guard moves with it, as a `Guard`, which
costs nothing until a partial asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from fractions import Fraction
from math import isfinite
from typing import Any

from exprad.errors import NotDifferentiableError
from exprad.ground.primitive import If, Primitive
from exprad.tables.elementary import logical_not, where


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


class Masked:
    """A value, or a `Negated` or `Guarded` one, that is 0 wherever `guard` fails."""

    __slots__ = ("guard", "value")

    def __init__(self, guard: Guard, value: Any) -> None:
        self.guard, self.value = guard, value


class Guard:
    """A condition that is made, of those of `sources`, when it is asked for; True where nothing is left to decide.

    It is static if it is the same at every point, as which elements an index reads is: then it is an array, on every carrier.
    """

    __slots__ = ("_condition", "_made", "_sources", "is_static")
    _condition: Any
    is_static: bool

    def __init__(self, made: Callable[..., Any], *sources: Guard, is_static: bool = False) -> None:
        self._made: Callable[..., Any] | None = made
        self._sources, self._condition = sources, None
        self.is_static = is_static or sources != () and False not in [source.is_static for source in sources]

    @property
    def condition(self) -> Any:
        waiting = [self]
        while waiting:
            guard = waiting[-1]
            if guard._made is not None:
                unknown = [source for source in guard._sources if source._made is not None]
                if unknown:
                    waiting += unknown
                    continue
                found = guard._made(*[source._condition for source in guard._sources])
                guard._condition = True if found is not True and guard.is_static and found.all() else found
                guard._made, guard._sources = None, ()
            waiting.pop()
        return self._condition

    def renewed(self) -> Guard:
        """The same, not yet made."""
        return Guard(self._made, *self._sources, is_static=self.is_static)  # type: ignore[arg-type]  # asked before it is


_MARKED: frozenset[Any] = frozenset((Guarded, Negated, Masked))


def pushforward(f: Primitive, y: Any, xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
    """The tangent of y = f(*xs), for the tangents of the operands."""
    if f.partials is None:
        return f.push(y, xs, x_dots)
    y_dot = None
    for partial, x_dot in zip(f.partials, x_dots):  # noqa: B905  # hot, and as long by construction
        if x_dot is not None:
            part = scaled(slope_at(f, partial, y, xs), x_dot)
            y_dot = part if y_dot is None else plus(y_dot, part)
    return y_dot


def pushforward_by_direction(
    f: Primitive, y: Any, xs: Sequence[Any], x_dots: Sequence[Mapping[Any, Any]]
) -> dict[Any, Any]:
    """The tangents of y = f(*xs) in several directions, for those of each operand by direction; a partial is asked once."""
    if f.partials is None:
        directions = dict.fromkeys([each for given in x_dots for each in given])
        found = {each: f.push(y, xs, [given.get(each) for given in x_dots]) for each in directions}
        return {each: y_dot for each, y_dot in found.items() if y_dot is not None}
    y_dots: dict[Any, Any] = {}
    for partial, given in zip(f.partials, x_dots):  # noqa: B905  # hot, and as long by construction
        slope = slope_at(f, partial, y, xs) if given else 0
        for each, x_dot in given.items():
            part = scaled(slope, x_dot)
            if part is not None:
                y_dots[each] = plus(y_dots.get(each), part)
    return y_dots


def pullback(f: Primitive, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], x_bars: dict[Any, Any]) -> None:
    """Add to `x_bars`, adjoints by operand, what the adjoint of y = f(*xs) passes to its operands, `idle` ones aside."""
    if f.partials is None:
        return f.pull(y, xs, y_bar, idle, x_bars)
    for partial, x in zip(f.partials, xs):  # noqa: B905  # hot, and as long by construction
        if x not in idle:
            x_bar = y_bar if partial.__class__ is int and partial == 1 else scaled(slope_at(f, partial, y, xs), y_bar)
            before = x_bars.get(x)
            x_bars[x] = x_bar if before is None else plus(before, x_bar)
    return None


def times(f: Primitive, partial: Any, y: Any, xs: Sequence[Any], sensitivity: Any) -> Any:
    """partial * sensitivity, keeping guards."""
    return scaled(slope_at(f, partial, y, xs), sensitivity)


def slope_at(f: Primitive, partial: Any, y: Any, xs: Sequence[Any]) -> Any:
    """What a partial is at y = f(*xs); its function is called only here."""
    if partial.__class__ is int:
        return partial
    if partial is None:
        place = f.partials.index(None) + 1
        raise NotDifferentiableError(f"{f.name} states no partial derivative in operand {place}")
    return partial(y, *xs)


def scaled(partial: Any, sensitivity: Any) -> Any:
    """The product of what a partial is and a sensitivity, keeping guards."""
    kind, inner = partial.__class__, sensitivity.__class__
    if kind is int and -1 <= partial <= 1:
        if partial == 0:
            return None
        if partial == 1:
            return sensitivity
        if inner is not Guarded:
            return Negated(sensitivity) if inner not in _MARKED else _opposite(sensitivity)
    if kind is If:
        return _select(partial, sensitivity)
    if inner not in _MARKED:
        return _product(partial, sensitivity)
    if inner is Negated:
        return Negated(_product(partial, sensitivity.value))
    if inner is Guarded:
        return Guarded(sensitivity.conditions, _product(partial, sensitivity.value))
    return _masked_product(partial, sensitivity)


def _opposite(sensitivity: Any) -> Any:
    if sensitivity.__class__ is Masked:
        return Masked(sensitivity.guard, _opposite(sensitivity.value))
    if sensitivity.__class__ is Guarded:
        return Guarded(sensitivity.conditions, -sensitivity.value)
    return sensitivity.value if sensitivity.__class__ is Negated else Negated(sensitivity)


def _masked_product(partial: Any, masked: Masked) -> Any:
    """A finite constant keeps the zeros; any other partial may be infinite there, so it is selected."""
    if _is_finite(partial):
        return Masked(masked.guard, within(lambda value: _product(partial, value), masked.value, unchanged))
    condition = masked.guard.condition
    if condition is True:
        return within(lambda value: _product(partial, value), masked.value, unchanged)
    return Guarded((condition,), _product(partial, inside(masked)))


def unchanged(condition: Any) -> Any:
    """A condition as it is, where `within` changes a value alone."""
    return condition


def _is_finite(partial: Any) -> bool:
    """Whether a partial is known to be a finite number."""
    is_carrier = getattr(partial, "_level", 0)
    number: Any = getattr(partial, "known", None) if is_carrier else getattr(partial, "value", partial)
    return number.__class__ in (int, Fraction) or number.__class__ is float and isfinite(number)


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
    if sensitivity.__class__ is Masked and truth is None and _is_finite(partial.value):
        return _masked_selection(partial, sensitivity)
    inner, value = _conditions(sensitivity), inside(sensitivity)
    if truth is True or any(condition is each for each in inner):
        product = _product(partial.value, value)
        return Guarded(inner, product) if inner else product
    return Guarded((*inner, condition), _product(partial.value, value))


def _masked_selection(partial: If, masked: Masked) -> Masked:
    """What a condition selects of a value that is 0 where its guard fails, which need not be asked."""
    conditions = _conditions(masked.value)
    if not any(partial.condition is each for each in conditions):
        conditions = (*conditions, partial.condition)
    guard = Guard(both, masked.guard, Guard(lambda: partial.condition))
    return Masked(guard, Guarded(conditions, _product(partial.value, inside(masked))))


def both(p: Any, q: Any) -> Any:
    """The condition that both hold, each of them True where it is known to."""
    return q if p is True else p if q is True or p is q else joined((p, q))


def _conditions(sensitivity: Any) -> tuple[Any, ...]:
    if sensitivity.__class__ is Masked:
        condition = sensitivity.guard.condition
        return () if condition is True else (condition,)
    return sensitivity.conditions if sensitivity.__class__ is Guarded else ()


def inside(sensitivity: Any) -> Any:
    """A sensitivity's plain value, which need not be 0 where its conditions fail."""
    if sensitivity.__class__ is Masked:
        sensitivity = sensitivity.value
    return sensitivity.value if sensitivity.__class__ is Guarded else resolve(sensitivity)


def known_truth(condition: Any) -> bool | None:
    """Whether a condition is decided already: True, False, or None where it differs from point to point."""
    condition = getattr(condition, "_truth", condition)
    if condition.__class__ is int:  # `~` of Python's bools has their truth in its last bit: ~False is -1
        return bool(condition & 1)
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
    p, q = a.__class__, b.__class__
    if p not in _MARKED and q not in _MARKED:
        return a + b
    if p is Masked or q is Masked:
        return _masked_sum(a, b)
    if p is not Guarded and q is not Guarded:
        if q is Negated:
            return Negated(a.value + b.value) if p is Negated else a - b.value
        return b - a.value
    if p is not Guarded or q is not Guarded:
        return resolve(a) + resolve(b)
    if len(a.conditions) == len(b.conditions):
        *outer, last = a.conditions
        if all(p is q for p, q in zip(outer, b.conditions[:-1], strict=True)):
            merged = _merge(tuple(outer), last, a.value, b.conditions[-1], b.value)
            return _masked_sum(a, b) if merged is None else merged
    return _masked_sum(a, b)


def _masked_sum(a: Any, b: Any) -> Any:
    """A sum that is 0 where neither summand counts."""
    total = plus(signed(a), signed(b))
    p, q = guard_of(a), guard_of(b)
    return total if p is None or q is None else Masked(Guard(_either, p, q), total)


def signed(sensitivity: Any) -> Any:
    """A sensitivity's value, with its sign apart."""
    if sensitivity.__class__ is Masked:
        sensitivity = sensitivity.value
    return sensitivity if sensitivity.__class__ is Negated else resolve(sensitivity)


def core(sensitivity: Any) -> Any:
    """The number, expression or array within a sensitivity."""
    found = sensitivity
    while found.__class__ in _MARKED:
        found = found.value
    return found


def _either(p: Any, q: Any) -> Any:
    if p is True or q is True:
        return True
    return p if p is q else q | p if _is_array_before(p, q) else p | q


def _is_array_before(p: Any, q: Any) -> bool:
    """Whether p is an array, and q is the carrier that knows how to meet it."""
    return hasattr(p, "dtype") and getattr(q, "_level", 0) > 0


def guard_of(sensitivity: Any) -> Guard | None:
    """Where a sensitivity counts; None where it counts everywhere."""
    if sensitivity.__class__ is Masked:
        guard: Guard = sensitivity.guard
        return guard
    if sensitivity.__class__ is Guarded:
        return Guard(lambda: joined(sensitivity.conditions))
    return None


def within(change: Callable[[Any], Any], sensitivity: Any, of_condition: Callable[[Any], Any] | None = None) -> Any:
    """A sensitivity with its parts changed: its value, and each condition in the same way or by `of_condition`."""
    on = of_condition or change
    kind = sensitivity.__class__
    if kind is Guarded:
        return Guarded(tuple([on(condition) for condition in sensitivity.conditions]), change(sensitivity.value))
    if kind is Negated:
        return Negated(change(sensitivity.value))
    if kind is Masked:
        moved = Guard(lambda condition: condition if condition is True else on(condition), sensitivity.guard)
        return Masked(moved, within(change, sensitivity.value, on))
    return change(sensitivity)


def _merge(outer: tuple[Any, ...], last: Any, a: Any, other: Any, b: Any) -> Any:
    if last is other:
        return Guarded((*outer, last), a + b)
    if is_complement(last, other):
        value = where(last, a, b)
        return Guarded(outer, value) if outer else value
    return None


def is_complement(a: Any, b: Any) -> bool:
    """Whether one of two conditions is, as built, the negation of the other."""
    return any(getattr(p, "primitive", None) is logical_not and p.operands[0] is q for p, q in ((a, b), (b, a)))


def joined(conditions: Sequence[Any]) -> Any:
    """The condition that all of several hold."""
    result = conditions[0]
    for condition in conditions[1:]:
        result = condition & result if _is_array_before(result, condition) else result & condition
    return result


def resolve(sensitivity: Any) -> Any:
    """A sensitivity at an output: a plain value, or None."""
    if sensitivity.__class__ is Masked:
        sensitivity = sensitivity.value
    if sensitivity.__class__ is Negated:
        return -sensitivity.value
    if sensitivity.__class__ is Guarded:
        return where(joined(sensitivity.conditions), sensitivity.value, 0)
    return sensitivity
