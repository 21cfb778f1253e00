"""Which way NumPy runs a program of scalars, as a test wants it."""

from __future__ import annotations

from typing import Any

from exprad.backends import choice, scalars

WAYS = {"steps": "STEPS", "blocks": "BLOCKS", "levels": "LEVELS"}


def take(monkeypatch: Any, way: str) -> None:
    """Make one way the only one that costs anything less than the others, from the first call."""
    name = WAYS[way]
    free = getattr(scalars, name)._replace(making=(0, 0, 0), unit=0, number=0, function=0, call=0)
    monkeypatch.setattr(scalars, name, free)
    if way != "blocks":
        monkeypatch.setattr(choice, "LONG_PROGRAM", -1)
