"""exprad differentiates expressions.

Build an expression with ordinary operators, ask it for a derivative, and get another expression.

>>> x, y = variables("x y")
>>> f = x * x * y + y + 2
>>> f.gradient([x, y])
[2*x*y, x**2 + 1]
"""

from importlib import import_module as _import_module

from exprad import face as _face
from exprad.errors import ExpradError
from exprad.graph.expr import Add, Call, Const, Div, Expr, Mul, Neg, Pow, Sub, Var, variables
from exprad.graph.simplify import simplify
from exprad.ground import peers as _peers
from exprad.ground.hints import TYPE_CHECKING
from exprad.ground.hints import Any as _Any
from exprad.ground.primitive import If, Primitive, table
from exprad.moved import keep_old_names as _keep_old_names
from exprad.tables import elementary as _elementary
from exprad.tables.elementary import *

if TYPE_CHECKING:
    from exprad.arrays import *
    from exprad.backends.c import to_c
    from exprad.backends.function import Function, compile
    from exprad.derivatives.gradient import derivative, gradient, value_and_gradient
    from exprad.derivatives.hessian import hessian
    from exprad.derivatives.jacobian import jacobian
    from exprad.derivatives.kink import kinks
    from exprad.derivatives.products import hvp, jvp, vjp
    from exprad.dual import DualNumber
    from exprad.graph.evaluation import evaluate
    from exprad.graph.tracing import trace  # type: ignore[assignment]  # NumPy's, and that of a function
    from exprad.insight.certificate import check
    from exprad.interop.sympy import from_sympy, to_sympy
    from exprad.pictures.dot import to_dot
    from exprad.text.parser import parse
    from exprad.text.printer import to_text
    from exprad.traced import Jitted, jit
    from exprad.variable import Config, Variable, no_grad, using_config

_keep_old_names()
__version__ = "0.1.0"

Primitive.sealed = True  # from here on, new rows are the user's, and exprad's own names are taken

# Imported when first used, so that `import exprad` stays light.
_LAZY = {
    "arrays": "broadcast_to concatenate cumsum det diag diagonal diff dot einsum expand_dims flip hstack inner inv log_softmax "
    "logdet logsumexp matmul max mean min moveaxis norm outer pad prod ravel repeat reshape roll softmax solve "
    "squeeze stack std sum swapaxes take tensordot tile transpose tril triu var vdot vstack",
    "backends.c": "to_c",
    "backends.function": "Function compile",
    "insight.certificate": "check",
    "dual": "DualNumber",
    "graph.evaluation": "evaluate",
    "derivatives.gradient": "derivative gradient value_and_gradient",
    "derivatives.hessian": "hessian",
    "derivatives.jacobian": "jacobian",
    "derivatives.kink": "kinks",
    "derivatives.products": "hvp jvp vjp",
    "interop.sympy": "from_sympy to_sympy",
    "pictures.dot": "to_dot",
    "text.parser": "parse",
    "graph.tracing": "trace",
    "text.printer": "to_text",
    "traced": "Jitted jit",
    "variable": "Config Variable no_grad using_config",
}
Primitive.reserved = frozenset([*_LAZY["arrays"].split(), "trace"])
_HOMES = {_name: _module for _module, _names in _LAZY.items() for _name in _names.split()}


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(_told(name))
    value = getattr(_import_module(f"exprad.{_HOMES[name]}"), name)
    globals()[name] = value  # also where a module has the name of its function
    return value


def _told(name: str) -> str:
    """Why there is no such name, and what is called so elsewhere is called here."""
    spelled = (row.name for row in table() if row.is_own and name in (row.numpy, row.sympy, row.mpmath, *row.read))
    found = _peers.PACKAGE.get(name) or next(spelled, None)
    return f"module 'exprad' has no attribute {name!r}" + (f"; here it is {found}" if found else "")


# Every row is public. `from exprad import *` brings those that Python has, too, as NumPy's does.
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
__all__ = sorted({*_rows, *_named, *_HOMES})  # pyright: ignore[reportUnsupportedDunderAll]  # from the table


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
