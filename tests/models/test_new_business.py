"""Is business not yet created foreseen from past periods at the same point, by person, and stored soundly?"""

from __future__ import annotations

import json
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import start_of_day
from crm.periods import parse_period, previous
from features.calendar import Calendar
from models.forecast.new_business import NewBusiness
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree

TOKYO = ZoneInfo("Asia/Tokyo")
PEOPLE = pd.DataFrame(
    {
        "person_id": ["ann", "bob", "cid", "gone"],
        "team_id": ["north", "north", "south", "south"],
        "active_from": ["2020-01-01"] * 4,
        "active_to": [None, None, None, "2025-06-30"],
    }
)


def steady(per_day: float = 2.0, seed: int = 1, cycle_days: int = 20, growth: float = 0.0) -> EventLog:
    """Deals each working day from 2023 to 2026-09, half of them won after `cycle_days`; ann sells most."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in pd.bdate_range("2023-01-02", "2026-09-30"):
        years = (day - pd.Timestamp("2023-01-02")).days / 365.25
        for _ in range(rng.poisson(per_day * (1 + growth) ** years)):
            closed = day + timedelta(days=int(rng.gamma(4, cycle_days / 4)))
            owner = str(rng.choice(["ann", "bob", "cid", "gone"], p=[0.5, 0.25, 0.2, 0.05]))
            if owner == "gone" and day > pd.Timestamp("2025-06-30"):
                owner = "bob"
            over = closed <= pd.Timestamp("2026-09-30")
            outcome = ("won" if rng.random() < 0.5 else "lost") if over else None
            rows.append((day, owner, outcome, closed if over else None, rng.lognormal(13, 0.5)))
    columns = ["created_at", "owner_id", "outcome", "closed_at", "amount"]
    deals = pd.DataFrame(rows, columns=columns).assign(stage="提案・見積")
    deals["deal_id"] = [f"D{number}" for number in range(len(deals))]
    deals["created_at"] = pd.to_datetime(deals["created_at"]) + pd.Timedelta(hours=10)
    deals["closed_at"] = pd.to_datetime(deals["closed_at"]) + pd.Timedelta(hours=15)
    return EventLog.of({"deals": deals, "people": PEOPLE}, TOKYO)


@pytest.fixture(scope="module")
def log() -> EventLog:
    return steady()


def at(text: str) -> int:
    return start_of_day(date.fromisoformat(text), TOKYO)


def fitted(log: EventLog, as_of: str = "2026-10-01") -> NewBusiness:
    return NewBusiness.fit(log.as_of(at(as_of)), at(as_of), Calendar(TOKYO))


def drawn(rates: NewBusinessRates, scenarios: int) -> np.ndarray:
    rate = rates.draw_rates(np.ones((len(rates.mean), scenarios)), np.random.default_rng(1))
    return rates.draw_revenue(rate, 1)[0]


def wins_in(log: EventLog, created_from: int, first: int, end: int) -> int:
    """Referee: count in the log itself."""
    deals = log["deals"]
    created = deals["created_at"].astype("int64")
    closed = deals["closed_at"]
    inside = closed.notna() & (created >= created_from)
    inside &= (closed.astype("int64") >= first) & (closed.astype("int64") < end)
    return int((inside & (deals["outcome"] == "won")).sum())


def test_a_steady_year_goes_on(log: EventLog) -> None:
    model, tree = fitted(log), ScopeTree.of(log)
    period = parse_period("2026-Q4")
    rates = model.rates(log, tree, at("2026-10-01"), period)
    before = [previous(period, number) for number in range(1, 9)]
    seen = [wins_in(log, p.start(TOKYO), p.start(TOKYO), p.end(TOKYO)) for p in before]
    assert rates.mean.sum() == pytest.approx(np.mean(seen), rel=0.12)


def test_half_way_through_fewer_are_to_come_than_the_share_of_days_left(log: EventLog) -> None:
    model, tree, period = fitted(log), ScopeTree.of(log), parse_period("2026-Q4")
    whole = model.rates(log, tree, at("2026-10-01"), period).mean.sum()
    late = model.rates(log, tree, at("2026-11-16"), period).mean.sum()
    last_week = model.rates(log, tree, at("2026-12-25"), period).mean.sum()
    assert 0 < last_week < late < whole / 2


@pytest.mark.parametrize("period", ["2026-Q3", "2026-Q1", "2025-11"])
def test_a_past_period_brings_nothing_new(log: EventLog, period: str) -> None:
    rates = fitted(log).rates(log, ScopeTree.of(log), at("2026-10-01"), parse_period(period))
    assert rates.mean.sum() == 0
    draws = drawn(rates, 8)
    assert (draws == 0).all()


def test_a_period_to_come_counts_only_what_is_won_in_it(log: EventLog) -> None:
    rates = fitted(log).rates(log, ScopeTree.of(log), at("2026-10-01"), parse_period("2026-12"))
    past = previous(parse_period("2026-12"), 12)
    seen = wins_in(log, at("2025-10-01"), past.start(TOKYO), past.end(TOKYO))
    assert rates.mean.sum() == pytest.approx(seen, rel=0.35)


def test_those_who_sell_more_are_expected_to_and_those_who_left_are_not(log: EventLog) -> None:
    tree = ScopeTree.of(log)
    rates = fitted(log).rates(log, tree, at("2026-10-01"), parse_period("2026-Q4"))
    ann, bob, cid, gone, nobody = rates.mean
    assert ann > 1.5 * bob > 0
    assert bob > cid > 0
    assert gone == 0
    assert nobody == 0


def test_a_growing_company_is_expected_to_go_on_at_its_present_size() -> None:
    growing = steady(growth=0.5)
    period = parse_period("2026-Q4")
    rates = fitted(growing).rates(growing, ScopeTree.of(growing), at("2026-10-01"), period)
    last = previous(period)
    seen = wins_in(growing, last.start(TOKYO), last.start(TOKYO), last.end(TOKYO))
    assert rates.mean.sum() > 0.9 * seen


def test_draws_have_the_mean_they_were_asked_for(log: EventLog) -> None:
    rates = fitted(log).rates(log, ScopeTree.of(log), at("2026-10-01"), parse_period("2026-Q4"))
    draws = drawn(rates, 20_000)
    expected = rates.mean * rates.scale * rates.amounts.mean()
    np.testing.assert_allclose(draws.mean(1), expected, rtol=0.02)


def test_at_a_higher_rate_come_the_same_wins_and_more(log: EventLog) -> None:
    rates = fitted(log).rates(log, ScopeTree.of(log), at("2026-10-01"), parse_period("2026-Q4"))
    rate = np.full((len(rates.mean), 20_000), 3.0, np.float32)
    (less, few), (more, many) = rates.draw_revenue(rate, 1), rates.draw_revenue(rate * np.float32(1.5), 1)
    assert (many >= few).all()
    assert (more >= less).all()
    assert few.mean() == pytest.approx(3.0, rel=0.01)
    assert many.var() == pytest.approx(4.5, rel=0.03)
    crowd = rates.draw_revenue(np.full((1, 20_000), 400.0, np.float32), 1)[1]
    assert crowd.mean() == pytest.approx(400, rel=0.01)
    assert crowd.var() == pytest.approx(400, rel=0.05)


def test_those_who_sell_larger_deals_are_expected_to_bring_more(log: EventLog) -> None:
    deals = log["deals"].assign(
        amount=log["deals"]["amount"] * np.where(log["deals"]["owner_id"] == "bob", 5, 1)
    )
    larger = EventLog.of({"deals": deals, "people": PEOPLE}, TOKYO)
    rates = fitted(larger).rates(larger, ScopeTree.of(larger), at("2026-10-01"), parse_period("2026-Q4"))
    ann, bob, *_ = drawn(rates, 20_000).mean(1) / np.where(rates.mean > 0, rates.mean, 1)
    assert bob == pytest.approx(5 * ann, rel=0.2)


def test_the_share_by_date_rises_to_the_whole(log: EventLog) -> None:
    days = [date(2026, 10, 31), date(2026, 11, 30), date(2026, 12, 31)]
    rates = fitted(log).rates(log, ScopeTree.of(log), at("2026-10-01"), parse_period("2026-Q4"), days)
    assert (np.diff(rates.by_date) >= 0).all()
    assert rates.by_date[-1] == 1.0
    assert rates.by_date[0] < 1 / 3


def test_new_business_comes_back_from_its_json(log: EventLog) -> None:
    model, tree, period = fitted(log), ScopeTree.of(log), parse_period("2026-Q4")
    again = NewBusiness.from_json(json.loads(json.dumps(model.to_json())))
    first, second = (m.rates(log, tree, at("2026-10-20"), period) for m in (model, again))
    assert first.mean.tolist() == second.mean.tolist()
    assert first.amounts.tolist() == second.amounts.tolist()


def test_a_short_history_still_gives_an_expectation() -> None:
    log = steady()
    deals = log["deals"]
    recent = deals[deals["created_at"] >= pd.Timestamp("2026-08-20", tz=TOKYO)]
    short = EventLog.of({"deals": recent, "people": PEOPLE}, TOKYO)
    rates = fitted(short).rates(short, ScopeTree.of(short), at("2026-10-01"), parse_period("2026-Q4"))
    assert 5 < rates.mean.sum() < 120
    assert rates.market_sd > 0.1


def test_new_business_without_history_expects_nothing() -> None:
    empty = EventLog.of({"people": PEOPLE}, TOKYO)
    rates = fitted(empty).rates(empty, ScopeTree.of(empty), at("2026-10-01"), parse_period("2026-Q4"))
    assert rates.mean.tolist() == [0.0] * 5


def test_new_business_fit_ignores_all_records_after_its_moment(log: EventLog) -> None:
    then = at("2025-07-01")
    later = NewBusiness.fit(log.as_of(then), then, Calendar(TOKYO)).to_json()
    deals = log["deals"]
    before = EventLog.of(
        {"deals": deals[deals["created_at"].astype("int64") < then], "people": PEOPLE}, TOKYO
    )
    assert NewBusiness.fit(before.as_of(then), then, Calendar(TOKYO)).to_json() == later


def with_contracts(log: EventLog, growing: bool, since: str = "2020-01-01") -> EventLog:
    """Deals of accounts that are customers; these as many all along, or ever more of them."""
    deals = pd.DataFrame(log["deals"]).assign(account_id=[f"A{n % 200}" for n in range(len(log["deals"]))])
    begins = pd.date_range(since, "2026-09-29", periods=200)
    first = pd.Series(begins if growing else [pd.Timestamp(since)] * 200)
    contracts = pd.DataFrame({"started_at": first, "account_id": [f"A{n}" for n in range(200)]})
    contracts["contract_id"] = [f"K{n}" for n in range(200)]
    return EventLog.of({"deals": deals, "people": PEOPLE, "contracts": contracts}, TOKYO)


def expected_wins(log: EventLog) -> float:
    moment, period = at("2026-10-01"), parse_period("FY2026-H2")
    model = NewBusiness.fit(log, moment)
    return float(model.rates(log, ScopeTree.of(log, []), moment, period).mean.sum())


def test_more_customers_bring_more_business_than_they_did_when_they_were_fewer(log: EventLog) -> None:
    still, more = expected_wins(with_contracts(log, False)), expected_wins(with_contracts(log, True))
    assert still == pytest.approx(expected_wins(log), rel=1e-9)
    assert more > 1.02 * still


def test_contracts_kept_only_lately_are_no_growth_of_customers(log: EventLog) -> None:
    late = with_contracts(log, True, since="2026-01-01")
    assert expected_wins(late) == pytest.approx(expected_wins(log), rel=1e-9)
