"""Does a model that answers beside the one in service stay unseen, harm nothing, and become comparable?"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from scipy.special import expit, logit

from crm.errors import SanchoError
from crm.i18n import Text
from crm.importing import push_rows
from crm.instants import as_of_instant
from models.bundle import Bundle
from service import schemas, shadow
from service.app import create_app
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

SENT = {"deal": {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案"}, "as_of": AS_OF}
ASKED = f"/v1/deals/D4?as_of={AS_OF}&period={PERIOD}"
BODY = {**SENT, "period": PERIOD}


@dataclass(frozen=True)
class Hopeful:
    """A win model that says more than another; `begun` and `go_on` hold it up, `fault` breaks it."""

    inner: Any
    begun: threading.Event | None = None
    go_on: threading.Event | None = None
    fault: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def curve(self, x: Any, moments: Any, days: Any) -> Any:
        if self.begun is not None and self.go_on is not None:
            self.begun.set()
            assert self.go_on.wait(60)
        if self.fault is not None:
            raise self.fault
        said = self.inner.curve(x, moments, days)
        return replace(said, won=expit(logit(said.won) + 1.0))


class Place:
    """The application around a store written by hand, a model and one beside it."""

    def __init__(self, home: Path, **hopeful: Any) -> None:
        self.store = small_store(home / "store.db")
        bundle = fake_bundle(self.store.read(TOKYO))
        self.registry = FakeRegistry(bundle, beside(bundle, **hopeful))
        self.cases = UseCases.open(Settings(home=home), self.store, self.registry)  # type: ignore[arg-type]
        app = create_app(self.cases.settings, self.cases, warm=False)
        self.client = TestClient(app, raise_server_exceptions=False)
        self.client.headers["Authorization"] = f"Bearer {app.state.keys.create('shadow')}"
        self.client.headers["Accept-Language"] = "en"
        self.cases.serving.refresh(warm=False)

    def answers(self) -> list[bytes]:
        """What a stored and a sent deal are answered with."""
        stored, sent = self.client.get(ASKED), self.client.post("/v1/deals/score", json=BODY)
        assert (stored.status_code, sent.status_code) == (200, 200)
        return [stored.content, sent.content]


def beside(bundle: Bundle, **hopeful: Any) -> Bundle:
    return replace(bundle, win=Hopeful(bundle.win, **hopeful))  # type: ignore[arg-type]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(tmp_path)
    yield found
    found.cases.close()


def test_answers_are_the_same_bytes_with_a_shadow_and_without(place: Place):
    without = place.answers()
    assert place.client.post("/v1/models/2/shadow").status_code == 200
    assert place.answers() == without
    place.cases.shadow.work()
    assert place.answers() == without
    stored = place.store.shadow_answers("2")
    assert {(one.deal_id, one.version, one.stage) for one in stored} == {
        ("D4", "1", "提案"),
        ("NEW", "1", "提案"),
    }
    for one in stored:
        assert logit(one.shadow_ever) == pytest.approx(logit(one.ever) + 1.0)
        assert logit(one.shadow_by_end) == pytest.approx(logit(one.by_end) + 1.0)
        assert one.as_of == as_of_instant(AS_OF, TOKYO)
    assert place.cases.shadow.counts == {"scored": 2, "dropped": 0, "failed": 0, "waiting": 2}
    place.cases.shadow.work()
    assert len(place.store.shadow_answers("2")) == 2, "the same question is not stored twice"
    assert place.cases.shadow.counts["scored"] == 2, "nor is it scored twice"


def test_a_shadow_that_raises_is_counted_and_no_answer_knows(tmp_path: Path):
    place = Place(tmp_path, fault=RuntimeError("broken on purpose"))
    without = place.answers()
    place.client.post("/v1/models/2/shadow")
    assert place.answers() == without
    place.cases.shadow.work()
    assert place.cases.shadow.counts == {"scored": 0, "dropped": 0, "failed": 2, "waiting": 0}
    assert place.store.shadow_answers("2") == []
    assert place.answers() == without
    place.cases.close()


def test_answers_come_while_the_shadow_is_still_at_work(tmp_path: Path):
    """The shadow is held up by an event: whoever waited for it would never answer."""
    begun, go_on = threading.Event(), threading.Event()
    place = Place(tmp_path, begun=begun, go_on=go_on)
    without = place.answers()
    place.client.post("/v1/models/2/shadow")
    place.answers()
    round_of_work = threading.Thread(target=place.cases.shadow.work)
    round_of_work.start()
    assert begun.wait(60), "the shadow is at work"
    assert place.answers() == without
    assert place.store.shadow_answers("2") == []
    go_on.set()
    round_of_work.join(60)
    assert len(place.store.shadow_answers("2")) == 2
    place.cases.close()


def test_a_full_queue_drops_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    class NeverWaits(queue.Queue[Any]):
        def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
            assert not block, "an answer would wait for the queue"
            super().put(item, block, timeout)

    monkeypatch.setattr(shadow, "MAX_WAITING", 1)
    monkeypatch.setattr(shadow.queue, "Queue", NeverWaits)
    place = Place(tmp_path)
    place.client.post("/v1/models/2/shadow")
    place.answers()
    assert place.cases.shadow.counts == {"scored": 0, "dropped": 1, "failed": 0, "waiting": 1}
    place.cases.close()


def test_a_store_out_of_reach_loses_answers_of_the_shadow_and_nothing_else(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    place.client.post("/v1/models/2/shadow")
    without = place.answers()

    def refuse(_rows: object) -> None:
        raise SanchoError(Text("休止", "out of reach"), "store_unavailable")

    monkeypatch.setattr(place.store, "save_shadow_answers", refuse)
    place.cases.shadow.work()
    assert place.cases.shadow.counts["dropped"] == 2
    assert place.answers() == without


def test_a_moment_that_a_model_was_trained_after_is_not_kept(place: Place):
    """Both models know how it went on; what they say of it proves nothing."""
    place.client.post("/v1/models/2/shadow")
    assert place.client.get(f"/v1/deals/D4?as_of=2026-11-01&period={PERIOD}").status_code == 200
    place.cases.shadow.work()
    assert place.store.shadow_answers("2") == []


def test_without_a_shadow_nothing_is_queued_and_the_end_of_it_is_told(place: Place):
    place.answers()
    assert place.cases.shadow.counts["waiting"] == 0
    told = place.client.get("/v1/models/shadow").json()
    assert (told["version"], told["report"]) == (None, None)
    assert "sancho models shadow VERSION" in told["text"]
    place.client.post("/v1/models/2/shadow")
    assert place.client.delete("/v1/models/shadow").json()["version"] is None
    place.answers()
    assert place.cases.shadow.counts["waiting"] == 0


def test_the_one_in_service_cannot_be_its_own_shadow(place: Place):
    refused = place.client.post("/v1/models/1/shadow")
    assert (refused.status_code, refused.json()["code"]) == (409, "is_champion")


def test_the_report_says_how_far_answers_differ_and_who_was_right(place: Place):
    place.client.post("/v1/models/2/shadow")
    first = place.client.get("/v1/models/shadow").json()
    schemas.ShadowState.model_validate(first)
    assert first["report"]["answers"] == 0
    assert "has not answered anything yet" in first["text"]
    place.answers()
    place.cases.shadow.work()
    told = place.client.get("/v1/models/shadow").json()
    schemas.ShadowState.model_validate(told)
    (row,) = place.store.shadow_answers("2")[:1]
    report = told["report"]
    assert (report["answers"], report["deals"], report["verdict"]) == (2, 2, None)
    assert report["difference_in_the_end"]["p50"] == pytest.approx(row.shadow_ever - row.ever, abs=0.05)
    assert report["stages"][0]["stage"] == "提案"
    assert "no outcome of these deals is known yet" in told["text"]


def test_once_the_period_is_over_the_answered_rows_are_compared(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """D4 is won within the period: what said more of it was right; one deal is too few for a verdict."""
    place.client.post("/v1/models/2/shadow")
    place.answers()
    place.cases.shadow.work()
    won = [{"deal_id": "D4", "stage": "受注", "closed_at": "2026-12-10", "outcome": "won"}]
    push_rows(place.store, "deals", won, TOKYO, now=as_of_instant("2026-12-10", TOKYO))
    later = as_of_instant("2027-01-31", TOKYO)
    monkeypatch.setattr("service.state_maker.as_of_instant", lambda *_: later)
    place.cases.serving.refresh(warm=False)
    told = place.client.get("/v1/models/shadow").json()["report"]
    (row,) = [one for one in place.store.shadow_answers("2") if one.deal_id == "D4"]
    assert (told["verdict"], told["outcome_rows"], told["outcome_deals"]) == ("cannot_tell", 1, 1)
    gap = np.log(row.by_end) - np.log(row.shadow_by_end)
    assert told["log_loss_difference"]["mean"] == pytest.approx(gap)
    assert gap < 0.0
