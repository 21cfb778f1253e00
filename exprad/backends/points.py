"""Programs of arrays at many points: what a program is of scalars that are arrays of values, block by block of points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from exprad.backends.numpy import columns_of, rows_of
from exprad.backends.regions import RegionRunner
from exprad.backends.signature import Input
from exprad.graph.expr import Const, Expr, Var
from exprad.graph.program import Program, as_written
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape, broadcast_shapes
from exprad.ground.traverse import collector_paused
from exprad.tensor import at_points, stretched

VALUE_ELEMENTS = 1 << 18  # that a value of a block of points may have
MOST_RUNNERS = 16  # of numbers of points, before there are but those of powers of two


def at_many(program: Program, shapes: Mapping[str, Shape]) -> list[Expr]:
    """The outputs with variables that have a value at each of many points, of the shapes given, which broadcast together.

    The axes of the points come in front of a variable's own, and of an output's.

    >>> from exprad import norm, stack, variables
    >>> x, y = variables("x y")
    >>> at_many(Program.lowered([norm(stack([x, y]))]), {"x": (5,)})[0].shape
    (5,)
    """
    nodes: list[Any] = []
    varies: list[bool] = []
    for (head, *rest), shape in zip(program.steps, program.shapes, strict=True):
        if isinstance(head, Primitive):
            xs = [nodes[index] for index in rest]
            varies.append(any(varies[index] for index in rest))
            own = [program.shapes[index] for index in rest]
            nodes.append(at_points(head, xs, own, shape) if varies[-1] else as_written(head, *xs))
        else:
            varies.append(head == "var" and rest[0] in shapes)
            nodes.append(
                Const(rest[0]) if head == "const" else Var(rest[0], shape=(*shapes.get(rest[0], ()), *rest[1]))
            )
    points = broadcast_shapes("points", list(shapes.values()))
    return [stretched(nodes[output], points + program.shapes[output]) for output in program.outputs]


class PointsRunner:
    """Runs a program of arrays at many points, in blocks of as many as `VALUE_ELEMENTS` allows.

    `prepared` makes the program of outputs ready to run, as it did for one point; `runner_of` makes what runs it.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Input],
        structure: Any,
        prepared: Callable[[Sequence[Expr]], Program],
        runner_of: Callable[..., Any] = RegionRunner,
    ) -> None:
        self.program, self.inputs, self.structure = program, inputs, structure
        self.prepared, self.runner_of = prepared, runner_of
        self.variables = [variable for slot in inputs for variable in slot.variables]
        self.size = max(1, VALUE_ELEMENTS // max(1, *map(prod, program.shapes)))
        self._runners: dict[Any, Any] = {}

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        count = prod(points)
        columns = columns_of(self.inputs, arrays, dtype)
        many = {
            variable.name: np.broadcast_to(column, points + variable.shape).reshape(count, *variable.shape)
            for variable, column in zip(self.variables, columns, strict=True)
            if column.shape != variable.shape
        }
        rows = rows_of(leaves, self.structure)
        targets = [
            row.reshape(shape) if row.flags.c_contiguous else np.empty(shape, row.dtype)
            for row in rows
            for shape in [(count, *row.shape[len(points) :])]
        ]
        size = self._size(tuple(many), count)
        for start in range(0, count, size or 1):  # the last piece overlaps, so that all have one size
            piece = slice(min(start, count - size), min(start + size, count))
            given = [
                many[variable.name][piece] if variable.name in many else column
                for variable, column in zip(self.variables, columns, strict=True)
            ]
            self._runner(tuple(many), size)(given, [target[piece] for target in targets], (), dtype)
        for row, target in zip(rows, targets, strict=True):
            if not row.flags.c_contiguous:
                np.copyto(row, target.reshape(row.shape))

    def _size(self, names: tuple[str, ...], count: int) -> int:
        """How many points are a block: all, up to a limit; a power of two, once there were many other numbers of points."""
        most = min(count, self.size)
        if (names, most) in self._runners or len(self._runners) < MOST_RUNNERS:
            return most
        return 1 << most.bit_length() - 1

    def _runner(self, names: tuple[str, ...], count: int) -> Any:
        """What runs a block of so many points, where these variables have a value at each: made once for each power of two, and
        for some other numbers."""
        runner = self._runners.get((names, count))
        if len(self._runners) >= 8 * MOST_RUNNERS:  # other variables vary each time
            self._runners.clear()
        return self._runners.setdefault((names, count), self._made(names, count)) if runner is None else runner

    def _made(self, names: tuple[str, ...], count: int) -> Any:
        with collector_paused():
            program = self.prepared(at_many(self.program, dict.fromkeys(names, (count,))))
        shaped = [Var(each.name, shape=(count, *each.shape)) if each.name in names else each for each in self.variables]
        columns = [program.variables.get(variable.name, -1) for variable in self.variables]
        inputs = [Input(variable, place) for place, variable in enumerate(shaped)]
        structure = [(None, place, place + 1) for place in range(len(program.outputs))]
        return self.runner_of(program, columns, inputs, structure)
