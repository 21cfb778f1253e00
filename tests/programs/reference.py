"""NumPy's functions of object arrays of `Jet`s: what moves elements is NumPy's own, the rest is written here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy

from tests.programs.arithmetic import INF, Floats
from tests.programs.functions import FUNCTIONS
from tests.programs.jets import Jet, Run
from tests.programs.program import Program


class Reference:
    """A run of a program on jets: the values and derivatives of its last step, and what was met."""

    def __init__(self, program: Program, directions: Sequence[Any], arithmetic: Any = None) -> None:
        self.run = run = Run(arithmetic or Floats())
        numbers = count()
        inputs: list[Any] = []
        for x, direction in zip(program.inputs, directions, strict=True):
            jets = numpy.empty(x.shape, object)
            for place in numpy.ndindex(x.shape):
                jet = run.lift(x[place])
                jet.slopes[next(numbers)] = run.m.number(1)
                jet.tangent = run.m.number(direction[place])
                jets[place] = jet
            inputs.append(jets)
        module = Module(run)
        self.slots = program.run([module.box(x) for x in inputs], module, module, module.box)
        self.result: Jet = run.lift(self.slots[-1][()])


def _mapped(run: Run, name: str) -> Callable[..., Any]:
    arity = 2 if name in TWO else 1
    function = numpy.frompyfunc(lambda *xs: run.call(name, *xs), arity, 1)
    return lambda *xs: function(*[numpy.asarray(x) for x in xs])


TWO = {
    "copysign",
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "mod",
    "hypot",
    "arctan2",
    "logaddexp",
    "xlogy",
    "maximum",
    "minimum",
}


MIXES = (
    """matmul dot inner vdot vecdot tensordot einsum softmax log_softmax det inv solve"""  # rows that read all elements
)


class Module:
    """What stands for `np` and for `ep`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.linalg = Linalg(self)
        for name in MIXES.split():
            setattr(self, name, self._mixing(getattr(self, name)))
        self._array = type(
            "Array", (numpy.ndarray,), {"__matmul__": self.matmul, "__rmatmul__": lambda b, a: self.matmul(a, b)}
        )

    def _mixing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A row that mixes all elements of its operands: what it meets while it is infinite is lost, and what it gives
        depends on all of them, with zeros that are factors."""

        def mixing(*operands: Any, **options: Any) -> Any:
            arrays = [x for x in operands if isinstance(x, numpy.ndarray)]
            jets = [x for each in arrays for x in each.ravel() if isinstance(x, Jet)]
            self._run.taint(jets)
            found = self.box(function(*operands, **options))
            for jet in found.ravel():
                jet.depend(jets)
            return found

        return mixing

    def __getattr__(self, name: str) -> Any:
        found = _mapped(self._run, name) if name in FUNCTIONS else getattr(numpy, name)
        setattr(self, name, found)
        return found

    def box(self, x: Any) -> Any:
        """A result as an array of jets, or of truth values."""
        x = numpy.asarray(x)
        if x.dtype == bool or x.dtype == object and x.size and isinstance(x.flat[0], (bool, numpy.bool_)):
            return x.astype(bool)
        return numpy.asarray(numpy.frompyfunc(self._run.lift, 1, 1)(x), object).view(self._array)

    def clip(self, x: Any, low: Any, high: Any) -> Any:
        run = self._run

        def one(x: Any, low: Any, high: Any) -> Any:
            x = run.lift(x)
            for end in (low, high):
                run.near(x.value, run.m.number(end)) if end is not None else None
            if low is not None and x.value < low or high is not None and x.value > high:
                return run.lift(low if low is not None and x.value < low else high)
            return x * 0.5 + float(low if x.value == low else high) * 0.5 if x.value in (low, high) else x

        return numpy.frompyfunc(one, 3, 1)(x, low, high)

    def _grouped(self, x: Any, axis: Any, keepdims: bool, function: Callable[[list[Any]], Any]) -> Any:
        """A function of the elements along axes, for each place of the others."""
        x = numpy.asarray(x)
        axes = (
            tuple(range(x.ndim))
            if axis is None
            else tuple(i % x.ndim for i in (axis if isinstance(axis, (tuple, list)) else (axis,)))
        )
        rest = tuple(i for i in range(x.ndim) if i not in axes)
        moved = x.transpose(rest + axes)
        found = numpy.empty(tuple(x.shape[i] for i in rest), object)
        for place in numpy.ndindex(found.shape):
            found[place] = function(
                list(moved[place].ravel()) if moved[place].__class__ is numpy.ndarray else [moved[place]]
            )
        return found.reshape(tuple(1 if i in axes else size for i, size in enumerate(x.shape))) if keepdims else found

    def sum(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        run = self._run
        return self._grouped(x, axis, keepdims, lambda parts: total(run, parts))

    def mean(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        run = self._run
        return self._grouped(x, axis, keepdims, lambda parts: total(run, parts) / len(parts))

    def prod(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        def product(parts: list[Any]) -> Any:
            found = self._run.lift(1)
            for each in parts:
                found = found * each
            return found

        return self._grouped(x, axis, keepdims, product)

    def max(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._grouped(x, axis, keepdims, lambda parts: self._extreme(parts, 1))

    def min(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._grouped(x, axis, keepdims, lambda parts: self._extreme(parts, -1))

    def _extreme(self, parts: list[Any], sign: int) -> Any:
        run = self._run
        jets = [run.lift(x) for x in parts]
        if any(x.value != x.value for x in jets):
            return run.combined(run.m.number(float("nan")), jets, [1] * len(jets), ())
        best = max(jets, key=lambda x: sign * x.value).value
        wins = [x for x in jets if x.value == best]
        for x in jets:
            if x.value != best:
                run.near(x.value, best)
        if len(wins) > 1:
            run.is_calm = False
        return run.combined(best, wins, [run.m.number(1) / len(wins)] * len(wins), ())

    def var(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        def variance(parts: list[Any]) -> Any:
            mean = total(self._run, parts) / len(parts)
            return total(self._run, [self._run.call("square", x - mean) for x in parts]) / (len(parts) - ddof)

        return self._grouped(x, axis, keepdims, variance)

    def std(self, x: Any, axis: Any = None, ddof: int = 0, keepdims: bool = False) -> Any:
        def deviation(parts: list[Any]) -> Any:
            if len(parts) == 1 and not ddof:  # constantly 0
                return self._run.lift(0 * self._run.lift(parts[0]).value)
            return self._run.call("sqrt", self.var(numpy.array([*parts], object), 0, ddof)[()])

        return self._grouped(x, axis, keepdims, deviation)

    def norm(self, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
        if ord == 1:
            return self.sum(self.abs(x), axis, keepdims)
        if ord in (INF, -INF):
            return (self.max if ord > 0 else self.min)(self.abs(x), axis, keepdims)
        return self._grouped(x, axis, keepdims, self._length)

    def _length(self, parts: list[Any]) -> Any:
        run = self._run
        jets = [run.lift(x) for x in parts]
        squares = total(run, [x * x for x in jets])
        if squares.value != 0:
            return run.call("sqrt", squares)
        run.is_calm = False
        return run.combined(run.m.number(0), jets, [0] * len(jets), (), kink=True)

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self._grouped(x, axis, keepdims, self._log_of_exponentials)

    def _log_of_exponentials(self, parts: list[Any]) -> Any:
        run = self._run
        top = max([run.lift(x).value for x in parts], default=0)
        top = top if -INF < top < INF else run.m.number(0)
        return run.call("log", total(run, [run.call("exp", x - top) for x in parts])) + top

    def log_softmax(self, x: Any, axis: Any = None) -> Any:
        return self.box(x) - self.logsumexp(x, axis, keepdims=True)

    def softmax(self, x: Any, axis: Any = None) -> Any:
        return self.exp(self.log_softmax(x, axis))

    def einsum(self, subscripts: str, *operands: Any) -> Any:
        """By its definition: a sum over all letters of products."""
        arrays = [numpy.asarray(x) for x in operands]
        given, _, result = subscripts.partition("->")
        names = given.split(",")
        sizes: dict[str, int] = {}
        for letters, x in zip(names, arrays, strict=True):
            for letter, size in zip(letters, x.shape, strict=True):
                sizes[letter] = size if sizes.get(letter, 1) == 1 else sizes[letter]
        summed = [letter for letter in sizes if letter not in result]
        found = numpy.empty([sizes[letter] for letter in result], object)
        for place in numpy.ndindex(found.shape):
            at = dict(zip(result, place, strict=True))
            terms = []
            for inner in numpy.ndindex(*[sizes[letter] for letter in summed]):
                at.update(zip(summed, inner, strict=True))
                term = self._run.lift(1) if len(arrays) > 1 else None
                for letters, x in zip(names, arrays, strict=True):
                    each = x[tuple(at[c] if x.shape[i] > 1 else 0 for i, c in enumerate(letters))]
                    term = each if term is None else term * each
                terms.append(term)
            found[place] = total(self._run, terms) if summed else terms[0]
        return found

    def _product(self, a: Any, b: Any, name: str) -> Any:
        return getattr(numpy, name)(numpy.asarray(self.box(a)), numpy.asarray(self.box(b)))

    def matmul(self, a: Any, b: Any) -> Any:
        return self._product(a, b, "matmul")

    def dot(self, a: Any, b: Any) -> Any:
        return self._product(a, b, "dot")

    def inner(self, a: Any, b: Any) -> Any:
        return self._product(a, b, "inner")

    def vdot(self, a: Any, b: Any) -> Any:
        return self._product(self.box(a).ravel(), self.box(b).ravel(), "dot")

    def outer(self, a: Any, b: Any) -> Any:
        return self.box(a).ravel()[:, None] * self.box(b).ravel()

    def tensordot(self, a: Any, b: Any, axes: Any) -> Any:
        return numpy.tensordot(numpy.asarray(self.box(a)), numpy.asarray(self.box(b)), axes)

    def det(self, x: Any) -> Any:
        x = numpy.asarray(x)
        found = numpy.empty(x.shape[:-2], object)
        for place in numpy.ndindex(found.shape):
            found[place] = whole = self._run.lift(_determinant(x[place]))
            if whole.value == 0:  # second derivatives at singular matrices are not promised
                whole.curves = dict.fromkeys(whole.curves, float("nan"))
        return found

    def inv(self, x: Any) -> Any:
        """By the adjugate."""
        x = numpy.asarray(x)
        found = numpy.empty(x.shape, object)
        n = x.shape[-1]
        for place in numpy.ndindex(x.shape[:-2]):
            whole = self._run.lift(_determinant(x[place]))
            for i, j in numpy.ndindex(n, n):
                minor = numpy.delete(numpy.delete(x[place], j, 0), i, 1)
                found[(*place, i, j)] = _determinant(minor) * (1.0 if (i + j) % 2 == 0 else -1.0) / whole
        return found

    def solve(self, a: Any, b: Any) -> Any:
        return self.matmul(self.inv(a), b)

    def vecdot(self, a: Any, b: Any) -> Any:
        return self.sum(a * b, -1)


class Linalg:
    """What stands for `np.linalg`: NumPy's own moves, and products and norms as above."""

    def __init__(self, module: Module) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(numpy.linalg if name in ("diagonal", "trace") else self._module, name)


def total(run: Run, parts: list[Any]) -> Jet:
    found = parts[0] if parts else run.lift(0)
    for each in parts[1:]:
        found = found + each
    return run.lift(found)


def _determinant(x: Any) -> Any:
    if x.shape[0] == 0:
        return 1.0
    if x.shape[0] == 1:
        return x[0, 0]
    parts = [
        x[0, j] * _determinant(numpy.delete(x[1:], j, 1)) * (1.0 if j % 2 == 0 else -1.0) for j in range(x.shape[0])
    ]
    found = parts[0]
    for each in parts[1:]:
        found = found + each
    return found
