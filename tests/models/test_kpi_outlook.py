"""Are KPIs foreseen as often as promised, shared fairly among people, and added up exactly?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import DAY, NEVER, start_of_day
from crm.periods import parse_period
from features.calendar import Calendar
from features.kpis import KPIS, CountedEvents, KpiEvents
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import LEVELS, Pipeline, simulate
from models.forecast.targets import targets_of
from models.kpis import KpiForecasts, RemainingPeriod
from models.kpis.shares import Cohort

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)
BY_ID = {kpi.id: kpi for kpi in KPIS}
PEOPLE = pd.DataFrame(
    {
        "person_id": ["ann", "bob", "cid", "leaver"],
        "team_id": ["north", "north", "south", "south"],
        "active_from": ["2020-01-01"] * 4,
        "active_to": [None, None, None, "2026-09-30"],
    }
)
SHARES = {"ann": 0.5, "bob": 0.2, "cid": 0.2, "leaver": 0.1}


def at(text: str) -> int:
    return start_of_day(date.fromisoformat(text), TOKYO)


def told(seed: int = 1, moody: float = 0.0) -> EventLog:
    """Two years of visits, leads that meet after 20 days on average in 40 % of cases, and a few deals."""
    rng = np.random.default_rng(seed)
    days = [day for day in pd.bdate_range("2024-10-01", "2026-12-31") if not _closed(day)]
    mood = rng.gamma(1 / moody**2, moody**2, 12 * 3) if moody else np.ones(36)
    visits, leads = [], []
    for day in days:
        level = mood[(day.year - 2024) * 12 + day.month - 1]
        for _ in range(rng.poisson(6 * level)):
            visits.append((day + pd.Timedelta(hours=11), "visit", _who(rng)))
        for _ in range(rng.poisson(4 * level)):
            met = day + pd.Timedelta(days=float(rng.exponential(20))) if rng.random() < 0.4 else None
            leads.append((day + pd.Timedelta(hours=10), _who(rng), met))
    activities = pd.DataFrame(visits, columns=["at", "kind", "actor_id"])
    activities["activity_id"] = [str(number) for number in range(len(activities))]
    met = pd.DataFrame(leads, columns=["created_at", "owner_id", "meeting_at"])
    met["lead_id"] = [f"L{number}" for number in range(len(met))]
    deals = pd.DataFrame(
        {
            "deal_id": ["W1", "W2", "L1", "O1", "O2"],
            "created_at": ["2026-08-01"] * 5,
            "stage": ["受注", "受注", "失注", "提案・見積", "提案・見積"],
            "owner_id": ["ann", "cid", "bob", "ann", "cid"],
            "account_id": ["A", "B", "C", "D", "E"],
            "deal_type": ["new", "upsell", "new", "new", "upsell"],
            "amount": [100.0, 50.0, 70.0, 200.0, 300.0],
            "closed_at": ["2026-10-05", "2026-10-06", "2026-10-07", None, None],
            "outcome": ["won", "won", "lost", None, None],
        }
    )
    targets = pd.DataFrame(
        [
            ("visits", "company", "2026-10", 100.0),
            ("visits", "company", "2026-11", 110.0),
            ("visits", "company", "2026-12", 120.0),
            ("win_rate", "team:north", "2026-10", 0.3),
            ("win_rate", "team:north", "2026-11", 0.3),
            ("win_rate", "team:north", "2026-12", 0.3),
            ("win_rate", "company", "2026-Q4", 0.4),
        ],
        columns=["metric", "scope", "period", "value"],
    )
    tables = {"activities": activities, "leads": met, "deals": deals, "people": PEOPLE, "targets": targets}
    return EventLog.of(tables, TOKYO)


def _who(rng: np.random.Generator) -> str:
    return str(rng.choice(list(SHARES), p=list(SHARES.values())))


def _closed(day: pd.Timestamp) -> bool:
    return not CALENDAR.is_working[(day - pd.Timestamp("1970-01-01")).days]


def prospects(log: EventLog, moment: str, period: str = "2026-Q4") -> KpiForecasts:
    now, within = at(moment), parse_period(period)
    known = log.as_of(now)
    organisation = ScopeTree.of(known)
    deals = known["deals"]
    still = deals[deals["outcome"].isna().to_numpy()]
    chances = still["deal_id"].map({"O1": 0.6, "O2": 0.3}).fillna(0.2).to_numpy(float)[:, None]
    amounts = np.repeat(still["amount"].to_numpy(float)[:, None], LEVELS, axis=1)
    owners = organisation.person(pd.Index(still["owner_id"].astype(object)))
    pipeline = Pipeline(still["deal_id"].to_numpy(object), owners, chances, amounts)
    people = len(organisation.people) + 1
    rate = np.array([1.0, 0.5, 0.25, 0.0, 0.0])
    new = NewBusinessRates(rate, 0.2, 0.1, 0.3, np.array([80.0, 120.0]), np.ones(people), np.ones(1))
    closed = np.zeros(people)
    closed[[0, 2]] = 100.0, 50.0
    simulation = simulate(organisation, pipeline, closed, new, 0.2, 0.1)
    ahead = RemainingPeriod.of(known, CALENDAR, organisation, now, within.start(TOKYO), within.end(TOKYO))
    return KpiForecasts(simulation, KpiEvents(known, organisation.people), ahead, within)


@pytest.fixture(scope="module")
def log() -> EventLog:
    return told()


@pytest.fixture(scope="module")
def november(log: EventLog) -> KpiForecasts:
    return prospects(log, "2026-11-11")


def drawn(found: KpiForecasts, name: str, scope: str = "company") -> np.ndarray:
    draws = found.of(BY_ID[name], scope).draws
    assert draws is not None
    return draws


def test_a_steady_count_goes_on_for_the_working_days_left(november: KpiForecasts) -> None:
    left = november.remaining.working_days
    assert left == 13 + 20  # 23 November is a holiday, and offices close on 29 December
    so_far = november.of(BY_ID["visits"], "company").value
    assert drawn(november, "visits").mean() - so_far == pytest.approx(6 * left, rel=0.1)


@pytest.mark.parametrize("changed", [["deals"], ["activities"], ["leads", "deals"]])
def test_what_is_kept_of_forecasts_before_a_push_gives_those_of_nothing(
    log: EventLog, november: KpiForecasts, changed: list[str]
) -> None:
    for kpi in KPIS:  # all is counted and drawn once
        november.of(kpi, "company")
    known = november.kpi_events.known
    less = {name: known[name].iloc[1:].reset_index(drop=True) for name in changed}
    now = replace(known, tables={**known.tables, **less})
    remaining = replace(november.remaining)
    events = KpiEvents.after(now, november.kpi_events.people, november.kpi_events)
    simulation = november.simulation
    found = KpiForecasts.after(simulation, events, remaining, november.period, november)
    plain = KpiForecasts(simulation, KpiEvents(now, events.people), remaining, november.period)
    for kpi in KPIS:
        for scope in ("company", "team:north", "person:ann"):
            mine, expected = found.of(kpi, scope), plain.of(kpi, scope)
            assert mine.value == expected.value
            assert (mine.draws is None) == (expected.draws is None)
            if mine.draws is not None and expected.draws is not None:
                np.testing.assert_array_equal(mine.draws, expected.draws)
    kept = [one for one, tally in events._tallies.items() if november.kpi_events._tallies.get(one) is tally]
    assert bool(kept) == ("activities" not in changed)


def test_nothing_is_kept_of_forecasts_of_other_people(november: KpiForecasts) -> None:
    events = november.kpi_events
    november.of(BY_ID["visits"], "company")
    assert not KpiEvents.after(events.known, events.people[1:], events)._tallies
    other = replace(november.remaining, since=november.remaining.since + 1)
    assert not KpiForecasts.after(november.simulation, events, other, november.period, november)._before


def test_a_moody_market_makes_counts_less_sure() -> None:
    calm, moody = (prospects(told(2, moody), "2026-10-01", "2026-10") for moody in (0.0, 0.4))
    spread = [np.std(drawn(one, "visits")) / np.mean(drawn(one, "visits")) for one in (calm, moody)]
    assert spread[0] < 0.16
    assert spread[1] > 1.4 * spread[0]


def test_counts_come_as_often_as_their_interval_says() -> None:
    inside = []
    for seed in range(12):
        log = told(10 + seed, 0.15)
        whole = KpiEvents(log, ("ann", "bob", "cid", "leaver"))
        for moment, period in (
            ("2026-10-01", "2026-Q4"),
            ("2026-05-14", "2026-05"),
            ("2026-08-03", "2026-W32"),
        ):
            found, within = prospects(log, moment, period), parse_period(period)
            for name in ("visits", "leads", "meetings"):
                low, high = np.quantile(drawn(found, name), [0.1, 0.9])
                bounds = within.start(TOKYO), within.end(TOKYO)
                came = whole.counted(BY_ID[name].count).total_between(*bounds, np.ones(5, bool))
                inside.append(low <= came <= high)
    assert 0.70 <= np.mean(inside) <= 0.95  # of 108: 80 % give or take twice its standard error, and ties


def test_people_share_by_what_they_do_and_who_left_does_nothing(november: KpiForecasts) -> None:
    means = {one: drawn(november, "leads", f"person:{one}").mean() for one in SHARES}
    so_far = {one: november.of(BY_ID["leads"], f"person:{one}").value for one in SHARES}
    later = {one: means[one] - (so_far[one] or 0) for one in SHARES}
    assert later["leaver"] == 0
    assert later["ann"] > 1.6 * later["bob"] > 0


def test_draws_of_people_and_teams_add_up_exactly(november: KpiForecasts) -> None:
    for name in ("visits", "leads", "meetings", "won_deals", "revenue", "new_revenue", "proposals"):
        found = november.of(BY_ID[name], "company")
        if found.draws is None:
            continue
        parts = [drawn(november, name, scope) for scope in ("team:north", "team:south", "unassigned")]
        assert (np.sum(parts, axis=0) == found.draws).all()
        inside = [drawn(november, name, f"person:{one}") for one in ("ann", "bob")]
        assert (np.sum(inside, axis=0) == parts[0]).all()


def test_revenue_is_the_forecasts_own_and_wins_meet_the_same_luck(november: KpiForecasts) -> None:
    everyone = november.remaining.organisation.members("company")
    assert (drawn(november, "revenue") == november.simulation.total(everyone)).all()
    wins, revenue = drawn(november, "won_deals"), drawn(november, "revenue")[:4096]
    assert wins.mean() == pytest.approx(2 + 0.9 + 1.75, rel=0.05)
    assert np.corrcoef(wins, revenue)[0, 1] > 0.6
    upsells = drawn(november, "upsell_deals")
    assert set(np.unique(upsells - np.floor(upsells))) == {0.0}
    assert upsells.mean() == pytest.approx(1 + 0.3 + 1.75 / 2, rel=0.1)  # half of the past wins were


def test_a_rate_goes_with_its_own_numerator_and_denominator(november: KpiForecasts) -> None:
    rate = drawn(november, "win_rate")
    assert ((rate >= 0) & (rate <= 1)).all()
    assert november.of(BY_ID["win_rate"], "company").value == pytest.approx(2 / 3)


def test_leads_of_late_get_further_with_time(log: EventLog) -> None:
    found = prospects(log, "2026-11-11")
    now = found.of(BY_ID["meeting_rate"], "company").value
    end = at("2027-01-01")
    whole = KpiEvents(log.as_of(end), ("ann", "bob", "cid", "leaver")).counted(BY_ID["meeting_rate"].count)
    low, high = np.searchsorted(whole.at, [at("2026-10-01"), end])
    came_true = (whole.reached[low:high] > 0).mean()
    draws = drawn(found, "meeting_rate")
    assert now < np.quantile(draws, 0.1)
    assert np.quantile(draws, 0.02) < came_true < np.quantile(draws, 0.98)


def test_cohort_counts_waiting_leads_as_less_likely_with_time(november: KpiForecasts) -> None:
    ahead = november.remaining
    days = (ahead.end - ahead.moment) / DAY
    by_age = np.interp(np.arange(400), [0, 2 * days], [0.0, 0.8])[None]
    cohort = Cohort(by_age, np.zeros(5, np.int64), np.ones(5), 0.02)
    came = CountedEvents(
        at=np.full(3, ahead.moment - int(days * DAY)),
        person=np.zeros(3, np.int64),
        weight=np.ones(3),
        key=None,
        until=None,
        reached=np.full(3, NEVER),
        completeness=1.0,
        least_complete=None,
    )
    later = cohort.from_waiting(came, 0, ahead, "by hand")
    assert later[0].mean() == pytest.approx(3 * (0.8 - 0.4) / (1 - 0.4), rel=0.03)  # 40 % had come by now


def test_the_chance_of_a_target_falls_as_it_rises_and_what_is_over_is_known(log: EventLog) -> None:
    found = prospects(log, "2026-11-11").of(BY_ID["visits"], "company")
    chances = [found.probability(target, False) for target in (0, 300, 400, 1000)]
    assert found.draws is not None
    half_a_scenario = 0.5 / len(found.draws)
    assert chances[0] == 1 - half_a_scenario
    assert chances == sorted(chances, reverse=True)
    assert chances[-1] == half_a_scenario
    over = prospects(log, "2027-01-01").of(BY_ID["visits"], "company")
    assert over.draws is not None
    assert (over.draws == over.value).all()


def test_kpi_forecast_ignores_all_records_after_its_moment(log: EventLog) -> None:
    one, other = prospects(log, "2026-11-11"), prospects(log.as_of(at("2026-11-11")), "2026-11-11")
    for name in ("visits", "meeting_rate", "leads"):
        assert (drawn(one, name) == drawn(other, name)).all()


def test_targets_of_counts_add_up_from_their_months_and_those_of_shares_do_not(log: EventLog) -> None:
    quarter = parse_period("2026-Q4")
    assert targets_of(log, quarter, 4, "visits") == {"company": 330.0}
    assert targets_of(log, quarter, 4, "win_rate", adds_up=False) == {"company": 0.4}
    assert targets_of(log, parse_period("2026-11"), 4, "win_rate", adds_up=False) == {"team:north": 0.3}
    assert targets_of(log, quarter, 4) == {}
