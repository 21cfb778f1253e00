"""What `forecast` says of each way that a program may run, beside what that takes; and what was chosen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks import graphs
from benchmarks.compiled import GP, TR, x, y
from exprad import Function, compile, gradient
from exprad.backends.costs import BLOCKS, LEVELS, LOOP, MACHINE, PYTHON_SOURCE, PYTHON_STEPS, STEPS, Way, Work
from exprad.backends.native import engine
from exprad.backends.native.machine import MachineRunner
from exprad.backends.native.runners import NativeRunner
from exprad.backends.numpy import BlockRunner, code
from exprad.backends.scalars import ScalarRunner
from exprad.backends.stepwise import scalar_steps

POINTS = 1, 100, 10_000, 1_000_000
MOST_NUMBERS = 10**8  # steps times points that are measured
RUNNERS: dict[Way, Any] = {BLOCKS: BlockRunner, MACHINE: MachineRunner, LOOP: NativeRunner}


def programs() -> Iterator[tuple[str, Any, Any]]:
    """A name, the outputs and the inputs of each."""
    for name, f in {"GP": GP, "TR": TR}.items():
        yield name, [f, *gradient(f, [x, y])], [x, y]
    for name, sizes in (("Lorenz", (15, 200)), ("random", (300, 3000)), ("Rosenbrock", (200, 5000))):
        for size in sizes:
            yield f"{name} {size}", *graphs.LARGE[name](size)[:2]


def run(function: Function, way: Way) -> tuple[Callable[[], Any], Callable[[Any, Any, Any], Any]]:
    """What makes a program ready in one way, and what calls it."""
    choice = function._choice
    given = choice.program, choice.columns, choice.inputs, choice.structure.leaves
    if way in (PYTHON_STEPS, PYTHON_SOURCE):
        made: list[Any] = []
        make = lambda: scalar_steps(*given[:2]) if way is PYTHON_STEPS else function._floats.source.function()
        return lambda: made.append(make()), lambda arrays, leaves, points: made[0](
            *np.concatenate(arrays, None).tolist()
        )
    if way in (STEPS, LEVELS):
        runner: Any = ScalarRunner(*given, has_source=False, by_python=False)
        runner = runner.steps if way is STEPS else runner.levels
    else:
        runner = RUNNERS[way](*given, False) if way is LOOP else RUNNERS[way](*given)
    return lambda: None, lambda arrays, leaves, points: runner(arrays, leaves, points, np.dtype(float))


def least(job: Callable[[], Any], seconds: float = 0.2) -> float:
    """The least time that a job takes."""
    found, end = [], time.perf_counter() + seconds
    while len(found) < 3 or time.perf_counter() < end and len(found) < 1000:
        start = time.perf_counter()
        job()
        found.append(time.perf_counter() - start)
    return min(found)


def measured(function: Function, work: Work, points: int) -> tuple[float, float]:
    """Seconds: of a call when all is ready, and more than that of the first one."""
    shape = () if points == 1 else (points,)
    arrays = [np.random.default_rng(0).uniform(0.3, 0.9, (*slot.shape, *shape)) for slot in function._choice.inputs]
    leaves = [np.empty(shape, kind) for shape, kind in function._outputs.results(shape, np.dtype(float))]
    firsts = []
    for _ in range(3):
        code.cache_clear()
        vars(function._floats).pop("source", None)
        make, call = run(function, work.way)
        start = time.perf_counter()
        make()
        call(arrays, leaves, shape)
        firsts.append(time.perf_counter() - start)
    then = least(lambda: call(arrays, leaves, shape))
    return then, min(firsts) - then


def ways_of(function: Function, points: int) -> list[Work]:
    """The ways that are measured."""
    program, runner = function.program, ScalarRunner(*_given(function), has_source=True, by_python=True)
    found = list(runner.ways(points).works)
    if points == 1:
        found += [Work(PYTHON_STEPS, program), Work(PYTHON_SOURCE, program)]
    if engine.is_installed():
        found += [Work(MACHINE, program), *([Work(LOOP, program)] if len(program.calls) < 300 else [])]
    return [work for work in found if work.steps < 5000 or work.way not in (PYTHON_SOURCE, BLOCKS)]


def _given(function: Function) -> Any:
    choice = function._choice
    return choice.program, choice.columns, choice.inputs, choice.structure.leaves


def main() -> None:
    print(
        "\npredicted over measured: of a call, of making what runs it; and how the chosen way compares to the fastest"
    )
    for name, outputs, inputs in programs():
        function = compile(outputs, inputs, backend="numpy")
        for points in POINTS:
            if points * len(function.program.calls) > MOST_NUMBERS:
                continue
            lines, taken = [], {}
            for work in ways_of(function, points):
                call, making = measured(function, work, points)
                taken[work.way.name] = call
                lines.append(
                    f"{work.way.name} {work.called(points) / call * 1e-9:.2f}, {work.made / making * 1e-9:.2f}"
                )
            chosen = function.forecast(points).chosen
            numpy = {way.name: taken[way.name] for way in (STEPS, LEVELS, BLOCKS) if way.name in taken}
            slower = taken[chosen] / min(numpy.values())
            print(f"  {name}, {points:,} points: {'; '.join(lines)}. Chosen: {chosen} ({slower:.2f})")
