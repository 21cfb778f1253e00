"""The functions of a program in C: one, or one that calls parts of bounded size in turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exprad.backends.c.loops import LoopText, copies
from exprad.backends.c.names import commented
from exprad.backends.c.parts import Parts
from exprad.backends.c.text import STACKED, braced, listed, unused
from exprad.backends.rolled import Loop
from exprad.backends.statements import Statements
from exprad.graph.leaf import Var
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive

FUNCTION_STEPS = 500  # of one function at most


class Functions(Statements):
    """The functions of a program: their text, how the one is called that others see, and the memory that it asks for."""

    def __init__(self, program: Program, variables: Sequence[Var], name: str, dtype: str) -> None:
        super().__init__(program, variables, dtype, prefix=f"{name}_")
        self.variables, self.name = variables, name
        self.columns = [program.variables.get(variable.name, -1) for variable in variables]
        self.parts = Parts(program, self.columns, FUNCTION_STEPS)
        self.work = self.parts.size if self.parts.size > STACKED else 0  # numbers that the caller gives room for
        self.names = _Names(program, self.parts, self._leaf)
        self.writers = {row: self._writer(row) for row in program.rows}
        self.wanted: dict[int, list[int]] = {}
        for place, output in enumerate(program.outputs):
            self.wanted.setdefault(output, []).append(place)

    apart = "x and y"  # what must not overlap

    @property
    def said(self) -> str:
        """What is computed, in words."""
        count = len(self.program.outputs)
        return f"{count} value{'s' * (count != 1)} of {len(self.variables)}"

    @property
    def listed(self) -> list[str]:
        """What the inputs are."""
        return [f"x[{place}]  {commented(v.name)}" for place, v in enumerate(self.variables)]

    @property
    def sizes(self) -> dict[str, int]:
        return {"INPUTS": len(self.variables), "OUTPUTS": len(self.program.outputs)}

    @property
    def head(self) -> str:
        """How the function is declared."""
        return f"void {self.name}({self._parameters('xyw' if self.work else 'xy')})"

    @property
    def text(self) -> str:
        """All functions, and before them those that C lacks."""
        return self.helpers("static") + (
            self._parted() if len(self.parts.parts) > 1 or self.parts.loops else self._whole()
        )

    def _parameters(self, names: str) -> str:
        return ", ".join([f"{'const ' * (each == 'x')}{self.dtype} *{each}" for each in names])

    def _whole(self) -> str:
        lines = [line for part in self.parts.parts for line in self._lines(part)] + self._late_outputs()
        return braced(self.head, [*lines, *unused(lines, "xy")])

    def _parted(self) -> str:
        """The parts, and a function that calls them by a table: so no compiler makes them one function again."""
        bodies = [self._loop(part) if isinstance(part, Loop) else self._part(part) for part in self.parts.parts]
        lines = self._late_outputs()
        bodies += [([], lines[first : first + FUNCTION_STEPS]) for first in range(0, len(lines), FUNCTION_STEPS)]
        name, parameters, count = self.name, self._parameters("xyw"), len(bodies)
        texts = [
            "\n".join([*tables, braced(f"static void {name}_{number}({parameters})", [*lines, *unused(lines, "xyw")])])
            for number, (tables, lines) in enumerate(bodies)
        ]
        room = [] if self.work else [f"{self.dtype} w[{self.parts.size or 1}];"]
        return "\n".join([*texts, listed(name, self.head, parameters, count, "x, y, w", room)])

    def _loop(self, loop: Loop) -> tuple[list[str], list[str]]:
        text = LoopText(self, self.parts, loop, self.names, f"{self.name}_c{loop.first}")
        return text.tables, text.lines

    def _part(self, part: range) -> tuple[list[str], list[str]]:
        lines, calls, work = self._lines(part), self.program.calls, self.parts.work
        for call in part:
            if call in work:
                lines.append(f"w[{work[call]}] = v{calls[call]};")
                self.names[calls[call]] = f"w[{work[call]}]"
        return [], lines

    def _lines(self, part: range) -> list[str]:
        """The statements of calls. Time goes here."""
        steps, names, writers, wanted = self.program.steps, self.names, self.writers, self.wanted
        lines = []
        for index in self.program.calls[part.start : part.stop]:
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

    def _leaf(self, index: int) -> str:
        head, value, *_ = self.program.steps[index]
        return f"x[{self.column[value]}]" if head == "var" else self.literal(value)

    def _late_outputs(self) -> list[str]:
        """Outputs that are inputs, constants, or values of loops."""
        lines, pairs = [], []
        for place, output in enumerate(self.program.outputs):
            head, value, *_ = self.program.steps[output]
            if head == "const":
                lines.append(f"y[{place}] = {self.names[output]};")
            elif head == "var":
                pairs.append((place, "x", self.column[value]))
            elif self.parts.is_in_loop(output):
                pairs.append((place, "w", self.parts.kept_at(output)))
        return [*lines, *copies(pairs)]


class _Names(dict[int, str]):
    """How the value of each step is read, where the text is now."""

    def __init__(self, program: Program, parts: Parts, leaf: Callable[[int], str]) -> None:
        super().__init__()
        self.program, self.parts, self.leaf = program, parts, leaf

    def __missing__(self, index: int) -> str:
        is_call = isinstance(self.program.steps[index][0], Primitive)
        found = self[index] = f"w[{self.parts.kept_at(index)}]" if is_call else self.leaf(index)
        return found
