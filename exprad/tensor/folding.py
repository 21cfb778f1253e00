"""Simpler expressions for calls of rows of the second table, which move no rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.tensor.batching import without_axes
from exprad.tensor.family import Structural
from exprad.tensor.linear import broadcast_to, permuted, reshape, reshaped, stretched, transpose


def folded(row: Structural, operands: Sequence[Any]) -> Any:
    """A simpler expression for a call on expressions; None where there is none."""
    first = operands[0]
    if not first.shape and row.is_without_axes(*operands):
        return without_axes(row, *operands)
    inner: Any = getattr(first, "primitive", None)
    if inner is None or inner.partials is not None:
        return None
    family = inner.family
    if family is broadcast_to and not first.operands[0].shape and row.arity == 1 and row.family.reads == "moves":
        return stretched(first.operands[0], row.shape(first.shape))
    if family is row.family and family is reshape:
        return reshaped(first.operands[0], row.parameters["shape"])
    if family is row.family and family is transpose:
        return permuted(first.operands[0], tuple(inner.parameters["axes"][i] for i in row.parameters["axes"]))
    return None
