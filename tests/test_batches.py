"""A scalar variable that is bound to an array has a value at each of many points, whatever rows it meets."""

from __future__ import annotations

import itertools
import pickle
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Const, DualNumber, Var, Variable, compile, evaluate, jvp, stack, variables, vjp
from exprad.errors import ArgumentError, ShapeError, UnsupportedError
from exprad.graph.expr import Call
from exprad.graph.program import Program
from exprad.numbers import as_float
from exprad.tensor import Family
from tests.arrays import CASES, Draw
from tests.rows import searched
from tests.targets import needs, present

x, y = variables("x y")
X, Y = np.array([0.9, 1.0, 1.1]), np.array([[0.95], [1.05]])
ROWS = Family.registry
BACKENDS = ("auto", "numpy", "python", "native", "jax")


def at_each_point(outputs: Any, bound: dict[Any, Any]) -> list[Any]:
    """The values of outputs, point by point, with the points' axes in front."""
    scalars = [variable for variable in bound if not variable.shape]
    points = np.broadcast_shapes(*[np.shape(bound[variable]) for variable in scalars])
    wide = {variable: np.broadcast_to(bound[variable], points) for variable in scalars}
    found = [
        evaluate(outputs, {**bound, **{variable: float(wide[variable][place]) for variable in scalars}})
        for place in np.ndindex(points)
    ]
    return [
        np.reshape(np.stack([each[k] for each in found]), (*points, *outputs[k].shape)) for k in range(len(outputs))
    ]


def agree(found: Any, expected: Any, message: str = "") -> None:
    assert np.shape(found) == np.shape(expected), f"{message}: {np.shape(found)}, {np.shape(expected)}"
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9, err_msg=message)


def program(draw: Draw, name: str) -> tuple[Any, dict[Any, Any]]:
    """A call of a function of arrays on arrays that scalars stretch, or that are the same at each point; and a point."""
    function, arrays, _ = CASES[name](draw)
    bound: dict[Any, Any] = {x: X, y: Y}
    operands: list[Any] = []
    for place, array in enumerate(arrays):
        shaped = Var(f"a{place}", shape=array.shape)
        kind = draw(st.sampled_from(["x", "y", "both", *(["variable", "constant"] if place else [])]))
        scale = {"x": x, "y": y, "both": x * y}.get(kind, 1)
        if kind == "variable" and array.shape:
            bound[shaped] = array
        operands.append(shaped if shaped in bound else Const(array) * scale)
    return function(*operands), bound


def derivatives(f: Any, bound: dict[Any, Any]) -> list[Any]:
    """A jvp by x, and all adjoints."""
    return [f, jvp(f, {x: 1}), *vjp(f, np.ones(f.shape) if f.shape else 1, list(bound))]


@pytest.mark.parametrize("name", CASES)
@searched(6)
@given(data=st.data())
def test_every_function_of_arrays_at_many_points(name, data):
    f, bound = program(data.draw, name)
    outputs = derivatives(f, bound)
    expected = at_each_point(outputs, bound)
    batched = evaluate(outputs, bound)
    compiled = compile(outputs, list(bound))(*bound.values())
    for k, output in enumerate(outputs):
        agree(batched[k], expected[k], f"evaluate {output}")
        agree(compiled[k], expected[k], f"compiled {output}")


@pytest.mark.parametrize("name", CASES)
@searched(3)
@given(data=st.data())
def test_dual_numbers_and_variables_at_many_points(name, data):
    f, bound = program(data.draw, name)
    slope = at_each_point([f, jvp(f, {x: 1})], bound)
    found = f.evaluate({**bound, x: DualNumber(X, 1.0)})
    agree(found.value, slope[0])
    agree(found.eps, slope[1])
    recorded = {variable: Variable(np.asarray(value)) for variable, value in bound.items()}
    result = f.evaluate(recorded)
    agree(result.data, slope[0])
    result.backward()
    bars = at_each_point(vjp(f, np.ones(f.shape) if f.shape else 1, list(bound)), bound)
    for (variable, mine), x_bar in zip(recorded.items(), bars, strict=True):
        axes = {x: (0,), y: (1,)}.get(variable, (0, 1))
        if mine.grad is not None:
            agree(mine.grad.data, x_bar.sum(axes, keepdims=variable is y))
        else:
            assert not x_bar.any()


@pytest.mark.parametrize("name", CASES)
@searched(1)
@given(data=st.data())
def test_jax_at_many_points(name, data):
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        f, bound = program(data.draw, name)
        expected = at_each_point([f], bound)
        try:
            function = compile([f], list(bound), backend="jax")
        except UnsupportedError:
            return
        agree(function(*bound.values())[0], expected[0], str(f))
        rest = list(bound.values())[1:]
        mapped = jax.vmap(lambda each: function(each, 1.0, *rest[1:])[0])(X)
        agree(mapped, at_each_point([f], {**bound, y: 1.0})[0])


v, A, M = Var("v", shape=(3,)), np.arange(9.0).reshape(3, 3) / 9, np.array([[2.0, 1.0], [1.0, 3.0]])
C, D = np.arange(12.0).reshape(2, 3, 2) / 12, np.arange(9.0).reshape(3, 3)
EXAMPLES = [ep.sum(x), ep.sum(x * np.ones(3)), ep.norm(x), ep.softmax(x), ep.prod(x), ep.logsumexp(x), ep.mean(x), ep.std(x),
            (A @ v).sum() * x, ep.sum(x * v), stack([x, y]) @ M @ stack([x, y]), ep.norm(stack([x, y])), ep.max(stack([x, y])),
            ep.where(ep.sum(v * x) > 0.3, x, y), ep.reshape(x, (1, 1)), ep.concatenate([stack([x, y]), v]),
            ep.softmax(stack([x, y, x * y]))[1], ep.trace(x * A), ep.det(x * M), ep.solve(M * x, stack([x, y])), v + y,
            ep.einsum(",i->i", x, v), ep.einsum(",->", ep.einsum(",->", x, y), x), ep.broadcast_to(x, (2, 3)), x * v,
            (x * C)[[0, 1], :, [1, 0]], (y * C)[0, :, [1, 0]], (C * x * y)[:, [0, 1], None, [1, 0]],
            ep.sum((x * C)[[0, 1, 1], :, [1, 0, 0]] * y * D), Const(2), 2 * v,
            ep.var(stack([x, y, x])), ep.cumsum(x * v), ep.pad(stack([x, y]), 1)]  # fmt: skip
SHAPES = [
    ((), ()),
    ((3,), ()),
    ((), (2, 1)),
    ((3,), (3,)),
    ((3,), (2, 1)),
    ((0,), ()),
    ((1,), (4,)),
    ((2, 1, 2), (3, 1)),
]


@pytest.mark.parametrize("f", EXAMPLES, ids=lambda f: str(f)[:40])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_of_scalars_is_a_batch_in_every_back_end(f, backend):
    if backend == "jax":
        jax = pytest.importorskip("jax")
        jax.config.update("jax_enable_x64", True)
    if backend == "native":
        pytest.importorskip("llvmlite")
    outputs = [f, *(f.gradient([x, y]) if not f.shape else [])]
    try:
        function = compile(outputs, [x, y, v], backend=backend)
    except UnsupportedError as error:
        assert "takes expressions of scalars" in str(error)
        return
    for first, second in SHAPES[::4] if backend == "jax" else SHAPES:
        xs, ys = np.linspace(0.5, 1.5, 12), np.linspace(-1.0, 2.0, 12)
        bound = {
            x: xs[: int(np.prod(first))].reshape(first),
            y: ys[: int(np.prod(second))].reshape(second),
            v: np.array([1.0, -2.0, 0.5]),
        }
        points = np.broadcast_shapes(first, second)
        if backend == "python" and points and Program.lowered(outputs).is_of_scalars:
            continue  # takes numbers
        expected = (
            at_each_point(outputs, bound) if 0 not in points else [np.empty((*points, *g.shape)) for g in outputs]
        )
        for ours, evaluated, each in zip(function(*bound.values()), evaluate(outputs, bound), expected, strict=True):
            agree(ours, each)
            agree(evaluated, each)


@given(data=st.data())
@searched(60)
def test_random_programs_of_scalars_and_arrays(data):
    f = random_program(data.draw)
    bound = {x: X, y: Y, v: np.array([1.0, -2.0, 0.5])}
    outputs = derivatives(f, bound)
    for ours, each in zip(evaluate(outputs, bound), at_each_point(outputs, bound), strict=True):
        agree(ours, each, str(f))


def random_program(draw: Draw) -> Any:
    """Scalars, vectors and matrices of two or three, made of one another by rows of both tables."""
    scalars: list[Any] = [x, y, ep.sum(v)]
    vectors: list[Any] = [stack([x, y]), v]
    matrices: list[Any] = [Const(M), ep.outer(vectors[0], vectors[0])]
    for _ in range(draw(st.integers(1, 6))):
        a, b = draw(st.sampled_from(scalars)), draw(st.sampled_from(scalars))
        p, q, m = draw(st.sampled_from(vectors)), draw(st.sampled_from(vectors)), draw(st.sampled_from(matrices))
        kind = draw(st.integers(0, 8))
        if kind == 0:
            scalars.append(
                draw(st.sampled_from([a * b, ep.sin(a) + b, ep.where(a < b, a, 2 * b), ep.norm(a), ep.softmax(a)]))
            )
        elif kind == 1:
            scalars.append(
                draw(st.sampled_from([p.sum(), ep.norm(p), ep.logsumexp(p), p[0], p.max(), ep.prod(p), p @ p]))
            )
        elif kind == 2:
            scalars.append(draw(st.sampled_from([ep.trace(m), ep.sum(m, 0)[-1], ep.tanh(m).mean(), m[1, ::-1][0]])))
        elif kind == 3:
            vectors.append(
                draw(st.sampled_from([a * p, p + b, ep.softmax(p), ep.cumsum(p), p[::-1], ep.where(p > a, p, b)]))
            )
        elif kind == 4:
            vectors.append(stack([a, b]))
        elif kind == 5:
            vectors.append(draw(st.sampled_from([m.sum(0), m[[1, 0], [0, 1]], ep.diagonal(m), m @ m[0], m.max(1)])))
        elif kind == 6:
            matrices.append(draw(st.sampled_from([a * m, m.T + b, ep.tanh(m @ m), ep.softmax(m, 0), ep.tril(m)])))
        elif kind == 7 and p.shape == q.shape:
            vectors.append(ep.tanh(p * q))
        else:
            scalars.append(ep.tanh(a * p).sum() / 3)
    return draw(st.sampled_from([scalars[-1], vectors[-1], matrices[-1]])) + draw(st.sampled_from([x, y, 0]))


TREES = [Call(ROWS["sum"].row(), (x,)), Call(ROWS["norm"].row(), (x,)), Call(ROWS["softmax"].row(), (x,)),
         Call(ROWS["log_softmax"].row(), (x * y,)), Call(ROWS["max"].row(), (x,)), Call(ROWS["prod"].row(), (x + y,)),
         Call(ROWS["broadcast_to"].row(shape=()), (x,)), Call(ROWS["reshape"].row(shape=()), (x,)),
         Call(ROWS["transpose"].row(axes=()), (x,)), Call(ROWS["getitem"].row(index=()), (x,)),
         Call(ROWS["einsum"].row(2, subscripts=",->"), (x, Call(ROWS["einsum"].row(2, subscripts=",->"), (x, y))))]  # fmt: skip


@pytest.mark.parametrize("f", TREES, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_of_arrays_on_numbers_as_they_are_written(f, backend):
    """Trees that classes build are kept, and are rows of the first table in every back end."""
    needs(backend)
    assert ep.parse(str(f)) is f and pickle.loads(pickle.dumps(f)) is f
    outputs = [f, *f.gradient([x, y])]
    bound = {x: np.array([1.5, -2.0, 0.5]), y: np.array([2.0, 3.0, -1.0])}
    expected = at_each_point(outputs, bound)
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    function = compile(outputs, [x, y], backend=backend)
    if backend == "python":
        assert "def function" in function.source()
        pairs = zip(*map(np.ndarray.tolist, bound.values()), strict=True)
        found = [np.array(each) for each in zip(*[function(*pair) for pair in pairs], strict=True)]
    else:
        found = function(*bound.values())
    for ours, evaluated, each in zip(found, evaluate(outputs, bound), expected, strict=True):
        agree(ours, each)
        agree(evaluated, each)
    assert ep.to_c([f], [x, y]).source


def test_folds_of_rows_on_numbers_keep_every_value():
    for value in (0.0, 2.5, -1e300, np.inf, -np.inf, np.nan):
        for name in ("sum", "prod", "max", "min", "logsumexp", "norm", "softmax", "log_softmax"):
            row = ROWS[name].row()
            expected, found = row(np.float64(value)), row(x).evaluate(x=value)
            assert np.array_equal(found, expected, equal_nan=True), (name, value)


def test_a_family_without_a_rule_is_computed_point_by_point():
    doubled = Family(
        "doubled_in_tests", shape=lambda x: x, value=lambda np, x: 2 * x, transpose=lambda y_bar, x: doubled(y_bar)
    )
    try:
        f = ep.sum(doubled(stack([x, y]) * v[:2])) + doubled(x)
        bound = {x: X, y: Y, v: np.array([1.0, -2.0, 0.5])}
        for ours, each in zip(
            evaluate(derivatives(f, bound), bound), at_each_point(derivatives(f, bound), bound), strict=True
        ):
            agree(ours, each)
        agree(compile([f], list(bound))(*bound.values())[0], at_each_point([f], bound)[0])
    finally:
        del Family.registry["doubled_in_tests"]


def test_exact_numbers_of_any_precision_at_many_points():
    mpmath = pytest.importorskip("mpmath")
    given = np.array([mpmath.mpf(1) / 3, mpmath.mpf(2)], object)
    found = (ep.sum(x * np.array([1.0, 2.0])) + stack([x, y])[0]).evaluate(x=given, y=1)
    assert [found[0], found[1]] == [4 * given[0], 8]
    assert ep.norm(x).evaluate(x=-given)[0] == given[0]


def test_many_points_are_computed_in_blocks_and_written_where_told(monkeypatch):
    monkeypatch.setattr("exprad.backends.points.VALUE_ELEMENTS", 64)
    f = compile([ep.norm(stack([x, y, x * y])), x * v, 2 * v], [x, y, v])
    xs, vs = np.linspace(0, 1, 101), np.array([1.0, -2.0, 0.5])
    whole = f(xs, 2.0, vs)
    for k, each in enumerate(at_each_point(f._structure.expressions, {x: xs, y: 2.0, v: vs})):
        agree(whole[k], each)
    out = [np.empty((202,))[::2], np.empty((101, 3), order="F"), np.empty((101, 3))]
    f(xs, 2.0, vs, out=out)
    for ours, each in zip(out, whole, strict=True):
        assert np.array_equal(ours, each)
    assert f(xs.astype(np.float32), 2.0, vs.astype(np.float32))[0].dtype == np.float32
    assert f(xs[:0], 2.0, vs)[1].shape == (0, 3)
    assert pickle.loads(pickle.dumps(f))(xs, 2.0, vs)[0].shape == (101,)


def test_an_array_of_outputs_has_its_axes_before_the_points():
    f = compile(np.array([ep.sum(x * v), x], object), [[x, y], v])
    assert f(np.ones((2, 5)), np.ones(3)).shape == (2, 5)


def test_checkpoints_at_many_points():
    h = stack([x, y])
    for _ in range(12):
        h = ep.tanh(M @ h)
    f = ep.sum(h * h)
    outputs = [f, *f.gradient([x, y])]
    plain, kept = (compile(outputs, [x, y], checkpoint=every)(X, Y) for every in (None, "sqrt"))
    for ours, each in zip(kept, plain, strict=True):
        agree(ours, each)


def test_points_that_do_not_broadcast_are_refused():
    for f in (x + y, ep.norm(stack([x, y]))):
        with pytest.raises(ShapeError, match="broadcast"):
            f.evaluate(x=np.ones(3), y=np.ones(2))
        with pytest.raises(ShapeError, match="broadcast"):
            compile(f, [x, y])(np.ones(3), np.ones(2))


def test_dask_arrays_beside_arrays_that_are_the_same_at_each_point():
    da = pytest.importorskip("dask.array")
    f = compile([ep.sum(x * v), ep.norm(stack([x, y]))], [x, y, v])
    xs, vs = np.linspace(0, 1, 10), np.array([1.0, -2.0, 0.5])
    for weights in (vs, da.from_array(vs, chunks=2)):
        lazy = f(da.from_array(xs, chunks=4), 2.0, weights)
        for ours, each in zip(lazy, f(xs, 2.0, vs), strict=True):
            agree(ours.compute(), each)
    with pytest.raises(ShapeError, match="output 0"):
        compile([x * v], [x, v])(da.from_array(xs, chunks=4), vs)


def test_the_shape_of_a_result_that_lost_a_variable_is_the_same_whether_a_scalar_one_of_its_name_lives():
    def shapes() -> list[Any]:
        return [np.shape(Const(2).evaluate(lost=np.ones(size))) for size in ((3,), (2,), ())]

    shaped = Var("lost", shape=(3,))
    alone = shapes()
    scalar = Var("lost")
    assert alone == shapes() == [(), (2,), ()]
    del shaped
    assert shapes() == [(3,), (2,), ()]
    assert np.shape(Const(2).evaluate({scalar: np.ones(3)})) == (3,)
    assert np.shape(Const(2).evaluate({Var("lost", shape=(3,)): np.ones(3)})) == ()


def test_a_lost_variable_gives_the_result_its_kind():
    lost, x, z = Var("lost", shape=(3,)), Var("nowhere_else"), Var("z")
    for key, value in ((lost, np.ones(3)), ("lost", np.ones(3)), (z, 2.0), ("z", 2), (z, np.ones(2))):
        found = Const(2).evaluate({key: DualNumber(value, 1.0)})
        assert isinstance(found, DualNumber) and not np.any(found.eps)
    assert ep.sum(2 * lost).gradient(lost).evaluate(lost=np.ones(3)).shape == (3,)
    assert (x + ep.sum(lost)).gradient(x).evaluate(nowhere_else=np.ones(4), lost=np.ones(3)).shape == (4,)
    assert (x + ep.sum(lost)).gradient(lost).evaluate({x: np.ones(4), lost: np.ones(3)}).shape == (4, 3)
    assert (x > 0).evaluate(nowhere_else=1.0, z=np.ones(2)).tolist() == [True, True]
    found = x.evaluate(nowhere_else=DualNumber(2.0, 1.0), z=np.ones(2))
    assert found.value.shape == found.eps.shape == (2,)


def test_one_name_with_two_shapes_is_refused_wherever_an_expression_is_used():
    f = ep.sum(Var("n", shape=(3,))) * Var("n") + x
    uses = [lambda: f.evaluate(n=1.0, x=2.0), lambda: compile(f), lambda: compile(f, [x, Var("n")], backend="jax"),
            lambda: f.gradient(x), lambda: f.gradient([x, Var("n")]), lambda: f.hessian([x]), lambda: f.backpropagate(),
            lambda: jvp(f, {x: 1}), lambda: vjp(f, 1, [x]), lambda: ep.jacobian([f], [x]), lambda: ep.to_c(f),
            lambda: ep.check(f),
            lambda: (x + Var("n")).evaluate({x: 1.0, Var("n", shape=(3,)): np.ones(3)})]  # fmt: skip
    for use in uses:
        with pytest.raises(ep.ExpradError, match="'n'"):
            use()


MASKED = np.ma.masked_array([1.0, 2.0, 3.0], [False, True, False])


@pytest.mark.parametrize("use", [
    lambda: Const(MASKED), lambda: x * MASKED, lambda: x.evaluate(x=MASKED), lambda: ep.sum(v).evaluate(v=MASKED),
    lambda: Const(2).evaluate(x=MASKED), lambda: Variable(MASKED), lambda: Variable(np.ones(3)) * MASKED,
    lambda: DualNumber(MASKED, 1.0), lambda: DualNumber(1.0, MASKED), lambda: DualNumber(1.0, 1.0) * MASKED,
    lambda: ep.sin(MASKED), lambda: ep.sum(MASKED), lambda: vjp(v * 2, MASKED, [v]), lambda: Var("masked", MASKED),
    lambda: ep.where(x > 0, MASKED, 0), lambda: MASKED * x, lambda: MASKED + v, lambda: MASKED - Variable(np.ones(3)),
    lambda: MASKED / DualNumber(1.0, 1.0),
    lambda: setattr(Variable(np.ones(3)), "data", MASKED), lambda: setattr(Variable(np.ones(3)), "grad", MASKED),
    lambda: compile(x * 2, [x])(np.ones(3), out=MASKED.copy()),
    *[lambda backend=backend: compile(x * 2, [x], backend=backend)(MASKED) for backend in present(*BACKENDS)],
    *[lambda backend=backend: compile(ep.sum(v), [v], backend=backend)(MASKED)
      for backend in present("auto", "numpy", "jax")],
])  # fmt: skip
def test_masked_arrays_are_refused(use):
    with pytest.raises(ep.ExpradError, match="mask"):
        use()


def test_functions_traced_in_one_another_keep_their_variables_apart():
    assert ep.trace(lambda x: x * ep.trace(lambda y: x * y).gradient(y)) is x * x
    outer = Var("x")

    def inner(a: Any) -> Any:
        return ep.trace(lambda x: a * x).gradient(Var("x"))

    assert inner(y) is y
    for clash in (
        lambda: inner(outer),
        lambda: ep.trace(lambda x: x * ep.trace(lambda x: x * x)),
        lambda: ep.trace(lambda x: ep.trace(lambda x: ep.sum(x), (3,)) * x),
    ):
        with pytest.raises(ep.ExpradError, match="'x'"):
            clash()


def test_a_traced_function_gives_the_same_whether_its_variables_live_or_not():
    def function(first_seen: Any, w: Any) -> Any:
        return (
            ep.sum(w) * first_seen,
            [ep.Mul(first_seen, ep.Mul(first_seen, 2)), {"w": w[::-1]}],
            np.array([first_seen, 3], object),
            4,
        )

    found = ep.trace(function, (), (3,))
    again = ep.trace(function, (), (3,))
    flat = [[each[0], each[1][0], each[1][1]["w"], each[2][0], each[2][1], each[3]] for each in (found, again)]
    assert all(a is b for a, b in zip(*flat, strict=True))
    sparse = [ep.trace(lambda w: ep.jacobian(w * w, w, sparse=True), shape).data for shape in ((3,), 3, [3])]
    assert {str(each) for each in sparse} == {str(sparse[0])} and sparse[0].variables == (Var("w", shape=(3,)),)
    assert flat[0][3] is Var("first_seen") and str(found[1][0]) == "2*first_seen*first_seen"


@pytest.mark.parametrize("limit", [0, 640, 4300])
def test_numbers_of_any_size_are_written_and_read(limit):
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(limit)
    try:
        for value in (
            10**700,
            10**5000,
            -(10**5000),
            Fraction(10**5000 + 1, 3**9500),
            10**20_000,
            Fraction(1, 7**3000),
        ):
            c = Const(value)
            trees = [
                c,
                c * x,
                x - c,
                c**x,
                x**c,
                ep.Div(c, Const(3)),
                ep.Mul(Const(3), c),
                ep.Pow(c, x),
                c / x,
                ep.sin(x + c) * c,
            ]
            for f in trees:
                assert ep.parse(str(f)) is f and pickle.loads(pickle.dumps(f)) is f and repr(f)
                assert str(Program.of([f])) and ep.to_dot(f)
            for backend, f in itertools.product(present(*BACKENDS[:4]), (c + x, c * x)):
                expected = f.evaluate(x=2.0)
                assert compile(f, [x], backend=backend)(2.0) == expected
            assert ep.to_c(c * x).source and compile(c * x, [x], backend="python").source()
            assert repr(DualNumber(value, 1)) and compile(2 * x, [x])(value) == 2 * as_float(value)
            with pytest.raises(ep.ExpradError):
                _ = x == value
        with pytest.raises(ArgumentError):
            ep.compile(x, backend="no")
    finally:
        sys.set_int_max_str_digits(before)
