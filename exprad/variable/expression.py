"""What a tape recorded, as an expression."""

from __future__ import annotations

from itertools import count
from typing import Any

from exprad.errors import NameClashError
from exprad.graph.expr import build
from exprad.graph.leaf import Const, Var
from exprad.ground.traverse import fold, postorder
from exprad.variable.tape import Leaf, Node


def expression_of(start: Node | Leaf) -> Any:
    """What a node of the tape computed, in variables called like the Variables at its leaves, or x0, x1, ..."""
    taken = _given_names(start)
    names = (name for place in count() if (name := f"x{place}") not in taken)

    def visit(node: Any, operands: list[Any]) -> Any:
        if node.__class__ is Leaf:
            return Var(_name_of(node) or next(names), shape=node.shape)
        whole = list(operands)
        for place, value, _ in node.constants:
            whole.insert(place, Const(value))
        return build(node.primitive, *whole)

    return fold([start], visit)[0]


def _name_of(leaf: Any) -> str | None:
    return getattr(leaf.owner(), "name", None)


def _given_names(start: Node | Leaf) -> set[str]:
    """What the Variables at the leaves are called, those that have names."""
    given = [name for node in postorder([start]) if node.__class__ is Leaf and (name := _name_of(node))]
    if len(set(given)) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise NameClashError(f"two Variables that were recorded are called {twice!r}; give each a name of its own")
    return set(given)
