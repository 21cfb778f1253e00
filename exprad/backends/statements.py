"""Steps as statements of C, which CUDA reads as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from exprad.backends.signature import own_name
from exprad.errors import UnsupportedError
from exprad.graph.expr import Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.numbers import constant_of_dtype


def has_function(target: str, row: Primitive) -> bool:
    """Whether the language of a target, "c" or "cupy", has a row."""
    return row.spelling(target) is not None


class Statements:
    """What the steps of a program of scalars are in C, for a type and a target."""

    target, language = "c", "C"
    infinity, not_a_number = "INFINITY", "NAN"

    def __init__(self, program: Program, variables: Sequence[Var], dtype: str, *, prefix: str) -> None:
        self.program, self.dtype, self.prefix = program, dtype, prefix
        self.suffix = "f" if dtype == "float" else ""
        self.column = {variable.name: place for place, variable in enumerate(variables)}
        self.rows = self._rows(variables)
        for row in self.rows:
            if not has_function(self.target, row):
                said = f"{self.language} has no function for {row.name}; give the row a formula= of rows that it has"
                raise UnsupportedError(f"{said}, or spell it for {self.target!r}")

    def _rows(self, variables: Sequence[Var]) -> Sequence[Primitive]:
        """The rows of the first table that the language must have."""
        if not self.program.is_of_scalars or any(variable.shape for variable in variables):
            raise UnsupportedError(
                f"the target {self.language} takes expressions of scalars; write arrays out, element by element"
            )
        return self.program.rows

    def helpers(self, storage: str) -> str:
        """The functions that C has not, of those that are needed."""
        texts = [(row, self._text(row)) for row in self.rows]
        return "".join(
            text.format(t=self.dtype, f=self.suffix, s=storage, name=self._own_name(row)) + "\n\n"
            for row, text in texts
            if "{name}" in text
        )

    def call(self, row: Primitive, reads: Sequence[str]) -> str:
        return self.writer(row)(*reads)

    def writer(self, row: Primitive) -> Callable[..., str]:
        """What writes a call of a row, given how its operands are read."""
        text = self._text(row)
        if "{" in text and "{name}" not in text:
            return partial(text.format, f=self.suffix)
        called = self._own_name(row) if "{name}" in text else f"{text}{self.suffix}"
        return lambda *reads: f"{called}({', '.join(reads)})"

    def _text(self, row: Primitive) -> str:
        spelled = row.spelling(self.target)
        if not isinstance(spelled, str):
            raise UnsupportedError(
                f"{row.name} is spelled for {self.target!r} by a {type(spelled).__name__}; it takes a text"
            )
        return spelled

    def _own_name(self, row: Primitive) -> str:
        return f"{self.prefix}{own_name(row)}"

    @property
    def numpy_dtype(self) -> Any:
        import numpy as np

        return np.dtype(np.float32 if self.dtype == "float" else np.float64)

    def literal(self, value: Any) -> str:
        """A constant, rounded once to the type, exactly."""
        is_double = value.__class__ is float and self.dtype == "double"
        rounded = value if is_double else float(constant_of_dtype(value, self.numpy_dtype))
        if rounded != rounded:
            return self.not_a_number
        if math.isinf(rounded):
            return self.infinity if rounded > 0 else f"(-{self.infinity})"
        is_short = rounded == int(rounded) and abs(rounded) <= 2**24
        digits, _, exponent = abs(rounded).hex().partition("p")
        text = f"{abs(int(rounded))}.0" if is_short else f"{digits.rstrip('0').rstrip('.')}p{exponent}"
        return f"{text}{self.suffix}" if math.copysign(1, rounded) > 0 else f"(-{text}{self.suffix})"
