"""Calls: the nodes of a primitive on operands, and the classes of arithmetic, which build as written."""

from __future__ import annotations

from operator import attrgetter

from exprad.errors import OperandError
from exprad.graph.folding import LOOKED_INTO
from exprad.graph.leaf import Var, expression
from exprad.graph.node import Expr, Indexed, undecided
from exprad.ground.hints import Any, ClassVar, Self, cast
from exprad.ground.intern import Table, lock, new_table, serial
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.tables import elementary as table

_new: Any = object.__new__
OPAQUE: set[type] = {Var}  # classes of scalar nodes that no fold of an operator looks into


class Call(Expr):
    """A call of a primitive on operands. `Call(primitive, operands)` and the named classes build as written."""

    __slots__ = ("_operands",)
    primitive: ClassVar[Primitive]
    _interned: ClassVar[Table]
    _shaped: ClassVar[type[Any]]
    written: ClassVar[Any] = None  # the pulls that were written out for its calls

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
        """The node on `operands`, exactly as given: the standing one, or a new one."""
        key = operands
        if cls.primitive.commutes and key[1]._serial < key[0]._serial:
            key = key[::-1]
        reference = cls._interned.get(key)
        standing: Any = None if reference is None else reference()
        if standing is None:
            node: Any = _new(cls._shaped if shape else cls)
            if shape:
                node._shape = shape
            node._operands, node._serial = operands, serial()
            standing = cls._interned.keep(key, node)
        return standing

    @property
    def a(self) -> Expr:
        """The first operand."""
        return self.operands[0]

    @property
    def b(self) -> Expr:
        """The second operand."""
        return self.operands[1]

    def __bool__(self) -> bool:
        raise undecided(self)


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
        OPAQUE.add(cls)
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
