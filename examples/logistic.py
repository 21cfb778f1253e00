"""Logistic regression as one expression of arrays: its gradient and Hessian are expressions, and Newton does the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from exprad import Expr, Var, compile, hessian, softplus
from exprad import sum as total


def negative_log_likelihood(x: Any, signs: Any, w: Expr, penalty: float) -> Expr:
    """-log of the probability of all labels, and a penalty for large weights; the last weight is the intercept.

    `x` has a row for each point and a last column of ones; `signs` are 1 and -1.
    """
    free = w[:-1]
    return total(softplus(-signs * (x @ w))) + penalty / 2 * total(free * free)


def fit(points: Any, labels: Any, penalty: float = 1.0, steps: int = 20) -> np.ndarray[Any, Any]:
    """The weights and the intercept at the minimum, by Newton's method."""
    x = np.column_stack([points, np.ones(len(points))])
    w = Var("w", shape=(x.shape[1],))
    f = negative_log_likelihood(x, np.where(labels, 1.0, -1.0), w, penalty)
    slopes_and_curvature = compile([f.gradient(w), hessian(f, w)], [w])
    weights = np.zeros(w.shape)
    for _ in range(steps):
        slopes, curvature = slopes_and_curvature(weights)
        step = np.linalg.solve(curvature, slopes)
        weights = weights - step
        if np.abs(step).max() < 1e-10:
            break
    return weights


def main() -> None:
    from sklearn.datasets import load_breast_cancer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    points, labels = load_breast_cancer(return_X_y=True)
    points = StandardScaler().fit_transform(points)
    ours = fit(points, labels)
    theirs = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(points, labels)
    print("largest difference from scikit-learn's weights:", np.abs(ours[:-1] - theirs.coef_[0]).max())


if __name__ == "__main__":
    main()
