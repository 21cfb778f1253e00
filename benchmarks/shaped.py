"""Functions of arrays: a call of machine code, of the NumPy back end, of NumPy by hand and of JAX's jit, in turn."""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

ROUNDS = 7
SIZES = 10, 1_000, 100_000
WIDTHS = (10, 20), (100, 20)  # of networks: the rows and columns of their weights, and layers


def vectors(n: int) -> dict[str, Callable[[], Any]]:
    """sum(exp(-v * v) * w + sin(w) * v), and both gradients."""
    import exprad as ep

    v, w = ep.Var("v", shape=(n,)), ep.Var("w", shape=(n,))
    f = ep.sum(ep.exp(-v * v) * w + ep.sin(w) * v)
    x, y = (np.random.default_rng(k).normal(size=n) for k in range(2))

    def by_hand() -> Any:
        e, s = np.exp(-x * x), np.sin(y)
        return (e * y + s * x).sum(), -2 * x * e * y + s, e + np.cos(y) * x

    def of_jax(np: Any) -> Any:
        return lambda v, w: np.sum(np.exp(-v * v) * w + np.sin(w) * v)

    return _ways([f, *f.gradient([v, w])], [v, w], [x, y], by_hand, of_jax)


def network(n: int, layers: int) -> dict[str, Callable[[], Any]]:
    """The sum of squares of tanh(y @ w + 0.1), layer after layer, and both gradients."""
    import exprad as ep

    h, w = ep.Var("h", shape=(n, n)), ep.Var("w", shape=(n, n))

    def loss(np: Any) -> Any:
        def of(h: Any, w: Any) -> Any:
            for _ in range(layers):
                h = np.tanh(h @ w + 0.1)
            return np.sum(h * h)

        return of

    f = loss(ep)(h, w)
    x, y = (np.random.default_rng(k).normal(size=(n, n)) / np.sqrt(n) for k in range(2))

    def by_hand() -> Any:
        kept = [x]
        for _ in range(layers):
            kept.append(np.tanh(kept[-1] @ y + 0.1))
        f, bar, total = (kept[-1] * kept[-1]).sum(), 2 * kept[-1], np.zeros_like(y)
        for before, after in zip(kept[-2::-1], kept[:0:-1], strict=True):
            slope = bar * (1 - after * after)
            total += before.T @ slope
            bar = slope @ y.T
        return f, bar, total

    return _ways([f, *f.gradient([h, w])], [h, w], [x, y], by_hand, loss)


def _ways(
    outputs: Any, inputs: Any, arrays: list[Any], by_hand: Callable[[], Any], of_jax: Callable[[Any], Any]
) -> dict[str, Callable[[], Any]]:
    from exprad import compile

    native, blocks = (compile(outputs, inputs, backend=backend) for backend in ("native", "numpy"))
    ways = {
        "native": lambda: native(*arrays),
        "NumPy back end": lambda: blocks(*arrays),
        "NumPy by hand": by_hand,
    }
    if importlib.util.find_spec("jax") is not None:
        import jax

        jax.config.update("jax_enable_x64", True)
        jitted = jax.jit(jax.value_and_grad(of_jax(jax.numpy), (0, 1)))
        ways["jax.jit"] = lambda: jax.block_until_ready(jitted(*arrays))
    expected = by_hand()
    for name, way in ways.items():
        found = way()
        flat = [found[0], *found[1]] if name == "jax.jit" else found
        for a, b in zip(expected, flat, strict=True):
            np.testing.assert_allclose(np.asarray(b), a, 1e-8, 1e-10)
    return ways


def _seconds(way: Callable[[], Any], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        way()
    return (time.perf_counter() - start) / count


def _row(title: str, ways: dict[str, Callable[[], Any]]) -> None:
    """Medians of rounds in which all take turns."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    counts = {name: max(1, int(0.02 / _seconds(way, 3))) for name, way in ways.items()}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            times[name].append(_seconds(way, counts[name]))
    found = {name: statistics.median(each) for name, each in times.items()}
    base = found["native"]
    shown = [f"{name} {1e6 * each:,.1f} us ({each / base:.2f})" for name, each in found.items()]
    print(f"{title}: {', '.join(shown)}")


def main() -> None:
    print("\nFunctions of arrays, value and gradients; a call, and its time over native's")
    for n in SIZES:
        _row(f"vectors of {n:,}", vectors(n))
    for n, layers in WIDTHS:
        _row(f"network {n} wide, {layers} layers", network(n, layers))
