"""Test functions of optimisation: gradient and Hessian, certified, and trust-region Newton from a start in the basin.

The formulas are those of Jamil and Yang, "A literature survey of benchmark functions for global optimisation
problems" (2013), and of Moré, Garbow and Hillstrom (1981).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from exprad.derivatives.gradient import gradient
from exprad.derivatives.kink import kinks
from exprad.errors import extra
from exprad.graph.expr import Expr, Var
from exprad.insight.certificate import check
from exprad.interop.scipy import minimize_arguments
from exprad.text.parser import parse


class Problem(NamedTuple):
    """A formula in x1, x2, ... (or x, y), and a start in the basin of a minimum."""

    name: str
    text: str
    start: tuple[float, ...]


PROBLEMS = [
    Problem("Sphere", "x**2 + y**2", (1, 1)),
    Problem("Matyas", "0.26*(x**2 + y**2) - 0.48*x*y", (1, 2)),
    Problem("Goldstein-Price", "(1 + (x + y + 1)**2*(19 - 14*x + 3*x**2 - 14*y + 6*x*y + 3*y**2))"
            "*(30 + (2*x - 3*y)**2*(18 - 32*x + 12*x**2 + 48*y - 36*x*y + 27*y**2))", (0.2, -0.8)),
    Problem("Rosenbrock", "100*(y - x**2)**2 + (1 - x)**2", (-1.2, 1)),
    Problem("Beale", "(1.5 - x + x*y)**2 + (2.25 - x + x*y**2)**2 + (2.625 - x + x*y**3)**2", (2.5, 0.3)),
    Problem("Booth", "(x + 2*y - 7)**2 + (2*x + y - 5)**2", (0, 0)),
    Problem("Himmelblau", "(x**2 + y - 11)**2 + (x + y**2 - 7)**2", (2.5, 2.5)),
    Problem("McCormick", "sin(x + y) + (x - y)**2 - 1.5*x + 2.5*y + 1", (0, -1)),
    Problem("three-hump camel", "2*x**2 - 1.05*x**4 + x**6/6 + x*y + y**2", (0.4, 0.2)),
    Problem("six-hump camel", "(4 - 2.1*x**2 + x**4/3)*x**2 + x*y + (-4 + 4*y**2)*y**2", (0.2, -0.6)),
    Problem("Easom", "-cos(x)*cos(y)*exp(-(x - pi)**2 - (y - pi)**2)", (3, 3.3)),
    Problem("Styblinski-Tang", "(x**4 - 16*x**2 + 5*x + y**4 - 16*y**2 + 5*y)/2", (-2.5, -3)),
    Problem("Rastrigin", "20 + x**2 - 10*cos(2*pi*x) + y**2 - 10*cos(2*pi*y)", (0.1, -0.1)),
    Problem("Lévy 13", "sin(3*pi*x)**2 + (x - 1)**2*(1 + sin(3*pi*y)**2) + (y - 1)**2*(1 + sin(2*pi*y)**2)", (1.05, 0.95)),
    Problem("Bohachevsky 1", "x**2 + 2*y**2 - 0.3*cos(3*pi*x) - 0.4*cos(4*pi*y) + 0.7", (0.1, 0.05)),
    Problem("Bohachevsky 2", "x**2 + 2*y**2 - 0.3*cos(3*pi*x)*cos(4*pi*y) + 0.3", (0.1, 0.05)),
    Problem("Branin", "(y - 5.1/(4*pi**2)*x**2 + 5/pi*x - 6)**2 + 10*(1 - 1/(8*pi))*cos(x) + 10", (3, 2)),
    Problem("Zakharov", "x**2 + y**2 + (0.5*x + y)**2 + (0.5*x + y)**4", (1, 1)),
    Problem("Dixon-Price", "(x - 1)**2 + 2*(2*y**2 - x)**2", (1.5, 1)),
    Problem("Trid", "(x1 - 1)**2 + (x2 - 1)**2 + (x3 - 1)**2 - x1*x2 - x2*x3", (0, 0, 0)),
    Problem("Schaffer 2", "0.5 + (sin(x**2 - y**2)**2 - 0.5)/(1 + 0.001*(x**2 + y**2))**2", (0.3, 0.2)),
    Problem("Colville", "100*(x1**2 - x2)**2 + (x1 - 1)**2 + (x3 - 1)**2 + 90*(x3**2 - x4)**2"
            " + 10.1*((x2 - 1)**2 + (x4 - 1)**2) + 19.8*(x2 - 1)*(x4 - 1)", (-3, -1, -3, -1)),
    Problem("Ackley", "-20*exp(-0.2*abs(hypot(x, y))/sqrt(2)) - exp((cos(2*pi*x) + cos(2*pi*y))/2) + e1 + 20", (0.9, 0.9)),
]  # fmt: skip


class Solved(NamedTuple):
    value: float
    gradient_norm: float
    least_eigenvalue: float
    steps: int
    point: list[float]


def expression_of(problem: Problem) -> tuple[Expr, list[Var]]:
    """The formula and its variables, in order."""
    f = parse(problem.text, living=False).substitute({Var("e1"): 2.718281828459045})
    return f, list(f.variables)


def minimise(f: Expr, wrt: list[Var], start: tuple[float, ...]) -> Solved:
    """Trust-region Newton with the exact gradient and Hessian (SciPy's trust-exact: Conn, Gould and Toint, 2000)."""
    try:
        import numpy as np
        from scipy.optimize import minimize
    except ImportError:
        raise extra("SciPy", "demo", "the demonstration") from None
    problem = minimize_arguments(f, wrt, second="hess")
    found = minimize(x0=start, method="trust-exact", options={"gtol": 1e-6, "maxiter": 500}, **problem)
    value, g = problem["fun"](found.x)
    eigenvalues = np.linalg.eigvalsh(problem["hess"](found.x))
    return Solved(float(value), float(np.linalg.norm(g)), float(eigenvalues[0]), int(found.nit), found.x.tolist())


def show(say: Callable[[str], None]) -> bool:
    say(f"2. {len(PROBLEMS)} test functions of optimisation, by trust-region Newton\n")
    say(f"  {'function':<18}{'certified':<11}{'steps':>5}  {'f':>12}  {'|g|':>8}  {'least eigenvalue':>16}")
    fine = True
    for problem in PROBLEMS:
        f, wrt = expression_of(problem)
        certificate = check(f, 4)
        solved = minimise(f, wrt, problem.start)
        fine &= certificate.ok and solved.gradient_norm <= 1e-6 and solved.least_eigenvalue > -1e-6
        mark = "yes" if certificate.ok else "NO"
        say(
            f"  {problem.name:<18}{mark:<11}{solved.steps:>5}  {solved.value:>12.6g}  {solved.gradient_norm:>8.1e}  "
            f"{solved.least_eigenvalue:>16.6g}"
        )
    return _show_kink(say) and fine


def _show_kink(say: Callable[[str], None]) -> bool:
    f, wrt = expression_of(PROBLEMS[-1])
    (node, distance), *_ = kinks(f)
    slope = gradient(f, wrt[0], kink="right").evaluate(x=1e-9, y=0.0)
    say(f"\n  Ackley's minimum at 0, started from nearby, is no smooth point: {node} has a kink where {distance} = 0;")
    say(
        f"  df/dx is {slope:.6f} just right of it and {-slope:.6f} just left. The row above is the local minimum near (1, 1).\n"
    )
    return abs(slope - 4 / 2**0.5) < 1e-6
