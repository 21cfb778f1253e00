"""Names in text, and the variables that they mean: those declared, `let v: (3,)`, or else living ones."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from exprad.graph.expr import Var, is_written, namesakes

CONSTANTS = {"pi": math.pi, "inf": math.inf, "nan": math.nan}


def quoted(text: str) -> str:
    """Text in quotes, as `parse` reads it."""
    return '"' + text.encode("unicode_escape").decode().replace('"', '\\"') + '"'


def unquoted(text: str) -> str:
    """What stands in quotes."""
    return text[1:-1].replace('\\"', '"').encode("latin-1", "backslashreplace").decode("unicode_escape")


def name_of(variable: Var) -> str:
    """A variable's name, quoted where it is no identifier."""
    name = variable.name
    is_usable = (
        re.fullmatch(r"[^\W\d]\w*", name)
        and name.isidentifier()
        and name not in CONSTANTS
        and not keyword.iskeyword(name)
    )
    return name if is_usable else quoted(name)


def meant(name: str) -> Var | None:
    """The variable that a name means where none is declared: the living one, or a number; None where it can't be told.

    Of several living ones the number is meant, unless there may be a text that means one of the others.
    """
    living = namesakes(name)
    if not living:
        return Var(name)
    is_told = len(living) == 1 or not living[0].shape and not any(map(is_written, living[1:]))
    return living[0] if is_told else None


def is_shape(variable: Var, index: tuple[Any, ...]) -> bool:
    """Whether brackets after a variable hold its shape, which is never an index."""
    return bool(index) and all(each.__class__ is int for each in index) and index == variable.shape


def marked(variables: Sequence[Var], index: tuple[Any, ...]) -> Var | None:
    """That of several variables whose shape an index is, if it is no index of the others."""
    if not all(each.__class__ is int for each in index):
        return None
    fitting = [
        each
        for each in variables
        if is_shape(each, index)
        or len(index) <= len(each.shape)
        and all(-size <= place < size for place, size in zip(index, each.shape, strict=False))
    ]
    return fitting[0] if len(fitting) == 1 and is_shape(fitting[0], index) else None


def declaration(variables: Iterable[Var]) -> str:
    """The line that says what shapes variables have; nothing where there are none."""
    shapes = ", ".join(f"{name_of(variable)}: {variable.shape}" for variable in variables)
    return f"let {shapes}" if shapes else ""
