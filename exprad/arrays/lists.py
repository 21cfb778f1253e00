"""Lists count as arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from exprad.arrays.operands import as_operand

F = TypeVar("F", bound=Callable[..., Any])


def of_lists(function: F) -> F:
    """A function of arrays, called x, a and b and its first, that takes lists for them."""
    count = [name in ("x", "a", "b") for name in (*function.__code__.co_varnames, "")].index(False)

    @wraps(function)
    def call(*operands: Any, **options: Any) -> Any:
        for operand in operands[:count]:
            if isinstance(operand, (list, tuple)):
                return function(*map(as_operand, operands[:count]), *operands[count:], **options)
        return function(*operands, **options)

    return cast("F", call)
