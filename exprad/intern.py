"""Weak tables: equal structure is the same object, and an entry goes when its node does."""

from __future__ import annotations

import sys
from itertools import count
from threading import RLock
from typing import Any
from weakref import ref

lock = RLock()
serial = count().__next__  # a node's age: its operands always have smaller ones


# With the interpreter lock, threads switch only where a call is made or a loop turns: what does neither is atomic, and
# needs no lock of ours, which would double what it costs to free a node.
_switches_between_calls = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


class Reference(ref[Any]):
    """A weak reference to a node that knows the node's key in its table."""

    __slots__ = ("key",)
    key: Any


class Table(dict[Any, Reference]):
    """Living nodes by what makes them equal. Threads may share it: only a change of an entry takes the lock."""

    __slots__ = ("forget",)

    def __init__(self) -> None:
        def forget(dead: Reference) -> None:
            """Remove the entry of a node that died, unless it was replaced already."""
            key = dead.key
            if key in self and self[key] is dead:
                del self[key]

        self.forget = forget if _switches_between_calls else self._forget

    def living(self, key: Any) -> Any:
        """The node of `key`, or None."""
        standing = self.get(key)
        return None if standing is None else standing()

    def keep(self, key: Any, node: Any) -> Any:
        """Enter a new node; the node of the key, which another thread may have entered first."""
        mine = Reference(node, self.forget)
        mine.key = key
        standing = self.setdefault(key, mine)
        return node if standing is mine else self.replace(standing, mine, node)

    def replace(self, standing: Reference, mine: Reference, node: Any) -> Any:
        """The node of a key that another thread, or a node that is just dying, holds."""
        with lock:
            for reference in (standing, self.get(mine.key)):
                other = reference() if reference is not None else None
                if other is not None:
                    return other
            self[mine.key] = mine
        return node

    def _forget(self, dead: Reference) -> None:
        with lock:
            if self.get(dead.key) is dead:
                del self[dead.key]
