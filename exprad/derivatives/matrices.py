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
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.forward import tangents
from exprad.graph.expr import Const, Expr, Var, build, expression, object_array
from exprad.ground.traverse import collector_paused, fold, postorder
from exprad.reverse import adjoints
from exprad.tensor import stretched


def _variable(wrt: Any) -> Var:
    if not isinstance(wrt, Var):
        raise OperandError(f"derivatives are taken with respect to a Var, got {type(wrt).__name__}: {wrt!r}")
    return wrt


def _several(wrt: Any) -> list[Var]:
    if isinstance(wrt, (str, bytes)) or not hasattr(wrt, "__len__"):
        raise OperandError(f"wrt must be a Var or a sequence of them, got {type(wrt).__name__}: {wrt!r}")
    return [_variable(each) for each in wrt]


def _check_present(outputs: Sequence[Expr], wrt: Sequence[Var], strict: bool) -> None:
    if strict:
        held = set(postorder(outputs))
        for variable in wrt:
            if variable not in held:
                raise ArgumentError(f"variable {variable.name!r} is not in the expression, and strict=True")


def _inputs(wrt: Any) -> list[Var]:
    return [wrt] if isinstance(wrt, Var) else _several(wrt)


def _is_sided(outputs: Sequence[Expr], kink: str) -> bool:
    """Whether one-sided derivatives are asked, of expressions that have sides."""
    return checked(kink) in one_sided.STEPS and bool(kinked(outputs))


def _scalar(f: Any, what: str) -> Expr:
    f = expression(f)
    if f.shape:
        raise ShapeError(f"{what} needs a scalar expression, got one of shape {f.shape}; use jvp, vjp or f.sum()")
    return f


def _by_dual_numbers(operator: str, strict: bool, kink: str) -> Callable[..., Any]:
    """The operator for a Python function, which takes none of the options of one for expressions."""
    if strict or kink != "mean":
        raise ArgumentError(f"{operator} of a Python function takes no strict= and no kink=; give it an expression")
    return cast("Callable[..., Any]", getattr(dual, operator))


def gradient(f: Any, wrt: Any, *, strict: bool = False, kink: str = "mean") -> Any:
    """The derivative of a scalar expression by a Var (forward mode) or by each of a sequence (one reverse sweep).

    `f` may be a Python function of a sequence of numbers; `wrt` is then the point, and dual numbers are used.
    `kink` says what a derivative is where it jumps: "mean" or "zero" of what jumps; "left" or "right", the one-sided
    derivative of the whole expression by each variable; or "raise".

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> gradient(x * x * y + y + 2, [x, y])
    [2*x*y, x**2 + 1]
    """
    if callable(f):
        return _by_dual_numbers("gradient", strict, kink)(f, wrt)
    f = _scalar(f, "gradient")
    if _is_sided([f], kink):
        inputs = _inputs(wrt)
        _check_present([f], inputs, strict)
        found = one_sided.gradient(f, inputs, kink)
        return found[0] if isinstance(wrt, Var) else found
    f = with_kinks(f, kink)
    if isinstance(wrt, Var):
        _check_present([f], [wrt], strict)
        if wrt.shape:
            return edge(adjoints({f: Const(1)}, [wrt])[0], wrt.shape)
        return edge(tangents([f], {wrt: 1})[0], ())
    wrt = _several(wrt)
    _check_present([f], wrt, strict)
    found = adjoints({f: 1}, wrt)
    return [edge(x_bar, x.shape) for x, x_bar in zip(wrt, found, strict=True)]


def backpropagate(f: Expr, seed: Any = 1, *, kink: str = "mean") -> dict[Var, Expr]:
    """The derivatives of `f` by all its variables, in one reverse sweep, scaled by `seed`."""
    f = expression(f)
    wrt = f.variables
    seed = seed if seed.__class__ is int and seed == 1 and not f.shape else expression(seed)
    if _is_sided([f], kink):
        return dict(zip(wrt, one_sided.gradient(f, wrt, kink, seed), strict=True))
    found = adjoints({with_kinks(f, kink): seed}, wrt)
    return {x: edge(x_bar, x.shape) for x, x_bar in zip(wrt, found, strict=True)}


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
    outputs = [expression(f) for f in ([fs] if isinstance(fs, Expr) else fs)]
    inputs = _inputs(wrt)
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
    found: list[Any] = [row[0] for row in rows] if isinstance(wrt, Var) else rows
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
    f, inputs = _scalar(f, "hessian"), _inputs(wrt)
    _check_present([f], inputs, strict)
    if _is_sided([f], kink):
        return _one_sided_hessian(f, wrt, kink, sparse)
    slopes = gradient(f, inputs, kink=kink)
    if sparse:
        return _sparse_jacobian(slopes, inputs, is_symmetric=True)
    if any(x.shape for x in inputs):
        rows: list[list[Expr]] = [blocks(g, inputs) for g in slopes]
    else:
        rows = [[Const(0)] * len(slopes) for _ in slopes]
        for j, x in enumerate(inputs):
            for i, entry in enumerate(tangents(slopes[j:], {x: 1}), j):
                rows[i][j] = rows[j][i] = edge(entry, ())
    return rows[0][0] if isinstance(wrt, Var) else rows


def _one_sided_hessian(f: Expr, wrt: Any, kink: str, sparse: bool) -> Any:
    if sparse:
        return _sparse_one_sided(f, _inputs(wrt), kink)
    rows = one_sided.hessian(f, _inputs(wrt), kink)
    return rows[0][0] if isinstance(wrt, Var) else rows


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
    if callable(f):
        return _by_dual_numbers("derivative", False, kink)(f, x, order)
    result = expression(f)
    if _is_sided([result], kink) and order > 1 and not _variable(x).shape:
        return one_sided.derivative(_scalar(result, "derivative"), _variable(x), order, kink)
    for count in range(order):  # under the other conventions, what a derivative is at a kink holds for its own, too
        result = gradient(result, _variable(x), kink="mean" if count else kink)
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
    result = [edge(y_dot, f.shape) for f, y_dot in zip(outputs, tangents(outputs, seeds), strict=True)]
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
    result = [edge(x_bar, x.shape) for x, x_bar in zip(inputs, adjoints(seeds, inputs), strict=True)]
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
