"""Is what a request is taken for without the full checks what the full checks would have made of it?"""

from __future__ import annotations

import copy
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from crm.instants import as_of_instant
from features import History, compile_history
from service import live_request
from service.live_request import read_request
from service.request_error import RequestError
from service.schemas import ScoreRequest
from tests.support.fakes import AS_OF, TOKYO, fake_bundle, small_store

MOMENT = as_of_instant(AS_OF, TOKYO)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    store = small_store(Path(tmp_path_factory.mktemp("sent")) / "store.db")
    try:
        log = store.read(TOKYO)
        bundle = fake_bundle(log)
        return compile_history(log, bundle.calendar, bundle.levels)
    finally:
        store.close()


def request(**more: Any) -> dict[str, Any]:
    deal = {
        "deal_id": "X",
        "created_at": "2026-10-01",
        "stage": "提案",
        "amount": 1e6,
        **more.pop("deal", {}),
    }
    return {"deal": deal, **more}


def event(field: str, value: str | None, old_value: str | None = None) -> dict[str, Any]:
    return {"at": "2026-10-09T10:00", "field": field, "value": value, "old_value": old_value}


SOUND = {
    "bare": request(),
    "amounts": request(events=[event("amount", "1200000", "900000.50"), event("amount", "7")]),
    "days": request(events=[event("expected_close_date", "2026-12-01", "2026-11-30")]),
    "types": request(events=[event("deal_type", "renewal", "new")]),
    "own fields": request(events=[event("予算確認", "確認済", "未確認")], deal={"予算確認": "確認済"}),
    "kinds by name": request(
        activities=[{"at": "2026-10-03", "kind": "電話"}, {"at": "2026-10-04", "kind": "点検"}]
    ),
    "an account": request(deal={"account_id": "C1"}, account={"account_id": "C1", "industry": "製造業"}),
}  # fmt: skip
DOUBTFUL = {
    "a group or a decimal": request(events=[event("amount", "1.234")]),
    "words": request(events=[event("amount", "120万円")]),
    "below nothing": request(events=[event("amount", "-5")]),
    "no day": request(events=[event("expected_close_date", "2026-02-30")]),
    "a day in another form": request(events=[event("expected_close_date", "2026/12/1")]),
    "a type by its name": request(events=[event("deal_type", "新規")]),
    "a field by its label": request(events=[event("金額", "1200000")]),
    "an end": request(deal={"closed_at": "2026-12-01"}),
    "lost digits": request(deal={"owner_id": "4.87688E+18"}),
    "a control character": request(deal={"name": "a\0b"}),
    "no result": request(deal={"name": "\N{OBJECT REPLACEMENT CHARACTER}#N/A"}),
    "far away": request(activities=[{"at": "2027-10-03", "kind": "call"}]),
    "a column by its label": request(deal={"受注予定日": "2026-12-01"}),
}


def was_checked(monkeypatch: pytest.MonkeyPatch, body: dict[str, Any], history: History) -> bool:
    """Whether a request went through the full checks."""
    calls = []
    check = live_request._check
    monkeypatch.setattr(live_request, "_check", lambda *given: (calls.append(1), check(*given))[1])
    with suppress(RequestError):
        read_request(ScoreRequest.model_validate(body), history, MOMENT, TOKYO)
    monkeypatch.undo()
    return bool(calls)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_request_is_read_as_the_full_checks_would_read_it(
    monkeypatch: pytest.MonkeyPatch, history: History, name: str
):
    asked = ScoreRequest.model_validate(SOUND[name])
    assert not was_checked(monkeypatch, SOUND[name], history)
    quick, created, _ = read_request(asked, history, MOMENT, TOKYO)
    monkeypatch.setattr(live_request, "_needs_no_check", lambda *_: False)
    checked, then, _ = read_request(copy.deepcopy(asked), history, MOMENT, TOKYO)
    assert created == then
    for part in ("stage", "amount", "close", "activities"):
        pairs = zip(getattr(quick.deals, part), getattr(checked.deals, part), strict=True)
        for one, other in pairs:
            assert one.tobytes() == other.tobytes(), part
    for one, other in zip(quick.attributes, checked.attributes, strict=True):
        assert one.track.value.tobytes() == other.track.value.tobytes()


@pytest.mark.parametrize("name", DOUBTFUL)
def test_what_only_the_full_checks_can_judge_goes_through_them(
    monkeypatch: pytest.MonkeyPatch, history: History, name: str
):
    assert was_checked(monkeypatch, DOUBTFUL[name], history)
