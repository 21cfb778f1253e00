"""A row on arrays of a library with an array-API namespace: CuPy, JAX, PyTorch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from exprad.errors import UnsupportedError
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.spelling import found_at
from exprad.numbers.number import as_float, by_formula


def of_library(row: Primitive, operands: Sequence[Any], deciding: Any) -> Any:
    """Arrays of a library with an array-API namespace: CuPy, JAX, PyTorch."""
    if row.is_composed:
        return by_formula(row, operands)
    namespace = namespace_of(deciding)
    function = function_of(namespace, row)
    if function is None and row.formula is not None:
        return by_formula(row, operands)
    if function is None:
        raise UnsupportedError(
            f"{namespace.__name__} has no function for {row.name}; spell it for {_target(namespace)!r}"
        )
    return function(*[_in_library(namespace, x, operands) for x in operands])


def _target(namespace: Any) -> str:
    library = namespace.__name__.split(".")[0]
    return library if library in ("jax", "torch") else "array"


@cache
def function_of(namespace: Any, row: Primitive) -> Callable[..., Any] | None:
    """A row's function in a library of arrays; None where it has none. Older libraries call it as NumPy does."""
    spelled = row.spelling(_target(namespace))
    if spelled is None or callable(spelled):
        return spelled and of_truths(row, spelled)
    if ":" in spelled:
        return of_truths(row, found_at(spelled))
    for name in (spelled, row.numpy):
        if isinstance(name, str) and hasattr(namespace, name):
            return of_truths(row, getattr(namespace, name))
    return None


def of_truths(row: Primitive, function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of truth values, where the row's operands are conditions, which may be given as numbers."""
    if not row.truths:
        return function
    return lambda *xs: function(*[_truth(x) if place in row.truths else x for place, x in enumerate(xs)])


def _truth(x: Any) -> Any:
    return x if "bool" in str(getattr(x, "dtype", "bool")) else x != 0


def _in_library(namespace: Any, value: Any, operands: Sequence[Any]) -> Any:
    """A plain number as an array of the numbers' dtype."""
    if hasattr(value, "dtype") or isinstance(value, bool):
        return value if hasattr(value, "dtype") else namespace.asarray(value)
    kinds = [x.dtype for x in operands if hasattr(x, "dtype") and "bool" not in str(x.dtype)]
    return namespace.asarray(as_float(value), dtype=kinds[0]) if kinds else namespace.asarray(as_float(value))


def like(value: Any, arrays: Sequence[Any]) -> Any:
    """A plain number as an array of the library and the dtype of arrays."""
    return _in_library(namespace_of(arrays[0]), value, arrays)


def broadcast(value: Any, shape: Shape) -> Any:
    """An array of any library stretched to a shape."""
    return namespace_of(value).broadcast_to(value, shape)


def namespace_of(array: Any) -> Any:
    if type(array).__module__.startswith("numpy"):
        return import_module("numpy")
    if hasattr(array, "__array_namespace__"):
        return array.__array_namespace__()
    return sys.modules[type(array).__module__.split(".")[0].replace("jaxlib", "jax.numpy")]
