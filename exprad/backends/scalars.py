"""Programs of scalars over arrays, on NumPy: step by step, level by level or in blocks, as costs say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from exprad.backends.costs import BLOCKS, LEVELS, PYTHON_STEPS, STEPS, Way, Ways, Work
from exprad.backends.levels import TABLE_ELEMENTS, LevelRunner, least_groups
from exprad.backends.numpy import BlockRunner
from exprad.backends.signature import Input
from exprad.backends.stepwise import StepRunner, scalar_steps
from exprad.graph.program import Program
from exprad.ground.shapes import Shape

MOST_SETTLED = 100  # numbers of points of which the way is kept: they come and go


class ScalarRunner:
    """Runs a program of many scalar steps in the way that its shape and the points ask for. All give the same bits.

    A program that `has_source` runs in blocks, once compiling pays; a wide one level by level; and a long narrow one step by
    step, over blocks of points or, where it is `by_python` and costs less, at one point by Python's own functions, which have
    bits of their own.
    """

    def __init__(
        self,
        program: Program,
        columns: Sequence[int],
        inputs: Sequence[Input],
        structure: Any,
        *,
        has_source: bool,
        by_python: bool,
    ) -> None:
        self.program, self.columns, self.structure, self.has_source = program, columns, structure, has_source
        self._given = program, columns, inputs, structure
        self.steps, self.levels = StepRunner(*self._given), LevelRunner(*self._given)
        block = max(1, TABLE_ELEMENTS // max(1, program.size))
        calls = [Work(STEPS, program), Work(LEVELS, program, lambda: self._groups, block)]
        self._at_one = Ways(calls)  # blocks of one number would be written over while they are read
        self._at_many = Ways([*calls, Work(BLOCKS, program)]) if has_source else self._at_one
        self._settled: dict[Any, Callable[..., None]] = {}
        self._last: tuple[Any, Any, Callable[..., None]] = None, None, self._one_point  # points, type and what ran them
        self.one_point = Work(PYTHON_STEPS, program)
        self.by_python = by_python and not has_source

    @cached_property
    def in_python(self) -> bool:
        """Whether Python's own functions compute one point."""
        return self.by_python and self.one_point.called(1) < self._at_one.best(1).called(1)

    def ways(self, points: int) -> Ways:
        """The ways in which so many points may run, all with the same bits."""
        return self._at_one if points == 1 else self._at_many

    @cached_property
    def _groups(self) -> int:
        """How many calls a run level by level takes, at least."""
        return least_groups(self.program)

    @cached_property
    def blocks(self) -> BlockRunner:
        """What runs source in blocks."""
        return BlockRunner(*self._given)

    @property
    def source(self) -> str:
        return self.blocks.source if self.has_source else str(self.program)

    @property
    def manner(self) -> str:
        """How it runs, in words."""
        return "python for one point, numpy for more" if self.in_python else self._at_one.best(1).way.name

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        last_points, last_dtype, run = self._last
        if points != last_points or dtype is not last_dtype:
            run = self._settled.get((points, dtype)) or self._run(points, dtype)
        run(arrays, leaves, points, dtype)

    def _run(self, points: Shape, dtype: Any) -> Callable[..., None]:
        """What runs such points now; kept, where it is what will run them."""
        count = prod(points)
        if count == 1 and self.in_python and dtype == np.float64:
            return self._one_point

        def is_ready(way: Way) -> bool:
            runner: Any = {STEPS: self.steps, LEVELS: self.levels}.get(way)
            return "blocks" in vars(self) if runner is None else runner.is_ready(points, dtype)

        way = self.ways(count).taken(count, is_ready).way
        run = self.steps if way is STEPS else self.levels if way is LEVELS else self.blocks
        if way is self.ways(count).best(count).way:
            if len(self._settled) >= MOST_SETTLED:
                self._settled.clear()
            self._settled[points, dtype] = run
            self._last = points, dtype, run
        return run

    @cached_property
    def _function(self) -> Callable[..., tuple[Any, ...]]:
        return scalar_steps(self.program, self.columns)

    def _one_point(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        """Compute one point in Python, or by NumPy's calls where Python refuses an operation."""
        try:
            found = self._function(*[value for array in arrays for value in array.astype(float).ravel().tolist()])
        except (ArithmeticError, ValueError):
            self.steps(arrays, leaves, points, dtype)
            return
        for leaf, (_, first, beyond) in zip(leaves, self.structure, strict=True):
            leaf[...] = np.array(found[first:beyond]).reshape(leaf.shape)
