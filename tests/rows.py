"""What tests draw from: the rows of the table, and random expressions built from it."""

from __future__ import annotations

import math
import os
import re
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from exprad import Var, where
from exprad.ground.primitive import Primitive, table

SEARCH = int(os.environ.get("EXPRAD_SEARCH", "1"))  # how many times longer than usual to search
X, Y, Z = Var("x"), Var("y"), Var("z")
VARIABLES = (X, Y, Z)
HIDDEN = {"at_kink", "held", "sinc_slope", "polygamma"}  # no functions of real numbers, or held back from derivatives


PLAIN = Primitive("plain_for_test", lambda y, x: 2 * x, numpy=lambda x: x * x)  # which targets have no code for


def rows() -> list[Primitive]:
    return [row for row in table() if row.is_own]


def smooth_rows() -> list[Primitive]:
    return [row for row in rows() if not row.predicate and row.name not in HIDDEN | {"where"}]


def operands_of(row: Primitive) -> tuple[Any, ...]:
    if row.truths and not row.predicate:
        return (X > Y, Y, Z)
    if row.orders:
        return (1, X)
    return VARIABLES[: row.arity]


def interval(text: str) -> tuple[float, float, bool, bool]:
    """Low, high, and whether each end belongs to the domain."""
    match = re.fullmatch(r"([\[(])(.+), (.+)([\])])", text)
    assert match is not None, text
    return float(match[2]), float(match[3]), match[1] == "[", match[4] == "]"


def searched(examples: int) -> settings:
    """Settings for a search over that many examples, or as many times more as EXPRAD_SEARCH says."""
    return settings(deadline=None, max_examples=examples * SEARCH, suppress_health_check=list(HealthCheck))


def points(row: Primitive) -> st.SearchStrategy[tuple[float, ...]]:
    drawn = [st.floats(low, high, allow_subnormal=False) for low, high in row.sample]
    return st.tuples(*[each.map(lambda value: value + 0.0) for each in drawn])  # mpmath has no negative zero


@st.composite
def expressions(draw: Any, depth: int = 5, rows: Any = None) -> Any:
    """A random expression over x, y, z from the whole table."""
    chosen = rows or list(smooth_rows())
    pool: list[Any] = [*VARIABLES, draw(st.sampled_from([2, 3, -1, 0.5, 1.5]))]
    for _ in range(draw(st.integers(1, depth))):
        row = draw(st.sampled_from(chosen))
        operands = [draw(st.sampled_from(pool)) for _ in range(row.arity)]
        if not any(hasattr(operand, "operands") for operand in operands):
            operands[0] = X
        pool.append(row(*operands))
        if draw(st.booleans()):
            a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
            condition = (X if not hasattr(a, "operands") else a) < b
            pool.append(where(condition, pool[-1], draw(st.sampled_from(pool))))
    last = pool[-1]
    return last if hasattr(last, "operands") else X + last


def close(a: float, b: float, tolerance: float = 1e-9) -> bool:
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    return a == b or abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def same_bits(a: Any, b: Any) -> None:
    """Assert that numbers are the same, their signs too."""
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(np.asarray(a, float)), np.signbit(np.asarray(b, float)))
