"""compile: expressions into a `Function` of numbers and arrays."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Signature
from types import MethodType
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from exprad.backends import choice
from exprad.backends.arguments import PYTHONS, Arguments, dtype_of, holds_carriers, key_of
from exprad.backends.carriers import on_carriers
from exprad.backends.choice import Choice
from exprad.backends.cupy import CupyFunction
from exprad.backends.floats import FloatCalls
from exprad.backends.forecast import CallForecast, forecast
from exprad.backends.foreign import MODULES, ArrayFunction
from exprad.backends.native import answered
from exprad.backends.outputs import Outputs, Plan, number_of
from exprad.backends.signature import Input, Structure, read_inputs
from exprad.errors import ArgumentError, OperandError
from exprad.graph.expr import object_array
from exprad.graph.program import Program
from exprad.ground.bound import handler_of
from exprad.ground.digits import shown
from exprad.ground.traverse import collector_paused

Options = tuple[int | str | None, bool]  # of `compile`: checkpoint, fast
MOST_PLANS = 100  # that a function keeps


@overload
def compile(
    outputs: Any,
    inputs: Any = None,
    *,
    backend: Literal["jax", "torch"],
    checkpoint: int | str | None = None,
    fast: bool = False,
) -> ArrayFunction: ...


@overload
def compile(
    outputs: Any,
    inputs: Any = None,
    *,
    backend: Literal["cupy"],
    checkpoint: int | str | None = None,
    fast: bool = False,
) -> CupyFunction: ...


@overload
def compile(
    outputs: Any, inputs: Any = None, *, backend: str = "auto", checkpoint: int | str | None = None, fast: bool = False
) -> Function: ...


def compile(
    outputs: Any, inputs: Any = None, *, backend: str = "auto", checkpoint: int | str | None = None, fast: bool = False
) -> Any:
    """A function that computes expressions, for numbers and arrays.

    `outputs` is an expression, an object array of them, or a list, tuple or dict of outputs; the function returns the
    same structure. `inputs` is a sequence of variables, or of sequences and object arrays of them, each of which takes
    one array of that leading shape; left out, the inputs are all variables by first appearance. `backend` is "numpy"
    (blocks of arrays), "python" (one point at a time) or "auto", which takes either by what it is given, and "native"
    for large calls and after many small ones where the extra `native` is installed: the property `backend` says when.
    "native" makes machine code, for scalars and for arrays in the graph, where `fast=True` allows fused multiply-add and
    reassociation, which move last bits; "cupy" makes a fused kernel for a GPU; "jax" and "torch" give an
    `ArrayFunction` of the arrays of these libraries, which their own jit and grad take.
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
    choice.check(backend, fast)
    structure = Structure(outputs)
    with collector_paused():
        program = choice.program_of(structure, backend, checkpoint)
        slots = read_inputs(program, inputs)
        if backend == "cupy":
            return CupyFunction(structure, slots, program)
        if backend in MODULES:
            return ArrayFunction(structure, slots, backend, program)
        return Function(structure, slots, backend, program, (checkpoint, fast))


if TYPE_CHECKING:
    _Answered = object
else:
    _Answered = answered()  # a class with room for what answers a call in machine code


class Function(_Answered):
    """Compiled expressions: call it with numbers or arrays, by place or by name. Threads may share it; it pickles.

    An array given for a scalar variable is a value at each of many points, and so is one that has axes in front of those of
    its variable; these axes broadcast together, and come before an output's own. float32 and float64 are kept, integers
    become float64. `out=` takes arrays to write to, in the structure of the outputs. Numbers in give numbers out. Called on
    expressions, dual numbers or Variables, it gives those.
    """

    def __new__(cls, *arguments: Any) -> Function:
        if len(arguments) < 4:
            name = shown(arguments[0]) if arguments else "name"
            said = "Function is what compile(f, [x, y]) makes; a function of your own is a row"
            raise ArgumentError(f"{said}, such as Primitive({name}, partial)")
        return super().__new__(cls)

    def __init__(
        self,
        structure: Structure,
        inputs: Sequence[Input],
        backend: str,
        program: Program,
        options: Options = (None, False),
    ) -> None:
        self.program, self._structure, self._inputs, self._options = program, structure, tuple(inputs), options
        self._arguments = Arguments(self._inputs)
        self._outputs = Outputs(program, structure)
        self._choice = Choice(program, self._inputs, structure, backend, options)
        self._floats = FloatCalls(self._arguments, self._outputs, self._choice)
        self._takes_arrays = backend != "python" or not self._choice.takes_numbers
        self._plans: dict[Any, Plan] = {}

    @property
    def backend(self) -> str:
        """What the function chose.

        >>> from exprad import Var
        >>> compile(Var("x") + 1, backend="numpy").backend
        'numpy'
        """
        return self._choice.description

    @property
    def __signature__(self) -> Signature:
        return self._arguments.signature

    def source(self) -> str:
        """The generated code: standalone Python where numbers are taken, else what NumPy is asked, or LLVM's text."""
        is_python = self._choice.takes_numbers and self._choice.backend != "native"
        return self._floats.source.text if is_python else self._choice.arrays.source

    def forecast(self, points: int = 1) -> CallForecast:
        """What a call at that many points will cost, in each way that it may run, and which is taken; see `CallForecast`.

        At one point, the memory of a function of arrays is that beyond inputs and outputs, as it is planned.

        >>> from exprad import Var
        >>> g = compile(Var("x") ** 2 + 1, backend="numpy")
        >>> g.forecast(10_000).operations, g.forecast(10_000).chosen
        (20000, 'numpy')
        """
        return forecast(self._choice, points, self._floats.has_builtin)

    def __repr__(self) -> str:
        return f"<function ({self._arguments}): {sum(self.program.operations.values())} operations; {self.backend}>"

    def __reduce__(self) -> tuple[Any, ...]:
        nodes = Program.of([*self._structure.expressions, *self._choice.variables])
        shapes = [(slot.name, slot.shape, len(slot.variables)) for slot in self._inputs]
        tree, leaves = self._structure.tree, self._structure.leaves
        return _restored, (nodes, tree, leaves, shapes, self._choice.backend, self._options)

    def __call__(self, /, *arguments: Any, out: Any = None, **named: Any) -> Any:
        """A call of any kind. Functions of a few numbers get a class with a `__call__` that takes floats at once."""
        if named or len(arguments) != len(self._inputs):
            arguments = self._arguments.by_place(arguments, named)
        key, pairs = key_of(arguments), zip(self._inputs, arguments, strict=True)
        plan = self._plans.get(key)
        if plan is None:
            if not PYTHONS.issuperset(map(type, arguments)) and any(map(holds_carriers, arguments)):
                return on_carriers(self._arguments, self._structure, arguments)
            handler = handler_of(arguments)
            if handler is not None:
                return handler(self, arguments)
            arrays = [slot.checked(x) for slot, x in pairs]
            plan = self._plan(key, arguments, arrays)
        else:
            arrays = [x if x.__class__ is np.ndarray else slot.checked(x) for slot, x in pairs]
        if plan.is_point and out is None:
            if plan.are_numbers and self._floats.is_due:
                self._floats.may_specialise = False
                self._specialise(self._floats.method(self._general))
                return self(*arguments)
            return self._floats.at_point([value for array in arrays for value in array.astype(float).ravel().tolist()])
        if not self._takes_arrays:
            raise OperandError("backend 'python' takes numbers, one point at a time; use backend='numpy' for arrays")
        if out is not None:
            plan.write(arrays, self._outputs.targets(out, plan.results))
            return out
        leaves = [np.empty(shape, kind) for shape, kind in plan.results]
        plan.runner(arrays, leaves, plan.points, plan.dtype)
        return self._structure.build([number_of(leaf) if plan.are_numbers else leaf[()] for leaf in leaves])

    _general = __call__

    def _plan(self, key: Any, arguments: Sequence[Any], arrays: Sequence[Any]) -> Plan:
        """What follows from the shapes and types of the arguments alone; kept, where they have a key."""
        dtype, points = dtype_of(arguments, arrays), self._arguments.points(arrays)
        is_float = points == () and dtype == np.float64
        is_point = is_float and self._choice.takes_numbers and self._arguments.are_one_point(arguments)
        are_numbers = PYTHONS.issuperset([x.__class__ for x in arguments])
        runner = self._choice.run_late if is_point else self._choice.runner(points)
        plan = Plan(dtype, points, is_point, are_numbers, self._outputs.results(points, dtype), runner)
        if len(self._plans) >= MOST_PLANS:
            self._plans.clear()
        if key is not None:
            self._plans[key] = plan
        if not is_point and self._floats.takes_arrays(runner):
            self._specialise(self._floats.built(self.__call__).function)
        call = self._choice.own_call(self._general) if points == () and self.__class__ is Function else None
        if call is not None:
            self._specialise(call)
        return plan

    def _specialise(self, call: Any) -> None:
        """Give the function a class of its own, whose calls take floats at once, in Python or as a built-in, and arrays."""
        own: Any = self.__class__
        if own is Function:
            self.__class__ = type("Function", (Function,), {"__call__": call, "__slots__": ()})
        elif not self._floats.is_built(own.__call__):
            own.__call__ = call
        elif call is not own.__call__:
            self._floats.built(call).leave_to(MethodType(call, self))
        self._floats.answer(self)

    def _warm(self) -> None:
        """Called by the method in Python, when it has been called often."""
        self._floats.warm(type(self), self._general)


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
    program = choice.program_of(structure, backend, options[0])
    return Function(structure, read_inputs(program, inputs), backend, program, options)
