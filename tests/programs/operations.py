"""The table of operations. A row: its text, how its operands and parameters are drawn, and how often it comes.

Adding an operation is adding a row; a function that is not elementwise needs its meaning in `reference.py` as well, unless
NumPy's own does on arrays of objects, a function of numbers its derivatives in `functions.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.programs.drawing import (
    Drawn,
    binary,
    bounds,
    choice,
    comparison,
    condition,
    conditions,
    einsum,
    inner_products,
    matrices,
    outer_products,
    power_of_two,
    powers,
    products,
    signs,
    stacks_of_matrices,
    stacks_of_vectors,
    systems,
    tensor_products,
    to_power,
    unary,
    unit,
)
from tests.programs.drawing_shapes import (
    along,
    along_or_all,
    diag,
    diagonals,
    flipped,
    indexed,
    joined,
    length,
    padded,
    permuted,
    reduced,
    reduced_filled,
    repeated,
    reshaped,
    rolled,
    side_by_side,
    squeezed,
    stacked,
    stretched,
    taken,
    tiled,
    triangle,
    two_axes,
    widened,
)

if TYPE_CHECKING:
    from tests.programs.generator import Draft


class Operation(NamedTuple):
    text: str
    draw: Callable[[Draft], Drawn | None]
    weight: float = 1.0
    kind: str = ""  # "moves" elements of one operand; "groups" them


def _each(names: str, draw: Any, weight: float, kind: str = "") -> dict[str, Operation]:
    return {name: Operation(f"{name}({{0}})", draw, weight, kind) for name in names.split()}


OPERATIONS: dict[str, Operation] = {
    **_each("np.sin np.cos np.tanh np.arctan np.arcsinh np.square ep.sinc ep.sigmoid ep.softplus", unary, 0.5),
    **_each("np.exp np.expm1 np.sinh np.cosh", unit, 0.3),
    **_each("np.abs np.sign np.floor np.ceil np.rint np.trunc ep.relu", unary, 0.35),
    **_each("np.log np.sqrt np.log1p np.cbrt", unary, 0.4),
    **_each("np.log2 np.log10 np.arcsin np.arccos np.arctanh np.arccosh", unary, 0.15),
    "negative": Operation("-{0}", unary), "abs": Operation("abs({0})", unary, 0.5),
    "add": Operation("{0} + {1}", binary, 2), "subtract": Operation("{0} - {1}", binary, 1.5),
    "multiply": Operation("{0} * {1}", binary, 3), "divide": Operation("{0} / {1}", binary),
    "zero": Operation("0 * {0}", unary, 0.3), "times zero": Operation("{0} * 0.0", unary, 0.2),
    "reciprocal": Operation("1 / {0}", unary, 0.5), "copysign": Operation("np.copysign({0}, {1})", signs, 0.5),
    "mod": Operation("{0} % {1}", binary, 0.3), "power": Operation("{0} ** {1}", powers, 2),
    "power of": Operation("{0} ** {1}", power_of_two, 0.5), "to power": Operation("{0} ** {1}", to_power, 0.3),
    "np.power": Operation("np.power({0}, {1})", powers, 0.3),
    "maximum": Operation("np.maximum({0}, {1})", binary), "minimum": Operation("np.minimum({0}, {1})", binary),
    "hypot": Operation("np.hypot({0}, {1})", binary), "arctan2": Operation("np.arctan2({0}, {1})", binary, 0.6),
    "logaddexp": Operation("np.logaddexp({0}, {1})", binary, 0.6), "xlogy": Operation("ep.xlogy({0}, {1})", binary, 0.5),
    "clip": Operation("np.clip({0}, {low}, {high})", bounds),
    "greater": Operation("{0} > {1}", comparison, 1.5), "less": Operation("{0} < {1}", comparison),
    "at least": Operation("{0} >= {1}", comparison, 0.5), "at most": Operation("{0} <= {1}", comparison, 0.5),
    "not": Operation("~{0}", condition, 0.3), "and": Operation("{0} & {1}", conditions, 0.3),
    "or": Operation("{0} | {1}", conditions, 0.3), "where": Operation("np.where({0}, {1}, {2})", choice, 4),
    "index": Operation("{0}[{index}]", indexed, 9, "moves"),
    "reshape": Operation("np.reshape({0}, {shape})", reshaped, 1, "moves"),
    "to shape": Operation("{0}.reshape({shape})", reshaped, 0.5, "moves"),
    "flatten": Operation("{0}.flatten()", unary, 0.2, "moves"), "copy": Operation("{0}.copy()", unary, 0.2, "moves"),
    "ravel": Operation("{0}.ravel()", unary, 0.3, "moves"), "T": Operation("{0}.T", unary, 0.5, "moves"),
    "transpose": Operation("np.transpose({0}, {axes})", permuted, 1, "moves"),
    "swapaxes": Operation("np.swapaxes({0}, {a}, {b})", two_axes, 0.5, "moves"),
    "moveaxis": Operation("np.moveaxis({0}, {a}, {b})", two_axes, 0.5, "moves"),
    "expand_dims": Operation("np.expand_dims({0}, {axis})", widened, 0.6, "moves"),
    "squeeze": Operation("np.squeeze({0}, {axis})", squeezed, 0.5, "moves"),
    "broadcast_to": Operation("np.broadcast_to({0}, {shape})", stretched, 1, "moves"),
    "concatenate": Operation("np.concatenate([{0}, {1}], axis={axis})", joined, 1.5),
    "concatenate tuple": Operation("np.concatenate(({0}, {1}), {axis})", joined, 0.5),
    "stack": Operation("np.stack([{0}, {1}], axis={axis})", stacked),
    "hstack": Operation("np.hstack([{0}, {1}])", side_by_side, 0.4),
    "vstack": Operation("np.vstack([{0}, {1}])", side_by_side, 0.4),
    "take": Operation("np.take({0}, {places}, axis={axis})", taken, 1, "moves"),
    "pad": Operation("np.pad({0}, {width}, {mode})", padded, 1, "moves"),
    "flip": Operation("np.flip({0}, {axis})", flipped, 0.5, "moves"),
    "roll": Operation("np.roll({0}, {shift}, {axis})", rolled, 1, "moves"),
    "repeat": Operation("np.repeat({0}, {count}, {axis})", repeated, 0.7, "moves"),
    "tile": Operation("np.tile({0}, {reps})", tiled, 0.7, "moves"),
    "diagonal": Operation("np.diagonal({0}, {offset}, {a}, {b})", diagonals, 0.8, "moves"),
    "trace": Operation("np.trace({0}, {offset}, {a}, {b})", diagonals, 0.4, "groups"),
    "linalg.diagonal": Operation("np.linalg.diagonal({0}, offset={offset})", stacks_of_matrices, 0.4, "moves"),
    "linalg.trace": Operation("np.linalg.trace({0}, offset={offset})", stacks_of_matrices, 0.3, "groups"),
    "diag": Operation("np.diag({0}, {k})", diag, 0.5, "moves"),
    "tril": Operation("np.tril({0}, {k})", triangle, 0.4, "moves"),
    "triu": Operation("np.triu({0}, {k})", triangle, 0.4, "moves"),
    "cumsum": Operation("np.cumsum({0}, {axis})", along_or_all, 1, "groups"),
    "diff": Operation("np.diff({0}, axis={axis})", along, 0.7),
    "sum": Operation("np.sum({0}, axis={axis}, keepdims={keepdims})", reduced, 2, "groups"),
    "sum method": Operation("{0}.sum({axis})", along_or_all, 1, "groups"),
    "mean": Operation("np.mean({0}, axis={axis}, keepdims={keepdims})", reduced_filled, 1, "groups"),
    "prod": Operation("np.prod({0}, axis={axis}, keepdims={keepdims})", reduced, 0.7, "groups"),
    "max": Operation("np.max({0}, axis={axis}, keepdims={keepdims})", reduced_filled, 0.8, "groups"),
    "min": Operation("np.min({0}, axis={axis}, keepdims={keepdims})", reduced_filled, 0.8, "groups"),
    "var": Operation("np.var({0}, axis={axis}, keepdims={keepdims})", reduced_filled, 0.4, "groups"),
    "std": Operation("np.std({0}, axis={axis}, keepdims={keepdims})", reduced_filled, 0.4, "groups"),
    "norm": Operation("np.linalg.norm({0}, {ord}, axis={axis}, keepdims={keepdims})", length, 0.8, "groups"),
    "logsumexp": Operation("ep.logsumexp({0}, axis={axis}, keepdims={keepdims})", reduced, 0.5, "groups"),
    "softmax": Operation("ep.softmax({0}, {axis})", along_or_all, 0.4),
    "log_softmax": Operation("ep.log_softmax({0}, {axis})", along_or_all, 0.3),
    "matmul": Operation("{0} @ {1}", products, 1), "dot": Operation("np.dot({0}, {1})", products, 0.5),
    "inner": Operation("np.inner({0}, {1})", inner_products, 0.4),
    "vdot": Operation("np.vdot({0}, {1})", side_by_side, 0.2),
    "linalg.vecdot": Operation("np.linalg.vecdot({0}, {1})", stacks_of_vectors, 0.4),
    "outer": Operation("np.outer({0}, {1})", outer_products, 0.4),
    "tensordot": Operation("np.tensordot({0}, {1}, {axes})", tensor_products, 0.6),
    "einsum": Operation("", einsum, 1.5),
    "det": Operation("np.linalg.det({0})", matrices, 0.3), "inv": Operation("np.linalg.inv({0})", matrices, 0.3),
    "solve": Operation("np.linalg.solve({0}, {1})", systems, 0.3),
}  # fmt: skip
MOVES = [name for name, each in OPERATIONS.items() if each.kind == "moves"]
GROUPS = [name for name, each in OPERATIONS.items() if each.kind == "groups"]
_ELEMENTWISE = {
    unary,
    unit,
    binary,
    powers,
    power_of_two,
    to_power,
    bounds,
    comparison,
    condition,
    conditions,
    choice,
    signs,
}
OF_NUMBERS = [name for name, each in OPERATIONS.items() if each.draw in _ELEMENTWISE and not each.kind]
