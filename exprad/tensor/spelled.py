"""How rows of arrays are written, where it isn't as a call: columns `infix`, `text`, `lists` and `leads` of families."""

from __future__ import annotations

from typing import Any

from exprad.ground.shapes import Shape
from exprad.tensor.family import Texts
from exprad.tensor.linear import Index, IndexArray, Slice, add_at, concatenate, getitem, transpose
from exprad.tensor.matrices import einsum, matmul


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
    return str(each) if each.__class__ is int and 0 <= each < size else None


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
    is_read = inside is not None and getitem.shape(shape, index) == y
    return ("add_at(", f", shape={shape}, index=s_[{inside}])") if is_read else None


def _transposed(x: Shape, axes: tuple[int, ...]) -> Texts:
    return ("", ".T") if axes == tuple(range(len(x)))[::-1] else None


getitem.text, add_at.text, transpose.text = _part, _placed, _transposed
matmul.infix = "@"
concatenate.lists = True
einsum.leads = "subscripts"
