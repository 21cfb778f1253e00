"""Every function of NumPy's that dispatches, with every parameter of its signature: NumPy's value, or an error.

Arguments are drawn by the names of NumPy's parameters, which say what they are. An option may be refused; it may not be
dropped, and what NumPy refuses may not be accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import DualNumber, Var, Variable
from exprad.arrays.counterparts import FUNCTIONS, OF_VALUES
from exprad.arrays.dispatch import Offer
from exprad.errors import ExpradError
from tests.rows import searched

SHAPES = [(), (1,), (3,), (4,), (2, 3), (3, 3), (1, 3), (2, 2, 2), (2, 3, 3), (0,), (0, 3), (3, 0)]
ROOM = {"dtype": [np.float32, float], "axis": [None, 0, 1, -1, 2, (0,), (0, 1), (0, -1)], "keepdims": [True, False],
        "offset": [0, 1, -1, 5], "axis1": [0, 1, -1], "axis2": [1, 0, -1], "k": [0, 1, -2], "n": [0, 1, 2], "ddof": [0, 1, 4],
        "correction": [0, 1], "order": ["C", "F"], "axes": [None, 0, 1, 2, (1, 0), ((0,), (0,)), ((1, 0), (0, 1)), (0, 2, 1)],
        "shape": [(3,), (-1,), (2, -1), (-4, -1), (3, 2), 6, -1, (2, 3), (0, -1)], "decimals": [0, 1, -1],
        "source": [0, -1, (0, 1)], "destination": [1, 0, (1, 0)], "start": [0, 1, 2], "shift": [1, -2, (1, 2)],
        "repeats": [0, 2, [1, 0, 2]], "reps": [2, (2, 1), (1, 2, 2)], "ord": [None, 1, 2, np.inf, -np.inf, "fro", "nuc", 3],
        "pad_width": [1, (0, 2), ((1, 0), (0, 1)), -1], "mode": ["constant", "edge", "reflect", "wrap", "clip", "raise"],
        "indices": [0, [0, -1], (0, 1), [[0, 1], [1, 0]], np.array([0]), 9, True], "a_min": [None, 0.0], "a_max": [None, 0.5],
        "min": [None, 0.0], "max": [None, 0.5], "indices_or_sections": [1, 2, 3, [1], [1, 2], 0], "copy": [True, False],
        "nan": [0.0, 1.5], "posinf": [None, 2.0], "neginf": [None, -2.0], "initial": [0.0, 2.0],
        "where": ["mask", True], "fill_value": [2.0], "mean": [0.5], "returned": [True], "prepend": [0.0], "append": [0.0],
        "constant_values": [2.0, (1.0, 2.0)], "optimize": [True], "subok": [True], "casting": ["same_kind", "unsafe"],
        "subscripts": ["ij->ji"], "period": [2.0], "equal_nan": [True], "rtol": [0.5]}  # fmt: skip
ARRAYS = set("a b x x1 x2 m v A y array arr ary val values weights condition to_begin prototype".split())
LISTS = {"arrays", "tup", "arys", "args"}
ROOM["newshape"] = ROOM["shape"]  # what older versions of NumPy call it
MORE = {
    "linalg.solve",
    "linalg.inv",
    "average",
    "clip",
    "size",
}  # nan where NumPy divides by 0; no bounds; several axes
SIGNATURES = [
    "i->i",
    "ij,ij->i",
    "ij,jk->ik",
    "ij,kj",
    "ij,j->",
    "...i,...i->...",
    "i,j->ij",
    "ii->i",
    "ij->",
    "ijk,ikl->ijl",
]


def function_of(place: str) -> Any:
    found: Any = np
    for name in place.split("."):
        found = getattr(found, name, None)
    return found


DISPATCHED = {place: function_of(place) for place in FUNCTIONS if hasattr(function_of(place), "_implementation")}
VALUED = sorted(set(DISPATCHED) - {"empty_like"})  # whose elements are anything


def parameters_of(function: Any) -> Any:
    return Offer(function, np.sum).signature.parameters


def test_every_offer_is_one_of_numpys_that_dispatches() -> None:
    assert {place for place in FUNCTIONS if function_of(place) is not None} == set(DISPATCHED) | (
        set(FUNCTIONS) & {"matmul"}
    )
    for place in OF_VALUES:
        assert function_of(place) is None or hasattr(function_of(place), "_implementation"), place


def array(draw: Any) -> Any:
    shape = draw(st.sampled_from(SHAPES))
    return np.random.default_rng(draw(st.integers(0, 99))).uniform(-1, 1, shape)


@st.composite
def calls(draw: Any, function: Any, needed: bool = False) -> tuple[list[Any], dict[str, Any]]:
    """Arguments for a function, by the names in its signature."""
    arguments: list[Any] = []
    options: dict[str, Any] = {}
    by_name = False
    if function is np.einsum:
        subscripts = draw(st.sampled_from(SIGNATURES))
        return [subscripts, *[array(draw) for _ in subscripts.split(",")]], options
    for name, parameter in parameters_of(function).items():
        is_needed = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if not is_needed and (needed or draw(st.integers(0, 3)) or name not in {*ROOM, *ARRAYS}):
            by_name = True
            continue
        if name in LISTS:
            value = [array(draw) for _ in range(draw(st.integers(1, 3)))]
        else:
            value = array(draw) if name in ARRAYS else draw(st.sampled_from(ROOM[name]))
        if isinstance(value, str) and value == "mask":
            value = array(draw) > 0
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += value
        elif parameter.kind is parameter.KEYWORD_ONLY or by_name and not is_needed:
            options[name] = value
        else:
            arguments.append(value)
    return arguments, options


def carried(value: Any, carry: Callable[[Any], Any]) -> Any:
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [carried(each, carry) for each in value]
    return carry(value) if isinstance(value, np.ndarray) and value.dtype == float else value


def numbers(value: Any) -> Any:
    """What a carrier stands for; an expression of constants is evaluated."""
    if isinstance(value, (list, tuple)):
        return [numbers(each) for each in value]
    if isinstance(value, ep.Expr):
        return value.evaluate()
    return getattr(value, "value", value.data if isinstance(value, Variable) else value)


def same(expected: Any, actual: Any) -> bool:
    if isinstance(expected, (list, tuple)):
        return len(expected) == len(actual) and all(map(same, expected, actual))
    return np.shape(expected) == np.shape(actual) and np.allclose(expected, actual, 1e-6, 1e-9, equal_nan=True)


def as_expression(x: Any) -> Any:
    return Var(f"c{next(_counter)}", x, shape=x.shape)


_counter = iter(range(1 << 60))
CARRIERS: dict[str, Callable[[Any], Any]] = {
    "Variable": Variable, "DualNumber": lambda x: DualNumber(x, x), "expression": as_expression
}  # fmt: skip


def compared(function: Any, arguments: list[Any], options: dict[str, Any], lenient: bool = False) -> None:
    try:
        with np.errstate(all="ignore"):
            expected = function(*arguments, **options)
    except Exception:
        expected = None
    for name, carry in CARRIERS.items():
        try:
            given = [carried(each, carry) for each in arguments]
            result = function(*given, **{key: carried(each, carry) for key, each in options.items()})
        except (ExpradError, ValueError, TypeError, IndexError, RuntimeError):  # some are NumPy's own
            continue
        assert expected is not None or lenient, (name, arguments, options, result)
        if expected is not None:
            assert same(expected, numbers(result)), (name, arguments, options, expected, result)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", VALUED)
@searched(40)
@given(data=st.data())
def test_a_function_gives_numpys_value_or_an_error(place: str, data: Any) -> None:
    function = DISPATCHED[place]
    arguments, options = data.draw(calls(function))
    compared(function, arguments, options, lenient=place in MORE)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", sorted(set(VALUED) - {"where"}))  # np.where of a condition asks for values
@searched(20)
@given(data=st.data())
def test_what_needs_no_option_is_offered(place: str, data: Any) -> None:
    """The needed arguments alone give NumPy's value on every carrier, whatever their shapes."""
    function = DISPATCHED[place]
    arguments, options = data.draw(calls(function, needed=True))
    try:
        expected = function(*arguments, **options)
    except Exception:
        return
    for carry in CARRIERS.values():
        given = [carried(each, carry) for each in arguments]
        assert same(expected, numbers(function(*given, **options))), (arguments, expected)


@pytest.mark.parametrize("name", [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc)])
@searched(10)
@given(data=st.data())
def test_a_ufunc_gives_numpys_value_or_an_error(name: str, data: Any) -> None:
    ufunc = getattr(np, name)
    draw = data.draw
    arguments = [array(draw) for _ in range(ufunc.nin)]
    room: dict[str, Any] = {"where": np.array([True, False, True]), "dtype": np.float32, "axis": 0,
                            "keepdims": True, "initial": 0.5, "order": "K", "casting": "unsafe", "subok": False}  # fmt: skip
    options = {key: room[key] for key in draw(st.lists(st.sampled_from(sorted(room)), max_size=1))}
    method = draw(st.sampled_from(["__call__", "__call__", "reduce", "accumulate", "outer", "reduceat", "at"]))
    if method in ("reduceat", "at"):
        arguments.insert(1, [0])
    elif method in ("reduce", "accumulate"):
        arguments = arguments[:1]
    compared(getattr(ufunc, method), arguments, options, lenient=name in ("sign", "fabs"))


@pytest.mark.parametrize("name", ["arccos", "arcsin", "arctanh", "log", "log10", "log2", "sqrt"])
def test_functions_of_the_same_name_elsewhere_are_not_taken_for_numpys(name: str) -> None:
    """np.lib.scimath.sqrt(-1) is complex."""
    with pytest.raises(ExpradError):
        getattr(np.lib.scimath, name)(Variable(np.array([-2.0])))
    with pytest.raises(ExpradError, match="not offered"):
        np.fft.fft(Var("v", shape=(3,)))


def test_scipys_ufuncs_are_our_rows() -> None:
    special = pytest.importorskip("scipy.special")
    x = np.array([0.3, 1.7, 2.5])
    pairs = {
        "expit": ep.sigmoid,
        "gammaln": ep.lgamma,
        "psi": ep.digamma,
        "digamma": ep.digamma,
        "erf": ep.erf,
        "erfc": ep.erfc,
        "gamma": ep.gamma,
        "log1p": ep.log1p,
        "expm1": ep.expm1,
        "exp2": ep.exp2,
        "cbrt": ep.cbrt,
    }
    for name, row in pairs.items():
        v = Var("v", shape=(3,))
        assert getattr(special, name)(v) is row(v)
        np.testing.assert_allclose(getattr(special, name)(Variable(x)).data, getattr(special, name)(x), 1e-12)
    v = Var("v", shape=(3,))
    assert special.xlogy(v, x).evaluate(v=x).tolist() == special.xlogy(x, x).tolist()
    with pytest.raises(ExpradError, match="j0 has no row"):
        special.j0(v)
    for name in ("logsumexp", "softmax", "log_softmax"):
        for carrier in (v, Variable(x), DualNumber(x, x)):
            with pytest.raises(ExpradError, match=f"exprad.{name}"):
                getattr(special, name)(carrier)


def test_a_users_row_does_not_catch_a_ufunc_of_its_name() -> None:
    row = ep.Primitive("heaviside", lambda y, a, b: 0 * a, lambda y, a, b: 0 * b, formula=lambda a, b: a + b)
    try:
        with pytest.raises(ExpradError, match="heaviside has no row"):
            np.heaviside(Var("x"), 0.5)
    finally:
        del ep.Primitive.registry[row.name]


@pytest.mark.parametrize("place", [place for place in DISPATCHED if "out" in parameters_of(DISPATCHED[place])])
def test_out_is_refused(place: str) -> None:
    function = DISPATCHED[place]
    needed = [name for name, each in parameters_of(function).items() if each.default is each.empty]
    room = {"arrays": [Variable(np.ones(3))], "operands": "i", "indices": 0, "a": Variable(np.ones(3)), "kwargs": None}
    given = [room.get(name, Variable(np.ones(3))) for name in needed if name != "kwargs"]
    given += [Variable(np.ones(3))] if place == "einsum" else []
    with pytest.raises(ExpradError, match="out="):
        function(*given, out=np.zeros(3))


def test_nothing_is_written_into_an_array_of_numbers() -> None:
    x = Variable(np.ones(3))
    with pytest.raises(ExpradError, match="x.data -= rate"):
        x.data -= 0.1 * x
    with pytest.raises(ExpradError, match="out"):
        np.sum(x, out=np.zeros(()))


@pytest.mark.parametrize("carry", CARRIERS.values())
def test_sizes_and_axes_that_do_not_fit_are_refused(carry: Callable[[Any], Any]) -> None:
    x, m = carry(np.ones(4)), carry(np.ones((2, 3)))
    for call in (
        lambda: np.reshape(x, (-4, -1)),
        lambda: np.reshape(x, (-2,)),
        lambda: np.reshape(x, (3, -1)),
        lambda: np.broadcast_to(x, (-2,)),
        lambda: np.tensordot(x, m, 2),
        lambda: np.tensordot(x, x, -1),
        lambda: np.linalg.solve(x, x),
        lambda: np.linalg.solve(m, np.ones(2)),
        lambda: np.linalg.inv(m),
        lambda: np.linalg.vecdot(x, m),
        lambda: x.reshape(-4, -1),
        lambda: x.broadcast_to((-2,)),
    ):
        with pytest.raises((ExpradError, np.linalg.LinAlgError)):
            call()


def test_einsum_that_broadcasts_has_a_gradient() -> None:
    a, b = np.arange(2.0).reshape(2, 1), np.arange(6.0).reshape(2, 3)
    for subscripts in ("ij,ij->i", "ij,ij->", "ij,ij->j", "ij,ij->ij", "ij,kj->ik"):
        v, w = Var("v", shape=(2, 1)), Var("w", shape=(2, 3))
        f = ep.sum(np.einsum(subscripts, v, w) ** 2)
        expected = np.einsum(subscripts, a, b)
        assert f.evaluate(v=a, w=b) == np.sum(expected**2)
        for slope, wrt, h in zip(f.gradient([v, w]), (v, w), (a, b), strict=True):
            step = np.zeros(h.shape)
            step.flat[-1] = 1e-6
            ends = [f.evaluate({v: a, w: b, wrt: h + sign * step}) for sign in (1, -1)]
            assert abs((ends[0] - ends[1]) / 2e-6 - slope.evaluate(v=a, w=b).flat[-1]) < 1e-4
