"""What SciPy's solvers take, compiled: keyword arguments to pass on as they are.

>>> from exprad import variables
>>> x, y = variables("x y")
>>> from scipy.optimize import minimize
>>> problem = minimize_arguments((x - 1) ** 2 + 100 * (y - x**2) ** 2, [x, y], second="hess")
>>> [round(value, 4) for value in minimize(x0=[-1.0, 2.0], method="trust-exact", **problem).x.tolist()]
[1.0, 1.0]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from exprad.backends.function import Function, compile
from exprad.derivatives.gradient import gradient
from exprad.derivatives.jacobian import jacobian
from exprad.derivatives.products import hvp
from exprad.errors import ArgumentError, extra
from exprad.graph.expr import Expr, Var, expression, object_array

try:
    from scipy import sparse as _sparse
except ImportError:
    raise extra("scipy", "scipy", "exprad.interop.scipy") from None


def minimize_arguments(
    f: Any, wrt: Sequence[Var], *, second: str | None = None, sparse: bool = False, backend: str = "auto"
) -> dict[str, Any]:
    """`fun` and `jac` of `scipy.optimize.minimize` for a scalar expression, the value and the gradient in one call.

    With `second="hess"` also `hess`, as a sparse matrix where `sparse` is set (trust-constr takes one), and with
    `second="hessp"` the product of the Hessian and a vector, without the Hessian. Leave it out for methods of first
    order, for SciPy warns of what it does not use.
    """
    x, slope = object_array(wrt), gradient(f, list(wrt))
    arguments: dict[str, Any] = {"fun": compile((f, object_array(slope)), [x], backend=backend), "jac": True}
    if second == "hess":
        arguments["hess"] = _jacobian(slope, wrt, sparse, backend)
    elif second == "hessp":
        direction = [Var.fresh("direction") for _ in wrt]
        arguments["hessp"] = compile(
            object_array(hvp(f, list(wrt), direction)), [x, object_array(direction)], backend=backend
        )
    elif second is not None:
        raise ArgumentError(f"second must be 'hess', 'hessp' or None, got {second!r}")
    return arguments


def least_squares_arguments(
    residuals: Sequence[Any], wrt: Sequence[Var], *, sparse: bool = False, backend: str = "auto"
) -> dict[str, Any]:
    """`fun` and `jac` of `scipy.optimize.least_squares` for residuals; `jac` gives a sparse matrix on request.

    >>> from exprad import variables
    >>> a, b = variables("a b")
    >>> from scipy.optimize import least_squares
    >>> fit = least_squares(x0=[0.0, 0.0], **least_squares_arguments([a + b - 3, a - b - 1, 2 * a - 4], [a, b]))
    >>> fit.x.round(6).tolist()
    [2.0, 1.0]
    """
    outputs = [expression(each) for each in residuals]
    return {
        "fun": compile(object_array(outputs), [object_array(wrt)], backend=backend),
        "jac": _jacobian(outputs, wrt, sparse, backend),
    }


def root_arguments(equations: Sequence[Any], wrt: Sequence[Var], *, backend: str = "auto") -> dict[str, Any]:
    """`fun` and `jac` of `scipy.optimize.root` for as many equations as variables, both in one call.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> from scipy.optimize import root
    >>> root(x0=[1.0, 2.0], **root_arguments([x * y - 6, x + y - 5], [x, y])).x.round(6).tolist()
    [3.0, 2.0]
    """
    if len(equations) != len(wrt):
        raise ArgumentError(f"root needs as many equations as variables: {len(equations)} and {len(wrt)}")
    outputs = [expression(each) for each in equations]
    slopes = object_array(_flat(jacobian(outputs, list(wrt))), (len(outputs), len(wrt)))
    return {"fun": compile((object_array(outputs), slopes), [object_array(wrt)], backend=backend), "jac": True}


def solve_ivp_arguments(
    rates: Sequence[Any], time: Var, state: Sequence[Var], *, sparse: bool = False, backend: str = "auto"
) -> dict[str, Any]:
    """`fun` and `jac` of `scipy.integrate.solve_ivp` for the rates of change of a state; implicit methods use `jac`.

    >>> from exprad import variables
    >>> t, u = variables("t u")
    >>> from scipy.integrate import solve_ivp
    >>> problem = solve_ivp_arguments([-50 * (u - t)], t, [u])
    >>> round(float(solve_ivp(t_span=(0, 1), y0=[1.0], method="BDF", rtol=1e-8, **problem).y[0, -1]), 4)
    0.98
    """
    if len(rates) != len(state):
        raise ArgumentError(f"each variable of the state needs a rate: {len(rates)} rates, {len(state)} variables")
    outputs = [expression(each) for each in rates]
    return {
        "fun": compile(object_array(outputs), [time, object_array(state)], backend=backend),
        "jac": _jacobian(outputs, state, sparse, backend, [time]),
    }


def _jacobian(
    outputs: Sequence[Expr], wrt: Sequence[Var], sparse: bool, backend: str, before: Sequence[Var] = ()
) -> Callable[..., Any]:
    inputs = [*before, object_array(wrt)]
    if not sparse:
        return compile(
            object_array(_flat(jacobian(outputs, list(wrt))), (len(outputs), len(wrt))), inputs, backend=backend
        )
    place = {variable: index for index, variable in enumerate(wrt)}
    entries: list[Expr] = []
    columns: list[int] = []
    starts = [0]
    for output in outputs:
        held = [variable for variable in output.variables if variable in place]
        entries += gradient(output, held)
        columns += [place[variable] for variable in held]
        starts.append(len(entries))
    return SparseJacobian(compile(object_array(entries), inputs, backend=backend), columns, starts, len(wrt))


class SparseJacobian:
    """A function that gives a Jacobian in compressed rows: the entries that can differ from 0 are computed."""

    def __init__(self, entries: Function, columns: Sequence[int], starts: Sequence[int], width: int) -> None:
        self.entries, self.shape = entries, (len(starts) - 1, width)
        self.columns, self.starts = np.array(columns, np.int32), np.array(starts, np.int32)

    def __call__(self, *arguments: Any) -> Any:
        return _sparse.csr_array((self.entries(*arguments), self.columns, self.starts), shape=self.shape)


def _flat(rows: Sequence[Sequence[Any]]) -> list[Any]:
    return [entry for row in rows for entry in row]
