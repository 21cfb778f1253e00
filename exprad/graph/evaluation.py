"""The value of expressions: one walk for many outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from exprad.errors import ArgumentError, BindingError, NameClashError, OperandError, ShapeError, refuse_masked
from exprad.graph.leaf import Var, expression, variables_by_name
from exprad.graph.node import Expr
from exprad.ground.digits import shown
from exprad.ground.shapes import Shape, broadcast_shapes, shape_of
from exprad.ground.traverse import postorder
from exprad.numbers import as_float, broadcast, constant_of_dtype, like, on_floats
from exprad.tensor import at_points, stretched


def evaluate(outputs: Any, bindings: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
    """The value of an expression, or of each of a sequence, with variables bound to numbers, arrays or dual numbers.

    Exact in, exact out; otherwise IEEE 754. An array bound to a scalar variable is a value at each of many points: such
    arrays broadcast together, every row is computed at each point, and the result has the points' axes in front of its
    own, and their dtype. What is not bound takes the variable's own `.value`.

    >>> from exprad import stack, variables
    >>> x, y = variables("x y")
    >>> evaluate([x + y, x / y], {x: 3, y: 4})
    [7, 0.75]
    >>> stack([x, y]).sum().evaluate(x=[1.0, 2.0, 3.0], y=10.0)
    array([11., 12., 13.])
    """
    single = isinstance(outputs, Expr)
    roots = [expression(output) for output in ([outputs] if single else outputs)]
    bound = _by_name({**(bindings or {}), **named})
    order = postorder(roots)
    held = variables_by_name(order)
    strays = _strays(bound, held, bindings or {})
    kind = _float_kind(bound.values())
    values: dict[Expr, Any] = {node: _value_of(node, bound) for node in held.values()}
    if kind is not None:
        values = {node: _in_kind(kind, value) for node, value in values.items()}
    scalars = [values[node] for node in held.values() if not node.shape]
    of_nobody: dict[str, Any] = {}
    if strays:
        lost, of_nobody = _told_apart(strays, bound, bindings or {})
        scalars += lost
    shapes = [*map(shape_of, scalars)]
    points = broadcast_shapes("evaluate", shapes) if any(shapes) else ()
    wide = broadcast_shapes("evaluate", [points, *map(shape_of, _at_points(of_nobody))]) if of_nobody else points
    carriers = [x for x in (*bound.values(), *values.values()) if getattr(x, "_level", 0)]
    _compute(order, values, kind, bool(points) and any(node.shape or _is_structural(node) for node in order))
    given = [*map(_numbers_of, [*scalars, *of_nobody.values()])] if carriers else [*scalars, *of_nobody.values()]
    results = [
        _of_kind(values[root], root, given, points + root.shape if root.shape else wide, carriers) for root in roots
    ]
    return results[0] if single else results


def called(f: Expr, /, *values: Any, **named: Any) -> Any:
    """The value of an expression that is called: see `Expr.__call__`."""
    if not values:
        return evaluate(f, None, **named)
    first, *more = values
    if isinstance(first, Mapping) and not more:
        return evaluate(f, first, **named)
    free = [v for v in f.variables if v.name not in named]
    if more or len(free) > 1 or named and not free:
        raise ArgumentError(
            f"an expression takes its values by name, or that of its only variable by place; it has "
            f"{[v.name for v in free]}, got {len(values)} by place: write f(x=3, y=4)"
        )
    return evaluate(f, {free[0] if free else Var.fresh(): first}, **named)


def _compute(order: Iterable[Any], values: dict[Expr, Any], kind: Any, has_axes: bool) -> None:
    """Add the values of all nodes, operands first, to those of the variables.

    `kind` is the dtype of the floats given; `has_axes` says that points are to be told from the axes of nodes.
    """
    if kind is None:
        return _computed(order, values, kind, has_axes)
    import numpy as np

    with np.errstate(all="ignore"):
        return _computed(order, values, kind, has_axes)


def _computed(order: Iterable[Any], values: dict[Expr, Any], kind: Any, has_axes: bool) -> None:
    is_quick = kind is not None and not has_axes
    for node in order:
        operands = node._operands
        if operands:
            row, xs = node.primitive, [values[operand] for operand in operands]
            if is_quick and _are_floats(xs, kind):
                function = on_floats(row)
                if function is not None:
                    values[node] = function(*xs)
                    continue
            if kind is not None and row.partials is None:  # NumPy would take numbers for float64 arrays
                xs = [constant_of_dtype(x, kind) if isinstance(x, (int, float, Fraction)) else x for x in xs]
            value = at_points(row, xs, [operand.shape for operand in operands], node.shape) if has_axes else row(*xs)
            values[node] = value if kind is None else _in_kind(kind, value)
        elif node.is_const:
            values[node] = node.value


def _are_floats(xs: Sequence[Any], kind: Any) -> bool:
    """Whether operands are arrays of the dtype, or numbers of it, all of them."""
    for x in xs:  # noqa: SIM110  # a generator would cost a call for each
        if getattr(x, "dtype", None) != kind or x.__class__.__module__ != "numpy":
            return False
    return True


def _is_structural(node: Any) -> bool:
    return bool(node._operands) and node.primitive.partials is None


def _float_kind(given: Iterable[Any]) -> Any:
    """The dtype of the floats given, if there are float arrays."""
    kinds = [x.dtype for x in given if getattr(getattr(x, "dtype", None), "kind", "") == "f"]
    if not kinds:
        return None
    import numpy as np

    return np.result_type(*kinds)


def _in_kind(kind: Any, value: Any) -> Any:
    """A value in the dtype of the floats given, to which constants are rounded; conditions stay conditions."""
    dtype = getattr(value, "dtype", kind)
    is_other = dtype != kind and getattr(dtype, "kind", "") in ("i", "u", "f") and hasattr(value, "astype")
    return value.astype(kind) if is_other else value


def _by_name(bindings: Mapping[Any, Any]) -> dict[str, Any]:
    bound: dict[str, Any] = {}
    for key, value in bindings.items():
        name = key.name if isinstance(key, Var) else key
        if not isinstance(name, str):
            raise BindingError(f"bindings map variables or names to values, got the key {shown(key)}")
        if name in bound:
            raise BindingError(f"variable {name!r} is bound twice")
        bound[name] = _checked(name, value)
    return bound


def _checked(name: str, value: Any) -> Any:
    if value.__class__ is float or value.__class__ is int:
        return value
    if value is None or isinstance(value, (str, bytes, complex, Expr)):
        advice = "; f.substitute({x: ...}) replaces a variable by an expression" if isinstance(value, Expr) else ""
        raise OperandError(
            f"variable {name!r} must be bound to a real number or an array, got {type(value).__name__}: "
            f"{value!r}{advice}"
        )
    refuse_masked(value, f"what variable {name!r} is bound to")
    if isinstance(value, (list, tuple)):
        import numpy as np

        value = np.asarray(value)
    if getattr(getattr(value, "dtype", None), "kind", "f") not in "biufO":
        raise OperandError(f"variable {name!r} must be bound to real numbers, got an array of {value.dtype}")
    return int(value) if isinstance(value, bool) else value


def _strays(bound: Mapping[str, Any], held: Mapping[str, Var], bindings: Mapping[Any, Any]) -> list[str]:
    """The names bound that the expression does not hold; each must name a living variable."""
    for key in bindings:
        if isinstance(key, Var) and held.get(key.name, key) is not key:
            raise NameClashError(
                f"variable {key.name!r} of shape {held[key.name].shape} is bound by another of that name, of "
                f"shape {key.shape}"
            )
    strays = [name for name in bound if name not in held]
    if strays:
        living = {name for name, _ in list(Var._interned)}
        unknown = [name for name in strays if name not in living]
        if unknown:
            raise BindingError(f"no variable is called {unknown[0]!r}; the expression has {sorted(held)}")
    return strays


def _told_apart(
    strays: Sequence[str], bound: Mapping[str, Any], bindings: Mapping[Any, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """What is bound to scalar variables that the expression lost; and by name alone, which may be anybody's."""
    keys = {key.name: key for key in bindings if isinstance(key, Var)}
    lost = [bound[name] for name in strays if name in keys and not keys[name].shape]
    return lost, {name: bound[name] for name in strays if name not in keys}


def _at_points(lost: Mapping[str, Any]) -> list[Any]:
    """What is bound by name alone to scalar variables that the expression does not hold, as a derivative may not.

    An array is the value of the variable of that name and shape, if there is one, and else a value at each of many points.
    Whether a scalar variable of that name lives makes no difference.
    """
    return [value for name, value in lost.items() if not (shape_of(value) and (name, shape_of(value)) in Var._interned)]


def _value_of(node: Var, bound: Mapping[str, Any]) -> Any:
    if node.name in bound:
        value = bound[node.name]
    elif node.value is not None:
        value = _checked(node.name, node.value)
    else:
        raise BindingError(f"variable {node.name!r} has no value; bound: {sorted(bound)}")
    shape = shape_of(value)
    if node.shape and shape != node.shape:
        raise ShapeError(f"variable {node.name!r} has shape {node.shape}, got a value of shape {shape}")
    return value


def _numbers_of(x: Any) -> Any:
    """The numbers within a carrier."""
    while hasattr(x, "_numbers"):
        x = x._numbers
    return x


def _of_kind(value: Any, root: Expr, given: Sequence[Any], shape: Shape, carriers: Sequence[Any]) -> Any:
    """A result of the bindings' kind: shape and dtype where a scalar variable was lost, a carrier if one is bound."""
    if getattr(value, "_level", 0):
        return _stretched(value, shape)
    if isinstance(value, Fraction) and not any(isinstance(x, Fraction) for x in given):
        value = as_float(value)
    arrays = [x for x in given if hasattr(x, "dtype")]
    if arrays and not hasattr(value, "dtype"):
        value = _rounded(value, arrays)
    value = _stretched(value, shape)
    if carriers and not (root._operands and root.primitive.predicate):  # type: ignore[attr-defined]  # a Call
        return max(carriers, key=_level)._like(value)
    return value


def _level(carrier: Any) -> int:
    return carrier._level


def _rounded(value: Any, arrays: Sequence[Any]) -> Any:
    """A number that met none of the arrays given, in their dtype."""
    import numpy as np

    if not all(isinstance(x, (np.ndarray, np.generic)) for x in arrays):
        return like(value, arrays)
    kind = np.result_type(*arrays)
    if isinstance(value, bool):
        return np.asarray(value)[()]
    is_whole = kind != object and (kind.kind == "f" or isinstance(value, int) and abs(value) < 2**62)
    return np.asarray(as_float(value) if kind.kind == "f" else value, kind if is_whole else None)[()]


def _stretched(value: Any, shape: Shape) -> Any:
    """A result that lacks axes of the points, or has them but once, at all of them."""
    have = shape_of(value)
    if have == shape:
        return value
    if getattr(value, "_level", 0):
        return stretched(value, shape)
    if hasattr(value, "dtype") and type(value).__module__ != "numpy":
        return broadcast(value, shape)
    import numpy as np

    return np.broadcast_to(value, shape).copy()
