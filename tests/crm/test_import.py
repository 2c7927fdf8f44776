"""Do files of the usual kinds go in at the first try, and are all their rows accounted for?"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.importing import check_rows, import_path, push_rows
from crm.importing.read import data_format
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)
DEALS = """deal_id,created_at,stage,name,amount,expected_close_date
D1,2026-11-01T09:30:00,初回訪問,東京商事,1200000,2026-12-31
D2,2026-11-02,提案・見積,,,
"""


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def take(store, path, **options):
    result = import_path(store, path, TOKYO, now=NOW, **options)
    for counts in [*result.tables.values(), *result.files.values(), result.total]:
        assert counts.read == counts.imported + counts.unchanged + counts.quarantined
    return result


def deals(store):
    return store.read(TOKYO)["deals"].set_index("deal_id")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_the_character_set_is_recognised(store, tmp_path, encoding, ends):
    (tmp_path / "deals.csv").write_bytes(DEALS.replace("\n", ends).encode(encoding))
    assert take(store, tmp_path / "deals.csv").total.imported == 2
    stored = deals(store)
    assert (stored["stage"]["D1"], stored["name"]["D1"], stored["amount"]["D1"]) == (
        "初回訪問",
        "東京商事",
        1200000,
    )
    assert stored["created_at"]["D1"] == pd.Timestamp("2026-11-01T09:30", tz=TOKYO)
    assert stored["created_at"]["D2"] == pd.Timestamp("2026-11-02T00:00", tz=TOKYO)
    assert stored["expected_close_date"]["D1"] == pd.Timestamp("2026-12-31")


def frame():
    return pd.DataFrame(
        {
            "deal_id": ["D1", "D2"],
            "created_at": pd.to_datetime(["2026-11-01T09:30:00", "2026-11-02T00:00:00"]),
            "stage": ["初回訪問", "提案・見積"],
            "name": ["東京商事", None],
            "amount": [1200000.0, None],
            "expected_close_date": pd.to_datetime(["2026-12-31", None]),
            "規模": [3, 4],
        }
    )


WAYS = {
    "deals.csv": lambda f, p: f.to_csv(p, index=False),
    "deals.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "deals_2026.csv.gz": lambda f, p: f.to_csv(p, index=False),
    "商談.xlsx": lambda f, p: f.to_excel(p, index=False),
    "deals.parquet": lambda f, p: f.to_parquet(p),
    "deals.ndjson": lambda f, p: f.to_json(p, orient="records", lines=True, date_format="iso"),
    "deals.json": lambda f, p: f.to_json(p, orient="records", date_format="iso"),
    "deals.jsonl.gz": lambda f, p: f.to_json(p, orient="records", lines=True, date_format="iso"),
}


@pytest.mark.parametrize("name", WAYS)
def test_import_gives_the_same_rows_from_every_format(store, tmp_path, name):
    WAYS[name](frame(), tmp_path / name)
    assert take(store, tmp_path / name).total.imported == 2
    stored = deals(store)
    assert stored["created_at"].tolist() == [
        pd.Timestamp("2026-11-01T09:30", tz=TOKYO),
        pd.Timestamp("2026-11-02", tz=TOKYO),
    ]
    assert stored["name"]["D1"] == "東京商事"
    assert pd.isna(stored["name"]["D2"])
    assert stored["amount"].tolist()[0] == 1200000
    assert stored["expected_close_date"]["D1"] == pd.Timestamp("2026-12-31")
    assert stored["規模"].tolist() == [3.0, 4.0]


def test_the_same_file_again_changes_nothing_and_a_newer_one_replaces(store, tmp_path):
    path = tmp_path / "deals.csv"
    path.write_text(DEALS, encoding="utf-8")
    assert take(store, path).total.imported == 2
    assert take(store, path).total.unchanged == 2
    path.write_text(DEALS.replace("1200000", "900000"), encoding="utf-8")
    result = take(store, path)
    assert (result.total.imported, result.total.unchanged) == (1, 1)
    assert deals(store)["amount"]["D1"] == 900000


def test_a_rehearsal_reports_and_keeps_nothing(store, tmp_path):
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    result = take(store, tmp_path, dry_run=True)
    assert (result.total.imported, result.dry_run) == (2, True)
    assert store.counts()["deals"] == 0
    assert len(store.imports()) == 0


def test_a_file_of_some_columns_changes_those_and_leaves_the_others(store, tmp_path):
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    take(store, tmp_path)
    (tmp_path / "deals.csv").write_text(
        "deal_id,stage,name\nD1,クロージング,\nD7,初回訪問,x\n", encoding="utf-8"
    )
    result = take(store, tmp_path)
    assert (result.total.imported, result.total.quarantined) == (1, 1)
    assert [(f.line, f.code, f.column) for f in result.errors] == [(3, "new_row_incomplete", "created_at")]
    stored = deals(store)
    assert (stored["stage"]["D1"], stored["amount"]["D1"]) == ("クロージング", 1200000)
    assert pd.isna(stored["name"]["D1"])


def test_a_change_in_part_is_checked_against_what_is_stored(store, tmp_path):
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    take(store, tmp_path)
    (tmp_path / "deals.csv").write_text(
        "deal_id,stage,closed_at\nD1,受注,2026-10-30\nD2,受注,2026-11-10\n", encoding="utf-8"
    )
    result = take(store, tmp_path)
    assert [(f.line, f.code) for f in result.errors] == [(2, "closed_before_created")]
    assert deals(store)["outcome"]["D2"] == "won"


JAPANESE = """商談ID,作成日時,ステージ,金額,受注予定日,決着日時,結果,競合
D1,2026/11/1 9:05,提案・見積,"￥1,200,000",2026年12月31日,,,有
D2,2026年11月2日,受注,３００万くらい,2026/12/1,2026/11/10,受注,
D3,2026-11-03T10:00:00+09:00,受注,"1,000円",,2026/11/10,,無
"""


def test_japanese_labels_dates_and_amounts_are_read_and_reported(store, tmp_path):
    (tmp_path / "商談_11月.csv").write_bytes(JAPANESE.encode("cp932"))
    result = take(store, tmp_path)
    assert [(f.line, f.column, f.value, f.code) for f in result.errors] == [
        (3, "amount", "３００万くらい", "bad_number")
    ]
    stored = deals(store)
    assert stored["amount"].to_dict() == {"D1": 1200000, "D3": 1000}
    assert stored["created_at"]["D1"] == pd.Timestamp("2026-11-01T09:05", tz=TOKYO)
    assert stored["outcome"]["D3"] == "won"  # implied by the stage
    assert stored["競合"]["D1"] == "有"
    assert any("ステージ" in notice.ja and "stage" in notice.ja for notice in result.notices)


def test_a_near_miss_is_asked_about_and_other_files_go_on(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,フェーズ\nD1,2026-11-01,初回訪問\nD2,2026-11-01,初回訪問\n", encoding="utf-8"
    )
    (tmp_path / "teams.csv").write_text("team_id,name\nT1,x\n", encoding="utf-8")
    result = take(store, tmp_path)
    (error,) = result.errors
    assert (error.file, error.line, error.column, error.code) == ("deals.csv", 1, "stage", "missing_column")
    assert "列「フェーズ」は stage のことですか" in error.reason.ja
    assert result.tables["deals"].quarantined == 2
    assert result.tables["teams"].imported == 1


def test_a_spare_column_that_looks_like_a_known_one_is_asked_about(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,stage,amout\nD1,2026-11-01,初回訪問,5\n", encoding="utf-8"
    )
    (tmp_path / "teams.csv").write_text("team_id,color\nT1,x\n", encoding="utf-8")
    result = take(store, tmp_path)
    notices = [notice.en for notice in result.notices]
    assert any(
        "'amout' was imported as a custom attribute. Is it meant to be amount?" in text for text in notices
    )
    assert any("'color' is not a column of teams and was not used." in text for text in notices)


def test_a_file_whose_table_is_unknown_is_reported_and_the_table_can_be_given(store, tmp_path):
    path = tmp_path / "export-0815.csv"
    path.write_text(DEALS, encoding="utf-8")
    result = take(store, path)
    (error,) = result.errors
    assert (error.code, result.files["export-0815.csv"].quarantined, result.quarantined) == (
        "unknown_table",
        2,
        2,
    )
    assert "deals" in error.reason.en
    assert take(store, path, table="deals").total.imported == 2
    with pytest.raises(SanchoError, match="it is one of deals"):
        take(store, path, table="dealz")


def test_a_workbook_gives_each_sheet_to_its_table(store, tmp_path):
    with pd.ExcelWriter(tmp_path / "crm.xlsx") as book:
        frame().to_excel(book, sheet_name="商談", index=False)
        pd.DataFrame({"team_id": ["T1"]}).to_excel(book, sheet_name="teams", index=False)
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="メモ", index=False)
    result = take(store, tmp_path)
    assert {name: counts.imported for name, counts in result.tables.items()} == {"teams": 1, "deals": 2}


def test_tables_go_in_before_those_that_name_them_and_lines_are_true(store, tmp_path):
    (tmp_path / "activities.csv").write_text(
        'activity_id,at,kind,deal_id,subject,effective\n'
        'A1,2026-11-05,電話,D1,"二行の\n件名",はい\n\n'
        "A2,2026-11-05,訪問,D9,x,\n"
        "A3,2026-11-05,来店,,x,maybe\n",
        encoding="utf-8",
    )  # fmt: skip
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    result = take(store, tmp_path)
    assert [(f.line, f.column, f.code) for f in result.errors] == [
        (5, "deal_id", "unknown_deal"),
        (6, "effective", "bad_flag"),
    ]
    activity = store.read(TOKYO)["activities"].iloc[0]
    assert (activity["kind"], activity["subject"], activity["effective"]) == ("call", "二行の\n件名", True)


def test_rows_without_anything_are_no_rows_and_excel_first_lines_are_read(store, tmp_path):
    (tmp_path / "teams.csv").write_text(
        "sep=;\r\nteam_id;name\r\nT1;a\r\n;\r\n;\r\nT2;b\r\n", encoding="utf-8"
    )
    result = take(store, tmp_path)
    assert (result.total.read, result.total.imported) == (2, 2)


def test_custom_columns_are_numbers_only_where_every_value_is(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,stage,点数,コード,混在\nD1,2026-11-01,初回訪問,1.5,007,1\nD2,2026-11-01,初回訪問,,012,x\n",
        encoding="utf-8",
    )
    take(store, tmp_path)
    stored = deals(store)
    assert stored["点数"].dtype == "float64"
    assert stored["コード"].tolist() == ["007", "012"]
    assert stored["混在"].tolist() == ["1", "x"]


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("deals.csv", b""),
        ("deals.csv", b"\n\n\n"),
        ("deals.xlsx", b"not a workbook"),
        ("deals.parquet", b"PAR1 nothing"),
        ("deals.csv.gz", b"\x1f\x8b broken"),
        ("deals.csv", b"deal_id,deal_id,stage\nD1,D1,x\n"),
        ("deals.json", b"[{]"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_error_and_stops_nobody(store, tmp_path, name, contents):
    (tmp_path / name).write_bytes(contents)
    (tmp_path / "teams.csv").write_text("team_id\nT1\n", encoding="utf-8")
    result = take(store, tmp_path)
    assert [error.file for error in result.errors] == [name]
    assert result.tables["teams"].imported == 1
    assert result.errors[0].reason.ja


def test_import_of_an_empty_folder_or_a_missing_file_is_an_error(store, tmp_path):
    with pytest.raises(SanchoError, match="holds no file to import"):
        take(store, tmp_path)
    with pytest.raises(SanchoError, match="does not exist"):
        take(store, tmp_path / "nowhere.csv")


def test_import_reports_its_progress(store, tmp_path):
    (tmp_path / "deals.csv").write_text(DEALS, encoding="utf-8")
    reported = []
    take(store, tmp_path, progress=lambda stage, done, total: reported.append((stage.ja, done, total)))
    assert reported[-1] == ("商談を取り込み中", 2, 2)


def test_names_that_no_table_holds_are_noted_not_refused(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        "deal_id,created_at,stage,owner_id,account_id\nD1,2026-11-01,独自ステージ,P1,C1\n", encoding="utf-8"
    )
    result = take(store, tmp_path)
    assert result.total.imported == 1
    noted = " ".join(notice.en for notice in result.notices)
    assert all(f"not in the table {table}" in noted for table in ("people", "accounts", "stages"))


def test_pushed_rows_are_checked_like_those_of_files(store):
    rows = [
        {
            "deal_id": "D1",
            "created_at": "2026-11-01T09:00:00+09:00",
            "stage": "初回訪問",
            "amount": 5,
            "規模": 3,
        },
        {"deal_id": "D2", "created_at": "いつか", "stage": "初回訪問", "amount": "x"},
    ]
    result = push_rows(store, "deals", rows, TOKYO, now=NOW)
    assert (result.total.imported, result.total.quarantined) == (1, 1)
    assert [(f.line, f.column) for f in result.errors] == [(2, "created_at"), (2, "amount")]
    assert deals(store)["規模"]["D1"] == 3
    assert push_rows(store, "deals", [{"stage": "x"}], TOKYO).errors[0].code == "missing_column"
    assert push_rows(store, "deals", [], TOKYO).total.read == 0


def test_rows_can_be_checked_without_a_store():
    sound, errors = check_rows(
        "activities",
        [
            {
                "activity_id": "A1",
                "at": "2026-11-01T09:00:00Z",
                "kind": "電話",
                "deal_id": "any",
                "effective": True,
            },
            {"activity_id": "A2", "at": "2027-11-01", "kind": "call"},
        ],
        TOKYO,
        now=NOW,
    )
    assert sound["kind"].tolist() == ["call"]
    assert sound["at"].tolist() == [pd.Timestamp("2026-11-01T09:00:00Z")]
    assert [(error.line, error.code) for error in errors] == [(2, "future")]


def test_only_data_files_are_data():
    assert data_format(Path("a.CSV.GZ")) == "csv"
    assert data_format(Path("a.md")) is None


def test_a_gzipped_file_is_read_like_a_plain_one(store, tmp_path):
    (tmp_path / "deals.csv.gz").write_bytes(gzip.compress(DEALS.encode()))
    assert take(store, tmp_path).total.imported == 2


def test_a_broken_line_of_json_is_reported_and_the_rest_goes_in(store, tmp_path):
    lines = [json.dumps({"team_id": "T1"}), "{broken", "", "[1]", json.dumps({"team_id": "T2", "name": "x"})]
    (tmp_path / "teams.ndjson").write_text("\n".join(lines), encoding="utf-8")
    result = take(store, tmp_path)
    assert [(f.line, f.code) for f in result.errors] == [(2, "bad_json"), (4, "bad_json")]
    assert (result.total.read, result.total.imported) == (4, 2)
