"""A trace: what a Python function computes for arguments of one form, as expressions, and as a compiled function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

from exprad.arrays import as_operand
from exprad.backends.function import compile
from exprad.derivatives.sparse_matrix import SparseMatrix
from exprad.errors import OperandError, ShapeError, UnsupportedError
from exprad.graph.evaluation import evaluate
from exprad.graph.expr import Expr, Var, build, expression, namesakes
from exprad.graph.substitution import replaced
from exprad.graph.tracing import expressions_in, renamed
from exprad.ground.shapes import Shape, broadcast_shapes
from exprad.ground.traverse import collector_paused, fold, postorder
from exprad.traced.arguments import Parameters, Signature, called
from exprad.traced.nests import Form, flattened, is_plain, rebuilt

_numbers: dict[str, Iterator[int]] = {}  # of variables, by what arguments are called


BY_POINTS = ("auto", "numpy", "native")  # back ends that take arrays of numbers in more ways than arrays


class Options(NamedTuple):
    """Of `compile`."""

    backend: str = "auto"
    checkpoint: int | str | None = None
    fast: bool = False


class Trace:
    """Outputs, in a nest, as expressions of variables: one for each leaf of the arguments."""

    def __init__(self, variables: Sequence[Var], outputs: Any, options: Options, name: str) -> None:
        self.variables, self.options, self.name = tuple(variables), options, name
        self.leaves: list[Any] = []
        self.form: Form = flattened(outputs, self.leaves)
        self.is_used = False
        self.taped: dict[Any, Any] = {}  # what nodes of the tape know, by the leaves that are Variables

    @cached_property
    def function(self) -> Any:
        """The compiled function of the leaves. It gives the outputs where their nest is one that `compile` knows, else a list."""
        try:
            leaves, inputs = self._at_points or (self.leaves, list(self.variables))
            outputs = rebuilt(self.form, iter(leaves)) if is_plain(self.form) else leaves
            return compile(outputs, inputs, **self.options._asdict())
        except (OperandError, ShapeError) as error:
            error.add_note(f"in what {self.name} gave for variables")
            raise

    @property
    def _at_points(self) -> tuple[list[Expr], list[Var]] | None:
        """The same for numbers, where all is computed element by element: what is given are values at many points then.

        There are more ways to run that, on threads and in machine code among them.
        """
        if self.options.backend not in BY_POINTS or not all(isinstance(leaf, Expr) for leaf in self.leaves):
            return None
        points = _points(self.variables)
        if 0 in points or not points or any(leaf.shape != points for leaf in self.leaves):
            return None
        if not all(map(_is_elementwise, postorder(self.leaves))):
            return None
        numbers = {x: Var(x.name) for x in self.variables}

        def visit(node: Any, operands: list[Any]) -> Any:
            return build(node.primitive, *operands) if operands else numbers.get(node, node)

        with collector_paused():
            return fold(self.leaves, visit), list(numbers.values())

    @cached_property
    def call(self) -> Callable[..., Any]:
        """The function of the leaves that are numbers and arrays."""
        if is_plain(self.form):
            return self.function
        function, form = self.function, self.form
        return lambda *leaves: rebuilt(form, iter(function(*leaves)))

    @cached_property
    def expressions(self) -> list[Expr]:
        """The leaves of the outputs, an expression each."""
        for leaf in self.leaves:
            if isinstance(leaf, SparseMatrix):
                raise UnsupportedError(
                    f"{self.name} gives a sparse matrix, which is one for numbers and arrays alone; let it give .data"
                )
        return [expression(as_operand(leaf.tolist() if _is_of_objects(leaf) else leaf)) for leaf in self.leaves]

    def on_carriers(self, leaves: Sequence[Any], is_symbolic: bool) -> Any:
        """The outputs for expressions, or for dual numbers, among the leaves."""
        given = dict(zip(self.variables, map(carried, leaves), strict=True))
        found = replaced(self.expressions, given) if is_symbolic else evaluate(self.expressions, given)
        return rebuilt(self.form, iter(found))


def carried(leaf: Any) -> Any:
    """A leaf as one carrier, if it is an array of some."""
    return as_operand(leaf.tolist()) if _is_of_objects(leaf) else leaf


def _points(variables: Sequence[Var]) -> Shape:
    """The shape that variables broadcast to; that of a number if they do not."""
    try:
        return broadcast_shapes("jit", [x.shape for x in variables])
    except ShapeError:
        return ()


def _is_elementwise(node: Any) -> bool:
    return node.primitive.partials is not None if node.operands else not (node.is_const and node.shape)


def _is_of_objects(leaf: Any) -> bool:
    return bool(getattr(leaf, "dtype", None) == object)


def traced(
    function: Callable[..., Any], parameters: Parameters, signature: Signature, options: Options, name: str
) -> Trace:
    """The trace of a function for arguments of a form."""
    names = list(parameters.leaf_names(signature.arguments))
    variables = [own_variable(leaf, shape) for leaf, shape in zip(names, signature.shapes, strict=True)]
    try:
        found = called(function, signature, variables)
        return Trace(*_called_like_arguments(variables, names, found), options, name)
    except Exception as error:
        error.add_note(
            f"while jit traced {name}: its arguments are expressions then, not numbers; what decides a branch or a size "
            "may be static: jit(f, static_argnames=...)"
        )
        raise


def _called_like_arguments(variables: Sequence[Var], names: Sequence[str], found: Any) -> tuple[list[Var], Any]:
    """Variables called like the arguments, and what was found in terms of them; if nobody else's is called so."""
    outputs = list(expressions_in(found))
    others = {node.name for node in postorder(outputs) if node.is_variable}.difference([x.name for x in variables])
    if others.intersection(names) or len(set(names)) < len(names):
        return list(variables), found
    plain = [Var(name, shape=x.shape) for name, x in zip(names, variables, strict=True)]
    return plain, renamed(found, {x: y for x, y in zip(variables, plain, strict=True) if x is not y})


def own_variable(name: str, shape: Shape) -> Var:
    """A variable that nobody else has while a function is traced, called like an argument if nobody has one of that name."""
    numbers = _numbers.get(name) or _numbers.setdefault(name, count(1))
    candidate = name
    while namesakes(candidate):
        candidate = f"{name}_{next(numbers)}"
    return Var(candidate, shape=shape)
