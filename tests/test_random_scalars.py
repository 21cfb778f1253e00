"""Random expressions of scalars: each difference between modes, or from high precision, is conditioning by a written rule."""

from __future__ import annotations

import pytest

from exprad import Primitive, exp, parse
from tests import scalars
from tests.rows import SEARCH

pytest.importorskip("mpmath")


def test_no_difference_is_a_defect() -> None:
    first = 0 if SEARCH == 1 else 1000
    count, defects = scalars.run(range(first, first + 600 * SEARCH))
    assert not defects, defects[:3]
    assert count["agree"] > 0.5 * sum(count.values()) and count["conditioning"] < 0.03 * sum(count.values())


def test_a_wrong_row_is_found() -> None:
    """A partial that is off by 1e-10 is a defect, not conditioning."""
    rows = list(scalars.ROWS)
    wrong = Primitive("wrong_for_test", lambda y, x: (1 + 1e-10) * y, formula=lambda x: exp(x))
    try:
        scalars.ROWS[:] = [wrong, *rows[:3]]
        assert scalars.run([4, 5, 6, 8])[1]
    finally:
        scalars.ROWS[:] = rows
        del Primitive.registry[wrong.name]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("round(z)", {"z": 1e160}), ("clip(x, x, x)", {"x": 1.5}), ("minimum(x, exp2(x))", {"x": -2.209366035608154}),
        ("z % log(z)", {"z": 1e160}), ("cbrt(copysign(x, x) + z)", {"x": 0.0, "z": 2.0824589209465953}),
    ],
)  # fmt: skip
def test_what_was_looked_into_once(text: str, at: dict[str, float]) -> None:
    """A jump beyond 2**53; the three ties of clip; a tie far off; a remainder of much; two kinks at once."""
    assert scalars.examined(parse(text), at).verdict in ("agree", "kink, agree", "conditioning")
