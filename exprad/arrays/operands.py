"""What NumPy takes for an array, as an operand: lists, tables of pandas, lists of carriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.errors import OperandError, ShapeError
from exprad.ground.digits import shown
from exprad.ground.shapes import shape_of
from exprad.tensor import joined, reshaped

_LIBRARIES = ("numpy", "torch", "jax", "jaxlib", "cupy", "dask")  # whose arrays are operands as they are


def as_operand(x: Any) -> Any:
    """x as an operand: a list becomes an array, of carriers where it holds some; a table of pandas an array."""
    if hasattr(x, "_level") or x.__class__ in (float, int) or x is None:
        return x
    if isinstance(x, (list, tuple)) and holds_carriers(x):
        parts = [as_operand(each) for each in x]
        check_alike(parts)
        return joined([reshaped(part, (1, *shape_of(part))) for part in parts], 0)
    return as_numbers(x)


def holds_carriers(x: Any) -> bool:
    if isinstance(x, (list, tuple)):
        return any(map(holds_carriers, x))
    return bool(getattr(x, "_level", 0))


def as_numbers(x: Any) -> Any:
    """What is no carrier, as an operand: lists, and tables and columns of pandas, become arrays."""
    if hasattr(x, "tocoo"):
        raise OperandError(
            f"a sparse matrix, {x!r}, meets an operand of exprad in a product, @, alone; elsewhere write .toarray()"
        )
    is_array = hasattr(x, "__array_finalize__") or type(x).__module__.partition(".")[0] in _LIBRARIES  # or a subclass
    is_table = hasattr(x, "__array__") and not is_array
    if not is_table and not isinstance(x, (list, tuple)):
        return x
    import numpy as np

    found = np.asarray(x)
    if found.dtype.kind not in "biufO" or found.dtype == object and any(_is_no_number(each) for each in found.flat):
        raise OperandError(f"a list or a table counts as an array where it holds real numbers, got {shown(x)}")
    return found


def _is_no_number(x: Any) -> bool:
    return x is None or isinstance(x, (str, bytes, complex))


def check_alike(parts: Sequence[Any]) -> None:
    """Raise if arrays that are to be stacked differ in shape."""
    if len(set(map(shape_of, parts))) > 1:
        raise ShapeError(f"stack: all shapes are the same, got {', '.join(str(shape_of(part)) for part in parts)}")
