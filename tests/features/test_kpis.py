"""Are KPIs what one counts by hand, for any scope, style and period, as of any moment?"""

from __future__ import annotations

import itertools
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.instants import DAY, as_of_instant
from crm.periods import parse_period
from features.kpis import KPIS, KpiEvents, custom_kpis, value_of
from tests.support.logs import random_logs

TOKYO = ZoneInfo("Asia/Tokyo")
BY_ID = {kpi.id: kpi for kpi in KPIS}
PEOPLE = ("ann", "bob")
NUMBERS = {"amount", "minutes", "monthly_amount"}


def frame(columns: str, *rows: str) -> pd.DataFrame:
    cells = [[None if cell == "-" else cell for cell in row.split()] for row in rows]
    table = pd.DataFrame(cells, columns=columns.split())
    for column in NUMBERS & set(table):
        table[column] = table[column].astype(float)
    if "effective" in table:
        table["effective"] = table["effective"].map({"true": True, "false": False}).astype("boolean")
    return table


def small_log() -> EventLog:
    """Half a year of two sellers; July to September 2026 is told in full."""
    deals = frame(
        "deal_id created_at stage owner_id account_id deal_type amount closed_at outcome",
        "D1 2026-06-01 受注 ann A1 new 100 2026-07-02 won",
        "D2 2026-06-01 受注 ann A1 upsell 50 2026-07-06 won",
        "D3 2026-07-01 受注 bob A2 cross_sell 30 2026-07-31T23:59 won",
        "D4 2026-07-01 失注 bob A3 renewal 70 2026-07-08 lost",
        "D5 2026-07-01 失注 ann A4 new 500 2026-08-10 lost",
        "D6 2026-07-03 受注 bob A3 renewal 40 2026-09-30T23:59 won",
        "D7 2026-07-20 受注 ann A5 new 900 2026-10-01 won",
        "D8 2026-09-01 提案・見積 ann A6 new 800 - -",
        "D9 2026-02-01 受注 ann A2 new 10 2026-03-15 won",  # the account is bob's since D3
    )
    events = frame(
        "deal_id at field value old_value",
        "D1 2026-06-10 stage 初回訪問 アポイント",
        "D1 2026-07-01 stage 提案・見積 初回訪問",
        "D1 2026-07-02 stage 受注 提案・見積",
        "D8 2026-09-02 stage 初回訪問 アポイント",
        "D8 2026-09-05 stage 提案・見積 初回訪問",
        "D8 2026-09-07 stage 初回訪問 提案・見積",
        "D8 2026-09-08 stage 提案・見積 初回訪問",  # again: counts once
    )
    activities = frame(
        "activity_id at kind actor_id outcome effective minutes",
        "1 2026-07-01 call ann 不在 - 1",
        "2 2026-07-02 call ann 接続 true 5",
        "3 2026-07-03 call bob 接続 false 6",
        "4 2026-07-06 visit bob - true 60",
        "5 2026-07-07 visit bob - - 30",
        "6 2026-08-01 email ann - - -",
        "7 2026-07-08 call ann - - 2",
        "8 2026-09-08 demo ann - true 45",
    )
    leads = frame(
        "lead_id created_at owner_id contacted_at appointment_at meeting_at qualified_at handed_to deal_id",
        "L1 2026-07-01 ann 2026-07-01 2026-07-05 2026-07-10 2026-08-01 bob D3",
        "L2 2026-07-02 ann 2026-07-03 2026-07-20 2026-08-02 - bob D4",
        "L3 2026-07-03 ann 2026-07-04 - - - - -",
        "L4 2026-07-04 bob - - - - - -",
        "L5 2026-08-03 bob 2026-08-04 2026-08-05 2026-08-06 2026-08-07 bob D6",  # kept: not handed over
    )
    contracts = frame(
        "contract_id account_id started_at ended_at monthly_amount",
        "K1 A1 2025-07-01 - 10",
        "K2 A1 2026-08-01 - 5",
        "K3 A2 2025-07-01 2026-07-15 20",
        "K4 A2 2026-07-15 - 25",  # renewed without a gap: not lost
        "K5 A3 2025-07-01 2026-08-20 40",
        "K6 A5 2026-07-10 2026-08-05 99",  # came and went: not there when the period began
    )
    people = frame("person_id team_id style", "ann T1 inside", "bob T1 field")
    tables = {
        "deals": deals,
        "deal_events": events,
        "activities": activities,
        "leads": leads,
        "contracts": contracts,
        "people": people,
    }
    return EventLog.of(tables, TOKYO)


def kpi_value(
    name: str, period: str, as_of: str = "2026-12-31", who: str | None = None, own: object = ()
) -> float | None:
    moment = as_of_instant(as_of, TOKYO)
    within = parse_period(period, 4)
    happenings = KpiEvents(small_log().as_of(moment), PEOPLE)
    members = np.ones(3, bool) if who is None else np.array([who == one for one in (*PEOPLE, "")])
    kpi = (BY_ID | {kpi.id: kpi for kpi in custom_kpis(own)})[name]  # type: ignore[arg-type]
    return value_of(kpi, happenings, within.start(TOKYO), within.end(TOKYO), moment, members)


QUARTER = {
    "won_deals": 4,
    "revenue": 220,
    "win_rate": 4 / 6,
    "revenue_per_customer": 220 / 3,  # A1 bought twice
    "deal_size": 55,
    "meetings": 3,
    "meeting_rate": 3 / 5,
    "qualified": 2,
    "qualification_rate": 2 / 3,
    "effective_meetings": 3,
    "appointments": 3,
    "visits": 2,
    "leads": 5,
    "churn_rate": 1 / 3,  # of A1, A2, A3, the last is gone
    "arpu": 40 / 2,
    # A year of monthly looks from 2025-09-30: 3 customers 10 times, 4 once (A5), then 2; A5 and A3 lost.
    "ltv": 20 / (2 / (10 * 3 + 4 + 2)),
    "new_revenue": 100,
    "existing_revenue": 120,
    "new_won_deals": 1,
    "existing_won_deals": 3,
    "upsell_deals": 1,
    "cross_sell_deals": 1,
    "renewal_rate": 1 / 2,
    "first_visits": 1,
    "proposals": 2,
    "new_deals": 6,
    "calls": 4,
    "emails": 1,
    "contact_rate": 2 / 3,  # of the calls that say how they went
    "lead_contact_rate": 4 / 5,
    "handovers": 2,
    "handover_win_rate": 1 / 2,
}


@pytest.mark.parametrize(("name", "expected"), QUARTER.items())
def test_kpis_of_a_quarter_are_those_counted_by_hand(name: str, expected: float) -> None:
    assert kpi_value(name, "2026-Q3") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "period", "expected"),
    [
        ("won_deals", "2026-W27", 1),  # Monday 29 June to Sunday 5 July
        ("won_deals", "2026-W28", 1),  # D2 on Monday 6 July
        ("win_rate", "2026-W28", 1 / 2),
        ("revenue", "2026-07", 180),
        ("revenue", "2026-08", 0),
        ("revenue_per_customer", "2026-08", None),  # of nobody there is no mean
        ("win_rate", "2026-08", 0),
        ("meeting_rate", "2026-08", 1),
        ("meeting_rate", "2026-09", None),
        ("revenue", "FY2026-H1", 220),
        ("revenue", "FY2026-H2", 900),
        ("leads", "FY2026-H1", 5),
        ("churn_rate", "2026-07", 0),
        ("churn_rate", "2026-08", 2 / 4),
        ("visits", "2026-07-06..2026-07-06", 1),
    ],
)
def test_weeks_months_and_fiscal_halves_hold_their_own_days(
    name: str, period: str, expected: float | None
) -> None:
    found = kpi_value(name, period)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("name", "who", "expected"),
    [
        ("won_deals", "ann", 2),
        ("won_deals", "bob", 2),
        ("calls", "ann", 3),
        ("visits", "bob", 2),
        ("appointments", "ann", 2),
        ("handover_win_rate", "ann", 1 / 2),
        ("handovers", "bob", 0),
        ("arpu", "ann", 15),
    ],
)
def test_a_person_is_credited_with_what_is_theirs(name: str, who: str, expected: float) -> None:
    assert kpi_value(name, "2026-Q3", who=who) == pytest.approx(expected)


def test_kpis_as_of_a_moment_use_only_earlier_records() -> None:
    assert kpi_value("won_deals", "2026-Q3", "2026-07-05") == 1
    assert kpi_value("win_rate", "2026-Q3", "2026-07-08") == pytest.approx(2 / 3)
    assert kpi_value("meeting_rate", "2026-07", "2026-07-10") == pytest.approx(1 / 4)
    assert kpi_value("churn_rate", "2026-Q3", "2026-08-19") == 0
    assert kpi_value("arpu", "2026-Q3", "2026-07-12") == pytest.approx((10 + 20 + 40 + 99) / 4)


def test_kpi_never_recorded_is_unknown_and_not_zero() -> None:
    assert kpi_value("visits", "2026-Q3", "2026-07-05") is None
    assert kpi_value("visits", "2026-Q4") == 0


DEMOS = {"id": "demos", "label_ja": "デモ件数", "label_en": "Demos", "count": "activities"}


@pytest.mark.parametrize(
    ("also", "expected"),
    [
        ({"where": {"kind": "demo"}}, 1),
        ({"where": {"kind": ["demo", "visit"], "effective": True}}, 2),
        ({"where": {"kind": "visit"}, "total": "minutes"}, 90),
        ({"where": {"kind": "call"}, "distinct": "actor_id"}, 2),
        ({"where": {"kind": "call"}, "per": {"count": "activities", "where": {"kind": "visit"}}}, 2),
        ({"count": "leads.appointment", "reached": "qualified_at"}, 2 / 3),
        ({"count": "deals.won", "where": {"amount": 30}}, 1),
        ({"where": {"mood": "*"}, "count": "deals.won"}, None),  # an attribute that no deal has
    ],
)
def test_custom_kpi_counts_what_its_definition_says(also: dict[str, object], expected: float | None) -> None:
    found = kpi_value("demos", "2026-Q3", own=[DEMOS | also])
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("also", "told"),
    [
        ({"count": "deals"}, "count: no 'deals'"),
        ({"id": "revenue"}, "already in use"),
        ({"where": {"colour": "red"}}, "where: activities has no column 'colour'"),
        ({"total": "subject"}, "total: 'subject' is not a number"),
        ({"reached": "kind"}, "reached: 'kind' is not a time"),
        ({"styles": ["remote"]}, "styles: no 'remote'"),
        ({"wher": 1}, "wher"),
        ({"reached": "at", "per": {"count": "leads.created"}}, "either reached or per"),
    ],
)
def test_a_faulty_kpi_of_ones_own_is_told_in_a_sentence(also: dict[str, object], told: str) -> None:
    with pytest.raises(SanchoError, match="kpi") as fault:
        custom_kpis([DEMOS | also])
    assert told in fault.value.text.en


@settings(max_examples=60, deadline=None)
@given(random_logs())
def test_people_add_up_to_all_and_parts_of_a_period_to_the_whole(log: EventLog) -> None:
    first = parse_period("2026-03").start(TOKYO)
    bounds = [first, first + 20 * DAY, first + 45 * DAY]
    happenings = KpiEvents(log, ("P0", "P1", "P2", "P9"))
    for kpi in KPIS:
        if not kpi.adds_up:
            continue
        every = np.ones(5, bool)
        whole = value_of(kpi, happenings, bounds[0], bounds[2], bounds[2], every)
        if whole is None:
            continue
        parts = [
            value_of(kpi, happenings, low, high, bounds[2], every) for low, high in itertools.pairwise(bounds)
        ]
        own = [
            value_of(kpi, happenings, bounds[0], bounds[2], bounds[2], np.arange(5) == one)
            for one in range(5)
        ]
        assert sum(parts) == pytest.approx(whole)  # type: ignore[arg-type]
        assert sum(own) == pytest.approx(whole)  # type: ignore[arg-type]
