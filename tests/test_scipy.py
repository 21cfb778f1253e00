"""What SciPy's solvers are given."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pytest.importorskip("scipy")
from scipy.integrate import solve_ivp
from scipy.optimize import least_squares, minimize, root

from exprad import ExpradError, Var, exp, sin, variables
from exprad.interop.scipy import least_squares_arguments, minimize_arguments, root_arguments, solve_ivp_arguments

p = [Var(f"p{i}") for i in range(6)]
f = sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(p, p[1:], strict=False))
start = np.linspace(0.5, 2, 6)


@pytest.mark.parametrize(
    "method, second, sparse",
    [
        ("BFGS", None, False),
        ("L-BFGS-B", None, False),
        ("Newton-CG", "hessp", False),
        ("trust-exact", "hess", False),
        ("trust-ncg", "hessp", False),
        ("trust-constr", "hess", True),
    ],
)
def test_minimize_converges_without_a_warning(method, second, sparse):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = minimize(
            x0=start,
            method=method,
            tol=1e-9,
            options={"maxiter": 3000},
            **minimize_arguments(f, p, second=second, sparse=sparse),
        )
    assert np.allclose(found.x, 1, atol=1e-4)


def test_value_and_gradient_are_one_call_and_derivatives_are_right():
    problem = minimize_arguments(f, p, second="hess")
    value, slope = problem["fun"](start)
    assert value == pytest.approx(f.evaluate(dict(zip([v.name for v in p], start, strict=True))))
    for i in range(6):
        step = np.eye(6)[i] * 1e-6
        assert (problem["fun"](start + step)[0] - problem["fun"](start - step)[0]) / 2e-6 == pytest.approx(
            slope[i], rel=1e-5
        )
        column = (problem["fun"](start + step)[1] - problem["fun"](start - step)[1]) / 2e-6
        assert np.allclose(column, problem["hess"](start)[i], rtol=1e-5, atol=1e-3)
    product = minimize_arguments(f, p, second="hessp")["hessp"](start, np.arange(6.0))
    assert np.allclose(product, problem["hess"](start) @ np.arange(6.0))
    sparse = minimize_arguments(f, p, second="hess", sparse=True)["hess"](start)
    assert sparse.nnz == 16 and np.array_equal(sparse.toarray(), problem["hess"](start))


@pytest.mark.parametrize("sparse", [False, True])
def test_least_squares(sparse):
    a, b = variables("a b")
    t = np.linspace(0, 1, 20)
    residuals = [a * exp(-b * s) - 2 * np.exp(-1.5 * s) for s in t.tolist()]
    found = least_squares(x0=[1.0, 1.0], **least_squares_arguments(residuals, [a, b], sparse=sparse))
    assert np.allclose(found.x, [2, 1.5], atol=1e-6)


def test_root_and_initial_value_problems():
    x, y, t = variables("x y t")
    assert np.allclose(root(x0=[1.0, 1.0], **root_arguments([x + sin(y) - 1, y * x - 0.5], [x, y])).fun, 0, atol=1e-9)
    for sparse in (False, True):
        problem = solve_ivp_arguments([y, 100 * (1 - x**2) * y - x], t, [x, y], sparse=sparse)
        found = solve_ivp(t_span=(0, 10), y0=[2.0, 0.0], method="Radau", **problem)
        assert found.success and found.njev > 0
    with pytest.raises(ExpradError, match="equations"):
        root_arguments([x], [x, y])
    with pytest.raises(ExpradError, match="rate"):
        solve_ivp_arguments([x], t, [x, y])
    with pytest.raises(ExpradError, match="second"):
        minimize_arguments(x, [x], second="third")
