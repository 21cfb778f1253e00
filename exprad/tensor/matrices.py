"""Rows of linear algebra. Axes before the last two number matrices that are treated alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from exprad.errors import ShapeError
from exprad.ground.shapes import Shape, broadcast_shapes, shape_of
from exprad.tensor.family import Family, quietly
from exprad.tensor.linear import reshape, reshaped, sum, summed_to, swapped


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(
            f"matmul: shapes {a} and {b} do not fit; the last axis of the first must be as long as the last "
            "but one of the second"
        )
    lead = broadcast_shapes("matmul", [a[:-2], b[:-2]])
    return (*lead, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def _matmul_pull(y: Any, xs: Sequence[Any], y_bar: Any, index: int) -> Any:
    a, b = xs
    rows, columns = len(shape_of(a)), len(shape_of(b))
    if rows == columns == 1:
        return y_bar * (b if index == 0 else a)
    if columns == 1:
        x_bar = as_column(y_bar) * b if index == 0 else _times_vector(swapped(a), y_bar)
    elif rows == 1:
        x_bar = _times_vector(b, y_bar) if index == 0 else as_column(a) * as_row(y_bar)
    else:
        x_bar = matmul(y_bar, swapped(b)) if index == 0 else matmul(swapped(a), y_bar)
    return summed_to(x_bar, shape_of(xs[index]))


def _times_vector(a: Any, x: Any) -> Any:
    """Matrices times vectors: one vector each."""
    if len(shape_of(x)) == 1:
        return matmul(a, x)
    found = matmul(a, as_column(x))
    return reshaped(found, shape_of(found)[:-1])


def as_column(x: Any) -> Any:
    return reshape(x, shape=(*shape_of(x), 1))


def as_row(x: Any) -> Any:
    shape = shape_of(x)
    return reshape(x, shape=(*shape[:-1], 1, shape[-1]))


matmul = Family(
    "matmul", reads="contracts", is_multilinear=True, shape=_matmul_shape, value=lambda np, a, b: np.matmul(a, b),
    pull=_matmul_pull,
    letters=lambda a, b: ("ik"[-len(a):], "kj"[: len(b)], "i"[: len(a) - 1] + "j"[: len(b) - 1]),
)  # fmt: skip
matmul.into = lambda np: np.matmul


def _einsum_shape(*shapes: Shape, subscripts: str) -> Shape:
    given, result = subscripts.split("->")
    sizes: dict[str, int] = {}
    for letters, shape in zip(given.split(","), shapes, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(
                    f"einsum: '{letter}' of {subscripts!r} is {sizes[letter]} and {size}; shapes "
                    f"{', '.join(map(str, shapes))}"
                )
    return tuple(sizes[letter] for letter in result)


def _einsum_pull(y: Any, xs: Sequence[Any], y_bar: Any, index: int, subscripts: str) -> Any:
    given, result = subscripts.split("->")
    letters = given.split(",")
    others = [letters[i] for i in range(len(xs)) if i != index]
    wanted = f"{','.join([result, *others])}->{letters[index]}"
    return einsum(y_bar, *[x for i, x in enumerate(xs) if i != index], subscripts=wanted)


einsum: Family = Family(  # an operand has a letter once, and each letter of an operand is in the result or in another operand
    "einsum", is_multilinear=True, shape=_einsum_shape,
    value=lambda np, *xs, subscripts: np.einsum(subscripts, *xs, optimize=len(xs) > 1),
    pull=_einsum_pull,
    letters=lambda *shapes, subscripts: tuple(subscripts.replace("->", ",").split(",")),
)  # fmt: skip


def _square(name: str, shape: Shape) -> Shape:
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"{name} needs square matrices, got shape {shape}")
    return shape


def _regular(np: Any, function: Callable[..., Any], a: Any, *others: Any) -> Any:
    """What LAPACK gives; nan for a singular matrix, where it raises, as 0/0 does."""
    try:
        return function(a, *others)
    except np.linalg.LinAlgError:
        _square(function.__name__, a.shape)
        lead = np.broadcast_shapes(a.shape[:-2], *(x.shape[:-2] for x in others))
        if not lead:
            return np.full((others or (a,))[0].shape, np.nan, np.result_type(a, *others))
        wide = [np.broadcast_to(x, (*lead, *x.shape[-2:])) for x in (a, *others)]
        return np.stack([_regular(np, function, *parts) for parts in zip(*wide, strict=True)])


def _solve_shape(a: Shape, b: Shape) -> Shape:
    _square("solve", a)
    if not b or b[-2 if len(b) > 1 else 0] != a[-1]:
        raise ShapeError(f"solve: shapes {a} and {b} do not fit; b needs {a[-1]} rows")
    if len(b) == 1:
        return a[:-1]
    return (*broadcast_shapes("solve", [a[:-2], b[:-2]]), *b[-2:])


def _solve(np: Any, a: Any, b: Any) -> Any:
    _solve_shape(a.shape, b.shape)
    if b.ndim > 1:
        return _regular(np, np.linalg.solve, a, b)
    return _regular(np, np.linalg.solve, a, b[:, None])[..., 0]


def _solve_push(y: Any, xs: Sequence[Any], x_dot: Any, index: int) -> Any:
    a, b = xs
    right = x_dot if index else -_applied(x_dot, y, len(shape_of(b)) == 1)
    return _solved(a, right, len(shape_of(b)) == 1)


def _solve_pull(y: Any, xs: Sequence[Any], y_bar: Any, index: int) -> Any:
    a, b = xs
    is_vector = len(shape_of(b)) == 1
    b_bar = _solved(swapped(a), y_bar, is_vector)
    if index:
        return summed_to(b_bar, shape_of(b))
    a_bar = as_column(b_bar) * as_row(y) if is_vector else matmul(b_bar, swapped(y))
    return summed_to(-a_bar, shape_of(a))


def _applied(a: Any, x: Any, is_vector: bool) -> Any:
    return _times_vector(a, x) if is_vector else matmul(a, x)


def _solved(a: Any, b: Any, is_vector: bool) -> Any:
    """solve, where b holds one vector for each matrix, or matrices."""
    if not is_vector or len(shape_of(b)) == 1:
        return solve(a, b)
    found = solve(a, as_column(b))
    return reshaped(found, shape_of(found)[:-1])


solve = Family(
    "solve", shape=_solve_shape, value=_solve, push=_solve_push, pull=_solve_pull,
    letters=lambda a, b: ("pq", "r", "s") if len(b) == 1 else ("pq", "rj", "sj"),
)  # fmt: skip
inv = Family(
    "inv", letters=lambda x: ("pq", "rs"), shape=lambda x: _square("inv", x), value=lambda np, x: _regular(np, np.linalg.inv, x),
    push=lambda y, xs, x_dot, _: -matmul(matmul(y, x_dot), y),
    pull=lambda y, xs, y_bar, _: -matmul(matmul(swapped(y), y_bar), swapped(y)),
)  # fmt: skip


@quietly
def _cofactor(np: Any, x: Any) -> Any:
    """By the singular values, so that it is right for singular matrices; nan for a matrix that is not finite."""
    is_finite = np.isfinite(x).all((-2, -1), keepdims=True)
    return np.where(is_finite, _of_finite(np, np.where(is_finite, x, 0)), np.nan).astype(x.dtype)


def _of_finite(np: Any, x: Any) -> Any:
    """The cofactors: each singular value gives way to the product of the others."""
    u, s, v = np.linalg.svd(x)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1, s[..., None, :]).prod(-1)
    sign = (np.linalg.det(u) * np.linalg.det(v))[..., None, None]
    return sign * np.matmul(u * others[..., None, :], v)


def _matrix_sum(x: Any) -> Any:
    rank = len(shape_of(x))
    return sum(x, axis=None if rank == 2 else (rank - 2, rank - 1), keepdims=False)


def _each(y: Any) -> Any:
    """A number for each matrix, to be multiplied with the matrices."""
    return reshape(y, shape=(*shape_of(y), 1, 1)) if shape_of(y) else y


def _cofactor_push(y: Any, xs: Sequence[Any], x_dot: Any, _: int) -> Any:
    inverse = swapped(inv(xs[0]))
    return y * _each(_matrix_sum(inverse * x_dot)) - matmul(matmul(y, swapped(x_dot)), inverse)


def _cofactor_pull(y: Any, xs: Sequence[Any], y_bar: Any, _: int) -> Any:
    inverse = swapped(inv(xs[0]))
    return inverse * _each(_matrix_sum(y_bar * y)) - matmul(matmul(inverse, swapped(y_bar)), y)


cofactor = Family(
    "cofactor", letters=lambda x: ("pq", "rs"), shape=lambda x: _square("cofactor", x), value=_cofactor,
    push=_cofactor_push, pull=_cofactor_pull,
)  # fmt: skip
det = Family(
    "det", letters=lambda x: ("pq", ""), shape=lambda x: _square("det", x)[:-2], value=quietly(lambda np, x: np.linalg.det(x)),
    push=lambda y, xs, x_dot, _: _matrix_sum(cofactor(xs[0]) * x_dot),
    pull=lambda y, xs, y_bar, _: _each(y_bar) * cofactor(xs[0]),
)  # fmt: skip


@quietly
def _logdet(np: Any, x: Any) -> Any:
    sign, found = np.linalg.slogdet(x)
    return np.where(sign < 0, np.nan, found).astype(found.dtype)[()]


logdet = Family(
    "logdet", letters=lambda x: ("pq", ""), shape=lambda x: _square("logdet", x)[:-2], value=_logdet,
    push=lambda y, xs, x_dot, _: _matrix_sum(swapped(inv(xs[0])) * x_dot),
    pull=lambda y, xs, y_bar, _: _each(y_bar) * swapped(inv(xs[0])),
)  # fmt: skip
