"""What a row is to a type checker: a Primitive whose calls are typed by how many operands it takes."""

from __future__ import annotations

from exprad.ground.primitive import Primitive
from exprad.tables import elementary
from tools.stubs.overloads import HEADER, Case, of_carriers, of_numbers

_IMPORTS = """from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from exprad.dual import DualNumber
from exprad.graph.expr import Expr
from exprad.ground.primitive import Primitive
from exprad.typing import Array, DualLike, ExprLike, Exprs, Foreign, Number, Plain, VariableLike
from exprad.variable import Variable

"""


def public_rows() -> dict[str, Primitive]:
    return {name: row for name, row in vars(elementary).items() if isinstance(row, Primitive)}


def class_of(row: Primitive) -> str:
    """The name of the class that stands for a row."""
    return f"{'Condition' if row.predicate else 'Function'}{row.arity}"


def _cases(row: Primitive) -> list[Case]:
    if row.predicate:
        truths = "NDArray[np.bool]"
        return [*of_numbers(row.arity, "bool", "Any", truths), *of_carriers(row.arity, "Expr", truths, "Any")]
    return [*of_numbers(row.arity, "float", "Any", "Array"), *of_carriers(row.arity, "Expr", "Variable", "DualNumber")]


def _class(row: Primitive) -> str:
    names = "abcd"[: row.arity]
    calls = [
        "    @overload\n    def __call__(self, "
        + ", ".join(f"{name}: {kind}" for name, kind in zip(names, case.operands, strict=True))
        + f", /) -> {case.result}: ...\n"
        for case in _cases(row)
    ]
    what = "A condition" if row.predicate else "A row of the table"
    return f'class {class_of(row)}(Primitive):\n    """{what}, called on {row.arity} operand(s)."""\n\n' + "".join(
        calls
    )


def text() -> str:
    kinds = {class_of(row): row for row in public_rows().values()}
    return (
        HEADER.format(doc="Rows as type checkers know them.")
        + _IMPORTS
        + "\n".join(_class(kinds[kind]) for kind in sorted(kinds))
    )
