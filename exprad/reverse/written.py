"""Pullbacks of rows as functions that are written out, for large graphs of scalars.

`pull_of` records what the chain rule does for a row; here that becomes lines of Python without dispatch, which take the same
steps on the nodes of a graph. Where they don't apply - an adjoint of another kind, an operand under a guard - they ask the
chain rule.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from exprad.chain import Negated, plus, pullback
from exprad.graph.call import OPAQUE, Call, node_class
from exprad.graph.expr import Const
from exprad.graph.inlined import Inlined, indented
from exprad.ground.primitive import Primitive
from exprad.reverse.recorded import KINDS, Kind, Recorded, Recording, Whole, asked_of, is_recordable, pull_of, sum_of

Pull = Callable[..., None]
FREQUENT = 1000  # calls of a row in a graph, or of one constant, from which on writing a pull pays
_MOST, _WATCHED = 16, 1000  # functions of a row for constants, and constants whose calls are counted
_TESTS = {
    "plain": ("kind in opaque", "given"),
    "negated": ("kind is Negated and type(given.value) in opaque", "given.value"),
}
_BEFORE = {"plain": ("type(before) in opaque", "before"), "negated": ("type(before) is Negated", "before.value")}


def written_pulls(order: Sequence[Any]) -> dict[type, Pull]:
    """The pulls of the calls that are frequent in a graph of scalars, by their class.

    Each is a function of a node, its operands, its adjoint, the idle nodes, the adjoints by node, and the age of the sweep.
    """
    if len(order) < FREQUENT:
        return {}
    frequent = [cls for cls, count in Counter(map(type, order)).items() if count >= FREQUENT and issubclass(cls, Call)]
    for cls in frequent:
        if cls.written is None:
            cls.written = _written(cls.primitive)
    return {cls: cls.written for cls in frequent}


def asked(y: Any, xs: Sequence[Any], y_bar: Any, idle: Any, bars: dict[Any, Any], now: int) -> None:
    """The pull of any node, by the chain rule."""
    pullback(y.primitive, y, xs, y_bar, idle, bars)


class ByConstant(dict[Any, Pull]):
    """The pulls that are made for those constants that are met often; for others, one that asks the chain rule."""

    def __init__(self, made: Callable[[Any], Pull]) -> None:
        self._made, self._met = made, Counter[Any]()

    def __missing__(self, value: Any) -> Pull:
        if value.__class__ is int or value.__class__ is Const:
            if len(self._met) > _WATCHED:
                self._met.clear()
            self._met[value] += 1
            if self._met[value] >= FREQUENT and len(self) < _MOST:
                return self.setdefault(value, self._made(value))
        return asked


def _written(row: Primitive) -> Pull:
    """The pull of a row; where partials ask what number an operand is, one for each constant there."""
    if not is_recordable(row):
        return asked
    places = asked_of(row)
    if not places:
        return Lines(row, {}).pull()
    (place, *others) = places
    pulls = ByConstant(lambda constant: Lines(row, {place: constant}).pull())

    def pull(y: Any, xs: Sequence[Any], y_bar: Any, idle: Any, bars: dict[Any, Any], now: int) -> None:
        pulls[xs[place]](y, xs, y_bar, idle, bars, now)

    return asked if others else pull


class Lines:
    """The lines of the pulls of a row, some of whose operands are constants, by their places."""

    def __init__(self, row: Primitive, constants: Mapping[int, Any]) -> None:
        self._row, self._constants, self._inlined = row, constants, Inlined()
        self._inlined.scope |= {"Const": Const, "Negated": Negated, "plus": plus, "asked": asked}
        self._inlined.scope["of_constants"] = ByConstant(self._of_constant)

    def pull(self) -> Pull:
        """The pull for any adjoint."""
        return self._function(self._body("whole", KINDS["whole"]) or self._by_kind())

    def _of_constant(self, y_bar: Any) -> Pull:
        return self._function(self._body("constant", lambda steps: y_bar))

    def _function(self, body: Sequence[str]) -> Pull:
        if not body:
            return asked
        names = ", ".join(f"x{place}" for place in range(self._row.arity))
        return self._inlined.function(
            ["def pull(y, xs, given, idle, bars, now):", *indented([f"{names}, = xs", *body])], "pull"
        )

    def _by_kind(self) -> list[str]:
        """The lines for each kind of adjoint."""
        lines = ["kind = type(given)"]
        for kind, (test, value) in _TESTS.items():
            body = self._body(kind, KINDS[kind]) or ["asked(y, xs, given, idle, bars, now)"]
            body = [f"y_bar = {value}", "is_young = y_bar._serial > now", *body]
            lines += [f"if {test}:", *indented([*body, "return"])]
        lines.append("if kind is Const or kind is int: of_constants[given](y, xs, given, idle, bars, now)")
        return [*lines, "else: asked(y, xs, given, idle, bars, now)"]

    def _body(self, kind: str, given: Kind) -> list[str]:
        """The lines for an adjoint of a kind; none where it can't be recorded, or for all kinds not everything."""
        self._inlined.young = {"y_bar"} if kind in _TESTS else set()
        self._inlined.opaque = {*self._inlined.young, *(["y"] if node_class(self._row) in OPAQUE else [])}
        refused, lines = [], []
        for place in range(self._row.arity):
            if place not in self._constants:
                recording = pull_of(self._row, place, given, self._constants)
                if recording is None or kind == "whole" and recording.found is not recording.given:
                    refused.append(f"x{place} not in idle")
                elif recording.found is not None:
                    lines += [f"if x{place} not in idle:", *indented(self._passed(recording, f"x{place}"))]
        if not refused or not lines or kind == "whole":
            return [] if refused else lines
        return [f"if {' or '.join(refused)}: asked(y, xs, given, idle, bars, now)", "else:", *indented(lines)]

    def _passed(self, recording: Recording, x: str) -> list[str]:
        """The lines that add to the adjoint of an operand what it gets."""
        lines = []
        for row, operands, result in recording.steps:
            lines += self._inlined.call(row, [_name_of(each) or each for each in operands], result.name)
        found, given = recording.found, recording.given
        sign = "negated" if isinstance(found, Negated) else "plain"
        name = _name_of(found.value if sign == "negated" else found)
        passed = "given" if found is given else name or self._inlined.held(found)
        if sign == "negated" and passed is name:
            lines += ["passed = new(Negated)", f"passed.value = {name}"]
            passed = "passed"
        sums = self._sums(sign, name, x) if name else []
        is_first = [f"before = bars.get({x})", f"if before is None: bars[{x}] = {passed}"]
        return [*lines, *is_first, *sums, f"else: bars[{x}] = plus(before, {passed})"]

    def _sums(self, sign: str, name: str, x: str) -> list[str]:
        """The lines for sums with what an operand got before, where both are expressions that no fold looks into."""
        lines = []
        for kind, (test, before) in _BEFORE.items():
            recording = sum_of(kind, sign)
            if isinstance(recording.found, Recorded):
                ((row, operands, _),) = recording.steps
                names = [name if each.name == "after" else before for each in operands]
                tests = dict.fromkeys([test, *(self._inlined.conditions(row, names) or ())])
                node = self._inlined.node(row, names, "total")
                lines += [f"elif {' and '.join(tests)}:", *indented([*node, f"bars[{x}] = total"])]
        return lines


def _name_of(value: Any) -> str:
    """What a recorded value, or a sensitivity of any kind, is called; nothing for a constant."""
    return value.name if isinstance(value, Recorded) else "given" if isinstance(value, Whole) else ""
