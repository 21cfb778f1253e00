"""Nonlinear regression against NIST's certified parameters: models parsed from text, fitted with exact Jacobians."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

from exprad.backends.function import compile
from exprad.derivatives.gradient import gradient
from exprad.errors import extra
from exprad.graph.expr import Var
from exprad.text.parser import parse

MODELS = {
    "Misra1a": "b1*(1 - exp(-b2*x))",
    "Thurber": "(b1 + b2*x + b3*x**2 + b4*x**3)/(1 + b5*x + b6*x**2 + b7*x**3)",
    "MGH17": "b1 + b2*exp(-x*b4) + b3*exp(-x*b5)",
}
FROM_FIRST_START = ("Misra1a", "Thurber")
DIGITS = 6


class Dataset(NamedTuple):
    starts: list[list[float]]
    certified: list[float]
    residual: float
    x: Any
    y: Any


def read(name: str) -> Dataset:
    """One of NIST's files, as they lay them out: lines 'b1 = start1 start2 certified deviation', then y and x."""
    import numpy as np

    lines = files("exprad.demo").joinpath("data", f"{name}.dat").read_text().splitlines()
    rows = [line.split("=")[1].split() for line in lines if line.strip().startswith("b") and "=" in line]
    numbers = [[float(each) for each in row[:3]] for row in rows if len(row) == 4]
    residual = next(float(line.split(":")[1]) for line in lines if line.startswith("Residual Sum of Squares"))
    first = max(i for i, line in enumerate(lines) if line.startswith("Data:")) + 1
    data = np.array([[float(each) for each in line.split()] for line in lines[first:] if line.strip()])
    starts = [[row[i] for row in numbers] for i in (0, 1)]
    return Dataset(starts, [row[2] for row in numbers], residual, data[:, 1], data[:, 0])


def fit(name: str, start: list[float]) -> tuple[list[float], bool]:
    """The parameters that least squares finds from a start, and whether it says that it converged."""
    try:
        import numpy as np
        from scipy.optimize import least_squares
    except ImportError:
        raise extra("SciPy", "demo", "the demonstration") from None
    dataset = read(name)
    model = parse(MODELS[name], living=False)
    parameters = [b for b in model.variables if b.name != "x"]
    curve = compile(model, [parameters, Var("x")])
    slopes = compile(gradient(model, parameters), [parameters, Var("x")])
    # Levenberg-Marquardt with scaled parameters, as MINPACK has it (Moré, 1978)
    solve: Any = least_squares
    found = solve(
        lambda b: curve(b, dataset.x) - dataset.y,
        start,
        method="lm",
        x_scale="jac",
        jac=lambda b: np.stack(slopes(b, dataset.x), 1),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=20_000,
    )
    return found.x.tolist(), bool(found.success)


def digits(found: float, certified: float) -> float:
    """The significant digits in which two numbers agree; NIST's log relative error."""
    return 11.0 if found == certified else max(0.0, min(11.0, -math.log10(abs(found - certified) / abs(certified))))


def show(say: Callable[[str], None]) -> bool:
    say("3. Nonlinear regression: NIST's certified values and ours\n")
    fine = True
    for name, text in MODELS.items():
        dataset = read(name)
        fits = [fit(name, start) for start in dataset.starts]
        say(f"  {name}: y = {text}, {len(dataset.y)} observations")
        say(f"    {'':<4}{'certified':>18}{'from start 1':>20}{'digits':>8}{'from start 2':>20}{'digits':>8}")
        reached = [math.inf, math.inf]
        for i, certified in enumerate(dataset.certified):
            cells = ""
            for k, (found, _) in enumerate(fits):
                agreed = digits(found[i], certified)
                reached[k] = min(reached[k], agreed)
                cells += f"{found[i]:>20.10g}{agreed:>8.1f}"
            say(f"    b{i + 1:<3}{certified:>18.10e}{cells}")
        for k, (_, converged) in enumerate(fits):
            if reached[k] < DIGITS:
                state = "reports convergence" if converged else "stops without convergence"
                say(f"    start {k + 1} {state} away from the certified values")
        wanted = reached if name in FROM_FIRST_START else reached[1:]
        fine &= min(wanted) >= DIGITS
        say("")
    return fine
