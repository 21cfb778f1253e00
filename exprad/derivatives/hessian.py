"""The second derivatives of a scalar expression: hessian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.arrays import stack
from exprad.derivatives import one_sided
from exprad.derivatives.arguments import check_present, is_function, of_function, scalar
from exprad.derivatives.blocks import blocks, edge
from exprad.derivatives.colouring import rows_of
from exprad.derivatives.compression import sparse_jacobian
from exprad.derivatives.gradient import slopes_of_all_sides
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.derivatives.wrt import Wrt
from exprad.forward.columns import columns
from exprad.graph.expr import Const, Expr, Var, object_array


def hessian(f: Any, wrt: Any = None, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The second derivatives of a scalar expression: forward mode over the reverse-mode gradient.

    By a variable with a shape, of shape x.shape + x.shape; by a sequence of variables, a list of rows; by a dict, a dict
    of dicts (see `gradient`). With `sparse=True`, a `SparseMatrix` of those elements that may not be 0. `f` may be a
    Python function of a sequence of numbers; `wrt` is then the point, and dual numbers are used.
    Of one that `jit` made, see `gradient`.

    >>> from exprad import Var, variables
    >>> x, y = variables("x y")
    >>> hessian(x * x * y, [x, y])
    [[2*y, 2*x], [2*x, 0]]
    >>> v = Var("v", shape=(3,))
    >>> hessian((v[1:] * v[:-1] ** 2).sum(), v, sparse=True).evaluate(v=[1.0, 2.0, 3.0]).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    if is_function(f):
        return of_function("hessian", f, wrt, strict or sparse, kink)
    f = scalar(f, "hessian")
    by = Wrt(wrt, [f])
    check_present([f], by.variables, strict)
    is_sided = one_sided.is_asked([f], kink)
    if sparse:
        found = _sparse_one_sided if is_sided else _sparse
        return found(f, by.variables, kink)
    rows = (one_sided.hessian if is_sided else _rows)(f, by.variables, kink)
    return by.like([by.like(row) for row in rows])


def _rows(f: Expr, inputs: Sequence[Var], kink: str) -> list[list[Expr]]:
    """The derivatives of the gradient, by rows: of scalars, each once for both places."""
    gradient = slopes_of_all_sides(f, inputs, kink)
    if any(x.shape for x in inputs):
        return [blocks(slope, inputs) for slope in gradient]
    rows: list[list[Expr]] = [[Const(0)] * len(gradient) for _ in gradient]
    for j, column in enumerate(columns(gradient, inputs, is_symmetric=True)):
        for i, entry in enumerate(column[j:], j):
            if entry is not None:
                rows[i][j] = rows[j][i] = edge(entry, ())
    return rows


def _sparse(f: Expr, inputs: Sequence[Var], kink: str) -> SparseMatrix:
    return sparse_jacobian(slopes_of_all_sides(f, inputs, kink), inputs, is_symmetric=True)


def _sparse_one_sided(f: Expr, inputs: Sequence[Var], kink: str) -> SparseMatrix:
    """The matrix of a smooth germ where one serves all elements; else element by element."""
    shared = one_sided.passes([f], inputs)
    if len(shared) < 2:
        return sparse_jacobian(one_sided.smooth_slopes(f, inputs, kink, shared), inputs, is_symmetric=True)
    matrix = _sparse(f, inputs, "mean")
    found = dict(one_sided.entries(f, inputs, kink, shared))
    places = zip(rows_of(matrix).tolist(), matrix.indices.tolist(), strict=True)
    data: Any = [found[place] for place in places]
    data = stack(data) if inputs[0].shape and data else object_array(data)
    return SparseMatrix(data, matrix.indices, matrix.indptr, matrix.shape)
