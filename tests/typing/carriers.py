"""Operators and methods of expressions, Variables and dual numbers."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from exprad import Add, Const, DualNumber, Expr, Mul, Var, Variable, variables

x, y = variables("x y")
v = Var("v", shape=(3,))
m = Variable(np.array([1.0, 2.0, 3.0]))
d = DualNumber(3.0, 1.0)
a: NDArray[np.float64] = np.array([1.0, 2.0, 3.0])


def right() -> None:
    operators()
    reflected()
    comparisons()
    methods()
    parts()


def operators() -> None:
    assert_type(x * y, Expr)
    assert_type(x * 2, Expr)
    assert_type(x + Fraction(1, 3), Expr)
    assert_type(x - 0.5, Expr)
    assert_type(x**2, Expr)
    assert_type(x / a, Expr)
    assert_type(x % 2, Expr)
    assert_type(x // 2, Expr)
    assert_type(divmod(x, 2), tuple[Expr, Expr])
    assert_type(divmod(7, m), tuple[Variable, Variable])
    assert_type(-x, Expr)
    assert_type(v @ v, Expr)
    assert_type(v * [1.0, 2.0, 3.0], Expr)
    assert_type(m * m + 1, Variable)
    assert_type(m @ m, Variable)
    assert_type(-m, Variable)
    assert_type(d * d + 2 * d, DualNumber)
    assert_type(d / 2, DualNumber)
    assert_type(d * x, DualNumber)
    assert_type(d + m, DualNumber)


def reflected() -> None:
    assert_type(2 * x, Expr)
    assert_type(1 / x, Expr)
    assert_type(2**x, Expr)
    assert_type(np.float64(2) * x, Expr)
    assert_type(2.0 - m, Variable)
    assert_type(2 - d, DualNumber)
    assert_type(x * d, DualNumber)
    assert_type(m + d, DualNumber)
    assert_type(a * v, Any)  # NumPy's stubs say so of all that has `__array__`; np.sum(v) needs it
    assert_type(a @ v, Any)
    assert_type(a - m, Any)
    assert_type(abs(x), Expr)
    assert_type(abs(d), DualNumber)
    assert_type(round(x), Expr)
    assert_type(round(m), Variable)


def comparisons() -> None:
    assert_type(x < y, Expr)
    assert_type(x >= 2, Expr)
    assert_type((x > 0) & (y > 0), Expr)
    assert_type(~(x > 0), Expr)
    assert_type(x == y, bool)
    assert_type(m < 2, NDArray[np.bool])
    if d > 2:
        assert_type(d > 2, Any)


def methods() -> None:
    assert_type(x.sin(), Expr)
    assert_type(x.arcsin(), Expr)
    assert_type(m.exp(), Variable)
    assert_type(d.sqrt(), DualNumber)
    assert_type(v.cumsum(), Expr)
    assert_type(v.sum(), Expr)
    assert_type(v.sum(axis=0, keepdims=True), Expr)
    assert_type(m.mean(), Variable)
    assert_type(d.sum(), DualNumber)
    assert_type(v.reshape(3, 1), Expr)
    assert_type(v.dot([1, 2, 3]), Expr)
    assert_type(m.clip(0, 1), Variable)
    assert_type(v.copy(), Expr)
    assert_type(m.T, Variable)
    assert_type(v.shape, tuple[int, ...])
    assert_type(v.ndim, int)


def parts() -> None:
    assert_type(v[0], Expr)
    assert_type(v[1:], Expr)
    assert_type(m[0], Variable)
    assert_type(list(v), list[Expr])
    assert_type(list(m), list[Variable])
    assert_type(len(v), int)
    assert_type(x.name, str)
    assert_type((x * y).operands, tuple[Expr, ...])
    assert_type((x * y).variables, tuple[Var, ...])
    assert_type(Add(x, y), Add)
    assert_type(Const(2), Const)
    match x * y:
        case Mul(left, right):
            assert_type(left, Expr)
            assert_type(right, Expr)
        case _:
            raise AssertionError


def wrong() -> None:
    x + "1"  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    "1" + x  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    x * None  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    x * 1j  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    x + m  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]
    pow(x, 2, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    x.sin(1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    x.sine()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    v.sum(axis="0")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    v.cumsum(keepdims=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Var(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    x.grad  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
