"""Rows that reduce axes, beside the sum: products, extrema, norms, and sums of exponentials."""

from __future__ import annotations

from collections.abc import Callable
from math import prod as _size
from string import ascii_lowercase
from typing import Any

from exprad.errors import ShapeError
from exprad.ground.primitive import If
from exprad.ground.shapes import Axes, Shape, shape_of
from exprad.tables.elementary import not_equal, where
from exprad.tensor.family import Family, quietly
from exprad.tensor.linear import axes_of, joined, last, permuted, reduced, reshaped, sum


def _others(x: Any, axis: Axes) -> Any:
    """The product of all other elements along the axes, for each element, without a division: right at zeros."""
    shape, axes = shape_of(x), axes_of(axis, shape_of(x))
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    order = rest + axes
    moved = permuted(x, order)
    flat = reshaped(moved, (*[shape[i] for i in rest], _size(shape[i] for i in axes)))
    if shape_of(flat)[-1] <= 1:
        return 1
    back = tuple(order.index(i) for i in range(len(shape)))
    return permuted(reshaped(_other_factors(flat), shape_of(moved)), back)


def _other_factors(x: Any) -> Any:
    """`_others` along the last axis: pairs are multiplied, and what is outside a pair comes from the pairs' products."""
    *lead, size = shape_of(x)
    half = size // 2
    a, b = last(x, 0, half), last(x, half, 2 * half)
    if size == 2:
        return joined([b, a], len(lead))
    rest = last(x, 2 * half, size)
    outside = _other_factors(joined([a * b, rest], len(lead)) if size % 2 else a * b)
    pairs = last(outside, 0, half)
    parts = [pairs * b, pairs * a, *([last(outside, half, half + 1)] if size % 2 else [])]
    return joined(parts, len(lead))


prod = Family(
    "prod", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: reduced(x, axis, keepdims),
    value=lambda np, x, axis, keepdims: np.multiply.reduce(x, axis, keepdims=keepdims),
    slope=lambda y, x, axis: _others(x, axis),
)  # fmt: skip
prod.into = lambda np, axis, keepdims: lambda x, out: np.multiply.reduce(x, axis, None, out, keepdims)


def _extremum(name: str, ufunc: str, is_less: Callable[[Any, Any], Any]) -> Family:
    """max or min: elements that tie share the derivative, as maximum and minimum of two do."""

    def slope(y: Any, x: Any, axis: Axes) -> If:
        wins = ~is_less(x, y)
        return If(wins, 1 / sum(where(wins, 1, 0), axis=axis, keepdims=True))

    def shape(x: Shape, axis: Axes, keepdims: bool) -> Shape:
        if not _size(x[i] for i in axes_of(axis, x)):
            raise ShapeError(f"{name} of no elements: shape {x}, axis {axis}")
        return reduced(x, axis, keepdims)

    return Family(
        name,
        axis=None,
        keepdims=False,
        reads="group",
        shape=shape,
        slope=slope,
        value=lambda np, x, axis, keepdims: getattr(np, ufunc).reduce(x, axis, keepdims=keepdims),
    )


max = _extremum("max", "maximum", lambda x, y: x < y)
min = _extremum("min", "minimum", lambda x, y: x > y)


@quietly
def _logsumexp(np: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    top = np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)
    found = np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True)) + top
    return found.reshape(reduced(np.shape(x), axis, keepdims))


logsumexp = Family(
    "logsumexp", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: reduced(x, axis, keepdims), value=_logsumexp,
    slope=lambda y, x, axis: softmax(x, axis=axis),
)  # fmt: skip


def _shifted(np: Any, x: Any, axis: Axes) -> Any:
    """x less its largest element, which changes no softmax and lets none overflow."""
    top = np.maximum.reduce(x, axis, keepdims=True, initial=-np.inf)
    return x - np.where(np.isfinite(top), top, 0)


@quietly
def _softmax(np: Any, x: Any, axis: Axes) -> Any:
    found = np.exp(_shifted(np, x, axis))
    return found / np.add.reduce(found, axis, keepdims=True)


@quietly
def _log_softmax(np: Any, x: Any, axis: Axes) -> Any:
    low = _shifted(np, x, axis)
    return low - np.log(np.add.reduce(np.exp(low), axis, keepdims=True))


def _along_one_another(x: Shape, axis: Axes) -> tuple[str, str]:
    """Letters of a row that depends on all elements along the axes."""
    given = ascii_lowercase[: len(x)]
    return given, "".join(letter.upper() if i in axes_of(axis, x) else letter for i, letter in enumerate(given))


softmax: Family = Family(
    "softmax", axis=None, letters=_along_one_another, shape=lambda x, axis: x, value=_softmax,
    push=lambda y, xs, x_dot, _, axis: y * (x_dot - sum(y * x_dot, axis=axis, keepdims=True)),
    pull=lambda y, xs, y_bar, _, axis: y * (y_bar - sum(y * y_bar, axis=axis, keepdims=True)),
)  # fmt: skip
log_softmax: Family = Family(
    "log_softmax", axis=None, letters=_along_one_another, shape=lambda x, axis: x, value=_log_softmax,
    push=lambda y, xs, x_dot, _, axis: x_dot - sum(softmax(xs[0], axis=axis) * x_dot, axis=axis, keepdims=True),
    pull=lambda y, xs, y_bar, _, axis: y_bar - softmax(xs[0], axis=axis) * sum(y_bar, axis=axis, keepdims=True),
)  # fmt: skip


@quietly
def _norm(np: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    squares = np.add.reduce(x * x, axis, keepdims=True)
    info = np.finfo(squares.dtype)
    if not np.all((squares > info.tiny / info.eps) & (squares < info.max)):  # overflow, underflow, zeros
        top = np.maximum.reduce(np.abs(x), axis, keepdims=True, initial=0)
        scale = np.where((top > 0) & np.isfinite(top), top, 1)
        found = np.sqrt(np.add.reduce((x / scale) ** 2, axis, keepdims=True)) * scale
    else:
        found = np.sqrt(squares)
    return found.reshape(reduced(np.shape(x), axis, keepdims))


norm = Family(
    "norm", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: reduced(x, axis, keepdims), value=_norm,
    slope=lambda y, x, axis: If(not_equal(y, 0), x / y),  # 0 where the norm is: the mean of the one-sided slopes
)  # fmt: skip
