"""Programs that NumPy runs by calls bound to the rows of a table; and inputs and outputs as rows, for all who have a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from exprad.backends.signature import Input
from exprad.graph.program import Program
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused

MOST_SPARE = 4  # tables that are kept of one width
MOST_WIDTHS = 8  # of which tables are kept: widths come and go
Call = tuple[Callable[..., Any], tuple[Any, ...]]


def input_rows(inputs: Sequence[Input], arrays: Sequence[Any], points: Shape) -> list[Any]:
    """For each input a row for each of its variables, of the numbers at all points."""
    found, count = [], prod(points)
    for slot, array in zip(inputs, arrays, strict=True):
        rows, rank = prod(slot.shape), len(slot.shape)
        if array.size != rows * count:  # the same at several points, which come after the axes of an array of inputs
            absent = (1,) * (rank + len(points) - array.ndim)
            array = np.broadcast_to(array.reshape(*slot.shape, *absent, *array.shape[rank:]), (*slot.shape, *points))
        found.append(array.reshape(rows, count))
    return found


def output_rows(leaves: Sequence[Any], structure: Any, points: Shape, dtype: Any = None) -> list[Any]:
    """The same for outputs: views of them, or new arrays where that can't be, which `finish` copies when all is done.

    `dtype` is that which rows must have, if they must.
    """
    found, count = [], prod(points)
    for leaf, (_, first, beyond) in zip(leaves, structure, strict=True):
        is_view = leaf.flags.c_contiguous and (dtype is None or leaf.dtype == dtype)
        rows = beyond - first
        found.append(leaf.reshape(rows, count) if is_view else np.empty((rows, count), dtype or leaf.dtype))
    return found


def flat_outputs(leaves: Sequence[Any]) -> list[Any]:
    """At one point: each output along one axis."""
    return [leaf.reshape(-1) if leaf.flags.c_contiguous else np.empty(leaf.size, leaf.dtype) for leaf in leaves]


def finish(leaves: Sequence[Any], rows: Sequence[Any]) -> None:
    """Copy to outputs the rows that are no views of them."""
    for leaf, each in zip(leaves, rows, strict=True):
        if each.base is None:
            np.copyto(leaf, each.reshape(leaf.shape), casting="unsafe")


class PlannedRunner:
    """Fills a table of values by calls that are bound to its rows. Threads may share it: each takes a table of its own."""

    def __init__(self, program: Program, columns: Sequence[int], inputs: Sequence[Input], structure: Any) -> None:
        self.program, self.columns, self.inputs, self.structure = program, columns, inputs, structure
        self._spare: dict[Any, list[tuple[Any, list[Call]]]] = {}

    def _planned(self, width: Shape, dtype: Any) -> tuple[Any, list[Call]]:
        """A table of rows of a shape that holds the constants, and the calls."""
        raise NotImplementedError

    def _write(self, table: Any, outputs: Sequence[Any]) -> None:
        """Copy the rows of the outputs out of a table."""
        raise NotImplementedError

    @property
    def source(self) -> str:
        return str(self.program)

    def _run(self, arrays: Sequence[Any], outputs: Sequence[Any], width: Shape, dtype: Any) -> None:
        """One table full: rows of inputs to rows of outputs."""
        if len(self._spare) > MOST_WIDTHS:
            self._spare.clear()
        spare = self._spare.setdefault((width, dtype), [])
        try:
            table, plan = spare.pop()
        except IndexError:
            with collector_paused():
                table, plan = self._planned(width, dtype)
        first = 0
        for array in arrays:
            table[first : first + len(array)] = array
            first += len(array)
        with np.errstate(all="ignore"):
            for function, operands in plan:
                function(*operands)
        self._write(table, outputs)
        if len(spare) < MOST_SPARE:
            spare.append((table, plan))

    def _run_pieces(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any, most: int) -> None:
        """All points, at most so many at once. The last piece overlaps, so that all have one width."""
        given, found = input_rows(self.inputs, arrays, points), output_rows(leaves, self.structure, points)
        count = prod(points)
        size = min(most, count)
        for start in range(0, count, size or 1):
            piece = slice(min(start, count - size), min(start + size, count))
            self._run([each[:, piece] for each in given], [each[:, piece] for each in found], (size,), dtype)
        finish(leaves, found)

    def _run_point(self, arrays: Sequence[Any], leaves: Sequence[Any], dtype: Any) -> None:
        """One point, in a table without an axis for points."""
        found = flat_outputs(leaves)
        self._run([array.reshape(-1) for array in arrays], found, (), dtype)
        finish(leaves, found)
