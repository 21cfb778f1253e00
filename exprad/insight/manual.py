"""What `help` says of a row, from its columns: what it is, its derivatives, its domain, its edges, and an example."""

from __future__ import annotations

from inspect import Parameter, Signature
from types import FunctionType
from typing import Any

from exprad.graph.expr import Expr, Var
from exprad.ground.primitive import Primitive

_ENDS = (float("-inf"), 0.0, float("inf"))  # where a function of one number is looked at, beside the ends of its domain
_CHOICES = (0.5, 2.0, 1.5, 1.0)  # what examples are given


def signature(row: Primitive) -> Signature:
    """The operands by name.

    >>> from exprad import clip
    >>> signature(clip)
    <Signature (x, low, high, /)>
    """
    return Signature([Parameter(name, Parameter.POSITIONAL_ONLY) for name in names(row)])


def names(row: Primitive) -> tuple[str, ...]:
    """What a row calls its operands: as its functions do, or in order."""
    partials = [(each, 1) for each in row.partials or ()]
    for function, extra in [*partials, (row.formula, 0), (row.kink, 0), (row.exact, 0)]:
        if isinstance(function, FunctionType) and function.__code__.co_argcount == row.arity + extra:
            return function.__code__.co_varnames[extra : row.arity + extra]
    return ("x",) if row.arity == 1 else tuple("abcdefgh"[: row.arity])


def documentation(row: Primitive) -> str:
    """The text that `help` shows.

    >>> from exprad import log
    >>> documentation(log).splitlines()[4:6]
    ['- derivative: 1/x', '- real for x in [0, inf), elsewhere nan']
    """
    operands = [Var(name) for name in names(row)]
    facts = [*_derivatives(row, operands), *_domain(row, operands), *_kink(row, operands), *_edges(row, operands)]
    parts = [
        f"{row.name}({', '.join(names(row))})",
        _about(row, operands),
        "\n".join(f"- {fact}" for fact in facts),
        "\n".join(_example(row, operands)),
    ]
    return "\n\n".join(part for part in parts if part)


def _about(row: Primitive, operands: list[Var]) -> str:
    if row.about or row.formula is None:
        return row.about
    return f"By its formula, {row.by_formula(*operands)}"


def _derivatives(row: Primitive, operands: list[Var]) -> list[str]:
    if row.predicate:
        return ["a condition, whose derivatives are 0"]
    found = [_derivative(row, operands, x) or "stated for numbers alone, not for expressions" for x in operands]
    return [
        f"derivative{f' by {x.name}' if row.arity > 1 else ''}: {slope}"
        for x, slope in zip(operands, found, strict=True)
    ]


def _derivative(row: Primitive, operands: list[Var], x: Var) -> str:
    """As text; empty where a partial of a user's takes no expressions."""
    if row.partials[operands.index(x)] is None:
        return "none"
    try:
        return str(row(*operands).gradient(x))
    except Exception:
        return ""


def _domain(row: Primitive, operands: list[Var]) -> list[str]:
    stated = zip(operands, row.domain, strict=True)
    bounded = [f"{x.name} in {interval}" for x, interval in stated if interval != "(-inf, inf)"]
    if bounded:
        return [f"real for {' and '.join(bounded)}, elsewhere nan"]
    return ["real for all real numbers"] if row.arity == 1 and not row.predicate else []


def _kink(row: Primitive, operands: list[Var]) -> list[str]:
    if row.kink is None or row.predicate:
        return []
    what = "the value and the derivative jump" if row.jumps else "the derivative jumps"
    return [f"{what} where {row.kink(*operands)} is 0; kink= says what the derivative is there"]


def _edges(row: Primitive, operands: list[Var]) -> list[str]:
    """The values at the ends of the domain, at 0 and beyond all numbers; of several operands, where all are 0."""
    if row.predicate:
        return []
    points = (
        [(0.0,) * row.arity] if row.arity > 1 else [(end,) for end in sorted({*_ENDS, *_finite_ends(row.domain[0])})]
    )
    return [edge for edge in (_edge(row, operands, point) for point in points) if edge]


def _finite_ends(interval: str) -> set[float]:
    return {float(end) for end in interval.strip("[]()").split(",")}


def _edge(row: Primitive, operands: list[Var], point: tuple[float, ...]) -> str:
    shown = repr(point[0]) if row.arity == 1 else repr(point)
    bound = dict(zip(operands, point, strict=True))
    try:
        found: Expr = row(*operands)
        slopes = [number(found.gradient(x).evaluate(bound)) for x in operands]
        return f"at {shown}: {number(found.evaluate(bound))}, derivative{'s' * (row.arity > 1)} {', '.join(slopes)}"
    except Exception:  # it has none there, or needs a library that is not installed
        return ""


def number(value: Any) -> str:
    return repr(float(value))


def _example(row: Primitive, operands: list[Var]) -> list[str]:
    given = [
        1 if row.partials[place] is None else _within(interval, place) for place, interval in enumerate(row.sample)
    ]
    lines = [f">>> from exprad import Var, {row.name}"] if row.is_own else []
    try:
        lines += [f">>> {row.name}({', '.join(map(repr, given))})", repr(row(*given))]
    except Exception:  # a user's row may state no value
        del lines[1:]
    of_variables = ", ".join(f'Var("{x.name}")' for x in operands)
    if row.predicate or row.infix:
        return [*lines, f">>> {row.name}({of_variables})", str(row(*operands))]
    slope = _derivative(row, operands, operands[-1])
    return [*lines, f'>>> {row.name}({of_variables}).gradient("{operands[-1].name}")', slope] if slope else lines


def _within(interval: tuple[float, float], place: int) -> float:
    """A plain number within an interval, another for each place."""
    low, high = interval
    choices = [each for each in _CHOICES[place:] + _CHOICES[:place] if low < each < high]
    return choices[0] if choices else (low + high) / 2
