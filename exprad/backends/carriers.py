"""A compiled function of carriers: by evaluation, not by code. Expressions give expressions, dual numbers and Variables those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exprad.arrays import as_operand
from exprad.backends.arguments import Arguments
from exprad.backends.points import at_many
from exprad.backends.signature import Structure
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr, Var, object_array
from exprad.graph.program import Program
from exprad.graph.substitution import replaced
from exprad.ground.shapes import Shape, shape_of


def on_carriers(inputs: Arguments, structure: Structure, arguments: Sequence[Any]) -> Any:
    """The outputs, in their structure, for arguments some of which are carriers, or hold some."""
    given = {variable: _operand(x) for variable, x in inputs.bindings(arguments).items()}
    leads = {variable: _lead(variable, x, inputs) for variable, x in given.items()}
    is_symbolic = any(isinstance(x, Expr) for x in given.values())
    outputs = structure.expressions
    if any(lead and (is_symbolic or variable.shape) for variable, lead in leads.items()):
        outputs = at_many(Program.of(outputs), {variable.name: lead for variable, lead in leads.items() if lead})
        given = {Var(variable.name, shape=leads[variable] + variable.shape): x for variable, x in given.items()}
    found = replaced(outputs, given) if is_symbolic else evaluate(outputs, given)
    return structure.build(
        [
            found[first] if shape is None else object_array(found[first:beyond], shape)
            for shape, first, beyond in structure.leaves
        ]
    )


def _operand(x: Any) -> Any:
    """What is given for a variable, as a number, an array or a carrier."""
    is_array_of_carriers = getattr(x, "dtype", None) == object and hasattr(x, "tolist")
    return as_operand(x.tolist() if is_array_of_carriers else x)


def _lead(variable: Var, x: Any, inputs: Arguments) -> Shape:
    """The shape of the points of a variable."""
    if not variable.shape:
        return shape_of(x)
    return inputs.inputs[inputs.places[variable.name]].points(shape_of(x))
