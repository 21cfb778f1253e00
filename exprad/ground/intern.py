"""Weak tables: equal structure is the same object, and an entry goes when its node does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from threading import RLock
from weakref import ref

from exprad.ground.forks import at_fork
from exprad.ground.hints import Any

lock = RLock()


def _renew() -> None:
    global lock
    lock = RLock()


at_fork(child=_renew)
serial = count().__next__  # a node's age: its operands always have smaller ones


class Reference(ref[Any]):
    """A weak reference to a node that knows the node's key in its table."""

    __slots__ = ("key",)
    key: Any


class Table(dict[Any, Reference]):
    """Living nodes by what makes them equal.

    Threads may share it without a lock: `setdefault` is atomic, and CPython with its interpreter lock switches threads
    only where a call is made or a loop turns, so what lies between a test of an entry and its change is atomic, too.
    """

    __slots__ = ("forget",)

    def __init__(self) -> None:
        def forget(dead: Reference) -> None:
            """Remove the entry of a node that died, unless it was replaced already."""
            key = dead.key
            if key in self and self[key] is dead:
                del self[key]

        self.forget = forget

    def living(self, key: Any) -> Any:
        """The node of `key`, or None."""
        standing = self.get(key)
        return None if standing is None else standing()

    def keep(self, key: Any, node: Any) -> Any:
        """Enter a new node; the node of the key, which another thread may have entered first."""
        mine = Reference(node, self.forget)
        mine.key = key
        return node if self.setdefault(key, mine) is mine else self.replace(mine, node)

    def replace(self, mine: Reference, node: Any) -> Any:
        """The node of a key that another thread, or a node that is just dying, held a moment ago."""
        key = mine.key
        while True:
            standing = self.setdefault(key, mine)
            other = standing()
            if other is not None:
                return other
            if key in self and self[key] is standing:
                self[key] = mine
                return node


class LockedTable(Table):
    """The same for interpreters that give no such promise: each change of an entry takes the lock."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__()
        forget = self.forget

        def locked(dead: Reference) -> None:
            with lock:
                forget(dead)

        self.forget = locked

    def setdefault(self, key: Any, mine: Any = None) -> Any:
        with lock:
            return super().setdefault(key, mine)

    def replace(self, mine: Reference, node: Any) -> Any:
        with lock:
            return super().replace(mine, node)


class Kinds(dict[str, dict[Any, bool]]):
    """Of which kinds nodes of a name are, by name, all that are living and some that were; and whether each is marked."""

    def __init__(self, is_living: Callable[[tuple[str, Any]], Any]) -> None:
        super().__init__()
        self._is_living, self._bound = is_living, 1000

    def mark(self, name: str, kind: Any) -> None:
        """Mark a kind of a living node."""
        with lock:
            self.setdefault(name, {})[kind] = True

    def note(self, name: str, kind: Any) -> None:
        """Enter a kind of a living node; where there are many names, those of dead ones go."""
        with lock:
            self.setdefault(name, {}).setdefault(kind, False)
            if len(self) > self._bound:
                self._forget()

    def _forget(self) -> None:
        for name in list(self):
            if all(self._is_living((name, kind)) is None for kind in self[name]):
                del self[name]
        self._bound = 2 * len(self) + 1000


_has_interpreter_lock = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()


def new_table() -> Table:
    """An empty table of the kind that the interpreter needs."""
    return Table() if _has_interpreter_lock else LockedTable()
