"""Does nobody wait for what somebody else waits for, and is who cannot wait told so?"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import anyio
import pytest
from anyio import to_thread

from crm.errors import SanchoError
from crm.i18n import Text
from service.api.pools import Pool


@pytest.fixture
def hung() -> Iterator[threading.Event]:
    """What a hung database waits for: for ever, until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_a_full_pool_leaves_the_other_threads_alone(hung: threading.Event) -> None:
    async def story() -> str:
        pool = Pool(threads=2, waiting=10, patience=60)
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(pool.run, hung.wait)
            await anyio.wait_all_tasks_blocked()
            answer = await to_thread.run_sync(lambda: "answered")
            hung.set()
        return answer

    assert anyio.run(story) == "answered"


def test_who_finds_the_queue_full_is_told_to_come_again(hung: threading.Event) -> None:
    async def story() -> SanchoError:
        pool = Pool(threads=1, waiting=2, patience=60)
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(pool.run, hung.wait)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(SanchoError) as caught:
                await pool.run(hung.wait)
            hung.set()
        return caught.value

    refused = anyio.run(story)
    assert refused.code == "busy"
    assert "2 that wait" in refused.text.en


def test_who_waits_too_long_for_a_turn_is_told_and_does_nothing(hung: threading.Event) -> None:
    done: list[int] = []

    async def story() -> None:
        pool = Pool(threads=1, waiting=2, patience=0.01)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(pool.run, hung.wait)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(SanchoError) as caught:
                await pool.run(done.append, 1)
            assert caught.value.code == "busy"
            hung.set()
        await pool.run(done.append, 2)

    anyio.run(story)
    assert done == [2]


def test_what_does_not_answer_is_waited_for_only_so_long_and_bound_threads_are_counted(
    hung: threading.Event,
) -> None:
    async def story() -> list[str]:
        pool = Pool(threads=1, waiting=20, patience=60)
        codes = []
        for _ in range(6):
            with pytest.raises(SanchoError) as caught:
                await pool.run_within(0.01, hung.wait)
            codes.append(caught.value.code)
        bound = pool._running
        hung.set()
        assert bound == 4, "threads that nobody waits for do not pile up"
        return codes

    assert set(anyio.run(story)) == {"store_unavailable"}


def test_a_pool_gives_what_the_function_gives_and_raises_what_it_raises() -> None:
    async def story() -> int:
        pool = Pool(threads=1, waiting=1, patience=1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(divmod, 1, 0)
        with pytest.raises(ZeroDivisionError):
            await pool.run_within(60, divmod, 1, 0)
        await pool.run_within(60, int)
        return await pool.run(max, 1, 2)

    assert anyio.run(story) == 2


def test_who_waits_while_the_database_turns_out_to_be_away_does_not_try_it_again() -> None:
    tried: list[int] = []
    goes_on = threading.Event()

    def locked() -> None:
        tried.append(1)
        goes_on.wait()
        raise SanchoError(Text("ロック中", "it is locked"), "store_unavailable")

    async def story() -> list[str]:
        pool, codes = Pool(threads=1, waiting=9, patience=60), []

        async def ask() -> None:
            with pytest.raises(SanchoError) as caught:
                await pool.run(locked)
            codes.append(caught.value.code)

        async with anyio.create_task_group() as tasks:
            for _ in range(6):
                tasks.start_soon(ask)
            await anyio.wait_all_tasks_blocked()
            goes_on.set()
        assert await pool.run(max, 1, 2) == 2, "who comes later tries"
        return codes

    assert anyio.run(story) == ["store_unavailable"] * 6
    assert tried == [1]
