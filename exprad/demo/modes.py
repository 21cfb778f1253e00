"""One formula by every mode."""

from __future__ import annotations

from collections.abc import Callable

from exprad.dual import DualNumber
from exprad.dual import gradient as dual_gradient
from exprad.dual import hessian as dual_hessian
from exprad.graph.expr import variables
from exprad.insight.certificate import check
from exprad.numeric import gradient as numeric_gradient


def show(say: Callable[[str], None]) -> bool:
    x, y = variables("x y")
    f = x * x * y + y + 2
    at = {"x": 3, "y": 4}

    def function(p: list[float]) -> float:
        return p[0] * p[0] * p[1] + p[1] + 2

    forward = [f.gradient(x).evaluate(at), f.gradient(y).evaluate(at)]
    reverse = [g.evaluate(at) for g in f.gradient([x, y])]
    dual = [f.evaluate(x=DualNumber(3, 1), y=4).eps, f.evaluate(x=3, y=DualNumber(4, 1)).eps]
    hessian = [[h.evaluate(at) for h in row] for row in f.hessian([x, y])]
    say("1. One formula, every mode\n")
    say(f"  f = {f} is {f.evaluate(at)} at (3, 4)\n")
    say(f"  symbolic forward   {forward}   df/dx = {f.gradient(x)}, df/dy = {f.gradient(y)}")
    say(f"  symbolic reverse   {reverse}   {f.backpropagate()}")
    say(f"  dual numbers       {dual}   f(3 + ε, 4) = {f.evaluate(x=DualNumber(3, 1), y=4)}")
    say(f"  a Python function  {dual_gradient(function, [3, 4])}   by dual numbers")
    say(f"  numeric            {numeric_gradient(lambda x, y: function([x, y]), [3, 4])}")
    say(f"  Hessian            {hessian}   {f.hessian([x, y])}\n")
    certificate = check(f, [at])
    say("  " + str(certificate).replace("\n", "\n  ") + "\n")
    agree = forward == reverse == dual == dual_gradient(function, [3, 4]) == [24, 10]
    return (
        agree
        and hessian == dual_hessian(function, [3, 4]) == [[8, 6], [6, 0]]
        and f.evaluate(at) == 42
        and certificate.ok
    )
