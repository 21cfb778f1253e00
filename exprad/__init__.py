"""exprad differentiates expressions.

Build an expression with ordinary operators, ask it for a derivative, and get another expression.

>>> x, y = variables("x y")
>>> f = x * x * y + y + 2
>>> f.gradient([x, y])
[2*x*y, x**2 + 1]
"""

import builtins as _builtins

from exprad import elementary as _elementary
from exprad.check import check
from exprad.dual import DualNumber
from exprad.elementary import *
from exprad.errors import ExpradError
from exprad.evaluation import evaluate
from exprad.expr import Add, Call, Const, Div, Expr, Mul, Neg, Pow, Sub, Var, variables
from exprad.interop.sympy import from_sympy, to_sympy
from exprad.matrices import derivative, gradient, hessian, hvp, jacobian, jvp, kinks, value_and_gradient, vjp
from exprad.pictures.dot import to_dot
from exprad.primitive import If, Primitive, table
from exprad.simplify import simplify
from exprad.tensor import broadcast_to, matmul, reshape, sum, transpose
from exprad.text.parser import parse

__version__ = "0.1.0"

Primitive.sealed = True  # from here on, new rows are the user's, and exprad's own names are taken

# Every row is public. Names that shadow Python's own are, too, but `from exprad import *` leaves them out.
_rows = [_name for _name, _row in vars(_elementary).items() if isinstance(_row, Primitive)]
_named = """Add Call Const Div DualNumber ExpradError Expr If Mul Neg Pow Primitive Sub Var broadcast_to check derivative
    evaluate from_sympy gradient hessian hvp jacobian jvp kinks matmul parse reshape simplify table to_dot to_sympy
    transpose value_and_gradient variables vjp""".split()
__all__ = sorted(_name for _name in [*_rows, *_named] if not hasattr(_builtins, _name))  # pyright: ignore[reportUnsupportedDunderAll]  # from the table
