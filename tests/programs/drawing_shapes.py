"""How parameters are drawn of what changes shapes, and of what reduces axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.programs.drawing import Drawn, an_axis, as_given, axes, signed, small
from tests.programs.indices import index
from tests.programs.program import Literal

if TYPE_CHECKING:
    from tests.programs.generator import Draft


def indexed(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"index": index(d.rng, d.shape(slot))}


def reshaped(d: Draft) -> Drawn | None:
    slot = d.pick()
    size, shape = d.values[slot].size, d.shape(slot)
    options: list[Any] = [shape[::-1], (*shape, 1), (1, *shape), (size,), size, (1, size), (size, 1)]
    if size:
        options += [-1, (-1,), (-1, 1), (1, -1)]
    for n in (2, 3):
        options += [(n, size // n), (size // n, n)] * (size % n == 0)
        options += [(n, -1), (-1, n), [n, -1]] * (size % n == 0 and size > 0)
    return (slot,), {"shape": d.rng.choice(options)}


def permuted(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {"axes": tuple(signed(d.rng, axis, rank) for axis in d.rng.sample(range(rank), rank))}


def two_axes(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    return (slot,), {"a": an_axis(d.rng, rank), "b": an_axis(d.rng, rank)}


def widened(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    return None if slot is None else ((slot,), {"axis": an_axis(d.rng, len(d.shape(slot)) + 1)})


def squeezed(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: 1 in x.shape) or d.pick()
    gone = [i for i, size in enumerate(d.shape(slot)) if size == 1]
    return (slot,), {"axis": d.rng.choice([None, *[signed(d.rng, i, len(d.shape(slot))) for i in gone]])}


def stretched(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    if slot is None:
        return None
    shape = [d.rng.choice([1, 2, 3]) if size == 1 else size for size in d.shape(slot)]
    lead = [d.rng.choice([0, 1, 2, 2, 3]) for _ in range(d.rng.randint(0, min(2, 4 - len(shape))))]
    return (slot,), {"shape": (*lead, *shape)}


def joined(d: Draft) -> Drawn | None:
    """Two or three parts: slots of one shape, or constants."""
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    rank, shape = len(d.shape(slot)), d.shape(slot)
    axis = d.rng.randrange(rank)

    def fits(x: Any) -> bool:
        return x.ndim == rank and all(x.shape[i] == shape[i] for i in range(rank) if i != axis)

    other: Any = d.pick(fits) if d.rng.random() < 0.6 else None
    if other is None:
        sizes = [d.rng.choice([1, 2]) if i == axis else size for i, size in enumerate(shape)]
        other = as_given(d.rng, np.array([float(small(d.rng)) for _ in range(int(np.prod(sizes)))]).reshape(sizes))
    return d.rng.choice([(slot, other), (other, slot)]), {"axis": signed(d.rng, axis, rank)}


def stacked(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    if slot is None:
        return None
    shape = d.shape(slot)
    other: Any = d.pick(lambda x: x.shape == shape) if d.rng.random() < 0.6 else None
    if other is None:
        other = as_given(d.rng, np.array([float(small(d.rng)) for _ in range(int(np.prod(shape)))]).reshape(shape))
    return d.rng.choice([(slot, other), (other, slot)]), {"axis": an_axis(d.rng, len(shape) + 1)}


def side_by_side(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 3)
    if slot is None:
        return None
    return (slot, d.pick(lambda x: x.shape == d.shape(slot))), {}


def taken(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0)
    if slot is None:
        return None
    shape = d.shape(slot)
    axis = d.rng.choice([None, an_axis(d.rng, len(shape))]) if shape else None
    size = d.values[slot].size if axis is None else shape[axis]
    places = [d.rng.randrange(-size, size) for _ in range(d.rng.randint(1, 4))]
    form: Any = d.rng.choice([places, np.array(places), tuple(places), [places], places[0]])
    return (slot,), {"places": form, "axis": axis}


def padded(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    shape = d.shape(slot)
    mode = d.rng.choice(["constant", "constant", "edge", "wrap", "symmetric", "reflect"])
    one = (d.rng.randint(0, 2), d.rng.randint(0, 1))
    each = tuple((d.rng.randint(0, 1), d.rng.randint(0, 2)) for _ in shape)
    return (slot,), {"width": d.rng.choice([1, one, each, list(map(list, each))]), "mode": mode}


def rolled(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {
        "shift": d.rng.randint(-3, 3),
        "axis": d.rng.choice([None, an_axis(d.rng, rank)]) if rank else None,
    }


def repeated(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size <= 8)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    return (slot,), {"count": d.rng.randint(0, 3), "axis": d.rng.choice([None, an_axis(d.rng, rank)]) if rank else None}


def tiled(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size <= 8 and x.ndim < 4)
    if slot is None:
        return None
    return (slot,), {"reps": d.rng.choice([2, (2, 1), (1, 2), (2, 1, 2), [2], 0, 1])}


def flipped(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot)))}


def diagonals(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 1)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    i, j = d.rng.sample(range(rank), 2)
    return (slot,), {"offset": d.rng.randint(-1, 1), "a": signed(d.rng, i, rank), "b": signed(d.rng, j, rank)}


def triangle(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 1)
    return None if slot is None else ((slot,), {"k": d.rng.randint(-1, 1)})


def diag(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim in (1, 2) and x.size <= 9)
    return None if slot is None else ((slot,), {"k": d.rng.randint(-1, 1)})


def along(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    return None if slot is None else ((slot,), {"axis": an_axis(d.rng, len(d.shape(slot)))})


def along_or_all(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {"axis": d.rng.choice([None, an_axis(d.rng, rank), an_axis(d.rng, rank)]) if rank else None}


def reduced(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot))), "keepdims": d.rng.random() < 0.3}


def reduced_filled(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0)
    if slot is None:
        return None
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot))), "keepdims": d.rng.random() < 0.3}


def length(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0 and x.ndim > 0)
    if slot is None:
        return None
    order = d.rng.choice([None, None, None, 1, 2, np.inf, -np.inf])
    axis = an_axis(d.rng, len(d.shape(slot)))
    return (slot,), {
        "ord": Literal(order) if order is None else _Order(order),
        "axis": axis,
        "keepdims": d.rng.random() < 0.3,
    }


class _Order(Literal):
    """An order of a norm: infinity has a name."""

    def __repr__(self) -> str:
        return f"{'-' * (self.value < 0)}np.inf" if np.isinf(self.value) else repr(self.value)
