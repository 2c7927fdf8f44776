"""Do recommendations wait for a store that is full, and do their outcomes arrive at any replica?"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm.errors import SanchoError
from crm.instants import as_of_instant, last_known_day
from crm.store import Recommended, Store
from service import recommendations
from service.recommendation_ids import recommendation_id
from service.recommendations import Recommendations

TOKYO = ZoneInfo("Asia/Tokyo")


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
    asked.queue(context, SimpleNamespace(record=record(name, moment)))  # type: ignore[arg-type]


def record(name: str, moment: int) -> Recommended:
    figures = {"chance": 0.5, "uplift": 0.1, "low": 0.0, "high": 0.2, "propensity": 1.0}
    return Recommended(name, moment, moment + 9, "D1", "call", "usual", "1", alternatives="[]", **figures)


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


def test_what_is_done_after_a_recommendation_is_after_it_though_now_lies_ahead(asked: Recommendations):
    before = time.time_ns() // 1000
    ahead = before + 900_000_000
    context = SimpleNamespace(moment=ahead, state=SimpleNamespace(now=ahead))
    asked.queue(context, SimpleNamespace(record=record("R1", ahead)))  # type: ignore[arg-type]
    assert before <= asked._waiting["R1"].made_at < ahead


@pytest.fixture
def replica(tmp_path: Path) -> Recommendations:
    """Another replica: it answers with version 3 of the model, and has stored no offer."""
    known = SimpleNamespace(
        info=SimpleNamespace(version="3"),
        history=SimpleNamespace(deal_ids=np.array(["D0", "D1"], object)),
        bundle=SimpleNamespace(actions=[SimpleNamespace(action="visit"), SimpleNamespace(action="call")]),
        now=1,
    )
    serving = SimpleNamespace(
        store=Store.open(str(tmp_path / "store.db")),
        settings=None,
        outages=(),
        zone=lambda: TOKYO,
        current=lambda: known,
        registry=SimpleNamespace(list=lambda: [SimpleNamespace(version=one) for one in ("3", "2")]),
        metadata=lambda *_: {},
    )
    return Recommendations(serving, None)  # type: ignore[arg-type]


TODAY = last_known_day(as_of_instant(None, TOKYO), TOKYO)


@pytest.mark.parametrize(("version", "days"), [("3", 0), ("3", 14), ("2", 1)])
def test_an_outcome_is_accepted_where_the_offer_was_never_stored(
    replica: Recommendations, version: str, days: int
):
    given = recommendation_id("D1", "call", TODAY - timedelta(days), version)
    assert replica.record_outcome(given, "done", None, "en")["state"] == "done"
    _, outcomes = replica._serving.store.recommendations()
    assert [(one.recommendation_id, one.state) for one in outcomes] == [(given, "done")]


@pytest.mark.parametrize(
    "given",
    [
        "R1",
        recommendation_id("D1", "call", TODAY - timedelta(40), "3"),
        recommendation_id("D9", "call", TODAY, "3"),
        recommendation_id("D1", "seminar", TODAY, "3"),
        recommendation_id("D1", "call", TODAY, "9"),
    ],
    ids=["no id of ours", "long past", "no such deal", "no such action", "no such model"],
)
def test_an_outcome_of_what_nobody_recommended_is_refused(replica: Recommendations, given: str):
    with pytest.raises(SanchoError, match="not known"):
        replica.record_outcome(given, "done", None, "en")
    assert replica._serving.store.recommendations() == ([], [])
