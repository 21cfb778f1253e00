"""C99: a program as standalone source, for targets that have a C compiler and no Python.

The code allocates nothing, keeps no state and needs `math.h` alone. Functions are of bounded size, constants are exact
(hexadecimal), and a self-test compares with values that exprad computed.
"""

from __future__ import annotations

import os
import random
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import numpy as np

from exprad.backends.signature import Input, Structure, read_inputs
from exprad.backends.statements import Statements, has_function
from exprad.errors import ArgumentError
from exprad.graph.evaluation import evaluate
from exprad.graph.program import Program
from exprad.ground.files import write_whole
from exprad.ground.primitive import Primitive
from exprad.ground.traverse import collector_paused

FUNCTION_STEPS = 500  # of one function at most
RANGES = ((-2.0, 2.0), (0.1, 2.0), (-0.9, 0.9), (1.1, 2.0))  # from which points of the self-test are drawn, in turn
TEST_POINTS = 8  # of the self-test
# Words of C, and what the code, math.h and stdio.h call something; those of math.h with the letters f and l as well.
KEYWORDS = frozenset(
    """asm auto break case char const continue default do double else enum extern float for goto if inline int long
    main register restrict return short signed sizeof static struct switch typedef typeof union unsigned void
    volatile while clearerr dprintf expected failed ctermid fclose fdopen feof ferror fflush fgetc fgetpos fgets
    fileno flockfile fmemopen fopen fprintf fputc fputs fread freopen fscanf fseek fseeko fsetpos ftell ftello
    ftrylockfile funlockfile fwrite getc getchar getdelim getline gets getw i j linux math open_memstream pclose
    perror points popen printf putc putchar puts putw remove rename renameat rewind scale scanf setbuf setbuffer
    setlinebuf setvbuf snprintf sprintf sscanf stderr stdin stdio stdout tempnam tmpfile tmpnam ungetc unix
    vdprintf vfprintf vfscanf vprintf vscanf vsnprintf vsprintf vsscanf w x y""".split()
)
OF_MATH = frozenset(
    """acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim finite
    floor fma fmax fmin fmod fpclassify frexp gamma hypot ilogb isfinite isgreater isgreaterequal isinf isless islessequal
    islessgreater isnan isnormal isunordered j0 j1 jn ldexp lgamma llrint llround log log10 log1p log2 logb lrint
    lround modf nan nearbyint nextafter nexttoward pow pow10 remainder remquo rint round scalb scalbln scalbn signbit
    significand signgam sin sincos sinh sqrt tan tanh tgamma trunc y0 y1 yn""".split()
)
MACROS = re.compile(
    "(FP|M|MATH|HUGE|L|P|SEEK|TMP|FILENAME|FOPEN)_[A-Za-z0-9_]*|EOF|FILE|NULL|NAN|INFINITY|BUFSIZ|HUGE|HUGE_VAL[FL]?|DOMAIN|SING|"
    "OVERFLOW|UNDERFLOW|PLOSS|TLOSS|.*_t|.*_unlocked|lgamma[fl]?_r|tmpnam_r"
)

SELF_TEST = Template("""#ifdef $guard
#include <stdio.h>

/* Points, and what exprad computed there. */
static const $t points[$rows][$inputs] = {
$exact
};
static const $t expected[$rows][$outputs] = {
$expected
};

int main(void)
{
    int failed = 0;
    for (int i = 0; i < $count; i++) {
        $t y[$outputs];
        $name(points[i], y);
        for (int j = 0; j < $outputs; j++) {
            const $t scale = fabs$f(expected[i][j]) > 1 ? fabs$f(expected[i][j]) : 1;
            if (!(fabs$f(y[j] - expected[i][j]) <= $tolerance * scale)) {
                printf("point %d, output %d: %.17g, expected %.17g\\n", i, j, (double)y[j], (double)expected[i][j]);
                failed++;
            }
        }
    }
    printf("%d failed\\n", failed);
    return failed != 0;
}
#endif
""")


class CCode(NamedTuple):
    """A header, and a source that includes it and holds a self-test (compile with -DNAME_SELF_TEST)."""

    name: str
    header: str
    source: str

    def write(self, path: str | os.PathLike[str]) -> list[Path]:
        """Write the source to `path`, NAME.c, and the header beside it; each file is whole or not there."""
        place = Path(path)
        if place.stem != self.name or place.suffix != ".c":
            raise ArgumentError(f"the source includes {self.name}.h; write it to {self.name}.c, not to {place.name}")
        paths = [place.with_suffix(".h"), place]
        for each, text in zip(paths, (self.header, self.source), strict=True):
            write_whole(each, text.encode("ascii"))
        return paths


def to_c(outputs: Any, inputs: Any = None, *, name: str = "model", dtype: str = "double") -> CCode:
    """Expressions as C99: `void name(const double *x, double *y)`, with the inputs in order and the outputs in order.

    `outputs` and `inputs` are what `compile` takes; `dtype` is "double" or "float". Raises `UnsupportedError` for what C
    has no function for, before any code is made.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> print(to_c([x * x * y], [x, y]).source.partition("#ifdef")[0])
    #include "model.h"
    <BLANKLINE>
    #include <math.h>
    <BLANKLINE>
    void model(const double *x, double *y)
    {
        const double v1 = x[0] * x[0];
        const double v3 = v1 * x[1];
        y[0] = v3;
    }
    <BLANKLINE>
    <BLANKLINE>
    """
    _check(name, dtype)
    structure = Structure(outputs)
    with collector_paused():
        program = Program.lowered(structure.expressions, partial(has_function, "c"))
        slots = read_inputs(program, inputs)
    return _Writer(program, slots, structure, name, dtype).code()


def _check(name: str, dtype: str) -> None:
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise ArgumentError(
            f"the name of a C function is a letter and then letters, digits and underscores, got {name!r}"
        )
    if _is_taken(name):
        raise ArgumentError(f"the name of a C function must be free, and {name!r} means something in C already")
    if dtype not in ("double", "float"):
        raise ArgumentError(f"dtype must be 'double' or 'float', got {dtype!r}")


def _is_taken(name: str) -> bool:
    """Whether C, or a header that the code includes, knows a name already; those in capitals are macros."""
    of_math = {name, name[:-1]} if name[-1] in "fl" else {name}
    return name in KEYWORDS or bool(of_math & OF_MATH) or MACROS.fullmatch(name) is not None


class _Writer(Statements):
    """The header, the functions and the self-test of a program."""

    def __init__(self, program: Program, inputs: Sequence[Input], structure: Structure, name: str, dtype: str) -> None:
        self.variables = [variable for slot in inputs for variable in slot.variables]
        super().__init__(program, self.variables, dtype, prefix=f"{name}_")
        self.structure, self.name = structure, name

    def code(self) -> CCode:
        guard, t = f"{self.name.upper()}_H", self.dtype
        count = len(self.program.outputs)
        listed = "\n".join(f" *   x[{place}]  {_commented(v.name)}" for place, v in enumerate(self.variables))
        header = (
            f"/* Computes {count} value{'s' * (count != 1)} of {len(self.variables)}. Written by exprad.\n *\n{listed}\n *\n"
            f" * x and y must not overlap. Nothing is allocated, and no state is kept. */\n"
            f"#ifndef {guard}\n#define {guard}\n\n"
            f"enum {{ {self.name.upper()}_INPUTS = {len(self.variables)}, {self.name.upper()}_OUTPUTS = {count} }};\n\n"
            f"void {self.name}(const {t} *x, {t} *y);\n\n#endif\n"
        )
        body = f"{self.helpers('static')}{self._functions()}\n{self._self_test()}"
        source = f'#include "{self.name}.h"\n\n#include <math.h>\n\n{body}'
        return CCode(self.name, header, source)

    def _functions(self) -> str:
        """One function, or parts of bounded size and one that calls them."""
        t, calls = self.dtype, self.program.calls
        if len(calls) <= FUNCTION_STEPS:
            return self._function(f"void {self.name}(const {t} *x, {t} *y)", calls, {}, True)
        parts = Parts(self.program, FUNCTION_STEPS)
        heads = [
            f"static void {self.name}_{number}(const {t} *x, {t} *y, {t} *w)" for number in range(len(parts.calls))
        ]
        texts = [self._function(*each, parts.work, False) for each in zip(heads, parts.calls, strict=True)]
        body = [f"{self.name}_{number}(x, y, w);" for number in range(len(parts.calls))]
        head = f"void {self.name}(const {t} *x, {t} *y)"
        texts.append(_braced(head, [f"{t} w[{parts.size or 1}];", *body, *self._leaf_outputs()]))
        return "\n".join(texts)

    def _function(self, head: str, calls: Sequence[int], work: dict[int, int], is_whole: bool) -> str:
        mine = set(calls)
        wanted: dict[int, list[int]] = {}
        for place, output in enumerate(self.program.outputs):
            wanted.setdefault(output, []).append(place)
        lines: list[str] = []
        for index in calls:
            row, *operands = self.program.steps[index]
            kind = "int" if row.predicate else self.dtype
            reads = [self._read(operand, mine, work) for operand in operands]
            lines.append(f"const {kind} v{index} = {self.call(row, reads)};")
            lines += [f"w[{work[index]}] = v{index};"] if index in work else []
            lines += [f"y[{place}] = v{index};" for place in wanted.get(index, [])]
        lines += self._leaf_outputs() if is_whole else []
        used = "\n".join(lines)
        lines += [f"(void){name};" for name in ("x", "y", "w") if f" *{name}" in head and f"{name}[" not in used]
        return _braced(head, lines)

    def _leaf_outputs(self) -> list[str]:
        """Outputs that are inputs or constants."""
        return [
            f"y[{place}] = {self._read(output, set(), {})};"
            for place, output in enumerate(self.program.outputs)
            if not isinstance(self.program.steps[output][0], Primitive)
        ]

    def _read(self, index: int, mine: set[int], work: dict[int, int]) -> str:
        head, *rest = self.program.steps[index]
        if isinstance(head, Primitive):
            return f"v{index}" if index in mine else f"w[{work[index]}]"
        return f"x[{self.column[rest[0]]}]" if head == "var" else self.literal(rest[0])

    def _self_test(self) -> str:
        points = _points(self.structure.expressions, [variable.name for variable in self.variables])
        return SELF_TEST.substitute(
            guard=f"{self.name.upper()}_SELF_TEST",
            t=self.dtype,
            f=self.suffix,
            name=self.name,
            count=len(points),
            rows=len(points) or 1,
            inputs=max(1, len(self.variables)),
            outputs=len(self.program.outputs),
            exact=_rows([self._literal_row(values) for values, _ in points]),
            expected=_rows([self._literal_row(values) for _, values in points]),
            tolerance="1e-4f" if self.dtype == "float" else "1e-11",
        )

    def _literal_row(self, values: Sequence[float]) -> str:
        return "{" + ", ".join(self.literal(value) for value in values or [0.0]) + "}"


class Parts:
    """The calls of each part, and for each value that a later part reads, its place in an array of `size` numbers.

    A place is taken again when the last part that reads it is done.
    """

    def __init__(self, program: Program, largest: int) -> None:
        calls = program.calls
        self.calls = [calls[first : first + largest] for first in range(0, len(calls), largest)]
        self.work: dict[int, int] = {}
        self.size = 0
        last = self._last_readers(program)
        free: list[int] = []
        ends: dict[int, list[int]] = {}
        for number, part in enumerate(self.calls):
            free += ends.pop(number - 1, [])
            for index in part:
                if index in last:
                    self.work[index] = self._place(free)
                    ends.setdefault(last[index], []).append(self.work[index])

    def _last_readers(self, program: Program) -> dict[int, int]:
        part_of = {index: number for number, part in enumerate(self.calls) for index in part}
        last: dict[int, int] = {}
        for index, number in part_of.items():
            for operand in program.steps[index][1:]:
                if part_of.get(operand, number) != number:
                    last[operand] = number
        return last

    def _place(self, free: list[int]) -> int:
        if free:
            return free.pop()
        self.size += 1
        return self.size - 1


def _braced(head: str, lines: Sequence[str]) -> str:
    body = "".join(f"    {line}\n" for line in lines)
    return f"{head}\n{{\n{body}}}\n"


def _rows(rows: Sequence[str]) -> str:
    return ",\n".join(f"    {row}" for row in rows or ["{0}"])


def _commented(name: str) -> str:
    """A name within a comment: printable ASCII that begins and ends no comment, continues no line and is no trigraph."""
    plain = "".join(
        [each if each.isascii() and each.isprintable() and each != "\\" else _escaped(each) for each in name]
    )
    return re.sub(r"(?<=/)[*]|[*](?=/)|(?<=[?])[?]", lambda found: _escaped(found[0]), plain)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _points(outputs: Sequence[Any], names: Sequence[str]) -> list[tuple[list[float], list[float]]]:
    """Points where all outputs are finite and of moderate size, and their values; the same at every run."""
    draw = random.Random(0)
    found: list[tuple[list[float], list[float]]] = []
    for _ in range(20):
        points = [_drawn(draw, RANGES[attempt % len(RANGES)], len(names)) for attempt in range(TEST_POINTS)]
        columns = np.array(points).reshape(TEST_POINTS, len(names)).T
        with np.errstate(all="ignore"):
            values = evaluate(list(outputs), dict(zip(names, columns, strict=True)))
        rows = np.array([np.broadcast_to(np.asarray(value, float), TEST_POINTS) for value in values]).T
        found += [(point, row.tolist()) for point, row in zip(points, rows, strict=True) if (abs(row) < 1e6).all()]
        if len(found) >= TEST_POINTS:
            break
    return found[:TEST_POINTS]


def _drawn(draw: random.Random, between: tuple[float, float], count: int) -> list[float]:
    """Numbers that are exact in either type."""
    return [round(draw.uniform(*between) * 256) / 256 for _ in range(count)]
