"""compile: expressions into a `Function` of numbers and arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from inspect import Parameter, Signature
from keyword import iskeyword
from math import prod
from threading import Thread
from typing import Any, Literal, NamedTuple, overload

import numpy as np

from exprad.backends.cupy import CupyFunction
from exprad.backends.foreign import MODULES, ArrayFunction
from exprad.backends.foreign import has_function as foreign_has
from exprad.backends.levels import LevelRunner
from exprad.backends.native.machine_code import Native
from exprad.backends.numpy import BlockRunner
from exprad.backends.points import PointsRunner
from exprad.backends.python import ScalarSource
from exprad.backends.regions import RegionRunner
from exprad.backends.signature import Input, Structure, read_inputs
from exprad.backends.statements import has_function
from exprad.errors import (
    ArgumentError,
    BindingError,
    ExpradError,
    OperandError,
    ShapeError,
    UnsupportedError,
    refuse_masked,
)
from exprad.graph.checkpoint import checkpointed
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr, object_array
from exprad.graph.program import Forecast, Program
from exprad.ground.bound import handler_of
from exprad.ground.digits import shown
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.ground.traverse import collector_paused

BACKENDS = ("auto", "numpy", "python", "native", "cupy", "jax", "torch")
LARGE = 3000  # steps from which a program runs level by level, and never becomes source
HOT = 1000  # calls with numbers after which backend "auto" makes a built-in of them
# What says of a row with a formula whether the target has a function for it, where the target is not NumPy.
FUNCTIONS: dict[str, Callable[[Primitive], bool]] = {
    **{library: partial(foreign_has, library) for library in MODULES},
    "cupy": partial(has_function, "cupy"),
    "python": lambda row: not row.is_composed or row.spelling("python") is not None,
    "native": lambda row: not row.is_composed or row.spelling("llvm") is not None,
}
PLAIN = {float: float, int: int}


@overload
def compile(outputs: Any, inputs: Any = None, *, backend: Literal["jax", "torch"], checkpoint: int | str | None = None,
            fast: bool = False) -> ArrayFunction: ...  # fmt: skip


@overload
def compile(outputs: Any, inputs: Any = None, *, backend: Literal["cupy"], checkpoint: int | str | None = None,
            fast: bool = False) -> CupyFunction: ...  # fmt: skip


@overload
def compile(outputs: Any, inputs: Any = None, *, backend: str = "auto", checkpoint: int | str | None = None,
            fast: bool = False) -> Function: ...  # fmt: skip


def compile(
    outputs: Any, inputs: Any = None, *, backend: str = "auto", checkpoint: int | str | None = None, fast: bool = False
) -> Any:
    """A function that computes expressions, for numbers and arrays.

    `outputs` is an expression, an object array of them, or a list, tuple or dict of outputs; the function returns the
    same structure. `inputs` is a sequence of variables, or of sequences and object arrays of them, each of which takes
    one array of that leading shape; left out, the inputs are all variables by first appearance. `backend` is "numpy"
    (blocks of arrays), "python" (one point at a time) or "auto", which takes either by what it is given, and "native"
    for large calls and after many small ones where the extra `native` is installed: the property `backend` says when.
    "native" makes machine code for arrays of scalars, where `fast=True` allows fused multiply-add and reassociation,
    which move last bits; "cupy" makes a fused kernel for a GPU; "jax" and "torch" give an `ArrayFunction` of the arrays
    of these libraries, which their own jit and grad take.
    `checkpoint` saves memory for time: of the values that a reverse pass over arrays reads, only every k-th is kept, and
    the others are computed again; "sqrt" takes the root of how many there are (see `exprad.graph.checkpoint`).

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> f = x * x * y + y + 2
    >>> g = compile([f, *f.gradient([x, y])], [x, y])
    >>> g(3.0, 4.0)
    [42.0, 24.0, 10.0]
    >>> g(y=4.0, x=np.array([3.0, 5.0]))[1]
    array([24., 40.])
    """
    if backend not in BACKENDS:
        raise ArgumentError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    if fast and backend != "native":
        raise ArgumentError(f"fast=True is for backend='native', got backend={backend!r}")
    structure = Structure(outputs)
    with collector_paused():
        program = _lowered(structure.expressions, backend, checkpoint)
        if backend == "cupy":
            return CupyFunction(structure, read_inputs(program, inputs), program)
        if backend in MODULES:
            return ArrayFunction(structure, read_inputs(program, inputs), backend, program)
        return Function(structure, read_inputs(program, inputs), backend, program, (checkpoint, fast))


def _lowered(outputs: Sequence[Expr], backend: str, checkpoint: int | str | None) -> Program:
    program = Program.lowered(outputs, FUNCTIONS.get(backend))
    return program if checkpoint is None else checkpointed(program, checkpoint)


class Function:
    """Compiled expressions: call it with numbers or arrays, by place or by name. Threads may share it; it pickles.

    An array given for a scalar variable is a value at each of many points; such arrays broadcast together. Of expressions
    of arrays, the points' axes come before their own. float32 and float64 are kept, integers become float64. `out=` takes
    arrays to write to, in the structure of the outputs. Numbers in give numbers out. Called on expressions or dual
    numbers, it gives those.
    """

    def __new__(cls, *arguments: Any) -> Function:
        if len(arguments) < 4:
            raise ArgumentError("Function is what compile(f, [x, y]) makes; a function of your own is a row, such as "
                                f"Primitive({shown(arguments[0]) if arguments else 'name'}, partial)")  # fmt: skip
        return super().__new__(cls)

    def __init__(self, structure: Structure, inputs: Sequence[Input], backend: str, program: Program,
                 options: tuple[int | str | None, bool] = (None, False)) -> None:  # fmt: skip
        self._options = options
        self._structure, self._inputs, self._requested, self.program = structure, tuple(inputs), backend, program
        self._places = {slot.name: place for place, slot in enumerate(self._inputs) if slot.name}
        self._variables = tuple([variable for slot in self._inputs for variable in slot.variables])
        self._is_shaped = not program.is_of_scalars or any(variable.shape for variable in self._variables)
        self._columns = [program.variables.get(variable.name, -1) for variable in self._variables]
        is_large = len(self.program.steps) > LARGE and not self._is_shaped
        kind = RegionRunner if self._is_shaped else LevelRunner if is_large else BlockRunner
        self._takes_names = all(not slot.shape for slot in self._inputs)
        self._template = structure.template()
        self._signatures: dict[Any, _Signature] = {}
        self._native = self._machine_code()
        if backend == "native" and self._native is not None:
            self._runner: Any = self._native.runner
        else:
            self._runner = kind(self.program, self._columns, self._inputs, structure.leaves)
        self._builtin: Any = None
        self._takes_numbers = backend != "numpy" and kind is BlockRunner
        self._may_specialise = bool(
            self._takes_numbers and self._takes_names and self._template and len(self._columns) <= 100
        )

    @cached_property
    def _at_points(self) -> PointsRunner:
        """What runs a function of arrays at many points."""
        return PointsRunner(self.program, self._inputs, self._structure.leaves, self._prepared)

    def _prepared(self, outputs: Sequence[Expr]) -> Program:
        return _lowered(outputs, self._requested, self._options[0])

    def _machine_code(self) -> Native | None:
        """What the native back end has for the function, where it was asked for, or may pay."""
        if self._requested not in ("native", "auto") or self._requested == "auto" and self._is_shaped:
            return None
        if self._is_shaped:
            raise UnsupportedError("backend 'native' takes expressions of scalars; for arrays take backend='numpy'")
        native = Native(self.program, self._structure.expressions, self._variables, self._inputs, self._structure.leaves,
                        self._options[1])  # fmt: skip
        return native if self._requested == "native" or native.may_run else None

    @cached_property
    def _source(self) -> ScalarSource:
        flat = "(" + "{}, " * len(self._structure.expressions) + ")"
        return ScalarSource(self.program, self._columns, self._template or flat)

    @cached_property
    def _scalar(self) -> Callable[..., Any]:
        """The function of floats, in Python."""
        return self._source.function()

    def _specialise(self) -> None:
        """Give the function a class of its own, whose calls take floats at once: in Python, and in time as a built-in."""
        native, calls = self._native, None
        call = None
        if native is not None and native.has_builtin and self._container is not None:
            if self._requested == "native":
                call = self._builtin = native.builtin(self._container, self._general)
            elif native.is_as_in_python:
                calls = HOT
        self._may_specialise = False
        self.__class__ = type(
            "Function", (Function,), {"__call__": call or self._source.method(calls), "__slots__": ()}
        )

    @property
    def _container(self) -> str | None:
        """What a built-in gives: "" for one value, "List" or "Tuple" of values; None where it can't."""
        kind = {"{": "", "[": "List", "(": "Tuple"}[self._template[0]]  # type: ignore[index]  # asked before
        tree = self._structure.tree
        is_flat = not kind or not isinstance(tree, int) and all(isinstance(each, int) for each in tree[1])
        return kind if is_flat else None

    def _warm(self) -> None:
        """Make a built-in of the calls with floats meanwhile."""
        own: Any = type(self)
        native: Any = self._native
        own.__call__.__globals__["tick"] = bool  # counts no more

        def make() -> None:
            with suppress(ExpradError):  # where LLVM is installed, but does not load
                own.__call__ = native.builtin(self._container, self._general)

        with suppress(RuntimeError):  # while the interpreter shuts down, no thread starts
            Thread(target=make, name="exprad built-in").start()

    @property
    def backend(self) -> str:
        """What the function chose.

        >>> from exprad import Var
        >>> compile(Var("x") + 1, backend="numpy").backend
        'numpy'
        """
        if self._requested == "native":
            return "python for numbers, native for arrays" if self._takes_numbers else "native"
        if self._requested == "python" and self._takes_numbers:
            return "python"
        arrays = "numpy, level by level" if isinstance(self._runner, LevelRunner) else "numpy"
        if self._takes_numbers:
            arrays = f"python for numbers, {arrays} for arrays"
        if self._native is not None and self._native.can_run:
            arrays += f", native from {self._native.points:,} points"
        return arrays

    @property
    def __signature__(self) -> Signature:
        given, names = {slot.name for slot in self._inputs}, list[str]()
        for place, slot in enumerate(self._inputs):
            name = slot.name if slot.name.isidentifier() and not iskeyword(slot.name) and slot.name != "out" else ""
            names.append(name or next(other for k in range(len(given) + 1)
                                      if (other := f"input_{place}" + "_" * k) not in given))  # fmt: skip
        inputs = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in names]
        return Signature([*inputs, Parameter("out", Parameter.KEYWORD_ONLY, default=None)])

    def source(self) -> str:
        """The generated code: standalone Python where numbers are taken, else what NumPy is asked, or LLVM's text."""
        is_python = self._takes_numbers and self._requested != "native"
        return self._source.text if is_python else self._runner.source

    def forecast(self, points: int = 1) -> Forecast:
        """What a call at that many points will cost; see `Program.forecast`. Of a function of arrays at one point, the peak
        is that of the memory beyond inputs and outputs, as it is planned."""
        found = self.program.forecast(points)
        is_planned = isinstance(self._runner, RegionRunner) and points == 1
        return found._replace(peak_memory=self._runner.peak(8)) if is_planned else found

    def __repr__(self) -> str:
        inputs = ", ".join(slot.name or f"[{slot.variables[0].name}, ...]" for slot in self._inputs)
        return f"<function ({inputs}): {sum(self.program.operations.values())} operations; {self.backend}>"

    def __reduce__(self) -> tuple[Any, ...]:
        nodes = Program.of([*self._structure.expressions, *self._variables])
        shapes = [(slot.name, slot.shape, len(slot.variables)) for slot in self._inputs]
        return _restored, (
            nodes,
            self._structure.tree,
            self._structure.leaves,
            shapes,
            self._requested,
            self._options,
        )

    def __call__(self, /, *arguments: Any, out: Any = None, **named: Any) -> Any:
        """A call of any kind. Functions of a few numbers get a class with a `__call__` that takes floats at once."""
        if named or len(arguments) != len(self._inputs):
            arguments = tuple(self._by_place(arguments, named))
        key = _key(arguments)
        known = self._signatures.get(key)
        if known is None:
            if any(map(_holds_carriers, arguments)):
                return self._on_carriers(arguments)
            handler = handler_of(arguments)
            if handler is not None:
                return handler(self, arguments)
            arrays = [slot.checked(argument) for slot, argument in zip(self._inputs, arguments, strict=True)]
            known = self._signature(arguments, arrays)
            if len(self._signatures) >= 100:
                self._signatures.clear()
            if key is not None:
                self._signatures[key] = known
        else:
            arrays = [x if x.__class__ is np.ndarray else slot.checked(x)
                      for slot, x in zip(self._inputs, arguments, strict=True)]  # fmt: skip
        if known.is_point and out is None:
            if known.are_numbers and self._may_specialise:
                self._specialise()
                return self(*arguments)
            return self._at_point([value for array in arrays for value in array.astype(float).ravel().tolist()])
        if self._requested == "python" and self._takes_numbers:
            raise OperandError("backend 'python' takes numbers, one point at a time; use backend='numpy' for arrays")
        if out is not None:
            self._run(arrays, self._targets(out, known.results), known)
            return out
        leaves = [np.empty(shape, kind) for shape, kind in known.results]
        known.runner(arrays, leaves, known.points, known.dtype)
        return self._structure.build([_number(leaf) if known.are_numbers else leaf[()] for leaf in leaves])

    _general = __call__

    def _signature(self, arguments: Sequence[Any], arrays: Sequence[Any]) -> _Signature:
        """What follows from the shapes and types of the arguments alone."""
        dtype, points = _dtype(arguments, arrays), self._points(arrays)
        are_numbers = all(x.__class__ in PLAIN for x in arguments)
        is_point = points == () and self._takes_numbers and dtype == np.float64 and all(
            slot.shape or x.__class__ in PLAIN for slot, x in zip(self._inputs, arguments, strict=True))  # fmt: skip
        runner = self._at_points if self._is_shaped and points else self._runner
        native = self._native if self._requested == "auto" else None
        if native is not None and prod(points) >= native.points and native.can_run:
            runner = native.runner
        return _Signature(dtype, points, is_point, are_numbers, self._results(points, dtype), runner)

    def _at_point(self, values: Sequence[float]) -> Any:
        """One point in floats. What Python refuses, such as 1/0, NumPy computes."""
        if self._builtin is not None:
            return self._builtin(*values)
        try:
            found = self._scalar(*values)
        except (ArithmeticError, ValueError):
            arrays = _arranged(values, self._inputs)
            leaves = [np.empty(shape, kind) for shape, kind in self._results((), np.dtype(float))]
            self._runner(arrays, leaves, (), np.dtype(float))
            return self._structure.build([_number(leaf) for leaf in leaves])
        if self._template is not None:
            return found
        return self._structure.build([found[first] if shape is None else np.array(found[first:beyond]).reshape(shape)
                                      for shape, first, beyond in self._structure.leaves])  # fmt: skip

    def _targets(self, out: Any, results: Sequence[tuple[Shape, Any]]) -> list[Any]:
        """The arrays given to write to, one an output."""
        given = self._structure.flatten(out)
        for place, (mine, (shape, kind)) in enumerate(zip(given, results, strict=True)):
            if not isinstance(mine, np.ndarray) or mine.shape != shape or mine.dtype != kind:
                found = f"{mine.shape} of {mine.dtype}" if isinstance(mine, np.ndarray) else type(mine).__name__
                raise ShapeError(f"out of output {place} must be an array {shape} of {kind}, got {found}")
            if mine.__class__ is not np.ndarray:
                refuse_masked(mine, f"out of output {place}")
            if not mine.flags.writeable:
                raise ArgumentError(f"out of output {place} is read-only")
            for other in given[:place]:
                if np.may_share_memory(mine, other) and np.shares_memory(mine, other):
                    raise ArgumentError(f"out of output {place} shares memory with another output")
        return given

    def _run(self, arrays: Sequence[Any], given: Sequence[Any], known: _Signature) -> None:
        """Write to the arrays given; first to others, where one may share memory with an input."""
        targets = list(given)
        for place, mine in enumerate(given):
            for array in arrays:
                if np.may_share_memory(mine, array):
                    targets[place] = np.empty_like(mine)
                    break
        known.runner(arrays, targets, known.points, known.dtype)
        for mine, target in zip(given, targets, strict=True):
            if mine is not target:
                np.copyto(mine, target)

    def _on_carriers(self, arguments: Sequence[Any]) -> Any:
        """Expressions give expressions, dual numbers dual numbers: by evaluation, not by compiled code."""
        bindings: dict[Any, Any] = {}
        for slot, argument in zip(self._inputs, arguments, strict=True):
            values = np.asarray(argument, object).ravel().tolist() if slot.shape else [argument]
            bindings.update(zip(slot.variables, values, strict=True))
        if any(getattr(value, "_level", 0) == 1 for value in bindings.values()):
            found = [each.substitute(bindings) for each in self._structure.expressions]
        else:
            found = evaluate(self._structure.expressions, bindings)
        return self._structure.build([
            found[first] if shape is None else object_array(found[first:beyond], shape)
            for shape, first, beyond in self._structure.leaves
        ])  # fmt: skip

    def _by_place(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
        names = [slot.name or "(an array)" for slot in self._inputs]
        for name in named:
            if name not in self._places:
                raise BindingError(f"no input is called {name!r}; inputs: {names}")
            if self._places[name] < len(arguments):
                raise BindingError(f"input {name!r} is given twice")
        if len(arguments) + len(named) != len(names):
            raise ArgumentError(f"the function takes {len(names)} inputs {names}, got {len(arguments) + len(named)}")
        return [named[slot.name] if place >= len(arguments) else arguments[place]
                for place, slot in enumerate(self._inputs)]  # fmt: skip

    def _points(self, arrays: Sequence[Any]) -> Shape:
        rest = [array.shape[len(slot.array_shape) :] for slot, array in zip(self._inputs, arrays, strict=True)]
        try:
            return np.broadcast_shapes(*rest)
        except ValueError:
            given = ", ".join(f"{slot.label}: {shape}" for slot, shape in zip(self._inputs, rest, strict=True))
            raise ShapeError(f"shapes do not broadcast together: {given}") from None

    def _results(self, points: Shape, dtype: Any) -> list[tuple[Shape, Any]]:
        """The shape and the type of each output: an array of outputs has one for each of its places, so its axes come first."""
        results = []
        for shape, first, _ in self._structure.leaves:
            index = self.program.outputs[first]
            head = self.program.steps[index][0]
            own = self.program.shapes[index] if shape is None else shape
            is_condition = shape is None and getattr(head, "predicate", False)
            whole = points + own if shape is None else own + points
            results.append((whole, np.dtype(bool) if is_condition else dtype))
        return results


class _Signature(NamedTuple):
    """What a call with arguments of certain shapes and types comes to."""

    dtype: Any
    points: Shape
    is_point: bool
    are_numbers: bool
    results: list[tuple[Shape, Any]]
    runner: Any


def _key(arguments: Sequence[Any]) -> Any:
    """What tells calls apart whose arguments are arrays and numbers; None where others are among them."""
    key: list[Any] = []
    for argument in arguments:
        if argument.__class__ is np.ndarray:
            key.append((argument.shape, argument.dtype))
        elif argument.__class__ in PLAIN:
            key.append(argument.__class__)
        else:
            return None
    return tuple(key)


def _number(leaf: Any) -> Any:
    return leaf.item() if leaf.shape == () else leaf


def _holds_carriers(argument: Any) -> bool:
    """Whether an argument is, or holds, an expression or a dual number."""
    if isinstance(argument, (list, tuple)):
        return any(map(_holds_carriers, argument))
    return getattr(argument, "_level", 0) > 0 or getattr(argument, "dtype", None) == object


def _dtype(arguments: Sequence[Any], arrays: Sequence[Any]) -> Any:
    """The floating type of the arrays given; Python's own numbers fit any."""
    kinds = [array.dtype for given, array in zip(arguments, arrays, strict=True) if given.__class__ not in (float, int)]
    floats = [kind if kind.kind == "f" else np.dtype(float) for kind in kinds]
    return np.result_type(*floats) if floats else np.dtype(float)


def _arranged(values: Sequence[float], inputs: Sequence[Input]) -> list[Any]:
    rest = iter(values)
    return [np.array([next(rest) for _ in slot.variables]).reshape(slot.shape) for slot in inputs]


def _restored(nodes: Program, tree: Any, leaves: Any, shapes: Any, backend: str, options: Any) -> Function:
    found = nodes.expressions()
    count = sum(size for *_, size in shapes)
    structure = Structure(found[: len(found) - count])
    structure.tree, structure.leaves = tree, leaves
    rest = iter(found[len(found) - count :])
    inputs: list[Any] = []
    for name, shape, size in shapes:
        group = [next(rest) for _ in range(size)]
        inputs.append(group[0] if name else object_array(group, shape))
    program = _lowered(structure.expressions, backend, options[0])
    return Function(structure, read_inputs(program, inputs), backend, program, options)
