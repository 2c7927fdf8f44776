"""Are rows of KPIs followed by what one sees by hand, and from when on is that certain?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.instants import DAY, as_of_instant
from features.kpis.followed import KINDS, STAND_DAYS, TOUCH_DAYS, Steps, steps_of

TOKYO = ZoneInfo("Asia/Tokyo")
PEOPLE = ("ann", "bob")


def frame(columns: str, *rows: str) -> pd.DataFrame:
    cells = [[None if cell == "-" else cell for cell in row.split()] for row in rows]
    table = pd.DataFrame(cells, columns=columns.split())
    if "effective" in table:
        table["effective"] = table["effective"].map({"true": True, "false": False}).astype("boolean")
    return table


def small_log() -> EventLog:
    deals = frame(
        "deal_id created_at stage owner_id expected_close_date closed_at outcome",
        "D1 2026-07-01 提案・見積 bob 2026-09-30 - -",  # ann's when it was created
        "D2 2026-07-02 リード獲得 ann 2026-07-31 - -",  # nobody touches it
        "D3 2026-07-03 受注 ann 2026-07-15 2026-07-10 won",
        "D4 2026-07-04 失注 ann 2026-07-15 2026-07-08 lost",  # nor this one
        "D5 2026-07-05 アポイント ann 2026-08-20 - -",  # touched late
    )
    events = frame(
        "deal_id at field value old_value actor_id",
        "D1 2026-07-05 owner_id bob ann bob",
        "D1 2026-07-06 stage アポイント リード獲得 bob",
        "D1 2026-07-08 stage 初回訪問 アポイント ann",
        "D1 2026-07-09 stage アポイント 初回訪問 ann",
        "D1 2026-07-20 stage 提案・見積 アポイント -",
        "D1 2026-07-10 expected_close_date 2026-07-31 2026-07-20 bob",
        "D1 2026-07-30 expected_close_date 2026-09-30 2026-07-31 bob",
        "D3 2026-07-10 stage 受注 リード獲得 ann",
    )
    activities = frame(
        "activity_id at kind deal_id actor_id direction outcome effective",
        "A1 2026-07-02 call D1 ann out 接続 -",
        "A2 2026-07-03 call D1 ann out 不在 -",
        "A3 2026-07-04 call D1 ann in 接続 -",  # the customer called
        "A4 2026-07-05 call - bob out - -",
        "A5 2026-07-06 visit D1 bob - - true",
        "A6 2026-07-07 visit D1 bob - - -",
        "A7 2026-07-31 email D5 ann out - -",
    )
    tables = {"deals": deals, "deal_events": events, "activities": activities}
    return EventLog.of(tables, TOKYO)


def rows_told(steps: Steps) -> list[tuple[str, str, bool]]:
    what = [a if a is not None else d for a, d in zip(steps.activity, steps.deal, strict=True)]
    who = [PEOPLE[person] for person in steps.person]
    return list(zip(what, who, steps.followed.tolist(), strict=True))


def test_outgoing_calls_are_followed_where_they_reached_somebody():
    found = steps_of(small_log(), PEOPLE)["calls"]
    assert rows_told(found) == [("A1", "ann", True), ("A2", "ann", False), ("A4", "bob", False)]
    assert found.deal.tolist() == ["D1", "D1", None]
    assert np.array_equal(found.settled, found.at)


def test_visits_are_followed_where_they_are_recorded_as_effective():
    assert rows_told(steps_of(small_log(), PEOPLE)["visits"]) == [("A5", "bob", True), ("A6", "bob", False)]


def test_new_deals_are_those_of_who_created_them_and_are_followed_by_a_touch_in_time():
    found = steps_of(small_log(), PEOPLE)["new_deals"]
    assert rows_told(found) == [
        ("D1", "ann", True),
        ("D2", "ann", False),
        ("D3", "ann", True),
        ("D4", "ann", False),
        ("D5", "ann", False),
    ]
    assert np.array_equal(found.settled, found.at + TOUCH_DAYS * DAY)


def test_a_step_forward_is_of_who_made_it_and_followed_unless_the_next_one_takes_it_back():
    found = steps_of(small_log(), PEOPLE)["stage_moves"]
    assert rows_told(found) == [("D1", "bob", True), ("D1", "ann", False), ("D1", "bob", True)]
    assert np.array_equal(found.settled, found.at + STAND_DAYS * DAY)


def test_a_deal_is_due_in_the_month_in_which_it_stands_when_its_last_days_begin():
    found = steps_of(small_log(), PEOPLE)["due_deals"]
    # D3 and D4 were due and closed before; D5 in August, D1 once more in September.
    assert rows_told(found) == [
        ("D1", "bob", False),
        ("D2", "ann", True),
        ("D5", "ann", True),
        ("D1", "bob", True),
    ]
    july = [as_of_instant("2026-07-26", TOKYO), as_of_instant("2026-07-31", TOKYO)]
    assert [int(one[0]) for one in (found.at, found.settled)] == july


def test_there_are_no_steps_in_an_empty_log():
    found = steps_of(EventLog.of({}, TOKYO), PEOPLE)
    assert set(found) == set(KINDS)
    assert all(len(steps.at) == 0 for steps in found.values())
