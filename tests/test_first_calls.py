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
from exprad.backends import levels, numpy, outputs, python, scalars, stepwise
from exprad.backends.costs import BLOCKS, PYTHON_SOURCE, PYTHON_STEPS, STEPS, Ways, Work
from tests.rows import VARIABLES, expressions, operands_of, rows, same_bits, searched

BACKENDS = ["numpy", "python", "auto"]
EDGES = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -3.0, 1e30, np.inf, -np.inf, np.nan]


def is_early(g: Any) -> bool:
    """Whether calls with arrays are still computed step by step."""
    return "blocks" not in vars(g._choice.arrays)


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
    assert len(found) > 5 and all(each == found[0] for each in found)
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
    g(np.full(BLOCKS.block * 4, 0.1), 0.2, 0.3)
    assert not is_early(g)


@pytest.mark.parametrize("points", [100, 3000, 9000])
def test_no_more_is_spent_than_twice_the_least(points: int) -> None:
    """As the unit costs say, for any number of calls of any width."""
    g, at, spent = compile(mixed(600), VARIABLES, backend="numpy"), (np.full(points, 0.1), 0.2, 0.3), 0.0
    steps, blocks = (Work(way, g.program) for way in (STEPS, BLOCKS))
    assert g._choice.arrays.ways(points).best(points).way is BLOCKS
    while is_early(g):
        spent += steps.called(points) + (steps.made if spent == 0 else 0)
        g(*at)
    assert spent - steps.called(points) < blocks.made <= spent + steps.called(points)  # the last call was by source


def test_widths_that_never_come_again_are_work_too() -> None:
    g = compile(mixed(300), VARIABLES, backend="numpy")
    for width in range(2, 60):
        g(np.full(width, 0.1), 0.2, 0.3)
    assert not is_early(g)


def test_the_best_way_is_taken_at_once_if_it_is_ready_and_never_left_again() -> None:
    program = compile(mixed(300), VARIABLES).program
    steps, blocks = Work(STEPS, program), Work(BLOCKS, program)
    ways = Ways([steps, blocks])
    assert ways.taken(1, lambda way: way is BLOCKS) is blocks
    assert ways.taken(1, lambda way: False) is steps
    while ways.taken(1, lambda way: way is STEPS) is steps:
        pass
    assert all(ways.taken(points, lambda way: way is STEPS) is blocks for points in (1, 10, 10**6))


def test_costs_grow_with_steps_and_points() -> None:
    programs = [compile(mixed(steps), VARIABLES).program for steps in (300, 1000, 3000)]
    for way in (PYTHON_STEPS, PYTHON_SOURCE, STEPS, BLOCKS):
        works = [Work(way, program) for program in programs]
        assert all(a.made < b.made and a.called(10) < b.called(10) for a, b in pairwise(works))
        assert all(works[0].called(a) <= works[0].called(b) for a, b in pairwise((1, 10, 1000, 100_000)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [0, 1, 2])
def test_variables_alone_and_constants_need_no_steps(backend: str, count: int) -> None:
    x, expected = Var("x"), [1.5, 2.0][:count]
    g = compile([x, 2][:count], [x], backend=backend)
    assert [g(1.5) for _ in range(50)] == [expected] * 50
    if backend != "python":
        many = [[each] * 3 for each in expected]
        assert [[each.tolist() for each in g(np.full(3, 1.5))] for _ in range(50)] == [many] * 50


def test_one_point_is_never_written_over_what_it_is_computed_from() -> None:
    """Blocks of one number take twice as long: NumPy does not know that one number may be written where it was read."""
    for made in (mixed(300), mixed(40)):
        g = compile(made, VARIABLES, backend="numpy")
        for _ in range(100):
            g(0.1, 0.2, 0.3)
        assert is_early(g)
        assert g(0.1, 0.2, 0.3) == [each[0] for each in g(np.full(5, 0.1), 0.2, 0.3)]


CASES = [
    ("numpy", 1, 300),
    ("numpy", 1000, 300),
    ("numpy", 1, 9000),
    ("numpy", 10, 9000),
    ("python", 1, 300),
    ("python", 1, 9000),
]


@pytest.mark.parametrize(("backend", "points", "steps"), CASES)
def test_what_is_forecast_is_what_runs(backend: str, points: int, steps: int, monkeypatch: Any) -> None:
    g = compile(mixed(steps), VARIABLES, backend=backend)
    found = g.forecast(points)
    chosen = found.chosen
    assert found.points == points
    assert found.ways[chosen].call == min(way.call for way in found.ways.values())
    ran: list[str] = []
    for name, owner, method in (
        ("numpy, step by step", stepwise.StepRunner, "__call__"),
        ("numpy, level by level", levels.LevelRunner, "__call__"),
        ("numpy", numpy.BlockRunner, "__call__"),
        ("python, step by step", scalars.ScalarRunner, "_one_point"),
    ):
        run = getattr(owner, method)
        monkeypatch.setattr(owner, method, lambda *given, run=run, name=name: [ran.append(name), run(*given)][1])
    called_until(
        g,
        (0.1, 0.2, 0.3) if points == 1 else (np.full(points, 0.1), 0.2, 0.3),
        lambda: len(ran) > 60 or not g._floats._is_early,
    )
    assert ran[-1:] == ([] if chosen == "python" else [chosen])


def test_wide_programs_run_level_by_level() -> None:
    p = [Var(f"w{k}") for k in range(400)]
    g = compile(np.array([ep.sin(a * b) + a / (2 + b * b) for a, b in pairwise(p)], object), [p], backend="numpy")
    found = g.forecast()
    assert found.chosen == "numpy, level by level"
    assert found.ways[found.chosen].call * 5 < found.ways["numpy, step by step"].call


def test_a_forecast_reads_well() -> None:
    text = repr(compile(mixed(300), VARIABLES, backend="numpy").forecast(10_000))
    assert text.startswith("<a call at 10,000 points: ") and text.count("(chosen)") == 1 and text.count("\n") == 3
    shaped = compile(ep.sum(Var("v", shape=(5,))), backend="numpy").forecast(1)
    assert shaped.ways == {} and repr(shaped).endswith(", numpy>")


@pytest.mark.parametrize("steps", [300, 9000])
def test_forecasts_with_machine_code(steps: int) -> None:
    pytest.importorskip("llvmlite")
    g = compile(mixed(steps), VARIABLES)
    assert g.forecast(100_000).chosen == ("native" if steps == 300 else "native (interpreted)")
    assert {"native", "native (interpreted)"} & set(g.forecast(1).ways)
    assert compile(mixed(steps), VARIABLES, backend="native").forecast(10).chosen.startswith("native")


def test_memory_that_arrays_share_is_known_by_whose_it_is() -> None:
    block, other = np.zeros((3, 4)), np.zeros(4)
    foreign = np.frombuffer(bytearray(32))  # of memory that is no array's
    assert outputs.owner(block) == outputs.owner(block[1]) == outputs.owner(block[1][::-1].reshape(2, 2)) == id(block)
    assert outputs.owner(foreign) is outputs.owner(np.ma.array(other)) is None
    assert outputs.are_apart([block[0], other], [np.zeros(3)]) and outputs.are_apart([], [other])
    for arrays, others in (([block[0]], [block[2]]), ([foreign], [other]), ([other], [foreign]), ([other], [other])):
        assert not outputs.are_apart(arrays, others)


@pytest.mark.parametrize("calls", [1, 100])
def test_outputs_that_share_memory_with_inputs_or_each_other(calls: int) -> None:
    x, y, _ = VARIABLES
    g = compile([x + y, x * y], [x, y], backend="numpy")
    for _ in range(calls):
        block = np.arange(8.0).reshape(2, 4)
        a, b = block
        expected = [a + b, a * b]
        assert [each.tolist() for each in g(a, b, out=[a, b])] == [each.tolist() for each in expected]
        rows = np.zeros((2, 4))
        assert g(*expected, out=list(rows)) and (rows == [expected[0] + expected[1], expected[0] * expected[1]]).all()
        line = np.arange(6.0)
        sums = line[:4] + 2
        assert (g(line[:4], 2.0, out=[line[1:5], np.zeros(4)])[0] == sums).all()
        for out in ([rows[0], rows[0]], [rows[0], rows.reshape(-1)[2:6]], [block.ravel()[:4], block.ravel()[3:7]]):
            with pytest.raises(ep.ExpradError, match="shares memory"):
                g(a, b, out=out)
        foreign = [np.frombuffer(bytearray(32)) for _ in range(2)]
        assert (g(sums, 2.0, out=foreign)[0] == sums + 2).all()
