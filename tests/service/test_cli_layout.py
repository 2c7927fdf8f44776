"""Do tables fit the terminal without breaking words, and use the room there is?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from service.cli.layout import fitted, laid_out

DEAL = "千代田周防製作所株式会社 営業支援クラウド（D0002372）"
DRIVER = "受注確率が下がった・後ろ倒しになった商談（時間経過を含む）"


def width(table: list[list[str]]) -> int:
    columns = list(zip(*table, strict=True))
    return (
        sum(3 + max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns) + 1
    )


def test_a_table_with_room_enough_has_no_line_break_and_headings_are_one_line():
    table = laid_out(["商談", "期待比\n（件）", "on its own,\nat most"], [[DEAL, "+0.7", "1"]], 120)
    assert table == [["商談", "期待比（件）", "on its own, at most"], [DEAL, "+0.7", "1"]]


def test_a_heading_breaks_where_it_is_written_so_if_room_is_short():
    assert laid_out(["期内\n受注確率"], [["62.7%"]], 80)[0] == ["期内受注確率"]
    assert laid_out(["期内\n受注確率"], [["62.7%"]], 12)[0] == ["期内\n受注確率"]


def test_japanese_breaks_at_spaces_brackets_and_phrases_and_words_stay_whole():
    assert laid_out([""], [[DEAL]], 30)[1] == ["千代田周防製作所株式会社\n営業支援クラウド\n（D0002372）"]
    assert laid_out([""], [[DRIVER]], 38)[1] == [
        "受注確率が下がった・\n後ろ倒しになった商談\n（時間経過を含む）"
    ]
    assert laid_out([""], [["アップセル件数"]], 14)[1] == ["アップセル\n件数"]


def test_a_number_is_not_broken_while_a_text_can_be():
    table = laid_out(["商談", "金額"], [[DEAL, "1,234,567"]], 40, unbroken=[1])
    assert table[1][1] == "1,234,567"
    assert width(table) <= 40


def test_the_parts_of_a_name_joined_by_a_hard_space_stay_in_one_line():
    assert laid_out([""], [["営業の 山本\u00a0純子"]], 14)[1] == ["営業の\n山本\u00a0純子"]


def test_a_command_in_backticks_stays_in_one_line():
    assert laid_out([""], [["その次は `sancho plan` で"]], 26)[1] == ["その次は\n`sancho plan` で"]


@pytest.mark.parametrize("columns", [80, 120])
@given(
    st.lists(
        st.tuples(*[st.text(st.sampled_from("株式会社カタナひらがなのを、。（）ab 12-"), max_size=60)] * 3),
        min_size=1,
        max_size=5,
    )
)
def test_a_table_is_never_wider_than_the_terminal_and_loses_no_letter(
    columns: int, rows: list[tuple[str, str, str]]
):
    table = laid_out(["商談", "担当者", "打ち手"], rows, columns)
    assert width(table) <= columns
    for before, after in zip(rows, table[1:], strict=True):
        assert ["".join(cell.split()) for cell in before] == ["".join(cell.split()) for cell in after]


def test_where_cells_would_take_three_lines_the_frame_goes_and_names_break_between_their_parts():
    rows = [[DEAL, "井上\u00a0久美子", "資料「他社比較表」を送る", "+11.4", "+604"]]
    headings = ["商談", "担当者", "打ち手", "受注確率\nの上昇（pt）", "増加\n見込み（万円）"]
    table, framed = fitted(headings, rows, 80, unbroken=[3, 4])
    assert not framed
    assert max(cell.count("\n") for cell in table[1]) == 1
    assert "".join(table[1][1].split()) == "井上久美子"
    lines = [
        max(cell_len(line) for cell in column for line in cell.split("\n"))
        for column in zip(*table, strict=True)
    ]
    assert sum(lines) + 2 * (len(lines) - 1) <= 80
    assert fitted(headings, rows, 160, unbroken=[3, 4])[1]
    assert fitted(["", ""], [["指紋", "0aefb24fd4de" * 20]], 80)[1], (
        "a table without headings keeps its frame"
    )
