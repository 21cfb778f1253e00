"""Expressions in place of nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from exprad.errors import ShapeError
from exprad.graph.expr import build, expression
from exprad.ground.hints import Any
from exprad.ground.traverse import collector_paused, fold


def substitute(f: Any, replacements: Mapping[Any, Any]) -> Any:
    """`f` with nodes replaced by expressions, all at once, and folded anew."""
    return replaced([f], replacements)[0]


def replaced(outputs: Sequence[Any], replacements: Mapping[Any, Any]) -> list[Any]:
    """Several expressions with the same nodes replaced, in one walk."""
    new = {expression(old): expression(value) for old, value in replacements.items()}
    for old, value in new.items():
        if old.shape != value.shape:
            raise ShapeError(f"{old!r} has shape {old.shape}, its replacement {value.shape}")

    def visit(node: Any, operands: list[Any]) -> Any:
        if node in new:
            return new[node]
        return node if tuple(operands) == node.operands else build(node.primitive, *operands)

    with collector_paused():
        return fold(outputs, visit)
