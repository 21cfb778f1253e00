"""Colours for the columns of a pattern: columns that have no row in common share one, and one tangent serves them all.

A. Curtis, M. Powell, J. Reid, "On the estimation of sparse Jacobian matrices", IMA Journal of Applied Mathematics 13 (1974)
117-119. SciPy does the colouring.
"""

from __future__ import annotations

from typing import Any


def colours(found: Any) -> Any:
    """A number for each column of a pattern, such that columns of one number have no row in common.

    In the order of the columns; and, where that takes more numbers than the fullest row forces, the fullest first, too.
    """
    import numpy as np
    from scipy.optimize._numdiff import group_columns

    if not found.nnz:
        return np.zeros(found.shape[1], int)
    grouped: Any = group_columns
    first = grouped(found, order=np.arange(found.shape[1]))
    if first.max(initial=0) < np.diff(found.indptr).max(initial=0):
        return first
    second = grouped(found, order=np.argsort(-np.bincount(found.indices, minlength=found.shape[1]), kind="stable"))
    return min(first, second, key=lambda each: each.max())


def rows_of(found: Any) -> Any:
    """The row of each element of a pattern."""
    import numpy as np

    return np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
