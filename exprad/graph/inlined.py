"""Calls of rows on expressions as lines of Python, for code that is written out: on its common path, a node without a call.

The lines do what operators do (`_fast_binary`, in `exprad/graph/expr.py`): where no fold can apply, the standing node or a new
one at once; else they ask an operator, or `build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.carrier import BINARY
from exprad.graph.call import OPAQUE, node_class
from exprad.graph.expr import build, expression
from exprad.graph.folding import FOLDING_INTS, MERGING, WEIGHING
from exprad.ground.intern import Reference, serial
from exprad.ground.primitive import Primitive

_NODE = """\
key = operands = ({operands},)
{swap}
standing = {met}{cls}_get(key)
{result} = None if standing is None else standing()
if {result} is None:
    {result} = new({cls})
    {result}._operands = operands
    {result}._serial = serial()
    mine = Reference({result}, {cls}_forget)
    mine.key = key
    standing = {cls}_put(key, mine)
    if standing is not mine:
        {result} = {cls}_replace(mine, {result})"""
_SWAP = "if {1}._serial < {0}._serial: key = ({1}, {0})"
_IS_INFIX = frozenset(BINARY.values())


class Inlined:
    """Lines of Python, and what the names in them stand for.

    Of names in `opaque` it is known that they are scalars that no fold looks into; those in `young` are younger than all that
    stands, if the lines have found `is_young`: then no call of them can stand.
    """

    def __init__(self) -> None:
        scope = {"opaque": OPAQUE, "new": object.__new__, "serial": serial, "Reference": Reference, "build": build}
        self.scope: dict[str, Any] = scope
        self.opaque: set[str] = set()
        self.young: set[str] = set()
        self._names: dict[Any, str] = {}

    def held(self, value: Any) -> str:
        """A name of its own for a value."""
        name = f"k{len(self.scope)}"
        self.scope[name] = value
        return name

    def _name(self, value: Any) -> str:
        """A name for an expression, a row or a class."""
        if value not in self._names:
            self._names[value] = self.held(value)
        return self._names[value]

    def call(self, row: Primitive, operands: Sequence[Any], result: str) -> list[str]:
        """The lines that leave in `result` a call of a row on operands: names of expressions, numbers or expressions."""
        texts = list(map(self._text, operands))
        called = f" {row.infix} ".join(texts) if row in _IS_INFIX else f"build({', '.join([self._name(row), *texts])})"
        conditions = self.conditions(row, operands)
        if conditions is None:
            return [f"{result} = {called}"]
        node = self.node(row, operands, result)
        if not conditions:
            return node
        return [f"if {' and '.join(conditions)}:", *indented(node), f"else: {result} = {called}"]

    def _text(self, operand: Any) -> str:
        return operand if operand.__class__ is str else self._name(expression(operand))

    def conditions(self, row: Primitive, operands: Sequence[Any]) -> list[str] | None:
        """What must hold for a node at once; None where a fold might always apply."""
        names = [each for each in operands if each.__class__ is str]
        numbers = [each for each in operands if each.__class__ is not str]
        if len(operands) > 2 or len(set(names)) < len(names):
            return None
        if numbers and (len(names) != 1 or not _is_direct(row, numbers[0])):
            return None
        unknown = [name for name in names if name not in self.opaque]
        is_float = "({0} or type({1}.known) is float)" if len(unknown) < len(names) and row not in WEIGHING else "{0}"
        found = [is_float.format(f"type({name}) in opaque", name) for name in unknown]
        if numbers and row in MERGING:
            found.append(f"type({names[0]}) is not {self._class(row)}")
        if len(names) == 2:
            found.append(f"{names[0]} is not {names[1]}")
        return found

    def node(self, row: Primitive, operands: Sequence[Any], result: str) -> list[str]:
        """The lines that leave in `result` the standing node or a new one, where the conditions hold."""
        texts = list(map(self._text, operands))
        met = ""
        if not self.young.isdisjoint(texts):
            self.young.add(result)
            met = "None if is_young else "
        swap = _SWAP.format(*texts) if row.commutes else ""
        lines = _NODE.format(operands=", ".join(texts), swap=swap, met=met, cls=self._class(row), result=result)
        return [line for line in lines.splitlines() if line]

    def _class(self, row: Primitive) -> str:
        cls = node_class(row)
        name, table = self._name(cls), cls._interned
        parts = {"get": table.get, "put": table.setdefault, "forget": table.forget, "replace": table.replace}
        self.scope |= {f"{name}_{part}": function for part, function in parts.items()}
        return name

    def function(self, lines: Sequence[str], name: str) -> Any:
        """The function that lines define."""
        exec(compile("\n".join(lines), "<exprad pull>", "exec"), self.scope)
        return self.scope[name]


def _is_direct(row: Primitive, number: Any) -> bool:
    """Whether no fold knows a number."""
    return number.__class__ is int and row not in WEIGHING and number not in FOLDING_INTS.get(row, ())


def indented(lines: Sequence[str]) -> list[str]:
    """Lines, one level further in."""
    return [f"    {line}" for line in lines]
