"""Outputs lowered to one flat, straight-line program, which every back end reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from exprad.errors import NameClashError
from exprad.graph.call import node_class
from exprad.graph.leaf import Const, Var
from exprad.graph.lowering import lowered_steps, ordered
from exprad.graph.node import Expr
from exprad.ground.digits import digits
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused


class Program:
    """Steps in order: a leaf (a name with its shape, or a constant), or a primitive with the steps that it reads.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> print(Program.lowered([x * y + x**3]))
    v0 = x
    v1 = y
    v2 = v0*v1
    v3 = v0*v0
    v4 = v0*v3
    v5 = v2 + v4
    return v5
    """

    def __init__(self, steps: tuple[tuple[Any, ...], ...], outputs: tuple[int, ...]) -> None:
        self.steps, self.outputs = steps, outputs

    @classmethod
    def of(cls, outputs: Sequence[Expr]) -> Program:
        """The program of expressions exactly as they are written."""
        nodes, arranged = ordered(outputs)
        arranged = arranged or {node: node._operands for node in nodes}
        place = {node: index for index, node in enumerate(nodes)}
        steps: list[tuple[Any, ...]] = []
        for node in nodes:
            if isinstance(node, Var):
                steps.append(("var", node.name, node.shape))
            elif isinstance(node, Const):
                steps.append(("const", node.value))
            else:
                steps.append((node.primitive, *[place[operand] for operand in arranged[node]]))
        return cls(tuple(steps), tuple([place[output] for output in outputs]))

    @classmethod
    def lowered(cls, outputs: Sequence[Expr], has: Callable[[Primitive], bool] | None = None) -> Program:
        """The program that computes expressions: whole powers as products, and formulas in place of what they define.

        `has` says of rows with a formula whether the target has a function for them; left out, NumPy is the target.
        """
        with collector_paused():
            steps, places = lowered_steps(outputs, has)
        return cls(steps, places)

    @property
    def size(self) -> int:
        """How many steps it has."""
        return len(self.steps)

    def is_condition(self, index: int) -> bool:
        """Whether a step's value is a truth value, or an array that repeats some."""
        step = self.steps[index]
        while getattr(step[0], "stretches", False):
            step = self.steps[step[1]]
        return getattr(step[0], "predicate", False)

    def expressions(self) -> list[Expr]:
        """The outputs, as expressions built exactly as written."""
        nodes: list[Any] = []
        with collector_paused():
            for head, *rest in self.steps:
                if isinstance(head, Primitive):
                    nodes.append(as_written(head, *[nodes[index] for index in rest]))
                else:
                    nodes.append(Var(rest[0], shape=rest[1]) if head == "var" else Const(rest[0]))
        return [nodes[index] for index in self.outputs]

    def __reduce__(self) -> tuple[Any, ...]:
        return Program, (self.steps, self.outputs)

    @cached_property
    def _leaves(self) -> tuple[dict[str, int], list[int]]:
        names: dict[str, int] = {}
        constants: list[int] = []
        for index, step in enumerate(self.steps):
            if step[0].__class__ is str:
                if step[0] == "var":
                    first = self.steps[names.setdefault(step[1], index)]
                    if first is not step:
                        raise NameClashError(
                            f"two variables are called {step[1]!r}, of the shapes {first[2]} and "
                            f"{step[2]}; name one of them otherwise"
                        )
                else:
                    constants.append(index)
        return names, constants

    @property
    def variables(self) -> dict[str, int]:
        """The step of each variable, by its name, in the order of the program."""
        return self._leaves[0]

    @property
    def constants(self) -> list[int]:
        """The steps that are constants."""
        return self._leaves[1]

    @cached_property
    def calls(self) -> Sequence[int]:
        """The steps that compute: all but variables and constants."""
        return [index for index, step in enumerate(self.steps) if step[0].__class__ is not str]

    @cached_property
    def rows(self) -> list[Primitive]:
        """The primitives that it computes, each once, by first appearance."""
        return list(dict.fromkeys([self.steps[index][0] for index in self.calls]))

    @cached_property
    def shapes(self) -> list[Shape]:
        """The shape of each step's value."""
        leaves = [self.steps[index] for index in (*self.variables.values(), *self.constants)]
        if not any(map(_brings_shape, leaves)) and all(row.partials is not None for row in self.rows):
            return [()] * len(self.steps)
        shapes: list[Shape] = []
        for head, *rest in self.steps:
            if isinstance(head, Primitive):
                given = [shapes[index] for index in rest]
                shapes.append(head.shape(*given) if head.partials is None or any(given) else ())
            else:
                shapes.append(rest[1] if head == "var" else getattr(rest[0], "shape", ()))
        return shapes

    @property
    def is_of_scalars(self) -> bool:
        """Whether all values are numbers, by rows of the first table alone: at many points, arrays of them.

        >>> Program.lowered([Var("x") + 1]).is_of_scalars, Program.lowered([Var("v", shape=(2,)) + 1]).is_of_scalars
        (True, False)
        """
        return not any(self.shapes) and all(row.partials is not None for row in self.rows)

    @cached_property
    def last_use(self) -> list[int]:
        """For each step, the last step that reads it; beyond the end for outputs, and -1 for what nobody reads."""
        last = [-1] * len(self.steps)
        for index, (head, *rest) in enumerate(self.steps):
            if isinstance(head, Primitive):
                for operand in rest:
                    last[operand] = index
        for output in self.outputs:
            last[output] = len(self.steps)
        return last

    @cached_property
    def counts(self) -> Mapping[Primitive, int]:
        """How often each primitive is computed."""
        return Counter([self.steps[index][0] for index in self.calls])

    @property
    def operations(self) -> Counter[str]:
        """How often each primitive is computed, by its name.

        >>> Program.lowered([Var("x") ** 3]).operations
        Counter({'mul': 2})
        """
        found: Counter[str] = Counter()
        for row, count in self.counts.items():
            found.update({row.name: count})  # which a user may have two of
        return found

    def forecast(self, points: int = 1, itemsize: int = 8) -> Forecast:
        """What running the program at that many points will cost, before anything runs.

        >>> Program.lowered([Var("x") ** 3 + 1]).forecast(1000).operations
        3000
        """
        sizes = [prod(shape) * points for shape in self.shapes]
        live = peak = count = highest = 0
        ends: dict[int, list[int]] = {}
        for index, (head, *_) in enumerate(self.steps):
            for done in ends.pop(index, ()):  # its place may take the result
                live, count = live - sizes[done], count - 1
            if isinstance(head, Primitive):
                live, count = live + sizes[index], count + 1
                peak, highest = max(peak, live), max(highest, count)
                ends.setdefault(self.last_use[index], []).append(index)
        work = sum(size for size, (head, *_) in zip(sizes, self.steps, strict=True) if isinstance(head, Primitive))
        return Forecast(work, 3 * work * itemsize, highest, peak * itemsize)

    def __str__(self) -> str:
        lines = [f"v{index} = {_spelled(head, rest)}" for index, (head, *rest) in enumerate(self.steps)]
        return "\n".join([*lines, "return " + ", ".join(f"v{output}" for output in self.outputs)])

    def __repr__(self) -> str:
        return f"<program of {sum(self.operations.values())} operations, {len(self.outputs)} outputs>"


def _brings_shape(leaf: tuple[Any, ...]) -> bool:
    return bool(leaf[2] if leaf[0] == "var" else getattr(leaf[1], "shape", ()))


class Forecast(NamedTuple):
    """Element operations; bytes read and written by them; values that live at once; bytes that these take."""

    operations: int
    bytes: int
    registers: int
    peak_memory: int


def _spelled(head: Any, rest: Sequence[Any]) -> str:
    if not isinstance(head, Primitive):
        return digits(rest[0]) if isinstance(rest[0], (int, Fraction)) else str(rest[0])
    operands = [f"v{index}" for index in rest]
    if head.infix:
        return (head.infix if head.infix in "*/**" else f" {head.infix} ").join(operands)
    if head.prefix:
        return head.prefix + operands[0]
    return f"{head.name}({', '.join([*operands, *(f'{k}={v}' for k, v in head.parameters.items())])})"


def as_written(row: Primitive, *operands: Expr) -> Expr:
    """The node of a row on expressions, without any fold."""
    shapes = [operand.shape for operand in operands]
    return node_class(row)._intern(*operands, shape=row.shape(*shapes) if row.partials is None or any(shapes) else ())


def reduced(f: Expr) -> tuple[Any, ...]:
    """How an expression pickles: as a program, of linear size."""
    return first_output, (Program.of([f]),)


def first_output(program: Program) -> Expr:
    """The one output of a pickled expression."""
    return program.expressions()[0]
