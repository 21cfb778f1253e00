"""Calls of rows as text: what stands before, between and after operands, and how tightly operators bind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from exprad.graph.expr import Expr
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.text.names import quoted

# precedence of what an operator yields, from loose to tight; a literal that starts with a sign binds like its sign
COMPARISON, OR, AND, SUM, PRODUCT, SIGN, POWER, ATOM = range(1, 9)
PRECEDENCE = {"|": OR, "&": AND, "<": COMPARISON, "<=": COMPARISON, ">": COMPARISON, ">=": COMPARISON,
              "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT, "//": PRODUCT, "@": PRODUCT, "**": POWER}  # fmt: skip
_TIGHT = {"*", "/", "**"}  # operators without blanks around them


def texts_of(row: Primitive, operands: Sequence[Expr]) -> tuple[str, ...]:
    """What stands before, between and after the operands of a row."""
    return _elementwise(row) if row.partials is not None else _of_arrays(row, tuple([each.shape for each in operands]))


@lru_cache(maxsize=1024)
def _elementwise(row: Primitive) -> tuple[str, ...]:
    return _operator(row) or (f"{row.name}(", *[", "] * (row.arity - 1), ")")


def _operator(row: Any) -> tuple[str, ...]:
    if row.infix:
        return "", row.infix if row.infix in _TIGHT else f" {row.infix} ", ""
    return (row.prefix, "") if getattr(row, "prefix", None) else ()


def _of_arrays(row: Any, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    return _operator(row.family) or row.text(*shapes) or _call(row, shapes)


@lru_cache(maxsize=4096)
def _call(row: Any, shapes: tuple[Shape, ...]) -> tuple[str, ...]:
    """A call with parameters by name, as NumPy's; where that would be read as another row, with all of a row's own."""
    family, between = row.family, [", "] * (row.arity - 1)
    if family.usual and not family.usual(*shapes, **row.parameters):
        return f"{row.name}[{', '.join(_given(row.parameters))}](", *between, ")"
    shown = dict(row.shown)
    if family.usual and isinstance(shown.get("axis"), tuple) and len(shown["axis"]) == 1:
        shown["axis"] = shown["axis"][0]
    lead = f"{_value(shown.pop(family.leads))}, " if family.leads in shown else ""
    opening, closing = ("([", "]") if family.lists else ("(", "")
    return f"{row.name}{opening}{lead}", *between, ", ".join([closing, *_given(shown)]) + ")"


def _given(parameters: dict[str, Any]) -> list[str]:
    return [f"{name}={_value(value)}" for name, value in parameters.items()]


def _value(value: Any) -> str:
    return quoted(value) if isinstance(value, str) else repr(value)
