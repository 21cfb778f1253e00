"""The value of expressions: one walk for many outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from exprad.dual import DualNumber
from exprad.errors import BindingError, OperandError, ShapeError
from exprad.expr import Const, Expr, Var, expression
from exprad.traverse import postorder
from exprad.value import as_float, constant_of_dtype


def evaluate(outputs: Any, bindings: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
    """The value of an expression, or of each of a sequence, with variables bound to numbers, arrays or dual numbers.

    Exact in, exact out; otherwise IEEE 754. Arrays bound to scalar variables broadcast together, and the result has
    their shape and dtype. What is not bound takes the variable's own `.value`.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> evaluate([x + y, x / y], {x: 3, y: 4})
    [7, 0.75]
    """
    single = isinstance(outputs, Expr)
    roots = [expression(output) for output in ([outputs] if single else outputs)]
    bound = _by_name({**(bindings or {}), **named})
    order = postorder(roots)
    values: dict[Expr, Any] = {}
    held = {node.name: node for node in order if isinstance(node, Var)}
    _check_names(bound, held)
    kind = _float_kind(bound.values())
    for node in order:
        if isinstance(node, Var):
            values[node] = _value_of(node, bound)
        elif isinstance(node, Const):
            values[node] = node.value
        else:
            operands = [values[operand] for operand in node.operands]
            if kind is not None and node.primitive.partials is None:  # NumPy would take numbers for float64 arrays
                operands = [
                    constant_of_dtype(x, kind) if isinstance(x, (int, float, Fraction)) else x for x in operands
                ]
            value = node.primitive(*operands)
            values[node] = value if kind is None else _in_kind(kind, value)
    given = [value for name, value in bound.items() if name not in held and (name, ()) in Var._interned]
    given += [values[node] for node in held.values() if not node.shape]
    duals = [x for x in (*given, *[values[node] for node in held.values()]) if isinstance(x, DualNumber)]
    results = [_of_kind(values[root], root, given, duals) for root in roots]
    return results[0] if single else results


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
            raise BindingError(f"bindings map variables or names to values, got the key {key!r}")
        if name in bound:
            raise BindingError(f"variable {name!r} is bound twice")
        bound[name] = _checked(name, value)
    return bound


def _checked(name: str, value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, complex, Expr)):
        raise OperandError(
            f"variable {name!r} must be bound to a real number or an array, got {type(value).__name__}: {value!r}"
        )
    if isinstance(value, (list, tuple)):
        import numpy as np

        value = np.asarray(value)
    if getattr(getattr(value, "dtype", None), "kind", "f") not in "biufO":
        raise OperandError(f"variable {name!r} must be bound to real numbers, got an array of {value.dtype}")
    return int(value) if isinstance(value, bool) else value


def _check_names(bound: Mapping[str, Any], held: Mapping[str, Var]) -> None:
    stray = [name for name in bound if name not in held]
    if stray:
        living = {name for name, _ in list(Var._interned)}
        unknown = [name for name in stray if name not in living]
        if unknown:
            raise BindingError(f"no variable is called {unknown[0]!r}; the expression has {sorted(held)}")


def _value_of(node: Var, bound: Mapping[str, Any]) -> Any:
    if node.name in bound:
        value = bound[node.name]
    elif node.value is not None:
        value = _checked(node.name, node.value)
    else:
        raise BindingError(f"variable {node.name!r} has no value; bound: {sorted(bound)}")
    shape = tuple(getattr(value, "shape", ()))
    if node.shape and shape != node.shape:
        raise ShapeError(f"variable {node.name!r} has shape {node.shape}, got a value of shape {shape}")
    return value


def _of_kind(value: Any, root: Expr, given: Sequence[Any], duals: Sequence[DualNumber] = ()) -> Any:
    """A result of the bindings' kind: shape and dtype where a scalar variable was lost, a dual number if one is bound."""
    is_condition = getattr(getattr(root, "primitive", None), "predicate", False)
    if duals and not isinstance(value, DualNumber) and not is_condition:
        plain = [x.value if isinstance(x, DualNumber) else x for x in given]
        return DualNumber._at(_of_kind(value, root, plain), None, max(x._level for x in duals))
    if isinstance(value, Fraction) and not any(isinstance(x, Fraction) for x in given):
        value = as_float(value)
    arrays = [x for x in given if hasattr(x, "dtype")]
    if not arrays or isinstance(value, DualNumber) or root.shape:
        return value
    return _stretched(value, arrays, root)


def _stretched(value: Any, arrays: Sequence[Any], root: Expr) -> Any:
    import numpy as np

    if not all(isinstance(x, (np.ndarray, np.generic)) for x in arrays):
        return value
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    if not hasattr(value, "dtype"):
        kind = np.result_type(*arrays)
        is_whole = kind.kind == "f" or isinstance(value, int) and abs(value) < 2**62
        if kind == object:
            is_whole = False
        value = np.asarray(as_float(value) if kind.kind == "f" else value, kind if is_whole else None)[()]
    return value if value.shape == shape else np.broadcast_to(value, shape).copy()
