"""A backward pass that is recorded, and Variables of derived classes."""

from __future__ import annotations

import copy
import itertools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import DualNumber, Var, Variable, variables
from exprad.ground.primitive import If, Primitive
from tests.rows import operands_of, smooth_rows

EDGES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0)  # ends of domains, ties, kinks and zeros among them


def second_by_record(row: Primitive, point: tuple[float, ...]) -> Any:
    """The second derivatives by a backward pass over a recorded one."""
    leaves = [Variable(np.array(value)) for value in point]
    with np.errstate(all="ignore"):
        row(*leaves).backward(create_graph=True)
        slopes = [leaf.grad for leaf in leaves]
        found = []
        for slope in slopes:
            for leaf in leaves:
                leaf.cleargrad()
            if slope is not None and slope._node is not None:
                slope.backward()
            found.append([0.0 if leaf.grad is None else float(leaf.grad.data) for leaf in leaves])
    return found


@pytest.mark.parametrize("row", [row for row in smooth_rows() if row.name != "at_kink"], ids=lambda row: row.name)
def test_second_derivatives_at_edges_are_those_of_symbolic_modes(row: Primitive) -> None:
    xs = operands_of(row)
    f = row(*xs)
    routes = [
        [[f.gradient(a).gradient(b) for b in xs] for a in xs],
        [[g.gradient([b])[0] for b in xs] for g in f.gradient(list(xs))],
    ]
    for point in itertools.product(EDGES, repeat=len(xs)):
        recorded = second_by_record(row, point)
        bound = dict(zip(xs, point, strict=True))
        for route in routes:
            values = [[float(ep.evaluate(entry, bound)) for entry in line] for line in route]
            np.testing.assert_allclose(values, recorded, rtol=1e-11, atol=1e-12, err_msg=f"{row.name}{point}")


@pytest.mark.parametrize("row", [row for row in smooth_rows() if row.arity == 2], ids=lambda row: row.name)
def test_mixed_second_derivatives_are_the_same_in_both_orders(row: Primitive) -> None:
    """Where the partials are finite or nan, and neither a convention: x**y at x = 0 has a slope in y by convention."""
    a, b = operands_of(row)
    f = row(a, b)
    mixed = [f.gradient(a), f.gradient(b), f.gradient(a).gradient(b), f.gradient(b).gradient(a)]
    for point in itertools.product(EDGES, repeat=2):
        *slopes, one, other = ep.evaluate(mixed, dict(zip((a, b), point, strict=True)))
        is_agreed = row.name == "pow" and point[0] == 0 or row.name == "mod" and point[1] == 0
        if not np.isinf(slopes).any() and not is_agreed and not (row.kink is not None and row.kink(*point) == 0):
            np.testing.assert_allclose(float(one), float(other), rtol=1e-11, atol=1e-12, err_msg=f"{row.name}{point}")


def test_a_logistic_regression_has_a_hessian_where_it_begins() -> None:
    x = np.array([[1.0, 2.0], [3.0, -1.0]])
    w = Variable(np.zeros(2))
    ep.sum(ep.softplus(x @ w)).backward(create_graph=True)
    rows = []
    slope = w.grad
    for place in range(2):
        w.cleargrad()
        slope[place].backward()
        rows.append(w.grad.data)
    np.testing.assert_allclose(rows, x.T @ x / 4)


class Parameter(Variable):
    def __init__(self, data: Any, rate: float) -> None:
        super().__init__(np.asarray(data, float))
        self.rate = rate


@pytest.mark.parametrize("function, expected", [
    (lambda p: p * p, [2.0, 4.0]), (lambda p: 3 - p, [-1.0, -1.0]), (lambda p: np.float64(2) * p, [2.0, 2.0]),
    (lambda p: np.array([1.0, 2.0]) * p, [1.0, 2.0]), (lambda p: [1.0, 2.0] * p, [1.0, 2.0]), (lambda p: p**2, [2.0, 4.0]),
    (lambda p: np.exp(p - p), [0.0, 0.0]), (lambda p: np.stack([p, p]), [2.0, 2.0]), (lambda p: p @ p, [2.0, 4.0]),
    (lambda p: p[1], [0.0, 1.0]), (lambda p: ep.where(p > 1, p, 0), [0.0, 1.0]), (lambda p: p + Variable(np.ones(2)), [1.0, 1.0]),
    (lambda p: Variable(np.ones(2)) / p, [-1.0, -0.25]), (lambda p: -p, [-1.0, -1.0]), (lambda p: p % 2, [1.0, 1.0]),
    (lambda p: (Var("x", shape=(2,)) ** 2).evaluate(x=p), [2.0, 4.0]),
])  # fmt: skip
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_variable_of_a_derived_class_is_a_variable(function: Any, expected: list[float], create_graph: bool) -> None:
    p = Parameter([1.0, 2.0], 0.1)
    ep.sum(function(p)).backward(create_graph=create_graph)
    np.testing.assert_allclose(p.grad.data, expected)


def test_copies_of_a_derived_class_are_of_that_class() -> None:
    p = Parameter([1.0, 2.0], 0.1)
    for other in (copy.copy(p), copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
        assert type(other) is Parameter and other.rate == 0.1 and other.data.tolist() == [1.0, 2.0]
        assert other.data is not p.data


def test_a_dual_number_of_a_derived_class_is_a_dual_number() -> None:
    class Seed(DualNumber):
        pass

    x, y = variables("x y")
    assert (Seed(3.0, 1.0) * Seed(3.0, 1.0)).eps == 6.0
    assert (x * x * y).evaluate(x=Seed(3.0, 1.0), y=4.0).eps == 24.0
    assert (2 * y).evaluate({x: Seed(3.0, 1.0), y: 4.0}).eps == 0.0


@pytest.mark.parametrize("base", [Var, ep.Const, ep.Add, ep.Call])
def test_no_class_is_derived_from_one_of_expressions(base: type) -> None:
    with pytest.raises(ep.ExpradError, match="can't be derived"):
        type("Derived", (base,), {"__module__": "somewhere"})


def test_a_condition_on_a_number_is_turned_as_a_condition() -> None:
    """Of Python's own bools, `~` makes whole numbers that are all true."""
    assert np.isnan(ep.xlogy(Variable(np.array(0.0)), -1.0).data)
    assert ep.xlogy(Variable(np.array(0.0)), np.inf).data == 0
    assert ep.derivative(lambda x: ep.maximum(1 / x, 1.0), -2.0, order=2) == 0
    assert ep.derivative(lambda x: ep.clip(x, 0.0, 1.0), 2.0, order=2) == 0


def test_a_users_guard_may_turn_a_condition() -> None:
    name = "positive_part_for_test"
    row = Primitive(name, lambda y, x: If(~(x < 0)), formula=lambda x: ep.maximum(x, 0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python's own, of `~` of its bools
            found = [ep.derivative(lambda x: row(x * x * x), at, order=2) for at in (-2.0, 2.0)]
        assert found == [0, 12]
    finally:
        del Primitive.registry[name]


def test_guards_within_guards_are_all_kept() -> None:
    x = Variable(np.array([-1.0, 0.5, 3.0]))
    with np.errstate(all="ignore"):
        ep.sum(ep.where(x > 0, ep.where(x > 1, ep.log(x - 1), x * x), 5 * x)).backward()
    np.testing.assert_allclose(x.grad.data, [5.0, 1.0, 0.5])
    y = Variable(np.array([0.5, 3.0]))
    with np.errstate(all="ignore"):
        ep.sum(ep.where(y > 0, ep.where(y > 1, ep.sqrt(y - 1), 0), 0)).backward()
    np.testing.assert_allclose(y.grad.data, [0.0, 0.5 / np.sqrt(2)])
