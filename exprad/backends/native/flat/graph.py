"""Large programs without nodes: graphs are read where they lie, lowered and differentiated as arrays, and run from these.

The expressions of a gradient that nobody looks at are never made. The passes are the classes of `walk`, `kinds`, `derivation`
and `allocation`; what they know of rows is in `templates`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from exprad.backends.native import engine, layout
from exprad.backends.native.flat.allocation import Compaction, Needed
from exprad.backends.native.flat.arena import LEAF, RECORD, VARIABLE
from exprad.backends.native.flat.constants import Leaves
from exprad.backends.native.flat.derivation import Derivation
from exprad.backends.native.flat.kinds import KIND_SLOTS, LOWEST, MOST_KINDS, PLACE_AT, TYPE_AT, Kinds
from exprad.backends.native.flat.program import FlatProgram
from exprad.backends.native.flat.subset import Run, has_sources, in_machine_code
from exprad.backends.native.flat.templates import Book, template
from exprad.backends.native.flat.walk import MOST_OPERANDS, WHOLE, Walk, located, objects, walked
from exprad.derivatives.unseen import Unseen
from exprad.graph.expr import Expr, variables_by_name
from exprad.tables import elementary as table

FIRST = (table.add, table.sub, table.mul, table.neg, table.div)  # rows that folds number from 1 on
FOLDED = FIRST[:4]  # whose calls are of one kind, whatever constants they read
MOST_STEPS = 1 << 28


def is_read() -> bool:
    """Whether graphs can be read where they lie, by machine code."""
    return engine.is_installed() and layout.has_builtins() and has_sources()


def programmed(parts: Sequence[Expr | Unseen], run: Run = in_machine_code) -> FlatProgram | None:
    """The program of expressions and of gradients that nobody has looked at; None where it can't be made so."""
    graph = _Graph(parts, run)
    if graph.walk is None or not graph.is_of_numbers or graph.templates is None or not graph.derive():
        return None
    return graph.program()


class _Graph:
    """The graph of some outputs, on its way to a program."""

    def __init__(self, parts: Sequence[Expr | Unseen], run: Run) -> None:
        self.parts, self.run = parts, run
        asked = max([len(part.wrt) for part in parts if isinstance(part, Unseen)], default=0)
        self.walk: Any = walked([part.f if isinstance(part, Unseen) else part for part in parts], asked, run)
        self.places = self.walk.found.tolist() if self.walk else []
        self.leaves: list[Any] = objects(self.walk.leaves, self.walk.leaf_count) if self.walk else []

    @property
    def is_of_numbers(self) -> bool:
        """Whether its leaves are numbers; an error where two variables have one name."""
        variables_by_name(self.leaves)
        return not any(leaf.shape for leaf in self.leaves)

    @cached_property
    def templates(self) -> list[Any] | None:
        """The template of each kind of calls; None where one has none."""
        classes = objects(self.walk.types, self.walk.type_count)
        self.kinds = _kinds(self.walk, [getattr(each, "primitive", None) for each in classes], self.leaves)
        self.run(self.kinds, "run")
        found = []
        for key in self.kinds.keys[: self.kinds.count].tolist():
            cls, place = classes[key >> TYPE_AT], (key >> PLACE_AT) & MOST_OPERANDS
            constant = self.leaves[key & LOWEST] if place else None
            found.append(None if cls.shape else template(cls.primitive, place - 1, constant))
        return None if None in found or self.kinds.count > MOST_KINDS else found

    def derive(self) -> bool:
        """Lower and derive all; whether no guard was met, and no fold that only expressions know."""
        self.rows: dict[Any, int] = {None: LEAF, **{row: number for number, row in enumerate(FIRST, 1)}}
        self.constants = Leaves(self.leaves)
        book = Book(self.rows, self.constants)
        most = [book.enter(each) for each in self.templates or ()]
        sweeps = 1 + sum(isinstance(part, Unseen) for part in self.parts)
        bound = sweeps * (int(np.dot(most, self.kinds.calls[: len(most)])) + 2 * len(self.constants.listed) + 16)
        if bound > MOST_STEPS:
            return False
        self.arena = _begun(self.walk, book, self.constants, bound)
        self.run(self.arena, "lower")
        found = [self._steps(part, at) for part, at in zip(self.parts, self.places, strict=True)]
        self.outputs = np.concatenate(found)
        return not self.arena.is_refused

    def _steps(self, part: Expr | Unseen, at: int) -> Any:
        """The steps of an expression, or of a gradient."""
        arena = self.arena
        if not isinstance(part, Unseen):
            return np.array([arena.places[at] if at >= 0 else -1 - at], WHOLE)
        arena.root, arena.asked, arena.asked_count = at, located(self.walk, part.wrt, self.run), len(part.wrt)
        self.run(arena, "sweep")
        return arena.asked

    def program(self) -> FlatProgram:
        arena = self.arena
        needed = _needed(arena, self.outputs)
        self.run(needed, "run")
        leaves = np.sort(needed.leaves[: needed.leaf_count])
        is_variable = arena.steps[leaves * RECORD + 1] == VARIABLE
        variables = sorted(
            leaves[is_variable].tolist(), key=lambda step: self.leaves[step]._serial
        )  # as expressions have them
        ordered = np.array([*variables, *leaves[~is_variable]], WHOLE)
        count = len(variables)
        found = _compacted(arena, needed, ordered)
        self.run(found, "run")
        names = [self.leaves[step].name for step in ordered[:count].tolist()]
        values = [self.constants.value(arena, step) for step in ordered[count:].tolist()]
        return FlatProgram(
            names, values, found.heads, found.operands, list(self.rows), found.places[self.outputs].tolist()
        )


def _kinds(walk: Walk, rows: Sequence[Any], leaves: Sequence[Any]) -> Kinds:
    kinds = Kinds()
    kinds.nodes, kinds.kinds, kinds.operands, kinds.size = walk.nodes, walk.kinds, walk.operands, walk.size
    kinds.asks = np.array([row is not None and row not in FOLDED for row in rows], WHOLE)
    kinds.is_constant = np.array([leaf.is_const for leaf in leaves], WHOLE)
    kinds.keys, kinds.calls = np.zeros(MOST_KINDS + 2, np.int64), np.zeros(MOST_KINDS + 2, np.int64)
    kinds.slots, kinds.count = np.zeros(KIND_SLOTS, WHOLE), 0
    return kinds


def _begun(walk: Walk, book: Book, leaves: Leaves, most: int) -> Derivation:
    """An arena with the leaves, and room for so many steps more."""
    arena, rows = Derivation(), list(book.rows)
    arena.nodes, arena.kinds, arena.operands, arena.size = walk.nodes, walk.kinds, walk.operands, walk.size
    arena.lowerings, arena.pulls = np.array(book.lowerings, WHOLE), np.array(book.pulls, WHOLE)
    arena.codes, arena.given = np.array([*book.numbers, 0], WHOLE), np.empty(len(book.numbers) + 1, WHOLE)
    arena.commutes = np.array([getattr(row, "commutes", False) for row in rows], WHOLE)
    arena.gives_floats = np.array([getattr(row, "gives_floats", False) for row in rows], WHOLE)
    arena.steps, arena.mask = np.empty(most * RECORD, WHOLE), (1 << (2 * most).bit_length()) - 1
    arena.slots, arena.is_refused = np.zeros(arena.mask + 1, WHOLE), 0
    leaves.enter(arena, most)
    arena.places, arena.bars, arena.active = [np.empty(walk.size, WHOLE) for _ in range(3)]
    arena.leaf_count, arena.leaf_bars, arena.leaf_active = walk.leaf_count, *np.empty((2, walk.leaf_count), WHOLE)
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
