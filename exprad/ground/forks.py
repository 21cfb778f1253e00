"""Locks in a process that was forked: one that another thread of the parent held would never be free in the child."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cached_property
from threading import RLock

from exprad.ground.hints import Any


def at_fork(
    *, before: Callable[[], Any] | None = None, parent: Callable[[], Any] | None = None, child: Callable[[], Any]
) -> None:
    """What is done before a fork, and after it in the parent and in the child; nothing where processes do not fork."""
    if hasattr(os, "register_at_fork"):
        done = {"before": before, "after_in_parent": parent, "after_in_child": child}
        os.register_at_fork(**{name: act for name, act in done.items() if act is not None})


def _renew_properties() -> None:
    """Cached properties have a lock for all objects of their class, up to Python 3.11."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "exprad":
            for cls in [each for each in vars(module).values() if isinstance(each, type)]:
                for each in vars(cls).values():
                    if isinstance(each, cached_property):
                        each.lock = RLock()  # type: ignore[attr-defined]  # later versions have none


if sys.version_info < (3, 12):
    at_fork(child=_renew_properties)
