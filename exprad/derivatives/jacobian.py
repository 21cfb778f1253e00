"""The derivatives of several expressions, or of arrays, by several variables: jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.derivatives import one_sided
from exprad.derivatives.arguments import check_present, of_function
from exprad.derivatives.blocks import blocks, edge
from exprad.derivatives.compression import sparse_jacobian
from exprad.derivatives.kink import with_kinks
from exprad.derivatives.wrt import Wrt
from exprad.forward.columns import columns
from exprad.graph.expr import Expr, Var, expression


def jacobian(fs: Any, wrt: Any = None, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The derivatives of expressions by variables: of an expression by a variable, of shape f.shape + x.shape.

    Of a sequence of expressions, a list of rows; each row has the structure of `wrt` (see `gradient`). Forward mode where
    there are fewer variables than expressions, or elements of them, else reverse. With `sparse=True`, a
    `SparseMatrix`: a row for each element of the expressions, a column for each of the variables, and only those
    elements that may not be 0, from as few passes as there are colours. Of a function that `jit` made, see `gradient`.

    >>> from exprad import Var, variables
    >>> x, y = variables("x y")
    >>> jacobian([x * y, x + y], [x, y])
    [[y, x], [1, 1]]
    >>> v = Var("v", shape=(3,))
    >>> jacobian(v[1:] * v[:-1], v, sparse=True).evaluate(v=[1.0, 2.0, 3.0]).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    if hasattr(fs, "derived"):
        return of_function("jacobian", fs, wrt, strict or sparse, kink)
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    by = Wrt(wrt, outputs)
    check_present(outputs, by.variables, strict)
    side = kink if one_sided.is_asked(outputs, kink) else None
    outputs = outputs if side else [with_kinks(f, kink) for f in outputs]
    if sparse:
        return sparse_jacobian(outputs, by.variables, side=side)
    rows = one_sided.jacobian(outputs, by.variables, kink) if side else _rows(outputs, by.variables)
    found = [by.like(row) for row in rows]
    return found[0] if isinstance(fs, Expr) else found


def _rows(outputs: Sequence[Expr], inputs: Sequence[Var]) -> list[list[Expr]]:
    """For each expression, the derivative by each variable; of scalars by fewer scalars in forward mode."""
    if any(x.shape for x in (*outputs, *inputs)) or len(inputs) >= len(outputs):
        return [blocks(f, inputs) for f in outputs]
    found = list(columns(outputs, inputs))
    return [[edge(column[i], ()) for column in found] for i in range(len(outputs))]
