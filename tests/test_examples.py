"""The examples run, and give what is known."""

from __future__ import annotations

import math
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exprad as ep
from exprad import variables

pytest.importorskip("examples", reason="examples are in a checkout, not in the wheel")
pytest.importorskip("sklearn")

from examples import first_steps, logistic, networks, optimisers


@pytest.mark.parametrize("function, at, expected", [
    (first_steps.sphere, (1.0, 1.0), (2.0, 2.0)),
    (first_steps.matyas, (1.0, 1.0), (0.04, 0.04)),
    (first_steps.goldstein_price, (1.0, 1.0), (-5376.0, 8064.0)),
    (first_steps.mistyped_goldstein_price, (1.0, 1.0), (-10074.0, 60336.0)),
    (first_steps.rosenbrock, (0.0, 2.0), (-2.0, 400.0)),
])  # fmt: skip
def test_the_books_gradients(function: Any, at: tuple[float, float], expected: tuple[float, float]) -> None:
    assert first_steps.gradient_at(function, *at) == pytest.approx(expected, rel=1e-12)
    x, y = variables("x y")
    symbolic = ep.evaluate(function(x, y).gradient([x, y]), x=at[0], y=at[1])
    assert symbolic == pytest.approx(expected, rel=1e-12)


def test_sine_by_factorials_differentiates_to_cosine() -> None:
    assert first_steps.sine_by_factorials(math.pi / 4) == pytest.approx(math.sin(math.pi / 4))
    assert first_steps.gradient_at(first_steps.sine_by_factorials, math.pi / 4) == [
        pytest.approx(math.cos(math.pi / 4))
    ]


def test_newtons_method_by_double_backward() -> None:
    assert first_steps.newton(lambda x: x**4 - 2 * x**2, 2.0) == pytest.approx(1.0, abs=1e-12)


def test_descent_reaches_the_valley() -> None:
    x, y = first_steps.descend(first_steps.rosenbrock, (0.0, 2.0), 0.001, 10_000)
    assert (x, y) == pytest.approx((0.9944984367782456, 0.9890050527419593), rel=1e-9)


def test_higher_derivatives_of_tanh() -> None:
    t = math.tanh(1.0)
    expected = [1 - t**2, -2 * t * (1 - t**2), (1 - t**2) * (6 * t**2 - 2), (1 - t**2) * (16 * t - 24 * t**3)]
    assert first_steps.derivatives(ep.tanh, 1.0, 4) == pytest.approx(expected, rel=1e-12)


def test_linear_regression_finds_the_least_squares() -> None:
    generator = np.random.default_rng(0)
    x = generator.uniform(size=100)
    y = 5 + 2 * x + generator.uniform(size=100) - 0.5
    assert networks.linear_regression(2000) == pytest.approx(tuple(np.polyfit(x, y, 1)), rel=1e-6)


def test_sigmoids_learn_a_sine_down_to_the_noise() -> None:
    assert networks.sine_regression() < 0.1


def test_a_spiral_is_learned() -> None:
    training = networks.learn_spiral()
    assert training.accuracy > 0.95
    assert training.losses[-1] < training.losses[0] / 10


def test_digits_are_known_after_training(tmp_path: Path) -> None:
    training = networks.learn_digits()
    assert training.accuracy >= 0.97
    path = tmp_path / "losses.png"
    networks.draw_losses({"digits": training}, path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_logistic_regression_agrees_with_scikit_learn() -> None:
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    points, labels = load_breast_cancer(return_X_y=True)
    points = StandardScaler().fit_transform(points)
    ours = logistic.fit(points, labels)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(points, labels)
    np.testing.assert_allclose(ours[:-1], theirs.coef_[0], atol=1e-5)
    np.testing.assert_allclose(ours[-1], theirs.intercept_[0], atol=1e-5)


def test_optimisers_take_the_steps_of_their_papers() -> None:
    values, slopes = [np.array([1.0]), np.array([2.0])], [np.array([0.5]), np.array([-1.0])]
    assert [float(v[0]) for v in optimisers.gradient_descent(values, slopes, 0.1)] == [0.95, 2.1]
    moved, speed = optimisers.momentum(values, slopes, [np.array([1.0]), np.array([0.0])], 0.1, 0.5)
    assert [float(v[0]) for v in moved] == [1.45, 2.1]
    assert [float(v[0]) for v in speed] == [0.45, 0.1]
    moved, moments = optimisers.adam(values, slopes, optimisers.Moments.zeros(values), 0.1)
    assert [float(v[0]) for v in moved] == pytest.approx(
        [0.9, 2.1], rel=1e-6
    )  # the first step is the rate, by the sign
    assert moments.steps == 1
    target, point, velocity = np.array([3.0, -1.0]), [np.zeros(2)], [np.zeros(2)]
    for _ in range(300):
        point, velocity = optimisers.momentum(point, [2 * (point[0] - target)], velocity, 0.05)
    np.testing.assert_allclose(point[0], target, atol=1e-4)


@pytest.mark.parametrize("name", ["first_steps", "logistic", "networks"])
def test_an_example_runs_from_the_command_line(name: str, capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, f"examples.{name}")
    runpy.run_module(f"examples.{name}", run_name="__main__")
    assert "nan" not in capsys.readouterr().out
