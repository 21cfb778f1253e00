"""Every row of the table: its value and its partials, in every mode, against high precision and SymPy."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exprad import DualNumber, Var, check, exp, leg, parse, table
from exprad.errors import ExpradError, UnsupportedError
from exprad.forward import tangents
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import expression
from exprad.ground.primitive import Primitive
from exprad.interop.sympy import to_sympy
from exprad.reverse import adjoints
from tests.rows import HIDDEN, X, Y, Z, close, interval, operands_of, points, rows, searched, smooth_rows

NAMES = [row.name for row in smooth_rows()]
ROWS = {row.name: row for row in rows()}


def partials_at(row: Primitive, point: tuple[float, ...]) -> tuple[list[float], list[float], list[float]]:
    """Forward, reverse and dual."""
    variables = (X, Y, Z)[: row.arity]
    f = row(*variables)
    bindings = {v.name: value for v, value in zip(variables, point, strict=True)}

    def edge(value: object) -> object:
        return 0 if value is None else value

    forward = evaluate([edge(tangents([f], {v: 1})[0]) for v in variables], bindings)
    reverse = evaluate([edge(bar) for bar in adjoints({f: 1}, variables)], bindings)
    dual = [evaluate(f, {**bindings, v.name: DualNumber(bindings[v.name], 1.0)}).eps for v in variables]
    return [float(p) for p in forward], [float(p) for p in reverse], [float(p) for p in dual]


def precise_partial(row: Primitive, point: tuple[float, ...], index: int) -> float:
    """The derivative of the row's value at many digits: independent of the partial that the row states."""
    with mpmath.workdps(900):
        exact = [mpmath.mpf(value) for value in point]
        step = mpmath.mpf(10) ** -400
        moved = [[x + side * step if i == index else x for i, x in enumerate(exact)] for side in (1, -1)]
        return float((row(*moved[0]) - row(*moved[1])) / (2 * step))


@pytest.mark.parametrize("name", NAMES)
def test_value_agrees_with_mpmath(name: str) -> None:
    row = ROWS[name]

    @searched(60)
    @given(points(row))
    def value(point: tuple[float, ...]) -> None:
        ours = float(row(*point))
        with mpmath.workdps(50):
            theirs = float(row(*map(mpmath.mpf, point)))
        assert close(ours, theirs, 1e-12), (point, ours, theirs)

    value()


@pytest.mark.parametrize("name", NAMES)
def test_partials_agree_with_mpmath_in_every_mode(name: str) -> None:
    row = ROWS[name]

    @searched(60)
    @given(points(row))
    def partials(point: tuple[float, ...]) -> None:
        if row.kink is not None and abs(float(row.kink(*point))) < 1e-6:
            return
        modes = partials_at(row, point)
        for index in range(row.arity):
            expected = precise_partial(row, point, index)
            for mode in modes:
                assert close(expected, mode[index], 1e-11), (point, index, expected, modes)

    partials()


ENDS = [
    (row.name, i, *interval(text)) for row in smooth_rows() for i, text in enumerate(row.domain) if row.name != "leg"
]  # where it is real, its operands say together


@pytest.mark.parametrize("a, b, expected", [(1.0, 1.0, 0.0), (5.0, -3.0, 4.0), (1e200, 1.0, 1e200),
                                            (1.0, 1.1, math.nan), (-5.0, 3.0, math.nan)])  # fmt: skip
def test_a_leg_is_real_where_it_is_no_longer_than_the_hypotenuse(a: float, b: float, expected: float) -> None:
    assert close(expected, leg(a, b), 1e-15)


@pytest.mark.parametrize("name, place, low, high, has_low, has_high", ENDS)
def test_a_row_is_real_on_its_domain_and_nan_beyond_it(
    name: str, place: int, low: float, high: float, has_low: bool, has_high: bool
) -> None:
    row = ROWS[name]
    inner = [2.0 if name == "pow" else 0.3 * a + 0.7 * b for a, b in row.sample]  # whole powers of all numbers

    def value(x: float) -> float:
        return float(row(*[x if i == place else other for i, other in enumerate(inner)]))

    for end, has_end, outward in ((low, has_low, -math.inf), (high, has_high, math.inf)):
        if math.isinf(end):
            assert not math.isnan(value(math.copysign(100.5, end)))
            continue
        assert math.isnan(value(end)) is not has_end
        assert math.isnan(value(math.nextafter(end, outward))) and math.isnan(value(outward))
        assert not math.isnan(value(math.nextafter(end, -outward)))


@pytest.mark.parametrize("name", [n for n in NAMES if ROWS[n].domain[0] == "(-inf, inf)" and ROWS[n].arity == 1])
@pytest.mark.parametrize("x", [1e-300, -1e-300, 1e-8, -1e-8, 20.5, -20.5, 40.25, 300.125, -300.125])
def test_partials_are_right_far_from_the_sample(name: str, x: float) -> None:
    row = ROWS[name]
    if row.kink is not None and abs(float(row.kink(x))) < 1e-6:
        return
    expected = precise_partial(row, (x,), 0)
    for mode in partials_at(row, (x,)):
        if not math.isfinite(expected) or abs(expected) > 1e250:
            continue
        assert mode[0] == expected or abs(mode[0] - expected) <= 1e-11 * abs(expected) + 1e-300


@pytest.mark.parametrize("name", [row.name for row in rows() if row.name != "at_kink"])
def test_text_reads_back_to_the_same_node(name: str) -> None:
    f = ROWS[name](*operands_of(ROWS[name]))
    assert parse(str(f)) is f


@pytest.mark.parametrize("name", NAMES)
def test_certificate(name: str) -> None:
    f = ROWS[name](*operands_of(ROWS[name])) + 0.5 * X
    if name in ("mod",):
        f = ROWS[name](X, 2)
    certificate = check(f, points=4, tolerance=1e-8)
    assert certificate.ok, str(certificate)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in HIDDEN])
def test_sympy_gives_the_same_value(name: str) -> None:
    row = ROWS[name]
    f = row(*operands_of(row))
    point = [0.3 * low + 0.7 * high + 0.0123 for low, high in row.sample]
    try:
        theirs = to_sympy(f).subs({v.name: value for v, value in zip((X, Y, Z), point, strict=False)})
    except UnsupportedError:
        assert name in ("round",)
        return
    theirs = to_sympy(f)
    theirs = theirs.subs({s: point["xyz".index(s.name)] for s in theirs.free_symbols})
    assert close(float(row(*point)), float(theirs), 1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if ROWS[n].analytic])
def test_a_complex_step_certifies_every_analytic_row(name: str) -> None:
    certificate = check(ROWS[name](*operands_of(ROWS[name])), points=4)
    assert certificate.ok and certificate.worst["complex step"] < 1e-9, str(certificate)


def test_adding_a_row_and_nothing_else_makes_it_work_everywhere() -> None:
    bump = Primitive("bump_for_test", lambda y, x: -2 * x * y, formula=lambda x: exp(-x * x))
    try:
        ROWS[bump.name] = bump
        test_value_agrees_with_mpmath(bump.name)
        test_partials_agree_with_mpmath_in_every_mode(bump.name)
        test_text_reads_back_to_the_same_node(bump.name)
        test_certificate(bump.name)
        test_sympy_gives_the_same_value(bump.name)
        assert bump(Var("x")).hessian([Var("x")])[0][0].evaluate(x=0.0) == -2.0
        assert bump in table()
    finally:
        del ROWS[bump.name], Primitive.registry[bump.name]


def test_a_wrong_partial_is_found_and_its_node_named() -> None:
    wrong = Primitive("wrong_for_test", lambda y, x: 2 * y, formula=lambda x: exp(x))
    try:
        certificate = check(1 + wrong(X * 2))
        assert not certificate.ok
        assert certificate.disagreements[0].node is wrong(2 * X)
    finally:
        del Primitive.registry[wrong.name]


@pytest.mark.parametrize("convention, slopes", [("mean", 0), ("zero", 0), ("left", -1), ("right", 1)])
def test_kink_convention_is_an_argument(convention: str, slopes: int) -> None:
    f = abs(X) * 3
    assert f.gradient(X, kink=convention).evaluate(x=0.0) == 3 * slopes
    assert f.gradient([X], kink=convention)[0].evaluate(x=-2.0) == -3
    assert f.gradient([X, Y], kink=convention)[0].evaluate(x=0.0, y=1.0) == 3 * slopes
    slope = (f * X).gradient(X, kink=convention)
    assert parse(str(slope)) is slope


def test_kink_convention_raise_raises_only_at_the_kink() -> None:
    slope = (abs(X) * 3).gradient(X, kink="raise")
    assert slope.evaluate(x=2.0) == 3
    with pytest.raises(ExpradError, match="kink"):
        slope.evaluate(x=0.0)
    with pytest.raises(ExpradError, match="mean"):
        X.gradient(X, kink="up")


@given(st.floats(-700, 700))
def test_sigmoid_and_softplus_have_no_bad_tails(x: float) -> None:
    f = (X.softplus() + X.sigmoid()).gradient(X)
    assert math.isfinite(f.evaluate(x=x))


@pytest.mark.parametrize("name", [row.name for row in rows() if row.formula is not None and row.name != "at_kink"])
def test_formulas_are_what_they_stand_for(name):
    """Against the row itself at 40 digits: a few roundings off, or, near a zero, a few of the largest number about."""
    mpmath = pytest.importorskip("mpmath")
    row = next(row for row in rows() if row.name == name)
    orders = [0, 1, 2, 3, 6] if row.orders else [None]
    generator = np.random.default_rng(0)
    intervals = [(-4.5, 12.0)] if name in ("digamma", "polygamma", "sinc_slope") else row.sample
    names = [Var(f"x{place}") for place in range(len(intervals))]
    for order in orders:
        first = [] if order is None else [order]
        formula = expression(row.by_formula(*first, *names))
        for _ in range(200):
            at = [float(generator.uniform(low, high)) for low, high in intervals]
            with mpmath.workdps(40):
                exact = float(row(*[mpmath.mpf(each) for each in [*first, *at]]))
            found = float(formula.evaluate(dict(zip(names, at, strict=True))))
            assert abs(found - exact) <= (1e-13 if order else 1e-14) * max(1.0, abs(exact)), (order, at)


def test_formulas_at_the_edges():
    x = Var("x")
    known = {row.name: row for row in rows()}
    digamma = expression(known["digamma"].by_formula(x))
    trigamma = expression(known["polygamma"].by_formula(1, x))
    slope = expression(known["sinc_slope"].by_formula(1, x))
    assert digamma.evaluate(x=0.0) == -math.inf and digamma.evaluate(x=-0.0) == math.inf
    assert math.isnan(digamma.evaluate(x=-2.0)) and digamma.evaluate(x=math.inf) == math.inf
    assert trigamma.evaluate(x=math.inf) == 0 and trigamma.evaluate(x=0.0) == math.inf
    assert slope.evaluate(x=math.inf) == 0 and slope.evaluate(x=-math.inf) == 0 and slope.evaluate(x=0.0) == 0
    with pytest.raises(UnsupportedError, match="constant whole orders"):
        known["polygamma"].by_formula(x, 2.0)
