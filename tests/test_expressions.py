"""Random expressions from the whole table: modes agree, text reads back, folding changes nothing."""

from __future__ import annotations

import math
import operator
import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exprad import Add, Const, Div, DualNumber, Mul, Neg, Pow, Sub, Var, jvp, parse, vjp
from exprad.derivatives.kink import kinks
from exprad.forward import tangents
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Call
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import postorder
from exprad.insight.certificate import check
from exprad.interop.sympy import to_sympy
from tests.rows import VARIABLES, X, Y, Z, close, expressions, searched, smooth_rows

relaxed = searched(150)
numbers = st.floats(-3, 3)


def point(a, b, c):
    return {"x": a, "y": b, "z": c}


@relaxed
@given(expressions())
def test_dual_over_expressions_is_symbolic_forward(f):
    for x in VARIABLES:
        assert _dual(f, x) is f.gradient(x)


def _dual(f, x):
    """The tangent that dual numbers carrying expressions give."""
    values = {}
    for node in postorder([f]):
        if node is x:
            values[node] = DualNumber(x, 1)
        elif node.operands:
            values[node] = node.primitive(*[values[o] for o in node.operands])
        else:
            values[node] = node
    result = values[f]
    eps = result.eps if isinstance(result, DualNumber) else 0
    return eps if hasattr(eps, "operands") else Const(eps)


@relaxed
@given(expressions(), numbers, numbers, numbers)
def test_modes_agree_with_each_other(f, a, b, c):
    at = point(a, b, c)
    values = evaluate(postorder([f]), at)
    if not all(math.isfinite(v) and abs(v) < 1e6 and (v == 0 or abs(v) > 1e-6) for v in values):
        return
    reverse = evaluate(f.gradient(list(VARIABLES)), at)
    forward = [evaluate(f.gradient(x), at) for x in VARIABLES]
    dual = [evaluate(f, {**at, x.name: DualNumber(at[x.name], 1.0)}).eps for x in VARIABLES]
    for p, q, r in zip(forward, reverse, dual, strict=True):
        if math.isfinite(p) and abs(p) < 1e9:
            assert close(p, r, 1e-12)
            assert close(p, q, 1e-9), (f, at)


@relaxed
@given(expressions(), numbers, numbers, numbers)
def test_value_and_slopes_agree_with_high_precision(f, a, b, c):
    at = point(a, b, c)
    slopes = [f.gradient(X), f.gradient([X])[0]]
    exact = [precisely(g, at) for g in (f, *slopes)]
    if exact[1] is not None and exact[2] is not None:
        assert abs(exact[1] - exact[2]) <= mpmath.mpf(10) ** -30 * max(1, abs(exact[1])), (f, at)


def precisely(f, at):
    """The value at 50 digits, after comparing it with the float: a few ulps, times the condition."""
    nodes = evaluate(postorder([f]), at)
    if not all(math.isfinite(v) and (v == 0 or 1e-5 < abs(v) < 1e5) for v in nodes) or is_near_a_jump(f, at):
        return None
    ours, slopes = evaluate(f, at), evaluate(_adjoints(f), at)
    inner = [v for node, v in zip(postorder([f]), nodes, strict=True) if not node.is_const]
    condition = sum(abs(s * v) for s, v in zip(slopes, inner, strict=True) if math.isfinite(s))
    with mpmath.workdps(50):
        theirs = evaluate(f, {k: mpmath.mpf(v) for k, v in at.items()})
    assert abs(ours - theirs) <= 16 * 2.3e-16 * (condition + abs(ours)) + 1e-300, (f, at)
    return theirs


def is_near_a_jump(f, at):
    """Whether rounding could put a condition, or a step, on the other side."""
    gaps = [distance for _, distance in kinks(f)]
    gaps += [node.a - node.b for node in postorder([f]) if node.operands and node.primitive.name == "less"]
    return any(not abs(gap) > 1e-6 for gap in evaluate(gaps, at))


ANALYTIC = [row for row in smooth_rows() if row.analytic]


@searched(30)
@given(expressions(depth=3, rows=ANALYTIC).filter(lambda f: f.variables), numbers, numbers, numbers)
def test_sympy_has_the_same_slopes(f, a, b, c):
    sympy = pytest.importorskip("sympy")
    at = point(a, b, c)
    nodes = evaluate(postorder([f]), at)
    if not all(math.isfinite(v) and (v == 0 or 1e-3 < abs(v) < 1e3) for v in nodes) or is_near_a_jump(f, at):
        return
    x = f.variables[0]
    ours = evaluate(f.gradient(x), at)
    symbols = {v: sympy.Symbol(v.name, real=True) for v in f.variables}
    exact = {symbol: sympy.Float(at[v.name], 60) for v, symbol in symbols.items()}
    theirs = sympy.diff(to_sympy(f), symbols[x]).subs(exact).evalf(30)
    if theirs.is_Float or theirs.is_Rational:
        assert close(ours, float(theirs), 1e-9), (f, at)


def _adjoints(f):
    from exprad.reverse import adjoints

    return [
        Const(0) if bar is None else bar if hasattr(bar, "operands") else Const(bar)
        for bar in adjoints({f: 1}, [node for node in postorder([f]) if not node.is_const])
    ]


@relaxed
@given(expressions())
def test_text_reads_back_to_the_same_node(f):
    assert parse(str(f)) is f
    g = f.gradient(X)
    assert parse(str(g)) is g
    assert pickle.loads(pickle.dumps(f)) is f


@relaxed
@given(
    expressions(),
    numbers,
    numbers,
    numbers,
    st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -0.0, 1e308, 5e-324]),
)
def test_folding_never_changes_a_value(f, a, b, c, special):
    """The same tree built as written, without folds, has the same value everywhere."""
    at = point(a, b, c if special is None else special)
    values = {}
    unfolded = parse(str(f))
    rebuilt = {}
    for node in postorder([unfolded]):
        rebuilt[node] = Call(node.primitive, tuple(rebuilt[o] for o in node.operands)) if node.operands else node
        values[node] = rebuilt[node]
    folded = {}
    for node in postorder([unfolded]):
        folded[node] = node.primitive(*[folded[o] for o in node.operands]) if node.operands else node
    ours, theirs = evaluate(folded[unfolded], at), evaluate(rebuilt[unfolded], at)
    assert math.isnan(ours) and math.isnan(theirs) or ours == theirs, (f, at)


PAIRS = {"+": (operator.add, Add), "-": (operator.sub, Sub), "*": (operator.mul, Mul), "/": (operator.truediv, Div)}
SMALL = [X, Y] + [Const(v) for v in (0, 1, -1, 2, 3, 0.5, -0.0, Fraction(1, 3))]


@given(
    st.lists(st.tuples(st.sampled_from("+-*/pn"), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=8),
    st.sampled_from([0.0, -0.0, 1.5, -2.25, math.inf, -math.inf, math.nan, 1e308, 1e-308]),
    st.sampled_from([0.0, 3.7, -0.1, math.inf]),
)
@searched(400)
def test_operators_and_classes_have_the_same_value(steps, a, b):
    folded, written = list(SMALL), list(SMALL)
    for sign, i, j in steps:
        i, j = i % len(folded), j % len(folded)
        if sign == "n":
            folded.append(-folded[i])
            written.append(Neg(written[i]))
        elif sign == "p":
            folded.append(folded[i] ** (j % 4))
            written.append(Pow(written[i], Const(j % 4)))
        else:
            function, cls = PAIRS[sign]
            folded.append(function(folded[i], folded[j]))
            written.append(cls(written[i], written[j]))
    at = {"x": np.float64(a), "y": np.float64(b)}
    held = {"x": at["x"], "y": at["y"]}
    ours, theirs = float(evaluate(folded[-1], held)), float(evaluate(written[-1], held))
    assert math.isnan(ours) and math.isnan(theirs) or ours == theirs, (folded[-1], written[-1], a, b)


@relaxed
@given(expressions(depth=4), numbers, numbers, numbers)
def test_arrays_give_what_numbers_give(f, a, b, c):
    array = evaluate(f, {"x": np.array([a, b]), "y": np.array([b, c]), "z": np.array([c, a])})
    for index, at in enumerate((point(a, b, c), point(b, c, a))):
        assert close(float(array[index]), float(evaluate(f, at)), 1e-12) or abs(array[index]) > 1e12


SHORT = [Primitive.registry[name] for name in ("add", "sub", "mul", "div", "neg", "sin", "cos", "exp", "log", "sqrt")]


@relaxed
@given(expressions(depth=12, rows=SHORT))
def test_a_gradient_has_at_most_5_nodes_a_node_and_2_a_variable(f):
    assert len(postorder([f, *f.gradient(list(VARIABLES))])) <= 5 * len(postorder([f])) + 2 * len(VARIABLES)


@relaxed
@given(expressions(depth=8))
def test_long_partials_keep_a_gradient_linear(f):
    """Partials of rows such as clip and atan2 have up to a dozen nodes of their own."""
    assert len(postorder([f, *f.gradient(list(VARIABLES))])) <= 16 * len(postorder([f])) + 2 * len(VARIABLES)


def test_a_directional_derivative_is_a_product_with_the_gradient():
    f = X**2 * Y + Z
    assert jvp(f, {X: 1}) is f.gradient(X)
    assert vjp([f], [1], [X]) == [f.gradient(X)]
    assert tangents([f], {Var("w"): 1}) == [None]


@pytest.mark.parametrize("module", ["exprad.expr", "exprad.graph.expr"])
def test_pickles_of_before_load(module):
    """A variable, and a class, as they were pickled when all kinds of nodes stood in one module."""
    assert pickle.loads(f"c{module}\n_variable\n(Vx\n(ttR.".encode()) is X
    assert pickle.loads(f"c{module}\n_variable\n(Vv\n(I3\nttR.".encode()) is Var("v", shape=(3,))
    assert [pickle.loads(f"c{module}\n{cls.__name__}\n.".encode()) for cls in (Add, Const, Var)] == [Add, Const, Var]


@pytest.mark.parametrize("text", ["x**2*y + y + 2", "sin(x)/x + erf(y)", "where(x < y, exp(x), log(y*y + 1))"])
def test_formulas_are_certified(text):
    assert check(parse(text)).ok
