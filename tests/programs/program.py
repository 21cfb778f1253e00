"""A program of arrays as data, its text, and a run of it."""

from __future__ import annotations

from functools import cached_property
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

NAMES = "abcd"


class Literal:
    """A constant that is an operand: a number, a list, a tuple or an array."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return spelled(self.value)


class Index:
    """What stands between the brackets of `x[...]`, item by item."""

    def __init__(self, items: tuple[Any, ...]) -> None:
        self.items = items

    def __repr__(self) -> str:
        items = [_item(each) for each in self.items]
        return (
            "()"
            if not items
            else items[0] + "," * isinstance(self.items[0], tuple)
            if len(items) == 1
            else ", ".join(items)
        )


def _item(each: Any) -> str:
    if not isinstance(each, slice):
        return "..." if each is Ellipsis else spelled(each)
    ends = ["" if end is None else str(end) for end in (each.start, each.stop)]
    return ":".join(ends if each.step is None else [*ends, str(each.step)])


def spelled(value: Any) -> str:
    """A parameter as Python text."""
    if isinstance(value, np.ndarray):
        whole = {"i": ", int", "b": ", bool"}.get(value.dtype.kind, "")
        return f"np.array({value.tolist()})" if value.size else f"np.zeros({value.shape}{whole})"
    return repr(value)


class Step(NamedTuple):
    """One operation: its text with places for operands and parameters, and what goes there."""

    text: str
    operands: tuple[Any, ...]  # numbers of slots, the inputs first, or literals
    parameters: dict[str, Any] = {}


class Program:
    """Inputs (arrays of floats) and steps; the last step gives a number."""

    def __init__(self, inputs: tuple[np.ndarray[Any, Any], ...], steps: tuple[Step, ...]) -> None:
        self.inputs, self.steps = inputs, steps

    def name(self, slot: int) -> str:
        return NAMES[slot] if slot < len(self.inputs) else f"v{slot - len(self.inputs)}"

    def line(self, place: int) -> str:
        step = self.steps[place]
        operands = [repr(each) if isinstance(each, Literal) else self.name(each) for each in step.operands]
        return step.text.format(*operands, **{name: spelled(each) for name, each in step.parameters.items()})

    @property
    def names(self) -> list[str]:
        return [self.name(slot) for slot in range(len(self.inputs) + len(self.steps))]

    @cached_property
    def code(self) -> CodeType:
        return compile(self.text(), "<program>", "exec")

    @cached_property
    def boxed_code(self) -> CodeType:
        return compile(self.text("box({})"), "<program>", "exec")

    def text(self, around: str = "{}") -> str:
        first = len(self.inputs)
        return "\n".join(
            f"{self.name(first + place)} = {around.format(self.line(place))}" for place in range(len(self.steps))
        )

    def run(self, inputs: Any, np: Any, ep: Any, box: Any = None) -> list[Any]:
        """The value of every slot, where names of inputs stand for `inputs`."""
        scope = {"np": np, "ep": ep, "box": box, **dict(zip(NAMES, inputs, strict=False))}
        exec(self.code if box is None else self.boxed_code, scope)
        return [scope[name] for name in self.names]

    def __str__(self) -> str:
        """Python that stands alone, on arrays; Variables in place of the arrays show a difference."""
        given = [f"{self.name(slot)} = {spelled(x)}" for slot, x in enumerate(self.inputs)]
        return "\n".join([*given, self.text()])
