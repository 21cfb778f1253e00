"""Products of derivatives with directions, without the matrices: jvp, vjp, hvp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exprad.derivatives.arguments import scalar, seed_of
from exprad.derivatives.blocks import edge
from exprad.derivatives.gradient import slopes
from exprad.derivatives.unseen import Unseen
from exprad.derivatives.wrt import Wrt
from exprad.errors import ArgumentError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.traverse import is_large
from exprad.reverse import adjoints
from exprad.tensor import stretched


def jvp(fs: Any, x_dots: Mapping[Any, Any]) -> Any:
    """The derivative of an expression, or of each of a sequence, in the direction `x_dots`, by variable or by name.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> jvp(x * y, {x: 1, y: 2})
    2*x + y
    """
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    named = {Wrt((), outputs).variable(x): x_dot for x, x_dot in x_dots.items()}
    seeds: dict[Expr, Any] = {x: stretched(seed_of(x_dot), x.shape) for x, x_dot in named.items()}
    seeds = {x: x_dot for x, x_dot in seeds.items() if x_dot is not Const(0)}
    result = [edge(y_dot, f.shape) for f, y_dot in zip(outputs, tangents(outputs, seeds), strict=True)]
    return result[0] if isinstance(fs, Expr) else result


def vjp(fs: Any, fs_bar: Any, wrt: Any) -> Any:
    """The adjoints of `wrt` for the adjoints `fs_bar` of the outputs `fs`, in one reverse sweep, in the structure of `wrt`.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> vjp([x * y, x + y], [1, 2], [x, y])
    [y + 2, x + 2]
    """
    outputs, bars = ([fs], [fs_bar]) if isinstance(fs, Expr) else (list(fs), list(fs_bar))
    if len(outputs) != len(bars):
        raise ArgumentError(f"vjp needs an adjoint for each output: {len(outputs)} outputs, {len(bars)} adjoints")
    seeds: dict[Expr, Any] = {}
    for f, f_bar in zip(map(expression, outputs), bars, strict=True):
        seeds[f] = seeds[f] + f_bar if f in seeds else seed_of(f_bar)
    by = Wrt(wrt, list(seeds))
    found = adjoints(seeds, by.variables)
    return by.like([edge(x_bar, x.shape) for x, x_bar in zip(by.variables, found, strict=True)])


def hvp(f: Any, wrt: Any, direction: Any) -> Any:
    """The Hessian of a scalar expression times a direction, which has the structure of `wrt`, as the result has.

    Forward over reverse, without the Hessian.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> hvp(x * x * y, [x, y], [1, 0])
    [2*y, 2*x]
    """
    f = scalar(f, "hvp")
    by = Wrt(wrt, [f])
    directions = [seed_of(each) for each in by.values(direction, "the direction")]
    if by.is_of_numbers and is_large([f]) and not any(each.shape for each in directions):
        return Unseen(f, by.variables, lambda: _product(f, by.variables, directions), directions)
    return by.like(_product(f, by.variables, directions))


def _product(f: Expr, wrt: Sequence[Var], directions: Sequence[Expr]) -> Any:
    return jvp(slopes(f, wrt, "mean"), dict(zip(wrt, directions, strict=True)))
