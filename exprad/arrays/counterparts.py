"""The tables of dispatch: what stands for each of NumPy's functions, and functions that are offered under NumPy's names only.

Signatures are NumPy's, less what has no meaning for carriers.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from exprad.arrays import parts, products, reductions, shapes
from exprad.arrays.axes import Axis, place_of
from exprad.arrays.indexing import getitem
from exprad.arrays.operands import as_operand
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import broadcast_shapes, shape_of, size_of, sizes_of
from exprad.tables import elementary as table
from exprad.tensor import astype as cast
from exprad.tensor import reshaped, stretched


def value_of(x: Any) -> Any:
    """The numbers of a carrier, and of what is in a list: for functions whose results have no derivative."""
    if isinstance(x, (list, tuple)):
        return type(x)(map(value_of, x))
    while getattr(x, "_level", 0):
        inner = getattr(x, "_numbers", None)
        if inner is None:
            raise OperandError(
                f"{x!r} has no values before it is evaluated; compute with Variable, or build a condition"
            )
        x = inner
    return x


# Filled arrays, copies and types.


def zeros_like(a: Any, dtype: Any = None, shape: Any = None) -> Any:
    """Zeros in the shape of a."""
    return full_like(a, 0, dtype, shape)


def ones_like(a: Any, dtype: Any = None, shape: Any = None) -> Any:
    """Ones in the shape of a."""
    return full_like(a, 1, dtype, shape)


def full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    """One value in the shape of a: an array, or a carrier where the value is one."""
    sizes = shape_of(a) if shape is None else sizes_of(shape, "full_like")
    if getattr(fill_value, "_level", 0):
        return stretched(fill_value if dtype is None else astype(fill_value, dtype), sizes)
    import numpy as np

    return np.full(sizes, fill_value, dtype or getattr(a, "dtype", float))


def copy(a: Any) -> Any:
    """The same values in memory of their own; an expression, which nobody can write to, is its own copy."""
    return table.mul(a, 1)


def astype(x: Any, dtype: Any) -> Any:
    """x in another type of real numbers."""
    import numpy as np

    kind = np.dtype(dtype)
    if kind.kind != "f":
        raise OperandError(f"astype({kind.name}) would cut the derivative; astype takes real types, such as 'float32'")
    return cast(x, dtype=kind.name)


def itself(val: Any) -> Any:
    return val


def imag(val: Any) -> Any:
    return zeros_like(val)


# Elementwise.


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """a between two bounds, or on one side of one."""
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ArgumentError("clip takes its bounds as a_min and a_max, or as min and max, not both")
    low, high = as_operand(min if a_min is None else a_min), as_operand(max if a_max is None else a_max)
    if low is None:
        return copy(a) if high is None else table.minimum(a, high)
    return table.maximum(a, low) if high is None else table.clip(a, low, high)


def around(a: Any, decimals: int = 0) -> Any:
    """The nearest whole numbers, or multiples of a power of ten."""
    return builtins.round(a, operator.index(decimals))


def where(condition: Any, x: Any = None, y: Any = None) -> Any:
    """x where a condition holds, else y; or the places where it holds."""
    if x is None and y is None:
        return value_of(condition).nonzero()
    return table.where(*map(as_operand, (condition, x, y)))


def isnan(x: Any) -> Any:
    return table.not_equal(x, x)


def isinf(x: Any) -> Any:
    return table.equal(table.abs(x), float("inf"))


def isfinite(x: Any) -> Any:
    return table.abs(x) < float("inf")


def nan_to_num(x: Any, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    """x with numbers for nan and the infinities, there with slope 0."""
    import numpy as np

    kind: Any = getattr(x, "dtype", np.dtype(float))
    largest = np.finfo(kind).max if kind.kind == "f" else np.finfo(float).max
    high, low = largest if posinf is None else posinf, -largest if neginf is None else neginf
    inner = table.where(table.equal(x, float("inf")), high, table.where(table.equal(x, -float("inf")), low, x))
    return table.where(isnan(x), nan, inner)


# Shapes.


def _at_least(rank: int) -> Callable[..., Any]:
    def raised(x: Any) -> Any:
        x = as_operand(x)
        have = shape_of(x)
        if len(have) >= rank:
            return x
        behind = 1 if rank == 3 and have else 0  # of three axes the last is new, unless all are
        return reshaped(x, ((1,) * (rank - len(have) - behind) + have + (1,) * behind))

    def atleast(*arys: Any) -> Any:
        return raised(arys[0]) if len(arys) == 1 else tuple(map(raised, arys))

    return atleast


atleast_1d, atleast_2d, atleast_3d = map(_at_least, (1, 2, 3))


def column_stack(tup: Sequence[Any]) -> Any:
    arrays = [as_operand(each) for each in tup]
    return shapes.concatenate([atleast_2d(x).T if len(shape_of(x)) < 2 else x for x in arrays], 1)


def dstack(tup: Sequence[Any]) -> Any:
    return shapes.concatenate([atleast_3d(each) for each in tup], 2)


def append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return shapes.concatenate([arr, as_operand(values)], axis)


def broadcast_arrays(*args: Any) -> Any:
    arrays = [as_operand(each) for each in args]
    common = broadcast_shapes("broadcast_arrays", [shape_of(each) for each in arrays])
    return tuple(stretched(each, common) for each in arrays)


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    """Parts of an array along an axis: as many as are asked, or those between the places given."""
    import numpy as np

    place = place_of(axis, len(shape_of(ary)), "array_split", shape_of(ary))
    if np.ndim(indices_or_sections):
        ends = [0, *map(operator.index, indices_or_sections), None]
    else:
        size, count = shape_of(ary)[place], operator.index(indices_or_sections)
        if count <= 0:
            raise ArgumentError(f"a number of parts must be larger than 0, got {count}")
        ends = np.cumsum([0] + (size % count) * [size // count + 1] + (count - size % count) * [size // count]).tolist()
    lead = (slice(None),) * place
    return [getitem(ary, (*lead, slice(start, stop))) for start, stop in pairwise(ends)]


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> Any:
    import numpy as np

    place = place_of(axis, len(shape_of(ary)), "split", shape_of(ary))
    count = 0 if np.ndim(indices_or_sections) else operator.index(indices_or_sections)
    if count > 0 and shape_of(ary)[place] % count:
        raise ShapeError(
            f"split: {indices_or_sections} parts of equal size do not make shape {shape_of(ary)}; "
            "array_split makes unequal ones"
        )
    return array_split(ary, indices_or_sections, axis)


def _split_along(name: str, axis: int, least: int) -> Callable[..., Any]:
    def divided(ary: Any, indices_or_sections: Any) -> Any:
        rank = len(shape_of(ary))
        if rank < least:
            raise ShapeError(f"{name} needs at least {least} axes, got shape {shape_of(ary)}")
        return split(ary, indices_or_sections, builtins.min(axis, rank - 1))

    return divided


def unstack(x: Any, *, axis: int = 0) -> Any:
    return tuple(shapes.moveaxis(x, axis, 0))


def matrix_transpose(x: Any) -> Any:
    return shapes.swapaxes(x, -1, -2)


def _flipped(m: Any, axis: int) -> Any:
    if len(shape_of(m)) <= axis:
        raise ShapeError(f"more than {axis} axes are needed, got shape {shape_of(m)}")
    return parts.flip(m, axis)


def rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    rank = len(shape_of(a))
    place = place_of(axis, rank, "rollaxis", shape_of(a))
    target = start + rank if start < 0 else start
    if not 0 <= target <= rank:
        raise ShapeError(f"rollaxis: start {start} is out of range for shape {shape_of(a)}")
    return shapes.moveaxis(a, place, target - (place < target))


# Sums and products.


def average(a: Any, axis: Axis = None, weights: Any = None, *, keepdims: bool = False) -> Any:
    if weights is None:
        return reductions.mean(a, axis, keepdims)
    weights = as_operand(weights)
    if shape_of(weights) != shape_of(a):
        raise ShapeError(f"average: weights of shape {shape_of(weights)} for shape {shape_of(a)}; broadcast them first")
    return reductions.sum(a * weights, axis, keepdims) / reductions.sum(weights, axis, keepdims)


def ptp(a: Any, axis: Axis = None, keepdims: bool = False) -> Any:
    return reductions.max(a, axis, keepdims) - reductions.min(a, axis, keepdims)


def deviation(root: bool) -> Callable[..., Any]:
    function = reductions.std if root else reductions.var

    def found(a: Any, axis: Axis = None, ddof: float = 0, keepdims: bool = False, *, correction: Any = None) -> Any:
        if correction is not None and ddof:
            raise ArgumentError("ddof and correction are two names for one thing: give one")
        return function(a, axis, ddof if correction is None else correction, keepdims)

    return found


def vecdot(x1: Any, x2: Any, axis: int = -1) -> Any:
    """The sums of products along one axis; other axes broadcast."""
    a, b = (shapes.moveaxis(x, place_of(axis, len(shape_of(x)), "vecdot", shape_of(x)), -1) for x in (x1, x2))
    if shape_of(a)[-1] != shape_of(b)[-1]:
        raise ShapeError(f"vecdot: shapes {shape_of(x1)} and {shape_of(x2)} differ along axis {axis}")
    return reductions.sum(a * b, -1)


def _matrices(x: Any, name: str) -> Any:
    if len(shape_of(x)) < 2:
        raise ShapeError(f"{name} takes matrices, got shape {shape_of(x)}")
    return x


def matvec(x1: Any, x2: Any) -> Any:
    """Matrices times vectors, one for each."""
    return shapes.squeeze(products.matmul(_matrices(x1, "matvec"), shapes.expand_dims(x2, -1)), -1)


def vecmat(x1: Any, x2: Any) -> Any:
    """Vectors times matrices, one for each."""
    return shapes.squeeze(products.matmul(shapes.expand_dims(x1, -2), _matrices(x2, "vecmat")), -2)


def vector_norm(x: Any, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> Any:
    if axis is None:
        kept = (1,) * len(shape_of(x)) if keepdims else ()
        return reshaped(reductions.norm(shapes.ravel(x), ord, 0), kept)
    if isinstance(axis, tuple) and len(axis) != 1:
        raise ArgumentError(f"vector_norm takes one axis or None of exprad's operands, got {axis}")
    return reductions.norm(x, ord, axis, keepdims)


def matrix_norm(x: Any, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return reductions.norm(x, ord, (-2, -1), keepdims)


def diagonals(x: Any, *, offset: int = 0) -> Any:
    """The diagonals of matrices, along the last axis."""
    return parts.diagonal(x, offset, -2, -1)


def traces(x: Any, *, offset: int = 0) -> Any:
    return reductions.sum(diagonals(x, offset=offset), -1)


def outer_of_vectors(x1: Any, x2: Any) -> Any:
    if len(shape_of(x1)) != 1 or len(shape_of(x2)) != 1:
        raise ShapeError(f"np.linalg.outer takes vectors, got shapes {shape_of(x1)} and {shape_of(x2)}")
    return products.outer(x1, x2)


def tensordot_by_name(x1: Any, x2: Any, *, axes: Any = 2) -> Any:
    return products.tensordot(x1, x2, axes)


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal."""
    return reductions.sum(parts.diagonal(a, offset, axis1, axis2), -1)


def size(a: Any, axis: Axis = None) -> int:
    shape = shape_of(a)
    given = range(len(shape)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return size_of(tuple(shape[place_of(each, len(shape), "size", shape)] for each in given))


_SAME = {  # offers that are exprad's own functions
    reductions: "sum prod max min mean cumsum", shapes: "reshape ravel transpose swapaxes moveaxis expand_dims squeeze "
    "broadcast_to concatenate stack hstack vstack", parts: "take pad flip roll repeat tile diagonal diag tril triu diff",
    products: "matmul dot inner vdot outer tensordot einsum",
}  # fmt: skip


def of_conditions(row: Primitive) -> Callable[..., Any]:
    """A function of bits, which takes conditions alone: numbers have none that count."""

    def joined(*xs: Any) -> Any:
        for x in xs:
            if getattr(x, "_level", 0) and not getattr(getattr(x, "primitive", None), "predicate", False):
                raise OperandError(
                    f"the bits of {type(x).__name__} are undefined; & | ~ take conditions, such as x > 0"
                )
        return row(*xs)

    return joined


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(module, name) for module, names in _SAME.items() for name in names.split()},
    "amax": reductions.max, "amin": reductions.min, "concat": shapes.concatenate, "permute_dims": shapes.transpose,
    "matrix_transpose": matrix_transpose, "linalg.matrix_transpose": matrix_transpose, "around": around, "round": around,
    "var": deviation(False), "std": deviation(True), "average": average, "ptp": ptp, "trace": trace,
    "shape": shape_of, "ndim": lambda a: len(shape_of(a)), "size": size, "copy": copy, "astype": astype,
    "zeros_like": zeros_like, "empty_like": zeros_like, "ones_like": ones_like, "full_like": full_like,
    "iscomplexobj": lambda x: False, "isrealobj": lambda x: True, "real": itself, "real_if_close": itself, "imag": imag,
    "clip": clip, "where": where, "sinc": table.sinc, "fix": table.trunc, "nan_to_num": nan_to_num,
    "atleast_1d": atleast_1d, "atleast_2d": atleast_2d, "atleast_3d": atleast_3d, "column_stack": column_stack,
    "dstack": dstack, "append": append, "broadcast_arrays": broadcast_arrays, "array_split": array_split, "split": split,
    "hsplit": _split_along("hsplit", 1, 1), "vsplit": _split_along("vsplit", 0, 2), "dsplit": _split_along("dsplit", 2, 3),
    "unstack": unstack, "rollaxis": rollaxis, "fliplr": lambda m: _flipped(m, 1), "flipud": lambda m: _flipped(m, 0),
    "linalg.norm": reductions.norm, "linalg.vector_norm": vector_norm, "linalg.matrix_norm": matrix_norm,
    "linalg.solve": products.solve, "linalg.inv": products.inv, "linalg.det": products.det,
    "linalg.matmul": products.matmul, "linalg.vecdot": vecdot, "linalg.tensordot": tensordot_by_name,
    "linalg.outer": outer_of_vectors, "linalg.diagonal": diagonals, "linalg.trace": traces,
}  # fmt: skip
OF_VALUES = frozenset(
    """argmax argmin argsort argpartition argwhere nonzero flatnonzero count_nonzero searchsorted digitize
    all any allclose isclose array_equal array_equiv iscomplex isreal isneginf isposinf
    array_repr array_str array2string result_type can_cast min_scalar_type common_type nanargmax nanargmin isin
    tril_indices_from triu_indices_from diag_indices_from linalg.matrix_rank""".split()
)
UFUNCS: dict[str, dict[str, Callable[..., Any]]] = {
    "numpy": {
        "matmul": products.matmul, "vecdot": vecdot, "matvec": matvec, "vecmat": vecmat, "isnan": isnan, "isinf": isinf,
        "isfinite": isfinite, "conjugate": itself, "positive": itself, "fabs": table.abs, "float_power": table.pow,
        "power": table.pow, "reciprocal": lambda x: 1 / x,
        "divmod": lambda x1, x2: (table.floor_divide(x1, x2), table.mod(x1, x2)),
        "deg2rad": lambda x: x * _DEGREE, "radians": lambda x: x * _DEGREE,
        "rad2deg": lambda x: x / _DEGREE, "degrees": lambda x: x / _DEGREE,
        "signbit": lambda x: table.copysign(1, x) < 0,
        "bitwise_and": of_conditions(table.logical_and), "bitwise_or": of_conditions(table.logical_or),
        "invert": of_conditions(table.logical_not),
    },
    "scipy.special": {
        "expit": table.sigmoid, "xlogy": table.xlogy, "exp2": table.exp2, "expm1": table.expm1, "log1p": table.log1p,
        "cbrt": table.cbrt, "gammaln": table.lgamma,
    },
}  # fmt: skip
WITH_OPTIONS = frozenset({vecdot})
_DEGREE = 3.141592653589793 / 180
