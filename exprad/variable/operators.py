"""Python's operators and NumPy's ufuncs on Variables."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from exprad.arrays import counterpart
from exprad.arrays import matmul as sparse_product
from exprad.carrier import BINARY, ArrayMethods, is_operand, refuse_modulus
from exprad.errors import OperandError
from exprad.ground.primitive import Primitive
from exprad.numbers import unwrap
from exprad.tensor import matmul
from exprad.variable.recording import NUMBERS, record
from exprad.variable.variable import Variable


def interpret(self: Variable, primitive: Primitive, operands: Sequence[Any]) -> Any:
    """A call that was handed to a Variable."""
    return record(primitive, *[unwrap(operand) for operand in operands])


def of_ufunc(self: Variable, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
    """What a ufunc that found a Variable among its inputs comes to."""
    if options or method != "__call__":
        raise OperandError(_refusal(ufunc, method, options))
    row = _row_of(ufunc)
    if row is None or not all(map(is_operand, inputs)):
        return ArrayMethods.__array_ufunc__(self, ufunc, method, *inputs)
    return row(*inputs)


def _refusal(ufunc: Any, method: str, options: dict[str, Any]) -> str:
    """Why a ufunc does not take a Variable so."""
    if "out" in options:
        return (
            f"np.{ufunc.__name__} can't write what comes of a Variable to an array, which would lose the derivative; "
            f"write .data, as in x.data -= rate * x.grad.data"
        )
    how = f"np.{ufunc.__name__}.{method}" if method != "__call__" else f"np.{ufunc.__name__} with {', '.join(options)}"
    return f"{how} is not offered for a Variable; write it with functions of exprad, or give it x.data"


def _operator(row: Primitive, reflected: bool) -> Any:
    def operator(self: Any, other: Any) -> Any:
        if other.__class__ not in NUMBERS and not isinstance(other, Variable):
            if not is_operand(other) or getattr(other, "_level", 0) > 1:
                return NotImplemented
            if row is _matmul and hasattr(other, "tocoo"):  # a sparse matrix is no operand of a row
                return sparse_product(other, self) if reflected else sparse_product(self, other)
            other = unwrap(other)
        return record(row, other, self) if reflected else record(row, self, other)

    return operator


@cache
def _row_of(ufunc: Any) -> Primitive | None:
    found = _matmul if ufunc is np.matmul else counterpart(ufunc)
    return found if isinstance(found, Primitive) else None


_matmul = matmul.row(2)
for _name, _row in [*BINARY.items(), ("matmul", _matmul)]:
    setattr(Variable, f"__{_name}__", _operator(_row, False))
    setattr(Variable, f"__r{_name}__", _operator(_row, True))
refuse_modulus(Variable)
for _name, _does in {"interpret": interpret, "__array_ufunc__": of_ufunc}.items():
    setattr(Variable, _name, _does)
