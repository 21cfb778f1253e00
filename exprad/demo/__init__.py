"""The main job, shown: real formulas differentiated, checked and used."""

from __future__ import annotations

from collections.abc import Callable

from exprad.demo import modes, optimisation, regression


def run(say: Callable[[str], None] = print) -> bool:
    """All three parts; whether everything that they promise came true."""
    results = [part.show(say) for part in (modes, optimisation, regression)]
    return all(results)
