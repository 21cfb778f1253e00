"""jit: what is traced, for what, how often; derivatives; carriers; and what is refused."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import threading
import weakref
from collections import OrderedDict
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import pytest

import exprad as ep
from exprad import DualNumber, Var, Variable, gradient, hessian, jacobian, jit, no_grad, value_and_gradient, variables
from exprad.errors import ArgumentError, ConditionError, OperandError, UnsupportedError
from exprad.traced import Jitted
from exprad.traced.kept import MOST_TRACES
from tests.programs.generator import program
from tests.programs.numpy_functions import ep as numpy_ep
from tests.programs.peers import by_jax, parts_from


class Counted:
    """A function that counts how often it is traced."""

    def __init__(self, function: Any = lambda x, y=2.0: x * y + np.sin(x)) -> None:
        self.count, self.function = 0, function

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.count += 1
        return self.function(*arguments, **named)


def counted(function: Any = None, **options: Any) -> tuple[Any, Counted]:
    counter = Counted(function) if function else Counted()
    counter.__signature__ = inspect.signature(counter.function)  # type: ignore[attr-defined]
    return jit(counter, **options), counter


@jit
def energy(v: Any, scale: Any = 2.0) -> Any:
    """The energy."""
    return scale * np.sum(v**2)


def loss(parameters: Any, x: Any, y: Any) -> Any:
    hidden = np.tanh(x @ parameters["w"] + parameters["b"])
    return np.mean((hidden @ parameters["out"][0] - y) ** 2)


def network(rng: Any) -> Any:
    parameters = {"w": rng.normal(size=(3, 4)), "b": rng.normal(size=4), "out": (rng.normal(size=4),)}
    return parameters, rng.normal(size=(5, 3)), rng.normal(size=5)


# What is traced, and how often.


def test_a_function_is_traced_once_for_arguments_of_a_form() -> None:
    f, counter = counted()
    assert f(1.0, 2.0) == 2.0 + np.sin(1.0)
    assert f(3, 2) == f(3.0, y=2) == f(x=3.0) == 6.0 + np.sin(3.0)
    assert counter.count == 2, "with y, and without"
    a = np.array([1.0, 2.0])
    np.testing.assert_array_equal(f(a, 2.0), 2 * a + np.sin(a))
    f(a.astype(np.float32), 1), f(a[::-1], 0.5), f(a.astype(int), np.float64(3.0))
    assert counter.count == 3
    f(np.ones(3), 2.0), f(np.ones((3, 1)), np.ones(2))
    assert counter.count == 5


def test_outputs_have_the_shapes_that_the_function_gives() -> None:
    f = jit(lambda x, y: (2 * x, x * y, 3))
    for x, y in ((np.ones(3), np.ones((2, 3))), (np.ones((3, 1)), np.ones(2)), (np.ones(2), 1.0), (1.0, np.ones(2))):
        assert [np.shape(each) for each in f(x, y)] == [np.shape(x), np.shape(x * y), ()]
        assert [np.shape(each) for each in jit(lambda x, y: (2 * x, x * y))(x, y)] == [np.shape(x), np.shape(x * y)]
    elementwise = jit(lambda x, y: [np.sin(x) * y, x - y])
    for x, y in ((np.ones(3), np.ones((2, 3))), (np.ones((3, 1)), np.ones(2)), (np.ones(2), 1.0), (np.zeros(0), 1.0)):
        assert [np.shape(each) for each in elementwise(x, y)] == [np.shape(x * y)] * 2
    assert elementwise.compiled(np.ones(3), 1.0).program.is_of_scalars


def test_numbers_give_numbers_and_types_are_those_of_compile() -> None:
    f = jit(lambda x: 2 * x + 1)
    assert type(f(3.0)) is type(f(3)) is float
    assert f(np.float32([1.0])).dtype == np.float32
    assert f(np.array([1, 2])).dtype == np.float64
    assert f(True) == 3.0
    assert f(Fraction(1, 2)) == 2.0
    np.testing.assert_array_equal(
        jit(lambda x, c: np.where(c, x, -x))(np.ones(2), np.array([True, False])), [1.0, -1.0]
    )


def test_nests_come_and_go_in_their_structure() -> None:
    class Pair(NamedTuple):
        first: Any
        second: Any

    def f(p: Any) -> Any:
        return {"sum": p["a"] + p["b"][0], "rest": (p["b"][1], [None, Pair(p["a"], 3)]), "same": OrderedDict(x=p["b"])}

    p = {"a": 1.5, "b": [2.5, np.array([1.0, 2.0])]}
    found, expected = jit(f)(p), f(p)
    assert found["sum"] == expected["sum"]
    assert type(found["rest"][1][1]) is Pair
    assert found["rest"][1] == [None, Pair(1.5, 3.0)]
    assert type(found["same"]) is OrderedDict
    np.testing.assert_array_equal(found["same"]["x"][1], p["b"][1])


def test_a_nest_of_another_form_is_traced_anew() -> None:
    f, counter = counted(lambda p: p["a"] if isinstance(p, dict) else p[0])
    assert [f({"a": 1.0}), f([2.0]), f((3.0,)), f({"a": 4.0, "b": 5.0}), f({"a": 6.0, "b": None})] == [1, 2, 3, 4, 6]
    assert counter.count == 5
    f({"a": 1.0})
    assert counter.count == 5


def test_without_arguments_without_results_and_without_elements() -> None:
    assert jit(lambda: 3.5)() == 3.5
    assert jit(lambda x: None)(1.0) is None
    assert jit(lambda x: ())(1.0) == ()
    assert jit(lambda x: [x, {}])(2.0) == [2.0, {}]
    assert jit(lambda *xs: sum(xs))(1.0, 2.0, 3.0) == 6.0
    assert jit(lambda **xs: xs["b"] - xs["a"])(a=1.0, b=3.0) == 2.0
    for shape in ((0,), (2, 0), (0, 3)):
        x = np.zeros(shape)
        found = jit(lambda x: (2 * x, np.sum(x)))(x)
        assert found[0].shape == shape
        assert found[1] == 0
        assert jit(lambda x: np.sum(x**2)).gradient(x).shape == shape


def test_defaults_closures_and_keywords_are_pythons() -> None:
    k = np.array([1.0, 2.0])

    @jit
    def f(a: Any, /, b: Any = 2, *, c: Any = 3.0) -> Any:
        return a * b * c * k

    np.testing.assert_array_equal(f(1.0), 6 * k)
    np.testing.assert_array_equal(f(1.0, c=1, b=5), 5 * k)
    for wrong in ({"d": 2}, {"a": 1.0}, {"b": 2, "a": 1.0}):
        with pytest.raises(TypeError):
            f(1.0, **wrong)
    with pytest.raises(TypeError):
        f()
    with pytest.raises(TypeError):
        f(a=1.0)
    g = jit(lambda x, y=2.0, z=3.0, **rest: (x - y * z, rest))
    assert g(1.0, z=4.0) == (-7.0, {})
    assert g(z=4.0, x=1.0, y=1.0, w=5) == (-3.0, {"w": 5.0})
    assert len(g._traces) == 2
    with pytest.raises(TypeError, match="multiple values"):
        g(1.0, x=2.0)


STATIC: Any = [{"static_argnums": 1}, {"static_argnums": -1}, {"static_argnames": "n"}, {"static_argnames": ["n"]}]


@pytest.mark.parametrize("options", STATIC)
def test_static_arguments_are_handed_on(options: dict[str, Any]) -> None:
    f, counter = counted(lambda x, n: sum([x**place for place in range(n)]), **options)
    assert f(2.0, 3) == f(2.0, n=3) == f(x=2.0, n=3) == 7.0
    assert f(2.0, 4) == 15.0
    assert counter.count == 2
    assert gradient(f)(2.0, 3) == 5.0
    with pytest.raises(OperandError, match="static argument 'n' must be hashable, got list"):
        f(2.0, [3])


def test_static_values_that_are_equal_and_not_the_same_are_told_apart() -> None:
    f, counter = counted(
        lambda x, n: x * (1.0 / n if n else np.copysign(np.inf, n)) + isinstance(n, bool), static_argnums=1
    )
    assert [f(1.0, n) for n in (1, True, 1.0, 0.0, -0.0, np.inf)] == [1.0, 2.0, 1.0, np.inf, -np.inf, 0.0]
    assert counter.count == 6
    f(1.0, float("nan")), f(1.0, float("nan"))
    assert counter.count == 7


def test_traces_are_bounded_and_those_in_use_stay() -> None:
    f, counter = counted(lambda x, n: x + n, static_argnums=1)
    for n in range(3 * MOST_TRACES):
        assert f(1.0, n) == 1 + n
        assert f(1.0, 0) == 1.0
    assert counter.count == 3 * MOST_TRACES
    f(1.0, 1)
    assert counter.count == 3 * MOST_TRACES + 1
    g, counter = counted(lambda *xs: sum(xs))
    for count in range(1, 2 * MOST_TRACES):
        g(*[1.0] * count)
        assert len(g._quick) <= MOST_TRACES
    assert len(g._traces) == MOST_TRACES
    g.clear_cache()
    g(1.0)
    assert counter.count == 2 * MOST_TRACES


def test_calls_with_floats_have_a_method_of_their_own_until_traces_are_forgotten() -> None:
    k = [2.0]
    f = jit(lambda x, y=1.0: x * y * k[0])
    assert [f(3.0, 4.0), f(3.0, 4.0), f(3.0, 4.0)] == [24.0] * 3
    assert type(f) is not Jitted
    assert isinstance(f, Jitted)
    assert [f(3.0), f(3, 4.0), f(3.0, y=4.0), f(y=4.0, x=3.0)] == [6.0, 24.0, 24.0, 24.0]
    np.testing.assert_array_equal(f(np.ones(2), 3.0), [6.0, 6.0])
    assert f(Var("x"), 3.0) is Var("x") * 3.0 * 2.0
    for wrong in ((), (1.0, 2.0, 3.0)):
        with pytest.raises(TypeError):
            f(*wrong)
    assert pickle.loads(pickle.dumps(energy)) is energy
    assert [f.gradient(3.0, 4.0) for _ in range(3)] == [8.0] * 3
    k[0] = 3.0
    assert (f(3.0, 4.0), f.gradient(3.0, 4.0)) == (24.0, 8.0), "what was read is kept"
    f.clear_cache()
    assert (f(3.0, 4.0), f.gradient(3.0, 4.0)) == (36.0, 12.0)
    bound = Model(2.0).energy
    assert [bound(2.0), bound(2.0), bound(2.0), type(bound)] == [16.0, 16.0, 16.0, Jitted]


def test_traces_are_gone_with_the_function() -> None:
    f = jit(lambda x: np.sin(x) * 17.5)
    f(1.0), f.gradient(1.0), f(Variable(np.array(1.0)))
    gone = [weakref.ref(f), weakref.ref(f._memory)]
    del f
    gc.collect()
    assert [each() for each in gone] == [None, None]


def test_threads_share_a_function() -> None:
    f = jit(lambda x, y: (np.sin(x) * y, y - x))
    wrong: list[Any] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            x = rng.normal(size=int(rng.integers(1, 200)))
            found = f(x, 2.0)
            if not (np.allclose(found[0], np.sin(x) * 2) and np.array_equal(found[1], 2 - x)):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not wrong


# Methods, pickles, names.


class Model:
    def __init__(self, k: float) -> None:
        self.k = k

    @jit
    def energy(self, x: Any, power: Any = 2) -> Any:
        """The energy of a model."""
        return self.k * np.sum(x**2) * power

    @jit(static_argnames="n")
    def series(self, x: Any, n: int) -> Any:
        return sum([self.k * x**place for place in range(n)])

    slope = energy.derived("gradient", "x")

    @staticmethod
    @jit
    def double(x: Any) -> Any:
        return 2 * x


def test_methods_have_traces_for_each_instance() -> None:
    first, second = Model(1.0), Model(3.0)
    x = np.array([1.0, 2.0])
    assert [first.energy(x), second.energy(x), first.energy(x, power=1)] == [10.0, 30.0, 5.0]
    assert [first.series(2.0, 3), second.series(2.0, n=2), Model.double(2.0)] == [7.0, 9.0, 4.0]
    np.testing.assert_array_equal(second.energy.gradient(x), 12 * x)
    np.testing.assert_array_equal(gradient(second.energy, "x")(x), 12 * x)
    np.testing.assert_array_equal(second.slope(x), 12 * x)
    assert first.series.gradient(2.0, 3) == 5.0
    assert Model.energy.__doc__ == "The energy of a model."
    gone = weakref.ref(first)
    del first
    gc.collect()
    assert gone() is None, "traces hold no instance"
    assert len(Model.energy._memory.of_instances) == 1
    with pytest.raises(ArgumentError, match="the first argument is the instance"):
        type("Other", (), {"f": jit(lambda self, x: x).derived("gradient")})().f  # noqa: B018


def test_instances_without_weak_references_and_without_a_hash() -> None:
    class Slotted:
        __slots__ = ("k",)

        @jit
        def f(self, x: Any) -> Any:
            return self.k * x

    class Equal:
        k = 3.0
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        f = Slotted.f

    slotted = Slotted()
    slotted.k = 2.0
    assert [slotted.f(2.0), slotted.f(3.0), Equal().f(2.0)] == [4.0, 6.0, 6.0]


def test_it_pickles_and_copies_as_the_function_does() -> None:
    assert pickle.loads(pickle.dumps(energy)) is energy
    assert copy.copy(energy) is copy.deepcopy(energy) is energy
    again = pickle.loads(pickle.dumps(jit(loss, static_argnames="y")))
    assert again._parameters.static_places == {2}
    slope = pickle.loads(pickle.dumps(gradient(energy)))
    np.testing.assert_array_equal(slope(np.ones(2)), [4.0, 4.0])
    bound = pickle.loads(pickle.dumps(Model(3.0).energy))
    assert bound(np.ones(2)) == 12.0
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(jit(lambda x: x))


def test_it_has_the_name_and_the_help_of_the_function() -> None:
    assert (energy.__name__, energy.__doc__, energy.__module__) == ("energy", "The energy.", __name__)
    assert str(inspect.signature(energy)) == "(v: 'Any', scale: 'Any' = 2.0) -> 'Any'"
    assert isinstance(energy, Jitted)
    assert "energy" in repr(energy)
    assert energy.compiled(np.ones(2)).program.outputs
    assert jit(backend="numpy")(lambda x: x + 1).compiled(1.0).backend == "numpy"


# Derivatives.


def test_derivatives_are_jitted_functions() -> None:
    f = jit(lambda x, y: x**2 * y)
    assert f.gradient(3.0, 4.0) == gradient(f)(3.0, 4.0) == 24.0
    assert gradient(f, 1)(3.0, 4.0) == gradient(f, -1)(3.0, 4.0) == gradient(f, "y")(3.0, y=4.0) == 9.0
    assert gradient(f, (0, "y"))(3.0, 4.0) == f.gradient(3.0, 4.0, wrt=(0, 1)) == (24.0, 9.0)
    assert gradient(f, ["y"])(3.0, 4.0) == [9.0]
    assert value_and_gradient(f)(3.0, 4.0) == f.value_and_gradient(3.0, 4.0) == (36.0, 24.0)
    assert hessian(f, (0, 1))(3.0, 4.0) == f.hessian(3.0, 4.0, wrt=("x", "y")) == ((8.0, 6.0), (6.0, 0.0))
    assert gradient(gradient(gradient(f)))(3.0, 4.0) == 0.0
    assert jacobian(gradient(f, (0, 1)))(3.0, 4.0) == (8.0, 6.0)
    assert gradient(f) is gradient(f), "kept, with its traces"


def test_derivatives_are_traced_once() -> None:
    f, counter = counted()
    for _ in range(3):
        f(1.0, 2.0), f.gradient(1.0, 2.0), f.hessian(1.0, 2.0), gradient(gradient(f))(2.0, 3.0)
    assert counter.count == 1


def test_kinks_are_those_of_gradient() -> None:
    f = jit(abs)
    assert [f.gradient(0.0, kink=kink) for kink in ("mean", "left", "right")] == [0.0, -1.0, 1.0]
    assert gradient(f, kink="right")(0.0) == 1.0


def test_what_derivatives_refuse() -> None:
    f = jit(lambda x, n: x * np.ones(n), static_argnums=1)
    with pytest.raises(ArgumentError, match="gives an array of shape .2,.: take jacobian"):
        f.gradient(1.0, 2)
    with pytest.raises(ArgumentError, match="gives several outputs"):
        jit(lambda x: (x, x)).gradient(1.0)
    with pytest.raises(ArgumentError, match="argument 1 is static"):
        f.jacobian(1.0, 2, wrt="n")
    with pytest.raises(ArgumentError, match="no argument is called 'z'"):
        gradient(f, "z")
    with pytest.raises(ArgumentError, match="there is no argument 5"):
        gradient(f, 5)
    with pytest.raises(ArgumentError, match="the call gives no argument 1"):
        gradient(energy, 1)(np.ones(2))
    for point in ([3.0, 4.0], np.ones(2), 3.0):
        with pytest.raises(ArgumentError, match="wrt: places.*a point is given in the call"):
            gradient(energy, point)
    with pytest.raises(ArgumentError, match="strict"):
        gradient(energy, strict=True)
    for operator in (hessian, jacobian):
        with pytest.raises(ArgumentError, match="no sparse="):
            operator(energy, sparse=True)
    with pytest.raises(ArgumentError, match="needs the point; gradient.jit.f.. gives a function"):
        gradient(lambda x: x)


def test_derivatives_by_dual_numbers_of_a_jitted_function() -> None:
    assert ep.derivative(jit(lambda x: x**3), 2.0, order=2) == 12.0
    assert ep.gradient(lambda p: jit(lambda p: p[0] ** 2 * p[1])(p), [3.0, 4.0]) == [24.0, 9.0]


@pytest.mark.parametrize("name", ["gradient", "value_and_gradient", "jacobian", "hessian"])
@pytest.mark.parametrize("wrt", [0, (0, 1), "x"])
def test_nests_of_derivatives_are_those_of_jax(name: str, wrt: Any) -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    names = {"gradient": "grad", "value_and_gradient": "value_and_grad"}
    peer = getattr(jax, names.get(name, name))(_in_jax, argnums={"x": 1}.get(wrt, wrt))
    given = network(np.random.default_rng(0))
    ours, theirs = getattr(ep, name)(jit(loss), wrt)(*given), jax.jit(peer)(*given)
    flat, structure = jax.tree.flatten(ours)
    flat_theirs, structure_theirs = jax.tree.flatten(theirs)
    assert structure == structure_theirs
    for mine, other in zip(flat, flat_theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)


def _in_jax(parameters: Any, x: Any, y: Any) -> Any:
    from jax import numpy as jnp

    hidden = jnp.tanh(x @ parameters["w"] + parameters["b"])
    return jnp.mean((hidden @ parameters["out"][0] - y) ** 2)


def test_random_programs_agree_with_jax() -> None:
    """Of those programs on which JAX and the reference of the tests agree."""
    pytest.importorskip("jax")
    asked = 0
    for number in range(40):
        drawn = program(6, number)
        if parts_from(drawn, by_jax) != "":
            continue
        asked += 1
        slopes, _ = by_jax(drawn, [np.ones(x.shape) for x in drawn.inputs])
        f = jit(lambda *xs, drawn=drawn: drawn.run(list(xs), np, ep)[-1])
        with np.errstate(all="ignore"):
            value, found = f.value_and_gradient(*drawn.inputs, wrt=tuple(range(len(drawn.inputs))))
            expected = drawn.run(list(drawn.inputs), np, numpy_ep)[-1]
        np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)
        for mine, theirs in zip(found, slopes, strict=True):
            known = np.isfinite(theirs)
            np.testing.assert_allclose(mine[known], np.asarray(theirs)[known], rtol=1e-7, atol=1e-7)
    assert asked > 5


# Carriers.


def test_of_expressions_it_gives_expressions() -> None:
    x, y = variables("x y")
    f = jit(lambda x, p: {"value": np.sin(x) * p[0], "rest": [p[1], 3]})
    found = f(x, (y, 2))
    assert found == {"value": ep.sin(x) * y, "rest": [ep.Const(2), ep.Const(3)]}
    assert jit(lambda x, y: x - y)(y, x) is y - x, "variables are exchanged at once"
    v = Var("v", shape=(2,))
    assert energy(v) is 2.0 * ep.sum(v**2)
    assert energy(np.array([x, y], object)) is 2.0 * ep.sum(ep.stack([x, y]) ** 2)
    assert gradient(energy)(v) is gradient(energy(v), v)


def test_functions_call_one_another() -> None:
    calls = []

    @jit
    def inner(x: Any, y: Any) -> Any:
        calls.append(x)
        return x - 2 * y

    @jit
    def outer(x: Any, y: Any) -> Any:
        @jit
        def closure(x: Any) -> Any:
            return x * y

        return inner(y, x) + inner.gradient(x, y) + closure(y + x) + gradient(closure)(x)

    assert outer(2.0, 5.0) == (5 - 4) + 1 + 35 + 5
    assert gradient(outer, (0, 1))(2.0, 5.0) == (-2 + 5, 1 + 12 + 1)
    assert jit(jit(inner))(1.0, 2.0) == -3.0
    assert len(calls) == 1


def test_a_variable_of_the_name_of_an_argument_is_another() -> None:
    x = Var("x")
    assert jit(lambda x: x * 2)(x + 1) is (x + 1) * 2
    f = jit(lambda x, y=x: x * y)
    assert f(3.0, 4.0) == 12.0
    with pytest.raises(Exception, match="variable 'x' is in the outputs"):
        f(3.0)
    assert f(ep.Const(3)) is 3 * x


def test_programs_have_the_names_of_arguments_however_often_they_are_traced() -> None:
    for _ in range(3):
        f = jit(lambda x, p: x * p["a"])
        assert sorted(f.compiled(1.0, {"a": 2.0}).program.variables) == ["p_a", "x"]
        assert sorted(f.compiled(np.ones(3), {"a": 2.0}).program.variables) == ["p_a", "x"]


def test_a_closure_may_hold_what_the_function_around_it_was_given() -> None:
    x = Var("x", shape=(2,))
    for _ in range(2):
        outer = jit(lambda x: jit(lambda x, held=x: x - 2 * held)(3 * x) + gradient(jit(lambda y: y * x))(x))
        assert outer(2.0) == 4.0
    inner = jit(lambda y: jit(lambda x: np.sum(x * y) * x)(y))
    assert inner(2.0) == 8.0
    f = jit(lambda y: jit(lambda x, whole=x: np.sum(whole) * x)(y))
    assert f(ep.Const(2)).evaluate(x=np.ones(2)) == 4.0
    assert gradient(f)(ep.Const(2)).evaluate(x=np.ones(2)) == 2.0


def test_of_dual_numbers_it_gives_dual_numbers() -> None:
    f = jit(lambda x, y: np.sin(x) * y)
    found = f(DualNumber(2.0, 1.0), 3.0)
    assert (found.value, found.eps) == (3 * np.sin(2.0), 3 * np.cos(2.0))
    y = Var("y")
    assert f(DualNumber(2.0, 1.0), y).eps.evaluate(y=3.0) == 3 * np.cos(2.0)


def test_a_call_of_variables_is_one_node_of_the_tape() -> None:
    rng = np.random.default_rng(0)
    parameters, x, y = network(rng)
    given = {"w": Variable(parameters["w"]), "b": Variable(parameters["b"]), "out": (Variable(parameters["out"][0]),)}
    found = jit(loss)(given, x, y)
    assert [node.__class__.__name__ for node in found._node._operands] == ["Leaf"] * 3
    found.backward()
    expected = jit(loss).gradient(parameters, x, y)
    for variable, slope in [
        (given["w"], expected["w"]),
        (given["b"], expected["b"]),
        (given["out"][0], expected["out"][0]),
    ]:
        np.testing.assert_allclose(variable.grad.data, slope, rtol=1e-12)
    with no_grad():
        assert jit(loss)(given, x, y)._node is None


def test_of_variables_there_are_types_shapes_and_several_outputs() -> None:
    f = jit(lambda v, s: (v * s, {"sum": np.sum(v), "positive": v > 0}, 7))
    v, s = Variable(np.float32([1.0, -2.0])), Variable(np.array(3.0))
    (product, rest, seven) = f(v, 2)
    assert product.dtype == np.float32
    assert rest["positive"].tolist() == [True, False]
    (np.sum(product * product) + rest["sum"] + seven).backward()
    assert v.grad.dtype == np.float32
    np.testing.assert_array_equal(v.grad.data, [9.0, -15.0])
    whole = Variable(np.array([1, 2]))
    product, *_ = f(whole, s)
    np.sum(product).backward()
    assert (s.grad.data, whole.grad.data.tolist()) == (3.0, [3.0, 3.0])
    assert f(Variable(np.zeros((0,))), s)[0].shape == (0,)


def test_a_branch_that_is_not_taken_poisons_nothing_on_either_side_of_a_node() -> None:
    for given in (np.array([0.0, 4.0]), np.array(0.0)):
        x = Variable(given)
        np.sum(np.where(x.data > 0, jit(lambda x: np.sqrt(x))(x), 0.0)).backward()
        y = Variable(given)
        np.sum(jit(lambda root: np.where(root > 0, root, 0.0))(np.sqrt(y))).backward(create_graph=True)
        slopes = np.where(given > 0, 0.25, 0.0)
        np.testing.assert_array_equal(x.grad.data, slopes)
        np.testing.assert_array_equal(y.grad.data, slopes)
    x = Variable(np.array([0.0, 4.0]))
    turned = np.sqrt(x)
    (
        jit(lambda v: np.sum(v[1:]))(turned) + np.sum(jit(lambda v: np.where(v[::-1] > 0, v[::-1], 0.0))(turned))
    ).backward()
    np.testing.assert_array_equal(x.grad.data, [0.0, 0.5])


def test_what_a_node_recorded_is_an_expression() -> None:
    v = Variable(np.array([1.0, 2.0]), "v")
    assert (energy(v) + 1).expression is 2.0 * ep.sum(Var("v", shape=(2,)) ** 2) + 1


def test_data_of_a_node_are_read_only_until_the_backward_pass() -> None:
    v, x = Variable(np.array([1.0, 2.0])), np.ones(2)
    f = jit(lambda v, x: np.sum(v * x))
    y = f(v, x)
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 3.0
    y.backward()
    v.data[0] = 5.0
    del y
    x[0] = 3.0


def test_variables_meet_no_expressions() -> None:
    with pytest.raises(OperandError, match="a Variable can't meet an expression"):
        jit(lambda x, y: x * y)(Variable(np.array(1.0)), Var("x"))


# Back ends.


@pytest.mark.parametrize("backend", ["auto", "numpy", "python", "native", "jax", "torch"])
def test_back_ends(backend: str) -> None:
    if backend != "auto" and backend in ("jax", "torch"):
        pytest.importorskip(backend)
    if backend == "native":
        pytest.importorskip("llvmlite")
    f = jit(lambda x, y: (np.sin(x) * y, x), backend=backend)
    found = f(1.0, 2.0)
    np.testing.assert_allclose([float(each) for each in found], [2 * np.sin(1.0), 1.0], rtol=1e-6)
    np.testing.assert_allclose(float(f.jacobian(1.0, 2.0)[0]), 2 * np.cos(1.0), rtol=1e-6)


def test_jaxs_own_transformations_take_a_function_of_its_arrays() -> None:
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    f = jit(lambda x, p: np.sin(x) * p["a"], backend="jax")
    ones = jax.numpy.ones(3)
    np.testing.assert_allclose(jax.jit(f)(ones, {"a": 2.0}), 2 * np.sin(np.ones(3)))
    np.testing.assert_allclose(jax.grad(lambda x: f(x, {"a": 2.0}).sum())(ones), 2 * np.cos(np.ones(3)))


def test_arrays_of_others_are_taken_as_compile_takes_them() -> None:
    f = jit(lambda x: 2 * x + 1)
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(f(pandas.Series([1.0, 2.0])), [3.0, 5.0])
    np.testing.assert_array_equal(f(pandas.DataFrame({"a": [1.0, 2.0]})), [[3.0], [5.0]])
    dask = pytest.importorskip("dask.array")
    assert f(dask.ones(4, chunks=2)).sum().compute() == 12.0


def test_options_are_those_of_compile() -> None:
    with pytest.raises(ArgumentError, match="backend must be one of"):
        jit(lambda x: x, backend="fortran")(1.0)
    with pytest.raises(ArgumentError, match="fast=True is for backend='native'"):
        jit(fast=True)(lambda x: x)(1.0)


# What is refused.


def test_a_branch_on_data_is_refused_with_advice() -> None:
    @jit
    def f(x: Any) -> Any:
        return x if x > 0 else -x

    for given in (1.0, np.array(2.0), np.ones(1)):
        with pytest.raises(ConditionError, match="use where") as error:
            f(given)
        assert "while jit traced" in error.value.__notes__[0]
        assert "static_argnames" in error.value.__notes__[0]
    with pytest.raises(TypeError) as error:
        jit(lambda n: list(range(n)))(3)
    assert "static_argnames" in error.value.__notes__[0]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (1j, "argument 'p_a_1' must be a real number, an array, or a nest of them, got complex: 1j"),
        ("text", "'p_a_1'.* got str: 'text'"),
        (np.array([1j]), "'p_a_1'.* got an array of complex128"),
        (np.array(["a"]), "got an array of <U1"),
        (object(), "got object"),
        (lambda: 0, "got function"),
    ],
)
def test_what_is_no_number_is_refused_by_name(given: Any, told: str) -> None:
    with pytest.raises(OperandError, match=told):
        jit(lambda p: p)({"a": [1.0, given]})
    with pytest.raises(OperandError, match="'p'"):
        jit(lambda p: p)(given)


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(OperandError, match="masked"):
        jit(lambda x: x + 1)(np.ma.array([1.0, 2.0], mask=[0, 1]))


def test_what_a_function_gives_must_be_numbers() -> None:
    for wrong in ("text", 1j, object(), {1, 2}, iter([1])):
        with pytest.raises(OperandError) as error:
            jit(lambda x, wrong=wrong: [x, wrong])(1.0)
        assert "in what" in error.value.__notes__[0]
        with pytest.raises(OperandError):
            jit(lambda x, wrong=wrong: wrong)(Var("x"))


def test_what_is_no_function_is_refused() -> None:
    for wrong in (3, "f", Var("x"), Variable(np.ones(2))):
        with pytest.raises(OperandError, match="jit takes a Python function, got"):
            jit(wrong)
    with pytest.raises(ArgumentError, match="there is no argument 2"):
        jit(lambda x, y: x, static_argnums=2)
    with pytest.raises(ArgumentError, match="static_argnums: places of arguments are whole numbers"):
        jit(lambda x, y: x, static_argnums="x")
    with pytest.raises(ArgumentError, match="no argument is called 'z'"):
        jit(lambda x, y: x, static_argnames="z")


def test_sparse_matrices_come_for_numbers_alone() -> None:
    pytest.importorskip("scipy")

    f = jit(lambda v: ep.jacobian(v[1:] * v[:-1], v, sparse=True))
    np.testing.assert_array_equal(f(np.array([1.0, 2.0, 3.0])).toarray(), [[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]])
    with pytest.raises(UnsupportedError, match="gives a sparse matrix"):
        f(Var("v", shape=(3,)))
