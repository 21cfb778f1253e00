"""Programs drawn at random: free steps, and guards around changes of shape."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from tests.programs.drawing import literal
from tests.programs.numpy_functions import ep
from tests.programs.operations import GROUPS, MOVES, OF_NUMBERS, OPERATIONS
from tests.programs.program import NAMES, Literal, Program, Step
from tests.programs.refusals import refused

LARGEST = 30  # elements of a slot
RISKY = {  # what is infinite or nan where the condition fails
    "np.log({0})": "{0} > 0", "np.sqrt({0})": "{0} > 0", "1 / {0}": "{0} > 0", "np.log2({0})": "{0} > 0", "{0} ** -1": "{0} > 0",
    "{0} ** 0.25": "{0} > 0", "np.log1p({0})": "{0} > -1", "np.arcsin({0})": "{0} < 1", "np.arctanh({0})": "{0} < 1",
    "np.cbrt({0})": "{0} > 0", "{0} ** -2.0": "{0} > 0", "ep.xlogy({0}, {0})": "{0} > 0", "np.exp(1 / {0})": "{0} > 0",
    "{0} ** 1.5": "{0} > 0", "{0} * np.sqrt({0})": "{0} > 0",
}  # fmt: skip
STARTS = [-2.0, -1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 3.0, 0.5, -0.5]


class Draft:
    """A program in the making, with the value of every slot by NumPy."""

    def __init__(self, rng: Random, inputs: tuple[np.ndarray[Any, Any], ...]) -> None:
        self.rng, self.inputs = rng, inputs
        self.values: list[Any] = list(inputs)
        self.steps: list[Step] = []

    def shape(self, slot: int) -> tuple[int, ...]:
        return tuple(self.values[slot].shape)

    def pick(self, fits: Callable[[Any], bool] | None = None, kind: str = "f") -> Any:
        """A slot, of those that fit; late ones more often."""
        found = [slot for slot, x in enumerate(self.values) if x.dtype.kind == kind and (fits is None or fits(x))]
        if not found:
            return None
        return found[-1] if self.rng.random() < 0.35 else self.rng.choice(found)

    def pick_condition(self, fits: Callable[[Any], bool] | None = None) -> Any:
        return self.pick(fits, "b")

    def add(self, text: str, operands: tuple[Any, ...], **parameters: Any) -> int | None:
        """The slot of a step more; None where NumPy refuses it, or it grows too large."""
        step = Step(text, operands, parameters)
        program = Program(self.inputs, (*self.steps, step))
        scope = {"np": np, "ep": ep, **dict(zip(program.names, self.values, strict=False))}
        try:
            value = np.asarray(eval(program.line(len(self.steps)), scope))
        except (ValueError, TypeError, IndexError, np.linalg.LinAlgError, ZeroDivisionError):
            return None
        if value.dtype.kind not in "fb" or value.size > LARGEST or value.ndim > 5:
            return None
        if value.dtype.kind == "f" and np.any(np.abs(value[np.isfinite(value)]) > 1e5):
            return None
        self.steps.append(step)
        self.values.append(value if value.dtype.kind == "b" else value.astype(float))
        return len(self.values) - 1

    def operate(self, name: str) -> int | None:
        drawn = OPERATIONS[name].draw(self)
        if drawn is None or any(each is None for each in drawn[0]):
            return None
        return self.add(text_of(name, drawn[0]), *[drawn[0]], **drawn[1])

    def step(self, names: list[str]) -> int | None:
        return self.operate(self.rng.choices(names, [OPERATIONS[name].weight for name in names])[0])


def text_of(name: str, operands: tuple[Any, ...]) -> str:
    if name == "einsum":
        return f"np.einsum({{pattern}}, {', '.join(f'{{{i}}}' for i in range(len(operands)))})"
    return OPERATIONS[name].text


def shape(rng: Random) -> tuple[int, ...]:
    rank = rng.choice([0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 4])
    sizes = [rng.choice([0] if rng.random() < 0.05 else [1, 2, 2, 3, 3]) for _ in range(rank)]
    while np.prod(sizes) > 9:
        sizes[sizes.index(max(sizes))] -= 1
    return tuple(sizes)


def inputs(rng: Random, of_numbers: bool) -> tuple[np.ndarray[Any, Any], ...]:
    """One to three arrays of small numbers, many of one shape or of shapes that broadcast; or numbers alone."""
    found: list[Any] = []
    for _ in range(rng.choice([1, 1, 2, 2, 3])):
        sizes = () if of_numbers else shape(rng)
        if found and rng.random() < 0.5:
            sizes = found[-1].shape[rng.randint(0, found[-1].ndim) :] if rng.random() < 0.5 else found[-1].shape
        numbers = [rng.choice(STARTS) for _ in range(int(np.prod(sizes)))]
        found.append(np.array(numbers).reshape(sizes))
    return tuple(found[: len(NAMES)])


def moved(d: Draft, slots: list[int], groups: bool) -> list[int]:
    """One change of shape, the same for slots of one shape; a sum instead of a product where a slot tells what is bad."""
    start = len(d.values)
    name = d.rng.choice(GROUPS if groups and d.rng.random() < 0.4 else MOVES)
    drawn = OPERATIONS[name].draw(_Only(d, slots[0]))
    if drawn is None:
        return slots
    text = text_of(name, drawn[0])
    found: list[int] = []
    for place, slot in enumerate(slots):
        is_flag = place == len(slots) - 1 and groups
        each = text
        if is_flag and name in ("prod", "norm", "logsumexp", "max", "min", "var", "std"):
            each, drawn = "np.max({0}, axis={axis}, keepdims={keepdims})", drawn
        made = d.add(each, (slot,), **drawn[1])
        if made is None:
            del d.values[start:], d.steps[start - len(d.inputs) :]
            return slots
        found.append(made)
    return found


class _Only:
    """A draft that offers one slot."""

    def __init__(self, d: Draft, slot: int) -> None:
        self.rng, self.values, self.slot, self.shape = d.rng, d.values, slot, d.shape

    def pick(self, fits: Callable[[Any], bool] | None = None) -> Any:
        return self.slot if fits is None or fits(self.values[self.slot]) else None


def guard(d: Draft) -> None:
    """A function at its edge, changes of shape, and then a choice, or an index, that leaves out what is bad.

    The same changes are made to what the condition is of: to the operand, or to a flag, 1 where the operand is bad.
    """
    x = d.pick(lambda x: x.size > 0)
    if x is None:
        return
    text, fine = d.rng.choice(list(RISKY.items()))
    risky = d.add(text, (x,))
    good = d.add(fine, (x,))
    if risky is None or good is None:  # a step that grew too large
        return
    if d.rng.random() < 0.3:  # no condition at all: what is bad is left out
        _leave_out(d, risky, d.values[good])
        return
    groups = d.rng.random() < 0.5
    flag = d.add("np.where({0}, 0.0, 1.0)", (good,)) if groups else x
    slots = [risky, flag]
    for _ in range(d.rng.randint(0, 3)):
        slots = moved(d, slots, groups)
    condition: Any = d.add("{0} < 0.5" if groups else fine, (slots[1],))
    if condition is None:
        return
    if d.rng.random() < 0.3:
        condition = Literal(d.values[condition])
    other = d.rng.choice([Literal(0), Literal(d.rng.choice([1, 2.0])), literal(d.rng, d.shape(slots[0]))])
    chosen = d.add("np.where({0}, {1}, {2})", (condition, slots[0], other))
    if chosen is not None:
        for _ in range(d.rng.randint(0, 2)):
            d.operate(d.rng.choice(MOVES + GROUPS))


def _leave_out(d: Draft, slot: int, good: Any) -> None:
    """Only elements that are fine, by a mask, places, or slices of an axis."""
    places = np.flatnonzero(good)
    kind = d.rng.random()
    if kind < 0.3 and good.ndim:
        d.add("{0}[{mask}]", (slot,), mask=good)
    elif kind < 0.6 and len(places):
        picked = [int(d.rng.choice(places)) for _ in range(d.rng.randint(1, 3))]
        d.add("np.take({0}, {places})", (slot,), places=picked)
    elif kind < 0.8 and len(places):
        at = tuple(int(i) for i in np.unravel_index(int(d.rng.choice(places)), good.shape))
        d.add("{0}[{at}]", (slot,), at=at or ())
    else:
        d.operate("index")


def before(d: Draft) -> None:
    """A guard first, then changes of shape, and then a function that is at its edge where nothing was chosen."""
    x = d.pick(lambda x: x.size > 0)
    text, fine = d.rng.choice(list(RISKY.items()))
    good = None if x is None else d.add(fine, (x,))
    if good is None:
        return
    safe = d.add("np.where({0}, {1}, {2})", (good, x, Literal(d.rng.choice([0, 0, 0.0, -1, 1, 2]))))
    if safe is None:
        return
    slots = [safe]
    for _ in range(d.rng.randint(0, 3)):
        slots = moved(d, slots, d.rng.random() < 0.3)
    d.add(text, (slots[0],))


def signed_zeros(d: Draft) -> None:
    """Signs that pass through zeros, and a function that shows them."""
    slot: Any = d.pick()
    for _ in range(d.rng.randint(1, 3)):
        slot = d.add(
            d.rng.choice(["-{0}", "0 * {0}", "{0} * 0.0", "{0} * -1", "{0} / -2", "-1 * {0}", "{0} * {0}"]), (slot,)
        )
        if slot is None:
            return
    d.add(d.rng.choice(["1 / {0}", "np.copysign(1, {0})", "np.arctan2({0}, -1)", "-1 / {0}", "{0} ** -1"]), (slot,))


def program(seed: int, number: int, of_numbers: bool | None = None) -> Program:
    """A program, the same for the same numbers; one of numbers alone where that is asked for, else now and then."""
    rng = Random(seed * 1_000_003 + number)
    with np.errstate(all="ignore"):
        of_numbers = rng.random() < 0.08 if of_numbers is None else of_numbers
        d = Draft(rng, inputs(rng, of_numbers))
        names = list(OF_NUMBERS if of_numbers else OPERATIONS)
        target = rng.choice([1, 2, 3, 4, 5, 6, 8, 10, 12])
        for _ in range(4 * target):
            if len(d.steps) >= target:
                break
            kind = rng.random()
            pattern = guard if kind < 0.12 else before if kind < 0.18 else signed_zeros if kind < 0.21 else None
            d.step(names) if pattern is None or of_numbers else pattern(d)
        return closed(d) if rng.random() > 0.05 else refused(d) or closed(d)


def closed(d: Draft) -> Program:
    """A program whose last step is a number: the weighted sum of every slot that nothing else reads."""
    used = {operand for step in d.steps for operand in step.operands if isinstance(operand, int)}
    ends = [slot for slot, x in enumerate(d.values) if slot not in used and x.dtype.kind == "f"]
    ends = [slot for slot in ends if slot >= len(d.inputs)] or ends or [0]
    steps, first = list(d.steps), len(d.inputs)
    terms: list[int] = []
    for slot in ends:
        count = d.values[slot].size
        weights = np.array([d.rng.choice([1.0, 2.0, -1.0, 0.5, 1.5]) for _ in range(count)]).reshape(d.shape(slot))
        is_number = not weights.ndim and d.rng.random() < 0.8
        text = "{0} * {1}" if is_number else "np.sum({0} * {1})"
        steps.append(Step(text, (slot, Literal(weights if weights.ndim else float(weights)))))
        terms.append(first + len(steps) - 1)
    while len(terms) > 1:
        steps.append(Step("{0} + {1}", (terms.pop(), terms.pop())))
        terms.append(first + len(steps) - 1)
    return Program(d.inputs, tuple(steps))
