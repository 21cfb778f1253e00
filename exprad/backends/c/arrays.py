"""Programs of arrays in C: the jobs of `exprad.backends.loops` as nests of loops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from math import prod
from typing import Any

from exprad.backends.c.matrices import LIBRARY, PAIRS, Matrices
from exprad.backends.c.names import commented
from exprad.backends.c.text import A_LINE, STACKED, at, braced, listed, looped, unused
from exprad.backends.loops import Accumulate, Call, Fill, Fold, Gather, Loops, Nest, Scatter, View, expanded, merged
from exprad.backends.signature import Input
from exprad.backends.statements import Statements, has_function
from exprad.errors import UnsupportedError
from exprad.graph.leaf import Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import constant_of_dtype

IN_C = partial(has_function, "c")
FUNCTION_LINES = 1000  # of one function at most, or of one job
MOST_NAMED = 4  # variables of an array of them, in a comment
MOST_PARAMETERS = 100  # a compiler need not take more than 127


class ArrayFunctions(Statements):
    """The functions of a program of arrays: an array in row-major order for each input and output, scalars by value."""

    def __init__(self, program: Program, inputs: Sequence[Input], leaves: Any, name: str, dtype: str) -> None:
        self.inputs, self.leaves, self.name = inputs, leaves, name
        variables = [variable for slot in inputs for variable in slot.variables]
        whole = expanded(program, IN_C)
        self.loops = Loops(whole, [whole.variables.get(variable.name, -1) for variable in variables])
        super().__init__(whole, variables, dtype, prefix=f"{name}_")
        self.tables: list[str] = []
        self.matrices = Matrices(self)
        self.places = list(self._places())
        self.bodies = [self._job(job) for job in self.loops.jobs]
        self.size = self.loops.room + self.matrices.room
        self.work = self.size if self.size > STACKED else 0

    def _rows(self, variables: Any) -> Sequence[Primitive]:
        count = len(self.inputs) + len(self.leaves)
        if count > MOST_PARAMETERS:
            raise UnsupportedError(
                f"C code of arrays has a parameter for each input and output, and {count} are more than the "
                f"{MOST_PARAMETERS} that compilers take; give scalars as one array of variables"
            )
        for job in self.loops.jobs:
            if isinstance(job, Call) and job.function not in LIBRARY:
                raise UnsupportedError(f"C has no function for {job.row.name} of arrays; backend='numpy' computes it")
        nested = [row for job in self.loops.jobs if isinstance(job, Nest) for row, *_ in job.steps]
        folded = [row for job in self.loops.jobs if isinstance(job, Fold) for row in _of_two(job.row).rows]
        return list(dict.fromkeys([*nested, *folded]))

    # Parameters.

    @property
    def parameters(self) -> list[str]:
        t = self.dtype
        given = [
            f"const {t} x{k}[{size or 1}]" if shape else f"{t} x{k}"
            for k, (shape, size) in enumerate(self.input_shapes)
        ]
        return given + [f"{t} f{k}[{size or 1}]" for k, (_, size) in enumerate(self.output_shapes)]

    @property
    def input_shapes(self) -> list[tuple[Shape, int]]:
        shapes = [slot.array_shape for slot in self.inputs]
        return [(shape, prod(shape)) for shape in shapes]

    @property
    def output_shapes(self) -> list[tuple[Shape, int]]:
        shapes = self.program.shapes
        found = [shapes[self.program.outputs[first]] if lead is None else lead for lead, first, _ in self.leaves]
        return [(shape, prod(shape)) for shape in found]

    def _places(self) -> Iterator[tuple[str, int]]:
        """For each memory, the name of the array that it is in, "" for a constant, and where it begins; -1 for a number."""
        for number, slot in enumerate(self.inputs):
            for place in range(len(slot.variables)):
                yield f"x{number}", place if slot.array_shape else -1
        for number, (_, first, beyond) in enumerate(self.leaves):
            for place in range(beyond - first):
                yield f"f{number}", place
        for memory in self.loops.memories[self.loops.inputs + self.loops.outputs :]:
            yield ("w" if memory.kind == "room" else "", memory.place)

    def _constant(self, value: Any) -> str:
        numbers = constant_of_dtype(value, self.numpy_dtype).reshape(-1).tolist()
        return self.table(self.dtype, [self.literal(number) for number in numbers])

    def table(self, kind: str, texts: Sequence[str]) -> str:
        """The name of an array of constants."""
        name = f"{self.name}_k{len(self.tables)}"
        rows = ",\n".join(f"    {', '.join(texts[k : k + A_LINE])}" for k in range(0, len(texts), A_LINE)) or "    0"
        self.tables.append(f"static const {kind} {name}[{len(texts) or 1}] = {{\n{rows}\n}};\n")
        return name

    def element(self, view: View, strides: Sequence[int], indices: Sequence[str]) -> str:
        """An element of a view, by the indices of loops."""
        name, start = self.places[view.memory]
        if not name:
            name = self._constant(self.loops.memories[view.memory].value)
            self.places[view.memory] = name, start
        return name if start < 0 else at(name, start + view.offset, strides, indices)

    # The functions.

    apart = "Arrays, which lie row by row,"  # what must not overlap
    sizes: dict[str, int] = {}

    @property
    def said(self) -> str:
        """What is computed, in words."""
        given, found = len(self.inputs), len(self.leaves)
        return f"{found} result{'s' * (found != 1)} of {given} input{'s' * (given != 1)}"

    @property
    def listed(self) -> list[str]:
        """What the inputs and outputs are."""
        inputs = [
            f"x{k}  {', '.join([commented(v.name) for v in slot.variables[:MOST_NAMED]])}{_shaped(slot.array_shape)}"
            for k, slot in enumerate(self.inputs)
        ]
        return inputs + [f"f{k}  output {k}{_shaped(shape)}" for k, (shape, _) in enumerate(self.output_shapes)]

    @property
    def head(self) -> str:
        room = [f"{self.dtype} *w"] if self.work else []
        return f"void {self.name}({', '.join([*self.parameters, *room])})"

    @property
    def text(self) -> str:
        t, f = self.dtype, self.suffix
        needed = [LIBRARY[each] for each in self.matrices.used] + ([PAIRS] if self.matrices.sums else [])
        own = [text.format(t=t, f=f, name=self.name) for text in dict.fromkeys(needed) if text]
        return self.helpers("static") + "\n".join([*self.tables, *own, self._functions()])

    def _functions(self) -> str:
        groups: list[list[str]] = [[]]
        for body in self.bodies:
            if groups[-1] and len(groups[-1]) + len(body) > FUNCTION_LINES:
                groups.append([])
            groups[-1] += body
        room = [] if self.work or not self.size else [f"{self.dtype} w[{self.size}];"]
        if len(groups) == 1:
            lines, names = groups[0], self._names()
            is_read = any(
                "w[" in line.split(" = ", 1)[-1] for line in lines
            )  # rooms of arrays without elements are not
            quiet = ["(void)w;"] if room and not is_read else []
            return braced(self.head, [*room, *lines, *unused(lines, names), *quiet])
        parameters = ", ".join([*self.parameters, f"{self.dtype} *w"])
        names = self._names("w")
        room = room or ([] if self.work else [f"{self.dtype} w[1];"])
        parts = [
            braced(f"static void {self.name}_{number}({parameters})", [*lines, *unused(lines, names)])
            for number, lines in enumerate(groups)
        ]
        return "\n".join([*parts, listed(self.name, self.head, parameters, len(groups), ", ".join(names), room)])

    def _names(self, *more: str) -> list[str]:
        given = [f"x{k}" for k in range(len(self.inputs))] + [f"f{k}" for k in range(len(self.leaves))]
        return [*given, *more]

    # Jobs.

    def _job(self, job: Any) -> list[str]:
        if isinstance(job, Nest):
            return self._nest(job)
        if isinstance(job, Fold):
            return self._fold(job)
        if isinstance(job, Accumulate):
            return self._accumulate(job)
        if isinstance(job, Call):
            return self.matrices.lines(job)
        if isinstance(job, Fill):
            return looped((job.write.size,), [f"{self.element(job.write, (1,), ['i0'])} = {self.literal(job.value)};"])
        return self._moved(job)

    def _nest(self, job: Nest) -> list[str]:
        views = [each for each in job.sources if isinstance(each, View)] + [view for _, view in job.writes]
        shape, strides = merged(job.shape, tuple([view.strides for view in views]))
        indices = [f"i{axis}" for axis in range(len(shape))]
        texts = iter([self.element(view, steps, indices) for view, steps in zip(views, strides, strict=True)])
        sources = [next(texts) if isinstance(each, View) else self.literal(each) for each in job.sources]
        names = {~place: source for place, source in enumerate(sources)}
        lines = [self._step(names, place, step) for place, step in enumerate(job.steps)]
        return looped(shape, [*lines, *[f"{next(texts)} = {names[operand]};" for operand, _ in job.writes]])

    def _step(self, names: dict[int, str], place: int, step: Sequence[Any]) -> str:
        """The statement of an elementwise step, whose result is then among the names."""
        row, *operands = step
        kind = "int" if row.predicate else self.dtype
        line = f"const {kind} v{place} = {self.call(row, [names[each] for each in operands])};"
        names[place] = f"v{place}"
        return line

    def _fold(self, job: Fold) -> list[str]:
        shape, indices = job.shape, [f"i{axis}" for axis in range(len(job.shape))]
        y = self.element(job.write, job.write.strides, indices)
        if job.row.accumulates == 0 and shape and not job.write.strides[-1]:  # a sum
            self.matrices.sums = True
            y = self.element(job.write, job.write.strides, indices[:-1])
            first = self.element(job.read, job.read.strides, indices[:-1])
            count, step = shape[-1], job.read.strides[-1]
            return looped(shape[:-1], [f"{y} += {self.name}_pairs(&{first}, {count}, {step});"])
        return looped(shape, self._taken(job.row, y, self.element(job.read, job.read.strides, indices)))

    def _taken(self, row: Primitive, y: str, x: str) -> list[str]:
        """The statements that take x into y by a row of two operands, or by its formula."""
        program, names, lines = _of_two(row), dict[int, str](), []
        for index, (head, *rest) in enumerate(program.steps):
            if head == "var":
                names[index] = {"x": x, "y": y}[rest[0]]
            elif head == "const":
                names[index] = self.literal(rest[0])
            else:
                lines.append(self._step(names, index, (head, *rest)))
        return [*lines, f"{y} = {names[program.outputs[0]]};"]

    def _accumulate(self, job: Accumulate) -> list[str]:
        """The axis goes innermost, with a sum so far."""
        axes = [axis for axis in range(len(job.shape)) if axis != job.axis] + [job.axis]
        read, write = job.read.transposed(axes), job.write.transposed(axes)
        indices = [f"i{axis}" for axis in range(len(axes))]
        x, y = (self.element(each, each.strides, indices) for each in (read, write))
        last = f"i{len(axes) - 1}"
        inner = [
            f"{self.dtype} sum = -0.0{self.suffix};",
            f"for (long {last} = 0; {last} < {read.shape[-1]}; {last}++) {{",
        ]
        return looped(read.shape[:-1], [*inner, f"    sum += {x};", f"    {y} = sum;", "}"])

    def _moved(self, job: Gather | Scatter) -> list[str]:
        places = job.places.tolist()
        kind = "int" if max(places, default=0) < 1 << 15 else "long"
        at_place = f"{self.table(kind, [str(place) for place in places])}[i0]"
        (x, y), size = ((job.read, job.write), len(places))
        if isinstance(job, Gather):
            found, target = self.element(x, (1,), [at_place]), self.element(y, (1,), ["i0"])
            return looped((size,), [f"{target} = {found};"])
        return looped((size,), [f"{self.element(y, (1,), [at_place])} += {self.element(x, (1,), ['i0'])};"])


@cache
def _of_two(row: Primitive) -> Program:
    """A row of y and x, in rows that C has."""
    return Program.lowered([row(Var("y"), Var("x"))], IN_C)


def _shaped(shape: Shape) -> str:
    return f", of shape {shape}" if shape else ""
