"""Random programs of arrays: every route gives what NumPy and a reference of the tests' own give; see `tests.programs`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from exprad import tensor
from tests.programs.arithmetic import Precise
from tests.programs.differences import NUMPY_REFUSES, Expected, differences
from tests.programs.generator import program
from tests.programs.operations import OPERATIONS
from tests.programs.peers import by_autograd, by_jax, parts_from
from tests.programs.program import Program
from tests.programs.reference import Reference
from tests.programs.shrink import shrunk

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
    texts = {step.text for number in range(3000) for step in program(1, number).steps}
    assert {each.text for each in OPERATIONS.values()} - {""} <= texts


def test_a_program_is_the_same_each_time() -> None:
    assert str(program(3, 7)) == str(program(3, 7)) != str(program(3, 8))


def test_the_reference_agrees_with_other_libraries() -> None:
    """autograd or, where that errs, JAX; sinc is left to the next test, as both compose it of parts that cancel."""
    asked = 0
    for number in range(600):
        drawn = program(2, number)
        if any("sinc" in step.text for step in drawn.steps):
            continue
        wrong = parts_from(drawn, by_autograd)
        asked += wrong is not None
        assert not wrong or not parts_from(drawn, by_jax), f"{wrong}\n{drawn}"
    assert asked > 100


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
    assert asked > 100


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
