"""gradient, jacobian, hessian, hvp: they choose the mode, and share the work."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from exprad import dual
from exprad.arrays import stack
from exprad.derivatives import one_sided
from exprad.derivatives.blocks import blocks, edge
from exprad.derivatives.colouring import colours, rows_of
from exprad.derivatives.kink import checked, kinked, with_kinks
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.derivatives.sparsity import pattern, pattern_of_scalars
from exprad.derivatives.wrt import Wrt
from exprad.errors import ArgumentError, ShapeError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, build, expression, object_array
from exprad.ground.traverse import collector_paused, fold, postorder
from exprad.reverse import adjoints
from exprad.tensor import stretched


def _check_present(outputs: Sequence[Expr], wrt: Sequence[Var], strict: bool) -> None:
    if strict:
        held = set(postorder(outputs))
        for variable in wrt:
            if variable not in held:
                raise ArgumentError(f"variable {variable.name!r} is not in the expression, and strict=True")


def _is_sided(outputs: Sequence[Expr], kink: str) -> bool:
    """Whether one-sided derivatives are asked, of expressions that have sides."""
    return checked(kink) in one_sided.STEPS and bool(kinked(outputs))


def _scalar(f: Any, what: str) -> Expr:
    f = expression(f)
    if f.shape:
        raise ShapeError(
            f"{what} needs a scalar expression, got one of shape {f.shape}; use jacobian, jvp, vjp or f.sum()"
        )
    return f


def _is_function(f: Any) -> bool:
    """Whether it is a Python function, not a carrier, which may be called, too."""
    return callable(f) and not hasattr(f, "_level")


def _by_dual_numbers(operator: str, strict: bool, kink: str) -> Callable[..., Any]:
    """The operator for a Python function, which takes none of the options of one for expressions."""
    if strict or kink != "mean":
        raise ArgumentError(f"{operator} of a Python function takes no strict= and no kink=; give it an expression")
    return cast("Callable[..., Any]", getattr(dual, operator))


def gradient(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
    """The derivative of a scalar expression by a Var (forward mode) or by each of several (one reverse sweep).

    `wrt` is a Var, the name of one, or a sequence or dict of them, however nested; the result has its structure, with
    lists for sequences. `f` may be a Python function of a sequence of numbers; `wrt` is then the point, and dual numbers
    are used: an array is handed on as one dual number of arrays.
    `kink` says what a derivative is where it jumps: "mean" or "zero" of what jumps; "left" or "right", the one-sided
    derivative of the whole expression by each variable; or "raise".

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> gradient(x * x * y + y + 2, [x, y])
    [2*x*y, x**2 + 1]
    >>> gradient(x * x * y, {"first": x, "rest": ["y"]})
    {'first': 2*x*y, 'rest': [x**2]}
    """
    if _is_function(f):
        return _by_dual_numbers("gradient", strict, kink)(f, wrt)
    f = _scalar(f, "gradient")
    by = Wrt(wrt, [f])
    _check_present([f], by.variables, strict)
    return by.like(_slopes(f, by.variables, kink, by.is_single))


def _slopes(f: Expr, inputs: Sequence[Var], kink: str, is_single: bool = False) -> Sequence[Expr]:
    """The derivative by each variable; by a single scalar one in forward mode."""
    if _is_sided([f], kink):
        return one_sided.gradient(f, inputs, kink)
    f = with_kinks(f, kink)
    if is_single and not inputs[0].shape:
        return [edge(tangents([f], {inputs[0]: 1})[0], ())]
    found = adjoints({f: 1}, inputs)
    return [edge(x_bar, x.shape) for x, x_bar in zip(inputs, found, strict=True)]


def backpropagate(f: Expr, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
    """The derivatives of `f` by all its variables, in one reverse sweep, scaled by `seed`."""
    f = expression(f)
    wrt = f.variables
    seed = _seed(seed)
    seed = 1 if seed is Const(1) and not f.shape else seed
    if _is_sided([f], kink):
        return dict(zip(wrt, one_sided.gradient(f, wrt, kink, seed), strict=True))
    found = adjoints({with_kinks(f, kink): seed}, wrt)
    return {x: edge(x_bar, x.shape) for x, x_bar in zip(wrt, found, strict=True)}


def _seed(seed: Any) -> Expr:
    """What scales derivatives, as an expression: 1.0 and -1.0 scale as exact numbers do, and leave no factor."""
    found = expression(seed)
    return Const(int(found.known)) if found.known.__class__ is float and found.known in (1.0, -1.0) else found


def value_and_gradient(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean") -> tuple[Any, Any]:
    """The expression and its gradient; or, of a Python function, its value at the point `wrt` and its gradient there.

    >>> value_and_gradient(lambda p: p[0] * p[1], [3.0, 4.0])
    (12.0, [4.0, 3.0])
    """
    value = f(wrt) if _is_function(f) else expression(f)
    return value, gradient(f, wrt, strict=strict, kink=kink)


def jacobian(fs: Any, wrt: Any, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The derivatives of expressions by variables: of an expression by a variable, of shape f.shape + x.shape.

    Of a sequence of expressions, a list of rows; each row has the structure of `wrt` (see `gradient`). Forward mode where
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
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    by = Wrt(wrt, outputs)
    inputs = by.variables
    _check_present(outputs, inputs, strict)
    is_sided = _is_sided(outputs, kink)
    outputs = outputs if is_sided else [with_kinks(f, kink) for f in outputs]
    if sparse:
        return _sparse_jacobian(outputs, inputs, side=kink if is_sided else None)
    if is_sided:
        rows = one_sided.jacobian(outputs, inputs, kink)
    elif not any(x.shape for x in (*outputs, *inputs)) and len(inputs) < len(outputs):
        columns = [tangents(outputs, {x: 1}) for x in inputs]
        rows = [[edge(column[i], ()) for column in columns] for i in range(len(outputs))]
    else:
        rows = [blocks(f, inputs) for f in outputs]
    found = [by.like(row) for row in rows]
    return found[0] if isinstance(fs, Expr) else found


def _sparse_jacobian(outputs: Sequence[Expr], inputs: Sequence[Var], is_symmetric: bool = False,
                     side: str | None = None) -> SparseMatrix:  # fmt: skip
    """The matrix by colours of its columns or, where those are fewer, of its rows; by columns alone on one side."""
    is_scalar = not any(x.shape for x in (*outputs, *inputs))
    if not is_scalar and (len(outputs) > 1 or len(inputs) > 1):
        raise ShapeError(
            "a sparse matrix takes one expression and one variable with shapes, or scalar ones; stack them"
        )
    found = pattern_of_scalars(outputs, inputs) if is_scalar else pattern(outputs[0], inputs[0])
    found.sum_duplicates()
    columns = colours(found if side is None else one_sided.beside(found, outputs, inputs))
    rows = None if is_symmetric or side else colours(found.T.tocsr())
    by_rows = rows is not None and rows.max(initial=0) < columns.max(initial=0)
    row_of, column_of = rows_of(found), found.indices
    colour = rows[row_of] if by_rows and rows is not None else columns[column_of]
    place = column_of if by_rows else row_of
    passes = _passes(outputs, inputs, rows if by_rows else columns, by_rows, side)
    if is_scalar:
        data: Any = object_array([passes[c][i] for c, i in zip(colour.tolist(), place.tolist(), strict=True)])
    else:
        flat = [each[0].ravel() for each in passes]
        data = flat[0][place] if len(flat) == 1 else stack(flat)[colour, place]
    return SparseMatrix(data, found.indices, found.indptr, found.shape)


def _passes(outputs: Sequence[Expr], inputs: Sequence[Var], colour: Any, by_rows: bool, side: str | None) -> list[Any]:
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
        germs = outputs if side is None else one_sided.germs(outputs, seeds, side)
        swept = adjoints(seeds, inputs) if by_rows else tangents(germs, seeds)
        found.append([edge(one, other.shape) for one, other in zip(swept, others, strict=True)])
    return found


def hessian(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean", sparse: bool = False) -> Any:
    """The second derivatives of a scalar expression: forward mode over the reverse-mode gradient.

    By a variable with a shape, of shape x.shape + x.shape; by a sequence of variables, a list of rows; by a dict, a dict
    of dicts (see `gradient`). With `sparse=True`, a `SparseMatrix` of those elements that may not be 0. `f` may be a
    Python function of a sequence of numbers; `wrt` is then the point, and dual numbers are used.

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
    if _is_function(f):
        return _by_dual_numbers("hessian", strict, kink)(f, wrt)
    f = _scalar(f, "hessian")
    by = Wrt(wrt, [f])
    inputs = by.variables
    _check_present([f], inputs, strict)
    if _is_sided([f], kink):
        if sparse:
            return _sparse_one_sided(f, inputs, kink)
        rows = one_sided.hessian(f, inputs, kink)
    elif sparse:
        return _sparse_jacobian(_slopes(f, inputs, kink), inputs, is_symmetric=True)
    else:
        rows = _second_derivatives(_slopes(f, inputs, kink), inputs)
    return by.like([by.like(row) for row in rows])


def _second_derivatives(slopes: Sequence[Expr], inputs: Sequence[Var]) -> list[list[Expr]]:
    """The derivatives of a gradient, by rows: of scalars, each once for both places."""
    if any(x.shape for x in inputs):
        return [blocks(g, inputs) for g in slopes]
    rows: list[list[Expr]] = [[Const(0)] * len(slopes) for _ in slopes]
    for j, x in enumerate(inputs):
        for i, entry in enumerate(tangents(slopes[j:], {x: 1}), j):
            rows[i][j] = rows[j][i] = edge(entry, ())
    return rows


def _sparse_one_sided(f: Expr, inputs: Sequence[Var], kink: str) -> SparseMatrix:
    """The matrix of a smooth germ where one serves all elements; else element by element."""
    shared = one_sided.passes([f], inputs)
    if len(shared) < 2:
        return _sparse_jacobian(one_sided.smooth_slopes(f, inputs, kink, shared), inputs, is_symmetric=True)
    matrix = _sparse_jacobian(gradient(f, inputs), inputs, is_symmetric=True)
    found = dict(one_sided.entries(f, inputs, kink, shared))
    places = zip(rows_of(matrix).tolist(), matrix.indices.tolist(), strict=True)
    data = [found[place] for place in places]
    return SparseMatrix(stack(data) if inputs[0].shape and data else object_array(data), matrix.indices, matrix.indptr,
                        matrix.shape)  # fmt: skip


def derivative(f: Any, x: Any, order: int = 1, *, kink: str = "mean") -> Any:
    """The derivative of the given order by one variable; of a Python function at a number, by dual numbers.

    >>> from exprad import Var
    >>> derivative(Var("x") ** 5, Var("x"), order=2)
    20*x**3
    """
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise ArgumentError(f"order must be a whole number of at least 0, got {order!r}")
    if _is_function(f):
        return _by_dual_numbers("derivative", False, kink)(f, x, order)
    result = expression(f)
    x = Wrt((), [result]).variable(x)
    if _is_sided([result], kink) and order > 1 and not x.shape:
        return one_sided.derivative(_scalar(result, "derivative"), x, order, kink)
    for count in range(order):  # under the other conventions, what a derivative is at a kink holds for its own, too
        result = gradient(result, x, kink="mean" if count else kink)
    return result


def jvp(fs: Any, x_dots: Mapping[Any, Any]) -> Any:
    """The derivative of an expression, or of each of a sequence, in the direction `x_dots`, by variable or by name.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> jvp(x * y, {x: 1, y: 2})
    2*x + y
    """
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    named = {Wrt((), outputs).variable(x): x_dot for x, x_dot in x_dots.items()}
    seeds: dict[Expr, Any] = {x: stretched(_seed(x_dot), x.shape) for x, x_dot in named.items()}
    seeds = {x: x_dot for x, x_dot in seeds.items() if x_dot is not Const(0)}
    result = [edge(y_dot, f.shape) for f, y_dot in zip(outputs, tangents(outputs, seeds), strict=True)]
    return result[0] if isinstance(fs, Expr) else result


def vjp(fs: Any, fs_bar: Any, wrt: Any) -> Any:
    """The adjoints of `wrt` for the adjoints `fs_bar` of the outputs `fs`, in one reverse sweep, in the structure of `wrt`.

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
        seeds[f] = seeds[f] + f_bar if f in seeds else _seed(f_bar)
    by = Wrt(wrt, list(seeds))
    found = adjoints(seeds, by.variables)
    return by.like([edge(x_bar, x.shape) for x, x_bar in zip(by.variables, found, strict=True)])


def hvp(f: Any, wrt: Any, direction: Any) -> Any:
    """The Hessian of a scalar expression times a direction, which has the structure of `wrt`, as the result has.

    Forward over reverse, without the Hessian.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> hvp(x * x * y, [x, y], [1, 0])
    [2*y, 2*x]
    """
    f = _scalar(f, "hvp")
    by = Wrt(wrt, [f])
    directions = by.values(direction, "the direction")
    return by.like(jvp(_slopes(f, by.variables, "mean"), dict(zip(by.variables, directions, strict=True))))


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
