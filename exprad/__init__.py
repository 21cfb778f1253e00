"""exprad differentiates expressions.

Build an expression with ordinary operators, ask it for a derivative, and get another expression.

>>> x, y = variables("x y")
>>> f = x * x * y + y + 2
>>> f.gradient([x, y])
[2*x*y, x**2 + 1]
"""

import builtins as _builtins
from importlib import import_module as _import_module
from typing import TYPE_CHECKING
from typing import Any as _Any

from exprad import elementary as _elementary
from exprad.elementary import *
from exprad.errors import ExpradError
from exprad.expr import Add, Call, Const, Div, Expr, Mul, Neg, Pow, Sub, Var, variables
from exprad.primitive import If, Primitive, table
from exprad.simplify import simplify

if TYPE_CHECKING:
    from exprad.arrays import *
    from exprad.backends.c import to_c
    from exprad.backends.function import Function, compile
    from exprad.certificate import check
    from exprad.dual import DualNumber
    from exprad.evaluation import evaluate
    from exprad.interop.sympy import from_sympy, to_sympy
    from exprad.kink import kinks
    from exprad.matrices import derivative, gradient, hessian, hvp, jacobian, jvp, value_and_gradient, vjp
    from exprad.pictures.dot import to_dot
    from exprad.text.parser import parse
    from exprad.text.printer import to_text
    from exprad.variable import Config, Variable, no_grad, using_config

__version__ = "0.1.0"

Primitive.sealed = True  # from here on, new rows are the user's, and exprad's own names are taken

# Imported when first used, so that `import exprad` stays light.
_LAZY = {
    "arrays": "broadcast_to concatenate cumsum det diag diagonal diff dot einsum expand_dims flip hstack inner inv log_softmax "
    "logdet logsumexp matmul max mean min moveaxis norm outer pad prod ravel repeat reshape roll softmax solve "
    "squeeze stack std sum swapaxes take tensordot tile trace transpose tril triu var vdot vstack",
    "backends.c": "to_c",
    "backends.function": "Function compile",
    "certificate": "check",
    "dual": "DualNumber",
    "evaluation": "evaluate",
    "kink": "kinks",
    "interop.sympy": "from_sympy to_sympy",
    "matrices": "derivative gradient hessian hvp jacobian jvp value_and_gradient vjp",
    "pictures.dot": "to_dot",
    "text.parser": "parse",
    "text.printer": "to_text",
    "variable": "Config Variable no_grad using_config",
}
Primitive.reserved = frozenset(_LAZY["arrays"].split())
_HOMES = {_name: _module for _module, _names in _LAZY.items() for _name in _names.split()}


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'exprad' has no attribute {name!r}")
    value = getattr(_import_module(f"exprad.{_HOMES[name]}"), name)
    globals()[name] = value  # also where a module has the name of its function
    return value


# Every row is public. Names that shadow Python's own are, too, but `from exprad import *` leaves them out.
_rows = [_name for _name, _row in vars(_elementary).items() if isinstance(_row, Primitive)]
_named = [
    "Add",
    "Call",
    "Const",
    "Div",
    "ExpradError",
    "Expr",
    "If",
    "Mul",
    "Neg",
    "Pow",
    "Primitive",
    "Sub",
    "Var",
    "simplify",
    "table",
    "variables",
]
__all__ = sorted(_name for _name in [*_rows, *_named, *_HOMES] if not hasattr(_builtins, _name))  # pyright: ignore[reportUnsupportedDunderAll]  # from the table


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
