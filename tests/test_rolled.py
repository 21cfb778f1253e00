"""Loops in programs: what repeats is found, written once in C, and computes the same bits."""

from __future__ import annotations

import random
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import Var, to_c, variables
from exprad.backends.c.functions import FUNCTION_STEPS
from exprad.backends.rolled import CALL, MOST_LAG, CallTable, Loop, loops
from exprad.backends.statements import has_function
from exprad.graph.expr import expression
from exprad.graph.program import Program
from tests.targets import Library, needs_gcc, passes

x, y = variables("x y")
MANY = [Var(f"u{i}") for i in range(700)]


def loops_of(outputs: list[Any], inputs: Any = (x, y)) -> tuple[list[Loop], int]:
    """The loops, and how many calls remain to be written."""
    program = Program.lowered(outputs, partial(has_function, "c"))
    columns = [program.variables.get(each.name, -1) for each in inputs]
    found = loops(CallTable(program, columns), FUNCTION_STEPS)
    return found, len(program.calls) - sum((loop.turns - 1) * loop.length for loop in found)


def euler(steps: int = 600) -> list[Any]:
    states = [(x, y)]
    for _ in range(steps):
        a, b = states[-1]
        states.append((a + 0.01 * b, b - 0.01 * (a * a + 0.5)))
    return [a for a, _ in states]


def delayed(lag: int, steps: int = 700) -> Any:
    states = [x, y, *[x * k + y for k in range(2, 2 + lag)]]
    for _ in range(steps):
        states.append(0.5 * states[-1] - 0.25 * states[-lag] / (1 + states[-1] ** 2))
    return states[-1]


def controlled() -> Any:
    a = x
    for u in MANY:
        a = a + 0.01 * (u * y - a)
    return a


def fitted() -> Any:
    draw = random.Random(1)
    data = [(draw.random(), draw.random()) for _ in range(700)]
    return sum(expression(x * t + y - z) ** 2 for t, z in data)


def guarded() -> Any:
    a = x
    for _ in range(700):
        a = ep.where(a > y, 0.5 * a, ep.abs(a) + 0.25)
    return a


def twice() -> Any:
    a = euler()[-1]
    for _ in range(400):
        a = a * y - a * a * 0.125
    return a * euler()[300]


def fixed_reads() -> Any:
    """Each turn reads what the hundredth found on its way."""
    a, first = ep.sin(x), ep.cos(x)
    for turn in range(1500):
        found = a * y - 0.5
        first = found if turn == 100 else first
        a = a * 0.25 + found + a * first
    return a


SEQUENCES = {
    "a state, its path and its slopes": lambda: [*euler(), *euler()[-1].gradient([x, y])],
    "every seventh state": lambda: euler()[::7],
    "the last state": lambda: [euler()[-1]],
    "second derivatives": lambda: [*np.ravel(euler(200)[-1].hessian([x, y]))],
    **{
        f"a delay of {lag}": partial(lambda lag: [delayed(lag), *delayed(lag).gradient([x, y])], lag)
        for lag in (2, 3, 4, 5, 9)
    },
    "an input a step": lambda: [controlled(), *controlled().gradient([x, *MANY])],
    "constants a step": lambda: [fitted(), *fitted().gradient([x, y])],
    "branches": lambda: [guarded(), *guarded().gradient([x, y]), guarded() > 0],
    "two loops": lambda: [twice(), *twice().gradient([x, y])],
    "an early value, alone": lambda: [fixed_reads()],
    "an early value": lambda: [fixed_reads(), *fixed_reads().gradient([x, y])],
    "inputs and constants among outputs": lambda: [x, *euler(), 3.0, y, *MANY, x],
}


@needs_gcc
@pytest.mark.parametrize("name", SEQUENCES)
def test_loops_in_c_give_the_bits_of_steps(name: str, tmp_path: Path) -> None:
    outputs = [expression(each) for each in SEQUENCES[name]()]
    inputs = [x, y, *MANY]
    library, numpy = Library(outputs, inputs, tmp_path), ep.compile(outputs, inputs, backend="numpy")
    draw = np.random.default_rng(0)
    for scale in (0.5, 0.01, 3.0):
        point = draw.normal(0, scale, len(inputs))
        with np.errstate(all="ignore"):
            expected = np.array([float(each) for each in numpy(*point)])
        np.testing.assert_array_equal(library(*point), expected)


@needs_gcc
@pytest.mark.parametrize("name", ["a state, its path and its slopes", "an input a step", "a delay of 3"])
def test_loops_pass_their_self_test(name: str, tmp_path: Path) -> None:
    code = to_c(SEQUENCES[name](), [x, y, *MANY])
    assert "for (long i" in code.source
    passes(code, tmp_path, "-fsanitize=undefined,address", "-fno-sanitize-recover=all", "-O1")
    single = tmp_path / "single"
    single.mkdir()
    passes(to_c(SEQUENCES[name](), [x, y, *MANY], dtype="float"), single, "-O2")


@pytest.mark.parametrize("name", SEQUENCES)
def test_what_repeats_is_found(name: str) -> None:
    found, left = loops_of([expression(each) for each in SEQUENCES[name]()], (x, y, *MANY))
    assert found and left < 500, (found, left)


def test_what_remains_does_not_grow_with_the_steps() -> None:
    short, long = (loops_of([euler(steps)[-1], *euler(steps)[-1].gradient([x, y])])[1] for steps in (2000, 8000))
    assert short == long < 100
    sources = [to_c(euler(steps)[-1].gradient([x, y]), [x, y]).source for steps in (2000, 8000)]
    assert abs(len(sources[0]) - len(sources[1])) < 1000


def test_loops_are_in_order_and_within_the_program() -> None:
    program = Program.lowered([twice(), *twice().gradient([x, y])], partial(has_function, "c"))
    found, _ = loops_of([twice(), *twice().gradient([x, y])])
    assert len(found) >= 3
    assert all(a.beyond <= b.first for a, b in zip(found, found[1:], strict=False)) and found[-1].beyond <= len(
        program.calls
    )


def test_a_program_without_repetition_has_no_loops() -> None:
    draw = random.Random(1)
    pool: list[Any] = [x, y]
    for _ in range(5000):
        a, b = draw.choice(pool[-100:]), draw.choice(pool[-100:])
        pool.append(a * b if draw.random() < 0.5 else a - b)
    assert loops_of([sum(pool[-100:])])[0] == []


def test_turns_far_back_are_not_rolled() -> None:
    found, _ = loops_of([delayed(100)])
    table = CallTable(Program.lowered([delayed(100)], partial(has_function, "c")), [])
    for loop in found:
        body, moves = table.calls_of(loop), table.moves(loop)
        reads = table.kinds[body] == CALL
        for call, move in zip(table.codes[body][reads].tolist(), moves[reads].tolist(), strict=True):
            assert not loop.is_own(call, move) or loop.place(call)[0] >= -MOST_LAG
