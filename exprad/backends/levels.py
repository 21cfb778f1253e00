"""Large programs of scalars, level by level: steps that wait for none of each other and compute the same are one call.

Every value has a row of one table. The rows of a level are laid out so that what is read together mostly lies together:
then an operand is a slice of the table, and else it is gathered. A long sum or product of terms is accumulated in one
call, in the order of its terms.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from itertools import chain, pairwise
from math import prod
from typing import Any

import numpy as np

from exprad.backends.numpy import writer
from exprad.backends.planned import Call, PlannedRunner
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused
from exprad.numbers import constant_of_dtype, numpy_function

CHAIN_TERMS = 8  # from which a sum is accumulated
SHARED_READERS = 8  # steps that read one constant, from which they are kept apart
TABLE_ELEMENTS = 1 << 21  # that the table of values may hold for many points at once

Operand = slice | Any  # rows of the table: a slice, or an array of places


class Group:
    """Steps computed by one call: a row's function, the rows that each operand reads, and the rows written."""

    __slots__ = ("is_chain", "operands", "row", "start", "stop")

    def __init__(self, row: Primitive, operands: list[Operand], start: int, stop: int, is_chain: bool) -> None:
        self.row, self.operands, self.start, self.stop, self.is_chain = row, operands, start, stop, is_chain


class Layout:
    """Where the values of a program lie in a table, and the calls that fill it.

    `columns` come first, then constants, then all else in the order of `groups`, each with room for whole vectors of
    `width` rows. `results` are the rows of each output.
    """

    def __init__(self, program: Program, columns: Sequence[int], structure: Any, width: int = 1) -> None:
        self.program, self.width = program, width
        self.place = dict(zip([column for column in columns if column >= 0], _places(columns), strict=True))
        self.height = len(columns)
        self.constants = [(index, program.steps[index][1]) for index in program.constants]
        for index, _ in self.constants:
            self.place[index] = self.height
            self.height += 1
        self.groups = list(self._groups())
        self.results = [
            _rows([self.place[output] for output in program.outputs[first:beyond]]) for _, first, beyond in structure
        ]
        self._pieces = [_pieces(rows) for rows in self.results]

    @property
    def steps_a_group(self) -> float:
        """How many steps are one call, on average."""
        return len(self.program.calls) / max(1, len(self.groups))

    def table(self, shape: Shape, dtype: Any) -> Any:
        """A table that holds the constants, of rows of a shape."""
        values = np.empty((self.height, *shape), dtype)
        for index, value in self.constants:
            values[self.place[index]] = constant_of_dtype(value, dtype)
        return values

    def write(self, values: Any, outputs: Sequence[Any]) -> None:
        """Copy the rows of the outputs out of a table."""
        for rows, pieces, output in zip(self.results, self._pieces, outputs, strict=True):
            if pieces is None:
                output[...] = values[rows]
            else:
                for target, source in pieces:
                    output[target] = values[source]

    def _groups(self) -> Iterator[Group]:
        program = self.program
        steps = program.steps
        uses = _uses(program)
        chains, interior = _chains(program, uses)
        kept_apart = {index for index, _ in self.constants if uses[index] >= SHARED_READERS}
        level = [0] * len(steps)
        together: dict[Any, list[int]] = defaultdict(list)
        for index, step in enumerate(steps):
            row = step[0]
            if row.__class__ is str:
                continue
            if len(step) == 3:  # most steps: written out, for time goes here
                _, a, b = step
                above = 1 + (level[a] if level[a] > level[b] else level[b])
                kept: Any = (a in kept_apart and a, b in kept_apart and b)
            else:
                above = 1 + max([level[operand] for operand in step[1:]])
                kept = tuple([operand in kept_apart and operand for operand in step[1:]])
            if index in interior:
                level[index] = above - 1
                continue
            level[index] = above
            together[above, row, index if index in chains else kept].append(index)
        for key in sorted(together, key=lambda key: key[0]):
            members = together[key]
            if members[0] in chains:
                yield self._chain(members[0], chains[members[0]])
            else:
                yield self._group(members)

    def _chain(self, head: int, terms: list[int]) -> Group:
        start = self.height
        self.place[head], self.height = start, start + 1
        return Group(self.program.steps[head][0], [_rows([self.place[t] for t in terms])], start, start + 1, True)

    def _group(self, members: list[int]) -> Group:
        steps, place = self.program.steps, self.place
        order = sorted([(*[place[operand] for operand in steps[index][1:]], index) for index in members])
        start = self.height
        for row, entry in enumerate(order, start):
            place[entry[-1]] = row
        stop = start + len(order)
        self.height = start + -(-len(order) // self.width) * self.width if len(order) > 1 else stop
        operands = [_rows([entry[i] for entry in order]) for i in range(len(order[0]) - 1)]
        return Group(steps[members[0]][0], operands, start, stop, False)


class LevelRunner(PlannedRunner):
    """Runs a program of many scalar steps, level by level."""

    @cached_property
    def layout(self) -> Layout:
        with collector_paused():
            return Layout(self.program, self.columns, self.structure)

    @property
    def size(self) -> int:
        """How many points are computed at once."""
        return max(1, TABLE_ELEMENTS // self.layout.height)

    def is_ready(self, points: Shape, dtype: Any) -> bool:
        """Whether there are calls bound to rows for such points."""
        return bool(self._spare) and ((min(prod(points), self.size),) if points else (), dtype) in self._spare

    def __call__(self, arrays: Sequence[Any], leaves: Sequence[Any], points: Shape, dtype: Any) -> None:
        if points:
            self._run_pieces(arrays, leaves, points, dtype, self.size)
        else:
            self._run_point(arrays, leaves, dtype)

    def _planned(self, width: Shape, dtype: Any) -> tuple[Any, list[Call]]:
        table = self.layout.table(width, dtype)
        return table, list(self._plan(table))

    def _write(self, table: Any, outputs: Sequence[Any]) -> None:
        self.layout.write(table, outputs)

    def _plan(self, values: Any) -> Iterator[Call]:
        for group in self.layout.groups:
            operands = []
            for operand in group.operands:
                if isinstance(operand, slice):
                    operands.append(values[operand])
                else:
                    gathered = np.empty((len(operand), *values.shape[1:]), values.dtype)
                    yield values.take, (operand, 0, gathered, "clip")
                    operands.append(gathered)
            out = values[group.start : group.stop]
            if group.is_chain:
                sums = np.empty_like(operands[0])
                function = numpy_function(group.row)
                yield function.accumulate, (operands[0], 0, None, sums)  # type: ignore[attr-defined]  # a ufunc
                yield np.copyto, (out, sums[-1:])
            else:
                yield writing(group.row), (*operands, out)


def least_groups(program: Program) -> int:
    """How many groups a program has at least: each is of one level and one row, and a long sum or product is one step."""
    steps, level = program.steps, [0] * len(program.steps)
    chained = set(filter(_is_chained, program.rows))
    found: set[tuple[int, Any]] = set()
    for index in program.calls:
        row, a, *rest = step = steps[index]
        below, other = level[a], level[step[-1]]
        if row in chained:  # it may go on from an operand that is a part of the same sum
            below, other = below - (steps[a][0] is row), other - (steps[step[-1]][0] is row)
        above = 1 + (below if below > other else other)
        if len(rest) > 1:
            above = max(above, 1 + max([level[each] for each in rest]))
        level[index] = above
        found.add((above, row))
    return len(found)


def _places(columns: Sequence[int]) -> list[int]:
    return [place for place, column in enumerate(columns) if column >= 0]


def _pieces(rows: Operand) -> list[tuple[slice, slice]] | None:
    """Rows as a few slices of where they go and of where they come from; None where there would be many."""
    if isinstance(rows, slice):
        return [(slice(None), rows)]
    cuts = [0, *(np.flatnonzero(np.diff(rows) != 1) + 1).tolist(), len(rows)]
    if len(cuts) > 10:
        return None
    return [
        (slice(first, beyond), slice(rows[first], rows[first] + beyond - first)) for first, beyond in pairwise(cuts)
    ]


def _rows(places: list[int]) -> Operand:
    """Rows of the table as a slice where they follow one another, or are all the same; else as an array."""
    first, count = places[0], len(places)
    if count == 1 or places[-1] - first == count - 1 and all(map(int.__eq__, places, range(first, first + count))):
        return slice(first, first + count)
    if places[-1] == first and len(set(places)) == 1:
        return slice(first, first + 1)
    return np.array(places, np.intp)


def writing(row: Primitive) -> Callable[..., Any]:
    """A function of arrays, and of the array that it writes to, that computes a row."""
    function, write = numpy_function(row), writer(row)
    if write is not None and (row.predicate or not row.truths):
        return write

    def assign(*arrays: Any) -> None:
        *operands, out = arrays
        out[...] = function(*[x != 0 if place in row.truths else x for place, x in enumerate(operands)])

    return assign


def _uses(program: Program) -> Counter[int]:
    """How often each value is read, as an output too."""
    uses = Counter(chain.from_iterable([step[1:] for step in program.steps if step[0].__class__ is not str]))
    uses.update(program.outputs)
    return uses


@cache
def _is_chained(head: Any) -> bool:
    """Whether a step is a call of a row that NumPy accumulates, such as a sum of two."""
    return isinstance(head, Primitive) and head.accumulates is not None and isinstance(numpy_function(head), np.ufunc)


def _chains(program: Program, uses: Counter[int]) -> tuple[dict[int, list[int]], set[int]]:
    """Long sums and products whose parts nobody else reads: the terms by the last step, and the steps between."""
    steps = program.steps
    length: dict[int, int] = {}  # of the sum or the product that ends here, where it goes on from another
    before: dict[int, tuple[int, int]] = {}  # the step that it goes on from, and the term
    for index, step in enumerate(steps):
        row = step[0]
        if _is_chained(row):
            _, a, b = step
            m = length.get(a, 1) if steps[a][0] is row and uses[a] == 1 else 0
            n = length.get(b, 1) if steps[b][0] is row and uses[b] == 1 else 0
            if m or n:
                length[index] = 1 + max(m, n)
                before[index] = (a, b) if m >= n else (b, a)
    chains: dict[int, list[int]] = {}
    interior: set[int] = set()
    for index in sorted([index for index, count in length.items() if count >= CHAIN_TERMS], reverse=True):
        if index in interior:
            continue
        terms, last = [], index
        while last in before:
            last, term = before[last]
            terms.append(term)
            interior.add(last)
        first, second = steps[last][1:]
        chains[index] = [first, second, *reversed(terms)]
    return chains, interior
