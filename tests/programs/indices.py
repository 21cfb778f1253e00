"""Every kind of index that NumPy takes, drawn for a shape."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from tests.programs.program import Index

Shape = tuple[int, ...]


def index(rng: Random, shape: Shape) -> Index:
    """Whole numbers, slices, new axes, an ellipsis, and arrays of whole numbers or truth values that broadcast together."""
    length = rng.choice([0, 1, 1, 2, 2, 3])
    advanced = rng.random() < 0.6
    stop = rng.randint(1 if shape and rng.random() < 0.9 else 0, len(shape)) if shape else 0
    items: list[Any] = []
    axis = 0
    while axis < stop:
        if advanced and rng.random() < 0.2:
            axes = rng.randint(1, min(3, stop - axis))
            found = _mask(rng, shape[axis : axis + axes], length)
            if found is not None:
                items.append(found)
                axis += axes
                continue
        items.append(_along(rng, shape[axis], length, advanced))
        axis += 1
    if rng.random() < 0.25:
        if rng.random() < 0.5 and items and stop == len(shape):
            place = rng.randrange(len(items))
            width = items[place].ndim if getattr(items[place], "dtype", None) == bool else 1
            items[place : place + 1] = [Ellipsis] if width else []
        else:
            items.insert(len(items) if stop < len(shape) else rng.randint(0, len(items)), Ellipsis)
    for _ in range(2):
        if rng.random() < 0.2 and len(shape) < 4:
            items.insert(rng.randint(0, len(items)), None)
    return Index(tuple(items))


def _along(rng: Random, size: int, length: int, advanced: bool) -> Any:
    kind = rng.random()
    if size and kind < 0.25:
        return rng.randrange(-size, size)
    if kind < 0.6 or not advanced:
        return slice_of(rng, size)
    if not size and length:
        return slice_of(rng, size)
    return _places(rng, size, length)


def slice_of(rng: Random, size: int) -> slice:
    ends = [rng.choice([None, None, rng.randint(-size - 3, size + 3)]) for _ in range(2)]
    return slice(*ends, rng.choice([None, None, None, 1, 2, -1, -1, -2, 3, -5]))


def _places(rng: Random, size: int, length: int) -> Any:
    """A list, a tuple, or an array of whole numbers, with repetitions, of a shape that broadcasts to `length` last."""

    def one() -> int:
        return rng.randrange(-size, size)

    kind = rng.random()
    if kind < 0.12 and size:  # two axes
        rows = [[one() for _ in range(rng.choice([1, length]))]] * 1
        rows += [[one() for _ in rows[0]] for _ in range(rng.randint(0, 1))]
        return rng.choice([rows, tuple(map(tuple, rows)), np.array(rows, int)])
    count = 1 if size and rng.random() < 0.2 else length
    found = [one() for _ in range(count)]
    return rng.choice([found, tuple(found), np.array(found, int), np.array(found, int)])


def _mask(rng: Random, shape: Shape, length: int) -> Any:
    """An array of truth values, true at as many places as broadcasts; of one axis also a list of them."""
    size = int(np.prod(shape))
    count = rng.choice([1, length])
    if size < count:
        return None
    flat = np.zeros(size, bool)
    flat[rng.sample(range(size), count)] = True
    mask = flat.reshape(shape)
    return mask.tolist() if len(shape) == 1 and size and rng.random() < 0.4 else mask


def wild(rng: Random, shape: Shape) -> Index:
    """An index that may not fit."""
    items = list(index(rng, shape).items)
    for _ in range(rng.randint(1, 2)):
        strange: Any = rng.choice([
            7, -9, [0, 9], (-8,), np.array([True, False]), np.array([True] * 5), [True, False, True, True, False, False, True],
            np.ones((2, 5), bool), np.zeros((4,), bool), np.array([0, 0, 0, 0, 0]), Ellipsis, slice(None), 0, 1.5,
        ])  # fmt: skip
        place = rng.randint(0, len(items))
        items[place : place + rng.randint(0, 1)] = [strange]
    return Index(tuple(items))
