"""What a call of a compiled function will cost, as it is told to users: the ways in which it may run, and which is taken."""

from __future__ import annotations

from typing import NamedTuple

from exprad.backends.choice import Choice
from exprad.backends.costs import BUILTIN, LOOP, MACHINE, ROWS, Work
from exprad.backends.levels import least_groups


class WayForecast(NamedTuple):
    """The seconds that a call takes one way, and those of making what runs it, once."""

    call: float
    making: float


class CallForecast(NamedTuple):
    """What a call at `points` will cost: a `Forecast`, and the seconds it takes in each way that it may run.

    Seconds are good to a factor of two: they tell ways apart, and small from large. `chosen` is the way that calls take once
    they have come often enough to pay for making it. Functions of arrays have one way only, of which no time is known.
    """

    operations: int
    bytes: int
    registers: int
    peak_memory: int
    points: int
    ways: dict[str, WayForecast]
    chosen: str

    def __repr__(self) -> str:
        """The operations and the memory, and a line for each way.

        >>> from exprad import Var, compile, sin
        >>> compile(sin(Var("x")) + 1, backend="numpy").forecast(1000)
        <a call at 1,000 points: 2,000 operations, 48 kB read and written, 1 value live (8 kB)
          numpy                  10.1 us, after   122 us once (chosen)
          numpy, step by step    15.4 us, after  53.2 us once
          numpy, level by level  18.4 us, after   115 us once>
        """
        live = f"{self.registers:,} value{'s' * (self.registers != 1)} live ({_scaled(self.peak_memory, 'B')})"
        points = f"{self.points:,} points" if self.points != 1 else "one point"
        work = f"{self.operations:,} operations, {_scaled(self.bytes, 'B')} read and written, {live}"
        width = max(map(len, self.ways), default=0)
        lines = [
            f"\n  {name:{width}} {_scaled(way.call, 's'):>8}, after {_scaled(way.making, 's'):>8} once"
            f"{' (chosen)' * (name == self.chosen)}"
            for name, way in sorted(self.ways.items(), key=lambda item: item[1])
        ]
        return f"<a call at {points}: {work}{''.join(lines) or f', {self.chosen}'}>"


def forecast(choice: Choice, points: int, has_builtin: bool) -> CallForecast:
    """What a call at so many points will cost; `has_builtin`: whether a built-in takes numbers, at once or in time.

    The memory of a function of arrays is that of its plan, beyond inputs and outputs.
    """
    found = choice.program.forecast(points)
    if choice.is_shaped:
        peak = choice.arrays.peak(8) if points == 1 else found.peak_memory
        return CallForecast(*found._replace(peak_memory=peak), points, {}, "numpy")
    works, chosen = _ways(choice, points, has_builtin)
    ways = {work.way.name: WayForecast(work.called(points) * 1e-9, work.made * 1e-9) for work in works}
    return CallForecast(*found, points, ways, chosen.way.name)


def _ways(choice: Choice, points: int, has_builtin: bool) -> tuple[list[Work], Work]:
    """The ways in which a call may run, and that which it takes."""
    if choice.takes_numbers and (points == 1 or choice.backend == "python"):
        works = list(choice.numbers.works)
        builtin = [Work(BUILTIN, choice.program)] if has_builtin else []
        return [*works, *builtin], builtin[0] if builtin else choice.numbers.best(points)
    code = _code(choice, points)
    if choice.backend == "native":
        return code, code[-1]
    runner = choice.arrays
    ways = runner.ways(points)
    works = [*ways.works, *code]
    if choice.is_native(points):
        return works, code[-1]
    if points == 1 and runner.in_python:
        return [runner.one_point, *works], runner.one_point
    return works, ways.best(points)


def _code(choice: Choice, points: int) -> list[Work]:
    """The ways of machine code: what runs a program in the end is the last."""
    native, program = choice.native, choice.program
    if native is None or not native.can_run:
        return []
    if native.is_short:
        return [Work(LOOP, program)]
    machine = Work(MACHINE, program)
    if not native.is_large:
        return [machine, Work(LOOP, program)]
    rows = Work(ROWS, program, lambda: least_groups(program))
    return [machine, rows] if points == 1 and rows.called(1) < machine.called(1) else [machine]


def _scaled(amount: float, unit: str) -> str:
    """An amount with three digits and a prefix of its unit.

    >>> _scaled(0.00123456, "s"), _scaled(12_345, "B"), _scaled(0, "B")
    ('1.23 ms', '12.3 kB', '0 B')
    """
    for prefix, scale in ("G", 1e9), ("M", 1e6), ("k", 1e3), ("", 1.0), ("m", 1e-3), ("u", 1e-6):
        if amount >= scale and (scale > 1 or unit == "s"):
            return f"{amount / scale:.3g} {prefix}{unit}"
    return f"{amount * 1e9:.3g} ns" if unit == "s" else f"{amount:.0f} {unit}"
