"""Define-by-run: a Variable computes at once, and records what it does, so that `backward()` can go back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from exprad.arrays import counterpart, getitem
from exprad.arrays import matmul as sparse_product
from exprad.arrays.operands import as_numbers
from exprad.carrier import BINARY, OfVariable, asker, is_operand, refuse_modulus
from exprad.chain import resolve
from exprad.errors import NameClashError, OperandError, TapeError, refuse_masked
from exprad.graph.expr import Const, Var, build
from exprad.ground import peers
from exprad.ground.digits import rounded
from exprad.ground.intern import serial
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import fold, postorder, sweep
from exprad.numbers import as_float, evaluate, unwrap
from exprad.tensor import astype, matmul
from exprad.variable.config import Config, is_recording, no_grad, using_config
from exprad.variable.rules import forward, rule
from exprad.variable.sweeping import own, pull_arrays, pull_carriers, verify
from exprad.variable.tape import Hold, Leaf, Node, UnrecordedRef, nowhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Config", "Variable", "no_grad", "using_config"]
_new = object.__new__
_NUMBERS = (float, int)  # most operands that are no Variables


class Variable(OfVariable):
    """An array of numbers that records what is computed from it.

    `backward()` on a result leaves the derivatives in `.grad` of the Variables that it was computed from. A gradient
    has its Variable's shape and type; a second `backward()` adds to it, until `cleargrad()`.

    Data are not copied, and are read-only while a tape that has read them lives; after a backward pass `.data` may be
    written in place again, and a second pass over that tape refuses if it was. A write goes unseen through a view that was
    made before, through the larger array that the data are a view of, or through the memory of another library.

    >>> x = Variable(np.array(2.0))
    >>> y = x**3 + x
    >>> y.backward()
    >>> y, x.grad
    (variable(10.0), variable(13.0))
    """

    __slots__ = ("__weakref__", "_grad", "_leaf", "_node", "_value", "name")
    _level = 1
    __array_priority__ = 1000.0
    __hash__ = object.__hash__
    _value: Any
    _node: Node | None
    _leaf: ref[Leaf] | None
    _grad: Variable | None
    name: str | None

    def __init__(self, data: Any, name: str | None = None) -> None:
        self._value = _checked_data(data)
        self._node = self._leaf = self._grad = None
        self.name = name

    @classmethod
    def _of(cls, value: Any, node: Any = None) -> Variable:
        made = _new(cls)
        made._value, made._node = value, node
        made._leaf = made._grad = made.name = None
        return made

    @classmethod
    def _unrecorded(cls, value: Any) -> Variable:
        """What was computed, and nobody knows how."""
        made = _new(cls)
        made._value, made._leaf = value, nowhere
        made._node = made._grad = made.name = None
        return made

    @property
    def data(self) -> Any:
        """The array itself."""
        value = self._value
        if isinstance(value, np.generic):
            value = self._value = np.asarray(value)
            value.setflags(write=self._node is None)
        leaf = self._leaf() if self._leaf is not None else None
        if leaf is not None and leaf.hold is not None:
            leaf.hold.release()
        return value

    @data.setter
    def data(self, data: Any) -> None:
        if data is not self._value:
            self._value = _checked_data(data)
            self._node = self._leaf = None

    @property
    def grad(self) -> Variable | Any:  # not `| None`: whoever called backward() would have to assert it at each use
        """The derivative of what `backward()` was called on; None before, and where it is not kept."""
        return self._grad

    @grad.setter
    def grad(self, grad: Any) -> None:
        if grad is not None and not isinstance(grad, Variable):
            grad = Variable(grad)
        if grad is not None and grad.shape != self.shape:
            raise OperandError(f"a gradient has its variable's shape {self.shape}, got one of shape {grad.shape}")
        self._grad = grad

    @property
    def shape(self) -> Shape:
        return self._value.shape

    @property
    def dtype(self) -> Any:
        return self._value.dtype

    def cleargrad(self) -> None:
        """Forget the gradient, so that the next `backward()` starts anew."""
        self._grad = None

    def backward(self, retain_grad: bool = False, create_graph: bool = False) -> None:
        """Add to `.grad`, of every Variable that this one was computed from, its derivative.

        The derivative of a sum of all elements, where there are several, unless `.grad` of this Variable was set to
        weights. `retain_grad` keeps gradients of intermediate results, too; `create_graph` records the pass, so that
        gradients can be differentiated. One sweep, however the graph is knotted; each operation once.

        Raises `TapeError` for what was computed without recording. A Variable that was made of an array was computed from
        nothing, and its derivative by itself is 1.
        """
        if self._node is None and self._leaf.__class__ is UnrecordedRef:
            raise TapeError(
                "how this Variable was computed is not recorded, so there is nothing to go back through: compute "
                "it outside no_grad(), or, if it is a gradient, call backward(create_graph=True) for it"
            )
        seed = self._grad
        start = self._node or self._leaf_node()
        order = postorder([start])
        kept = {node for node in order if node._operands and node.owner() is not None} if retain_grad else set()
        bars: dict[Any, Any] = {
            start: np.ones_like(self._value, _real(self)) if seed is None else seed if create_graph else seed._value
        }
        verify(order)
        with np.errstate(all="ignore"):
            sweep(order, bars, (), kept, _pull_variables if create_graph else pull_arrays)
        if start not in kept and self._node is not None:
            self._grad = None
        elif self._grad is seed:
            self._grad = None  # what was given is in the sum already
        taken: set[int] = set()
        for node in order:
            if node._operands and node not in kept:
                continue
            owner, x_bar = node.owner(), resolve(bars.get(node))
            if owner is not None:
                x_bar = np.zeros_like(owner._value, _real(owner)) if x_bar is None else x_bar
                owner._take(x_bar if isinstance(x_bar, Variable) else own(x_bar, taken), create_graph)
            if node.__class__ is Leaf and node.hold is not None:
                node.hold.is_swept = True

    def _take(self, x_bar: Any, is_recorded: bool) -> None:
        """Add a gradient to mine, in my type."""
        if self.dtype.kind == "f" and x_bar.dtype != self.dtype:
            x_bar = astype(x_bar, dtype=self.dtype.name)
        if not isinstance(x_bar, Variable):
            x_bar = x_bar if self._grad is None else self._grad._value + x_bar
            x_bar = Variable._of(x_bar) if is_recorded else Variable._unrecorded(x_bar)
        elif self._grad is not None:
            x_bar = self._grad + x_bar
        self._grad = x_bar

    def _leaf_node(self) -> Leaf:
        leaf = self._leaf() if self._leaf is not None else None
        if leaf is None or leaf.hold is not None and leaf.hold.fingerprint is not None:
            leaf = Leaf(self, self._value)
            self._leaf = UnrecordedRef(leaf) if self._leaf.__class__ is UnrecordedRef else ref(leaf)
        return leaf

    @property
    def expression(self) -> Any:
        """What was recorded, as an expression: to read, draw, differentiate symbolically or compile.

        A Variable that was computed from nothing is a variable of its name, or of `x0`, `x1`, ... in order where it has
        none.

        >>> x = Variable(np.array([1.0, 2.0]), "x")
        >>> ((x * x).sum() + 1).expression
        sum(x**2) + 1
        """
        return _expression(self)

    def interpret(self, primitive: Primitive, operands: Sequence[Any]) -> Any:
        return record(primitive, *[unwrap(operand) for operand in operands])

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if options or method != "__call__":
            raise OperandError(_in_place(ufunc, method, options))
        row = _row_of(ufunc)
        if row is None or options or method != "__call__" or not all(map(is_operand, inputs)):
            return super().__array_ufunc__(ufunc, method, *inputs, **options)
        return row(*inputs)

    @property
    def _numbers(self) -> Any:
        return self._value

    def item(self, *place: Any) -> Any:
        """A number, without its derivative: the only element, or the one at a place."""
        return self._value.item(*place)

    def tolist(self) -> Any:
        """The numbers, without their derivatives, in nested lists."""
        return self._value.tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[np.object_]:
        """The elements, where an object array is asked for, or by what works on one; else an error."""
        by = asker()
        if by.startswith("numpy.ma"):
            return self._as_array(by, dtype, copy)
        if dtype == object or by.startswith(("scipy.", "pandas.", "numpy._core.fromnumeric")):
            return self._as_array(by, dtype, copy)
        raise OperandError(
            "an array of a Variable would lose its derivative; use .data for its numbers, np.stack([v, w]) "
            "for an array of several, np.asarray(v, object) for an array of its elements"
        )

    def __float__(self) -> float:
        raise OperandError(f"a plain number of {self!r} would lose the derivative; use x.data, as in float(x.data)")

    __int__ = __index__ = __complex__ = __float__

    def __getitem__(self, index: Any) -> Variable:
        return getitem(self, index)

    def __len__(self) -> int:
        if not self.shape:
            raise OperandError("a Variable of shape () has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Variable]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> Any:
        return self._value == (other._value if isinstance(other, Variable) else other)

    def __ne__(self, other: object) -> Any:
        return self._value != (other._value if isinstance(other, Variable) else other)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> Variable:
        return _revived(type(self), self.data.copy(), self.name, getattr(self, "__dict__", {}))

    def __deepcopy__(self, memo: object) -> Variable:
        return self.__copy__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _revived, (type(self), self.data, self.name, getattr(self, "__dict__", {}))

    def __repr__(self) -> str:
        return f"variable({str(self._value).replace(chr(10), chr(10) + ' ' * 9)})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """The numbers, each as `spec` says."""
        return rounded(self._value, spec) if spec else str(self)


_pull_variables = pull_carriers(Variable._of)


def _revived(cls: type[Variable], data: Any, name: str | None, attributes: dict[str, Any]) -> Variable:
    """A Variable, or one of a class derived from it, with what its instance held; it comes from no operation."""
    made = cls._of(data)
    made.name = name
    if attributes:
        made.__dict__.update(attributes)
    return made


def _checked_data(data: Any) -> Any:
    kind = getattr(getattr(data, "dtype", None), "kind", "")
    if getattr(data, "_level", 0):
        raise OperandError(
            f"a Variable needs an array of real numbers, got {data!r}; write .data where a Variable is given"
        )
    if kind not in ("b", "i", "u", "f") or not hasattr(data, "shape"):
        what = f"an array of {data.dtype}" if kind else f"{type(data).__name__}: {data!r}"
        raise OperandError(f"a Variable needs an array of real numbers, got {what}; write np.array(...)")
    refuse_masked(data, "the data of a Variable")
    return data


def _in_place(ufunc: Any, method: str, options: dict[str, Any]) -> str:
    """Why a ufunc does not take a Variable so."""
    if "out" in options:
        return (
            f"np.{ufunc.__name__} can't write what comes of a Variable to an array, which would lose the derivative; "
            f"write .data, as in x.data -= rate * x.grad.data"
        )
    how = f"np.{ufunc.__name__}.{method}" if method != "__call__" else f"np.{ufunc.__name__} with {', '.join(options)}"
    return f"{how} is not offered for a Variable; write it with functions of exprad, or give it x.data"


def _real(x: Variable) -> Any:
    """The type of a gradient: None says that of the data."""
    return None if x._value.dtype.kind == "f" else float


def record(row: Primitive, *operands: Any) -> Any:
    """The value of a row on Variables, arrays and numbers, with a node of the tape; truth values for a condition."""
    values = [operand._value if isinstance(operand, Variable) else _plain(operand) for operand in operands]
    constant = None
    if row.powers and operands[1].__class__ in (int, float):
        constant = operands[1]
    try:
        value = forward(row, constant if constant.__class__ is int else None)(*values)
    except ValueError:
        row.shape(*[getattr(x, "shape", ()) for x in values])  # says which shapes do not fit
        raise
    if value.dtype.kind != "f":
        if row.predicate:
            return value
        values = [x if place in row.truths else _as_floats(x) for place, x in enumerate(values)]
        value = _as_floats(evaluate(row, values))
    if not is_recording():
        return Variable._unrecorded(value)
    return _recorded(row, operands, values, value, constant)


def _recorded(row: Primitive, operands: Sequence[Any], values: Sequence[Any], value: Any, constant: Any) -> Variable:
    """A result with its node."""
    node: Any = _new(Node)
    active: list[int] = []
    nodes: list[Any] = []
    constants: list[Any] = []
    is_plain = row.partials is not None
    shape = value.shape
    for place, operand in enumerate(operands):
        if isinstance(operand, Variable):
            active.append(place)
            nodes.append(operand._node or operand._leaf_node())
            is_plain = is_plain and operand._value.shape == shape
        else:
            constants.append((place, values[place], Hold.of(values[place])))
    node.primitive, node._operands, node.constants = row, tuple(nodes), tuple(constants)
    if is_plain:
        node.rule = found = rule(row, tuple(active), constant, ((),) * len(operands), ())
    else:
        shapes = tuple([getattr(x, "shape", ()) for x in values])
        node.rule = found = rule(row, tuple(active), constant, shapes, shape)
    if found.divides_numbers:
        values = [value.dtype.type(x) if x.__class__ in (int, float) else x for x in values]
    node.saved = found.saves((value, *values)) if found.saves is not None else None
    node._serial = serial()
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    made = Variable._of(value, node)
    node.owner = ref(made)
    return made


def _plain(operand: Any) -> Any:
    """An operand that is no Variable, as NumPy takes it."""
    if operand.__class__ in _NUMBERS:
        return operand if operand.__class__ is float or -(2**53) <= operand <= 2**53 else as_float(operand)
    if getattr(operand, "_level", 0):
        raise OperandError(
            f"a Variable can't meet an expression, got {operand!r}; evaluate the expression on it instead"
        )
    if isinstance(operand, (bool, Fraction)):
        return as_float(operand)
    operand = as_numbers(operand)
    refuse_masked(operand, "what a Variable meets")
    if getattr(getattr(operand, "dtype", None), "kind", "") not in ("b", "i", "u", "f"):
        raise OperandError(
            f"an operand must be a real number, an array or a Variable, got {type(operand).__name__}: {operand!r}"
        )
    return operand


def _as_floats(x: Any) -> Any:
    """Whole numbers are promoted: a gradient is a real number."""
    return np.asarray(x, float)[()] if getattr(getattr(x, "dtype", None), "kind", "f") in "biu" else x


def _expression(result: Variable) -> Any:
    start = result._node or result._leaf_node()
    names = (f"x{place}" for place in range(1 << 62))
    leaves = [leaf for leaf in postorder([start]) if leaf.__class__ is Leaf]
    given = list(filter(None, [getattr(leaf.owner(), "name", None) for leaf in leaves]))
    taken = set(given)
    if len(taken) < len(given):
        twice = next(name for name in given if given.count(name) > 1)
        raise NameClashError(f"two Variables that were recorded are called {twice!r}; give each a name of its own")

    def visit(node: Any, operands: list[Any]) -> Any:
        if node.__class__ is Leaf:
            owner = node.owner()
            name = getattr(owner, "name", None) or next(name for name in names if name not in taken)
            return Var(name, shape=node.shape)
        whole = list(operands)
        for place, value, _ in node.constants:
            whole.insert(place, Const(value))
        return build(node.primitive, *whole)

    return fold([start], visit)[0]


def _operator(row: Primitive, reflected: bool) -> Any:
    def operator(self: Any, other: Any) -> Any:
        if other.__class__ not in _NUMBERS and not isinstance(other, Variable):
            if not is_operand(other) or getattr(other, "_level", 0) > 1:
                return NotImplemented
            if row is _matmul and hasattr(other, "tocoo"):  # a sparse matrix is no operand of a row
                return sparse_product(other, self) if reflected else sparse_product(self, other)
            other = unwrap(other)
        return record(row, other, self) if reflected else record(row, self, other)

    return operator


@cache
def _row_of(ufunc: Any) -> Primitive | None:
    found = _matmul if ufunc is np.matmul else counterpart(ufunc)
    return found if isinstance(found, Primitive) else None


peers.told(Variable, peers.VARIABLE)
_matmul = matmul.row(2)
for _name, _row in [*BINARY.items(), ("matmul", _matmul)]:
    setattr(Variable, f"__{_name}__", _operator(_row, False))
    setattr(Variable, f"__r{_name}__", _operator(_row, True))
refuse_modulus(Variable)
