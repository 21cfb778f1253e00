"""The certificate: every mode against every other, finite differences, high precision and SymPy."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from exprad import numeric
from exprad.arrays import sum as total
from exprad.derivatives.kink import kinks
from exprad.dual import DualNumber
from exprad.errors import UnsupportedError
from exprad.forward import tangents
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Call, Const, Expr, Var, expression
from exprad.ground.traverse import fold, postorder
from exprad.interop.sympy import to_sympy
from exprad.reverse import adjoints
from exprad.variable import Variable

DIGITS = 50


@dataclass(frozen=True)
class Disagreement:
    """Two modes that differ: where, by how much, and at which node they first part."""

    modes: tuple[str, str]
    variable: str
    point: dict[str, float]
    values: tuple[float, float]
    error: float
    node: Expr | None = None

    def __str__(self) -> str:
        where = ", ".join(f"{name}={value!r}" for name, value in self.point.items())
        place = f"; they first part at {self.node!r}" if self.node is not None else ""
        return f"d/d{self.variable} at {where}: {self.modes[0]} {self.values[0]!r}, {self.modes[1]} {self.values[1]!r}{place}"


@dataclass
class Certificate:
    """What `check` found: the worst relative difference of each pair of modes, and the disagreements beyond bounds."""

    expression: Expr
    points: int = 0
    worst: dict[str, float] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether at least one point was finite and no mode disagrees there."""
        return self.points > 0 and not self.disagreements

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        head = "certified" if self.ok else "NOT certified"
        lines = [f"{head} at {self.points} points: {self.expression!r}"]
        lines += [
            f"  forward against {mode:<20} worst relative difference {error:.1e}" for mode, error in self.worst.items()
        ]
        lines += [f"  {mode} skipped: {reason}" for mode, reason in self.skipped.items()]
        return "\n".join(lines + [f"  {each}" for each in self.disagreements[:5]])

    __repr__ = __str__


def check(
    f: Any, points: Sequence[Mapping[Any, float]] | int = 8, *, seed: int = 0, tolerance: float = 1e-9
) -> Certificate:
    """Compares the derivatives of an expression in every mode, at points given or drawn from the domain.

    Forward, reverse and dual mode must agree to `tolerance` (relative, scaled with the derivative's condition as
    high precision shows it); finite differences to a tolerance of their own. A complex step is taken where all rows
    are analytic; mpmath and SymPy are asked where they are installed and have the functions. Of arrays, derivatives in a
    random direction are compared, which sets each row's pushforward against its pullback; an expression that is an array
    counts with random weights.

    >>> bool(check(Var("x") * Var("y") + 2))
    True
    """
    f = expression(f)
    certificate = Certificate(f)
    wrt = list(f.variables)
    if f.shape or any(x.shape for x in wrt):
        return _check_arrays(certificate, wrt, points, seed, tolerance)
    forward = [_edge(tangents([f], {x: 1})[0]) for x in wrt]
    reverse = [_edge(x_bar) for x_bar in adjoints({f: 1}, wrt)]
    chosen = (
        _drawn(f, wrt, points, seed)
        if isinstance(points, int)
        else [{_name(k): float(v) for k, v in p.items()} for p in points]
    )
    others = _others(f, wrt, certificate)
    for point in chosen:
        first = evaluate(forward, point)
        if not wrt or not all(math.isfinite(value) for value in (*first, evaluate(f, point))):
            continue
        certificate.points += 1
        _compare(certificate, "reverse", first, evaluate(reverse, point), point, tolerance)
        _compare(certificate, "dual", first, _dual(f, wrt, point), point, tolerance)
        for mode, bound, derivatives in others:
            try:
                found = derivatives(point)
            except (UnsupportedError, RecursionError) as error:  # SymPy recurses
                certificate.skipped[mode] = str(error)
                continue
            if found is not None:
                _compare(certificate, mode, first, found, point, bound or tolerance)
    if not wrt:
        certificate.points = 1
    return certificate


def _check_arrays(
    certificate: Certificate, wrt: Sequence[Var], points: Any, seed: int, tolerance: float
) -> Certificate:
    """The certificate of an expression of arrays, by derivatives in random directions."""
    import numpy as np

    generator = np.random.default_rng(seed)
    f = certificate.expression
    f = total(Const(generator.uniform(0.5, 1.5, f.shape)) * f) if f.shape else f
    adjoint = [_edge(x_bar) for x_bar in adjoints({f: 1}, wrt)]
    for mode in ("complex step", "mpmath", "SymPy"):
        certificate.skipped[mode] = "takes no arrays"
    for point in _array_points(f, wrt, points, generator):
        certificate.points += 1
        for x, x_bar in zip(wrt, adjoint, strict=True):
            direction = generator.normal(size=x.shape)
            at = {v: point[v.name] for v in f.variables}  # a derivative may have lost some of them
            forward = float(evaluate(_edge(tangents([f], {x: Const(direction)})[0]), at))
            for mode, slope in _along(f, x, evaluate(x_bar, at), point, direction).items():
                bound = 1e-4 if mode == "finite differences" else tolerance
                scale = max(1.0, abs(forward), abs(slope))
                _compare_one(certificate, mode, x, point, (forward, slope), scale, bound)
    return certificate


def _array_points(f: Expr, wrt: Sequence[Var], points: Any, generator: Any) -> Iterator[dict[str, Any]]:
    """The points given, or as many as are asked for, where f is finite."""
    import numpy as np

    is_count = isinstance(points, int)
    found = 0
    for attempt in range(points * 20 if is_count else len(points)):
        low, high = [(-2.0, 2.0), (0.1, 2.0)][attempt % 2]
        if is_count:
            point = {x.name: generator.uniform(low, high, x.shape) for x in wrt}
        else:
            point = {_name(key): np.asarray(value, float) for key, value in points[attempt].items()}
        if np.isfinite(evaluate(f, point)):
            found += 1
            yield point
        if is_count and found == points:
            return


def _along(f: Expr, x: Var, x_bar: Any, point: dict[str, Any], direction: Any) -> dict[str, float]:
    """The derivative in a direction of one variable, by every mode but symbolic forward mode."""
    import numpy as np

    recorded = {name: Variable(np.array(value)) for name, value in point.items()}
    result = evaluate(f, recorded)
    if isinstance(result, Variable):
        result.backward()
    by_run = recorded[x.name].grad

    def value(step: float) -> float:
        return float(evaluate(f, {**point, x.name: point[x.name] + step * direction}))

    return {
        "reverse": float(np.sum(x_bar * direction)),
        "dual": float(evaluate(f, {**point, x.name: DualNumber(point[x.name], direction)}).eps),
        "define-by-run": 0.0 if by_run is None else float(np.sum(by_run.data * direction)),
        "finite differences": float(numeric.gradient(value, [0.0], method="five-point")[0]),
    }


def _compare_one(
    certificate: Certificate, mode: str, x: Var, point: Any, slopes: tuple[float, float], scale: float, bound: float
) -> bool:
    """Whether two modes agree; the certificate keeps how far apart they are."""
    ours, theirs = slopes
    error = abs(ours - theirs) / scale if ours != theirs else 0.0
    certificate.worst[mode] = max(error, certificate.worst.get(mode, 0.0))
    if error <= bound:
        return True
    certificate.disagreements.append(Disagreement(("forward", mode), x.name, dict(point), slopes, error))
    return False


def _name(key: Any) -> str:
    return key.name if isinstance(key, Var) else key


def _edge(value: Any) -> Expr:
    return Const(0) if value is None else expression(value)


def _dual(f: Expr, wrt: Sequence[Var], point: Mapping[str, float]) -> list[float]:
    return [float(evaluate(f, {**point, x.name: DualNumber(point[x.name], 1.0)}).eps) for x in wrt]


def _drawn(f: Expr, wrt: Sequence[Var], count: int, seed: int) -> list[dict[str, float]]:
    """Points where f and, if there are some, its kinks are well away from trouble."""
    random_number = random.Random(seed)
    distances = [distance for _, distance in kinks(f)]
    found: list[dict[str, float]] = []
    for attempt in range(count * 200):
        low, high = [(-3.0, 3.0), (0.1, 3.0), (-0.95, 0.95), (0.05, 0.95), (1.05, 3.0)][attempt % 5]
        point = {x.name: random_number.uniform(low, high) for x in wrt}
        value, *gaps = evaluate([f, *distances], point)
        if math.isfinite(value) and all(abs(gap) > 1e-3 for gap in gaps):
            found.append(point)
        if len(found) == count:
            break
    return found


def _others(f: Expr, wrt: Sequence[Var], certificate: Certificate) -> list[tuple[str, float | None, Any]]:
    names = [x.name for x in wrt]

    def function(*values: Any) -> Any:
        return evaluate(f, dict(zip(names, values, strict=True)))

    modes: list[tuple[str, float | None, Any]] = [
        (
            "finite differences",
            1e-4,
            lambda point: numeric.gradient(function, [point[n] for n in names], method="five-point"),
        )
    ]
    for mode, module, extra, derivatives in (
        ("complex step", "numpy", "", _complex_step),
        ("mpmath", "mpmath", "precise", _mpmath),
        ("SymPy", "sympy", "sympy", _sympy),
    ):
        if find_spec(module) is None:
            certificate.skipped[mode] = f"not installed; install exprad[{extra}]"
            continue
        try:
            modes.append((mode, None, derivatives(f, wrt)))
        except UnsupportedError as error:
            certificate.skipped[mode] = str(error)
    return modes


def _complex_step(f: Expr, wrt: Sequence[Var]) -> Any:
    import numpy as np

    for node in postorder([f]):
        if isinstance(node, Call) and not node.primitive.analytic:
            raise UnsupportedError(f"{node.primitive.name} is not analytic")

    def function(*values: Any) -> complex:
        bound = {x: np.complex128(value) for x, value in zip(wrt, values, strict=True)}

        def visit(node: Any, operands: list[Any]) -> Any:
            return node.primitive(*operands) if operands else bound.get(node, node.known)

        return complex(fold([f], visit)[0])

    return lambda point: numeric.gradient(function, [point[x.name] for x in wrt], method="complex")


def _mpmath(f: Expr, wrt: Sequence[Var]) -> Any:
    """Numeric differentiation of the value itself at high precision: independent of every partial."""
    import mpmath

    def derivatives(point: Mapping[str, float]) -> list[float]:
        with mpmath.workdps(DIGITS):
            h = mpmath.mpf(10) ** (-DIGITS // 3)
            exact = {name: mpmath.mpf(value) for name, value in point.items()}
            return [
                float(
                    (
                        evaluate(f, {**exact, x.name: exact[x.name] + h})
                        - evaluate(f, {**exact, x.name: exact[x.name] - h})
                    )
                    / (2 * h)
                )
                for x in wrt
            ]

    return derivatives


def _sympy(f: Expr, wrt: Sequence[Var]) -> Any:
    import sympy

    if len(postorder([f])) > 200:
        raise UnsupportedError("more than 200 nodes would keep SymPy busy for long")
    theirs = to_sympy(f)
    symbols = [sympy.Symbol(x.name, real=True) for x in wrt]
    slopes = [sympy.diff(theirs, symbol) for symbol in symbols]

    def derivatives(point: Mapping[str, float]) -> list[float] | None:
        at: Any = {symbol: sympy.Float(point[symbol.name], DIGITS) for symbol in symbols}
        values = [slope.subs(at).evalf(DIGITS // 2) for slope in slopes]
        return (
            [float(value) for value in values] if all(value.is_Float or value.is_Rational for value in values) else None
        )

    return derivatives


def _compare(
    certificate: Certificate,
    mode: str,
    first: Sequence[float],
    other: Sequence[float],
    point: Mapping[str, float],
    tolerance: float,
) -> None:
    for variable, ours, theirs in zip(certificate.expression.variables, first, other, strict=True):
        scale = max(1.0, abs(ours), abs(theirs), *map(abs, first))
        if not _compare_one(certificate, mode, variable, point, (float(ours), float(theirs)), scale, tolerance):
            node = _first_parting(certificate.expression, variable, point)
            certificate.disagreements[-1] = replace(certificate.disagreements[-1], node=node)


def _first_parting(f: Expr, x: Var, point: Mapping[str, float]) -> Expr | None:
    """The first node, operands first, whose tangent is not what finite differences of its value give."""
    for node, tangent in _tangents_by_node(f, x, point):

        def value(at: float, node: Expr = node) -> float:
            return float(evaluate(node, {**point, x.name: at}))

        numerical = numeric.gradient(value, [point[x.name]], method="five-point")[0]
        if math.isfinite(numerical) and abs(numerical - tangent) > 1e-4 * max(1.0, abs(numerical)):
            return node
    return None


def _tangents_by_node(f: Expr, x: Var, point: Mapping[str, float]) -> Iterator[tuple[Expr, float]]:
    for node in postorder([f]):
        if node.operands and not node.primitive.predicate:
            yield node, float(evaluate(_edge(tangents([node], {x: 1})[0]), point))
