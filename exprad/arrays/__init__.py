"""NumPy's functions of arrays, for expressions, Variables, dual numbers and arrays alike.

Signatures are NumPy's. A function brings its arguments into the one form that a row of the second table takes, or is
composed of such rows. NumPy's own functions, called on a carrier, are dispatched here.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Sequence
from typing import Any

from exprad import elementary, tensor
from exprad.arithmetic import is_operand
from exprad.arrays import indexing, parts, products, reductions, shapes, tracing
from exprad.arrays.axes import size_of
from exprad.arrays.indexing import *
from exprad.arrays.parts import *
from exprad.arrays.products import *
from exprad.arrays.reductions import *
from exprad.arrays.shapes import *
from exprad.arrays.tracing import *
from exprad.errors import OperandError
from exprad.primitive import Primitive
from exprad.tensor import shape_of


def zeros_like(x: Any) -> Any:
    """Zeros in the shape of x."""
    import numpy as np

    return np.zeros(shape_of(x), getattr(x, "dtype", float))


def ones_like(x: Any) -> Any:
    """Ones in the shape of x."""
    import numpy as np

    return np.ones(shape_of(x), getattr(x, "dtype", float))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: each for module in (reductions, shapes, indexing, parts, products, tracing)
    for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__ and name[0] != "_"
}  # fmt: skip
SPELLINGS: dict[str, Callable[..., Any]] = {  # as text spells them: operands first, then parameters by name
    **FUNCTIONS, "concatenate": lambda *parts, axis=0: concatenate(parts, axis),
    "stack": lambda *parts, axis=0: stack(parts, axis),
    "einsum": lambda *operands, subscripts: einsum(subscripts, *operands), "cofactor": tensor.cofactor, "astype": tensor.astype,
}  # fmt: skip
_OF_NUMPY: dict[str, Callable[..., Any]] = {
    **FUNCTIONS, "amax": max, "amin": min, "concat": concatenate, "permute_dims": transpose, "matrix_transpose": tensor.swapped,
    "shape": shape_of, "ndim": lambda x: len(shape_of(x)), "size": lambda x: size_of(shape_of(x)), "zeros_like": zeros_like,
    "ones_like": ones_like, "copy": lambda x: x, "vector_norm": norm, "around": elementary.round, "vecdot": inner,
}  # fmt: skip


def dispatched(function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's functions gives on carriers: by this module, or by a row of that name."""
    name = function.__name__
    found = _OF_NUMPY.get(name) or Primitive.registry.get(name) or row_of_ufunc(name)
    if found is None:
        raise OperandError(f"NumPy's {name} is not offered for {_kinds(arguments)}; write it with functions of exprad")
    return found(*arguments, **options)


def _kinds(arguments: Sequence[Any]) -> str:
    return ", ".join(sorted({type(x).__name__ for x in arguments}))


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's ufuncs gives on carriers: an object array goes element by element."""
    if method != "__call__" or options:
        return NotImplemented
    row = matmul if ufunc.__name__ == "matmul" else row_of_ufunc(ufunc.__name__)
    if row is None:
        return NotImplemented
    if builtins.all(is_operand(operand) for operand in inputs):
        return row(*inputs)
    if row is matmul:
        raise OperandError("@ takes an array of numbers or one expression, not an object array of expressions")
    import numpy as np

    return np.frompyfunc(row, len(inputs), 1)(*[_boxed(operand) for operand in inputs])


def _boxed(operand: Any) -> Any:
    import numpy as np

    if not getattr(operand, "_level", 0):
        return operand
    box = np.empty((), object)
    box[()] = operand
    return box


def row_of_ufunc(name: str) -> Primitive | None:
    """The elementwise row that NumPy calls `name`."""
    for row in Primitive.registry.values():
        if row.numpy == name or (row.numpy is None and row.name == name):
            return row
    return _OTHER_UFUNCS.get(name)


_OTHER_UFUNCS = {
    "absolute": elementary.abs, "float_power": elementary.pow, "remainder": elementary.mod,
    "bitwise_and": elementary.logical_and, "bitwise_or": elementary.logical_or, "invert": elementary.logical_not,
}  # fmt: skip  # of conditions
