"""Matrices of expressions of which only some elements are not 0."""

from __future__ import annotations

from typing import Any

from exprad.errors import ArgumentError, ShapeError, extra
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr


class SparseMatrix:
    """A matrix of expressions of which only some elements are not 0: `data`, one after another by rows.

    compile() and evaluate() make a `scipy.sparse.csr_array` of it.

    `data` is one expression of an array, or an object array of scalar expressions; `indices` and `indptr` are the
    places, as SciPy has them: the columns of each element, and where each row begins.
    """

    def __init__(self, data: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> None:
        self.data, self.indices, self.indptr, self.shape = data, indices, indptr, shape

    @property
    def nnz(self) -> int:
        """How many elements are stored."""
        return len(self.indices)

    def filled(self, values: Any) -> Any:
        """The matrix with numbers for its elements."""
        sparse = scipy_sparse()
        if values.ndim != 1:
            raise ShapeError(
                f"a sparse matrix is one at one point, got elements of shape {values.shape}; for many points "
                "evaluate or compile its .data"
            )
        return sparse.csr_array((values, self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def data_of(self, given: Any) -> Any:
        """The elements of a matrix of this pattern, to be written to."""
        import numpy as np

        if not (
            getattr(given, "format", "") == "csr"
            and given.shape == self.shape
            and np.array_equal(given.indptr, self.indptr)
            and np.array_equal(given.indices, self.indices)
        ):
            raise ArgumentError(f"out must be a scipy.sparse.csr_array {self.shape} of the same {self.nnz} places")
        return given.data

    def evaluate(self, bindings: Any = None, /, **named: Any) -> Any:
        """The matrix at a point, as a `scipy.sparse.csr_array`."""
        import numpy as np

        bound = {**(bindings or {}), **named}
        if isinstance(self.data, Expr):
            return self.filled(evaluate(self.data, bound))
        return self.filled(np.array(evaluate(list(self.data), bound), float))

    def __repr__(self) -> str:
        return f"<sparse matrix {self.shape} of expressions, {self.nnz} elements>"


def scipy_sparse() -> Any:
    """SciPy's sparse matrices."""
    try:
        import scipy.sparse
    except ImportError:
        raise extra("scipy", "scipy", "a sparse matrix") from None
    return scipy.sparse
