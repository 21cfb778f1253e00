"""What JAX and PyTorch call rows of the second table: a column of them. Functions get the library before the operands.

They stand apart from the rows' own rules as they are about libraries that differ from NumPy, each in its way.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from exprad.tensor.family import Family
from exprad.tensor.linear import (
    add_at,
    astype,
    broadcast_to,
    concatenate,
    cumsum,
    getitem,
    of_numpy,
    reshape,
    sum,
    transpose,
)
from exprad.tensor.matrices import cofactor, det, einsum, inv, logdet, matmul, solve
from exprad.tensor.reductions import log_softmax, logsumexp, max, min, norm, prod, softmax


def _dims(x: Any, axis: Any) -> tuple[int, ...]:
    return tuple(range(x.ndim)) if axis is None else axis


def _torch_prod(torch: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    for dim in reversed(_dims(x, axis)):
        x = torch.prod(x, dim, keepdim=keepdims)
    return x


def _scattered(library: Any, y: Any, shape: Any, index: Any) -> Any:
    whole = library.zeros(shape, dtype=y.dtype)
    return whole.at[of_numpy(index)].add(y)


def _torch_part(torch: Any, x: Any, index: Any) -> Any:
    """By the places of the elements: PyTorch has no negative steps."""
    places = torch.arange(x.numel()).reshape(x.shape).numpy()[of_numpy(index)]
    return x.reshape(-1)[torch.as_tensor(places.copy() if places.ndim else int(places))]


def _torch_scattered(torch: Any, y: Any, shape: Any, index: Any) -> Any:
    import numpy as np

    size = 1
    for each in shape:
        size *= each
    numbers = np.arange(size).reshape(shape)[of_numpy(index)]
    places = torch.as_tensor(np.ascontiguousarray(numbers).reshape(-1))
    return torch.zeros(size, dtype=y.dtype).index_add(0, places, y.reshape(-1)).reshape(shape)


def _cofactor(library: Any, x: Any) -> Any:
    """Of a regular matrix; the libraries' own rules do without the singular ones."""
    return library.linalg.det(x)[..., None, None] * library.linalg.inv(x).swapaxes(-1, -2)


def _logdet(np: Any, x: Any) -> Any:
    sign, found = np.linalg.slogdet(x)
    return np.where(sign < 0, np.nan, found)


def _norm(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """Scaled by the largest element, so that squares neither overflow nor underflow."""
    if not _dims(x, axis):
        return np.abs(x)
    if 0 in x.shape:  # the libraries have no largest of no elements
        return np.sum(x, axis=_dims(x, axis), keepdims=keepdims)
    top = np.amax(np.abs(x), axis=_dims(x, axis), keepdims=True)
    scale = np.where((top > 0) & np.isfinite(top), top, np.ones_like(top))
    found = np.sqrt(np.sum((x / scale) ** 2, axis=_dims(x, axis), keepdims=True)) * scale
    return (
        found if keepdims else found.reshape(tuple(size for i, size in enumerate(x.shape) if i not in _dims(x, axis)))
    )


def _of_jax_special(name: str) -> Callable[..., Any]:
    def function(np: Any, x: Any, axis: Any, **options: Any) -> Any:
        module = import_module("jax.nn" if "softmax" in name else "jax.scipy.special")
        return getattr(module, name)(x, axis=_dims(x, axis), **options)

    return function


def _torch_log_softmax(torch: Any, x: Any, axis: Any) -> Any:
    return x - torch.logsumexp(x, _dims(x, axis), keepdim=True) if _dims(x, axis) else x * 0


def _torch_logsumexp(torch: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return torch.logsumexp(x, _dims(x, axis), keepdim=keepdims) if _dims(x, axis) else x


def _reduced_by(name: str) -> Callable[..., Any]:
    def function(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
        return getattr(np, name)(x, axis=_dims(x, axis), keepdims=keepdims) if _dims(x, axis) else x

    return function


SPELLED: dict[Family, dict[str, Callable[..., Any]]] = {
    sum:          {"array": _reduced_by("sum")},
    max:          {"array": _reduced_by("amax")},
    min:          {"array": _reduced_by("amin")},
    prod:         {"jax": lambda np, x, axis, keepdims: np.prod(x, axis=axis, keepdims=keepdims), "torch": _torch_prod},
    norm:         {"array": _norm},
    logsumexp:    {"jax": _of_jax_special("logsumexp"), "torch": _torch_logsumexp},
    softmax:      {"jax": _of_jax_special("softmax"),
                   "torch": lambda torch, x, axis: torch.exp(_torch_log_softmax(torch, x, axis))},
    log_softmax:  {"jax": _of_jax_special("log_softmax"), "torch": _torch_log_softmax},
    cumsum:       {"array": lambda np, x, axis: np.cumsum(x, axis)},
    reshape:      {"array": lambda np, x, shape: x.reshape(shape)},
    broadcast_to: {"array": lambda np, x, shape: np.broadcast_to(x, shape)},
    transpose:    {"jax": lambda np, x, axes: np.transpose(x, axes), "torch": lambda torch, x, axes: x.permute(axes)},
    concatenate:  {"array": lambda np, *xs, axis: np.concatenate(xs, axis)},
    getitem:      {"jax": lambda np, x, index: x[of_numpy(index)], "torch": _torch_part},
    add_at:       {"jax": _scattered, "torch": _torch_scattered},
    astype:       {"array": lambda np, x, dtype: x.astype(dtype) if hasattr(x, "astype") else x.to(getattr(np, dtype))},
    matmul:       {"array": lambda np, a, b: np.matmul(a, b)},
    einsum:       {"array": lambda np, *xs, subscripts: np.einsum(subscripts, *xs)},
    solve:        {"array": lambda np, a, b: np.linalg.solve(a, b) if b.ndim > 1 else np.linalg.solve(a, b[:, None])[..., 0]},
    inv:          {"array": lambda np, x: np.linalg.inv(x)},
    det:          {"array": lambda np, x: np.linalg.det(x)},
    cofactor:     {"array": _cofactor},
    logdet:       {"jax": _logdet, "torch": lambda torch, x: torch.logdet(x)},
}  # fmt: skip
for _family, _spelled in SPELLED.items():
    _family.spell = _spelled
