"""What each way of running a program of scalars costs: one table, measured, from which all choices between ways follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from exprad.graph.program import Program


class Way(NamedTuple):
    """The nanoseconds that a way of running programs takes, good to a factor of two: only ratios count.

    >>> halves = Way("by halves", making=(100, 10, 0), unit=4, number=0.5, function=2, block=2)
    >>> from exprad import Var, sin
    >>> work = Work(halves, Program.lowered([sin(Var("x")) + 1]))
    >>> work.made, work.called(1), work.called(3)
    (120, 11.0, 25.0)
    """

    name: str
    making: tuple[float, float, float]  # what runs a program, once: for all together, for each step, for each unit
    unit: float  # of what is called one by one, a step or a group of steps, for each block of points
    number: float  # of a step at each point
    function: float  # of a step at each point that is no arithmetic, more than that
    block: int  # points that are computed at once
    call: float = 0  # before it computes


# `python -m benchmarks forecast` prints what these predict beside what it measures.
PYTHON_STEPS = Way("python, step by step", (20_000, 1000, 0), unit=60, number=0, function=30, block=1, call=5000)
PYTHON_SOURCE = Way("python", (50_000, 6000, 0), unit=25, number=0, function=30, block=1, call=200)
STEPS = Way("numpy, step by step", (50_000, 1600, 0), unit=300, number=0.4, function=4, block=2048, call=10_000)
LEVELS = Way("numpy, level by level", (100_000, 1500, 6000), unit=700, number=1.5, function=4, block=2048, call=10_000)
BLOCKS = Way("numpy", (100_000, 11_000, 0), unit=280, number=0.25, function=4, block=16_384, call=5000)
MACHINE = Way("native (interpreted)", (100_000, 200, 0), unit=1.2, number=0.1, function=0.9, block=64, call=8000)
LOOP = Way("native", (5_000_000, 100_000, 0), unit=0, number=0.02, function=0.8, block=1, call=2000)
ROWS = Way("native", (1_000_000, 2000, 0), unit=18, number=0.1, function=0.9, block=1, call=8000)
BUILTIN = Way("native", (5_000_000, 100_000, 0), unit=1, number=0, function=8, block=1, call=60)


class Work:
    """A program, run in one way: the nanoseconds of making what runs it, and of calls.

    `units` are what is called one by one, where these are not the steps; `block` the points that are computed at once.
    """

    __slots__ = ("_units", "block", "functions", "left", "steps", "way")

    def __init__(
        self, way: Way, program: Program, units: Callable[[], int] | None = None, block: int | None = None
    ) -> None:
        self.way, self._units, self.block = way, units, block or way.block
        self.steps, self.functions = len(program.calls), functions(program)
        self.left: float | None = None  # of what may be spent on other ways until this is made

    @property
    def units(self) -> int:
        """How much is called one by one."""
        return self._units() if self._units else self.steps

    @property
    def made(self) -> float:
        """What making it costs."""
        fixed, step, unit = self.way.making
        return fixed + step * self.steps + (unit * self.units if unit else 0)

    def called(self, points: int) -> float:
        """What a call at so many points costs."""
        way = self.way
        at_point = way.number * self.steps + way.function * self.functions
        return way.call + self.units * way.unit * -(-points // self.block) + at_point * points


def functions(program: Program) -> int:
    """How many steps are neither arithmetic nor conditions nor choices."""
    plain = [row for row in program.rows if row.infix or row.prefix or row.predicate or row.truths]
    return len(program.calls) - sum([program.counts[row] for row in plain])


class Ways:
    """The ways in which one program may run, all with the same bits.

    The best way is that whose calls cost least. What runs it is made once so much was spent on another way as making it costs: so
    no more than twice the least is spent, however many calls come.
    """

    def __init__(self, works: Sequence[Work]) -> None:
        self.works = tuple(works)

    def best(self, points: int) -> Work:
        """The way that calls at so many points take in the long run."""
        return min(self.works, key=lambda work: work.called(points))

    def taken(self, points: int, is_ready: Callable[[Way], bool]) -> Work:
        """The way that a call takes now, which is paid for; `is_ready` says whether what runs a way is there."""
        best = self.best(points)
        if is_ready(best.way):
            return best
        costs = [work.called(points) + (0 if is_ready(work.way) else work.made) for work in self.works]
        cost = min(costs)
        left = best.made if best.left is None else best.left
        best.left = left - cost if left > cost else 0
        return self.works[costs.index(cost)] if best.left else best
