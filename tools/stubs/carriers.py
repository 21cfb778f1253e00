"""What each carrier gets from the tables: operators, the rows of one operand as methods, and methods of arrays."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from exprad.carrier import BINARY, COMPARISON, UNARY, ArrayMethods
from exprad.ground.bound import defined, homes
from tools.stubs.operators import METHODS, overloads
from tools.stubs.overloads import HEADER, declared, summary, typed
from tools.stubs.rows import public_rows

_IMPORTS = """from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from exprad.carrier import Carrier
from exprad.arrays.axes import Axis
from exprad.dual import DualNumber
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.graph.expr import Expr, Var
from exprad.typing import Array, DualLike, ExprLike, Kink, Nested, Sparse, VariableLike, Wrt
from exprad.variable import Variable

K = TypeVar("K")

"""


class Kind(NamedTuple):
    """A carrier: what it meets, and what comparing it gives."""

    name: str
    meets: str
    truth: str
    number: str


KINDS = (
    Kind("Expr", "ExprLike", "Expr", "Expr"),
    Kind("DualNumber", "DualLike", "Any", "DualNumber"),
    Kind("Variable", "VariableLike", "NDArray[np.bool]", "Any"),
)
_PROPERTIES = {"T": "{name}", "imag": "Any"}
_RESULTS = {"item": "{number}", "tolist": "Any", "__array__": "NDArray[np.object_]"}
_AS_NUMPY = {  # methods that are installed to do what NumPy's functions do
    "copy": ("", "{name}"),
    "astype": ("dtype: Any", "{name}"),
    "clip": ("a_min: {meets} | None = None, a_max: {meets} | None = None", "{name}"),
    "argmax": ("axis: int | None = None", "Any"),
    "argmin": ("axis: int | None = None", "Any"),
    "argsort": ("axis: int | None = -1", "NDArray[np.intp]"),
    "nonzero": ("", "tuple[NDArray[np.intp], ...]"),
    "any": ("axis: Axis = None", "Any"),
    "all": ("axis: Axis = None", "Any"),
}
_OPERANDS = {"dot": "{meets}", "__matmul__": "{meets} | Sparse", "__rmatmul__": "{meets} | Sparse"}
_NOT_TYPED = ("__array_ufunc__", "__array_function__")  # what NumPy alone calls


def row_methods() -> list[str]:
    """The names under which rows of one operand are methods."""
    rows = [row for row in public_rows().values() if row.arity == 1 and not row.predicate]
    names = [name for row in rows for name in (row.name, row.numpy) if isinstance(name, str) and name.isidentifier()]
    return sorted(set(names))


def array_methods() -> list[str]:
    """The methods of arrays that are declared where users look, without their types."""
    return sorted(
        name
        for name, each in vars(ArrayMethods).items()
        if inspect.isfunction(each) and name not in (*_AS_NUMPY, *_NOT_TYPED) and (name[0] != "_" or name[:2] == "__")
    )


def _operators(kind: Kind) -> list[str]:
    of_two = [f"__{side}{name}__" for name in BINARY for side in ("", "r")]
    lines = [_line(name, "other: {meets}, /", "{name}", kind) for name in of_two]
    lines += [_line(f"__{name}__", "other: {meets}, /", "{truth}", kind) for name in COMPARISON]
    lines += [_line(f"__{side}divmod__", "other: {meets}, /", "tuple[{name}, {name}]", kind) for side in ("", "r")]
    return lines + [_line(f"__{name}__", "", "{name}", kind) for name in UNARY]


def _line(name: str, parameters: str, result: str, kind: Kind, doc: str = "") -> str:
    filled = kind._asdict()
    given = ["self", *filter(None, [parameters.format(**filled)])]
    return declared(name, given, result.format(**filled), doc, "    ")


def _array_method(name: str, kind: Kind) -> str:
    method, place = getattr(ArrayMethods, name), f"ArrayMethods.{name}"
    _, *rest = inspect.signature(defined(place) if place in homes else method).parameters.values()
    meets = _OPERANDS.get(name)
    given = [f"{each.name}: {meets}, /" for each in rest] if meets else [typed(each) for each in rest]
    return _line(name, ", ".join(given), _RESULTS.get(name, "{name}"), kind, summary(method))


def _class(kind: Kind) -> str:
    lines = [f'class Of{kind.name}(Carrier):\n    """What {kind.name} gets from the tables."""\n\n']
    for name, result in _PROPERTIES.items():
        lines.append("    @property\n" + _line(name, "", result, kind, summary(getattr(ArrayMethods, name))))
    lines += [*_operators(kind), _line("__round__", "digits: int | None = None", "{name}", kind)]
    lines += [_line(name, "", "{name}", kind) for name in row_methods()]
    lines += [_array_method(name, kind) for name in array_methods()]
    lines += [_line(name, parameters, result, kind) for name, (parameters, result) in _AS_NUMPY.items()]
    if kind.name == "Expr":
        lines += [_line("__len__", "", "int", kind), *[overloads(name, "Expr") for name in METHODS]]
    return "".join(lines)


def text() -> str:
    doc = "What carriers get from the tables, as type checkers know it."
    return HEADER.format(doc=doc) + _IMPORTS + "\n".join(map(_class, KINDS))
