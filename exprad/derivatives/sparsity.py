"""Which elements of expressions depend on which elements of a variable.

The pattern is structural: a union over the graph of what each row reads, by boolean sparse products.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from math import prod
from typing import Any

from exprad.derivatives.sparse_matrix import scipy_sparse
from exprad.errors import ArgumentError
from exprad.graph.expr import Expr, Var
from exprad.ground.traverse import fold
from exprad.tensor import of_numpy

LARGEST = 200_000_000  # elements of a pattern; a matrix with more is not sparse


def pattern(f: Expr, wrt: Var) -> Any:
    """A boolean `scipy.sparse.csr_array`: a row for each element of f, a column for each of `wrt`, in order."""
    sparse = scipy_sparse()
    width = wrt.size

    def visit(node: Any, operands: list[Any]) -> Any:
        if node is wrt:
            return sparse.eye_array(width, dtype=bool, format="csr")
        if all(operand is None for operand in operands):
            return None
        row = node.primitive
        if row.partials is not None:
            shapes = [operand.shape for operand in node.operands]
            found = [_spread(each, shape, node.shape) for each, shape, partial in
                     zip(operands, shapes, row.partials, strict=True) if each is not None and partial != 0]  # fmt: skip
            return reduce(_union, found) if found else None
        return _through(sparse, node, operands, width)

    found = fold([f], visit)[0]
    return sparse.csr_array((f.size, width), dtype=bool) if found is None else found


def pattern_of_values(nodes: Sequence[Expr], wrt: Sequence[Var]) -> Any:
    """A row for each element of the nodes, a column for each of all variables: whether the value may depend on it."""
    sparse = scipy_sparse()
    width = sum(x.size for x in wrt)
    start = dict(zip(wrt, accumulate([x.size for x in wrt], initial=0), strict=False))

    def visit(node: Any, operands: list[Any]) -> Any:
        if node in start:
            return sparse.eye_array(node.size, width, k=start[node], dtype=bool, format="csr")
        if all(operand is None for operand in operands):
            return None
        if node.primitive.partials is None:
            return _through(sparse, node, operands, width)
        found = [_spread(each, operand.shape, node.shape)
                 for each, operand in zip(operands, node.operands, strict=True) if each is not None]  # fmt: skip
        return reduce(_union, found)

    return sparse.vstack([each for each in fold(nodes, visit) if each is not None], format="csr")


def _union(a: Any, b: Any) -> Any:
    """The elements of either; what is the same is found without a look inside."""
    return a if a is b else _bounded(a + b)


def _bounded(found: Any) -> Any:
    if found.nnz > LARGEST:
        raise ArgumentError(f"the matrix has more than {LARGEST} elements that may not be 0: it is not sparse")
    return found


def _spread(found: Any, have: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    """The pattern of an operand that broadcasts."""
    if have == shape:
        return found
    import numpy as np

    return _picked(found, np.broadcast_to(_numbers(have), shape))


def _numbers(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.arange(prod(shape)).reshape(shape)


def _picked(found: Any, places: Any) -> Any:
    """Rows of a pattern, in the order of `places`; a range of them is no copy of each."""
    flat = places.ravel()
    if flat.size and flat[-1] - flat[0] == flat.size - 1 and (flat[1:] - flat[:-1] == 1).all():
        return found[int(flat[0]) : int(flat[-1]) + 1]
    count = int((found.indptr[1:] - found.indptr[:-1])[flat].sum())
    if count > LARGEST:
        raise ArgumentError(f"the matrix has more than {LARGEST} elements that may not be 0: it is not sparse")
    return found[flat]


def _through(sparse: Any, node: Any, operands: Sequence[Any], width: int) -> Any:
    """The pattern after a row of the second table."""
    row, shapes = node.primitive, [operand.shape for operand in node.operands]
    reads = row.family.reads
    if reads == "moves":
        whole = sparse.csr_array((0, width), dtype=bool)
        numbers, parts, start = [], [], 0
        for found, shape in zip(operands, shapes, strict=True):
            parts.append(sparse.csr_array((prod(shape), width), dtype=bool) if found is None else found)
            numbers.append(_numbers(shape) + start)
            start += prod(shape)
        whole = parts[0] if len(parts) == 1 else sparse.vstack(parts, format="csr")
        return _picked(whole, row.numpy(*numbers))
    if reads == "scatters":
        return _product(_scattered(sparse, row, node.shape), operands[0])
    if reads == "group":
        return _product(_grouped(sparse, row, shapes[0], node.shape), operands[0])
    if reads == "contracts" and None in operands and max(map(len, shapes)) <= 2:
        return _product(_factor(sparse, node, operands), operands[0] if operands[1] is None else operands[1])
    size = node.size
    found = [_product(sparse.csr_array([[True] * each.shape[0]]), each) for each in operands if each is not None]
    return _picked(reduce(_union, found), _numbers(()).repeat(size))


def _product(a: Any, b: Any) -> Any:
    return _bounded((a @ b).astype(bool))


def _scattered(sparse: Any, row: Any, shape: tuple[int, ...]) -> Any:
    """The matrix of add_at: each element of the result by each that is placed."""
    import numpy as np

    places = _numbers(shape)[of_numpy(row.parameters["index"])].ravel()
    return sparse.csr_array(
        (np.ones(places.size, bool), (places, np.arange(places.size))), shape=(prod(shape), places.size)
    )


def _grouped(sparse: Any, row: Any, shape: tuple[int, ...], result: tuple[int, ...]) -> Any:
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
    numbers = fixed.value != 0 if fixed.is_const else np.ones(fixed.shape, bool)
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
