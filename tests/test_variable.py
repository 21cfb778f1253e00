"""Define-by-run: what a Variable records, keeps, refuses and gives back."""

from __future__ import annotations

import copy
import gc
import math
import operator
import pickle
import threading
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Config, DualNumber, Var, Variable, evaluate, no_grad, trace, using_config
from exprad.errors import ArgumentError, ConditionError, OperandError, ShapeError, TapeError
from exprad.variable.tape import Hold, Node
from tests.rows import VARIABLES, close, expressions, searched


def variable(*values: float) -> Variable:
    return Variable(np.array(values[0] if len(values) == 1 else values))


def gradients(function: Any, *values: float) -> list[float]:
    xs = [variable(value) for value in values]
    function(*xs).backward()
    return [float(x.grad.data) for x in xs]


@searched(150)
@given(f=expressions(), point=st.tuples(*[st.floats(0.1, 2.0)] * 3))
def test_random_expressions_agree_with_reverse_mode(f: Any, point: tuple[float, ...]) -> None:
    names = [v.name for v in VARIABLES]
    expected = evaluate(ep.gradient(f, list(VARIABLES)), dict(zip(names, point, strict=True)))
    bound = {name: variable(value) for name, value in zip(names, point, strict=True)}
    with np.errstate(all="ignore"):
        result = f.evaluate(bound)
    if not isinstance(result, Variable):
        assert all(float(each) == 0 or math.isnan(float(each)) for each in expected)
        return
    result.backward()
    for name, want in zip(names, expected, strict=True):
        found = 0.0 if bound[name].grad is None else float(bound[name].grad.data)
        assert close(found, float(want), 1e-8) or not math.isfinite(float(want)), (f, name, found, want)


def test_it_prints_as_the_book_does() -> None:
    assert repr(variable(2.0)) == "variable(2.0)"
    assert repr(Variable(np.array([[1, 2, 3], [4, 5, 6]]))) == "variable([[1 2 3]\n          [4 5 6]])"
    x = Variable(np.zeros((2, 3), np.float32), "x")
    assert (x.name, x.shape, x.ndim, x.size, x.dtype, len(x)) == ("x", (2, 3), 2, 6, np.float32, 2)


@pytest.mark.parametrize("data", [1.0, 3, None, "1", [1.0], np.array("a"), np.array([None]), np.array([1j])])
def test_what_is_no_array_of_real_numbers_is_refused(data: Any) -> None:
    with pytest.raises(TypeError, match="a Variable needs an array of real numbers"):
        Variable(data)


@pytest.mark.parametrize("other", [3, 0.5, np.float64(0.5), np.array(0.5), np.array([0.5, 2.0])])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv", "pow"])
def test_operands_on_either_side(name: str, other: Any) -> None:
    act = getattr(operator, name)
    for function, of_numpy in (
        (lambda x: act(x, other), lambda x: act(x, other)),
        (lambda x: act(other, x), lambda x: act(other, x)),
    ):
        value = np.array([1.5, 2.5])
        x = Variable(value.copy())
        y = function(x)
        assert isinstance(y, Variable)
        np.testing.assert_allclose(y.data, of_numpy(value))
        y.backward()
        h = 1e-6
        np.testing.assert_allclose(x.grad.data, (of_numpy(value + h) - of_numpy(value - h)) / (2 * h), rtol=1e-7)


def test_gradients_of_leaves_only_unless_retained() -> None:
    x = variable(3.0)
    a = x * x
    y = a + 1
    assert x.grad is None
    y.backward()
    assert isinstance(x.grad, Variable)
    assert a.grad is None
    assert y.grad is None
    x.cleargrad()
    y.backward(retain_grad=True)
    assert (float(x.grad.data), float(a.grad.data), float(y.grad.data)) == (6.0, 1.0, 1.0)


def test_a_second_backward_adds_until_the_gradient_is_cleared() -> None:
    x = variable(3.0)
    y = x * x
    y.backward()
    y.backward()
    assert float(x.grad.data) == 12.0
    x.cleargrad()
    assert x.grad is None
    y.backward()
    assert float(x.grad.data) == 6.0


def test_one_node_with_two_uses_counts_twice() -> None:
    assert gradients(lambda x: x * x, 3.0) == [6.0]
    assert gradients(lambda x: x + x, 3.0) == [2.0]
    assert gradients(lambda x: x**x, 2.0) == pytest.approx([4 * (1 + math.log(2))])
    assert gradients(lambda x: (x + x) + (x + x) * (x * x), 2.0) == [2 + 6 * 4.0]


def test_a_knotted_graph_is_swept_once() -> None:
    """2**100 paths lead through a hundred nodes."""
    x = variable(1.0)
    y = x
    for _ in range(100):
        y = (y + y) * 0.5
    y.backward()
    assert float(x.grad.data) == 1.0


def test_a_chain_of_200_000_operations() -> None:
    x = variable(1.0)
    y = x
    for _ in range(200_000):
        y = y * 1.00001
    y.backward()
    assert float(x.grad.data) == pytest.approx(1.00001**200_000)
    del y  # no recursion here either


def test_memory_comes_back_at_once_without_the_garbage_collector() -> None:
    _memory_comes_back()  # rules that are new may push others out, which go later
    _memory_comes_back(is_strict=True)


def _memory_comes_back(is_strict: bool = False) -> None:
    gc.collect()
    gc.disable()
    try:
        x = Variable(np.ones(10))
        y = ep.sum(ep.tanh(x * x) + x)
        y.backward(create_graph=True)
        g = x.grad
        x.cleargrad()
        g.backward(create_graph=True)
        gone = [weakref.ref(node) for node in (y._node, y._node._operands[0], g._node)]
        grad = weakref.ref(x.grad)
        del y, g
        x.cleargrad()
        assert [each() for each in gone] == [None] * 3
        assert grad() is None
        assert not is_strict or gc.collect() == 0
        assert not [each for each in gc.get_objects() if type(each) is Node]
    finally:
        gc.enable()


def test_intermediate_data_that_no_derivative_needs_are_not_kept() -> None:
    x = Variable(np.ones(10))
    a = x + 1
    data = weakref.ref(a.data)
    y = a + 2  # the derivative of a sum needs neither
    del a
    assert data() is None
    b = y * 1.5
    data = weakref.ref(b.data)
    z = ep.sin(b)
    del b
    assert data() is not None
    del z
    assert data() is None


def test_nothing_is_kept_without_gradients() -> None:
    x = variable(2.0)
    with no_grad():
        assert Config.enable_backprop is False
        y = x * x
    assert Config.enable_backprop is True
    assert y._node is None
    x.data[...] = 5.0  # nobody holds it
    with using_config("enable_backprop", False):
        assert (x * 2)._node is None
    with pytest.raises(ArgumentError, match="no 'speed'"), using_config("speed", 1):
        pass
    Config.enable_backprop = False
    assert (x * 2)._node is None
    Config.enable_backprop = True


def test_the_configuration_belongs_to_a_thread() -> None:
    found: list[bool] = []
    with no_grad():
        thread = threading.Thread(target=lambda: found.append(Config.enable_backprop))
        thread.start()
        thread.join()
    assert found == [True]


def test_data_are_read_only_while_the_tape_holds_them() -> None:
    data = np.array([1.0, 2.0])
    other = np.array([3.0, 4.0])
    x = Variable(data)
    y = ep.sum(x * x * other)
    for array in (data, other, x.data):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7.0
    del y
    data[0] = other[0] = 7.0


def test_a_result_on_the_tape_is_read_only() -> None:
    x = variable(1.0, 2.0)
    y = ep.exp(x)
    z = ep.sum(y)
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        x.reshape((2, 1)).data[0] = 1.0
    z.backward()


def test_weights_are_updated_in_place_after_a_backward_pass() -> None:
    w = variable(1.0, 2.0)
    loss = ep.sum(w * w)
    loss.backward()
    w.data -= 0.1 * w.grad.data
    np.testing.assert_allclose(w.data, [0.8, 1.6])
    w.cleargrad()
    loss = ep.sum(w * w)
    loss.backward()
    np.testing.assert_allclose(w.grad.data, [1.6, 3.2])


@pytest.mark.parametrize("change", [lambda a: a.__setitem__(0, 9.0), lambda a: a.sort(), lambda a: a.__isub__(1.0)])
def test_a_second_pass_over_changed_data_is_refused(change: Any) -> None:
    x = Variable(np.array([3.0, 1.0, 2.0]))
    y = ep.sum(x**3)
    y.backward()
    y.backward()  # nothing was changed
    change(x.data)
    with pytest.raises(TapeError, match="data were changed"):
        y.backward()
    z = ep.sum(x**3)
    z.backward()


def test_a_change_is_seen_by_another_tape() -> None:
    x = variable(3.0, 2.0)
    y, z = ep.sum(x * x), ep.sum(x**3)
    y.backward()
    x.data[0] = 5.0
    with pytest.raises(TapeError):
        z.backward()


def test_data_that_were_read_only_stay_so() -> None:
    data = np.array([1.0])
    data.setflags(write=False)
    y = Variable(data) * 2
    del y
    assert not data.flags.writeable
    assert not Hold.living


def test_replacing_data_makes_a_new_leaf() -> None:
    x = variable(2.0)
    y = x * x
    x.data = np.array([1.0, 2.0])
    assert x.shape == (2,)
    y.backward()  # the derivative of what was
    x.cleargrad()
    ep.sum(x * x).backward()
    np.testing.assert_allclose(x.grad.data, [2.0, 4.0])


def test_gradients_own_their_memory() -> None:
    a, b = variable(1.0, 2.0), variable(3.0, 4.0)
    ep.sum(a + b).backward()
    a.grad.data[0] = 100.0
    np.testing.assert_allclose(b.grad.data, [1.0, 1.0])


def test_a_broadcast_operand_gets_its_gradient_summed_back() -> None:
    x, b = Variable(np.ones((4, 3))), Variable(np.ones((1, 3)))
    c = variable(2.0)
    ep.sum((x + b) * c).backward()
    assert (x.grad.shape, b.grad.shape, c.grad.shape) == ((4, 3), (1, 3), ())
    np.testing.assert_allclose(b.grad.data, [[8.0, 8.0, 8.0]])
    assert float(c.grad.data) == 24.0


def test_float32_meets_float64() -> None:
    x = Variable(np.ones(2, np.float32))
    ep.sum(x * np.ones(2) * 0.5).backward()
    assert x.grad.dtype == np.float32
    x.cleargrad()
    ep.sum(ep.sin(x) ** 2 * np.full(2, 0.1) + 1).backward(create_graph=True)
    g = x.grad
    assert g.dtype == np.float32
    x.cleargrad()
    ep.sum(g).backward()
    assert x.grad.dtype == np.float32


def test_integers_are_promoted_and_never_truncated() -> None:
    x = Variable(np.array([2, 3]))
    np.testing.assert_array_equal((x**-1).data, [0.5, 1 / 3])
    y = x * x
    assert y.dtype == np.float64
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [4.0, 6.0])
    assert float((Variable(np.array(2**40)) ** 3).data) == 2.0**120
    assert float((variable(1.0) * 10**400).data) == math.inf


def test_higher_derivatives_by_backward_of_backward() -> None:
    x = variable(0.5)
    y = ep.sin(x)
    y.backward(create_graph=True)
    for expected in (-math.sin(0.5), -math.cos(0.5), math.sin(0.5), math.cos(0.5)):
        g = x.grad
        x.cleargrad()
        g.backward(create_graph=True)
        assert float(x.grad.data) == pytest.approx(expected, rel=1e-14)


def test_a_gradient_in_an_expression_is_differentiated() -> None:
    """z = (dy/dx)**3 + y for y = x**2: dz/dx = 24*x**2 + 2*x, which is 100 at 2."""
    x = variable(2.0)
    y = x**2
    y.backward(create_graph=True)
    z = x.grad**3 + y
    x.cleargrad()
    z.backward()
    assert float(x.grad.data) == 100.0


def test_a_seed_weighs_the_elements() -> None:
    x = variable(1.0, 2.0)
    y = x * x
    y.grad = Variable(np.array([1.0, 10.0]))
    y.backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 40.0])
    with pytest.raises(OperandError, match="shape"):
        y.grad = Variable(np.ones(3))


def test_python_decides_what_is_differentiated() -> None:
    def collatz(x: Variable) -> Variable:
        while x < 100:
            x = x * 2 if x > 10 else x + 7
        return x

    assert gradients(collatz, 1.0) == [8.0]


def test_conditions_are_arrays_of_truth_values() -> None:
    x = variable(1.0, -1.0)
    assert (x > 0).tolist() == [True, False]
    assert (x == np.array([1.0, 1.0])).tolist() == [True, False]
    y = ep.where(x > 0, x * 2, x * 3)
    ep.sum(y).backward()
    np.testing.assert_array_equal(x.grad.data, [2.0, 3.0])


def test_what_has_no_effect_has_a_gradient_of_zero() -> None:
    assert gradients(lambda x: ep.relu(x), -1.0) == [0.0]
    assert gradients(lambda x, y: ep.maximum(x, y) + ep.sign(x), 1.0, 2.0) == [0.0, 1.0]
    assert gradients(lambda x: ep.where(x > 0, x, 5.0), -1.0) == [0.0]


def test_an_untaken_branch_poisons_nothing_in_an_array() -> None:
    x = variable(4.0, 0.0, -1.0)
    with np.errstate(all="ignore"):
        y = ep.where(x > 0, ep.sqrt(x) * ep.log(x), x * 5)
    ep.sum(y).backward()
    np.testing.assert_allclose(x.grad.data, [math.log(4) / 4 + 0.5, 5.0, 5.0])


def test_what_was_recorded_becomes_an_expression() -> None:
    x, w = Variable(np.array([1.0, 2.0]), "x"), Variable(np.ones((2, 2)))
    y = ep.sum(ep.tanh(w @ x) * 2.0) + x[0] ** 2
    f = y.expression
    assert {v.name: v.shape for v in f.variables} == {"x": (2,), "x0": (2, 2)}
    bound = {"x": x.data, "x0": w.data}
    assert f.evaluate(bound) == pytest.approx(float(y.data))
    y.backward()
    xv = next(v for v in f.variables if v.name == "x")
    np.testing.assert_allclose(f.gradient(xv).evaluate(bound), x.grad.data)
    np.testing.assert_allclose(ep.compile(f.gradient(xv), [xv, Var("x0", shape=(2, 2))])(x.data, w.data), x.grad.data)


def test_numpys_functions_record() -> None:
    x = variable(1.0, 2.0)
    y = np.sum(np.exp(x) * np.array([1.0, 2.0])) + np.dot(x, x) + np.linalg.norm(x) + np.array([1.0, 1.0]) @ x
    y.backward()
    expected = np.exp([1.0, 2.0]) * [1, 2] + 2 * np.array([1.0, 2.0]) + np.array([1.0, 2.0]) / math.sqrt(5) + 1
    np.testing.assert_allclose(x.grad.data, expected)
    with pytest.raises(OperandError, match="NumPy's fft is not offered for Variable"):
        np.fft.fft(x)


def test_what_would_lose_the_derivative_is_refused() -> None:
    x = variable(2.0)
    for lossy in (float, int, np.asarray, math.sin):
        with pytest.raises(TypeError):
            lossy(x)
    with pytest.raises(OperandError, match="can't meet an expression|can't take a Variable"):
        x + Var("a")
    with pytest.raises(OperandError):
        Var("a") * x
    with pytest.raises(OperandError, match="operand"):
        x + "1"
    with pytest.raises(ShapeError, match=r"\(2,\)"):
        Variable(np.ones((3, 3))) @ variable(1.0, 2.0)


def test_dual_numbers_over_variables_mix_modes() -> None:
    x = variable(2.0)
    y = DualNumber(x, 1.0) ** 3
    assert float(y.eps.data) == 12.0
    y.eps.backward()
    assert float(x.grad.data) == 12.0


def test_copies_and_pickles_hold_data_alone() -> None:
    x = Variable(np.array([1.0, 2.0]), "x")
    y = x * 2
    for made in (copy.copy(y), copy.deepcopy(y), pickle.loads(pickle.dumps(y))):
        np.testing.assert_array_equal(made.data, [2.0, 4.0])
        assert made._node is None
        made.data[0] = 5.0


def test_trace_gives_the_expression_of_a_function() -> None:
    f = trace(lambda v, a: a * np.sum(np.sin(v) ** 2), (3,), ())
    assert repr(f) == "a*sum(sin(v)**2)"
    assert str(trace(lambda x, y: x * y)) == "x*y"
    assert [g.shape for g in trace(lambda *xs: list(xs), (2,), (3,))] == [(2,), (3,)]
    with pytest.raises(ConditionError, match=r"where.*Variable"):
        trace(lambda x: x if x > 0 else -x)
    with pytest.raises(ArgumentError, match="2 arguments"):
        trace(lambda x, y: x, (3,))


@pytest.mark.parametrize("one, other", [(0, 1), (3, 3 + 512), (700, 1999), (1998, 1999)])
def test_an_exchange_of_two_elements_of_a_large_array_is_seen(one: int, other: int) -> None:
    x = Variable(np.arange(2000.0))
    y = ep.sum(x * x)
    y.backward()
    data = x.data
    data[[one, other]] = data[[other, one]]
    with pytest.raises(TapeError):
        y.backward()
    data[[one, other]] = data[[other, one]]
    y.backward()


def test_two_variables_of_one_name_make_no_expression() -> None:
    a, b = Variable(np.array(2.0), "w"), Variable(np.array(3.0), "w")
    with pytest.raises(ep.ExpradError, match="called 'w'"):
        _ = (a * b).expression
    assert str((a * a).expression) == "w**2"


def test_pickles_of_before_load():
    """A Variable as it was pickled when its class stood in the `__init__` of its room."""
    text = pickle.dumps(Variable(np.ones(2), "w"), 0)
    before = text.replace(b"exprad.variable.variable", b"exprad.variable")
    again = pickle.loads(before)
    assert before != text and (again.name, again.data.tolist()) == ("w", [1.0, 1.0])
