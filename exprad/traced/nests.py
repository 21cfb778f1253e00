"""Nests: lists, tuples and dicts, however nested, of leaves; what tells nests of one form from others, and how they are rebuilt.

>>> leaves = []
>>> form = flattened({"w": [1.0, 2.0], "b": (3.0,)}, leaves)
>>> leaves, rebuilt(form, iter([10, 20, 30]))
([1.0, 2.0, 3.0], {'w': [10, 20], 'b': (30,)})
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

Form = Any  # None of a leaf; of others the class, the keys of a mapping, and the forms of what is inside
NOTHING = (type(None), None, ())  # the form of Python's None
NUMBERS = frozenset([float, int])  # the classes of most leaves


def flattened(given: Any, leaves: list[Any]) -> Form:
    """The form of a nest, whose leaves are added to a list in order. Forms are equal, and hash alike, where nests are alike."""
    if given.__class__ in NUMBERS:
        leaves.append(given)
        return None
    if given.__class__ is not dict:
        if isinstance(given, (list, tuple)):
            return given.__class__, None, tuple([flattened(each, leaves) for each in given])
        if hasattr(given, "dtype"):
            leaves.append(given)
            return None
    if given.__class__ is dict or isinstance(given, Mapping):
        return given.__class__, tuple(given), tuple([flattened(each, leaves) for each in given.values()])
    if given is None:
        return NOTHING
    leaves.append(given)
    return None


def rebuilt(form: Form, leaves: Iterator[Any]) -> Any:
    """A nest of a form, with other leaves."""
    if form is None:
        return next(leaves)
    cls, keys, parts = form
    if form is NOTHING or form == NOTHING:
        return None
    inside = [rebuilt(part, leaves) for part in parts]
    if keys is not None:
        return (OrderedDict if issubclass(cls, OrderedDict) else dict)(zip(keys, inside, strict=True))
    if hasattr(cls, "_fields"):
        return cls(*inside)
    return tuple(inside) if issubclass(cls, tuple) else inside


def is_plain(form: Form) -> bool:
    """Whether there is nothing in a nest but leaves, lists, tuples and dicts."""
    return form is None or form[0] in (list, tuple, dict) and all(map(is_plain, form[2]))


def names(form: Form, name: str) -> Iterator[str]:
    """What the leaves of a nest are called that is called so."""
    if form is None:
        yield name
    else:
        for key, part in zip(form[1] or range(len(form[2])), form[2], strict=True):
            yield from names(part, f"{name}_{key}")


def count(form: Form) -> int:
    """How many leaves there are."""
    return 1 if form is None else sum(map(count, form[2]))
