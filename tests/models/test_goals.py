"""What can a goal be, of a part of the revenue too, and do stored targets add up?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import DAY, as_of_instant
from crm.periods import parse_period
from features import Calendar
from models.forecast import NewBusinessRates, Pipeline, ScopeTree
from models.forecast.part import at_rates
from models.forecast.simulate import simulate
from models.forecast.staffing import RAMP_DAYS, Away, Staffing, absences_of, pace_when_new, stretch_of
from models.goals import PartOfDeals, differences, levels_of
from models.goals.sums import name_in_use

TOKYO = ZoneInfo("Asia/Tokyo")
PERIOD = parse_period("2027-Q1")
TREE = ScopeTree(("P1", "P2"), np.array([0, 0]), ("T1",), np.array([-1]))
NOW = as_of_instant("2026-12-31", TOKYO)


def log(**tables: list[dict[str, object]]) -> EventLog:
    """A log of some rows."""
    return EventLog.of({name: pd.DataFrame(rows) for name, rows in tables.items()}, TOKYO)


def target(scope: str, period: str, value: float) -> dict[str, object]:
    return {"metric": "revenue", "scope": scope, "period": period, "value": value, "set_at": "2026-12-01"}


def test_levels_are_the_amounts_that_are_reached_so_often() -> None:
    found = levels_of(np.arange(1_001.0))
    assert [(one.level, one.confidence, one.value) for one in found] == [
        ("safe", 0.9, 100.0),
        ("safe", 0.8, 200.0),
        ("likely", 0.5, 500.0),
        ("bold", 0.3, 700.0),
    ]


def test_targets_that_do_not_add_up_are_told_by_scopes_and_by_periods() -> None:
    known = log(
        targets=[
            target("company", "2027-Q1", 100), target("team:T1", "2027-Q1", 90),
            target("person:P1", "2027-Q1", 50), target("person:P2", "2027-Q1", 40),
            target("company", "2027-01", 30), target("company", "2027-02", 30),
            target("company", "2027-03", 41),
        ]
    )  # fmt: skip
    found = differences(known, TREE, PERIOD, 4)
    assert [(one.scope, one.by, one.whole, one.total, one.difference) for one in found] == [
        ("company", "scopes", 100.0, 90.0, -10.0),
        ("company", "periods", 100.0, 101.0, 1.0),
    ]
    assert found[1].parts == ("2027-01", "2027-02", "2027-03")


def test_targets_that_add_up_or_are_not_set_are_no_difference() -> None:
    known = log(targets=[target("company", "2027-Q1", 0.3), target("team:T1", "2027-Q1", 0.1 + 0.2)])
    assert differences(known, TREE, PERIOD, 4) == []
    assert differences(log(targets=[target("company", "2027-Q1", 5)]), TREE, PERIOD, 4) == []


def test_targets_that_are_shared_out_are_checked_as_if_they_were_stored() -> None:
    known = log(
        targets=[
            target("company", "2027-Q1", 100), target("team:T1", "2027-Q1", 90),
            target("company", "2027-01", 30), target("company", "2027-02", 30),
            target("company", "2027-03", 40),
        ]
    )  # fmt: skip
    found = differences(known, TREE, PERIOD, 4, instead={"company": 120.0, "team:T1": 120.0})
    assert [(one.scope, one.by, one.whole, one.total) for one in found] == [
        ("company", "periods", 120.0, 100.0)
    ]


def test_who_has_no_target_is_named_beside_the_sum() -> None:
    known = log(targets=[target("team:T1", "2027-Q1", 90), target("person:P1", "2027-Q1", 50)])
    (found,) = differences(known, TREE, PERIOD, 4)
    assert found.without == ("person:P2",)


def test_a_quarter_that_does_not_fill_its_year_is_not_compared_with_it() -> None:
    known = log(targets=[target("company", "FY2026", 400), target("company", "FY2026-Q4", 90)])
    assert differences(known, TREE, PERIOD, 4) == []


def test_a_target_is_written_under_the_name_that_its_days_have_already() -> None:
    known = log(targets=[target("company", "FY2026-Q4", 90)])
    assert name_in_use(known, "company", PERIOD, 4, "revenue") == "FY2026-Q4"
    assert name_in_use(known, "team:T1", PERIOD, 4, "revenue") == "2027-Q1"


DEALS = [
    {"deal_id": "W1", "created_at": "2026-10-01", "stage": "受注", "owner_id": "P1", "amount": 4e6,
     "closed_at": "2026-12-10", "outcome": "won", "product": "A", "account_id": "C1"},
    {"deal_id": "W2", "created_at": "2026-10-01", "stage": "受注", "owner_id": "P1", "amount": 2e6,
     "closed_at": "2026-12-12", "outcome": "won", "product": "B", "account_id": "C2"},
    {"deal_id": "O1", "created_at": "2026-12-01", "stage": "提案", "owner_id": "P1", "amount": 1e6,
     "product": "A", "account_id": "C2"},
    {"deal_id": "O2", "created_at": "2026-12-01", "stage": "提案", "owner_id": "P2", "amount": 3e6,
     "product": "B", "account_id": "C1"},
]  # fmt: skip
ACCOUNTS = [{"account_id": "C1", "region": "関東"}, {"account_id": "C2", "region": "関西"}]


def rates(mean: list[float]) -> NewBusinessRates:
    return NewBusinessRates(np.array(mean), 0.1, 0.1, 0.3, np.full(512, 1e6), np.ones(len(mean)), np.ones(1))


def simulated(mean: list[float]) -> object:
    chances = np.array([[0.5], [0.5]])
    pipeline = Pipeline(
        np.array(["O1", "O2"], object), np.array([0, 1]), chances, np.full((2, 64), [[1e6], [3e6]])
    )
    return simulate(TREE, pipeline, np.array([0.0, 0.0, 0.0]), rates(mean), 0.2, 0.1, scenarios=1 << 12)


def test_parts_of_the_revenue_by_product_add_up_to_its_open_deals() -> None:
    whole = simulated([2.0, 2.0, 0.0])
    known = log(deals=DEALS, accounts=ACCOUNTS)
    start, end = PERIOD.start(TOKYO), PERIOD.end(TOKYO)
    parts = [
        PartOfDeals.of(known, TREE, (("product", (name,)),)).simulation(whole, NOW, start, end)  # type: ignore[arg-type]
        for name in "AB"
    ]
    assert np.array_equal(parts[0].open_draws + parts[1].open_draws, whole.open_draws)  # type: ignore[attr-defined]
    # Of the wins to come each has about its share of those there were, and its own size.
    means = [part.new_draws.sum(0).mean() for part in parts]
    assert means[0] > means[1]
    assert sum(means) == pytest.approx(whole.new_draws.sum(0).mean(), rel=0.1)  # type: ignore[attr-defined]


def test_a_condition_on_the_account_chooses_by_its_column() -> None:
    found = PartOfDeals.of(log(deals=DEALS, accounts=ACCOUNTS), TREE, (("accounts.region", ("関東",)),))
    assert [str(deal) for deal in found.deal_ids[found.is_in]] == ["W1", "O2"]
    assert found.won_between(NOW - 30 * DAY, NOW).tolist() == [4e6, 0.0, 0.0]


def test_equal_rates_keep_every_draw_and_lower_ones_lower_only_theirs() -> None:
    whole = simulated([2.0, 2.0, 0.0])
    assert at_rates(whole, rates([2.0, 2.0, 0.0])) is whole  # type: ignore[arg-type]
    away = at_rates(whole, rates([0.5, 2.0, 0.0]))  # type: ignore[arg-type]
    assert np.array_equal(away.new_draws[1], whole.new_draws[1])  # type: ignore[attr-defined]
    assert (away.new_draws[0] <= whole.new_draws[0]).all()  # type: ignore[attr-defined]
    assert away.new_draws[0].mean() < 0.5 * whole.new_draws[0].mean()  # type: ignore[attr-defined]


def test_days_away_are_a_share_of_the_working_days_that_are_left() -> None:
    known = log(
        people=[{"person_id": "P1", "team_id": "T1"}, {"person_id": "P2", "team_id": "T1"}],
        absences=[{"person_id": "P1", "from": "2026-12-20", "to": "2027-01-31"}],
    )
    assert absences_of(known)[0].last.isoformat() == "2027-01-31"
    calendar, today = Calendar(TOKYO), parse_period("2026-12").last
    found = Staffing.of(known, TREE, today, PERIOD, calendar)
    working = [calendar.working_days(np.array([a.start(TOKYO)]), np.array([a.end(TOKYO)]))[0]
               for a in (parse_period("2027-01"), PERIOD)]  # fmt: skip
    assert found.away.tolist() == [pytest.approx(working[0] / working[1]), 0.0, 0.0]
    leaves = Away("P2", parse_period("2027-02").first, PERIOD.last)
    both = Staffing.of(known, TREE, today, PERIOD, calendar, [leaves])
    assert both.away[1] == pytest.approx(1 - working[0] / working[1])
    assert both.away[0] == found.away[0]


def test_the_new_are_as_slow_as_the_new_have_been_and_few_of_them_say_little() -> None:
    tenure = np.array([30] * 40 + [900] * 40)
    wins, usual = np.array([1.0] * 40 + [2.0] * 40), np.full(80, 2.0)
    pace = pace_when_new(tenure, wins, usual)
    assert pace[-1] == 1.0
    assert 0.5 < pace[0] < 0.65
    few = pace_when_new(tenure[[0, 40]], wins[[0, 40]], usual[[0, 40]])
    assert few[0] > 0.9
    assert stretch_of(np.array([0, RAMP_DAYS[0], 4_000])).tolist() == [0, 1, 3]
