"""What methods of arrays do whose arguments differ from those of NumPy's function."""

from __future__ import annotations

from typing import Any

from exprad import arrays


def transpose(x: Any, *axes: Any) -> Any:
    """`x.transpose()`, `x.transpose(1, 0)` and `x.transpose((1, 0))`."""
    return arrays.transpose(x, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)


def reshape(x: Any, *shape: Any) -> Any:
    """`x.reshape(2, 3)` and `x.reshape((2, 3))`."""
    return arrays.reshape(x, shape[0] if len(shape) == 1 else shape)


def reflected_matmul(x: Any, other: Any) -> Any:
    """`other @ x`."""
    return arrays.matmul(other, x)


def of_ufunc(x: Any, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """What a ufunc that found the carrier x among its inputs comes to."""
    return arrays.of_ufunc(ufunc, method, inputs, options)


def of_function(x: Any, function: Any, types: Any, arguments: Any, options: Any) -> Any:
    """What a function that found the carrier x among its arguments comes to."""
    return arrays.dispatched(function, arguments, options)


def elements(x: Any) -> Any:
    """The elements of x along its first axis, one by one."""
    return (arrays.getitem(x, place) for place in range(len(x)))
