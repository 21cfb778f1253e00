"""Expressions as DOT text, for Graphviz: shared nodes once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exprad.graph.expr import Const, Expr, Var, expression
from exprad.ground.traverse import canonical_operands
from exprad.text.printer import number
from exprad.text.written import texts_of

_STYLES = {
    Var: 'shape=ellipse, style=filled, fillcolor="#cfe8ff"',
    Const: 'shape=box, style="filled,rounded", fillcolor="#eeeeee"',
    Expr: 'shape=box, style=filled, fillcolor="#ffe9c7"',
}


def to_dot(f: Any, *, values: Mapping[Any, Any] | None = None, adjoints: bool = False) -> str:
    """The graph of an expression, or of several, as DOT text.

    With `values` (bindings of the variables) each node shows its value there, and with `adjoints` also the
    derivative of the first output by the node.

    >>> print(to_dot(Var("x") + 1))
    digraph {
      n0 [label="x", shape=ellipse, style=filled, fillcolor="#cfe8ff"];
      n1 [label="1", shape=box, style="filled,rounded", fillcolor="#eeeeee"];
      n2 [label="+", shape=box, style=filled, fillcolor="#ffe9c7"];
      n0 -> n2;
      n1 -> n2;
    }
    """
    outputs = [expression(each) for each in ([f] if not isinstance(f, (list, tuple)) else f)]
    order, arranged = canonical_operands(outputs)
    notes = _notes(order, outputs[0], values, adjoints) if values is not None else {}
    place = {node: index for index, node in enumerate(order)}
    lines = []
    for node in order:
        style = next(style for kind, style in _STYLES.items() if isinstance(node, kind))
        label = _escaped(_label(node)) + "".join(f"\\n{note}" for note in notes.get(node, ()))
        lines.append(f'n{place[node]} [label="{label}", {style}];')
    for node in order:
        ordered = len(node.operands) > 1 and not node.primitive.commutes
        for index, operand in enumerate(arranged.get(node, ()), 1):
            label = f' [label="{index}"]' if ordered else ""
            lines.append(f"n{place[operand]} -> n{place[node]}{label};")
    return "\n".join(["digraph {", *(f"  {line}" for line in lines), "}"])


def _label(node: Expr) -> str:
    if isinstance(node, Var):
        return f"{node.name}: {node.shape}" if node.shape else node.name
    if isinstance(node, Const):
        text = number(node.value)
        return text if len(text) <= 40 else text[:40] + "..."
    row = node.primitive  # type: ignore[attr-defined]  # a call
    texts = texts_of(row, node.operands)
    return "".join(texts).strip() if "" in (texts[0], texts[-1]) else str(row.name)


def _escaped(text: str) -> str:
    """Text within quotes, as Graphviz reads it; what can't be printed is spelled as in Python."""
    special = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
    spelled = [special.get(each) or (each if each.isprintable() else "\\" + repr(each)[1:-1]) for each in text]
    return "".join(spelled)


def _notes(order: Sequence[Expr], f: Expr, values: Mapping[Any, Any], adjoints: bool) -> dict[Expr, list[str]]:
    from exprad.graph.evaluation import evaluate
    from exprad.reverse import adjoints as sweep

    notes = {node: [f"= {value}"] for node, value in zip(order, evaluate(order, values), strict=True)}
    if adjoints:
        found = [Const(0) if bar is None else expression(bar) for bar in sweep({f: 1}, order)]
        for node, bar in zip(order, evaluate(found, values), strict=True):
            notes[node].append(f"adjoint {bar}")
    return notes
