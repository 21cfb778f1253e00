"""`simplify`, which says what it assumes: folds beyond those that change no value."""

from __future__ import annotations

from collections.abc import Callable

from exprad.graph.expr import build
from exprad.graph.folding import constant, is_call
from exprad.graph.leaf import Const
from exprad.graph.node import Expr
from exprad.ground.hints import Any
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import fold
from exprad.tables import elementary as table


def simplify(f: Expr) -> Expr:
    """A simpler expression, equal to `f` wherever the operands are finite and f is defined.

    Folds as operators do, and beyond that assumes that sub-expressions are finite (so `0*x` and `x - x` are 0) and
    not zero where they divide (so `x/x` is 1), and that a zero has no sign (so `x + -y` is `x - y`, also where y is bound
    to an exact 0). Like terms of sums and like factors of products are collected.

    >>> from exprad import Var
    >>> x = Var("x")
    >>> simplify(x - x + 0 * x + x / x)
    1
    >>> simplify(3 * x + x * 2)
    5*x
    """

    def visit(node: Any, operands: list[Any]) -> Any:
        if not operands:
            return node
        rule = _SIMPLER.get(node.primitive)
        found = rule(*operands) if rule is not None else None
        return build(node.primitive, *operands) if found is None else found

    return fold([f], visit)[0]


def _coefficient(node: Any) -> tuple[Any, Any]:
    """node as (exact factor, rest)."""
    if is_call(table.neg, node):
        factor, rest = _coefficient(node.operands[0])
        return -factor, rest
    if is_call(table.mul, node):
        for p, q in (node.operands, node.operands[::-1]):
            if constant(p) is not None:
                return constant(p), q
    return 1, node


def _collect(a: Any, b: Any, sign: int) -> Expr | None:
    (m, p), (n, q) = _coefficient(a), _coefficient(b)
    if p is q and not p.is_const and not p.shape:
        total = m + sign * n
        return total * p if total else Const(0)
    return None


def _power_of(node: Any) -> tuple[Any, Any]:
    if is_call(table.pow, node) and constant(node.operands[1]) is not None:
        return node.operands[0], constant(node.operands[1])
    return node, 1


def _like_factors(a: Any, b: Any, sign: int) -> Expr | None:
    if 0 in (constant(a), constant(b) if sign > 0 else None) and not (a.shape or b.shape):
        return Const(0)
    (p, m), (q, n) = _power_of(a), _power_of(b)
    if p is q and not p.is_const and not p.shape and m.__class__ is int and n.__class__ is int:
        return p ** (m + sign * n)
    return None


def _unsigned(node: Any) -> tuple[Any, bool]:
    """What a node is the negative of, or the node; and whether it was one."""
    return (node.operands[0], True) if is_call(table.neg, node) else (node, False)


def _sum(a: Any, b: Any, sign: int) -> Expr | None:
    found = _collect(a, b, sign)
    if found is not None:
        return found
    q, is_negative = _unsigned(b)
    if is_negative:
        return a + q if sign < 0 else a - q
    p, is_negative = _unsigned(a)
    return b - p if is_negative and sign > 0 else None


def _product(a: Any, b: Any, sign: int) -> Expr | None:
    found = _like_factors(a, b, sign)
    if found is not None:
        return found
    if sign < 0 and constant(b) in (1, -1):
        return a if constant(b) == 1 else -a
    (p, turns), (q, turns_too) = _unsigned(a), _unsigned(b)
    if turns and turns_too:
        return p * q if sign > 0 else p / q
    if sign > 0 and (turns or turns_too) and not (p.is_const or q.is_const):
        return -(p * q)
    return None


_SIMPLER: dict[Primitive, Callable[..., Any]] = {
    table.add: lambda a, b: _sum(a, b, 1),
    table.sub: lambda a, b: _sum(a, b, -1),
    table.mul: lambda a, b: _product(a, b, 1),
    table.div: lambda a, b: _product(a, b, -1),
}
