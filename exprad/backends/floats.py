"""Calls with floats: at one point the steps of a program, then Python's function of it, and a built-in where that may be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from threading import Thread
from typing import Any

import numpy as np

from exprad.backends.arguments import Arguments
from exprad.backends.choice import Choice
from exprad.backends.costs import PYTHON_STEPS, Way
from exprad.backends.outputs import Outputs, number_of
from exprad.backends.python import ScalarSource
from exprad.backends.stepwise import scalar_steps
from exprad.errors import ExpradError

CALLS_BEFORE_BUILTIN = (
    1000  # with numbers, after which backend "auto" makes a built-in of them, and "native" of a long program
)
MOST_INPUTS = 100  # of a method that takes floats at once


class FloatCalls:
    """What answers calls with floats: the first step by step, and the source once it pays, which gives the same bits.

    `may_specialise`: whether a method of the function's own may take them at once; until it does.
    """

    def __init__(self, arguments: Arguments, outputs: Outputs, choice: Choice) -> None:
        self.arguments, self.outputs, self.choice = arguments, outputs, choice
        self.structure = outputs.structure
        self.template = self.structure.template() if choice.takes_numbers else None
        self.builtin: Any = None
        are_scalars = all(not slot.shape for slot in arguments.inputs)
        self._caller: Any = None  # the built-in
        self._method: Any = None
        self._is_small = are_scalars and len(choice.columns) <= MOST_INPUTS
        self.may_specialise = choice.takes_numbers and self._is_small and self.template is not None
        self.ways = choice.numbers
        self._steps: Callable[..., tuple[Any, ...]] | None = None
        self._is_early = True

    @cached_property
    def source(self) -> ScalarSource:
        flat = "(" + "{}, " * len(self.structure.expressions) + ")"
        return ScalarSource(self.choice.program, self.choice.columns, self.template or flat)

    @cached_property
    def function(self) -> Callable[..., Any]:
        """The function of floats, in Python."""
        return self.source.function()

    @property
    def is_due(self) -> bool:
        """Whether a method of the function's own should take floats from now on."""
        return self.may_specialise and (not self._is_early or self._is_builtin)

    def at_point(self, values: Sequence[float]) -> Any:
        """One point in floats. What Python refuses, such as 1/0, NumPy computes."""
        if self.builtin is not None:
            return self.builtin(*values)
        found = self._by_steps(values)
        if found is not None:
            return self._built(found)
        try:
            found = self.function(*values)
        except (ArithmeticError, ValueError):
            arrays = self.arguments.arranged(values)
            leaves = [np.empty(shape, kind) for shape, kind in self.outputs.results((), np.dtype(float))]
            self.choice.arrays(arrays, leaves, (), np.dtype(float))
            return self.structure.build([number_of(leaf) for leaf in leaves])
        return self._built(found) if self.template is None else found

    def _by_steps(self, values: Sequence[float]) -> tuple[Any, ...] | None:
        """The outputs, step by step; None once source pays, or where Python refuses a step: of a branch, which source leaves out
        where it is not taken."""
        if not self._is_early:
            return None
        if self.ways.taken(1, self._is_ready).way is PYTHON_STEPS:
            with suppress(ArithmeticError, ValueError):
                steps = self._steps = self._steps or scalar_steps(self.choice.program, self.choice.columns)
                return steps(*values)
        self._is_early, self._steps = False, None
        return None

    def _is_ready(self, way: Way) -> bool:
        return way is PYTHON_STEPS and self._steps is not None

    def _built(self, found: Sequence[Any]) -> Any:
        """What a call returns, of the outputs in order."""
        return self.structure.build(
            [
                found[first] if shape is None else np.array(found[first:beyond]).reshape(shape)
                for shape, first, beyond in self.structure.leaves
            ]
        )

    def method(self, general: Callable[..., Any]) -> Callable[..., Any]:
        """A `__call__` that takes floats at once and leaves all else to `general`: in Python, or a built-in."""
        if self._is_builtin:
            self.builtin = self._numbers_built(general)
            return self.builtin
        self._method = self.source.method(CALLS_BEFORE_BUILTIN if self.has_builtin else None)
        return self._method

    @cached_property
    def _is_builtin(self) -> bool:
        """Whether a built-in takes floats at once."""
        native, is_asked = self.choice.native, self.choice.backend == "native"
        return native is not None and is_asked and self.has_builtin and (native.is_short or not native.is_as_in_python)

    @property
    def has_builtin(self) -> bool:
        """Whether a built-in takes floats, at once or after so many calls that it pays."""
        native = self.choice.native
        if native is None or not self.choice.takes_numbers or not native.has_builtin or self._container is None:
            return False
        return native.is_as_in_python or self.choice.backend == "native"

    def takes_arrays(self, runner: Any) -> bool:
        """Whether a built-in may take the arrays that a runner takes, and does not yet."""
        native = self.choice.native
        if self._caller is not None or native is None or not self._is_small or self.template is None:
            return False
        return native.has_runner(runner) and native.has_builtin and self._container is not None

    def is_built(self, call: Any) -> bool:
        """Whether it is the built-in that takes calls."""
        return self._caller is not None and call is self._caller.function

    def answer(self, function: Any) -> None:
        """Let the built-in answer for a function whose `__call__` it is."""
        if self.is_built(type(function).__call__):
            self._caller.answer(function)

    def built(self, general: Callable[..., Any]) -> Any:
        """The built-in, made once; what it takes depends on the code that there is. All else is left to `general`."""
        if self._caller is None:
            native: Any = self.choice.native
            least = native.points if self.choice.backend == "auto" else 0
            self._caller = native.builtin(self._container, general, least)
        return self._caller

    def _numbers_built(self, general: Callable[..., Any]) -> Any:
        found = self.built(general)
        found.take_numbers()
        return found.function

    @property
    def _container(self) -> str | None:
        """What a built-in gives: "" for one value, "List" or "Tuple" of values; None where it can't."""
        if self.template is None:
            return None
        kind = {"{": "", "[": "List", "(": "Tuple"}[self.template[0]]
        tree = self.structure.tree
        is_flat = not kind or not isinstance(tree, int) and all(isinstance(each, int) for each in tree[1])
        return kind if is_flat else None

    def warm(self, own: Any, general: Callable[..., Any]) -> None:
        """Make a built-in of the calls with floats meanwhile, for a class that has a method of Python's."""
        self._method.__globals__["tick"] = bool  # counts no more

        def make() -> None:
            with suppress(ExpradError):  # where LLVM is installed, but does not load
                own.__call__ = self._numbers_built(general)
                self._caller.answer(general.__self__)  # type: ignore[attr-defined]  # a method of the function

        with suppress(RuntimeError):  # while the interpreter shuts down, no thread starts
            Thread(target=make, name="exprad built-in").start()
