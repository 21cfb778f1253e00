"""Derivatives by what they are taken with respect to: of a variable one, of a sequence a list, of a mapping a dict."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import exprad
from tools.stubs.overloads import HEADER, declared, summary, typed

_IMPORTS = """from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.graph.expr import Expr, Var
from exprad.traced.jitted import Jitted
from exprad.typing import Array, Directions, ExprLike, Kink, Nested, Scalar, Several, Wrt

K = TypeVar("K")

"""
# What wrt is, what comes out of it for one derivative, and what a direction is there.
_STRUCTURES = (
    ("Var | str", "{}", "ExprLike"),
    ("Sequence[Var | str] | Array", "list[{}]", "Sequence[ExprLike] | Array"),
    ("Mapping[K, Var | str]", "dict[K, {}]", "Mapping[K, ExprLike]"),
    ("Nested", "Any", "Any"),
)
_DENSE, _SPARSE = {"sparse": "Literal[False]"}, {"sparse": "Literal[True]", "wrt": "Wrt"}
_FUNCTION = {"f": "Callable[..., Any]", "wrt": "Any"}
_JITTED = ({"f": "Jitted", "fs": "Jitted", "wrt": "Any = None"}, "Jitted")
# For each operator, what some of its parameters may be, and what comes out; `{of}` is a derivative in the structure of wrt.
_OPERATORS: dict[str, tuple[tuple[Mapping[str, str], str], ...]] = {
    "gradient": (({"f": "Scalar"}, "{of}"), _JITTED, (_FUNCTION, "Any")),
    "value_and_gradient": (({"f": "Scalar"}, "tuple[Expr, {of}]"), _JITTED, (_FUNCTION, "tuple[Any, Any]")),
    "hessian": (
        ({"f": "Scalar", **_DENSE}, "{of_of}"),
        ({"f": "Scalar", **_SPARSE}, "SparseMatrix"),
        _JITTED,
        (_FUNCTION, "Any"),
    ),
    "jacobian": (
        ({"fs": "Expr", **_DENSE}, "{of}"),
        ({"fs": "Several", **_DENSE}, "list[{of}]"),
        ({"fs": "Expr | Several", **_SPARSE}, "SparseMatrix"),
        _JITTED,
    ),
    "vjp": (({"fs": "Expr", "fs_bar": "ExprLike"}, "{of}"), ({"fs": "Several", "fs_bar": "Several"}, "{of}")),
    "hvp": (({"f": "Scalar", "direction": "{direction}"}, "{of}"),),
    "jvp": (
        ({"fs": "Expr", "x_dots": "Directions"}, "Expr"),
        ({"fs": "Several", "x_dots": "Directions"}, "list[Expr]"),
    ),
    "derivative": (({"f": "Scalar", "x": "Var | str"}, "Expr"), ({"f": "Callable[..., Any]", "x": "Any"}, "Any")),
    "evaluate": (({"outputs": "Expr"}, "Any"), ({"outputs": "Several"}, "list[Any]")),
}
METHODS = ("gradient", "hessian")  # of expressions; the others have one type


def names() -> list[str]:
    return sorted(_OPERATORS)


def _variants(name: str) -> Iterator[tuple[Mapping[str, str], str]]:
    """What the parameters of an operator may be, and what comes out, for each structure of wrt."""
    for kinds, result in _OPERATORS[name]:
        if "{of" not in result:
            yield kinds, result
            continue
        for wrt, structure, direction in _STRUCTURES:
            one = structure.format("Expr")
            filled = {each: kind.format(direction=direction) for each, kind in kinds.items()}
            yield {**filled, "wrt": wrt}, result.format(of=one, of_of=structure.format(one))


def _typed(parameter: inspect.Parameter, kinds: Mapping[str, str]) -> str:
    kind = "Kink" if parameter.name == "kink" else kinds.get(parameter.name)
    is_asked = kind == "Literal[True]" or parameter.name == "wrt"
    return typed(parameter.replace(default=parameter.empty) if is_asked else parameter, kind)


def _given(parameters: list[inspect.Parameter], kinds: Mapping[str, str]) -> list[str]:
    """Parameters as they are declared, with the marks of those that have no name, and of those that have no place."""
    given: list[str] = []
    for before, each in zip([None, *parameters], parameters, strict=False):
        if before is not None and before.kind is before.POSITIONAL_ONLY and each.kind is not each.POSITIONAL_ONLY:
            given.append("/")
        if each.kind is each.KEYWORD_ONLY and (before is None or before.kind is not before.KEYWORD_ONLY):
            given.append("*")
        given.append(_typed(each, kinds))
    return given


def overloads(name: str, of_class: str = "") -> str:
    """An operator, as a function or, of expressions, as a method."""
    function: Any = getattr(exprad, name)
    parameters = list(inspect.signature(function).parameters.values())
    indent, lines = "    " if of_class else "", []
    for place, (kinds, result) in enumerate(_variants(name)):
        if of_class and kinds[parameters[0].name] not in ("Scalar", of_class):
            continue
        given = _given(parameters[1:], kinds) if of_class else _given(parameters, kinds)
        doc = "" if place else summary(function)
        lines.append(f"{indent}@overload\n" + declared(name, [*["self"] * bool(of_class), *given], result, doc, indent))
    return "".join(lines)


def text() -> str:
    doc = "Derivatives as type checkers know them."
    return HEADER.format(doc=doc) + _IMPORTS + "\n".join(map(overloads, names()))
