"""The nodes of a graph read where they lie in memory: a list of calls by age, each with its kind and its operands.

A node's age, which counts all nodes of the process, is its place in the list: operands are older than what reads them, so one way
down the ages meets all that outputs reach. Leaves, which may be much older, are numbered as they are met.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from exprad.backends.native import layout
from exprad.backends.native.flat.subset import Long, Run, Whole
from exprad.backends.native.layout import INTEGER_DIGITS, TUPLE_ITEMS, TUPLE_SIZE, TYPE, half, word
from exprad.graph.leaf import Const, ShapedConst, ShapedVar, Var
from exprad.graph.node import Expr

WHOLE = np.dtype(np.int32)
LEAVES = (Const, ShapedConst, Var, ShapedVar)
LEAF_TYPES = len(LEAVES)
MOST_TYPES, TYPE_SLOTS = 500, 1024  # of nodes, in one graph
WINDOW, WIDEST = 1 << 18, 1 << 26  # ages that are looked at: at first, and at most
MOST_OPERANDS = 3
OLDEST = 1 << 30  # an age that no longer has one digit
ABSENT = -(1 << 31)  # in place of an operand that there is not
DONE, OLDER, FULL, STRANGE = 0, 1, 2, 3  # how a walk ends: well; beyond its window; with too many leaves; not at all


class Walk:
    """A walk down the ages to `first`, beneath which only leaves are looked at. A leaf is met as -1 - its number."""

    roots: Long  # addresses of what is asked for
    found: Whole  # where it is
    nodes: Long  # by age, the address of a call; 0 where none was met
    kinds: Whole  # its type's number
    operands: Whole  # three a call
    types: Long  # addresses of types, by number
    type_slots: Whole  # numbers of types and 1, by a part of their address
    leaves: Long  # addresses of leaves, by number
    leaf_slots: Whole  # numbers of leaves and 1, by a part of their address
    age: int  # bytes into a node where its age is named
    inside: int  # and its operands
    first: int
    size: int  # ages that are looked at
    oldest: int  # the oldest call that was met
    mask: int  # of leaf_slots
    root_count: int
    leaf_count: int
    type_count: int
    state: int

    def run(self) -> None:
        """From what is asked for to all that it reaches."""
        for place in range(self.root_count):
            self.found[place] = self.met(self.roots[place])
        for slot in range(self.size - 1, -1, -1):
            if self.nodes[slot] != 0:
                self.read(slot)
            if self.state != DONE:
                return

    def read(self, slot: int) -> None:
        """The operands of a call."""
        inner = word(self.nodes[slot] + self.inside)
        count = word(inner + TUPLE_SIZE)
        if count > MOST_OPERANDS:
            self.state = STRANGE
            return
        at = slot * MOST_OPERANDS
        for place in range(count):
            self.operands[at + place] = self.met(word(inner + TUPLE_ITEMS + place * 8))
        for place in range(count, MOST_OPERANDS):
            self.operands[at + place] = ABSENT

    def met(self, node: int) -> int:
        """Where a node is, which may be new."""
        kind = self.type_of(word(node + TYPE))
        if kind < LEAF_TYPES:
            return -1 - self.leaf(node)
        slot = half(word(node + self.age) + INTEGER_DIGITS) - self.first
        if slot < 0:
            self.state = OLDER if self.state == DONE else self.state
            self.oldest = slot + self.first if slot + self.first < self.oldest else self.oldest
            return 0
        self.nodes[slot] = node
        self.kinds[slot] = kind
        return slot

    def type_of(self, address: int) -> int:
        """The number of a type, which may be new."""
        slot = (address >> 4) & (TYPE_SLOTS - 1)
        while self.type_slots[slot] != 0:
            if self.types[self.type_slots[slot] - 1] == address:
                return self.type_slots[slot] - 1
            slot = (slot + 1) & (TYPE_SLOTS - 1)
        if self.type_count == MOST_TYPES:
            self.state = STRANGE
            return MOST_TYPES - 1
        self.types[self.type_count] = address
        self.type_count += 1
        self.type_slots[slot] = self.type_count
        return self.type_count - 1

    def leaf(self, address: int) -> int:
        """The number of a leaf, which may be new."""
        slot = ((address >> 4) ^ (address >> 13)) & self.mask
        while self.leaf_slots[slot] != 0:
            if self.leaves[self.leaf_slots[slot] - 1] == address:
                return self.leaf_slots[slot] - 1
            slot = (slot + 1) & self.mask
        if self.leaf_count * 2 > self.mask:
            self.state = FULL
            return 0
        self.leaves[self.leaf_count] = address
        self.leaf_count += 1
        self.leaf_slots[slot] = self.leaf_count
        return self.leaf_count - 1


def walked(outputs: Sequence[Expr], leaves: int, run: Run) -> Walk | None:
    """The walk from outputs through all that they reach, which has about so many leaves; None where it can't be made."""
    found = layout.node_layout()
    top = 1 + max([node._serial for node in outputs], default=0)
    if found is None or top >= OLDEST:
        return None
    size, slots = WINDOW, 1 << (2 * leaves + 64).bit_length()
    while True:
        walk = _begun(outputs, max(0, top - size), top, slots, found)
        run(walk, "run")
        if walk.state == DONE:
            return walk
        if walk.state == FULL:
            slots *= 4
        elif walk.state == OLDER and size < WIDEST:
            size = max(4 * size, top - walk.oldest)
        else:
            return None


def _begun(outputs: Sequence[Expr], first: int, top: int, slots: int, offsets: tuple[int, int]) -> Walk:
    walk, size = Walk(), top - first
    walk.roots, walk.root_count = addresses(outputs), len(outputs)
    walk.found = np.zeros(len(outputs), np.int32)
    walk.nodes, walk.kinds = np.zeros(size, np.int64), np.empty(size, np.int32)
    walk.operands = np.empty(size * MOST_OPERANDS, np.int32)
    walk.types, walk.type_slots = np.zeros(MOST_TYPES, np.int64), np.zeros(TYPE_SLOTS, np.int32)
    walk.leaves, walk.leaf_slots = np.zeros(slots // 2 + 2, np.int64), np.zeros(slots, np.int32)
    walk.age, walk.inside = offsets
    walk.first, walk.size, walk.oldest, walk.mask = first, size, top, slots - 1
    walk.leaf_count = walk.type_count = walk.state = 0
    for kind in LEAVES:
        walk.type_of(id(kind))
    return walk


def addresses(nodes: Sequence[Any]) -> Any:
    """Where objects lie, which must live as long as somebody looks there."""
    return np.fromiter(map(id, nodes), np.int64, len(nodes))


def objects(found: Any, count: int) -> list[Any]:
    """The objects at addresses."""
    return list((ctypes.py_object * count).from_buffer(found[:count].copy())) if count else []
