"""The back ends that tests ask: those whose library is installed."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

LIBRARIES = {"native": "llvmlite", "jax": "jax", "torch": "torch"}  # what a back end needs beyond NumPy


def present(*backends: str) -> tuple[str, ...]:
    """Those of several back ends that can be asked here."""
    return tuple(each for each in backends if each not in LIBRARIES or find_spec(LIBRARIES[each]) is not None)


def needs(backend: str) -> None:
    """Skip the test where a back end can't be asked."""
    if backend in LIBRARIES:
        pytest.importorskip(LIBRARIES[backend])
