"""Calls with floats: Python's function of a program, at one point, and the built-in that takes its place where it may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np

from exprad.backends.arguments import Arguments
from exprad.backends.choice import Choice
from exprad.backends.outputs import Outputs, number_of
from exprad.backends.python import ScalarSource
from exprad.errors import ExpradError

CALLS_BEFORE_BUILTIN = (
    1000  # with numbers, after which backend "auto" makes a built-in of them, and "native" of a long program
)
MOST_INPUTS = 100  # of a method that takes floats at once


class FloatCalls:
    """What answers calls with floats.

    `may_specialise`: whether a method of the function's own may take them at once; until it does.
    """

    def __init__(self, arguments: Arguments, outputs: Outputs, choice: Choice) -> None:
        self.arguments, self.outputs, self.choice = arguments, outputs, choice
        self.structure = outputs.structure
        self.template = self.structure.template()
        self.builtin: Any = None
        are_scalars = all(not slot.shape for slot in arguments.inputs)
        is_small = are_scalars and len(choice.columns) <= MOST_INPUTS
        self.may_specialise = choice.takes_numbers and is_small and self.template is not None

    @cached_property
    def source(self) -> ScalarSource:
        flat = "(" + "{}, " * len(self.structure.expressions) + ")"
        return ScalarSource(self.choice.program, self.choice.columns, self.template or flat)

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function of floats, in Python."""
        return self.source.function()

    def at_point(self, values: Sequence[float]) -> Any:
        """One point in floats. What Python refuses, such as 1/0, NumPy computes."""
        if self.builtin is not None:
            return self.builtin(*values)
        try:
            found = self.function(*values)
        except (ArithmeticError, ValueError):
            arrays = self.arguments.arranged(values)
            leaves = [np.empty(shape, kind) for shape, kind in self.outputs.results((), np.dtype(float))]
            self.choice.arrays(arrays, leaves, (), np.dtype(float))
            return self.structure.build([number_of(leaf) for leaf in leaves])
        if self.template is not None:
            return found
        return self.structure.build(
            [
                found[first] if shape is None else np.array(found[first:beyond]).reshape(shape)
                for shape, first, beyond in self.structure.leaves
            ]
        )

    def method(self, general: Callable[..., Any]) -> Callable[..., Any]:
        """A `__call__` that takes floats at once and leaves all else to `general`: in Python, or a built-in."""
        native, calls = self.choice.native, None
        if native is not None and native.has_builtin and self._container is not None:
            if self.choice.backend == "native" and (native.is_short or not native.is_as_in_python):
                self.builtin = native.builtin(self._container, general)
                return self.builtin
            if native.is_as_in_python:
                calls = CALLS_BEFORE_BUILTIN
        return self.source.method(calls)

    @property
    def _container(self) -> str | None:
        """What a built-in gives: "" for one value, "List" or "Tuple" of values; None where it can't."""
        kind = {"{": "", "[": "List", "(": "Tuple"}[self.template[0]]  # type: ignore[index]  # asked before
        tree = self.structure.tree
        is_flat = not kind or not isinstance(tree, int) and all(isinstance(each, int) for each in tree[1])
        return kind if is_flat else None

    def warm(self, own: Any, general: Callable[..., Any]) -> None:
        """Make a built-in of the calls with floats meanwhile, for a class that has a method of Python's."""
        native: Any = self.choice.native
        own.__call__.__globals__["tick"] = bool  # counts no more

        def make() -> None:
            with suppress(ExpradError):  # where LLVM is installed, but does not load
                own.__call__ = native.builtin(self._container, general)

        with suppress(RuntimeError):  # while the interpreter shuts down, no thread starts
            Thread(target=make, name="exprad built-in").start()
