"""What was made for some key, kept for the next call: at most so many, those that are used before those that are not."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, Protocol

from exprad.ground.forks import at_fork

MOST_TRACES = 128  # that a function keeps


class Entry(Protocol):
    """What is kept: it is marked when it is used."""

    is_used: bool


class Kept:
    """Entries by key. One that was used since it was last passed over stays; the oldest of the others goes first.

    Threads may share it: a look-up takes no lock. `quick` has the entries under keys that are quicker to make; whoever
    enters one there need not mind how many there are.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, Entry] = OrderedDict()
        self.quick: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any:
        found = self._entries.get(key)
        if found is not None:
            found.is_used = True
        return found

    def keep(self, key: Hashable, made: Entry) -> Any:
        """The entry that stands under a key, if another thread was first; else the one that was made."""
        with _lock[0]:
            while len(self._entries) >= MOST_TRACES:
                self._drop_one()
            return self._entries.setdefault(key, made)

    def _drop_one(self) -> None:
        """Drop the oldest that was not used; each that was is passed over once."""
        self.quick.clear()
        for _ in range(len(self._entries)):
            key, entry = self._entries.popitem(last=False)
            if not entry.is_used:
                return
            entry.is_used = False
            self._entries[key] = entry
        self._entries.popitem(last=False)

    def enter(self, key: Hashable, entry: Any) -> None:
        """Let an entry be found under a key that is quicker to make, too."""
        if len(self.quick) >= MOST_TRACES:
            self.quick.clear()
        self.quick[key] = entry

    def clear(self) -> None:
        with _lock[0]:
            self._entries.clear()
            self.quick.clear()


def made_once(table: dict[Any, Any], key: Hashable, made: Callable[[], Any]) -> Any:
    """What a table has under a key, or what is made for it."""
    found = table.get(key)
    return table.setdefault(key, made()) if found is None else found


_lock = [RLock()]  # of all tables: held for the moment in which an entry is added


at_fork(child=lambda: _lock.__setitem__(0, RLock()))
