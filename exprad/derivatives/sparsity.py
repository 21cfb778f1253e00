"""Which elements of expressions depend on which elements of a variable.

The pattern is structural: a union over the graph of what each row reads, by boolean sparse products.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import accumulate
from math import prod
from operator import attrgetter
from typing import Any

from exprad.derivatives.sparse_matrix import scipy_sparse
from exprad.errors import ArgumentError
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr, Var
from exprad.ground.shapes import Shape
from exprad.ground.traverse import postorder
from exprad.tensor import of_numpy

_shape = attrgetter("shape")
MOST_STORED = 200_000_000  # elements of a pattern; a matrix with more is not sparse


def pattern(f: Expr, wrt: Var) -> Any:
    """A boolean `scipy.sparse.csr_array`: a row for each element of f, a column for each of `wrt`, in order."""
    sparse = scipy_sparse()
    width = wrt.size
    start = {wrt: sparse.eye_array(width, dtype=bool, format="csr")}
    (found,) = _patterns(sparse, [f], start, width, is_of_values=False)
    return sparse.csr_array((f.size, width), dtype=bool) if found is None else found


def pattern_of_values(nodes: Sequence[Expr], wrt: Sequence[Var]) -> Any:
    """A row for each element of the nodes, a column for each of all variables: whether the value may depend on it."""
    sparse = scipy_sparse()
    width = sum(x.size for x in wrt)
    starts = accumulate([x.size for x in wrt], initial=0)
    start = {
        x: sparse.eye_array(x.size, width, k=k, dtype=bool, format="csr") for x, k in zip(wrt, starts, strict=False)
    }
    found = _patterns(sparse, nodes, start, width, is_of_values=True)
    return sparse.vstack([each for each in found if each is not None], format="csr")


def _patterns(
    sparse: Any, outputs: Sequence[Expr], start: Mapping[Any, Any], width: int, is_of_values: bool
) -> list[Any]:
    """The pattern of each output, from those of the variables: of values, or of derivatives, which are 0 where a value jumps."""
    found = dict(start)
    for node in postorder(outputs):
        operands = node._operands
        if not operands:
            continue
        row, mine = node.primitive, None
        if row.partials is None:
            given = list(map(found.get, operands))
            mine = _through(sparse, node, given, width) if given.count(None) < len(given) else None
        else:
            for operand, partial in zip(operands, row.partials):  # noqa: B905  # as long by construction
                each = found.get(operand)
                if each is not None and (is_of_values or partial != 0):
                    each = each if operand.shape == node.shape else _spread(each, operand.shape, node.shape)
                    mine = each if mine is None or mine is each else _bounded(mine + each)
        if mine is not None:
            found[node] = mine
    return [found.get(output) for output in outputs]


def _bounded(found: Any) -> Any:
    if found.nnz > MOST_STORED:
        raise ArgumentError(f"the matrix has more than {MOST_STORED} elements that may not be 0: it is not sparse")
    return found


def _union(a: Any, b: Any) -> Any:
    """The elements of either; what is the same is found without a look inside."""
    return a if a is b else _bounded(a + b)


def _spread(found: Any, have: Shape, shape: Shape) -> Any:
    """The pattern of an operand that broadcasts."""
    import numpy as np

    return _picked(found, np.broadcast_to(_numbers(have), shape))


def _numbers(shape: Shape) -> Any:
    import numpy as np

    return np.arange(prod(shape)).reshape(shape)


def _picked(found: Any, places: Any) -> Any:
    """Rows of a pattern, in the order of `places`; a range of them is no copy of each."""
    flat = places.ravel()
    if flat.size and flat[-1] - flat[0] == flat.size - 1 and (flat[1:] - flat[:-1] == 1).all():
        return found[int(flat[0]) : int(flat[-1]) + 1]
    count = int((found.indptr[1:] - found.indptr[:-1])[flat].sum())
    if count > MOST_STORED:
        raise ArgumentError(f"the matrix has more than {MOST_STORED} elements that may not be 0: it is not sparse")
    return found[flat]


def _through(sparse: Any, node: Any, operands: Sequence[Any], width: int) -> Any:
    """The pattern after a row of the second table."""
    row, shapes = node.primitive, list(map(_shape, node._operands))
    reads = row.family.reads
    if reads == "moves":
        if len(shapes) == 1:
            return _picked(operands[0], row.numpy(_numbers(shapes[0])))
        return _picked(*_side_by_side(sparse, row, operands, shapes, width))
    if reads == "scatters":
        places = _numbers(node.shape)[of_numpy(row.parameters["index"])].ravel()
        return _scattered(sparse, operands[0], places, node.size)
    if reads == "group":
        return _product(_grouped(sparse, row, shapes[0], node.shape), operands[0])
    if reads == "contracts" and None in operands and max(map(len, shapes)) <= 2:
        return _product(_factor(sparse, node, operands), operands[0] if operands[1] is None else operands[1])
    found = [_product(sparse.csr_array([[True] * each.shape[0]]), each) for each in operands if each is not None]
    return _picked(reduce(_union, found), _numbers(()).repeat(node.size))


def _side_by_side(
    sparse: Any, row: Any, operands: Sequence[Any], shapes: Sequence[Shape], width: int
) -> tuple[Any, Any]:
    """The patterns of several operands below one another, and from where in them the row takes its elements."""
    numbers, parts, start = [], [], 0
    for found, shape in zip(operands, shapes, strict=True):
        parts.append(sparse.csr_array((prod(shape), width), dtype=bool) if found is None else found)
        numbers.append(_numbers(shape) + start)
        start += prod(shape)
    return sparse.vstack(parts, format="csr"), row.numpy(*numbers)


def _product(a: Any, b: Any) -> Any:
    return _bounded((a @ b).astype(bool))


def _scattered(sparse: Any, found: Any, places: Any, size: int) -> Any:
    """The pattern of an array of zeros to which elements are added at places; where these ascend, its rows in other places."""
    import numpy as np

    if (places[1:] > places[:-1]).all():
        counts = np.zeros(size + 1, found.indptr.dtype)
        counts[places + 1] = found.indptr[1:] - found.indptr[:-1]
        return sparse.csr_array(
            (found.data, found.indices, counts.cumsum(dtype=counts.dtype)), shape=(size, found.shape[1])
        )
    by_element = (np.ones(places.size, bool), (places, np.arange(places.size)))
    return _product(sparse.csr_array(by_element, shape=(size, places.size)), found)


def _grouped(sparse: Any, row: Any, shape: Shape, result: Shape) -> Any:
    """The matrix of a reduction: each group by its elements."""
    import numpy as np

    axis = row.parameters["axis"]
    axes = range(len(shape)) if axis is None else axis
    kept = tuple(1 if place in axes else size for place, size in enumerate(shape))
    group = np.broadcast_to(_numbers(kept), shape).ravel()
    return sparse.csr_array(
        (np.ones(group.size, bool), (group, np.arange(group.size))), shape=(prod(result), group.size)
    )


def _factor(sparse: Any, node: Any, operands: Sequence[Any]) -> Any:
    """A product with a matrix that does not depend on the variable, as the matrix that takes all elements."""
    import numpy as np

    a, b = node.operands
    place = 0 if operands[0] is None else 1
    fixed = node.operands[place]
    numbers = np.ones(fixed.shape, bool) if fixed.variables else np.asarray(evaluate(fixed)) != 0
    if place == 0:
        rows = sparse.csr_array(np.atleast_2d(numbers))
        return sparse.kron(rows, sparse.eye_array(b.shape[1], dtype=bool), format="csr") if len(b.shape) == 2 else rows
    columns = sparse.csr_array(np.atleast_2d(numbers.T))
    return (
        sparse.kron(sparse.eye_array(a.shape[0], dtype=bool), columns, format="csr") if len(a.shape) == 2 else columns
    )


def pattern_of_scalars(outputs: Sequence[Expr], wrt: Sequence[Var]) -> Any:
    """The pattern of scalar expressions by scalar variables: those that each expression holds."""
    import numpy as np

    sparse = scipy_sparse()
    column = {variable: place for place, variable in enumerate(wrt)}
    rows = [sorted(column[each] for each in f.variables if each in column) for f in outputs]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    indices = np.array([place for row in rows for place in row], np.int32)
    return sparse.csr_array((np.ones(len(indices), bool), indices, indptr), shape=(len(outputs), len(wrt)))
