"""Is a file that is too large inside refused in a sentence, at once, without stopping the other files?"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import orjson
import pytest

from crm.errors import SanchoError
from crm.importing import ImportResult, import_path, push_rows
from crm.importing.columns import headings
from crm.importing.limits import MAX_COLUMNS
from crm.schema import TABLES
from crm.store import Store
from service.request_rows import request_rows

TOKYO = ZoneInfo("Asia/Tokyo")
SHEET = "xl/worksheets/sheet1.xml"


def workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "deals"
    for row in (["deal_id", "created_at", "stage"], ["D-1", "2026-04-01", "x"], ["D-2", "2026-04-02", "x"]):
        sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def edited(part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed."""
    packed, out = zipfile.ZipFile(io.BytesIO(workbook())), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in packed.namelist():
            contents = packed.read(name)
            copy.writestr(name, change(contents) if name == part else contents)
    return out.getvalue()


def more_rows(xml: str) -> bytes:
    return edited(SHEET, lambda old: old.replace(b"</sheetData>", xml.encode() + b"</sheetData>"))


def imported(tmp_path: Path, data: bytes) -> ImportResult:
    """A folder with a workbook of deals and a sound file of accounts."""
    (tmp_path / "deals.xlsx").write_bytes(data)
    (tmp_path / "accounts.csv").write_text("account_id,name\nA-1,x\n")
    with Store.open(":memory:") as store:
        result = import_path(store, tmp_path, TOKYO)
    assert result.tables["accounts"].imported == 1, "the sound file is imported whatever the other one is"
    return result


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (more_rows('<row r="1000000000"><c r="A1000000000"><v>1</v></c></row>'), "row 1,048,577 or below"),
        (more_rows(" " * (150 << 20)), "it unpacks to 150 MB"),
        (edited(SHEET, lambda old: old[: len(old) // 2]), "unclosed token"),
        (edited("xl/styles.xml", lambda _: b"<x"), "unclosed token"),
        (workbook()[:2000], "not a zip file"),
    ],
    ids=["a row beyond all sheets", "a bomb", "half a sheet", "broken styles", "half a file"],
)
def test_a_broken_or_endless_workbook_is_told_and_stops_nothing(tmp_path: Path, data: bytes, why: str):
    result = imported(tmp_path, data)
    (error,) = result.errors
    assert why in error.reason.en
    assert error.reason.en.endswith("."), "it says what to do"


def test_a_space_in_the_last_row_and_a_note_in_the_last_column_are_no_rows_and_no_columns(tmp_path: Path):
    space = '<row r="90000"><c r="A90000" t="inlineStr"><is><t> </t></is></c></row>'
    assert imported(tmp_path, more_rows(space)).tables["deals"].read == 2
    note = b'<c r="XFD1" t="inlineStr"><is><t>note</t></is></c></row>'
    result = imported(tmp_path, edited(SHEET, lambda old: old.replace(b"</row>", note, 1)))
    assert (result.tables["deals"].imported, result.errors) == (2, [])


def test_a_row_of_very_many_columns_is_refused_and_says_how_many_may_be(tmp_path: Path):
    names = [f"own {number}" for number in range(MAX_COLUMNS)]
    (tmp_path / "deals.csv").write_text(
        ",".join(["deal_id", "created_at", "stage", *names]) + "\nD-1,2026-04-01,x" + ",1" * len(names) + "\n"
    )
    with Store.open(":memory:") as store:
        (error,) = import_path(store, tmp_path, TOKYO).errors
        assert f"up to {MAX_COLUMNS:,} columns" in error.reason.en
        row = {"deal_id": "D-1", "created_at": "2026-04-01", "stage": "x", **dict.fromkeys(names[:-3], 1)}
        body = orjson.dumps(row) + b"\n"
        result = push_rows(store, "deals", request_rows("deals", body, "application/x-ndjson"), TOKYO)
        assert result.total.imported == 1, "as many as may be"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b",".join(b"c%d" % n for n in range(5_000)) + b"\n1\n", "text/csv"),
        (b"\n".join(b'{"deal_id":"D","own %d":1}' % n for n in range(2_000)), "application/x-ndjson"),
    ],
    ids=["a header", "rows of different columns"],
)
def test_columns_are_counted_before_anything_is_made_of_them(
    monkeypatch: pytest.MonkeyPatch, body: bytes, kind: str
):
    made: list[int] = []
    monkeypatch.setattr("crm.importing.read.table_of", lambda _rows: made.append(1))
    monkeypatch.setattr("crm.importing.delimited._fast_csv", lambda *_: made.append(1))
    with pytest.raises(SanchoError, match=r"up to 1,000 columns"):
        request_rows("deals", body, kind)
    assert made == []


def test_a_name_of_a_column_that_goes_on_for_ever_is_compared_with_none_and_told_in_part():
    endless = "x" * 100_000
    meant = headings(TABLES["deals"], ["deal_id", "created_at", "stage", endless])
    assert meant.problem is not None
    column, code, why = meant.problem
    assert (len(column), code) == (200, "bad_column_name")
    assert "up to 200 characters" in why.en
    set_aside = headings(TABLES["teams"], ["team_id", endless])
    assert max(len(notice.en) for notice in set_aside.notices) < 400
