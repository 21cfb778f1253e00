"""Whether operations are recorded: blocks in functions, generators, tasks and threads, in any order."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exprad import Config, Variable, no_grad, using_config
from exprad.errors import ArgumentError, TapeError
from tests.rows import searched


def records() -> bool:
    """Whether an operation is recorded here, which is what the configuration says."""
    found = (Variable(np.ones(2)) * 2.0)._node is not None
    assert found is Config.enable_backprop
    return found


def elements(value: bool, count: int = 3) -> Iterator[bool]:
    with using_config("enable_backprop", value):
        for _ in range(count):
            yield records()


@searched(200)
@given(data=st.data())
def test_generators_that_end_in_any_order_leave_nothing_behind(data: Any) -> None:
    """Each body sees its own block, and whoever asks sees what it said itself."""
    outer = data.draw(st.booleans())
    with using_config("enable_backprop", outer):
        living: list[tuple[bool, Iterator[bool]]] = []
        for _ in range(data.draw(st.integers(1, 30))):
            act = data.draw(st.sampled_from(["make", "next", "next", "close", "drop"]))
            if act == "make" or not living:
                value = data.draw(st.booleans())
                living.append((value, elements(value)))
                continue
            place = data.draw(st.integers(0, len(living) - 1))
            value, body = living[place]
            if act == "next":
                assert next(body, value) is value
            elif act == "close":
                body.close()  # type: ignore[attr-defined]  # generators
            else:
                del living[place], body
            assert records() is outer
        for _, body in living:
            body.close()  # type: ignore[attr-defined]
        assert records() is outer
    assert records()


def test_the_two_generators_of_a_learner() -> None:
    a, b = elements(False, 2), elements(False, 2)
    next(a)
    assert records()
    next(b)
    assert list(a) == [False]
    assert list(b) == [False]
    assert records()


def test_a_generator_sees_its_readers_block_where_it_has_none_itself() -> None:
    def body() -> Iterator[bool]:
        while True:
            yield records()

    found = body()
    assert next(found)
    with no_grad():
        assert not next(found)
    assert next(found)


def test_generators_within_generators() -> None:
    def outer() -> Iterator[bool]:
        yield records()
        yield from elements(False, 2)
        yield records()
        with no_grad():
            yield from elements(True, 2)
            yield records()

    found = []
    for each in outer():
        found.append(each)
        assert records()
    assert found == [True, False, False, True, True, True, False]


def test_a_generator_that_is_dropped_or_fails() -> None:
    def failing() -> Iterator[int]:
        with no_grad():
            yield 1
            raise KeyError

    for body in (elements(False), failing()):
        next(body)
    del body
    gc.collect()
    assert records()
    body = failing()
    next(body)
    with pytest.raises(KeyError):
        next(body)
    assert records()


def test_a_generator_begun_in_a_block_and_ended_after_it() -> None:
    body = elements(True)
    with no_grad():
        assert next(body)
        assert not records()
    assert records()
    with no_grad():
        assert list(body) == [True, True]
        assert not records()
    assert records()


def test_context_managers_hand_their_block_on() -> None:
    @contextmanager
    def quiet() -> Iterator[None]:
        with no_grad():
            yield

    with quiet():
        assert not records()
        with using_config("enable_backprop", True), quiet():
            assert not records()
    with ExitStack() as stack:
        stack.enter_context(quiet())
        stack.enter_context(no_grad())
        assert not records()
    assert records()

    def body() -> Iterator[bool]:
        with quiet():
            yield records()
        with ExitStack() as stack:
            stack.enter_context(quiet())
            yield records()

    for each in body():
        assert not each
        assert records()
    with closing(elements(False)) as found:
        assert not next(found)
        assert records()
    assert records()


def test_the_configuration_set_in_a_block_lasts_as_long_as_the_block() -> None:
    with no_grad():
        Config.enable_backprop = True
        assert records()
    assert records()

    def body() -> Iterator[bool]:
        with no_grad():
            yield records()
            Config.enable_backprop = True
            yield records()

    found = body()
    assert not next(found)
    Config.enable_backprop = False
    try:
        assert next(found)
        assert not records()
        found.close()  # type: ignore[attr-defined]
        assert not records()
    finally:
        Config.enable_backprop = True


def test_a_block_may_be_entered_again_but_not_twice_at_once() -> None:
    block = no_grad()
    for _ in range(2):
        with block:
            assert not records()
            with pytest.raises(TapeError, match="anew"), block:
                pass
            assert not records()
    assert records()
    with pytest.raises(ArgumentError, match="no '__doc__'"):
        using_config("__doc__", 1)


def test_it_decorates_functions_generators_and_coroutines() -> None:
    @no_grad()
    def plain(depth: int) -> bool:
        """Of a recursive function."""
        return records() if not depth else plain(depth - 1)

    @no_grad()
    def generator() -> Iterator[bool]:
        yield records()
        yield records()

    @no_grad()
    async def coroutine() -> bool:
        await asyncio.sleep(0)
        return records()

    assert plain.__name__ == "plain"
    assert not plain(3)
    for each in generator():
        assert not each
        assert records()
    assert not asyncio.run(coroutine())
    assert records()
    with pytest.raises(ArgumentError, match="asynchronous generator"):

        @no_grad()
        async def elements() -> AsyncIterator[int]:
            yield 1


def test_tasks_have_blocks_of_their_own_and_inherit_those_around_them() -> None:
    async def worker(value: bool, found: list[bool]) -> None:
        with using_config("enable_backprop", value):
            for _ in range(5):
                found.append(records())
                await asyncio.sleep(0)

    async def main() -> None:
        on: list[bool] = []
        off: list[bool] = []
        await asyncio.gather(worker(True, on), worker(False, off))
        assert (set(on), set(off)) == ({True}, {False})
        with no_grad():
            inherited = [asyncio.ensure_future(asyncio.to_thread(records)), asyncio.ensure_future(task())]
            assert [await each for each in inherited] == [False, False]
        late = asyncio.ensure_future(task())
        assert await late

    async def task() -> bool:
        await asyncio.sleep(0)
        return records()

    asyncio.run(main())
    assert records()


def test_asynchronous_generators() -> None:
    async def task() -> bool:
        await asyncio.sleep(0)
        return records()

    async def body() -> AsyncIterator[bool]:
        with no_grad():
            yield records()
            await asyncio.sleep(0)
            yield records()
            yield records()

    @asynccontextmanager
    async def quiet() -> AsyncIterator[None]:
        with no_grad():
            await asyncio.sleep(0)
            yield

    async def main() -> None:
        first, second = body(), body()
        for _ in range(3):
            for each in (first, second):
                assert not await anext(each)
                assert records()
                assert await asyncio.ensure_future(task())
        await first.aclose()  # type: ignore[attr-defined]
        assert records()
        with suppress(StopAsyncIteration):
            await anext(second)
        assert records()
        async with quiet():
            assert not records()
            await asyncio.sleep(0)
            assert not records()
        assert records()

    asyncio.run(main())


def test_a_generator_that_ends_in_another_thread_leaves_nothing_in_the_first() -> None:
    body = elements(False)
    assert not next(body)
    thread = threading.Thread(target=body.close)  # type: ignore[attr-defined]
    thread.start()
    thread.join()
    assert records()
    with no_grad():
        pass
    assert records()


def test_a_copy_of_the_context_keeps_what_was_said() -> None:
    with no_grad():
        copied = contextvars.copy_context()
    assert records()
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(copied.run(records)))
    thread.start()
    thread.join()
    assert found == [False]


def test_eight_threads_with_generators_of_their_own() -> None:
    failed: list[int] = []

    def work(number: int) -> None:
        for _ in range(100):
            bodies = [elements(bool((number + place) % 2)) for place in range(3)]
            for place, body in enumerate(bodies):
                if next(body) is not bool((number + place) % 2) or not records():
                    failed.append(number)
            for body in bodies:
                body.close()  # type: ignore[attr-defined]
        if not records():
            failed.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
