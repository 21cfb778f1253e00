"""Values at the edges: a row of the promise a test, in every mode: symbolic, dual, define-by-run."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import exprad
from exprad import (
    Const,
    DualNumber,
    Var,
    Variable,
    acos,
    acosh,
    asin,
    atan2,
    atanh,
    clip,
    copysign,
    derivative,
    equal,
    exp,
    hypot,
    log,
    log1p,
    logaddexp,
    maximum,
    minimum,
    mod,
    parse,
    relu,
    sigmoid,
    sign,
    sinc,
    softplus,
    sqrt,
    square,
    tanh,
    variables,
    where,
    xlogy,
)
from exprad.graph.evaluation import evaluate
from exprad.ground.traverse import postorder
from tests.targets import Library, arrays_of, emulated, needs_gcc

x, y = variables("x y")
inf, nan = math.inf, math.nan


def every_mode(f, wrt, **at):
    """The derivative by forward, reverse and dual mode, and define-by-run."""
    forward = f.gradient(wrt).evaluate(**at)
    reverse = f.gradient([wrt])[0].evaluate(**at)
    dual = f.evaluate({**at, wrt.name: DualNumber(at[wrt.name], 1)})
    return forward, reverse, getattr(dual, "eps", 0), by_run(f, wrt, **at)


def by_run(f, wrt, **at):
    """The derivative by a backward pass over what was recorded."""
    variables = {name: Variable(np.array(value)) if isinstance(value, float) else value for name, value in at.items()}
    with np.errstate(all="ignore"):
        result = f.evaluate(variables)
    if not isinstance(result, Variable):
        return 0.0
    result.backward()
    grad = variables[wrt.name].grad
    return 0.0 if grad is None else float(grad.data)


def same(a, b, tolerance=1e-12):
    return math.isnan(a) and math.isnan(b) or a == b or abs(a - b) <= tolerance * max(abs(a), abs(b))


def promised(f, wrt, expected, **at):
    """The slope is as expected in every mode; also shifted, scaled, composed, and inside a where."""
    inside = where(Var("s") > 0, f, exp(f * f))
    outer = expected / math.cosh(float(f.evaluate(**at))) ** 2 if abs(float(f.evaluate(**at))) < 300 else 0.0
    for g, want in (
        (f, expected),
        (3 + f, expected),
        (f * 2, 2 * expected),
        (-f, -expected),
        (inside, expected),
        (tanh(f), outer),
    ):
        for slope in every_mode(g, wrt, **at, **({"s": 1.0} if g is inside else {})):
            assert same(float(slope), want), (g, slope, want)


CASES = [
    (x**0, x, {"x": 0.0}, 0),
    (x**y, x, {"x": 0.0, "y": 1.0}, 1),
    (x**y, x, {"x": 0.0, "y": 0.0}, 0),
    (x**y, y, {"x": 0.0, "y": 2.0}, 0),
    (x**y, y, {"x": 0.0, "y": 0.0}, 0),
    (x**y, y, {"x": -1.0, "y": 2.0}, nan),
    (x**3, x, {"x": -2.0}, 12),
    (x**3.0, x, {"x": -2.0}, 12),
    (x**y, x, {"x": -2.0, "y": 3}, 12),
    (sqrt(x), x, {"x": 0.0}, inf),
    (xlogy(x, x), x, {"x": 0.0}, -inf),
    (abs(x), x, {"x": 0.0}, 0),
    (sign(x), x, {"x": 0.0}, 0),
    (maximum(x, y), x, {"x": 1.0, "y": 1.0}, 0.5),
    (minimum(x, y), y, {"x": 1.0, "y": 1.0}, 0.5),
    (relu(x), x, {"x": 0.0}, 0),
    (clip(x, -1, 1), x, {"x": 1.0}, 0.5),
    (where(x > 0, log(x), 2 * x), x, {"x": 0.0}, 2),
    (where(x > 0, sqrt(x), 0), x, {"x": 0.0}, 0),
    (where(x > 0, x * log(x), x), x, {"x": -1.0}, 1),
    (sqrt(x * x), x, {"x": 0.0}, nan),
    (hypot(x, y), x, {"x": 0.0, "y": 0.0}, 0),
    (hypot(x, y), x, {"x": 1e200, "y": 1e200}, math.sqrt(0.5)),
    (hypot(x, y), x, {"x": 1e-200, "y": 1e-200}, math.sqrt(0.5)),
    (atan2(x, y), x, {"x": 0.0, "y": 0.0}, 0),
    (atan2(x, y), x, {"x": 1e200, "y": 1e200}, 5e-201),
    (atan2(x, y), x, {"x": 1e-200, "y": 1e-200}, 5e199),
    (softplus(x), x, {"x": 800.0}, 1),
    (logaddexp(x, y), x, {"x": 1000.0, "y": 1000.0}, 0.5),
    (tanh(x), x, {"x": 20.0}, 1.6993417021166355e-17),
    (sigmoid(x), x, {"x": 40.0}, 4.248354255291589e-18),
    (log1p(x), x, {"x": 1e-300}, 1),
    (sinc(x), x, {"x": 0.0}, 0),
    (mod(x, y), x, {"x": 7.0, "y": 3.0}, 1),
    (mod(x, y), y, {"x": 7.0, "y": 3.0}, -2),
    (sigmoid(x), x, {"x": 0.0}, 0.25),
    (softplus(x), x, {"x": 0.0}, 0.5),
    (logaddexp(x, y), y, {"x": 1.0, "y": 1.0}, 0.5),
    (xlogy(x, y), x, {"x": 0.0, "y": 2.0}, math.log(2)),
    (xlogy(x, y), y, {"x": 0.0, "y": 2.0}, 0),
    (asin(x), x, {"x": 1.0}, inf),
    (acos(x), x, {"x": -1.0}, -inf),
    (atanh(x), x, {"x": 1.0}, inf),
    (acosh(x), x, {"x": 1.0}, inf),
    (x**y, x, {"x": -2.0, "y": 0.0}, 0),
    (x**y, x, {"x": 2.0, "y": 0.0}, 0),
]


@pytest.mark.parametrize("f, wrt, at, expected", CASES, ids=lambda case: str(case)[:40])
def test_slope_at_the_edge(f, wrt, at, expected):
    if f is x**0:
        assert f is Const(1)
        return
    if isinstance(expected, float) and (math.isnan(expected) or math.isinf(expected)):
        for slope in every_mode(f, wrt, **at):
            assert same(float(slope), expected)
    else:
        promised(f, wrt, expected, **at)


@pytest.mark.parametrize("f, wrt, at, expected", CASES, ids=lambda case: str(case)[:40])
@pytest.mark.parametrize("first", ["forward", "reverse"])
def test_one_order_higher_the_modes_agree(f, wrt, at, expected, first):
    slope = f.gradient(wrt) if first == "forward" else f.gradient([wrt])[0]
    forward, *others = (float(second) for second in every_mode(slope, wrt, **at))
    assert all(same(forward, other, 1e-9) for other in others), (forward, others)


@pytest.mark.parametrize("f, wrt, at, expected", CASES, ids=lambda case: str(case)[:40])
def test_compiled_slopes_at_the_edge(f, wrt, at, expected):
    slopes = [f.gradient(wrt), f.gradient([wrt])[0]]
    inputs = sorted({*f.variables, wrt}, key=lambda v: v.name)
    values = [float(at[v.name]) for v in inputs]
    for found in (
        exprad.compile(slopes, inputs)(*values),
        exprad.compile(slopes, inputs, backend="numpy")(*[np.full(3, value) for value in values]),
    ):
        for slope in found:
            assert same(float(np.ravel(slope)[0]), expected), (f, slope)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("f, wrt, at, expected", CASES, ids=lambda case: str(case)[:40])
def test_native_slopes_at_the_edge(f, wrt, at, expected, fast):
    pytest.importorskip("llvmlite")
    slopes = [f.gradient(wrt), f.gradient([wrt])[0]]
    inputs = sorted({*f.variables, wrt}, key=lambda v: v.name)
    values = [float(at[v.name]) for v in inputs]
    function = exprad.compile(slopes, inputs, backend="native", fast=fast)
    for found in (function(*values), function(*[np.full(11, value) for value in values])):
        for slope in found:
            for each in np.ravel(slope):
                assert same(float(each), expected), (f, slope)


@needs_gcc
def test_c_slopes_at_the_edge(tmp_path):
    library = Library([f.gradient(wrt) for f, wrt, *_ in CASES], [x, y], tmp_path)
    for place, (f, _, at, expected) in enumerate(CASES):
        assert same(library(float(at["x"]), float(at.get("y", 0.0)))[place], expected), f


@needs_gcc
def test_slopes_at_the_edge_in_the_kernel_for_a_gpu(tmp_path):
    function = exprad.compile([f.gradient(wrt) for f, wrt, *_ in CASES], [x, y], backend="cupy")
    arrays = [np.array([float(at.get(name, 0.0)) for *_, at, _ in CASES]) for name in ("x", "y")]
    found = emulated(function, tmp_path, arrays)
    for place, (f, *_, expected) in enumerate(CASES):
        assert same(found[place][place], expected), f


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("f, wrt, at, expected", CASES, ids=lambda case: str(case)[:40])
def test_slopes_at_the_edge_in_other_libraries(f, wrt, at, expected, backend):
    arrays = arrays_of(backend)
    slopes = [f.gradient(wrt), f.gradient([wrt])[0]]
    inputs = sorted({*f.variables, wrt}, key=lambda v: v.name)
    given = [arrays.asarray(np.full(3, float(at[v.name]))) for v in inputs]
    for slope in exprad.compile(slopes, inputs, backend=backend)(*given):
        for each in np.ravel(np.asarray(slope)):
            assert same(float(each), expected), (f, slope)


CHANGES = {  # of the shape of three points; the second of them comes again, or not at all, or with others
    "index": lambda v: v[1:],
    "reshape": lambda v: v.reshape(3, 1),
    "new axis": lambda v: v[None],
    "broadcast": lambda v: np.broadcast_to(v, (2, 3)),
    "sum along an axis": lambda v: np.sum(np.stack([v, np.zeros(3)], axis=1), axis=-1),
    "gather": lambda v: v[[1, 1, 2]],
    "concatenate": lambda v: np.concatenate([v[:2], v]),
}
POINTS = 3


def on(f, operands):
    """A row of the table of edges on what its variables stand for."""
    values = {}
    for node in postorder([f]):
        given = [values[each] for each in node.operands]
        values[node] = operands[node.name] if isinstance(node, Var) else node.primitive(*given) if given else node.value
    return values[f]


def changed(f, change, before):
    """A program of vectors: the row with a change of shape before or after it, summed up."""

    def program(**operands):
        if before:
            operands = {name: change(v) for name, v in operands.items()}
        result = on(f, operands)
        return np.sum(result if before else change(result))

    return program


def times_counted(change):
    """How often each of the points comes through a change."""
    return np.array([np.sum(change(unit)) for unit in np.eye(POINTS)])


def share(counts, slope):
    """The slope by each point: what is never read counts nothing, whatever it is."""
    return np.array([count * slope if count else 0.0 for count in counts])


def vectors(at):
    """Every variable as a vector of its point again and again, or of its points."""
    return {name: np.array(value, float) + np.zeros(POINTS) for name, value in at.items()}


def slopes_of_vectors(program, wrt, at):
    """By forward, reverse and dual mode along ones; by reverse mode, define-by-run and compiled for each point."""
    arrays = vectors(at)
    v = {name: Var(f"{name}_points", shape=(POINTS,)) for name in arrays}
    bound = {v[name]: value for name, value in arrays.items()}
    f, x_dot = program(**v), np.ones(POINTS)
    reverse = f.gradient([v[wrt.name]])[0]
    dual = program(**{**arrays, wrt.name: DualNumber(arrays[wrt.name], x_dot)})
    recorded = {name: Variable(value) for name, value in arrays.items()}
    with np.errstate(all="ignore"):
        program(**recorded).backward()
        along = [exprad.jvp(f, {v[wrt.name]: x_dot}).evaluate(bound), dual.eps]
        each = [reverse.evaluate(bound), recorded[wrt.name].grad.data]
    compiled = [exprad.compile(reverse, list(v.values()), backend=backend) for backend in ("numpy", "auto")]
    return along, [*each, *[function(*arrays.values()) for function in compiled]]


EDGES = [case for case in CASES if case[0] is not x**0]


def agree(expected, found, tolerance=1e-12):
    assert np.shape(found) == np.shape(expected)
    pairs = zip(np.ravel(expected), np.ravel(found), strict=True)
    assert all(same(float(b), float(a), tolerance) for a, b in pairs), (expected, found)


@pytest.mark.parametrize("where_changed", ["before", "after"])
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("f, wrt, at, expected", EDGES, ids=lambda case: str(case)[:40])
def test_slope_at_the_edge_through_a_change_of_shape(f, wrt, at, expected, change, where_changed):
    along, each = slopes_of_vectors(changed(f, CHANGES[change], where_changed == "before"), wrt, at)
    wanted = share(times_counted(CHANGES[change]), float(expected))
    for slope in along:
        agree(wanted.sum(), slope)
    for slopes in each:
        agree(wanted, slopes)


def curvatures(program, wrt, at):
    """The second derivative along ones: forward over reverse, reverse over reverse, nested dual numbers, backward of backward."""
    arrays = vectors(at)
    v = {name: Var(f"{name}_points", shape=(POINTS,)) for name in arrays}
    bound = {v[name]: value for name, value in arrays.items()}
    f, t, x_dot = program(**v), v[wrt.name], np.ones(POINTS)
    dual = program(**{**arrays, wrt.name: DualNumber(DualNumber(arrays[wrt.name], x_dot), x_dot)})
    recorded = {name: Variable(value) for name, value in arrays.items()}
    with np.errstate(all="ignore"):
        each = [exprad.hvp(f, t, x_dot).evaluate(bound), np.sum(f.gradient([t])[0]).gradient([t])[0].evaluate(bound)]
        return each + [by_create_graph(program(**recorded), recorded[wrt.name])], getattr(dual.eps, "eps", 0.0)


def by_create_graph(result, variable):
    """The second derivative by a backward pass of a recorded backward pass."""
    with np.errstate(all="ignore"):
        result.backward(create_graph=True)
        slope = np.sum(variable.grad)
        variable.cleargrad()
        if isinstance(slope, Variable) and slope._node is not None:
            slope.backward()
    return np.zeros(variable.shape) if variable.grad is None else variable.grad.data


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("f, wrt, at, expected", EDGES, ids=lambda case: str(case)[:40])
def test_second_derivative_at_the_edge_through_a_change_of_shape(f, wrt, at, expected, change):
    second = float(f.gradient(wrt).gradient(wrt).evaluate(at))
    wanted = share(times_counted(CHANGES[change]), second)
    for is_before in (True, False):
        each, across = curvatures(changed(f, CHANGES[change], is_before), wrt, at)
        agree(wanted.sum(), across, 1e-9)
        for found in each:
            agree(wanted, found, 1e-9)


@pytest.mark.parametrize("f, wrt, at, expected", EDGES, ids=lambda case: str(case)[:40])
def test_second_derivative_at_the_edge_by_create_graph(f, wrt, at, expected):
    variables = {name: Variable(np.array(float(value))) for name, value in at.items()}
    second = float(by_create_graph(f.evaluate(variables), variables[wrt.name]))
    for slope in (f.gradient(wrt), f.gradient([wrt])[0]):
        assert same(second, float(slope.gradient(wrt).evaluate(at)), 1e-9)


@pytest.mark.parametrize("first, then", [(x, y), (y, x)])
@pytest.mark.parametrize("f, at", [(f, at) for f, _, at, _ in EDGES if len(at) == 2], ids=lambda case: str(case)[:40])
def test_mixed_second_derivatives_at_the_edge(f, at, first, then):
    """By every route; and by the other order, where both are finite."""
    at = {name: float(value) for name, value in at.items()}
    variables = {name: Variable(np.array(value)) for name, value in at.items()}
    with np.errstate(all="ignore"):
        f.evaluate(variables).backward(create_graph=True)
        slope = variables[first.name].grad
        for variable in variables.values():
            variable.cleargrad()
        slope.backward()
    grad = variables[then.name].grad
    forward = float(f.gradient(first).gradient(then).evaluate(at))
    assert same(forward, float(f.gradient([first])[0].gradient([then])[0].evaluate(at)), 1e-9), "reverse"
    assert same(forward, 0.0 if grad is None else float(grad.data), 1e-9), "backward of backward"
    other = float(f.gradient(then).gradient(first).evaluate(at))
    is_convention = f is x**y and at["x"] == 0  # the slope by y at x = 0, which has no limit
    assert is_convention or same(forward, other, 1e-9) or not math.isfinite(forward) or not math.isfinite(other)


OF_ARRAYS = {  # a function of three points, where, its slopes, and its Hessian times ones or None where none is promised
    "norm at 0": (lambda v: np.linalg.norm(v), [0, 0, 0], [0, 0, 0], None),
    "norm of columns, one of them 0": (
        lambda v: np.linalg.norm(np.stack([v, np.zeros(3)]), axis=0), [0, 3, -4], [0, 1, -1], [0, 0, 0]),
    "norm of columns, no kink": (lambda v: np.linalg.norm(np.stack([v, v - 1]), axis=0), [0, 1, 1], [-1, 1, 1], [1, 1, 1]),
    "hypot against a column of zeros": (lambda v: hypot(v, np.zeros((3, 1))), [0, 1, -2], [0, 3, -3], [0, 0, 0]),
    "max that ties": (lambda v: np.max(v), [2, 1, 2], [0.5, 0, 0.5], [0, 0, 0]),
    "min that ties": (lambda v: np.min(v, axis=0), [1, 1, 2], [0.5, 0.5, 0], [0, 0, 0]),
    "prod, one zero": (lambda v: np.prod(v), [0, 2, 3], [6, 0, 0], [5, 3, 2]),
    "prod, two zeros": (lambda v: np.prod(v), [0, 0, 3], [0, 0, 0], [3, 3, 0]),
    "std of one element": (lambda v: np.std(v[:1]), [2, 1, 2], [0, 0, 0], [0, 0, 0]),
    "std along an axis of one": (lambda v: np.std(v[None], axis=0), [2, 1, 2], [0, 0, 0], [0, 0, 0]),
    "logarithm, then an index": (lambda v: log(v)[:2], [1, 2, 0], [1, 0.5, 0], [-1, -0.25, 0]),
    "guard after indices": (lambda v: where(v[:2] > 0, log(v)[:2], 0), [0, 2, 1], [0, 0.5, 0], [0, -0.25, 0]),
    "index after a guard": (lambda v: sqrt(where(v > 0, v, 0)[:2]), [0, 4, 0], [0, 0.25, 0], [0, -1 / 32, 0]),
    "guard after new axes": (lambda v: where(v[:, None] > 0, sqrt(v)[:, None], 0), [0, 4, -1], [0, 0.25, 0], [0, -1 / 32, 0]),
    "guard that broadcasts": (lambda v: where(np.array([[True], [True]]), v, log(v)), [0, 2, 1], [2, 2, 2], [0, 0, 0]),
    "concatenate, then an index": (lambda v: np.concatenate([log(v), v])[1:], [0, 2, 1], [1, 1.5, 2], [0, -0.25, -1]),
    "guard of a sum": (lambda v: where(np.sum(v) > 9, np.sum(log(v)), v[0]), [0, 2, 1], [1, 0, 0], [0, 0, 0]),
    "cumsum of a reversed logarithm": (lambda v: np.cumsum(log(v)[::-1])[:2], [0, 2, 1], [0, 0.5, 2], [0, -0.25, -2]),
    "root of a padded vector": (lambda v: sqrt(np.pad(v, 1)), [1, 4, 4], [0.5, 0.25, 0.25], [-1 / 4, -1 / 32, -1 / 32]),
}  # fmt: skip


@pytest.mark.parametrize("f, at, slopes, seconds", OF_ARRAYS.values(), ids=OF_ARRAYS)
def test_derivatives_of_arrays_at_the_edge(f, at, slopes, seconds):
    def program(v):
        return np.sum(f(v))

    v, value, x_dot = Var("v", shape=(POINTS,)), np.array(at, float), np.ones(POINTS)
    g, recorded = program(v), Variable(value)
    with np.errstate(all="ignore"):
        program(recorded).backward()
        along = [exprad.jvp(g, {v: x_dot}).evaluate(v=value), program(DualNumber(value, x_dot)).eps]
    each = [g.gradient([v])[0].evaluate(v=value), recorded.grad.data, exprad.compile(g.gradient(v), [v])(value)]
    for found in each:
        agree(np.array(slopes, float), found)
    for found in along:
        agree(np.sum(slopes), found)
    if seconds is not None:
        each, across = curvatures(program, v, {"v": at})
        for found in each:
            agree(np.array(seconds, float), found, 1e-9)
        agree(np.sum(seconds), across, 1e-9)


@pytest.mark.parametrize("exponent", [2, 2.0, y])
def test_third_derivative_of_a_square_at_0_is_0(exponent):
    third = derivative(x**exponent, x, order=3)
    assert third.evaluate(x=0.0, y=2) == 0 and third.evaluate(x=0.0, y=2.0) == 0


def test_second_derivatives_at_the_edge():
    assert derivative(abs(x) ** 2, x, order=2).evaluate(x=0.0) == 2
    assert derivative(square(x), x, order=2).evaluate(x=0.0) == 2
    assert same(derivative(sinc(x), x, order=2).evaluate(x=0.0), -(math.pi**2) / 3)
    for size in (1e200, 1e-200):
        second = hypot(x, y).hessian([x, y])
        assert same(second[0][0].evaluate(x=size, y=size), math.sqrt(0.5) / 2 / size, 1e-10)


@pytest.mark.parametrize("t", [1e-3, 1e-5, 1e-8])
def test_sinc_is_accurate_near_0(t):
    import mpmath

    with mpmath.workdps(50):
        exact = [float(mpmath.diff(mpmath.sincpi, mpmath.mpf(t), n)) for n in range(3)]
    for order, expected in enumerate(exact):
        assert same(derivative(sinc(x), x, order=order).evaluate(x=t), expected, 1e-12)


def test_an_untaken_branch_never_poisons_any_order():
    f = where(x > 0, x**1.5 * log(x), x**2) + sqrt(where(x > 0, x, 4))
    for order in range(4):
        g = derivative(f, x, order=order)
        assert math.isfinite(g.evaluate(x=-1.0)), order
        array = g.evaluate(x=np.array([-1.0, 2.0]))
        assert np.isfinite(array).all()
        assert same(array[1], g.evaluate(x=2.0))


def test_what_changes_the_domain_is_kept():
    for f in (0 * x, x - x, x / x):
        assert math.isnan(f.evaluate(x=nan)) and math.isnan(f.evaluate(x=inf))


def test_signed_zeros_are_kept_apart():
    assert Const(0.0) is not Const(-0.0)
    assert (1 / x).evaluate(x=-0.0) == -inf
    assert copysign(1, x).evaluate(x=-0.0) == -1
    assert math.copysign(1, (x + -0.0).evaluate(x=-0.0)) == -1


def test_python_floats_give_ieee_results():
    assert (1 / x).evaluate(x=0) == inf and (1 / x).evaluate(x=0.0) == inf
    assert log(x).evaluate(x=0) == -inf and exp(x).evaluate(x=1000) == inf
    assert math.isnan(sqrt(x).evaluate(x=-1)) and math.isnan((x**y).evaluate(x=-8.0, y=1 / 3))
    assert math.isnan(xlogy(x, y).evaluate(x=0.0, y=-1.0)) and xlogy(0.0, 0.0) == 0
    assert softplus(x).evaluate(x=800.0) == 800 and sigmoid(x).evaluate(x=-800.0) == 0


def test_nested_derivatives_do_not_confuse_perturbations():
    assert derivative(lambda a: a * derivative(lambda b: a + b, 1), 1) == 1


def test_dual_quotient():
    assert same((DualNumber(1, 2) / DualNumber(3, 4)).eps, 2 / 9)


def test_absent_variable_has_derivative_0_unless_strict():
    assert x.gradient(y) is Const(0) and x.gradient([y]) == [Const(0)]
    with pytest.raises(exprad.ExpradError, match="'y'"):
        x.gradient(y, strict=True)


def test_a_lost_variable_keeps_shape_and_dtype():
    result = (3 * x).gradient(x).evaluate(x=np.zeros((2, 3), np.float32))
    assert result.shape == (2, 3) and result.dtype == np.float32


@pytest.mark.parametrize(
    "wrap", [lambda at: at, Variable, lambda at: DualNumber(at, 1.0), lambda at: DualNumber(DualNumber(at, 1.0), 1.0)]
)
def test_a_lost_variable_keeps_shape_and_dtype_in_every_carrier(wrap):
    """A result beside a Variable is the numbers, as nothing was recorded; beside a dual number it is one."""
    found = x.gradient(x).evaluate({x: wrap(np.ones(3, np.float32))})
    while isinstance(found, DualNumber):
        assert not np.any(found.eps)
        found = found.value
    assert (found.dtype, found.tolist()) == (np.float32, [1.0, 1.0, 1.0])


@pytest.mark.parametrize(
    "f", [x * Fraction(1, 3) + 2, sigmoid(x), softplus(x) * 0.1, x**3 / 7, atan2(x, 2), relu(x), tanh(x)]
)
def test_float32_stays_float32(f):
    at = np.linspace(0.1, 1, 4, dtype=np.float32)
    for g in (f, f.gradient(x), f.gradient([x])[0]):
        assert g.evaluate(x=at).dtype == np.float32
    assert f.evaluate(x=DualNumber(at, np.ones_like(at))).eps.dtype == np.float32


def test_integers_are_exact_or_promoted():
    assert (x * x * y + y + 2).evaluate(x=3, y=4) == 42
    assert (x / 2).evaluate(x=3) == 1.5 and (x**-1).evaluate(x=2) == 0.5
    assert (x**-1).evaluate(x=Fraction(2)) == Fraction(1, 2)
    assert (10**400 * x).evaluate(x=np.ones(2)).tolist() == [inf, inf]
    assert (x * x).evaluate(x=np.array([2**40])).tolist() == [2.0**80]
    assert (x**-1).evaluate(x=np.array([2, 4])).tolist() == [0.5, 0.25]


def test_one_node_used_twice_counts_twice():
    for f, slope in ((x * x, 6), (x + x, 2), (x**x, 27 * (1 + math.log(3)))):
        for found in every_mode(f, x, x=3.0):
            assert same(float(found), slope)


@pytest.mark.parametrize("compare", [lambda: x == 0, lambda: x == 0.0, lambda: x != 0, lambda: x == 0])
def test_comparing_with_a_number_raises(compare):
    with pytest.raises(TypeError, match="equal"):
        compare()


def test_truth_of_a_condition_raises_and_where_refuses_bool():
    with pytest.raises(TypeError, match="where"):
        bool(x < y)
    with pytest.raises(TypeError, match="equal"):
        where(False, x, y)


def test_a_shared_recurrence_stays_linear():
    e = x
    for _ in range(300):
        e = exprad.sin(e) / 2 + e / 4
    text = str(e)
    assert len(text) < 20_000 and parse(text) is e
    assert evaluate(e.gradient([x]), x=1.0)[0] == pytest.approx(evaluate(e.gradient(x), x=1.0))


def test_equal_builds_the_condition():
    assert where(equal(x, 0), 1, 2).evaluate(x=0) == 1
