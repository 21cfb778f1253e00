"""What each way of running a program of scalars costs: one table, measured, from which all choices between them follow."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """The nanoseconds that a way of running a program takes, good to a factor of two: only ratios count.

    >>> by_two = Way("by two", making=(100, 10), step=4, number=0.5, block=2)
    >>> by_two.made(10), by_two.called(10, 1), by_two.called(10, 3)
    (200, 45.0, 95.0)
    """

    name: str
    making: tuple[float, float]  # what runs a program, once: for all its steps together, and for each
    step: float  # for each block of points
    number: float  # for each step and point
    block: int  # points that are computed at once
    call: float = 0  # before it computes

    def made(self, steps: int) -> float:
        """What making it costs for a program of so many steps."""
        return self.making[0] + self.making[1] * steps

    def called(self, steps: int, points: int) -> float:
        """What a call costs at so many points."""
        return self.call + steps * (self.step * -(-points // self.block) + self.number * points)


PYTHON_STEPS = Way("python, step by step", making=(20_000, 1000), step=65, number=0, block=1, call=5000)
PYTHON_SOURCE = Way("python", making=(100_000, 6000), step=30, number=0, block=1, call=200)
STEPS = Way("numpy, step by step", making=(50_000, 1600), step=450, number=0.5, block=2048, call=10_000)
BLOCKS = Way("numpy, blocks", making=(100_000, 11_000), step=450, number=0.4, block=16_384, call=5000)


class Patience:
    """Says when to make what is dear to make and cheap to run: when running another way has cost as much.

    So no more than twice the least is spent, however many calls come.

    >>> patience = Patience(100)
    >>> patience.spend(60), patience.spend(60), patience.spend(0)
    (True, False, False)
    """

    __slots__ = ("left",)

    def __init__(self, cost: float) -> None:
        self.left = cost

    def spend(self, cost: float) -> bool:
        """Whether so much more may be spent; if not, nothing will be any more."""
        self.left = self.left - cost if self.left > cost else 0
        return self.left > 0
