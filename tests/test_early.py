"""The first calls of a function, for which no source is compiled: the bits of later calls, and work that grows as the program."""

from __future__ import annotations

import builtins
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile
from exprad.backends import costs, early, numpy, python
from exprad.backends.costs import Patience
from tests.rows import VARIABLES, expressions, operands_of, rows, same_bits, searched

BACKENDS = ["numpy", "python", "auto"]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, 1e30, np.inf, -np.inf, np.nan]


def is_early(g: Any) -> bool:
    """Whether calls with arrays are still computed step by step."""
    return g._choice.arrays._steps is not None


def called_until(g: Any, at: Any, is_over: Callable[[], bool]) -> list[Any]:
    """What calls give, until one more after that."""
    found = [g(*at)]
    while not is_over():
        assert len(found) < 10_000
        found.append(g(*at))
    return [*found, g(*at)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_source_takes_over_arrays_with_the_same_bits(row: Any, dtype: Any) -> None:
    if row.name in ("at_kink", "held"):
        pytest.skip("has no value of its own")
    at = np.random.default_rng(0).choice(np.array(EDGES, dtype), (3, 40))
    g = compile([row(*operands_of(row)), VARIABLES[0]], VARIABLES, backend="numpy")
    with np.errstate(all="ignore"):
        found = called_until(g, at, lambda: not is_early(g))
    assert len(found) > 3
    for mine, other in zip(found[0], found[-1], strict=True):
        assert mine.dtype == other.dtype
        same_bits(mine, other)


@searched(40)
@given(expressions(depth=12), st.lists(st.sampled_from(EDGES) | st.floats(-3, 3), min_size=3, max_size=3))
def test_source_takes_over_numbers_with_the_same_bits(f: Any, at: list[float]) -> None:
    """Where Python refuses a step, too, which may be one of a branch that is not taken."""
    with np.errstate(all="ignore"):
        g, h = (compile([f, f < 1], VARIABLES, backend="python") for _ in range(2))
        h._floats._is_early = False
        same_bits(g(*at), h(*at))
        assert list(map(type, g(*at))) == list(map(type, h(*at)))


def test_numbers_are_taken_by_a_method_once_source_pays() -> None:
    f = ep.exp(VARIABLES[0]) * VARIABLES[1]
    g = compile([f, *f.gradient(list(VARIABLES[:2]))], VARIABLES[:2])
    found = called_until(g, (0.3, 0.4), lambda: type(g) is not ep.Function)
    assert len(found) > 10 and all(each == found[0] for each in found)
    assert g._floats._steps is None, "it is given back"


def test_what_may_not_be_computed_costs_no_bits() -> None:
    g = compile(
        ep.where(VARIABLES[0] > 0, ep.exp(ep.log(VARIABLES[0])), VARIABLES[1] / 3), VARIABLES[:2], backend="python"
    )
    assert [g(-1.0, 0.7), g(0.3, 0.7), g(-1.0, 0.7)] == [0.7 / 3, np.exp(np.log(0.3)), 0.7 / 3]


def test_eight_threads_call_while_source_takes_over() -> None:
    f = ep.sin(VARIABLES[0]) * VARIABLES[1] + ep.exp(VARIABLES[0])
    for backend, at in (("numpy", (np.linspace(0, 1, 50), 2.0)), ("python", (0.3, 0.4))):
        g, wrong = compile(f, VARIABLES[:2], backend=backend), []
        expected = g(*at)

        def work(g: Any = g, at: Any = at, expected: Any = expected, wrong: list[Any] = wrong) -> None:
            wrong.extend(found for found in (g(*at) for _ in range(300)) if not np.array_equal(found, expected))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong


@pytest.fixture
def compiled(monkeypatch: Any) -> list[str]:
    """The source that is compiled meanwhile."""
    found: list[str] = []
    for module in (python, numpy):
        monkeypatch.setattr(
            module, "compile", lambda text, *rest: [found.append(text), _compile(text, *rest)][1], raising=False
        )
    return found


_compile = builtins.compile


def mixed(steps: int) -> list[Any]:
    """A program of about so many steps, narrow in parts and wide in others."""
    generator, values = np.random.default_rng(steps), list(VARIABLES)
    while len(values) < steps // 3:
        a, b = (values[-generator.integers(1, min(30, len(values)) + 1)] for _ in range(2))
        values.append([a * b - 0.5, ep.sin(a) + 0.1 * b, a / (2 + b * b)][len(values) % 3])
    return [values[-1], *ep.gradient(values[-1], list(VARIABLES))]


@pytest.mark.parametrize("backend", BACKENDS)
def test_text_that_the_first_result_needs_does_not_grow_with_the_program(backend: str, compiled: list[str]) -> None:
    sizes = []
    for steps in (300, 1000, 2700, 9000):
        compiled.clear()
        compile(mixed(steps), VARIABLES, backend=backend)(0.1, 0.2, 0.3)
        sizes.append(sum(map(len, compiled)))
    assert max(sizes) < 5000, "the functions of rows"


def test_a_first_call_of_many_points_compiles_source_at_once() -> None:
    g = compile(mixed(300), VARIABLES, backend="numpy")
    g(np.full(costs.BLOCKS.block * 4, 0.1), 0.2, 0.3)
    assert not is_early(g)


def test_no_more_is_spent_than_twice_the_least() -> None:
    """As the unit costs say, for any number of calls of any width."""
    count = len(compile(mixed(600), VARIABLES, backend="numpy").program.calls)
    for points in (1, 100, 3000, 9000):
        g, spent = compile(mixed(600), VARIABLES, backend="numpy"), 0.0
        at = np.full(points, 0.1), 0.2, 0.3
        while is_early(g):
            spent += early.STEPS.called(count, points) + (early.STEPS.made(count) if spent == 0 else 0)
            g(*at)
        last = early.STEPS.called(count, points)  # which source took
        assert spent - last < early.BLOCKS.made(count) <= spent + last


def test_widths_that_never_come_again_are_work_too() -> None:
    g = compile(mixed(300), VARIABLES, backend="numpy")
    for width in range(1, 20):
        g(np.full(width, 0.1), 0.2, 0.3)
    assert not is_early(g)


def test_patience_ends_once() -> None:
    patience = Patience(10)
    assert [patience.spend(cost) for cost in (4, 5, 1, 0)] == [True, True, False, False]


def test_costs_of_a_call_grow_with_steps_and_points() -> None:
    for way in (costs.PYTHON_STEPS, costs.PYTHON_SOURCE, costs.STEPS, costs.BLOCKS):
        for counts in ((1, 10, 1000), (1, 100, 100_000)):
            given = [(way.called(n, 10), way.made(n)) if counts[1] == 10 else (way.called(10, n), 0) for n in counts]
            assert all(a <= b for a, b in pairwise(given))


def test_variables_alone_and_constants_need_no_steps() -> None:
    x = Var("x")
    for backend in BACKENDS:
        for outputs in ([x, 2], [x], []):
            g = compile(outputs, [x], backend=backend)
            assert (
                called_until(g, (1.5,), lambda g=g: not g._floats._is_early or not is_early(g))[-1]
                == [1.5, 2.0][: len(outputs)]
            )
