"""How operands and parameters of operations are drawn, so that NumPy takes them: elementwise functions and products."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.programs.program import Literal

if TYPE_CHECKING:
    from tests.programs.generator import Draft

Shape = tuple[int, ...]
Drawn = tuple[tuple[Any, ...], dict[str, Any]]


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
    exponent = d.rng.choice([0, 1, 2, 2, 3, 2.0, 3.0, -1, -2, 2.5, 1.5, -1.0, -0.5, 1.0])  # not 0.5: C's at -inf
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
    if isinstance(other, Literal) and isinstance(other.value, int):
        other = Literal(float(other.value))  # an exact 0 that is chosen for all has no sign
    return d.rng.choice([(slot, other), (other, slot)])


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
            if any(x.shape[letters.index(letter)] != size for letter, size in zip(letters, x.shape, strict=False)):
                return False  # a letter twice, of two sizes
            return x.ndim == len(letters) and all(
                own.setdefault(letter, size) in (size, 1) or size == 1
                for letter, size in zip(letters, x.shape, strict=True)
            )

        slot = d.pick(fits)
        if slot is None:
            return None
        for letter, size in zip(letters, d.shape(slot), strict=True):
            sizes[letter] = size if sizes.get(letter, 1) == 1 else sizes[letter]
        operands.append(slot)
    pattern = pattern if "->" in pattern else pattern + "->"
    return (*operands,), {"pattern": pattern}


def matrices(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: 2 <= x.ndim <= 3 and x.shape[-1] == x.shape[-2] and 0 < x.shape[-1] <= 3)
    return None if slot is None else ((slot,), {})


def stacks_of_matrices(d: Draft) -> Drawn | None:
    slot = d.pick(lambda x: x.ndim >= 2)
    return None if slot is None else ((slot,), {"offset": d.rng.choice([0, 0, 1, -1])})


def stacks_of_vectors(d: Draft) -> Drawn | None:
    first = d.pick(lambda x: x.ndim > 0)
    second = None if first is None else d.pick(lambda x: x.ndim > 0 and x.shape[-1:] == d.shape(first)[-1:])
    return None if second is None else ((first, second), {})


def systems(d: Draft) -> Drawn | None:
    drawn = matrices(d)
    if drawn is None:
        return None
    size = d.shape(drawn[0][0])[-1]
    other = d.pick(lambda x: x.ndim == 1 and x.shape == (size,))
    return None if other is None or len(d.shape(drawn[0][0])) != 2 else ((*drawn[0], other), {})
