"""Do ids keep every digit, and does an instant fall on one day in every column?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from crm.importing import import_path, push_rows
from crm.importing.dates import days, moments
from crm.instants import as_of_instant
from crm.store import Store

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
NOW = as_of_instant("2026-11-20", TOKYO)
LONG = (4876876000000624001, 4876876000000624003)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def take(store, path, zone=TOKYO):
    return import_path(store, path, zone, now=NOW)


def deal_ids(store):
    return sorted(store.read(TOKYO)["deals"]["deal_id"])


def deal(name, **more):
    return {"deal_id": name, "created_at": "2026-10-01", "stage": "アポイント", **more}


def test_long_ids_of_json_keep_their_digits_wherever_they_stand(store, tmp_path):
    rows = [deal(number, owner_id=number - 1, account_id=number + 1) for number in LONG]
    (tmp_path / "deals.ndjson").write_text("\n".join(map(json.dumps, rows)))
    activity = {"activity_id": 10**18 + 1, "at": "2026-10-05", "kind": "call", "deal_id": LONG[1]}
    (tmp_path / "activities.ndjson").write_text(json.dumps(activity))
    assert take(store, tmp_path).errors == []
    stored = store.read(TOKYO)
    assert deal_ids(store) == [str(number) for number in LONG]
    assert set(stored["deals"]["owner_id"]) == {str(number - 1) for number in LONG}
    assert stored["activities"].loc[0, ["activity_id", "deal_id"]].tolist() == [str(10**18 + 1), str(LONG[1])]


def test_pushed_rows_and_frames_keep_them_too(store):
    push_rows(store, "deals", [deal(LONG[0]), deal(LONG[1], note="x")], TOKYO, now=NOW)
    push_rows(store, "deals", pd.DataFrame([deal(LONG[0]), deal(LONG[1])]), TOKYO, now=NOW)
    push_rows(
        store, "leads", [{"lead_id": LONG[0], "created_at": "2026-10-01", "deal_id": LONG[1]}], TOKYO, now=NOW
    )
    assert deal_ids(store) == [str(number) for number in LONG]
    assert store.read(TOKYO)["leads"]["lead_id"].tolist() == [str(LONG[0])]


def test_a_number_that_has_lost_digits_is_no_id(store, tmp_path):
    table = pa.table({"deal_id": [float(LONG[0])], "created_at": ["2026-10-01"], "stage": ["x"]})
    parquet.write_table(table, tmp_path / "deals.parquet")
    assert [error.code for error in take(store, tmp_path).errors] == ["digits_lost"]
    (tmp_path / "deals.parquet").unlink()
    (tmp_path / "deals.csv").write_text("deal_id,created_at,stage\n4.87688E+18,2026-10-01,x\n")
    assert [error.code for error in take(store, tmp_path).errors] == ["digits_lost"]
    (tmp_path / "deals.csv").write_text("deal_id,created_at,stage\nA,2026-10-01,x\n")
    (tmp_path / "deals.ndjson").write_text(json.dumps(deal("B", owner_id=float(LONG[0]))))
    assert [error.code for error in take(store, tmp_path).errors] == ["digits_lost"]


def workbook(path, ids):
    book = openpyxl.Workbook()
    book.active.append(["deal_id", "created_at", "stage"])
    for name in ids:
        book.active.append([name, "2026-10-01", "アポイント"])
    book.save(path)


def test_a_workbook_whose_numbers_end_in_zeros_beyond_15_digits_has_lost_them(store, tmp_path):
    workbook(tmp_path / "deals.xlsx", [4876876000000620000, 4876876000000630000])
    assert [error.code for error in take(store, tmp_path).errors] == ["digits_lost"] * 2
    workbook(tmp_path / "deals.xlsx", [4005002501632047, 4005002501632040, 17, "0017"])
    assert take(store, tmp_path).errors == []
    assert deal_ids(store) == ["0017", "17", "4005002501632040", "4005002501632047"]


def test_ids_written_as_fractions_throughout_are_whole_ones(store, tmp_path):
    (tmp_path / "deals.csv").write_text("deal_id,created_at,stage,owner_id\n1.0,2026-10-01,アポイント,7.0\n"
                                        "2.0,2026-10-01,アポイント,\n")  # fmt: skip
    (tmp_path / "activities.csv").write_text("activity_id,at,kind,deal_id\nv1.0,2026-10-02,call,1\n")
    assert take(store, tmp_path).errors == []
    assert deal_ids(store) == ["1", "2"]
    assert store.read(TOKYO)["activities"]["activity_id"].tolist() == ["v1.0"]


def test_long_numbers_among_own_columns_keep_their_digits(store, tmp_path):
    (tmp_path / "deals.csv").write_text(f"deal_id,created_at,stage,order\nA,2026-10-01,x,{LONG[0]}\n")
    take(store, tmp_path)
    push_rows(store, "deals", [deal("B", order=LONG[1])], TOKYO, now=NOW)
    assert store.read(TOKYO)["deals"]["order"].tolist() == [str(number) for number in LONG]


INSTANTS = """deal_id,created_at,stage,expected_close_date,closed_at,outcome
H1,2026-01-10T01:00:00Z,提案・見積,2026-03-31T23:10:05.123Z,,
H2,2026-01-10T01:00:00Z,提案・見積,2026-04-01T00:00:00+09:00,,
H3,2026-01-10T01:00:00Z,提案・見積,2026-04-01T00:00:00Z,,
H4,2026-01-10T01:00:00Z,受注,2026-03-31T15:00:00Z,2026-03-31T15:00:00Z,won
H5,2026-01-10T01:00:00Z,受注,2026-03-31T14:59:59Z,2026-03-31T14:59:59Z,won
"""


def test_an_instant_falls_on_the_organisations_day_in_every_column(store, tmp_path):
    (tmp_path / "deals.csv").write_text(INSTANTS, encoding="utf-8")
    assert take(store, tmp_path).errors == []
    stored = store.read(TOKYO)["deals"].set_index("deal_id")
    assert stored["expected_close_date"].astype(str).to_dict() == {
        "H1": "2026-04-01", "H2": "2026-04-01", "H3": "2026-04-01", "H4": "2026-04-01", "H5": "2026-03-31",
    }  # fmt: skip
    ended = stored["closed_at"].dropna().dt.tz_convert(TOKYO).dt.strftime("%Y-%m-%d")
    assert ended.to_dict() == stored.loc[["H4", "H5"], "expected_close_date"].astype(str).to_dict()


def test_typed_instants_and_events_go_by_the_same_rule(store, tmp_path):
    at = pa.array([datetime(2026, 3, 31, 23, 10, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    table = pa.table(
        {"deal_id": ["A"], "created_at": ["2026-01-01"], "stage": ["x"], "expected_close_date": at}
    )
    parquet.write_table(table, tmp_path / "deals.parquet")
    take(store, tmp_path)
    event = {
        "deal_id": "A",
        "at": "2026-02-01",
        "field": "expected_close_date",
        "value": "2026-03-31T23:10:00Z",
    }
    push_rows(store, "deal_events", [event], TOKYO, now=NOW)
    person = {"person_id": "P", "active_from": "2026-03-31T23:10:00Z", "active_to": "9999-12-31"}
    push_rows(store, "people", [person], TOKYO, now=NOW)
    stored = store.read(TOKYO)
    assert str(stored["deals"]["expected_close_date"][0])[:10] == "2026-04-01"
    assert stored["deal_events"]["value"][0] == "2026-04-01"
    assert str(stored["people"]["active_from"][0])[:10] == "2026-04-01"
    assert stored["people"]["active_to"].isna().all()  # 9999-12-31 stands for no end


def test_midnights_utc_of_a_whole_column_are_plain_days_west_of_greenwich_too():
    midnights = pa.array(["2026-04-01T00:00:00Z", "2026-05-03T00:00:00Z", None])
    assert days(midnights, NEW_YORK).column.to_pylist() == ["2026-04-01", "2026-05-03", None]
    mixed = pa.array(["2026-04-01T00:00:00Z", "2026-05-03T10:00:00Z"])
    assert days(mixed, NEW_YORK).column.to_pylist() == ["2026-03-31", "2026-05-03"]


def test_a_day_of_closing_exported_as_midnight_utc_is_that_day_in_new_york(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,stage,expected_close_date,closed_at\n"
        "A,2026-01-01,受注,2026-05-03T00:00:00Z,2026-05-03T00:00:00Z\n",
        encoding="utf-8",
    )
    take(store, tmp_path, NEW_YORK)
    stored = store.read(NEW_YORK)["deals"].iloc[0]
    assert str(stored["expected_close_date"])[:10] == "2026-05-03"
    assert f"{stored['closed_at'].tz_convert(NEW_YORK):%Y-%m-%d}" == "2026-05-03"


@pytest.mark.parametrize(
    "text",
    [
        "令和8年3月31日",
        "R8.3.31",
        "r08/3/31",
        "46112",
        "46112.378",
        "２０２６年３月３１日",
        "2026.3.31",
        "2026年3月31日(火) 9時5分",
    ],
)
def test_a_day_is_read_in_all_the_ways_it_is_written(text):
    assert days(pa.array([text]), TOKYO).column.to_pylist() == ["2026-03-31"]


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-31",
        "0001-01-01",
        "2200-01-01",
        "26/3/31",
        "3/31",
        "2026-06-30T23:59:60Z",
        "H99.1.1",
        "2026-02-30",
    ],
)
def test_what_is_no_day_of_our_time_is_refused(text):
    for column in (pa.array([text]), pa.array([text, "2026年1月1日"])):
        assert days(column, TOKYO).unreadable.tolist()[0]
        assert moments(column, TOKYO).unreadable.tolist()[0]


LIST = "deal_id,created_at,stage,amount,確度,割引率,最終訪問日,受注確率,コード,メモ"
BEFORE = (
    LIST,
    "K1,2026-09-01,x,1000000,10,0.50,2026-11-01,50%,7,ＡＢＣ",
    "K2,2026-09-01,x,1000000,20,0.25,2026-11-02,20%,8,a b",
)
AFTER = (
    LIST,
    'K1,2026/9/1,x,"1,000,000",10,0.5,2026/11/1,0.5,007,ABC',
    'K2,2026/9/1,x,"1,000,000",未定,0.250,2026年11月2日,0.2,008,a  b',
)


def test_the_same_value_written_differently_is_no_change(store, tmp_path):
    for contents in (BEFORE, AFTER):
        (tmp_path / "deals.csv").write_text("\n".join(contents), encoding="utf-8")
        result = take(store, tmp_path)
    assert result.detected_changes == 1
    events = store.read(TOKYO)["deal_events"]
    assert events[["deal_id", "field", "value", "old_value"]].to_numpy().tolist() == [
        ["K2", "確度", "未定", "20"]
    ]
