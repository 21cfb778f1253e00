"""Outputs lowered to one flat, straight-line program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from exprad.expr import Const, Expr, Var, node_class
from exprad.primitive import Primitive
from exprad.traverse import canonical_operands, collector_paused


class Program(NamedTuple):
    """Steps in order: a leaf (a name with its shape, or a constant), or a primitive with the steps that it reads."""

    steps: tuple[tuple[Any, ...], ...]
    outputs: tuple[int, ...]

    @classmethod
    def of(cls, outputs: Sequence[Expr]) -> Program:
        order, arranged = canonical_operands(outputs)
        place = {node: index for index, node in enumerate(order)}
        steps: list[tuple[Any, ...]] = []
        for node in order:
            if isinstance(node, Var):
                steps.append(("var", node.name, node.shape))
            elif isinstance(node, Const):
                steps.append(("const", node.value))
            else:
                steps.append((node.primitive, *(place[operand] for operand in arranged[node])))
        return cls(tuple(steps), tuple(place[output] for output in outputs))

    def expressions(self) -> list[Expr]:
        """The outputs, as expressions built exactly as written."""
        nodes: list[Any] = []
        with collector_paused():
            for head, *rest in self.steps:
                if isinstance(head, Primitive):
                    operands = tuple(nodes[index] for index in rest)
                    shape = (
                        head.shape(*(operand.shape for operand in operands))
                        if any(o.shape for o in operands) or head.partials is None
                        else ()
                    )
                    nodes.append(node_class(head)._intern(*operands, shape=shape))
                else:
                    nodes.append(Var(rest[0], shape=rest[1]) if head == "var" else Const(rest[0]))
        return [nodes[index] for index in self.outputs]


def first_output(program: Program) -> Expr:
    """The one output of a pickled expression."""
    return program.expressions()[0]
