"""NumPy's functions of arrays, for expressions, Variables, dual numbers and arrays alike.

Signatures are NumPy's. A function brings its arguments into the one form that a row of the second table takes, or is
composed of such rows. NumPy's own functions, called on a carrier, are dispatched here.
"""

from __future__ import annotations

import builtins
import inspect
import operator
from collections.abc import Callable, Sequence
from string import ascii_letters
from typing import Any

from exprad import elementary, tensor
from exprad.arithmetic import is_operand
from exprad.elementary import sqrt
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.primitive import Primitive, Shape
from exprad.tensor import Axes, Index, IndexArray, permuted, reshaped, shape_of

Axis = int | Sequence[int] | None


def _place(axis: Any, rank: int, name: str, shape: Any) -> int:
    """One axis as a whole number from 0."""
    if not hasattr(axis, "__index__") or isinstance(axis, builtins.bool):
        raise OperandError(f"{name}: an axis is a whole number, got {type(axis).__name__}: {axis!r}")
    if not -rank <= operator.index(axis) < rank:
        raise ShapeError(f"{name}: axis {axis} is out of range for shape {shape}")
    return operator.index(axis) % rank


def _axes(x: Any, axis: Axis, name: str) -> Axes:
    """Axes as a row takes them: None for all, else whole numbers from 0, in order."""
    if axis is None:
        return None
    shape = shape_of(x)
    given = axis if isinstance(axis, (tuple, list)) else (axis,)
    found = tuple(sorted(_place(each, len(shape), name, shape) for each in given))
    if len(set(found)) < len(found):
        raise ArgumentError(f"{name}: an axis is given twice in {axis}")
    return None if len(found) == len(shape) else found


def _array(x: Any) -> Any:
    import numpy as np

    return np.asarray(x)


def _size(shape: Shape) -> int:
    size = 1
    for each in shape:
        size *= each
    return size


def _count(x: Any, axes: Axes) -> int:
    shape = shape_of(x)
    return _size(shape if axes is None else tuple(shape[i] for i in axes))


# Reductions


def sum(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The sum over all axes, or over `axis`.

    >>> from exprad import Var
    >>> v = Var("v", shape=(3,))
    >>> (v * v).sum().gradient(v).evaluate(v=[1.0, 2.0, 3.0])
    array([2., 4., 6.])
    """
    return tensor.sum(x, axis=_axes(x, axis, "sum"), keepdims=builtins.bool(keepdims))


def prod(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The product over all axes, or over `axis`. Its derivatives divide by nothing, so they are right at zeros.

    >>> from exprad import Var
    >>> v = Var("v", shape=(3,))
    >>> prod(v).gradient(v).evaluate(v=[0.0, 2.0, 3.0])
    array([6., 0., 0.])
    """
    return tensor.prod(x, axis=_axes(x, axis, "prod"), keepdims=builtins.bool(keepdims))


def max(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The largest element, over all axes or over `axis`. Elements that tie share the derivative equally."""
    return tensor.max(x, axis=_axes(x, axis, "max"), keepdims=builtins.bool(keepdims))


def min(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The smallest element, over all axes or over `axis`. Elements that tie share the derivative equally."""
    return tensor.min(x, axis=_axes(x, axis, "min"), keepdims=builtins.bool(keepdims))


def mean(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """The arithmetic mean, over all axes or over `axis`.

    >>> from exprad import Var
    >>> mean(Var("v", shape=(4,)))
    sum(v[4])/4
    """
    return sum(x, axis, keepdims) / _count(x, _axes(x, axis, "mean"))


def var(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The variance: the mean square distance from the mean, over the count less `ddof`."""
    distance = x - mean(x, axis, keepdims=True)
    return sum(distance * distance, axis, keepdims) / (_count(x, _axes(x, axis, "var")) - ddof)


def std(x: Any, axis: Axis = None, ddof: int = 0, keepdims: bool = False) -> Any:
    """The standard deviation: the root of the variance."""
    return sqrt(var(x, axis, ddof, keepdims))


def logsumexp(x: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))), without overflow."""
    return tensor.logsumexp(x, axis=_axes(x, axis, "logsumexp"), keepdims=builtins.bool(keepdims))


def softmax(x: Any, axis: Axis = None) -> Any:
    """exp(x) over its sum, without overflow.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0]))
    array([0.5, 0.5])
    """
    return tensor.softmax(x, axis=_axes(x, axis, "softmax"))


def log_softmax(x: Any, axis: Axis = None) -> Any:
    """The logarithm of softmax, accurate where softmax is all but 0."""
    return tensor.log_softmax(x, axis=_axes(x, axis, "log_softmax"))


def norm(x: Any, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Any:
    """A norm of a vector, or of all elements: ord None, 2 (of vectors) or "fro": Euclidean; 1 and inf: of vectors.

    The derivative of the Euclidean norm at 0 is 0, the mean of the one-sided slopes; squares neither overflow nor
    underflow.
    """
    rank = len(shape_of(x)) if axis is None else len(axis) if isinstance(axis, (tuple, list)) else 1
    if ord is None or (ord == "fro" and rank == 2) or (ord == 2 and rank == 1):
        return tensor.norm(x, axis=_axes(x, axis, "norm"), keepdims=builtins.bool(keepdims))
    if rank == 1 and ord in (1, float("inf"), -float("inf")):
        reduce = sum if ord == 1 else max if ord > 0 else min
        return reduce(elementary.abs(x), axis, keepdims)
    raise ArgumentError(f"norm: ord={ord!r} is not offered for {rank} axes; None, 'fro', and for vectors 1, 2, inf are")


def cumsum(x: Any, axis: int | None = None) -> Any:
    """The sums of the first 1, 2, ... elements along an axis; of all elements in order where none is given."""
    if axis is None:
        x, axis = ravel(x), 0
    return tensor.cumsum(x, axis=_place(axis, len(shape_of(x)), "cumsum", shape_of(x)))


# Shapes


def broadcast_to(x: Any, shape: Any) -> Any:
    """x repeated to `shape`, as NumPy broadcasts."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    return x if shape_of(x) == sizes else tensor.broadcast_to(x, shape=sizes)


def reshape(x: Any, shape: Any) -> Any:
    """x with its elements, in order, in another shape; one size may be -1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if -1 in sizes:
        rest = -_size(sizes)
        sizes = tuple(_size(shape_of(x)) // (rest or 1) if size == -1 else size for size in sizes)
    return reshaped(x, tuple(operator.index(size) for size in sizes))


def ravel(x: Any) -> Any:
    """The elements in order, along one axis."""
    return reshape(x, -1)


def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """x with its axes reversed, or in the order `axes`."""
    rank = len(shape_of(x))
    if axes is None:
        return permuted(x, tuple(range(rank))[::-1])
    order = tuple(_place(each, rank, "transpose", shape_of(x)) for each in axes)
    if sorted(order) != list(range(rank)):
        raise ShapeError(f"transpose: axes {tuple(axes)} do not number those of shape {shape_of(x)}")
    return permuted(x, order)


def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """x with two axes exchanged."""
    order = list(range(len(shape_of(x))))
    i, j = (_place(axis, len(order), "swapaxes", shape_of(x)) for axis in (axis1, axis2))
    order[i], order[j] = order[j], order[i]
    return permuted(x, tuple(order))


def moveaxis(x: Any, source: int, destination: int) -> Any:
    """x with one axis moved to another place."""
    rank = len(shape_of(x))
    start, stop = (_place(axis, rank, "moveaxis", shape_of(x)) for axis in (source, destination))
    order = [i for i in range(rank) if i != start]
    order.insert(stop, start)
    return permuted(x, tuple(order))


def expand_dims(x: Any, axis: int) -> Any:
    """x with a new axis of size 1."""
    shape = shape_of(x)
    place = _place(axis, len(shape) + 1, "expand_dims", shape)
    return reshaped(x, (*shape[:place], 1, *shape[place:]))


def squeeze(x: Any, axis: Axis = None) -> Any:
    """x without axes of size 1: all such, or those named."""
    shape = shape_of(x)
    gone = tuple(i for i, size in enumerate(shape) if size == 1)
    if axis is not None:
        gone = tuple(
            _place(i, len(shape), "squeeze", shape) for i in (axis if isinstance(axis, (tuple, list)) else (axis,))
        )
    if any(shape[i] != 1 for i in gone):
        raise ShapeError(f"squeeze: an axis of {axis} is not of size 1 in shape {shape}")
    return reshaped(x, tuple(size for i, size in enumerate(shape) if i not in gone))


def concatenate(parts: Sequence[Any], axis: int | None = 0) -> Any:
    """Arrays joined along an axis that they have; in order of their elements where axis is None."""
    parts = [part if hasattr(part, "shape") else _array(part) for part in parts]
    if not parts:
        raise ArgumentError("concatenate needs at least one array")
    if axis is None:
        parts, axis = [ravel(part) for part in parts], 0
    place = _place(axis, len(shape_of(parts[0])), "concatenate", shape_of(parts[0]))
    return tensor.joined(parts, place)


def stack(parts: Sequence[Any], axis: int = 0) -> Any:
    """Arrays of one shape joined along a new axis.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> stack([x * y, x + y]).evaluate(x=2.0, y=3.0)
    array([6., 5.])
    """
    return concatenate([expand_dims(part, axis) for part in parts], axis)


def hstack(parts: Sequence[Any]) -> Any:
    """Vectors joined end to end; arrays of more axes along the second."""
    parts = [reshape(part, -1) if not shape_of(part) else part for part in parts]
    return concatenate(parts, 0 if len(shape_of(parts[0])) == 1 else 1)


def vstack(parts: Sequence[Any]) -> Any:
    """Vectors as rows below one another; arrays of more axes along the first."""
    return concatenate([expand_dims(part, 0) if len(shape_of(part)) < 2 else part for part in parts], 0)


# Parts


def getitem(x: Any, index: Any) -> Any:
    """A part of x, as NumPy's `x[index]`: whole numbers, slices, `...`, new axes, arrays of whole numbers, masks.

    >>> from exprad import Var
    >>> v = Var("v", shape=(4,))
    >>> ((v[1:] - v[:-1]) ** 2).sum().gradient(v).evaluate(v=[1.0, 2.0, 4.0, 7.0])
    array([-2., -2., -2.,  6.])
    """
    shape = shape_of(x)
    places = _resolved(index, shape)
    return x if places == tuple((0, size, 1) for size in shape) else tensor.getitem(x, index=places)


def add_at(y: Any, shape: Shape, index: Any) -> Any:
    """Zeros of `shape`, with y added at `index`, again and again where it repeats: the transpose of `getitem`."""
    return tensor.add_at(_fitting(y, tuple(shape), index), shape=tuple(shape), index=_resolved(index, tuple(shape)))


def _fitting(y: Any, shape: Shape, index: Any) -> Any:
    part = tensor.getitem.shape(shape, _resolved(index, shape))
    return broadcast_to(y, part)


def _resolved(index: Any, shape: Shape) -> Index:
    """An index as given, for each axis of `shape`."""
    given: list[Any] = []
    for each in index if isinstance(index, tuple) else (index,):
        given += _masked(each, shape) if _is_mask(each) else [each]
    used = builtins.sum(each is not None and each is not Ellipsis for each in given)
    if builtins.sum(each is Ellipsis for each in given) > 1 or used > len(shape):
        raise ShapeError(f"the index {index!r} has more places than an expression of shape {shape} has axes")
    rest = (slice(None),) * (len(shape) - used)
    place = next((i for i, each in enumerate(given) if each is Ellipsis), len(given))
    sizes = iter(shape)
    whole = (*given[:place], *rest, *given[place + 1 :])
    return tuple([None if each is None else _along(each, next(sizes), shape) for each in whole])


def _is_mask(each: Any) -> builtins.bool:
    return getattr(each, "dtype", None) == bool and not getattr(each, "_level", 0)


def _masked(mask: Any, shape: Shape) -> list[Any]:
    if not mask.shape or mask.shape != shape[: mask.ndim]:
        raise ShapeError(f"a mask of shape {mask.shape} does not fit an expression of shape {shape}")
    return list(mask.nonzero())


def _along(each: Any, size: int, shape: Shape) -> Any:
    if isinstance(each, slice):
        start, stop, step = each.indices(size)
        return start, stop if stop >= 0 else None, step
    if isinstance(each, tuple):  # a slice as text spells it
        return each
    if isinstance(each, IndexArray):
        each = each.array
    if isinstance(each, list) or shape_of(each) and not getattr(each, "_level", 0):
        return _index_array(each, size, shape)
    if not hasattr(each, "__index__") or isinstance(each, builtins.bool):
        raise OperandError("an expression is indexed by whole numbers, slices and arrays of whole numbers, got "
                           f"{type(each).__name__}: {each!r}")  # fmt: skip
    place = operator.index(each)
    if not -size <= place < size:
        raise ShapeError(f"index {place} is out of range for an axis of size {size} of shape {shape}")
    return place % size


def _index_array(given: Any, size: int, shape: Shape) -> IndexArray:
    import numpy as np

    places = np.asarray(given)
    if places.size == 0:
        places = places.astype(np.intp)
    if places.dtype.kind not in "iu":
        raise OperandError(f"an array that indexes holds whole numbers, got {places.dtype}")
    outside = places[(places < -size) | (places >= size)]
    if outside.size:
        raise ShapeError(f"index {outside[0]} is out of range for an axis of size {size} of shape {shape}")
    found = np.where(places < 0, places + size, places).astype(np.intp)
    found.setflags(write=False)
    return IndexArray(found)


def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """The elements of x at `indices`, along an axis, or of all elements in order."""
    if axis is None:
        return ravel(x)[indices]
    return getitem(x, (slice(None),) * _place(axis, len(shape_of(x)), "take", shape_of(x)) + (indices,))


def _by_map(x: Any, rearranged: Callable[[Any, Any], Any]) -> Any:
    """Elements of x as `rearranged(np, numbers)` arranges their numbers."""
    import numpy as np

    return getitem(ravel(x), rearranged(np, np.arange(_size(shape_of(x))).reshape(shape_of(x))))


def pad(x: Any, pad_width: Any, mode: str = "constant", *, constant_values: Any = 0) -> Any:
    """x with elements added before and after: constants (zeros), or by any of NumPy's modes that repeat elements.

    `pad_width` is one number, (before, after), or such a pair for each axis.
    """
    if mode in ("edge", "reflect", "symmetric", "wrap"):
        return _by_map(x, lambda np, numbers: np.pad(numbers, pad_width, mode))
    if mode != "constant":
        raise ArgumentError(f"pad: mode {mode!r} is not offered; constant, edge, reflect, symmetric and wrap are")
    import numpy as np

    shape = shape_of(x)
    widths = np.broadcast_to(np.asarray(pad_width), (len(shape), 2)).tolist()
    if any(not isinstance(width, int) or width < 0 for pair in widths for width in pair):
        raise ArgumentError(f"pad: widths are whole numbers of at least 0, got {pad_width!r}")
    whole = tuple(before + size + after for size, (before, after) in zip(shape, widths, strict=True))
    index = tuple(slice(before, before + size) for size, (before, _) in zip(shape, widths, strict=True))
    placed = add_at(x, whole, index)
    if isinstance(constant_values, int) and constant_values == 0:
        return placed
    outside = np.ones(whole, bool)
    outside[index] = False
    return elementary.where(outside, constant_values, placed)


def flip(x: Any, axis: Axis = None) -> Any:
    """x in reverse order along all axes, or along those named."""
    axes = _axes(x, axis, "flip")
    return getitem(x, tuple(slice(None, None, -1 if axes is None or i in axes else 1) for i in range(len(shape_of(x)))))


def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """x with elements moved on by `shift` along an axis, those that leave at the end coming in at the front."""
    if axis is None:
        return reshaped(roll(ravel(x), shift, 0), shape_of(x))
    place = _place(axis, len(shape_of(x)), "roll", shape_of(x))
    size = shape_of(x)[place]
    cut = -operator.index(shift) % (size or 1)
    lead = (slice(None),) * place
    return concatenate([x[(*lead, slice(cut, None))], x[(*lead, slice(cut))]], place) if cut else x


def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """x with each element `repeats` times, along an axis, or of all elements in order."""
    if axis is None:
        x, axis = ravel(x), 0
    import numpy as np

    size = shape_of(x)[_place(axis, len(shape_of(x)), "repeat", shape_of(x))]
    return take(x, np.repeat(np.arange(size), repeats), axis)


def tile(x: Any, reps: Any) -> Any:
    """x side by side with itself, `reps` times along each axis."""
    return _by_map(x, lambda np, numbers: np.tile(numbers, reps))


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The elements whose places along two axes differ by `offset`, along a new last axis."""
    import numpy as np

    rank = len(shape_of(x))
    i, j = (_place(axis, rank, "diagonal", shape_of(x)) for axis in (axis1, axis2))
    if i == j:
        raise ArgumentError(f"diagonal: axes {axis1} and {axis2} are the same")
    moved = permuted(x, (*[k for k in range(rank) if k not in (i, j)], i, j))
    rows, columns = shape_of(moved)[-2:]
    along = np.arange(builtins.max(0, builtins.min(rows + builtins.min(offset, 0), columns - builtins.max(offset, 0))))
    return getitem(moved, (..., along - builtins.min(offset, 0), along + builtins.max(offset, 0)))


def diag(x: Any, k: int = 0) -> Any:
    """The diagonal of a matrix, or a matrix with a vector on its diagonal."""
    import numpy as np

    if len(shape_of(x)) != 1:
        return diagonal(x, k)
    size = shape_of(x)[0] + builtins.abs(k)
    along = np.arange(shape_of(x)[0])
    return add_at(x, (size, size), (along - builtins.min(k, 0), along + builtins.max(k, 0)))


def trace(x: Any, *arguments: Any, **options: Any) -> Any:
    """The sum of a diagonal of a matrix; or, of a Python function, the expressions that it computes.

    `trace(a, offset=0, axis1=0, axis2=1)` is NumPy's. `trace(function, *shapes)` calls the function on variables of
    these shapes (a shape is a tuple; left out, all are scalars), called like its parameters, and gives what it returns.
    A function that branches on data can't be traced.

    >>> import numpy as np
    >>> trace(np.eye(3))
    3.0
    >>> trace(lambda v, scale: scale * np.sum(v**2), (3,), ())
    scale*sum(v[3]**2)
    """
    if callable(x) and not hasattr(x, "shape"):
        return _traced(x, *arguments, **options)
    return sum(diagonal(x, *arguments, **options), -1)


def _traced(function: Callable[..., Any], *shapes: Any) -> Any:
    from exprad.expr import Var

    parameters = inspect.signature(function).parameters.values()
    names = [each.name for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    names += [f"{each.name}{place}" for each in parameters if each.kind is each.VAR_POSITIONAL
              for place in range(len(shapes) - len(names))]  # fmt: skip
    if shapes and len(shapes) != len(names):
        raise ArgumentError(f"trace: the function takes {len(names)} arguments {names}, got {len(shapes)} shapes")
    return function(*[Var(name, shape=shape) for name, shape in zip(names, shapes or [()] * len(names), strict=True)])


def _masked_triangle(x: Any, name: str, k: int) -> Any:
    import numpy as np

    if len(shape_of(x)) < 2:
        raise ShapeError(f"{name} needs matrices, got shape {shape_of(x)}")
    return elementary.where(getattr(np, name)(np.ones(shape_of(x), bool), k), x, 0)


def tril(x: Any, k: int = 0) -> Any:
    """Matrices with zeros above a diagonal."""
    return _masked_triangle(x, "tril", k)


def triu(x: Any, k: int = 0) -> Any:
    """Matrices with zeros below a diagonal."""
    return _masked_triangle(x, "triu", k)


def diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    """The differences of neighbours along an axis, n times over."""
    lead = (slice(None),) * _place(axis, len(shape_of(x)), "diff", shape_of(x))
    for _ in range(n):
        x = x[(*lead, slice(1, None))] - x[(*lead, slice(-1))]
    return x


# Products


def matmul(a: Any, b: Any) -> Any:
    """The matrix product, as NumPy's `@`: of vectors, matrices, or stacks of matrices."""
    return tensor.matmul(a, b)


def dot(a: Any, b: Any) -> Any:
    """The product of vectors and matrices; of more axes, the sum over the last of a and the last but one of b."""
    if not shape_of(a) or not shape_of(b):
        return a * b
    if len(shape_of(a)) <= 2 and len(shape_of(b)) <= 2:
        return tensor.matmul(a, b)
    return tensordot(a, b, ((-1,), (-2 if len(shape_of(b)) > 1 else 0,)))


def inner(a: Any, b: Any) -> Any:
    """The sum of products along the last axes."""
    return tensordot(a, b, ((-1,), (-1,))) if shape_of(a) and shape_of(b) else a * b


def vdot(a: Any, b: Any) -> Any:
    """The sum of the products of all elements."""
    return tensor.matmul(ravel(a), ravel(b))


def outer(a: Any, b: Any) -> Any:
    """The products of each element of a with each of b."""
    return tensor.as_column(ravel(a)) * tensor.as_row(ravel(b))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over axes of a and axes of b: a number of them, last of a with first of b, or two lists."""
    ranks = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int):
        axes = range(ranks[0] - axes, ranks[0]), range(axes)
    first, second = ([each] if isinstance(each, int) else list(each) for each in axes)
    first = [_place(axis, ranks[0], "tensordot", shape_of(a)) for axis in first]
    second = [_place(axis, ranks[1], "tensordot", shape_of(b)) for axis in second]
    if [shape_of(a)[i] for i in first] != [shape_of(b)[j] for j in second]:
        raise ShapeError(f"tensordot: axes {first} of shape {shape_of(a)} and {second} of {shape_of(b)} do not fit")
    names = iter(ascii_letters)
    left = [next(names) for _ in range(ranks[0])]
    right = [next(names) for _ in range(ranks[1])]
    for i, j in zip(first, second, strict=True):
        right[j] = left[i]
    kept = [left[i] for i in range(ranks[0]) if i not in first] + [right[j] for j in range(ranks[1]) if j not in second]
    return einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)


def einsum(subscripts: str, *operands: Any) -> Any:
    """Einstein's sums of products: letters name axes, and letters that are not in the result are summed over.

    >>> from exprad import Var
    >>> a = Var("a", shape=(2, 3))
    >>> einsum("ij,ij->i", a, a).shape
    (2,)
    """
    if not isinstance(subscripts, str):
        raise OperandError(f"einsum needs its subscripts as text, got {type(subscripts).__name__}")
    given, arrow, result = subscripts.replace(" ", "").partition("->")
    letters = given.split(",")
    if len(letters) != len(operands):
        raise ArgumentError(f"einsum: {subscripts!r} has {len(letters)} operands, got {len(operands)}")
    parts, dots = _without_dots(subscripts, letters, operands, set(subscripts))
    if not arrow:
        joined = "".join(each.replace("...", "") for each in letters)
        result = ("..." if dots else "") + "".join(sorted(name for name in set(joined) if joined.count(name) == 1))
    result = result.replace("...", dots)
    if len(set(result)) < len(result) or not set(result) <= set("".join(parts)):
        raise ArgumentError(f"einsum: the result of {subscripts!r} has a letter twice, or one that no operand has")
    return _contracted(subscripts, parts, list(operands), result)


def _without_dots(
    subscripts: str, letters: list[str], operands: Sequence[Any], taken: set[str]
) -> tuple[list[str], str]:
    """The letters of each operand with letters for `...`, and the letters of the longest `...`."""
    free = [name for name in ascii_letters if name not in taken]
    parts, longest = [], ""
    for names, operand in zip(letters, operands, strict=True):
        hidden = len(shape_of(operand)) - len(names.replace("...", ""))
        if (
            hidden < 0
            or hidden
            and "..." not in names
            or not names.replace("...", "").isalpha()
            and names not in ("", "...")
        ):
            raise ShapeError(
                f"einsum: {names!r} of {subscripts!r} does not fit an operand of shape {shape_of(operand)}"
            )
        dots = "".join(free[:hidden][::-1])
        longest = dots if len(dots) > len(longest) else longest
        parts.append(names.replace("...", dots))
    return parts, longest


def _contracted(subscripts: str, parts: list[str], operands: list[Any], result: str) -> Any:
    """The sums that concern one operand alone are done first; the row does the rest."""
    sizes: dict[str, int] = {}
    for names, operand in zip(parts, operands, strict=True):
        for name, size in zip(names, shape_of(operand), strict=True):
            known = sizes.get(name, 1)
            if 1 not in (known, size) and known != size:
                raise ShapeError(f"einsum: {name!r} of {subscripts!r} is {known} and {size}; operands of shapes "
                                 f"{', '.join(str(shape_of(x)) for x in operands)}")  # fmt: skip
            sizes[name] = known if size == 1 else size
    for place in range(len(operands)):
        others = "".join(parts[:place] + parts[place + 1 :]) + result
        parts[place], operands[place] = _own_sums(parts[place], operands[place], others, sizes)
    if len(operands) == 1 and sorted(parts[0]) == sorted(result):
        return permuted(operands[0], tuple(parts[0].index(name) for name in result))
    return tensor.einsum(*operands, subscripts=f"{','.join(parts)}->{result}")


def _own_sums(names: str, x: Any, others: str, sizes: dict[str, int]) -> tuple[str, Any]:
    """An operand after its diagonals, the sums over letters of its own, and without axes that only broadcast."""
    for name in sorted(set(names)):
        while names.count(name) > 1:
            i, j = names.index(name), names.rindex(name)
            x = diagonal(x, 0, i, j)
            names = names[:i] + names[i + 1 : j] + names[j + 1 :] + name
    own = [i for i, name in enumerate(names) if name not in others]
    x = sum(x, own) if own else x
    names = "".join(name for name in names if name in others)
    spread = [i for i, name in enumerate(names) if shape_of(x)[i] != sizes[name]]
    return "".join(name for i, name in enumerate(names) if i not in spread), squeeze(x, spread) if spread else x


# Linear algebra


def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x = b`; b is a vector or has vectors for columns. nan where a is singular."""
    return tensor.solve(a, b)


def inv(a: Any) -> Any:
    """The inverse of a matrix; nan where it is singular."""
    return tensor.inv(a)


def det(a: Any) -> Any:
    """The determinant of a matrix. Its first derivative, the cofactors, is right for singular matrices, too."""
    return tensor.det(a)


def logdet(a: Any) -> Any:
    """The logarithm of the determinant, without overflow; nan where the determinant is negative."""
    return tensor.logdet(a)


def zeros_like(x: Any) -> Any:
    """Zeros in the shape of x."""
    import numpy as np

    return np.zeros(shape_of(x), getattr(x, "dtype", float))


def ones_like(x: Any) -> Any:
    """Ones in the shape of x."""
    import numpy as np

    return np.ones(shape_of(x), getattr(x, "dtype", float))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: each
    for name, each in list(globals().items())
    if getattr(each, "__module__", "") == __name__ and name[0] != "_"
}
SPELLINGS: dict[str, Callable[..., Any]] = {  # as text spells them: operands first, then parameters by name
    **FUNCTIONS, "concatenate": lambda *parts, axis=0: concatenate(parts, axis),
    "stack": lambda *parts, axis=0: stack(parts, axis),
    "einsum": lambda *operands, subscripts: einsum(subscripts, *operands), "cofactor": tensor.cofactor, "astype": tensor.astype,
}  # fmt: skip
_OF_NUMPY: dict[str, Callable[..., Any]] = {
    **FUNCTIONS, "amax": max, "amin": min, "concat": concatenate, "permute_dims": transpose, "matrix_transpose": tensor.swapped,
    "shape": shape_of, "ndim": lambda x: len(shape_of(x)), "size": lambda x: _size(shape_of(x)), "zeros_like": zeros_like,
    "ones_like": ones_like, "copy": lambda x: x, "vector_norm": norm, "around": elementary.round, "vecdot": inner,
}  # fmt: skip


def dispatched(function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's functions gives on carriers: by this module, or by a row of that name."""
    name = function.__name__
    found = _OF_NUMPY.get(name) or Primitive.registry.get(name) or row_of_ufunc(name)
    if found is None:
        raise OperandError(f"NumPy's {name} is not offered for {_kinds(arguments)}; write it with functions of exprad")
    return found(*arguments, **options)


def _kinds(arguments: Sequence[Any]) -> str:
    return ", ".join(sorted({type(x).__name__ for x in arguments}))


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's ufuncs gives on carriers: an object array goes element by element."""
    if method != "__call__" or options:
        return NotImplemented
    row = matmul if ufunc.__name__ == "matmul" else row_of_ufunc(ufunc.__name__)
    if row is None:
        return NotImplemented
    if builtins.all(is_operand(operand) for operand in inputs):
        return row(*inputs)
    if row is matmul:
        raise OperandError("@ takes an array of numbers or one expression, not an object array of expressions")
    import numpy as np

    return np.frompyfunc(row, len(inputs), 1)(*[_boxed(operand) for operand in inputs])


def _boxed(operand: Any) -> Any:
    import numpy as np

    if not getattr(operand, "_level", 0):
        return operand
    box = np.empty((), object)
    box[()] = operand
    return box


def row_of_ufunc(name: str) -> Primitive | None:
    """The elementwise row that NumPy calls `name`."""
    for row in Primitive.registry.values():
        if row.numpy == name or (row.numpy is None and row.name == name):
            return row
    return {"absolute": elementary.abs, "float_power": elementary.pow, "remainder": elementary.mod}.get(name)
