"""Does an organisation in three currencies get the answers of the same in one, and is a missing rate told?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from crm.eventlog import EventLog
from crm.importing import push_rows
from crm.instants import as_of_instant
from crm.store import Store
from service.app import create_app
from service.settings import Settings
from service.use_cases import UseCases
from tests.support.fakes import AS_OF, PERIOD, TOKYO, FakeRegistry, fake_bundle, small_store

NOW = as_of_instant("2026-11-19", TOKYO)
# Powers of two, so that an amount divided by its rate and taken back is the same to the last digit.
RATES = {"USD": 128.0, "EUR": 256.0}
ABROAD = {"D1": "USD", "D2": "USD", "D4": "EUR", "D5": "USD", "D7": "EUR"}
CONTRACTS = [
    {
        "contract_id": f"C{n}",
        "account_id": f"A{n}",
        "started_at": "2026-06-01",
        "monthly_amount": 1e5 * (n + 1),
    }
    for n in range(3)
]
Opener = Callable[..., TestClient]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opener]:
    """Opens services on stores: `abroad` re-expresses deals, a contract and a target in other currencies."""
    closing: list[Callable[[], None]] = []

    def client_of(
        abroad: bool, rates: dict[str, float] = RATES, deals: dict[str, str] = ABROAD
    ) -> TestClient:
        home = tmp_path / f"home{len(closing)}"
        home.mkdir()
        store = small_store(home / "store.db")
        push(store, "deals", [{"deal_id": f"D{n}", "account_id": f"A{n % 3}"} for n in range(8)])
        push(store, "contracts", CONTRACTS)
        if abroad:
            re_express(store, deals)
        at = "2026-04-01"
        push(store, "rates", [{"currency": code, "at": at, "rate": rate} for code, rate in rates.items()])
        log = store.read(TOKYO)
        return served(home, store, log, closing)

    yield client_of
    for close in closing:
        close()


def served(home: Path, store: Store, log: EventLog, closing: list[Callable[[], None]]) -> TestClient:
    cases = UseCases.open(Settings(home=home), store, FakeRegistry(fake_bundle(log)))  # type: ignore[arg-type]
    app = create_app(cases.settings, cases, warm=False)
    client = TestClient(app, raise_server_exceptions=False)
    client.headers["Authorization"] = f"Bearer {app.state.keys.create('money')}"
    client.headers["Accept-Language"] = "en"
    cases.serving.refresh(warm=False)
    closing += [cases.close, app.state.keys.close, store.close]
    return client


def push(store: Store, table: str, rows: list[dict[str, Any]]) -> None:
    result = push_rows(store, table, rows, TOKYO, now=NOW)
    assert not result.errors, result.errors


def re_express(store: Store, deals: dict[str, str]) -> None:
    changed = []
    for deal, code in deals.items():
        amount = 1e6 * (int(deal[1:]) + 1) / RATES.get(code, 1.0)
        changed.append({"deal_id": deal, "amount": amount, "currency": code})
    push(store, "deals", changed)
    push(store, "contracts", [{**CONTRACTS[1], "monthly_amount": 2e5 / RATES["USD"], "currency": "USD"}])
    target = {"metric": "revenue", "scope": "company", "period": PERIOD, "value": 2e7 / RATES["EUR"]}
    push(store, "targets", [{**target, "currency": "EUR"}])


QUESTIONS: list[tuple[str, str, Any]] = [
    ("GET", f"/forecasts/{PERIOD}?as_of={AS_OF}", None),
    ("GET", f"/kpis/{PERIOD}?as_of={AS_OF}", None),
    ("GET", f"/trees/{PERIOD}?as_of={AS_OF}", None),
    ("GET", f"/people/{PERIOD}?as_of={AS_OF}", None),
    ("GET", f"/deals?as_of={AS_OF}&period={PERIOD}", None),
    ("POST", "/plans", {"period": PERIOD, "probability": 0.9, "as_of": AS_OF}),
    ("POST", f"/forecasts/{PERIOD}/what-if", {"won": ["D4"], "lost": ["D5"], "as_of": AS_OF}),
    ("GET", f"/actions?as_of={AS_OF}", None),
]


def asked(client: TestClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
    response = client.request(method, f"/v1{path}", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_an_organisation_in_three_currencies_gets_the_answers_of_the_same_in_one(opened: Opener) -> None:
    one, three = opened(abroad=False), opened(abroad=True)
    for method, path, body in QUESTIONS:
        ours, theirs = asked(three, method, path, body), asked(one, method, path, body)
        assert ours == theirs, path
    assert asked(one, "GET", f"/forecasts/{PERIOD}?as_of={AS_OF}")["closed"] > 0


def test_an_insight_is_in_the_organisations_currency_and_keeps_the_original(opened: Opener) -> None:
    one, three = opened(abroad=False), opened(abroad=True)
    path = f"/deals/D4?as_of={AS_OF}&period={PERIOD}"
    ours, theirs = asked(three, "GET", path), asked(one, "GET", path)
    original = ours["revenue"].pop("original")
    assert theirs["revenue"].pop("original") is None
    assert ours == theirs
    assert original == {
        "amount": 5e6 / 256, "currency": "EUR", "rate": 256, "rate_at": "2026-04-01T00:00:00+09:00",
    }  # fmt: skip


def sent(
    amount: float, currency: str | None = None, events: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    deal = {"deal_id": "NEW", "created_at": "2026-10-05", "stage": "提案", "amount": amount}
    deal |= {} if currency is None else {"currency": currency}
    return {"deal": deal, "events": events or [], "as_of": AS_OF, "period": PERIOD}


def raised(old: float, new: float) -> list[dict[str, Any]]:
    return [{"at": "2026-10-20", "field": "amount", "value": str(new), "old_value": str(old)}]


def test_a_sent_deal_counts_at_the_newest_rate_its_history_too(opened: Opener) -> None:
    client = opened(abroad=False)
    plain = asked(client, "POST", "/deals/score", sent(6_400_000, None, raised(3_200_000, 6_400_000)))
    for written in ("USD", "ドル"):
        body = sent(50_000, written, raised(25_000, 50_000))
        abroad = asked(client, "POST", "/deals/score", body)
        original = abroad["revenue"].pop("original")
        assert (original["amount"], original["currency"], original["rate"]) == (50_000, "USD", 128)
        assert abroad == plain | {"revenue": abroad["revenue"]}
        assert abroad["revenue"] == {k: v for k, v in plain["revenue"].items() if k != "original"}


def test_a_sent_deal_without_a_rate_brings_nothing_and_says_so(opened: Opener) -> None:
    client = opened(abroad=False)
    answer = asked(client, "POST", "/deals/score", sent(50_000, "GBP"))
    assert (answer["revenue"]["expected"], answer["revenue"]["p90"]) == (0, 0)
    assert answer["revenue"]["original"] == {
        "amount": 50_000,
        "currency": "GBP",
        "rate": None,
        "rate_at": None,
    }
    (told,) = [each["message"] for each in answer["warnings"] if each["code"] == "missing_rate"]
    assert "50,000 GBP" in told
    assert answer["attainment"]["if_won_pp"] == 0


def test_a_sent_deal_in_no_currency_is_refused(opened: Opener) -> None:
    response = opened(abroad=False).post("/v1/deals/score", json=sent(50_000, "千円"))
    assert (response.status_code, response.json()["code"]) == (422, "bad_currency")


def test_assumptions_may_be_in_other_currencies(opened: Opener) -> None:
    client = opened(abroad=False)
    path = f"/forecasts/{PERIOD}/what-if"
    repriced = {"deal_id": "D4", "amount": 2**22}
    target = {"scope": "company", "value": 2**24}
    plain = asked(client, "POST", path, {"repriced": [repriced], "targets": [target], "as_of": AS_OF})
    abroad = {
        "repriced": [{**repriced, "amount": 2**22 / 128, "currency": "usd"}],
        "targets": [{**target, "value": 2**24 / 256, "currency": "€"}],
        "as_of": AS_OF,
    }
    assert asked(client, "POST", path, abroad) == plain
    refused = client.post(f"/v1{path}", json={"targets": [{**target, "currency": "GBP"}], "as_of": AS_OF})
    assert (refused.status_code, refused.json()["code"]) == (422, "missing_rate")


def test_what_has_no_rate_is_in_no_answers_sums_and_every_one_names_it(opened: Opener) -> None:
    without = {"D2": "GBP", "D4": "GBP"}
    client = opened(abroad=True, deals=without)
    one = opened(abroad=False)
    path = f"/forecasts/{PERIOD}?as_of={AS_OF}"
    forecast, before = asked(client, "GET", path), asked(one, "GET", path)
    assert forecast["closed"] == before["closed"] - 3e6
    (deal,) = [each for each in forecast["deals"] if each["deal_id"] == "D4"]
    assert deal["amount"] == 0
    for method, question, body in QUESTIONS:
        warnings = asked(client, method, question, body)["warnings"]
        (told,) = [each["message"] for each in warnings if each["code"] == "missing_rate"]
        assert "Deals 8,000,000 GBP (2)" in told
    scores = {each["deal_id"]: each for each in asked(client, "GET", QUESTIONS[4][1])["deals"]}
    assert (scores["D4"]["expected_revenue"], scores["D4"]["revenue_p90"]) == (0, 0)
    assert scores["D4"]["win_probability"] > 0
    size = next(each for each in asked(client, "GET", QUESTIONS[1][1])["kpis"] if each["kpi"] == "deal_size")
    assert size["value"] == 1e6  # of the one won deal that has a rate


def test_a_model_in_another_currency_must_be_trained_anew(tmp_path: Path) -> None:
    store = small_store(tmp_path / "store.db")
    bundle = fake_bundle(store.read(TOKYO))
    push(store, "organisation", [{"organisation_id": "company", "currency": "USD"}])
    cases = UseCases.open(Settings(home=tmp_path), store, FakeRegistry(bundle))  # type: ignore[arg-type]
    with pytest.raises(Exception, match="is USD at this moment, but the model was trained in JPY"):
        cases.serving.refresh()
    cases.close()


def test_other_rates_than_in_training_are_told(opened: Opener) -> None:
    client = opened(abroad=True)
    headers = {"Content-Type": "application/json"}
    organisation = [{"organisation_id": "company", "rate_kind": "internal"}]
    assert client.put("/v1/tables/organisation", json=organisation, headers=headers).status_code == 200
    rates = [{"currency": c, "kind": "internal", "at": "2026-04-01", "rate": r} for c, r in RATES.items()]
    assert client.put("/v1/tables/rates", json=rates, headers=headers).status_code == 200
    client.app.state.use_cases.serving.refresh()  # type: ignore[attr-defined]
    answer = asked(client, "GET", f"/forecasts/{PERIOD}")
    assert "rates_changed" in [each["code"] for each in answer["warnings"]]


def test_a_new_rate_changes_no_earlier_answer_and_no_closed_revenue_but_what_open_deals_are_worth(
    opened: Opener,
) -> None:
    client = opened(abroad=True)
    early, late = "2026-11-10", AS_OF
    questions = [f"/forecasts/{PERIOD}", "/deals", "/deals/D5", f"/kpis/{PERIOD}"]
    before = [asked(client, "GET", f"{path}?as_of={early}") for path in questions]
    closed = asked(client, "GET", f"/forecasts/{PERIOD}?as_of={late}")["closed"]
    open_before = asked(client, "GET", f"/deals/D5?as_of={late}")["revenue"]["p50"]
    rate = {"currency": "USD", "at": "2026-11-15", "rate": 256.0}
    assert client.put("/v1/tables/rates", json=[rate]).status_code == 200
    client.app.state.use_cases.serving.refresh()  # type: ignore[attr-defined]
    assert [asked(client, "GET", f"{path}?as_of={early}") for path in questions] == before
    assert asked(client, "GET", f"/forecasts/{PERIOD}?as_of={late}")["closed"] == closed
    revenue = asked(client, "GET", f"/deals/D5?as_of={late}")["revenue"]
    assert revenue["p50"] == pytest.approx(2 * open_before, rel=1e-12)
    assert revenue["original"]["rate_at"] == "2026-11-15T00:00:00+09:00"
