"""Are workbooks read as people keep them: titles, merged cells, formulas, a manager's own sheets of deals?"""

from __future__ import annotations

import zipfile
from datetime import datetime
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from crm.importing import Saying, export_quarantine, import_path
from crm.importing.managers_sheet import Month, YearRule, is_total, month_of
from crm.instants import as_of_instant
from crm.store import Store
from tests.support.books import BOOKS, months_as_columns, months_as_rows, one_sheet

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-27", TOKYO)
LATER = as_of_instant("2026-12-04", TOKYO)
HEADER = ["商談ID", "作成日時", "ステージ", "担当者ID", "金額"]


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def take(store, path, now=NOW, **options):
    result = import_path(store, path, TOKYO, now=now, **options)
    for counts in [*result.tables.values(), *result.files.values()]:
        assert counts.read == counts.imported + counts.unchanged + counts.quarantined
    return result


def deals(store):
    return store.read(TOKYO)["deals"].set_index("deal_id")


def save(path, rows, merge=()):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for cells in merge:
        book.active.merge_cells(cells)
    book.save(path)


def told(result, *words):
    return any(all(word in notice.en for word in words) for notice in result.notices)


def test_titles_above_the_header_are_set_aside_and_said(store, tmp_path):
    title = [["営業案件一覧"], ["出力日", "2026-11-27"], []]
    save(tmp_path / "商談.xlsx", [*title, HEADER, ["E1", "2026-10-01", "アポイント", "佐藤", 100]])
    result = take(store, tmp_path)
    assert deals(store)["owner_id"].to_dict() == {"E1": "佐藤"}
    assert told(result, "row 4", "営業案件一覧", "skip")


def test_a_csv_with_titles_is_read_alike_and_its_lines_stay_true(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "Report: open "
        "deals\nExported;2026-11-27\n\ndeal_id;created_at;stage;amount\nA;2026-10-01;x;1\nB;never;x;1\n"
    )
    result = take(store, tmp_path)
    assert list(deals(store).index) == ["A"]
    assert [(error.line, error.column) for error in result.errors] == [(6, "created_at")]
    assert told(result, "row 4", "Report")


def test_names_of_columns_among_the_values_are_no_header(store, tmp_path):
    rows = [
        HEADER,
        ["E1", "2026-10-01", "アポイント", "佐藤", 100],
        ["金額", "2026-10-01", "ステージ", "担当者ID", 100],
    ]
    save(tmp_path / "商談.xlsx", rows)
    assert take(store, tmp_path).errors == []
    assert len(deals(store)) == 2


def test_a_merged_cell_belongs_to_every_row_it_spans(store, tmp_path):
    rows = [
        HEADER,
        *([f"E{n}", "2026-10-01", "アポイント", "佐藤" if n == 1 else None, 100] for n in range(1, 5)),
    ]
    save(tmp_path / "商談.xlsx", rows, ["D2:D4"])
    result = take(store, tmp_path)
    owners = deals(store)["owner_id"]
    assert owners[["E1", "E2", "E3"]].tolist() == ["佐藤"] * 3
    assert owners.isna()["E4"]
    assert told(result, "merged cells in 担当者ID", "2 cells")


def test_rows_of_totals_are_told_as_such(store, tmp_path):
    good = ["E1", "2026-10-01", "アポイント", "佐藤", 100]
    save(
        tmp_path / "商談.xlsx",
        [HEADER, good, ["合計", None, None, None, 100], [None, None, None, "平均", 100]],
    )
    result = take(store, tmp_path)
    assert [(error.line, error.code) for error in result.errors] == [(3, "total_row"), (4, "total_row")]
    assert list(deals(store).index) == ["E1"]


def test_a_formula_without_its_result_and_an_error_are_no_blank_cells(store, tmp_path):
    rows = [
        ["E1", "2026-10-01", "アポイント", "佐藤", "=1000*2"],
        ["E2", "2026-10-01", "アポイント", "#N/A", 1],
    ]
    save(tmp_path / "商談.xlsx", [HEADER, *rows, ["E3", "2026-10-01", "アポイント", "鈴木", 5]])
    result = take(store, tmp_path)
    assert [(error.line, error.column, error.code) for error in result.errors] == [
        (2, "amount", "no_result"), (3, "owner_id", "no_result"),
    ]  # fmt: skip
    assert list(deals(store).index) == ["E3"]


def test_a_workbook_that_counts_days_from_1904_is_told(store, tmp_path):
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(HEADER)
    book.active.append(["E1", datetime(2026, 10, 1), "アポイント", "佐藤", 1])
    book.save(tmp_path / "商談.xlsx")
    result = take(store, tmp_path)
    assert f"{deals(store)['created_at']['E1'].tz_convert(TOKYO):%Y-%m-%d}" == "2026-10-01"
    assert told(result, "from 1904")


def test_an_error_of_a_sheet_that_comes_back_from_the_quarantine_unmended_is_still_one(store, tmp_path):
    save(tmp_path / "商談.xlsx", [HEADER, ["E2", "2026-10-01", "アポイント", "#N/A", 1]])
    take(store, tmp_path)
    (written,) = export_quarantine(store, tmp_path / "broken")
    assert [error.code for error in take(store, written).errors] == ["no_result"]


@pytest.mark.parametrize("contents", [b"\xd0\xcf\x11\xe0" + b"\0" * 500, b"PK\x03\x04 broken", b""])
def test_a_workbook_that_cannot_be_opened_is_one_sentence_and_nothing_was_read(store, tmp_path, contents):
    (tmp_path / "deals.xlsx").write_bytes(contents)
    result = take(store, tmp_path)
    assert [error.code for error in result.errors] == ["unreadable_file"]
    assert result.is_unreadable


def test_a_truncated_workbook_is_unreadable_too(store, tmp_path):
    months_as_rows(tmp_path / "deals.xlsx")
    data = (tmp_path / "deals.xlsx").read_bytes()
    (tmp_path / "deals.xlsx").write_bytes(data[: len(data) // 2])
    assert take(store, tmp_path).is_unreadable
    with zipfile.ZipFile(tmp_path / "deals.xlsx", "w") as archive:
        archive.writestr("hello.txt", "no workbook")
    assert take(store, tmp_path).is_unreadable


def test_a_sheet_per_person_with_heads_of_months_is_read_without_editing(store, tmp_path):
    months_as_rows(tmp_path / "案件管理.xlsx")
    result = take(store, tmp_path / "案件管理.xlsx")
    assert result.errors == []
    stored = deals(store)
    columns = ["owner_id", "account_id", "stage", "amount", "確度"]
    assert stored[columns].loc["あおぞら商事/基幹更改"].tolist() == [
        "佐藤",
        "あおぞら商事",
        "提案",
        12_000_000,
        "A",
    ]
    assert stored[columns].loc["きぼう建設/CAD 増設"].tolist() == [
        "鈴木",
        "きぼう建設",
        "クロージング",
        5_000_500,
        "B",
    ]
    assert stored["expected_close_date"].astype(str).str[:10].to_dict() == {
        "あおぞら商事/基幹更改": "2026-10-31",
        "みどり工業/保守": "2026-10-31",
        "ひかり電機/端末入替": "2026-11-30",
        "きぼう建設/CAD 増設": "2026-11-30",
        "あおぞら商事/複合機": "2027-01-31",  # January of the fiscal year 2026
    }
    won = stored.loc["みどり工業/保守"]
    assert (won["outcome"], f"{won['closed_at'].tz_convert(TOKYO):%Y-%m-%d}") == ("won", "2026-10-31")
    assert told(result, "佐藤, 鈴木", "row 4", "heads of months", "1,000", "sheet's name", "3 rows of totals")
    assert told(result, "集計")


def test_months_across_in_two_rows_of_heads_are_read_without_editing(store, tmp_path):
    months_as_columns(tmp_path / "ヨミ表.xlsx")
    result = take(store, tmp_path / "ヨミ表.xlsx")
    assert result.errors == []
    stored = deals(store)
    assert stored["amount"].to_dict() == {
        "さくら食品/物流改善": 12_000_000, "さくら食品/倉庫増設": 3_500_000,
        "もみじ製薬/分析基盤": 40_000_000,
    }  # fmt: skip
    assert stored["ヨミ"].to_dict() == {
        "さくら食品/物流改善": "○", "さくら食品/倉庫増設": "△", "もみじ製薬/分析基盤": "×",
    }  # fmt: skip
    assert sorted(stored["expected_close_date"].astype(str).str[:10]) == [
        "2026-11-30",
        "2026-12-31",
        "2027-01-31",
    ]
    assert set(stored["owner_id"]) == {"高橋"}
    assert told(result, "columns of months", "1,000,000", "'ヨミ' was kept")


def test_one_sheet_with_merged_people_and_months_is_read_without_editing(store, tmp_path):
    one_sheet(tmp_path / "営業会議.xlsx")
    result = take(store, tmp_path / "営業会議.xlsx")
    assert result.errors == []
    stored = deals(store)
    assert stored["owner_id"].to_dict() == {
        "ふじ運輸/配車": "田中", "ふじ運輸/点呼": "田中", "すみれ印刷/ワークフロー": "田中",
        "つばめ観光/予約": "伊藤",
    }  # fmt: skip
    assert stored["amount"].dropna().to_dict() == {
        "ふじ運輸/配車": 1_200_000, "ふじ運輸/点呼": 15_000_000, "すみれ印刷/ワークフロー": 800_000,
    }  # fmt: skip
    assert stored["ランク"].to_dict()["ふじ運輸/点呼"] == "A"
    assert str(stored["expected_close_date"]["すみれ印刷/ワークフロー"])[:10] == "2027-02-28"
    assert stored["expected_close_date"].isna()["つばめ観光/予約"]
    assert stored["outcome"]["ふじ運輸/配車"] == "won"


@pytest.mark.parametrize("name", BOOKS)
def test_a_managers_book_again_changes_nothing_and_next_week_only_what_changed(store, tmp_path, name):
    BOOKS[name](tmp_path / name)
    take(store, tmp_path / name)
    before = deals(store)
    again = take(store, tmp_path / name, now=LATER)
    assert (again.total.imported, again.detected_changes) == (0, 0)
    assert deals(store).equals(before)
    book = openpyxl.load_workbook(tmp_path / name)
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value in (12000, 40, "1,500"):
                    cell.value = 70
    book.save(tmp_path / name)
    assert take(store, tmp_path / name, now=LATER).detected_changes == 1


@pytest.mark.parametrize(
    "header",
    [
        ["会社名", "担当", "売上"],
        ["顧客名", "件名", "金額", "担当", "月"],
        ["品名", "金額", "ランク"],
        ["顧客名", "10月", "11月"],
    ],
)
def test_lists_of_customers_or_invoices_are_no_deals(store, tmp_path, header):
    save(tmp_path / "一覧.xlsx", [header, ["あおぞら", "佐藤", 100, 1, 2][: len(header)]])
    assert [error.code for error in take(store, tmp_path).errors] == ["unknown_table"]


def test_a_managers_books_of_several_weeks_become_history(store, tmp_path):
    for week, amount in (("20261120", 12000), ("20261127", 13000)):
        months_as_rows(tmp_path / f"案件管理_{week}.xlsx")
        book = openpyxl.load_workbook(tmp_path / f"案件管理_{week}.xlsx")
        book["佐藤"]["F6"] = amount
        book.save(tmp_path / f"案件管理_{week}.xlsx")
    result = take(store, tmp_path, saying=Saying(snapshots=True))
    assert result.detected_changes == 1
    event = store.read(TOKYO)["deal_events"].iloc[0]
    assert (event["field"], event["old_value"], event["value"]) == ("amount", "12000000", "13000000")
    assert f"{event['at'].tz_convert(TOKYO):%m-%d}" == "11-27"
    assert f"{deals(store)['created_at']['あおぞら商事/基幹更改'].tz_convert(TOKYO):%m-%d}" == "11-20"


def test_a_dry_run_of_a_managers_book_says_what_it_would_take_for_what(store, tmp_path):
    months_as_rows(tmp_path / "案件管理.xlsx")
    assert told(take(store, tmp_path / "案件管理.xlsx", dry_run=True), "heads of months")
    assert store.counts()["deals"] == 0


def test_a_mapping_can_read_a_sheet_per_person_with_the_sheets_name(store, tmp_path):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for person in ("佐藤", "鈴木"):
        sheet = book.create_sheet(person)
        sheet.append(["メモ"])
        sheet.append(["品番", "開始", "段階", "千円"])
        sheet.append([f"{person}1", "2026/10/1", "アポイント", 12])
    book.save(tmp_path / "x.xlsx")
    (tmp_path / "m.toml").write_text(
        '[sources]\nl = { files = "x.xlsx", sheet = "*" }\n[[tables]]\ntable = "deals"\nsource = "l"\n'
        'columns.deal_id = "品番"\ncolumns.created_at = "開始"\ncolumns.stage = "段階"\n'
        'columns.amount = { from = "千円", unit = "千円" }\ncolumns.owner_id = { template = "{(sheet)}" }\n',
        encoding="utf-8",
    )
    take(store, tmp_path / "x.xlsx", mapping=tmp_path / "m.toml")
    assert deals(store)[["owner_id", "amount"]].to_dict("index") == {
        "佐藤1": {"owner_id": "佐藤", "amount": 12000}, "鈴木1": {"owner_id": "鈴木", "amount": 12000},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("10月", Month(10, None)), ("■１０月度", Month(10, None)), ("2026年9月受注予定", Month(9, 2026)),
        ("R8.10", Month(10, 2026)), ("2026-10-01", Month(10, 2026)), ("11月上旬", Month(11, None)),
        ("2026/3", Month(3, 2026)),
        ("13月", None), ("10", None), ("10月商店", None), ("1,200", None), (None, None),
    ],
)  # fmt: skip
def test_a_head_of_a_month_is_known_by_its_form(text, month):
    assert month_of(text) == month


def test_a_month_without_a_year_is_of_the_titles_year_or_the_nearest():
    from datetime import date

    today = date(2026, 11, 27)
    assert [YearRule(fiscal=2026).last_day(Month(n, None), today).year for n in (4, 12, 1, 3)] == [
        2026,
        2026,
        2027,
        2027,
    ]
    assert [YearRule().last_day(Month(n, None), today).isoformat() for n in (9, 11, 2, 7)] == [
        "2026-09-30", "2026-11-30", "2027-02-28", "2027-07-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "total"),
    [
        (["", "10月計", 5], True), (["合計"], True), (["A計"], True), (["差額"], True),
        (["東京設計", "会計システム"], False), (["計測工業"], False),
    ],
)  # fmt: skip
def test_totals_are_known_by_their_word(row, total):
    assert is_total([None if cell == "" else str(cell) for cell in row]) == total
