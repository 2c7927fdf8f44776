"""Does every answer go by one calendar, that of the organisation as known at its moment?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.errors import SanchoError
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.organisation import COMPANY, Organisation
from crm.store import Store
from service import organisation
from service.app import create_app
from service.cli import run
from service.schemas import CheckRequest, PlanRequest, ScoreRequest, WhatIfRequest
from service.settings import Settings, read_settings
from service.use_cases import UseCases
from tests.support.fakes import TOKYO, FakeRegistry, fake_bundle, small_store

CHANGE = as_of_instant("2026-11-10", TOKYO)
BEFORE, AFTER = "2026-11-09", "2026-11-15"
JULY, OCTOBER = "2026-07-01..2026-09-30", "2026-10-01..2026-12-31"


def _days(answer: dict[str, Any]) -> str:
    """The days of a forecast's period, from where its history of wins begins to where it ends."""
    return f"{answer['pace'][0]['date'][:7]}..{answer['pace'][-1]['date']}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[UseCases]:
    """An organisation that worked by April, with a model of that time; from the change on by January."""
    store = small_store(tmp_path / "store.db")
    targets = [
        {"metric": "revenue", "scope": "company", "period": period, "value": value}
        for period, value in (("FY2026-Q3", 3e7), ("FY2026-Q4", 4e7))
    ]
    push_rows(store, "targets", targets, TOKYO, now=as_of_instant("2026-11-02", TOKYO))
    row = {"organisation_id": COMPANY, **vars(Organisation())}
    push_rows(store, "organisation", [row], TOKYO, now=as_of_instant("2026-11-01", TOKYO))
    bundle = fake_bundle(store.read(TOKYO))
    push_rows(
        store, "organisation", [{"organisation_id": COMPANY, "fiscal_start_month": 1}], TOKYO, now=CHANGE
    )
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path / 'store.db'}")
    answers = UseCases.open(settings, store, FakeRegistry(bundle))  # type: ignore[arg-type]
    answers.serving.refresh()
    yield answers
    answers.close()


@pytest.mark.parametrize(("as_of", "first"), [(BEFORE, "2026-10"), (AFTER, "2026-07")])
def test_a_fiscal_quarter_is_the_same_days_in_every_answer(service: UseCases, as_of: str, first: str) -> None:
    name, target = "FY2026-Q3", 3e7
    forecast = service.forecasts.forecast(name, "company", as_of, "en")
    assert forecast["pace"][0]["date"].startswith(first)
    assert forecast["target"] == target
    same_days = "2026-Q4" if first == "2026-10" else "2026-Q3"
    under_another_name = service.forecasts.forecast(same_days, "company", as_of, "en")
    assert [point["date"] for point in forecast["pace"]] == [
        point["date"] for point in under_another_name["pace"]
    ]
    assert forecast["revenue"] == under_another_name["revenue"]
    assert forecast["components"] == under_another_name["components"]
    (revenue,) = (
        r for r in service.goals.kpis(name, "company", as_of, "en")["kpis"] if r["kpi"] == "revenue"
    )
    assert revenue["target"] == target
    assert revenue["value"] == forecast["closed"]
    tree = service.goals.tree(name, "company", as_of, "en")
    assert tree["goal"]["target"] == target
    what_if = service.forecasts.what_if(name, WhatIfRequest(scope="company", as_of=as_of), "en")
    assert what_if["before"]["revenue"]["mean"] == pytest.approx(forecast["revenue"]["mean"])
    deals = service.deals.list_deals("company", as_of, name, "-win_by_period_end", None, None, "en")["deals"]
    under = service.deals.list_deals("company", as_of, same_days, "-win_by_period_end", None, None, "en")
    assert [deal["win_by_period_end"] for deal in deals] == [
        deal["win_by_period_end"] for deal in under["deals"]
    ]
    plan = service.goals.plan(PlanRequest(period=name, as_of=as_of, probability=0.5), "en")
    assert plan["period"] == name


def test_an_answer_before_the_change_goes_by_what_was_known_then_and_later_ones_warn(
    service: UseCases,
) -> None:
    codes = {
        as_of: [
            warning["code"]
            for warning in service.forecasts.forecast("2026-Q4", "company", as_of, "en")["warnings"]
        ]
        for as_of in (BEFORE, AFTER)
    }
    assert organisation.CALENDAR_CHANGED not in codes[BEFORE]
    assert codes[AFTER].count(organisation.CALENDAR_CHANGED) == 1


@pytest.mark.parametrize(
    ("word", "as_of", "name"),
    [
        ("this-quarter", AFTER, "2026-Q4"),
        ("next-quarter", AFTER, "2027-Q1"),
        ("this-month", AFTER, "2026-11"),
        ("this-year", AFTER, "FY2026"),
        ("this-quarter", "2026-09-30", "2026-Q3"),
        ("This-Quarter", "2026-09-30T23:59:59", "2026-Q3"),
    ],
)
def test_words_name_a_period_by_the_moment(service: UseCases, word: str, as_of: str, name: str) -> None:
    answer = service.forecasts.forecast(word, "company", as_of, "en")
    assert answer["period"] == name
    assert answer["revenue"] == service.forecasts.forecast(name, "company", as_of, "en")["revenue"]
    if as_of == AFTER:
        for other in (
            service.goals.kpis(word, "company", as_of, "en"),
            service.goals.people(word, "company", as_of, "en"),
            service.forecasts.what_if(word, WhatIfRequest(scope="company", as_of=as_of), "en"),
        ):
            assert other["period"] == name


def test_this_year_is_the_fiscal_year_known_at_the_moment(service: UseCases) -> None:
    then, now = (service.forecasts.forecast("this-year", "company", at, "en") for at in (BEFORE, AFTER))
    assert (then["period"], then["pace"][-1]["date"]) == ("FY2026", "2027-03-31")
    assert (now["period"], now["pace"][-1]["date"]) == ("FY2026", "2026-12-31")


def test_words_work_by_rest_and_in_a_request_body(service: UseCases) -> None:
    app = create_app(service.settings, service, warm=False)
    client = TestClient(app)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('test')}"
    answer = client.get(f"/v1/forecasts/this-quarter?as_of={AFTER}")
    assert (answer.status_code, answer.json()["period"]) == (200, "2026-Q4")
    deal = {"deal_id": "N", "created_at": "2026-11-01", "stage": "提案", "amount": 1e6}
    sent = {"deal": deal, "period": "next-quarter", "as_of": AFTER}
    assert client.post("/v1/deals/score", json=sent).json()["attainment"]["period"] == "2027-Q1"
    wrong = client.get("/v1/forecasts/last-quarter", headers={"Accept-Language": "en"})
    assert (wrong.status_code, "this-quarter" in wrong.json()["detail"]) == (422, True)
    check = CheckRequest.model_validate(
        {
            "proposals": [{"kpi": "won", "scope": "company", "value": 3, "period": "this-quarter"}],
            "as_of": AFTER,
        }
    )
    assert service.goals.check_kpis(check, "en")["proposals"][0]["smart"]["time_bound"]["ok"]


def test_a_change_by_rest_says_what_follows_and_the_next_answer_goes_by_it(service: UseCases) -> None:
    app = create_app(service.settings, service, warm=False)
    client = TestClient(app)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('test')}"
    client.headers["Accept-Language"] = "en"
    row = json.dumps({"organisation_id": COMPANY, "fiscal_start_month": 7, "country": "DE"})
    put = client.put("/v1/tables/organisation", content=row, headers={"Content-Type": "application/x-ndjson"})
    told = " ".join(warning["message"] for warning in put.json()["warnings"])
    assert "month of the fiscal year 1 → 7" in told
    assert "business days (public holidays)" in told
    wrong = json.dumps({"organisation_id": COMPANY, "fiscal_start_month": 13})
    refused = client.put(
        "/v1/tables/organisation", content=wrong, headers={"Content-Type": "application/x-ndjson"}
    ).json()
    assert (refused["quarantined"], "1 to 12" in refused["errors"][0]["reason"]) == (1, True)
    service.serving.refresh()
    answer = service.forecasts.forecast("FY2027-Q1", "company", None, "en")
    assert answer["pace"][-1]["date"] == "2027-09-30"
    assert [warning["code"] for warning in answer["warnings"]].count(organisation.CALENDAR_CHANGED) == 2


def test_another_currency_says_so_and_is_a_reason_to_retrain(service: UseCases) -> None:
    row = {"organisation_id": COMPANY, "currency": "米ドル"}
    result = push_rows(service.serving.store, "organisation", [row], TOKYO)
    told = " ".join(notice.en for notice in result.notices)
    assert "Currency JPY → USD" in told
    assert "does not answer (currency_changed)" in told
    assert "calendar_changed" not in told
    bundle, now = service.serving.current().bundle, service.serving.store.read(TOKYO).organisation
    with pytest.raises(SanchoError) as refused:
        service.serving.refresh()
    assert refused.value.code == "currency_changed"
    reasons = [text.en for text in organisation.reasons_to_retrain(bundle, now)]
    assert [("USD" in text, "fiscal year" in text) for text in reasons] == [(False, True), (True, False)]


def test_a_sent_deals_naive_times_are_in_the_zone_known_at_the_moment(service: UseCases) -> None:
    row = {"organisation_id": COMPANY, "time_zone": "America/New_York"}
    push_rows(service.serving.store, "organisation", [row], TOKYO, now=as_of_instant("2026-11-16", TOKYO))
    service.serving.refresh()
    deal = {"deal_id": "N", "created_at": "2026-11-17T20:00:00", "stage": "提案"}
    request = ScoreRequest.model_validate({"deal": deal, "as_of": "2026-11-17"})
    answer = service.deals.score_deal(request, "en")
    assert answer["as_of"] == "2026-11-18T00:00:00-05:00"
    assert answer["win"]["curve"][0]["date"] >= "2026-11-18"


def test_settings_that_somebody_made_and_that_do_not_hold_are_told(tmp_path: Path) -> None:
    same = organisation.disagreements(
        Settings(home=tmp_path, fiscal_start_month=1), Organisation(fiscal_start_month=1)
    )
    assert same == []
    assert organisation.disagreements(Settings(home=tmp_path), Organisation(fiscal_start_month=1)) == []
    found = organisation.disagreements(
        Settings(home=tmp_path, fiscal_start_month=7, timezone="Europe/Berlin"),
        Organisation(fiscal_start_month=1),
    )
    assert [code for code, _ in found] == [organisation.SETTINGS_DIFFER] * 2
    assert "SANCHO_FISCAL_START_MONTH = 7 is not used" in found[0][1].en
    assert "`sancho organisation --time-zone Europe/Berlin`" in found[1][1].en


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "deals.csv").write_text("deal_id,created_at,stage\nD1,2026-01-05,アポイント\n", "utf-8")
    return tmp_path / "home"


def _shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["organisation", *arguments, "--json", "--lang", "en"]) == 0
    shown: dict[str, Any] = json.loads(capsys.readouterr().out)
    return shown


def test_the_command_shows_and_changes_the_organisation(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "deals.csv"]) == 0
    before = _shown(capsys)
    assert before["organisation"] == vars(Organisation())
    assert set(before["known_from"].values()) == {None}
    changed = _shown(capsys, "--fiscal-start-month", "1", "--deal-word", "案件")
    assert changed["organisation"] == vars(Organisation(fiscal_start_month=1, deal_word="案件"))
    assert changed["known_from"]["fiscal_start_month"] is not None
    assert changed["known_from"]["country"] is None
    assert "must be trained anew" in changed["warnings"][2]["message"]
    again = _shown(capsys, "--fiscal-start-month", "1")
    assert "Nothing changed" in again["warnings"][0]["message"]
    assert _shown(capsys, "--as-of", "2026-02-01")["organisation"] == vars(Organisation())
    missing = _shown(capsys, "--rank-column", "確度")
    assert "No deal has a column '確度' yet" in missing["warnings"][-1]["message"]
    assert run(["organisation", "--lang", "ja"]) == 0
    shown = capsys.readouterr().out
    assert "期首月" in shown
    assert "案件" in shown


def test_the_command_refuses_what_does_not_exist_in_one_sentence(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "deals.csv"]) == 0
    for option, value in (
        ("--fiscal-start-month", "13"), ("--time-zone", "Asia/Nowhere"), ("--country", "XX"),
        ("--currency", "XYZ"), ("--rate-kind", "guess"),
    ):  # fmt: skip
        capsys.readouterr()
        assert run(["organisation", option, value, "--lang", "en"]) == 1
        told = capsys.readouterr().err
        assert f"{option} {value}" in told
        assert "Traceback" not in told
    with Store.open(read_settings().store_url) as store:
        assert store.read(TOKYO).organisation == Organisation()
        assert store.quarantine().empty, "nothing was pushed"


def test_a_command_says_which_of_two_truths_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "deals.csv"]) == 0
    monkeypatch.setenv("SANCHO_FISCAL_START_MONTH", "1")
    capsys.readouterr()
    assert run(["import", "deals.csv", "--lang", "en"]) == 0
    sentence = "SANCHO_FISCAL_START_MONTH = 1 is not used"
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert run(["doctor", "--json", "--lang", "en"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert any(sentence in check["detail"] and not check["ok"] for check in checks)
    assert _shown(capsys)["warnings"][0]["code"] == organisation.SETTINGS_DIFFER
