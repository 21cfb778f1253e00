"""Compiled functions of arrays: what they give, what memory they take, and what they recompute."""

from __future__ import annotations

import pickle
import sys
import threading
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exprad as ep
from exprad import Var, compile
from exprad.errors import ArgumentError, OperandError, ShapeError
from exprad.graph.checkpoint import checkpointed
from exprad.graph.program import Program
from tests.arrays import CASES, array
from tests.rows import searched


def layers(count: int, n: int) -> tuple[list[Any], list[Var]]:
    """A recurrent network: its loss and the gradients by its state and its weights."""
    h, w = Var("h", shape=(n, n)), Var("w", shape=(n, n))
    y = h
    for _ in range(count):
        y = ep.tanh(y @ w + 0.1)
    f = ep.sum(y * y)
    return [f, *f.gradient([h, w])], [h, w]


def values(n: int) -> list[np.ndarray[Any, Any]]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(n, n)), generator.normal(size=(n, n)) / np.sqrt(n)]


def peak_of_a_call(f: Any, *arrays: Any) -> int:
    """Bytes that a first call takes, once the code is made."""
    results = [np.asarray(each) for each in f(*arrays)]
    f._choice.arrays._spare.clear()
    tracemalloc.start()
    f(*arrays, out=results)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("every", [None, 2, 7, "sqrt"])
def test_the_peak_is_as_forecast(every: Any) -> None:
    outputs, inputs = layers(40, 80)
    f = compile(outputs, inputs, checkpoint=every)
    peak = peak_of_a_call(f, *values(80))
    assert 0.75 * f.forecast().peak_memory <= peak <= 1.1 * f.forecast().peak_memory + 30_000


def test_checkpoints_cut_the_peak_by_what_was_forecast_and_change_no_bit() -> None:
    outputs, inputs = layers(64, 100)
    plain, saving = compile(outputs, inputs), compile(outputs, inputs, checkpoint="sqrt")
    forecast = plain.forecast().peak_memory / saving.forecast().peak_memory
    measured = peak_of_a_call(plain, *values(100)) / peak_of_a_call(saving, *values(100))
    assert forecast > 4
    assert abs(measured / forecast - 1) < 0.15
    for a, b in zip(plain(*values(100)), saving(*values(100)), strict=True):
        np.testing.assert_array_equal(a, b)
    extra = saving.program.operations["matmul"] - plain.program.operations["matmul"]
    assert 0 < extra <= 64  # at most one forward pass more
    for a, b in zip(plain(*values(100)), pickle.loads(pickle.dumps(saving))(*values(100)), strict=True):
        np.testing.assert_array_equal(a, b)


@searched(30)
@given(data=st.data())
def test_checkpointed_programs_compute_the_same(data: Any) -> None:
    """Any program of arrays, with any spacing of what is kept."""
    pool: list[Any] = [Var("x", shape=(3, 3)), Var("w", shape=(3, 3))]
    for _ in range(data.draw(st.integers(3, 15))):
        a, b = data.draw(st.sampled_from(pool)), data.draw(st.sampled_from(pool))
        pool.append(data.draw(st.sampled_from([ep.tanh(a @ b), a + ep.sin(b), ep.sum(a, 0) * b, a.T * 0.5, ep.cos(a)])))
    f = ep.sum(pool[-1] * pool[-2])
    inputs = list(f.variables)
    outputs = [f, *f.gradient(inputs), pool[data.draw(st.integers(2, len(pool) - 1))]]
    used = sorted({v for output in outputs for v in output.variables}, key=lambda v: v.name)
    arrays = [array(data.draw, (3, 3)) for _ in used]
    every = data.draw(st.one_of(st.integers(1, 6), st.just("sqrt")))
    for a, b in zip(compile(outputs, used)(*arrays), compile(outputs, used, checkpoint=every)(*arrays), strict=True):
        np.testing.assert_array_equal(a, b)


def test_checkpoint_takes_a_spacing() -> None:
    outputs, inputs = layers(4, 3)
    for bad in (0, -1, 2.5, "all", True):
        with pytest.raises(ArgumentError, match="checkpoint must be"):
            compile(outputs, inputs, checkpoint=bad)
    program = Program.lowered([ep.sum(Var("x", shape=(3,)))])
    assert checkpointed(program, 5) is program


def test_rosenbrock_takes_two_arrays_of_memory_beyond_its_outputs() -> None:
    n = 200_000
    x = Var("x", shape=(n,))
    f = ep.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)
    function = compile([f, f.gradient(x)], [x])
    assert peak_of_a_call(function, np.linspace(-1, 1, n)) < 5.5 * 8 * n


def test_a_second_call_takes_no_memory_for_intermediates() -> None:
    outputs, inputs = layers(10, 100)
    f = compile(outputs, inputs)
    results = [np.asarray(each) for each in f(*values(100))]
    tracemalloc.start()
    f(*values(100), out=results)
    before = tracemalloc.get_traced_memory()[0]
    arrays = values(100)
    tracemalloc.reset_peak()
    f(*arrays, out=results)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak - before < 3 * 100 * 100 * 8  # the arguments, and no more


def test_threads_share_a_function_of_arrays() -> None:
    outputs, inputs = layers(5, 30)
    f = compile(outputs, inputs)
    arguments = [[a * (1 + k / 10) for a in values(30)] for k in range(8)]
    expected = [f(*each) for each in arguments]
    found: list[Any] = [None] * 8

    def work(k: int) -> None:
        for _ in range(30):
            found[k] = f(*arguments[k])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for ours, theirs in zip(found, expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", CASES)
@searched(3)
@given(data=st.data())
def test_float32_is_kept_and_out_is_written(name: str, data: Any) -> None:
    function, arrays, _ = CASES[name](data.draw)
    xs = [Var(f"x{place}", shape=x.shape) for place, x in enumerate(arrays)]
    y = function(*xs)
    f = compile([y, *ep.sum(ep.sin(y)).gradient(xs)], xs)
    found = f(*[x.astype(np.float32) for x in arrays])
    assert {each.dtype for each in found} == {np.dtype(np.float32)}
    results = f(*arrays)
    out = [np.full_like(np.asarray(each), np.nan) for each in results]
    assert f(*arrays, out=out) is out
    for a, b in zip(results, out, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_output_that_is_an_input_a_view_or_another_output() -> None:
    x = Var("x", shape=(2, 3))
    f = compile([x, x.T, x.reshape(6), x * 2, x * 2, ep.broadcast_to(x[0], (4, 3))], [x])
    value = np.arange(6.0).reshape(2, 3)
    found = f(value)
    for place, each in enumerate(found):
        each[...] = place  # outputs are arrays of their own
    assert value[0, 1] == 1.0
    np.testing.assert_array_equal(f(value)[1], value.T)


@pytest.mark.parametrize("build, shapes", [
    (lambda v, m: v + m[:2, :2], ("(3,)", "(2, 2)")),
    (lambda v, m: m @ m[:2], ("(4, 5)", "(2, 5)")),
    (lambda v, m: np.concatenate([m, m[:, :2]]), ("(4, 5)", "(4, 2)")),
    (lambda v, m: np.einsum("i,ij->j", v, m), ("(3,)", "(4, 5)")),
    (lambda v, m: np.tensordot(v, m, 1), ("(3,)", "(4, 5)")),
    (lambda v, m: np.linalg.solve(m[:, :4], v), ("(4, 4)", "(3,)")),
    (lambda v, m: np.linalg.inv(m), ("(4, 5)",)),
    (lambda v, m: m.reshape(3, 7), ("(4, 5)", "(3, 7)")),
    (lambda v, m: ep.broadcast_to(m, (4, 4)), ("(4, 5)", "(4, 4)")),
    (lambda v, m: np.sum(m, axis=2), ("axis 2", "(4, 5)")),
    (lambda v, m: v[5], ("5", "(3,)")),
    (lambda v, m: v[[0, 7]], ("7", "(3,)")),
    (lambda v, m: m[np.ones((5, 4), bool)], ("(5, 4)", "(4, 5)")),
    (lambda v, m: np.max(m[:0]), ("(0, 5)",)),
])  # fmt: skip
def test_what_does_not_fit_is_refused_when_it_is_built_and_names_the_shapes(
    build: Any, shapes: tuple[str, ...]
) -> None:
    v, m = Var("v", shape=(3,)), Var("m", shape=(4, 5))
    with pytest.raises(ShapeError) as error:
        build(v, m)
    for shape in shapes:
        assert shape in str(error.value)


def test_what_is_not_offered_is_refused_by_name() -> None:
    v = Var("v", shape=(3,))
    for build, message in (
        (lambda: np.fft.fft(v), "NumPy's fft is not offered"),
        (lambda: ep.norm(v, 3), "ord=3"),
        (lambda: ep.pad(v, 1, "linear_ramp"), "mode 'linear_ramp'"),
        (lambda: ep.einsum("ij->i", v), "does not fit"),
        (lambda: ep.einsum("i->j", v), "no operand has"),
        (lambda: v[1.5], "whole numbers"),
        (lambda: v[np.array([0.5])], "whole numbers"),
        (lambda: ep.concatenate([]), "at least one"),
    ):
        with pytest.raises((OperandError, ArgumentError, ShapeError), match=message):
            build()


def test_singular_matrices_give_nan_and_no_exception() -> None:
    a = np.stack([np.eye(2), np.ones((2, 2))])
    found = ep.inv(a)
    np.testing.assert_array_equal(found[0], np.eye(2))
    assert np.isnan(found[1]).all()
    assert np.isnan(ep.solve(np.zeros((2, 2)), np.ones(2))).all()
    m = Var("m", shape=(2, 2))
    np.testing.assert_allclose(
        ep.det(m).gradient(m).evaluate(m=np.ones((2, 2))), [[1.0, -1.0], [-1.0, 1.0]], atol=1e-12
    )
    assert ep.logdet(np.diag([1.0, -1.0])) != ep.logdet(np.diag([1.0, -1.0]))


def test_extrema_that_tie_share_the_slope_and_norms_have_one_at_zero() -> None:
    v = Var("v", shape=(3,))
    np.testing.assert_array_equal(ep.max(v).gradient(v).evaluate(v=[2.0, 2.0, 1.0]), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(ep.min(v).gradient(v).evaluate(v=[2.0, 1.0, 1.0]), [0.0, 0.5, 0.5])
    np.testing.assert_array_equal(ep.norm(v).gradient(v).evaluate(v=np.zeros(3)), np.zeros(3))
    np.testing.assert_allclose(ep.norm(v).gradient(v).evaluate(v=[1e200, 1e200, 0.0]), [0.5**0.5, 0.5**0.5, 0.0])
    np.testing.assert_allclose(ep.norm(v).gradient(v).evaluate(v=[1e-200, 1e-200, 0.0]), [0.5**0.5, 0.5**0.5, 0.0])
    np.testing.assert_array_equal(ep.prod(v).gradient(v).evaluate(v=[0.0, 0.0, 3.0]), [0.0, 0.0, 0.0])
    np.testing.assert_array_equal(ep.logsumexp(v).gradient(v).evaluate(v=[1000.0, 1000.0, -1000.0]), [0.5, 0.5, 0.0])


def test_truth_values_of_another_region_are_chosen_as_numbers() -> None:
    v, s = Var("v", shape=(8,)), Var("s", shape=(1,))
    f = ep.where(v > 0, ep.broadcast_to(ep.reshape(s > 0.5, (1,)), (8,)), 0)
    at = {v: np.linspace(-1, 1, 8), s: np.array([1.0])}
    np.testing.assert_array_equal(compile(f, [v, s])(*at.values()), f.evaluate(at))
    np.testing.assert_array_equal(f.evaluate(at), [0, 0, 0, 0, 1, 1, 1, 1])


def test_compiling_time_steps_over_arrays_takes_time_that_grows_as_they_do() -> None:
    def calls(steps: int) -> int:
        u, k = Var("u", shape=(9,)), Var("k")
        last: Any = u
        for _ in range(steps):
            inside = last[1:-1] + k * (last[2:] - 2 * last[1:-1] + last[:-2]) * (1 + last[1:-1] ** 2)
            last = ep.concatenate([last[:1], inside, last[-1:]])
        outputs = [(last * last).sum(), *ep.gradient((last * last).sum(), [u, k])]
        count = 0

        def counted(frame: Any, event: str, argument: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(counted)
        try:
            ep.compile(outputs, [u, k])
        finally:
            sys.setprofile(None)
        return count

    calls(5)
    assert calls(160) < 4.4 * calls(40)
