"""Compiled functions: value and both partial derivatives, in turn with the peers; ratios of medians.

GP is the function of Goldstein and Price, TR has transcendental functions, and R is the geometric mean over expressions
of a fixed random seed. More than 1 means that exprad is faster; the C loop has no calls to make and a compiler. "exprad" is
the back end "auto", with the extra `native` installed: NumPy for small calls, machine code for large ones.
"""

from __future__ import annotations

import gc
import math
import os
import random
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import numpy as np

import exprad
from benchmarks import peers
from exprad import cos, exp, gradient, log, sin, sqrt, tanh, variables
from exprad.graph.program import Program

x, y = variables("x y")
GP = (1 + (x + y + 1) ** 2 * (19 - 14 * x + 3 * x**2 - 14 * y + 6 * x * y + 3 * y**2)) * (
    30 + (2 * x - 3 * y) ** 2 * (18 - 32 * x + 12 * x**2 + 48 * y - 36 * x * y + 27 * y**2)
)
TR = exp(-x * x) * sin(3 * y) + log(1 + x * x * y * y) / (1 + exp(-x * y))
SIZES = (1000, 100_000, 10_000_000)
PEERS: dict[str, peers.Maker] = {
    "exprad, NumPy alone": peers.blocks,
    "exprad, native": peers.native,
    "exprad, native, fast": peers.native_fast,
    "C, gcc -O3 fast-math": peers.c,
    "numba": peers.numba,
    "JAX jit": peers.jax,
    "torch.compile": peers.torch,
    "PyTensor": peers.pytensor,
    "NumPy by hand": peers.numpy_plain,
    "NumPy by hand, blocked": peers.numpy_blocked,
    "SymPy lambdify": peers.lambdify,
    "numexpr": peers.numexpr,
    "autograd": peers.autograd,
    "CasADi map": peers.casadi,
    "SymEngine Lambdify": peers.symengine,
}
SLOW = {"CasADi map", "SymEngine Lambdify", "autograd"}  # not asked for the largest arrays


def random_expressions(count: int, seed: int = 20) -> list[Any]:
    """Expressions of 15 random steps over x and y, smooth and of moderate size on [0, 1]."""
    draw = random.Random(seed)
    functions = [sin, cos, tanh, lambda u: exp(-u * u), lambda u: log(1 + u * u), lambda u: sqrt(1 + u * u)]
    found = []
    for _ in range(count):
        pool: list[Any] = [x, y]
        for _ in range(15):
            a, b = draw.choice(pool), draw.choice(pool)
            pool.append(_step(draw, functions, a, b))
        found.append(sum(pool[-3:]) + x * y)
    return found


def _step(draw: random.Random, functions: Sequence[Callable[[Any], Any]], a: Any, b: Any) -> Any:
    kind = draw.random()
    if kind < 0.3:
        return draw.choice(functions)(a)
    if kind < 0.6:
        return a * b
    if kind < 0.8:
        return a + b
    return a - draw.randint(2, 9) * b if kind < 0.9 else a / (2 + b * b)


def timed(run: Callable[[], Any], budget: float = 0.5) -> float:
    """The median time of a call, over as many calls as fit the budget, at least 3."""
    run()
    times: list[float] = []
    begun = time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begun < budget and len(times) < 1000:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return median(times)


def row(f: Any, n: int, names: Sequence[str], budget: float) -> dict[str, float]:
    """Nanoseconds a point of exprad and of each peer that is installed."""
    outputs = [f, *gradient(f, [x, y])]
    both, value = Program.lowered(outputs), Program.lowered([f])
    rng = np.random.default_rng(0)
    a, b, out = rng.random(n), rng.random(n), [np.empty(n) for _ in range(3)]
    ours = exprad.compile(outputs, [x, y])
    found = {"exprad": timed(lambda: ours(a, b, out=out), budget) / n * 1e9}
    for name in names:
        if name in SLOW and n > 1_000_000:
            continue
        try:
            found[name] = timed(PEERS[name](value, both, a, b, out), budget) / n * 1e9
        except ImportError:
            continue
        gc.collect()
    return found


def arrays() -> dict[tuple[str, int], dict[str, float]]:
    results = {(name, n): row(f, n, list(PEERS), 0.5) for name, f in (("GP", GP), ("TR", TR)) for n in SIZES}
    several = [name for name in PEERS if name not in ("PyTensor", "torch.compile", "CasADi map", "SymEngine Lambdify")]
    for n in SIZES:
        rows = [row(f, n, several, 0.05) for f in random_expressions(20)]
        results["R", n] = {name: geometric_mean([each[name] for each in rows if name in each]) for name in rows[0]}
        results["worst of R", n] = {name: _worst(rows, name) for name in rows[0]}
    return results


def _worst(rows: Sequence[dict[str, float]], name: str) -> float:
    """A peer's time where it does best beside exprad, in units in which exprad takes 1."""
    return min(each[name] / each["exprad"] for each in rows if name in each)


def memory() -> None:
    print("\npeak memory beyond inputs and outputs, TR: bytes")
    g = exprad.compile([TR, *gradient(TR, [x, y])], [x, y])
    for n in SIZES[1:]:
        a, b, out = np.ones(n), np.ones(n), [np.empty(n) for _ in range(3)]
        g(a, b, out=out)
        tracemalloc.start()
        g(a, b, out=out)
        print(f"  n={n:<10} {tracemalloc.get_traced_memory()[1]}")
        tracemalloc.stop()


def main() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = arrays()
    table = _table(results)
    print("\n".join(table))
    _write(results, table)
    memory()


def _table(results: dict[tuple[str, int], dict[str, float]]) -> list[str]:
    heads = [f"{name} {n:.0e}".replace("e+0", "e") for name, n in results]
    text = ["| the peer's time over ours | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    cells = [f"{each['exprad']:.1f} ns" if name != "worst of R" else "" for (name, _), each in results.items()]
    text.append("| exprad, a point | " + " | ".join(cells) + " |")
    for peer in PEERS:
        ratios = [
            each[peer] / (each["exprad"] if name != "worst of R" else 1) if peer in each else math.nan
            for (name, _), each in results.items()
        ]
        if not all(map(math.isnan, ratios)):
            text.append(f"| {peer} | " + " | ".join("" if math.isnan(r) else f"{r:.2f}" for r in ratios) + " |")
    return text


def _write(results: dict[tuple[str, int], dict[str, float]], table: Sequence[str]) -> None:
    """The table and a plot, for the docs."""
    docs = Path(__file__).parent.parent / "docs"
    intro = (__doc__ or "").partition("\n\n")[2]
    docs.joinpath("benchmarks.md").write_text(
        "# Benchmarks\n\nWritten by `python -m benchmarks compiled` on one shared machine with "
        f"{os.cpu_count()} processors; ratios of one run.\n\n{intro}\n"
        + "\n".join(table)
        + "\n\n![Nanoseconds a point](benchmarks.svg)\n"
    )
    try:
        import matplotlib

        matplotlib.use("svg")
        from matplotlib import pyplot
    except ImportError:
        print("matplotlib is not installed: no plot")
        return
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    colours = dict(zip(PEERS, pyplot.colormaps["tab20"].colors, strict=False)) | {"exprad": "black"}
    for axis, name in zip(axes, ("GP", "TR"), strict=True):
        for peer in ("exprad", *PEERS):
            points = [(n, results[name, n][peer]) for n in SIZES if peer in results[name, n]]
            if points:
                axis.loglog(
                    *zip(*points, strict=True),
                    marker="o",
                    label=peer,
                    color=colours[peer],
                    linewidth=3 if peer == "exprad" else 1,
                )
        axis.set(title=name, xlabel="points", ylabel="ns a point" if name == "GP" else "")
        axis.grid(alpha=0.3)
    axes[1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5))
    figure.tight_layout()
    figure.savefig(docs / "benchmarks.svg")
