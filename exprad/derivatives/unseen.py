"""Gradients of large expressions that nobody has looked at: lists whose elements are derived when somebody does.

`compile` needs no look: it derives them without making nodes, where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from threading import RLock

from exprad.graph.expr import Expr, Var
from exprad.ground.hints import Any


class Unseen(list[Any]):
    """The derivatives of a scalar expression `f` by scalar variables `wrt`; a list in all that can be seen.

    With a direction, they are the product of the Hessian and that.
    """

    __slots__ = ("_derive", "_lock", "direction", "f", "wrt")

    def __init__(
        self, f: Expr, wrt: Sequence[Var], derive: Callable[[], Sequence[Expr]], direction: Sequence[Expr] = ()
    ) -> None:
        super().__init__()
        self.f, self.wrt, self.direction, self._lock = f, tuple(wrt), tuple(direction), RLock()
        self._derive: Callable[[], Sequence[Expr]] | None = derive

    @property
    def is_unseen(self) -> bool:
        """Whether nobody has looked yet."""
        return self._derive is not None

    def __len__(self) -> int:
        return len(self.wrt) if self.is_unseen else super().__len__()

    def __bool__(self) -> bool:
        return len(self) > 0

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return list, (list(self),)

    def __radd__(self, other: Any) -> Any:
        """What stands on the left of a sum adds its elements itself."""
        look(self)
        return NotImplemented


def look(given: Unseen) -> None:
    """Derive what nobody has looked at yet."""
    with given._lock:
        if given._derive is not None:
            list.extend(given, given._derive())
            given._derive = None


def _looking(name: str) -> Callable[..., Any]:
    method = getattr(list, name)

    @wraps(method)
    def looking(self: Unseen, *arguments: Any, **named: Any) -> Any:
        look(self)
        return method(self, *arguments, **named)

    return looking


_BARE = {
    "__class_getitem__",
    "__getattribute__",
    "__hash__",
    "__init__",
    "__new__",
    "__sizeof__",
}  # that see no element
for _name in vars(list):
    if _name not in vars(Unseen) and _name not in _BARE and callable(getattr(list, _name)):
        setattr(Unseen, _name, _looking(_name))
