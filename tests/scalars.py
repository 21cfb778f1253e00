"""Random expressions of scalars over the whole table, every mode against every other and against 70 digits; and the rule
by which each difference is a defect, or conditioning. `python -m tests.scalars 100000` runs that many and counts.

The rule, in this order; docs/decisions/what-is-a-defect.md argues it:

1. *not finite*: a value, of a node of f or of a derivative, is infinite or nan. Only the edges' table promises anything.
2. *kink*: a distance that `kinks(f)` lists is 0 at the point, or in high precision the one-sided slopes there differ, so
   that there is no slope to be compared with, but a convention; the modes are still compared with each other.
3. *agree*: every mode is within 1e-12, relative, of each other mode and of high precision: 70 digits, and 1,000 where these
   are too few.
4. *conditioning*: a mode is off by at most 64 times what its own result moves by when each intermediate value is changed by
   one rounding (of 2**-52, relative, and of the smallest float), at random, 16 times; in floats, or in high precision.
5. *defect*: everything else.
"""

from __future__ import annotations

import math
import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing import Pool
from typing import Any, NamedTuple

import mpmath
import numpy as np

from exprad import DualNumber, Expr, Var, Variable, evaluate, kinks, where
from exprad.ground.traverse import postorder
from exprad.tables.elementary import polygamma, sinc_slope
from tests.rows import VARIABLES, smooth_rows

PRECISIONS = (70, 25), (1000, 200)  # digits, and how many of them the step of a difference takes
CLOSE, FACTOR, TRIALS = 1e-12, 64, 16
SMALLEST = 5e-324
ROWS = smooth_rows()
CONSTANTS = [0, 1, 2, 3, -1, 0.5, -2.5, 1e-3, 10, math.pi]
EDGES = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, 1e-8, -1e-8, 1e-5, 10.0, -10.0, 100.5, 1e5, 1e8, -1e8, 1e-160, 1e160, 1e300,
         1 + 1e-10, 1 - 1e-10, math.inf, -math.inf]  # fmt: skip


class Found(NamedTuple):
    """What became of one expression: the verdict, and, of a difference, where and by how much."""

    seed: int
    verdict: str
    text: str = ""
    point: tuple[float, ...] = ()
    values: tuple[Any, ...] = ()


def expression(draw: random.Random) -> Expr:
    """A random expression: up to eight calls, each on what there is, the newest more often."""
    pool: list[Any] = [*VARIABLES[: draw.randint(1, 3)]]
    for _ in range(draw.randint(1, 8)):
        pool.append(_call(draw, pool))
    found = [each for each in pool if getattr(each, "operands", ())]
    return found[-1] if found else VARIABLES[0] + 1


def _call(draw: random.Random, pool: list[Any]) -> Any:
    def operand() -> Any:
        if draw.random() < 0.2:
            return draw.choice(CONSTANTS)
        return pool[-1 - min(int(draw.expovariate(0.6)), len(pool) - 1)]

    kind = draw.random()
    if kind < 0.05:
        return where(VARIABLES[0] + operand() < operand(), operand(), operand())
    if kind < 0.08:
        return draw.choice([polygamma, sinc_slope])(draw.randint(0, 4), pool[-1])
    row = draw.choice(ROWS[:7] if kind < 0.4 else ROWS)
    operands = [operand() for _ in range(row.arity)]
    operands[draw.randrange(row.arity)] = draw.choice(pool)
    return row(*operands)


def point(draw: random.Random) -> tuple[float, ...]:
    return tuple(draw.choice(EDGES) if draw.random() < 0.35 else draw.uniform(-3, 3) for _ in VARIABLES)


def judged(seed: int) -> Found:
    """The verdict on the expression of a seed; an exception is a defect."""
    try:
        return _judged(seed)
    except Exception as error:
        return Found(seed, "defect", repr(error))


def _judged(seed: int) -> Found:
    draw = random.Random(seed)
    f = expression(draw)
    at = dict(zip([v.name for v in VARIABLES], point(draw), strict=True))
    return examined(f, {v.name: at[v.name] for v in f.variables}, seed)


def examined(f: Expr, at: dict[str, float], seed: int = 0) -> Found:
    """The verdict on an expression at a point; the seed is that of roundings tried."""
    draw, wrt = random.Random(seed), list(f.variables)
    if not wrt:
        return Found(seed, "constant")
    roots = {"forward": [f, *[f.gradient(v) for v in wrt]], "reverse": [f, *f.gradient(wrt)]}
    order = {mode: postorder(each) for mode, each in roots.items()}
    known = {mode: _values(order[mode], at) for mode in roots}
    if not all(_is_finite(value) for values in known.values() for value in values.values()):
        return Found(seed, "not finite")
    modes = {mode: [float(known[mode][root]) for root in roots[mode]] for mode in roots}
    modes |= {"dual": _dual(f, wrt, at), "backward": _backward(f, wrt, at)}
    at_kink = any(distance == 0 for distance in evaluate([each for _, each in kinks(f)], at))
    for digits, step in PRECISIONS:
        try:
            exact, is_kink = _precise(f, wrt, at, digits, step)
        except (OverflowError, mpmath.libmp.NoConvergence):  # mpmath's own, as of erfc(1e160)
            exact, is_kink = [mpmath.nan] * (len(wrt) + 1), [True] * (len(wrt) + 1)
        is_kink = [False, *[at_kink or each for each in is_kink[1:]]]
        if _agree(modes, exact, is_kink):
            return Found(seed, "agree" if not any(is_kink) else "kink, agree")
    shown = (str(f)[:300], tuple(at.values()), (modes, [mpmath.nstr(each, 20) for each in exact]))
    for noise in (_float_noise(draw), _precise_noise(draw)):
        moves = [_moves(order[mode], roots[mode], at, noise) for mode in roots]
        if _is_within(modes, exact, is_kink, [max(each) for each in zip(*moves, strict=True)]):
            return Found(seed, "conditioning", *shown)
    return Found(seed, "defect", *shown)


def _is_within(
    modes: dict[str, list[float]], exact: Sequence[Any], is_kink: Sequence[bool], bounds: Sequence[float]
) -> bool:
    for place, bound in enumerate(bounds):
        told = [] if is_kink[place] or not mpmath.isfinite(exact[place]) else [exact[place]]
        found = [*[values[place] for values in modes.values()], *told]
        if not _spread(found) <= FACTOR * bound and not _is_close(found):
            return False
    return True


def _is_finite(value: Any) -> bool:
    return bool(math.isfinite(value)) if not isinstance(value, int) else abs(value) < 1e308


def _values(order: Sequence[Expr], at: dict[str, Any], change: Any = None) -> dict[Any, Any]:
    """The value of each node; of calls, changed by a rounding where `change` says how."""
    values: dict[Any, Any] = {}
    for node in order:
        if isinstance(node, Var):
            values[node] = at[node.name]
        elif not node.operands:
            values[node] = node.value  # type: ignore[attr-defined]  # a constant
        else:
            value = node.primitive(*[values[x] for x in node.operands])  # type: ignore[attr-defined]  # a call
            is_number = change is not None and isinstance(value, (float, mpmath.mpf))
            values[node] = change(value) if is_number else value
    return values


def _float_noise(draw: random.Random) -> tuple[type, Any]:
    return float, lambda value: value * (1 + draw.choice((-1, 0, 1)) * 2.0**-52) + draw.choice((-1, 0, 1)) * SMALLEST


def _precise_noise(draw: random.Random) -> tuple[type, Any]:
    """In high precision, as floats beyond 2**53 are whole and even, whatever rounding made of them."""

    def change(value: Any) -> Any:
        share = mpmath.ldexp(mpmath.sin(draw.uniform(0, 7)), -52)  # with all digits
        return value + value * share + draw.uniform(-1, 1) * SMALLEST

    return mpmath.mpf, change


def _moves(order: Sequence[Expr], roots: Sequence[Expr], at: dict[str, float], noise: tuple[type, Any]) -> list[float]:
    """The most that each root moves by when each intermediate value is changed by a rounding."""
    kind, change = noise
    with mpmath.workdps(PRECISIONS[1][0]):  # so that no large number is whole for want of digits
        given = {name: kind(value) for name, value in at.items()}
        base = list(_of(_values(order, given), roots))
        worst = [0.0] * len(roots)
        for _ in range(TRIALS):
            for place, value in enumerate(_of(_values(order, given, change), roots)):
                moved = float(abs(value - base[place]))
                worst[place] = max(worst[place], moved if math.isfinite(moved) else math.inf)
    return worst


def _of(values: dict[Any, Any], roots: Sequence[Expr]) -> Iterator[Any]:
    return (values[root] for root in roots)


def _dual(f: Expr, wrt: Sequence[Var], at: dict[str, float]) -> list[float]:
    found = [evaluate(f, {**at, v.name: DualNumber(at[v.name], 1.0)}) for v in wrt]
    return [float(getattr(found[0], "value", found[0])), *[float(getattr(each, "eps", 0)) for each in found]]


def _backward(f: Expr, wrt: Sequence[Var], at: dict[str, float]) -> list[float]:
    given = {name: Variable(np.array(value)) for name, value in at.items()}
    with np.errstate(all="ignore"):
        y = evaluate(f, given)
        if isinstance(y, Variable):  # else a choice between constants, of which nothing is recorded
            y.backward()
    grads = [given[v.name].grad for v in wrt]
    return [
        float(y.data if isinstance(y, Variable) else y),
        *[0.0 if grad is None else float(grad.data) for grad in grads],
    ]


def _precise(f: Expr, wrt: Sequence[Var], at: dict[str, float], digits: int, step: int) -> tuple[list[Any], list[bool]]:
    """The value and the slopes by differences of values of many digits; and of each, whether there is a kink or no value."""
    with mpmath.workdps(digits):
        exact = {name: mpmath.mpf(value) for name, value in at.items()}
        middle = mpmath.mpf(evaluate(f, exact))
        found, is_kink = [middle], [False]
        for v in wrt:
            h = mpmath.mpf(10) ** -step * min(max(abs(exact[v.name]), mpmath.mpf(10) ** -5), mpmath.mpf(10) ** 50)
            above, below = (mpmath.mpf(evaluate(f, {**exact, v.name: exact[v.name] + side * h})) for side in (1, -1))
            left, right = (middle - below) / h, (above - middle) / h
            found.append((above - below) / (2 * h))
            scale = max(abs(left), abs(right), mpmath.mpf(10) ** -8 * abs(middle))
            is_kink.append(not abs(left - right) <= mpmath.mpf(10) ** -8 * scale)
        return found, is_kink


def _spread(values: Sequence[Any]) -> float:
    return max(float(abs(mpmath.mpf(a) - mpmath.mpf(b))) for a in values for b in values)


def _is_close(values: Sequence[Any]) -> bool:
    size = max(float(abs(value)) for value in values)
    return _spread(values) <= CLOSE * size + 4 * SMALLEST


def _agree(modes: dict[str, list[float]], exact: Sequence[Any], is_kink: Sequence[bool]) -> bool:
    with mpmath.workdps(PRECISIONS[0][0]):
        for place, value in enumerate(exact):
            found = [values[place] for values in modes.values()]
            told = [] if is_kink[place] or not mpmath.isfinite(value) else [value]
            if not all(map(math.isfinite, found)) or not _is_close([*found, *told]):
                return False
    return True


def run(seeds: Sequence[int], processes: int = 1, shows: bool = False) -> tuple[Counter[str], list[Found]]:
    """How often each verdict was given, and the defects."""
    count: Counter[str] = Counter()
    defects: list[Found] = []

    def taken(found: Any) -> None:
        for each in found:
            count[each.verdict] += 1
            if shows and sum(count.values()) % 2000 == 0:
                print(dict(count), *defects[-3:], flush=True)
            if each.verdict == "defect":
                defects.append(each)

    if processes == 1:
        taken(map(judged, seeds))
    else:
        with Pool(processes) as pool:
            taken(pool.imap_unordered(judged, seeds, chunksize=50))
    return count, defects


if __name__ == "__main__":
    total = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    verdicts, wrong = run(range(first, first + total), processes=2, shows=True)
    for verdict, number in verdicts.most_common():
        print(f"{number:7,}  {verdict}")
    for each in wrong[:40]:
        print(each)
    sys.exit(bool(wrong))
