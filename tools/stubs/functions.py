"""NumPy's functions of arrays, with an overload for each carrier: what is given comes out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import exprad
from exprad import arrays
from tools.stubs.overloads import HEADER, Case, declared, of_carriers, summary, typed

_IMPORTS = """from collections.abc import Callable, Sequence
from typing import Any, overload

from exprad.arrays.axes import Axis
from exprad.dual import DualNumber
from exprad.graph.expr import Expr
from exprad.typing import Array, DualLike, ExprLike, Exprs, Foreign, Plain, Sparse, VariableLike
from exprad.variable import Variable

"""
HOMES: dict[str, str] = vars(exprad)["_HOMES"]  # where each name lives that is loaded when it is first used
_OPERANDS = ("x", "a", "b")  # what parameters that are operands are called
_OF_FUNCTIONS = {  # what takes a Python function in place of an array, too
    "trace": "@overload\ndef trace(x: Callable[..., Any], /, *shapes: Any) -> Any: ...\n",
}
_REARRANGED = ("exprad.arrays.shapes", "exprad.arrays.parts")  # whose functions give arrays, and never a number


def public_functions() -> dict[str, Callable[..., Any]]:
    """The functions of arrays that `exprad` offers."""
    names = sorted(name for name, home in HOMES.items() if home == "arrays" or name in _OF_FUNCTIONS)
    return {name: getattr(arrays, name) for name in names}


def _cases(function: Callable[..., Any], operands: list[inspect.Parameter]) -> list[Case]:
    plain = "Array" if function.__module__ in _REARRANGED else "Any"
    if operands[0].name == "parts" or operands[0].kind is inspect.Parameter.VAR_POSITIONAL:
        kinds = {"Plain": plain, "ExprLike": "Expr", "VariableLike": "Variable", "DualNumber | Plain": "DualNumber"}
        is_list = operands[0].name == "parts"
        return [Case([f"Sequence[{kind}]" if is_list else kind], result) for kind, result in kinds.items()]
    return [Case(["Plain"] * len(operands), plain), *of_carriers(len(operands), "Expr", "Variable", "DualNumber")]


def _is_operand(parameter: inspect.Parameter) -> bool:
    return parameter.name in (*_OPERANDS, "parts", "operands")


def _overloads(name: str, function: Callable[..., Any]) -> str:
    parameters = list(inspect.signature(function).parameters.values())
    parameters[0] = parameters[0].replace(name=next(iter(inspect.signature(getattr(exprad, name)).parameters)))
    operands = [each for each in parameters if _is_operand(each)]
    lines = []
    for place, case in enumerate(_cases(function, operands)):
        kinds = iter(case.operands)
        given = [typed(each, next(kinds) if _is_operand(each) else None) for each in parameters]
        lines.append("@overload\n" + declared(name, given, case.result, "" if place else summary(function)))
    return "".join(lines) + _OF_FUNCTIONS.get(name, "")


def text() -> str:
    doc = "NumPy's functions of arrays as type checkers know them."
    return (
        HEADER.format(doc=doc)
        + _IMPORTS
        + "\n".join(_overloads(name, function) for name, function in public_functions().items())
    )
