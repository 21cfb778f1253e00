"""What operators of derivatives are given: a scalar expression or a Python function, variables that it holds, a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from exprad import dual
from exprad.errors import ArgumentError, ShapeError
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.traverse import postorder


def scalar(f: Any, what: str) -> Expr:
    f = expression(f)
    if f.shape:
        raise ShapeError(
            f"{what} needs a scalar expression, got one of shape {f.shape}; use jacobian, jvp, vjp or f.sum()"
        )
    return f


def check_present(outputs: Sequence[Expr], wrt: Sequence[Var], strict: bool) -> None:
    if strict:
        held = set(postorder(outputs))
        for variable in wrt:
            if variable not in held:
                raise ArgumentError(f"variable {variable.name!r} is not in the expression, and strict=True")


def seed_of(seed: Any) -> Expr:
    """What scales derivatives, as an expression: 1.0 and -1.0 scale as exact numbers do, and leave no factor."""
    found = expression(seed)
    return Const(int(found.known)) if found.known.__class__ is float and found.known in (1.0, -1.0) else found


def is_function(f: Any) -> bool:
    """Whether it is a Python function, not a carrier, which may be called, too."""
    return callable(f) and not hasattr(f, "_level")


def of_function(operator: str, f: Any, wrt: Any, strict: bool, kink: str) -> Any:
    """The operator for a Python function: at the point `wrt`, by dual numbers; of a jitted one, a function that is, too."""
    if hasattr(f, "derived"):
        if strict:
            raise ArgumentError(
                f"{operator} of a jitted function takes no strict= and no sparse=; give it an expression"
            )
        return f.derived(operator, 0 if wrt is None else wrt, kink)
    if wrt is None:
        raise ArgumentError(f"{operator} of a Python function needs the point; {operator}(jit(f)) gives a function")
    return by_dual_numbers(operator, strict, kink)(f, wrt)


def by_dual_numbers(operator: str, strict: bool, kink: str) -> Callable[..., Any]:
    """The operator for a Python function, which takes none of the options of one for expressions."""
    if strict or kink != "mean":
        raise ArgumentError(f"{operator} of a Python function takes no strict= and no kink=; give it an expression")
    return cast("Callable[..., Any]", getattr(dual, operator))
