"""Does the workbook of the deal sheet hold the page's numbers, follow its formulas, and print on A4?"""

from __future__ import annotations

from io import BytesIO

import openpyxl
import pytest

from service.reports.yomi_workbook import yomi_workbook
from tests.support.ranked import ranked_service
from tests.support.recalculated import recalculated

AS_OF = "2026-11-20"


@pytest.fixture(scope="module")
def answer(tmp_path_factory):
    with ranked_service(tmp_path_factory.mktemp("yomi-book")) as served:
        yield served.cases.yomi.sheet("2026-Q4", "company", AS_OF, 4, "ja")


@pytest.fixture(scope="module")
def file(answer) -> bytes:
    return yomi_workbook(answer, "ja", "JPY", "2026年10〜12月期のヨミ表（全社）")


def labelled(book, months: int) -> dict[str, list]:
    rows = book["集計"].iter_rows(min_row=5, max_col=months + 2, values_only=True)
    return {row[0]: list(row[1:]) for row in rows if row[0]}


def expected(answer) -> dict[str, list]:
    rows = {}
    for row in answer["summary"]:
        label = f"{row['rank']}ヨミ" if row["code"] == "rank" else row["label"]
        rows[label] = [*row["months"], row["total"]]
    return rows


def same(found, wanted) -> None:
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        if other is None:
            assert one in (None, "")
        else:
            assert one == pytest.approx(other, rel=1e-9, abs=1e-9)


def test_the_values_that_come_with_the_file_are_the_answer_s(answer, file) -> None:
    found = labelled(openpyxl.load_workbook(BytesIO(file), data_only=True), 3)
    for label, values in expected(answer).items():
        same(found[label], values)
    assert found["　中央"][-1] == answer["revenue"]["p50"]
    assert found["　8割の幅（下）"][-1] == answer["revenue"]["p10"]


def test_libreoffice_computes_the_same_from_the_formulas_alone(answer, file, tmp_path) -> None:
    path = tmp_path / "yomi.xlsx"
    path.write_bytes(file)
    book = recalculated(path, tmp_path)
    found = labelled(book, 3)
    for label, values in expected(answer).items():
        same(found[label], values)
    before = labelled(openpyxl.load_workbook(path, data_only=True), 3)
    same(found["ヨミどおりなら（決めごとで加重）"], before["ヨミどおりなら（決めごとで加重）"])
    shown = [[cell.value for cell in row] for row in book["明細"].iter_rows(min_row=2)]
    for row, deal in zip(shown, answer["deals"], strict=True):
        same([row[8], row[9], row[11]], [deal["amount"], deal["by_period_end"], deal["difference_pp"]])
    chart = [[cell.value for cell in row[1:]] for row in book["グラフ"].iter_rows(min_row=2, max_row=4)]
    assert chart[-1][0] == pytest.approx(4e6)
    assert chart[-1][-1] == pytest.approx(answer["target"])


def test_an_agreed_chance_that_is_changed_moves_what_depends_on_it(answer, file, tmp_path) -> None:
    book = openpyxl.load_workbook(BytesIO(file))
    assert {"決めごと_A", "決めごと_B", "決めごと_C", "決めごと"} <= set(book.defined_names)
    place = book.defined_names["決めごと_A"].attr_text.split("!")[1].replace("$", "")
    book["集計"][place] = 0.5
    path = tmp_path / "changed.xlsx"
    book.save(path)
    changed = recalculated(path, tmp_path)
    before = labelled(openpyxl.load_workbook(BytesIO(file), data_only=True), 3)
    after = labelled(changed, 3)["ヨミどおりなら（決めごとで加重）"]
    was = before["ヨミどおりなら（決めごとで加重）"]
    assert after[-1] - was[-1] == pytest.approx(-0.4 * 5e6)  # D4 is the only A


def test_it_has_formulas_a_table_a_choice_of_ranks_and_data_bars(file) -> None:
    book = openpyxl.load_workbook(BytesIO(file))
    assert book.sheetnames == ["集計", "明細", "グラフ", "読み方"]
    formulas = [cell.value for row in book["集計"].iter_rows() for cell in row if cell.data_type == "f"]
    assert '=SUMIFS(明細[金額],明細[月],B$4,明細[状態],"進行中",明細[ヨミ],"A")' in formulas
    deals = book["明細"]
    assert list(deals.tables) == ["明細"]
    assert deals.freeze_panes == "D2"
    assert deals.print_title_rows == "$1:$1"
    (choice,) = deals.data_validations.dataValidation
    assert choice.formula1 == '"A,B,C"'
    kinds = [rule.type for rules in deals.conditional_formatting for rule in rules.rules]
    assert kinds == ["dataBar"]


def test_it_has_a_native_chart_with_the_target_as_a_line(file) -> None:
    (chart,) = openpyxl.load_workbook(BytesIO(file))["グラフ"]._charts
    columns, line = chart._charts
    assert (columns.tagname, columns.grouping, len(columns.ser)) == ("barChart", "stacked", 4)
    assert (line.tagname, len(line.ser)) == ("lineChart", 1)


def test_every_sheet_prints_on_a4_one_page_wide(file) -> None:
    for sheet in openpyxl.load_workbook(BytesIO(file)):
        assert str(sheet.page_setup.paperSize) == sheet.PAPERSIZE_A4
        assert sheet.page_setup.fitToWidth in (None, 1)  # 1 is what is left out
        assert sheet.page_setup.fitToHeight == 0
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.orientation == "landscape") == (sheet.title != "読み方")


def test_a_name_that_begins_like_a_formula_is_text(answer) -> None:
    deals = [{**answer["deals"][0], "name": "=HYPERLINK(1)", "account_name": "+81-3"}, *answer["deals"][1:]]
    book = openpyxl.load_workbook(BytesIO(yomi_workbook({**answer, "deals": deals}, "ja", "JPY", "-")))
    for column in "BC":
        cell = book["明細"][f"{column}2"]
        assert cell.data_type == "s"
        assert cell.quotePrefix


def test_without_ranks_it_has_our_figures_alone(answer) -> None:
    bare = {**answer, "rank_column": None, "answer_check": None}
    found = labelled(
        openpyxl.load_workbook(BytesIO(yomi_workbook(bare, "ja", "JPY", "ヨミ表")), data_only=True), 3
    )
    assert list(found)[:4] == ["目標", "受注済み", "目標との差（受注＋A＋B）", "達成率（受注済み÷目標）"]


def test_an_english_book_has_no_japanese_but_names(tmp_path_factory) -> None:
    import re

    with ranked_service(tmp_path_factory.mktemp("english-book")) as served:
        answer = served.cases.yomi.sheet("2026-Q4", "company", AS_OF, 4, "en")
    book = openpyxl.load_workbook(BytesIO(yomi_workbook(answer, "en", "JPY", "Deal sheet")))
    names = {deal[key] for deal in answer["deals"] for key in ("name", "owner_name", "stage")} | {"ヨミ"}
    cells = {str(cell.value) for sheet in book for row in sheet.iter_rows() for cell in row if cell.value}
    assert [cell for cell in cells - names if re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", cell)] == []
