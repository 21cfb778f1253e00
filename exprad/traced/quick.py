"""A call with floats and nothing else, as quick as Python has it: by a method that is written for so many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MOST_FLOATS = 20  # that a method of its own may take
_missing: Any = object()


def taking_floats(count: int, found: Callable[..., Any], general: Callable[..., Any]) -> Callable[..., Any]:
    """A `__call__` that gives so many floats to `found`, and leaves all else to `general`.

    >>> taking_floats(2, lambda x, y: x - y, lambda self, *given: given)(None, 3.0, 1.0)
    2.0
    >>> taking_floats(2, lambda x, y: x - y, lambda self, *given: given)(None, 3)
    (3,)
    """
    names = [f"x{place}" for place in range(count)]
    parameters = "".join([f"{name}=missing, " for name in names])
    given = ", ".join(names)
    asked = "".join([f"{name}.__class__ is float and " for name in names])
    text = (
        f"def __call__(self, /, {parameters}*rest, **named):\n"
        f"    if {asked}not rest and not named:\n"
        f"        return found({given})\n"
        f"    return general(self, *[x for x in ({given},) if x is not missing], *rest, **named)\n"
    )
    scope: dict[str, Any] = {"missing": _missing, "found": found, "general": general}
    exec(text, scope)
    method: Callable[..., Any] = scope["__call__"]
    return method
