"""The table of operations. A row: its text, how its operands and parameters are drawn, and how often it comes.

Adding an operation is adding a row; a function that is not elementwise needs its meaning in `reference.py` as well, unless
NumPy's own does on arrays of objects, a function of numbers its derivatives in `numbers.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tests.programs.indices import index
from tests.programs.program import Literal

if TYPE_CHECKING:
    from tests.programs.generator import Draft

Shape = tuple[int, ...]
Drawn = tuple[tuple[Any, ...], dict[str, Any]]


class Operation(NamedTuple):
    text: str
    draw: Callable[[Draft], Drawn | None]
    weight: float = 1.0
    kind: str = ""  # "moves" elements of one operand; "groups" them; "mixes" all of them


def small(rng: Random) -> Any:
    """A number that meets edges often."""
    return rng.choice([-2, -1, 0, 1, 2, 3, -1.0, 0.5, 1.0, 2.0, -0.5, 1.5])


def literal(rng: Random, shape: Shape) -> Literal:
    """A constant that broadcasts to a shape, or that a shape broadcasts to."""
    if rng.random() < 0.4:
        return Literal(rng.choice([-2, -1, 1, 2, 3, -1.5, 0.5, 1.0, 2.0]))
    lead = rng.randint(0, len(shape))
    sizes = [rng.choice([size, size, 1]) if size != 1 else rng.choice([1, 1, 2]) for size in shape[lead:]]
    array = np.array([float(small(rng)) for _ in range(int(np.prod(sizes)))]).reshape(sizes)
    return as_given(rng, array)


def as_given(rng: Random, array: Any) -> Literal:
    """An array as an array, as a list or as a tuple."""
    if array.ndim == 0 or array.size == 0:
        return Literal(array if array.ndim else float(array))
    if rng.random() < 0.4:
        return Literal(array)
    rows = array.astype(int).tolist() if (array == np.floor(array)).all() and rng.random() < 0.5 else array.tolist()
    return Literal(rows if rng.random() < 0.5 else _tuple(rows))


def _tuple(rows: Any) -> Any:
    return tuple(map(_tuple, rows)) if isinstance(rows, list) else rows


def signed(rng: Random, axis: int, rank: int) -> int:
    return axis - rank * rng.randint(0, 1)


def an_axis(rng: Random, rank: int) -> int:
    return rng.randrange(-rank, rank)


def axes(rng: Random, rank: int) -> Any:
    """None, one axis, or several, from either end."""
    if not rank or rng.random() < 0.2:
        return None
    if rng.random() < 0.6:
        return an_axis(rng, rank)
    return tuple(signed(rng, axis, rank) for axis in rng.sample(range(rank), rng.randint(1, rank)))


def unary(d: Draft) -> Drawn | None:
    return (d.pick(),), {}


def unit(d: Draft) -> Drawn | None:
    """An operand that is small, so that the result stays so."""
    slot = d.pick(lambda x: not np.any(np.abs(x) > 6))
    return None if slot is None else ((slot,), {})


def binary(d: Draft) -> Drawn | None:
    """Slots that broadcast together, or a slot and a constant, in either order."""
    first = d.pick()
    shape = d.shape(first)
    second: Any = d.pick(lambda x: _fits(x.shape, shape)) if d.rng.random() < 0.6 else literal(d.rng, shape)
    pair = (first, second)
    return (pair if d.rng.random() < 0.6 else pair[::-1]), {}


def signs(d: Draft) -> Drawn | None:
    """A number and what gives the sign."""
    second = d.pick()
    return (
        Literal(d.rng.choice([1, 2.0])) if d.rng.random() < 0.6 else d.pick(lambda x: _fits(x.shape, d.shape(second))),
        second,
    ), {}


def _fits(a: Shape, b: Shape) -> bool:
    try:
        return int(np.prod(np.broadcast_shapes(a, b))) <= 24
    except ValueError:
        return False


def powers(d: Draft) -> Drawn | None:
    slot = d.pick()
    exponent = d.rng.choice([0, 1, 2, 2, 3, 2.0, 3.0, -1, -2, 0.5, 1.5, -1.0, -0.5, 1.0])
    if d.rng.random() < 0.2:
        exponent = [d.rng.choice([0, 1, 2, 3]) for _ in range(d.shape(slot)[-1])] if d.shape(slot) else 2
        if not exponent or exponent and not d.shape(slot):
            exponent = 2
    return (slot, Literal(exponent)), {}


def power_of_two(d: Draft) -> Drawn | None:
    base = d.pick()
    exponent = d.pick(lambda x: _fits(x.shape, d.shape(base)) and not np.any(np.abs(x) > 4))
    return None if exponent is None else ((base, exponent), {})


def to_power(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: not np.any(np.abs(x) > 6))
    return None if slot is None else ((Literal(d.rng.choice([2, 2.0, 0.5, 3])), slot), {})


def bounds(d: Draft) -> Drawn | None:
    low, high = sorted(d.rng.sample([-2, -1, 0, 1, 2, 0.5], 2))
    ends = d.rng.choice([(low, high), (low, high), (low, high), (None, high), (low, None)])
    return (d.pick(),), {"low": ends[0], "high": ends[1]}


def comparison(d: Draft) -> Drawn | None:
    first = d.pick()
    shape = d.shape(first)
    second: Any = literal(d.rng, shape) if d.rng.random() < 0.6 else d.pick(lambda x: _fits(x.shape, shape))
    if d.rng.random() < 0.4:
        second = Literal(d.rng.choice([0, 1, 0.0, 0.5, -1]))
    return (first, second), {}


def condition(d: Draft) -> Drawn | None:
    slot = d.pick_condition()
    return None if slot is None else ((slot,), {})


def conditions(d: Draft) -> Drawn | None:
    first = d.pick_condition()
    second = None if first is None else d.pick_condition(lambda x: _fits(x.shape, d.shape(first)))
    return None if second is None else ((first, second), {})


def choice(d: Draft) -> Drawn | None:
    where = d.pick_condition()
    if where is None or d.rng.random() < 0.15:
        slot = d.pick()
        mask = np.array([d.rng.random() < 0.5 for _ in range(d.values[slot].size)], bool).reshape(d.shape(slot))
        return (Literal(mask), *_branches(d, slot)), {}
    slot = d.pick(lambda x: _fits(x.shape, d.shape(where)))
    return None if slot is None else ((where, *_branches(d, slot)), {})


def _branches(d: Draft, slot: int) -> tuple[Any, Any]:
    other: Any = (
        literal(d.rng, d.shape(slot)) if d.rng.random() < 0.6 else d.pick(lambda x: _fits(x.shape, d.shape(slot)))
    )
    return d.rng.choice([(slot, other), (other, slot)])


def indexed(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"index": index(d.rng, d.shape(slot))}


def reshaped(d: Draft) -> Drawn | None:
    slot = d.pick()
    size, shape = d.values[slot].size, d.shape(slot)
    options: list[Any] = [shape[::-1], (*shape, 1), (1, *shape), (size,), size, (1, size), (size, 1)]
    if size:
        options += [-1, (-1,), (-1, 1), (1, -1)]
    for n in (2, 3):
        options += [(n, size // n), (size // n, n)] * (size % n == 0)
        options += [(n, -1), (-1, n), [n, -1]] * (size % n == 0 and size > 0)
    return (slot,), {"shape": d.rng.choice(options)}


def permuted(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {"axes": tuple(signed(d.rng, axis, rank) for axis in d.rng.sample(range(rank), rank))}


def two_axes(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    return (slot,), {"a": an_axis(d.rng, rank), "b": an_axis(d.rng, rank)}


def widened(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    return None if slot is None else ((slot,), {"axis": an_axis(d.rng, len(d.shape(slot)) + 1)})


def squeezed(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: 1 in x.shape) or d.pick()
    gone = [i for i, size in enumerate(d.shape(slot)) if size == 1]
    return (slot,), {"axis": d.rng.choice([None, *[signed(d.rng, i, len(d.shape(slot))) for i in gone]])}


def stretched(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    if slot is None:
        return None
    shape = [d.rng.choice([1, 2, 3]) if size == 1 else size for size in d.shape(slot)]
    lead = [d.rng.choice([0, 1, 2, 2, 3]) for _ in range(d.rng.randint(0, min(2, 4 - len(shape))))]
    return (slot,), {"shape": (*lead, *shape)}


def joined(d: Draft) -> Drawn | None:
    """Two or three parts: slots of one shape, or constants."""
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    rank, shape = len(d.shape(slot)), d.shape(slot)
    axis = d.rng.randrange(rank)

    def fits(x: Any) -> bool:
        return x.ndim == rank and all(x.shape[i] == shape[i] for i in range(rank) if i != axis)

    other: Any = d.pick(fits) if d.rng.random() < 0.6 else None
    if other is None:
        sizes = [d.rng.choice([1, 2]) if i == axis else size for i, size in enumerate(shape)]
        other = as_given(d.rng, np.array([float(small(d.rng)) for _ in range(int(np.prod(sizes)))]).reshape(sizes))
    return d.rng.choice([(slot, other), (other, slot)]), {"axis": signed(d.rng, axis, rank)}


def stacked(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 4)
    if slot is None:
        return None
    shape = d.shape(slot)
    other: Any = d.pick(lambda x: x.shape == shape) if d.rng.random() < 0.6 else None
    if other is None:
        other = as_given(d.rng, np.array([float(small(d.rng)) for _ in range(int(np.prod(shape)))]).reshape(shape))
    return d.rng.choice([(slot, other), (other, slot)]), {"axis": an_axis(d.rng, len(shape) + 1)}


def side_by_side(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim < 3)
    if slot is None:
        return None
    return (slot, d.pick(lambda x: x.shape == d.shape(slot))), {}


def taken(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0)
    if slot is None:
        return None
    shape = d.shape(slot)
    axis = d.rng.choice([None, an_axis(d.rng, len(shape))]) if shape else None
    size = d.values[slot].size if axis is None else shape[axis]
    places = [d.rng.randrange(-size, size) for _ in range(d.rng.randint(1, 4))]
    form: Any = d.rng.choice([places, np.array(places), tuple(places), [places], places[0]])
    return (slot,), {"places": form, "axis": axis}


def padded(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    if slot is None:
        return None
    shape = d.shape(slot)
    mode = d.rng.choice(["constant", "constant", "edge", "wrap", "symmetric", "reflect"])
    one = (d.rng.randint(0, 2), d.rng.randint(0, 1))
    each = tuple((d.rng.randint(0, 1), d.rng.randint(0, 2)) for _ in shape)
    return (slot,), {"width": d.rng.choice([1, one, each, list(map(list, each))]), "mode": mode}


def rolled(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {
        "shift": d.rng.randint(-3, 3),
        "axis": d.rng.choice([None, an_axis(d.rng, rank)]) if rank else None,
    }


def repeated(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size <= 8)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    return (slot,), {"count": d.rng.randint(0, 3), "axis": d.rng.choice([None, an_axis(d.rng, rank)]) if rank else None}


def tiled(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size <= 8 and x.ndim < 4)
    if slot is None:
        return None
    return (slot,), {"reps": d.rng.choice([2, (2, 1), (1, 2), (2, 1, 2), [2], 0, 1])}


def flipped(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot)))}


def diagonals(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 1)
    if slot is None:
        return None
    rank = len(d.shape(slot))
    i, j = d.rng.sample(range(rank), 2)
    return (slot,), {"offset": d.rng.randint(-1, 1), "a": signed(d.rng, i, rank), "b": signed(d.rng, j, rank)}


def triangle(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 1)
    return None if slot is None else ((slot,), {"k": d.rng.randint(-1, 1)})


def diag(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim in (1, 2) and x.size <= 9)
    return None if slot is None else ((slot,), {"k": d.rng.randint(-1, 1)})


def along(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim > 0)
    return None if slot is None else ((slot,), {"axis": an_axis(d.rng, len(d.shape(slot)))})


def along_or_all(d: Draft) -> Drawn | None:
    slot = d.pick()
    rank = len(d.shape(slot))
    return (slot,), {"axis": d.rng.choice([None, an_axis(d.rng, rank), an_axis(d.rng, rank)]) if rank else None}


def reduced(d: Draft) -> Drawn | None:
    slot = d.pick()
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot))), "keepdims": d.rng.random() < 0.3}


def reduced_filled(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0)
    if slot is None:
        return None
    return (slot,), {"axis": axes(d.rng, len(d.shape(slot))), "keepdims": d.rng.random() < 0.3}


def length(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.size > 0 and x.ndim > 0)
    if slot is None:
        return None
    order = d.rng.choice([None, None, None, 1, 2, np.inf, -np.inf])
    axis = an_axis(d.rng, len(d.shape(slot)))
    return (slot,), {
        "ord": Literal(order) if order is None else _Order(order),
        "axis": axis,
        "keepdims": d.rng.random() < 0.3,
    }


class _Order(Literal):
    """An order of a norm: infinity has a name."""

    def __repr__(self) -> str:
        return f"{'-' * (self.value < 0)}np.inf" if np.isinf(self.value) else repr(self.value)


def products(d: Draft) -> Drawn | None:
    first = d.pick(lambda x: 0 < x.ndim <= 3)
    if first is None:
        return None
    size = d.shape(first)[-1]
    second: Any = d.pick(lambda x: 0 < x.ndim <= 3 and x.shape[-2 if x.ndim > 1 else 0] == size)
    if second is None or d.rng.random() < 0.3:
        shape = d.rng.choice([(size,), (size, 2)])
        second = as_given(d.rng, np.array([float(small(d.rng)) for _ in range(int(np.prod(shape)))]).reshape(shape))
        if isinstance(second.value, (list, tuple)):
            second = Literal(np.array(second.value, float))
    return (first, second), {}


def inner_products(d: Draft) -> Drawn | None:
    first = d.pick(lambda x: 0 < x.ndim <= 2)
    second = None if first is None else d.pick(lambda x: 0 < x.ndim <= 2 and x.shape[-1] == d.shape(first)[-1])
    return None if second is None else ((first, second), {})


def outer_products(d: Draft) -> Drawn | None:
    first = d.pick(lambda x: x.size <= 4)
    second = None if first is None else d.pick(lambda x: x.size * d.values[first].size <= 16)
    return None if second is None else ((first, second), {})


def tensor_products(d: Draft) -> Drawn | None:
    first = d.pick(lambda x: 0 < x.ndim <= 3)
    second = None if first is None else d.pick(lambda x: 0 < x.ndim <= 2)
    if first is None or second is None:
        return None
    pairs = [(i, j) for i, m in enumerate(d.shape(first)) for j, n in enumerate(d.shape(second)) if m == n]
    if not pairs or d.rng.random() < 0.2:
        return (first, second), {"axes": d.rng.choice([0, 1, 2])}
    i, j = d.rng.choice(pairs)
    ranks = len(d.shape(first)), len(d.shape(second))
    i, j = signed(d.rng, i, ranks[0]), signed(d.rng, j, ranks[1])
    return (first, second), {"axes": d.rng.choice([((i,), (j,)), (i, j), [[i], [j]]])}


PATTERNS = """i->i ij->ji ij->i ij-> ii->i ii ii-> ij->j ijk->kij ijk->ik iij->ji i->
              i,i-> i,j->ij ij,j->i ij,jk->ik ij,ij->ij ij,ij->i i,ij,j-> i,i->i ij,k->ikj ii,i->i ij,jk,k->i"""  # fmt: skip


def einsum(d: Draft) -> Drawn | None:
    """Letters take the sizes of the axes that they are given; a size of 1 broadcasts."""
    pattern = d.rng.choice(PATTERNS.split())
    operands: list[int] = []
    sizes: dict[str, int] = {}
    for letters in pattern.split("->")[0].split(","):
        known = dict(sizes)

        def fits(x: Any, letters: str = letters, known: dict[str, int] = known) -> bool:
            own = dict(known)
            return x.ndim == len(letters) and all(
                own.setdefault(letter, size) == size for letter, size in zip(letters, x.shape, strict=True)
            )

        slot = d.pick(fits)
        if slot is None:
            return None
        sizes.update(zip(letters, d.shape(slot), strict=True))
        operands.append(slot)
    pattern = pattern if "->" in pattern else pattern + "->"
    return (*operands,), {"pattern": pattern}


def matrices(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: 2 <= x.ndim <= 3 and x.shape[-1] == x.shape[-2] and 0 < x.shape[-1] <= 3)
    return None if slot is None else ((slot,), {})


def systems(d: Draft) -> Drawn | None:
    drawn = matrices(d)
    if drawn is None:
        return None
    size = d.shape(drawn[0][0])[-1]
    other = d.pick(lambda x: x.ndim == 1 and x.shape == (size,))
    return None if other is None or len(d.shape(drawn[0][0])) != 2 else ((*drawn[0], other), {})


def _each(names: str, draw: Any, weight: float, kind: str = "") -> dict[str, Operation]:
    return {name: Operation(f"{name}({{0}})", draw, weight, kind) for name in names.split()}


OPERATIONS: dict[str, Operation] = {
    **_each("np.sin np.cos np.tanh np.arctan np.arcsinh np.square np.sinc ep.sigmoid ep.softplus", unary, 0.5),
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
    "hstack": Operation("np.hstack([{0}, {1}])", side_by_side, 0.4), "vstack": Operation("np.vstack([{0}, {1}])", side_by_side, 0.4),
    "take": Operation("np.take({0}, {places}, axis={axis})", taken, 1, "moves"),
    "pad": Operation("np.pad({0}, {width}, {mode})", padded, 1, "moves"),
    "flip": Operation("np.flip({0}, {axis})", flipped, 0.5, "moves"),
    "roll": Operation("np.roll({0}, {shift}, {axis})", rolled, 1, "moves"),
    "repeat": Operation("np.repeat({0}, {count}, {axis})", repeated, 0.7, "moves"),
    "tile": Operation("np.tile({0}, {reps})", tiled, 0.7, "moves"),
    "diagonal": Operation("np.diagonal({0}, {offset}, {a}, {b})", diagonals, 0.8, "moves"),
    "trace": Operation("np.trace({0}, {offset}, {a}, {b})", diagonals, 0.4, "groups"),
    "diag": Operation("np.diag({0}, {k})", diag, 0.5, "moves"),
    "tril": Operation("np.tril({0}, {k})", triangle, 0.4, "moves"), "triu": Operation("np.triu({0}, {k})", triangle, 0.4, "moves"),
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
    "softmax": Operation("ep.softmax({0}, {axis})", along_or_all, 0.4, "mixes"),
    "log_softmax": Operation("ep.log_softmax({0}, {axis})", along_or_all, 0.3, "mixes"),
    "matmul": Operation("{0} @ {1}", products, 1, "mixes"), "dot": Operation("np.dot({0}, {1})", products, 0.5, "mixes"),
    "inner": Operation("np.inner({0}, {1})", inner_products, 0.4, "mixes"),
    "outer": Operation("np.outer({0}, {1})", outer_products, 0.4),
    "tensordot": Operation("np.tensordot({0}, {1}, {axes})", tensor_products, 0.6, "mixes"),
    "einsum": Operation("", einsum, 1.5, "mixes"),
    "det": Operation("np.linalg.det({0})", matrices, 0.3, "mixes"), "inv": Operation("np.linalg.inv({0})", matrices, 0.3, "mixes"),
    "solve": Operation("np.linalg.solve({0}, {1})", systems, 0.3, "mixes"),
}  # fmt: skip
MOVES = [name for name, each in OPERATIONS.items() if each.kind == "moves"]
GROUPS = [name for name, each in OPERATIONS.items() if each.kind == "groups"]
OF_NUMBERS = [name for name, each in OPERATIONS.items() if each.draw in (
    unary, unit, binary, powers, power_of_two, to_power, bounds, comparison, condition, conditions, choice, signs) and not each.kind]  # fmt: skip
