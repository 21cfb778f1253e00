"""The tape: what define-by-run keeps of an operation, and of the data that it read."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, ClassVar
from weakref import WeakValueDictionary, ref

import numpy as np

from exprad.errors import TapeError
from exprad.ground.forks import at_fork
from exprad.ground.intern import serial
from exprad.ground.primitive import Primitive
from exprad.variable.fingerprint import fingerprint

_new: Any = object.__new__
_set_writable: Any = np.ndarray.setflags  # whatever a subclass does


class Node:
    """One operation: its row, the nodes of its operands, and what its pullback needs.

    A node knows its operands, never who reads it, and its Variable only weakly: so there are no cycles, and the tape
    is gone as soon as the last Variable that was computed from it is.
    """

    __slots__ = ("__weakref__", "_operands", "_serial", "constants", "owner", "primitive", "rule", "saved")
    primitive: Primitive
    _operands: tuple[Any, ...]  # nodes and leaves, of those operands that are Variables
    constants: tuple[tuple[int, Any, Hold | None], ...]  # the other operands, by place
    rule: Any
    saved: Any  # what the rule needs of the result and the operands
    owner: ref[Any]
    _serial: int


class Leaf:
    """A Variable that no operation made, as the tape sees it: whose gradient it is, and the data that were read."""

    __slots__ = ("__weakref__", "_serial", "hold", "owner", "shape")
    _operands = ()

    def __init__(self, owner: Any, array: Any) -> None:
        self.owner, self.hold, self._serial = ref(owner), Hold.of(array), serial()
        self.shape = array.shape


class UnrecordedRef(ref[Leaf]):
    """What a Variable knows its leaf by, if it was computed without recording: there is no way back from it."""

    __slots__ = ()


class Hold:
    """An array of the user's that a tape has read: read-only while the tape lives.

    After a backward pass the array may be written again (so a learner can update weights in place while the loss still
    lives): it is handed out then with a fingerprint, by which a later pass over the same tape sees a change. So is, from
    the first, an array that NumPy would not let anybody write again, such as one in the memory of another library.
    """

    __slots__ = ("__weakref__", "array", "fingerprint", "guard", "is_swept")
    array: Any
    fingerprint: bytes | None
    guard: _Guard
    is_swept: bool
    of: ClassVar[Callable[[Any], Hold | None]]
    living: ClassVar[dict[int, _Guard]]

    def release(self) -> None:
        """Let the array be written again, if a backward pass has been; remember what was in it."""
        if self.is_swept and self.fingerprint is None:
            _arrays.release(self)

    def verify(self) -> None:
        if self.fingerprint is not None and self.fingerprint != fingerprint(self.array):
            raise TapeError("data were changed between the forward and this backward pass; compute the result again")


class _Guard(ref[Hold]):
    """A weak reference to a hold, which knows the array, and whether it is to be made writable when the hold is gone."""

    __slots__ = ("array", "thaws")
    array: Any
    thaws: bool


class _Arrays:
    """The arrays that tapes hold. Threads may share them; so may what runs while the interpreter ends.

    A view can't be made writable while the array that it is a view of is read-only. If it should be, it waits until that
    one is given back.
    """

    def __init__(self) -> None:
        self.lock = RLock()
        self.living: dict[int, _Guard] = {}  # by the identity of the array
        self.forget = self._forget
        self.waiting: dict[int, WeakValueDictionary[int, Any]] = {}  # views, by the array whose memory they share
        self._ndarray, self._table = np.ndarray, WeakValueDictionary  # which outlive the names of modules
        self.set_writable = _set_writable

    def held(self, array: Any, ndarray: Any = np.ndarray) -> Hold | None:
        """What holds an array: the hold that another tape has of it, or a new one. Numbers need none."""
        if not isinstance(array, ndarray):
            return None
        with self.lock:
            standing = self.living.get(id(array))
            if standing is not None:
                hold = standing()
                if hold is not None and hold.fingerprint is None:
                    return hold
            made: Hold = _new(Hold)
            made.array, made.fingerprint, made.is_swept = array, None, False
            made.guard = guard = self.living[id(array)] = _Guard(made, self.forget)
            guard.array, guard.thaws = array, True
            if not array.flags.writeable:
                guard.thaws = self._is_ours(array, standing)
            elif array.base is None or self._can_thaw(array):
                _set_writable(array, False)
            else:
                guard.thaws, made.fingerprint = False, fingerprint(array)
        return made

    def release(self, hold: Hold) -> None:
        """Make the array of a hold writable, unless it is a view of one that is not."""
        with self.lock:
            if hold.guard.thaws and self._thaw(hold.array):
                hold.guard.thaws, hold.fingerprint = False, fingerprint(hold.array)

    def _forget(self, guard: _Guard) -> None:
        """Give back the array of a hold that is gone."""
        with self.lock:
            array = guard.array
            if self.living.get(id(array)) is guard:
                del self.living[id(array)]
            if guard.thaws:
                guard.thaws = False
                if not self._thaw(array):
                    self._wait(array)

    def _wait(self, view: Any) -> None:
        self.waiting.setdefault(self._owner(view), self._table())[id(view)] = view

    def _thaw(self, array: Any) -> bool:
        """Make an array writable, and the views of its memory that waited for that; False where it has to wait itself."""
        try:
            self.set_writable(array, True)
        except ValueError:
            return False
        if self.waiting:
            for view in list(self.waiting.pop(self._owner(array), {}).values()):
                if not self._thaw(view):
                    self._wait(view)
        return True

    def _is_ours(self, array: Any, standing: _Guard | None) -> bool:
        """Whether a read-only array is so because of a hold that is gone: it waits, or is about to be given back."""
        views = self.waiting.get(self._owner(array)) if self.waiting else None
        waits = views is not None and views.pop(id(array), None) is not None
        if standing is not None and standing.thaws:
            waits, standing.thaws = True, False
        return waits

    def _can_thaw(self, array: Any) -> bool:
        """Whether a view can be made writable again: now, or when what it is a view of is given back."""
        base = array.base
        while isinstance(base, np.ndarray):
            guard = self.living.get(id(base))
            if base.flags.writeable or guard is not None and guard.thaws:
                return True
            base = base.base
        return base is not None and _is_writable(base)

    def _owner(self, array: Any) -> int:
        """The identity of the array whose memory an array shares."""
        while isinstance(array.base, self._ndarray):
            array = array.base
        return id(array)


def _is_writable(memory: Any) -> bool:
    """Whether NumPy may write to what is no array and lends an array its memory."""
    try:
        with memoryview(memory) as view:
            return not view.readonly
    except (TypeError, ValueError, BufferError):
        return False


nowhere = UnrecordedRef(_new(Leaf))  # of no leaf as yet
_arrays = _Arrays()
Hold.of, Hold.living = _arrays.held, _arrays.living


at_fork(child=lambda: setattr(_arrays, "lock", RLock()))
