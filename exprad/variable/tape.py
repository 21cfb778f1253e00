"""The tape: what define-by-run keeps of an operation, and of the data that it read."""

from __future__ import annotations

from typing import Any
from weakref import ref

import numpy as np

from exprad.errors import TapeError
from exprad.intern import serial
from exprad.primitive import Primitive


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


class Hold:
    """An array of the user's that a tape has read: read-only while the tape lives.

    After a backward pass the array may be written again (so a learner can update weights in place while the loss still
    lives): it is handed out then with a fingerprint, by which a later pass over the same tape sees a change.
    """

    __slots__ = ("__weakref__", "array", "fingerprint", "is_swept", "place", "thaws")
    fingerprint: bytes | None
    living: dict[int, ref[Hold]] = {}

    def __init__(self, array: Any) -> None:
        self.array, self.fingerprint, self.is_swept = array, None, False
        self.thaws = bool(array.flags.writeable)
        if self.thaws:
            array.setflags(write=False)

        self.place: ref[Hold] | None = None

    @classmethod
    def of(cls, array: Any) -> Hold | None:
        """What holds an array: the hold that another tape has of it, or a new one. Numbers need none."""
        if not isinstance(array, np.ndarray):
            return None
        place = cls.living.get(id(array))
        known = place() if place is not None else None
        if known is None or known.fingerprint is not None:
            known = cls(array)
            cls.living[id(array)] = known.place = ref(known)
        return known

    def release(self) -> None:
        """Let the array be written again, if a backward pass has been; remember what was in it."""
        if self.is_swept and self.thaws and self.fingerprint is None:
            self.fingerprint = _fingerprint(self.array)
            self.array.setflags(write=True)

    def verify(self) -> None:
        if self.fingerprint is not None and self.fingerprint != _fingerprint(self.array):
            raise TapeError("data were changed between the forward and this backward pass; compute the result again")

    def __del__(self) -> None:
        if self.living.get(id(self.array)) is self.place:
            del self.living[id(self.array)]
        if self.thaws and self.fingerprint is None:
            self.array.setflags(write=True)


def _fingerprint(array: Any) -> bytes:
    """A digest of an array's bits: the sums of the rows and of the columns in which its elements lie.

    A change of one element changes it, and so does the exchange of two.
    """
    flat = (
        np.ascontiguousarray(array)
        .reshape(-1)
        .view(np.dtype(f"u{array.itemsize}") if array.itemsize in (1, 2, 4, 8) else "u1")
    )
    width = 512
    whole = flat[: flat.size // width * width].reshape(-1, width)
    sums = [np.add.reduce(whole, axis, np.uint64).tobytes() for axis in (0, 1)]
    return b"".join([*sums, flat[whole.size :].tobytes()])
