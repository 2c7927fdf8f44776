"""Does every table remember what was known when, whatever is changed, taken back or added late?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.importing import import_path, push_rows, remove_rows
from crm.instants import DAY, as_of_instant

TOKYO = ZoneInfo("Asia/Tokyo")
FIRST = as_of_instant("2026-11-02T09:00", TOKYO)
SECOND, THIRD = FIRST + 7 * DAY, FIRST + 14 * DAY
DEAL = {"deal_id": "D1", "created_at": "2026-10-01", "stage": "提案・見積", "amount": 100}
# One row of each table that has no history of its own, and what it says a week later.
CHANGES = {
    "people": ({"person_id": "P1", "team_id": "T1", "style": "field"}, {"team_id": "T2", "style": "inside"}),
    "teams": ({"team_id": "T1", "parent_team_id": "T0"}, {"parent_team_id": "T9"}),
    "stages": ({"stage": "提案・見積", "position": 3}, {"position": 4}),
    "accounts": (
        {"account_id": "A1", "created_at": "2026-01-05", "industry": "製造", "type": "見込み"},
        {"industry": "小売", "type": "顧客"},
    ),
    "contracts": (
        {"contract_id": "K1", "account_id": "A1", "started_at": "2026-01-05", "monthly_amount": 10},
        {"monthly_amount": 12},
    ),
    "targets": ({"metric": "revenue", "scope": "company", "period": "2026-Q4", "value": 100}, {"value": 80}),
    "leads": ({"lead_id": "L1", "created_at": "2026-10-01", "source": "展示会"}, {"source": "紹介"}),
    "activities": (
        {"activity_id": "X1", "at": "2026-10-05T10:00", "kind": "call", "deal_id": "D1"},
        {"kind": "visit"},
    ),
    "contacts": ({"contact_id": "C1", "account_id": "A1", "role": "課長"}, {"role": "部長"}),
    "deal_contacts": ({"deal_id": "D1", "contact_id": "C1", "role": "決裁者"}, {"role": "窓口"}),
    "products": ({"product": "基本", "unit_price": 5}, {"unit_price": 6}),
    "deal_products": ({"deal_id": "D1", "product": "基本", "quantity": 1}, {"quantity": 2}),
    "absences": ({"person_id": "P1", "from": "2026-12-01", "to": "2026-12-05"}, {"to": "2026-12-09"}),
    "rates": ({"currency": "USD", "kind": "market", "at": "2026-10-01", "rate": 150}, {"rate": 151}),
    "organisation": ({"organisation_id": "company", "currency": "JPY"}, {"currency": "USD"}),
}  # fmt: skip


def push(store, table, *rows, now=FIRST):
    result = push_rows(store, table, list(rows), TOKYO, now=now)
    assert not result.errors, result.errors
    return result


def row(store, table, moment=None):
    """The only row of a table, as columns that are filled; None where there is none."""
    log = store.read(TOKYO)
    frame = (log if moment is None else log.as_of(moment))[table]
    assert len(frame) <= 1
    return {} if frame.empty else frame.iloc[0].dropna().to_dict()


@pytest.mark.parametrize("table", CHANGES)
def test_what_a_row_said_before_stays_known_until_a_newer_one_came(store, table):
    was, change = CHANGES[table]
    if table in ("activities", "deal_contacts", "deal_products"):
        push(store, "deals", DEAL)
    push(store, table, was)
    before = row(store, table, THIRD)
    push(store, table, was | change, now=SECOND)
    assert row(store, table, SECOND) == before
    now = row(store, table, SECOND + 1)
    assert now == row(store, table) == row(store, table, THIRD)
    assert {name: str(now[name])[:10] if name == "to" else now[name] for name in change} == change
    push(store, table, was | change, now=THIRD)  # the same again is no version
    assert row(store, table, THIRD + 1) == now


@pytest.mark.parametrize(
    "table", ["teams", "stages", "contacts", "products", "people", "accounts", "targets"]
)
def test_a_row_that_came_later_without_a_time_of_its_own_is_known_from_its_import(store, table):
    was, _ = CHANGES[table]
    first = {name: value for name, value in was.items() if name != "created_at"}
    key = next(iter(first))
    push(store, table, first)
    other = first | ({"scope": "team:T1"} if table == "targets" else {key: "another"})
    push(store, table, other, now=SECOND)
    log = store.read(TOKYO)
    assert len(log.as_of(FIRST - DAY)[table]) == len(log.as_of(SECOND)[table]) == 1
    assert len(log.as_of(SECOND + 1)[table]) == len(log[table]) == 2


def test_a_source_that_says_since_when_is_believed_whatever_the_order(store):
    people = [
        {"person_id": "P1", "team_id": "T3", "known_from": "2026-11-05"},
        {"person_id": "P1", "team_id": "T1", "known_from": "2026-09-01"},
        {"person_id": "P1", "team_id": "T2", "known_from": "2026-10-01"},
    ]
    push(store, "people", people[0], now=SECOND)
    push(store, "people", *people[1:], now=THIRD)
    push(store, "people", *people, now=THIRD + 1)  # again: nothing new
    teams = [row(store, "people", as_of_instant(day, TOKYO)).get("team_id") for day in
             ("2026-08-31", "2026-09-01", "2026-10-20", "2026-11-05", "2026-11-29")]  # fmt: skip
    assert teams == [None, "T1", "T2", "T3", "T3"]
    assert row(store, "people")["team_id"] == "T3"


def test_a_deal_that_says_since_when_it_was_so_is_believed_and_an_older_state_is_told(store):
    push(store, "deals", DEAL | {"known_from": "2026-10-05"})
    push(store, "deals", DEAL | {"amount": 300, "known_from": "2026-10-20"}, now=SECOND)
    amounts = [row(store, "deals", as_of_instant(day, TOKYO)).get("amount") for day in
               ("2026-10-04", "2026-10-05", "2026-10-19", "2026-10-20")]  # fmt: skip
    assert amounts == [None, 100, 100, 300]
    late = push_rows(store, "deals", [DEAL | {"amount": 200, "known_from": "2026-10-10"}], TOKYO, now=THIRD)
    assert [(error.code, error.column) for error in late.errors] == [("older_than_known", "known_from")]
    assert row(store, "deals")["amount"] == 300


def test_targets_are_known_by_when_they_were_set_in_any_order_and_grouping(store):
    lowered = {
        "metric": "revenue",
        "scope": "company",
        "period": "2026-Q4",
        "value": 80,
        "set_at": "2026-11-16",
    }
    first = lowered | {"value": 103.5, "set_at": "2026-10-01"}
    push(store, "targets", lowered, now=THIRD)
    push(store, "targets", first, now=THIRD + DAY)
    both = [row(store, "targets", as_of_instant(day, TOKYO)).get("value") for day in
            ("2026-09-30", "2026-10-01", "2026-11-15", "2026-11-16")]  # fmt: skip
    assert both == [None, 103.5, 103.5, 80.0]
    assert row(store, "targets")["value"] == 80


def test_one_file_can_hold_all_versions_of_a_target(store, tmp_path):
    (tmp_path / "targets.csv").write_text(
        "metric,scope,period,value,set_at\nrevenue,company,2026-Q4,80,2026-11-16\n"
        "revenue,company,2026-Q4,103.5,2026-10-01\n"
    )
    for _ in range(2):
        assert not import_path(store, tmp_path / "targets.csv", TOKYO, now=THIRD + 9 * DAY).errors
    assert row(store, "targets", as_of_instant("2026-11-15", TOKYO))["value"] == 103.5
    assert row(store, "targets")["value"] == 80


def weekly(store, now, *lines, columns="deal_id,created_at,stage,closed_at"):
    rows = [dict(zip(columns.split(","), line.split(","), strict=True)) for line in lines]
    return push(store, "deals", *rows, now=now)


def endings(store, moment=None):
    log = store.read(TOKYO)
    deals = (log if moment is None else log.as_of(moment))["deals"].set_index("deal_id")
    outcomes = deals["outcome"].astype(object)
    return outcomes.where(outcomes.notna(), None).to_dict()


def test_a_list_without_an_outcome_may_reopen_flip_and_cancel_deals(store):
    week = ("V1,2026-09-01,受注,2026-10-20", "V2,2026-09-01,失注,2026-10-21", "V3,2026-09-01,受注,2026-10-22")
    weekly(store, SECOND, *week)
    closed = {"V1": "won", "V2": "lost", "V3": "won"}
    later = ("V1,2026-09-01,提案・見積,", "V2,2026-09-01,受注,2026-11-13", "V3,2026-09-01,失注,2026-11-13")
    weekly(store, THIRD, *later)
    assert endings(store) == {"V1": None, "V2": "won", "V3": "lost"}
    assert endings(store, THIRD) == closed  # known from the import on, not before
    assert endings(store, THIRD + 1) == {"V1": None, "V2": "won", "V3": "lost"}
    assert endings(store, as_of_instant("2026-10-20", TOKYO)) == {"V1": "won", "V2": None, "V3": None}


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"stage": "提案・見積"}, None),  # pushed in part: open again
        ({"stage": "失注"}, "lost"),
        ({"closed_at": "", "outcome": "", "stage": "初回訪問"}, None),
        ({"amount": 5}, "won"),
    ],
)
def test_a_part_of_a_deal_is_enough_to_reopen_or_flip_it(store, change, outcome):
    push(store, "deals", DEAL | {"stage": "受注", "closed_at": "2026-10-20"})
    push(store, "deals", {"deal_id": "D1", **change}, now=SECOND)
    assert endings(store, SECOND) == {"D1": "won"}
    assert endings(store, SECOND + 1) == endings(store) == {"D1": outcome}


def test_a_lost_deal_that_keeps_its_stage_stays_lost_when_only_the_stage_is_sent(store):
    push(store, "deals", DEAL | {"outcome": "lost", "closed_at": "2026-10-20"})
    push(store, "deals", {"deal_id": "D1", "stage": "初回訪問"}, now=SECOND)
    assert endings(store) == {"D1": "lost"}


def test_a_closing_is_known_from_its_own_day_and_a_corrected_day_from_its_import(store):
    push(store, "deals", DEAL)
    push(store, "deals", DEAL | {"outcome": "won", "closed_at": "2026-11-05"}, now=SECOND)
    assert endings(store, as_of_instant("2026-11-05", TOKYO)) == {"D1": "won"}
    push(store, "deals", DEAL | {"outcome": "won", "closed_at": "2026-11-07"}, now=THIRD)
    assert str(row(store, "deals", THIRD)["closed_at"])[:10] == "2026-11-04"  # 5 November in Tokyo
    assert str(row(store, "deals", THIRD + 1)["closed_at"])[:10] == "2026-11-06"


def test_reopened_and_closed_again_is_known_at_each_moment(store):
    won = DEAL | {"outcome": "won", "stage": "受注", "closed_at": "2026-10-20"}
    push(store, "deals", won)
    push(store, "deals", DEAL | {"closed_at": "", "outcome": ""}, now=SECOND)
    push(store, "deals", DEAL | {"outcome": "lost", "stage": "失注", "closed_at": "2026-11-14"}, now=THIRD)
    day = [endings(store, as_of_instant(day, TOKYO))["D1"] for day in
           ("2026-10-19", "2026-10-20", "2026-11-08", "2026-11-10", "2026-11-13", "2026-11-14")]  # fmt: skip
    assert day == [None, "won", "won", None, None, "lost"]


@pytest.mark.parametrize("table", [name for name in CHANGES if name != "organisation"])
def test_a_deleted_row_is_gone_from_then_on_and_can_come_back(store, table):
    was, _ = CHANGES[table]
    if table in ("activities", "deal_contacts", "deal_products"):
        push(store, "deals", DEAL)
    push(store, table, was)
    known = row(store, table, FIRST + 1)
    push(store, table, was | {"deleted_at": "2026-11-05"}, now=SECOND)
    at = as_of_instant("2026-11-05T00:00", TOKYO)
    assert row(store, table, at) == known
    assert row(store, table, at + 1) == row(store, table) == {}
    push(store, table, was | {"deleted_at": "2026-11-05"}, now=SECOND + 1)
    assert row(store, table) == {}
    push(store, table, was, now=THIRD)
    assert row(store, table, THIRD) == {}
    assert row(store, table, THIRD + 1) == row(store, table) == known


def test_a_deal_can_be_deleted_by_its_id_and_an_unknown_one_is_not_counted(store):
    push(store, "deals", DEAL)
    assert remove_rows(store, "deals", ["D1", "D9"], TOKYO, now=SECOND) == 1
    assert remove_rows(store, "deals", ["D1"], TOKYO, now=SECOND + 1) == 0
    assert row(store, "deals") == {}
    assert row(store, "deals", SECOND)["stage"] == "提案・見積"


def test_a_wrong_event_can_be_taken_back_and_stays_so_when_the_history_comes_again(store):
    wrong = {
        "deal_id": "D1",
        "at": "2026-10-10",
        "field": "stage",
        "old_value": "アポイント",
        "value": "受注",
    }
    push(store, "deals", DEAL)
    push(store, "deal_events", wrong, now=FIRST + 1)
    assert row(store, "deals", as_of_instant("2026-10-12", TOKYO))["outcome"] == "won"
    push(store, "deal_events", wrong | {"deleted_at": "2026-11-05"}, now=SECOND)
    push(store, "deal_events", wrong, now=THIRD)
    log = store.read(TOKYO)
    assert len(log["deal_events"]) == 0
    assert len(log.as_of(as_of_instant("2026-11-04", TOKYO))["deal_events"]) == 1
    assert len(log.as_of(as_of_instant("2026-11-05", TOKYO))["deal_events"]) == 0


def test_a_merged_deal_gives_its_activities_and_leads_to_the_survivor_from_then_on(store):
    push(store, "deals", DEAL, DEAL | {"deal_id": "DUP"})
    push(store, "activities", {"activity_id": "X1", "at": "2026-10-05", "kind": "call", "deal_id": "DUP"})
    push(store, "leads", {"lead_id": "L1", "created_at": "2026-09-05", "deal_id": "DUP"})
    push(store, "deals", {"deal_id": "DUP", "deleted_at": "2026-11-05", "merged_into": "D1"}, now=SECOND)
    log = store.read(TOKYO)
    before = log.as_of(as_of_instant("2026-11-04", TOKYO))
    assert [str(name) for name in before["deals"]["deal_id"]] == ["D1", "DUP"]
    assert before["activities"]["deal_id"].tolist() == ["DUP"]
    for after in (log, log.as_of(SECOND)):
        assert [str(name) for name in after["deals"]["deal_id"]] == ["D1"]
        assert after["activities"]["deal_id"].tolist() == after["leads"]["deal_id"].tolist() == ["D1"]
    again = log.as_of(SECOND).as_of(as_of_instant("2026-11-04", TOKYO))
    pd.testing.assert_frame_equal(again["activities"], before["activities"])


def test_a_stage_that_was_renamed_is_one_stage_under_both_names(store):
    push(
        store, "stages", {"stage": "提案", "position": 1}, {"stage": "受注", "position": 2, "outcome": "won"}
    )
    push(store, "deals", DEAL | {"stage": "提案"})
    push(store, "stages", {"stage": "提案・見積", "position": 1}, now=SECOND)
    push(store, "stages", {"stage": "提案", "merged_into": "提案・見積"}, now=SECOND + 1)
    push(
        store,
        "deals",
        DEAL | {"deal_id": "D2", "stage": "提案・見積", "created_at": "2026-11-09"},
        now=SECOND + 2,
    )
    log = store.read(TOKYO)
    assert log["deals"]["stage"].tolist() == ["提案・見積", "提案・見積"]
    assert log["stages"]["stage"].tolist() == ["受注", "提案・見積"]
    assert log.as_of(SECOND - DAY)["deals"]["stage"].tolist() == ["提案"]


def test_a_full_list_takes_out_what_it_no_longer_names_and_another_only_says_so(store, tmp_path):
    path = tmp_path / "deals.csv"
    head = "deal_id,created_at,stage,amount,closed_at\n"
    kept = "KEEP,2026-09-01,クロージング,30,\n"
    both = head + kept + "DUP,2026-09-01,クロージング,30,\nOLD,2026-01-01,受注,1,2026-02-01\n"
    path.write_text(both)
    assert not import_path(store, path, TOKYO, now=FIRST).notices
    path.write_text(head + kept)
    told = import_path(store, path, TOKYO, now=SECOND)
    assert any("Open deals missing from this list: 1 (DUP)" in notice.en for notice in told.notices)
    assert len(store.read(TOKYO)["deals"]) == 3
    whole = import_path(store, path, TOKYO, now=SECOND + 1, whole=True)
    assert whole.removed == {"deals": 2}
    assert store.read(TOKYO)["deals"]["deal_id"].tolist() == ["KEEP"]
    assert len(store.read(TOKYO).as_of(SECOND)["deals"]) == 3
    revision = store.revision()
    path.write_text(both)
    import_path(store, path, TOKYO, now=THIRD, whole=True)
    assert store.revision() > revision  # they came back, though no stored row changed
    assert len(store.read(TOKYO)["deals"]) == 3


def test_a_dry_run_leaves_no_trace_of_versions(store, tmp_path):
    push(store, "teams", {"team_id": "T1", "name": "東"})
    path = tmp_path / "teams.csv"
    path.write_text("team_id,name\nT1,西\n")
    import_path(store, path, TOKYO, dry_run=True, now=SECOND)
    assert store.read(TOKYO).versions == {}
    push(store, "teams", {"team_id": "T1", "name": "北"}, now=THIRD)
    assert row(store, "teams", THIRD)["name"] == "東"


def test_a_mapping_can_say_since_when_rows_are_known_gone_or_merged(store, tmp_path):
    (tmp_path / "list.csv").write_text("id,team,since,gone\nP1,T1,2026-10-01,\nP2,T1,2026-10-01,2026-11-05\n")
    mapping = tmp_path / "m.toml"
    columns = {"person_id": "id", "team_id": "team", "known_from": "since", "deleted_at": "gone"}
    lines = [f'columns.{name} = "{column}"' for name, column in columns.items()]
    head = '[sources]\nlist = { files = "list.csv" }\n[[tables]]\ntable = "people"\nsource = "list"\n'
    mapping.write_text(head + "\n".join(lines))
    result = import_path(store, tmp_path / "list.csv", TOKYO, mapping=mapping, now=SECOND)
    assert not result.errors
    log = store.read(TOKYO)
    known = [log.as_of(as_of_instant(day, TOKYO))["people"]["person_id"].tolist() for day in
             ("2026-09-30", "2026-10-01", "2026-11-05")]  # fmt: skip
    assert known == [[], ["P1", "P2"], ["P1"]]


@pytest.mark.parametrize("table", ["deals", "accounts"])
@pytest.mark.parametrize("newer", ["", "未定", "7"])
def test_an_attribute_is_what_it_was_whatever_it_became_for_all(store, table, newer):
    row_of = DEAL if table == "deals" else {"account_id": "A1", "created_at": "2026-01-05"}
    push(store, table, row_of | {"確度": "20", "メモ": "甲"})
    before = store.read(TOKYO).as_of(THIRD)[table]
    push(store, table, row_of | {"確度": newer, "メモ": newer}, now=SECOND)
    push(store, table, row_of | {"確度": "", "メモ": ""}, now=THIRD)
    pd.testing.assert_frame_equal(store.read(TOKYO).as_of(SECOND)[table], before, check_categorical=False)
