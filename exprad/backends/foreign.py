"""JAX and PyTorch: a program as a function of their arrays, which composes with their own jit, vmap and grad.

What the library calls a row, the row says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, cast

import numpy as np

from exprad.backends.arguments import together
from exprad.backends.points import at_many
from exprad.backends.signature import Input, Structure
from exprad.errors import ArgumentError, UnsupportedError, extra, refuse_masked
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape
from exprad.numbers import as_float, function_of

MODULES = {"jax": "jax.numpy", "torch": "torch"}


def has_function(backend: str, row: Primitive) -> bool:
    """Whether a library has a row of the first table."""
    try:
        return row.spelling(backend) is not None and function_of(import_module(MODULES[backend]), row) is not None
    except ImportError:
        return True  # which is said when the function is made


class ArrayFunction:
    """Compiled expressions of JAX's or PyTorch's arrays: called by place or by name, with arrays of that library."""

    def __init__(self, structure: Structure, inputs: Sequence[Input], backend: str, program: Program) -> None:
        self.backend, self.program = backend, program
        self._structure, self._inputs = structure, tuple(inputs)
        try:
            self._library = import_module(MODULES[backend])
        except ImportError:
            raise extra(MODULES[backend].partition(".")[0], backend, f"backend {backend!r}") from None
        self._functions: dict[Any, Callable[..., list[Any]]] = {(): self._written(program)}

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        if named or len(arguments) != len(self._inputs):
            arguments = self._by_place(arguments, named)
        leads = [_points_of(slot, argument) for slot, argument in zip(self._inputs, arguments, strict=True)]
        points = together(self._inputs, leads)
        shapes = {
            each.name: lead for slot, lead in zip(self._inputs, leads, strict=True) for each in slot.variables if lead
        }
        return self._built(self._at_points(shapes)(*arguments), points)

    def _at_points(self, shapes: dict[str, Shape]) -> Callable[..., list[Any]]:
        """The function for variables that have values at points of these shapes: rows of arrays are told which axes are whose."""
        key = () if self.program.is_of_scalars else tuple(shapes.items())
        function = self._functions.get(key)
        if function is None:
            has = partial(has_function, self.backend)
            function = self._functions[key] = self._written(Program.lowered(at_many(self.program, shapes), has))
        return function

    def _by_place(self, arguments: Sequence[Any], named: dict[str, Any]) -> tuple[Any, ...]:
        names = [slot.name for slot in self._inputs]
        places = {name: place for place, name in enumerate(names) if name}
        if len(arguments) + len(named) != len(names) or any(places.get(name, -1) < len(arguments) for name in named):
            raise ArgumentError(
                f"the function takes the inputs {names}, got {len(arguments)} by place and {sorted(named)}"
            )
        return (*arguments, *[named[name] for name in names[len(arguments) :]])

    def source(self, program: Program | None = None) -> str:
        """The function that the library traces, where `f3` is what computes step 3, and `k3` its constant."""
        given = ", ".join(f"a{place}" for place in range(len(self._inputs)))
        return f"def function({given}):\n    " + "\n    ".join(self._lines(program or self.program)) + "\n"

    def _written(self, program: Program) -> Callable[..., list[Any]]:
        """The program as straight lines of the library's own functions, which its compilers see through."""
        library = self._library
        scope: dict[str, Any] = {
            "asarray": library.asarray,
            "dtype_of": partial(_dtype, library),
            "flat": _flat,
            "full": library.full,
            "number": library.asarray if self.backend == "jax" else library.as_tensor,
        }
        for index, (head, *rest) in enumerate(program.steps):
            if head == "const":
                scope[f"k{index}"] = rest[0].copy() if hasattr(rest[0], "dtype") else as_float(rest[0])
            elif isinstance(head, Primitive):
                scope[f"f{index}"] = self._function(head)
        exec(self.source(program), scope)
        return cast("Callable[..., list[Any]]", scope["function"])

    def _function(self, row: Primitive) -> Callable[..., Any]:
        if row.partials is None:
            spelled: Any = row.spelling(self.backend)
            found = spelled and partial(spelled, self._library, **row.parameters)
        else:
            found = function_of(self._library, row)
        if found is None:
            raise UnsupportedError(
                f"backend {self.backend!r} has no function for {row.name}; spell it for {self.backend!r}"
            )
        return found

    def _lines(self, program: Program) -> Iterator[str]:
        columns: dict[str, str] = {}
        arrays = [f"a{place}" for place in range(len(self._inputs))]
        for place, (name, slot) in enumerate(zip(arrays, self._inputs, strict=True)):
            yield f"{name} = {name} if hasattr({name}, 'dtype') else asarray({name})"
            columns |= {
                variable.name: f"x{place}[{k}]" if slot.shape else name for k, variable in enumerate(slot.variables)
            }
            if slot.shape:
                yield f"x{place} = flat({name}, {len(slot.shape)})"
        yield f"dtype = dtype_of({', '.join(arrays)})"
        names: list[str] = []
        for index, (head, *rest) in enumerate(program.steps):
            if head == "var":
                names.append(columns[rest[0]])
                continue
            names.append(f"v{index}")
            if head != "const":
                yield f"v{index} = f{index}({', '.join(self._operands(program, head, rest, names))})"
            elif getattr(getattr(rest[0], "dtype", None), "kind", "f") != "f":
                yield f"v{index} = asarray(k{index})"
            else:
                maker = "asarray(k{0}, dtype=dtype)" if hasattr(rest[0], "dtype") else "full((), k{0}, dtype=dtype)"
                yield f"v{index} = {maker.format(index)}"
        yield f"return [{', '.join([names[output] for output in program.outputs])}]"

    def _operands(
        self, program: Program, row: Primitive, operands: Sequence[int], names: Sequence[str]
    ) -> Iterator[str]:
        """What a row reads: truth values as numbers, where it is no row of conditions."""
        for position, index in enumerate(operands):
            is_truth = getattr(program.steps[index][0], "predicate", False)
            is_asked = row.predicate or position in row.truths
            yield f"number({names[index]}, dtype=dtype)" if is_truth and not is_asked else names[index]

    def _built(self, found: Sequence[Any], points: Shape) -> Any:
        """The outputs in their structure, each with a value at every point; an array of outputs as one array."""
        shapes = [points + self.program.shapes[output] for output in self.program.outputs]
        whole = [
            each if tuple(each.shape) == shape else self._library.broadcast_to(each, shape)
            for each, shape in zip(found, shapes, strict=True)
        ]
        return self._structure.build(
            [
                whole[first] if shape is None else self._library.stack(whole[first:beyond]).reshape((*shape, *points))
                for shape, first, beyond in self._structure.leaves
            ]
        )

    def __repr__(self) -> str:
        inputs = ", ".join(slot.name or f"[{slot.variables[0].name}, ...]" for slot in self._inputs)
        return f"<function ({inputs}): {sum(self.program.operations.values())} operations; {self.backend}>"


def _points_of(slot: Input, argument: Any) -> Shape:
    """The shape of the points that an argument has values at."""
    refuse_masked(argument, slot.label)
    return slot.points(tuple(argument.shape) if hasattr(argument, "shape") else np.shape(argument))


def _flat(array: Any, rank: int) -> Any:
    """The leading axes of an array as one."""
    return array.reshape(-1, *array.shape[rank:])


def _dtype(library: Any, *arrays: Any) -> Any:
    """The floating type of the arrays given, or the library's own."""
    for array in arrays:
        if "float" in str(array.dtype):
            return array.dtype
    return library.asarray(0.5).dtype
