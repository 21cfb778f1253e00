"""The Python back end: readable source with `math`, for one point at a time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from exprad.backends.signature import own_name
from exprad.errors import UnsupportedError
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.numbers import as_float, numpy_function

# What differs from the row's operator or from its name in `math`; {0}, {1}, {2} are the operands.
SPELLED = {
    "square": "({0} * {0})",
    "abs": "abs({0})",
    "pow": "math.pow({0}, {1})",
    "sign": "({0} if {0} != {0} else float(({0} > 0.0) - ({0} < 0.0)))",
    "floor": "math.copysign(float(math.floor({0})), {0})",
    "ceil": "math.copysign(float(math.ceil({0})), {0})",
    "trunc": "math.copysign(float(math.trunc({0})), {0})",
    "round": "math.copysign(float(round({0})), {0})",
    "maximum": "({0} if {0} >= {1} or {0} != {0} else {1})",
    "minimum": "({0} if {0} <= {1} or {0} != {0} else {1})",
    "equal": "({0} == {1})",
    "not_equal": "({0} != {1})",
    "logical_and": "bool({0} and {1})",
    "logical_or": "bool({0} or {1})",
    "logical_not": "(not {0})",
    "where": "({1} if {0} else {2})",
}


LONGEST = 100  # characters of an expression that goes into another


class ScalarSource:
    """A program as the source of a Python function of floats: standalone, and importable on its own.

    An operation that Python refuses (1/0, the logarithm of 0, an overflow) raises as Python does.
    """

    def __init__(self, program: Program, inputs: Sequence[int], result: str) -> None:
        place = {value: f"x{i}" for i, value in enumerate(inputs) if value >= 0}
        uses = Counter([operand for step in program.steps if isinstance(step[0], Primitive) for operand in step[1:]])
        uses.update(program.outputs)
        self.others: list[Primitive] = []
        lines = []
        for index, (head, *operands) in enumerate(program.steps):
            if isinstance(head, Primitive):
                text = self._expression(head, list(self._operands(program, head, operands, place)))
                if uses[index] == 1 and len(text) < LONGEST and head.name not in SPELLED:  # a name costs time
                    place[index] = f"({text})"
                else:
                    place[index] = f"v{index}"
                    lines.append(f"v{index} = {text}")
            elif head == "const":
                place[index] = _literal(operands[0])
        lines.append("return " + result.format(*[place[output] for output in program.outputs]))
        self.lines, self.arguments = lines, [f"x{i}" for i in range(len(inputs))]

    @property
    def function_text(self) -> str:
        body = "\n    ".join(self.lines)
        return f"def function({', '.join(self.arguments)}):\n    {body}\n"

    def method_text(self, counts: bool) -> str:
        """The function as a method that takes floats at once, and leaves all else to `_general`.

        Where it counts its calls, `tick` raises when it has counted enough, and `_warm` is told.
        """
        are_floats = " and ".join([*[f"{x}.__class__ is float" for x in self.arguments], "not more", "not options"])
        given = ", ".join(["self", *[f"{x}=missing" for x in self.arguments], "/", "*more", "**options"])
        body = "\n            ".join(["tick()", *self.lines] if counts else self.lines)
        told = "        except StopIteration:\n            self._warm()\n" if counts else ""
        rest = "".join(f"{x}, " for x in self.arguments)
        return (f"def __call__({given}):\n    if {are_floats}:\n        try:\n            {body}\n"
                f"        except (ArithmeticError, ValueError):\n            pass\n{told}"
                f"    return self._general(*[x for x in [{rest}*more] if x is not missing], **options)\n")  # fmt: skip

    @staticmethod
    def _operands(program: Program, row: Primitive, operands: Sequence[int], place: Mapping[int, str]) -> Iterator[str]:
        """What a row reads: truth values as floats, where it is no row of conditions."""
        for position, index in enumerate(operands):
            is_truth = getattr(program.steps[index][0], "predicate", False)
            is_asked = row.predicate or row.name == "where" and not position
            yield f"float({place[index]})" if is_truth and not is_asked else place[index]

    def _expression(self, row: Primitive, operands: Sequence[str]) -> str:
        spelled = SPELLED.get(row.name)
        if spelled is not None:
            return spelled.format(*operands)
        if row.infix:
            return f" {row.infix} ".join(operands)
        if row.prefix:
            return row.prefix + operands[0]
        name = row.name_in("math")
        if name is not None and hasattr(math, name) and not callable(row.numpy):
            return f"math.{name}({', '.join(operands)})"
        self.others.append(row)
        return f"float({own_name(row)}({', '.join(operands)}))"

    @property
    def text(self) -> str:
        """The source of a module."""
        imports = ["import math"]
        for row in self.others:
            if callable(row.numpy):
                raise UnsupportedError(f"{row.name} is a Python function, which has no source; give the row a formula=")
            numpy_function(row)  # which says what the row lacks
            module, _, name = str(row.name_in("numpy")).rpartition(":")
            imports.append(f"from {module or 'numpy'} import {name} as {own_name(row)}")
        return "\n".join([*imports, "", "", self.function_text])

    def function(self) -> Callable[..., Any]:
        """The function itself."""
        return self._executed(self.function_text)["function"]

    def method(self, calls: int | None = None) -> Callable[..., Any]:
        """The function as a `__call__` of a class that has `_general`, and `_warm` to tell after so many calls."""
        return self._executed(self.method_text(calls is not None), range(calls or 0))["__call__"]

    def _executed(self, text: str, calls: range = range(0)) -> dict[str, Any]:
        scope: dict[str, Any] = {
            "math": math,
            "missing": object(),
            "tick": iter(calls).__next__,
            **{own_name(row): _quiet(row) for row in self.others},
        }
        exec(compile(text, "<exprad program>", "exec"), scope)
        return scope


def _quiet(row: Primitive) -> Callable[..., Any]:
    import numpy as np

    function = numpy_function(row)

    def quiet(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*operands)

    return quiet


def _literal(value: Any) -> str:
    rounded = as_float(value) if isinstance(value, (int, Fraction)) else float(value)
    if math.isfinite(rounded):
        return repr(rounded) if math.copysign(1, rounded) > 0 else f"({rounded!r})"
    return "math.nan" if rounded != rounded else "math.inf" if rounded > 0 else "(-math.inf)"
