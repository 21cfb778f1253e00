"""First derivatives of a scalar expression: gradient, backpropagate; and by one variable again and again: derivative."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.derivatives import one_sided
from exprad.derivatives.arguments import by_dual_numbers, check_present, is_function, of_function, scalar, seed_of
from exprad.derivatives.blocks import edge
from exprad.derivatives.kink import with_kinks
from exprad.derivatives.unseen import Unseen
from exprad.derivatives.wrt import Wrt
from exprad.errors import ArgumentError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.traverse import is_large
from exprad.reverse import adjoints


def gradient(f: Any, wrt: Any = None, *, strict: bool = False, kink: str = "mean") -> Any:
    """The derivative of a scalar expression by a Var (forward mode) or by each of several (one reverse sweep).

    `wrt` is a Var, the name of one, or a sequence or dict of them, however nested; the result has its structure, with
    lists for sequences. `f` may be a Python function of a sequence of numbers; `wrt` is then the point, and dual numbers
    are used: an array is handed on as one dual number of arrays. Of a function that `jit` made it is the function that gives
    the derivative by the first argument, or by those whose places or names `wrt` has.
    The gradient of a large expression by a flat sequence is a list that is derived when it is looked at; `compile` need not look.
    `kink` says what a derivative is where it jumps: "mean" or "zero" of what jumps; "left" or "right", the one-sided
    derivative of the whole expression by each variable; or "raise".

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> gradient(x * x * y + y + 2, [x, y])
    [2*x*y, x**2 + 1]
    >>> gradient(x * x * y, {"first": x, "rest": ["y"]})
    {'first': 2*x*y, 'rest': [x**2]}
    """
    if is_function(f):
        return of_function("gradient", f, wrt, strict, kink)
    f = scalar(f, "gradient")
    by = Wrt(wrt, [f])
    check_present([f], by.variables, strict)
    if by.is_of_numbers and kink == "mean" and is_large([f]):
        return Unseen(f, by.variables, lambda: _swept(f, by.variables))
    return by.like(slopes(f, by.variables, kink, by.is_single))


def slopes(f: Expr, inputs: Sequence[Var], kink: str, is_single: bool = False) -> Sequence[Expr]:
    """The derivative by each variable; by a single scalar one in forward mode."""
    if one_sided.is_asked([f], kink):
        return one_sided.gradient(f, inputs, kink)
    return slopes_of_all_sides(f, inputs, kink, is_single)


def slopes_of_all_sides(f: Expr, inputs: Sequence[Var], kink: str, is_single: bool = False) -> Sequence[Expr]:
    """The same under a convention that is no side."""
    f = with_kinks(f, kink)
    if is_single and not inputs[0].shape:
        return [edge(tangents([f], {inputs[0]: 1})[0], ())]
    return _swept(f, inputs)


def _swept(f: Expr, inputs: Sequence[Var]) -> list[Expr]:
    """The derivative by each variable, in one reverse sweep."""
    found = adjoints({f: 1}, inputs)
    return [edge(x_bar, x.shape) for x, x_bar in zip(inputs, found, strict=True)]


def backpropagate(f: Expr, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
    """The derivatives of `f` by all its variables, in one reverse sweep, scaled by `seed`."""
    f = expression(f)
    wrt = f.variables
    seed = seed_of(seed)
    seed = 1 if seed is Const(1) and not f.shape else seed
    if one_sided.is_asked([f], kink):
        return dict(zip(wrt, one_sided.gradient(f, wrt, kink, seed), strict=True))
    found = adjoints({with_kinks(f, kink): seed}, wrt)
    return {x: edge(x_bar, x.shape) for x, x_bar in zip(wrt, found, strict=True)}


def value_and_gradient(f: Any, wrt: Any = None, *, strict: bool = False, kink: str = "mean") -> Any:
    """The expression and its gradient; or, of a Python function, its value at the point `wrt` and its gradient there.

    Of a function that `jit` made it is the function that gives both (see `gradient`).

    >>> value_and_gradient(lambda p: p[0] * p[1], [3.0, 4.0])
    (12.0, [4.0, 3.0])
    """
    if hasattr(f, "derived"):
        return of_function("value_and_gradient", f, wrt, strict, kink)
    value = f(wrt) if is_function(f) else expression(f)
    return value, gradient(f, wrt, strict=strict, kink=kink)


def derivative(f: Any, x: Any, order: int = 1, *, kink: str = "mean") -> Any:
    """The derivative of the given order by one variable; of a Python function at a number, by dual numbers.

    >>> from exprad import Var
    >>> derivative(Var("x") ** 5, Var("x"), order=2)
    20*x**3
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise ArgumentError(f"order must be a whole number of at least 0, got {order!r}")
    if is_function(f):
        return by_dual_numbers("derivative", False, kink)(f, x, order)
    result = expression(f)
    x = Wrt((), [result]).variable(x)
    if one_sided.is_asked([result], kink) and order > 1 and not x.shape:
        return one_sided.derivative(scalar(result, "derivative"), x, order, kink)
    for count in range(order):  # under the other conventions, what a derivative is at a kink holds for its own, too
        result = gradient(result, x, kink="mean" if count else kink)
    return result
