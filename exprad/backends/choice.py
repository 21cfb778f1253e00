"""Which back end computes what: by what was asked for, by what the program is, and by how many points there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import prod
from typing import Any

from exprad.backends.costs import PYTHON_SOURCE, PYTHON_STEPS, Ways, Work
from exprad.backends.foreign import MODULES
from exprad.backends.foreign import has_function as foreign_has
from exprad.backends.native import Native, NativeArrays, with_code
from exprad.backends.native import runner_of as native_runner_of
from exprad.backends.native.flat import FlatProgram, is_read, programmed
from exprad.backends.points import PointsRunner
from exprad.backends.regions import RegionRunner
from exprad.backends.scalars import ScalarRunner
from exprad.backends.signature import Input, Structure
from exprad.backends.statements import has_function
from exprad.errors import ArgumentError
from exprad.graph.checkpoint import checkpointed
from exprad.graph.expr import Expr
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import numpy_function

BACKENDS = ("auto", "numpy", "python", "native", "cupy", "jax", "torch")
LONG_PROGRAM = 3000  # steps from which a program never becomes source
# What says of a row with a formula whether the target has a function for it, where the target is not NumPy.
FUNCTIONS: dict[str, Callable[[Primitive], bool]] = {
    **{library: partial(foreign_has, library) for library in MODULES},
    "cupy": partial(has_function, "cupy"),
    "python": lambda row: not row.is_composed or row.spelling("python") is not None,
    "native": lambda row: not row.is_composed or row.spelling("llvm") is not None,
}


def check(backend: str, fast: bool) -> None:
    """Raise if there is no such back end, or it has no such option."""
    if backend not in BACKENDS:
        raise ArgumentError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if fast and backend != "native":
        raise ArgumentError(f"fast=True is for backend='native', got backend={backend!r}")


def lowered(outputs: Sequence[Expr], backend: str, checkpoint: int | str | None) -> Program:
    """The program of outputs, of rows that a back end has."""
    program = Program.lowered(outputs, FUNCTIONS.get(backend))
    return program if checkpoint is None else checkpointed(program, checkpoint)


def program_of(structure: Structure, backend: str, checkpoint: int | str | None) -> Program:
    """The program of outputs for a back end; where machine code runs it, one that is made without nodes, if it is large."""
    found = None
    if backend in ("native", "auto") and checkpoint is None and is_read() and structure.is_large:
        found = programmed(structure.parts)
    return lowered(structure.expressions, backend, checkpoint) if found is None else found


class Choice:
    """What runs a program for "auto", "numpy", "python" or "native".

    Python computes one point of a few scalars; NumPy computes arrays: of scalars in blocks, in another way where there are
    many steps, and of arrays region by region; machine code computes arrays of scalars where it pays.
    """

    def __init__(
        self,
        program: Program,
        inputs: Sequence[Input],
        structure: Structure,
        backend: str,
        options: tuple[int | str | None, bool],
    ) -> None:
        self.program, self.inputs, self.structure, self.backend = program, inputs, structure, backend
        self.checkpoint, self.fast = options
        self.variables = tuple([variable for slot in inputs for variable in slot.variables])
        self.columns = [program.variables.get(variable.name, -1) for variable in self.variables]
        self.is_shaped = not program.is_of_scalars or any(variable.shape for variable in self.variables)
        self.has_source = program.size <= LONG_PROGRAM and not self.is_shaped
        self.takes_numbers = backend != "numpy" and self.has_source
        self.native = self._machine_code()
        if backend == "native" and self.native is not None:
            self.arrays = self.native.runner
        elif self.has_source:
            for row in program.rows:
                numpy_function(row)  # which says what the row lacks
        elif not isinstance(program, FlatProgram):
            self.arrays = self._numpy()

    @cached_property
    def arrays(self) -> Any:
        """What runs the program over arrays. For blocks it is made when it is first needed: many functions meet numbers only."""
        return self._numpy()

    def _numpy(self) -> Any:
        given = self.program, self.columns, self.inputs, self.structure.leaves
        if self.is_shaped:
            return RegionRunner(*given)
        return ScalarRunner(*given, has_source=self.has_source, by_python=self.backend != "numpy")

    def _machine_code(self) -> Any:
        """What the native back end has for the function, where it was asked for, or may pay."""
        if self.backend not in ("native", "auto") or self.backend == "auto" and self.is_shaped:
            return None
        given = self.program, self.structure, self.variables, self.inputs, self.fast
        if self.is_shaped:
            return NativeArrays(*given)
        native = Native(*given)
        return native if self.backend == "native" or native.may_run else None

    @cached_property
    def _at_points(self) -> PointsRunner:
        """What runs a function of arrays at many points."""
        runner_of = partial(native_runner_of, fast=self.fast) if self.backend == "native" else RegionRunner
        return PointsRunner(self.program, self.inputs, self.structure.leaves, self._prepared, runner_of)

    def _prepared(self, outputs: Sequence[Expr]) -> Program:
        program = lowered(outputs, self.backend, self.checkpoint)
        return with_code(program, lambda: outputs) if self.backend == "native" else program

    def runner(self, points: Shape) -> Any:
        """What runs the program at points of a shape."""
        if self.is_shaped and points:
            return self._at_points
        return self.native.runner if self.is_native(prod(points)) else self.arrays

    def is_native(self, points: int) -> bool:
        """Whether machine code runs arrays of so many points."""
        native = self.native
        return native is not None and (self.backend == "native" or points >= native.points and native.can_run)

    def own_call(self, general: Callable[..., Any]) -> Callable[..., Any] | None:
        """A `__call__` for a function of arrays that machine code takes at once; None where there is none."""
        return self.native.own_call(general) if self.is_shaped and self.native is not None else None

    def run_late(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        """Run one point of numbers over arrays, after all: `out=` was given, though Python's function gives new numbers."""
        self.arrays(arrays, leaves, points, dtype)

    @property
    def description(self) -> str:
        """What was chosen, in words."""
        if self.backend == "python" and self.takes_numbers:
            return "python"
        arrays = self._manner_of_arrays
        if self.takes_numbers:
            arrays = f"python for numbers, {arrays} for arrays"
        native = self.native
        if native is None or self.backend == "native" or not native.is_short or not native.can_run:
            return arrays
        return f"{arrays}, native from {native.points:,} points"

    @property
    def _manner_of_arrays(self) -> str:
        native = self.native
        if native is not None and (self.backend == "native" or not native.is_short and native.can_run):
            return native.stage
        return "numpy" if self.is_shaped or self.has_source else str(self.arrays.manner)

    @cached_property
    def numbers(self) -> Ways:
        """The ways in which Python computes one point of numbers."""
        return Ways([Work(PYTHON_STEPS, self.program), Work(PYTHON_SOURCE, self.program)])
