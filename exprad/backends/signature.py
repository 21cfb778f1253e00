"""What a compiled function takes and returns: inputs, and how outputs are nested."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.derivatives.unseen import Unseen
from exprad.errors import ArgumentError, BindingError, NameClashError, OperandError, ShapeError, refuse_masked
from exprad.graph.expr import Expr, Var, expression
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import is_large
from exprad.numbers import EXACT, as_float


class Input:
    """An argument: a variable, or an array of them, which takes one array of that leading shape."""

    shape: Shape

    def __init__(self, given: Any, place: int) -> None:
        if isinstance(given, Var):
            self.name, self.shape, self.variables = given.name, (), (given,)
        elif given.__class__ in (list, tuple) and {*map(type, given)} == {
            Var
        }:  # which NumPy would look into one by one
            self.name, self.shape, self.variables = "", (len(given),), tuple(given)
        elif isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str) and len(given):
            array = np.array(given, object)
            self.name, self.shape, self.variables = "", array.shape, tuple(array.ravel())
            for each in self.variables:
                if not isinstance(each, Var) or each.shape:
                    raise OperandError(
                        f"an array of inputs holds scalar variables, got {type(each).__name__}: {each!r}"
                    )
        else:
            raise OperandError(f"an input is a variable, or an array of them, got {type(given).__name__}: {given!r}")
        self.label = (
            f"input {self.name!r}" if self.name else f"input {place} (variables {self.variables[0].name!r}, ...)"
        )

    @property
    def array_shape(self) -> Shape:
        """The shape that an argument has at one point."""
        return self.shape or self.variables[0].shape

    def points(self, shape: Shape) -> Shape:
        """The shape of the points that an array of a shape has values at: axes before those of a variable that has some, and
        behind those of an array of variables."""
        own = self.variables[0].shape
        if not own:
            if shape[: len(self.shape)] != self.shape:
                raise ShapeError(f"{self.label} needs an array of shape {self.shape}, got {shape}")
            return shape[len(self.shape) :]
        lead = len(shape) - len(own)
        if lead < 0 or shape[lead:] != own:
            many = f"(..., {', '.join(map(str, own))})"
            raise ShapeError(f"{self.label} needs an array of shape {own}, or {many} for many points, got {shape}")
        return shape[:lead]

    def checked(self, argument: Any) -> Any:
        if argument.__class__ is not np.ndarray and argument.__class__ is not float:
            if isinstance(argument, EXACT):  # of any size
                argument = as_float(argument)
            refuse_masked(argument, self.label)
        array = np.asarray(argument)
        if array.dtype.kind not in "biuf":
            raise OperandError(f"{self.label} must be real numbers, got {type(argument).__name__}: {argument!r}")
        self.points(array.shape)
        return array


class Structure:
    """How outputs are nested: flattened on the way in, rebuilt on the way out."""

    def __init__(self, outputs: Any) -> None:
        self.parts: list[Expr | Unseen] = []  # expressions, and gradients that nobody has looked at
        self.count = 0  # of expressions, those of gradients included
        self.leaves: list[tuple[Shape | None, int, int]] = []  # shape of an array of outputs, first, beyond the last
        self.tree = self._read(outputs)

    @cached_property
    def expressions(self) -> list[Expr]:
        """All outputs, one after another."""
        return [each for part in self.parts for each in (part if isinstance(part, Unseen) else (part,))]

    @property
    def is_large(self) -> bool:
        """Whether outputs reach many nodes, as gradients do that nobody has looked at."""
        return any(isinstance(part, Unseen) for part in self.parts) or is_large(self.parts)

    def _read(self, outputs: Any) -> Any:
        if isinstance(outputs, Unseen) and outputs.is_unseen:
            return list, self._enter([outputs], [None] * len(outputs))
        if isinstance(outputs, (list, tuple)):
            inside = [self._read(each) for each in outputs]
            is_flat = bool(inside) and {*map(type, inside)} == {int}
            kind = type(outputs) if type(outputs) in (list, tuple) else tuple
            return kind, range(inside[0], inside[-1] + 1) if is_flat else inside
        if isinstance(outputs, Mapping):
            return dict, {key: self._read(each) for key, each in outputs.items()}
        if isinstance(outputs, SparseMatrix):
            return SparseMatrix(None, outputs.indices, outputs.indptr, outputs.shape), self._read(outputs.data)
        if isinstance(outputs, np.ndarray) and outputs.dtype == object and outputs.shape:
            found = [expression(each) for each in outputs.ravel()]
            if any(each.shape for each in found):
                raise ShapeError("an array of outputs holds scalar expressions")
            return self._enter(found, [outputs.shape])[0]
        return self._enter([expression(outputs)], [None])[0]

    def _enter(self, parts: Sequence[Expr | Unseen], shapes: Sequence[Shape | None]) -> range:
        """Enter outputs that come next, in leaves of such shapes: the numbers of these."""
        first = len(self.leaves)
        self.parts += parts
        for shape in shapes:
            beyond = self.count + (1 if shape is None else prod(shape))
            self.leaves.append((shape, self.count, beyond))
            self.count = beyond
        return range(first, len(self.leaves))

    def build(self, leaves: Sequence[Any], tree: Any = None) -> Any:
        tree = self.tree if tree is None else tree
        if isinstance(tree, int):
            return leaves[tree]
        kind, inside = tree
        if inside.__class__ is range:  # leaves one after another
            return kind(leaves[inside.start : inside.stop])
        if isinstance(kind, SparseMatrix):
            return kind.filled(leaves[inside])
        if kind is dict:
            return {key: self.build(leaves, each) for key, each in inside.items()}
        return kind([self.build(leaves, each) for each in inside])

    def flatten(self, given: Any, tree: Any = None) -> list[Any]:
        """What was given in this structure (as `out=` is), leaf by leaf."""
        tree = self.tree if tree is None else tree
        if isinstance(tree, int):
            return [given]
        kind, inside = tree
        if isinstance(kind, SparseMatrix):
            return [kind.data_of(given)]
        if kind in (list, tuple) and given.__class__ in (list, tuple) and len(given) == len(inside) == len(self.leaves):
            return list(given)
        try:
            pairs = [(given[key], inside[key]) for key in (inside if kind is dict else range(len(inside)))]
            if len(given) != len(inside):
                raise IndexError
        except (TypeError, KeyError, IndexError):
            raise ArgumentError(
                f"out must have the structure of the outputs: a {kind.__name__} of {len(inside)}"
            ) from None
        return [leaf for each, branch in pairs for leaf in self.flatten(each, branch)]

    def template(self, tree: Any = None) -> str | None:
        """The structure as text with {} for each leaf, where it is one of single expressions in lists and tuples."""
        tree = self.tree if tree is None else tree
        if isinstance(tree, int):
            return "{}" if self.leaves[tree][0] is None else None
        kind, inside = tree
        parts = [self.template(each) for each in inside] if kind in (list, tuple) else [None]
        if any(part is None for part in parts):
            return None
        body = ", ".join(part for part in parts if part is not None)
        return f"[{body}]" if kind is list else f"({body}{',' if len(parts) == 1 else ''})"


def read_inputs(program: Program, inputs: Any) -> list[Input]:
    """The inputs of a program as given, or all its variables by first appearance."""
    held = {name: program.shapes[index] for name, index in program.variables.items()}
    if inputs is None:
        inputs = [Var(name, shape=shape) for name, shape in held.items()]
    slots = [Input(given, place) for place, given in enumerate([inputs] if isinstance(inputs, Var) else inputs)]
    shapes: dict[str, Shape] = {}
    for slot in slots:
        for variable in slot.variables:
            if variable.name in shapes:
                raise NameClashError(f"variable {variable.name!r} is an input twice")
            shapes[variable.name] = variable.shape
    for name, shape in held.items():
        if name not in shapes:
            raise BindingError(f"variable {name!r} is in the outputs, but not among the inputs {_few(shapes)}")
        if shapes[name] != shape:
            raise ShapeError(f"input {name!r} has shape {shapes[name]}, but {shape} in the outputs")
    return slots


def _few(names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"{listed}" if len(listed) <= 10 else f"{listed[:10]} and {len(listed) - 10} more"


def own_name(row: Primitive) -> str:
    """A row's name in generated code: a user's row may be called like a word of Python, or like a register."""
    if row.is_own:
        return row.name
    return f"user_{row.name}" if row.name.isascii() else f"userx_{row.name.encode().hex()}"
