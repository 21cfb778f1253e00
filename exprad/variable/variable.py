"""Define-by-run: a Variable computes at once, and records what it does, so that `backward()` can go back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from exprad.arrays import getitem
from exprad.carrier import OfVariable, asker
from exprad.chain import resolve
from exprad.errors import OperandError, TapeError, refuse_masked
from exprad.ground import peers
from exprad.ground.digits import rounded
from exprad.ground.shapes import Shape
from exprad.ground.traverse import postorder, sweep
from exprad.tensor import astype
from exprad.variable.expression import expression_of
from exprad.variable.sweeping import own, pull_arrays, pull_carriers, verify
from exprad.variable.tape import Leaf, Node, UnrecordedRef, nowhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

_new = object.__new__


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
        seed, start = self._grad, self._node or self._recorded_leaf()
        order = postorder([start])
        kept = {node for node in order if node._operands and node.owner() is not None} if retain_grad else set()
        bars: dict[Any, Any] = {
            start: np.ones_like(self._value, _dtype_of_gradient(self))
            if seed is None
            else seed
            if create_graph
            else seed._value
        }
        verify(order)
        with np.errstate(all="ignore"):
            sweep(order, bars, (), kept, _pull_variables if create_graph else pull_arrays)
        self._grad = None  # what was given is in the sum already
        _hand_out([node for node in order if not node._operands or node in kept], bars, create_graph)

    def _recorded_leaf(self) -> Leaf:
        """Where a backward pass starts that has nothing to go back through."""
        if self._leaf.__class__ is UnrecordedRef:
            raise TapeError(
                "how this Variable was computed is not recorded, so there is nothing to go back through: compute "
                "it outside no_grad(), or, if it is a gradient, call backward(create_graph=True) for it"
            )
        return self._leaf_node()

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
        return expression_of(self._node or self._leaf_node())

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


def _hand_out(nodes: Sequence[Any], bars: dict[Any, Any], is_recorded: bool) -> None:
    """Leave the adjoints of leaves, and of what is kept, with their Variables."""
    taken: set[int] = set()
    for node in nodes:
        owner, x_bar = node.owner(), resolve(bars.get(node))
        if owner is not None:
            x_bar = np.zeros_like(owner._value, _dtype_of_gradient(owner)) if x_bar is None else x_bar
            owner._take(x_bar if isinstance(x_bar, Variable) else own(x_bar, taken), is_recorded)
        if node.__class__ is Leaf and node.hold is not None:
            node.hold.is_swept = True


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


def _dtype_of_gradient(x: Variable) -> Any:
    """The type of a gradient: None says that of the data."""
    return None if x._value.dtype.kind == "f" else float


peers.told(Variable, peers.VARIABLE)
