"""How rows of the second table become loops: their columns `in_rows` and `loops`, which every target that makes loops reads.

`in_rows(*xs, **parameters)` says what a row is in other rows, which are then computed in its place. `loops(to, *xs,
**parameters)` gets views of the operands, which know `broadcast`, `reshaped`, `transposed` and `part`, and gives a view of the
result; what must be computed it asks of `to`, whose methods are `fold`, `accumulate`, `gather`, `scatter`, `copy`, `fill` and
`call` (see `exprad.backends.loops`). A row with neither is computed by its `value`. `retypes` says that numbers change their
type, which no loop does.
"""

from __future__ import annotations

from functools import reduce
from typing import Any

from exprad.ground.shapes import Axes, Shape, shape_of
from exprad.tables import elementary as table
from exprad.tables.elementary import where
from exprad.tensor.linear import (
    Index,
    IndexArray,
    add_at,
    astype,
    axes_of,
    broadcast_to,
    concatenate,
    cumsum,
    getitem,
    of_numpy,
    permuted,
    reduced,
    reshape,
    reshaped,
    stretched,
    sum,
    transpose,
)
from exprad.tensor.matrices import det, einsum, inv, matmul, solve
from exprad.tensor.reductions import log_softmax, logsumexp, max, min, norm, prod, softmax

# Reductions.


def _reduction(row: Any, first: Any) -> Any:
    """The column of a row that reduces axes by a row of two operands, beginning with `first`."""

    def loops(to: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
        axes = axes_of(axis, x.shape)
        return to.fold(row, x, axes, first) if axes else x

    return loops


sum.loops = _reduction(table.add, 0.0)
prod.loops = _reduction(table.mul, 1.0)
max.loops = _reduction(table.maximum, None)
min.loops = _reduction(table.minimum, None)
cumsum.loops = lambda to, x, axis: to.accumulate(x, axis)


def _largest(x: Any, axis: Axes) -> Any:
    """The largest element along axes, which are kept, where that is finite; else 0."""
    top = max(x, axis=axis, keepdims=True)
    return where(abs(top) < float("inf"), top, 0)


def _softmax(x: Any, axis: Axes) -> Any:
    if 0 in shape_of(x):
        return x
    found = table.exp(x - _largest(x, axis))
    return found / sum(found, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Axes) -> Any:
    if 0 in shape_of(x):
        return x
    low = x - _largest(x, axis)
    return low - table.log(sum(table.exp(low), axis=axis, keepdims=True))


def _logsumexp(x: Any, axis: Axes, keepdims: bool) -> Any:
    shape = reduced(shape_of(x), axis, keepdims)
    if 0 in shape_of(x):
        return stretched(-float("inf"), shape)
    top = _largest(x, axis)
    found = table.log(sum(table.exp(x - top), axis=axis, keepdims=True)) + top
    return reshaped(found, shape)


LEAST, MOST = 1e-30, 1e38  # squares between which nothing was lost, in single precision as well


def _norm(x: Any, axis: Axes, keepdims: bool) -> Any:
    shape = reduced(shape_of(x), axis, keepdims)
    if 0 in shape_of(x):
        return stretched(0.0, shape)
    squares = sum(x * x, axis=axis, keepdims=True)
    top = max(abs(x), axis=axis, keepdims=True)
    scale = where((top > 0) & (top < float("inf")), top, 1)
    scaled = table.sqrt(sum((x / scale) ** 2, axis=axis, keepdims=True)) * scale
    found = where((squares > LEAST) & (squares < MOST), table.sqrt(squares), scaled)
    return reshaped(found, shape)


softmax.in_rows, log_softmax.in_rows, logsumexp.in_rows, norm.in_rows = _softmax, _log_softmax, _logsumexp, _norm

# What moves elements.


def _reshaped(to: Any, x: Any, shape: Shape) -> Any:
    found = x.reshaped(shape)
    return to.plain(x).reshaped(shape) if found is None else found


def _part(to: Any, x: Any, index: Index) -> Any:
    has_arrays = IndexArray in map(type, index)
    return to.gather(x, of_numpy(index)) if has_arrays else x.part(of_numpy(index))


def _added(to: Any, x: Any, shape: Shape, index: Index) -> Any:
    whole = to.fill(0.0, to.result())
    if IndexArray in map(type, index):
        return to.scatter(whole, x, of_numpy(index))
    to.copy(x, whole.part(of_numpy(index)))
    return whole


def _joined(to: Any, *xs: Any, axis: int) -> Any:
    whole, start = to.result(), 0
    for x in xs:
        beyond = start + x.shape[axis]
        to.copy(x, whole.part([slice(start, beyond) if i == axis else slice(None) for i in range(len(x.shape))]))
        start = beyond
    return whole


broadcast_to.loops = lambda to, x, shape: x.broadcast(shape)
reshape.loops = _reshaped
transpose.loops = lambda to, x, axes: x.transposed(axes)
getitem.loops, add_at.loops, concatenate.loops = _part, _added, _joined
astype.retypes = True

# Products, and linear algebra.

matmul.loops = lambda to, a, b: to.call(a, b, function="matmul")
inv.loops = lambda to, x: to.call(x, function="inv")
det.loops = lambda to, x: to.call(x, function="det")
solve.loops = lambda to, a, b: to.call(a, b, function="solve")


def _einsum(*xs: Any, subscripts: str) -> Any:
    """One operand after the other: those letters that nobody needs any more are summed over, by products of matrices."""
    given, result = subscripts.split("->")
    operands = list(zip(xs, given.split(","), strict=True))
    x, mine = operands[0]
    for place, (y, theirs) in enumerate(operands[1:], 2):
        needed = result + "".join([letters for _, letters in operands[place:]])
        x, mine = _product(x, mine, y, theirs, needed)
    return permuted(x, tuple([mine.index(letter) for letter in result]))


def _product(x: Any, mine: str, y: Any, theirs: str, needed: str) -> tuple[Any, str]:
    """Two operands of einsum as one, and its letters."""
    shared = [letter for letter in mine if letter in theirs]
    alike, gone = ("".join([each for each in shared if (each in needed) is wanted]) for wanted in (True, False))
    left, right = ("".join([each for each in letters if each not in shared]) for letters in (mine, theirs))
    a, b = _grouped(x, mine, (alike, left, gone)), _grouped(y, theirs, (alike, gone, right))
    sizes = dict(zip(mine + theirs, shape_of(x) + shape_of(y), strict=True))
    letters = alike + left + right
    return reshaped(matmul(a, b), tuple([sizes[letter] for letter in letters])), letters


def _grouped(x: Any, letters: str, groups: tuple[str, ...]) -> Any:
    """The axes in three groups, each of which is one axis then."""
    moved = permuted(x, tuple([letters.index(letter) for group in groups for letter in group]))
    sizes = [[shape_of(x)[letters.index(letter)] for letter in group] for group in groups]
    return reshaped(moved, tuple([reduce(int.__mul__, each, 1) for each in sizes]))


einsum.in_rows = _einsum
