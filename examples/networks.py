"""Regression and small networks, define-by-run: what is learned, how fast, and how well it is known afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from examples.optimisers import Moments, adam, gradient_descent
from exprad import Variable, logsumexp, mean, no_grad, relu, sigmoid, tanh


class Training(NamedTuple):
    """What was learned: the weights, the loss after each epoch, and the share of test points that are right."""

    weights: list[Variable]
    losses: list[float]
    accuracy: float


def layers(sizes: Sequence[int], generator: np.random.Generator) -> list[Variable]:
    """A matrix and a bias for each layer, scaled so that signals neither grow nor fade (K. He et al., 2015)."""
    weights = []
    for inputs, outputs in zip(sizes, sizes[1:], strict=False):
        weights.append(Variable(generator.normal(0, np.sqrt(2 / inputs), (inputs, outputs))))
        weights.append(Variable(np.zeros(outputs)))
    return weights


def network(x: Any, weights: Sequence[Any], activation: Callable[[Any], Any]) -> Any:
    """Scores: the layers in turn, an activation between them."""
    for place in range(0, len(weights) - 2, 2):
        x = activation(x @ weights[place] + weights[place + 1])
    return x @ weights[-2] + weights[-1]


def cross_entropy(scores: Any, labels: Any) -> Any:
    """The mean of -log(probability of the right class)."""
    chosen = scores[np.arange(len(labels)), labels]
    return mean(logsumexp(scores, axis=1) - chosen)


def gradients(loss: Any, weights: Sequence[Variable]) -> list[Any]:
    for weight in weights:
        weight.cleargrad()
    loss.backward()
    return [weight.grad.data for weight in weights]


def accuracy(x: Any, labels: Any, weights: Sequence[Variable], activation: Callable[[Any], Any]) -> float:
    with no_grad():
        return float(np.mean(network(x, weights, activation).data.argmax(axis=1) == labels))


def linear_regression(steps: int = 200, rate: float = 0.1) -> tuple[float, float]:
    """y = 5 + 2*x with noise: slope and intercept by gradient descent."""
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(100, 1))
    y = 5 + 2 * x + generator.uniform(size=(100, 1)) - 0.5
    w, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
    for _ in range(steps):
        loss = mean((x @ w + b - y) ** 2)
        w.data, b.data = gradient_descent([w.data, b.data], gradients(loss, [w, b]), rate)
    return float(w.data[0, 0]), float(b.data[0])


def sine_regression(steps: int = 2000) -> float:
    """A network of ten sigmoids fitted to a noisy sine: the mean square that is left."""
    generator = np.random.default_rng(0)
    x = generator.uniform(size=(100, 1))
    y = np.sin(2 * np.pi * x) + generator.uniform(size=(100, 1)) - 0.5
    weights = layers([1, 10, 1], generator)
    moments = Moments.zeros([weight.data for weight in weights])
    for _ in range(steps):
        loss = mean((network(x, weights, sigmoid) - y) ** 2)
        slopes = gradients(loss, weights)
        values, moments = adam([weight.data for weight in weights], slopes, moments, 0.02)
        for weight, value in zip(weights, values, strict=True):
            weight.data = value
    return float(loss.data)


def spiral(count: int = 100) -> tuple[Any, Any]:
    """Three arms of a spiral: points and which arm they are on."""
    generator = np.random.default_rng(1)
    arm = np.repeat(np.arange(3), count)
    radius = np.tile(np.linspace(0, 1, count), 3)
    angle = 4 * (arm + radius) + generator.normal(0, 0.2, 3 * count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1), arm


def train(
    points: Any,
    labels: Any,
    test: tuple[Any, Any],
    sizes: Sequence[int],
    *,
    activation: Callable[[Any], Any],
    epochs: int,
    batch: int,
    rate: float,
    title: str,
) -> Training:
    """Adam over shuffled batches, with a progress bar."""
    from tqdm import trange

    generator = np.random.default_rng(0)
    weights = layers(sizes, generator)
    moments = Moments.zeros([weight.data for weight in weights])
    losses = []
    progress = trange(epochs, desc=title, unit="epoch", leave=False, disable=None)  # no bar where nobody looks
    for _ in progress:
        order = generator.permutation(len(points))
        total = 0.0
        for start in range(0, len(points), batch):
            chosen = order[start : start + batch]
            loss = cross_entropy(network(points[chosen], weights, activation), labels[chosen])
            slopes = gradients(loss, weights)
            values, moments = adam([weight.data for weight in weights], slopes, moments, rate)
            for weight, value in zip(weights, values, strict=True):
                weight.data = value
            total += float(loss.data) * len(chosen)
        losses.append(total / len(points))
        progress.set_postfix(loss=f"{losses[-1]:.4f}")
    return Training(weights, losses, accuracy(*test, weights, activation))


def learn_spiral() -> Training:
    """Which arm of a spiral a point is on."""
    points, labels = spiral()
    return train(
        points, labels, (points, labels), [2, 24, 3], activation=tanh, epochs=200, batch=30, rate=0.02, title="spiral"
    )


def learn_digits(epochs: int = 30) -> Training:
    """Handwritten digits, 8 by 8 pixels (scikit-learn's), of which a fifth is kept for the test."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x, x_test, t, t_test = train_test_split(images / 16, labels, test_size=0.2, random_state=0, stratify=labels)
    return train(
        x, t, (x_test, t_test), [64, 128, 64, 10], activation=relu, epochs=epochs, batch=64, rate=0.002, title="digits"
    )


def draw_losses(trainings: dict[str, Training], path: str | Path) -> None:
    """The loss after each epoch, as a picture."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    for name, training in trainings.items():
        axes.plot(training.losses, label=f"{name}: {training.accuracy:.1%} right at the end")
    axes.set(xlabel="epoch", ylabel="cross entropy", yscale="log")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)


def main() -> None:
    slope, intercept = linear_regression()
    print(f"linear regression of 5 + 2*x: {intercept:.2f} + {slope:.2f}*x")
    print(f"sine by ten sigmoids: mean square {sine_regression():.3f}, of which noise is 0.083")
    trainings = {"spiral": learn_spiral(), "digits": learn_digits()}
    for name, training in trainings.items():
        print(f"{name}: {training.accuracy:.1%} right")
    draw_losses(trainings, "losses.png")
    print("the loss curves are in losses.png")


if __name__ == "__main__":
    main()
