"""Random programs of arrays: every route gives what NumPy and a reference of the tests' own give; see `tests.programs`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import tensor
from exprad.errors import ExpradError
from exprad.graph.program import Program as Lowered
from tests.programs.arithmetic import Precise
from tests.programs.carriers import Case
from tests.programs.differences import NUMPY_REFUSES, Expected, differences, of_numbers, of_values
from tests.programs.generator import program
from tests.programs.operations import OPERATIONS
from tests.programs.peers import by_autograd, by_jax, parts_from
from tests.programs.program import NAMES, Program
from tests.programs.reference import Reference
from tests.programs.routes import is_scalar
from tests.programs.shrink import shrunk
from tests.targets import Library, emulated, needs_gcc

SEED, CORE, ALL, CHUNK = 0, 500, 10_000, 50


def agree(chunk: int) -> None:
    """No difference in a chunk of programs; else the first of each kind, as short programs."""
    failures: dict[tuple[str, str], str] = {}
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        for each in differences(program(SEED, number), number):
            if (each.route, each.kind) not in failures and len(failures) < 3:
                short, difference = shrunk(program(SEED, number), each.route, each.kind)
                failures[each.route, each.kind] = f"# program {number}, {difference}\n{short}"
    assert not failures, "\n\n".join(["programs that differ:", *failures.values()])


@pytest.mark.parametrize("chunk", range(CORE // CHUNK))
def test_random_programs(chunk: int) -> None:
    agree(chunk)


@pytest.mark.long
@pytest.mark.parametrize("chunk", range(CORE // CHUNK, ALL // CHUNK))
def test_many_random_programs(chunk: int) -> None:
    agree(chunk)


def test_every_operation_is_drawn() -> None:
    texts = {step.text for number in range(2500) for step in program(1, number).steps}
    assert {each.text for each in OPERATIONS.values()} - {""} <= texts


def test_a_program_is_the_same_each_time() -> None:
    assert str(program(3, 7)) == str(program(3, 7)) != str(program(3, 8))


def test_the_reference_agrees_with_other_libraries() -> None:
    """autograd or, where that errs, JAX; sinc is left to the next test, as both compose it of parts that cancel."""
    asked = 0
    for number in range(400):
        drawn = program(2, number)
        if any("sinc" in step.text for step in drawn.steps):
            continue
        wrong = parts_from(drawn, by_autograd)
        asked += wrong is not None
        assert not wrong or not parts_from(drawn, by_jax), f"{wrong}\n{drawn}"
    assert asked > 80


def test_the_reference_agrees_with_differences_in_high_precision() -> None:
    """First and second derivatives along a direction, from values alone."""
    asked = 0
    for number in range(400):
        drawn = program(4, number)
        with np.errstate(all="ignore"):
            try:
                expected = Expected(drawn)
            except NUMPY_REFUSES:
                continue
        run = expected.reference.run
        if not run.is_calm or run.is_fragile or expected.scale > 1e4:
            continue
        step = 1e-10
        m = Precise()
        low, middle, high = [value_at(drawn, expected.directions, m, place) for place in (-step, 0.0, step)]
        jet = expected.reference.result
        across = expected.derivatives("across")[0]
        np.testing.assert_allclose(
            float(jet.tangent or 0), float((high - low) / (2 * step)), rtol=1e-9, atol=1e-9 * expected.scale
        )
        np.testing.assert_allclose(
            across, float((high - 2 * middle + low) / step**2), rtol=1e-6, atol=1e-6 * expected.scale**2
        )
        asked += 1
    assert asked > 80


def value_at(drawn: Program, directions: list[Any], arithmetic: Any, step: float) -> Any:
    """The value of a program, a step along the directions from its inputs, in high precision."""
    exact = np.frompyfunc(lambda x, d: arithmetic.number(x) + arithmetic.number(step) * arithmetic.number(d), 2, 1)
    moved = tuple(np.asarray(exact(x, d), object) for x, d in zip(drawn.inputs, directions, strict=True))
    return Reference(Program(moved, drawn.steps), directions, arithmetic).result.value


def test_a_wrong_rule_is_found_and_shrinks_to_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    right = tensor.cumsum.pull
    monkeypatch.setattr(tensor.cumsum, "pull", lambda *arguments, **options: 2 * right(*arguments, **options))
    found = None
    for number in range(1000):
        drawn = program(5, number)
        if any("cumsum" in step.text for step in drawn.steps):
            found = next((each for each in differences(drawn, only="reverse") if each.kind == "wrong slope"), None)
            if found:
                break
    assert found is not None
    short, difference = shrunk(drawn, "reverse", "wrong slope")
    assert "cumsum" in str(short) and len(str(short).splitlines()) <= 4, f"{difference}\n{short}"


def programs_of_numbers() -> list[tuple[Case, Expected]]:
    """Programs of numbers alone, without what native code refuses."""
    found = []
    for number in range(60):
        drawn = program(6, number, of_numbers=True)
        with np.errstate(all="ignore"):
            try:
                case = Case(drawn, (expected := Expected(drawn)).directions)
                rows = Lowered.lowered(case.slots).rows
            except (*NUMPY_REFUSES, ExpradError):
                continue
        if is_scalar(case) and all(row.partials is not None for row in rows):
            found.append((case, expected))
    return found


@needs_gcc
@pytest.mark.parametrize("target", ["c", "cupy"])
def test_random_programs_of_numbers_in_c(tmp_path: Path, target: str) -> None:
    """One library for all of them; each output is asked at its own program's point."""
    drawn = programs_of_numbers()
    inputs = [ep.Var(name) for name in NAMES[:3]]
    outputs = [each for case, _ in drawn for each in (case.f, *case.gradient)]
    points = np.zeros((len(drawn), len(inputs)))
    for place, (case, _) in enumerate(drawn):
        points[place, : len(case.program.inputs)] = [float(x) for x in case.program.inputs]
    if target == "c":
        library = Library(outputs, inputs, tmp_path)
        results = np.array([library(*point) for point in points])
    else:
        results = np.array(emulated(ep.compile(outputs, inputs, backend="cupy"), tmp_path, list(points.T))).T
    start = 0
    for (case, expected), row in zip(drawn, results, strict=True):
        value, *slopes = row[start : start + 1 + len(case.program.inputs)]
        start += 1 + len(slopes)
        wrong = [
            *of_values(target, expected.values[-1:], [value], expected),
            *of_numbers(target, "slopes", expected.derivatives("slopes"), np.array(slopes), expected),
        ]
        assert not wrong, f"{wrong}\n{case.program}"
