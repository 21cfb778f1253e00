"""Steps as statements of C, which CUDA reads as well."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from exprad.errors import UnsupportedError
from exprad.graph.expr import Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.numbers import constant_of_dtype

# What differs from the row's operator, and from its name in math.h, which Python's math has taken over; {0}, {1}, {2}
# are the operands, {f} is the suffix of functions of the type.
SPELLED = {
    "abs": "fabs{f}({0})", "square": "{0}*{0}", "round": "rint{f}({0})", "gamma": "tgamma{f}({0})",
    "equal": "{0} == {1}", "not_equal": "{0} != {1}", "logical_and": "{0} && {1}", "logical_or": "{0} || {1}",
    "logical_not": "!{0}", "where": "{0} ? {1} : {2}",
}  # fmt: skip
# Functions that C has not, or has with another meaning where operands are nan or signs differ.
HELPERS = {
    "mod": """{s} {t} {p}mod({t} a, {t} b)
{{
    {t} rest = fmod{f}(a, b);
    if (rest == 0) return copysign{f}(0, b);
    return rest == rest && (b < 0) != (rest < 0) ? rest + b : rest;
}}""",
}


def has_function(row: Primitive) -> bool:
    """Whether C has a row: as an operator, by name, or by what is written here."""
    is_known = row.infix or row.prefix or row.name in SPELLED or row.name in HELPERS or hasattr(math, row.name)
    return bool(is_known) and row.is_own


class Statements:
    """What the steps of a program of scalars are in C, for a type and a target."""

    infinity, not_a_number = "INFINITY", "NAN"

    def __init__(self, program: Program, variables: Sequence[Var], dtype: str, *, prefix: str, target: str) -> None:
        self.program, self.dtype, self.prefix = program, dtype, prefix
        self.suffix = "f" if dtype == "float" else ""
        self.column = {variable.name: place for place, variable in enumerate(variables)}
        if not program.is_of_scalars or any(variable.shape for variable in variables):
            raise UnsupportedError(
                f"the target {target} takes expressions of scalars; write arrays out, element by element"
            )
        for row in program.rows:
            if not has_function(row):
                raise UnsupportedError(
                    f"{target} has no function for {row.name}; give the row a formula= of rows that it has"
                )

    def helpers(self, storage: str) -> str:
        """The functions that C has not, of those that are needed."""
        fields = {"t": self.dtype, "f": self.suffix, "p": self.prefix, "s": storage}
        needed = {row.name for row in self.program.rows}
        return "".join(HELPERS[name].format(**fields) + "\n\n" for name in HELPERS if name in needed)

    def call(self, row: Primitive, reads: Sequence[str]) -> str:
        if row.name in SPELLED:
            return SPELLED[row.name].format(*reads, f=self.suffix)
        if row.name in HELPERS:
            return f"{self.prefix}{row.name}({', '.join(reads)})"
        if hasattr(math, row.name):
            return f"{row.name}{self.suffix}({', '.join(reads)})"
        if row.prefix:
            return row.prefix + reads[0]
        return f" {row.infix} ".join(reads)

    def literal(self, value: Any) -> str:
        """A constant, rounded once to the type, exactly."""
        rounded = float(constant_of_dtype(value, _numpy_type(self.dtype)))
        if rounded != rounded:
            return self.not_a_number
        if math.isinf(rounded):
            return self.infinity if rounded > 0 else f"(-{self.infinity})"
        is_short = rounded == int(rounded) and abs(rounded) <= 2**24
        text = f"{abs(int(rounded))}.0" if is_short else re.sub("[.]?0*p", "p", abs(rounded).hex())
        return f"{text}{self.suffix}" if math.copysign(1, rounded) > 0 else f"(-{text}{self.suffix})"


def _numpy_type(dtype: str) -> Any:
    import numpy as np

    return np.dtype(np.float32 if dtype == "float" else np.float64)
