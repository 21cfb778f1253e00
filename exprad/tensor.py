"""THE SECOND TABLE: rows that are not elementwise. They state a pushforward and a pullback instead of partials.

A family is a row with parameters (an axis, a shape, an index). Its rules take operands of any kind, numbers, arrays,
expressions, as the chain rule does, and the parameters by name. A family that is linear in its one operand states
its transpose alone: that is its pullback, and it is its own pushforward.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Container, Sequence
from functools import cached_property, partial
from math import prod as _size
from types import MappingProxyType
from typing import Any
from zlib import crc32

from exprad.chain import plus, resolve
from exprad.elementary import not_equal, where
from exprad.errors import ShapeError
from exprad.primitive import Primitive, Shape
from exprad.value import broadcast_shapes

Axes = tuple[int, ...] | None


class Structural(Primitive):
    """A row of the second table: a family with its parameters."""

    def __init__(self, family: Family, arity: int, parameters: dict[str, Any]) -> None:
        import numpy as np

        self.family = family
        super().__init__(family.name, *[None] * arity, numpy=partial(family.value, np, **parameters), analytic=False)
        self.partials = None  # type: ignore[assignment]  # what the chain rule asks
        self.parameters = parameters

    def register(self) -> None:
        """Rows are found by their family, not in the registry of elementwise rows."""

    def shape(self, *shapes: Shape) -> Shape:
        return self.family.shape(*shapes, **self.parameters)

    def push(self, y: Any, xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
        ready = [
            None if x_dot is None else stretched(resolve(x_dot), shape_of(x))
            for x, x_dot in zip(xs, x_dots, strict=True)
        ]
        if self.family.push is None:
            return None if ready[0] is None else self(*ready)
        y_dot = None
        for index, x_dot in enumerate(ready):
            if x_dot is not None:
                y_dot = plus(y_dot, self.family.push(y, xs, x_dot, index, **self.parameters))
        return y_dot

    def pull(self, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], x_bars: dict[Any, Any]) -> None:
        y_bar = resolve(y_bar)
        for index, x in enumerate(xs):
            if x not in idle:
                x_bar = self.family.pull(y, xs, y_bar, index, **self.parameters)
                x_bars[x] = plus(x_bars.get(x), stretched(x_bar, shape_of(x)))

    def folded(self, operands: Sequence[Any]) -> Any:
        """A simpler expression for a call on expressions, which moves no rounding; None where there is none."""
        inner: Any = getattr(operands[0], "primitive", None)
        family = getattr(inner, "family", None)
        if (
            family is broadcast_to
            and not operands[0].operands[0].shape
            and self.arity == 1
            and self.family.reads == "moves"
        ):
            return stretched(operands[0].operands[0], self.shape(operands[0].shape))
        if family is self.family and family is reshape:
            return reshaped(operands[0].operands[0], self.parameters["shape"])
        if family is self.family and family is transpose:
            return permuted(
                operands[0].operands[0], tuple(inner.parameters["axes"][i] for i in self.parameters["axes"])
            )
        return None

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters that differ from what the family assumes."""
        missing = object()
        return {name: value for name, value in self.parameters.items()
                if self.family.defaults.get(name, missing) != value}  # fmt: skip

    @cached_property
    def digest(self) -> int:
        shortened = {name: [getattr(each, "digest", each) for each in value] if name == "index" else value
                     for name, value in self.parameters.items()}  # fmt: skip
        return crc32(f"{self.name} {shortened}".encode())

    def __repr__(self) -> str:
        return f"<primitive {self.name} {self.parameters}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.name, self.arity, self.parameters)


class Family:
    """Rows that differ in their parameters alone: one row for each set of them.

    - `shape(*shapes, **parameters)`: the shape of the result; raises for operands that do not fit;
    - `value(np, *xs, **parameters)`: the result, for arrays;
    - `transpose(y_bar, x, **parameters)`: the pullback of a family that is linear in its one operand; or
    - `push(y, xs, x_dot, index, **parameters)`, `pull(y, xs, y_bar, index, **parameters)`: the tangent that operand
      `index` passes on, and the adjoint that it gets;
    - `reads`: which elements of an operand an element of the result depends on: one, where it "moves" elements or
      "scatters" them among zeros; a "group" along axes; or "all".

    >>> sum.row(axis=None, keepdims=False)
    <primitive sum {'axis': None, 'keepdims': False}>
    """

    registry: dict[str, Family] = {}

    def __init__(self, name: str, *, shape: Callable[..., Shape], value: Callable[..., Any],
                 transpose: Callable[..., Any] | None = None, push: Callable[..., Any] | None = None,
                 pull: Callable[..., Any] | None = None, reads: str = "all", **defaults: Any) -> None:  # fmt: skip
        self.name, self.shape, self.value, self.push, self.reads = name, shape, value, push, reads
        self.defaults = MappingProxyType(defaults)
        if transpose is not None:
            self.pull: Any = lambda y, xs, y_bar, _, **parameters: transpose(y_bar, xs[0], **parameters)
        else:
            self.pull = pull
        self._rows: dict[Any, Structural] = {}
        Family.registry[name] = self

    def row(self, arity: int = 1, **parameters: Any) -> Structural:
        """The row for these parameters, the same at every call."""
        key = (arity, *parameters.items())
        known = self._rows.get(key)
        return known or self._rows.setdefault(key, Structural(self, arity, parameters))

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        return self.row(len(operands), **parameters)(*operands)


def _restored(name: str, arity: int, parameters: dict[str, Any]) -> Structural:
    return Family.registry[name].row(arity, **parameters)


def shape_of(x: Any) -> Shape:
    return tuple(getattr(x, "shape", ()))


def stretched(x: Any, shape: Shape) -> Any:
    """x broadcast to `shape`, if it is not of that shape already."""
    return x if shape_of(x) == shape else broadcast_to(x, shape=shape)


def reshaped(x: Any, shape: Shape) -> Any:
    """x in another shape, if it is not of that shape already."""
    return x if shape_of(x) == shape else reshape(x, shape=shape)


def summed_to(x: Any, shape: Shape) -> Any:
    """x summed over what broadcasting from `shape` had added: the transpose of `stretched`."""
    have = shape_of(x)
    if have == shape:
        return x
    lead = len(have) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, size in enumerate(shape) if size == 1 and have[lead + i] != 1)
    whole = None if len(axes) == len(have) else axes
    return reshaped(sum(x, axis=whole, keepdims=False) if axes else x, shape)


# Axes that a row reduces: None for all of them, else whole numbers from 0, in order.


def _axes(axis: Axes, shape: Shape) -> tuple[int, ...]:
    return tuple(range(len(shape))) if axis is None else axis


def _kept(shape: Shape, axis: Axes) -> Shape:
    axes = _axes(axis, shape)
    return tuple(1 if i in axes else size for i, size in enumerate(shape))


def _reduced(shape: Shape, axis: Axes, keepdims: bool) -> Shape:
    axes = _axes(axis, shape)
    return _kept(shape, axis) if keepdims else tuple(size for i, size in enumerate(shape) if i not in axes)


def _along(x: Any, y: Any, axis: Axes) -> Any:
    """What a reduction of x gave, with the reduced axes kept, so that it broadcasts against x."""
    return y if shape_of(y) == () else reshaped(y, _kept(shape_of(x), axis))


sum = Family(
    "sum", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: _reduced(x, axis, keepdims),
    value=lambda np, x, axis, keepdims: np.add.reduce(x, axis, keepdims=keepdims),
    transpose=lambda y_bar, x, axis, keepdims: broadcast_to(_along(x, y_bar, axis), shape=shape_of(x)),
)  # fmt: skip


def _others(x: Any, axis: Axes) -> Any:
    """The product of all other elements along the axes, for each element, without a division: right at zeros."""
    shape, axes = shape_of(x), _axes(axis, shape_of(x))
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    order = rest + axes
    moved = permuted(x, order)
    flat = reshaped(moved, (*[shape[i] for i in rest], _size(shape[i] for i in axes)))
    if shape_of(flat)[-1] == 1:
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


def last(x: Any, start: int, stop: int) -> Any:
    """A slice along the last axis."""
    shape = shape_of(x)
    whole = tuple((0, size, 1) for size in shape[:-1])
    return x if (start, stop) == (0, shape[-1]) else getitem(x, index=(*whole, (start, stop, 1)))


def joined(parts: Sequence[Any], axis: int) -> Any:
    return parts[0] if len(parts) == 1 else concatenate(*parts, axis=axis)


prod = Family(
    "prod", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: _reduced(x, axis, keepdims),
    value=lambda np, x, axis, keepdims: np.multiply.reduce(x, axis, keepdims=keepdims),
    push=lambda y, xs, x_dot, _, axis, keepdims: sum(_others(xs[0], axis) * x_dot, axis=axis, keepdims=keepdims),
    pull=lambda y, xs, y_bar, _, axis, keepdims: _along(xs[0], y_bar, axis) * _others(xs[0], axis),
)  # fmt: skip


def _extremum(name: str, ufunc: str, is_less: Callable[[Any, Any], Any]) -> Family:
    """max or min: elements that tie share the derivative, as maximum and minimum of two do."""

    def shares(x: Any, y: Any, axis: Axes) -> Any:
        wins = ~is_less(x, _along(x, y, axis))
        return wins, sum(where(wins, 1, 0), axis=axis, keepdims=True)

    def push(y: Any, xs: Sequence[Any], x_dot: Any, _: int, axis: Axes, keepdims: bool) -> Any:
        wins, ties = shares(xs[0], y, axis)
        return sum(where(wins, x_dot / ties, 0), axis=axis, keepdims=keepdims)

    def pull(y: Any, xs: Sequence[Any], y_bar: Any, _: int, axis: Axes, keepdims: bool) -> Any:
        wins, ties = shares(xs[0], y, axis)
        return where(wins, _along(xs[0], y_bar, axis) / ties, 0)

    def shape(x: Shape, axis: Axes, keepdims: bool) -> Shape:
        if not _size(x[i] for i in _axes(axis, x)):
            raise ShapeError(f"{name} of no elements: shape {x}, axis {axis}")
        return _reduced(x, axis, keepdims)

    return Family(name, axis=None, keepdims=False, reads="group", shape=shape, push=push, pull=pull,
                  value=lambda np, x, axis, keepdims: getattr(np, ufunc).reduce(x, axis, keepdims=keepdims))  # fmt: skip


max = _extremum("max", "maximum", lambda x, y: x < y)
min = _extremum("min", "minimum", lambda x, y: x > y)


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """A value whose inner steps warn of nothing."""

    def quiet(np: Any, *xs: Any, **parameters: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(np, *xs, **parameters)

    return quiet


@_quiet
def _logsumexp(np: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    top = np.maximum.reduce(x, axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    found = np.log(np.add.reduce(np.exp(x - top), axis, keepdims=True)) + top
    return found.reshape(_reduced(np.shape(x), axis, keepdims))


logsumexp = Family(
    "logsumexp", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: _reduced(x, axis, keepdims), value=_logsumexp,
    push=lambda y, xs, x_dot, _, axis, keepdims: sum(softmax(xs[0], axis=axis) * x_dot, axis=axis, keepdims=keepdims),
    pull=lambda y, xs, y_bar, _, axis, keepdims: _along(xs[0], y_bar, axis) * softmax(xs[0], axis=axis),
)  # fmt: skip


def _shifted(np: Any, x: Any, axis: Axes) -> Any:
    """x less its largest element, which changes no softmax and lets none overflow."""
    top = np.maximum.reduce(x, axis, keepdims=True)
    return x - np.where(np.isfinite(top), top, 0)


@_quiet
def _softmax(np: Any, x: Any, axis: Axes) -> Any:
    found = np.exp(_shifted(np, x, axis))
    return found / np.add.reduce(found, axis, keepdims=True)


@_quiet
def _log_softmax(np: Any, x: Any, axis: Axes) -> Any:
    low = _shifted(np, x, axis)
    return low - np.log(np.add.reduce(np.exp(low), axis, keepdims=True))


softmax: Family = Family(
    "softmax", axis=None, shape=lambda x, axis: x, value=_softmax,
    push=lambda y, xs, x_dot, _, axis: y * (x_dot - sum(y * x_dot, axis=axis, keepdims=True)),
    pull=lambda y, xs, y_bar, _, axis: y * (y_bar - sum(y * y_bar, axis=axis, keepdims=True)),
)  # fmt: skip
log_softmax: Family = Family(
    "log_softmax", axis=None, shape=lambda x, axis: x, value=_log_softmax,
    push=lambda y, xs, x_dot, _, axis: x_dot - sum(softmax(xs[0], axis=axis) * x_dot, axis=axis, keepdims=True),
    pull=lambda y, xs, y_bar, _, axis: y_bar - softmax(xs[0], axis=axis) * sum(y_bar, axis=axis, keepdims=True),
)  # fmt: skip


@_quiet
def _norm(np: Any, x: Any, axis: Axes, keepdims: bool) -> Any:
    squares = np.add.reduce(x * x, axis, keepdims=True)
    info = np.finfo(squares.dtype)
    if not np.all((squares > info.tiny / info.eps) & (squares < info.max)):  # overflow, underflow, zeros
        top = np.maximum.reduce(np.abs(x), axis, keepdims=True)
        scale = np.where((top > 0) & np.isfinite(top), top, 1)
        found = np.sqrt(np.add.reduce((x / scale) ** 2, axis, keepdims=True)) * scale
    else:
        found = np.sqrt(squares)
    return found.reshape(_reduced(np.shape(x), axis, keepdims))


def _direction(x: Any, y: Any, axis: Axes) -> Any:
    """x over its norm, and 0 where the norm is: the mean of the one-sided slopes."""
    length = _along(x, y, axis)
    return where(not_equal(length, 0), x / length, 0)


norm = Family(
    "norm", axis=None, keepdims=False, reads="group",
    shape=lambda x, axis, keepdims: _reduced(x, axis, keepdims), value=_norm,
    push=lambda y, xs, x_dot, _, axis, keepdims: sum(_direction(xs[0], y, axis) * x_dot, axis=axis, keepdims=keepdims),
    pull=lambda y, xs, y_bar, _, axis, keepdims: _along(xs[0], y_bar, axis) * _direction(xs[0], y, axis),
)  # fmt: skip

cumsum: Family = Family(
    "cumsum",
    shape=lambda x, axis: x,
    value=lambda np, x, axis: np.add.accumulate(x, axis),
    transpose=lambda y_bar, x, axis: reversed_along(cumsum(reversed_along(y_bar, axis), axis=axis), axis),
)  # fmt: skip


def reversed_along(x: Any, axis: int) -> Any:
    shape = shape_of(x)
    return getitem(x, index=tuple((size - 1, None, -1) if i == axis else (0, size, 1) for i, size in enumerate(shape)))


# Rows that move elements.


def _broadcast_shape(given: Shape, shape: Shape) -> Shape:
    if len(given) > len(shape) or broadcast_shapes("broadcast_to", [given, shape]) != shape:
        raise ShapeError(f"broadcast_to: shape {given} does not broadcast to {shape}")
    return shape


def _repeated(np: Any, x: Any, shape: Shape) -> Any:
    """One number as a read-only array of any shape: NumPy's own way there is long."""
    if not isinstance(x, (np.ndarray, np.generic)):
        return np.broadcast_to(x, shape)
    found = np.ndarray(shape, x.dtype, np.asarray(x), 0, (0,) * len(shape))
    found.setflags(write=False)
    return found


broadcast_to: Family = Family(
    "broadcast_to", reads="moves", shape=_broadcast_shape,
    value=lambda np, x, shape: np.broadcast_to(x, shape) if x.ndim else _repeated(np, x, shape),
    transpose=lambda y_bar, x, shape: summed_to(y_bar, shape_of(x)),
)  # fmt: skip


def _reshape_shape(given: Shape, shape: Shape) -> Shape:
    if _size(given) != _size(shape):
        raise ShapeError(f"reshape: shape {given} has {_size(given)} elements, {shape} has {_size(shape)}")
    return shape


reshape: Family = Family(
    "reshape", reads="moves", shape=_reshape_shape,
    value=lambda np, x, shape: x.reshape(shape),
    transpose=lambda y_bar, x, shape: reshape(y_bar, shape=shape_of(x)),
)  # fmt: skip

transpose: Family = Family(
    "transpose", reads="moves",
    shape=lambda x, axes: tuple(x[i] for i in axes),
    value=lambda np, x, axes: x.transpose(axes),
    transpose=lambda y_bar, x, axes: transpose(y_bar, axes=tuple(axes.index(i) for i in range(len(axes)))),
)  # fmt: skip


def permuted(x: Any, axes: tuple[int, ...]) -> Any:
    """x with its axes in another order, if that is another."""
    return x if axes == tuple(range(len(axes))) else transpose(x, axes=axes)


def swapped(x: Any) -> Any:
    """Matrices transposed: the last two axes exchanged."""
    last = len(shape_of(x)) - 1
    return transpose(x, axes=(*range(last - 1), last, last - 1))


def _concatenated_shape(*shapes: Shape, axis: int) -> Shape:
    first = shapes[0]
    for shape in shapes[1:]:
        if len(shape) != len(first) or any(
            a != b for i, (a, b) in enumerate(zip(shape, first, strict=True)) if i != axis
        ):
            raise ShapeError(f"concatenate: shapes {first} and {shape} differ in another axis than {axis}")
    return (*first[:axis], builtins.sum(shape[axis] for shape in shapes), *first[axis + 1 :])


def _places(xs: Sequence[Any], index: int, axis: int) -> tuple[Any, ...]:
    """Where operand `index` lies in the concatenation."""
    shape = shape_of(xs[index])
    start = builtins.sum(shape_of(x)[axis] for x in xs[:index])
    return tuple((start, start + size, 1) if i == axis else (0, size, 1) for i, size in enumerate(shape))


concatenate = Family(
    "concatenate", reads="moves", shape=_concatenated_shape, axis=0,
    value=lambda np, *xs, axis: np.concatenate(xs, axis),
    push=lambda y, xs, x_dot, index, axis: add_at(x_dot, shape=shape_of(y), index=_places(xs, index, axis)),
    pull=lambda y, xs, y_bar, index, axis: getitem(y_bar, index=_places(xs, index, axis)),
)  # fmt: skip


class IndexArray:
    """Whole numbers that index an axis: an array that compares by what it holds."""

    __slots__ = ("_key", "array", "digest")

    def __init__(self, array: Any) -> None:
        self.array = array
        self._key = (array.shape, array.tobytes())
        self.digest = crc32(self._key[1])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IndexArray) and self._key == other._key

    def __hash__(self) -> int:
        return self.digest

    def __repr__(self) -> str:
        return repr(self.array.tolist())

    def __reduce__(self) -> tuple[Any, ...]:
        return IndexArray, (self.array,)


Index = tuple[int | tuple[int, int | None, int] | IndexArray | None, ...]  # as `x[index]`; a slice is a tuple


def of_numpy(index: Index) -> tuple[Any, ...]:
    """An index as NumPy takes it."""
    return tuple(
        slice(*each) if isinstance(each, tuple) else each.array if isinstance(each, IndexArray) else each
        for each in index
    )


def _part_shape(shape: Shape, index: Index) -> Shape:
    """The shape of `x[index]`, without a look at the elements."""
    if not any(isinstance(each, IndexArray) for each in index):
        import numpy as np

        return np.broadcast_to(0, shape)[of_numpy(index)].shape
    arrays = [place for place, each in enumerate(index) if isinstance(each, (int, IndexArray))]
    common = broadcast_shapes("getitem", [each.array.shape for each in index if isinstance(each, IndexArray)])
    sizes = iter(shape)
    found: list[int] = []
    together = arrays == list(range(arrays[0], arrays[-1] + 1))  # else NumPy puts their axes first
    for place, each in enumerate(index):
        size = 1 if each is None else next(sizes)
        if place == arrays[0] and together:
            found += common
        if isinstance(each, tuple):
            found.append(len(range(*slice(*each).indices(size))))
        elif each is None:
            found.append(1)
    return tuple(found) if together else (*common, *found)


def _add_at(np: Any, y: Any, shape: Shape, index: Index) -> Any:
    whole = np.zeros(shape, y.dtype)
    if any(isinstance(each, IndexArray) for each in index):
        np.add.at(whole, of_numpy(index), y)
    else:
        whole[of_numpy(index)] = y
    return whole


getitem: Family = Family(
    "getitem", reads="moves", shape=_part_shape,
    value=lambda np, x, index: x[of_numpy(index)],
    transpose=lambda y_bar, x, index: add_at(y_bar, shape=shape_of(x), index=index),
)  # fmt: skip
add_at: Family = Family(
    "add_at", reads="scatters",
    shape=lambda y, shape, index: shape, value=_add_at,
    transpose=lambda x_bar, y, shape, index: getitem(x_bar, index=index),
)  # fmt: skip
astype = Family(
    "astype", reads="moves",
    shape=lambda x, dtype: x, value=lambda np, x, dtype: x.astype(dtype),
    transpose=lambda y_bar, x, dtype: y_bar,
)  # fmt: skip


# Linear algebra. Axes before the last two number matrices that are treated alike.


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if not a or not b or a[-1] != b[-2 if len(b) > 1 else 0]:
        raise ShapeError(f"matmul: shapes {a} and {b} do not fit; the last axis of the first must be as long as the last "
                         "but one of the second")  # fmt: skip
    lead = broadcast_shapes("matmul", [a[:-2], b[:-2]])
    return (*lead, *a[-2:-1], *(b[-1:] if len(b) > 1 else ()))


def _matmul_push(y: Any, xs: Sequence[Any], x_dot: Any, index: int) -> Any:
    return matmul(x_dot, xs[1]) if index == 0 else matmul(xs[0], x_dot)


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
    "matmul", shape=_matmul_shape, value=lambda np, a, b: np.matmul(a, b), push=_matmul_push, pull=_matmul_pull
)


def _einsum_shape(*shapes: Shape, subscripts: str) -> Shape:
    given, result = subscripts.split("->")
    sizes: dict[str, int] = {}
    for letters, shape in zip(given.split(","), shapes, strict=True):
        for letter, size in zip(letters, shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise ShapeError(f"einsum: '{letter}' of {subscripts!r} is {sizes[letter]} and {size}; shapes "
                                 f"{', '.join(map(str, shapes))}")  # fmt: skip
    return tuple(sizes[letter] for letter in result)


def _einsum_pull(y: Any, xs: Sequence[Any], y_bar: Any, index: int, subscripts: str) -> Any:
    given, result = subscripts.split("->")
    letters = given.split(",")
    others = [letters[i] for i in range(len(xs)) if i != index]
    wanted = f"{','.join([result, *others])}->{letters[index]}"
    return einsum(y_bar, *[x for i, x in enumerate(xs) if i != index], subscripts=wanted)


einsum: Family = Family(  # an operand has a letter once, and each letter of an operand is in the result or in another operand
    "einsum", shape=_einsum_shape,
    value=lambda np, *xs, subscripts: np.einsum(subscripts, *xs, optimize=len(xs) > 1),
    push=lambda y, xs, x_dot, index, subscripts: einsum(*xs[:index], x_dot, *xs[index + 1 :], subscripts=subscripts),
    pull=_einsum_pull,
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


solve = Family("solve", shape=_solve_shape, value=_solve, push=_solve_push, pull=_solve_pull)
inv = Family(
    "inv", shape=lambda x: _square("inv", x), value=lambda np, x: _regular(np, np.linalg.inv, x),
    push=lambda y, xs, x_dot, _: -matmul(matmul(y, x_dot), y),
    pull=lambda y, xs, y_bar, _: -matmul(matmul(swapped(y), y_bar), swapped(y)),
)  # fmt: skip


def _cofactor(np: Any, x: Any) -> Any:
    """By the singular values, so that it is right for singular matrices: each times the product of the others."""
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
    "cofactor", shape=lambda x: _square("cofactor", x), value=_cofactor, push=_cofactor_push, pull=_cofactor_pull
)
det = Family(
    "det", shape=lambda x: _square("det", x)[:-2], value=lambda np, x: np.linalg.det(x),
    push=lambda y, xs, x_dot, _: _matrix_sum(cofactor(xs[0]) * x_dot),
    pull=lambda y, xs, y_bar, _: _each(y_bar) * cofactor(xs[0]),
)  # fmt: skip


@_quiet
def _logdet(np: Any, x: Any) -> Any:
    sign, found = np.linalg.slogdet(x)
    return np.where(sign < 0, np.nan, found).astype(found.dtype)[()]


logdet = Family(
    "logdet", shape=lambda x: _square("logdet", x)[:-2], value=_logdet,
    push=lambda y, xs, x_dot, _: _matrix_sum(swapped(inv(xs[0])) * x_dot),
    pull=lambda y, xs, y_bar, _: _each(y_bar) * swapped(inv(xs[0])),
)  # fmt: skip
