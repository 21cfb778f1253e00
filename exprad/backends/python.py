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
from exprad.ground.spelling import found_at
from exprad.numbers import as_float, numpy_function

INLINED = 100  # characters of an expression that goes into another


class ScalarSource:
    """A program as the source of a Python function of floats: standalone, and importable on its own.

    An operation that Python refuses (1/0, the logarithm of 0, an overflow) raises as Python does.
    """

    def __init__(self, program: Program, inputs: Sequence[int], result: str) -> None:
        place = {value: f"x{i}" for i, value in enumerate(inputs) if value >= 0}
        uses = Counter([operand for step in program.steps if isinstance(step[0], Primitive) for operand in step[1:]])
        uses.update(program.outputs)
        self.others: dict[str, Primitive] = {}  # rows that the source calls by names of their own
        lines = []
        for index, (head, *operands) in enumerate(program.steps):
            if isinstance(head, Primitive):
                text = self._expression(head, list(self._operands(program, head, operands, place)))
                if uses[index] == 1 and len(text) < INLINED and not _is_template(head):  # a name costs time
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
        return (
            f"def __call__({given}):\n    if {are_floats}:\n        try:\n            {body}\n"
            f"        except (ArithmeticError, ValueError):\n            pass\n{told}"
            f"    return self._general(*[x for x in [{rest}*more] if x is not missing], **options)\n"
        )

    @staticmethod
    def _operands(program: Program, row: Primitive, operands: Sequence[int], place: Mapping[int, str]) -> Iterator[str]:
        """What a row reads: truth values as floats, where it is no row of conditions."""
        for position, index in enumerate(operands):
            is_truth = getattr(program.steps[index][0], "predicate", False)
            is_asked = row.predicate or position in row.truths
            yield f"float({place[index]})" if is_truth and not is_asked else place[index]

    def _expression(self, row: Primitive, operands: Sequence[str]) -> str:
        spelled = row.spelling("python")
        if isinstance(spelled, str) and ":" not in spelled:
            return spelled.format(*operands) if "{" in spelled else f"{_in_math(row, spelled)}({', '.join(operands)})"
        self.others[own_name(row)] = row
        return f"float({own_name(row)}({', '.join(operands)}))"

    @property
    def text(self) -> str:
        """The source of a module."""
        imports = ["import math"]
        for name, row in self.others.items():
            _called(row)  # which says what the row lacks
            spelled = row.spelling("python") or row.spelling("numpy")
            if not isinstance(spelled, str):
                raise UnsupportedError(f"{row.name} is a Python function, which has no source; give the row a formula=")
            module, _, theirs = spelled.rpartition(":")
            imports.append(f"from {module or 'numpy'} import {theirs} as {name}")
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
            **{name: _called(row) for name, row in self.others.items()},
        }
        exec(compile(text, "<exprad program>", "exec"), scope)
        return scope


def _is_template(row: Primitive) -> bool:
    """Whether a row states a text for Python, in which an operand may stand twice."""
    return "{" in str(row.spell.get("python"))


def _in_math(row: Primitive, name: str) -> str:
    if not hasattr(math, name):
        raise UnsupportedError(f"Python's math has no function {name!r}, which {row.name} is spelled by")
    return f"math.{name}"


def _called(row: Primitive) -> Callable[..., Any]:
    """The function that the source calls: Python's, if the row states one, or NumPy's, which warns of nothing."""
    spelled = row.spelling("python")
    if spelled is not None:
        return spelled if callable(spelled) else found_at(spelled)
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
