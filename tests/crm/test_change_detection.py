"""Does history grow where a source gives only the present state of deals, and is nothing recorded twice?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd

from crm.importing import import_path, push_rows
from crm.instants import DAY, HOUR, as_of_instant
from crm.schema import OBSERVER

TOKYO = ZoneInfo("Asia/Tokyo")
WEEK = 7 * DAY
FIRST = as_of_instant("2026-11-02T09:00", TOKYO)
SECOND, THIRD = FIRST + WEEK, FIRST + 2 * WEEK
ROW = {
    "deal_id": "D1",
    "created_at": "2026-10-01T10:00",
    "stage": "初回訪問",
    "amount": 1_200_000,
    "expected_close_date": "2026-12-31",
    "owner_id": "P1",
    "競合": "A社",
}


def sync(store, now, *rows, table="deals"):
    result = push_rows(store, table, list(rows), TOKYO, now=now)
    assert not result.errors
    return result


def seen(store):
    """What the history holds, without who recorded it."""
    events = store.read(TOKYO)["deal_events"]
    at = events["at"].dt.tz_convert(None).astype("int64").to_numpy()
    blank = events[["field", "old_value", "value"]].astype(object)
    whole = blank.where(blank.notna(), None)
    return sorted(zip(whole["field"], whole["old_value"], whole["value"], at.tolist(), strict=True), key=str)


def known(store, moment):
    return store.read(TOKYO).as_of(moment)["deals"].set_index("deal_id").loc["D1"]


def test_a_row_that_changed_leaves_what_it_was_in_the_history(store):
    sync(store, FIRST, ROW)
    changed = {
        "stage": "提案・見積",
        "amount": 990_000.5,
        "expected_close_date": "2027-01-31",
        "owner_id": "P2",
        "競合": "B社",
    }
    result = sync(store, SECOND, ROW | changed)
    assert result.detected_changes == result.to_dict()["detected_changes"] == 5
    assert any("5 changes observed" in notice.en for notice in result.notices)
    assert seen(store) == sorted(
        [
            ("stage", "初回訪問", "提案・見積", SECOND),
            ("amount", "1200000", "990000.5", SECOND),
            ("expected_close_date", "2026-12-31", "2027-01-31", SECOND),
            ("owner_id", "P1", "P2", SECOND),
            ("競合", "A社", "B社", SECOND),
        ],
        key=str,
    )
    assert (store.read(TOKYO)["deal_events"]["actor_id"] == OBSERVER).all()


def test_answers_as_of_before_the_import_stay_and_those_after_it_are_new(store):
    sync(store, FIRST, ROW, {**ROW, "deal_id": "D2"})
    moments = [as_of_instant("2026-10-15", TOKYO), FIRST + 1, SECOND]
    before = [store.read(TOKYO).as_of(moment)["deals"] for moment in moments]
    sync(store, SECOND, ROW | {"stage": "提案・見積", "amount": 800_000, "競合": None})
    for moment, deals in zip(moments, before, strict=True):
        again = store.read(TOKYO).as_of(moment)["deals"]
        pd.testing.assert_frame_equal(again.astype(object), deals.astype(object))
    now = known(store, SECOND + 1)
    assert (now["stage"], now["amount"]) == ("提案・見積", 800_000)
    assert pd.isna(now["競合"])


def test_the_same_rows_again_and_rows_of_new_deals_are_no_change(store):
    sync(store, FIRST, ROW)
    assert sync(store, SECOND, ROW, ROW | {"deal_id": "D2", "stage": "提案・見積"}).detected_changes == 0
    assert seen(store) == []


def test_how_a_deal_closed_is_not_recorded_twice(store):
    sync(store, FIRST, ROW)
    won = {"stage": "受注", "closed_at": "2026-11-05", "outcome": "won"}
    assert sync(store, SECOND, ROW | won).detected_changes == 1
    assert seen(store) == [("stage", "初回訪問", "受注", SECOND)]
    between, after = known(store, as_of_instant("2026-11-06", TOKYO)), known(store, SECOND + 1)
    assert (between["stage"], between["outcome"]) == ("初回訪問", "won")
    assert (after["stage"], after["outcome"]) == ("受注", "won")


def event(value, at, old="初回訪問"):
    moment = pd.Timestamp(at, unit="us", tz="UTC").isoformat()
    return {"deal_id": "D1", "at": moment, "field": "stage", "value": value, "old_value": old}


def test_a_change_that_an_event_already_tells_is_not_observed(store):
    sync(store, FIRST, ROW)
    events = event("初回訪問", FIRST - DAY, "アポイント"), event("提案・見積", SECOND - DAY)
    sync(store, SECOND, *events, table="deal_events")
    assert sync(store, SECOND, ROW | {"stage": "提案・見積"}).detected_changes == 0
    # Back to what it was: that an earlier event had this value does not tell it.
    assert sync(store, THIRD, ROW).detected_changes == 1
    assert ("stage", "提案・見積", "初回訪問", THIRD) in seen(store)


def test_a_change_and_its_event_in_one_import_are_one(store, tmp_path):
    sync(store, FIRST, ROW)
    pd.DataFrame([ROW | {"stage": "提案・見積"}]).to_csv(tmp_path / "deals.csv", index=False)
    pd.DataFrame([event("提案・見積", SECOND - DAY)]).to_csv(tmp_path / "deal_events.csv", index=False)
    assert import_path(store, tmp_path, TOKYO, now=SECOND).detected_changes == 0
    assert seen(store) == [("stage", "初回訪問", "提案・見積", SECOND - DAY)]


def test_the_real_event_that_comes_later_takes_the_place_of_the_observed_one(store):
    sync(store, FIRST, ROW)
    sync(store, SECOND, ROW | {"stage": "提案・見積", "owner_id": "P2"})
    sync(store, SECOND + HOUR, event("提案・見積", SECOND - DAY), table="deal_events")
    assert seen(store) == [
        ("owner_id", "P1", "P2", SECOND),
        ("stage", "初回訪問", "提案・見積", SECOND - DAY),
    ]
    # Another change in between: then the observed one tells of something else, and stays.
    sync(store, THIRD, ROW | {"stage": "クロージング", "owner_id": "P2"})
    late = event("提案・見積", THIRD - DAY, "初回訪問")
    sync(store, THIRD + HOUR, late, table="deal_events")
    assert ("stage", "提案・見積", "クロージング", THIRD) in seen(store)


def test_a_deal_in_two_files_of_one_import_changes_once_from_what_was_stored(store, tmp_path):
    for at, stages in ((FIRST, ("初回訪問", "提案・見積")), (SECOND, ("初回訪問", "クロージング"))):
        for number, stage in enumerate(stages):
            rows = [ROW | {"stage": stage}]
            rows += [ROW | {"deal_id": "D2", "stage": stage}] if at == SECOND else []  # new in this import
            pd.DataFrame(rows).to_csv(tmp_path / f"deals_{number}.csv", index=False)
        import_path(store, tmp_path, TOKYO, now=at)
    assert seen(store) == [("stage", "提案・見積", "クロージング", SECOND)]


def test_dry_run_reports_detected_changes_and_stores_nothing(store, tmp_path):
    sync(store, FIRST, ROW)
    pd.DataFrame([ROW | {"amount": 5}]).to_csv(tmp_path / "deals.csv", index=False)
    assert import_path(store, tmp_path, TOKYO, now=SECOND, dry_run=True).detected_changes == 1
    assert seen(store) == []
