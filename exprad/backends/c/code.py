"""C99: a program as standalone source, for targets that have a C compiler and no Python.

The code allocates nothing, keeps no state and needs `math.h` alone. Functions are of bounded size, constants are exact
(hexadecimal), and a self-test compares with values that exprad computed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

from exprad.backends.c.array_test import array_test
from exprad.backends.c.arrays import IN_C, ArrayFunctions
from exprad.backends.c.functions import Functions
from exprad.backends.c.names import is_taken
from exprad.backends.c.self_test import self_test
from exprad.backends.signature import Structure, read_inputs
from exprad.errors import ArgumentError
from exprad.graph.program import Program
from exprad.ground.files import write_whole
from exprad.ground.traverse import collector_paused

WORK = """ w is room for {guard}_WORK numbers, which the caller gives and the function
 * overwrites: calls that have a w each may run at once."""


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

    `outputs` and `inputs` are what `compile` takes; `dtype` is "double" or "float". A large program has a third parameter,
    `double *w`, memory to work in, whose size the header states. Raises `UnsupportedError` for what C has no function for,
    before any code is made.

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
        program = Program.lowered(structure.expressions, IN_C)
        slots = read_inputs(program, inputs)
        variables = [variable for slot in slots for variable in slot.variables]
        functions: Functions | ArrayFunctions
        if program.is_of_scalars and not any(variable.shape for variable in variables):
            functions = Functions(program, variables, name, dtype)
            text, test = functions.text, self_test(functions)
        else:
            functions = ArrayFunctions(program, slots, structure.leaves, name, dtype)
            text, test = functions.text, array_test(functions, structure.expressions)
    return CCode(name, _header(functions), f'#include "{name}.h"\n\n#include <math.h>\n\n{text}\n{test}')


def _check(name: str, dtype: str) -> None:
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise ArgumentError(
            f"the name of a C function is a letter and then letters, digits and underscores, got {name!r}"
        )
    if is_taken(name):
        raise ArgumentError(f"the name of a C function must be free, and {name!r} means something in C already")
    if dtype not in ("double", "float"):
        raise ArgumentError(f"dtype must be 'double' or 'float', got {dtype!r}")


def _header(functions: Functions | ArrayFunctions) -> str:
    guard, listed = functions.name.upper(), "\n".join([f" *   {line}" for line in functions.listed])
    sizes = {**functions.sizes, **({"WORK": functions.work} if functions.work else {})}
    enum = f"enum {{ {', '.join([f'{guard}_{what} = {size}' for what, size in sizes.items()])} }};\n\n" if sizes else ""
    return (
        f"/* Computes {functions.said}. Written by exprad.\n *\n{listed}\n *\n"
        f" * {functions.apart} must not overlap. Nothing is allocated, and no state is kept."
        f"{WORK.format(guard=guard) if functions.work else ''} */\n"
        f"#ifndef {guard}_H\n#define {guard}_H\n\n{enum}{functions.head};\n\n#endif\n"
    )
