"""What runs a long program first, and what takes over: the interpreter at once, code of its own when that pays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Thread
from time import perf_counter
from typing import Any

from exprad.backends.native import engine
from exprad.backends.native.machine import MachineRunner
from exprad.backends.native.runners import REALS, LargeRunner, NativeRunner
from exprad.backends.signature import Input
from exprad.errors import ExpradError
from exprad.graph.program import Program
from exprad.ground.shapes import Shape

# Seconds a step that making code takes. For so long a program runs on the interpreter before code is made for it: then no more
# than twice the least is spent, however often it is called.
LOOP_MAKING, ROWS_MAKING = 1e-4, 2e-6


class StagedRunner:
    """Runs a program on the interpreter and, once it has run for as long as making code takes, on code that was made meanwhile.

    Both give the same bits (but with `fast`), so that nobody sees when one takes over. Code of one loop over arrays takes
    over all calls; code of loops over the rows of a table, which large programs have that are wide, those at one point.
    """

    def __init__(
        self,
        program: Program,
        columns: Sequence[int],
        inputs: Sequence[Input],
        structure: Any,
        fast: bool,
        is_large: bool,
    ) -> None:
        self.program, self.is_large = program, is_large
        self._machine = MachineRunner(program, columns, inputs, structure)
        self._kind: type[LargeRunner | NativeRunner] = LargeRunner if is_large else NativeRunner
        self._given = program, columns, inputs, structure, fast
        self._patience = len(program.calls) * (ROWS_MAKING if is_large else LOOP_MAKING)
        self._spent: dict[Any, float] = {}
        self._better: dict[Any, Callable[..., None]] = {}
        self._made: Any = None
        self._builtin: Any = None
        self._is_making = False

    @property
    def source(self) -> str:
        """The code that is made for it in time, or the program where none will be."""
        runner = self._runner()
        return runner.source if runner.pays else str(self.program)

    @property
    def stage(self) -> str:
        """What runs now, and what is under way."""
        if self._better:
            return "native"
        return "native (interpreted, code is being made)" if self._is_making else "native (interpreted)"

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        better = self._better.get(dtype)
        if better is not None and (points == () or not self.is_large):
            better(arrays, leaves, points, dtype)
            return
        self._machine.prepare(dtype)  # which is no work that code would save
        start = perf_counter()
        self._machine(arrays, leaves, points, dtype)
        spent = self._spent.get(dtype, 0.0)
        if spent <= self._patience and (points == () or not self.is_large):
            self._spent[dtype] = spent = spent + perf_counter() - start
            if spent > self._patience and dtype in REALS:
                self._improve(dtype)

    def _runner(self) -> Any:
        with engine.compiling():
            if self._made is None:
                self._made = self._kind(*self._given)
                if self._builtin is not None:
                    self._made.serve(self._builtin)
        return self._made

    def serve(self, builtin: Any) -> None:
        """Give a built-in the code for arrays that will be made; there is none for large programs."""
        with engine.compiling():
            self._builtin = builtin
            if self._made is not None:
                self._made.serve(builtin)

    def _improve(self, dtype: Any) -> None:
        """Make code for a type of numbers, meanwhile."""

        def make() -> None:
            with suppress(ExpradError, RuntimeError):  # where LLVM refuses, the interpreter goes on
                runner = self._runner()
                if runner.pays:
                    runner.prepare(dtype)
                    self._better[dtype] = runner
            self._is_making = False

        self._is_making = True
        with suppress(RuntimeError):  # while the interpreter shuts down, no thread starts
            Thread(target=make, name="exprad code").start()
