"""Of which kinds calls are: their row, and the constant among their operands where what is computed may hang on it."""

from __future__ import annotations

from exprad.backends.native.flat.subset import Long, Whole
from exprad.backends.native.flat.walk import ABSENT, MOST_OPERANDS

MOST_KINDS, KIND_SLOTS = 2000, 4096
TYPE_AT, PLACE_AT = 40, 36  # in a key, above the number of a leaf
LOWEST = (1 << PLACE_AT) - 1


class Kinds:
    """Kinds by number, for calls that a walk has met."""

    nodes: Long
    kinds: Whole  # of types, then of kinds
    operands: Whole
    size: int
    asks: Whole  # of a type, whether it asks for constants
    is_constant: Whole  # of leaves
    keys: Long  # of kinds: a type, the place of a constant and 1, and its number
    slots: Whole  # numbers of kinds and 1, by a part of their keys
    calls: Long  # of a kind
    count: int

    def run(self) -> None:
        for slot in range(self.size):
            if self.nodes[slot] != 0 and self.count <= MOST_KINDS:
                number = self.number(self.key(slot))
                self.kinds[slot] = number
                self.calls[number] += 1

    def key(self, slot: int) -> int:
        kind = self.kinds[slot]
        if self.asks[kind]:
            for place in range(MOST_OPERANDS):
                at = self.operands[slot * MOST_OPERANDS + place]
                if at < 0 and at > ABSENT and self.is_constant[-1 - at]:
                    return (kind << TYPE_AT) | ((place + 1) << PLACE_AT) | (-1 - at)
        return kind << TYPE_AT

    def number(self, key: int) -> int:
        """The number of a kind, which may be new."""
        slot = ((key >> TYPE_AT) * 67 + (key & LOWEST) * 5 + (key >> PLACE_AT)) & (KIND_SLOTS - 1)
        while self.slots[slot] != 0:
            if self.keys[self.slots[slot] - 1] == key:
                return self.slots[slot] - 1
            slot = (slot + 1) & (KIND_SLOTS - 1)
        self.keys[self.count] = key
        self.count += 1
        self.slots[slot] = self.count
        return self.count - 1
