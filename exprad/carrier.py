"""Python's operators, once, for every carrier: Expr, DualNumber, Variable, and plain numbers inside the chain rule."""

from __future__ import annotations

import sys
from collections.abc import Callable
from math import prod
from operator import index

from exprad.errors import ArgumentError, OperandError
from exprad.ground import peers
from exprad.ground.bound import bound
from exprad.ground.digits import shown
from exprad.ground.hints import TYPE_CHECKING, Any, Self, cast
from exprad.ground.primitive import Primitive
from exprad.tables import elementary as table

BINARY = {
    "add": table.add,
    "sub": table.sub,
    "mul": table.mul,
    "truediv": table.div,
    "pow": table.pow,
    "mod": table.mod,
    "floordiv": table.floor_divide,
}
UNARY = {
    "neg": table.neg,
    "abs": table.abs,
    "floor": table.floor,
    "ceil": table.ceil,
    "trunc": table.trunc,
    "invert": table.logical_not,
}
COMPARISON = {
    "lt": table.less,
    "le": table.less_equal,
    "gt": table.greater,
    "ge": table.greater_equal,
    "and": table.logical_and,
    "or": table.logical_or,
}


class Arithmetic:
    """Operators that call the table. A carrier adds `_level` and `interpret`."""

    __slots__ = ()

    def __pos__(self) -> Self:
        return self

    def __round__(self, digits: int | None = None) -> Any:
        """The nearest whole number, or multiple of a power of ten, as NumPy rounds."""
        places = 0 if digits is None else index(digits)
        if not places:
            return table.round(self)
        scale = 10 ** abs(places)
        return table.round(self * scale) / scale if places > 0 else table.round(self / scale) * scale

    def __divmod__(self, other: Any) -> tuple[Any, Any]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Any, Any]:
        return other // self, other % self

    def __dir__(self) -> list[str]:
        return peers.without(super().__dir__())

    def conjugate(self) -> Self:
        return self

    conj = conjugate


class ArrayMethods:
    """What NumPy's arrays offer, for carriers: methods, and NumPy's own functions. What they do is bound from above."""

    __slots__ = ()
    __pandas_priority__ = 5000  # tables and columns of pandas leave operators to the carrier
    shape: Any

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements there are."""
        return prod(self.shape)

    @property
    def T(self) -> Any:  # noqa: N802  # NumPy's name
        """The axes in reverse order."""
        return self.transpose()

    @property
    def real(self) -> Self:
        """All numbers are real."""
        return self

    @property
    @bound
    def imag(self) -> Any:
        """Zeros: all numbers are real."""

    def flatten(self) -> Any:
        """A copy whose elements lie along one axis."""
        return self.ravel().copy()

    def item(self, *place: Any) -> Any:
        """The only element, or the one at a place in order or on all axes."""
        return self._elements().item(*place)

    def tolist(self) -> Any:
        """The elements in nested lists."""
        return self._elements().tolist()

    def _elements(self) -> Any:
        """The elements as an object array: each is a carrier, so that no derivative is lost."""
        import numpy as np

        if not self.shape:
            return boxed(self)
        found, whole = np.empty(self.shape, object), cast("Any", self)
        for place in np.ndindex(self.shape):
            found[place] = whole[place]
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The elements, as an object array."""
        return self._as_array(asker(), dtype, copy)

    def _as_array(self, by: str, dtype: Any, copy: bool | None) -> Any:
        """An object array for the module that asks for one."""
        if dtype is not None and dtype != object:
            raise OperandError(
                f"an array of {dtype} made of {type(self).__name__} would lose what it stands for; "
                "np.asarray(x) gives an array of its elements"
            )
        if copy is False:
            raise ArgumentError("an array of the elements is made anew: copy=False can't be kept")
        if not by.startswith(("numpy.ma", "scipy.")):
            return self._elements() if self.shape else boxed(self)
        if by.startswith("numpy.ma"):
            raise OperandError(
                f"a masked array can't meet {type(self).__name__}: its mask would be lost; fill it "
                "(.filled(0.0)), or take what is not masked (.compressed())"
            )
        if by.startswith("scipy.sparse"):  # by an object array without axes it knows what to leave to another class
            return boxed(self)
        raise OperandError(
            f"SciPy asks for numbers and got {type(self).__name__}; take exprad's own function, such as "
            "exprad.logsumexp, exprad.softmax or exprad.log_softmax"
        )

    @bound
    def transpose(self, *axes: Any) -> Any:
        """The axes in reverse order, or in the order given."""

    @bound
    def reshape(self, *shape: Any) -> Any:
        """The elements, in order, in another shape; one size may be -1."""

    @bound
    def __matmul__(self, other: Any) -> Any:
        """The product of matrices."""

    @bound
    def __rmatmul__(self, other: Any) -> Any:
        """The product of matrices."""

    @bound
    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """What one of NumPy's ufuncs comes to, called on a carrier."""

    @bound
    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        """What one of NumPy's functions comes to, called on a carrier."""

    @bound
    def ravel(self) -> Any:
        """The elements in order, along one axis."""

    @bound
    def squeeze(self, axis: Any = None) -> Any:
        """The same without axes of size 1: all such, or those named."""

    @bound
    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """The same with two axes exchanged."""

    @bound
    def broadcast_to(self, shape: Any) -> Any:
        """The same, repeated to a shape as NumPy broadcasts."""

    @bound
    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Each element several times."""

    @bound
    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
        """The elements at places along an axis, or in order."""

    @bound
    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The elements on a diagonal."""

    @bound
    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum of a diagonal."""

    @bound
    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum of all elements, or along axes."""

    @bound
    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean of all elements, or along axes."""

    @bound
    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The product of all elements, or along axes."""

    @bound
    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest of all elements, or along axes."""

    @bound
    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest of all elements, or along axes."""

    @bound
    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        """The variance of all elements, or along axes."""

    @bound
    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        """The standard deviation of all elements, or along axes."""

    @bound
    def cumsum(self, axis: int | None = None) -> Any:
        """The sums of the elements up to each, in order or along an axis."""

    @bound
    def dot(self, other: Any) -> Any:
        """The product with a vector or a matrix, as NumPy's `dot` has it."""


class Carrier(Arithmetic, ArrayMethods):
    """What all carriers have in common."""

    __slots__ = ()

    def _like(self, value: Any) -> Any:
        """A plain value, as it is beside this carrier: with what the carrier adds to it, if it adds something."""
        return value


if TYPE_CHECKING:  # what each gets from the tables by the loops below, with its types
    from exprad.signatures.carriers import OfDualNumber as OfDualNumber
    from exprad.signatures.carriers import OfExpr as OfExpr
    from exprad.signatures.carriers import OfVariable as OfVariable
else:
    OfExpr = OfDualNumber = OfVariable = Carrier


def boxed(x: Any) -> Any:
    """An object array without axes that holds x."""
    import numpy as np

    box = np.empty((), object)
    box[()] = x
    return box


def asker() -> str:
    """The module of the code that asked NumPy for an array, when NumPy asks a carrier in turn."""
    return str(sys._getframe(2).f_globals.get("__name__", ""))


def _as_numpy(name: str) -> Any:
    """A method that does what NumPy's function does, which comes back here."""

    def method(self: Any, *arguments: Any, **options: Any) -> Any:
        import numpy as np

        return getattr(np, name)(self, *arguments, **options)

    method.__name__ = name
    return method


_OF_NUMPY = "copy astype clip argmax argmin argsort nonzero any all"
for _name in _OF_NUMPY.split():
    setattr(ArrayMethods, _name, _as_numpy(_name))


def _binary(row: Primitive) -> Any:
    return lambda self, other: row(self, other) if is_operand(other) else NotImplemented


def _reflected(row: Primitive) -> Any:
    return lambda self, other: row(other, self) if is_operand(other) else NotImplemented


def refuse_modulus(cls: type) -> None:
    """Let `pow` of a class, which is its `**`, say that it takes no third argument."""
    for name in ("__pow__", "__rpow__"):
        setattr(cls, name, _without_modulus(getattr(cls, name)))


def _without_modulus(power: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def operator(self: Any, other: Any, modulus: Any = None) -> Any:
        if modulus is not None:
            raise no_modulus(self, modulus)
        return power(self, other)

    return operator


def no_modulus(base: Any, modulus: Any) -> OperandError:
    """What `pow` of a carrier with a third argument raises."""
    return OperandError(f"pow() of {type(base).__name__} takes no modulus, got {shown(modulus)}; write x ** n % m")


def _unary(row: Primitive) -> Any:
    return lambda self: row(self)


def is_operand(other: Any) -> bool:
    """Whether an operator should take `other` itself: object arrays work element by element instead."""
    return not (getattr(other, "dtype", None) == object and getattr(other, "shape", ()) != ())


for _name, _row in BINARY.items():
    setattr(Arithmetic, f"__{_name}__", _binary(_row))
    setattr(Arithmetic, f"__r{_name}__", _reflected(_row))
refuse_modulus(Arithmetic)
for _name, _row in COMPARISON.items():
    setattr(Arithmetic, f"__{_name}__", _binary(_row))
    setattr(Arithmetic, f"__r{_name}__", _reflected(_row))
for _name, _row in UNARY.items():
    setattr(Arithmetic, f"__{_name}__", _unary(_row))
for _row in list(Primitive.registry.values()):
    if _row.arity == 1 and not _row.predicate:  # NumPy's object arrays call a[i].exp()
        for _name in {_row.name, _row.numpy if isinstance(_row.numpy, str) else _row.name}:
            if _name.isidentifier():
                setattr(Arithmetic, _name, _unary(_row))
