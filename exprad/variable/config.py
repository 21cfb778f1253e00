"""Whether Variables record what they do, in this thread or task."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from exprad.errors import ArgumentError

_records: ContextVar[bool] = ContextVar("enable_backprop", default=True)
is_recording = _records.get


class _Config:
    """How Variables compute, in this thread or task: `enable_backprop`, whether operations are recorded."""

    __slots__ = ()

    @property
    def enable_backprop(self) -> bool:
        return _records.get()

    @enable_backprop.setter
    def enable_backprop(self, value: bool) -> None:
        _records.set(bool(value))


Config = _Config()


@contextmanager
def using_config(name: str, value: Any) -> Iterator[None]:
    """A part of the configuration set for a `with` block.

    >>> with using_config("enable_backprop", False):
    ...     Config.enable_backprop
    False
    """
    if not hasattr(Config, name):
        raise ArgumentError(f"the configuration has no {name!r}; it has 'enable_backprop'")
    before = getattr(Config, name)
    setattr(Config, name, value)
    try:
        yield
    finally:
        setattr(Config, name, before)


def no_grad() -> Any:
    """Compute without recording in a `with` block: nothing is kept for a backward pass."""
    return using_config("enable_backprop", False)
