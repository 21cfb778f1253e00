"""Names for annotations: what exprad's functions take. Nothing imports this before it is asked for.

>>> def slope(f: ExprLike) -> ExprLike: ...
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from exprad.dual import DualNumber
from exprad.graph.expr import Expr, Var
from exprad.variable import Variable

Kink: TypeAlias = Literal["mean", "zero", "left", "right", "raise"]
"""What a derivative is where it jumps."""


class Table(Protocol):
    """A table or a column of pandas, and of others who have this method: it counts as an array."""

    def to_numpy(self) -> Any: ...


class _Torch(Protocol):
    def detach(self) -> Any: ...


class _Jax(Protocol):
    def block_until_ready(self) -> Any: ...


class _Dask(Protocol):
    def compute(self) -> Any: ...


class Sparse(Protocol):
    """A sparse matrix of SciPy."""

    def tocoo(self) -> Any: ...


Foreign: TypeAlias = _Torch | _Jax | _Dask
"""An array of another library, told by a method that NumPy's arrays lack."""
Number: TypeAlias = int | float | Fraction | np.bool | np.integer[Any] | np.floating[Any]
Array: TypeAlias = NDArray[Any]
ArrayLike: TypeAlias = Array | Table | Sequence[Number | Array | Sequence[Number | Array | Sequence[Number]]]
"""An array, or what becomes one: a list of numbers, of arrays, or of such lists."""
Plain: TypeAlias = Number | ArrayLike
"""What has no derivative."""
Exprs: TypeAlias = Expr | Sequence[Expr | Number | Array | Sequence[Expr | Number | Array]]
"""An expression, or a list that holds some, which becomes one that stands for an array."""
ExprLike: TypeAlias = Exprs | Plain
VariableLike: TypeAlias = Variable | Plain
DualLike: TypeAlias = DualNumber | ExprLike | VariableLike
Scalar: TypeAlias = Expr | Number
Several: TypeAlias = Sequence[ExprLike] | Array
"""Several expressions: a list, or an object array."""
Nested: TypeAlias = Sequence["Var | str | Nested"] | Mapping[Any, "Var | str | Nested"]
"""Variables, or their names, in lists and dicts however nested."""
Wrt: TypeAlias = Var | str | Array | Nested
"""What derivatives are taken with respect to: a variable, or several; their structure is that of the result."""
Directions: TypeAlias = Mapping[Var, ExprLike] | Mapping[str, ExprLike]
