"""Pieces of text in C: functions, loops, elements of arrays."""

from __future__ import annotations

import re
from collections.abc import Sequence

STACKED = 256  # numbers to work with that lie on the stack at most; more are given by the caller
A_LINE = 6  # numbers of a table
_WORDS = re.compile(r"\b[a-z]\w*\b")


def at(array: str, start: int, strides: Sequence[int], indices: Sequence[str]) -> str:
    """An element of an array, where each index moves by a stride; axes without an index are at 0."""
    terms = [(stride, index) for stride, index in zip(strides, indices, strict=False) if stride and index]
    text = str(start) if start or not terms else ""
    for stride, index in terms:
        term = index if abs(stride) == 1 else f"{abs(stride)} * {index}"
        text += f" {'-' if stride < 0 else '+'} {term}" if text else term if stride > 0 else f"-{term}"
    return f"{array}[{text}]"


def looped(shape: Sequence[int], lines: Sequence[str]) -> list[str]:
    """Statements for each element of a shape, whose indices are i0, i1, ..."""
    found, indent = [], ""
    for axis, size in enumerate(shape):
        found.append(f"{indent}for (long i{axis} = 0; i{axis} < {size}; i{axis}++) {{")
        indent += "    "
    if not shape:
        found, indent = ["{"], "    "
    found += [indent + line for line in lines]
    return [*found, *["    " * axis + "}" for axis in reversed(range(len(shape) or 1))]]


def unused(lines: Sequence[str], names: Sequence[str]) -> list[str]:
    """Statements that name the parameters that no other does, lest a compiler warn."""
    used = set(_WORDS.findall("\n".join(lines)))
    return [f"(void){name};" for name in names if name not in used]


def listed(name: str, head: str, parameters: str, count: int, given: str, room: Sequence[str]) -> str:
    """A function that calls the functions NAME_0, NAME_1, ... by a table: so no compiler makes them one function again."""
    entries = ",\n".join(f"    {name}_{number}" for number in range(count))
    table = f"static void (*const {name}_parts[])({parameters}) = {{\n{entries}\n}};\n"
    calls = [f"for (int i = 0; i < {count}; i++)", f"    {name}_parts[i]({given});"]
    return "\n".join([table, braced(head, [*room, *calls])])


def braced(head: str, lines: Sequence[str]) -> str:
    body = "".join([f"    {line}\n" for line in lines])
    return f"{head}\n{{\n{body}}}\n"
