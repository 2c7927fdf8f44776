"""Do recommendations wait for a store that cannot be written to, without filling the memory?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from service import recommendations
from service.recommendations import Recommendations


class FullStore:
    """A store that cannot be written to until there is room; `meanwhile` happens while it is tried."""

    def __init__(self) -> None:
        self.has_room = False
        self.stored: list[str] = []
        self.meanwhile: Any = lambda: None

    def save_recommendations(self, rows: list[Any]) -> None:
        self.meanwhile()
        if not self.has_room:
            raise OSError("disk full")
        self.stored += [row.recommendation_id for row in rows]


@pytest.fixture
def store() -> FullStore:
    return FullStore()


@pytest.fixture
def asked(store: FullStore, monkeypatch: pytest.MonkeyPatch) -> Recommendations:
    monkeypatch.setattr(recommendations, "_MAX_WAITING", 3)
    serving = SimpleNamespace(store=store, settings=None, outages=())
    return Recommendations(serving, None)  # type: ignore[arg-type]


def keep(asked: Recommendations, name: str, moment: int = 5) -> None:
    context = SimpleNamespace(moment=moment, state=SimpleNamespace(now=5))
    asked.queue(context, SimpleNamespace(record=SimpleNamespace(recommendation_id=name)))  # type: ignore[arg-type]


def test_recommendations_wait_for_a_full_store_and_are_bounded(asked: Recommendations, store: FullStore):
    store.meanwhile = lambda: [keep(asked, name) for name in ("R3", "R4", "R5")]
    keep(asked, "R1")
    keep(asked, "R2")
    for _ in range(3):
        with pytest.raises(OSError, match="disk full"):
            asked.flush()
        assert list(asked._waiting) == ["R1", "R2", "R3"]
    asked.flush_if_possible()
    store.meanwhile, store.has_room = lambda: None, True
    asked.flush()
    assert store.stored == ["R1", "R2", "R3"]
    assert not asked._waiting


def test_recommendations_as_of_the_past_are_not_kept(asked: Recommendations):
    keep(asked, "R1", moment=4)
    assert not asked._waiting
