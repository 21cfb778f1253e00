"""A test of C code of arrays, which the source carries: points, and what exprad computed there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import Template
from typing import Any

import numpy as np

from exprad.backends.c.arrays import ArrayFunctions
from exprad.backends.c.self_test import MODERATE, RANGES, TEST_NUMBERS, TEST_POINTS
from exprad.graph.evaluation import evaluate

ATTEMPTS = 24  # points that are tried at most
MOST_NUMBERS = 10 * TEST_NUMBERS  # that the test holds of one point; where there are more, there is none

ARRAY_TEST = Template("""#ifdef $guard
#include <stdio.h>

/* Points, and what exprad computed there. */
$points

static int differs(int point, int output, long count, const $t *found, const $t *expected)
{
    int failed = 0;
    for (long i = 0; i < count; i++) {
        const $t scale = fabs$f(expected[i]) > 1 ? fabs$f(expected[i]) : 1;
        if (!(fabs$f(found[i] - expected[i]) <= $tolerance * scale)) {
            printf("point %d, output %d, element %ld: %.17g, expected %.17g\\n", point, output, i, (double)found[i],
                   (double)expected[i]);
            failed++;
        }
    }
    return failed;
}

int main(void)
{
    int failed = 0;
$room    for (int i = 0; i < $count; i++) {
        $name($given);
$compared
    }
    printf("%d failed\\n", failed);
    return failed != 0;
}
#endif
""")


def array_test(code: ArrayFunctions, outputs: Sequence[Any]) -> str:
    """The test, as text between #ifdef and #endif."""
    t, points = code.dtype, _points(code, outputs)
    inputs, results = code.input_shapes, code.output_shapes
    tables = [
        _table(code, f"points{k}" if k < len(inputs) else f"expected{k - len(inputs)}", [point[k] for point in points])
        for k in range(len(inputs) + len(results))
    ]
    given = [f"points{k}[i]" if shape else f"points{k}[i][0]" for k, (shape, _) in enumerate(inputs)]
    given += [f"f{k}" for k in range(len(results))] + ["w"] * bool(code.work)
    room = [f"    static {t} f{k}[{size or 1}];\n" for k, (_, size) in enumerate(results)]
    room += [f"    static {t} w[{code.work}];\n"] if code.work else []
    solves = any(each != "matmul" for each in code.matrices.used)
    return ARRAY_TEST.substitute(
        guard=f"{code.name.upper()}_SELF_TEST", t=t, f=code.suffix, name=code.name, count=len(points),
        points="\n".join(tables), room="".join(room), given=", ".join(given),
        compared="\n".join(
            [f"        failed += differs(i, {k}, {size}, f{k}, expected{k}[i]);" for k, (_, size) in enumerate(results)]
        ),
        tolerance=("1e-2f" if solves else "1e-4f") if t == "float" else "1e-8" if solves else "1e-11",
    )  # fmt: skip


def _table(code: ArrayFunctions, name: str, arrays: Sequence[Any]) -> str:
    rows = ["{" + ", ".join([code.literal(each) for each in row.reshape(-1).tolist()] or ["0"]) + "}" for row in arrays]
    body = ",\n".join(f"    {row}" for row in rows) or "    {0}"
    size = arrays[0].size if len(arrays) else 1
    return f"static const {code.dtype} {name}[{len(rows) or 1}][{size or 1}] = {{\n{body}\n}};"


def _points(code: ArrayFunctions, outputs: Sequence[Any]) -> list[list[Any]]:
    """Arrays for the inputs, and of the outputs, where these are finite and of moderate size."""
    numbers = sum(size for _, size in [*code.input_shapes, *code.output_shapes])
    if numbers > MOST_NUMBERS:
        return []
    draw = np.random.RandomState(0).uniform  # whose numbers are the same in every version
    wanted = max(1, min(TEST_POINTS, TEST_NUMBERS // max(1, numbers)))
    found: list[list[Any]] = []
    for attempt in range(ATTEMPTS):
        low, high = RANGES[attempt % len(RANGES)]
        given = [np.round(draw(low, high, shape or (1,)) * 256) / 256 for shape, _ in code.input_shapes]
        results = list(_results(code, outputs, given))
        if all((abs(each) < MODERATE).all() for each in results):
            found.append([*given, *results])
        if len(found) == wanted:
            break
    return found


def _results(code: ArrayFunctions, outputs: Sequence[Any], given: Sequence[Any]) -> Iterator[Any]:
    values: dict[Any, Any] = {}
    for slot, array in zip(code.inputs, given, strict=True):
        numbers = array.reshape(-1).tolist()
        values |= dict(zip(slot.variables, [array] if slot.variables[0].shape else numbers, strict=True))
    with np.errstate(all="ignore"):
        whole = evaluate(list(outputs), values)
    for _, first, beyond in code.leaves:
        yield np.concatenate([np.asarray(each, float).reshape(-1) for each in whole[first:beyond]])
