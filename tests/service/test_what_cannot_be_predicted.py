"""Does an answer itself say how little it knows: a deal sent as ended, an unknown stage, old data?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from crm.i18n import LANGUAGES
from crm.instants import DAY, as_of_instant
from models.bundle import Bundle
from service import messages
from service.app import create_app
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

DEAL = {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案"}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UseCases]:
    home = tmp_path_factory.mktemp("little")
    store = small_store(home / "store.db")
    registry = FakeRegistry(fake_bundle(store.read(TOKYO)))
    found = UseCases.open(Settings(home=home), store, registry)  # type: ignore[arg-type]
    found.serving.refresh(warm=False)
    yield found
    found.close()
    store.close()


@pytest.fixture(scope="module")
def client(cases: UseCases) -> Iterator[TestClient]:
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('little')}"
    yield client
    app.state.keys.close()


def ask(client: TestClient, deal: dict[str, Any], lang: str = "en", as_of: str = AS_OF, **more: Any) -> Any:
    body = {"deal": {**DEAL, **deal}, "as_of": as_of, **more}
    return client.post("/v1/deals/score", json=body, headers={"Accept-Language": lang})


def codes(answer: Any) -> list[str]:
    return [warning["code"] for warning in answer.json()["warnings"]]


MOVED = {"at": "2026-10-20", "field": "stage", "value": "受注", "old_value": "提案"}


@pytest.mark.parametrize(
    ("deal", "more"),
    [
        ({"outcome": "won", "closed_at": "2026-11-01"}, {}),
        ({"outcome": "lost", "closed_at": "2026-11-01"}, {}),
        ({"stage": "受注", "closed_at": "2026-11-01"}, {}),
        ({"stage": "受注"}, {}),
        ({"stage": "失注"}, {}),
        ({}, {"events": [MOVED]}),
        ({"stage": "受注"}, {"events": [MOVED]}),
    ],
)
def test_a_deal_sent_as_ended_is_refused_as_a_stored_one_is(client: TestClient, deal: Any, more: Any):
    english, japanese = (ask(client, deal, lang, **more) for lang in ("en", "ja"))
    assert (english.status_code, english.json()["code"]) == (422, "deal_closed")
    assert "only an open deal has something left to predict" in english.json()["detail"]
    assert "予測できるのは進行中の商談だけです" in japanese.json()["detail"]


@pytest.mark.parametrize(
    ("deal", "more"),
    [
        ({"outcome": "won", "closed_at": "2026-11-01"}, {}),
        ({"stage": "受注", "closed_at": "2026-11-01"}, {}),
    ],
)
def test_before_its_ending_a_deal_sent_as_ended_was_open(client: TestClient, deal: Any, more: Any):
    answer = ask(client, deal, as_of="2026-10-15", **more)
    assert answer.status_code == 200, answer.text


def test_an_outcome_without_its_day_is_asked_for(client: TestClient):
    answer = ask(client, {"outcome": "won"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["location"] == "deal.closed_at"


def test_a_stage_the_organisation_does_not_have_is_named_in_the_answer(client: TestClient):
    answer = ask(client, {"stage": "見積もり"})
    assert "unknown_stage" in codes(answer)
    (text,) = [one["message"] for one in answer.json()["warnings"] if one["code"] == "unknown_stage"]
    assert "'見積もり'" in text
    assert "known: アポイント, 提案" in text
    japanese = ask(client, {"stage": "見積もり"}, "ja").json()["warnings"]
    assert any(
        "ステージ「見積もり」は登録されていません（登録済み：アポイント、提案" in one["message"]
        for one in japanese
    )
    assert "unknown_stage" not in codes(ask(client, {}))


def not_having_learned(bundle: Bundle, stage: str) -> Bundle:
    """The same model, of a time when no deal had been in a stage."""
    rates = bundle.win.rates
    share = np.ones_like(rates.share)
    code = float(bundle.levels["stage"].index(stage))
    share[np.flatnonzero(rates.stages == code)] = 0.0
    return replace(bundle, win=replace(bundle.win, rates=replace(rates, share=share / share.sum())))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_stage_that_no_deal_was_in_is_named_in_every_answer_it_matters_to(
    cases: UseCases, client: TestClient, monkeypatch: pytest.MonkeyPatch, lang: str
):
    state = cases.serving.current()
    rows = client.get(f"/v1/deals?as_of={AS_OF}&period={PERIOD}").json()["deals"]
    deal_id = rows[0]["deal_id"]
    deals = state.log["deals"].set_index("deal_id")
    stage = str(deals.loc[deal_id, "stage"])
    changed = replace(state, bundle=not_having_learned(state.bundle, stage), caches=type(state.caches)())
    monkeypatch.setattr(cases.serving, "_state", changed)
    head = {"Accept-Language": lang}
    for path in (
        f"/v1/deals?as_of={AS_OF}&period={PERIOD}",
        f"/v1/deals/{deal_id}?as_of={AS_OF}&period={PERIOD}",
        f"/v1/forecasts/{PERIOD}?as_of={AS_OF}",
    ):
        found = client.get(path, headers=head).json()["warnings"]
        (text,) = [one["message"] for one in found if one["code"] == "unknown_stage"]
        assert stage in text
    assert "unknown_stage" in codes(ask(client, {"stage": stage}, lang))
    other = next(row["deal_id"] for row in rows if str(deals.loc[row["deal_id"], "stage"]) != stage)
    assert "unknown_stage" not in codes(client.get(f"/v1/deals/{other}?as_of={AS_OF}&period={PERIOD}"))


def test_data_that_are_old_are_called_old_and_the_way_out_is_named(client: TestClient):
    assert "data_old" not in codes(client.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}"))
    late = client.get("/v1/forecasts/2027-Q1?as_of=2027-01-15", headers={"Accept-Language": "en"})
    (text,) = [one["message"] for one in late.json()["warnings"] if one["code"] == "data_old"]
    assert "--as-of 2026-" in text
    assert "stage-rate table" not in text
    far = client.get("/v1/forecasts/2028-Q1?as_of=2028-01-15", headers={"Accept-Language": "en"})
    (text,) = [one["message"] for one in far.json()["warnings"] if one["code"] == "data_old"]
    assert "those of the stage-rate table" in text


def test_far_beyond_the_data_the_stage_table_answers(cases: UseCases):
    state = cases.serving.current()
    far = state.newest_deal_record + int((state.bundle.win.windows.longest_days + 1) * DAY)
    assert state.bundle_at(far).win.is_table
    assert state.bundle_at(far) is state.bundle_at(far + DAY)
    assert state.bundle_at(state.newest_deal_record + 30 * DAY) is state.bundle


def test_a_model_that_has_learned_all_there_is_is_not_told_to_train_again():
    newest = as_of_instant("2026-01-10", TOKYO)
    moment = newest + 200 * DAY
    told = dict(messages.age_warnings(newest + 1, newest, moment, TOKYO))
    assert list(told) == ["data_old"]
    assert "200日前" in told["data_old"].ja
    assert "sancho import" in told["data_old"].en
    assert list(dict(messages.age_warnings(newest - 100 * DAY, newest, moment, TOKYO))) == [
        "data_old",
        "model_old",
    ]
    assert list(dict(messages.age_warnings(newest - 100 * DAY, moment, moment, TOKYO))) == ["model_old"]
    assert messages.age_warnings(newest, newest, newest + DAY, TOKYO) == []


@pytest.mark.parametrize("as_of", ["9999-12-31", "9999-12-31T23:59:59+00:00", "0001-01-01"])
def test_a_moment_in_no_calendar_is_an_error_of_the_request(client: TestClient, as_of: str):
    for answer in (ask(client, {}, as_of=as_of), client.get("/v1/deals", params={"as_of": as_of})):
        assert answer.status_code == 422, answer.text
        assert answer.json()["code"] in ("bad_as_of", "bad_period", "created_after_as_of")


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_a_date_in_no_calendar_is_no_error_of_the_service(client: TestClient, day: str):
    for body in (
        {"expected_close_date": day},
        {"created_at": day},
        {"closed_at": day, "outcome": "won"},
    ):
        assert ask(client, body).status_code in (200, 422), body
    for row in (
        {"at": day, "field": "stage", "value": "提案"},
        {"at": "2026-10-20", "field": "expected_close_date", "value": day},
    ):
        assert ask(client, {}, events=[row]).status_code in (200, 422), row
    assert ask(client, {}, activities=[{"at": day, "kind": "call"}]).status_code in (200, 422)
