"""What NumPy's functions and ufuncs, called on carriers, come to here.

A function is known by where it lives, not by its last name alone: `np.linalg.trace` is no `np.trace`. Its arguments are
bound by NumPy's signature. What an offer takes it gets by name; what it does not take may only have NumPy's default, or
must be without influence on values. Everything else is refused: no option is ever dropped.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from typing import Any

from exprad.arrays import counterparts
from exprad.arrays.operands import as_operand
from exprad.carrier import is_operand
from exprad.errors import OperandError
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import shape_of
from exprad.tensor import reshaped

_ARRAYS = frozenset("a b x x1 x2 m v A y array arr ary val filt".split())  # NumPy's names of operands
_HARMLESS = {"subok", "optimize", "copy", "device"}  # options that change no value
_UNSIGNED: dict[str, Callable[..., Any]] = {  # functions in C, which older versions of NumPy give no signature
    "concatenate": lambda arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind": None,
    "where": lambda condition, x=None, y=None, /: None, "dot": lambda a, b, out=None: None,
    "inner": lambda a, b, /: None, "vdot": lambda a, b, /: None,
    "empty_like": lambda prototype, /, dtype=None, order="K", subok=True, shape=None, *, device=None: None,
}  # fmt: skip


class Offer:
    """One of NumPy's functions, and what stands for it here."""

    def __init__(self, theirs: Any, ours: Callable[..., Any]) -> None:
        self.theirs, self.ours = theirs, ours
        self.name = _place_of(theirs)

    @cached_property
    def signature(self) -> inspect.Signature:
        try:
            return inspect.signature(self.theirs)
        except ValueError:
            return inspect.signature(_UNSIGNED[self.name])

    @cached_property
    def taken(self) -> dict[str, str | None]:
        """NumPy's parameters that the offer takes: by which name, or None for those that it takes by position."""
        ours = inspect.signature(self.ours).parameters
        required = [each for each in self.signature.parameters.values() if each.default is each.empty]
        by_place = {each.name: None for each, _ in zip(required, ours, strict=False)}
        return {**{name: name for name in self.signature.parameters if name in ours}, **by_place}

    @cached_property
    def direct(self) -> int:
        """How many arguments by position mean the same in both signatures."""
        pairs = list(zip(self.signature.parameters.values(), inspect.signature(self.ours).parameters, strict=False))
        meant = [theirs.name == ours or self.taken.get(theirs.name, "") is None for theirs, ours in pairs]
        stars = [place for place, (theirs, _) in enumerate(pairs) if theirs.kind is theirs.VAR_POSITIONAL]
        return 1 << 30 if stars and all(meant[: stars[0] + 1]) else (meant + [False]).index(False)

    @cached_property
    def operands(self) -> int:
        """How many leading parameters are arrays."""
        return ([name in _ARRAYS for name in self.signature.parameters] + [False]).index(False)

    def __call__(self, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        if options or len(arguments) > self.direct:
            arguments, options = self._bound(arguments, options)
        for x in arguments[: self.operands]:
            if not hasattr(x, "_level"):
                count = self.operands
                return self.ours(*map(as_operand, arguments[:count]), *arguments[count:], **options)
        return self.ours(*arguments, **options)

    def _bound(self, arguments: Sequence[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        import numpy as np

        placed: list[Any] = []
        named: dict[str, Any] = {}
        for name, value in self.signature.bind(*arguments, **options).arguments.items():
            parameter = self.signature.parameters[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                placed += value
            elif parameter.kind is parameter.VAR_KEYWORD:
                for each in value:
                    self._refuse(each, value[each], each in self.taken_by_name)
                named.update(value)
            elif self.taken.get(name, "") is None:
                placed.append(value)
            elif value is np._NoValue or name in _HARMLESS or _is_default(value, parameter.default):
                continue
            else:
                self._refuse(name, value, name in self.taken)
                named[name] = value
        return placed, named

    @cached_property
    def taken_by_name(self) -> set[str]:
        return set(inspect.signature(self.ours).parameters)

    def _refuse(self, name: str, value: Any, is_taken: bool) -> None:
        if is_taken:
            return
        hint = "the result is no plain array, and has its own place" if name == "out" else "leave it out"
        raise OperandError(f"NumPy's {self.name} takes no {name}={value!r} of exprad's operands: {hint}")


def _is_default(value: Any, default: Any) -> bool:
    return value is default or value.__class__ in (str, bool, int, float) and value == default


def _place_of(function: Any) -> str:
    """Where NumPy has a function, without "numpy."."""
    place, name = function.__module__ or "", function.__name__
    return name if place == "numpy" else f"{place.removeprefix('numpy.')}.{name}"


@cache
def _offer(function: Any) -> Offer | None:
    found = counterparts.FUNCTIONS.get(_place_of(function))
    return None if found is None else Offer(function, found)


def dispatched(function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's functions gives on carriers."""
    offer = _offer(function)
    if offer is not None:
        return offer(arguments, options)
    if _place_of(function) in counterparts.OF_VALUES:
        return function(
            *map(counterparts.value_of, arguments),
            **{name: counterparts.value_of(each) for name, each in options.items()},
        )
    name = function.__name__
    raise OperandError(f"NumPy's {name} is not offered for {_kinds(arguments)}; write it with functions of exprad")


def _kinds(arguments: Sequence[Any]) -> str:
    return ", ".join(sorted({type(x).__name__ for x in arguments}))


# Ufuncs.

_DEFAULTS = {"where": True, "casting": "same_kind", "order": "K", "subok": True, "keepdims": False}
_REDUCTIONS = {"add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min"}


def of_ufunc(ufunc: Any, method: str, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    """What one of NumPy's ufuncs gives on carriers: an object array goes element by element."""
    options = {
        name: each
        for name, each in options.items()
        if name == "axis" or each is not None and not _is_default(each, _DEFAULTS.get(name))
    }
    out = options.pop("out", None)
    result = _METHODS.get(method, _refused_method(method))(ufunc, inputs, options)
    if out is None:
        return result
    return _written(ufunc, result, out[0])


def _written(ufunc: Any, result: Any, out: Any) -> Any:
    """The result of an operation in place, in an object array."""
    if getattr(out, "dtype", None) != object:
        raise OperandError(
            f"np.{ufunc.__name__} can't write {type(result).__name__} into an array of numbers, which has no derivative: "
            "compute a new one, a = a - b; or write numbers, such as x.data -= rate * x.grad.data"
        )
    out[...] = result
    return out


def _called(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    function = counterpart(ufunc)
    if function is None:
        raise OperandError(f"{ufunc.__name__} has no row of exprad's for {_kinds(inputs)}; Primitive(...) defines one")
    if options and function not in counterparts.WITH_OPTIONS:
        raise _refused_options(ufunc, options)
    if all(is_operand(operand) for operand in inputs):
        return function(*map(as_operand, inputs), **options)
    if not isinstance(function, Primitive):
        raise OperandError(f"np.{ufunc.__name__} takes an array of numbers or one expression, not an object array")
    import numpy as np

    arrays = [x._elements() if getattr(x, "_level", 0) else x for x in inputs]
    return np.frompyfunc(function, len(inputs), 1)(*arrays)


def _refused_options(ufunc: Any, options: dict[str, Any]) -> OperandError:
    given = ", ".join(f"{name}={each!r}" for name, each in options.items())
    return OperandError(
        f"np.{ufunc.__name__} takes no {given} of exprad's operands: write it with exprad.where, or leave it out"
    )


def _refused_method(method: str) -> Callable[..., Any]:
    def refused(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
        raise OperandError(f"np.{ufunc.__name__}.{method} is not offered for {_kinds(inputs)}")

    return refused


def _reduced(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    name = _REDUCTIONS.get(ufunc.__name__)
    if name is None or not set(options) <= {"axis", "keepdims"}:
        raise _refused_options(ufunc, options) if name else OperandError(f"np.{ufunc.__name__}.reduce is not offered")
    return counterparts.FUNCTIONS[name](as_operand(inputs[0]), **{"axis": 0, **options})


def _accumulated(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    if ufunc.__name__ != "add" or not set(options) <= {"axis"}:
        raise (
            _refused_options(ufunc, options)
            if options
            else OperandError(f"np.{ufunc.__name__}.accumulate is not offered")
        )
    return counterparts.FUNCTIONS["cumsum"](as_operand(inputs[0]), **{"axis": 0, **options})


def _outer(ufunc: Any, inputs: Sequence[Any], options: dict[str, Any]) -> Any:
    a, b = map(as_operand, inputs)
    return _called(ufunc, [reshaped(a, shape_of(a) + (1,) * len(shape_of(b))), b], options)


_METHODS: dict[str, Callable[..., Any]] = {
    "__call__": _called, "reduce": _reduced, "accumulate": _accumulated, "outer": _outer
}  # fmt: skip


def counterpart(ufunc: Any) -> Callable[..., Any] | None:
    """What stands for a ufunc of NumPy or SciPy: an elementwise row, or a function composed of rows."""
    found = _own_counterpart(ufunc)
    if found is not None:
        return found
    users = (row for row in Primitive.registry.values() if not row.is_own and row.numpy is not None)
    return next((row for row in users if _is_function_of(row, ufunc)), None)


@cache
def _own_counterpart(ufunc: Any) -> Callable[..., Any] | None:
    for row in Primitive.registry.values():
        if row.is_own and _is_function_of(row, ufunc):
            return row
    for module, found in counterparts.UFUNCS.items():
        for name, function in found.items():
            if _lives(ufunc, module, name):
                return function
    return None


def _is_function_of(row: Primitive, ufunc: Any) -> bool:
    if callable(row.numpy):
        return row.numpy is ufunc
    module, _, name = (row.numpy or row.name).rpartition(":")
    return _lives(ufunc, module or "numpy", name)


def _lives(ufunc: Any, module: str, name: str) -> bool:
    return getattr(sys.modules.get(module), name, None) is ufunc
