"""Products of vectors and matrices, sums of products, and linear systems."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from exprad import tensor
from exprad.arrays.axes import places_of
from exprad.arrays.indexing import add_at, getitem
from exprad.arrays.lists import of_lists
from exprad.arrays.operands import as_operand
from exprad.arrays.parts import diagonal
from exprad.arrays.reductions import sum
from exprad.arrays.shapes import ravel, squeeze, transpose
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.ground.shapes import shape_of
from exprad.tensor import permuted


@of_lists
def matmul(a: Any, b: Any) -> Any:
    """The matrix product, as NumPy's `@`: of vectors, matrices, or stacks of matrices; one may be a sparse matrix.

    >>> import numpy as np
    >>> matmul(np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if hasattr(a, "tocoo"):
        return _sparse_times(a, b)
    if hasattr(b, "tocoo"):
        return transpose(_sparse_times(b.T, transpose(a)))
    return tensor.matmul(as_operand(a), as_operand(b))


def _sparse_times(a: Any, x: Any) -> Any:
    """A sparse matrix of SciPy times a vector or a matrix: each stored element times a row, added where it belongs."""
    shape = shape_of(x)
    if len(a.shape) != 2 or len(shape) not in (1, 2) or shape[0] != a.shape[1]:
        raise ShapeError(f"matmul: a sparse matrix of shape {a.shape} and an operand of shape {shape} do not fit")
    stored = a.tocoo()
    numbers = stored.data.astype(float) if stored.data.dtype.kind not in "f" else stored.data
    terms = getitem(x, (stored.col,)) * (numbers if len(shape) == 1 else numbers[:, None])
    return add_at(terms, (a.shape[0], *shape[1:]), (stored.row,))


@of_lists
def dot(a: Any, b: Any) -> Any:
    """The product of vectors and matrices; of more axes, the sum over the last of a and the last but one of b.

    >>> import numpy as np
    >>> dot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    if not shape_of(a) or not shape_of(b):
        return a * b
    if len(shape_of(a)) <= 2 and len(shape_of(b)) <= 2:
        return tensor.matmul(a, b)
    return tensordot(a, b, ((-1,), (-2 if len(shape_of(b)) > 1 else 0,)))


@of_lists
def inner(a: Any, b: Any) -> Any:
    """The sum of products along the last axes.

    >>> import numpy as np
    >>> inner(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array(11.)
    """
    return tensordot(a, b, ((-1,), (-1,))) if shape_of(a) and shape_of(b) else a * b


@of_lists
def vdot(a: Any, b: Any) -> Any:
    """The sum of the products of all elements.

    >>> import numpy as np
    >>> vdot(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    11.0
    """
    return tensor.matmul(ravel(a), ravel(b))


@of_lists
def outer(a: Any, b: Any) -> Any:
    """The products of each element of a with each of b.

    >>> import numpy as np
    >>> outer(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    array([[3., 4.],
           [6., 8.]])
    """
    return tensor.as_column(ravel(a)) * tensor.as_row(ravel(b))


@of_lists
def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """The sum of products over axes of a and axes of b: a number of them, last of a with first of b, or two lists.

    >>> import numpy as np
    >>> tensordot(np.eye(2), np.array([1.0, 2.0]), 1)
    array([1., 2.])
    """
    ranks = len(shape_of(a)), len(shape_of(b))
    if isinstance(axes, int):
        if not 0 <= axes <= min(ranks):
            raise ShapeError(
                f"tensordot: {axes} axes are more than shapes {shape_of(a)} and {shape_of(b)} have, or negative"
            )
        axes = range(ranks[0] - axes, ranks[0]), range(axes)
    given = [[each] if isinstance(each, int) else list(each) for each in axes]
    first, second = (
        places_of(each, len(shape_of(x)), "tensordot", shape_of(x)) for each, x in zip(given, (a, b), strict=True)
    )
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
    operands = tuple(map(as_operand, operands))
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
        if len(set(zip(names, shape_of(operand), strict=True))) > len(set(names)):
            raise ShapeError(f"einsum: a letter of {names!r} has two sizes in one operand of shape {shape_of(operand)}")
        for name, size in zip(names, shape_of(operand), strict=True):
            before = sizes.get(name, 1)
            if 1 not in (before, size) and before != size:
                raise ShapeError(
                    f"einsum: {name!r} of {subscripts!r} is {before} and {size}; operands of shapes "
                    f"{', '.join(str(shape_of(x)) for x in operands)}"
                )
            sizes[name] = before if size == 1 else size
    for place, (names, operand) in enumerate(zip(parts, operands, strict=True)):
        parts[place], operands[place] = _without_ones(names, operand, sizes)
    for place in range(len(operands)):
        others = "".join(parts[:place] + parts[place + 1 :]) + result
        parts[place], operands[place] = _own_sums(parts[place], operands[place], others)
    if len(operands) == 1 and sorted(parts[0]) == sorted(result):
        return permuted(operands[0], tuple(parts[0].index(name) for name in result))
    return tensor.einsum(*operands, subscripts=f"{','.join(parts)}->{result}")


def _without_ones(names: str, x: Any, sizes: dict[str, int]) -> tuple[str, Any]:
    """An operand without axes that only broadcast."""
    ones = [i for i, name in enumerate(names) if shape_of(x)[i] != sizes[name]]
    return "".join(name for i, name in enumerate(names) if i not in ones), squeeze(x, ones) if ones else x


def _own_sums(names: str, x: Any, others: str) -> tuple[str, Any]:
    """An operand after its diagonals and the sums over letters of its own."""
    for name in sorted(set(names)):
        while names.count(name) > 1:
            i, j = names.index(name), names.rindex(name)
            x = diagonal(x, 0, i, j)
            names = names[:i] + names[i + 1 : j] + names[j + 1 :] + name
    own = [i for i, name in enumerate(names) if name not in others]
    x = sum(x, own) if own else x
    return "".join(name for name in names if name in others), x


@of_lists
def solve(a: Any, b: Any) -> Any:
    """The x with `a @ x = b`; b is a vector or has vectors for columns. nan where a is singular.

    >>> import numpy as np
    >>> solve(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([1.0, 1.0]))
    array([0.5 , 0.25])
    """
    return tensor.solve(a, b)


@of_lists
def inv(a: Any) -> Any:
    """The inverse of a matrix; nan where it is singular.

    >>> import numpy as np
    >>> inv(np.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    return tensor.inv(a)


@of_lists
def det(a: Any) -> Any:
    """The determinant of a matrix. Its first derivative, the cofactors, is right for singular matrices, too.

    >>> import numpy as np
    >>> det(np.array([[2.0, 1.0], [1.0, 3.0]]))
    5.000000000000001
    """
    return tensor.det(a)


@of_lists
def logdet(a: Any) -> Any:
    """The logarithm of the determinant, without overflow; nan where the determinant is negative.

    >>> import numpy as np
    >>> logdet(np.array([[2.0, 0.0], [0.0, 0.5]]))
    0.0
    """
    return tensor.logdet(a)
