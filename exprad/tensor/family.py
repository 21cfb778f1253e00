"""Families of rows: what rows of the second table are made of, and what the chain rule asks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from types import MappingProxyType
from typing import Any, ClassVar
from zlib import crc32

from exprad.errors import NameClashError, OperandError
from exprad.ground import spelling
from exprad.ground.fingerprint import fingerprint
from exprad.ground.primitive import Primitive, claim
from exprad.ground.shapes import Shape, shape_of

Texts = tuple[str, ...] | None


class Structural(Primitive):
    """A row of the second table: a family with its parameters."""

    def __init__(self, family: Family, arity: int, parameters: dict[str, Any]) -> None:
        import numpy as np

        self.family = family
        super().__init__(
            family.name, *[None] * arity, numpy=partial(family.value, np, **family.ready(parameters)), analytic=False
        )
        self.partials = None  # type: ignore[assignment]  # what the chain rule asks
        self.parameters, self.stretches = parameters, family.stretches
        self.shape = partial(family.shape, **parameters)  # type: ignore[method-assign]
        for column in ("kink", "sides", "squared"):
            given = getattr(family, column)
            setattr(self, column, given and partial(given, **parameters))

    def register(self) -> None:
        """Rows are found by their family, not in the registry of elementwise rows."""

    def spelling(self, target: str) -> Any:
        return spelling.stated_for(self.family.spell, target)

    # What the package binds from above: the rules for sensitivities, and for folding.
    push: ClassVar[Callable[..., Any]]
    pull: ClassVar[Callable[..., Any]]
    folded: ClassVar[Callable[..., Any]]
    by_formula: ClassVar[Callable[..., Any]]
    restored: ClassVar[Callable[..., Structural]]

    def is_without_axes(self, *operands: Any) -> bool:
        """Whether operands have no axes, and the result has none: rows of the first table may say what it is."""
        return not any(shape_of(x) for x in operands) and self._is_of_numbers

    @cached_property
    def _is_of_numbers(self) -> bool:
        return self.shape(*[()] * self.arity) == ()

    @property
    def shown(self) -> dict[str, Any]:
        """The parameters that differ from what the family assumes."""
        missing = object()
        return {
            name: value for name, value in self.parameters.items() if self.family.defaults.get(name, missing) != value
        }

    def text(self, *shapes: Shape) -> Texts:
        """What stands before, between and after operands of these shapes, if that isn't a call; see `Family`."""
        return self.family.text(*shapes, **self.parameters) if self.family.text else None

    @cached_property
    def digest(self) -> int:
        shortened = {
            name: [getattr(each, "digest", each) for each in value] if name == "index" else value
            for name, value in self.parameters.items()
        }
        return crc32(f"{self.name} {shortened}".encode())

    def __repr__(self) -> str:
        return f"<primitive {self.name} {self.parameters}>"

    def __reduce__(self) -> tuple[Any, ...]:
        stated = () if self.family.is_own else self.family.fingerprint
        return self.restored, (self.name, self.arity, self.parameters, *stated)


class Family:
    """Rows that differ in their parameters alone: one row for each set of them.

    - `shape(*shapes, **parameters)`: the shape of the result; raises for operands that do not fit;
    - `value(np, *xs, **parameters)`: the result, for arrays; `ready(parameters)`: these as NumPy takes them, once for a row;
    - `transpose(y_bar, x, **parameters)`: the pullback of a family that is linear in its one operand; or
    - `slope(y, x, axis)`: for a reduction over `axis`, the partial derivative by each element, y as it broadcasts to x; or
    - `push(y, xs, x_dot, index, **parameters)` and `pull(y, xs, y_bar, index, **parameters)`: the tangent that operand
      `index` passes on, and the adjoint that it gets; `is_linear` says that the result is linear in all operands at once, and
      `is_multilinear` that it is in each: then the tangent is the row with x_dot in place of the operand, and goes without push;
    - `letters(*shapes, **parameters)`: a letter for each of the last axes of each operand and, at the end, of the result: axes
      that share a letter go together, and elements of the result depend on no others; left out, all depends on all;
    - `adds`: whether a linear family only adds elements, each with the weight 1, as one that moves or scatters them does;
    - `batch`: how it takes many points at once, of `tensor.batching`; without one, it is computed point by point;
    - `reads`: which elements of an operand an element of the result depends on: one, where it "moves" elements or
      "scatters" them among zeros; a "group" along axes; rows and columns of matrices that it "contracts"; or "all";
    - `kink`, `sides(side, *xs, **parameters)` and `squared`: as an elementwise row has them;
    - `stretches`: whether a result only repeats its operand along axes;
    - `spell`: what "jax" and "torch" have for it ("array" for both): functions of the library, the operands and parameters;
    - `into(np, **parameters)`: a function of the operands, and of the array that it writes the result to; parameters are ready;
    - `in_rows`, `loops` and `retypes`: how it becomes loops, see `tensor.looping`;
    - `infix`: its operator in text; or `text(*shapes, **parameters)`: what stands there before, between and after operands
      of these shapes, and None where it is a call; in a call, `lists` says that the operands are in a list, `leads` is
      a parameter that stands before them, and `usual(*shapes, **parameters)` tells whether the parameters are those that the
      function of that name gives a row: text with others is read by that function.

    >>> Family.registry["sum"].row(axis=None, keepdims=False)
    <primitive sum {'axis': None, 'keepdims': False}>
    """

    registry: dict[str, Family] = {}
    sealed = False  # once it is True, new families are a user's
    columns = tuple(
        "defaults shape value slope push pull letters is_linear reads adds ready kink sides squared".split()
    )
    rare = ("into", "is_multilinear")  # columns that most families have not
    batch: Callable[..., Any] | None = None
    kink: Callable[..., Any] | None = None
    sides: Callable[..., Any] | None = None
    squared: Callable[..., Any] | None = None
    stretches = False
    spell: Mapping[str, Any] = MappingProxyType({})
    into: Callable[..., Any] | None = None
    infix: str | None = None
    text: Callable[..., Texts] | None = None
    lists = False
    leads: str | None = None
    usual: Callable[..., bool] | None = None
    in_rows: Callable[..., Any] | None = None
    loops: Callable[..., Any] | None = None
    retypes = False

    def __init__(
        self,
        name: str,
        *,
        shape: Callable[..., Shape],
        value: Callable[..., Any],
        transpose: Callable[..., Any] | None = None,
        slope: Callable[..., Any] | None = None,
        push: Callable[..., Any] | None = None,
        pull: Callable[..., Any] | None = None,
        letters: Callable[..., tuple[str, ...]] | None = None,
        is_linear: bool = False,
        reads: str = "all",
        is_multilinear: bool = False,
        adds: bool | None = None,
        ready: Callable[[dict[str, Any]], dict[str, Any]] = dict,
        spell: Mapping[str, Any] | None = None,
        **defaults: Any,
    ) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise OperandError(f"a family's name must be an identifier, got {name!r}")
        if transpose is slope is None and (pull is None or push is None and not is_multilinear):
            raise OperandError(f"family {name!r} states no derivative: give it transpose, slope, or both push and pull")
        self.name, self.shape, self.value, self.slope, self.reads = name, shape, value, slope, reads
        self.ready, self.adds = ready, reads in ("moves", "scatters") if adds is None else adds
        self.is_linear, self.letters = is_linear or transpose is not None, letters
        self.is_multilinear = is_multilinear
        spelling.check(name, 0, spell or {}, {})
        self.defaults, self.spell = MappingProxyType(defaults), spell or {}
        self.push: Any = push or (lambda y, xs, x_dot, _, **parameters: self.row(1, **parameters)(x_dot))
        if push is None and is_multilinear:
            self.push = self._in_place
        self.pull: Any = pull
        if transpose is not None:
            self.pull = lambda y, xs, y_bar, _, **parameters: transpose(y_bar, xs[0], **parameters)
        self._rows: dict[Any, Structural] = {}
        self.is_own = not Family.sealed
        if not self.is_own and name in Primitive.registry:
            raise NameClashError(f"family {name!r} would be called like an elementwise row; choose another name")
        claim(self, "family", Family.registry)

    def _in_place(self, y: Any, xs: Sequence[Any], x_dot: Any, index: int, **parameters: Any) -> Any:
        """The pushforward of a row that is linear in an operand: the row with the tangent in its place."""
        return self.row(len(xs), **parameters)(*xs[:index], x_dot, *xs[index + 1 :])

    @property
    def fingerprint(self) -> tuple[str, str]:
        """The version of Python, and a digest of all that the family states."""
        return fingerprint(self)

    def row(self, arity: int = 1, **parameters: Any) -> Structural:
        """The row for these parameters, the same at every call."""
        parameters = {**self.defaults, **parameters}
        key = (arity, *sorted(parameters.items(), key=itemgetter(0)))
        return self._rows.get(key) or self._rows.setdefault(key, Structural(self, arity, parameters))

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        return self.row(len(operands), **parameters)(*operands)


def quietly(function: Callable[..., Any]) -> Callable[..., Any]:
    """A value whose inner steps warn of nothing."""

    def quiet(np: Any, *xs: Any, **parameters: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(np, *xs, **parameters)

    return quiet
