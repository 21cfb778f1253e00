"""gradient, jacobian, hessian, hvp: they choose the mode, and share the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, cast

from exprad import elementary as table
from exprad.arrays import add_at, stack
from exprad.chain import known_truth
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.expr import Const, Expr, Var, build, expression, object_array
from exprad.forward import tangents
from exprad.primitive import Primitive
from exprad.reverse import adjoints
from exprad.sparsity import SparseMatrix, colours, pattern, pattern_of_scalars, rows_of
from exprad.tensor import stretched
from exprad.traverse import collector_paused, fold, postorder

KINKS = ("mean", "zero", "left", "right", "raise")


def _variable(wrt: Any) -> Var:
    if not isinstance(wrt, Var):
        raise OperandError(f"derivatives are taken with respect to a Var, got {type(wrt).__name__}: {wrt!r}")
    return wrt


def _several(wrt: Any) -> list[Var]:
    if isinstance(wrt, (str, bytes)) or not hasattr(wrt, "__len__"):
        raise OperandError(f"wrt must be a Var or a sequence of them, got {type(wrt).__name__}: {wrt!r}")
    return [_variable(each) for each in wrt]


def _edge(value: Any, shape: tuple[int, ...]) -> Expr:
    """A derivative as it leaves: a missing one is 0, and one that was not stretched yet is."""
    result = Const(0) if value is None else expression(value)
    return stretched(result, shape) if result.shape != shape else result


def _check_present(outputs: Sequence[Expr], wrt: Sequence[Var], strict: bool) -> None:
    if strict:
        held = set(postorder(outputs))
        for variable in wrt:
            if variable not in held:
                raise ArgumentError(f"variable {variable.name!r} is not in the expression, and strict=True")


def _scalar(f: Any, what: str) -> Expr:
    f = expression(f)
    if f.shape:
        raise ShapeError(f"{what} needs a scalar expression, got one of shape {f.shape}; use jvp, vjp or f.sum()")
    return f


def _by_dual_numbers(operator: str, strict: bool, kink: str) -> Callable[..., Any]:
    """The operator for a Python function, which takes none of the options of one for expressions."""
    if strict or kink != "mean":
        raise ArgumentError(f"{operator} of a Python function takes no strict= and no kink=; give it an expression")
    from exprad import dual

    return cast("Callable[..., Any]", getattr(dual, operator))


def gradient(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
    """The derivative of a scalar expression by a Var (forward mode) or by each of a sequence (one reverse sweep).

    `f` may be a Python function of a sequence of numbers; `wrt` is then the point, and dual numbers are used.
    `kink` says what a partial is where it jumps: "mean", "zero", "left", "right", or "raise".

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> gradient(x * x * y + y + 2, [x, y])
    [2*x*y, x**2 + 1]
    """
    if callable(f):
        return _by_dual_numbers("gradient", strict, kink)(f, wrt)
    if kink != "mean":
        return _with_convention(f, wrt, strict, kink)
    f = _scalar(f, "gradient")
    if isinstance(wrt, Var):
        _check_present([f], [wrt], strict)
        if wrt.shape:
            return _edge(adjoints({f: Const(1)}, [wrt])[0], wrt.shape)
        return _edge(tangents([f], {wrt: 1})[0], ())
    wrt = _several(wrt)
    _check_present([f], wrt, strict)
    found = adjoints({f: 1}, wrt)
    return [_edge(x_bar, x.shape) for x, x_bar in zip(wrt, found, strict=True)]


def _with_convention(f: Any, wrt: Any, strict: bool, kink: str) -> Any:
    """The gradient under another convention, in terms of the table's own rows."""
    found = gradient(with_kinks(_scalar(f, "gradient"), kink), wrt, strict=strict)
    return [without_kinks(g) for g in found] if isinstance(found, list) else without_kinks(found)


def backpropagate(f: Expr, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
    """The derivatives of `f` by all its variables, in one reverse sweep, scaled by `seed`."""
    f = with_kinks(expression(f), kink)
    wrt = f.variables
    found = adjoints({f: seed if seed.__class__ is int and seed == 1 and not f.shape else expression(seed)}, wrt)
    return {x: without_kinks(_edge(x_bar, x.shape)) for x, x_bar in zip(wrt, found, strict=True)}


def value_and_gradient(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean") -> tuple[Expr, Any]:
    """The expression and its gradient."""
    return expression(f), gradient(f, wrt, strict=strict, kink=kink)


def jacobian(fs: Any, wrt: Any, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The derivatives of expressions by variables: of an expression by a variable, of shape f.shape + x.shape.

    Of a sequence of expressions, a list of rows; by a sequence of variables, each row is a list. Forward mode where
    there are fewer variables than expressions, or elements of them, else reverse. With `sparse=True`, a
    `SparseMatrix`: a row for each element of the expressions, a column for each of the variables, and only those
    elements that may not be 0, from as few passes as there are colours.

    >>> from exprad import Var, variables
    >>> x, y = variables("x y")
    >>> jacobian([x * y, x + y], [x, y])
    [[y, x], [1, 1]]
    >>> v = Var("v", shape=(3,))
    >>> jacobian(v[1:] * v[:-1], v, sparse=True).evaluate(v=[1.0, 2.0, 3.0]).toarray()
    array([[2., 1., 0.],
           [0., 3., 2.]])
    """
    outputs = [with_kinks(expression(f), kink) for f in ([fs] if isinstance(fs, Expr) else fs)]
    inputs = [wrt] if isinstance(wrt, Var) else _several(wrt)
    _check_present(outputs, inputs, strict)
    if sparse:
        return _sparse_jacobian(outputs, inputs)
    if not any(x.shape for x in (*outputs, *inputs)) and len(inputs) < len(outputs):
        columns = [tangents(outputs, {x: 1}) for x in inputs]
        rows = [[without_kinks(_edge(column[i], ())) for column in columns] for i in range(len(outputs))]
    else:
        rows = [[without_kinks(block) for block in _blocks(f, inputs)] for f in outputs]
    found: list[Any] = [row[0] for row in rows] if isinstance(wrt, Var) else rows
    return found[0] if isinstance(fs, Expr) else found


def _blocks(f: Expr, inputs: Sequence[Var]) -> list[Expr]:
    """The derivative of an expression by each variable, of shape f.shape + x.shape."""
    if not f.shape:
        return [_edge(x_bar, x.shape) for x, x_bar in zip(inputs, adjoints({f: 1}, inputs), strict=True)]
    if not f.size:
        return [_edge(None, f.shape + x.shape) for x in inputs]
    if f.size < sum(x.size for x in inputs):
        sweeps = [adjoints({f: unit}, inputs) for unit in _units(f.shape)]
        return [stack([_edge(sweep[place], x.shape) for sweep in sweeps]).reshape(f.shape + x.shape)
                for place, x in enumerate(inputs)]  # fmt: skip
    return [stack([_edge(tangents([f], {x: unit})[0], f.shape) for unit in _units(x.shape)], -1).reshape(f.shape + x.shape)
            for x in inputs]  # fmt: skip


def _units(shape: tuple[int, ...]) -> list[Expr]:
    """For each place of an array, the array with 1 there and 0 elsewhere."""
    places = product(*map(range, shape))
    return [expression(add_at(Const(1), shape, place)) if shape else Const(1) for place in places]


def _sparse_jacobian(outputs: Sequence[Expr], inputs: Sequence[Var], is_symmetric: bool = False) -> SparseMatrix:
    """The matrix by colours of its columns or, where those are fewer, of its rows."""
    is_scalar = not any(x.shape for x in (*outputs, *inputs))
    if not is_scalar and (len(outputs) > 1 or len(inputs) > 1):
        raise ShapeError(
            "a sparse matrix takes one expression and one variable with shapes, or scalar ones; stack them"
        )
    found = pattern_of_scalars(outputs, inputs) if is_scalar else pattern(outputs[0], inputs[0])
    found.sum_duplicates()
    columns = colours(found)
    rows = None if is_symmetric else colours(found.T.tocsr())
    by_rows = rows is not None and rows.max(initial=0) < columns.max(initial=0)
    row_of, column_of = rows_of(found), found.indices
    colour = rows[row_of] if by_rows and rows is not None else columns[column_of]
    place = column_of if by_rows else row_of
    passes = _passes(outputs, inputs, rows if by_rows else columns, by_rows)
    if is_scalar:
        data: Any = object_array([passes[c][i] for c, i in zip(colour.tolist(), place.tolist(), strict=True)])
    else:
        flat = [each[0].ravel() for each in passes]
        data = flat[0][place] if len(flat) == 1 else stack(flat)[colour, place]
    return SparseMatrix(data, found.indices, found.indptr, found.shape)


def _passes(outputs: Sequence[Expr], inputs: Sequence[Var], colour: Any, by_rows: bool) -> list[Any]:
    """For each colour, the tangent of the outputs in the direction of all its columns, or the adjoint of all its rows."""
    found: list[Any] = []
    ends = outputs if by_rows else inputs
    others = inputs if by_rows else outputs
    for each in range(int(colour.max(initial=-1)) + 1):
        mask = colour == each
        if ends[0].shape:
            seeds: dict[Any, Any] = {ends[0]: Const(mask.reshape(ends[0].shape).astype(float))}
        else:
            seeds = {end: 1 for end, is_mine in zip(ends, mask.tolist(), strict=True) if is_mine}
        swept = adjoints(seeds, inputs) if by_rows else tangents(outputs, seeds)
        edges = [without_kinks(_edge(one, other.shape)) for one, other in zip(swept, others, strict=True)]
        found.append(edges)
    return found


def hessian(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The second derivatives of a scalar expression: forward mode over the reverse-mode gradient.

    By a variable with a shape, of shape x.shape + x.shape; by a sequence of variables, a list of rows. With
    `sparse=True`, a `SparseMatrix` of those elements that may not be 0. `f` may be a Python function of a sequence of
    numbers; `wrt` is then the point, and dual numbers are used.

    >>> from exprad import Var, variables
    >>> x, y = variables("x y")
    >>> hessian(x * x * y, [x, y])
    [[2*y, 2*x], [2*x, 0]]
    >>> v = Var("v", shape=(3,))
    >>> hessian((v[1:] * v[:-1] ** 2).sum(), v, sparse=True).evaluate(v=[1.0, 2.0, 3.0]).toarray()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    """
    if callable(f):
        return _by_dual_numbers("hessian", strict, kink)(f, wrt)
    first = gradient(f, wrt, strict=strict, kink=kink)
    inputs = [wrt] if isinstance(wrt, Var) else _several(wrt)
    slopes = [with_kinks(g, kink) for g in ([first] if isinstance(wrt, Var) else first)]
    if sparse:
        return _sparse_jacobian(slopes, inputs, is_symmetric=True)
    if any(x.shape for x in inputs):
        rows: list[list[Expr]] = [[without_kinks(block) for block in _blocks(g, inputs)] for g in slopes]
    else:
        rows = [[Const(0)] * len(slopes) for _ in slopes]
        for j, x in enumerate(inputs):
            for i, entry in enumerate(tangents(slopes[j:], {x: 1}), j):
                rows[i][j] = rows[j][i] = without_kinks(_edge(entry, ()))
    return rows[0][0] if isinstance(wrt, Var) else rows


def derivative(f: Any, x: Any, order: int = 1, *, kink: str = "mean") -> Any:
    """The derivative of the given order by one variable; of a Python function at a number, by dual numbers.

    >>> from exprad import Var
    >>> derivative(Var("x") ** 5, Var("x"), order=2)
    20*x**3
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise ArgumentError(f"order must be a whole number of at least 0, got {order!r}")
    if callable(f):
        return _by_dual_numbers("derivative", False, kink)(f, x, order)
    result = expression(f)
    for _ in range(order):
        result = gradient(result, _variable(x), kink=kink)
    return result


def jvp(fs: Any, x_dots: Mapping[Var, Any]) -> Any:
    """The derivative of an expression, or of each of a sequence, in the direction `x_dots`.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> jvp(x * y, {x: 1, y: 2})
    2*x + y
    """
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    seeds: dict[Expr, Any] = {_variable(x): stretched(expression(x_dot), x.shape) for x, x_dot in x_dots.items()}
    seeds = {x: x_dot for x, x_dot in seeds.items() if x_dot is not Const(0)}
    result = [_edge(y_dot, f.shape) for f, y_dot in zip(outputs, tangents(outputs, seeds), strict=True)]
    return result[0] if isinstance(fs, Expr) else result


def vjp(fs: Any, fs_bar: Any, wrt: Any) -> Any:
    """The adjoints of `wrt` for the adjoints `fs_bar` of the outputs `fs`, in one reverse sweep.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> vjp([x * y, x + y], [1, 2], [x, y])
    [y + 2, x + 2]
    """
    outputs, bars = ([fs], [fs_bar]) if isinstance(fs, Expr) else (list(fs), list(fs_bar))
    if len(outputs) != len(bars):
        raise ArgumentError(f"vjp needs an adjoint for each output: {len(outputs)} outputs, {len(bars)} adjoints")
    seeds: dict[Expr, Any] = {}
    for f, f_bar in zip(map(expression, outputs), bars, strict=True):
        seeds[f] = seeds[f] + f_bar if f in seeds else expression(f_bar)
    inputs = [wrt] if isinstance(wrt, Var) else _several(wrt)
    result = [_edge(x_bar, x.shape) for x, x_bar in zip(inputs, adjoints(seeds, inputs), strict=True)]
    return result[0] if isinstance(wrt, Var) else result


def hvp(f: Any, wrt: Any, direction: Any) -> Any:
    """The Hessian of a scalar expression times a direction: forward over reverse, without the Hessian.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> hvp(x * x * y, [x, y], [1, 0])
    [2*y, 2*x]
    """
    inputs, directions = ([wrt], [direction]) if isinstance(wrt, Var) else (_several(wrt), list(direction))
    if len(inputs) != len(directions):
        raise ArgumentError(
            f"hvp needs a direction for each variable: {len(inputs)} variables, {len(directions)} directions"
        )
    result = jvp(gradient(f, inputs), dict(zip(inputs, directions, strict=True)))
    return result[0] if isinstance(wrt, Var) else result


def substitute(f: Any, replacements: Mapping[Any, Any]) -> Any:
    """`f` with nodes replaced by expressions, all at once, and folded anew."""
    new = {expression(old): expression(value) for old, value in replacements.items()}
    for old, value in new.items():
        if old.shape != value.shape:
            raise ShapeError(f"{old!r} has shape {old.shape}, its replacement {value.shape}")

    def visit(node: Any, operands: list[Any]) -> Any:
        if node in new:
            return new[node]
        return node if tuple(operands) == node.operands else build(node.primitive, *operands)

    with collector_paused():
        return fold([f], visit)[0]


def kinks(f: Any) -> list[tuple[Expr, Expr]]:
    """Where the derivatives of `f` may jump: pairs of a node and an expression whose zeros are the kink.

    >>> from exprad import Var
    >>> kinks(abs(Var("x") - 1) + 2)
    [(abs(x - 1), x - 1)]
    """
    return [
        (node, node.primitive.kink(*node.operands))
        for node in postorder([expression(f)])
        if node.operands and node.primitive.kink is not None
    ]


def with_kinks(f: Expr, convention: str) -> Expr:
    """`f` with each row that has a kink replaced by one whose partials follow `convention` at the kink."""
    if convention not in KINKS:
        raise ArgumentError(f"kink must be one of {', '.join(KINKS)}, got {convention!r}")
    if convention == "mean" or not kinks(f):
        return f

    def visit(node: Any, operands: list[Any]) -> Any:
        if not operands:
            return node
        row = node.primitive
        return build(at_kink(row, convention) if row.kink else row, *operands)

    return fold([f], visit)[0]


def without_kinks(f: Expr) -> Expr:
    """`f` with the rows of a convention replaced by the table's own, whose values are the same."""
    if not any(isinstance(getattr(node, "primitive", None), _Conventional) for node in postorder([f])):
        return f

    def visit(node: Any, operands: list[Any]) -> Any:
        return build(getattr(node.primitive, "base", node.primitive), *operands) if operands else node

    return fold([f], visit)[0]


_conventions: dict[tuple[Primitive, str], Primitive] = {}
_NUDGE = 1e-8  # the table's partials are constant on either side of a kink, so any small step is exact


def at_kink(row: Primitive, convention: str) -> Primitive:
    """A row of the same values whose partials at the kink are 0, one-sided in each operand, or an error."""
    known = _conventions.get((row, convention))
    if known is None:
        known = _conventions[row, convention] = _Conventional(row, convention)
    return known


class _Conventional(Primitive):
    def __init__(self, row: Primitive, convention: str) -> None:
        for name, value in vars(row).items():
            setattr(self, name, value)
        self.node, self.base, self.convention = None, row, convention
        self.numpy, self.mpmath = row.numpy or row.name, row.mpmath
        self.partials = tuple(_one_sided(row, index, convention) for index in range(row.arity))

    def __repr__(self) -> str:
        return repr(self.base)

    def __reduce__(self) -> tuple[Any, ...]:
        return at_kink, (self.base, self.convention)


def _one_sided(row: Primitive, index: int, convention: str) -> Callable[..., Any] | int | None:
    given, kink = row.partials[index], row.kink or (lambda *xs: 1)

    def partial(y: Any, *xs: Any) -> Any:
        return table.where(table.equal(kink(*xs), 0), _at(row, given, index, convention, y, xs), _plain(given, y, xs))

    return partial if given is not None else None


def _plain(given: Any, y: Any, xs: Sequence[Any]) -> Any:
    from exprad.primitive import If

    value = given if isinstance(given, int) else given(y, *xs)
    if isinstance(value, tuple):
        return value[0] * value[1]
    if isinstance(value, If):
        truth = known_truth(value.condition)
        return value.value if truth is True else 0 if truth is False else table.where(value.condition, value.value, 0)
    return value


def _at(row: Primitive, given: Any, index: int, convention: str, y: Any, xs: Sequence[Any]) -> Any:
    if convention == "zero":
        return 0
    if convention == "raise":
        return table.at_kink(row.kink(*xs))  # type: ignore[misc]  # the row has a kink
    side = -_NUDGE if convention == "left" else _NUDGE
    moved = [x + side * (1 + table.abs(x)) if i == index else x for i, x in enumerate(xs)]
    return _plain(given, row(*moved), moved)
