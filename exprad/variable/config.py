"""Whether Variables record what they do, in this thread or task.

A context variable belongs to a thread or task, and so does what a `with` block says, with one exception: a generator runs
in the context of whoever asks it for its next element. A block in the body of a generator counts while that body runs,
and whoever asks never sees it. Each block takes away what it said itself, so the order in which they end is of no
matter.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from types import FrameType
from typing import Any, NamedTuple

from exprad.errors import ArgumentError, TapeError

_contextlib = vars(contextlib)
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


class _Block:
    """A `with` block between its beginning and its end."""

    __slots__ = ("body", "is_of_generator")
    body: FrameType | None  # where the block stands, until it ends

    def __init__(self, frame: FrameType | None) -> None:
        self.body = _home(frame)
        self.is_of_generator = self.body is not None and bool(self.body.f_code.co_flags & _GENERATOR)


class _Settings(NamedTuple):
    """What was set for good, and by each block that was entered and not left, in the order in which they were entered."""

    lasting: bool
    blocks: tuple[tuple[_Block, bool], ...]

    @property
    def innermost(self) -> tuple[_Block | None, bool]:
        """The block that counts here, and what it says: the nearest on the stack, or else the last of no generator."""
        of_body = {block.body: (block, value) for block, value in self.blocks}
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame in of_body:
                return of_body[frame]
            frame = frame.f_back
        rest = (pair for pair in reversed(self.blocks) if not pair[0].is_of_generator)
        return next(rest, (None, self.lasting))

    def __bool__(self) -> bool:
        """Whether operations are recorded."""
        return self.innermost[1]

    def set(self) -> None:
        """Make these the settings of this thread or task."""
        _settings.set(self)
        for block, _ in self.blocks:
            if block.is_of_generator:
                _records.set(self)
                return
        _records.set(self.blocks[-1][1] if self.blocks else self.lasting)  # they nest


_settings: ContextVar[_Settings] = ContextVar("settings", default=_Settings(True, ()))  # noqa: B039  # immutable
_records: ContextVar[_Settings | bool] = ContextVar("enable_backprop", default=True)
is_recording = _records.get  # true or false, asked at each operation


class _Config:
    """How Variables compute, in this thread or task: `enable_backprop`, whether operations are recorded.

    What is set in a `with` block of `using_config` or `no_grad` lasts as long as the block.
    """

    __slots__ = ()

    @property
    def enable_backprop(self) -> bool:
        return bool(_records.get())

    @enable_backprop.setter
    def enable_backprop(self, value: bool) -> None:
        settings, value = _settings.get(), bool(value)
        mine, _ = settings.innermost
        lasting = value if mine is None else settings.lasting
        _Settings(lasting, tuple([(block, value if block is mine else said) for block, said in settings.blocks])).set()


Config = _Config()


class _Using:
    """A `with` block, or a decorator, in which operations are recorded or not."""

    def __init__(self, value: bool) -> None:
        self._value = value
        self._block: _Block | None = None

    def __enter__(self) -> None:
        if self._block is not None:
            raise TapeError("this block was entered already; write no_grad() or using_config(...) anew for each")
        self._block = _Block(sys._getframe(1))
        lasting, blocks = _settings.get()
        _Settings(lasting, (*blocks, (self._block, self._value))).set()

    def __exit__(self, *error: object) -> None:
        mine, self._block = self._block, None
        if mine is None:
            return
        mine.body = None
        lasting, blocks = _settings.get()
        rest = [pair for pair in blocks if pair[0] is not mine and (pair[0].body or not pair[0].is_of_generator)]
        _Settings(lasting, tuple(rest)).set()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, generator or coroutine with this setting for as long as its body runs."""
        if inspect.isasyncgenfunction(function):
            raise ArgumentError(
                f"{function.__qualname__} is an asynchronous generator; write `with` in its body instead"
            )
        if inspect.iscoroutinefunction(function):
            kind = _coroutine
        else:
            kind = _yielding if inspect.isgeneratorfunction(function) else _calling
        return wraps(function)(kind(function, self._value))


def _calling(function: Callable[..., Any], value: bool) -> Callable[..., Any]:
    def decorated(*arguments: Any, **options: Any) -> Any:
        with _Using(value):
            return function(*arguments, **options)

    return decorated


def _yielding(function: Callable[..., Any], value: bool) -> Callable[..., Any]:
    def decorated(*arguments: Any, **options: Any) -> Any:
        with _Using(value):
            return (yield from function(*arguments, **options))

    return decorated


def _coroutine(function: Callable[..., Any], value: bool) -> Callable[..., Any]:
    async def decorated(*arguments: Any, **options: Any) -> Any:
        with _Using(value):
            return await function(*arguments, **options)

    return decorated


def _home(frame: FrameType | None) -> FrameType | None:
    """The function or generator in which a block stands that was entered in a frame.

    What contextlib enters, an ExitStack or a context manager that is written as a generator, lasts as long as the block
    of its user, and so belongs where that stands.
    """
    while frame is not None:
        caller = frame.f_back
        is_generator = frame.f_code.co_flags & _GENERATOR
        is_handed_on = is_generator and caller is not None and caller.f_globals is _contextlib
        if not is_handed_on and frame.f_globals is not _contextlib:
            return frame
        frame = caller
    return None


def using_config(name: str, value: Any) -> Any:
    """A part of the configuration set for a `with` block, or for a function that it decorates.

    >>> with using_config("enable_backprop", False):
    ...     Config.enable_backprop
    False
    """
    if name != "enable_backprop":
        raise ArgumentError(f"the configuration has no {name!r}; it has 'enable_backprop'")
    return _Using(bool(value))


def no_grad() -> Any:
    """Compute without recording in a `with` block: nothing is kept for a backward pass.

    In the body of a generator the block ends at each `yield` and goes on afterwards; the context managers of contextlib,
    which are written as generators, hand it to their user's block.
    """
    return _Using(False)
