"""Gradient descent, momentum and Adam: functions from lists of arrays to lists of arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

Arrays = list[np.ndarray[Any, Any]]


def gradient_descent(values: Sequence[Any], gradients: Sequence[Any], rate: float = 0.01) -> Arrays:
    """A step against the gradient."""
    return [value - rate * g for value, g in zip(values, gradients, strict=True)]


def momentum(
    values: Sequence[Any], gradients: Sequence[Any], velocities: Sequence[Any], rate: float = 0.01, decay: float = 0.9
) -> tuple[Arrays, Arrays]:
    """A step with a velocity, which each gradient changes a little: the new values and velocities.

    (B. Polyak, USSR Computational Mathematics and Mathematical Physics 4 (1964) 1-17.)
    """
    faster = [decay * v - rate * g for v, g in zip(velocities, gradients, strict=True)]
    return [value + v for value, v in zip(values, faster, strict=True)], faster


class Moments(NamedTuple):
    """What Adam remembers: running means of the gradients and of their squares, and how many there were."""

    first: Arrays
    second: Arrays
    steps: int = 0

    @classmethod
    def zeros(cls, values: Sequence[Any]) -> Moments:
        return cls([np.zeros_like(value) for value in values], [np.zeros_like(value) for value in values])


def adam(
    values: Sequence[Any],
    gradients: Sequence[Any],
    moments: Moments,
    rate: float = 0.001,
    decays: tuple[float, float] = (0.9, 0.999),
    epsilon: float = 1e-8,
) -> tuple[Arrays, Moments]:
    """A step along the mean gradient over the root of its mean square: the new values and moments.

    (D. Kingma, J. Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980, algorithm 1.)
    """
    a, b = decays
    steps = moments.steps + 1
    first = [a * m + (1 - a) * g for m, g in zip(moments.first, gradients, strict=True)]
    second = [b * v + (1 - b) * g * g for v, g in zip(moments.second, gradients, strict=True)]
    scale = rate * np.sqrt(1 - b**steps) / (1 - a**steps)
    moved = [value - scale * m / (np.sqrt(v) + epsilon) for value, m, v in zip(values, first, second, strict=True)]
    return moved, Moments(first, second, steps)
