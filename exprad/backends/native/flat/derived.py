"""Calls lowered and derived: steps of outputs, of gradients and of tangents in one arena, and the program of some of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.native.flat.allocation import Compaction, Needed
from exprad.backends.native.flat.arena import LEAF, RECORD, VARIABLE
from exprad.backends.native.flat.constants import Leaves
from exprad.backends.native.flat.derivation import Derivation
from exprad.backends.native.flat.kinds import KIND_SLOTS, LOWEST, MOST_KINDS, PLACE_AT, TYPE_AT, Kinds
from exprad.backends.native.flat.program import FlatProgram
from exprad.backends.native.flat.subset import Run
from exprad.backends.native.flat.templates import Book, template
from exprad.backends.native.flat.walk import ABSENT, MOST_OPERANDS, WHOLE
from exprad.graph.expr import Expr
from exprad.tables import elementary as table

FIRST = (table.add, table.sub, table.mul, table.neg, table.div)  # rows that folds number from 1 on
FOLDED = FIRST[:4]  # whose calls are of one kind, whatever constants they read
MOST_STEPS = 1 << 28


class Calls(NamedTuple):
    """Calls by place, operands first: whether there is one, the number of its row, and its three operands.

    An operand is the place of a call, or -1 less the number of a leaf, or ABSENT.
    """

    nodes: Any
    types: Any
    operands: Any
    leaves: list[Any]
    rows: Sequence[Any]  # by number; None for what is no row


class Derived:
    """Steps of calls, with room for so many sweeps over them. Nothing else may be asked of it where it `is_known` not to be."""

    def __init__(self, calls: Calls, sweeps: int, run: Run) -> None:
        self.calls, self.run = calls, run
        self.leaves = Leaves(calls.leaves)
        self.rows: dict[Any, int] = {None: LEAF, **{row: number for number, row in enumerate(FIRST, 1)}}
        self.arena: Any = self._lowered(1 + sweeps) if self.templates is not None else None

    @property
    def is_known(self) -> bool:
        """Whether all rows have templates, and neither a guard was met nor a fold that only expressions know."""
        return self.arena is not None and not self.arena.is_refused

    @cached_property
    def templates(self) -> list[Any] | None:
        """The template of each kind of calls; None where one has none."""
        self.kinds = _kinds(self.calls)
        self.run(self.kinds, "run")
        found = []
        for key in self.kinds.keys[: self.kinds.count].tolist():
            row, place = self.calls.rows[key >> TYPE_AT], (key >> PLACE_AT) & MOST_OPERANDS
            constant = self.calls.leaves[key & LOWEST] if place else None
            found.append(None if row is None else template(row, place - 1, constant))
        return None if None in found or self.kinds.count > MOST_KINDS else found

    def _lowered(self, sweeps: int) -> Derivation | None:
        book = Book(self.rows, self.leaves)
        most = [book.enter(each) for each in self.templates or ()]
        bound = sweeps * (int(np.dot(most, self.kinds.calls[: len(most)])) + 2 * len(self.leaves.listed) + 16)
        if bound > MOST_STEPS:
            return None
        arena = _begun(self.calls, self.kinds, book, bound)
        self.leaves.enter(arena, bound)
        self.run(arena, "lower")
        return arena

    def step(self, at: int) -> int:
        """The step of a call or a leaf."""
        return int(self.arena.places[at]) if at >= 0 else -1 - at

    def gradient(self, at: int, wrt: Sequence[Expr]) -> Any:
        """The steps of the derivatives of a call or a leaf by variables."""
        self.arena.root = at
        return self._asked("sweep", np.array([self.leaves.place(x) for x in wrt], WHOLE))

    def tangents(self, outputs: Any, directions: Mapping[Expr, int]) -> Any:
        """The steps of the tangents of calls and leaves, for the steps that are the tangents of variables."""
        arena = self.arena
        arena.leaf_bars[:] = -1
        for x, step in directions.items():
            if self.leaves.place(x) != ABSENT:
                arena.leaf_bars[-1 - self.leaves.place(x)] = 2 * step
        return self._asked("push", outputs)

    def _asked(self, sweep: str, asked: Any) -> Any:
        self.arena.asked, self.arena.asked_count = asked, len(asked)
        self.run(self.arena, sweep)
        return asked

    def program(self, outputs: Any) -> FlatProgram:
        """The program of steps."""
        arena = self.arena
        needed = _needed(arena, outputs)
        self.run(needed, "run")
        leaves = np.sort(needed.leaves[: needed.leaf_count])
        is_variable = arena.steps[leaves * RECORD + 1] == VARIABLE
        listed = self.leaves.listed
        variables = sorted(
            leaves[is_variable].tolist(), key=lambda step: listed[step]._serial
        )  # as expressions have them
        constants = leaves[~is_variable].tolist()
        found = _compacted(arena, needed, np.array([*variables, *constants], WHOLE))
        self.run(found, "run")
        names = [listed[step].name for step in variables]
        values = [self.leaves.value(arena, step) for step in constants]
        return FlatProgram(names, values, found.heads, found.operands, list(self.rows), found.places[outputs].tolist())


def _kinds(calls: Calls) -> Kinds:
    kinds = Kinds()
    kinds.nodes, kinds.kinds, kinds.operands, kinds.size = calls.nodes, calls.types, calls.operands, len(calls.nodes)
    kinds.asks = np.array([row is not None and row not in FOLDED for row in calls.rows], WHOLE)
    kinds.is_constant = np.array([leaf.is_const for leaf in calls.leaves], WHOLE)
    kinds.keys, kinds.calls = np.zeros(MOST_KINDS + 2, np.int64), np.zeros(MOST_KINDS + 2, np.int64)
    kinds.slots, kinds.count = np.zeros(KIND_SLOTS, WHOLE), 0
    return kinds


def _begun(calls: Calls, kinds: Kinds, book: Book, most: int) -> Derivation:
    """An arena with room for so many steps."""
    arena, rows, size, leaves = Derivation(), list(book.rows), len(calls.nodes), len(calls.leaves)
    arena.nodes, arena.kinds, arena.operands, arena.size = calls.nodes, kinds.kinds, calls.operands, size
    arena.lowerings, arena.pulls = np.array(book.lowerings, WHOLE), np.array(book.pulls, WHOLE)
    arena.codes, arena.given = np.array([*book.numbers, 0], WHOLE), np.empty(len(book.numbers) + 1, WHOLE)
    arena.commutes = np.array([getattr(row, "commutes", False) for row in rows], WHOLE)
    arena.gives_floats = np.array([getattr(row, "gives_floats", False) for row in rows], WHOLE)
    arena.steps, arena.mask = np.empty(most * RECORD, WHOLE), (1 << (2 * most).bit_length()) - 1
    arena.slots, arena.is_refused = np.zeros(arena.mask + 1, WHOLE), 0
    arena.places, arena.bars, arena.active = [np.empty(size, WHOLE) for _ in range(3)]
    arena.leaf_count, arena.leaf_bars, arena.leaf_active = leaves, *np.empty((2, leaves), WHOLE)
    arena.asked, arena.asked_count, arena.root = np.empty(0, WHOLE), 0, 0
    return arena


def _needed(arena: Derivation, outputs: Any) -> Needed:
    needed = Needed()
    needed.steps, needed.count, needed.last = arena.steps, arena.count, np.full(arena.count, -1, WHOLE)
    needed.outputs, needed.output_count = outputs, len(outputs)
    needed.leaves = np.empty(arena.number_count + arena.leaf_count, WHOLE)
    needed.calls = needed.leaf_count = 0
    return needed


def _compacted(arena: Derivation, needed: Needed, leaves: Any) -> Compaction:
    found = Compaction()
    found.steps, found.last, found.count = arena.steps, needed.last, arena.count
    found.places = np.empty(arena.count, WHOLE)
    found.places[leaves] = np.arange(len(leaves))
    found.heads, found.operands = np.empty(needed.calls, WHOLE), np.empty(needed.calls * MOST_OPERANDS, WHOLE)
    found.leaf_count, found.calls = len(leaves), 0
    return found
