"""Primitive: one row of the table; and the protocol that hands a call to the operand of the highest level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import count
from types import FunctionType, MappingProxyType
from warnings import warn

from exprad.errors import NameClashError, OperandError, UnsupportedError
from exprad.ground import spelling
from exprad.ground.bound import bound, elsewhere
from exprad.ground.hints import Any
from exprad.ground.shapes import Shape, broadcast_shapes

Partial = Callable[..., Any] | int | float | Fraction | None
REALS, NEAR_0 = "(-inf, inf)", (-3.0, 3.0)  # the domain of an operand, and what tests draw, where a row says nothing
KINDS = (FunctionType, int, type(None))  # of a partial: as it is called, a whole number, or none


@bound
def documentation(row: Primitive) -> Any:
    """What a row says of itself: what it is, its derivative, its domain, its edges, and an example."""


@bound
def signature(row: Primitive) -> Any:
    """The operands by name."""


class Asked:
    """An attribute of rows that is made when it is asked; of their class, what stands in the class, or nothing."""

    def __init__(self, made: Callable[[Primitive], Any], of_class: Any = None) -> None:
        self._made, self._of_class = made, of_class

    def __get__(self, row: Primitive | None, owner: type) -> Any:
        if row is not None:
            return self._made(row)
        if self._of_class is None:
            raise AttributeError(f"{owner.__name__} has it of its rows alone")
        return self._of_class


class If:
    """A guarded partial: `value` where `condition` holds, and a strong zero elsewhere."""

    __slots__ = ("condition", "value")

    def __init__(self, condition: Any, value: Any = 1) -> None:
        self.condition, self.value = condition, value


class Primitive:
    """A function that exprad can differentiate: its name, its partial derivatives, and where it is real.

    `partials` has one entry an operand: a function of the result and the operands; a plain number (0 says
    *locally constant*); or None, *not differentiable in this operand*. The function returns the partial; `If` where it
    is guarded; or a pair, a constant and what it multiplies. The other columns:

    - `spell`: what targets call the row, by target: a function, or a text (see `exprad.ground.spelling`); of "mpmath", functions
      get the context first; of "llvm", the module. What is not spelled is computed by the formula, or by NumPy; no
      name is taken for a function that the row doesn't state;
    - `numpy`, `mpmath`, `sympy`, `math`: the same, for these targets (`math` for "python");
    - `formula`: the row's value in terms of other rows, for targets that have no function for it (a function of the
      operands, or its `"module:name"`); without `numpy`, NumPy is such a target;
    - `domain`: an interval an operand, such as `"(0, inf)"`, where the row is real; `sample` narrows what tests draw;
    - `kink`: a function of the operands whose zeros are where the partials jump; `jumps`: whether the value does, too;
    - `sides`: what the row is beside its kink: a pair of functions of the operands, for where `kink` is negative and where
      it is positive; or one function of a `Side`, which tells signs beside the kink, and of the operands;
    - `squared`: a function of the operands that is the row's square, without a kink;
    - `signs`: its sign beside a kink, where that follows from the signs of the operands: a function of these, and of operands
      that are conditions as they are;
    - `border`: of what joins conditions, where its truth may change: a function of the operands, and then of where each changes;
    - `truths`: the places of operands that are conditions;
    - `orders`: the places of operands that are whole numbers, on which the formula depends; it gets them as such;
    - `accumulates`: of a row that commutes, the number that a long chain of it begins with, as a long sum does with -0.0;
    - `powers`: whether it is a power, which of a whole exponent is a product by definition, in evaluation and every back end;
    - `uncompiled`: why it has no compiled form, if it has none;
    - `varies`: whether what Python computes for it differs from what the C library does, in some version, by last bits;
    - `about`: what it is, in words, for `help`.

    >>> from exprad import Var, exp
    >>> gauss = Primitive("gauss", lambda y, x: -2 * x * y, formula=lambda x: exp(-x * x))
    >>> gauss(Var("x")).gradient(Var("x"))
    -2*x*gauss(x)
    """

    __doc__ = Asked(documentation, __doc__)  # pyright: ignore[reportAssignmentType]  # a text when it is asked
    __signature__ = Asked(signature)
    registry: dict[str, Primitive] = {}
    serials = count()

    def __init__(
        self,
        name: str,
        *partials: Partial,
        numpy: str | Callable[..., Any] | None = None,
        mpmath: str | Callable[..., Any] | None = None,
        sympy: str | Callable[..., Any] | None = None,
        math: str | None = None,
        spell: Mapping[str, str | Callable[..., Any] | None] | None = None,
        exact: Callable[..., Any] | None = None,
        formula: str | Callable[..., Any] | None = None,
        domain: Sequence[str] | None = None,
        sample: Sequence[tuple[float, float]] | None = None,
        kink: Callable[..., Any] | None = None,
        sides: Callable[..., Any] | tuple[Callable[..., Any], Callable[..., Any]] | None = None,
        jumps: bool = False,
        squared: Callable[..., Any] | None = None,
        signs: Callable[..., Any] | None = None,
        border: Callable[..., Any] | None = None,
        infix: str | None = None,
        prefix: str | None = None,
        commutes: bool = False,
        predicate: bool = False,
        analytic: bool = True,
        truths: Sequence[int] = (),
        orders: Sequence[int] = (),
        accumulates: float | None = None,
        powers: bool = False,
        uncompiled: str = "",
        varies: bool = False,
        read: Sequence[str] = (),
        about: str = "",
    ) -> None:
        self.name, self.arity = name, len(partials)
        self.partials = tuple([given if given.__class__ in KINDS else _stated(name, given) for given in partials])
        self._take_spellings(spell, {"numpy": numpy, "mpmath": mpmath, "sympy": sympy, "python": math})
        self.truths, self.orders, self.powers = tuple(truths), tuple(orders), powers
        self.infix, self.prefix, self.read = infix, prefix, tuple(read)
        self.kink, self.sides, self.squared, self.signs, self.border = kink, sides, squared, signs, border
        self.domain, self.sample = tuple(domain or (REALS,) * self.arity), tuple(sample or (NEAR_0,) * self.arity)
        self.exact, self.formula, self.commutes, self.predicate = exact, formula, commutes, predicate
        self.analytic, self.jumps = analytic and kink is None and not predicate, jumps or predicate
        self.uncompiled, self.varies, self.accumulates, self.about = uncompiled, varies, accumulates, about
        self._check()
        self.register()

    def _take_spellings(self, spell: Mapping[str, Any] | None, columns: Mapping[str, Any]) -> None:
        """What targets call the row, from `spell` and from the columns that are targets of their own."""
        if Primitive.sealed:
            spelling.check(self.name, self.arity, spell or {}, columns)  # exprad's own rows are checked by its tests
        self.spell = found = spelling.merged(spell, columns)
        self.numpy, self.mpmath = found.get("numpy"), found.get("mpmath")
        self.sympy, self.math = found.get("sympy"), found.get("python")
        self._spellings: dict[str, Any] = {}  # found so far, by target

    def _check(self) -> None:
        """Raise for a name that is none, and for columns that do not go together."""
        if not self.name.isidentifier():
            raise OperandError(f"a primitive's name must be an identifier, got {self.name!r}")
        if not self.partials:
            raise OperandError(f"primitive {self.name!r} has no partials; give one for each operand")
        if (self.truths or self.orders) and not {*self.truths, *self.orders} <= {*range(self.arity)}:
            raise OperandError(
                f"primitive {self.name!r} has operands 0 to {self.arity - 1}, but truths={self.truths!r}, "
                f"orders={self.orders!r}"
            )
        if self.powers and self.arity != 2:
            raise OperandError(
                f"primitive {self.name!r} is a power of {self.arity} operand(s); powers=True is for rows of two"
            )
        if Primitive.sealed and (self.infix or self.prefix):
            raise OperandError(
                f"primitive {self.name!r}: operators belong to exprad's own rows; leave out infix and prefix"
            )

    def register(self) -> None:
        self.is_own = not Primitive.sealed
        claim(self, "primitive", Primitive.registry)

    columns = tuple(
        "partials numpy mpmath sympy math exact formula domain sample kink commutes predicate analytic read".split()
    )
    rare = ("truths", "orders", "accumulates", "powers", "signs", "border")  # columns that most rows have not
    stretches = False  # whether it only repeats its operand along axes
    sealed = False  # once it is True, new rows are a user's
    reserved: frozenset[str] = frozenset()  # what a user's row may not be called either: functions of arrays
    is_own = True
    parameters: Mapping[str, Any] = MappingProxyType({})  # of a row of the second table
    node: Any = None  # the class of its calls, once there are any

    def spelling(self, target: str) -> spelling.Spelling:
        """What `target` calls it: a function or a text; None where it has no spelling there.

        >>> lookup("gamma").spelling("c")
        'tgamma'
        """
        found = self._spellings.get(target, self)
        if found is self:
            found = self._spellings[target] = spelling.of(self, target)
        return found

    @cached_property
    def operation(self) -> Callable[..., Any] | None:
        """What gives its value on exact numbers and, if it is an operator, on floats: None for a power, which has another way
        for each kind of exponent.
        """
        return None if self.powers else self.exact

    @cached_property
    def gives_floats(self) -> bool:
        """Whether its value is a float, whose zeros have signs, also where all operands are exact."""
        return self.partials is not None and self.exact is None and not self.is_composed

    def __call__(self, *operands: Any) -> Any:
        if len(operands) != self.arity:
            raise OperandError(f"{self.name} takes {self.arity} operand(s), got {len(operands)}")
        top, level = None, 0
        for operand in operands:
            rank = getattr(operand, "_level", 0)
            if rank > level:
                top, level = operand, rank
        if top is not None:
            return top.interpret(self, operands)
        return self.value(operands)

    @bound
    def value(self, operands: Sequence[Any]) -> Any:
        """The value at operands none of which is a carrier: exact numbers, floats, arrays of any library."""

    @property
    def is_composed(self) -> bool:
        """Whether the formula is all there is, for NumPy as well."""
        return self.formula is not None and self.numpy is None

    def by_formula(self, *operands: Any) -> Any:
        """The row's value by its formula, which gets orders as whole numbers."""
        formula = self.formula
        if self.orders:
            operands = tuple([self._order(x) if place in self.orders else x for place, x in enumerate(operands)])
        if isinstance(formula, str):
            formula = spelling.found_at(formula)
        return formula(*operands)  # type: ignore[misc]  # the row has one

    def _order(self, n: Any) -> int:
        order: Any = getattr(n, "value", n)
        if order.__class__ is not int or order < 0:
            raise UnsupportedError(f"{self.name} has a formula for constant whole orders only, got {n!r}")
        return order

    @cached_property
    def digest(self) -> int:
        """A number that depends on nothing but what the row is called."""
        from zlib import crc32

        return crc32(repr(self).encode())

    @property
    @bound
    def fingerprint(self) -> tuple[str, str]:
        """The version of Python, and a digest of all that the row states."""
        elsewhere()

    def shape(self, *shapes: Shape) -> Shape:
        """The shape of the result: elementwise rows broadcast."""
        return broadcast_shapes(self.name, shapes)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return (lookup, (self.name,)) if self.is_own else (unchanged, (self.name, *self.fingerprint))


def _stated(name: str, partial: Any) -> Any:
    """A partial that is neither a plain function nor a plain whole number."""
    if isinstance(partial, (int, float, Fraction)):
        return int(partial) if isinstance(partial, int) or not partial else lambda *_: partial
    if not callable(partial):
        raise OperandError(
            f"a partial of primitive {name!r} must be a function of the result and the operands, a number or "
            f"None, got {type(partial).__name__}: {partial!r}"
        )
    return partial


def claim(made: Any, kind: str, registry: dict[str, Any]) -> None:
    """Enter a row or a family under its name. A user's may not take the place of exprad's; in that of another it is told."""
    before = registry.get(made.name)
    if not made.is_own and (before is not None and before.is_own or made.name in Primitive.reserved):
        raise NameClashError(f"{kind} {made.name!r} is exprad's own; choose another name")
    if before is not None and before.fingerprint != made.fingerprint:
        warn(
            f"{kind} {made.name!r} is defined again, and otherwise: expressions built before keep the row that they were "
            f"built with, and pickles of them are refused",
            stacklevel=5,
        )
    registry[made.name] = made


def lookup(name: str) -> Primitive:
    """The primitive called `name`.

    >>> lookup("sin")
    <primitive sin>
    """
    try:
        return Primitive.registry[name]
    except KeyError:
        raise OperandError(f"no primitive is called {name!r}; define Primitive({name!r}, ...) first") from None


def unchanged(name: str, version: str, digest: str) -> Primitive:
    """The primitive called `name`, if it says what it said when it was pickled.

    Under another version of Python, whose code is another, that can't be told, and the name decides.
    """
    row = lookup(name)
    check_unchanged(row, "primitive", version, digest)
    return row


def check_unchanged(row: Any, kind: str, version: str, digest: str) -> None:
    """Raise if a row or a family is not what it was when it was pickled."""
    now = row.fingerprint
    if now[0] == version and now[1] != digest:
        raise NameClashError(
            f"{kind} {row.name!r} is not what it was when this was pickled (digest {digest}, now {now[1]}); "
            f"define it as it was, or under another name"
        )


def table() -> list[Primitive]:
    """All rows, in the order in which they were added."""
    return list(Primitive.registry.values())
