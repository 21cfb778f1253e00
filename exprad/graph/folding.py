"""Local folding, which never changes a value.

A fold takes the operands of one row, expressions, and returns a simpler one, or a plain number, or None to build the node.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from exprad.ground.hints import Any
from exprad.ground.primitive import Primitive
from exprad.tables import elementary as table

LARGEST_FOLDED = 4096  # bits of a constant that a fold makes
Fold = Callable[..., Any]
FOLDS: dict[Primitive, Fold] = {}
# What lets an operator build a node at once: no fold looks into other rows than these, nor at other whole numbers than
# these (but for those that merge with one of their own calls, as products of products do), nor at floats but beside other
# constants.
LOOKED_INTO = {table.neg, table.abs, table.logical_not}
FOLDING_INTS = {table.add: (0,), table.sub: (0,), table.mul: (1, -1), table.pow: (0, 1)}
MERGING = {table.mul}
WEIGHING = {table.logical_and, table.logical_or}  # whose folds look at every number: whether it is 0


def rule(row: Primitive) -> Callable[[Fold], Fold]:
    def register(function: Fold) -> Fold:
        FOLDS[row] = function
        return function

    return register


def constant(node: Any) -> Any:
    """The exact number that a node is, or None."""
    value = node.value if node.is_const else None
    return value if value.__class__ in (int, Fraction) else None


def is_call(row: Primitive, node: Any) -> bool:
    """Whether a node is a call of a row."""
    return node.operands != () and node.primitive is row


def _is_condition(node: Any) -> bool:
    """Whether it is a truth value, which becomes a number by what is computed with it, and whose 0 has no sign."""
    return node.operands != () and node.primitive.predicate


def _minus(node: Any) -> Any:
    """What a node is the negative of, where a sign may move: None where that may be an exact 0, which has no sign."""
    inner = node.operands[0] if is_call(table.neg, node) else None
    return inner if inner is not None and inner.operands and inner.primitive.gives_floats else None


def _are_plain(a: Any, b: Any) -> bool:
    """Whether neither is a call of neg, which is all that sums and products look into."""
    return not (a._operands and a.primitive is table.neg or b._operands and b.primitive is table.neg)


def _negates(a: Any, b: Any) -> bool:
    """Whether a is the negative of a number b."""
    return is_call(table.neg, a) and a.operands[0] is b and not _is_condition(b)


def _exact_result(row: Primitive, *nodes: Any) -> Any:
    """The constant that `row` gives on constants, if no rounding happens."""
    values = [node.value for node in nodes if node.is_const and node.value.__class__ in (int, Fraction, float)]
    if len(values) < len(nodes):
        return None
    if values[0].__class__ is values[1].__class__ is int and row.__class__ is Primitive:
        exact = row.exact(*values)  # type: ignore[misc]  # arithmetic rows state it
        return exact if exact.bit_length() <= LARGEST_FOLDED else None
    try:
        truth = row.exact(*[Fraction(value) for value in values])  # type: ignore[misc]  # arithmetic rows state it
    except (ValueError, OverflowError, ZeroDivisionError):
        return None  # not finite: left to evaluation

    if float in map(type, values):
        result = row(*values)
        if result.__class__ is float and not (result == truth and (result or all(values))):
            return None
        return result
    if max(truth.numerator.bit_length(), truth.denominator.bit_length()) > LARGEST_FOLDED:
        return None
    return truth.numerator if truth.denominator == 1 else truth


_doublings = frozenset(sign << k for k in range(53) for sign in (1, -1))  # factors that move no rounding


@rule(table.add)
def _add(a: Any, b: Any) -> Any:
    if a is b:
        return 2 * a if not a.is_const else _exact_result(table.add, a, b)
    if not (a.is_const or b.is_const) and _are_plain(a, b):
        return None
    if constant(a) == 0 and not _is_condition(b):
        return b
    if constant(b) == 0 and not _is_condition(a):
        return a
    if _minus(b) is not None:
        return a - _minus(b)
    if _minus(a) is not None:
        return b - _minus(a)
    return _exact_result(table.add, a, b)


@rule(table.sub)
def _sub(a: Any, b: Any) -> Any:
    if not (a.is_const or b.is_const) and _are_plain(a, b):
        return None
    if constant(b) == 0 and not _is_condition(a):
        return a
    if constant(a) == 0 and not b.is_const:
        return None  # 0 - x is not -x at x = 0, nor 0 - -x what x + 0 becomes
    if _minus(b) is not None:
        return a + _minus(b)
    return _exact_result(table.sub, a, b)


@rule(table.mul)
def _mul(a: Any, b: Any) -> Any:
    if b.is_const:
        a, b = b, a
    if a.is_const:
        return _scaled(a, a.known, b)
    if a is b:
        return a**2
    if _are_plain(a, b):
        return None
    if _negates(a, b) or _negates(b, a):  # one of them is as exact as the other
        return -((b if _negates(a, b) else a) ** 2)
    p, q = _minus(a), _minus(b)
    if p is not None:
        return p * q if q is not None else -(p * b)
    return -(a * q) if q is not None else None


def _scaled(a: Any, factor: Any, b: Any) -> Any:
    """The product of a constant, `factor` if it is a number, and b."""
    if factor.__class__ is int and not b.is_const:
        if factor == 1 and not _is_condition(b):
            return b
        if factor == -1 and not _is_condition(b):
            return -b
        if b._operands and b.primitive is table.mul:
            return _merged(factor, *b._operands)
    if not b.is_const and _are_plain(b, b):
        return None
    if b.is_const:
        if 1 in (constant(a), constant(b)) and not (a.shape or b.shape):
            return b if constant(a) == 1 else a
        return _exact_result(table.mul, a, b)
    if factor and factor.__class__ is int and is_call(table.neg, b) and not _is_condition(b.operands[0]):
        return -a * b.operands[0]
    return None if _minus(b) is None or constant(a) == 0 else -a * _minus(b)


def _merged(factor: int, inner: Any, rest: Any) -> Any:
    """2*(3*x) is 6*x: scaling by a power of two moves no rounding; a factor 0 would lose a sign, and overflows."""
    if rest.is_const:
        inner, rest = rest, inner
    other = inner.known
    if other.__class__ is int and (factor in _doublings or other in _doublings):
        product = factor * other
        return rest * product if product and -(2**53) < product < 2**53 else None
    return None


@rule(table.div)
def _div(a: Any, b: Any) -> Any:
    if _minus(a) is not None and _minus(b) is not None:
        return _minus(a) / _minus(b)
    if constant(a) and constant(b):  # 0/-1 has a sign
        return _exact_result(_exact_div, a, b)
    return (
        _exact_result(table.div, a, b)
        if float in (a.value.__class__ if a.is_const else 0, b.value.__class__ if b.is_const else 0)
        else None
    )


class _ExactDivision:
    """Division of exact constants, which stays exact."""

    @staticmethod
    def exact(a: Fraction, b: Fraction) -> Fraction:
        return a / b

    def __call__(self, a: Any, b: Any) -> Any:
        return table.div(a, b)


_exact_div: Any = _ExactDivision()


@rule(table.neg)
def _neg(a: Any) -> Any:
    if is_call(table.neg, a) and not _is_condition(a.operands[0]):
        return a.operands[0]
    return -a.value if a.is_const and not a.shape else None


@rule(table.abs)
def _abs(a: Any) -> Any:
    if is_call(table.abs, a):
        return a
    if is_call(table.neg, a):
        return table.abs(a.operands[0])
    return abs(a.value) if a.is_const and not a.shape else None


@rule(table.pow)
def _pow(a: Any, b: Any) -> Any:
    exponent = constant(b)
    if exponent == 1:
        return a
    if exponent == 0 and not a.shape:
        return 1
    if exponent.__class__ is int and exponent % 2 == 0 and (is_call(table.abs, a) or is_call(table.neg, a)):
        return table.pow(a.operands[0], exponent)
    if exponent.__class__ is int and exponent % 2 == 0 and a._operands and a.primitive.squared is not None:
        return table.pow(a.primitive.squared(*a._operands), exponent // 2)
    base = constant(a)
    if base is None or exponent.__class__ is not int:
        return None
    size = max(base.numerator.bit_length(), base.denominator.bit_length())
    if size * abs(exponent) > LARGEST_FOLDED and base not in (0, 1, -1) or base == 0 and exponent < 0:
        return None
    power = Fraction(base) ** exponent
    return power.numerator if power.denominator == 1 else power


@rule(table.square)
def _square(a: Any) -> Any:
    if is_call(table.abs, a) or is_call(table.neg, a):
        return table.square(a.operands[0])
    return a.primitive.squared(*a._operands) if a._operands and a.primitive.squared is not None else None


@rule(table.where)
def _where(condition: Any, a: Any, b: Any) -> Any:
    truth = condition._truth if condition.is_const else None
    if truth is not None and a.shape == b.shape:
        return a if truth else b
    return a if a is b and not condition.shape else None


@rule(table.logical_not)
def _not(a: Any) -> Any:
    if is_call(table.logical_not, a) and _is_condition(a.operands[0]):
        return a.operands[0]
    return _constant_condition(table.logical_not, a)


@rule(table.logical_and)
def _and(a: Any, b: Any) -> Any:
    return _joined(table.logical_and, a, b, True)


@rule(table.logical_or)
def _or(a: Any, b: Any) -> Any:
    return _joined(table.logical_or, a, b, False)


def _joined(row: Primitive, a: Any, b: Any, neutral: bool) -> Any:
    """Conditions one of which is decided; a number counts as a condition only where it stays within one."""
    for p, q in ((a, b), (b, a)):
        if p.is_const and p._truth is not None:
            if bool(p._truth) is not neutral:
                return not neutral
            return q if _is_condition(q) else _constant_condition(row, a, b)
    return a if a is b and _is_condition(a) else None


def _constant_condition(row: Primitive, *nodes: Any) -> Any:
    if all(node.is_const and not node.shape for node in nodes):
        return row.exact(*(node.value for node in nodes))  # type: ignore[misc]  # conditions state it
    return None


for _row in (table.less, table.less_equal, table.greater, table.greater_equal, table.equal, table.not_equal):
    FOLDS[_row] = lambda a, b, row=_row: _constant_condition(row, a, b)
