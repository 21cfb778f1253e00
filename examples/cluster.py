"""More data than memory: a billion points, and the gradient of a sum of losses on a cluster that loses a process."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import numpy as np

from exprad import compile, exp, gradient, variables
from exprad.interop.dask import total

x, y, a, b = variables("x y a b")
LOSS = (y - a * exp(-b * x)) ** 2
TRUTH = (2.0, 1.5)


def observed(points: int, chunk: int) -> tuple[Any, Any]:
    """Noisy observations of a decay, made chunk by chunk when they are asked for."""
    import dask.array as da

    generator = da.random.default_rng(0)
    times = generator.uniform(0, 2, size=points, chunks=chunk)
    return times, TRUTH[0] * da.exp(-TRUTH[1] * times) + generator.normal(0, 0.1, size=points, chunks=chunk)


def loss_and_gradient(points: int, chunk: int, at: tuple[float, float] = (1.0, 1.0)) -> list[Any]:
    """The sum of the losses of all points, and its derivatives by a and b: lazy."""
    function = compile([LOSS, *gradient(LOSS, [a, b])], [x, y, a, b])
    times, values = observed(points, chunk)
    return total(function, times, values, *at)


def peak_memory() -> int:
    """The most memory that this process ever held, in bytes."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def out_of_core(points: int = 1_000_000_000, chunk: int = 4_000_000) -> list[float]:
    """All points on the threads of this process, with a progress bar, in memory that holds a few chunks."""
    import dask
    from dask.diagnostics import ProgressBar

    with ProgressBar():
        (found,) = dask.compute(loss_and_gradient(points, chunk))
    return [float(each) for each in found]


def on_a_cluster(
    points: int = 200_000_000, chunk: int = 2_000_000, workers: int = 2, kill_after: float = 2.0
) -> list[float]:
    """The same on processes of their own, one of which is killed on the way: its work is done again by another."""
    from dask.distributed import Client, LocalCluster, progress

    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        killer = threading.Timer(kill_after, os.kill, (victim, signal.SIGKILL))
        killer.start()
        futures = client.compute(loss_and_gradient(points, chunk))
        progress(futures, notebook=False)
        found = [float(each) for each in client.gather(futures)]
        killer.join()
        return found


def main() -> None:
    before, start = peak_memory(), time.perf_counter()
    found = out_of_core()
    size = 2 * 8 * 1_000_000_000
    print(f"a billion points, {size / 1e9:.0f} GB of data: {found[0]:.6g}, {found[1:]}")
    print(f"  in {time.perf_counter() - start:.0f} s, and {(peak_memory() - before) / 1e9:.2f} GB of memory")
    expected = [np.float64(each) / 5 for each in found]
    found = on_a_cluster()
    print(f"a fifth of them on a cluster that lost a process: {found[0]:.6g}, {found[1:]}")
    print("  about a fifth of the totals above:", np.allclose(found, expected, rtol=1e-3))


if __name__ == "__main__":
    main()
