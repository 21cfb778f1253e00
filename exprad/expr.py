"""Expressions: immutable, interned nodes. Equal structure is the same object."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import count
from threading import RLock
from typing import Any, ClassVar, Self, cast
from weakref import WeakValueDictionary, ref

from exprad import elementary as table
from exprad.arithmetic import BINARY, COMPARISON, UNARY, Arithmetic, is_operand
from exprad.errors import ArgumentError, ConditionError, NameClashError, OperandError, ShapeError
from exprad.primitive import Primitive, Shape
from exprad.simplify import FOLDS

_serials = count()
_lock = RLock()
_new = object.__new__


class Expr(Arithmetic):
    """An expression: a constant, a variable, or a call of a primitive on expressions."""

    __slots__ = ("__weakref__", "_serial")
    _level = 1
    _plain = False  # whether building a row on this node needs no look at folds and shapes
    is_const = False
    operands: tuple[Expr, ...]
    shape: Shape
    _serial: int
    __hash__ = object.__hash__

    def interpret(self, primitive: Primitive, operands: Sequence[Any]) -> Expr:
        if primitive is table.where and isinstance(operands[0], bool):
            raise ConditionError(f"where needs a condition, got the bool {operands[0]}; use equal(a, b), not a == b")
        return build(primitive, *[expression(operand) for operand in operands])

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Expr):
            return self is other
        if isinstance(other, (int, float, Fraction)) or hasattr(other, "dtype"):
            raise ConditionError(f"== between an expression and {other!r} is undefined; use equal(a, b) to build a "
                                 "condition, or f is Const(0) to ask for structure")  # fmt: skip
        return NotImplemented

    def __bool__(self) -> bool:
        if self.is_const:
            return bool(self.value)  # type: ignore[attr-defined]  # a Const
        raise ConditionError(f"bool({self!r}) is undefined for expressions; use where(condition, a, b)")

    def __float__(self) -> float:
        raise OperandError(f"float({self!r}) is undefined for expressions; evaluate it first")

    def __iter__(self) -> Iterator[Expr]:
        raise OperandError(f"an expression of shape {self.shape} can't be iterated")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"expressions are immutable; can't set {name!r}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy as np

        result = np.empty((), object)
        result[()] = self
        return result

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        row = _row_of_ufunc(ufunc.__name__)
        if method != "__call__" or options or row is None:
            return NotImplemented
        if any(not is_operand(operand) for operand in inputs):
            import numpy as np

            return np.frompyfunc(row, row.arity, 1)(*[_boxed(operand) for operand in inputs])
        return row(*inputs)

    def __reduce__(self) -> tuple[Any, ...]:
        from exprad.program import Program, first_output

        return first_output, (Program.of([self]),)

    @property
    def variables(self) -> tuple[Var, ...]:
        """The variables in the expression, by name.

        >>> (Var("y") * Var("x")).variables
        (x, y)
        """
        from exprad.traverse import postorder

        return tuple(sorted((node for node in postorder([self]) if isinstance(node, Var)), key=lambda v: v.name))

    # Doors to higher layers.
    def __str__(self) -> str:
        from exprad.text.printer import to_text

        return to_text(self)

    def __repr__(self) -> str:
        from exprad.text.printer import to_text

        return to_text(self, limit=1000)

    def substitute(self, replacements: Mapping[Var, Any]) -> Expr:
        """The expression with variables (or sub-expressions) replaced, folded anew.

        >>> x, y = variables("x y")
        >>> (x * x * y).substitute({x: y + 1})
        y*(y + 1)**2
        """
        from exprad.matrices import substitute

        return substitute(self, replacements)

    def evaluate(self, bindings: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
        """The value, with variables bound by name or by a mapping; see `exprad.evaluate`.

        >>> x, y = variables("x y")
        >>> (x * x * y + y + 2).evaluate(x=3, y=4)
        42
        """
        from exprad.evaluation import evaluate

        return evaluate(self, {**(bindings or {}), **named})

    def gradient(self, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
        """The derivative by a variable (forward mode), or by each of a sequence (reverse mode, one sweep)."""
        from exprad.matrices import gradient

        return gradient(self, wrt, strict=strict, kink=kink)

    def hessian(self, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
        """The second derivatives by a sequence of variables, as a list of rows."""
        from exprad.matrices import hessian

        return hessian(self, wrt, strict=strict, kink=kink)

    def backpropagate(self, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
        """The derivatives by all variables in one reverse sweep, scaled by `seed`."""
        from exprad.matrices import backpropagate

        return backpropagate(self, seed, kink=kink)

    def broadcast_to(self, shape: Shape) -> Expr:
        from exprad.tensor import broadcast_to

        return broadcast_to(self, shape)

    def reshape(self, *shape: Any) -> Expr:
        from exprad.tensor import reshape

        return reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Expr:
        from exprad.tensor import sum as total

        return total(self, axis=axis, keepdims=keepdims)

    def __matmul__(self, other: Any) -> Expr:
        from exprad.tensor import matmul

        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> Expr:
        from exprad.tensor import matmul

        return matmul(other, self)


def _row_of_ufunc(name: str) -> Primitive | None:
    for row in Primitive.registry.values():
        if row.numpy == name or (row.numpy is None and row.name == name):
            return row
    return {"absolute": table.abs, "float_power": table.pow, "remainder": table.mod}.get(name)


def _boxed(operand: Any) -> Any:
    import numpy as np

    if not isinstance(operand, Expr):
        return operand
    box = np.empty((), object)
    box[()] = operand
    return box


class Const(Expr):
    """A constant: an exact int or Fraction, a float, or a read-only copy of an array. Interned by type and bits.

    >>> Const(1) is Const(True), Const(1) is Const(1.0), Const(0.0) is Const(-0.0)
    (True, False, False)
    """

    __slots__ = ("value",)
    is_const = True
    operands = ()
    shape = ()
    value: Any
    _interned: ClassVar[WeakValueDictionary[Any, Const]] = WeakValueDictionary()

    def __new__(cls, value: Any) -> Const:
        value, key = _constant_key(value)
        with _lock:
            known = Const._interned.get(key)
            if known is None:
                known = _new(ShapedConst if getattr(value, "shape", ()) else Const)
                _set(known, "value", value)
                _set(known, "_serial", next(_serials))
                if known.__class__ is ShapedConst:
                    _set(known, "shape", value.shape)
                Const._interned[key] = known
        return known

    @property
    def _truth(self) -> bool | None:
        return bool(self.value) if not self.shape else None

    @property
    def label(self) -> tuple[int, str]:
        return 0, repr(self.value)


class ShapedConst(Const):
    """A constant array."""

    __slots__ = ("shape",)


_set = object.__setattr__


def _constant_key(value: Any) -> tuple[Any, Any]:
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int):
        return int(value), ("int", int(value))
    if isinstance(value, float) and value.__class__ is float:
        return value, ("float", "nan") if value != value else ("float", value, math.copysign(1, value))
    if isinstance(value, Fraction):
        return (value.numerator, ("int", value.numerator)) if value.denominator == 1 else (value, ("fraction", value))
    if getattr(value, "dtype", None) is not None and getattr(value, "shape", None) is not None:
        return _array_key(value)
    raise OperandError(f"an expression constant must be a real number, got {type(value).__name__}: {value!r}")


def _array_key(value: Any) -> tuple[Any, Any]:
    import numpy as np

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

    __slots__ = ("_value", "name")
    _plain = True
    operands = ()
    shape = ()
    name: str
    _interned: ClassVar[WeakValueDictionary[Any, Var]] = WeakValueDictionary()
    _fresh = count()

    def __new__(cls, name: str, init_value: Any = None, *, shape: Shape = ()) -> Var:
        if not isinstance(name, str) or not name:
            raise OperandError(f"a variable's name must be a non-empty string, got {type(name).__name__}: {name!r}")
        shape = tuple(int(size) for size in ((shape,) if isinstance(shape, int) else shape))
        if any(size < 0 for size in shape):
            raise ShapeError(f"a variable's shape has no negative sizes, got {shape}")
        with _lock:
            known = Var._interned.get((name, shape))
            if known is None:
                known = _new(ShapedVar if shape else Var)
                _set(known, "name", name)
                _set(known, "_value", None)
                _set(known, "_serial", next(_serials))
                if shape:
                    _set(known, "shape", shape)
                Var._interned[name, shape] = known
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
        return self._value  # type: ignore[attr-defined]  # a slot

    @value.setter
    def value(self, value: Any) -> None:
        if isinstance(value, (str, bytes, complex)):
            raise OperandError(
                f"a variable's value must be a real number or an array, got {type(value).__name__}: {value!r}"
            )
        _set(self, "_value", value)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "value":
            raise AttributeError(f"variables have no settable {name!r}; set .value")
        _set(self, name, value)

    @property
    def label(self) -> tuple[int, str]:
        return 1, self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return _variable, (self.name, self.shape)


class ShapedVar(Var):
    """A variable that stands for an array."""

    __slots__ = ("shape",)
    _plain = False


def _variable(name: str, shape: Shape) -> Var:
    return Var(name, shape=shape)


class _Reference(ref["Call"]):
    __slots__ = ("key",)
    key: tuple[Any, ...]


class Call(Expr):
    """A call of a primitive on operands. `Call(primitive, operands)` and the named classes build as written."""

    __slots__ = ("operands",)
    shape = ()
    _plain = True
    primitive: ClassVar[Primitive]
    _interned: ClassVar[dict[tuple[Any, ...], _Reference]]
    _shaped: ClassVar[type[Call]]
    _create: ClassVar[Callable[..., Call]]

    def __new__(cls, *arguments: Any) -> Call:
        if cls is Call:
            primitive, operands = arguments
            cls = node_class(primitive)
        else:
            operands = arguments
        if len(operands) != cls.primitive.arity:
            raise OperandError(f"{cls.primitive.name} takes {cls.primitive.arity} operand(s), got {len(operands)}")
        nodes = tuple(expression(operand) for operand in operands)
        return intern(cls, nodes, cls.primitive.shape(*(node.shape for node in nodes)))

    @property
    def a(self) -> Expr:
        """The first operand."""
        return self.operands[0]

    @property
    def b(self) -> Expr:
        """The second operand."""
        return self.operands[1]

    def __bool__(self) -> bool:
        raise ConditionError(f"bool({self!r}) is undefined for expressions; use where(condition, a, b)")


def intern(cls: type[Call], operands: tuple[Any, ...], shape: Shape = ()) -> Call:
    """The node of class `cls` on `operands`: the known one, or a new one."""
    key = operands
    if cls.primitive.commutes and key[0]._serial > key[1]._serial:
        key = (key[1], key[0])
    known = cls._interned.get(key)
    if known is not None:
        node = known()
        if node is not None:
            return node
    return cls._create(key, operands, shape)


def _replace(interned: dict[Any, _Reference], standing: _Reference, mine: _Reference, node: Call) -> Call:
    """The node of a key that another thread, or a node that is just dying, holds."""
    with _lock:
        for reference in (standing, interned.get(mine.key)):
            other = reference() if reference is not None else None
            if other is not None:
                return other
        interned[mine.key] = mine
    return node


def node_class(primitive: Primitive) -> type[Call]:
    """The class of the nodes that call `primitive`."""
    if primitive.node is not None:
        return cast("type[Call]", primitive.node)
    with _lock:
        name = primitive.name.title().replace("_", "")
        return primitive.node or _define(primitive, type(name, (Call,), {"__slots__": ()}))


def _define(primitive: Primitive, cls: type[Call]) -> type[Call]:
    interned: dict[tuple[Any, ...], _Reference] = {}
    insert, new, serial = interned.setdefault, _new, _serials.__next__
    set_operands, set_serial = vars(Call)["operands"].__set__, vars(Expr)["_serial"].__set__  # no look-up by name

    def forget(dead: _Reference) -> None:
        with _lock:
            if interned.get(dead.key) is dead:
                del interned[dead.key]

    def create(key: tuple[Any, ...], operands: tuple[Any, ...], shape: Shape = ()) -> Call:
        node = new(cls._shaped if shape else cls)
        if shape:
            _set(node, "shape", shape)
        set_operands(node, operands)
        set_serial(node, serial())
        mine = _Reference(node, forget)
        mine.key = key
        standing = insert(key, mine)
        return node if standing is mine else _replace(interned, standing, mine, node)

    cls.primitive, cls._interned, cls._create = primitive, interned, staticmethod(create)
    shaped = {"__slots__": ("shape",), "_plain": False, "__module__": __name__}
    cls._shaped = type(cls.__name__, (cls,), shaped)
    if primitive.name in ("neg", "abs", "logical_not") or primitive.partials is None:
        cls._plain = False  # folds look at these
    primitive.node = cls
    return cls


class Add(Call):
    """a + b"""

    __slots__ = ()


class Sub(Call):
    """a - b"""

    __slots__ = ()


class Mul(Call):
    """a * b"""

    __slots__ = ()


class Div(Call):
    """a / b"""

    __slots__ = ()


class Neg(Call):
    """-a"""

    __slots__ = ()


class Pow(Call):
    """a ** b"""

    __slots__ = ()


for _cls, _row in (
    (Add, table.add),
    (Sub, table.sub),
    (Mul, table.mul),
    (Div, table.div),
    (Neg, table.neg),
    (Pow, table.pow),
):
    _define(_row, _cls)
    setattr(_cls, "__match_args__", ("a", "b")[: _row.arity])  # noqa: B010  # a type checker knows it as final

_small = {value: Const(value) for value in range(-8, 129)}


def expression(value: Any) -> Expr:
    """`value` as an expression: itself, or a constant."""
    if isinstance(value, Expr):
        return value
    if value.__class__ is int:
        known = _small.get(value)
        return Const(value) if known is None else known
    if getattr(value, "_level", 0):
        raise OperandError(f"an expression can't take a {type(value).__name__}; evaluate the expression on it instead")
    return Const(getattr(value, "value", value) if value.__class__.__name__ == "Number" else value)


def build(primitive: Primitive, *operands: Any) -> Expr:
    """The folded expression of `primitive` on expressions."""
    if len(operands) == 1 and operands[0]._plain:
        return intern(primitive.node or node_class(primitive), operands)
    fold = FOLDS.get(primitive)
    folded = fold(*operands) if fold is not None else None
    if folded is not None:
        return _stretched(primitive, folded, operands)
    shape = () if primitive.partials is not None and not any(x.shape for x in operands) else _shape(primitive, operands)
    return intern(primitive.node or node_class(primitive), operands, shape)


def _shape(primitive: Primitive, operands: Sequence[Expr]) -> Shape:
    return primitive.shape(*[operand.shape for operand in operands])


def _stretched(primitive: Primitive, folded: Expr, operands: Sequence[Expr]) -> Expr:
    """A fold that lost an operand keeps the shape that the operands broadcast to."""
    if not any(operand.shape for operand in operands):
        return folded
    shape = primitive.shape(*(operand.shape for operand in operands))
    return folded if folded.shape == shape else folded.broadcast_to(shape)


_FOLDING_INTS = {"add": (0,), "sub": (0,), "mul": (1, -1), "div": (1, -1), "pow": (0, 1)}


def _fast_binary(row: Primitive, reflected: bool) -> Callable[[Any, Any], Any]:
    """An operator of expressions: one class check on the common path."""
    cls, commutes = node_class(row), row.commutes
    get, small = cls._interned.get, _small.get
    folding, merges = _FOLDING_INTS.get(row.name, ()), row is table.mul
    create, fold = cls._create, FOLDS.get(row)

    def operator(self: Any, other: Any) -> Any:
        node: Any
        if other.__class__ is int:
            node = small(other)
            if node is None:
                node = Const(other)
            is_direct = self._plain and other not in folding and not (merges and self.__class__ is Mul)
        elif isinstance(other, Expr):
            node = other
            is_direct = self._plain and node._plain and self is not node
        elif is_operand(other):
            return row(other, self) if reflected else row(self, other)
        else:
            return NotImplemented
        operands = key = (node, self) if reflected else (self, node)
        if not is_direct:
            if fold is None or self.shape or node.shape:
                return build(row, *operands)
            folded = fold(*operands)
            if folded is not None:
                return folded
        if commutes and key[0]._serial > key[1]._serial:
            key = (key[1], key[0])
        known = get(key)
        if known is not None:
            found = known()
            if found is not None:
                return found
        return create(key, operands)

    return operator


def _fast_unary(row: Primitive) -> Callable[[Any], Any]:
    return lambda self: build(row, self)


for _name, _row in UNARY.items():
    setattr(Expr, f"__{_name}__", _fast_unary(_row))
for _name, _row in (BINARY | COMPARISON).items():
    setattr(Expr, f"__{_name}__", _fast_binary(_row, False))
    setattr(Expr, f"__r{_name}__", _fast_binary(_row, True))


def variables(names: str, *, shape: Shape = ()) -> tuple[Var, ...]:
    """Several variables from names separated by blanks or commas.

    >>> variables("x y")
    (x, y)
    """
    found = tuple(Var(name, shape=shape) for name in names.replace(",", " ").split())
    if not found:
        raise ArgumentError(f"variables() needs at least one name, got {names!r}")
    if len(set(found)) < len(found):
        raise NameClashError(f"a name is given twice in {names!r}")
    return found
