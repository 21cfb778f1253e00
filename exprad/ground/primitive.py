"""Primitive: one row of the table; and the protocol that hands a call to the operand of the highest level."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import import_module
from itertools import count
from typing import Any
from warnings import warn

from exprad.errors import NameClashError, OperandError
from exprad.ground.bound import bound, elsewhere
from exprad.ground.shapes import Shape, broadcast_shapes

Partial = Callable[..., Any] | int | None


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
    is guarded; or a pair, a constant and what it multiplies. Only what differs from the name is spelled:

    - `numpy`, `mpmath`, `sympy`, `math`: a function, or its name there (`"module:name"` for one outside that library);
      no name is taken for a function that the row doesn't state;
    - `formula`: the row's value in terms of other rows, for targets that have no function for it (a function of the
      operands, or its `"module:name"`); without `numpy`, NumPy is such a target;
    - `domain`: an interval an operand, such as `"(0, inf)"`, where the row is real; `sample` narrows what tests draw;
    - `kink`: a function of the operands whose zeros are where the partials jump; `jumps`: whether the value does, too;
    - `sides`: what the row is beside its kink: a pair of functions of the operands, for where `kink` is negative and where
      it is positive; or one function of a `Side`, which tells signs beside the kink, and of the operands;
    - `squared`: a function of the operands that is the row's square, without a kink;
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
        exact: Callable[..., Any] | None = None,
        formula: str | Callable[..., Any] | None = None,
        domain: Sequence[str] | None = None,
        sample: Sequence[tuple[float, float]] | None = None,
        kink: Callable[..., Any] | None = None,
        sides: Callable[..., Any] | tuple[Callable[..., Any], Callable[..., Any]] | None = None,
        jumps: bool = False,
        squared: Callable[..., Any] | None = None,
        infix: str | None = None,
        prefix: str | None = None,
        commutes: bool = False,
        predicate: bool = False,
        analytic: bool = True,
        read: Sequence[str] = (),
        about: str = "",
    ) -> None:
        if not name.isidentifier():
            raise OperandError(f"a primitive's name must be an identifier, got {name!r}")
        if not partials:
            raise OperandError(f"primitive {name!r} has no partials; give one for each operand")
        self.name, self.partials, self.arity = name, partials, len(partials)
        self.numpy, self.mpmath, self.sympy, self.math = numpy, mpmath, sympy, math
        self.exact, self.formula, self.kink = exact, formula, kink
        self.sides, self.jumps, self.squared = sides, jumps or predicate, squared
        self.domain = tuple(domain or ("(-inf, inf)",) * self.arity)
        self.sample = tuple(sample or ((-3.0, 3.0),) * self.arity)
        if Primitive.sealed and (infix or prefix):
            raise OperandError(f"primitive {name!r}: operators belong to exprad's own rows; leave out infix and prefix")
        self.infix, self.prefix, self.read = infix, prefix, tuple(read)
        self.commutes, self.predicate = commutes, predicate
        self.analytic = analytic and kink is None and not predicate
        self.about = about
        self.parameters: dict[str, Any] = {}
        self.node: Any = None
        self.register()

    def register(self) -> None:
        self.is_own = not Primitive.sealed
        claim(self, "primitive", Primitive.registry)

    columns = tuple(
        "partials numpy mpmath sympy math exact formula domain sample kink commutes predicate analytic read".split()
    )
    stretches = False  # whether it only repeats its operand along axes
    sealed = False  # once it is True, new rows are a user's
    reserved: frozenset[str] = frozenset()  # what a user's row may not be called either: functions of arrays
    is_own = True

    def name_in(self, target: str) -> str | None:
        """What `target` ("numpy", "mpmath", "sympy" or "math") calls it, where the row states no function: what it
        states, or the row's own name. A user's row may be called like a function of a library, and is not that."""
        stated = getattr(self, target)
        return stated if isinstance(stated, str) else self.name if stated is None and self.is_own else None

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
        """The row's value by its formula."""
        formula = self.formula
        if isinstance(formula, str):
            module, name = formula.split(":")
            formula = getattr(import_module(module), name)
        return formula(*operands)  # type: ignore[misc]  # the row has one

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


def claim(made: Any, kind: str, registry: dict[str, Any]) -> None:
    """Enter a row or a family under its name. A user's may not take the place of exprad's; in that of another it is told."""
    known = registry.get(made.name)
    if not made.is_own and (known is not None and known.is_own or made.name in Primitive.reserved):
        raise NameClashError(f"{kind} {made.name!r} is exprad's own; choose another name")
    if known is not None and known.fingerprint != made.fingerprint:
        warn(f"{kind} {made.name!r} is defined again, and otherwise: expressions built before keep the row that they were "
             f"built with, and pickles of them are refused", stacklevel=5)  # fmt: skip
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
        raise NameClashError(f"{kind} {row.name!r} is not what it was when this was pickled (digest {digest}, now {now[1]}); "
                             f"define it as it was, or under another name")  # fmt: skip


def table() -> list[Primitive]:
    """All rows, in the order in which they were added."""
    return list(Primitive.registry.values())
