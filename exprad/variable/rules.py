"""What a row does on arrays at once: its value, and its pullback, written out once from the tables and kept.

The chain rule is asked on variables, once for each row; what it answers is lowered and becomes a few lines of Python.
The same lines run on arrays, where names stand for NumPy's functions, and on Variables, where they stand for rows:
so a derivative that is to be differentiated again needs no second rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Any, cast

import numpy as np

from exprad.chain import Guarded, joined, known_truth, pullback, resolve
from exprad.expr import Const, Expr, Var, build
from exprad.primitive import Primitive, Shape
from exprad.program import Program
from exprad.reverse import unbroadcast
from exprad.value import as_float, is_operator, numpy_function

_SPELLED = ("None, ", "{}, ", "guarded({}, {}), ")


def guarded(condition: Any, value: Any) -> Any:
    """A value that counts where a condition holds; of one point, the value or nothing."""
    truth = known_truth(condition)
    return Guarded((condition,), value) if truth is None else value if truth else None


class Rule:
    """The pullback of a row in some of its operands.

    `pull(y_bar, saved)` gives the adjoints of these operands, for arrays; `saved` is what `saves` picks of
    (y, *operands), so that nothing is kept alive that no derivative needs. `pull_carriers` is the same for Variables.
    """

    def __init__(
        self, row: Primitive, active: Sequence[int], constant: Any, shapes: Sequence[Shape], y_shape: Shape
    ) -> None:
        xs: list[Any] = [Var(f"x{place}", shape=shape) for place, shape in enumerate(shapes)]
        if constant is not None:
            xs[-1] = Const(constant)
        y, y_bar = Var("y", shape=y_shape), Var("y_bar", shape=y_shape)
        x_bars: dict[Any, Any] = {}
        wanted = [xs[place] for place in active]
        pullback(row, y, xs, y_bar, [x for x in xs if x not in wanted], x_bars)
        self.is_plain = row.partials is not None and all(x.shape == y_shape for x in wanted)  # guards pass through
        found = [self._parts(x_bars.get(x), x.shape) for x in wanted]
        self._written = Written([each for parts in found for each in parts])
        needed = [place for place, x in enumerate([y, *xs]) if getattr(x, "name", "") in self._written.names]
        self.places = tuple(needed)
        self.saves: Callable[[Any], Any] | None = itemgetter(*needed) if needed else None
        given = "".join(f"{each.name}, " for each in ([y, *xs][place] for place in needed))
        unpacked = [f"{given if len(needed) > 1 else given[:-2]} = saved"] if needed else []
        results = iter(self._written.results)
        returned = "".join(_SPELLED[len(parts)].format(*[next(results) for _ in parts]) for parts in found)
        body = "\n    ".join([*unpacked, *self._written.lines, f"return ({returned})"])
        self.text = f"def pull(y_bar, saved):\n    {body}\n"
        self.pull: Callable[[Any, Any], tuple[Any, ...]] = self._written.made(self.text, "pull", _on_arrays)

    def _parts(self, x_bar: Any, shape: Shape) -> list[Expr]:
        """An adjoint as it is computed: nothing, a value, or a value and the condition under which it counts."""
        if x_bar is None:
            return []
        if isinstance(x_bar, Guarded) and self.is_plain:
            return [joined(x_bar.conditions), x_bar.value]
        return [resolve(unbroadcast(x_bar, shape))]

    @cached_property
    def pull_carriers(self) -> Callable[[Any, Any], tuple[Any, ...]]:
        return self._written.made(self.text, "pull", lambda row: row)


class Written:
    """Expressions as lines of Python."""

    def __init__(self, outputs: Sequence[Expr]) -> None:
        program = Program.lowered(outputs)
        self.names = set(program.variables)
        self.rows: dict[str, Primitive] = {}
        self.constants: dict[str, Any] = {}
        place: list[str] = []
        self.lines: list[str] = []
        for index, (head, *rest) in enumerate(program.steps):
            if isinstance(head, Primitive):
                place.append(f"v{index}")
                self.lines.append(f"v{index} = {self._call(head, [place[each] for each in rest], index)}")
            else:
                place.append(rest[0] if head == "var" else self._constant(rest[0], index))
        self.results = [place[output] for output in program.outputs]

    def _call(self, row: Primitive, operands: Sequence[str], index: int) -> str:
        if row.infix:
            return f" {row.infix} ".join(operands)
        if row.prefix:
            return row.prefix + operands[0]
        self.rows[f"f{index}"] = row
        return f"f{index}({', '.join(operands)})"

    def _constant(self, value: Any, index: int) -> str:
        if hasattr(value, "dtype"):
            self.constants[f"k{index}"] = value
        else:  # a number has the type of what it meets
            self.constants[f"k{index}"] = (
                as_float(value) if isinstance(value, Fraction) or abs(value) > 2**53 else value
            )
        return f"k{index}"

    def made(self, text: str, name: str, function_of: Callable[[Primitive], Any]) -> Callable[..., Any]:
        scope: dict[str, Any] = {
            "guarded": guarded,
            **self.constants,
            **{key: function_of(row) for key, row in self.rows.items()},
        }
        exec(compile(text, "<exprad rule>", "exec"), scope)
        return scope[name]


def _on_arrays(row: Primitive) -> Any:
    return row.numpy if row.partials is None else numpy_function(row)


@lru_cache(maxsize=4096, typed=True)
def rule(row: Primitive, active: tuple[int, ...], constant: Any, shapes: tuple[Shape, ...], y_shape: Shape) -> Rule:
    """The rule for these operands, made once."""
    return Rule(row, active, constant, shapes, y_shape)


@lru_cache(maxsize=4096)
def forward(row: Primitive, exponent: int | None = None) -> Callable[..., Any]:
    """The value of a row, as a function of arrays and numbers."""
    if row.partials is None:
        return cast("Callable[..., Any]", row.numpy)
    if exponent is None and not row.is_composed:
        return cast("Callable[..., Any]", row.exact) if is_operator(row) else numpy_function(row)
    xs: list[Any] = [Var(f"x{place}") for place in range(row.arity)]
    operands = [xs[0], Const(exponent)] if exponent is not None else xs
    written = Written([build(row, *operands)])
    body = "\n    ".join([*written.lines, f"return {written.results[0]}"])
    text = f"def value({', '.join(x.name for x in xs)}):\n    {body}\n"
    made: Callable[..., Any] = written.made(text, "value", _on_arrays)
    return made if exponent is not None else _quiet(made)


def _quiet(function: Any) -> Callable[..., Any]:
    """Branches that are not taken, and steps within a row, warn of nothing."""

    def quiet(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*operands)

    return quiet
