"""Expressions as they are built: folded where that changes no value, by functions and by Python's operators."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from operator import attrgetter

from exprad.carrier import BINARY, COMPARISON, UNARY, is_operand, no_modulus
from exprad.errors import ConditionError
from exprad.graph.call import OPAQUE, Add, Call, Div, Mul, Neg, Pow, Sub, node_class
from exprad.graph.folding import FOLDING_INTS, FOLDS, MERGING, WEIGHING
from exprad.graph.leaf import (
    Const,
    Var,
    expression,
    is_written,
    namesakes,
    small,
    variables,
    variables_by_name,
    whole,
    write,
)
from exprad.graph.leaf import _variable as _variable  # which pickles of before ask for here
from exprad.graph.node import Expr
from exprad.ground import peers
from exprad.ground.hints import Any, cast
from exprad.ground.intern import Reference, serial
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape

__all__ = [
    "Add",
    "Call",
    "Const",
    "Div",
    "Expr",
    "Mul",
    "Neg",
    "Pow",
    "Sub",
    "Var",
    "build",
    "expression",
    "is_written",
    "namesakes",
    "node_class",
    "object_array",
    "variables",
    "variables_by_name",
    "write",
]
_new: Any = object.__new__
_shape_of = attrgetter("shape")


def build(primitive: Primitive, *operands: Any) -> Expr:
    """The folded expression of `primitive` on expressions."""
    cls: type[Call] = primitive.node or node_class(primitive)
    if primitive.partials is None:
        found = primitive.folded(operands)
        if found is not None:
            return found
        return cls._intern(*operands, shape=primitive.shape(*map(_shape_of, operands)))
    if len(operands) == 1 and operands[0].__class__ in OPAQUE:
        return cls._intern(*operands)
    shape = _shape(primitive, operands)
    if shape:
        for operand in operands:
            if operand.stretches:
                return _unstretched(primitive, operands, shape)
    fold = FOLDS.get(primitive)
    folded = fold(*operands) if fold is not None else None
    if folded is None:
        return cls._intern(*operands, shape=shape)
    folded = expression(folded)
    return folded if folded.shape == shape else folded.broadcast_to(shape)  # a fold may lose an operand


def _shape(primitive: Primitive, operands: Sequence[Expr]) -> Shape:
    """The shape of an elementwise call."""
    shape: Shape = ()
    for operand in operands:
        other = operand.shape
        if other != shape and other:
            if shape:
                return primitive.shape(*map(_shape_of, operands))
            shape = other
    return shape


def _unstretched(primitive: Primitive, operands: Sequence[Expr], shape: Shape) -> Expr:
    """A call, some of whose operands are stretched, with the stretching after it, or left to the other operands."""
    given = [operand._operands[0] if operand.stretches else operand for operand in operands]
    narrow = _shape(primitive, given)
    if narrow != shape and any(not operand.stretches and operand.shape for operand in operands):
        given, narrow = list(operands), shape
        for place, operand in enumerate(operands):
            if operand.stretches:
                shorter = [*given[:place], operand._operands[0], *given[place + 1 :]]
                given = shorter if _shape(primitive, shorter) == shape else given
        if any(operand.stretches for operand in given):
            return cast("Expr", node_class(primitive)._intern(*given, shape=shape))
    found = build(primitive, *given)
    return found if found.shape == shape else found.broadcast_to(shape)


def interpret(self: Expr, primitive: Primitive, operands: Sequence[Any]) -> Expr:
    """A call that was handed to an expression."""
    if primitive.truths and not primitive.predicate and isinstance(operands[primitive.truths[0]], bool):
        raise ConditionError(
            f"{primitive.name} needs a condition, got the bool {operands[0]}; use equal(a, b), not a == b"
        )
    for operand in operands:
        if not isinstance(operand, Expr):
            return build(primitive, *map(expression, operands))
    return build(primitive, *operands)


def _fast_binary(row: Primitive, reflected: bool) -> Callable[[Any, Any], Any]:
    """An operator of expressions: two class checks on the common path."""
    cls, opaque, merges = node_class(row), OPAQUE, row in MERGING
    interned, commutes, intern = cls._interned, row.commutes, cls._intern
    standing_at, insert, forget = interned.get, interned.setdefault, interned.forget
    folding, fold, met = FOLDING_INTS.get(row, ()), FOLDS.get(row), small
    beside: Container[type] = () if row in WEIGHING else opaque  # classes that are direct beside a number

    def operator(self: Any, other: Any, modulus: Any = None) -> Any:
        a: Any
        b: Any
        if modulus is not None:  # of `pow`: a call between would be felt
            raise no_modulus(self, modulus)
        if other.__class__ in opaque:
            a, b = self, other
            is_direct = self is not other and self.__class__ in opaque
        elif other.__class__ is int or other.__class__ is float:
            node: Any = Const(other) if other.__class__ is not int else met[other] if other in met else whole(other)
            a, b = (node, self) if reflected else (self, node)
            is_direct = other not in folding and self.__class__ in beside and not (merges and self.__class__ is cls)
        elif isinstance(other, Expr):
            a, b, is_direct = self, other, False
        elif is_operand(other):
            return row(other, self) if reflected else row(self, other)
        else:
            return NotImplemented
        if not is_direct:
            folded = build(row, a, b) if fold is None or a.shape or b.shape else fold(a, b)
            return intern(a, b) if folded is None else folded if isinstance(folded, Expr) else expression(folded)
        key = operands = (a, b)  # what _intern does, written out: this is where time goes
        if commutes and b._serial < a._serial:
            key = (b, a)
        standing = standing_at(key)
        if standing is not None:
            node = standing()
            if node is not None:
                return node
        node = _new(cls)
        node._operands, node._serial = operands, serial()
        mine = Reference(node, forget)
        mine.key = key
        standing = insert(key, mine)
        return node if standing is mine else interned.replace(mine, node)

    return operator


def _fast_unary(row: Primitive) -> Callable[[Any], Any]:
    intern, opaque = node_class(row)._intern, OPAQUE

    def operator(self: Any) -> Any:
        is_direct = self.__class__ in opaque
        return intern(self) if is_direct else build(row, self)

    return operator


# What nodes can do only where all of them are known. It is called too often to pass through what the face binds.
setattr(Expr, "interpret", interpret)  # noqa: B010  # no assignment to a method, say type checkers
peers.told(Expr, peers.EXPRESSION)
for _name, _row in UNARY.items():
    setattr(Expr, f"__{_name}__", _fast_unary(_row))
for _name, _row in (BINARY | COMPARISON).items():
    setattr(Expr, f"__{_name}__", _fast_binary(_row, False))
    setattr(Expr, f"__r{_name}__", _fast_binary(_row, True))


def object_array(values: Sequence[Any], shape: Shape | None = None) -> Any:
    """An object array of expressions, in order, of a shape."""
    import numpy as np

    array = np.empty(len(values), object)
    for place, value in enumerate(values):  # one by one: an expression that stands for an array is one value
        array[place] = value
    return array if shape is None else array.reshape(shape)
