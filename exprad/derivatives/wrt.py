"""With respect to what: a variable or the name of one, or sequences and dicts of them, however nested. Results are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exprad.errors import ArgumentError, OperandError
from exprad.graph.expr import Expr, Var, variables_by_name
from exprad.ground.digits import shown
from exprad.ground.traverse import postorder


class Wrt:
    """The variables that derivatives of `outputs` are taken by, in order; and the structure in which they were given.

    A name is that of a variable of the outputs. A dict has variables for values.

    >>> from exprad import variables
    >>> x, y = variables("x y")
    >>> wrt = Wrt({"a": x, "b": ["y", x]}, [x * y])
    >>> wrt.variables, wrt.like([1, 2, 3])
    ([x, y, x], {'a': 1, 'b': [2, 3]})
    """

    def __init__(self, given: Any, outputs: Sequence[Expr]) -> None:
        self._outputs = outputs
        self._held: dict[str, Var] | None = None
        self.variables: list[Var] = []
        self._is_flat = given.__class__ in (list, tuple) and {*map(type, given)} == {Var}
        if self._is_flat:
            self.variables += given
        self._tree = [None] * len(given) if self._is_flat else self._read(given)

    def _read(self, given: Any) -> Any:
        """The structure: None for a variable, a list for a sequence, a dict for a dict."""
        if isinstance(given, (Var, str)):
            self.variables.append(self.variable(given))
            return None
        if isinstance(given, Mapping):
            return {key: self._read(each) for key, each in given.items()}
        if isinstance(given, (Expr, bytes)) or not hasattr(given, "__len__") or getattr(given, "shape", None) == ():
            raise OperandError(
                "derivatives are taken with respect to a Var, the name of one, or a sequence or dict of them, "
                f"got {type(given).__name__}: {shown(given)}"
            )
        return [self._read(each) for each in given]

    def variable(self, given: Any) -> Var:
        """The variable that is given, or that is called so."""
        if isinstance(given, Var):
            return given
        if not isinstance(given, str):
            raise OperandError(f"a variable, or the name of one, is needed, got {type(given).__name__}: {shown(given)}")
        if self._held is None:
            self._held = variables_by_name(postorder(self._outputs))
        if given not in self._held:
            raise ArgumentError(
                f"no variable is called {given!r}; the expression has {sorted(self._held)}; for the derivative "
                f"by another, which is 0, give the Var itself"
            )
        return self._held[given]

    @property
    def is_of_numbers(self) -> bool:
        """Whether a flat list of variables was given that are numbers."""
        return self._is_flat and not any(x.shape for x in self.variables)

    @property
    def is_single(self) -> bool:
        """Whether one variable was given, and no structure."""
        return self._tree is None

    def like(self, values: Sequence[Any]) -> Any:
        """One value for each variable, in the structure of what was given."""
        return list(values) if self._is_flat else _rebuilt(self._tree, iter(values))

    def values(self, given: Any, what: str) -> list[Any]:
        """The value for each variable, of what has the structure of the variables."""
        found: list[Any] = []
        _collect(self._tree, given, what, found)
        return found


def _rebuilt(tree: Any, left: Any) -> Any:
    if tree is None:
        return next(left)
    if isinstance(tree, dict):
        return {key: _rebuilt(each, left) for key, each in tree.items()}
    return [_rebuilt(each, left) for each in tree]


def _collect(tree: Any, given: Any, what: str, found: list[Any]) -> None:
    if tree is None:
        found.append(given)
    elif isinstance(tree, dict):
        if not isinstance(given, Mapping) or set(given) != set(tree):
            raise ArgumentError(f"{what} needs a dict with the keys {list(tree)}, as wrt has them, got {shown(given)}")
        for key, each in tree.items():
            _collect(each, given[key], what, found)
    else:
        if not hasattr(given, "__len__") or isinstance(given, (str, Mapping)) or len(given) != len(tree):
            raise ArgumentError(f"{what} needs one for each of {len(tree)} variables, got {shown(given)}")
        for each, value in zip(tree, given, strict=True):
            _collect(each, value, what, found)
