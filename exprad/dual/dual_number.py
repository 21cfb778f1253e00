"""Dual numbers: a value and its derivative in one direction, computed together."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import count
from typing import Any

from exprad.arrays import broadcast_to, getitem
from exprad.arrays.operands import as_numbers
from exprad.carrier import OfDualNumber
from exprad.chain import pushforward, resolve
from exprad.errors import OperandError, refuse_masked
from exprad.ground import peers
from exprad.ground.digits import digits, rounded
from exprad.ground.primitive import Primitive
from exprad.numbers import Number, unwrap

_fresh_levels = count(1 << 20, 1 << 20)


class DualNumber(OfDualNumber):
    """value + eps ε, with ε**2 = 0. The parts are numbers, arrays, expressions or dual numbers themselves.

    Dual numbers compare by value, so that code which branches on data runs on them.

    >>> x = DualNumber(3.0, 1.0)
    >>> x * x + 2 * x
    15.0 + 8.0ε
    """

    __slots__ = ("_level", "_tangent", "value")
    __array_priority__ = 1000.0
    value: Any
    _level: int

    def __init__(self, value: Any = 0.0, eps: Any = 0.0) -> None:
        for part in (value, eps):
            if part.__class__ is float:
                continue
            refuse_masked(part, "a part of a dual number")
            if isinstance(part, (list, tuple)):
                self.__init__(as_numbers(value), as_numbers(eps))  # type: ignore[misc]  # of arrays, by its own class
                return
            if isinstance(part, (str, bytes, complex)) or part is None:
                raise OperandError(
                    f"a part of a dual number must be a real number, got {type(part).__name__}: {part!r}"
                )
        self._set(value, None if _is_zero(eps) else eps, 1 + max(1, _level(value), _level(eps)))

    def _set(self, value: Any, tangent: Any, level: int) -> None:
        self.value, self._tangent, self._level = value, tangent, level

    @classmethod
    def _at(cls, value: Any, tangent: Any, level: int) -> DualNumber:
        dual = cls.__new__(cls)
        dual._set(value, tangent, level)
        return dual

    @property
    def eps(self) -> Any:
        """The derivative part; 0 where nothing flows."""
        eps = unwrap(resolve(self._tangent))
        if eps is None:
            kind = getattr(self.value, "dtype", None)
            is_float = isinstance(self.value, float) or getattr(kind, "kind", "") == "f"
            eps = kind.type(0) if is_float and kind is not None else 0.0 if is_float else 0
        kind = getattr(self.value, "dtype", None)
        if getattr(kind, "kind", "") == "f" and getattr(eps, "dtype", kind) != kind and hasattr(eps, "astype"):
            eps = eps.astype(kind)  # a rule may have met numbers of another type
        shape = getattr(self.value, "shape", ())
        if shape and getattr(eps, "shape", ()) != shape:
            eps = broadcast_to(eps, shape)
        return eps

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(getattr(self.value, "shape", ()))

    def interpret(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        level = self._level
        mine = [getattr(operand, "_level", 0) == level for operand in operands]
        xs = [_wrapped(operand.value if own else operand) for operand, own in zip(operands, mine, strict=True)]
        x_dots = [operand._tangent if own else None for operand, own in zip(operands, mine, strict=True)]
        y = primitive(*xs)
        if primitive.predicate:
            return unwrap(y)
        return DualNumber._at(unwrap(y), pushforward(primitive, y, xs, x_dots), level)

    def _like(self, value: Any) -> DualNumber:
        """A value that nothing flows to, beside this dual number."""
        return DualNumber._at(value, None, self._level)

    @property
    def _numbers(self) -> Any:
        return self.value

    def __len__(self) -> int:
        if not self.shape:
            raise OperandError("a dual number of shape () has no length")
        return self.shape[0]

    def __getitem__(self, index: Any) -> DualNumber:
        return getitem(self, index)

    def __eq__(self, other: object) -> bool:
        theirs = other.value if isinstance(other, DualNumber) else other
        return bool(self.value == theirs)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        raise OperandError(f"a plain number of {self!r} would lose the derivative; use .value")

    __int__ = __index__ = __complex__ = __float__

    def __repr__(self) -> str:
        return format(self)

    def __format__(self, spec: str) -> str:
        """Both parts, each as `spec` says."""
        value, eps = _bracketed(self.value, spec), _bracketed(self.eps, spec)
        return f"{value} - {eps[1:]}ε" if eps.startswith("-") else f"{value} + {eps}ε"


def _bracketed(part: Any, spec: str) -> str:
    text = rounded(part, spec) if spec else digits(part) if isinstance(part, (int, Fraction)) else str(part)
    is_number = isinstance(part, (int, float)) or getattr(part, "shape", None) == () and hasattr(part, "dtype")
    return text if is_number else f"({text})"


peers.told(DualNumber, peers.DUAL)


def _level(part: Any) -> int:
    return getattr(part, "_level", 0)


def _is_zero(eps: Any) -> bool:
    return isinstance(eps, (int, float)) and eps == 0


def _wrapped(part: Any) -> Any:
    return part if _level(part) or part.__class__ is Number else Number(as_numbers(part))


def dual(value: Any, tangent: Any) -> DualNumber:
    """A dual number of a fresh level, that no other derivative can confuse with its own."""
    return DualNumber._at(value, tangent, next(_fresh_levels))


def part(result: Any, level: int) -> Any:
    """The derivative part of a result at `level`: 0 where the result does not depend on the seed."""
    if getattr(result, "_level", 0) == level and isinstance(result, DualNumber):
        return result.eps
    return 0
