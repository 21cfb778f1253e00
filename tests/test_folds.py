"""Folds change no value: each, on operands of every kind, against the tree as it is written, bit for bit."""

from __future__ import annotations

import math
import operator
import random
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from exprad import Const, Expr, Var, compile, cos, evaluate, simplify, sin, variables
from exprad.carrier import BINARY, COMPARISON
from exprad.graph.expr import Call, build, expression
from exprad.graph.folding import FOLDS
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import postorder
from exprad.numbers import as_float
from exprad.tables import elementary as table
from tests.rows import SEARCH

x, y = variables("x y")
FLOATS = [0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e308, -5e-324, math.inf, -math.inf, math.nan]
EXACT = [0, 1, -1, 2, -3, Fraction(1, 2), Fraction(-1, 3), 2**60 + 1, 10**400, -(10**400)]
CONSTANTS = [Const(value) for value in (*FLOATS, *EXACT)]


def written(row: Primitive, *operands: Any) -> Expr:
    return Call(row, tuple(map(expression, operands)))


def _parts() -> list[Expr]:
    """What folds look into, as written."""
    found = [x, y, written(table.sin, x), written(table.less, 0, x), written(table.logical_not, x)]
    found += [written(table.neg, each) for each in found[:4]] + [written(table.abs, each) for each in (x, y)]
    found += [written(table.logical_not, found[3]), written(table.logical_not, found[4])]
    return found + [written(table.mul, factor, x) for factor in (0, -1, 2, -2, 3, 0.5, -0.0)]


PARTS = _parts()
OBSERVERS = [  # which show the sign of a zero
    lambda f: written(table.div, 1, f), lambda f: written(table.copysign, 1, f), lambda f: written(table.atan2, f, -1),
    lambda f: written(table.pow, f, -1), lambda f: written(table.pow, f, -1.0)]  # fmt: skip


def adds_exact_zero(row: Primitive, operands: Any) -> bool:
    """The one fold that may show: x + 0, in the sign of a zero."""
    return row is table.add and any(each is Const(0) for each in operands)


def patterns(row: Primitive) -> list[tuple[Expr, Expr, bool]]:
    """All pairs of the tree as written and what it folds to, where these differ; and whether a sign may differ."""
    pool = [*PARTS, *CONSTANTS]
    if row is table.where:
        conditions = [PARTS[3], Const(True), Const(0), Const(0.5), Const(math.nan)]
        drawn = [(c, a, b) for c in conditions for a in PARTS for b in (a, x, Const(1))]
    elif row.arity == 1:
        drawn = [(a,) for a in pool]
    else:
        drawn = [(a, b) for a in pool for b in pool]
    found = []
    for operands in drawn:
        tree, folded = written(row, *operands), row(*operands)
        if tree is not folded:
            found.append((tree, folded, adds_exact_zero(row, operands)))
    return found


ALL = [pair for row in FOLDS for pair in patterns(row)]


def observed(pair: tuple[Expr, Expr, bool]) -> list[tuple[Expr, Expr]]:
    tree, folded, hides_sign = pair
    return [(tree, folded)] if hides_sign else [(tree, folded), *[(see(tree), see(folded)) for see in OBSERVERS]]


def is_same(a: Any, b: Any, hides_sign: bool) -> bool:
    """Whether two numbers are one: whole numbers exactly, others as floats, bit by bit."""
    if not (isinstance(a, int) and isinstance(b, int)):
        a, b = as_float(a), as_float(b)
    if a != a or b != b:
        return a != a and b != b
    if not hides_sign and a == 0 and math.copysign(1, a) != math.copysign(1, b):
        return False
    return bool(a == b)


def _sampled(count: int) -> list[tuple[Expr, Expr, bool]]:
    return random.Random(0).sample(ALL, min(len(ALL), count * SEARCH))


def test_every_fold_is_among_the_patterns() -> None:
    assert {row for row in FOLDS if patterns(row)} == set(FOLDS)


def test_by_number() -> None:
    draw = random.Random(1)
    points = [(a, b) for a in (*FLOATS, *EXACT) for b in (*FLOATS, *EXACT)]
    for tree, folded, hides_sign in _sampled(300):
        for see in [lambda f: f, *([] if hides_sign else OBSERVERS)]:
            for a, b in draw.sample(points, 12):
                theirs = evaluate(see(tree), {"x": a, "y": b})
                ours = evaluate(see(folded), {"x": a, "y": b})
                if see is OBSERVERS[1] and evaluate(tree, {"x": a, "y": b}) != evaluate(tree, {"x": a, "y": b}):
                    continue  # nan has a sign that nobody promises
                assert is_same(theirs, ours, hides_sign), (str(see(tree)), str(see(folded)), a, b, theirs, ours)


GRID = [each.ravel() for each in np.meshgrid(FLOATS, FLOATS)]


def _compared(pairs: list[Any], run: Any, kind: Any) -> None:
    with np.errstate(all="ignore"):
        arrays = [each.astype(kind) for each in GRID]
    if kind is np.float32:  # constants are rounded to the type of the arrays before anything is computed
        pairs = [pair for pair in pairs if not LOST & set(postorder([pair[0]]))]
    for start in range(0, len(pairs), 15):
        group = [
            (see(tree), see(folded), hides_sign, number)
            for tree, folded, hides_sign in pairs[start : start + 15]
            for number, see in enumerate([lambda f: f, *([] if hides_sign else OBSERVERS)])
        ]
        with np.errstate(all="ignore"):
            theirs = run([tree for tree, *_ in group], arrays)
            ours = run([folded for _, folded, *_ in group], arrays)
        is_nan = None
        for (tree, folded, hides_sign, number), a, b in zip(group, theirs, ours, strict=True):
            a, b = (np.broadcast_to(np.asarray(each, kind), arrays[0].shape) for each in (a, b))
            is_nan = np.isnan(a) if number == 0 else is_nan
            good = (a == b) & (hides_sign | (np.signbit(a) == np.signbit(b))) | np.isnan(a) & np.isnan(b)
            good |= is_nan & (number == 2)
            if run.__name__ == "on_jax":  # whose arithmetic takes what is below the normal numbers for 0
                good |= (
                    (np.abs(arrays[0]) == 5e-324) | (np.abs(arrays[1]) == 5e-324) | bool(LOST & set(postorder([tree])))
                )
            bad = [(float(arrays[0][i]), float(arrays[1][i]), a[i], b[i]) for i in np.flatnonzero(~good)[:3]]
            assert not bad, (str(tree), str(folded), bad)


LOST = {Const(1e308), Const(-5e-324)}  # constants that single precision has not
KINDS = [np.float64, np.float32]


@pytest.mark.parametrize("kind", KINDS)
def test_on_arrays(kind: Any) -> None:
    _compared(_sampled(300), lambda fs, arrays: evaluate(fs, {"x": arrays[0], "y": arrays[1]}), kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["numpy", "native", "native fast", "jax"])
def test_compiled(backend: str, kind: Any) -> None:
    name, _, fast = backend.partition(" ")
    if name in ("native", "jax"):
        pytest.importorskip({"native": "llvmlite", "jax": "jax"}[name])
    if name == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)

    def run(outputs: Any, arrays: Any) -> Any:
        return compile(outputs, [x, y], backend=name, fast=bool(fast))(*arrays)

    run.__name__ = f"on_{name}"
    _compared(_sampled(300 if name == "numpy" else 60), run, kind)


def test_compiled_python() -> None:
    pairs = _sampled(200)
    for tree, folded, hides_sign in pairs:
        both = compile([tree, folded], [x, y], backend="python")
        for a, b in zip(*GRID, strict=True):
            theirs, ours = both(float(a), float(b))
            assert is_same(theirs, ours, hides_sign), (str(tree), str(folded), a, b, theirs, ours)


@pytest.mark.parametrize("f, at, expected", [
    (1 / (0 * -x), 1.0, -math.inf), (1 / (-x * 0), 1.0, -math.inf), (1 / (0 * (-2 * x)), 1.0, -math.inf),
    (1 / (-2 * (0 * x)), 1.0, -math.inf), (0 * (2 * x), 1e308, math.nan), (1 / (-x * cos(x)), 0, math.inf),
    (1 / (2.0 * -x), 0, math.inf), (x / 1, 10**400, math.inf), (1 / (0 - -x), -0.0, math.inf)])  # fmt: skip
def test_examples(f: Expr, at: Any, expected: float) -> None:
    assert is_same(f.evaluate(x=at), expected, False)


def test_signs_that_always_show_still_move() -> None:
    assert -sin(x) * y is -(sin(x) * y) and x + -cos(x) is x - cos(x) and -sin(x) / -cos(x) is sin(x) / cos(x)
    assert simplify(-x * y + x / 1) is simplify(x - x * y) and 3 * -x is -3 * x
    assert Var("x") * 1 is x and operator.neg(-x) is x and abs(-x) is abs(x)


@pytest.mark.parametrize("number", [*FLOATS, *EXACT, True], ids=str)
def test_operators_give_what_their_rows_give(number: Any) -> None:
    """Also where an operator builds a node at once, without asking a fold."""
    v = Var("v", shape=(2,))
    condition = x > y
    for operand in (
        x,
        sin(x),
        -x,
        -sin(x),
        abs(x),
        2 * x,
        0.5 * x,
        x * y,
        x**2,
        condition,
        ~condition,
        v,
        2 * v,
        Const(0.5),
    ):
        for name, row in {**BINARY, **COMPARISON}.items():
            spelled = getattr(operator, f"{name}_" if name in ("and", "or") else name)
            assert spelled(operand, number) is build(row, operand, expression(number))
            is_turned = row.predicate and name not in ("and", "or")  # by Python, which also makes a float of a fraction
            if not is_turned and not (name == "pow" and isinstance(number, Fraction)):
                assert spelled(number, operand) is build(row, expression(number), operand)
