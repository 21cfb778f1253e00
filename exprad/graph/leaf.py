"""Leaves: constants, which are interned by type and bits, and variables, which are their name and shape."""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from itertools import count
from operator import attrgetter

from exprad.errors import ArgumentError, NameClashError, OperandError, refuse_masked
from exprad.graph.node import Expr, Indexed
from exprad.ground.digits import shown
from exprad.ground.hints import Any, ClassVar, cast
from exprad.ground.intern import Kinds, Table, new_table, serial
from exprad.ground.shapes import Shape, sizes_of

_new: Any = object.__new__


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
        standing = Const._interned.living(key)
        if standing is None:
            shape = getattr(value, "shape", ())
            node: Any = _new(ShapedConst if shape else Const)
            node._value, node._serial = value, serial()
            if shape:
                node._shape = shape
            standing = Const._interned.keep(key, node)
        return cast("Const", standing)

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


small: dict[int, Const] = {}  # whole numbers that are met again and again


def expression(value: Any) -> Expr:
    """`value` as an expression: itself, or a constant."""
    if isinstance(value, Expr):
        return value
    if value.__class__ is int:
        return small[value] if value in small else whole(value)
    if getattr(value, "_level", 0):
        raise OperandError(f"an expression can't take a {type(value).__name__}; evaluate the expression on it instead")
    if isinstance(value, (list, tuple)):
        return expression(Expr.listed(value))
    return Const(getattr(value, "value", value) if value.__class__.__name__ == "Number" else value)


def whole(value: int) -> Const:
    node = Const(value)
    if -1024 <= value <= 1024:
        small[value] = node
    return node


class Var(Expr):
    """A variable: its name and its shape, and a value that `evaluate` uses for what its arguments don't bind.

    >>> Var("x") is Var("x")
    True
    """

    __slots__ = ("_name", "_value")
    is_variable = True
    _name: str
    _value: Any
    _interned: ClassVar[Table] = new_table()
    _fresh = count()
    name = cast("str", property(attrgetter("_name"), doc="What the variable is called."))

    def __new__(cls, name: str, init_value: Any = None, *, shape: Shape = ()) -> Var:
        if name.__class__ is not str or shape.__class__ is not tuple:
            name, shape = _checked(name, shape)
        standing: Var | None = Var._interned.living((name, shape))
        if standing is None:
            standing = _new_variable(name, shape)
        if init_value is not None:
            standing.value = init_value
        return standing

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
            raise NameClashError(
                f"the expression has two variables called {node.name!r}, of the shapes {shapes[0]} and "
                f"{shapes[1]}; name one of them otherwise"
            )
    return found


class ShapedVar(Indexed, Var):
    """A variable that stands for an array."""

    __slots__ = ("_shape",)
    shape: Any = property(attrgetter("_shape"))


def _variable(name: str, shape: Shape) -> Var:
    return Var(name, shape=shape)


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
