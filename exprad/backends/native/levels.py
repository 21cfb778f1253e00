"""Large programs as loops over the rows of a table, as text: what `exprad.backends.levels` lays out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from exprad.backends.levels import Group, Layout
from exprad.backends.native.llvm import Code, Vector, defined, filled
from exprad.backends.native.module import Module
from exprad.backends.native.steps import computed

MOST_GROUPS = 300  # of one loop; LLVM's time grows faster than they do
_ROWS = """\
br label %head
head:
%i = phi i64 [ 0, %entry ], [ %next, %head ]
{body}
%next = add i64 %i, {width}
%more = icmp slt i64 %next, {count}
br i1 %more, label %head, label %done
done:"""
_CHAIN = """\
br label %head
head:
%i = phi i64 [ 0, %entry ], [ %next, %head ]
%sum = phi {real} [ {first}, %entry ], [ {total}, %head ]
%a = add i64 %i, {offset}
%p = getelementptr i64, ptr %t, i64 %a
%r = load i64, ptr %p, align 8
%q = getelementptr {real}, ptr %v, i64 %r
%x = load {real}, ptr %q, align {size}
{body}
%next = add i64 %i, 1
%more = icmp slt i64 %next, {count}
br i1 %more, label %head, label %done
done:
%out = getelementptr {real}, ptr %v, i64 {row}
store {real} {total}, ptr %out"""


class Levels:
    """The module of `void levels(ptr values, ptr places)`: the groups of a layout as loops over rows of a table.

    Groups of one length whose operands are rows of each other, one by one, are one loop, and only rows that others read
    are stored. `places` are the rows that are gathered. A loop may read and write up to a vector beyond its last row.
    """

    def __init__(self, layout: Layout, vectors: Module, numbers: Module) -> None:
        self.layout, self.vectors, self.numbers = layout, vectors, numbers
        self.constants = {layout.place[index]: value for index, value in layout.constants}
        self.places: list[Any] = []
        self.size = 0  # of all places so far
        runs = list(_runs(layout.groups))
        self.is_read = self._read_elsewhere(runs)
        texts = [self._run(number, run) for number, run in enumerate(runs)]
        calls = [f"call void @run{number}(ptr %v, ptr %t)" for number in range(len(runs))]
        texts.append(defined("void @levels(ptr %v, ptr %t)", [*calls, "ret void"]))
        numbers.add(vectors)
        self.text = numbers.text(_gather(vectors.code), *texts)

    def _read_elsewhere(self, runs: Sequence[Sequence[Group]]) -> Any:
        """Which rows are read by another run, or are results."""
        is_read = np.zeros(self.layout.height, bool)
        for run in runs:
            for group in run:
                for rows in group.operands:
                    if not isinstance(rows, slice) or rows.start < run[0].start:
                        is_read[rows] = True
        for rows in self.layout.results:
            is_read[rows] = True
        return is_read

    def _run(self, number: int, run: Sequence[Group]) -> str:
        count = _size(run[0])
        module = self.numbers if count == 1 else self.vectors
        code = module.code
        code.lines, code.count = [], 0
        if run[0].is_chain:
            lines = self._chain(code, run[0])
        else:
            self._steps(module, run)
            lines = ["%i = add i64 0, 0", *code.lines]
            if count > 1:
                lines = filled(_ROWS, body="\n".join(code.lines), width=code.width, count=count)
        return defined(f"internal void @run{number}(ptr %v, ptr %t)", ["entry:", *lines, "ret void"])

    def _steps(self, module: Module, run: Sequence[Group]) -> None:
        made: dict[int, Vector] = {}
        loaded: dict[Any, Vector] = {}
        for group in run:
            operands = [self._operand(module.code, rows, _size(group), made, loaded) for rows in group.operands]
            made[group.start] = computed(module, group.row, operands)
            if self.is_read[group.start : group.stop].any():
                _store(module.code, group.start, made[group.start])

    def _operand(self, code: Code, rows: Any, count: int, made: dict[int, Vector], loaded: dict[Any, Vector]) -> Vector:
        """What a group of the loop made, or rows that are loaded once."""
        if isinstance(rows, slice) and rows.start in made:
            return made[rows.start]
        key = (rows.start, rows.stop) if isinstance(rows, slice) else rows.tobytes()
        if key not in loaded:
            loaded[key] = self._loaded(code, rows, count)
        return loaded[key]

    def _loaded(self, code: Code, rows: Any, count: int) -> Vector:
        """Rows %i, ... of an operand."""
        if not isinstance(rows, slice):
            return self._gathered(code, self._offset(rows, code.width))
        if rows.start in self.constants and _size(rows) == 1:
            return code.constant(self.constants[rows.start])
        at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {rows.start}", "ptr").name
        if _size(rows) == count:
            at = code.emit(f"getelementptr {code.real}, ptr {at}, i64 %i", "ptr").name
            return code.emit(f"load {code.floats}, ptr {at}, align {code.size}", code.floats)
        one = code.emit(f"load {code.real}, ptr {at}, align {code.size}", code.real).name
        first = code.emit(f"insertelement {code.floats} poison, {code.real} {one}, i32 0", code.floats).name
        lanes = f"{code.floats} {first}, {code.floats} poison, {code.vector('i32')} zeroinitializer"
        return code.emit(f"shufflevector {lanes}", code.floats)

    def _gathered(self, code: Code, offset: int) -> Vector:
        at = code.emit(f"getelementptr i64, ptr %t, i64 {offset}", "ptr").name
        at = code.emit(f"getelementptr i64, ptr {at}, i64 %i", "ptr").name
        return code.emit(f"call {code.floats} @gather(ptr %v, ptr {at})", code.floats)

    def _offset(self, rows: Any, width: int) -> int:
        """Where rows that are gathered lie among all such; whole vectors of them."""
        first, self.size = self.size, self.size + -(-len(rows) // width) * width
        self.places.append(np.zeros(self.size - first, np.int64))
        self.places[-1][: len(rows)] = rows
        return first

    def _chain(self, code: Code, group: Group) -> list[str]:
        """A long sum or product, in the order of its terms."""
        (rows,) = group.operands
        if isinstance(rows, slice):
            rows = np.arange(rows.start, rows.stop)
        offset, real = self._offset(rows, 1), code.real
        total = computed(self.numbers, group.row, [Vector(code, "%sum", real), Vector(code, "%x", real)])
        return filled(
            _CHAIN,
            real=real,
            first=group.row.accumulates,
            total=total.name,
            offset=offset,
            size=code.size,
            body="\n".join(code.lines),
            count=len(rows),
            row=group.start,
        )


def _runs(groups: Sequence[Group]) -> Iterator[list[Group]]:
    """Groups in a row that may be one loop."""
    run: list[Group] = []
    for group in groups:
        if run and not _joins(group, run):
            yield run
            run = []
        run.append(group)
    if run:
        yield run


def _joins(group: Group, run: Sequence[Group]) -> bool:
    """Whether a group may be computed in the loop of others: row by row of what they compute, or of what was there before."""
    first = run[0]
    if group.is_chain or first.is_chain or _size(group) != _size(first) or len(run) >= MOST_GROUPS:
        return False
    starts = {each.start for each in run}
    return all(
        rows.stop <= first.start or rows.start in starts and _size(rows) == _size(group)
        if isinstance(rows, slice)
        else rows.max() < first.start
        for rows in group.operands
    )


def _store(code: Code, row: int, value: Vector) -> None:
    """Write to the rows %i, ... from a row on."""
    at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {row}", "ptr").name
    at = code.emit(f"getelementptr {code.real}, ptr {at}, i64 %i", "ptr").name
    code.lines.append(f"store {code.floats} {value.number.name}, ptr {at}, align {code.size}")


def _gather(code: Code) -> str:
    """The rows of a table at as many places as a vector has numbers."""
    code.lines, result = [], "poison"
    for lane in range(code.width):
        at = code.emit(f"getelementptr i64, ptr %places, i64 {lane}", "ptr").name
        row = code.emit(f"load i64, ptr {at}, align 8", "i64").name
        at = code.emit(f"getelementptr {code.real}, ptr %v, i64 {row}", "ptr").name
        one = code.emit(f"load {code.real}, ptr {at}, align {code.size}", code.real).name
        result = code.emit(f"insertelement {code.floats} {result}, {code.real} {one}, i32 {lane}", code.floats).name
    return defined(f"internal {code.floats} @gather(ptr %v, ptr %places)", [*code.lines, f"ret {code.floats} {result}"])


def _size(rows: Any) -> int:
    """How many rows a slice, or a group, has."""
    return int(rows.stop - rows.start)
