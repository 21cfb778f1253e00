"""NumPy's functions of arrays, for expressions, Variables, dual numbers and arrays alike.

Signatures are NumPy's. A function brings its arguments into the one form that a row of the second table takes, or is
composed of such rows. NumPy's own functions, called on a carrier, are dispatched here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from exprad import tensor
from exprad.arrays import indexing, parts, products, reductions, shapes
from exprad.arrays.counterparts import ones_like as ones_like
from exprad.arrays.counterparts import trace as trace
from exprad.arrays.counterparts import zeros_like as zeros_like
from exprad.arrays.dispatch import counterpart as counterpart
from exprad.arrays.dispatch import dispatched as dispatched
from exprad.arrays.dispatch import of_ufunc as of_ufunc
from exprad.arrays.indexing import *
from exprad.arrays.operands import as_operand as as_operand
from exprad.arrays.parts import *
from exprad.arrays.products import *
from exprad.arrays.reductions import *
from exprad.arrays.shapes import *

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: each for module in (reductions, shapes, indexing, parts, products)
    for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__ and name[0] != "_"
} | {"trace": trace}  # fmt: skip
SPELLINGS: dict[str, Callable[..., Any]] = {  # as text spells them: operands first, then parameters by name
    **FUNCTIONS, "concatenate": lambda *parts, axis=0: concatenate(parts, axis),
    "stack": lambda *parts, axis=0: stack(parts, axis),
    "einsum": lambda *operands, subscripts: einsum(subscripts, *operands), "cofactor": tensor.cofactor, "astype": tensor.astype,
}  # fmt: skip
