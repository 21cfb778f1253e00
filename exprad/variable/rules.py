"""What a row does on arrays at once: its value, and its pullback, written out once from the tables and kept.

The chain rule is asked on variables, once for each row; what it answers is lowered and becomes a few lines of Python.
The same lines run on arrays, where names stand for NumPy's functions, and on Variables, where they stand for rows:
so a derivative that is to be differentiated again needs no second rule.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from operator import itemgetter
from typing import Any, cast

import numpy as np

from exprad.chain import Guard, Guarded, Masked, joined, known_truth, pullback, resolve
from exprad.graph.expr import Const, Expr, Var, build
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import as_float, is_operator, numpy_function
from exprad.tensor.carrying import unbroadcast

_SPELLED = ("None, ", "{}, ", "guarded({}, {}), ")


def guarded(condition: Any, value: Any) -> Any:
    """A value that counts where a condition holds; of one point, the value or nothing."""
    truth = known_truth(condition)
    return Guarded((condition,), value) if truth is None else value if truth else None


class Rule:
    """The pullback of a row in some of its operands, as functions that are written out.

    `saves` picks what they need of (y, *operands), so that nothing is kept alive that no derivative needs.
    """

    def __init__(
        self, row: Primitive, active: Sequence[int], constant: Any, shapes: Sequence[Shape], y_shape: Shape
    ) -> None:
        xs: list[Any] = [Var(f"x{place}", shape=shape) for place, shape in enumerate(shapes)]
        if constant is not None:
            xs[-1] = Const(constant)
        self.row, self.xs, self.wanted, self.y_shape = row, xs, [xs[place] for place in active], y_shape
        self.y, self.y_bar = Var("y", shape=y_shape), Var("y_bar", shape=y_shape)
        self.is_plain = row.partials is not None and all(x.shape == y_shape for x in self.wanted)  # guards pass through
        self.whole = self.pulled(self.y_bar)
        self.places = tuple(
            place for place, x in enumerate([self.y, *xs]) if getattr(x, "name", "") in self.whole.names
        )
        self.saves: Callable[[Any], Any] | None = itemgetter(*self.places) if self.places else None
        self.pull, self.has_masks = self.whole.on_arrays, self.whole.has_masks  # what a backward pass asks most often
        self.divides_numbers = _divides(
            self.whole.program, {x.name for x in xs if x not in self.wanted and not x.is_const}
        )
        self.is_empty = 0 in y_shape

    @cached_property
    def masked(self) -> Pull:
        """The pullback of an adjoint that is 0 where a condition fails."""
        condition = Var("condition", shape=self.y_shape)
        return self.pulled(Masked(Guard(lambda: condition), self.y_bar))

    def pulled(self, y_bar: Any) -> Pull:
        """What is passed on of an adjoint."""
        return Pull(self, y_bar)

    def x_bars(self, y_bar: Any) -> dict[Any, Any]:
        """The adjoints of the operands that are wanted, by operand."""
        found: dict[Any, Any] = {}
        pullback(self.row, self.y, self.xs, y_bar, [x for x in self.xs if x not in self.wanted], found)
        return found

    def made(self, written: Written, returned: str, parameters: str, function_of: Callable[[Primitive], Any]) -> Any:
        """A function of `parameters`, the last of them `saved`, that returns results of what was written."""
        given = [[self.y, *self.xs][place].name for place in self.places]
        unpacked = [f"{', '.join(given)} = saved"] if given else []
        body = "\n    ".join([*unpacked, *written.lines, f"return {returned}"])
        return written.made(f"def pull({parameters}, saved):\n    {body}\n", "pull", function_of)


def _divides(program: Program, constants: set[str]) -> bool:
    """Whether something is computed of constants alone that Python refuses for its own numbers, as 1/0."""
    is_constant: list[bool] = []
    for head, *rest in program.steps:
        is_row = isinstance(head, Primitive)
        is_constant.append(
            all(is_constant[place] for place in rest) if is_row else head == "const" or rest[0] in constants
        )
        if is_row and is_constant[-1] and head.infix in ("/", "**", "%"):
            return True
    return False


class Pull:
    """What a rule passes on of an adjoint, whole or masked: `on_arrays(y_bar, condition, saved)` gives the adjoints of the
    operands, and `on_carriers` the same for Variables. The condition is asked for where `needs_condition`.
    """

    def __init__(self, rule: Rule, y_bar: Any) -> None:
        x_bars = rule.x_bars(y_bar)
        self._rule = rule
        self._guards: list[Guard | None] = []
        self._found = [self._parts(x_bars.get(x), x.shape) for x in rule.wanted]
        self._written = self._lines(is_lowered=True)
        self.names, self.program = self._written.names, self._written.program
        self.needs_condition = "condition" in self.names
        self.has_masks = any(guard is not None for guard in self._guards)
        self._masks: dict[int, Callable[[Any, Any], Any]] = {}

    def _parts(self, x_bar: Any, shape: Shape) -> list[Expr]:
        """An adjoint as it is computed: nothing, a value, or a value and the condition under which it counts."""
        x_bar = x_bar if x_bar is None else unbroadcast(x_bar, shape)
        if isinstance(x_bar, Masked):
            self._guards.append(x_bar.guard)
            x_bar = x_bar.value
        else:
            self._guards.append(None)
        if x_bar is None:
            return []
        return [joined(x_bar.conditions), x_bar.value] if isinstance(x_bar, Guarded) else [resolve(x_bar)]

    def _lines(self, is_lowered: bool) -> Written:
        return Written([each for parts in self._found for each in parts], is_lowered)

    def _function(self, written: Written, function_of: Callable[[Primitive], Any]) -> Any:
        results = iter(written.results)
        returned = "".join(_SPELLED[len(parts)].format(*[next(results) for _ in parts]) for parts in self._found)
        return self._rule.made(written, f"({returned})", "y_bar, condition", function_of)

    @cached_property
    def on_arrays(self) -> Callable[[Any, Any, Any], tuple[Any, ...]]:
        return self._function(self._written, _on_arrays)

    @cached_property
    def on_carriers(self) -> Callable[[Any, Any, Any], tuple[Any, ...]]:
        return self._function(self._lines(is_lowered=False), lambda row: row)

    def guard(self, index: int) -> Guard | None:
        """Where what operand `index` gets may differ from 0, in symbols; None for everywhere."""
        return self._guards[index]

    def mask(self, index: int, condition: Any, saved: Any) -> Any:
        """Where the adjoint of operand `index` counts; True for everywhere."""
        guard: Any = self._guards[index]
        if guard.is_static:
            return guard.renewed().condition  # the rule, which is kept, keeps no array
        made = self._masks.get(index)
        if made is None:
            made = self._masks[index] = self._mask(guard.condition)
        return made(condition, saved)

    def _mask(self, found: Expr) -> Any:
        written = Written([found], is_lowered=False)
        return self._rule.made(written, written.results[0], "condition", lambda row: row)


class Written:
    """Expressions as lines of Python: lowered, for arrays, or as they are, for carriers, whose rows have derivatives of
    their own: a formula may have a kink where its row has none."""

    def __init__(self, outputs: Sequence[Expr], is_lowered: bool = True) -> None:
        program = Program.lowered(outputs) if is_lowered else Program.of(outputs)
        self.program, self.names = program, set(program.variables)
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
        if row.infix and is_operator(row):
            return f" {row.infix} ".join(operands)
        if row.prefix and is_operator(row):  # `~` of a truth value of Python's is none
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
    folded = build(row, *operands)
    if isinstance(folded, Const):
        return partial(_constant, folded.value)
    if folded is xs[0]:
        return _copied
    written = Written([folded])
    body = "\n    ".join([*written.lines, f"return {written.results[0]}"])
    text = f"def value({', '.join(x.name for x in xs)}):\n    {body}\n"
    made: Callable[..., Any] = written.made(text, "value", _on_arrays)
    return made if exponent is not None else _quiet(made)


def _constant(value: Any, x: Any, *_: Any) -> Any:
    """The value of a row that does not depend on its operand, which gives it a shape and a type."""
    return np.full_like(x, value)


def _copied(x: Any, *_: Any) -> Any:
    """The value of a row that gives its operand: an array of its own, as that of any other."""
    return np.positive(x)


def _quiet(function: Any) -> Callable[..., Any]:
    """Branches that are not taken, and steps within a row, warn of nothing."""

    def quiet(*operands: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*operands)

    return quiet
