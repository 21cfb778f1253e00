"""Programs of arrays as jobs: that they give, run one by one, what the NumPy back end gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile
from exprad.backends.loops import Fold, Loops, Nest, View, expanded, merged
from exprad.graph.program import Program
from tests import loops
from tests.arrays import array
from tests.rows import searched
from tests.rows_of_arrays import ROWS, call

ROUNDED = {"softmax", "log_softmax", "logsumexp", "norm", "einsum"}  # rows that are said in others


def compared(outputs: list[Any], inputs: list[Var], arrays: list[Any], close: bool = False) -> None:
    program = expanded(Program.lowered(outputs))
    found = loops.run(program, [program.variables.get(each.name, -1) for each in inputs], arrays)
    expected = compile(outputs, inputs, backend="numpy")(*arrays)
    for a, b in zip(expected, found, strict=True):
        if close:
            np.testing.assert_allclose(a, b, 1e-12, 1e-12)
        else:
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"astype"}))
@searched(60)
@given(data=st.data())
def test_rows(name: str, data: Any) -> None:
    node = call(data.draw, name)
    if node is None:
        return
    inputs = sorted(node.variables, key=lambda each: each.name)
    arrays = [array(data.draw, each.shape) for each in inputs]
    if name in ("solve", "inv"):
        arrays[0] = arrays[0] + 3 * np.eye(inputs[0].shape[-1])
    compared([node, ep.exp(node) * 2, node], inputs, arrays, name in ROUNDED)


@searched(60)
@given(data=st.data())
def test_sums_take_numpys_order(data: Any) -> None:
    """Over any axes of arrays of any strides, long ones too; but for last bits where axes are reversed or repeated."""
    shape = tuple(data.draw(st.lists(st.sampled_from([1, 2, 3, 17, 130]), min_size=1, max_size=4)))
    shape = shape if np.prod(shape) < 2e5 else shape[:2]
    v = Var("v", shape=shape)
    x = ep.transpose(v, data.draw(st.permutations(range(len(shape)))))
    strides = [data.draw(st.sampled_from([1, 1, -1, 2])) for _ in shape]
    x = x[tuple(slice(None, None, stride) for stride in strides)]
    is_repeated = data.draw(st.booleans())
    if is_repeated:
        x = ep.broadcast_to(x, (3, *x.shape))
    axes = tuple(sorted(data.draw(st.sets(st.integers(0, len(x.shape) - 1)))))
    compared(
        [ep.sum(x, axis=axes), ep.prod(x, axis=axes)],
        [v],
        [array(data.draw, shape, 0.5, 1.5)],
        is_repeated or -1 in strides,
    )


def test_elementwise_steps_of_a_shape_are_one_nest_though_others_stand_between() -> None:
    v, w = Var("v", shape=(5,)), Var("w", shape=(3,))
    f = ep.exp(v) * 2 + ep.sum(ep.sin(w)) * v
    found = Loops(Program.lowered([f]), [0, 1]).jobs
    assert [job.shape for job in found if isinstance(job, Nest)] == [(3,), (5,)]
    assert sum(isinstance(job, Fold) for job in found) == 1


def test_moves_cost_nothing() -> None:
    v = Var("v", shape=(4, 6))
    f = ep.reshape(v[:, ::2].T, (3, 2, 2)) * 2
    (job,) = Loops(Program.lowered([f]), [0]).jobs
    assert isinstance(job, Nest)
    assert View(0, 0, (3, 2, 2), (2, 12, 6)) in job.sources


def test_room_is_used_again() -> None:
    x = y = Var("x", shape=(100, 100))
    for _ in range(50):
        y = ep.tanh(y @ x)
    assert Loops(Program.lowered([y]), [0]).room <= 3 * 100 * 100


def test_axes_that_follow_one_another_are_merged() -> None:
    assert merged((2, 3, 1, 4), ((12, 4, 4, 1), (0, 0, 0, 0))) == ((24,), ((1,), (0,)))
    assert merged((2, 3), ((0, 1), (3, 1))) == ((2, 3), ((0, 1), (3, 1)))
    assert merged((), ()) == ((), ())


@pytest.mark.parametrize("axis", [None, 0, 2, (0, 1), (0, 2), (1, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_long_sums_take_numpys_order(axis: Any, order: Any, step: int) -> None:
    """Beyond what NumPy's buffers hold."""
    v = Var("v", shape=(60, 14, 41))
    x = ep.transpose(v[:, 2:-2, ::step], order)
    for seed in range(6):
        compared([ep.sum(x, axis=axis)], [v], [np.random.default_rng(seed).normal(size=v.shape)])
