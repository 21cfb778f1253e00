"""The first calls of a program, for which no source is compiled: it runs step by step until source has paid for itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from math import prod
from typing import Any

from exprad.backends.costs import BLOCKS, STEPS, Patience
from exprad.backends.numpy import BlockRunner
from exprad.backends.signature import Input
from exprad.backends.stepwise import StepRunner
from exprad.graph.program import Program
from exprad.ground.shapes import Shape


class EarlyRunner:
    """Runs a program of scalars over arrays step by step, and by its source in blocks once that pays. The bits are the same."""

    def __init__(self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any) -> None:
        self._given = program, columns, inputs, structure
        self._steps: StepRunner | None = StepRunner(*self._given)
        self._count = len(program.calls)
        self._patience = Patience(BLOCKS.made(self._count))

    @cached_property
    def blocks(self) -> BlockRunner:
        """What runs the source."""
        return BlockRunner(*self._given)

    @property
    def source(self) -> str:
        return self.blocks.source

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        steps = self._steps
        if steps is None:
            self.blocks(arrays, leaves, points, dtype)
        elif self._patience.spend(self._cost(steps, prod(points), dtype)):
            steps(arrays, leaves, points, dtype)
        else:
            self._steps = None  # and its tables
            self.blocks(arrays, leaves, points, dtype)

    def _cost(self, steps: StepRunner, count: int, dtype: Any) -> float:
        """What a call costs, step by step."""
        making = 0 if steps.is_ready(count, dtype) else STEPS.made(self._count)
        return making + STEPS.called(self._count, count)
