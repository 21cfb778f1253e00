"""What the native back end has for expressions: code for arrays and built-ins for numbers, and from where on they pay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from exprad.backends.native import engine, layout
from exprad.backends.native.builtins import Builtin
from exprad.backends.native.linking import has_code
from exprad.backends.native.runners import NativeRunner
from exprad.backends.native.shaped import ShapedRunner, has_tables, runner_of
from exprad.backends.native.stages import StagedRunner
from exprad.backends.signature import Input, Structure
from exprad.errors import ExpradError, UnsupportedError
from exprad.graph.expr import Expr, Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

LOOP_STEPS = 3000  # of one loop over arrays; LLVM's time grows faster than they do
SHORT = 300  # steps of a program for which code is made at once
LOOP_ARRAYS = 100  # that one loop reads and writes
WORTH = 100_000  # operations of a call, all points together, from which making code pays


def is_as_in_python(row: Primitive) -> bool:
    """Whether a built-in gives the very number that Python gives: by an operator, a choice, or the same C function."""
    return row.is_own and not row.varies and row.spelling("python") is not None


def with_code(lowered: Program, expressions: Callable[[], Sequence[Expr]]) -> Program:
    """The program of expressions whose elementwise rows all have code: that for NumPy, or another; raises where there is none."""
    engine.binding()
    if not _without_code(lowered):
        return lowered
    program = Program.lowered(expressions(), has_code)
    missing = [row.name for row in _without_code(program)]
    if missing:
        said = f"backend 'native' has no code for {', '.join(missing)}; give the row a formula="
        raise UnsupportedError(f"{said} of functions that it has, or a ufunc of doubles as numpy=")
    return program


def _without_code(program: Program) -> list[Primitive]:
    return [row for row in program.rows if row.partials is not None and not has_code(row)]


class NativeArrays:
    """Machine code for expressions of arrays, at one point: what `Native` is for expressions of scalars."""

    is_short, has_builtin = True, False

    def __init__(
        self,
        lowered: Program,
        structure: Structure,
        variables: Sequence[Var],
        inputs: Sequence[Input],
        fast: bool,
    ) -> None:
        program = with_code(lowered, lambda: structure.expressions)
        columns = [program.variables.get(variable.name, -1) for variable in variables]
        self.runner = runner_of(program, columns, inputs, structure.leaves, fast)
        self.stage = "native" if has_tables(program) else "numpy"
        self.structure = structure

    def own_call(self, general: Callable[..., Any]) -> Callable[..., Any] | None:
        """A `__call__` of the function that hands plain arrays to machine code at once; None where there is none."""
        runner = self.runner
        return runner.own_call(general, self.structure) if isinstance(runner, ShapedRunner) else None


class Native:
    """Machine code for expressions of scalars: for arrays, and as a built-in for numbers, each made when first needed.

    `lowered` is their program for NumPy. `program` is the one that has code; it raises `UnsupportedError` where none has.
    """

    def __init__(
        self,
        lowered: Program,
        structure: Structure,
        variables: Sequence[Var],
        inputs: Sequence[Input],
        fast: bool,
    ) -> None:
        self.lowered, self.structure, self.variables = lowered, structure, variables
        self.inputs, self.fast = inputs, fast
        count = len(lowered.calls)
        self.is_large = count > LOOP_STEPS or len(variables) + len(lowered.outputs) > LOOP_ARRAYS
        self.is_short = count <= SHORT and not self.is_large
        self._builtin: Builtin | None = None
        self.points = -(-WORTH // max(1, count)) if self.is_short else 1  # from which machine code for arrays pays

    @property
    def may_run(self) -> bool:
        """Whether LLVM is there and seems to have all code."""
        return engine.is_installed() and all(row.formula is not None or has_code(row) for row in self.lowered.rows)

    @property
    def can_run(self) -> bool:
        """Whether LLVM loads and has all code."""
        try:
            return bool(self.program)
        except ExpradError:
            return False

    @property
    def has_builtin(self) -> bool:
        """Whether there can be a built-in."""
        return layout.has_builtins() and not self.is_large

    @property
    def is_as_in_python(self) -> bool:
        """Whether a built-in gives the very numbers that Python gives."""
        return all(map(is_as_in_python, self.lowered.rows))

    @cached_property
    def program(self) -> Program:
        return with_code(self.lowered, lambda: self.structure.expressions)

    @cached_property
    def _columns(self) -> list[int]:
        return [self.program.variables.get(variable.name, -1) for variable in self.variables]

    @cached_property
    def runner(self) -> Any:
        """What runs the program over arrays."""
        given = self.program, self._columns, self.inputs, self.structure.leaves, self.fast
        return NativeRunner(*given) if self.is_short else StagedRunner(*given, self.is_large)

    @property
    def stage(self) -> str:
        """What runs arrays now, in words."""
        return "native" if self.is_short else str(self.runner.stage)

    def builtin(self, container: str, general: Any, least: int) -> Builtin:
        """A built-in that takes arrays as soon as there is code for them; see `Builtin`."""
        with engine.compiling():
            if self._builtin is None:
                self._builtin = Builtin(self.program, self._columns, container, self.fast, general, least)
                self.runner.serve(self._builtin)
        return self._builtin

    def has_runner(self, runner: Any) -> bool:
        """Whether it is the one that runs its code over arrays."""
        return vars(self).get("runner") is runner
