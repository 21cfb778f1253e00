"""CuPy: a program as one fused kernel for a GPU, over arrays that broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from exprad.backends.signature import Input, Structure
from exprad.backends.statements import Statements
from exprad.errors import ArgumentError, UnsupportedError, extra, refuse_masked
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

KERNEL_STEPS = 5000  # of one kernel at most
TYPES = {"double": "float64", "float": "float32"}


class KernelText(Statements):
    """The parts that CuPy's ElementwiseKernel takes: parameters, an operation for one point, and helpers before it."""

    target, language = "cupy", "CUDA"
    infinity, not_a_number = "(1.0/0.0)", "(0.0/0.0)"

    def __init__(self, program: Program, inputs: Sequence[Input], dtype: str) -> None:
        variables = [variable for slot in inputs for variable in slot.variables]
        super().__init__(program, variables, dtype, prefix="exprad_")
        if len(program.steps) > KERNEL_STEPS:
            raise UnsupportedError(
                f"backend 'cupy' takes programs of at most {KERNEL_STEPS} steps, got {len(program.steps)}"
            )
        kind = TYPES[dtype]
        self.given = ", ".join(f"{kind} x{place}" for place in range(len(variables)))
        self.results = ", ".join(f"{kind} y{place}" for place in range(len(program.outputs)))
        self.preamble = self.helpers("__device__ static")
        self.operation = "\n".join(self._lines())

    def _lines(self) -> list[str]:
        place: list[str] = []
        lines = []
        for index, (head, *rest) in enumerate(self.program.steps):
            if isinstance(head, Primitive):
                kind = "int" if head.predicate else self.dtype
                lines.append(f"const {kind} v{index} = {self.call(head, [place[each] for each in rest])};")
                place.append(f"v{index}")
            else:
                place.append(f"x{self.column[rest[0]]}" if head == "var" else self.literal(rest[0]))
        return [*lines, *[f"y{number} = {place[output]};" for number, output in enumerate(self.program.outputs)]]


class CupyFunction:
    """Compiled expressions of CuPy's arrays: one fused kernel for each type, made when it is first called."""

    backend = "cupy"

    def __init__(self, structure: Structure, inputs: Sequence[Input], program: Program) -> None:
        self.program, self._structure, self._inputs = program, structure, tuple(inputs)
        self.texts = {dtype: KernelText(program, inputs, dtype) for dtype in TYPES}
        self._kernel = cache(self._made)

    def source(self, dtype: str = "double") -> str:
        """The kernel for a type, as CuPy is given it."""
        text = self.texts[dtype]
        return f"{text.preamble}// {text.given} -> {text.results}\n{text.operation}\n"

    def _made(self, dtype: str) -> Any:
        text = self.texts[dtype]
        return _cupy().ElementwiseKernel(
            text.given, text.results, text.operation, "exprad_kernel", preamble=text.preamble
        )

    def __call__(self, *arguments: Any) -> Any:
        cupy = _cupy()
        if len(arguments) != len(self._inputs):
            raise ArgumentError(f"the function takes {len(self._inputs)} inputs, got {len(arguments)}")
        for slot, argument in zip(self._inputs, arguments, strict=True):
            refuse_masked(argument, slot.label)
        arrays = [cupy.asarray(argument) for argument in arguments]
        kinds = [
            array.dtype for given, array in zip(arguments, arrays, strict=True) if given.__class__ not in (int, float)
        ]
        is_single = bool(kinds) and all(kind == "float32" for kind in kinds)
        columns: list[Any] = []
        for slot, array in zip(self._inputs, arrays, strict=True):
            columns += list(array.reshape(-1, *array.shape[len(slot.shape) :])) if slot.shape else [array]
        typed = [column.astype("float32" if is_single else "float64") for column in columns]
        found = self._kernel("float" if is_single else "double")(*typed)
        leaves = [found] if len(self.program.outputs) == 1 else list(found)
        return self._structure.build(
            [
                leaves[first]
                if shape is None
                else cupy.stack(leaves[first:beyond]).reshape(*shape, *leaves[first].shape)
                for shape, first, beyond in self._structure.leaves
            ]
        )

    def __repr__(self) -> str:
        return f"<function of {len(self._inputs)} inputs: {sum(self.program.operations.values())} operations; cupy>"


def _cupy() -> Any:
    try:
        import cupy
    except ImportError:
        raise extra("cupy", "cupy", "backend 'cupy'") from None
    return cupy
