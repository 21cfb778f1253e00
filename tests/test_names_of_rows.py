"""A user's row is what it states, whatever it is called: no function of a library runs because of a name."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

from exprad import DualNumber, Primitive, Var, Variable, check, compile, from_sympy, parse, to_c, to_sympy, variables
from exprad.errors import ExpradError, NameClashError, OperandError, UnsupportedError
from exprad.numbers import function_of
from exprad.tensor import Family

x, y = variables("x y")
NAMES = """ulp degrees radians fabs logit factor sinpi modf frexp factorial isqrt erfinv heaviside deg2rad spacing i0
           integrate simplify primerange nan_to_num real conj angle invert betainc expit ndtr loggamma sinm zeta airyai fib
           primepi exp10 barnesg fresnels rsqrt erf_inv silu gelu nextafter ldexp fmod
           fma dist tgamma j0 Function
           Symbol""".split()  # fmt: skip


@pytest.fixture
def registry() -> Iterator[dict[str, Primitive]]:
    kept = dict(Primitive.registry)
    yield Primitive.registry
    Primitive.registry.clear()
    Primitive.registry.update(kept)


def raises_clearly(name: str, run: Any) -> None:
    with pytest.raises(UnsupportedError, match=name):
        run()


def _backends() -> list[str]:
    found = ["numpy", "python"]
    for backend, module in (("native", "llvmlite"), ("jax", "jax")):
        try:
            __import__(module)
            found.append(backend)
        except ImportError:
            continue
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_row_that_states_no_value_has_none(name: str, registry: Any) -> None:
    row = Primitive(name, lambda y, x: 3)
    f, array = row(x), np.array([0.25, 0.5])
    assert f.gradient(x).evaluate(x=0.5) == 3
    with mpmath.workdps(20):
        number = mpmath.mpf("0.5")
    for value in (0.5, 1, array, array.astype("f"), np.float64(0.5), DualNumber(0.5, 1.0), Variable(array), number):
        raises_clearly(name, lambda value=value: row(value))
        raises_clearly(name, lambda value=value: f.evaluate(x=value))
    for backend in _backends():
        raises_clearly(
            name, lambda backend=backend: compile(f, [x], backend=backend)(array if backend != "python" else 0.5)
        )
    raises_clearly(name, lambda: compile(f, [x], backend="python").source())
    raises_clearly(name, lambda: compile(f, [x], backend="cupy"))
    raises_clearly(name, lambda: to_c(f, [x]))
    raises_clearly(name, lambda: to_sympy(f))
    with pytest.raises(ExpradError):
        check(f, points=[{"x": 0.5}])
    assert parse(str(f)) is f


@pytest.mark.parametrize("name", NAMES)
def test_a_formula_counts_on_every_target(name: str, registry: Any) -> None:
    row = Primitive(name, lambda y, x: 2 * x, formula=lambda x: x * x + 1)
    f, array = row(x), np.array([0.25, 0.5])
    assert row(0.5) == 1.25 and row(2) == 5 and f.evaluate(x=0.5) == 1.25
    assert row(mpmath.mpf("0.5")) == 1.25 and float(to_sympy(f).subs(to_sympy(x), 0.5)) == 1.25
    assert (row(Variable(array)).data == [1.0625, 1.25]).all()
    for backend in _backends():
        if backend == "python":
            assert compile(f, [x], backend=backend)(0.5) == 1.25
        else:
            np.testing.assert_array_equal(np.asarray(compile(f, [x], backend=backend)(array)), [1.0625, 1.25])
    assert "x[0] * x[0]" in to_c(f, [x]).source and from_sympy(to_sympy(f)).evaluate(x=0.5) == 1.25
    assert check(f)


def test_numpys_function_is_not_a_users_row_of_that_name(registry: Any) -> None:
    row = Primitive("degrees", lambda y, x: 1, numpy=np.negative)
    assert np.degrees(x) is not row(x) and np.degrees(x).evaluate(x=np.pi) == 180
    assert function_of(np, row) is None and row(1.0) == -1


@pytest.mark.parametrize("backend", _backends())
def test_a_row_called_like_a_function_of_arrays_is_refused(backend: str) -> None:
    for name in ("norm", "sum", "max", "solve", "softmax", "sin", "where"):
        with pytest.raises(NameClashError, match="own"):
            Primitive(name, lambda y, x: 1, formula=lambda x: x)
    with pytest.raises(OperandError, match="infix"):
        Primitive("plus_for_test", 1, 1, infix="+")


def test_a_cell_that_is_run_again_says_nothing_and_one_that_changed_warns(registry: Any) -> None:
    def cell(factor: float, power: int) -> Primitive:
        return Primitive("cell_for_test", lambda y, x: factor * x, formula=lambda x: factor * x**power / 2)

    old = cell(2.0, 2)
    f, kept = old(x) + 1, pickle.dumps(old(x) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = cell(2.0, 2)
    assert again is not old and pickle.loads(kept) is again(x) + 1
    for changed in ((3.0, 2), (2.0, 3)):
        with pytest.warns(UserWarning, match="cell_for_test"):
            cell(*changed)
        with pytest.raises(NameClashError, match="cell_for_test"):
            pickle.loads(kept)
        with pytest.warns(UserWarning, match="cell_for_test"):
            cell(2.0, 2)
    assert f.evaluate(x=3.0) == 10 and pickle.loads(kept).evaluate(x=3.0) == 10
    function = pickle.dumps(compile(f, [x]))
    assert pickle.loads(function)(3.0) == 10
    del registry["cell_for_test"]
    with pytest.raises(OperandError, match="define"):
        pickle.loads(function)


def test_sympys_dummies_are_variables_of_their_own() -> None:
    sympy = pytest.importorskip("sympy")
    symbol, dummy, other = sympy.Symbol("x"), sympy.Dummy("x"), sympy.Dummy("x")
    f = from_sympy(symbol + 2 * dummy + 3 * other)
    assert len(f.variables) == 3 and Var("x") in f.variables
    assert from_sympy(dummy) is from_sympy(dummy) and from_sympy(dummy) is not from_sympy(other)
    with pytest.raises(NameClashError, match="two symbols are called 'x'"):
        from_sympy(symbol + 2 * sympy.Symbol("x", positive=True))


@pytest.fixture
def families() -> Iterator[dict[str, Family]]:
    kept = dict(Family.registry)
    yield Family.registry
    Family.registry.clear()
    Family.registry.update(kept)


def _scaling(name: str, factor: int) -> Family:
    return Family(name, shape=lambda x: x, value=lambda np, x: factor * x, transpose=lambda y_bar, x: factor * y_bar)


def test_a_family_that_changed_warns_and_its_pickles_are_refused(families: Any) -> None:
    v, at = Var("v", shape=(2,)), np.ones(2)
    old = _scaling("scaled_twice", 2)
    kept, function = pickle.dumps(old(v)), pickle.dumps(compile(old(v), v))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        again = _scaling("scaled_twice", 2)
    assert pickle.loads(kept) is again(v)
    with pytest.warns(UserWarning, match="defined again"):
        _scaling("scaled_twice", 5)
    np.testing.assert_array_equal(old(v).evaluate(v=at), 2)
    for each in (kept, function):
        with pytest.raises(NameClashError, match="when this was pickled"):
            pickle.loads(each)
    del families["scaled_twice"]
    with pytest.raises(OperandError, match="no family is called"):
        pickle.loads(kept)


@pytest.mark.parametrize("name", ["sum", "getitem", "sin", "where", "norm", "trace", "stack"])
def test_a_family_of_a_users_does_not_take_a_name_of_ours(name: str, families: Any) -> None:
    with pytest.raises(NameClashError, match="choose another name"):
        _scaling(name, 3)


@pytest.mark.parametrize("name", [3, None, "two words", ""])
def test_a_familys_name_is_an_identifier(name: Any, families: Any) -> None:
    with pytest.raises(OperandError, match="identifier"):
        _scaling(name, 3)
