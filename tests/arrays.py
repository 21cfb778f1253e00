"""Calls of every function of arrays, with shapes, axes and indices drawn at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

import exprad as ep


class Case(NamedTuple):
    """A function of arrays, the arrays, and what NumPy or SciPy gives, where they have it."""

    function: Callable[..., Any]
    arrays: list[np.ndarray[Any, Any]]
    expected: Any = None


Draw = Callable[[st.SearchStrategy[Any]], Any]
sizes = st.integers(1, 4)
seeds = st.integers(0, 2**32 - 1)


def shapes(least: int = 0, most: int = 3) -> st.SearchStrategy[tuple[int, ...]]:
    return st.lists(sizes, min_size=least, max_size=most).map(tuple)


def array(draw: Draw, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> np.ndarray[Any, Any]:
    """Numbers apart from one another, so that no extremum ties and no kink is met."""
    count = int(np.prod(shape))
    generator = np.random.default_rng(draw(seeds))
    spread = (np.arange(count) + generator.uniform(0.2, 0.8, count)) / max(count, 1)
    return np.asarray(low + (high - low) * generator.permutation(spread)).reshape(shape)


def axis_of(draw: Draw, rank: int) -> Any:
    """None, one axis or several, from either end."""
    if rank == 0:
        return None
    chosen = draw(st.sets(st.integers(0, rank - 1), max_size=rank))
    signed = tuple(axis - rank * draw(st.booleans()) for axis in sorted(chosen))
    return draw(st.sampled_from([None, signed, *signed[:1]]))


def reduction(name: str, reference: Callable[..., Any] | None = None, low: float = -2.0) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = array(draw, draw(shapes()), low)
        options = {"axis": axis_of(draw, x.ndim), "keepdims": draw(st.booleans())}
        function = getattr(ep, name)
        expected = (reference or getattr(np, name))(x, **options)
        return Case(lambda x: function(x, **options), [x], expected)

    return case


def one(
    shape: st.SearchStrategy[tuple[int, ...]],
    call: Callable[[Draw, Any, Any], Any],
    low: float = -2.0,
    high: float = 2.0,
) -> Callable[[Draw], Case]:
    """`call(draw, module, x)` draws its arguments and returns what to do with `module` (ours, or NumPy) and x."""

    def case(draw: Draw) -> Case:
        x = array(draw, draw(shape), low, high)
        act = call(draw, x)
        return Case(lambda x: act(ep, x), [x], act(np, x))

    return case


def _axis(draw: Draw, x: Any) -> int:
    return int(draw(st.integers(-x.ndim, x.ndim - 1)))


def _reshaped(draw: Draw, x: Any) -> Any:
    shape = draw(st.sampled_from([(-1,), (x.size,), (1, -1), (*x.shape, 1), x.shape[::-1]]))
    return lambda module, x: module.reshape(x, shape)


def _permuted(draw: Draw, x: Any) -> Any:
    axes = draw(st.permutations(range(x.ndim)))
    return lambda module, x: module.transpose(x, axes)


def _indexed(draw: Draw, x: Any) -> Any:
    length = draw(sizes)

    def of(size: int) -> Any:
        places = st.lists(st.integers(-size, size - 1), min_size=length, max_size=length).map(np.array)
        return draw(st.one_of(st.integers(-size, size - 1), st.slices(size), places))

    first = draw(st.integers(0, x.ndim))
    index: list[Any] = [of(size) for size in x.shape[:first]]
    if draw(st.booleans()):
        index += [Ellipsis, *[of(size) for size in x.shape[draw(st.integers(first, x.ndim)) :]]]
    if draw(st.booleans()):
        index.insert(draw(st.integers(0, len(index))), None)
    return lambda module, x: x[tuple(index)]


def _mask(draw: Draw, x: Any) -> Any:
    mask = np.random.default_rng(draw(seeds)).uniform(size=x.shape) < 0.7
    return lambda module, x: x[mask]


def _with_axis(name: str, **options: Any) -> Any:
    def call(draw: Draw, x: Any) -> Any:
        axis = _axis(draw, x)
        return lambda module, x: getattr(module, name)(x, axis=axis, **options)

    return call


def _padded(draw: Draw, x: Any) -> Any:
    mode = draw(st.sampled_from(["constant", "edge", "wrap", "symmetric"]))
    widths = [[draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in x.shape]
    options = {"constant_values": draw(st.sampled_from([0, 2.5]))} if mode == "constant" else {}
    return lambda module, x: module.pad(x, widths, mode, **options)


def _rolled(draw: Draw, x: Any) -> Any:
    shift, axis = draw(st.integers(-5, 5)), draw(st.sampled_from([None, _axis(draw, x)]))
    return lambda module, x: module.roll(x, shift, axis)


def _diagonal(name: str) -> Any:
    def call(draw: Draw, x: Any) -> Any:
        offset, axes = draw(st.integers(-2, 2)), draw(st.permutations(range(x.ndim)))[:2]
        return lambda module, x: getattr(module, name)(x, offset, *axes)

    return call


def _number(name: str, numbers: st.SearchStrategy[int]) -> Any:
    def call(draw: Draw, x: Any) -> Any:
        number = draw(numbers)
        return lambda module, x: getattr(module, name)(x, number)

    return call


def _joined(name: str) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        shape, count = draw(shapes(1)), draw(st.integers(1, 3))
        axis = draw(st.integers(0, len(shape) - 1))
        whole = [list(shape) for _ in range(count)]
        if name == "concatenate":
            for each in whole:
                each[axis] = draw(sizes)
        arrays = [array(draw, tuple(each)) for each in whole]
        return Case(lambda *xs: getattr(ep, name)(xs, axis=axis), arrays, getattr(np, name)(arrays, axis=axis))

    return case


def _broadcast(draw: Draw) -> Case:
    shape = draw(shapes(0, 3))
    narrow = tuple(1 if draw(st.booleans()) else size for size in shape)[draw(st.integers(0, len(shape))) :]
    x = array(draw, narrow)
    return Case(lambda x: ep.broadcast_to(x, shape), [x], np.broadcast_to(x, shape))


def _broadcastable(draw: Draw, shape: tuple[int, ...]) -> tuple[int, ...]:
    thinned = tuple(1 if draw(st.booleans()) else size for size in shape)
    return thinned[draw(st.integers(0, len(shape))) :]


def _elementwise(draw: Draw) -> Case:
    """Rows of the first table on shapes that broadcast."""
    shape = draw(shapes(0, 3))
    a, b = (array(draw, _broadcastable(draw, shape), low) for low in (0.5, 0.51))
    name = draw(
        st.sampled_from(["multiply", "divide", "arctan2", "hypot", "power", "subtract", "maximum", "logaddexp"])
    )
    return Case(lambda a, b: getattr(np, name)(a, b), [a, b], getattr(np, name)(a, b))


def _matmul(draw: Draw) -> Case:
    inner, lead = draw(sizes), draw(shapes(0, 2))
    left = draw(st.sampled_from([(inner,), (2, inner), (*lead, 3, inner)]))
    right = draw(st.sampled_from([(inner,), (inner, 2), (*lead[1:], inner, 3), (*[1] * len(lead), inner, 2)]))
    a, b = array(draw, left), array(draw, right)
    return Case(lambda a, b: a @ b, [a, b], a @ b)


def _products(name: str) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        n = draw(sizes)
        if name in ("outer", "vdot"):
            a, b = array(draw, (n, 2)), array(draw, (2, n))
        elif name == "inner":
            a, b = array(draw, (*draw(shapes(0, 2)), n)), array(draw, (*draw(shapes(0, 2)), n))
        else:
            a, b = array(draw, (*draw(shapes(0, 2)), n)), array(draw, draw(st.sampled_from([(n,), (n, 2), (3, n, 2)])))
        return Case(lambda a, b: getattr(ep, name)(a, b), [a, b], getattr(np, name)(a, b))

    return case


def _tensordot(draw: Draw) -> Case:
    shared, axes = (2, 3), draw(st.sampled_from([2, 1, 0, ((0, 1), (0, 1)), ((1,), (1,))]))
    a, b = array(draw, (2, *shared) if axes == 2 else (3, 2) if axes == 1 else shared), array(draw, shared)
    return Case(lambda a, b: ep.tensordot(a, b, axes), [a, b], np.tensordot(a, b, axes))


PATTERNS = """
    ij,jk->ik ij,jk ii->i ii ij-> ij->ji i,j->ij ij,ij->i ijk,kj->i i,i ij,jk,ki-> ...i,i->... ...ij,...jk->...ik
    iij,j->i i,j,k->kji ij,k->i
""".split()


def _einsum(draw: Draw) -> Case:
    size = {name: draw(sizes) for name in "ijk"}
    pattern = draw(st.sampled_from(PATTERNS))
    names = pattern.split("->")[0].split(",")
    arrays = [
        array(draw, (*([2] if "..." in each else []), *[size[c] for c in each.replace("...", "")])) for each in names
    ]
    return Case(lambda *xs: ep.einsum(pattern, *xs), arrays, np.einsum(pattern, *arrays))


def regular(draw: Draw, lead: tuple[int, ...] = ()) -> np.ndarray[Any, Any]:
    n = draw(sizes)
    return array(draw, (*lead, n, n), -0.2, 0.2) + np.eye(n) * (1 + np.arange(n))


def _matrix(name: str, reference: Callable[..., Any]) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = regular(draw, draw(shapes(0, 2)))
        return Case(lambda x: getattr(ep, name)(x), [x], reference(x))

    return case


def _solve(draw: Draw) -> Case:
    lead = draw(shapes(0, 2))
    a = regular(draw, lead)
    n = a.shape[-1]
    b = array(draw, draw(st.sampled_from([(n,), (n, 2), (*lead, n, 1), (*[1] * len(lead), n, 3)])))
    expected = np.linalg.solve(a, b) if b.ndim > 1 else np.linalg.solve(a, b[:, None])[..., 0]
    return Case(lambda a, b: ep.solve(a, b), [a, b], expected)


def _norm(draw: Draw) -> Case:
    x = array(draw, draw(shapes(1, 2)))
    order, axis = draw(st.sampled_from([None, 1, 2, np.inf, -np.inf])), _axis(draw, x)
    keepdims = draw(st.booleans())
    return Case(lambda x: ep.norm(x, order, axis, keepdims), [x], np.linalg.norm(x, order, axis, keepdims))


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def _softmax(name: str) -> Callable[[Draw], Case]:
    def case(draw: Draw) -> Case:
        x = array(draw, draw(shapes(1)))
        axis = draw(st.sampled_from([None, _axis(draw, x)]))
        expected = np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)
        return Case(lambda x: getattr(ep, name)(x, axis), [x], expected if name == "softmax" else np.log(expected))

    return case


def _take(draw: Draw, x: Any) -> Any:
    axis = _axis(draw, x)
    places = draw(st.lists(st.integers(0, x.shape[axis] - 1), min_size=1, max_size=5))
    return lambda module, x: module.take(x, places, axis=axis)


def _diff(draw: Draw, x: Any) -> Any:
    axis, order = _axis(draw, x), draw(st.integers(0, 2))
    order = min(order, x.shape[axis] - 1)
    return lambda module, x: module.diff(x, order, axis)


def _exchanged(name: str) -> Any:
    def call(draw: Draw, x: Any) -> Any:
        axes = _axis(draw, x), _axis(draw, x)
        return lambda module, x: getattr(module, name)(x, *axes)

    return call


def _std(draw: Draw) -> Case:
    x = array(draw, (*draw(shapes(0, 2)), 3))
    return Case(lambda x: ep.std(x, -1, 1), [x], np.std(x, -1, ddof=1))


some, few = shapes(1), shapes(0, 2)
square = st.tuples(sizes, sizes)
CASES: dict[str, Callable[[Draw], Case]] = {
    "sum": reduction("sum"), "mean": reduction("mean"), "prod": reduction("prod"), "max": reduction("max"),
    "min": reduction("min"), "var": reduction("var"), "std": _std, "logsumexp": reduction("logsumexp", _logsumexp),
    "norm": _norm, "softmax": _softmax("softmax"), "log_softmax": _softmax("log_softmax"),
    "cumsum": one(some, _with_axis("cumsum")), "reshape": one(some, _reshaped), "transpose": one(shapes(), _permuted),
    "ravel": one(shapes(), lambda draw, x: lambda module, x: module.ravel(x)),
    "squeeze": one(shapes(), lambda draw, x: lambda module, x: module.squeeze(x)),
    "expand_dims": one(some, _with_axis("expand_dims")), "swapaxes": one(some, _exchanged("swapaxes")),
    "moveaxis": one(some, _exchanged("moveaxis")), "broadcast_to": _broadcast, "elementwise": _elementwise,
    "concatenate": _joined("concatenate"), "stack": _joined("stack"),
    "hstack": one(some, lambda draw, x: lambda module, x: module.hstack([x, 2 * x])),
    "vstack": one(some, lambda draw, x: lambda module, x: module.vstack([x, 2 * x])),
    "getitem": one(some, _indexed), "mask": one(some, _mask), "take": one(some, _take), "pad": one(some, _padded),
    "flip": one(some, _with_axis("flip")), "roll": one(some, _rolled), "repeat": one(some, _number("repeat", st.integers(1, 3))),
    "tile": one(some, _number("tile", st.integers(1, 3))), "diff": one(some, _diff),
    "diagonal": one(shapes(2), _diagonal("diagonal")), "trace": one(shapes(2), _diagonal("trace")),
    "diag": one(st.one_of(shapes(1, 1), square), _number("diag", st.integers(-2, 2))),
    "tril": one(shapes(2), _number("tril", st.integers(-1, 1))), "triu": one(shapes(2), _number("triu", st.integers(-1, 1))),
    "matmul": _matmul, "dot": _products("dot"), "inner": _products("inner"), "vdot": _products("vdot"),
    "outer": _products("outer"), "tensordot": _tensordot, "einsum": _einsum, "solve": _solve,
    "inv": _matrix("inv", np.linalg.inv), "det": _matrix("det", np.linalg.det),
    "logdet": _matrix("logdet", lambda x: np.linalg.slogdet(x)[1]),
}  # fmt: skip
