"""The germ of expressions on one side of a point: what they are just beyond it, in a direction.

On each side of a kink one piece of a row holds: of abs(u), u or -u. Which one, the sign of u beyond the point decides:
that of the first among u and its tangents in the direction that is not 0. A germ is the expression with those pieces in
place, chosen by signs that are locally constant. It equals the expression on that side and has no kink there, so that
its derivatives in the direction, by any mode and in any back end, are the one-sided ones of the whole expression.

With two directions, the step in the last is small beside any power of the step in the first: the germ's derivative in
both is the one-sided derivative, in the first direction, of the one-sided derivative in the last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from typing import Any

from exprad.errors import NotDifferentiableError
from exprad.forward import Slopes
from exprad.graph.expr import Const, Expr, build, expression
from exprad.ground.traverse import collector_paused, independents, postorder
from exprad.tables import elementary as table
from exprad.tensor import stretched

TANGENTS = 4  # how many tangents tell on which side of a jump an operand is: no derivative bounds how many matter


class Side:
    """The side to which `directions` lead, for derivatives up to `order`. A row's `sides` gets one.

    Called on an operand, it gives the operand's sign there: -1, 0 or 1, with derivative 0.
    """

    def __init__(self, directions: Sequence[Mapping[Any, Any]], order: int) -> None:
        self._slopes = [Slopes(seeds) for seeds in directions]
        self._wrt = [x for seeds in directions for x in seeds]
        self._order = order
        self._least = order if len(directions) == 1 else max(order, TANGENTS)
        self._depth = self._least
        self._signs: dict[int, dict[Expr, Expr]] = {}

    def germs(self, outputs: Sequence[Expr]) -> list[Expr]:
        """What the outputs are on this side."""
        with collector_paused():
            order = postorder(outputs)
            idle = independents(order, self._wrt)
            depths = self._depths(order, idle)
            found: dict[Expr, Expr] = {}
            for node in order:
                if node in idle or not node._operands:
                    found[node] = node
                else:
                    self._depth = depths.get(node, self._least)
                    found[node] = self._germ(node, [found[operand] for operand in node._operands])
            return [found[output] for output in outputs]

    def _depths(self, order: Sequence[Any], idle: Any) -> dict[Expr, int]:
        """How many tangents decide the side of what a node reads: more beneath a jump, where a value hangs on them."""
        depths: dict[Expr, int] = {}
        for node in reversed(order):
            if node._operands and node not in idle:
                mine = max(depths.get(node, self._least), TANGENTS if node.primitive.jumps else 0)
                depths[node] = mine
                for operand in node._operands:
                    depths[operand] = max(depths.get(operand, 0), mine)
        return depths

    def _germ(self, node: Any, operands: list[Expr]) -> Expr:
        row = node.primitive
        if row.kink is None:
            return node if tuple(operands) == node._operands else build(row, *operands)
        if row.sides is None:
            raise NotDifferentiableError(
                f"{row.name} states a kink, but not what it is beside it: for kink='left' and "
                f"'right', give the row sides=(below, above); the node is {node!r}"
            )
        if not isinstance(row.sides, tuple):
            return expression(row.sides(self, *operands))
        below, above = row.sides
        sign = self(row.kink(*operands))
        return table.where(sign < 0, below(*operands), table.where(sign > 0, above(*operands), build(row, *operands)))

    def __call__(self, u: Any) -> Expr:
        """The sign of u on this side; of products, powers and choices, from the signs of their parts."""
        u = expression(u)
        signs = self._signs.setdefault(self._depth, {})
        stack = [u]
        while stack:
            node = stack[-1]
            rule = None if node in signs else _sign_rule(node)
            missing = [] if rule is None else [part for part in rule[0] if part not in signs]
            stack += missing
            if not missing:
                stack.pop()
                if node not in signs:
                    signs[node] = self._sign(node) if rule is None else rule[1](*[signs[part] for part in rule[0]])
        return signs[u]

    def _sign(self, u: Expr) -> Expr:
        return _first_sign([terms[0] for _, terms in self.terms(u)])

    def after_tie(self, a: Any, b: Any) -> Expr:
        """The sign that a - b, which is 0 at the point, takes on this side."""
        gap = expression(a) - expression(b)
        slopes = [terms[0] for _, terms in islice(self.terms(gap), 1, None)]
        if not slopes:
            return Const(0)
        return _first_sign(slopes) if _sign_rule(gap) is None else self(gap)

    def terms(self, *xs: Any) -> Iterator[tuple[int, list[Expr]]]:
        """x and its tangents on this side, the ones that outweigh others first, for several x at once.

        With each comes how many of them are in the first direction. What is 0 for all x, and stays so, is left out.
        """
        return self._tangents([expression(x) for x in xs], len(self._slopes) - 1)

    def _tangents(self, xs: list[Expr], place: int) -> Iterator[tuple[int, list[Expr]]]:
        for count in range(self._depth + 1):
            if count:
                slopes = [self._slopes[place](x) for x in xs]
                if all(slope is None for slope in slopes):
                    return
                xs = [
                    stretched(Const(0), x.shape) if slope is None else slope
                    for x, slope in zip(xs, slopes, strict=True)
                ]
            if place:
                yield from self._tangents(xs, place - 1)
            else:
                yield count, xs

    def length(
        self,
        xs: Sequence[Any],
        measure: Callable[..., Any],
        product: Callable[..., Any],
        wide: Callable[[Any], Any] = expression,
    ) -> Expr:
        """The germ of the Euclidean length of xs: at 0, the product of xs with the direction in which they leave.

        The direction is held constant for the first derivative. For the second it turns with weight 1/(1 + n), where n
        tangents in the first direction were 0 before it: that makes mixed ones right. Beyond, no product is.
        """
        if self._order > 2:
            raise NotDifferentiableError(
                "one-sided derivatives of a length (norm, hypot) are offered to the second order; "
                f"asked was order {self._order}"
            )
        y = measure(*xs)
        is_still = table.equal(y, 0)
        found = table.held(y)
        for power, parts in reversed(list(islice(self.terms(*xs), 1, None))):
            piece = self._leaving(power, parts, xs, measure, product, wide)
            found = table.where(table.equal(measure(*parts), 0), found, piece)
        away = measure(*[table.where(wide(is_still), 1, x) for x in xs])  # so that what is not chosen is finite
        return expression(table.where(is_still, found, away))

    def _leaving(
        self, power: int, parts: Sequence[Any], xs: Sequence[Any], measure: Any, product: Any, wide: Any
    ) -> Any:
        """The length where it is 0 at the point, and `parts` are the first tangents that are not."""
        length = measure(*parts)
        turning = [part / wide(table.where(table.equal(length, 0), 1, length)) for part in parts]
        piece = product(*map(table.held, turning), *xs)
        if self._order == 1:
            return piece
        share = Fraction(1, power + 1)
        return (1 - share) * piece + share * product(*turning, *xs)


def _first_sign(terms: Sequence[Expr]) -> Expr:
    """The sign of the first that is not 0."""
    found = _plain_sign(terms[-1])
    for term in reversed(terms[:-1]):
        found = table.where(table.equal(term, 0), found, _plain_sign(term))
    return found


def _plain_sign(u: Expr) -> Expr:
    return table.sign(u) if u.known is None else Const(table.sign(u.known))


def _sign_rule(node: Any) -> tuple[Sequence[Expr], Callable[..., Any]] | None:
    """The operands that a node's sign follows from, and how; None where it does not follow from signs."""
    operands = node._operands
    if not operands:
        return None
    row = node.primitive
    if row.powers:  # by a whole exponent, a product
        exponent = operands[1].known
        return (operands[:1], lambda a: a ** (2 - exponent % 2)) if exponent.__class__ is int and exponent else None
    if row.signs is None:
        return None

    def rule(*signs: Any) -> Any:
        left = iter(signs)
        return row.signs(*[x if place in row.truths else next(left) for place, x in enumerate(operands)])

    return [x for place, x in enumerate(operands) if place not in row.truths], rule
