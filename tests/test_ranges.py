"""Rows over all of their range, on every target: at the ends of domains and beyond, next to zeros, at large arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from exprad import Var, Variable, compile, derivative, evaluate, lgamma, parse, sinc, to_c, variables
from exprad.errors import OperandError
from exprad.tables.elementary import polygamma, sinc_slope
from tests.rows import VARIABLES, operands_of, rows
from tests.targets import Library, needs, needs_gcc, present

mpmath = pytest.importorskip("mpmath")
x, y = variables("x y")
inf, nan = math.inf, math.nan
SIZES = [*[10.0**k for k in range(0, 309, 7)], *[2.0**k for k in (20, 27, 28, 29, 52, 53, 63, 64, 500, 511, 512, 1000, 1020)],
         1e-5, 1e-300, 5e-324, 2.0**-54, 2.0**-1022, 0.0, 0.5, np.nextafter(1, 0), np.nextafter(1, 2), inf, 1e8, 1.5e9, 709.9,
         746.0]  # fmt: skip
NUMBERS = np.array([*SIZES, *[-size for size in SIZES], nan])
BY_KIND = {np.float64: (1e-13, 1e-320), np.float32: (1e-5, 1e-44)}


@pytest.mark.parametrize("kind", BY_KIND)
@pytest.mark.parametrize("name", [row.name for row in rows() if row.name != "at_kink"])
def test_native_code_is_numpys_at_every_size(name: str, kind: Any) -> None:
    pytest.importorskip("llvmlite")
    row = next(row for row in rows() if row.name == name)
    f, (close, smallest) = row(*operands_of(row)), BY_KIND[kind]
    with np.errstate(all="ignore"):
        a, b = [each.ravel().astype(kind) for each in np.meshgrid(NUMBERS, NUMBERS[:: 3 if row.arity > 1 else 1000])]
        c = np.full(a.shape, 1.5, kind)
        expected = compile(f, VARIABLES, backend="numpy")(a, b, c).astype(float)
        for fast in (False, True):
            found = compile(f, VARIABLES, backend="native", fast=fast)(a, b, c).astype(float)
            good = np.isnan(found) & np.isnan(expected) | (found == expected)
            good |= np.abs(found - expected) <= close * np.abs(expected) + smallest
            assert good.all(), [(a[i], b[i], found[i], expected[i]) for i in np.flatnonzero(~good)[:4]]


def on_every_target(f: Any, points: Any) -> dict[str, Any]:
    """The values of a function of x at points, by each target that is here."""
    points = np.asarray(points, float)
    found = {"evaluate": [float(evaluate(f, x=float(each))) for each in points], "arrays": evaluate(f, x=points)}
    python = compile(f, [x], backend="python")
    found["python"] = [python(float(each)) for each in points]
    with np.errstate(all="ignore"):
        found["variable"] = f.evaluate(x=Variable(points)).data
    for backend in present("numpy", "native", "jax"):
        if backend == "jax":
            import jax

            jax.config.update("jax_enable_x64", True)
        found[backend] = np.asarray(compile(f, [x], backend=backend)(points))
    return found


def is_within(found: dict[str, Any], exact: list[Any], relative: float, absolute: float = 0.0) -> None:
    for target, values in found.items():
        for place, (value, truth) in enumerate(zip(values, exact, strict=True)):
            error = abs(mpmath.mpf(float(value)) - truth)
            assert error <= relative * abs(truth) + absolute, (target, place, value, truth)


def test_lgamma_is_right_next_to_its_zeros_on_every_target() -> None:
    generator = np.random.default_rng(0)
    near = [end + sign * 10.0**-k for end in (1.0, 2.0) for sign in (1, -1) for k in range(1, 16)]
    points = [
        1.0,
        2.0,
        *near,
        *generator.uniform(0.01, 12, 300),
        *(10.0 ** generator.uniform(-300, 300, 60)),
        8.0,
        7.999999,
    ]
    with mpmath.workdps(50):
        found, exact = (
            on_every_target(lgamma(x), points),
            [mpmath.re(mpmath.loggamma(mpmath.mpf(float(at)))) for at in points],
        )
        is_within(found, exact, 1e-15)
        left = list(-generator.uniform(0, 20, 100))
        is_within(
            on_every_target(lgamma(x), left),
            [mpmath.re(mpmath.loggamma(mpmath.mpf(float(at)))) for at in left],
            2e-15,
            2e-15,
        )


def test_lgamma_of_subnormal_numbers() -> None:
    points = [sign * each for sign in (1, -1) for each in (5e-324, 1e-320, 1e-308)]
    found = on_every_target(lgamma(x), points)
    found.pop("jax", None)  # takes them for 0
    with mpmath.workdps(50):
        is_within(found, [mpmath.re(mpmath.loggamma(mpmath.mpf(at))) for at in points], 2e-15)


def test_lgamma_at_the_edges() -> None:
    points, expected = [0.0, -0.0, -1.0, -7.0, inf, -inf, 1e306, -1e20, nan], [inf] * 8 + [nan]
    for values in on_every_target(lgamma(x), points).values():
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_sinc_and_its_slopes_are_right_at_whole_numbers_and_far_out(order: int) -> None:
    f = derivative(sinc(x), x, order=order) if order else sinc(x)
    whole = [1.0, 2, 3, 7, 10, 463, 1000, 12345, 1e8, 1e12, 2.0**40 + 1]
    points = [
        *whole,
        *[-at for at in whole],
        *[math.nextafter(at, 0) for at in whole],
        *[at + 0.25 for at in whole],
        463.5,
        0.0,
    ]
    with mpmath.workdps(60):
        exact = [sinc_slope(order, mpmath.mpf(at)) for at in points]
        is_within({"row": exact[3:5]}, [mpmath.diff(mpmath.sincpi, points[at], order) for at in (3, 4)], 1e-15, 1e-15)
        is_within(on_every_target(f, points), exact, 1e-15 if order == 0 else 1e-12, 1e-70)


@pytest.mark.parametrize("name", ["floor", "ceil", "trunc", "round", "mod"])
def test_kinks_are_where_they_are_exactly(name: str) -> None:
    row = next(row for row in rows() if row.name == name)
    f = row(x, 1) if name == "mod" else row(x)
    for at in (0.0, 1.0, 3.0, -7.0, 463.0, 1e15):
        at += 0.5 * (name == "round")
        if name == "trunc" and at == 0:  # which is 0 on both sides
            continue
        with pytest.raises(ArithmeticError, match="kink"):
            f.gradient(x, kink="raise").evaluate(x=at)
        f.gradient(x, kink="raise").evaluate(x=at + 0.25)


HALVES = [-inf, -0.0, 0.0, 4.0, inf, nan, -1.0]
OF_HALVES = [inf, 0.0, 0.0, 2.0, inf, nan, nan]


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_power_of_one_half_is_cs_pow_on_every_target(kind: Any) -> None:
    for f in (x**0.5, x**y):
        bound = {"x": np.array(HALVES, kind), **({"y": kind(0.5)} if f is x**y else {})}
        found = [
            evaluate(f, bound),
            f.evaluate({name: Variable(np.array(value)) for name, value in bound.items()}).data,
        ]
        for backend in present("numpy", "native", "jax"):
            found.append(np.asarray(compile(f, list(f.variables), backend=backend)(*bound.values())))
            column = [np.array([[0.5], [2.0], [0.5]], kind)] if f is x**y else []
            both = np.asarray(compile(f, list(f.variables), backend=backend)(bound["x"], *column))
            found.append(both[0] if column else both)
        python = compile(f, list(f.variables), backend="python")
        found.append([python(float(at), *[0.5] * (f is x**y)) for at in HALVES])
        found.append([evaluate(f, {"x": at, "y": 0.5} if f is x**y else {"x": at}) for at in HALVES])
        for values in found:
            np.testing.assert_array_equal(values, OF_HALVES)
            assert not np.signbit(np.asarray(values, float)[[1, 2]]).any()


@pytest.mark.parametrize("backend", ["numpy", "native"])
def test_a_power_that_is_written_over_its_operand(backend: str) -> None:
    needs(backend)
    v = Var("v", shape=(7,))
    for f in (abs((2 * x) ** 0.5), abs((x + 1) ** y)):
        bound = [np.array(HALVES), *[np.full(7, 0.5)] * (len(f.variables) - 1)]
        given = evaluate(f, dict(zip(f.variables, bound, strict=True)))
        np.testing.assert_array_equal(compile(f, list(f.variables), backend=backend)(*bound), given)
        assert given[0] == inf
    assert compile(abs((2 * v) ** 0.5), v)(np.array(HALVES))[0] == inf


@needs_gcc
def test_the_same_in_c(tmp_path: Any) -> None:
    library = Library([x**0.5, lgamma(x), sinc(x)], [x], tmp_path)
    for at, expected in zip(HALVES, OF_HALVES, strict=True):
        np.testing.assert_array_equal(library(at)[0], expected)
    assert (
        library(463.0)[2] == 0
        and abs(library(1 + 1e-10)[1] / float(mpmath.loggamma(mpmath.mpf(1 + 1e-10))) - 1) < 1e-15
    )


@pytest.mark.parametrize("row", [polygamma, sinc_slope])
def test_orders_have_a_bound(row: Any) -> None:
    far = parse(f"{row.name}(1000000000, x)")
    with mpmath.workdps(20):
        number = mpmath.mpf(2)
    for value in (2.0, np.array([2.0, 3.0]), np.float32(2), *([number] if row is sinc_slope else [])):
        with pytest.raises(OperandError, match="orders up to 100, got 1000000000"):
            far.evaluate(x=value)
    for backend in present("native", "jax", "python", "numpy"):
        with pytest.raises(OperandError, match="orders up to 100"):
            compile(far, [x], backend=backend)(2.0)
    with pytest.raises(OperandError, match="orders up to 100"):
        to_c(parse(f"{row.name}(100000, x)"), [x])
    assert math.isfinite(row(100, 2.5))
    for backend in present("native"):
        assert math.isfinite(compile(row(100, x), [x], backend=backend)(2.5))
    assert math.isnan(row(-1, 2.5)) and math.isnan(row(0.5, 2.5))
