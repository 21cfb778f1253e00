"""Arrays of other libraries, where they are installed."""

from __future__ import annotations

import numpy as np
import pytest

from exprad import atan2, erf, hypot, log1p, maximum, relu, sigmoid, sin, softplus, variables, where

x, y = variables("x y")
FORMULAS = [x * x * y + y + 2, sin(x) / y, where(x < y, x, y) ** 2, sigmoid(x) + softplus(y), atan2(x, y) + erf(x),
            x**-2, relu(x) * 0.5, log1p(x) + hypot(x, y), maximum(x, y)]  # fmt: skip


@pytest.mark.parametrize("library", ["jax.numpy", "torch"])
@pytest.mark.parametrize("f", FORMULAS, ids=str)
def test_values_and_gradients_are_numpys(library: str, f: object) -> None:
    xp = pytest.importorskip(library)
    at = {"x": [1.0, 2.0], "y": [0.5, 3.0]}
    for g in (f, *f.gradient([x, y])):
        theirs = g.evaluate({name: xp.asarray(value, dtype=xp.float32) for name, value in at.items()})
        ours = g.evaluate({name: np.asarray(value, np.float32) for name, value in at.items()})
        assert np.allclose(np.asarray(theirs), ours, rtol=1e-5), g
