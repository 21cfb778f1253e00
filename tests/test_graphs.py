"""Interning, text, depth, threads and bad input."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest

import exprad
from exprad import Add, Call, Const, Div, Expr, Mul, Var, derivative, gradient, neg, parse, sin, variables, where
from exprad.graph.evaluation import evaluate
from exprad.ground.traverse import postorder
from tests.rows import SEARCH

x, y = variables("x y")


def rosenbrock(p):
    return sum(100 * (b - a**2) ** 2 + (1 - a) ** 2 for a, b in zip(p, p[1:], strict=False))


def test_equal_structure_is_the_same_object():
    assert x * y + 1 is y * x + 1
    assert Var("x") is x and Var("x", shape=(2,)) is not x
    assert x - y is not y - x
    assert Const(1) is not Const(1.0) and Const(math.nan) is Const(-math.nan) and Const(True) is Const(1)


def test_classes_build_as_written_and_operators_fold():
    f = Add(Mul(Mul(x, x), y), Add(y, Const(2)))
    assert isinstance(f, Add) and isinstance(f.a, Mul) and f.a.a is Mul(x, x)
    assert x * x is x**2 and x + x is 2 * x and x + 0 is x and 1 * x is x and neg(neg(x)) is x
    assert abs(x) ** 2 is x**2 and x + 0.0 is not x and 0 * x is not Const(0)
    match f:
        case Add(a, b):
            assert {a, b} == {f.a, f.b}


def test_constants_fold_only_where_the_result_is_exact():
    assert Const(2.0) - 1 is Const(1.0)
    assert isinstance(Const(0.1) - 1, Call)
    assert Const(1) / 3 is Const(Fraction(1, 3))
    assert isinstance(Const(2) ** 10**6, Call)


def test_text_does_not_depend_on_which_spelling_came_first():
    code = "from exprad import *; a, b, c = variables('a b c'); {}; print(str((a + b*c)*sin(b + a)), str(c*(a*b) + 1))"
    outputs = {
        subprocess.run([sys.executable, "-c", code.format(first)], capture_output=True, text=True, check=True).stdout
        for first in ("0", "k = b + a, c*b, 1 + c*(b*a)", "k = sin(a + b)*(c*b + a)")
    }
    assert len(outputs) == 1


def test_a_picture_shows_values_and_adjoints():
    f = x * y + x
    text = exprad.to_dot(f, values={"x": 3, "y": 4}, adjoints=True)
    assert text.count("adjoint 5") == 1 and text.count("adjoint 1") == 2 and text.count("adjoint 3") == 1
    assert [f"= {value}" in text for value in (3, 4, 12, 15)] == [True] * 4
    assert text.count(" -> ") == 4 and "fillcolor" in exprad.to_dot([f, x])


def test_nodes_are_freed_at_once():
    gc.collect()
    table = exprad.graph.expr.node_class(exprad.sin)._interned
    before = len(table)
    f = sin(Var.fresh("leak") * 2)
    assert len(table) == before + 1
    del f
    assert len(table) == before


@pytest.mark.parametrize(
    "f, n",
    [
        (rosenbrock([Var(f"r{i}") for i in range(200)]), 200),
        (math.prod([Var(f"s{i}") for i in range(200)]), 200),
        (sin(sin(sin(sin(x * y)))), 2),
    ],
)
def test_a_gradient_has_at_most_5_nodes_a_node_and_2_a_variable(f, n):
    assert len(postorder([f, *f.gradient(list(f.variables))])) <= 5 * len(postorder([f])) + 2 * n


def test_functions_for_arrays_run_on_object_arrays_of_variables():
    from scipy.optimize import rosen, rosen_der

    p = np.array([Var(f"v{i}") for i in range(5)], dtype=object)
    f = rosen(p)
    at = {f"v{i}": 0.3 * i - 0.5 for i in range(5)}
    ours = [g.evaluate(at) for g in gradient(f, list(p))]
    assert np.allclose(ours, rosen_der(np.array(list(at.values()))), rtol=1e-13)
    assert isinstance(np.exp(p)[0], Expr) and np.sin(x) is sin(x) and np.float64(2) * x is 2.0 * x


def test_options_for_expressions_are_refused_with_a_python_function():
    for options in ({"kink": "left"}, {"kink": "nonsense"}, {"strict": True}):
        with pytest.raises(exprad.ExpradError, match="Python function"):
            gradient(lambda p: p[0] ** 2, [3.0], **options)
    with pytest.raises(exprad.ExpradError, match="Python function"):
        derivative(lambda t: abs(t), 0.0, kink="left")


def test_parts_of_arrays():
    m = Var("m", shape=(3, 4))
    at = np.arange(12.0).reshape(3, 4)
    for index in (
        0,
        -1,
        slice(1, None),
        (slice(None, None, -2), 1),
        (..., 2),
        (1, None, slice(0, 3, 2)),
        slice(2, 0, -1),
    ):
        part = m[index]
        value, shift = part.evaluate(m=at), np.cos(np.arange(12.0)).reshape(3, 4)
        assert np.array_equal(value, at[index]) and part.shape == at[index].shape
        f = (part**2).sum()
        slope = f.gradient(m).evaluate(m=at)
        assert (slope * shift).sum() == pytest.approx(f.evaluate(m=exprad.DualNumber(at, shift)).eps)
        assert exprad.jvp(f, {m: shift}).evaluate(m=at) == pytest.approx((slope * shift).sum())
        assert np.array_equal(exprad.compile(f.gradient(m), [m])(at), slope)
        for g in (part, f.gradient(m)):
            assert parse(str(g)) is g and pickle.loads(pickle.dumps(g)) is g
    assert len(m) == 3 and [row.shape for row in m] == [(4,)] * 3 and m.T.shape == (4, 3) and m[0:3] is m[:] is m
    rosen = ((m[0, 1:] - m[0, :-1] ** 2) ** 2).sum()
    assert rosen.gradient(m).shape == (3, 4)
    for index, error in ((3, "range"), ((0, 0, 0), "axes"), ("a", "whole numbers"), (1.5, "whole numbers")):
        with pytest.raises(exprad.ExpradError, match=error):
            m[index]
    with pytest.raises(IndexError):
        x[0]
    assert x[...] is x[()] is x and x[None].shape == (1,)
    with pytest.raises(TypeError):
        list(x)


def test_a_branch_on_values_names_the_way_out_and_dual_numbers_run_it():
    def function(p):
        return p[0] ** 2 if p[0] > 1 else p[1]

    with pytest.raises(TypeError, match="where"):
        function([x, y])
    assert gradient(function, [3.0, 4.0]) == [6.0, 0]


def test_shaped_expressions_in_all_modes():
    v, m = Var("v", shape=(3,)), Var("m", shape=(2, 3))
    f = ((m @ v) ** 2).sum() + (v.reshape(3, 1).broadcast_to((3, 2)) * x).sum()
    at = {"v": np.array([1.0, 2, 3]), "m": np.arange(6.0).reshape(2, 3), "x": 2.0}
    slopes = f.gradient([v, m, x])
    assert [g.shape for g in slopes] == [(3,), (2, 3), ()]
    for wrt, slope in zip((v, m, x), slopes, strict=True):
        found, direction = (
            np.asarray(evaluate(slope, at)),
            np.cos(np.arange(np.prod(wrt.shape)) + 1.0).reshape(wrt.shape),
        )
        moved = [evaluate(f, {**at, wrt.name: at[wrt.name] + side * 1e-6 * direction}) for side in (1, -1)]
        forward = exprad.jvp(f, {wrt: direction}).evaluate(at)
        dual = evaluate(
            f, {**at, wrt.name: exprad.DualNumber(at[wrt.name], direction if wrt.shape else float(direction))}
        ).eps
        assert np.isclose((moved[0] - moved[1]) / 2e-6, (found * direction).sum(), rtol=1e-6)
        assert np.isclose(forward, (found * direction).sum()) and np.isclose(dual, forward)
    with pytest.raises(exprad.ExpradError, match="(3,).*|shapes"):
        m @ Var("w", shape=(2,))


def test_eight_threads_building_at_once_share_nodes():
    results = [None] * 8

    def build(k):
        e = Var("thread")
        for i in range(3000):
            e = sin(e) * (e + i)
        results[k] = e

    threads = [threading.Thread(target=build, args=(k,)) for k in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(result is results[0] for result in results)


def test_a_living_node_stays_the_only_one_while_threads_build_and_drop_it():
    base, lost, rounds = Var("race"), [], 20_000 if SEARCH == 1 else 200_000
    interval = sys.getswitchinterval()

    def work(k):
        for i in range(rounds):
            e = base * (i % 3 + 2)
            if e is not base * (i % 3 + 2):
                lost.append((k, i))
            del e

    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    finally:
        sys.setswitchinterval(interval)
    assert not lost


NAMES = [
    "lambda",
    'a"b',
    "a'b",
    "new\nline",
    "__import__('os')",
    "x y",
    "1x",
    "ü",
    "pi",
    "inf",
    "nan",
    "\\",
    "a\\n",
    "\0",
    "日本",
]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_print_quoted_and_read_back(name):
    f = Var(name) ** 2 + 1
    assert parse(str(f)) is f and f.gradient(Var(name)).evaluate({name: 3}) == 6
    assert exprad.to_dot(f).count("->") == 4


@pytest.mark.parametrize("bad", ["3", None, 1j, [1], {}, b"x", object()])
def test_a_constant_that_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="got"):
        x + bad if bad is not None and not isinstance(bad, (list, dict)) else Const(bad)


@pytest.mark.parametrize(
    "text",
    [
        "x^2",
        "sin(",
        "sin()",
        "x +",
        "(x",
        "x)",
        "foo(x)",
        "x y",
        "",
        "1 2",
        "a < b < c",
        "sin(x, y)",
        "x = ",
        "\0",
        "'x'",
        "__import__('os')",
        "x.y",
        "1" * 20_000,
    ],
)
def test_bad_text_raises_with_line_column_and_caret(text):
    with pytest.raises(exprad.ExpradError, match="line 1, column") as caught:
        parse(text)
    assert len(str(caught.value)) < 500 and "^" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000 + "x" + ")" * 100_000,
        "-" * 100_001 + "x",
        "+".join(["x"] * 100_000),
        "sin(" * 100_000 + "x" + ")" * 100_000,
        "2**" * 50_000 + "x",
    ],
)
def test_deep_text_is_read(text):
    f = parse(text)
    assert parse(str(f)) is f


def test_power_towers_neither_hang_nor_overflow():
    f = parse("9**9**9**9**9 + x")
    assert f.evaluate(x=1.0) == math.inf
    assert (Const(10) ** 10**9 * x).evaluate(x=1.0) == math.inf
    assert (x ** (10**30)).evaluate(x=1) == 1


def test_unbound_unknown_and_wrong_bindings_raise():
    f = x + y
    Var("y").value = None
    for bindings, message in [
        ({"x": 1}, "'y' has no value"),
        ({"x": 1, "y": 1, "no_such_name": 2}, "no_such_name"),
        ({"x": "3", "y": 1}, "'x'"),
        ({x: 1, "x": 2, "y": 0}, "twice"),
        ({"x": 1j, "y": 1}, "complex"),
    ]:
        with pytest.raises(exprad.ExpradError, match=message):
            f.evaluate(bindings)


def test_values_of_variables_are_used_where_nothing_is_bound():
    v = Var("held_value", 5)
    assert (v + 1).evaluate() == 6 and (v + 1).evaluate(held_value=1) == 2


def test_numbers_of_other_kinds():
    import mpmath

    f = x * x / 3 + Fraction(1, 3)
    assert f.evaluate(x=Fraction(1)) == Fraction(2, 3)
    with mpmath.workdps(40):
        assert abs(f.evaluate(x=mpmath.mpf(1)) - mpmath.mpf(2) / 3) < mpmath.mpf(10) ** -38
    assert Div(x, y).evaluate(x=1, y=0) == math.inf and where(x < y, x, y).evaluate(x=1, y=Fraction(1, 2)) == Fraction(
        1, 2
    )


@pytest.mark.long
def test_ten_megabytes_of_text():
    with pytest.raises(SyntaxError, match="operand"):
        parse("(" * 10_000_000)
    with pytest.raises(SyntaxError, match="digits"):
        parse("1" * 10_000_000)
    assert parse("x" * 10_000_000).name == "x" * 10_000_000
    assert parse("+".join(["x*y"] * 2_500_000)).evaluate(x=2, y=3) == 15_000_000


@pytest.mark.long
@pytest.mark.parametrize("shape", ["chain", "shared"])
def test_a_million_deep(shape):
    e = x
    for i in range(1_000_000 if shape == "chain" else 100_000):
        e = sin(e) + (i % 7) if shape == "chain" else sin(e) / 2 + e / 4
    assert e.evaluate(x=0.5) == evaluate(e, x=0.5)
    forward, reverse = e.gradient(x), e.gradient([x])[0]
    at = 0.5
    assert forward.evaluate(x=at) == pytest.approx(reverse.evaluate(x=at), rel=1e-6, abs=1e-300)
    text = str(e)
    assert parse(text) is e and len(repr(e)) < 2000
    assert pickle.loads(pickle.dumps(e)) is e and copy.deepcopy(e) is e
    other = e.substitute({x: y})
    assert other is not e and hash(other) != hash(e) and other.substitute({y: x}) is e
    assert exprad.to_dot(e).count("\n") > 100_000
    del e, forward, reverse, other


def test_derivative_refuses_a_wrong_order():
    with pytest.raises(exprad.ExpradError, match="order"):
        derivative(x, x, order=-1)
