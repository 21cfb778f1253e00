"""Expressions: immutable, interned nodes. Equal structure is the same object."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count
from operator import attrgetter

from exprad.carrier import BINARY, COMPARISON, UNARY, OfExpr, is_operand, no_modulus
from exprad.errors import ArgumentError, ConditionError, NameClashError, OperandError, refuse_masked
from exprad.graph.folding import FOLDING_INTS, FOLDS, LOOKED_INTO
from exprad.ground import peers
from exprad.ground.bound import bound, elsewhere
from exprad.ground.digits import shown
from exprad.ground.hints import TYPE_CHECKING, Any, ClassVar, Self, cast
from exprad.ground.intern import Kinds, Reference, Table, lock, new_table, serial
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape, sizes_of
from exprad.ground.traverse import postorder
from exprad.tables import elementary as table

_new = object.__new__
_plain: set[type] = set()  # classes of scalar nodes that no fold of an operator looks into


class Expr(OfExpr):
    """An expression: a constant, a variable, or a call of a primitive on expressions."""

    __slots__ = ("__weakref__", "_serial")
    _level = 1
    is_const = False
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
        if cls.__module__ != __name__:
            raise OperandError(f"class {cls.__name__} can't be derived from a class of expressions: equal structure is one "
                               "object, whoever builds it; hold an expression instead, or define a Primitive")  # fmt: skip

    def interpret(self, primitive: Primitive, operands: Sequence[Any]) -> Expr:
        if primitive.truths and not primitive.predicate and isinstance(operands[primitive.truths[0]], bool):
            raise ConditionError(
                f"{primitive.name} needs a condition, got the bool {operands[0]}; use equal(a, b), not a == b"
            )
        return build(primitive, *[expression(operand) for operand in operands])

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
        raise ConditionError(f"bool({self!r}) is undefined for expressions; use where(condition, a, b), or compute with "
                             "Variable, which lets Python branch")  # fmt: skip

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

    def __call__(self, /, *values: Any, **named: Any) -> Any:
        """The value: `f(x=3, y=4)`, `f({x: 3, y: 4})`, or `f(3)` of one variable.

        >>> x, y = variables("x y")
        >>> (x**2)(3), (x * x * y + y + 2)(x=3, y=4)
        (9, 42)
        """
        if not values:
            return self.evaluate(**named)
        first, *more = values
        if isinstance(first, Mapping) and not more:
            return self.evaluate(first, **named)
        free = [v for v in self.variables if v.name not in named]
        if more or len(free) > 1 or named and not free:
            raise ArgumentError(f"an expression takes its values by name, or that of its only variable by place; it has "
                                f"{[v.name for v in free]}, got {len(values)} by place: write f(x=3, y=4)")  # fmt: skip
        return self.evaluate({free[0] if free else Var.fresh(): first}, **named)

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

        >>> (Var("y") * Var("x")).variables
        (x, y)
        """
        return tuple(sorted((node for node in postorder([self]) if isinstance(node, Var)), key=lambda v: v.name))

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

        >>> x, y = variables("x y")
        >>> (x * x * y).substitute({x: y + 1})
        y*(y + 1)**2
        """
        elsewhere()

    @bound
    def evaluate(self, bindings: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """The value, with variables bound by name or by a mapping; see `exprad.evaluate`.

        >>> x, y = variables("x y")
        >>> (x * x * y + y + 2).evaluate(x=3, y=4)
        42
        """

    if not TYPE_CHECKING:  # what they give hangs on what wrt is: OfExpr says it in overloads

        @bound
        def gradient(self, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
            """The derivative by a variable (forward mode), or by each of several (reverse mode, one sweep).

            `wrt` is a variable, the name of one, or a sequence or dict of them, however nested: the result is alike.

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


class Const(Expr):
    """A constant: an exact int or Fraction, a float, or a read-only copy of an array. Interned by type and bits.

    >>> Const(1) is Const(True), Const(1) is Const(1.0), Const(0.0) is Const(-0.0)
    (True, False, False)
    """

    __slots__ = ("_value",)
    is_const = True
    _value: Any
    _interned: ClassVar[Table] = new_table()
    value = known = property(attrgetter("_value"), doc="The number or the array.")

    def __new__(cls, value: Any) -> Const:
        value, key = _constant_key(value)
        known = Const._interned.living(key)
        if known is None:
            shape = getattr(value, "shape", ())
            node: Any = _new(ShapedConst if shape else Const)
            node._value, node._serial = value, serial()
            if shape:
                node._shape = shape
            known = Const._interned.keep(key, node)
        return cast("Const", known)

    @property
    def _truth(self) -> bool | None:
        return bool(self.value) if not self.shape else None

    @property
    def label(self) -> tuple[int, str]:
        return 0, shown(self.value)


class ShapedConst(Indexed, Const):
    """A constant array."""

    __slots__ = ("_shape",)
    shape: Any = property(attrgetter("_shape"))
    known = None


def _incomparable(sign: str, function: str, identity: str, other: Any) -> Any:
    """What == and != are with what is no expression: with numbers, an error."""
    if isinstance(other, (int, float, Fraction)) or hasattr(other, "dtype"):
        raise ConditionError(f"{sign} between an expression and {shown(other)} is undefined; use {function}(a, b) to build a "
                             f"condition, or f {identity} Const(0) to ask for structure")  # fmt: skip
    return NotImplemented


def _constant_key(value: Any) -> tuple[Any, Any]:
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int):
        return int(value), ("int", int(value))
    if isinstance(value, float) and value.__class__ is float:
        return value, ("float", "nan") if value != value else ("float", value, math.copysign(1, value))
    if isinstance(value, Fraction):
        return (value.numerator, ("int", value.numerator)) if value.denominator == 1 else (value, ("fraction", value))
    if getattr(value, "shape", None) is not None and (hasattr(value, "dtype") or hasattr(value, "__array__")):
        return _array_key(value)
    advice = "; write np.array(...)" if isinstance(value, (list, tuple)) else ""
    raise OperandError(f"an expression constant must be a real number, got {type(value).__name__}: {value!r}{advice}")


def _array_key(value: Any) -> tuple[Any, Any]:
    import numpy as np

    refuse_masked(value, "an expression constant")
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise OperandError(f"an expression constant must be real numbers, got an array of {array.dtype}")
    if array.shape == ():
        return _constant_key(array.item())
    frozen = array.copy()
    frozen.setflags(write=False)
    return frozen, ("array", id(frozen))


class Var(Expr):
    """A variable: its name and its shape, and a value that `evaluate` uses for what its arguments don't bind.

    >>> Var("x") is Var("x")
    True
    """

    __slots__ = ("_name", "_value")
    _name: str
    _value: Any
    _interned: ClassVar[Table] = new_table()
    _fresh = count()
    name = cast("str", property(attrgetter("_name"), doc="What the variable is called."))

    def __new__(cls, name: str, init_value: Any = None, *, shape: Shape = ()) -> Var:
        if name.__class__ is not str or shape.__class__ is not tuple:
            name, shape = _checked(name, shape)
        known = Var._interned.living((name, shape))
        if known is None:
            known = _new_variable(name, shape)
        if init_value is not None:
            known.value = init_value
        return known

    @classmethod
    def fresh(cls, name: str = "t", *, shape: Shape = ()) -> Var:
        """A variable that nobody else has."""
        while True:
            candidate = f"{name}_{next(Var._fresh)}"
            if not any(taken == candidate for taken, _ in list(Var._interned)):
                return Var(candidate, shape=shape)

    @property
    def value(self) -> Any:
        """What `evaluate()` uses when nothing is bound; None when not set."""
        return self._value

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, (str, bytes, complex)):
            raise OperandError(
                f"a variable's value must be a real number or an array, got {type(value).__name__}: {value!r}"
            )
        refuse_masked(value, f"the value of variable {self.name!r}")
        self._value = value

    @property
    def label(self) -> tuple[int, str]:
        return 1, self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return _variable, (self.name, self.shape)


def _checked(name: Any, shape: Any) -> tuple[str, Shape]:
    if not isinstance(name, str):
        raise OperandError(f"a variable's name must be a non-empty string, got {type(name).__name__}: {shown(name)}")
    return str(name), sizes_of(shape, f"variable {name!r}")


def _new_variable(name: str, shape: Shape) -> Var:
    if not name:
        raise OperandError("a variable's name must be a non-empty string, got ''")
    node: Any = _new(ShapedVar if shape else Var)
    if shape:
        node._shape = shape = sizes_of(shape, f"variable {name!r}")
    node._name, node._value, node._serial = name, None, serial()
    found = cast("Var", Var._interned.keep((name, shape), node))
    if shape:
        _shapes.note(name, shape)
    return found


_shapes = Kinds(Var._interned.living)  # of arrays, by name; marked where text has the name and not the shape


def namesakes(name: str) -> list[Var]:
    """The living variables of a name: the number, if there is one, before arrays."""
    found = [Var._interned.living((name, shape)) for shape in ((), *_shapes.get(name, ()))]
    return [each for each in found if each is not None]


def is_written(array: Var) -> bool:
    """Whether there is text that has an array's name, and not its shape."""
    return _shapes.get(array.name, {}).get(array.shape, False)


def write(array: Var) -> None:
    """Note that there is text that has an array's name, and not its shape."""
    _shapes.mark(array.name, array.shape)


def variables_by_name(order: Iterable[Expr]) -> dict[str, Var]:
    """The variables among nodes, by name. One name with two shapes is an error."""
    found: dict[str, Var] = {}
    for node in order:
        if isinstance(node, Var) and found.setdefault(node.name, node) is not node:
            shapes = sorted([node.shape, found[node.name].shape])
            raise NameClashError(f"the expression has two variables called {node.name!r}, of the shapes {shapes[0]} and "
                                 f"{shapes[1]}; name one of them otherwise")  # fmt: skip
    return found


class ShapedVar(Indexed, Var):
    """A variable that stands for an array."""

    __slots__ = ("_shape",)
    shape: Any = property(attrgetter("_shape"))


_plain.add(Var)


def _variable(name: str, shape: Shape) -> Var:
    return Var(name, shape=shape)


class Call(Expr):
    """A call of a primitive on operands. `Call(primitive, operands)` and the named classes build as written."""

    __slots__ = ("_operands",)
    primitive: ClassVar[Primitive]
    _interned: ClassVar[Table]
    _shaped: ClassVar[type[Any]]

    def __new__(cls, *arguments: Any) -> Self:
        if cls is Call:
            primitive, operands = arguments
            cls = cast("type[Self]", node_class(primitive))
        else:
            operands = arguments
        if len(operands) != cls.primitive.arity:
            raise OperandError(f"{cls.primitive.name} takes {cls.primitive.arity} operand(s), got {len(operands)}")
        nodes = tuple(expression(operand) for operand in operands)
        return cls._intern(*nodes, shape=cls.primitive.shape(*(node.shape for node in nodes)))

    @classmethod
    def _intern(cls, *operands: Expr, shape: Shape = ()) -> Self:
        """The node on `operands`, exactly as given: the known one, or a new one."""
        key = operands
        if cls.primitive.commutes and key[1]._serial < key[0]._serial:
            key = key[::-1]
        known = cls._interned.living(key)
        if known is None:
            node: Any = _new(cls._shaped if shape else cls)
            if shape:
                node._shape = shape
            node._operands, node._serial = operands, serial()
            known = cls._interned.keep(key, node)
        return cast("Self", known)

    @property
    def a(self) -> Expr:
        """The first operand."""
        return self.operands[0]

    @property
    def b(self) -> Expr:
        """The second operand."""
        return self.operands[1]

    def __bool__(self) -> bool:
        raise ConditionError(f"bool({self!r}) is undefined for expressions; use where(condition, a, b), or compute with "
                             "Variable, which lets Python branch")  # fmt: skip


def node_class(primitive: Primitive) -> type[Call]:
    """The class of the nodes that call `primitive`."""
    if primitive.node is not None:
        return cast("type[Call]", primitive.node)
    with lock:
        name = primitive.name.title().replace("_", "")
        return primitive.node or _define(primitive, type(name, (Call,), {"__slots__": ()}))


def _define(primitive: Primitive, cls: type[Call]) -> type[Call]:
    parts = {"__slots__": ("_shape",), "shape": property(attrgetter("_shape")), "__module__": __name__}
    cls.primitive, cls._interned, cls._shaped = primitive, new_table(), type(cls.__name__, (Indexed, cls), parts)
    cls.stretches = primitive.stretches
    if primitive not in LOOKED_INTO and primitive.partials is not None:
        _plain.add(cls)
    primitive.node = cls
    return cls


class Add(Call):
    """a + b"""

    __slots__ = ()
    __match_args__ = ("a", "b")


class Sub(Call):
    """a - b"""

    __slots__ = ()
    __match_args__ = ("a", "b")


class Mul(Call):
    """a * b"""

    __slots__ = ()
    __match_args__ = ("a", "b")


class Div(Call):
    """a / b"""

    __slots__ = ()
    __match_args__ = ("a", "b")


class Neg(Call):
    """-a"""

    __slots__ = ()
    __match_args__ = ("a",)


class Pow(Call):
    """a ** b"""

    __slots__ = ()
    __match_args__ = ("a", "b")


for _cls, _row in (
    (Add, table.add),
    (Sub, table.sub),
    (Mul, table.mul),
    (Div, table.div),
    (Neg, table.neg),
    (Pow, table.pow),
):
    _define(_row, _cls)

_small: dict[int, Const] = {}  # whole numbers that are met again and again


def expression(value: Any) -> Expr:
    """`value` as an expression: itself, or a constant."""
    if isinstance(value, Expr):
        return value
    if value.__class__ is int:
        return _small[value] if value in _small else _whole(value)
    if getattr(value, "_level", 0):
        raise OperandError(f"an expression can't take a {type(value).__name__}; evaluate the expression on it instead")
    if isinstance(value, (list, tuple)):
        return expression(Expr.listed(value))
    return Const(getattr(value, "value", value) if value.__class__.__name__ == "Number" else value)


def _whole(value: int) -> Const:
    node = Const(value)
    if -1024 <= value <= 1024:
        _small[value] = node
    return node


def build(primitive: Primitive, *operands: Any) -> Expr:
    """The folded expression of `primitive` on expressions."""
    cls = primitive.node or node_class(primitive)
    if primitive.partials is None:
        found = primitive.folded(operands)
        return (
            found
            if found is not None
            else cls._intern(*operands, shape=primitive.shape(*[operand.shape for operand in operands]))
        )
    if len(operands) == 1 and operands[0].__class__ in _plain:
        return cast("Expr", cls._intern(*operands))
    shape = _shape(primitive, operands)
    if shape:
        for operand in operands:
            if operand.stretches:
                return _unstretched(primitive, operands, shape)
    fold = FOLDS.get(primitive)
    folded = fold(*operands) if fold is not None else None
    if folded is None:
        return cast("Expr", cls._intern(*operands, shape=shape))
    folded = expression(folded)
    return folded if folded.shape == shape else folded.broadcast_to(shape)  # a fold may lose an operand


def _shape(primitive: Primitive, operands: Sequence[Expr]) -> Shape:
    """The shape of an elementwise call."""
    shape: Shape = ()
    for operand in operands:
        other = operand.shape
        if other != shape and other:
            if shape:
                return primitive.shape(*[operand.shape for operand in operands])
            shape = other
    return shape


def _unstretched(primitive: Primitive, operands: Sequence[Expr], shape: Shape) -> Expr:
    """A call, some of whose operands are stretched, with the stretching after it, or left to the other operands."""
    given = [operand._operands[0] if operand.stretches else operand for operand in operands]
    narrow = _shape(primitive, given)
    if narrow != shape and any(not operand.stretches and operand.shape for operand in operands):
        given, narrow = list(operands), shape
        for place, operand in enumerate(operands):
            if operand.stretches:
                shorter = [*given[:place], operand._operands[0], *given[place + 1 :]]
                given = shorter if _shape(primitive, shorter) == shape else given
        if any(operand.stretches for operand in given):
            return cast("Expr", node_class(primitive)._intern(*given, shape=shape))
    found = build(primitive, *given)
    return found if found.shape == shape else found.broadcast_to(shape)


def _fast_binary(row: Primitive, reflected: bool) -> Callable[[Any, Any], Any]:
    """An operator of expressions: two class checks on the common path."""
    cls, plain, small, merges = node_class(row), _plain, _small, row is table.mul
    interned, commutes, intern = cls._interned, row.commutes, cls._intern
    known, insert, forget = interned.get, interned.setdefault, interned.forget
    folding, fold = FOLDING_INTS.get(row, ()), FOLDS.get(row)

    def operator(self: Any, other: Any, modulus: Any = None) -> Any:
        a: Any
        b: Any
        node: Any
        if modulus is not None:  # of `pow`: a call between would be felt
            raise no_modulus(self, modulus)
        if other.__class__ in plain:
            a, b = self, other
            is_direct = self is not other and self.__class__ in plain
        elif other.__class__ is int:
            node = small[other] if other in small else _whole(other)
            a, b = (node, self) if reflected else (self, node)
            is_direct = other not in folding and self.__class__ in plain and not (merges and self.__class__ is Mul)
        elif isinstance(other, Expr):
            a, b = self, other
            is_direct = False
        elif is_operand(other):
            return row(other, self) if reflected else row(self, other)
        else:
            return NotImplemented
        if not is_direct:
            folded = build(row, a, b) if fold is None or a.shape or b.shape else fold(a, b)
            return intern(a, b) if folded is None else folded if isinstance(folded, Expr) else expression(folded)
        key = operands = (a, b)  # what _intern does, written out: this is where time goes
        if commutes and b._serial < a._serial:
            key = (b, a)
        standing = known(key)
        if standing is not None:
            node = standing()
            if node is not None:
                return node
        node = _new(cls)
        node._operands = operands
        node._serial = serial()
        mine = Reference(node, forget)
        mine.key = key
        standing = insert(key, mine)
        return node if standing is mine else interned.replace(mine, node)

    return operator


def _fast_unary(row: Primitive) -> Callable[[Any], Any]:
    intern, plain = node_class(row)._intern, _plain

    def operator(self: Any) -> Any:
        is_direct = self.__class__ in plain
        return intern(self) if is_direct else build(row, self)

    return operator


peers.told(Expr, peers.EXPRESSION)
for _name, _row in UNARY.items():
    setattr(Expr, f"__{_name}__", _fast_unary(_row))
for _name, _row in (BINARY | COMPARISON).items():
    setattr(Expr, f"__{_name}__", _fast_binary(_row, False))
    setattr(Expr, f"__r{_name}__", _fast_binary(_row, True))


def variables(names: str | Iterable[str], *, shape: Shape = ()) -> tuple[Var, ...]:
    """Several variables, from names separated by blanks or commas, or from a sequence of names.

    >>> variables("x y")
    (x, y)
    """
    if not isinstance(names, str) and not hasattr(names, "__iter__"):
        raise OperandError(
            f"variables() takes names, as 'x y' or ['x', 'y'], got {type(names).__name__}: {shown(names)}"
        )
    given = names.replace(",", " ").split() if isinstance(names, str) else names
    found = tuple(Var(name, shape=shape) for name in given)
    if not found:
        raise ArgumentError(f"variables() needs at least one name, got {names!r}")
    if len(set(found)) < len(found):
        raise NameClashError(f"a name is given twice in {names!r}")
    return found


def object_array(values: Sequence[Any], shape: Shape | None = None) -> Any:
    """An object array of expressions, in order, of a shape."""
    import numpy as np

    array = np.empty(len(values), object)
    for place, value in enumerate(values):  # one by one: an expression that stands for an array is one value
        array[place] = value
    return array if shape is None else array.reshape(shape)
