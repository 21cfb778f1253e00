"""What a row computes on Variables, and the node of the tape that records it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any
from weakref import ref

import numpy as np

from exprad.arrays.operands import as_numbers
from exprad.errors import OperandError, refuse_masked
from exprad.ground.intern import serial
from exprad.ground.primitive import Primitive
from exprad.numbers import as_float, evaluate
from exprad.variable.config import is_recording
from exprad.variable.rules import Rule, forward, rule
from exprad.variable.tape import Hold, Node
from exprad.variable.variable import Variable

_new: Any = object.__new__
NUMBERS = (float, int)  # most operands that are no Variables


def record(row: Primitive, *operands: Any) -> Any:
    """The value of a row on Variables, arrays and numbers, with a node of the tape; truth values for a condition."""
    values = [operand._value if isinstance(operand, Variable) else operand_value(operand) for operand in operands]
    constant = None
    if row.powers and operands[1].__class__ in (int, float):
        constant = operands[1]
    try:
        value = forward(row, constant if constant.__class__ is int else None)(*values)
    except ValueError:
        row.shape(*[getattr(x, "shape", ()) for x in values])  # says which shapes do not fit
        raise
    if value.dtype.kind != "f":
        if row.predicate:
            return value
        values = [x if place in row.truths else _as_floats(x) for place, x in enumerate(values)]
        value = _as_floats(evaluate(row, values))
    if not is_recording():
        return Variable._unrecorded(value)
    return recorded(row, operands, values, value, constant)


def recorded(
    row: Any, operands: Sequence[Any], values: Sequence[Any], value: Any, constant: Any, found: Rule | None = None
) -> Variable:
    """A result with its node; `found` is its rule, if it is none that a row has."""
    node: Any = _new(Node)
    active: list[int] = []
    nodes: list[Any] = []
    constants: list[Any] = []
    is_plain = row.partials is not None
    shape = value.shape
    for place, operand in enumerate(operands):
        if isinstance(operand, Variable):
            active.append(place)
            nodes.append(operand._node or operand._leaf_node())
            is_plain = is_plain and operand._value.shape == shape
        else:
            constants.append((place, values[place], Hold.of(values[place])))
    node.primitive, node._operands, node.constants = row, tuple(nodes), tuple(constants)
    if found is not None:
        node.rule = found
    elif is_plain:
        node.rule = found = rule(row, tuple(active), constant, ((),) * len(operands), ())
    else:
        shapes = tuple([getattr(x, "shape", ()) for x in values])
        node.rule = found = rule(row, tuple(active), constant, shapes, shape)
    if found.divides_numbers:
        values = [value.dtype.type(x) if x.__class__ in (int, float) else x for x in values]
    node.saved = found.saves((value, *values)) if found.saves is not None else None
    node._serial = serial()
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    made = Variable._of(value, node)
    node.owner = ref(made)
    return made


def operand_value(operand: Any) -> Any:
    """An operand that is no Variable, as NumPy takes it."""
    if operand.__class__ in NUMBERS:
        return operand if operand.__class__ is float or -(2**53) <= operand <= 2**53 else as_float(operand)
    if getattr(operand, "_level", 0):
        raise OperandError(
            f"a Variable can't meet an expression, got {operand!r}; evaluate the expression on it instead"
        )
    if isinstance(operand, (bool, Fraction)):
        return as_float(operand)
    operand = as_numbers(operand)
    refuse_masked(operand, "what a Variable meets")
    if getattr(getattr(operand, "dtype", None), "kind", "") not in ("b", "i", "u", "f"):
        raise OperandError(
            f"an operand must be a real number, an array or a Variable, got {type(operand).__name__}: {operand!r}"
        )
    return operand


def _as_floats(x: Any) -> Any:
    """Whole numbers are promoted: a gradient is a real number."""
    return np.asarray(x, float)[()] if getattr(getattr(x, "dtype", None), "kind", "f") in "biu" else x
