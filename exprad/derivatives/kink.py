"""Where derivatives jump, and the conventions for what they are there: mean, zero, raise; left and right are in `sides`.

"mean" is what the rows' partials say. Under "zero" and "raise", a node with a kink becomes one of the same value that
holds itself constant there, or raises. So the convention travels with the expression, to every mode and back end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_
from typing import Any

from exprad.arrays import sum as total
from exprad.errors import ArgumentError
from exprad.graph.expr import Const, Expr, build, expression
from exprad.ground.traverse import collector_paused, fold, postorder
from exprad.tables import elementary as table

KINKS = ("mean", "zero", "left", "right", "raise")


def checked(convention: str) -> str:
    if convention not in KINKS:
        raise ArgumentError(f"kink must be one of {', '.join(KINKS)}, got {convention!r}")
    return convention


def kinks(f: Any) -> list[tuple[Expr, Expr]]:
    """Where the derivatives of `f` may jump: pairs of a node and an expression whose zeros are the kink.

    The comparisons that choose between branches are such nodes. Of arrays, the expression has the shape of the node.

    >>> from exprad import Var, where
    >>> x = Var("x")
    >>> kinks(abs(x - 1) + 2)
    [(abs(x - 1), x - 1)]
    >>> kinks(where(x > 1, x, x**2))
    [(x > 1, x - 1)]
    """
    return [(node, node.primitive.kink(*node.operands)) for node in kinked([expression(f)])]


def kinked(outputs: Sequence[Expr]) -> list[Any]:
    """The nodes whose derivatives may jump, operands first."""
    return [node for node in postorder(outputs) if node.operands and _has_kink(node.primitive, node.operands)]


def _has_kink(row: Any, operands: Sequence[Any]) -> bool:
    """Whether a call may be at a kink: one that compares conditions changes only where they do."""
    return row.kink is not None and not (row.predicate and any(_is_condition(operand) for operand in operands))


def _is_condition(node: Any) -> bool:
    return bool(node.operands) and node.primitive.predicate


def with_kinks(f: Expr, convention: str) -> Expr:
    """`f`, whose derivatives follow "zero" or "raise" at its kinks; as it is under "mean"."""
    if checked(convention) not in ("zero", "raise") or not kinked([f]):
        return f
    visit = _holding if convention == "zero" else _refusing
    with collector_paused():
        return fold([f], visit)[0][0]


# The new node for a node; and of a condition, if it has kinks, under "zero" where another branch begins,
# under "raise" a condition that raises there, and a number that moves with it.
State = tuple[Expr, Any]


def _holding(node: Any, states: list[State]) -> State:
    """A node that is constant where it has a kink; a choice is where another branch begins."""
    if not node.operands:
        return node, None
    row, operands = node.primitive, [operand for operand, _ in states]
    found = build(row, *operands)
    if row.border is not None:
        border = expression(row.border(*operands, *[False if tie is None else tie for _, tie in states]))
        return found, None if border is Const(0) else border
    ties = [states[place][1] for place in row.truths if states[place][1] is not None]
    if _has_kink(row, operands):
        ties.append(table.equal(row.kink(*operands), 0))
    tie = reduce(or_, ties) if ties else None
    if row.predicate:
        return found, tie
    return (found if tie is None else table.where(tie, table.held(found), found)), None


def _refusing(node: Any, states: list[State]) -> State:
    """A node that raises at its kink, as soon as a derivative of it is evaluated.

    Beside it a function is chosen that is never evaluated for its own sake: derivatives of all orders hang on it, so that
    none is 0 by structure, as those of a sign would be.
    """
    if not node.operands:
        return node, None
    row, operands = node.primitive, [operand for operand, _ in states]
    found, moved = build(row, *operands), [guard for _, guard in states if guard is not None]
    if row.partials is None:  # what moves any of the elements moves all of the result
        operands = [total(operand) for operand in operands]
        moved = [(table.equal(total(table.where(is_beside, 0, 1)), 0), total(mover)) for is_beside, mover in moved]
    if _has_kink(row, node.operands):
        distance = row.kink(*[operand for operand, _ in states])
        moved.append((table.not_equal(table.at_kink(distance), 0), sum(operands[1:], start=operands[0])))
    if not moved:
        return found, None
    is_beside, mover = reduce(lambda a, b: (a[0] & b[0], a[1] + b[1]), moved)
    if row.predicate:
        return found & is_beside if _has_kink(row, node.operands) else found, (is_beside, mover)
    return table.where(is_beside, found, table.exp(mover)), None
