"""From `compile` to the first result: microseconds of the processor a step, for many shapes and sizes, on every back end.

Each figure is the least of some processes, which did nothing before but import the libraries, build the expressions and run a
function of three steps. The interpreter in machine code lies on the disk, as it does from its first use on.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from benchmarks import graphs

BACKENDS = {"numpy": None, "python": None, "auto": "llvmlite", "native": "llvmlite"}  # and what they need
FOREIGN = {"jax": "jax", "torch": "torch"}
SIZES = {
    "random": (200, 2000, 100_000),
    "Lorenz": (2, 15, 200, 2000),
    "Rosenbrock": (25, 200, 10_000),
    "sum": (120, 1000, 1_000_000),
}
SMALL = {"random": 200, "Lorenz": 2, "Rosenbrock": 25, "sum": 120}  # for libraries that compile themselves
MOST = 10  # microseconds a step


def measured(name: str, size: int, backend: str) -> dict[str, Any]:
    """The steps of a program, and the microseconds a step of compiling it and of its first call."""
    from exprad import Var, compile

    x = Var("x")
    compile([x * 2 + 1], [x], backend=backend)(0.5)
    outputs, inputs, at = graphs.LARGE[name](size)
    start = time.process_time()
    function: Any = compile(outputs, inputs, backend=backend)
    made = time.process_time()
    function(*at)
    called = time.process_time()
    steps = len(function.program.steps)
    return {"steps": steps, "compile": (made - start) / steps * 1e6, "call": (called - made) / steps * 1e6}


def in_a_process(name: str, size: int, backend: str, cache: str) -> dict[str, Any]:
    modules = {"jax": "jax", "torch": "torch", "auto": "llvmlite.binding", "native": "llvmlite.binding"}
    code = (
        f"import exprad, numpy, {modules.get(backend, 'json')}, json\nfrom benchmarks import first\n"
        f"print(json.dumps(first.measured({name!r}, {size}, {backend!r})))"
    )
    environment = {**os.environ, "EXPRAD_CACHE": cache}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def main(rounds: int = 3) -> None:
    print("\nfrom compile to the first result: us of the processor a step (of which compile itself)")
    with tempfile.TemporaryDirectory() as cache:
        for name, sizes in SIZES.items():
            for size in sizes:
                report(name, size, list(BACKENDS), rounds if size < 100_000 else 1, cache)
        print("  by compilers that are not ours")
        for name, size in SMALL.items():
            report(name, size, list(FOREIGN), 1, cache)


def report(name: str, size: int, backends: list[str], rounds: int, cache: str) -> None:
    said, steps = [], 0
    for backend in backends:
        needed = {**BACKENDS, **FOREIGN}[backend]
        if needed and not importlib.util.find_spec(needed):
            continue
        found = [in_a_process(name, size, backend, cache) for _ in range(rounds)]
        best = min(found, key=lambda each: float(each["compile"] + each["call"]))
        total, steps = best["compile"] + best["call"], best["steps"]
        mark = " !" if total > MOST and backend in BACKENDS else ""
        said.append(f"{backend} {total:.1f} ({best['compile']:.1f}){mark}")
    if said:
        print(f"  {name} {size:,}, {steps:,} steps: {'; '.join(said)}")
