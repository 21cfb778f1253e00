"""Derivatives from the left and from the right: of the whole expression, by each variable, as its germ on that side has it.

A pass, a germ and its derivatives, serves several elements of the variables at once: those of which no node with a kink
reads two. They are found by colouring, with SciPy; without it, each element has a pass of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import Any

from exprad.arrays import concatenate, stack
from exprad.derivatives.blocks import blocks, columns, edge, unit
from exprad.derivatives.colouring import colours
from exprad.derivatives.kink import checked, kinked
from exprad.derivatives.sides import Side
from exprad.derivatives.sparsity import pattern_of_values
from exprad.errors import MissingExtraError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.primitive import If, Primitive
from exprad.ground.traverse import independents, postorder
from exprad.reverse import adjoints

STEPS = {"left": -1, "right": 1}


def is_asked(outputs: Sequence[Expr], kink: str) -> bool:
    """Whether a convention is a side, and expressions have sides."""
    return checked(kink) in STEPS and bool(kinked(outputs))


class Pass:
    """Elements of variables that one germ serves: for each variable, the places of its elements, counted in order."""

    def __init__(self, inputs: Sequence[Var], places: Sequence[Any]) -> None:
        self.places = dict(zip(inputs, places, strict=True))

    def seeds(self, step: int) -> dict[Var, Any]:
        """A step to one side in each of the elements."""
        import numpy as np

        found: dict[Var, Any] = {}
        for x, places in self.places.items():
            if len(places):
                flat = np.zeros(x.size, int)
                flat[places] = step
                found[x] = Const(flat.reshape(x.shape)) if x.shape else step
        return found

    def germs(self, outputs: Sequence[Expr], convention: str, order: int = 1) -> list[Expr]:
        return Side([self.seeds(STEPS[convention])], order).germs(outputs)

    def units(self, x: Var) -> list[Expr]:
        """For each of the elements of x, the array with 1 there and 0 elsewhere."""
        return [unit_at(x, place) for place in self.places[x]]

    def elements(self, inputs: Sequence[Var], slopes: Sequence[Expr]) -> Iterator[Any]:
        """Each element: its place among those of all variables, and in its variable; and the derivative by that."""
        start = 0
        for x, slope in zip(inputs, slopes, strict=True):
            yield from (((start + int(place), int(place), x), slope) for place in self.places[x])
            start += x.size

    def picked(self, block: Expr, x: Var, lead: tuple[int, ...] = ()) -> Expr:
        """Of an array in the shape of x, after axes `lead`: itself, or its elements in this pass, along one axis."""
        if self.covers(x):
            return block
        flat: Any = block.reshape((*lead, x.size))
        return flat[..., self.places[x]]

    def covers(self, x: Var) -> bool:
        return len(self.places[x]) == x.size


def unit_at(x: Var, place: int) -> Expr:
    import numpy as np

    return unit(x.shape, tuple(map(int, np.unravel_index(place, x.shape)))) if x.shape else Const(1)


def passes(outputs: Sequence[Expr], inputs: Sequence[Var]) -> list[Pass]:
    """The elements of the variables, shared out among as few passes as colouring finds."""
    import numpy as np

    sizes = [x.size for x in inputs]
    colour = _colours(_deciding(outputs, inputs), inputs, sum(sizes))
    starts = list(accumulate(sizes, initial=0))
    return [
        Pass(
            inputs,
            [np.flatnonzero(colour[start : start + size] == each) for start, size in zip(starts, sizes, strict=False)],
        )
        for each in range(int(colour.max(initial=-1)) + 1)
    ]


def _deciding(outputs: Sequence[Expr], inputs: Sequence[Var]) -> list[Expr]:
    """The nodes of which an element must not read two elements of a pass.

    They are those with a kink that depend on the variables; and what is not linear in a value that jumps, which a step in
    one element changes for the derivative by another.
    """
    order = postorder(outputs)
    idle = independents(order, inputs)
    jumping: set[Expr] = set()
    found = set(kinked(outputs)) - idle
    for node in order:
        if node not in idle and node._operands:
            row: Any = node.primitive
            is_fed = not jumping.isdisjoint(node._operands)
            if is_fed and not _is_linear(row, [place for place, x in enumerate(node._operands) if x not in idle]):
                found.add(node)
            if is_fed or row.jumps:
                jumping.add(node)
    return [node for node in order if node in found]


def _is_linear(row: Any, varying: Sequence[int]) -> bool:
    """Whether partials of a call in the operands at some places are the same whatever the values of these operands are."""
    if row.partials is None:
        return row.family.is_linear or row.family.is_multilinear and len(varying) == 1
    read = _read_by_partials(row)
    return all(read[place].isdisjoint(varying) for place in varying)


@cache
def _read_by_partials(row: Primitive) -> list[set[int]]:
    """For each operand, the places of the operands that the partial derivative in it depends on."""
    y, xs = Var.fresh(), [Var.fresh() for _ in range(row.arity)]
    found = []
    for partial in row.partials:
        stated = partial(y, *xs) if callable(partial) else 0
        parts = (stated.condition, stated.value) if isinstance(stated, If) else stated
        held = set(postorder([expression(part) for part in (parts if isinstance(parts, tuple) else (parts,))]))
        found.append({place for place, x in enumerate(xs) if x in held or y in held or partial is None})
    return found


def beside(found: Any, outputs: Sequence[Expr], inputs: Sequence[Var]) -> Any:
    """A pattern, with rows for the nodes whose sides the columns decide."""
    import scipy.sparse

    deciding = _deciding(outputs, inputs)
    return scipy.sparse.vstack([found, pattern_of_values(deciding, inputs)], format="csr") if deciding else found


def germs(outputs: Sequence[Expr], seeds: Mapping[Var, Any], convention: str) -> list[Expr]:
    """What the outputs are on one side, in a direction."""
    return Side([{x: STEPS[convention] * seed for x, seed in seeds.items()}], 1).germs(outputs)


def _colours(deciding: Sequence[Expr], inputs: Sequence[Var], width: int) -> Any:
    import numpy as np

    if not deciding or width == 1:
        return np.zeros(width, int)
    try:
        found = pattern_of_values(deciding, inputs)
    except MissingExtraError:
        return np.arange(width)
    found.sum_duplicates()
    return colours(found)


def derivative(f: Expr, x: Var, order: int, convention: str) -> Expr:
    """The one-sided derivative of the given order by one scalar variable."""
    slope = Side([{x: STEPS[convention]}], order).germs([f])[0]
    for _ in range(order):
        slope = edge(tangents([slope], {x: 1})[0], ())
    return slope


def gradient(f: Expr, inputs: Sequence[Var], convention: str, seed: Any = 1) -> list[Expr]:
    """The one-sided derivative of an expression, scaled by `seed` and summed, by each element of each variable."""
    if len(inputs) == 1 and not inputs[0].shape and seed.__class__ is int:
        return [derivative(f, inputs[0], 1, convention)]
    shared = passes([f], inputs)
    parts: list[list[Any]] = [[] for _ in inputs]
    for each in shared:
        swept = adjoints({each.germs([f], convention)[0]: seed}, inputs)
        for mine, x, x_bar in zip(parts, inputs, swept, strict=True):
            mine.append(each.picked(edge(x_bar, x.shape), x))
    return [_whole(shared, mine, x) for mine, x in zip(parts, inputs, strict=True)]


def jacobian(outputs: Sequence[Expr], inputs: Sequence[Var], convention: str) -> list[list[Expr]]:
    """For each expression and each variable, the one-sided derivatives, of shape f.shape + x.shape."""
    shared = passes(outputs, inputs)
    is_scalar = not any(x.shape for x in (*outputs, *inputs))
    rows_of = _by_columns if is_scalar and len(inputs) < len(outputs) else _by_rows
    parts = [rows_of(each.germs(outputs, convention), inputs, each) for each in shared]
    return [
        [_whole(shared, [part[row][place] for part in parts], x, f.shape) for place, x in enumerate(inputs)]
        for row, f in enumerate(outputs)
    ]


def _by_columns(germs: Sequence[Expr], inputs: Sequence[Var], each: Pass) -> list[list[Expr]]:
    """The derivatives of scalar expressions, by tangents."""
    swept = [tangents(germs, {x: 1}) if each.covers(x) else [None] * len(germs) for x in inputs]
    return [[edge(column[row], ()) for column in swept] for row in range(len(germs))]


def _by_rows(germs: Sequence[Expr], inputs: Sequence[Var], each: Pass) -> list[list[Expr]]:
    """The derivatives by the elements of a pass; of arrays by part of a variable, from the tangents of that part alone."""
    if any(germ.shape for germ in germs) and not all(each.covers(x) for x in inputs):
        return [
            [columns(germ, x, each.units(x)) if each.places[x].size else edge(None, germ.shape) for x in inputs]
            for germ in germs
        ]
    return [
        [each.picked(block, x, germ.shape) for block, x in zip(blocks(germ, inputs), inputs, strict=True)]
        for germ in germs
    ]


def _whole(shared: Sequence[Pass], parts: Sequence[Expr], x: Var, lead: tuple[int, ...] = ()) -> Expr:
    """An array in the shape of x, after axes `lead`, from what the passes gave for its elements."""
    import numpy as np

    mine = [(each.places[x], part) for each, part in zip(shared, parts, strict=True) if each.places[x].size]
    if len(mine) < 2:
        return mine[0][1].reshape(lead + x.shape) if mine else edge(None, lead + x.shape)
    order = np.argsort(np.concatenate([places for places, _ in mine]))
    flat: Expr = concatenate([part for _, part in mine], -1)[..., order]
    return flat.reshape(lead + x.shape)


def hessian(f: Expr, inputs: Sequence[Var], convention: str) -> list[list[Expr]]:
    """The one-sided derivative, by each element of the variables, of the one-sided derivative by each other."""
    shared = passes([f], inputs)
    if len(shared) < 2:
        return [blocks(slope, inputs) for slope in smooth_slopes(f, inputs, convention, shared)]
    found = dict(entries(f, inputs, convention, shared))
    starts = list(accumulate([x.size for x in inputs], initial=0))
    return [
        [
            _block(found, range(i, i + x.size), range(j, j + y.size), x.shape + y.shape)
            for j, y in zip(starts, inputs, strict=False)
        ]
        for i, x in zip(starts, inputs, strict=False)
    ]


def _block(found: dict[tuple[int, int], Expr], rows: range, others: range, shape: tuple[int, ...]) -> Expr:
    if not shape:
        return found[rows[0], others[0]]
    if not rows or not others:
        return edge(None, shape)
    return stack([found[i, j] for i in rows for j in others]).reshape(shape)


def smooth_slopes(f: Expr, inputs: Sequence[Var], convention: str, shared: Sequence[Pass]) -> list[Expr]:
    """The gradient where one pass serves all elements, of the germ that second derivatives may be taken of."""
    germ = f if not shared else shared[0].germs([f], convention, order=2)[0]
    return blocks(germ, inputs)


def entries(f: Expr, inputs: Sequence[Var], convention: str, shared: Sequence[Pass]) -> Iterator[Any]:
    """The second derivatives by element: pairs of the places, counted through all variables, and an expression."""
    for first in shared:
        for second in shared:
            steps = [each.seeds(STEPS[convention]) for each in (second, first)]
            germ = Side(steps if first is not second else steps[:1], 2).germs([f])[0]
            slopes = blocks(germ, inputs)
            rows = [
                (i, slope.ravel()[place] if x.shape else slope)
                for (i, place, x), slope in first.elements(inputs, slopes)
            ]
            for (j, place, x), _ in second.elements(inputs, slopes):
                swept = tangents([slope for _, slope in rows], {x: unit_at(x, place)})
                for (i, _), entry in zip(rows, swept, strict=True):
                    yield (i, j), edge(entry, ())
