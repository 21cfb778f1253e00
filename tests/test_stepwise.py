"""Large programs step by step, without machine code: the bits of NumPy in blocks, and those of Python's source at a point."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile
from exprad.backends import stepwise
from exprad.backends.native import engine
from exprad.backends.python import ScalarSource
from exprad.backends.signature import Structure, read_inputs
from exprad.graph.program import Program
from tests.rows import VARIABLES, expressions, operands_of, rows, same_bits, searched

REFUSED = "refused"


def prepared(outputs: Any) -> tuple[Program, list[int], Any, Structure]:
    structure = Structure(outputs)
    program = Program.lowered(structure.expressions)
    return program, [program.variables.get(v.name, -1) for v in VARIABLES], read_inputs(program, VARIABLES), structure


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


def narrow(last: Any) -> Any:
    """A program of more than 3,000 steps that wait for each other."""
    f = VARIABLES[0]
    for k in range(1100):
        f = (f + VARIABLES[1]) * 0.5 + 1.0 / (k + 1)
    return last(f - f + VARIABLES[0])


@pytest.fixture
def without_llvm(monkeypatch: Any) -> None:
    monkeypatch.setattr(engine, "is_installed", lambda: False)


@pytest.mark.usefixtures("without_llvm")
def test_one_point_of_a_narrow_program_is_computed_in_python(monkeypatch: Any) -> None:
    """Which gives what Python's functions give, and what NumPy gives where Python refuses."""
    outputs = [narrow(ep.exp), narrow(ep.log), narrow(ep.tanh) < 0.5]
    g, numpy = (compile(outputs, VARIABLES[:2], backend=backend) for backend in ("auto", "numpy"))
    assert (g.backend, numpy.backend) == ("python for one point, numpy for more", "numpy, step by step")
    asked: list[Any] = []
    run = stepwise.StepRunner.__call__
    monkeypatch.setattr(stepwise.StepRunner, "__call__", lambda *given: [asked.append(given[3]), run(*given)][1])
    program = Program.lowered(outputs)
    source = ScalarSource(
        program, [program.variables.get(v.name, -1) for v in VARIABLES[:2]], "[{}, {}, {}]"
    ).function()
    for x in np.random.default_rng(0).uniform(0.1, 3, 40).tolist():
        assert g(x, 0.5) == source(x, 0.5)
        assert [each.tolist() for each in g(np.array([x]), 0.5)] == [[each] for each in source(x, 0.5)]
    assert asked == []
    with np.errstate(all="ignore"):
        for x in (0.0, -1.0, 1000.0):  # math.log and math.exp refuse these
            same_bits(g(x, 0.5), numpy(x, 0.5))
        single = np.float32(0.3), np.float32(0.5)
        same_bits(g(*single), numpy(*single))
        same_bits(g(np.array([0.3, 0.4]), 0.5)[0], numpy(np.array([0.3, 0.4]), 0.5)[0])
    assert len(asked) == 10


@pytest.mark.usefixtures("without_llvm")
def test_a_wide_program_runs_level_by_level_and_few_points_need_no_registers() -> None:
    p = np.array([Var(f"w{k}") for k in range(500)], object)
    outputs = np.array([ep.sin(a * b) + a / (2 + b * b) for a, b in zip(p, p[::-1], strict=True)], object)
    g = compile([outputs, np.array([each * each for each in outputs], object)], [p])
    at = np.random.default_rng(0).random(500)
    first, second = g(at)
    assert g.backend == "numpy, level by level" and "places" not in vars(g._choice.arrays.steps)
    np.testing.assert_allclose(first, np.sin(at * at[::-1]) + at / (2 + at[::-1] ** 2), rtol=1e-15)
    assert (second == first * first).all()
    narrow_one = compile(narrow(ep.sin), VARIABLES[:2])
    narrow_one(0.1, 0.2)
    assert "layout" not in vars(narrow_one._choice.arrays.levels)  # it is not laid out in vain


def test_conditions_are_asked_of_numbers() -> None:
    """A number that is neither 0 nor 1 counts as true, and so does nan."""
    x, y, z = VARIABLES
    at = np.array([[0.0, -0.0, 2.5, np.nan, -3.0], [1.0, 2.0, 3.0, 4.0, 5.0], [6.0, 7.0, 8.0, 9.0, 10.0]])
    check_blocks([ep.where(x * 1, y, z), ep.where((x - 1) & y, y, z), ~(x * 1) | (y < 2)], at, 5)
