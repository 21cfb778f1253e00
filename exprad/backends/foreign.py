"""JAX and PyTorch: a program as a function of their arrays, which composes with their own jit, vmap and grad.

Rows of the first table are asked of the library by name, as evaluation does it. Rows of the second are spelled here
where the library differs from NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib import import_module
from typing import Any, cast

import numpy as np

from exprad.backends.points import at_many
from exprad.backends.signature import Input, Structure
from exprad.errors import ArgumentError, ShapeError, UnsupportedError, extra, refuse_masked
from exprad.graph.program import Program
from exprad.ground.primitive import Primitive
from exprad.ground.shapes import Shape, broadcast_shapes
from exprad.numbers import as_float, function_of, is_operator
from exprad.tensor import of_numpy

MODULES = {"jax": "jax.numpy", "torch": "torch"}
LACKS = {"polygamma"}  # what libraries have by name, but not for an order that is an array


def has_function(backend: str, row: Primitive) -> bool:
    """Whether a library has a row: as an operator, by name, or as it is spelled here."""
    if row.is_composed or row.is_own and row.name in LACKS:
        return False
    if is_operator(row) or row.is_own and row.predicate or _spelling(backend, row) is not None:
        return True
    try:
        return function_of(import_module(MODULES[backend]), row) is not None
    except ImportError:
        return True  # which is said when the function is made


def _spelling(backend: str, row: Primitive) -> Callable[..., Any] | None:
    """What is spelled here for a row; a user's row of the first table may be called like one, and is another."""
    return _SPELLED[backend].get(row.name) if row.is_own or row.partials is None else None


class ArrayFunction:
    """Compiled expressions of JAX's or PyTorch's arrays: called by place or by name, with arrays of that library."""

    def __init__(self, structure: Structure, inputs: Sequence[Input], backend: str, program: Program) -> None:
        self.backend, self.program = backend, program
        self._structure, self._inputs = structure, tuple(inputs)
        try:
            self._library = import_module(MODULES[backend])
        except ImportError:
            raise extra(MODULES[backend].partition(".")[0], backend, f"backend {backend!r}") from None
        names = {head.name for head, *_ in program.steps if isinstance(head, Primitive) and head.partials is None}
        missing = sorted(name for name in names if name not in _SPELLED[backend])
        if missing:
            raise UnsupportedError(f"backend {backend!r} has no function for {', '.join(missing)}")
        self._functions: dict[Any, Callable[..., list[Any]]] = {(): self._written(program)}

    def __call__(self, /, *arguments: Any, **named: Any) -> Any:
        if named or len(arguments) != len(self._inputs):
            arguments = self._by_place(arguments, named)
        shapes = {name: shape for slot, argument in zip(self._inputs, arguments, strict=True)
                  for name, shape in _points_of(slot, argument)}  # fmt: skip
        found = self._at_points(shapes)(*arguments)
        return self._built(found, broadcast_shapes("points", list(shapes.values())))

    def _at_points(self, shapes: dict[str, Shape]) -> Callable[..., list[Any]]:
        """The function for scalar variables that are arrays of these shapes: rows of arrays are told which axes are whose."""
        key = () if self.program.is_of_scalars else tuple(shapes.items())
        known = self._functions.get(key)
        if known is None:
            has = partial(has_function, self.backend)
            known = self._functions[key] = self._written(Program.lowered(at_many(self.program, shapes), has))
        return known

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
            "asarray": library.asarray, "dtype_of": partial(_dtype, library), "flat": _flat, "full": library.full,
            "number": library.asarray if self.backend == "jax" else library.as_tensor,
        }  # fmt: skip
        for index, (head, *rest) in enumerate(program.steps):
            if head == "const":
                scope[f"k{index}"] = rest[0].copy() if hasattr(rest[0], "dtype") else as_float(rest[0])
            elif isinstance(head, Primitive):
                spelled = _spelling(self.backend, head)
                scope[f"f{index}"] = (
                    _function(library, head) if spelled is None else partial(spelled, library, **head.parameters)
                )
        exec(self.source(program), scope)
        return cast("Callable[..., list[Any]]", scope["function"])

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
            is_asked = row.predicate or row.name == "where" and not position
            yield f"number({names[index]}, dtype=dtype)" if is_truth and not is_asked else names[index]

    def _built(self, found: Sequence[Any], points: Shape) -> Any:
        """The outputs in their structure, each with a value at every point; an array of outputs as one array."""
        shapes = [points + self.program.shapes[output] for output in self.program.outputs]
        whole = [each if tuple(each.shape) == shape else self._library.broadcast_to(each, shape)
                 for each, shape in zip(found, shapes, strict=True)]  # fmt: skip
        return self._structure.build([
            whole[first] if shape is None else self._library.stack(whole[first:beyond]).reshape((*shape, *points))
            for shape, first, beyond in self._structure.leaves
        ])  # fmt: skip

    def __repr__(self) -> str:
        inputs = ", ".join(slot.name or f"[{slot.variables[0].name}, ...]" for slot in self._inputs)
        return f"<function ({inputs}): {sum(self.program.operations.values())} operations; {self.backend}>"


def _points_of(slot: Input, argument: Any) -> Iterator[tuple[str, Shape]]:
    """The shape of the points of each scalar variable of an input that has a value at many."""
    refuse_masked(argument, slot.label)
    shape = tuple(argument.shape) if hasattr(argument, "shape") else np.shape(argument)
    lead = slot.array_shape
    if shape[: len(lead)] != lead or slot.variables[0].shape and shape != lead:
        raise ShapeError(f"{slot.label} needs an array of shape {lead}, got {shape}")
    if shape != lead:
        yield from ((variable.name, shape[len(lead) :]) for variable in slot.variables)


def _function(library: Any, row: Primitive) -> Callable[..., Any]:
    if row.name == "where":
        return cast("Callable[..., Any]", library.where)
    found = function_of(library, row)
    if found is None:
        raise UnsupportedError(f"{library.__name__} has no function for {row.name}")
    return found


def _flat(array: Any, rank: int) -> Any:
    """The leading axes of an array as one."""
    return array.reshape(-1, *array.shape[rank:])


def _dtype(library: Any, *arrays: Any) -> Any:
    """The floating type of the arrays given, or the library's own."""
    for array in arrays:
        if "float" in str(array.dtype):
            return array.dtype
    return library.asarray(0.5).dtype


def _dims(x: Any, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else axis


def _torch_prod(torch: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    for dim in reversed(_dims(x, axis)):
        x = torch.prod(x, dim, keepdim=keepdims)
    return x


def _scattered(library: Any, y: Any, shape: Any, index: Any) -> Any:
    whole = library.zeros(shape, dtype=y.dtype)
    return whole.at[of_numpy(index)].add(y)


def _torch_part(torch: Any, x: Any, index: Any) -> Any:
    """By the places of the elements: PyTorch has no negative steps."""
    places = torch.arange(x.numel()).reshape(x.shape).numpy()[of_numpy(index)]
    return x.reshape(-1)[torch.as_tensor(places.copy() if places.ndim else int(places))]


def _torch_scattered(torch: Any, y: Any, shape: Any, index: Any) -> Any:
    import numpy as np

    size = 1
    for each in shape:
        size *= each
    numbers = np.arange(size).reshape(shape)[of_numpy(index)]
    places = torch.as_tensor(np.ascontiguousarray(numbers).reshape(-1))
    return torch.zeros(size, dtype=y.dtype).index_add(0, places, y.reshape(-1)).reshape(shape)


def _cofactor(library: Any, x: Any) -> Any:
    """Of a regular matrix; the libraries' own rules do without the singular ones."""
    return library.linalg.det(x)[..., None, None] * library.linalg.inv(x).swapaxes(-1, -2)


_COMMON: dict[str, Callable[..., Any]] = {
    "sum": lambda np, x, axis, keepdims: np.sum(x, axis=_dims(x, axis), keepdims=keepdims) if _dims(x, axis) else x,
    "max": lambda np, x, axis, keepdims: np.amax(x, axis=_dims(x, axis), keepdims=keepdims) if _dims(x, axis) else x,
    "min": lambda np, x, axis, keepdims: np.amin(x, axis=_dims(x, axis), keepdims=keepdims) if _dims(x, axis) else x,
    "cumsum": lambda np, x, axis: np.cumsum(x, axis),
    "reshape": lambda np, x, shape: x.reshape(shape),
    "broadcast_to": lambda np, x, shape: np.broadcast_to(x, shape),
    "concatenate": lambda np, *xs, axis: np.concatenate(xs, axis),
    "matmul": lambda np, a, b: np.matmul(a, b),
    "einsum": lambda np, *xs, subscripts: np.einsum(subscripts, *xs),
    "solve": lambda np, a, b: np.linalg.solve(a, b) if b.ndim > 1 else np.linalg.solve(a, b[:, None])[..., 0],
    "inv": lambda np, x: np.linalg.inv(x), "det": lambda np, x: np.linalg.det(x), "cofactor": _cofactor,
    "astype": lambda np, x, dtype: x.astype(dtype) if hasattr(x, "astype") else x.to(getattr(np, dtype)),
}  # fmt: skip


def _logdet(np: Any, x: Any) -> Any:
    sign, found = np.linalg.slogdet(x)
    return np.where(sign < 0, np.nan, found)


def _norm(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Scaled by the largest element, so that squares neither overflow nor underflow."""
    if not _dims(x, axis):
        return np.abs(x)
    if 0 in x.shape:  # the libraries have no largest of no elements
        return np.sum(x, axis=_dims(x, axis), keepdims=keepdims)
    top = np.amax(np.abs(x), axis=_dims(x, axis), keepdims=True)
    scale = np.where((top > 0) & np.isfinite(top), top, np.ones_like(top))
    found = np.sqrt(np.sum((x / scale) ** 2, axis=_dims(x, axis), keepdims=True)) * scale
    return (
        found if keepdims else found.reshape(tuple(size for i, size in enumerate(x.shape) if i not in _dims(x, axis)))
    )


def _of_jax_special(name: str) -> Callable[..., Any]:
    def function(np: Any, x: Any, axis: Any, **options: Any) -> Any:
        module = import_module("jax.nn" if "softmax" in name else "jax.scipy.special")
        return getattr(module, name)(x, axis=_dims(x, axis), **options)

    return function


_SPELLED: dict[str, dict[str, Callable[..., Any]]] = {
    "jax": _COMMON | {
        "prod": lambda np, x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims), "norm": _norm,
        "transpose": lambda np, x, axes: np.transpose(x, axes), "getitem": lambda np, x, index: x[of_numpy(index)],
        "add_at": _scattered, "logdet": _logdet, "logsumexp": _of_jax_special("logsumexp"),
        "softmax": _of_jax_special("softmax"), "log_softmax": _of_jax_special("log_softmax"),
    },
    "torch": _COMMON | {
        "cbrt": lambda np, x: np.sign(x) * np.abs(x) ** (1 / 3), "mod": lambda np, a, b: np.remainder(a, b),
        "prod": _torch_prod, "norm": _norm, "transpose": lambda np, x, axes: x.permute(axes), "getitem": _torch_part,
        "add_at": _torch_scattered, "logdet": lambda np, x: np.logdet(x),
        "logsumexp": lambda np, x, axis, keepdims: np.logsumexp(x, _dims(x, axis), keepdim=keepdims) if _dims(x, axis) else x,
        "softmax": lambda np, x, axis: np.exp(_SPELLED["torch"]["log_softmax"](np, x, axis)),
        "log_softmax": lambda np, x, axis: x - np.logsumexp(x, _dims(x, axis), keepdim=True) if _dims(x, axis) else x * 0,
    },
}  # fmt: skip
