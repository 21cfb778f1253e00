"""What tells whether an array was changed: all its bytes where they are few, and a digest where they are many."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

WHOLE = 1 << 21  # bytes up to which a copy costs less than a digest
WIDTH = 1024  # words of a row
STRIP = 64  # rows that lie in a cache while they are read twice


def fingerprint(array: Any) -> bytes:
    """A copy of an array's bytes, or a digest of them: of each row of words, two sums with random odd weights, modulo 2**64.

    One sum reads the bytes as they lie, the other half a word further on. A bit at the top of a word, as the sign of a
    double, would count in the first by its parity alone; in the second it lies in the middle. So each change within one
    word, and each exchange of two elements, changes a sum: a word's difference times an odd weight is not 0, and no two
    weights agree in their last 33 bits, where half a word's difference times theirs could be 0. Any other change goes
    unseen with a chance of about 2**-33 in each row that it touches.
    """
    flat = np.asarray(array).ravel("K").view(np.uint8)  # in the order of memory, without a copy where there are no gaps
    if flat.size <= WHOLE:
        return flat.tobytes()
    size = (flat.size - 4) // (8 * WIDTH) * (8 * WIDTH)
    views = [flat[first : first + size].view(np.uint64).reshape(-1, WIDTH) for first in (0, 4)]
    sums = [
        np.einsum("ij,j->i", words[row : row + STRIP], _weights())
        for row in range(0, len(views[0]), STRIP)
        for words in views
    ]
    return b"".join([*[each.tobytes() for each in sums], flat[size:].tobytes()])


@cache
def _weights() -> Any:
    """Odd numbers of 64 random bits, whose last 33 bits differ."""
    return np.random.default_rng(20).integers(0, 2**63, WIDTH, np.uint64) * np.uint64(2) + np.uint64(1)
