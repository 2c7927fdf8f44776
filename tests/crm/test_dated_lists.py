"""Do dated lists come in the order of their dates, and become history; are lines refused as ids?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.importing import Saying, import_path, push_rows
from crm.importing.list_dates import in_order, list_date
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-27", TOKYO)
SNAPSHOTS = Saying(snapshots=True)
HEADER = "商談ID,作成日時,ステージ,金額,決着日時\n"
WEEKS = {
    "deals_2026-11-02.csv": "M,2026/8/1,提案・見積,4000000,\nN,2026/9/1,初回訪問,100,\n",
    "deals_2026-11-09.csv": "M,2026/8/1,クロージング,4500000,\nN,2026/9/1,初回訪問,100,\n",
    "deals_2026-11-16.csv": "M,2026/8/1,受注,5000000,2026/11/12\nN,2026/9/1,提案・見積,100,\n",
}


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def write(folder, files):
    for name, rows in files.items():
        (folder / name).write_text(HEADER + rows, encoding="utf-8")


def take(store, path, **options):
    return import_path(store, path, TOKYO, now=NOW, **options)


def history(store):
    events = store.read(TOKYO)["deal_events"]
    at = events["at"].dt.tz_convert(TOKYO).dt.strftime("%m-%d %H:%M")
    columns = (events["deal_id"], events["field"], at, events["old_value"], events["value"])
    return sorted(zip(*columns, strict=True))


EXPECTED = [
    ("M", "amount", "11-09 23:59", "4000000", "4500000"),
    ("M", "amount", "11-16 23:59", "4500000", "5000000"),
    ("M", "stage", "11-09 23:59", "提案・見積", "クロージング"),
    ("M", "stage", "11-16 23:59", "クロージング", "受注"),
    ("N", "stage", "11-16 23:59", "初回訪問", "提案・見積"),
]


def test_dated_lists_become_history_at_the_end_of_their_days(store, tmp_path):
    write(tmp_path, WEEKS)
    result = take(store, tmp_path, saying=SNAPSHOTS)
    assert history(store) == EXPECTED
    assert result.detected_changes == len(EXPECTED)
    assert any("3 days (2026-11-02 to 2026-11-16)" in notice.en for notice in result.notices)
    stored = store.read(TOKYO)["deals"].set_index("deal_id")
    assert (stored["stage"]["M"], stored["outcome"]["M"]) == ("受注", "won")


def test_the_folder_again_changes_nothing_and_a_later_week_can_come_alone(store, tmp_path):
    first, last = dict(list(WEEKS.items())[:2]), dict(list(WEEKS.items())[2:])
    write(tmp_path, first)
    take(store, tmp_path, saying=SNAPSHOTS)
    again = take(store, tmp_path, saying=SNAPSHOTS)
    assert (again.total.read, again.detected_changes) == (0, 0)
    write(tmp_path, last)
    take(store, tmp_path, saying=SNAPSHOTS)
    assert history(store) == EXPECTED
    take(store, tmp_path / "deals_2026-11-16.csv", saying=SNAPSHOTS)
    assert history(store) == EXPECTED


def test_a_list_older_than_the_newest_cannot_be_put_between(store, tmp_path):
    write(tmp_path, {name: rows for name, rows in WEEKS.items() if "11-09" not in name})
    take(store, tmp_path, saying=SNAPSHOTS)
    before = history(store)
    write(tmp_path, WEEKS)
    result = take(store, tmp_path, saying=SNAPSHOTS)
    assert [error.code for error in result.errors] == ["old_list"]
    assert history(store) == before


def test_the_day_may_stand_in_a_column(store, tmp_path):
    rows = [f"{name[6:16]},{row}" for name, lines in WEEKS.items() for row in lines.splitlines()]
    (tmp_path / "deals.csv").write_text("基準日," + HEADER + "\n".join(rows[::-1]), encoding="utf-8")
    take(store, tmp_path, saying=SNAPSHOTS)
    assert history(store) == EXPECTED
    assert take(store, tmp_path, saying=SNAPSHOTS).errors == []
    assert history(store) == EXPECTED


@pytest.mark.parametrize("mapped", [False, True])
def test_a_file_of_many_days_can_grow_by_a_day(store, tmp_path, mapped):
    (tmp_path / "m.toml").write_text('snapshot = "as of"\n' + MAPPING.replace("_*", ""), encoding="utf-8")
    column = "as of" if mapped else "基準日"
    for days in (2, 3, 3):
        rows = [
            f"{name[6:16]},{row}" for name, lines in list(WEEKS.items())[:days] for row in lines.splitlines()
        ]
        (tmp_path / "deals.csv").write_text(f"{column},{HEADER}" + "\n".join(rows), encoding="utf-8")
        options = {"mapping": tmp_path / "m.toml"} if mapped else {}
        assert take(store, tmp_path, saying=SNAPSHOTS, **options).errors == []
    assert history(store) == EXPECTED


MAPPING = (
    '[sources]\nl = { files = "deals_*.csv" }\n[[tables]]\ntable = "deals"\nsource = "l"\n'
    'columns.deal_id = "商談ID"\ncolumns.created_at = "作成日時"\ncolumns.stage = "ステージ"\n'
    'columns.amount = "金額"\ncolumns.closed_at = "決着日時"\n'
)


def test_lists_by_a_mapping_become_history_too(store, tmp_path):
    write(tmp_path, WEEKS)
    (tmp_path / "m.toml").write_text(MAPPING, encoding="utf-8")
    for _ in range(2):
        take(store, tmp_path, mapping=tmp_path / "m.toml", saying=SNAPSHOTS)
    assert history(store) == EXPECTED


def test_a_list_without_a_day_is_no_snapshot(store, tmp_path):
    write(tmp_path, {"deals.csv": WEEKS["deals_2026-11-02.csv"]})
    with pytest.raises(SanchoError, match="or add a column snapshot_date"):
        take(store, tmp_path, saying=SNAPSHOTS)


def test_tables_beside_the_lists_are_taken_as_they_are(store, tmp_path):
    write(tmp_path, WEEKS)
    (tmp_path / "people.csv").write_text("person_id,name\nP,佐藤\n", encoding="utf-8")
    take(store, tmp_path, saying=SNAPSHOTS)
    assert store.counts()["people"] == 1
    assert history(store) == EXPECTED


def test_october_comes_after_september_without_snapshots_too_and_it_is_said(store, tmp_path):
    write(tmp_path, {
        "商談_2026年10月.csv": "M,2026/8/1,受注,5000000,2026/10/20\n",
        "商談_2026年9月.csv": "M,2026/8/1,提案・見積,4000000,\n",
    })  # fmt: skip
    result = take(store, tmp_path)
    assert store.read(TOKYO)["deals"]["stage"].tolist() == ["受注"]
    assert any("商談_2026年10月.csv" in notice.en and "--snapshots" in notice.en for notice in result.notices)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("商談_2026年9月.csv", date(2026, 9, 30)), ("deals_2026-11-02.csv", date(2026, 11, 2)),
        ("deals20261102.csv", date(2026, 11, 2)),
        ("deals_202609.csv", date(2026, 9, 30)), ("案件R8.10.csv", date(2026, 10, 31)),
        ("商談_令和元年5月.csv", date(2019, 5, 31)),
        ("deals_Oct2026.xlsx", date(2026, 10, 31)), ("deals-2026-W45.csv", date(2026, 11, 8)),
        ("商談_２０２６年１１月２日.csv", date(2026, 11, 2)),
        ("deals.csv", None), ("deals_10.csv", None), ("FY2026_Q1.csv", None), ("deals_20261332.csv", None),
    ],
)  # fmt: skip
def test_a_files_name_says_its_day(name, day):
    assert list_date(name) == day


def test_names_are_sorted_as_people_count():
    names = ["a_10月.csv", "a_9月.csv", "a_令和8年1月.csv", "a_令和7年12月.csv", "a_2.csv", "a_10.csv"]
    order = sorted(names, key=in_order)
    for first, second in (
        ("a_9月.csv", "a_10月.csv"),
        ("a_令和7年12月.csv", "a_令和8年1月.csv"),
        ("a_2.csv", "a_10.csv"),
    ):
        assert order.index(first) < order.index(second)


LINES = '[sources]\nl = { files = "list.csv" }\n[[tables]]\ntable = "deals"\nsource = "l"\n' \
    'columns.deal_id = { template = "L{(line)}" }\ncolumns.name = "案件名"\ncolumns.created_at = "登録日"\n' \
    'columns.stage = "フェーズ"\n'  # fmt: skip
WEEK = "案件名,登録日,フェーズ\nあおぞら,2026/9/1,提案・見積\nみどり,2026/8/1,アポイント\n"


def test_lines_as_ids_are_warned_of_once_and_refused_when_the_list_has_changed(store, tmp_path):
    (tmp_path / "m.toml").write_text(LINES, encoding="utf-8")
    (tmp_path / "list.csv").write_text(WEEK, encoding="utf-8")
    first = take(store, tmp_path / "list.csv", mapping=tmp_path / "m.toml")
    assert any("line number" in notice.en for notice in first.notices)
    same = take(store, tmp_path / "list.csv", mapping=tmp_path / "m.toml")
    assert same.total.imported == 0
    before = store.read(TOKYO)["deals"]
    (tmp_path / "list.csv").write_text(
        WEEK.replace("\n", "\nきぼう,2026/11/20,アポイント\n", 1), encoding="utf-8"
    )
    with pytest.raises(SanchoError, match="make deal_id of columns that name the row"):
        take(store, tmp_path / "list.csv", mapping=tmp_path / "m.toml")
    pd.testing.assert_frame_equal(store.read(TOKYO)["deals"], before)


def test_columns_that_name_the_row_are_ids_for_a_list_that_comes_again(store, tmp_path):
    (tmp_path / "m.toml").write_text(LINES.replace("L{(line)}", "{案件名}"), encoding="utf-8")
    for contents in (WEEK, WEEK.replace("\n", "\nきぼう,2026/11/20,アポイント\n", 1)):
        (tmp_path / "list.csv").write_text(contents, encoding="utf-8")
        result = take(store, tmp_path / "list.csv", mapping=tmp_path / "m.toml")
    assert (result.total.imported, result.detected_changes) == (1, 0)


HISTORY = """deal_id,at,field,old_value,value
F,2026-09-10,StageName,アポイント,提案・見積
F,2026-09-11,Amount,1000000,"2,000,000"
F,2026-09-12,CloseDate,2026-11-20,2026/12/20
F,2026-09-13,フェーズ,提案・見積,クロージング
F,2026-09-14,Owner,佐藤,鈴木
F,2026-09-15,stagee,a,b
F,2026-09-16,競合,A社,B社
F,2026-09-17,created,,
"""


def test_a_crms_own_field_names_are_known_or_asked_about(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,stage\nF,2026-09-01,クロージング\n", encoding="utf-8"
    )
    (tmp_path / "deal_events.csv").write_text(HISTORY, encoding="utf-8")
    result = take(store, tmp_path)
    events = store.read(TOKYO)["deal_events"].sort_values("at")
    assert events["field"].tolist() == [
        "stage", "amount", "expected_close_date", "stage", "owner_id", "stagee", "競合", "created",
    ]  # fmt: skip
    assert events["value"].tolist()[1:3] == ["2000000", "2026-12-20"]
    said = [notice.en for notice in result.notices]
    assert any("'StageName' was read as stage" in text for text in said)
    assert any("'stagee'" in text and "is it stage?" in text for text in said)
    assert any("競合" in text and "no columns of deals" in text for text in said)
    assert any("'created'" in text and "kept as a custom attribute" in text for text in said)


def test_pushed_events_with_a_crms_field_names_are_read_alike(store):
    push_rows(store, "deals", [{"deal_id": "F", "created_at": "2026-09-01", "stage": "x"}], TOKYO, now=NOW)
    event = {"deal_id": "F", "at": "2026-09-02", "field": "dealstage", "value": "y"}
    result = push_rows(store, "deal_events", [event], TOKYO, now=NOW)
    assert store.read(TOKYO)["deal_events"]["field"].tolist() == ["stage"]
    assert any("'dealstage' was read as stage" in notice.en for notice in result.notices)
