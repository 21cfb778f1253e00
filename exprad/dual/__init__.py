"""Dual numbers: a value and its derivative in one direction, computed together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from inspect import signature
from itertools import count
from typing import Any

from exprad.arrays import as_operand, broadcast_to, getitem
from exprad.arrays.operands import as_numbers
from exprad.carrier import OfDualNumber
from exprad.chain import pushforward, resolve
from exprad.errors import ArgumentError, OperandError, refuse_masked
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


def derivative(function: Callable[..., Any], point: Any, order: int = 1) -> Any:
    """The derivative of a Python function of one number, by dual numbers.

    >>> derivative(lambda x: x**3, 2.0), derivative(lambda x: x**3, 2.0, order=2)
    (12.0, 12.0)
    """
    _refuse_several(function, "derivative", "a number", "derivative(lambda a: f(a, b), a)")
    if order == 0:
        return function(point)
    if order > 1:
        return derivative(lambda x: derivative(function, x, order - 1), point)
    seed = dual(as_operand(point), 1)
    return part(function(seed), seed._level)


def gradient(function: Callable[..., Any], point: Any) -> list[Any]:
    """The partial derivatives of a Python function of a sequence of numbers, by dual numbers.

    The function is handed what `point` is: a list of numbers, one of them a dual number, or a dual number of arrays.

    >>> gradient(lambda p: p[0] ** 2 * p[1], [3.0, 4.0])
    [24.0, 9.0]
    """
    _refuse_several(function, "gradient", "the point as a sequence of numbers", "gradient(lambda p: f(*p), [a, b])")
    return [part(function(seeded), level) for seeded, level in _seeds(point, "gradient")]


def hessian(function: Callable[..., Any], point: Any) -> list[list[Any]]:
    """The second derivatives of a Python function of a sequence of numbers, by nested dual numbers.

    >>> hessian(lambda p: p[0] ** 2 * p[1], [3.0, 4.0])
    [[8.0, 6.0], [6.0, 0]]
    """
    _refuse_several(function, "hessian", "the point as a sequence of numbers", "hessian(lambda p: f(*p), [a, b])")
    return [[part(slope, level) for slope in gradient(function, seeded)] for seeded, level in _seeds(point, "hessian")]


def _refuse_several(function: Callable[..., Any], operator: str, handed: str, advice: str) -> None:
    """A function that needs several arguments would get one."""
    code = getattr(function, "__code__", None)
    if code is None or code.co_argcount < 2:
        return
    needed = [
        each.name
        for each in signature(function).parameters.values()
        if each.default is each.empty and each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(needed) > 1:
        raise ArgumentError(
            f"{operator} hands the function one argument, {handed}, and this one needs {len(needed)}: "
            f"{', '.join(needed)}; write {advice}"
        )


def _seeds(point: Any, operator: str) -> Iterator[tuple[Any, int]]:
    """The point, whose coordinates carry the derivative in turn, and the level at which they do."""
    if not getattr(point, "shape", True) or not hasattr(point, "__len__") or isinstance(point, (str, bytes, dict)):
        raise OperandError(
            f"{operator} of a Python function takes the point as a sequence of numbers, got "
            f"{type(point).__name__}: {point!r}; of one number, derivative(function, x)"
        )
    if isinstance(point, DualNumber) or getattr(getattr(point, "dtype", None), "kind", "O") in "iuf":
        yield from _seeds_of_array(point)
        return
    for place, coordinate in enumerate(point):
        seed = dual(coordinate, 1)
        yield _replaced(point, place, seed), seed._level


def _seeds_of_array(point: Any) -> Iterator[tuple[DualNumber, int]]:
    import numpy as np

    if len(point.shape) != 1:
        raise OperandError(f"a point is a sequence of numbers, got an array of shape {point.shape}; ravel it")
    values = point
    while isinstance(values, DualNumber):
        values = values.value
    for unit in np.eye(len(point), dtype=values.dtype if values.dtype.kind == "f" else float):
        seed = dual(point, unit)
        yield seed, seed._level


def _replaced(point: Sequence[Any], index: int, value: Any) -> Any:
    if hasattr(point, "dtype"):
        import numpy as np

        changed = np.array(point, object)
        changed[index] = value
        return changed
    return Coordinates([*point[:index], value, *point[index + 1 :]])


class Coordinates(list[Any]):
    """Numbers, one or more of them dual, in a list which NumPy's functions take as an array."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return getattr(ufunc, method)(*map(_whole, inputs), **options)

    def __array_function__(self, function: Any, types: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        return function(*map(_whole, arguments), **options)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return _whole(self).__array__(dtype, copy)


def _whole(x: Any) -> Any:
    """Coordinates as one dual number of arrays."""
    return as_operand(x) if isinstance(x, Coordinates) else x
