"""Arrays in the graph, and define-by-run: beside hand-written NumPy, CasADi, autograd and PyTorch, in turn in one run.

Figures are the peer's best time over ours: more than 1 means that exprad is faster.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import exprad
from exprad import Var, Variable, hessian, logsumexp, relu, sin
from exprad import sum as total

Job = Callable[[], Any]


def in_turn(jobs: dict[str, Job], rounds: int, calls: int = 1) -> dict[str, float]:
    """The best time of each job, all of them asked in every round."""
    best = dict.fromkeys(jobs, float("inf"))
    for _ in range(rounds):
        for name, job in jobs.items():
            gc.collect()
            start = time.perf_counter()
            for _ in range(calls):
                job()
            best[name] = min(best[name], (time.perf_counter() - start) / calls)
    return best


def report(title: str, best: dict[str, float]) -> None:
    ours, *others = best.items()
    print(f"{title}: {ours[0]} {_shown(ours[1])}")
    for name, seconds in others:
        print(f"    {name:<28} {_shown(seconds):>10}   {seconds / ours[1]:8.2f}")


def _shown(seconds: float) -> str:
    return (
        f"{seconds * 1e6:.1f} us"
        if seconds < 1e-3
        else f"{seconds * 1e3:.2f} ms"
        if seconds < 1
        else f"{seconds:.2f} s"
    )


def rosenbrock(x: Any) -> Any:
    return total(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_by_hand(x: Any) -> tuple[Any, Any]:
    here, after = x[:-1], x[1:]
    gap, rest = after - here * here, 1 - here
    slope = np.zeros_like(x)
    slope[:-1] = -400 * gap * here - 2 * rest
    slope[1:] += 200 * gap
    return np.sum(100 * gap * gap + rest * rest), slope


def casadi_hessian(n: int) -> Job | None:
    try:
        import casadi
    except ImportError:
        return None

    def run() -> Any:
        x = casadi.SX.sym("x", n)
        f = casadi.sum1(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
        return casadi.Function("h", [x], [casadi.hessian(f, x)[0]])(np.zeros(n))

    return run


def sparse_hessian_from_scratch(n: int) -> Any:
    x = Var("x", shape=(n,))
    return exprad.compile(hessian(rosenbrock(x), x, sparse=True), x)(np.zeros(n))


def vector_rosenbrock() -> None:
    for n in (100, 100_000, 1_000_000):
        x = Var("x", shape=(n,))
        f = rosenbrock(x)
        best = in_turn({"exprad": lambda f=f, x=x: f.gradient(x)}, 20)
        report(f"Rosenbrock, n = {n}, deriving the gradient", best)
    for n in (100_000, 1_000_000):
        x = Var("x", shape=(n,))
        f = rosenbrock(x)
        function, point = exprad.compile([f, f.gradient(x)], x), np.linspace(-1, 1, n)
        jobs = {
            "exprad": lambda function=function, point=point: function(point),
            "NumPy by hand": lambda point=point: rosenbrock_by_hand(point),
        }
        report(f"Rosenbrock, n = {n}, value and gradient", in_turn(jobs, 10, 5))
        report(
            f"Rosenbrock, n = {n}, sparse Hessian from scratch",
            in_turn({"exprad": lambda n=n: sparse_hessian_from_scratch(n)}, 5),
        )
    theirs = casadi_hessian(100_000)
    if theirs is not None:
        jobs = {"exprad": lambda: sparse_hessian_from_scratch(100_000), "CasADi SX": theirs}
        report("Rosenbrock, n = 100000, sparse Hessian from scratch, once each in turn", in_turn(jobs, 2))


def _torch() -> Any:
    try:
        import torch
    except ImportError:
        return None
    return torch


def _autograd() -> Any:
    try:
        import autograd
        import autograd.numpy
    except ImportError:
        return None
    return autograd


def three_squares(size: int = 1000) -> None:
    data = np.linspace(0.5, 1.5, size)
    x = Variable(data.copy())

    def ours() -> Any:
        y = ((x**2) ** 2) ** 2
        x.cleargrad()
        y.backward()
        return x.grad

    jobs: dict[str, Job] = {"exprad": ours}
    autograd, torch = _autograd(), _torch()
    if autograd is not None:
        slope = autograd.elementwise_grad(lambda x: ((x**2) ** 2) ** 2)
        jobs["autograd"] = lambda: slope(data)
    if torch is not None:
        t = torch.tensor(data, requires_grad=True)

        def theirs() -> Any:
            y = ((t**2) ** 2) ** 2
            t.grad = None
            y.backward(torch.ones_like(y))
            return t.grad

        jobs["PyTorch"] = theirs
    report(f"three squares of {size} numbers, forward and backward", in_turn(jobs, 20, 100))


def chain(function: Callable[[Any], Any], x: Any) -> Any:
    for _ in range(500):
        x = function(x) * 1.1
    return x


def scalar_chain() -> None:
    x = Variable(np.array(0.5))

    def ours() -> Any:
        y = chain(sin, x)
        x.cleargrad()
        y.backward()
        return x.grad

    jobs: dict[str, Job] = {"exprad": ours}
    autograd, torch = _autograd(), _torch()
    if autograd is not None:
        slope = autograd.grad(lambda x: chain(autograd.numpy.sin, x))
        jobs["autograd"] = lambda: slope(0.5)
    if torch is not None:
        t = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)

        def theirs() -> Any:
            y = chain(torch.sin, t)
            t.grad = None
            y.backward()
            return t.grad

        jobs["PyTorch"] = theirs
    report("a chain of 1,000 scalar operations, forward and backward", in_turn(jobs, 20, 3))


def _network_data() -> tuple[Any, Any, list[Any]]:
    generator = np.random.default_rng(0)
    sizes, batch = [784, 256, 64, 10], 128
    images, labels = generator.normal(size=(batch, 784)), generator.integers(0, 10, batch)
    weights = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        weights += [generator.normal(size=(inputs, outputs)) * np.sqrt(2 / inputs), np.zeros(outputs)]
    return images, np.eye(10)[labels], weights


def network_by_hand(x: Any, truth: Any, weights: list[Any]) -> tuple[Any, list[Any]]:
    w1, b1, w2, b2, w3, b3 = weights
    a1 = x @ w1 + b1
    h1 = np.maximum(a1, 0)
    a2 = h1 @ w2 + b2
    h2 = np.maximum(a2, 0)
    z = h2 @ w3 + b3
    top = z.max(axis=1, keepdims=True)
    e = np.exp(z - top)
    s = e.sum(axis=1, keepdims=True)
    loss = (np.sum(np.log(s) + top) - np.sum(z * truth)) / len(x)
    d3 = (e / s - truth) / len(x)
    d2 = (d3 @ w3.T) * (a2 > 0)
    d1 = (d2 @ w2.T) * (a1 > 0)
    return loss, [x.T @ d1, d1.sum(0), h1.T @ d2, d2.sum(0), h2.T @ d3, d3.sum(0)]


def network(x: Any, truth: Any, weights: list[Any]) -> Any:
    w1, b1, w2, b2, w3, b3 = weights
    z = relu(relu(x @ w1 + b1) @ w2 + b2) @ w3 + b3
    return (total(logsumexp(z, axis=1)) - total(z * truth)) / len(x)


def multilayer_perceptron() -> None:
    x, truth, data = _network_data()
    variables = [Variable(each.copy()) for each in data]

    def by_run() -> Any:
        loss = network(x, truth, variables)
        for each in variables:
            each.cleargrad()
        loss.backward()
        return loss

    symbols = [Var(f"w{place}", shape=each.shape) for place, each in enumerate(data)]
    loss = network(x, truth, symbols)
    compiled = exprad.compile([loss, *loss.gradient(symbols)], symbols)
    jobs: dict[str, Job] = {
        "exprad, define-by-run": by_run,
        "exprad, compiled": lambda: compiled(*data),
        "NumPy by hand": lambda: network_by_hand(x, truth, data),
    }
    autograd, torch = _autograd(), _torch()
    if autograd is not None:
        anp = autograd.numpy

        def loss_of(weights: Any) -> Any:
            w1, b1, w2, b2, w3, b3 = weights
            h = anp.maximum(anp.dot(anp.maximum(anp.dot(x, w1) + b1, 0), w2) + b2, 0)
            z = anp.dot(h, w3) + b3
            top = anp.max(z, axis=1, keepdims=True)
            return (
                anp.sum(anp.log(anp.sum(anp.exp(z - top), axis=1, keepdims=True)) + top) - anp.sum(z * truth)
            ) / len(x)

        both = autograd.value_and_grad(loss_of)
        jobs["autograd"] = lambda: both(data)
    if torch is not None:
        tensors = [torch.tensor(each, requires_grad=True) for each in data]
        tx, labels = torch.tensor(x), torch.tensor(truth.argmax(axis=1))

        def theirs() -> Any:
            w1, b1, w2, b2, w3, b3 = tensors
            z = torch.relu(torch.relu(tx @ w1 + b1) @ w2 + b2) @ w3 + b3
            return torch.autograd.grad(torch.nn.functional.cross_entropy(z, labels), tensors)

        jobs["PyTorch"] = theirs
    report("MLP 784-256-64-10, batch 128, loss and gradients", in_turn(jobs, 20, 5))


def main() -> None:
    """Print the figures."""
    vector_rosenbrock()
    three_squares()
    scalar_chain()
    multilayer_perceptron()
