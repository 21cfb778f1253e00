"""trace: NumPy's, of a matrix; and the expressions of a Python function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from exprad.arrays.counterparts import trace as of_matrix
from exprad.errors import ArgumentError


def trace(x: Any, *arguments: Any, **options: Any) -> Any:
    """The sum of a diagonal of a matrix; or, of a Python function, the expressions that it computes.

    `trace(a, offset=0, axis1=0, axis2=1)` is NumPy's. `trace(function, *shapes)` calls the function on variables of
    these shapes (a shape is a tuple; left out, all are scalars), called like its parameters, and gives what it returns.
    A function that branches on data can't be traced.

    >>> import numpy as np
    >>> trace(np.eye(3))
    3.0
    >>> trace(lambda v, scale: scale * np.sum(v**2), (3,), ())
    scale*sum(v[3]**2)
    """
    if callable(x) and not hasattr(x, "shape"):
        return _traced(x, *arguments, **options)
    return of_matrix(x, *arguments, **options)


def _traced(function: Callable[..., Any], *shapes: Any) -> Any:
    from exprad.expr import Var

    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    names += [f"{each.name}{place}" for each in parameters if each.kind is each.VAR_POSITIONAL
              for place in range(len(shapes) - len(names))]  # fmt: skip
    if shapes and len(shapes) != len(names):
        raise ArgumentError(f"trace: the function takes {len(names)} arguments {names}, got {len(shapes)} shapes")
    return function(*[Var(name, shape=shape) for name, shape in zip(names, shapes or [()] * len(names), strict=True)])
