"""jit: a Python function that is traced for the arguments it meets, and compiled."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial, update_wrapper
from operator import attrgetter
from types import MethodType
from typing import Any, overload
from weakref import ref

import numpy as np

from exprad.errors import OperandError
from exprad.ground.digits import shown
from exprad.traced.arguments import Parameters, Signature
from exprad.traced.derived import Operator, operator, without_first
from exprad.traced.kept import Kept, made_once
from exprad.traced.nests import NUMBERS
from exprad.traced.quick import MOST_FLOATS, taking_floats
from exprad.traced.taped import on_variables
from exprad.traced.trace import Options, Trace, carried, traced
from exprad.variable import Variable

_REALS = frozenset("biuf")
_new: Any = object.__new__


@overload
def jit(
    function: Callable[..., Any],
    /,
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    backend: str = "auto",
    checkpoint: int | str | None = None,
    fast: bool = False,
) -> Jitted: ...


@overload
def jit(
    *,
    static_argnums: int | Sequence[int] | None = None,
    static_argnames: str | Sequence[str] | None = None,
    backend: str = "auto",
    checkpoint: int | str | None = None,
    fast: bool = False,
) -> Callable[[Callable[..., Any]], Jitted]: ...


def jit(
    function: Any = None,
    /,
    *,
    static_argnums: Any = None,
    static_argnames: Any = None,
    backend: str = "auto",
    checkpoint: int | str | None = None,
    fast: bool = False,
) -> Any:
    """A Python function of numbers and arrays, traced for the shapes that it meets, compiled, and kept: a decorator.

    The first call with arguments of a form (nests of lists, tuples and dicts, with numbers and arrays of certain shapes for
    leaves) calls the function on expressions; what it gives is compiled, and every later call of that form runs that. So what
    else the function does, it does once, and it can't branch on data: `where` selects. Arguments that `static_argnums` or
    `static_argnames` tell by place or name are handed on as they are, and each value of theirs is a form of its own.
    `backend`, `checkpoint` and `fast` are those of `compile`.

    The derivatives of a jitted function are jitted functions: `gradient(jit(f))`, `value_and_gradient(jit(f), "y")`.
    Called on expressions or dual numbers it gives those; of Variables the tape has one node, whose rule is compiled.

    >>> @jit
    ... def energy(v, scale=2.0):
    ...     return scale * (v**2).sum()
    >>> float(energy(np.array([1.0, 2.0]))), energy.gradient(np.array([1.0, 2.0]))
    (10.0, array([4., 8.]))
    """
    options = Options(backend, checkpoint, fast)
    if function is None:
        return partial(jit, static_argnums=static_argnums, static_argnames=static_argnames, **options._asdict())
    if not callable(function) or hasattr(function, "_level"):
        raise OperandError(f"jit takes a Python function, got {type(function).__name__}: {shown(function)}")
    return Jitted(function, Parameters(function, static_argnums, static_argnames), options)


class Memory:
    """What a jitted function keeps: its traces, and what its derivatives keep."""

    def __init__(self) -> None:
        self.traces = Kept()
        self.derivatives: dict[Operator, Memory] = {}
        self.of_instances: dict[int, tuple[ref[Any], Memory]] = {}
        self.owner: ref[Jitted] | None = None  # which may have a method of its own for calls with floats

    def clear(self) -> None:
        self.traces.clear()
        owner = self.owner() if self.owner is not None else None
        if owner is not None:
            owner.__class__ = Jitted
        for memory in [*self.derivatives.values(), *[memory for _, memory in self.of_instances.values()]]:
            memory.clear()

    def of(self, instance: Any) -> Memory:
        """What is kept for an instance, as long as it lives; for one that can't be referred to weakly, nothing."""
        key = id(instance)
        standing = self.of_instances.get(key)
        if standing is not None and standing[0]() is instance:
            return standing[1]
        try:
            reference = ref(instance, lambda _: self.of_instances.pop(key, None))
        except TypeError:
            return Memory()
        return self.of_instances.setdefault(key, (reference, Memory()))[1]


class Jitted:
    """What `jit` makes of a Python function; threads may share it, and it pickles as the function does."""

    __wrapped__: Callable[..., Any]
    __name__: str
    __qualname__: str

    def __init__(
        self, function: Callable[..., Any], parameters: Parameters, options: Options, memory: Memory | None = None
    ) -> None:
        self.__name__ = self.__qualname__ = type(function).__name__
        update_wrapper(self, function)  # first: it may be a jitted function itself
        self._function, self._parameters, self._options = function, parameters, options
        self._base: tuple[Jitted, Operator] | None = None
        self._remember(Memory() if memory is None else memory)
        self._memory.owner = self._memory.owner or ref(self)

    def _remember(self, memory: Memory) -> None:
        self._memory, self._traces, self._quick = memory, memory.traces, memory.traces.quick
        self._derived: dict[Any, Jitted] = {}

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        if not named:
            found = self._quick.get((*map(type, arguments),))
            if found is not None:
                found.is_used = True
                if self.__class__ is Jitted:
                    self._specialise(arguments, found)
                return found.call(*arguments)
        return self._called(arguments, named)

    _general = __call__

    def _specialise(self, arguments: Sequence[Any], trace: Trace) -> None:
        """Give the function a class of its own, whose calls take floats at once."""
        is_owner = self._memory.owner is not None and self._memory.owner() is self
        if is_owner and len(arguments) <= MOST_FLOATS and {*map(type, arguments)} == {float}:
            call = taking_floats(len(arguments), trace.call, Jitted._general)
            self.__class__ = type("Jitted", (Jitted,), {"__call__": call, "__module__": __name__})

    def _called(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        key = None if named or self._parameters.has_static else _quick_key(arguments)
        trace = self._quick.get(key) if key is not None else None
        if trace is not None:
            trace.is_used = True
            return trace.call(*arguments)
        signature, leaves = self._parameters.read(arguments, named)
        trace = self._trace(signature)
        if not NUMBERS.issuperset(map(type, leaves)) and any(map(_may_hold_carriers, leaves)):
            return _on_carriers(trace, leaves)
        if key is not None:
            self._traces.enter((*map(type, arguments),) if NUMBERS.issuperset(map(type, arguments)) else key, trace)
        return trace.call(*leaves)

    def _trace(self, signature: Signature) -> Trace:
        trace: Trace | None = self._traces.get(signature)
        return self._traces.keep(signature, self._traced(signature)) if trace is None else trace

    def _traced(self, signature: Signature) -> Trace:
        if self._base is not None:
            base, operator = self._base
            return operator(base._trace(signature), signature)
        return traced(self._function, self._parameters, signature, self._options, self.__qualname__)

    def derived(self, name: str, wrt: Any = 0, kink: str = "mean") -> Jitted:
        """The derivative, as a jitted function of the same arguments: "gradient", "value_and_gradient", "jacobian", "hessian".

        `wrt` is the place or the name of an argument, a nest of which the derivative comes as; or a tuple or a list of them.

        >>> jit(lambda x, y: x * y).derived("gradient", ("x", "y"))(3.0, 4.0)
        (4.0, 3.0)
        """
        key = name, wrt if wrt.__class__ is not list else (list, *wrt), kink
        try:
            return made_once(self._derived, key, lambda: self._derivative(name, wrt, kink))
        except TypeError:  # no key
            return self._derivative(name, wrt, kink)

    def _derivative(self, name: str, wrt: Any, kink: str) -> Jitted:
        found = operator(name, wrt, kink, self._parameters)
        key: Any = found if wrt.__class__ is not list else found._replace(wrt=(list, *found.wrt))
        made: Jitted = _new(Jitted)
        Jitted.__init__(made, self, self._parameters, self._options, made_once(self._memory.derivatives, key, Memory))
        made._base = self, found
        return made

    def gradient(self, /, *arguments: Any, wrt: Any = 0, kink: str = "mean", **named: Any) -> Any:
        """The derivative of a number by an argument, at these arguments; see `derived` for `wrt`.

        >>> jit(lambda x, y: x * y).gradient(3.0, 4.0)
        4.0
        """
        return self.derived("gradient", wrt, kink)(*arguments, **named)

    def value_and_gradient(self, /, *arguments: Any, wrt: Any = 0, kink: str = "mean", **named: Any) -> Any:
        """The value and the gradient at these arguments, from one compiled function.

        >>> jit(lambda x, y: x * y).value_and_gradient(3.0, 4.0, wrt="y")
        (12.0, 3.0)
        """
        return self.derived("value_and_gradient", wrt, kink)(*arguments, **named)

    def jacobian(self, /, *arguments: Any, wrt: Any = 0, kink: str = "mean", **named: Any) -> Any:
        """The derivative of each output by an argument, of the output's shape and then the argument's.

        >>> jit(lambda v: v**2).jacobian(np.array([1.0, 2.0]))
        array([[2., 0.],
               [0., 4.]])
        """
        return self.derived("jacobian", wrt, kink)(*arguments, **named)

    def hessian(self, /, *arguments: Any, wrt: Any = 0, kink: str = "mean", **named: Any) -> Any:
        """The second derivatives of a number.

        >>> jit(lambda x, y: x**2 * y).hessian(3.0, 4.0, wrt=("x", "y"))
        ((8.0, 6.0), (6.0, 0.0))
        """
        return self.derived("hessian", wrt, kink)(*arguments, **named)

    def compiled(self, /, *arguments: Any, **named: Any) -> Any:
        """The compiled function that answers a call with such arguments, of the leaves of their nests: to see its program, its
        source, its back end and what it costs.

        >>> print(jit(lambda x: x * x + 1).compiled(2.0).program)
        v0 = x
        v1 = v0*v0
        v2 = 1
        v3 = v1 + v2
        return v3
        """
        return self._trace(self._parameters.read(arguments, named)[0]).function

    def clear_cache(self) -> None:
        """Forget all traces, those of derivatives too: what else the function reads is read again."""
        self._memory.clear()

    def __get__(self, instance: Any, owner: Any = None) -> Jitted:
        """A method of an instance, which it is static for: what the instance holds is read when a call is traced."""
        if instance is None:
            return self
        if self._base is not None:
            base, (name, wrt, kink) = self._base
            return base.__get__(instance).derived(name, without_first(wrt), kink)
        made: Jitted = _new(Jitted)
        made.__dict__.update(self.__dict__)
        made._function, made._parameters = MethodType(self._function, instance), self._parameters.of_method
        made._remember(self._memory.of(instance))
        return made

    def __repr__(self) -> str:
        return f"<jitted {self.__qualname__}: {len(self._traces)} traces>"

    def __reduce__(self) -> Any:
        if self._base is not None:
            base, (name, wrt, kink) = self._base
            return Jitted.derived, (base, name, wrt, kink)
        if isinstance(self._function, MethodType):
            return getattr, (self._function.__self__, self.__name__)
        try:
            found = attrgetter(self.__qualname__)(sys.modules[self.__module__])
        except (AttributeError, KeyError):
            found = None
        if found is self:
            return self.__qualname__
        return _restored, (self._function, self._parameters.static, self._options)


def _restored(function: Callable[..., Any], static: tuple[Any, Any], options: Options) -> Jitted:
    return Jitted(function, Parameters(function, *static), options)


def _quick_key(arguments: Sequence[Any]) -> Any:
    """What tells calls apart whose arguments are numbers and arrays; None where others are among them."""
    key: list[Any] = []
    for argument in arguments:
        if argument.__class__ is np.ndarray and argument.dtype.kind in _REALS:
            key.append(argument.shape)
        elif argument.__class__ in NUMBERS:
            key.append(())
        else:
            return None
    return tuple(key)


def _may_hold_carriers(leaf: Any) -> bool:
    """Whether a leaf is a carrier, or an array that may hold some."""
    if leaf.__class__ is np.ndarray:
        return bool(leaf.dtype.kind == "O")
    return getattr(leaf, "_level", 0) > 0 or getattr(leaf, "dtype", None) == object


def _on_carriers(trace: Trace, given: Sequence[Any]) -> Any:
    """The outputs where expressions, dual numbers or Variables are among the leaves."""
    leaves = [*map(carried, given)]
    ranked = [leaf for leaf in leaves if getattr(leaf, "_level", 0)]
    if not ranked:
        return trace.call(*leaves)
    top = max(ranked, key=attrgetter("_level"))
    if top._level > 1:
        leaves = [top._like(leaf) if getattr(leaf, "_level", 0) == 1 else leaf for leaf in leaves]
        return trace.on_carriers(leaves, is_symbolic=False)
    are_variables = {isinstance(leaf, Variable) for leaf in ranked}
    if len(are_variables) > 1:
        raise OperandError(f"a Variable can't meet an expression, got both as arguments of {trace.name}")
    return on_variables(trace, leaves) if are_variables == {True} else trace.on_carriers(leaves, is_symbolic=True)
