"""The arguments of a call: by place or by name, checked, and what their shapes and types say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from keyword import iskeyword
from typing import Any

import numpy as np

from exprad.backends.signature import Input
from exprad.errors import ArgumentError, BindingError, ShapeError
from exprad.ground.shapes import Shape

PYTHONS = frozenset([float, int])  # numbers that have no floating type of their own, and fit any


class Arguments:
    """The inputs of a function, which take the arguments of a call."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self.inputs = tuple(inputs)
        self.places = {slot.name: place for place, slot in enumerate(self.inputs) if slot.name}

    def by_place(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments in the order of the inputs."""
        names = [slot.name or "(an array)" for slot in self.inputs]
        for name in named:
            if name not in self.places:
                raise BindingError(f"no input is called {name!r}; inputs: {names}")
            if self.places[name] < len(arguments):
                raise BindingError(f"input {name!r} is given twice")
        if len(arguments) + len(named) != len(names):
            raise ArgumentError(f"the function takes {len(names)} inputs {names}, got {len(arguments) + len(named)}")
        return (*arguments, *[named[slot.name] for slot in self.inputs[len(arguments) :]])

    def points(self, arrays: Sequence[Any]) -> Shape:
        """The shape of the points that the arrays are values at, to which those of each broadcast."""
        return together(self.inputs, [slot.points(x.shape) for slot, x in zip(self.inputs, arrays, strict=True)])

    def are_one_point(self, arguments: Sequence[Any]) -> bool:
        """Whether Python's numbers are given, or arrays of them where an input is an array."""
        return {x.__class__ for slot, x in zip(self.inputs, arguments, strict=True) if not slot.shape} <= PYTHONS

    def arranged(self, values: Sequence[float]) -> list[Any]:
        """One number a variable, as an array for each input."""
        rest = iter(values)
        return [np.array([next(rest) for _ in slot.variables]).reshape(slot.shape) for slot in self.inputs]

    def bindings(self, arguments: Sequence[Any]) -> dict[Any, Any]:
        """What is given for each variable."""
        found: dict[Any, Any] = {}
        for slot, argument in zip(self.inputs, arguments, strict=True):
            values = np.asarray(argument, object).ravel().tolist() if slot.shape else [argument]
            found.update(zip(slot.variables, values, strict=True))
        return found

    @property
    def signature(self) -> Signature:
        """What editors and `help` show."""
        kind = Parameter.POSITIONAL_OR_KEYWORD
        inputs = [Parameter(self._shown(place, slot.name), kind) for place, slot in enumerate(self.inputs)]
        return Signature([*inputs, Parameter("out", Parameter.KEYWORD_ONLY, default=None)])

    def _shown(self, place: int, name: str) -> str:
        """The name of an input, or one that no input has, where a name is none of Python's."""
        if name.isidentifier() and not iskeyword(name) and name != "out":
            return name
        given = {slot.name for slot in self.inputs}
        shown = f"input_{place}"
        while shown in given:
            shown += "_"
        return shown

    def __str__(self) -> str:
        return ", ".join(slot.name or f"[{slot.variables[0].name}, ...]" for slot in self.inputs)


def together(inputs: Sequence[Input], points: Sequence[Shape]) -> Shape:
    """The shape that those of the points of inputs broadcast to."""
    try:
        return np.broadcast_shapes(*points)
    except ValueError:
        given = ", ".join(f"{slot.label}: {shape}" for slot, shape in zip(inputs, points, strict=True))
        raise ShapeError(f"the points of inputs: shapes do not broadcast together: {given}") from None


def key_of(arguments: Sequence[Any]) -> Any:
    """What tells calls apart whose arguments are arrays and numbers; None where others are among them."""
    if len(arguments) > 1 and {*map(type, arguments)} == {float}:
        return float, len(arguments)
    key: list[Any] = []
    for argument in arguments:
        if argument.__class__ is np.ndarray:
            key.append((argument.shape, argument.dtype))
        elif argument.__class__ in PYTHONS:
            key.append(argument.__class__)
        else:
            return None
    return tuple(key)


def holds_carriers(argument: Any) -> bool:
    """Whether an argument is, or holds, an expression or a dual number."""
    if isinstance(argument, (list, tuple)):
        return any(map(holds_carriers, argument))
    return getattr(argument, "_level", 0) > 0 or getattr(argument, "dtype", None) == object


def dtype_of(arguments: Sequence[Any], arrays: Sequence[Any]) -> Any:
    """The floating type of the arrays given; Python's own numbers fit any."""
    kinds = [array.dtype for given, array in zip(arguments, arrays, strict=True) if given.__class__ not in PYTHONS]
    floats = [kind if kind.kind == "f" else np.dtype(float) for kind in kinds]
    return np.result_type(*floats) if floats else np.dtype(float)
