"""What Python does with its numbers, on every carrier: calls, conversions, text, rounding, whole quotients, comparisons."""

from __future__ import annotations

import itertools
import math
import operator
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Const, DualNumber, Expr, Var, Variable, compile, floor_divide, parse, to_sympy, variables
from exprad.errors import ArgumentError, BindingError, ConditionError, OperandError
from tests.rows import searched

x, y = variables("x y")
v = Var("v", shape=(3,))
f = x * x * y + y + 2


def value(result: Any) -> Any:
    """The numbers of a result of any carrier."""
    if isinstance(result, Expr):
        return result.evaluate({x: 7.5})
    return getattr(result, "value", getattr(result, "data", result))


def slope(result: Any, carrier: Any) -> Any:
    if isinstance(result, Expr):
        return result.gradient(x).evaluate({x: 7.5})
    if isinstance(result, Variable):
        carrier.cleargrad()
        result.backward()
        return 0.0 if carrier.grad is None else float(carrier.grad.data)
    return result.eps


CARRIERS = [
    pytest.param(lambda: x, id="expression"), pytest.param(lambda: Variable(np.array(7.5)), id="Variable"),
    pytest.param(lambda: DualNumber(7.5, 1.0), id="dual"),
    pytest.param(lambda: DualNumber(np.array([7.5]), 1.0), id="dual of arrays"),
]  # fmt: skip
carriers = pytest.mark.parametrize("carry", CARRIERS)


# Calls.


def test_an_expression_is_evaluated_by_a_call() -> None:
    assert (x**2)(3) == 9
    assert isinstance((x**2)(3), int)
    assert f(x=3, y=4) == f({x: 3, y: 4}) == f({"x": 3}, y=4) == f(3, y=4) == 42
    assert (x**2)(np.array([1.0, 2.0])).tolist() == (x**2)([1.0, 2.0]).tolist() == [1.0, 4.0]
    assert (x**2)(DualNumber(3.0, 1.0)).eps == 6.0
    assert v.sum()([1.0, 2.0, 3.0]) == 6.0
    self = Var("self")
    assert (self * 2)(self=4) == 8


def test_a_call_without_values_takes_those_of_variables() -> None:
    a = Var("called_with_its_own", 5)
    assert (a + 1)() == 6
    with pytest.raises(BindingError, match="variable 'x' has no value"):
        f(y=1)


def test_a_constant_is_evaluated_by_a_call_at_each_point() -> None:
    assert (2 * x).gradient(x)(3) == 2
    assert (2 * x).gradient(x)(np.array([1.0, 2.0])).tolist() == [2.0, 2.0]
    assert Const(5)() == 5


@pytest.mark.parametrize(("values", "named"), [((3,), {}), ((3, 4), {}), ((3,), {"x": 1, "y": 2})])
def test_a_value_by_place_is_that_of_the_only_variable(values: Any, named: Any) -> None:
    with pytest.raises(ArgumentError, match=r"by name, or that of its only variable by place; .*: write f\(x=3, y=4\)"):
        f(*values, **named)


def test_a_deep_expression_is_called() -> None:
    deep: Any = x
    for _ in range(100_000):
        deep = ep.sin(deep)
    assert math.isfinite(deep(0.5))
    assert math.isfinite(float(deep.substitute({x: 0.5})))


# Conversions.


@pytest.mark.parametrize("number", [2, -3, 0.5, Fraction(1, 3), 10**30, math.inf, -0.0])
def test_a_constant_becomes_a_number_of_pythons(number: Any) -> None:
    assert float(Const(number)) == float(number)
    assert math.copysign(1, float(Const(number))) == math.copysign(1, number)
    assert complex(Const(number)) == complex(number)
    if math.isfinite(number):
        assert int(Const(number)) == int(number)
        assert isinstance(int(Const(number)), int)
    assert math.sin(Const(0.5)) == math.sin(0.5)


def test_an_expression_without_variables_is_a_number() -> None:
    assert float(ep.sqrt(Const(2))) == math.sqrt(2)
    assert int(round(Const(2.6))) == 3
    assert int(ep.floor(Const(-2.5))) == -3
    assert float(v.sum().gradient(v)[0]) == 1.0


@pytest.mark.parametrize("convert", [float, int, complex])
@pytest.mark.parametrize("carrier", [x, f, v, v[0], Const(np.array([1.0, 2.0])), x < y], ids=str)
def test_what_depends_on_variables_is_no_number(convert: Any, carrier: Any) -> None:
    with pytest.raises(
        OperandError, match=rf"{convert.__name__}\(.*\) is undefined for expressions; evaluate it first"
    ):
        convert(carrier)


@pytest.mark.parametrize("convert", [float, int, complex, operator.index])
@pytest.mark.parametrize("carrier", [Variable(np.array(2.0)), DualNumber(2.0, 1.0)], ids=["Variable", "dual"])
def test_a_plain_number_would_lose_the_derivative(convert: Any, carrier: Any) -> None:
    with pytest.raises(OperandError, match=r"would lose the derivative; use (x\.data|\.value)"):
        convert(carrier)


# Text.


def test_format_rounds_the_floats_that_are_shown() -> None:
    g = ep.sin(0.123456 * x) + 2 * y**2 / 3 + 1e-9
    assert format(g, ".3g") == "2*y**2/3 + sin(0.123*x) + 1e-09"
    assert format(g, ".2f") == "2*y**2/3 + sin(0.12*x) + 0.00"
    assert format(1.0 * x - 0.5, ".3g") == "1*x - 0.5"
    assert format(-0.12345 * x, ".2g") == "-0.12*x"
    assert format(v * np.array([0.123456, 1.0, 2.0]), ".2f").endswith("array([0.12, 1.00, 2.00])*v")
    assert format(f, "") == f"{f}" == str(f)
    assert f"{x:>4}|{x:<4}|{x:*^5}|{0.25 * x:>10.1f}" == "   x|x   |**x**|     0.2*x"
    assert parse(format(g, ".17g")) is parse(str(g))


def test_format_of_a_long_expression_is_one_of_lines() -> None:
    e: Any = x
    for _ in range(60):
        e = ep.sin(e) * 0.123456 + e / 4
    assert "0.123*" in format(e, ".3g")
    assert "0.1234" not in format(e, ".3g")
    assert "\nt" in format(e, ".3g")


@pytest.mark.parametrize(
    ("number", "spec"), [(2, ".3f"), (2.5, "08.3f"), (1e6, ".3g"), (2, "05d"), (0.25, ".0%"), (-2, "+")]
)
def test_a_constant_is_formatted_as_python_formats_it(number: Any, spec: str) -> None:
    assert format(Const(number), spec) == format(number, spec)
    assert format(Variable(np.array(float(number))), ".3g") == format(float(number), ".3g")


def test_format_of_fractions_duals_and_arrays() -> None:
    assert format(Const(Fraction(1, 3)), ".3g") == "0.333"
    assert format(DualNumber(1.23456, -2.5), ".2f") == "1.23 - 2.50ε"
    assert format(DualNumber(0.123456 * x, 1.0), ".2g") == "(0.12*x) + 1ε"
    assert format(Variable(np.array([1.23456, 2.0])), ".2f") == "[1.23 2.00]"
    assert f"{Variable(np.array(0.123456)):.3g}" == "0.123"
    assert f"{Variable(np.array(0.5))}" == "variable(0.5)"
    assert f"{DualNumber(1.0, 2.0)}" == "1.0 + 2.0ε"


@pytest.mark.parametrize("spec", ["d", "+.3g", ",", "abc", "%"])
def test_a_format_that_is_none_says_which_there_are(spec: str) -> None:
    with pytest.raises(ArgumentError, match=r"a width and how floats are written, such as '\.3g'"):
        format(f, spec)


# Rounding and whole quotients.


@carriers
@pytest.mark.parametrize("digits", [None, 0, 1, 2, -1])
def test_round_is_that_of_numpy_on_every_carrier(carry: Any, digits: Any) -> None:
    carrier = carry()
    found = round(carrier, digits) if digits is not None else round(carrier)
    assert value(found) == pytest.approx(np.round(7.5, digits or 0))
    assert value(np.round(carrier, digits or 0)) == pytest.approx(np.round(7.5, digits or 0))
    assert slope(found, carrier) == 0


def test_round_to_digits_that_are_no_whole_number_is_refused() -> None:
    with pytest.raises(TypeError):
        round(x, 0.5)  # type: ignore[call-overload]


@carriers
@pytest.mark.parametrize("other", [2.0, -2, 0.1, 7.5])
def test_whole_quotients_are_pythons_on_every_carrier(carry: Any, other: Any) -> None:
    carrier = carry()
    for call, expected in (
        (lambda: carrier // other, 7.5 // other), (lambda: other // carrier, other // 7.5),
        (lambda: divmod(carrier, other)[0], 7.5 // other), (lambda: divmod(other, carrier)[0], other // 7.5),
        (lambda: np.floor_divide(carrier, other), 7.5 // other), (lambda: np.divmod(carrier, other)[0], 7.5 // other),
    ):  # fmt: skip
        assert value(call()) == expected
        assert slope(call(), carrier) == 0
    for call, expected in (
        (lambda: divmod(carrier, other)[1], 7.5 % other), (lambda: divmod(other, carrier)[1], other % 7.5),
        (lambda: np.divmod(carrier, other)[1], 7.5 % other),
    ):  # fmt: skip
        assert value(call()) == expected
    assert slope(divmod(carrier, other)[1], carrier) == 1


WHOLE = st.integers(-50, 50)
REAL = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 0.1, -0.3, math.inf, -math.inf, math.nan, 1e300, 1e-300]), st.floats(-50, 50)
)


@searched(300)
@given(WHOLE, WHOLE.filter(bool))
def test_whole_quotients_of_whole_numbers_are_exact(a: int, b: int) -> None:
    found = floor_divide(x, y).evaluate(x=a, y=b)
    assert (found, type(found)) == (a // b, int)
    assert (x // y)(x=Fraction(a, 3), y=b) == Fraction(a, 3) // b
    q, r = divmod(x, y)
    assert (q * y + r)(x=a, y=b) == a


@searched(300)
@given(REAL, REAL)
def test_a_whole_quotient_is_numpys_and_so_is_its_formula(a: float, b: float) -> None:
    with np.errstate(all="ignore"):
        expected = float(np.floor_divide(a, b))
    found = [floor_divide(a, b), (x // y)(x=a, y=b), float((x // y)(x=np.array([a]), y=b)[0]),
             floor_divide.by_formula(x, y)(x=a, y=b)]  # fmt: skip
    for each in found:
        same = math.isclose(each, expected, rel_tol=1e-15) if math.isfinite(expected) else each == expected
        assert same or math.isnan(each) and math.isnan(expected), (a, b, found, expected)
        assert math.isnan(expected) or expected or math.copysign(1, each) == math.copysign(1, expected)


EDGES = [0.0, -0.0, 1.0, -1.0, 0.1, -0.3, 2.5, 7.0, -7.0, 1e300, -1e-300, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("backend", ["numpy", "python", "native", "jax"])
def test_a_whole_quotient_is_numpys_in_every_back_end(backend: str) -> None:
    if backend in ("native", "jax"):
        pytest.importorskip({"native": "llvmlite", "jax": "jax"}[backend])
    points = np.array(list(itertools.product(EDGES, EDGES)))
    with np.errstate(all="ignore"):
        expected = np.floor_divide(*points.T)
    g = compile([x // y, x % y, *(x // y * x).gradient([x, y])], [x, y], backend=backend)
    if backend == "python":
        found = np.array([g(float(a), float(b)) for a, b in points]).T
    else:
        found = [np.asarray(each) for each in g(*points.T)]
    exact = 1e-6 if backend == "jax" else 0
    np.testing.assert_allclose(found[0], expected, rtol=exact)
    np.testing.assert_allclose(found[2], expected, rtol=exact)
    assert not np.asarray(found[3]).any()


def test_a_whole_quotient_has_kinks_sides_text_and_a_pickle() -> None:
    g = x // 2
    assert ep.kinks(g) == [(g, x / 2 - ep.round(x / 2))]
    assert [g.gradient(x, kink=how).evaluate(x=4.0) for how in ("mean", "left", "right", "zero")] == [0, 0, 0, 0]
    h = x - 2 * g  # what mod is
    for how in ("mean", "left", "right"):
        assert h.gradient(x, kink=how).evaluate(x=4.0) == (x % 2).gradient(x, kink=how).evaluate(x=4.0) == 1
    below = (g * x).gradient(x, kink="left").evaluate(x=4.0)
    above = (g * x).gradient(x, kink="right").evaluate(x=4.0)
    assert (below, above) == (1, 2)
    assert parse("x//y*2") is ep.Mul(Const(2), x // y)
    assert parse(str(x // y + 1)) is x // y + 1
    assert pickle.loads(pickle.dumps(g)) is g


def test_a_whole_quotient_is_sympys() -> None:
    sympy = pytest.importorskip("sympy")
    a, b = sympy.symbols("x y", real=True)
    assert sympy.simplify(to_sympy(x // y) - a // b) == 0
    assert bool(ep.check(x // 2 + x % 3))


# Powers and comparisons.


@carriers
def test_pow_takes_no_modulus_and_names_no_internal(carry: Any) -> None:
    with pytest.raises(OperandError, match=r"^pow\(\) of \w+ takes no modulus, got 3; write x \*\* n % m$"):
        pow(carry(), 2, 3)
    assert value(pow(carry(), 2)) == 56.25
    assert value(pow(2, carry())) == pytest.approx(2**7.5)
    with pytest.raises(TypeError, match="unsupported operand"):
        pow(2, carry(), 3)


@pytest.mark.parametrize("number", [0, 1.5, Fraction(1, 3), True, np.float64(2.0), np.array([1.0, 2.0])], ids=repr)
def test_equality_and_inequality_with_numbers_follow_one_rule(number: Any) -> None:
    for expression in (x, f, Const(0), x < y, v):
        with pytest.raises(
            ConditionError, match=r"^== between .* use equal\(a, b\) to build a condition, or f is Const\(0\)"
        ):
            expression == number  # noqa: B015
        with pytest.raises(ConditionError, match=r"^!= between .* use not_equal\(a, b\) to .*, or f is not Const\(0\)"):
            expression != number  # noqa: B015


def test_equality_and_inequality_between_expressions_are_identity() -> None:
    for a, b in itertools.product([x, y, x + y, y + x, Const(1), Const(1.0)], repeat=2):
        assert (a == b) is (a is b)
        assert (a != b) is (a is not b)
    for other in (None, "x", [x], object()):
        assert (x == other) is False
        assert (x != other) is True
    assert x in (y, x)
    assert [x, y] == [x, y] != [y, x]
