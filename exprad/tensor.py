"""The second table: rows that are not elementwise. They state a pushforward and a pullback instead of partials."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Container, Sequence
from functools import cache
from math import prod as _prod
from typing import Any

from exprad.chain import plus, resolve
from exprad.errors import OperandError, ShapeError
from exprad.primitive import Primitive, Shape
from exprad.value import broadcast_shapes


class Structural(Primitive):
    """A row with parameters (an axis, a shape): one instance for each set of them."""

    def __init__(self, name: str, arity: int, *, shape: Callable[..., Shape], push: Callable[..., Any],
                 pull: Callable[..., Any], numpy: Callable[..., Any], parameters: dict[str, Any]) -> None:  # fmt: skip
        self._shape, self._push, self._pull = shape, push, pull
        self._arity = arity
        super().__init__(name, *[None] * arity, numpy=numpy, analytic=False)
        self.partials = None  # type: ignore[assignment]  # what the chain rule asks
        self.parameters = parameters

    def register(self) -> None:
        """Families are found by their function in this module, not in the registry of rows."""

    def shape(self, *shapes: Shape) -> Shape:
        return self._shape(*shapes)

    def push(self, y: Any, xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
        ready = [
            None if x_dot is None else stretched(resolve(x_dot), shape_of(x))
            for x, x_dot in zip(xs, x_dots, strict=True)
        ]
        return self._push(xs, ready)

    def pull(self, y: Any, xs: Sequence[Any], y_bar: Any, idle: Container[Any], x_bars: dict[Any, Any]) -> None:
        y_bar = resolve(y_bar)
        for index, x in enumerate(xs):
            if x not in idle:
                x_bars[x] = plus(x_bars.get(x), self._pull(xs, y_bar, index))

    def __repr__(self) -> str:
        return f"<primitive {self.name} {self.parameters}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _FAMILIES[self.name], tuple(self.parameters.values())


def shape_of(x: Any) -> Shape:
    return tuple(getattr(x, "shape", ()))


def stretched(x: Any, shape: Shape) -> Any:
    """x broadcast to `shape`, if it is not of that shape already."""
    return x if shape_of(x) == shape else broadcast_to(x, shape)


def summed_to(x: Any, shape: Shape) -> Any:
    """x summed over what broadcasting from `shape` had added: the transpose of `stretched`."""
    have = shape_of(x)
    if have == shape:
        return x
    lead = len(have) - len(shape)
    axes = tuple(range(lead)) + tuple(lead + i for i, size in enumerate(shape) if size == 1 and have[lead + i] != 1)
    return reshape(sum(x, axis=axes), shape)


def _linear(name: str, shape: Callable[[Shape], Shape], transpose: Callable[[Any, Any], Any],
            numpy: Callable[[Any], Any], parameters: dict[str, Any]) -> Structural:  # fmt: skip
    """A linear row of one operand: its pushforward is itself; `transpose(x, y_bar)` is its pullback."""
    row = Structural(name, 1, shape=shape, push=lambda xs, x_dots: row(x_dots[0]),
                     pull=lambda xs, y_bar, _: transpose(xs[0], y_bar), numpy=numpy, parameters=parameters)  # fmt: skip
    return row


@cache
def _sum(axis: tuple[int, ...] | None, keepdims: bool) -> Structural:
    import numpy as np

    def kept(shape: Shape) -> Shape:
        axes = _axes(axis, shape)
        return tuple(1 if i in axes else size for i, size in enumerate(shape))

    def result(shape: Shape) -> Shape:
        axes = _axes(axis, shape)
        return kept(shape) if keepdims else tuple(size for i, size in enumerate(shape) if i not in axes)

    return _linear("sum", result, lambda x, y_bar: broadcast_to(reshape(y_bar, kept(shape_of(x))), shape_of(x)),
                   lambda x: np.sum(x, axis=axis, keepdims=keepdims), {"axis": axis, "keepdims": keepdims})  # fmt: skip


def _axes(axis: tuple[int, ...] | None, shape: Shape) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(len(shape)))
    for each in axis:
        if not -len(shape) <= each < len(shape):
            raise ShapeError(f"sum: axis {each} is out of range for shape {shape}")
    return tuple(each % len(shape) for each in axis)


@cache
def _broadcast_to(shape: Shape) -> Structural:
    import numpy as np

    def result(given: Shape) -> Shape:
        if len(given) > len(shape) or broadcast_shapes("broadcast_to", [given, shape]) != shape:
            raise ShapeError(f"broadcast_to: shape {given} does not broadcast to {shape}")
        return shape

    return _linear("broadcast_to", result, lambda x, y_bar: summed_to(y_bar, shape_of(x)),
                   lambda x: np.broadcast_to(x, shape), {"shape": shape})  # fmt: skip


@cache
def _reshape(shape: Shape) -> Structural:
    import numpy as np

    def result(given: Shape) -> Shape:
        if _prod(given) != _prod(shape):
            raise ShapeError(f"reshape: shape {given} has {_prod(given)} elements, {shape} has {_prod(shape)}")
        return shape

    return _linear("reshape", result, lambda x, y_bar: reshape(y_bar, shape_of(x)),
                   lambda x: np.reshape(x, shape), {"shape": shape})  # fmt: skip


@cache
def _transpose() -> Structural:
    import numpy as np

    return _linear("transpose", lambda shape: shape[::-1], lambda x, y_bar: transpose(y_bar), np.transpose, {})


Index = tuple[int | tuple[int, int | None, int] | None, ...]  # a whole number, a slice or a new axis for each axis


def _resolved(index: Any, shape: Shape) -> Index:
    """An index as given, for each axis of `shape`."""
    given = index if isinstance(index, tuple) else (index,)
    used = builtins.sum(each is not None and each is not Ellipsis for each in given)
    if builtins.sum(each is Ellipsis for each in given) > 1 or used > len(shape):
        raise ShapeError(f"the index {index!r} has more places than an expression of shape {shape} has axes")
    rest = (slice(None),) * (len(shape) - used)
    place = next((i for i, each in enumerate(given) if each is Ellipsis), len(given))
    sizes = iter(shape)
    whole = (*given[:place], *rest, *given[place + 1 :])
    return tuple([None if each is None else _along(each, next(sizes), shape) for each in whole])


def _along(each: Any, size: int, shape: Shape) -> Any:
    if isinstance(each, slice):
        start, stop, step = each.indices(size)
        return start, stop if stop >= 0 else None, step
    if isinstance(each, tuple):  # a slice as text spells it
        return each
    if not hasattr(each, "__index__") or isinstance(each, builtins.bool):
        raise OperandError(f"an expression is indexed by whole numbers and slices, got {type(each).__name__}: {each!r}")
    place = operator.index(each)
    if not -size <= place < size:
        raise ShapeError(f"index {place} is out of range for an axis of size {size} of shape {shape}")
    return place % size


def _of_numpy(index: Index) -> tuple[Any, ...]:
    return tuple(slice(*each) if isinstance(each, tuple) else each for each in index)


@cache
def _getitem(index: Index) -> Structural:
    import numpy as np

    places = _of_numpy(index)
    return _linear("getitem", lambda shape: np.broadcast_to(0, shape)[places].shape,
                   lambda x, y_bar: add_at(y_bar, shape_of(x), index), lambda x: x[places], {"index": index})  # fmt: skip


@cache
def _add_at(shape: Shape, index: Index) -> Structural:
    import numpy as np

    places = _of_numpy(index)

    def scattered(y: Any) -> Any:
        whole = np.zeros(shape, y.dtype)
        whole[places] = y
        return whole

    return _linear("add_at", lambda _: shape, lambda y, x_bar: getitem(x_bar, index), scattered,
                   {"shape": shape, "index": index})  # fmt: skip


def _matmul_shape(a: Shape, b: Shape) -> Shape:
    if len(a) not in (1, 2) or len(b) not in (1, 2) or a[-1] != b[0]:
        raise ShapeError(f"matmul: shapes {a} and {b} do not fit; both have 1 or 2 axes, the last of the first as long as "
                         "the first of the second")  # fmt: skip
    return a[:-1] + b[1:]


def _matmul_pull(xs: Sequence[Any], y_bar: Any, index: int) -> Any:
    a, b = xs
    if len(shape_of(a)) == len(shape_of(b)) == 1:
        return y_bar * (b if index == 0 else a)
    if index == 0:
        return _outer(y_bar, b) if len(shape_of(b)) == 1 else matmul(y_bar, transpose(b))
    return _outer(a, y_bar) if len(shape_of(a)) == 1 else matmul(transpose(a), y_bar)


def _outer(a: Any, b: Any) -> Any:
    return reshape(a, (*shape_of(a), 1)) * reshape(b, (1, *shape_of(b)))


def _matmul_push(xs: Sequence[Any], x_dots: Sequence[Any]) -> Any:
    (a, b), (a_dot, b_dot) = xs, x_dots
    terms = [matmul(a_dot, b)] if a_dot is not None else []
    terms += [matmul(a, b_dot)] if b_dot is not None else []
    return (terms[0] + terms[1] if len(terms) == 2 else terms[0]) if terms else None


@cache
def _matmul() -> Structural:
    import numpy as np

    return Structural(
        "matmul", 2, shape=_matmul_shape, push=_matmul_push, pull=_matmul_pull, numpy=np.matmul, parameters={}
    )


def sum(x: Any, axis: int | tuple[int, ...] | None = None, keepdims: bool = False) -> Any:
    """The sum over all axes, or over `axis`.

    >>> from exprad import Var
    >>> v = Var("v", shape=(3,))
    >>> (v * v).sum().gradient(v).evaluate(v=[1.0, 2.0, 3.0])
    array([2., 4., 6.])
    """
    return _sum((axis,) if isinstance(axis, int) else axis if axis is None else tuple(axis), builtins.bool(keepdims))(x)


def broadcast_to(x: Any, shape: Shape) -> Any:
    """x repeated to `shape`, as NumPy broadcasts."""
    return _broadcast_to(tuple(shape))(x)


def reshape(x: Any, shape: Shape | int) -> Any:
    """x with its elements, in order, in another shape; one size may be -1."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if -1 in sizes:
        rest = -_prod(sizes)
        sizes = tuple(_prod(shape_of(x)) // (rest or 1) if size == -1 else size for size in sizes)
    return x if shape_of(x) == sizes else _reshape(sizes)(x)


def getitem(x: Any, index: Any) -> Any:
    """A part of x, by whole numbers, slices, `...` and new axes, as NumPy's `x[index]`.

    >>> from exprad import Var
    >>> v = Var("v", shape=(4,))
    >>> ((v[1:] - v[:-1]) ** 2).sum().gradient(v).evaluate(v=[1.0, 2.0, 4.0, 7.0])
    array([-2., -2., -2.,  6.])
    """
    shape = shape_of(x)
    places = _resolved(index, shape)
    return x if places == tuple((0, size, 1) for size in shape) else _getitem(places)(x)


def add_at(y: Any, shape: Shape, index: Any) -> Any:
    """Zeros of `shape` with y at `index`: the transpose of `getitem`."""
    return _add_at(tuple(shape), _resolved(index, tuple(shape)))(y)


def transpose(x: Any) -> Any:
    """x with its axes reversed."""
    return x if len(shape_of(x)) < 2 else _transpose()(x)


def matmul(a: Any, b: Any) -> Any:
    """The matrix product of vectors or matrices, as NumPy's `@`."""
    return _matmul()(a, b)


_FAMILIES: dict[str, Callable[..., Any]] = {"sum": _sum, "broadcast_to": _broadcast_to, "reshape": _reshape,
                                            "transpose": _transpose, "matmul": _matmul, "getitem": _getitem,
                                            "add_at": _add_at}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {"sum": sum, "broadcast_to": broadcast_to, "reshape": reshape,
                                            "transpose": transpose, "matmul": matmul, "getitem": getitem,
                                            "add_at": add_at}  # fmt: skip
