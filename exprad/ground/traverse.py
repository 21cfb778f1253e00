"""The only walk over a graph. Operands are always older than their node, so age is a topological order."""

from __future__ import annotations

import gc
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from operator import attrgetter
from threading import get_ident
from types import MappingProxyType

from exprad.ground.forks import at_fork
from exprad.ground.hints import Any
from exprad.ground.intern import serial

by_age = attrgetter("_serial")


LARGE = 5000  # nodes, beyond which a graph is treated as a large one


def is_large(outputs: Iterable[Any]) -> bool:
    """Whether `outputs` reach many nodes. It looks no further than it must."""
    seen = set(outputs)
    stack = list(seen)
    while stack and len(seen) <= LARGE:
        for operand in stack.pop()._operands:
            if operand not in seen:
                seen.add(operand)
                stack.append(operand)
    return len(seen) > LARGE


def postorder(outputs: Iterable[Any]) -> list[Any]:
    """Every node that `outputs` reach, once each, operands first."""
    seen = set(outputs)
    stack = list(seen)
    order: list[Any] = []
    while stack:
        node = stack.pop()
        order.append(node)
        for operand in node._operands:
            if operand not in seen:
                seen.add(operand)
                stack.append(operand)
    order.sort(key=by_age)
    return order


def independents(order: Iterable[Any], wrt: Iterable[Any]) -> set[Any]:
    """The nodes of `order` (operands first) that do not depend on any of `wrt`."""
    wanted = set(wrt)
    found: set[Any] = set()
    covers = found.issuperset
    for node in order:
        if covers(node._operands) and node not in wanted:
            found.add(node)
    return found


def sweep(
    order: Sequence[Any],
    bars: dict[Any, Any],
    idle: Container[Any],
    kept: Container[Any],
    pull: Callable[..., None],
    written: Mapping[type, Callable[..., None]] = MappingProxyType({}),
) -> None:
    """The reverse pass over a graph or a tape: `bars`, adjoints by node, flow from the last node of `order` to the leaves.

    `pull` is the pullback: it adds to `bars` what a node passes to its operands. When a node's turn comes, all that read
    it had theirs, so its adjoint is whole; it is dropped then, unless the node is in `kept`. Nodes of some classes may have
    pulls that were `written` for them.
    """
    take, pull_of, now = bars.pop, written.get, serial()
    for node in reversed(order):
        operands = node._operands
        if operands:
            y_bar = take(node, None)
            if y_bar is not None:
                if kept and node in kept:
                    bars[node] = y_bar
                made = pull_of(type(node))
                if made is None:
                    pull(node.primitive, node, operands, y_bar, idle, bars)
                else:
                    made(node, operands, y_bar, idle, bars, now)


def fold(outputs: Sequence[Any], visit: Callable[[Any, list[Any]], Any]) -> list[Any]:
    """The values of `outputs`, where `visit(node, values of its operands)` gives a node's value."""
    values: dict[Any, Any] = {}
    for node in postorder(outputs):
        values[node] = visit(node, [values[operand] for operand in node._operands])
    return [values[output] for output in outputs]


class collector_paused:  # read as a function
    """Builds many nodes without the garbage collector, which would visit them again and again in vain."""

    __slots__ = ("was_on",)

    def __enter__(self) -> None:
        self.was_on = gc.isenabled()
        if self.was_on:
            _pausing.add(get_ident())
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self.was_on:
            gc.enable()  # before it is forgotten: a child that is forked in between would go on without
            _pausing.discard(get_ident())


_pausing: set[int] = set()  # threads that will enable the collector again


def _resume() -> None:
    """In a child, no other thread will."""
    if _pausing and get_ident() not in _pausing:
        gc.enable()
    _pausing.intersection_update({get_ident()})


at_fork(child=_resume)


Key = tuple[int, float, str, int]  # whether it is named; how heavy; the least name; a digest of the structure


def canonical_operands(
    outputs: Sequence[Any], nodes: Sequence[Any] | None = None
) -> tuple[list[Any], dict[Any, tuple[Any, ...]]]:
    """The nodes in an order, and for each its operands in an order, that depend on nothing but structure.

    Of commuting operands, constants come first in products and last in sums, nested sums and products first,
    then heavy summands before light ones, and factors by name. Ties are broken by a digest of the structure.
    `nodes` are those of the outputs, operands first, where they are known.
    """
    from zlib import crc32  # importing the package leaves it out

    keys: dict[Any, Key] = {}
    arranged: dict[Any, tuple[Any, ...]] = {}
    for node in postorder(outputs) if nodes is None else nodes:
        operands = node._operands
        if not operands:
            kind, label = node.label
            keys[node] = (kind, 1.0, label, hash((crc32(label.encode("utf-8", "surrogatepass")), kind)))
            continue
        row = node.primitive
        if len(operands) == 1:  # most nodes have one or two: written out, for time goes here
            is_named, weight, name, digest = keys[operands[0]]
            keys[node] = (1, 1.0 + weight, name if is_named else "", hash((row.digest, digest)))
            arranged[node] = operands
            continue
        if len(operands) != 2:
            arranged[node], keys[node] = operands, _key(row, [keys[operand] for operand in operands])
            continue
        first, second = operands
        mine, other = keys[first], keys[second]
        if row.commutes and _is_before(row, second, other, first, mine):
            operands, mine, other = (second, first), other, mine
        arranged[node] = operands
        kind, weight, name, digest = mine
        is_named, more, theirs, another = other
        if not kind:
            name = theirs if is_named else ""
        elif is_named and theirs < name:
            name = theirs
        keys[node] = (1, 1.0 + weight + more, name, hash((row.digest, digest, another)))
    return _by_position(outputs, arranged), arranged


def _key(row: Any, given: Sequence[Key]) -> Key:
    """The key of a call, of those of its operands."""
    weight = 1.0
    for key in given:
        weight += key[1]
    return (
        1,
        weight,
        min([key[2] for key in given if key[0]], default=""),
        hash((row.digest, *[key[3] for key in given])),
    )


def _is_before(row: Any, a: Any, key: Key, b: Any, other: Key) -> bool:
    """Whether an operand of a row that commutes comes before another: as these say that tell them apart, in turn."""
    is_sum = row.infix == "+"
    if key[0] != other[0]:  # one of them is a constant
        return is_sum if key[0] else not is_sum
    is_nested = bool(a._operands) and a.primitive is row
    if is_nested != (bool(b._operands) and b.primitive is row):
        return is_nested
    if is_sum:
        return key[1] > other[1] if key[1] != other[1] else key[2:] < other[2:]
    return (key[2], key[1], key[3]) < (other[2], other[1], other[3])


def _by_position(outputs: Sequence[Any], arranged: dict[Any, tuple[Any, ...]]) -> list[Any]:
    order: dict[Any, None] = {}
    begun: set[Any] = set()
    stack = list(reversed(outputs))
    begin, push, operands_of = begun.add, stack.append, arranged.get
    while stack:
        node = stack[-1]
        if node in begun:  # and so are its operands
            order[stack.pop()] = None
            continue
        begin(node)
        for operand in reversed(operands_of(node, ())):
            if operand not in begun:
                push(operand)
    return list(order)
