"""NumPy's functions of arrays, by exprad."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from exprad import (
    DualNumber,
    Expr,
    Var,
    Variable,
    concatenate,
    dot,
    einsum,
    inv,
    matmul,
    max,
    reshape,
    softmax,
    stack,
    sum,
    take,
    trace,
    variables,
)

x, y = variables("x y")
v = Var("v", shape=(3,))
m = Variable(np.array([1.0, 2.0, 3.0]))
d = DualNumber(np.array([1.0, 2.0, 3.0]), 1.0)
a: NDArray[np.float64] = np.array([1.0, 2.0, 3.0])


def right() -> None:
    assert_type(sum(v), Expr)
    assert_type(sum(v, axis=0, keepdims=True), Expr)
    assert_type(sum(v, 0), Expr)
    assert_type(sum(m), Variable)
    assert_type(sum(d), DualNumber)
    assert_type(sum(a), Any)
    assert_type(max(m, axis=-1), Variable)
    assert_type(softmax(v), Expr)
    assert_type(reshape(v, (3, 1)), Expr)
    assert_type(reshape(a, (3, 1)), NDArray[Any])
    assert_type(take(m, [0, 1]), Variable)
    assert_type(stack([x, y]), Expr)
    assert_type(stack([x, 1]), Expr)
    assert_type(stack([m, m]), Variable)
    assert_type(stack([a, a]), NDArray[Any])
    assert_type(stack([d, d]), DualNumber)
    assert_type(concatenate([v, a], axis=0), Expr)
    assert_type(concatenate((m, m)), Variable)
    assert_type(dot(v, a), Expr)
    assert_type(dot(a, v), Expr)
    assert_type(dot(m, m), Variable)
    assert_type(dot(d, a), DualNumber)
    assert_type(matmul(v, v), Expr)
    assert_type(einsum("i,i->", v, v), Expr)
    assert_type(einsum("i,i->", m, a), Variable)
    assert_type(inv(stack([x, y]) + np.eye(2)), Expr)
    assert_type(trace(stack([x, y]) + np.eye(2)), Expr)
    assert_type(trace(lambda p: p * p), Any)


def by_numpy() -> None:
    """NumPy's own functions give expressions, and its stubs can't say so: they know no `__array_function__`."""
    assert_type(np.sin(v), NDArray[Any])
    assert_type(np.dot(v, v), Any)
    assert_type(np.stack([v, v]), NDArray[np.object_])


def wrong() -> None:
    sum()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sum("v")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    sum(v, axes=0)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    sum(v, axis="0")  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
    dot(v)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    stack([v, m])  # type: ignore[list-item]  # pyright: ignore[reportCallIssue, reportArgumentType]
    einsum(v, v)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
