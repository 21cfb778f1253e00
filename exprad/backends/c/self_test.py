"""A test of the code in C, which the source carries: points, and what exprad computed there."""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

import numpy as np

from exprad.backends.c.functions import Functions
from exprad.backends.signature import Input
from exprad.backends.stepwise import StepRunner

RANGES = ((-2.0, 2.0), (0.1, 2.0), (-0.9, 0.9), (1.1, 2.0))  # from which points are drawn, in turn
TEST_POINTS = 8  # at most
MODERATE = 1e6  # how large outputs may be there
TEST_NUMBERS = 20_000  # that the test holds, about, from two points on
CANDIDATES, TRIED_NUMBERS = 160, 1 << 22  # points that are tried at once, and numbers that this may take

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
    static $t y[$outputs]$work;
    int failed = 0;
    for (int i = 0; i < $count; i++) {
        $name(points[i], y$room);
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


def self_test(functions: Functions) -> str:
    """The test, as text between #ifdef and #endif."""
    program, count = functions.program, len(functions.variables)
    points = _points(functions)
    return SELF_TEST.substitute(
        guard=f"{functions.name.upper()}_SELF_TEST",
        t=functions.dtype,
        f=functions.suffix,
        name=functions.name,
        count=len(points),
        rows=len(points) or 1,
        inputs=max(1, count),
        outputs=len(program.outputs),
        work=f", w[{functions.work}]" if functions.work else "",
        room=", w" if functions.work else "",
        exact=_rows([_literals(functions, values) for values, _ in points]),
        expected=_rows([_literals(functions, values) for _, values in points]),
        tolerance="1e-4f" if functions.dtype == "float" else "1e-11",
    )


def _points(functions: Functions) -> list[tuple[list[float], list[float]]]:
    """Points where all outputs are finite and of moderate size, and their values; the same at every run."""
    program, columns = functions.program, functions.columns
    outputs = len(program.outputs)
    tried = max(TEST_POINTS, min(CANDIDATES, TRIED_NUMBERS // len(program.steps)))
    wanted = max(2, min(TEST_POINTS, TEST_NUMBERS // (len(columns) + outputs)))
    draw = np.random.RandomState(0).uniform  # whose numbers are the same in every version
    ranges = np.array([RANGES[place % len(RANGES)] for place in range(tried)])
    drawn = draw(ranges[:, :1], ranges[:, 1:], (tried, len(columns)))
    points = np.round(drawn * 256) / 256  # exact in either type
    found = np.empty((outputs, tried))
    inputs = [Input(functions.variables, 0)] if columns else []
    given = [points.T] if columns else []
    runner = StepRunner(program, columns, inputs, [(None, 0, outputs)])
    runner(given, [found], (tried,), found.dtype)
    good = np.flatnonzero((abs(found) < MODERATE).all(axis=0))[:wanted]
    return list(zip(points[good].tolist(), found.T[good].tolist(), strict=True))


def _literals(functions: Functions, values: Sequence[float]) -> str:
    return "{" + ", ".join([functions.literal(value) for value in values or [0.0]]) + "}"


def _rows(rows: Sequence[str]) -> str:
    return ",\n".join([f"    {row}" for row in rows or ["{0}"]])
