"""Sparse matrices of derivatives from few passes: columns that have no row in common share one (see `colouring`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.arrays import stack
from exprad.derivatives import one_sided
from exprad.derivatives.blocks import edge
from exprad.derivatives.colouring import colours, rows_of
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.derivatives.sparsity import pattern, pattern_of_scalars
from exprad.errors import ShapeError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, object_array
from exprad.reverse import adjoints


def sparse_jacobian(outputs: Sequence[Expr], inputs: Sequence[Var], is_symmetric: bool = False,
                     side: str | None = None) -> SparseMatrix:  # fmt: skip
    """The matrix by colours of its columns or, where those are fewer, of its rows; by columns alone on one side."""
    is_scalar = not any(x.shape for x in (*outputs, *inputs))
    if not is_scalar and (len(outputs) > 1 or len(inputs) > 1):
        raise ShapeError(
            "a sparse matrix takes one expression and one variable with shapes, or scalar ones; stack them"
        )
    found = pattern_of_scalars(outputs, inputs) if is_scalar else pattern(outputs[0], inputs[0])
    found.sum_duplicates()
    columns = colours(found if side is None else one_sided.beside(found, outputs, inputs))
    rows = None if is_symmetric or side else colours(found.T.tocsr())
    by_rows = rows is not None and rows.max(initial=0) < columns.max(initial=0)
    row_of, column_of = rows_of(found), found.indices
    colour = rows[row_of] if by_rows and rows is not None else columns[column_of]
    place = column_of if by_rows else row_of
    passes = _passes(outputs, inputs, rows if by_rows else columns, by_rows, side)
    if is_scalar:
        data: Any = object_array([passes[c][i] for c, i in zip(colour.tolist(), place.tolist(), strict=True)])
    else:
        flat = [each[0].ravel() for each in passes]
        data = flat[0][place] if len(flat) == 1 else stack(flat)[colour, place]
    return SparseMatrix(data, found.indices, found.indptr, found.shape)


def _passes(outputs: Sequence[Expr], inputs: Sequence[Var], colour: Any, by_rows: bool, side: str | None) -> list[Any]:
    """For each colour, the tangent of the outputs in the direction of all its columns, or the adjoint of all its rows."""
    found: list[Any] = []
    ends = outputs if by_rows else inputs
    others = inputs if by_rows else outputs
    for each in range(int(colour.max(initial=-1)) + 1):
        mask = colour == each
        if ends[0].shape:
            seeds: dict[Any, Any] = {ends[0]: Const(mask.reshape(ends[0].shape).astype(float))}
        else:
            seeds = {end: 1 for end, is_mine in zip(ends, mask.tolist(), strict=True) if is_mine}
        germs = outputs if side is None else one_sided.germs(outputs, seeds, side)
        swept = adjoints(seeds, inputs) if by_rows else tangents(germs, seeds)
        found.append([edge(one, other.shape) for one, other in zip(swept, others, strict=True)])
    return found
