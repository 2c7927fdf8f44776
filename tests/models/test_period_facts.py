"""Is what a plain rule says of a period the same in an answer and in the backtest that judges the rule?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import start_of_day
from crm.periods import parse_period
from features.calendar import Calendar
from models.forecast.organisation import COMPANY, ScopeTree
from models.forecast.period_facts import PeriodFacts, year_before
from training.backtest.origins import Origin
from training.backtest.period_snapshots import snapshot_of

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)


def at(text: str) -> int:
    return start_of_day(date.fromisoformat(text), TOKYO)


def log_of(*wins: tuple[str, float], first: str = "2023-01-05") -> EventLog:
    """One open deal from `first` on, and deals won on a day, created two weeks before."""
    deals = [{"created_at": first, "owner_id": "ann", "amount": 5.0, "stage": "提案・見積"}]
    for day, amount in wins:
        closed = pd.Timestamp(day) + pd.Timedelta(hours=10)
        deals.append(
            {
                "created_at": closed - pd.Timedelta(days=14),
                "closed_at": closed,
                "outcome": "won",
                "owner_id": "bob",
                "amount": amount,
                "stage": "受注",
            }
        )
    frame = pd.DataFrame(deals).assign(deal_id=[f"D{number}" for number in range(len(deals))])
    return EventLog.of({"deals": frame}, TOKYO)


def facts_of(log: EventLog, moment: int, period: str) -> tuple[PeriodFacts, ScopeTree]:
    known = log.as_of(moment)
    organisation = ScopeTree.of(known, ["ann", "bob"])
    return PeriodFacts.of(known, organisation, moment, parse_period(period), [], CALENDAR), organisation


def company_run_rate(log: EventLog, moment: int, period: str) -> float | None:
    facts, organisation = facts_of(log, moment, period)
    return facts.baselines(organisation.members(COMPANY))["run_rate"]


def test_the_run_rate_of_an_answer_is_the_one_that_the_backtest_judges() -> None:
    log = log_of(("2026-09-08", 400.0), ("2026-09-25", 300.0), ("2026-10-02", 100.0))
    for day in ("2026-10-08", "2026-11-05", "2026-12-28"):
        origin = Origin(parse_period("2026-Q4"), 1, at(day))
        page = snapshot_of(log.as_of(origin.as_of), origin, CALENDAR)
        company = page.scopes.index(COMPANY)
        judged = page.closed[company] + page.run_rate[company]
        assert company_run_rate(log, at(day), "2026-Q4") == pytest.approx(judged, rel=1e-12)


def test_the_run_rate_of_a_young_period_looks_28_days_back() -> None:
    log = log_of(("2026-09-25", 300.0), ("2026-10-02", 100.0))
    moment, start = at("2026-10-08"), at("2026-09-10")
    worked, left = CALENDAR.working_days(np.array([start, moment]), np.array([moment, at("2027-01-01")]))
    assert company_run_rate(log, moment, "2026-Q4") == pytest.approx(100 + 400 / worked * left)


def test_a_period_that_has_not_begun_has_a_run_rate_of_its_own_days() -> None:
    log = log_of(("2026-09-08", 400.0), ("2026-09-25", 300.0))
    moment = at("2026-09-29")
    worked, ahead = CALENDAR.working_days(
        np.array([at("2026-09-01"), at("2026-10-01")]), np.array([moment, at("2027-01-01")])
    )
    assert company_run_rate(log, moment, "2026-Q4") == pytest.approx(700 / worked * ahead)


def test_the_run_rate_of_a_period_that_is_over_is_what_it_brought() -> None:
    assert company_run_rate(log_of(("2026-10-02", 100.0)), at("2027-02-01"), "2026-Q4") == 100.0


def test_without_any_deal_no_rule_but_the_pipeline_says_anything() -> None:
    facts, organisation = facts_of(EventLog.of({}, TOKYO), at("2026-10-08"), "2026-Q4")
    assert facts.baselines(organisation.members(COMPANY)) == {
        "stage_weighted": 0.0,
        "run_rate": None,
        "last_year": None,
    }


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("2026-Q4", "2025-10-01", "2025-12-31"),
        ("2024-02", "2023-02-01", "2023-02-28"),
        ("FY2026", "2025-04-01", "2026-03-31"),
        ("2026-W47", "2025-11-17", "2025-11-23"),
        ("2026-01-01..2026-05-31", "2025-01-01", "2025-05-31"),
        ("2026-11-16..2026-12-30", "2025-11-17", "2025-12-31"),
        ("2024-06-15..2026-06-14", "2021-06-19", "2023-06-18"),
    ],
)
def test_a_year_before_is_the_same_months_or_the_same_weekdays(period: str, first: str, last: str) -> None:
    before = year_before(parse_period(period))
    assert (before.first, before.last) == (date.fromisoformat(first), date.fromisoformat(last))


def test_last_year_is_known_where_the_log_reaches_beyond_the_period_a_year_before() -> None:
    wins = (("2025-11-20", 70.0), ("2026-01-20", 9.0))
    for period, expected in (("2026-Q4", 70.0), ("2026-11-16..2026-12-30", 70.0), ("2026-Q1", 0.0)):
        facts, organisation = facts_of(log_of(*wins), at("2026-12-01"), period)
        assert facts.baselines(organisation.members(COMPANY))["last_year"] == expected
    facts, organisation = facts_of(log_of(*wins, first="2025-10-02"), at("2026-12-01"), "2026-Q4")
    assert facts.baselines(organisation.members(COMPANY))["last_year"] is None
