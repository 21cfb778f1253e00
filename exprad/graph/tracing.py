"""trace: NumPy's, of a matrix; and the expressions of a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from copy import copy
from typing import Any

from exprad.arrays.counterparts import trace as of_matrix
from exprad.errors import ArgumentError, NameClashError
from exprad.graph.call import Call
from exprad.graph.leaf import Var
from exprad.ground.traverse import collector_paused, fold

_tracing: ContextVar[frozenset[str]] = ContextVar("tracing", default=frozenset())  # parameters of functions traced now


def trace(x: Any, *arguments: Any, **options: Any) -> Any:
    """The sum of a diagonal of a matrix; or, of a Python function, the expressions that it computes.

    `trace(a, offset=0, axis1=0, axis2=1)` is NumPy's. `trace(function, *shapes)` calls the function on variables of
    these shapes (a shape is a tuple; left out, all are scalars), called like its parameters, and gives what it returns.
    A function that branches on data can't be traced. A variable is its name and shape: a function that uses one that is
    called like a parameter is refused, and so is one traced within another whose parameter has the same name. What it
    returns is expressions, in lists, tuples, dictionaries, object arrays and sparse matrices, and numbers.

    >>> import numpy as np
    >>> trace(np.eye(3))
    3.0
    >>> trace(lambda v, scale: scale * np.sum(v**2), (3,), ())
    scale*sum(v**2)
    """
    if callable(x) and not hasattr(x, "shape"):
        return _traced(x, *arguments, **options)
    return of_matrix(x, *arguments, **options)


def _traced(function: Callable[..., Any], *shapes: Any) -> Any:
    names = _names_of_arguments(function, shapes)
    clashing = _tracing.get().intersection(names)
    if clashing:
        raise NameClashError(
            f"trace within trace: the argument {min(clashing)!r} would be the variable {min(clashing)!r} of "
            "the function that is being traced; call it otherwise"
        )
    sizes: list[Any] = [
        (shape,) if hasattr(shape, "__index__") else tuple(shape) for shape in shapes or [()] * len(names)
    ]
    # The function may hold these already.
    standing = [Var._interned.living(kind) for kind in zip(names, sizes, strict=True)]
    given = [
        Var(name, shape=shape) if node is None else Var.fresh(name, shape=shape)
        for node, name, shape in zip(standing, names, sizes, strict=True)
    ]
    token = _tracing.set(_tracing.get().union(names))
    try:
        found = function(*given)
    finally:
        _tracing.reset(token)
    return renamed(found, {a: b for a, b in zip(given, standing, strict=True) if b is not None})


def _names_of_arguments(function: Callable[..., Any], shapes: Sequence[Any]) -> list[str]:
    """What the arguments are called, those of `*rest` by place."""
    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    names += [
        f"{each.name}{place}"
        for each in parameters
        if each.kind is each.VAR_POSITIONAL
        for place in range(len(shapes) - len(names))
    ]
    if shapes and len(shapes) != len(names):
        raise ArgumentError(f"trace: the function takes {len(names)} arguments {names}, got {len(shapes)} shapes")
    return names


def renamed(found: Any, names: dict[Any, Any]) -> Any:
    """What a function gave, with the variables it was given called like its parameters."""
    outputs = list(expressions_in(found))
    if not outputs or not names:
        return found
    own = set(names.values())

    def visit(node: Any, operands: list[Any]) -> Any:
        if node in own:
            raise NameClashError(
                f"trace: the function uses a variable {node.name!r} beside its parameter of that name; call "
                "one of them otherwise"
            )
        return Call(node.primitive, operands) if operands else names.get(node, node)

    with collector_paused():
        return _replaced(found, iter(fold(outputs, visit)))


def expressions_in(found: Any) -> Iterator[Any]:
    """The expressions in what a function gave: in lists, tuples, dictionaries, object arrays and sparse matrices."""
    if hasattr(found, "_operands"):
        yield found
    elif isinstance(found, (list, tuple, dict)):
        for each in found.values() if isinstance(found, dict) else found:
            yield from expressions_in(each)
    elif getattr(found, "dtype", None) == object:
        yield from expressions_in(found.ravel().tolist())
    elif hasattr(found, "indptr"):
        yield from expressions_in(found.data)


def _replaced(found: Any, others: Iterator[Any]) -> Any:
    """The same structure with other expressions, in order."""
    if hasattr(found, "_operands"):
        return next(others)
    if isinstance(found, dict):
        return type(found)((key, _replaced(each, others)) for key, each in found.items())
    if isinstance(found, (list, tuple)):
        parts = [_replaced(each, others) for each in found]
        return type(found)(*parts) if hasattr(found, "_fields") else type(found)(parts)
    if getattr(found, "dtype", None) == object:
        changed = found.copy()
        changed.flat = [_replaced(each, others) for each in found.ravel().tolist()]
        return changed
    if hasattr(found, "indptr"):
        changed = copy(found)
        changed.data = _replaced(found.data, others)
        return changed
    return found
