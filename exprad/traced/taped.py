"""A jitted function of Variables: one node of the tape, whose rule is the compiled gradient of the trace.

The rule is a trace itself, so a backward pass that is recorded has one node for it, too. An adjoint that counts only
where a condition holds goes through the sweep of the trace with its condition, as through that of expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

import numpy as np

from exprad.arrays import concatenate
from exprad.graph.call import Call
from exprad.graph.expr import Expr, Var, expression
from exprad.graph.substitution import replaced
from exprad.ground.shapes import Shape, size_of
from exprad.reverse import sensitivities
from exprad.traced.kept import made_once
from exprad.traced.nests import flattened, rebuilt
from exprad.traced.trace import Trace
from exprad.variable import Variable
from exprad.variable.config import is_recording
from exprad.variable.recording import operand_value, recorded
from exprad.variable.rules import Pull, Rule, guarded


class TapedRow:
    """What a node of the tape computed: the outputs of a trace that are numbers, along one axis if there are several."""

    partials = None
    powers = predicate = False
    name, node = "jit", Call

    def __init__(self, trace: Trace, active: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        self.trace, self.active, self.arity = trace, active, len(trace.variables)
        self.output = _joined([trace.expressions[place] for place in outputs])

    def folded(self, operands: Sequence[Any]) -> Expr:
        """The same of expressions: what a record becomes."""
        given = dict(zip(self.trace.variables, operands, strict=True))
        return replaced([self.output], given)[0]

    @cached_property
    def rule(self) -> TapedRule:
        return TapedRule(self)


def _joined(outputs: Sequence[Expr]) -> Expr:
    return outputs[0] if len(outputs) == 1 else expression(concatenate([each.reshape(-1) for each in outputs]))


class TapedRule(Rule):
    """The rule of a node: the sweep through a trace, compiled."""

    def __init__(self, row: TapedRow) -> None:
        shapes = [x.shape for x in row.trace.variables]
        self.options, self.name = row.trace.options, row.trace.name
        xs = [Var(f"x{place}", shape=shape) for place, shape in enumerate(shapes)]
        self.output = row.folded(xs)
        super().__init__(row, row.active, None, shapes, row.output.shape)  # type: ignore[arg-type]  # all that a rule asks
        self.places = tuple(range(1, 1 + row.arity))
        self.saves = itemgetter(*self.places)

    def pulled(self, y_bar: Any) -> TapedPull:
        return TapedPull(self, y_bar)

    def x_bars(self, y_bar: Any) -> dict[Any, Any]:
        return dict(zip(self.wanted, sensitivities({self.output: y_bar}, self.wanted), strict=True))


class TapedPull(Pull):
    """What the rule passes on, as a trace of the adjoint, its condition, and the operands."""

    _rule: TapedRule

    def _parts(self, x_bar: Any, shape: Shape) -> list[Expr]:
        return [*map(expression, super()._parts(x_bar, shape))]  # a condition may be an array

    @cached_property
    def _trace(self) -> Trace:
        rule, condition = self._rule, Var("condition", shape=self._rule.y_shape)
        given = [rule.y_bar, *[condition] * self.needs_condition, *rule.xs]
        return Trace(given, [each for parts in self._found for each in parts], rule.options, f"the rule of {rule.name}")

    def _asked(self, by: Callable[[Trace, Sequence[Any]], Any]) -> Callable[[Any, Any, Any], tuple[Any, ...]]:
        def pull(y_bar: Any, condition: Any, saved: Any) -> tuple[Any, ...]:
            operands = saved if len(self._rule.places) > 1 else (saved,)
            if self.needs_condition:
                condition = np.broadcast_to(condition, self._rule.y_shape)
            found = iter(by(self._trace, [y_bar, *[condition] * self.needs_condition, *operands]))
            return tuple([_PARTS[len(parts)](*[next(found) for _ in parts]) for parts in self._found])

        return pull

    @cached_property
    def on_arrays(self) -> Callable[[Any, Any, Any], tuple[Any, ...]]:
        return self._asked(values)

    @cached_property
    def on_carriers(self) -> Callable[[Any, Any, Any], tuple[Any, ...]]:
        return self._asked(on_variables)


def _guarded(condition: Any, value: Any) -> Any:
    """A value that counts where a condition holds, which is a number if it is one of the constants or the operands."""
    truth = condition._value if isinstance(condition, Variable) else condition
    return guarded(np.asarray(truth, bool)[()], value)


_PARTS: tuple[Callable[..., Any], ...] = (lambda: None, lambda value: value, _guarded)


def values(trace: Trace, leaves: Sequence[Any]) -> list[Any]:
    """The outputs for numbers and arrays, leaf by leaf: arrays, or NumPy's numbers."""
    found: list[Any] = []
    if all(_is_double(leaf) for leaf in leaves):
        flattened(trace.call(*[float(leaf) for leaf in leaves]), found)
    else:
        flattened(trace.call(*[np.asarray(leaf) if isinstance(leaf, np.generic) else leaf for leaf in leaves]), found)
    return [np.asarray(each)[()] if each.__class__ in (float, bool) else each for each in found]


def _is_double(leaf: Any) -> bool:
    return leaf.__class__ is float or getattr(leaf, "dtype", None) == np.float64 and leaf.shape == ()


def on_variables(trace: Trace, leaves: Sequence[Any]) -> Any:
    """The outputs where Variables are among the leaves: Variables, and truth values as they are."""
    given = [leaf._value if isinstance(leaf, Variable) else operand_value(leaf) for leaf in leaves]
    found = values(trace, given)
    places = tuple([place for place, each in enumerate(found) if each.dtype.kind == "f"])
    if not is_recording():
        made = [Variable._unrecorded(found[place]) for place in places]
    elif places:
        made = _made(_row(trace, leaves, places), leaves, given, [found[place] for place in places])
    for place, each in zip(places, made if places else [], strict=True):
        found[place] = each
    return rebuilt(trace.form, iter(found))


def _row(trace: Trace, leaves: Sequence[Any], places: tuple[int, ...]) -> TapedRow:
    active = tuple([place for place, leaf in enumerate(leaves) if isinstance(leaf, Variable)])
    row: TapedRow = made_once(trace.taped, active, lambda: TapedRow(trace, active, places))
    return row


def _made(row: TapedRow, leaves: Sequence[Any], given: Sequence[Any], found: Sequence[Any]) -> list[Variable]:
    """The outputs with their node; several are parts of what one node computed."""
    if len(found) == 1:
        return [recorded(row, leaves, given, found[0], None, row.rule)]
    whole: Any = recorded(row, leaves, given, np.concatenate([np.ravel(each) for each in found]), None, row.rule)
    made, first = [], 0
    for each in found:
        beyond = first + size_of(each.shape)
        made.append(whole[first:beyond].reshape(each.shape))
        first = beyond
    return made
