"""Sparse matrices of derivatives from few passes: columns that have no row in common share one (see `colouring`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.derivatives import one_sided
from exprad.derivatives.blocks import edge
from exprad.derivatives.colouring import colours, rows_of
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.derivatives.sparsity import pattern, pattern_of_scalars
from exprad.errors import ShapeError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, object_array
from exprad.reverse import adjoints
from exprad.tensor import IndexArray, getitem, joined, reshaped

AT_ONCE = 2**24  # elements of a tangent in many directions: what is computed with it is as large


def sparse_jacobian(
    outputs: Sequence[Expr], inputs: Sequence[Var], is_symmetric: bool = False, side: str | None = None
) -> SparseMatrix:
    """The matrix by colours of its columns or, where those are fewer, of its rows; by columns alone on one side."""
    is_scalar = not any(x.shape for x in (*outputs, *inputs))
    if not is_scalar and (len(outputs) > 1 or len(inputs) > 1):
        raise ShapeError(
            "a sparse matrix takes one expression and one variable with shapes, or scalar ones; stack them"
        )
    found = pattern_of_scalars(outputs, inputs) if is_scalar else pattern(outputs[0], inputs[0])
    found.sum_duplicates()
    colour = colours(found if side is None else one_sided.beside(found, outputs, inputs))
    rows = colour if is_symmetric or side else colours(found.T.tocsr())
    by_rows = bool(rows.max(initial=0) < colour.max(initial=0))
    own, place = (rows_of(found), found.indices) if by_rows else (found.indices, rows_of(found))
    colour = rows if by_rows else colour
    passes = _passes if is_scalar or side or by_rows else _in_all_directions
    swept = passes(outputs, inputs, colour, by_rows, side)
    data = (
        _of_scalars(swept, colour[own], place)
        if is_scalar
        else _of_arrays(swept, colour[own].astype(int) * found.shape[by_rows] + place)
    )
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


def _in_all_directions(outputs: Sequence[Expr], inputs: Sequence[Var], colour: Any, *_: Any) -> list[Any]:
    """The tangents of one expression for the colours of the columns, many in a pass: of huge arrays, few."""
    import numpy as np

    (f,), (x,) = outputs, inputs
    count = int(colour.max(initial=-1)) + 1
    many = max(1, AT_ONCE // max(f.size, colour.size, 1))
    found: list[Any] = []
    for start in range(0, count or 1, many):
        lead = (min(many, count - start),)
        columns = np.flatnonzero((colour >= start) & (colour < start + many))
        directions = np.zeros((*lead, colour.size))
        directions[colour[columns] - start, columns] = 1
        (swept,) = tangents(outputs, {x: Const(directions.reshape(lead + x.shape))}, lead)
        found.append([edge(swept, lead + f.shape)])
    return found


def _of_scalars(swept: Sequence[Any], colour: Any, place: Any) -> Any:
    """The elements, in order, each in the pass of a colour at a place."""
    return object_array([swept[c][i] for c, i in zip(colour.tolist(), place.tolist(), strict=True)])


def _of_arrays(swept: Sequence[Any], places: Any) -> Any:
    """The elements at places of the passes, one after another."""
    places.setflags(write=False)
    flat = joined([reshaped(one, (one.size,)) for (one,) in swept], 0)
    return getitem(flat, index=(IndexArray(places),))
