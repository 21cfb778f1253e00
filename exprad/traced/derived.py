"""Derivatives of traces, which are traces: of the same variables, with derivatives for outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from exprad.derivatives.gradient import gradient
from exprad.derivatives.hessian import hessian
from exprad.derivatives.jacobian import jacobian
from exprad.errors import ArgumentError
from exprad.graph.expr import Expr, Var
from exprad.traced.arguments import Parameters, Signature, leaves_of
from exprad.traced.nests import Form, rebuilt
from exprad.traced.trace import Trace


class Operator(NamedTuple):
    """A derivative operator: what it is called, the arguments that it differentiates by, and what happens at kinks.

    `wrt` is the place or the name of an argument; or a tuple or a list of them, which the derivatives then come in.
    """

    name: str
    wrt: Any
    kink: str

    def __call__(self, trace: Trace, signature: Signature) -> Trace:
        by = _By(self, trace, signature)
        name = f"the {self.name} of {trace.name}"
        return Trace(trace.variables, OPERATORS[self.name](trace, by, self.kink), trace.options, name)


class _By:
    """The variables that an operator differentiates by, and the nest that their derivatives come in."""

    def __init__(self, operator: Operator, trace: Trace, signature: Signature) -> None:
        several = operator.wrt.__class__ in (tuple, list)
        found = [leaves_of(signature, wrt) for wrt in (operator.wrt if several else [operator.wrt])]
        self.variables: list[Var] = [x for _, first, beyond in found for x in trace.variables[first:beyond]]
        self.form: Form = (type(operator.wrt), None, tuple([form for form, *_ in found])) if several else found[0][0]

    def like(self, derivatives: Sequence[Any]) -> Any:
        return rebuilt(self.form, iter(derivatives))


def _number(trace: Trace, operator: str) -> Expr:
    """The only output of a trace, which is a number."""
    if trace.form is not None or trace.expressions[0].shape:
        found = f"an array of shape {trace.expressions[0].shape}" if trace.form is None else "several outputs"
        raise ArgumentError(
            f"{operator} needs a function that gives a number; {trace.name} gives {found}: take jacobian"
        )
    return trace.expressions[0]


def _gradient(trace: Trace, by: _By, kink: str) -> Any:
    return by.like(gradient(_number(trace, "gradient"), by.variables, kink=kink))


def _value_and_gradient(trace: Trace, by: _By, kink: str) -> Any:
    f = _number(trace, "value_and_gradient")
    return f, by.like(gradient(f, by.variables, kink=kink))


def _jacobian(trace: Trace, by: _By, kink: str) -> Any:
    rows = jacobian(trace.expressions, by.variables, kink=kink)
    return rebuilt(trace.form, iter([by.like(row) for row in rows]))


def _hessian(trace: Trace, by: _By, kink: str) -> Any:
    rows = hessian(_number(trace, "hessian"), by.variables, kink=kink)
    return by.like([by.like(row) for row in rows])


OPERATORS: dict[str, Callable[[Trace, _By, str], Any]] = {
    "gradient": _gradient,
    "value_and_gradient": _value_and_gradient,
    "jacobian": _jacobian,
    "hessian": _hessian,
}


def operator(name: str, wrt: Any, kink: str, parameters: Parameters) -> Operator:
    """An operator by arguments of a function that are told by place or name."""
    if wrt.__class__ in (tuple, list):
        return Operator(name, wrt.__class__([parameters.located(each) for each in wrt]), kink)
    return Operator(name, parameters.located(wrt), kink)


def without_first(wrt: Any) -> Any:
    """Arguments of a method as an instance has it, for those of the function."""
    if wrt.__class__ in (tuple, list):
        return wrt.__class__([*map(without_first, wrt)])
    if wrt == 0:
        raise ArgumentError("wrt: the first argument is the instance, which is static, and has no derivative")
    return wrt if isinstance(wrt, str) else wrt - 1
