"""The leaves of an arena: those of a graph, then constants that templates have, then those that folds make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.backends.native.flat.arena import FLOAT, INTEGER, LEAF, OTHER, RECORD, VARIABLE, Arena
from exprad.backends.native.flat.walk import ABSENT, WHOLE
from exprad.graph.expr import Const, Expr


class Leaves:
    """Leaves by the step that they are."""

    def __init__(self, leaves: Sequence[Expr]) -> None:
        self.listed: list[Any] = list(leaves)
        self._steps = {leaf: place for place, leaf in enumerate(leaves)}

    def step(self, constant: Const) -> int:
        """The step of a constant, which may be new."""
        found = self._steps.setdefault(constant, len(self.listed))
        if found == len(self.listed):
            self.listed.append(constant)
        return found

    def place(self, leaf: Any) -> int:
        """A leaf as calls name it; ABSENT where it is not there."""
        return -1 - self._steps[leaf] if leaf in self._steps else ABSENT

    def enter(self, arena: Arena, most: int) -> None:
        """The leaves as the first steps of an arena, and with them room for so many constants of folds."""
        arena.one = self.step(Const(1))
        opposites = {
            at: self.step(Const(-leaf.value)) for at, leaf in enumerate([*self.listed]) if _class_of(leaf) == OTHER
        }
        count = arena.count = arena.number_count = len(self.listed)
        arena.opposites = np.zeros(count, WHOLE)
        for step, opposite in opposites.items():
            arena.opposites[step], arena.opposites[opposite] = opposite, step
        arena.numbers = np.empty(count + most)
        arena.bits = arena.numbers.view(np.int64)
        arena.number_mask = (1 << (count + most).bit_length()) - 1
        arena.number_slots = np.zeros(arena.number_mask + 1, WHOLE)
        self._enter_each(arena)

    def _enter_each(self, arena: Arena) -> None:
        steps = arena.steps[: len(self.listed) * RECORD].reshape(-1, RECORD)
        steps[:] = [LEAF, VARIABLE, 0, ABSENT]
        steps[:, 1], steps[:, 2] = list(map(_class_of, self.listed)), np.arange(len(self.listed))
        for step in np.flatnonzero(steps[:, 1] != VARIABLE).tolist():
            arena.numbers[step] = float(self.listed[step].value)
            if steps[step, 1] != OTHER:
                arena.number_slots[arena.number_slot(int(arena.bits[step]), int(steps[step, 1]))] = step + 1

    def value(self, arena: Arena, step: int) -> Any:
        """The number that a step of an arena is."""
        if step < len(self.listed):
            return self.listed[step].value
        kind, place = arena.steps[step * RECORD + 1 : step * RECORD + 3].tolist()
        number = float(arena.numbers[place])
        return int(number) if kind == INTEGER else number


def _class_of(leaf: Any) -> int:
    if not leaf.is_const:
        return VARIABLE
    if leaf.value.__class__ is float:
        return FLOAT
    return INTEGER if leaf.value.__class__ is int and abs(leaf.value) < 2**53 else OTHER
