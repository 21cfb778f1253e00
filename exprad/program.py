"""Outputs lowered to one flat, straight-line program, which every back end reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from typing import Any, NamedTuple

from exprad import elementary as table
from exprad.errors import UnsupportedError
from exprad.expr import Const, Expr, Var, node_class
from exprad.primitive import Primitive, Shape
from exprad.traverse import canonical_operands, collector_paused, postorder
from exprad.value import by_squaring

LARGEST_ORDERED = 5000  # nodes; beyond, commuting operands keep the order in which they were written


class Program:
    """Steps in order: a leaf (a name with its shape, or a constant), or a primitive with the steps that it reads.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> print(Program.lowered([x * y + x**3]))
    v0 = x
    v1 = v0*v0
    v2 = v1*v0
    v3 = y
    v4 = v0*v3
    v5 = v2 + v4
    return v5
    """

    def __init__(self, steps: tuple[tuple[Any, ...], ...], outputs: tuple[int, ...]) -> None:
        self.steps, self.outputs = steps, outputs

    @classmethod
    def of(cls, outputs: Sequence[Expr]) -> Program:
        """The program of expressions exactly as they are written."""
        nodes = postorder(outputs)
        if len(nodes) <= LARGEST_ORDERED:
            nodes, arranged = canonical_operands(outputs)
        else:
            arranged = {node: node._operands for node in nodes}
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
    def lowered(cls, outputs: Sequence[Expr]) -> Program:
        """The program that computes expressions: whole powers as products, and formulas in place of what they define."""
        with collector_paused():
            return cls.of(lower(outputs))

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Program) and (self.steps, self.outputs) == (other.steps, other.outputs)

    __hash__ = object.__hash__

    @cached_property
    def shapes(self) -> list[Shape]:
        """The shape of each step's value."""
        shapes: list[Shape] = []
        for head, *rest in self.steps:
            if isinstance(head, Primitive):
                given = [shapes[index] for index in rest]
                shapes.append(head.shape(*given) if head.partials is None or any(given) else ())
            else:
                shapes.append(rest[1] if head == "var" else getattr(rest[0], "shape", ()))
        return shapes

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

    @property
    def operations(self) -> Counter[str]:
        """How often each primitive is computed.

        >>> Program.lowered([Var("x") ** 3]).operations
        Counter({'mul': 2})
        """
        return Counter(head.name for head, *_ in self.steps if isinstance(head, Primitive))

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


class Forecast(NamedTuple):
    """Element operations; bytes read and written by them; values that live at once; bytes that these take."""

    operations: int
    bytes: int
    registers: int
    peak_memory: int


def _spelled(head: Any, rest: Sequence[Any]) -> str:
    if not isinstance(head, Primitive):
        return str(rest[0])
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


def lower(outputs: Sequence[Expr]) -> list[Expr]:
    """Expressions of the same values in which every row has a function in the back ends."""
    lowered: dict[Expr, Expr] = {}
    for node in postorder(outputs):
        lowered[node] = _lowered(node, [lowered[operand] for operand in node._operands]) if node._operands else node
    return [lowered[output] for output in outputs]


def _lowered(node: Any, operands: list[Expr]) -> Expr:
    row = getattr(node.primitive, "base", node.primitive)
    if row is table.at_kink:
        raise UnsupportedError(
            "a derivative with kink='raise' has no compiled form; evaluate it, or choose another kink"
        )
    if row is table.pow and operands[1].known.__class__ is int:
        return _whole_power(operands[0], operands[1].known)
    if row.formula is not None and row.numpy is None:
        return _expanded(row.formula, operands)
    return node if row is node.primitive and all(map(_is, operands, node._operands)) else as_written(row, *operands)


def _is(a: object, b: object) -> bool:
    return a is b


def _whole_power(base: Expr, exponent: int) -> Expr:
    one = Const(1) if not base.shape else Const(1).broadcast_to(base.shape)
    power = by_squaring(base, abs(exponent), lambda a, b: as_written(table.mul, a, b)) if exponent else one
    return power if exponent >= 0 else as_written(table.div, Const(1), power)


def _expanded(formula: Callable[..., Any], operands: list[Expr]) -> Expr:
    """A formula of lowered operands, lowered itself."""
    whole = formula(*operands)
    lowered: dict[Any, Any] = {}
    known = set(postorder(operands))
    for node in postorder([whole]):
        if node in known or not node._operands:
            lowered[node] = node
        else:
            lowered[node] = _lowered(node, [lowered[operand] for operand in node._operands])
    return lowered[whole]


def first_output(program: Program) -> Expr:
    """The one output of a pickled expression."""
    return program.expressions()[0]
