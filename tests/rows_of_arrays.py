"""Calls of every family of rows, with parameters that functions give and with others that only a row takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from exprad import Call, Var
from exprad.tensor import Family, IndexArray, Slice
from tests.arrays import Draw, shapes


def axes(draw: Draw, rank: int) -> Any:
    chosen = tuple(sorted(draw(st.sets(st.integers(0, max(0, rank - 1)), max_size=rank)))) if rank else ()
    return draw(st.sampled_from([None, chosen]))


def reduction(draw: Draw) -> Any:
    shape = draw(shapes())
    return [shape], {"axis": axes(draw, len(shape)), "keepdims": draw(st.booleans())}


def along(draw: Draw) -> Any:
    shape = draw(shapes())
    return [shape], {"axis": axes(draw, len(shape))}


def one_axis(draw: Draw) -> Any:
    shape = draw(shapes(1))
    return [shape], {"axis": draw(st.integers(0, len(shape) - 1))}


def stretched(draw: Draw) -> Any:
    shape = draw(sizes_and_zeros())
    narrow = tuple(1 if draw(st.booleans()) else size for size in shape)
    return [narrow[draw(st.integers(0, len(shape))) :]], {"shape": shape}


def sizes_and_zeros(most: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(st.integers(0, 3), max_size=most).map(tuple)


def reshaped(draw: Draw) -> Any:
    shape = draw(sizes_and_zeros())
    others = [shape, shape[::-1], (math.prod(shape),), (*shape, 1), (1, *shape)]
    return [shape], {"shape": draw(st.sampled_from(others))}


def permuted(draw: Draw) -> Any:
    shape = draw(sizes_and_zeros(4))
    return [shape], {"axes": tuple(draw(st.permutations(range(len(shape)))))}


def joined(draw: Draw) -> Any:
    shape = draw(shapes(1))
    axis = draw(st.integers(0, len(shape) - 1))
    sizes = draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes], {"axis": axis}


def places(draw: Draw, shape: tuple[int, ...]) -> Any:
    """An index as a row takes it; ends of slices may lie beyond an axis, and places count from the end."""
    entries: list[Any] = []
    for size in shape:
        slices = st.builds(Slice, st.integers(0, 4), st.none() | st.integers(0, 4), st.sampled_from([1, 2, -1, -2]))
        usual = st.sampled_from([Slice(0, size), Slice(0, size), Slice(0, 0), Slice(max(size - 1, 0), None, -1)])
        inside = st.integers(0, size - 1) | st.integers(-size, size - 1) if size else usual
        array = np.array(draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2)) if size else [], int)
        listed = st.sampled_from([array, array.reshape(-1, 1), array[:1], array - size]).map(IndexArray)
        entries.append(draw(usual | slices | inside | listed))
        entries += draw(st.sampled_from([[], [], [None]]))
    return tuple(entries)


def taken(draw: Draw) -> Any:
    shape = draw(sizes_and_zeros())
    return [shape], {"index": places(draw, shape)}


def placed(draw: Draw) -> Any:
    shape = draw(sizes_and_zeros())
    index = places(draw, shape)
    return [Family.registry["getitem"].shape(shape, index)], {"shape": shape, "index": index}


def multiplied(draw: Draw) -> Any:
    n, m, k = (draw(st.integers(0, 3)) for _ in range(3))
    lead = draw(shapes(0, 1))
    return draw(st.sampled_from([[(n,), (n,)], [(m, n), (n,)], [(n,), (n, k)], [(*lead, m, n), (n, k)], [(m, n), (*lead, n, k)],
                                 [(*lead, m, n), (*lead, n, k)]])), {}  # fmt: skip


def square(draw: Draw) -> Any:
    n = draw(st.integers(1, 3))
    return [(*draw(shapes(0, 2)), n, n)], {}


def system(draw: Draw) -> Any:
    shape = square(draw)[0][0]
    return [shape, draw(st.sampled_from([shape[-1:], (*shape[:-1], 2)]))], {}


def contracted(draw: Draw) -> Any:
    """Sums of products of variables."""
    operands, subscripts = draw(st.sampled_from([
        ([(2, 3), (3, 4)], "ij,jk->ik"), ([(3,), (3,)], "i,i->"), ([(2, 3), (3,), (2,)], "ab,b,a->ab"), ([(2, 3)], "ij->ji"),
    ]))  # fmt: skip
    return operands, {"subscripts": subscripts}


ROWS: dict[str, Callable[[Draw], Any]] = {
    **dict.fromkeys(["sum", "prod", "max", "min", "logsumexp", "norm"], reduction), "softmax": along, "log_softmax": along,
    "cumsum": one_axis, "broadcast_to": stretched, "reshape": reshaped, "transpose": permuted, "concatenate": joined,
    "getitem": taken, "add_at": placed, "matmul": multiplied, "einsum": contracted, "solve": system,
    **dict.fromkeys(["inv", "det", "logdet", "cofactor"], square),
    "astype": lambda draw: ([draw(shapes())], {"dtype": draw(st.sampled_from(["float32", "float64"]))}),
}  # fmt: skip


def call(draw: Draw, name: str) -> Any:
    """A row of a family on variables, as written; None where the draw does not fit."""
    try:
        given, parameters = ROWS[name](draw)
        variables = [Var("xyz"[place], shape=shape) for place, shape in enumerate(given)]
        return Call(Family.registry[name].row(len(variables), **parameters), variables)
    except (ValueError, IndexError):
        return None
