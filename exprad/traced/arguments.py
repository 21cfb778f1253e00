"""The arguments of a function that is traced: which are static, and what tells one call from another."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from operator import index
from typing import Any, NamedTuple, cast

from exprad.errors import ArgumentError, OperandError
from exprad.ground.digits import shown
from exprad.ground.shapes import Shape
from exprad.numbers import EXACT
from exprad.traced.nests import NUMBERS, Form, count, flattened, names, rebuilt

_REALS = frozenset("biufO")  # and arrays of carriers
_REAL_NUMBERS = (*EXACT, float)
_KEYWORDS = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_PLACES = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class Static:
    """An argument that a trace takes as it is. Two are equal where they are of one type and, as a float, of one sign."""

    __slots__ = ("_key", "value")

    def __init__(self, value: Any, name: str) -> None:
        self.value, self._key = value, _told_apart(value)
        try:
            hash(self._key)
        except TypeError:
            raise OperandError(
                f"the static argument {name!r} must be hashable, got {type(value).__name__}: {shown(value)}"
            ) from None

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Static) and bool(self._key == other._key)


def _told_apart(value: Any) -> Any:
    """What is equal only for static values that are the same: 1, 1.0 and True are three, 0.0 and -0.0 two."""
    if isinstance(value, tuple):
        return value.__class__, tuple(map(_told_apart, value))
    return value.__class__, value.hex() if value.__class__ is float else value


class Signature(NamedTuple):
    """A form of a call: each argument's place or name with the form of its nest, or what it is if it is static."""

    arguments: tuple[tuple[int | str, Form | Static], ...]
    shapes: tuple[Shape, ...]


class Parameters:
    """The parameters of a Python function, some of them static."""

    def __init__(self, function: Callable[..., Any], static_argnums: Any = None, static_argnames: Any = None) -> None:
        try:
            self.signature: inspect.Signature | None = inspect.signature(function)
        except (TypeError, ValueError):  # of a function written in C
            self.signature = None
        given: Sequence[Any] = list(self.signature.parameters.values()) if self.signature else []
        self.places = [each.name for each in given if each.kind in _PLACES]
        self.named = [each.name for each in given if each.kind in _KEYWORDS]
        self._takes_more = not self.signature or any(each.kind is each.VAR_POSITIONAL for each in given)
        self._takes_any = not self.signature or any(each.kind is each.VAR_KEYWORD for each in given)
        places = [self._place(each, "static_argnums") for each in _several(static_argnums)]
        places += [self.places.index(name) for name in _several(static_argnames) if self._known(name) in self.places]
        self.static_places = frozenset(places)
        self.static_names = frozenset([*_several(static_argnames), *[self.name(place) for place in places]])
        self.has_static = bool(self.static_names)
        self.static = static_argnums, static_argnames  # as they were given

    @cached_property
    def of_method(self) -> Parameters:
        """The parameters without the first, which an instance is given for."""
        if not self.places:
            return self
        made = copy(self)
        first, *made.places = self.places
        made.named = [name for name in self.named if name != first]
        made.static_places = frozenset([place - 1 for place in self.static_places if place])
        made.static_names = self.static_names - {first}
        made.has_static = bool(made.static_names)
        if self.signature is not None:
            made.signature = self.signature.replace(parameters=list(self.signature.parameters.values())[1:])
        return made

    def name(self, place: int | str) -> str:
        """What the argument at a place is called."""
        if isinstance(place, str):
            return place
        return self.places[place] if place < len(self.places) else f"argument{place}"

    def _place(self, given: Any, what: str) -> int:
        try:
            place = index(given)
        except TypeError:
            advice = "; a point is given in the call: gradient(f)(point)" if what == "wrt" else ""
            raise ArgumentError(
                f"{what}: places of arguments are whole numbers, got {type(given).__name__}: {shown(given)}{advice}"
            ) from None
        if not -len(self.places) <= place < len(self.places) and not (self._takes_more and place >= 0):
            raise ArgumentError(f"{what}: there is no argument {place}; arguments: {self.places}")
        return int(place + len(self.places) if place < 0 else place)

    def _known(self, name: Any) -> str:
        if not isinstance(name, str) or name not in (*self.places, *self.named) and not self._takes_any:
            raise ArgumentError(f"static_argnames: no argument is called {shown(name)}; arguments: {self.named}")
        return name

    def located(self, wrt: Any) -> int | str:
        """The place of an argument that is told by its place or its name; the name, where it has no place."""
        if isinstance(wrt, str):
            if wrt not in self.places and wrt not in self.named and not self._takes_any:
                raise ArgumentError(f"wrt: no argument is called {wrt!r}; arguments: {[*self.places, *self.named]}")
            return self.places.index(wrt) if wrt in self.places else wrt
        return self._place(wrt, "wrt")

    def read(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[Signature, list[Any]]:
        """The form of a call, and what is traced of it, leaf by leaf."""
        if named and self.signature is not None:
            arguments, named = self._by_place(arguments, named)
        leaves: list[Any] = []
        given_at: Iterable[tuple[int | str, Any]] = enumerate(arguments)
        if named:
            given_at = [*given_at, *sorted(named.items())]
        if self.has_static:
            forms = [(key, self._form(key, given, leaves)) for key, given in given_at]
        else:
            forms = [(key, flattened(given, leaves)) for key, given in given_at]
        shapes = [() if leaf.__class__ in NUMBERS else self._shape(leaf, forms, leaves) for leaf in leaves]
        return Signature(tuple(forms), tuple(shapes)), leaves

    def _by_place(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> tuple[Sequence[Any], Mapping[str, Any]]:
        """The arguments by place, as far as they go without a gap, and the others by name."""
        found, rest = list(arguments), dict(named)
        for name in self.places[len(arguments) :]:
            if name not in rest or name not in self.named:
                break
            found.append(rest.pop(name))
        if rest and not rest.keys() <= set(self.named).difference(self.places[: len(found)]):
            bound = cast("inspect.Signature", self.signature).bind(*arguments, **named)  # which tells what is wrong
            return bound.args, bound.kwargs
        return found, rest

    def _form(self, key: int | str, given: Any, leaves: list[Any]) -> Any:
        is_static = key in self.static_places or key in self.static_names
        return Static(given, self.name(key)) if is_static else flattened(given, leaves)

    def _shape(self, leaf: Any, forms: Sequence[tuple[Any, Any]], leaves: Sequence[Any]) -> Shape:
        if isinstance(leaf, _REAL_NUMBERS):
            return tuple(getattr(leaf, "shape", ()))  # NumPy's floats are Python's
        kind = getattr(getattr(leaf, "dtype", None), "kind", "f")
        if hasattr(leaf, "shape") and (getattr(leaf, "_level", 0) > 0 or kind in _REALS):
            return tuple(leaf.shape)
        what = f"an array of {leaf.dtype}" if hasattr(leaf, "shape") else f"{type(leaf).__name__}: {shown(leaf)}"
        place = next(place for place, each in enumerate(leaves) if each is leaf)
        raise OperandError(
            f"argument {list(self.leaf_names(forms))[place]!r} must be a real number, an array, or a nest of them, got "
            f"{what}; what decides a branch or a size may be static: jit(f, static_argnames=...)"
        )

    def leaf_names(self, forms: Sequence[tuple[Any, Any]]) -> Iterator[str]:
        """What the leaves of a call are called."""
        for key, form in forms:
            if not isinstance(form, Static):
                yield from names(form, self.name(key))


def called(function: Callable[..., Any], signature: Signature, leaves: Sequence[Any]) -> Any:
    """What a function gives for a call of a form with these leaves."""
    rest = iter(leaves)
    arguments: list[Any] = []
    named: dict[str, Any] = {}
    for key, form in signature.arguments:
        given = form.value if isinstance(form, Static) else rebuilt(form, rest)
        if isinstance(key, str):
            named[key] = given
        else:
            arguments.append(given)
    return function(*arguments, **named)


def leaves_of(signature: Signature, wrt: int | str) -> tuple[Form, int, int]:
    """The form of an argument, and which leaves are its own: from the first to beyond the last."""
    first = 0
    for key, form in signature.arguments:
        if isinstance(form, Static):
            if key == wrt:
                raise ArgumentError(f"wrt: argument {wrt!r} is static, and has no derivative")
            continue
        beyond = first + count(form)
        if key == wrt:
            return form, first, beyond
        first = beyond
    raise ArgumentError(f"wrt: the call gives no argument {wrt!r}, got {[key for key, _ in signature.arguments]}")


def _several(given: Any) -> list[Any]:
    """One or several, as a list; none for None."""
    if given is None:
        return []
    return [given] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
