"""Is a cache bounded, is each value computed once, and does a slow one hold up no other?"""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.cache import Cache

PATIENCE = 30.0  # seconds after which a test that hangs fails


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_cache_is_bounded_and_keeps_what_was_used_last(keys: list[int], size: int):
    cache: Cache[int, int] = Cache(size)
    used: list[int] = []
    for key in keys:
        was_kept = key in used[-size:]
        computed: list[int] = []
        assert cache.get(key, lambda key=key, computed=computed: computed.append(key) or 10 * key) == 10 * key
        assert bool(computed) != was_kept
        used = [*(one for one in used if one != key), key]
        assert [one for one in range(10) if one in cache] == sorted(used[-size:])
        assert len(cache) <= size


def test_cache_keeps_a_value_that_is_none():
    cache: Cache[str, None] = Cache(1)
    computed: list[int] = []
    for _ in range(2):
        cache.get("nothing", lambda: computed.append(1))
    assert computed == [1]


def test_cache_of_equal_questions_at_once_computes_once():
    cache: Cache[str, int] = Cache(2)
    computed: list[int] = []
    answers: list[int] = []

    def compute() -> int:
        if not computed:
            second.start()
            asking.wait(PATIENCE)
        computed.append(1)
        return len(computed)

    def ask() -> None:
        asking.set()
        answers.append(cache.get("same", compute))

    asking, second = threading.Event(), threading.Thread(target=ask)
    answers.append(cache.get("same", compute))
    second.join(PATIENCE)
    assert (answers, computed) == ([1, 1], [1])
    assert not cache._computing, "no lock outlives its computation"


def test_cache_answers_quick_questions_while_a_slow_one_is_computed():
    cache: Cache[str, str] = Cache(2)
    begun, quick_answered = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        return "in time" if quick_answered.wait(PATIENCE) else "held up the quick one"

    answers: list[str] = []
    thread = threading.Thread(target=lambda: answers.append(cache.get("slow", slow)))
    thread.start()
    assert begun.wait(PATIENCE)
    assert cache.get("quick", lambda: "quick") == "quick"
    quick_answered.set()
    thread.join(PATIENCE)
    assert answers == ["in time"]


def test_cache_keeps_nothing_of_a_computation_that_raises():
    cache: Cache[str, int] = Cache(1)

    def fail() -> int:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        cache.get("key", fail)
    assert "key" not in cache
    assert not cache._computing
    assert cache.get("key", lambda: 3) == 3
