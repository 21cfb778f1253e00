"""Large programs step by step, without machine code: the bits of NumPy in blocks, and those of Python's source at a point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import compile
from exprad.backends import stepwise
from exprad.backends.python import ScalarSource
from exprad.backends.signature import Structure, read_inputs
from exprad.graph.program import Program
from tests.rows import VARIABLES, expressions, operands_of, rows, searched

REFUSED = "refused"


def prepared(outputs: Any) -> tuple[Program, list[int], Any, Structure]:
    structure = Structure(outputs)
    program = Program.lowered(structure.expressions)
    return program, [program.variables.get(v.name, -1) for v in VARIABLES], read_inputs(program, VARIABLES), structure


def same_bits(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.signbit(np.asarray(a, float)), np.signbit(np.asarray(b, float)))


def check_blocks(outputs: Any, at: Any, size: int) -> None:
    """Compare blocks with what `compile` gives."""
    program, columns, inputs, structure = prepared(outputs)
    with np.errstate(all="ignore"):
        expected = compile(outputs, VARIABLES, backend="numpy")(*at)
        found = [np.empty(each.shape, each.dtype) for each in expected]
        run = stepwise.StepRunner(program, columns, inputs, structure.leaves)
        run(at, found, at[0].shape, at[0].dtype)
    for mine, other in zip(found, expected, strict=True):
        same_bits(mine, other)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_each_row_in_blocks(row: Any, dtype: Any, monkeypatch: Any) -> None:
    if row.name in ("at_kink", "held"):
        pytest.skip("has no value of its own")
    monkeypatch.setattr(stepwise, "LEAST_POINTS", 7)
    monkeypatch.setattr(stepwise, "MOST_POINTS", 7)
    edges = np.array([0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, 1e30, np.inf, -np.inf, np.nan], dtype)
    at = np.random.default_rng(0).choice(edges, (3, 40))
    check_blocks([row(*operands_of(row)), VARIABLES[0]], at, 7)


@searched(40)
@given(expressions(depth=12), st.integers(0, 1000))
def test_random_programs_in_blocks_and_at_points(f: Any, seed: int) -> None:
    outputs = [f, *ep.gradient(f, VARIABLES), f < 1]
    at = np.random.default_rng(seed).normal(0, 2, (3, 33))
    check_blocks(outputs, at, 16)
    program, columns, _, structure = prepared(outputs)
    source = ScalarSource(program, columns, "(" + "{}, " * len(outputs) + ")").function()
    steps = stepwise.scalar_steps(program, columns)
    for point in at.T[:9].tolist():
        assert of(steps, point) in (of(source, point), REFUSED)  # the source leaves out a branch that is not taken


def of(function: Any, point: Any) -> Any:
    """What a function gives: its values' bits and kinds, or that Python refuses it."""
    try:
        found = function(*point)
    except (ArithmeticError, ValueError):
        return REFUSED
    return [(type(each), each.hex() if isinstance(each, float) else each) for each in found]
