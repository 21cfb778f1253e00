"""The reference against other libraries: autograd, and JAX in double precision, where they are right."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tests.programs.carriers import jax_numpy
from tests.programs.differences import NUMPY_REFUSES, TOLERANCE, Expected
from tests.programs.program import Program


class Functions:
    """exprad's own functions, by those of another library."""

    def __init__(self, np: Any) -> None:
        self.np = np

    def relu(self, x: Any) -> Any:
        return self.np.where(x > 0, x, 0.0)

    def sigmoid(self, x: Any) -> Any:
        return 1 / (1 + self.np.exp(-x))

    def sinc(self, x: Any) -> Any:
        return self.np.sinc(x)

    def softplus(self, x: Any) -> Any:
        return self.np.logaddexp(x, 0.0)

    def xlogy(self, a: Any, b: Any) -> Any:
        return a * self.np.log(b)

    def logsumexp(self, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return self.np.log(self.np.sum(self.np.exp(x), axis=axis, keepdims=keepdims))

    def softmax(self, x: Any, axis: Any = None) -> Any:
        return self.np.exp(self.log_softmax(x, axis))

    def log_softmax(self, x: Any, axis: Any = None) -> Any:
        return x - self.logsumexp(x, axis, keepdims=True)


class NotOffered(Exception):
    """What a library does otherwise than NumPy."""


def by_autograd(program: Program, directions: list[Any]) -> tuple[Any, Any]:
    """Slopes, and the Hessian times the directions."""
    import autograd
    import autograd.numpy as anp

    if any("transpose" in step.text and min(step.parameters["axes"], default=0) < 0 for step in program.steps):
        raise NotOffered("negative axes of transpose")
    if any(
        isinstance(item, list) for step in program.steps for item in getattr(step.parameters.get("index"), "items", ())
    ):
        raise NotOffered("lists of truth values as an index")
    f = lambda inputs: program.run(list(inputs), anp, Functions(anp))[-1]
    slopes = autograd.grad(f)
    total = lambda inputs: sum(anp.sum(slope * d) for slope, d in zip(slopes(inputs), directions, strict=True))
    return slopes(program.inputs), autograd.grad(total)(program.inputs)


def by_jax(program: Program, directions: list[Any]) -> tuple[Any, Any]:
    jnp = jax_numpy()
    import jax

    f = lambda inputs: program.run(list(inputs), jnp, Functions(jnp))[-1]
    given, along = [tuple(jnp.asarray(x) for x in each) for each in (program.inputs, directions)]
    return jax.jvp(jax.grad(f), (given,), (along,))


def parts_from(program: Program, peer: Any) -> str | None:
    """How the reference parts from a library; None if it doesn't, or where the library can't be asked."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = Expected(program)
        except NUMPY_REFUSES:
            return None
        if not expected.reference.run.is_calm or expected.reference.run.is_fragile:
            return None
        try:
            found = peer(program, expected.directions)
        except Exception:  # what it does not offer
            return None
        for order, (what, each) in enumerate(zip(("slopes", "curves"), found, strict=True), 1):
            wanted = np.array(expected.derivatives(what))
            flat = np.concatenate([np.ravel(np.asarray(x)) for x in each])
            known = ~np.isnan(wanted) & np.isfinite(flat)  # 0 * inf of functions that they compose
            if not np.allclose(flat[known], wanted[known], rtol=1e-7, atol=1e3 * TOLERANCE * expected.scale**order):
                return f"{what}: reference {wanted.tolist()}, found {flat.tolist()}"
        return ""
