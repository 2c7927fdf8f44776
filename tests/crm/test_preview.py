"""Is it told before an import what a file holds, and what its columns will become?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crm.errors import SanchoError
from crm.importing.mapping import read_mapping, shipped_mapping
from crm.importing.preview import preview_path

LINES = [
    "案件番号,登録日,フェーズ,商談名,見込金額（千円）,独自",
    "D1,2026-10-05,提案,基幹,1200,x",
    "D2,2026-10-06,提案,,,",
]


def written(folder: Path, name: str, encoding: str = "cp932") -> Path:
    file = folder / name
    file.write_bytes("\r\n".join(LINES).encode(encoding))
    return file


def test_a_file_named_as_a_table_shows_its_columns_with_guesses_and_values(tmp_path: Path) -> None:
    (found,) = preview_path(written(tmp_path, "商談.csv"))
    assert (found.table, found.rows, found.is_managers_book) == ("deals", 2, False)
    columns = {column.heading: column for column in found.columns}
    assert (columns["商談名"].column, columns["商談名"].samples) == ("name", ("基幹", ""))
    assert (columns["案件番号"].column, columns["案件番号"].suggestion) == (None, "deal_id")
    assert (columns["フェーズ"].suggestion, columns["登録日"].suggestion) == ("stage", "created_at")
    assert (columns["見込金額（千円）"].suggestion, columns["見込金額（千円）"].unit) == ("amount", "千円")
    assert columns["独自"].is_custom


def test_a_file_of_another_name_says_which_table_is_likely(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("deal_id,created_at,stage\nD1,2026-10-05,提案\n", "utf-8")
    (found,) = preview_path(file)
    assert (found.table, found.likely_table) == (None, "deals")
    (told,) = preview_path(file, "deals")
    assert [column.column for column in told.columns] == ["deal_id", "created_at", "stage"]


def test_a_mapping_decides_what_columns_become(tmp_path: Path) -> None:
    said = {
        "sources": {"file": {"files": ["*"]}},
        "tables": [{"table": "deals", "source": "file", "columns": {"deal_id": "案件番号", "メモ": "独自"}}],
    }
    mapping = read_mapping(json.dumps(said))
    (found,) = preview_path(written(tmp_path, "a.csv"), None, mapping)
    columns = {column.heading: column for column in found.columns}
    assert columns["案件番号"].column == "deal_id"
    assert columns["独自"].is_custom
    assert not columns["フェーズ"].is_custom
    assert columns["フェーズ"].column is None


def test_a_file_that_cannot_be_read_has_no_preview(tmp_path: Path) -> None:
    file = tmp_path / "deals.xlsx"
    file.write_bytes(b"no workbook")
    assert preview_path(file) == []


def test_a_mapping_can_be_toml_or_json_and_a_mistake_is_named() -> None:
    toml = (
        '[sources.file]\nfiles = "*"\n[[tables]]\ntable = "deals"\nsource = "file"\ncolumns.deal_id = "ID"\n'
    )
    assert read_mapping(toml).blocks[0].columns["deal_id"].source == "ID"
    with pytest.raises(SanchoError, match="is not TOML"):
        read_mapping("{")
    with pytest.raises(SanchoError, match="expected a table of settings"):
        read_mapping('{"tables": [3]}')


def test_a_mapping_named_by_a_caller_is_never_a_file_of_the_server(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[sources.file]\nfiles = "*"\n', "utf-8")
    with pytest.raises(SanchoError, match="no mapping"):
        shipped_mapping(str(file))
