"""The outputs of a call: their shapes and types, arrays to write them to, and what is written."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.signature import Structure
from exprad.errors import ArgumentError, ShapeError, refuse_masked
from exprad.graph.program import Program
from exprad.ground.shapes import Shape


class Plan(NamedTuple):
    """What a call with arguments of certain shapes and types comes to."""

    dtype: Any
    points: Shape
    is_point: bool  # Python answers, in floats
    are_numbers: bool
    results: list[tuple[Shape, Any]]  # the shape and the type of each output
    runner: Any

    def write(self, arrays: Sequence[Any], given: Sequence[Any]) -> None:
        """Run, and write to the arrays given; first to others, where one may share memory with an input."""
        targets = list(given)
        if not are_apart(arrays, given):
            for place, mine in enumerate(given):
                if any(np.may_share_memory(mine, array) for array in arrays):
                    targets[place] = np.empty_like(mine)
        self.runner(arrays, targets, self.points, self.dtype)
        for mine, target in zip(given, targets, strict=True):
            if mine is not target:
                np.copyto(mine, target)


class Outputs:
    """The outputs of a program, in the structure that a call returns."""

    def __init__(self, program: Program, structure: Structure) -> None:
        self.program, self.structure = program, structure

    @cached_property
    def are_floats(self) -> bool:
        """Whether each output is one number, and none a truth value."""
        is_single = all(shape is None for shape, *_ in self.structure.leaves)
        return (
            is_single and self.program.is_of_scalars and not any(map(self.program.is_condition, self.program.outputs))
        )

    def results(self, points: Shape, dtype: Any) -> list[tuple[Shape, Any]]:
        """The shape and the type of each output: an array of outputs has one for each of its places, so its axes come first."""
        results: list[tuple[Shape, Any]] = []
        if self.are_floats:
            return [(points, dtype)] * len(self.structure.leaves)
        for shape, first, _ in self.structure.leaves:
            index = self.program.outputs[first]
            own = self.program.shapes[index] if shape is None else shape
            is_condition = shape is None and self.program.is_condition(index)
            whole = points + own if shape is None else own + points
            results.append((whole, np.dtype(bool) if is_condition else dtype))
        return results

    def targets(self, out: Any, results: Sequence[tuple[Shape, Any]]) -> list[Any]:
        """The arrays given to write to, one an output."""
        given = self.structure.flatten(out)
        for place, (mine, (shape, kind)) in enumerate(zip(given, results, strict=True)):
            if not isinstance(mine, np.ndarray) or mine.shape != shape or mine.dtype != kind:
                found = f"{mine.shape} of {mine.dtype}" if isinstance(mine, np.ndarray) else type(mine).__name__
                raise ShapeError(f"out of output {place} must be an array {shape} of {kind}, got {found}")
            if mine.__class__ is not np.ndarray:
                refuse_masked(mine, f"out of output {place}")
            if not mine.flags.writeable:
                raise ArgumentError(f"out of output {place} is read-only")
        owners = set(map(owner, given))
        if len(owners) < len(given) or None in owners:
            _refuse_shared(given)
        return given


def owner(array: Any) -> int | None:
    """Tells arrays that may share memory: the identity of the array whose memory it is; None if nobody knows."""
    while array.__class__ is np.ndarray:
        if array.flags.owndata:
            return id(array)
        array = array.base
    return None


def are_apart(arrays: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether no array shares memory with one of others, by whose memory it is."""
    mine, theirs = set(map(owner, arrays)), set(map(owner, others))
    return None not in mine and None not in theirs and mine.isdisjoint(theirs)


def _refuse_shared(given: Sequence[Any]) -> None:
    for place, mine in enumerate(given):
        for other in given[:place]:
            if np.may_share_memory(mine, other) and np.shares_memory(mine, other):
                raise ArgumentError(f"out of output {place} shares memory with another output")


def number_of(leaf: Any) -> Any:
    """An array of one number as that."""
    return leaf.item() if leaf.shape == () else leaf
