"""Functions of the table: what is given comes out."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from exprad import (
    DualNumber,
    Expr,
    Primitive,
    Variable,
    abs,
    equal,
    exp,
    hypot,
    less,
    maximum,
    pow,
    sin,
    variables,
    where,
)
from exprad.typing import ExprLike

x, y = variables("x y")
v = Variable(np.array([1.0, 2.0]))
d = DualNumber(3.0, 1.0)
a = np.array([1.0, 2.0])


def right() -> None:
    assert_type(sin(x), Expr)
    assert_type(sin(x + 1), Expr)
    assert_type(sin(v), Variable)
    assert_type(sin(d), DualNumber)
    assert_type(sin(1.0), float)
    assert_type(sin(1), float)
    assert_type(sin(a), NDArray[Any])
    assert_type(sin([1.0, 2.0]), NDArray[Any])
    assert_type(sin([x, 1]), Expr)
    assert_type(abs(x), Expr)
    assert_type(maximum(x, 0), Expr)
    assert_type(maximum(0.5, x), Expr)
    assert_type(maximum(a, x), Expr)
    assert_type(maximum([1.0, 2.0], x), Expr)
    assert_type(hypot(v, a), Variable)
    assert_type(hypot(2, v), Variable)
    assert_type(hypot(d, x), DualNumber)
    assert_type(hypot(x, d), DualNumber)
    assert_type(hypot(d, d), DualNumber)
    assert_type(hypot(3.0, 4.0), float)
    assert_type(hypot(a, 4.0), NDArray[Any])
    assert_type(pow(x, y), Expr)
    assert_type(where(x > y, x, 0), Expr)
    assert_type(where(v > 1, v, 0.0), Variable)
    assert_type(where(a > 1, a, 0.0), NDArray[Any])
    assert_type(where(a > 1, x, 0), Expr)
    assert_type(where(x > 1, d, 0), DualNumber)
    assert_type(less(x, y), Expr)
    assert_type(less(1, 2), bool)
    assert_type(equal(a, 1), NDArray[np.bool])
    assert_type(equal(v, v), NDArray[np.bool])
    assert_type(exp(sin(x) * 2), Expr)
    assert_type(bell(x, [1.0, 2.0]), Expr)
    row: Primitive = sin
    assert_type(row.name, str)


def bell(x: Expr, height: ExprLike = 1) -> Expr:
    return exp(-x * x) * height


def wrong() -> None:
    sin()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sin(1, 2, 3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sin("x")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    sin(None)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    sin(1j)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    sin(x=x)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    hypot(x)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    hypot(x, v)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    where(x > y, x)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sin.arty  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
