"""Expressions lowered to steps: whole powers as products, and formulas in place of what they define."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

from exprad.errors import UnsupportedError
from exprad.graph.expr import build
from exprad.graph.leaf import Const, Var, expression
from exprad.graph.node import Expr
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import canonical_operands, postorder
from exprad.numbers import by_squaring
from exprad.tables import elementary as table

LARGEST_ORDERED = 5000  # nodes; beyond, commuting operands keep the order in which they were written


def lowered_steps(
    outputs: Sequence[Expr], has: Callable[[Primitive], bool] | None
) -> tuple[tuple[tuple[Any, ...], ...], tuple[int, ...]]:
    """The steps that compute expressions, for a target that has functions as `has` says, and the places of the outputs."""
    lowering = _Lowering(has or _is_in_numpy)
    lowering.lower(*ordered(outputs), set(outputs))
    return tuple(lowering.steps), tuple([lowering.place[output] for output in outputs])


_shape_of = attrgetter("shape")


def ordered(outputs: Sequence[Expr]) -> tuple[list[Any], dict[Any, tuple[Any, ...]]]:
    """The nodes in the order of a program, and the operands of each in an order; none where it is that of the nodes."""
    nodes = postorder(outputs)
    if len(nodes) > LARGEST_ORDERED:
        return nodes, {}
    by_position, arranged = canonical_operands(outputs, nodes)
    if any(map(_shape_of, nodes)):  # by age, a reverse pass reads and drops what the forward pass kept, in turn
        return nodes, arranged
    return by_position, arranged


def _is_in_numpy(row: Primitive) -> bool:
    return not row.is_composed


@cache
def _is_plain(row: Primitive) -> bool:
    """Whether a call of a row is one step of one or two operands, whatever these are."""
    return row.__class__ is Primitive and not row.powers and row.formula is None and row.arity <= 2


@lru_cache(maxsize=1024)
def _is_of_numbers(row: Primitive) -> bool:
    """Whether rows of the first table say what a row of the second is of operands without axes."""
    return row.by_formula(*[Const(1)] * row.arity) is not None


class _Lowering:
    """Steps as they are written, each only once."""

    def __init__(self, has: Callable[[Primitive], bool]) -> None:
        self.has = has
        self.steps: list[tuple[Any, ...]] = []
        self.place: dict[Any, int] = {}
        self.made: dict[tuple[Any, ...], int] = {}

    def lower(self, nodes: Sequence[Any], arranged: Mapping[Any, Any], wanted: Container[Any]) -> None:
        """All steps of nodes in order; `arranged` are their operands, where they have another order. Time goes here."""
        place, steps, made, leaf = self.place, self.steps, self.made, self.leaf
        plain = {row for row in {node.primitive for node in nodes if node._operands} if _is_plain(row)}
        for node in nodes:
            operands = arranged.get(node) if arranged else node._operands
            if not operands:
                if not node.is_const or node in wanted:
                    leaf(node)
                continue
            a, b, row = operands[0], operands[-1], node.primitive
            if a.is_const and b.is_const and self.is_exact(node):
                continue
            if row not in plain:
                place[node] = self.other(node, operands)
                continue
            i, j = place.get(a), place.get(b)
            i, j = leaf(a) if i is None else i, leaf(b) if j is None else j
            step = (row, i, j) if len(operands) == 2 else (row, i)
            key = (row, j, i) if j < i and row.commutes else step
            index = made.setdefault(key, len(steps))
            if index == len(steps):
                steps.append(step)
            place[node] = index

    def other(self, node: Any, operands: Sequence[Any]) -> int:
        """What a node becomes that is not simply a step: a whole power, a formula, a call of many operands."""
        row, place = node.primitive, self.place
        exponent = operands[1].known if row.powers else None
        if exponent.__class__ is int and exponent:
            base = operands[0]
            return self.power(place[base] if base in place else self.leaf(base), exponent)
        return self.way(node, operands)(row, *[place[each] if each in place else self.leaf(each) for each in operands])

    def leaf(self, node: Any) -> int:
        found = self.place.get(node)
        if found is None:
            found = self.place[node] = len(self.steps)
            self.steps.append(("const", node.value) if node.is_const else ("var", node.name, node.shape))
        return found

    def is_exact(self, node: Any) -> bool:
        """Whether a call on constants is exact, as evaluation takes it: then it is a constant."""
        found = build(node.primitive, *node._operands)
        if found.is_const and not found.shape:
            self.place[node] = self.leaf(found)
            return True
        return False

    def way(self, node: Any, operands: Sequence[Any]) -> Callable[..., int]:
        """How a call becomes steps that may be more than one."""
        row = node.primitive
        if row.partials is None and not node.shape and row.is_without_axes(*operands) and _is_of_numbers(row):
            return self.formula
        return self.call

    def step(self, row: Primitive, *operands: int) -> int:
        """The step that computes `row`: an earlier one, or a new one."""
        key = (row, *operands)
        if row.commutes and operands[1] < operands[0]:
            key = (row, operands[1], operands[0])
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = len(self.steps)
            self.steps.append((row, *operands))
        return found

    def call(self, row: Primitive, *operands: int) -> int:
        """The last of the steps that a call of `row` becomes."""
        if row.powers:
            head, *rest = self.steps[operands[1]]
            if head == "const" and rest[0].__class__ is int and rest[0]:
                return self.power(operands[0], rest[0])
        if row.formula is not None and not self.has(row):
            if row.uncompiled:
                raise UnsupportedError(row.uncompiled)
            return self.formula(row, *operands)
        return self.step(row, *operands)

    def power(self, base: int, exponent: int) -> int:
        if exponent == 2:
            return self.step(table.mul, base, base)
        power = by_squaring(base, abs(exponent), lambda a, b: self.step(table.mul, a, b))
        return power if exponent > 0 else self.step(table.div, self.leaf(Const(1)), power)

    def formula(self, row: Primitive, *operands: int) -> int:
        """What a row's formula becomes, with `operands` in place of the operands of the formula."""
        given = [self.steps[operand] for operand in operands]
        wholes = tuple([step[1] if step[0] == "const" and step[1].__class__ is int else None for step in given])
        body, formal = _formula_of(row, wholes)
        place = dict(zip(formal, operands, strict=True))
        for node in postorder([body]):
            if node._operands:
                inner = [place[operand] if operand in place else self.leaf(operand) for operand in node._operands]
                place[node] = self.call(node.primitive, *inner)
            elif node not in place:
                place[node] = self.leaf(node)
        return place[body]


@lru_cache(maxsize=1024)
def _formula_of(row: Primitive, wholes: tuple[int | None, ...]) -> tuple[Any, tuple[Any, ...]]:
    """A row's formula, and the operands in it: names, or the whole numbers that some are."""
    formal = tuple(Var.fresh("operand") if value is None else Const(value) for value in wholes)
    return expression(row.by_formula(*formal)), formal
