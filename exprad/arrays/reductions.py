"""Sums, products, extrema, means and norms, over all axes or over some."""

from __future__ import annotations

import builtins
from typing import Any

from exprad import tensor
from exprad.arrays.axes import Axis, axes_of, count_of, place_of
from exprad.arrays.lists import of_lists
from exprad.arrays.shapes import ravel
from exprad.errors import ArgumentError
from exprad.ground.shapes import shape_of
from exprad.tables import elementary
from exprad.tables.elementary import sqrt


@of_lists
def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over all axes, or over `axis`.

    >>> from exprad import Var
    >>> v = Var("v", shape=(3,))
    >>> (v * v).sum().gradient(v).evaluate(v=[1.0, 2.0, 3.0])
    array([2., 4., 6.])
    """
    return tensor.sum(x, axis=axes_of(x, axis, "sum"), keepdims=builtins.bool(keepdims))


@of_lists
def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product over all axes, or over `axis`. Its derivatives divide by nothing, so they are right at zeros.

    >>> from exprad import Var
    >>> v = Var("v", shape=(3,))
    >>> prod(v).gradient(v).evaluate(v=[0.0, 2.0, 3.0])
    array([6., 0., 0.])
    """
    return tensor.prod(x, axis=axes_of(x, axis, "prod"), keepdims=builtins.bool(keepdims))


@of_lists
def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element, over all axes or over `axis`. Elements that tie share the derivative equally.

    >>> import numpy as np
    >>> max(np.array([1.0, 3.0, 2.0]))
    3.0
    """
    return tensor.max(x, axis=axes_of(x, axis, "max"), keepdims=builtins.bool(keepdims))


@of_lists
def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element, over all axes or over `axis`. Elements that tie share the derivative equally.

    >>> import numpy as np
    >>> min(np.array([1.0, 3.0, 2.0]))
    1.0
    """
    return tensor.min(x, axis=axes_of(x, axis, "min"), keepdims=builtins.bool(keepdims))


@of_lists
def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The arithmetic mean, over all axes or over `axis`.

    >>> from exprad import Var
    >>> mean(Var("v", shape=(4,)))
    sum(v)/4
    """
    return _over(sum(x, axis, keepdims), count_of(x, axes_of(x, axis, "mean")))


@of_lists
def var(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The variance: the mean square distance from the mean, over the count less `ddof`.

    >>> import numpy as np
    >>> var(np.array([1.0, 2.0, 3.0]))
    0.6666666666666666
    """
    distance = _distance(x, axis, "var")
    return _over(sum(distance * distance, axis, keepdims), count_of(x, axes_of(x, axis, "var")) - ddof)


@of_lists
def std(x: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """The standard deviation: the root of the variance.

    It is the Euclidean norm of the distances from the mean, over the root of the count less `ddof`, and has the norm's
    derivative where all elements are equal: 0. So it is constantly 0 along an axis of one element.

    >>> import numpy as np
    >>> std(np.array([1.0, 3.0]))
    1.0
    """
    distance = _distance(x, axis, "std")
    free = count_of(x, axes_of(x, axis, "std")) - ddof
    return _over(tensor.norm(distance, axis=axes_of(x, axis, "std"), keepdims=builtins.bool(keepdims)), free, sqrt)


def _distance(x: Any, axis: Axis, name: str) -> Any:
    """How far elements are from their mean. One element has none: 0, or nan where it is not finite, which depends on nothing."""
    if count_of(x, axes_of(x, axis, name)) == 1:
        return elementary.floor(x) - elementary.floor(x)
    return x - mean(x, axis, keepdims=True)


def _over(total: Any, count: float, root: Any = None) -> Any:
    """A total of what is at least 0 over a count, or its root; over no elements, or fewer, as 0/0 and 1/0 are."""
    if count <= 0:
        return total * float("inf")
    divisor = count if root is None else root(count)
    return total / (int(divisor) if divisor == int(divisor) else divisor)  # a division by 1 is none


@of_lists
def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), without overflow.

    >>> import numpy as np
    >>> logsumexp(np.array([1000.0, 1000.0]))
    array(1000.69314718)
    """
    return tensor.logsumexp(x, axis=axes_of(x, axis, "logsumexp"), keepdims=builtins.bool(keepdims))


@of_lists
def softmax(x: Any, axis: Axis = None) -> Any:
    """exp(x) over its sum, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return tensor.softmax(x, axis=axes_of(x, axis, "softmax"))


@of_lists
def log_softmax(x: Any, axis: Axis = None) -> Any:
    """The logarithm of softmax, accurate where softmax is all but 0.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    return tensor.log_softmax(x, axis=axes_of(x, axis, "log_softmax"))


@of_lists
def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """A norm of a vector, or of all elements: ord None, 2 (of vectors) or "fro": Euclidean; 1 and inf: of vectors.

    The derivative of the Euclidean norm at 0 is 0, the mean of the one-sided slopes; squares neither overflow nor
    underflow.

    >>> import numpy as np
    >>> norm(np.array([3.0, 4.0]))
    array(5.)
    """
    rank = len(shape_of(x)) if axis is None else len(axis) if isinstance(axis, (tuple, list)) else 1
    if axis is not None and rank not in (1, 2):
        raise ArgumentError(f"norm: an axis, or two, got {axis!r}")
    if ord is None or (ord == "fro" and rank == 2) or (ord == 2 and rank == 1):
        return tensor.norm(x, axis=axes_of(x, axis, "norm"), keepdims=builtins.bool(keepdims))
    if rank == 1 and ord in (1, float("inf"), -float("inf")):
        reduce = sum if ord == 1 else max if ord > 0 else min
        return reduce(elementary.abs(x), axis, keepdims)
    raise ArgumentError(f"norm: ord={ord!r} is not offered for {rank} axes; None, 'fro', and for vectors 1, 2, inf are")


@of_lists
def cumsum(x: Any, axis: int | None = None) -> Any:
    """The sums of the first 1, 2, ... elements along an axis; of all elements in order where none is given.

    >>> import numpy as np
    >>> cumsum(np.array([1.0, 2.0, 3.0]))
    array([1., 3., 6.])
    """
    if axis is None:
        x, axis = ravel(x), 0
    return tensor.cumsum(x, axis=place_of(axis, len(shape_of(x)), "cumsum", shape_of(x)))
