"""How rows of arrays are written: columns `infix`, `text`, `lists`, `leads` and `usual` of families."""

from __future__ import annotations

from collections import Counter
from typing import Any

from exprad.ground.shapes import Shape
from exprad.tensor import linear, matrices, reductions
from exprad.tensor.family import Texts
from exprad.tensor.linear import Index, IndexArray, Slice


def index_text(index: Index, shape: Shape) -> str | None:
    """An index as a person writes it, `1:, 0`; None where a person's would be another."""
    if len([each for each in index if each is not None]) != len(shape):
        return None
    sizes = iter(shape)
    texts = ["None" if each is None else _entry(each, next(sizes)) for each in index]
    if None in texts:
        return None
    lead = next((place for place, text in enumerate(texts) if text != ":"), 0)
    if lead > 1 and texts[-1] != ":":
        texts[:lead] = ["..."]
    while texts[-1:] == [":"]:
        texts.pop()
    return ", ".join(map(str, texts)) or ("()" if not index else ":")


def _entry(each: int | Slice | IndexArray, size: int) -> str | None:
    if isinstance(each, IndexArray):
        return repr(each) if _fits(each.array, size) else None
    if isinstance(each, Slice):
        return _slice_text(each, size) if Slice.of(each.as_numpy, size) == each else None
    return str(each) if _is_place(each, size) else None


def _is_place(each: Any, size: int) -> bool:
    return each.__class__ is int and 0 <= each < size


def _fits(array: Any, size: int) -> bool:
    """Whether places are as an index that is written gives them."""
    is_inside = not array.size or array.min() >= 0 and array.max() < size
    return bool(array.dtype == int and array.ndim and is_inside)


def _slice_text(given: Slice, size: int) -> str:
    start, stop, step = given[1:]
    first, last = (0, size) if step > 0 else (size - 1, None)
    ends = f"{'' if start == first else start}:{'' if stop == last else stop}"
    return ends if step == 1 else f"{ends}:{step}"


def _part(x: Shape, index: Index) -> Texts:
    inside = index_text(index, x)
    return None if inside is None else ("", f"[{inside}]")


def _placed(y: Shape, shape: Shape, index: Index) -> Texts:
    inside = index_text(index, shape)
    is_read = inside is not None and linear.getitem.shape(shape, index) == y
    return ("add_at(", f", shape={shape}, index=s_[{inside}])") if is_read else None


def _transposed(x: Shape, axes: tuple[int, ...]) -> Texts:
    return ("", ".T") if axes == tuple(range(len(x)))[::-1] else None


# Parameters as functions give them.


def _axes(x: Shape, axis: Any, keepdims: Any = False) -> bool:
    is_some = isinstance(axis, tuple) and len(axis) < len(x) and all(_is_place(each, len(x)) for each in axis)
    return (axis is None or is_some and list(axis) == sorted(set(axis))) and keepdims.__class__ is bool


def _one_axis(*shapes: Shape, axis: Any) -> bool:
    return _is_place(axis, len(shapes[0]))


def _shape(_: Shape, shape: Any) -> bool:
    return isinstance(shape, tuple) and all(size.__class__ is int for size in shape)


def _order(x: Shape, axes: Any) -> bool:
    return (
        isinstance(axes, tuple)
        and all(_is_place(each, len(x)) for each in axes)
        and len(set(axes)) == len(axes) == len(x)
    )


def _real(_: Shape, dtype: Any) -> bool:
    return dtype in ("float16", "float32", "float64")


def _sums(*shapes: Shape, subscripts: str) -> bool:
    """Whether each letter of an operand is there once, and in the result or in another operand."""
    given, arrow, result = subscripts.partition("->")
    operands = given.split(",")
    uses = Counter("".join([*operands, result]))
    ranks = [len(set(each)) for each in operands]
    is_once = ranks == [len(each) for each in operands] == [len(x) for x in shapes] and len(set(result)) == len(result)
    return (
        arrow == "->"
        and is_once
        and set(result) <= set(given)
        and all(letter.isalpha() and count > 1 for letter, count in uses.items())
    )


def _never(*shapes: Shape, **parameters: Any) -> bool:
    return False


linear.getitem.text, linear.add_at.text, linear.transpose.text = _part, _placed, _transposed
matrices.matmul.infix = "@"
linear.concatenate.lists = True
matrices.einsum.leads = "subscripts"
for _family in (
    linear.sum,
    reductions.prod,
    reductions.max,
    reductions.min,
    reductions.logsumexp,
    reductions.norm,
    reductions.softmax,
    reductions.log_softmax,
):
    _family.usual = _axes
linear.cumsum.usual = linear.concatenate.usual = _one_axis
linear.broadcast_to.usual = linear.reshape.usual = _shape
linear.transpose.usual, linear.astype.usual, matrices.einsum.usual = _order, _real, _sums
linear.getitem.usual = linear.add_at.usual = _never  # an index is read by `text`
