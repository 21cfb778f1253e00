"""Every kind of index that NumPy takes, and many that it refuses, drawn at random."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

ends = st.none() | st.integers(-7, 7) | st.integers(-3, 3).map(np.int8)
slices = st.builds(slice, ends, ends, st.sampled_from([None, 1, 2, -1, -2, -5]))
wholes = st.integers(-4, 3)
several = st.lists(wholes, max_size=3)
CONTAINERS = [tuple, list, np.array, lambda each: np.array(each, np.int16), lambda each: [tuple(each), list(each)]]


@st.composite
def masks(draw: Any, shape: tuple[int, ...]) -> Any:
    start = draw(st.integers(0, max(0, len(shape) - 1)))
    sizes = shape[start : start + draw(st.integers(0, 2))]
    mask = np.random.default_rng(draw(st.integers(0, 99))).random(sizes) < 0.6
    return draw(st.sampled_from([mask, mask, mask.tolist()]))


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """An index of any kind; not all fit the shape."""
    arrays = st.builds(lambda container, each: container(each), st.sampled_from(CONTAINERS), several)
    entry = st.one_of(wholes, slices, arrays, masks(shape), st.none(), st.just(Ellipsis), st.booleans(),
                      wholes.map(np.int64), wholes.map(np.array), st.just(np.True_), st.just(range(2)))  # fmt: skip
    given = draw(st.lists(entry, max_size=len(shape) + 2))
    return draw(st.sampled_from([tuple(given), tuple(given), *given[:1]]))
