"""Does every written amount become the number meant, or a row that says why not; never another number?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.importing import Saying, export_quarantine, import_path, push_rows
from crm.importing.numerals import Marks, numbers, seen
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def read(*texts, **options):
    return numbers(pa.array(list(texts)), **options).column.to_pylist()


def take(store, folder, contents, name="deals.csv", **options):
    (folder / name).write_text(contents, encoding="utf-8")
    return import_path(store, folder / name, TOKYO, now=NOW, **options)


def amounts(store):
    return store.read(TOKYO)["deals"].set_index("deal_id")["amount"].to_dict()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1'234'567", 1234567), ("1 234 567", 1234567), ("1\u00a0234\u00a0567", 1234567),
        ("12,34,567", 1234567),
        ("1\u202f234,00 €", 1234), ("5,000,000.00", 5e6), ("1.234,50", 1234.5), ("2.500.000", 2.5e6),
        ("12,5", 12.5), ("100,00", 100), ("0,5", 0.5), ("1.2e6", 1.2e6), ("-0", 0),
        ("120万円", 1.2e6), ("1,200千円", 1.2e6), ("3百万", 3e6), ("1.2億", 1.2e8),
        ("1億2,000万円", 1.2e8), ("1.1万", 11000),
        ("1.2M", 1.2e6), ("350k", 350000),
        ("￥１，２００，０００", 1.2e6), ("¥1,200,000-", 1.2e6), ("金1,200,000円也", 1.2e6),
        ("1,200,000円(税込)", 1.2e6),
        ("US$1,200", 1200), ("$1,200 USD", 1200), ("R$ 1.200,00", 1200), ("JPY 1,200,000", 1.2e6),
        ("1200 EUR", 1200),
        ("(1,200)", -1200), ("▲1,200", -1200), ("△５", -5), ("¥-3", -3), ("\\1,200", 1200),
    ],
)  # fmt: skip
def test_an_amount_is_the_number_meant(text, number):
    assert read(text) == [number]


@pytest.mark.parametrize(
    "text",
    [
        "0x10", "1_000", "NaN", "inf", "1e400", "1,2,3", "1.23.456", "1,23,456.7,8", "12.345.67",
        "1,200-", "1 2", "10²",
        "①", "1,200-1,500", "約100", "100円/月", "12 345 6", "--5", "(5", "5)", "1.2.e3", "１／２",
        "3万千", "1,234e5",
    ],
)  # fmt: skip
def test_what_is_no_one_number_is_refused(text):
    assert read(text) == [None]


@pytest.mark.parametrize(
    ("others", "number"),
    [
        (["1.234,50"], 1234), (["2.500.000"], 1234), (["12,5"], 1234),
        (["12.5"], 1.234), (["0.125"], 1.234), (["1,234.5"], 1.234), (["1,200,000"], 1.234), ([], 1.234),
    ],
)  # fmt: skip
def test_other_cells_of_the_column_decide_what_a_point_is(others, number):
    assert read("1.234", *others)[0] == number


@pytest.mark.parametrize(
    ("others", "number"),
    [(["12,5"], 1.234), (["1.234,50"], 1.234), (["2.500.000"], 1.234), (["1,200,000"], 1234), ([], 1234)],
)
def test_other_cells_of_the_column_decide_what_a_comma_is(others, number):
    assert read("1,234", *others)[0] == number


def test_a_digit_lost_from_a_column_of_grouped_numbers_is_refused_not_read_as_a_fraction():
    assert read("1,200,000", "1,23") == [1200000, None]
    assert read("2.500.000", "1.23") == [2500000, None]


def test_a_stated_mark_is_the_only_one():
    assert read("1.234", "12,5", "1.5", marks=Marks.stated(",")) == [1234, 12.5, None]
    assert read("1.234", "12,5", "1,200", marks=Marks.stated(".")) == [1.234, None, 1200]


@given(st.integers(0, 10**12), st.sampled_from([(",", "."), (".", ","), ("'", "."), (" ", ",")]))
def test_a_grouped_number_with_two_decimals_reads_back(cents, style):
    group, mark = style
    text = f"{cents // 100:,}".replace(",", group) + mark + f"{cents % 100:02d}"
    assert read(text) == [cents / 100]


def test_a_column_is_decided_as_a_whole_and_said(store, tmp_path):
    result = take(
        store, tmp_path, 'deal_id,created_at,stage,amount\nA,2026-10-01,x,1.234\nB,2026-10-01,x,"1.234,50"\n'
    )
    assert amounts(store) == {"A": 1234, "B": 1234.5}
    assert any("decimal comma" in notice.en and "1.234 is 1234" in notice.en for notice in result.notices)


def test_a_column_that_tells_nothing_is_read_as_before_with_a_notice_and_a_way_to_say_otherwise(
    store, tmp_path
):
    contents = "deal_id,created_at,stage,amount\nA,2026-10-01,x,1.234\n"
    result = take(store, tmp_path, contents)
    assert amounts(store) == {"A": 1.234}
    assert any("read in two ways" in notice.en and "--decimal ," in notice.en for notice in result.notices)
    take(store, tmp_path, contents, saying=Saying(decimal=","))
    assert amounts(store) == {"A": 1234}


def test_the_files_other_columns_and_its_separator_decide_what_a_column_leaves_open(store, tmp_path):
    take(store, tmp_path, "deal_id;created_at;stage;amount;rate\nA;2026-10-01;x;1.234;0,5\n")
    assert amounts(store) == {"A": 1234}
    take(store, tmp_path, "deal_id;created_at;stage;amount\nA;2026-10-01;x;4.321\n")
    assert amounts(store) == {"A": 4321}


def test_plain_numbers_say_nothing(store, tmp_path):
    for amount in ('"1,200"', "1200000", "0.5", '"￥1,200"'):
        result = take(store, tmp_path, f"deal_id,created_at,stage,amount\nA,2026-10-01,アポイント,{amount}\n")
        told = [notice for notice in result.notices if "observed" not in notice.en]
        assert told == []


def test_the_unit_in_a_heading_multiplies(store, tmp_path):
    result = take(
        store, tmp_path, "商談ID,作成日時,ステージ,金額（千円）\nA,2026-10-01,x,1200\nB,2026-10-01,x,3万\n"
    )
    assert amounts(store) == {"A": 1_200_000, "B": 30_000}
    assert any("1,000" in notice.en for notice in result.notices)


@pytest.mark.parametrize(
    ("contents", "amount"),
    [
        ('deal_id,created_at,stage,amount\nA,never,x,1.234\nB,2026-10-01,x,"1.234,50"\n', 1234),
        ("deal_id,created_at,stage,金額（千円）\nA,never,x,1.5\n", 1500),
        ("deal_id;created_at;stage;amount\nA;never;x;1.234\n", 1234),
    ],
)
def test_a_rejected_row_means_the_same_amount_when_it_comes_back_alone(store, tmp_path, contents, amount):
    assert [error.column for error in take(store, tmp_path, contents).errors] == ["created_at"]
    (written,) = export_quarantine(store, tmp_path / "broken")
    written.write_text(written.read_text("utf-8-sig").replace("never", "2026-10-02"), encoding="utf-8")
    assert import_path(store, written, TOKYO, now=NOW).errors == []
    assert amounts(store)["A"] == amount


def test_a_mapping_says_the_mark_for_a_column_or_all_files(store, tmp_path):
    mapping = tmp_path / "m.toml"
    for at, rule in (('decimal = ","\n', '"Betrag"'), ("", '{ from = "Betrag", decimal = "," }')):
        mapping.write_text(
            at + '[sources]\nl = { files = "list.csv" }\n[[tables]]\ntable = "deals"\nsource = "l"\n'
            'columns.deal_id = "id"\ncolumns.created_at = "at"\ncolumns.stage = "stage"\n'
            f"columns.amount = {rule}\n",
            encoding="utf-8",
        )
        contents = "id,at,stage,Betrag\nA,2026-10-01,x,1.234\n"
        assert take(store, tmp_path, contents, "list.csv", mapping=mapping).errors == []
        assert amounts(store) == {"A": 1234}


def test_events_and_pushed_rows_are_read_by_the_same_rule(store):
    given = {"A": "1.234", "B": "2.500.000"}
    rows = [{"deal_id": k, "created_at": "2026-10-01", "stage": "x", "amount": v} for k, v in given.items()]
    push_rows(store, "deals", rows, TOKYO, now=NOW)
    assert amounts(store) == {"A": 1234, "B": 2500000}
    events = [
        {"deal_id": "A", "at": f"2026-10-0{day}", "field": "amount", "value": text}
        for day, text in ((2, "1.234"), (3, "2.500.000"))
    ]
    push_rows(store, "deal_events", events, TOKYO, now=NOW)
    assert store.read(TOKYO)["deal_events"]["value"].tolist() == ["1234", "2500000"]


def test_a_rejected_event_means_the_same_amount_when_it_comes_back_alone(store, tmp_path):
    take(store, tmp_path, "deal_id,created_at,stage\nA,2026-10-01,x\n")
    contents = "deal_id,at,field,value\nA,never,amount,1.234\nA,2026-10-02,amount,2.500.000\n"
    take(store, tmp_path, contents, "deal_events.csv")
    (written,) = export_quarantine(store, tmp_path / "broken")
    written.write_text(written.read_text("utf-8-sig").replace("never", "2026-10-03"), encoding="utf-8")
    assert import_path(store, written, TOKYO, now=NOW).errors == []
    assert store.read(TOKYO)["deal_events"].sort_values("at")["value"].tolist() == ["2500000", "1234"]


def test_what_a_column_shows_is_counted_by_what_it_holds():
    assert seen(pa.array(["12.5", "x", None])).habit == "."
    assert seen(pa.array(["1.234"])).undecided == "."
    assert seen(pa.array([1.5])).undecided is None
