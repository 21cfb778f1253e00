"""Derivatives, in the structure of what they are taken with respect to; and what computes them."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

from exprad import (
    Expr,
    Function,
    Jitted,
    Var,
    Variable,
    compile,
    derivative,
    evaluate,
    gradient,
    hessian,
    hvp,
    jacobian,
    jit,
    jvp,
    kinks,
    no_grad,
    parse,
    simplify,
    sin,
    to_c,
    value_and_gradient,
    variables,
    vjp,
)
from exprad.derivatives.sparse_matrix import SparseMatrix

x, y = variables("x y")
v = Var("v", shape=(3,))
p: NDArray[np.object_] = np.array([x, y])
f = x * x * y + y + 2


def right() -> None:
    of_methods()
    of_functions()
    of_several()
    of_python()
    by_structure()
    numbers()


def of_methods() -> None:
    assert_type(f.gradient(x), Expr)
    assert_type(f.gradient([x, y]), list[Expr])
    assert_type(f.gradient((x, y)), list[Expr])
    assert_type(f.gradient(variables("x y")), list[Expr])
    assert_type(f.gradient(x, kink="zero", strict=True), Expr)
    assert_type(f.hessian(x), Expr)
    assert_type(f.hessian([x, y]), list[list[Expr]])
    assert_type(f.hessian([x, y], sparse=True), SparseMatrix)
    assert_type(f.backpropagate(), dict[Var, Expr])
    assert_type(f.substitute({x: y + 1}), Expr)
    assert_type(v.sum().gradient(v), Expr)


def of_functions() -> None:
    assert_type(gradient(f, x), Expr)
    assert_type(gradient(f, [x, y]), list[Expr])
    assert_type(gradient(f, p), list[Expr])
    assert_type(value_and_gradient(f, x), tuple[Expr, Expr])
    assert_type(value_and_gradient(f, [x, y]), tuple[Expr, list[Expr]])
    assert_type(hessian(f, x), Expr)
    assert_type(hessian(f, [x, y]), list[list[Expr]])
    assert_type(hessian(f, [x, y], sparse=True), SparseMatrix)
    assert_type(hvp(f, [x, y], [1, 0]), list[Expr])
    assert_type(hvp(f, x, 1), Expr)
    assert_type(derivative(f, x), Expr)
    assert_type(derivative(f, x, order=2, kink="left"), Expr)
    assert_type(simplify(f), Expr)


def of_several() -> None:
    assert_type(jacobian(f, x), Expr)
    assert_type(jacobian(f, [x, y]), list[Expr])
    assert_type(jacobian([f, x], x), list[Expr])
    assert_type(jacobian([f, x], [x, y]), list[list[Expr]])
    assert_type(jacobian([f, x], [x, y], sparse=True), SparseMatrix)
    assert_type(jvp(f, {x: 1, y: 2}), Expr)
    assert_type(jvp([f, x], {x: y}), list[Expr])
    assert_type(vjp(f, 1, x), Expr)
    assert_type(vjp([f, x], [1, y], [x, y]), list[Expr])
    assert_type(evaluate([f, x], {x: 3, y: 4}), list[Any])
    assert_type(kinks(f), list[tuple[Expr, Expr]])


def of_python() -> None:
    assert_type(derivative(sin, 1.0), Any)
    assert_type(gradient(lambda p: p[0] * p[1], [1.0, 2.0]), Any)


@jit
def energy(x: float, y: float = 2.0) -> float:
    return x * y


def of_jitted() -> None:
    assert_type(energy, Jitted)
    assert_type(jit(backend="numpy")(lambda x: x), Jitted)
    assert_type(gradient(energy), Jitted)
    assert_type(value_and_gradient(energy, "y"), Jitted)
    assert_type(jacobian(hessian(energy, (0, 1))), Jitted)
    assert_type(energy.gradient(1.0, 2.0), Any)


def numbers() -> None:
    g = compile([f, *f.gradient([x, y])], [x, y])
    assert_type(g, Function)
    assert_type(g(3.0, 4.0), Any)
    assert_type(f.evaluate(x=3, y=4), Any)
    assert_type((x**2)(3), Any)
    assert_type(parse("x + 1"), Expr)
    assert_type(to_c(f).header, str)
    w = Variable(np.array(2.0), "w")
    assert_type(w * w, Variable)
    assert_type(w.grad, Variable | Any)  # it may be None, and need not be asked
    assert_type(w.data, Any)
    with no_grad():
        assert_type(w * w, Variable)


def by_structure() -> None:
    assert_type(f.gradient("x"), Expr)
    assert_type(f.gradient(["x", y]), list[Expr])
    assert_type(f.gradient({"a": x, "b": y}), dict[str, Expr])
    assert_type(f.gradient({"a": x, "rest": [y]}), Any)
    assert_type(f.hessian({"a": x, "b": y}), dict[str, dict[str, Expr]])
    assert_type(value_and_gradient(f, {"a": x}), tuple[Expr, dict[str, Expr]])
    assert_type(jvp(f, {"x": 1}), Expr)


def wrong() -> None:
    f.gradient()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    f.gradient(3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    f.gradient(x * y)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    f.gradient([x * y])  # type: ignore[list-item]  # pyright: ignore[reportCallIssue, reportArgumentType]
    f.gradient(x, kink="middle")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    gradient(f)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    derivative(f, x, "2")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    compile(f, [x], backend=3)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    parse(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
