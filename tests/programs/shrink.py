"""A shorter program with the same difference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.programs.differences import NUMPY_REFUSES, Difference, differences
from tests.programs.numpy_functions import ep
from tests.programs.program import Index, Literal, Program, Step

TRIES = 600
CONDITIONS = (" > ", " < ", " >= ", " <= ", "~", " & ", " | ")


def shrunk(program: Program, route: str, kind: str) -> tuple[Program, Difference]:
    """The shortest program found that differs by the same route in the same way."""
    difference = shows(program, route, kind) or Difference(route, kind, "", "only beside other routes")
    tries, improved = 0, shows(program, route, kind) is not None
    while improved and tries < TRIES:
        improved = False
        for candidate in shorter(program):
            tries += 1
            found = shows(candidate, route, kind) if is_valid(candidate, kind) else None
            if found is not None:
                program, difference, improved = candidate, found, True
                break
            if tries >= TRIES:
                break
    return program, difference


def shows(program: Program, route: str, kind: str) -> Difference | None:
    return next((each for each in differences(program, only=route) if each.kind == kind), None)


def is_valid(program: Program, kind: str) -> bool:
    """Whether NumPy runs it, and its last step is a number; or whether NumPy refuses it, as it did."""
    try:
        with np.errstate(all="ignore"):
            values = program.run(list(program.inputs), np, ep)
    except NUMPY_REFUSES as error:
        return kind.startswith("accepted") and "ingular" not in str(error) and "invalid" not in str(error)
    return (
        not kind.startswith("accepted")
        and np.shape(values[-1]) == ()
        and all(np.asarray(x).dtype.kind in "fb" for x in values)
    )


def shorter(program: Program) -> Iterator[Program]:
    """Programs that are simpler, the largest changes first."""
    first = len(program.inputs)
    total = first + len(program.steps)
    is_condition = [_is_condition(program, slot) for slot in range(total)]
    for slot in reversed(range(first, total - 1)):  # leave a step out, an earlier slot in its place
        step = program.steps[slot - first]
        for other in dict.fromkeys([*[each for each in step.operands if isinstance(each, int)], *range(first)]):
            if is_condition[other] == is_condition[slot]:
                yield replaced(program, slot, other)
    for slot in reversed(range(first, total - 1)):  # end earlier
        yield pruned(Program(program.inputs, (*program.steps[: slot - first + 1], Step("np.sum({0})", (slot,)))))
    for place, step in enumerate(program.steps):
        for simpler in simpler_steps(step):
            yield pruned(Program(program.inputs, (*program.steps[:place], simpler, *program.steps[place + 1 :])))
    for slot, x in enumerate(program.inputs):
        for smaller in simpler_arrays(x):
            yield Program((*program.inputs[:slot], smaller, *program.inputs[slot + 1 :]), program.steps)


def _is_condition(program: Program, slot: int) -> bool:
    return slot >= len(program.inputs) and any(
        sign in program.steps[slot - len(program.inputs)].text for sign in CONDITIONS
    )


def replaced(program: Program, slot: int, other: int) -> Program:
    """The program with a slot replaced by an earlier one."""
    new = lambda operand: other if isinstance(operand, int) and operand == slot else operand
    steps = tuple(step._replace(operands=tuple(map(new, step.operands))) for step in program.steps)
    return pruned(Program(program.inputs, steps))


def pruned(program: Program) -> Program:
    """The program without slots that its last step does not need."""
    first = len(program.inputs)
    needed = {first + len(program.steps) - 1}
    for place in reversed(range(len(program.steps))):
        if first + place in needed:
            needed |= {each for each in program.steps[place].operands if isinstance(each, int)}
    kept = sorted(needed)
    new = {slot: place for place, slot in enumerate(kept)}
    if not any(slot < first for slot in kept):
        return program
    steps = tuple(
        Step(step.text, tuple(new[each] if isinstance(each, int) else each for each in step.operands), step.parameters)
        for slot, step in enumerate(program.steps, first)
        if slot in needed
    )
    return Program(tuple(x for slot, x in enumerate(program.inputs) if slot in needed), steps)


def simpler_steps(step: Step) -> Iterator[Step]:
    for place, each in enumerate(step.operands):
        if (
            isinstance(each, Literal) and each.value != 1
            if isinstance(each, Literal) and np.ndim(each.value) == 0
            else isinstance(each, Literal)
        ):
            for value in (1, 0, 2):
                yield step._replace(operands=(*step.operands[:place], Literal(value), *step.operands[place + 1 :]))
    for name, value in step.parameters.items():
        if isinstance(value, Index):
            for items in simpler_items(value.items):
                yield step._replace(parameters={**step.parameters, name: Index(items)})
        elif isinstance(value, bool) and value:
            yield step._replace(parameters={**step.parameters, name: False})


def simpler_items(items: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for place, each in enumerate(items):
        yield (*items[:place], *items[place + 1 :])
        if isinstance(each, slice):
            for simpler in (
                slice(None),
                slice(each.start, each.stop),
                slice(each.start, None, each.step),
                slice(None, each.stop, each.step),
            ):
                if simpler != each:
                    yield (*items[:place], simpler, *items[place + 1 :])
        elif each is not None and each is not Ellipsis and not isinstance(each, int):
            yield (*items[:place], 0, *items[place + 1 :])
            yield (*items[:place], slice(None), *items[place + 1 :])
            if np.asarray(each).dtype != bool and np.size(each) > 1:
                yield (*items[:place], each[:1], *items[place + 1 :])


def simpler_arrays(x: Any) -> Iterator[Any]:
    """Fewer elements along an axis, fewer axes, and simpler numbers."""
    for axis, size in enumerate(x.shape):
        yield np.asarray(np.take(x, 0, axis)) if size else np.zeros(x.shape[:axis] + x.shape[axis + 1 :])
        if size > 1:
            yield np.take(x, range(size - 1), axis)
            yield np.take(x, range(1, size), axis)
    for place in np.ndindex(x.shape):
        for number in (0.0, 1.0, 2.0):
            if x[place] == number:
                break
            simpler = x.copy()
            simpler[place] = number
            yield simpler
