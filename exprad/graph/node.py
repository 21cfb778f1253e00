"""A node: an immutable, interned expression. Equal structure is the same object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from operator import attrgetter

from exprad.carrier import OfExpr
from exprad.errors import ConditionError, OperandError
from exprad.ground.bound import bound, elsewhere
from exprad.ground.digits import shown
from exprad.ground.hints import TYPE_CHECKING, Any, Self, cast
from exprad.ground.shapes import Shape
from exprad.ground.traverse import postorder

if TYPE_CHECKING:
    from exprad.graph.leaf import Var


class Expr(OfExpr):
    """An expression: a constant, a variable, or a call of a primitive on expressions."""

    __slots__ = ("__weakref__", "_serial")
    _level = 1
    is_const = False
    is_variable = False
    known: Any = None  # the number that a scalar constant is
    stretches = False  # whether it only repeats its operand along axes
    _operands: tuple[Expr, ...] = ()
    _serial: int
    shape: Shape = ()
    operands = cast(
        "tuple[Expr, ...]",
        property(attrgetter("_operands"), doc="The expressions that the node reads; a leaf has none."),
    )
    __hash__ = object.__hash__

    def __init_subclass__(cls) -> None:
        if cls.__module__.rpartition(".")[0] != __package__:
            raise OperandError(
                f"class {cls.__name__} can't be derived from a class of expressions: equal structure is one "
                "object, whoever builds it; hold an expression instead, or define a Primitive"
            )

    @staticmethod
    @bound
    def listed(values: Any) -> Any:
        """A list as an array, of expressions where it holds some."""

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expr):
            return self is other
        return _incomparable("==", "equal", "is", other)

    def __ne__(self, other: object) -> bool:
        if isinstance(other, Expr):
            return self is not other
        return _incomparable("!=", "not_equal", "is not", other)

    def __bool__(self) -> bool:
        if self.is_const:
            return bool(self.value)  # type: ignore[attr-defined]  # a Const
        raise undecided(self)

    def _number(self, kind: type[Any]) -> Any:
        """The number that an expression without variables is."""
        if self.shape or self.variables:
            raise OperandError(f"{kind.__name__}({self!r}) is undefined for expressions; evaluate it first")
        return kind(self.evaluate())

    def __float__(self) -> float:
        return cast("float", self._number(float))

    def __int__(self) -> int:
        return cast("int", self._number(int))

    def __complex__(self) -> complex:
        return cast("complex", self._number(complex))

    @bound
    def __call__(self, /, *values: Any, **named: Any) -> Any:
        """The value: `f(x=3, y=4)`, `f({x: 3, y: 4})`, or `f(3)` of one variable.

        >>> from exprad import variables
        >>> x, y = variables("x y")
        >>> (x**2)(3), (x * x * y + y + 2)(x=3, y=4)
        (9, 42)
        """

    @bound
    def __getitem__(self, index: Any) -> Expr:
        """The elements at places of the axes, as NumPy has them."""
        elsewhere()

    def __iter__(self) -> Iterator[Expr]:
        raise OperandError(f"an expression of shape {self.shape} can't be iterated")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    @bound
    def __reduce__(self) -> tuple[Any, ...]:
        """A program of linear size."""
        elsewhere()

    @property
    def variables(self) -> tuple[Var, ...]:
        """The variables in the expression, by name.

        >>> from exprad import Var
        >>> (Var("y") * Var("x")).variables
        (x, y)
        """
        return tuple(sorted([node for node in postorder([self]) if node.is_variable], key=lambda v: v.name))

    @bound
    def __str__(self) -> str:
        """The text, which `parse` reads again."""
        elsewhere()

    @bound
    def __repr__(self) -> str:
        """The text, cut where it is long."""
        elsewhere()

    @bound
    def __format__(self, spec: str) -> str:
        """The text, with floats as `spec` says, such as ".3g"; with a width, such as ">40.3g", that of the whole text."""
        elsewhere()

    @bound
    def substitute(self, replacements: Mapping[Var, Any]) -> Expr:
        """The expression with variables (or sub-expressions) replaced, folded anew.

        >>> from exprad import variables
        >>> x, y = variables("x y")
        >>> (x * x * y).substitute({x: y + 1})
        y*(y + 1)**2
        """
        elsewhere()

    @bound
    def evaluate(self, bindings: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """The value, with variables bound by name or by a mapping; see `exprad.evaluate`.

        >>> from exprad import variables
        >>> x, y = variables("x y")
        >>> (x * x * y + y + 2).evaluate(x=3, y=4)
        42
        """

    if not TYPE_CHECKING:  # what they give hangs on what wrt is: OfExpr says it in overloads

        @bound
        def gradient(self, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
            """The derivative by a variable (forward mode), or by each of several (reverse mode, one sweep).

            `wrt` is a variable, the name of one, or a sequence or dict of them, however nested: the result is alike.

            >>> from exprad import variables
            >>> x, y = variables("x y")
            >>> (x * y).gradient("x"), (x * y).gradient({"slope": x, "rest": [y]})
            (y, {'slope': y, 'rest': [x]})
            """

        @bound
        def hessian(self, wrt: Any, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
            """The second derivatives, as a list of rows where `wrt` is a sequence; see `gradient` for what it may be."""

    @bound
    def backpropagate(self, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
        """The derivatives by all variables in one reverse sweep, scaled by `seed`."""
        elsewhere()


class Indexed:
    """What expressions that stand for arrays have, and scalar ones lack: length and iteration."""

    __slots__ = ()
    shape: Shape

    def __len__(self) -> int:
        return self.shape[0]

    @bound
    def __iter__(self) -> Iterator[Expr]:
        """The elements along the first axis."""
        elsewhere()


def undecided(node: Expr) -> ConditionError:
    """What `bool` of an expression raises that is no constant."""
    return ConditionError(
        f"bool({node!r}) is undefined for expressions; use where(condition, a, b), or compute with "
        "Variable, which lets Python branch"
    )


def _incomparable(sign: str, function: str, identity: str, other: Any) -> Any:
    """What == and != are with what is no expression: with numbers, an error."""
    if isinstance(other, (int, float, Fraction)) or hasattr(other, "dtype"):
        raise ConditionError(
            f"{sign} between an expression and {shown(other)} is undefined; use {function}(a, b) to build a "
            f"condition, or f {identity} Const(0) to ask for structure"
        )
    return NotImplemented
