"""Pulls that are written out give the very objects that the chain rule gives, of every row, on every kind of adjoint."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import Const, Primitive, Var, gradient, hessian, sin, variables, where
from exprad.chain import Guard, Guarded, Masked, Negated
from exprad.derivatives.kink import with_kinks
from exprad.errors import ExpradError, NotDifferentiableError
from exprad.graph.call import Add, Mul, Sub
from exprad.reverse import adjoints, written
from tests.programs.carriers import Case
from tests.programs.differences import NUMPY_REFUSES, Expected
from tests.programs.generator import program
from tests.rows import operands_of, smooth_rows

X, Y, Z, W = variables("x y z w")
NEVER = 10**9
ABOVE, BELOW = W > 0, W < Z
ADJOINTS: list[Any] = [
    1, -1, 2, Fraction(1, 3), 0.5, Const(1), Const(3), W, -W, W * 2, X, sin(W * Z), Negated(W), Negated(1), Negated(-W),
    Guarded((ABOVE,), W), Masked(Guard(lambda: BELOW), W), Masked(Guard(lambda: BELOW), Negated(W)),
]  # fmt: skip
BESIDE: list[Any] = [None, Z, Negated(Z * W), Guarded((~ABOVE,), 1)]  # what an operand got before
USES: dict[str, Callable[[Any], Any]] = {
    "plain": lambda y: W * y + y,
    "negated": lambda y: 2 - W * (Z - y),
    "complements": lambda y: where(W > 0, sin(y), -y),
    "of itself": lambda y: y * y - y**2,
}


def derived(monkeypatch: pytest.MonkeyPatch, frequent: int, derive: Callable[[], Any]) -> Any:
    monkeypatch.setattr(written, "FREQUENT", frequent)
    try:
        return derive()
    except ExpradError as error:
        return type(error)


def agree(monkeypatch: pytest.MonkeyPatch, derive: Callable[[], Any]) -> None:
    """The same objects from what is written out, where none stands before, and from the chain rule; and the other way round."""
    for ways in ((1, NEVER), (NEVER, 1)):
        found = [derived(monkeypatch, frequent, derive) for frequent in ways]
        assert same(*found), found


def same(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a is b or a.__class__ is b.__class__ and isinstance(a, (int, float, Fraction)) and a == b


def calls(row: Primitive) -> list[Any]:
    """Calls of a row on variables, on constants, on one operand twice, and on expressions that folds look into."""
    xs = operands_of(row)
    found = [row(*xs), row(*[x if x.__class__ is int else x * W for x in xs])]
    for place, x in enumerate(xs):
        if x.__class__ is not int and place not in row.truths:
            others = (2, 1, Fraction(1, 2), 0.5, -X, X * 2, X)
            found += [row(*xs[:place], other, *xs[place + 1 :]) for other in others]
    return [each for each in found if isinstance(each, ep.Call)]


@pytest.mark.parametrize("row", smooth_rows(), ids=lambda row: row.name)
def test_every_row_on_every_kind_of_adjoint(monkeypatch: pytest.MonkeyPatch, row: Primitive) -> None:
    for y in calls(row):
        for given in ADJOINTS:
            for before in BESIDE:
                seeds = {y: given} if before is None else {y: given, X: before, Y: before}
                agree(monkeypatch, lambda seeds=seeds: adjoints(seeds, [X, Y, Z]))
            agree(monkeypatch, lambda y=y, given=given: adjoints({y: given}, [Y]))


@pytest.mark.parametrize("chunk", range(5))
def test_random_programs(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Gradients, products with the Hessian, and under each convention for kinks."""
    asked = 0
    for number in range(40 * chunk, 40 * chunk + 40):
        drawn = program(11, number, of_numbers=True)
        with np.errstate(all="ignore"):
            try:
                case = Case(drawn, Expected(drawn).directions)
                f, inputs = case.f, case.variables
            except (*NUMPY_REFUSES, ExpradError):
                continue
        asked += 1
        agree(monkeypatch, lambda f=f, inputs=inputs: gradient(f, inputs))
        agree(monkeypatch, lambda f=f, inputs=inputs, case=case: ep.hvp(f, inputs, case.directions))
        for held in (with_kinks(f, "zero"), with_kinks(f, "raise")):
            agree(monkeypatch, lambda f=held, inputs=inputs: gradient(f, inputs))
    assert asked > 20


def test_derivatives_of_derivatives(monkeypatch: pytest.MonkeyPatch) -> None:
    f = sin(X * Y) ** 2 / (1 + ep.exp(-Z)) - ep.log(X) * ep.tanh(Y - Z) + where(X > Y, X**3, Y * Z)

    def third() -> Any:
        slopes = gradient(f, [X, Y, Z])
        curves = [gradient(slope, [X, Y, Z]) for slope in slopes]
        return [slopes, curves, [gradient(sum(row), [X, Y, Z]) for row in curves], hessian(f, [X, Y, Z])]

    agree(monkeypatch, third)


def test_trees_as_written(monkeypatch: pytest.MonkeyPatch) -> None:
    f = Sub(Add(Mul(X, X), Mul(Const(0), Y)), Mul(Const(1), Mul(Const(2), Mul(Const(3), X))))
    agree(monkeypatch, lambda: gradient(f, [X, Y]))


def test_seeds_and_nodes_of_all_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = X * Y
    f, g = sin(inner) * Z, inner - Z
    for seed in (1, -1, 2, 1.0, 0.5, Fraction(1, 2), W, -W, Const(1), Const(2.0), W * 2, True):
        agree(monkeypatch, lambda seed=seed: adjoints({f: seed, g: W}, [X, inner, Z]))
        agree(monkeypatch, lambda seed=seed: adjoints({f: W, g: seed}, [Const(2), X, inner]))


def user_rows() -> dict[str, Primitive]:
    scale = Var("scale")
    partials: dict[str, Sequence[Any]] = {
        "numbers": (2, -1),
        "fractions": (Fraction(1, 2), 0.25),
        "zero": (0, lambda y, a, b: 0),
        "minus one": (lambda y, a, b: -1, lambda y, a, b: 1),
        "pairs": (lambda y, a, b: (3, a * b), lambda y, a, b: (-1, y)),
        "result": (lambda y, a, b: y, lambda y, a, b: -y),
        "outside": (lambda y, a, b: scale * a, lambda y, a, b: scale),
        "conditions": (lambda y, a, b: where(a < b, a, b), lambda y, a, b: ep.equal(a, 0) + b),
        "guards": (lambda y, a, b: written_if(a > 0, b), lambda y, a, b: b),
        "kinds": (
            lambda y, a, b: b if isinstance(a, Var) else 2 * b,
            lambda y, a, b: a if getattr(b, "is_const", False) else a * a,
        ),
        "operands": (lambda y, a, b: a if y.operands[0] is a else b, lambda y, a, b: a),
        "numbers known": (lambda y, a, b: a, lambda y, a, b: a * 2 if b.known is None else b.known * a),
        "known of both": (lambda y, a, b: b if a.known is None else a.known * (b.known or b), 0),
        "none": (None, lambda y, a, b: a),
    }
    return {name: Primitive(f"{name.replace(' ', '_')}_written", *given) for name, given in partials.items()}


def written_if(condition: Any, value: Any) -> Any:
    from exprad.ground.primitive import If

    return If(condition, value)


@pytest.fixture
def own_rows() -> Any:
    rows = user_rows()
    yield rows
    for row in rows.values():
        del Primitive.registry[row.name]


def test_rows_of_a_user(monkeypatch: pytest.MonkeyPatch, own_rows: dict[str, Primitive]) -> None:
    """Also partials that look at what an operand is, which can't be recorded."""
    for row in own_rows.values():
        for y in (
            row(X, Y),
            row(sin(X), Y * Z),
            row(X, X),
            row(X, 2),
            row(0.5, X),
            row(2, 3 * X),
            row(-X, X * 2),
            row(Const(2), Const(3)),
        ):
            for f in [use(y) for use in USES.values()]:
                agree(monkeypatch, lambda f=f: gradient(f, [X, Y, Z, W]))


def test_what_is_not_differentiable_is_said(monkeypatch: pytest.MonkeyPatch, own_rows: dict[str, Primitive]) -> None:
    monkeypatch.setattr(written, "FREQUENT", 1)
    with pytest.raises(NotDifferentiableError, match="none_written states no partial derivative in operand 1"):
        gradient(own_rows["none"](X, Y), [X, Y])
    assert gradient(own_rows["none"](Const(2), Y), [Y, Z]) == [Const(2), Const(0)]


def chain(steps: int) -> Any:
    y = X
    for _ in range(steps):
        y = sin(y) * X - y**2 / 3
    return y


def test_long_programs_ask_the_chain_rule_a_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def counted(*arguments: Any) -> None:
        nonlocal asked
        asked += 1
        pullback(*arguments)

    pullback = written.pullback
    monkeypatch.setattr(written, "pullback", counted)
    adjoints({chain(written.FREQUENT): 1}, [X, Y])
    assert asked < 2.5 * written.FREQUENT  # of 5 times as many; until the powers and the quotients are written
    asked = 0
    adjoints({chain(written.FREQUENT): 1}, [X, Y])
    assert asked <= 5


def test_short_programs_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written, "Lines", None)
    adjoints({chain(written.FREQUENT // 10): 1}, [X, Y])


def test_constants_that_are_rare_are_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    f = sum(X ** (n + 0.5) + sin(Y) * (n + 0.25) for n in range(3 * written.FREQUENT))
    adjoints({f: 1}, [X, Y])
    del f
    alive = sum(const.value.__class__ is float for const in gc.get_objects() if const.__class__ is Const)
    assert alive < 2.5 * written.FREQUENT


def test_threads_find_the_same_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    f = chain(300)
    monkeypatch.setattr(written, "FREQUENT", 1)
    for _ in range(5):
        with ThreadPoolExecutor(4) as pool:
            first, *others = pool.map(lambda _: adjoints({f: 1}, [X, Y]), range(4))
        assert all(same(first, other) for other in others)
        del first, others
