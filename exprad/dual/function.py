"""Derivatives of Python functions, which are called on dual numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from inspect import signature
from typing import Any

from exprad.arrays import as_operand
from exprad.dual.dual_number import DualNumber, dual, part
from exprad.errors import ArgumentError, OperandError


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
