"""The functions of a program in C: one, or one that calls parts of bounded size in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exprad.backends.c.parts import Parts
from exprad.backends.statements import Statements
from exprad.graph.leaf import Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

FUNCTION_STEPS = 500  # of one function at most
STACKED = 256  # numbers to work with that lie on the stack at most; more are given by the caller


class Functions(Statements):
    """The functions of a program: their text, how the one is called that others see, and the memory that it asks for."""

    def __init__(self, program: Program, variables: Sequence[Var], name: str, dtype: str) -> None:
        super().__init__(program, variables, dtype, prefix=f"{name}_")
        self.variables, self.name = variables, name
        self.parts = Parts(program, FUNCTION_STEPS)
        self.work = self.parts.size if self.parts.size > STACKED else 0  # numbers that the caller gives room for
        self.names = [self._leaf(*step) for step in program.steps]  # how each value is read, where the text is now
        self.writers = {row: self._writer(row) for row in program.rows}
        self.wanted: dict[int, list[int]] = {}
        for place, output in enumerate(program.outputs):
            self.wanted.setdefault(output, []).append(place)

    @property
    def head(self) -> str:
        """How the function is declared."""
        return f"void {self.name}({', '.join(self._parameters('xyw' if self.work else 'xy'))})"

    @property
    def text(self) -> str:
        """All functions, and before them those that C lacks."""
        return self.helpers("static") + (self._whole() if len(self.parts.calls) < 2 else self._parted())

    def _parameters(self, names: str) -> list[str]:
        return [f"{'const ' * (each == 'x')}{self.dtype} *{each}" for each in names]

    def _whole(self) -> str:
        lines = [line for calls in self.parts.calls for line in self._lines(calls)] + self._leaf_outputs()
        return _braced(self.head, [*lines, *_unused(lines, "xy")])

    def _parted(self) -> str:
        """The parts, and a function that calls them by a table: so no compiler makes them one function again."""
        parameters, name, count = ", ".join(self._parameters("xyw")), self.name, len(self.parts.calls)
        texts = [self._part(number, f"static void {name}_{number}({parameters})") for number in range(count)]
        listed = ",\n".join(f"    {name}_{number}" for number in range(count))
        table = f"static void (*const {name}_parts[])({parameters}) = {{\n{listed}\n}};\n"
        room = [] if self.work else [f"{self.dtype} w[{self.parts.size or 1}];"]
        loop = [f"for (int i = 0; i < {count}; i++)", f"    {name}_parts[i](x, y, w);"]
        return "\n".join([*texts, table, _braced(self.head, [*room, *loop, *self._leaf_outputs()])])

    def _part(self, number: int, head: str) -> str:
        handed = self.parts.handed[number]
        lines = self._lines(self.parts.calls[number])
        lines += [f"w[{self.parts.work[index]}] = v{index};" for index in handed]
        for index in handed:
            self.names[index] = f"w[{self.parts.work[index]}]"
        return _braced(head, [*lines, *_unused(lines, "xyw")])

    def _lines(self, calls: Sequence[int]) -> list[str]:
        """The statements of calls. Time goes here."""
        steps, names, writers, wanted = self.program.steps, self.names, self.writers, self.wanted
        lines = []
        for index in calls:
            row, *operands = steps[index]
            names[index] = f"v{index}"
            kind, written = writers[row]
            lines.append(f"const {kind} v{index} = {written(*[names[each] for each in operands])};")
            if index in wanted:
                lines += [f"y[{place}] = v{index};" for place in wanted[index]]
        return lines

    def _writer(self, row: Primitive) -> tuple[str, Callable[..., str]]:
        """The type of a row's value, and what writes its call."""
        return "int" if row.predicate else self.dtype, self.writer(row)

    def _leaf(self, head: object, *rest: object) -> str:
        if isinstance(head, Primitive):
            return ""
        return f"x[{self.column[str(rest[0])]}]" if head == "var" else self.literal(rest[0])

    def _leaf_outputs(self) -> list[str]:
        """Outputs that are inputs or constants."""
        return [
            f"y[{place}] = {self.names[output]};"
            for place, output in enumerate(self.program.outputs)
            if not isinstance(self.program.steps[output][0], Primitive)
        ]


def _unused(lines: Sequence[str], names: str) -> list[str]:
    """Statements that name the parameters that no other does, lest a compiler warn."""
    used = "\n".join(lines)
    return [f"(void){name};" for name in names if f"{name}[" not in used]


def _braced(head: str, lines: Sequence[str]) -> str:
    body = "".join([f"    {line}\n" for line in lines])
    return f"{head}\n{{\n{body}}}\n"
