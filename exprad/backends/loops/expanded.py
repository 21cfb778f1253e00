"""Rows of the second table that other rows say, written out in a program: the column `in_rows`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from exprad.graph.expr import Var, expression
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape

Has = Callable[[Primitive], bool]


def expanded(program: Program, has: Has | None = None) -> Program:
    """The program with those rows in place; `has` says for which elementwise rows the target has a function.

    >>> from exprad import softmax
    >>> v = Var("v", shape=(3,))
    >>> sorted({row.name for row in expanded(Program.lowered([softmax(v)])).rows})
    ['abs', 'div', 'exp', 'less', 'max', 'sub', 'sum', 'where']
    """
    if all(row.partials is not None or row.family.in_rows is None for row in program.rows):
        return program
    steps: list[tuple[Any, ...]] = []
    place: list[int] = []
    for head, *rest in program.steps:
        if head.__class__ is str or head.partials is not None or head.family.in_rows is None:
            given = rest if head.__class__ is str else [place[each] for each in rest]
            place.append(len(steps))
            steps.append((head, *given))
        else:
            shapes = tuple([program.shapes[each] for each in rest])
            place.append(_inlined(steps, _body(head, shapes, has), [place[each] for each in rest]))
    return Program(tuple(steps), tuple([place[output] for output in program.outputs]))


@lru_cache(maxsize=256)
def _body(row: Any, shapes: tuple[Shape, ...], has: Has | None) -> Program:
    """What rows say that a row is, of operands `0`, `1`, ..."""
    operands = [Var(str(place), shape=shape) for place, shape in enumerate(shapes)]
    found = expression(row.family.in_rows(*operands, **row.parameters))
    return expanded(Program.lowered([found], has), has)


def _inlined(steps: list[tuple[Any, ...]], body: Program, operands: Sequence[int]) -> int:
    """Add the steps of a body, and say which is its result."""
    place: list[int] = []
    for head, *rest in body.steps:
        if head == "var":
            place.append(operands[int(rest[0])])
            continue
        place.append(len(steps))
        steps.append((head, *(rest if head == "const" else [place[each] for each in rest])))
    return place[body.outputs[0]]
