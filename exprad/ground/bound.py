"""What is declared low and defined high: a node's derivative, its text. The package's face says where each is defined.

Imports go one way, so a method of a node can't import what is written in terms of nodes. It is declared here below, with
its signature and its docstring, and looked up in one table, which `exprad.face` fills, at its first call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module

from exprad.ground.hints import Any, NoReturn, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

homes: dict[str, str] = {}  # "Class.method": "module:function"
handlers: dict[str, str] = {}  # of arguments of a compiled function that have an attribute: "module:function"
declarations: set[str] = set()


def bound(declared: F) -> F:
    """A function that does what the one says that `homes` has under the declaration's qualified name."""
    name = declared.__qualname__
    found: Any = None

    @wraps(declared)
    def call(*operands: Any, **options: Any) -> Any:
        nonlocal found
        if found is None:
            found = defined(name)
        return found(*operands, **options)

    declarations.add(name)
    return cast("F", call)


def elsewhere() -> NoReturn:
    """What a declaration ends with whose type says that it returns something."""
    raise AssertionError


def defined(name: str) -> Any:
    """What is defined for a declaration."""
    return _at(homes[name])


def handler_of(arguments: Sequence[Any]) -> Callable[..., Any] | None:
    """What takes a call of a compiled function over, `handler(function, arguments)`, for arguments of another library."""
    for attribute, home in handlers.items():
        if any(hasattr(argument, attribute) for argument in arguments):
            return cast("Callable[..., Any]", _at(home))
    return None


def _at(home: str) -> Any:
    module, _, name = home.partition(":")
    return getattr(import_module(module), name)
