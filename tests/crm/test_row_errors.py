"""Is every bad row named with file, line, column, value and reason, and does every good row go in?"""

from __future__ import annotations

from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.importing import export_quarantine, import_path
from crm.importing.encoding import DAMAGED, decode
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)
HEADER = "deal_id,created_at,stage,name,amount,closed_at,outcome"


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


def take(store, path, **options):
    result = import_path(store, path, TOKYO, now=NOW, **options)
    for counts in [*result.tables.values(), *result.files.values()]:
        assert counts.read == counts.imported + counts.unchanged + counts.quarantined
    return result


# What is broken in a sound row, by kind: (column, code, the row as bytes for deal N).
BROKEN = {
    "wrong date": ("created_at", "bad_moment", lambda n: f"D{n},2026-02-30,初回訪問,社{n},100,,".encode()),
    "text in amount": ("amount", "bad_number", lambda n: f"D{n},2026-01-05,初回訪問,社{n},未定,,".encode()),
    "duplicate id": ("deal_id", "duplicate_id", lambda n: f"D0,2026-01-05,初回訪問,別の社{n},100,,".encode()),
    "wrong encoding": ("name", "wrong_encoding",
                       lambda n: b"D%d,2026-01-05,x," % n + f"社{n}株式会社,1,,".encode("cp932")),
    "missing columns": ("", "column_count", lambda n: f"D{n},2026-01-05".encode()),
    "missing value": ("stage", "missing", lambda n: f"D{n},2026-01-05,,社{n},100,,".encode()),
    "negative amount": ("amount", "negative", lambda n: f"D{n},2026-01-05,初回訪問,社{n},-5,,".encode()),
    "closed before created": ("closed_at", "closed_before_created",
                              lambda n: f"D{n},2026-03-05,受注,社{n},1,2026-03-04,won".encode()),
    "outcome against stage": ("outcome", "outcome_contradicts_stage",
                              lambda n: f"D{n},2026-01-05,失注,社{n},1,2026-02-01,won".encode()),
    "future time": ("created_at", "future", lambda n: f"D{n},2027-01-05,初回訪問,社{n},100,,".encode()),
}  # fmt: skip


def test_a_file_with_five_percent_broken_rows_of_ten_kinds_gives_all_others(store, tmp_path):
    rows, expected = [HEADER.encode()], {}
    for number in range(2000):
        if number % 20 == 7:
            kind = list(BROKEN)[(number // 20) % len(BROKEN)]
            column, code, make = BROKEN[kind]
            rows.append(make(number))
            expected[len(rows)] = (column, code)
        else:
            rows.append(f"D{number},2026-01-05T10:00:00,初回訪問,社{number},{number},,".encode())
    (tmp_path / "deals.csv").write_bytes(b"\n".join(rows) + b"\n")
    lines, lost = [b"activity_id,at,kind,deal_id"], {}
    for number in range(400):
        if number % 20 == 3:
            lines.append(f"A{number},2026-02-01,call,D99999{number}".encode())
            lost[len(lines)] = ("deal_id", "unknown_deal")
        else:
            lines.append(f"A{number},2026-02-01,call,D{number // 20 * 20}".encode())
    (tmp_path / "activities.csv").write_bytes(b"\n".join(lines))
    result = take(store, tmp_path)
    assert {f.line: (f.column, f.code) for f in result.errors if f.file == "deals.csv"} == expected
    assert {f.line: (f.column, f.code) for f in result.errors if f.file == "activities.csv"} == lost
    assert Counter(code for _, code in expected.values()) == dict.fromkeys(
        (code for _, code, _ in BROKEN.values()), 10
    )
    assert all(
        error.reason.ja and error.reason.en and "{" not in error.reason.both() for error in result.errors
    )
    deals, activities = result.tables["deals"], result.tables["activities"]
    assert (deals.read, deals.imported, deals.quarantined) == (2000, 1900, 100)
    assert (activities.read, activities.imported, activities.quarantined) == (400, 380, 20)
    assert store.counts()["deals"] == 1900
    assert len(store.quarantine()) == 120


def test_several_errors_of_one_row_are_reported_together(store, tmp_path):
    (tmp_path / "deals.csv").write_text(f"{HEADER}\n,きのう,初回訪問,x,-3,,draw\n", encoding="utf-8")
    result = take(store, tmp_path)
    assert {(f.column, f.code) for f in result.errors} == {
        ("deal_id", "missing"),
        ("created_at", "bad_moment"),
        ("amount", "negative"),
        ("outcome", "bad_choice"),
    }
    assert result.total.quarantined == 1


DEALS = [
    # stage, created_at, closed_at, outcome -> error or what the outcome becomes
    ("受注", "2026-01-05", "2026-02-01", "won", None, "won"),
    ("受注", "2026-01-05", "2026-02-01", "", None, "won"),
    ("失注", "2026-01-05", "2026-02-01", "", None, "lost"),
    ("提案・見積", "2026-01-05", "2026-02-01", "lost", None, "lost"),  # a CRM that keeps the last stage
    ("提案・見積", "2026-01-05", "2026-02-01", "", "closed_at_without_outcome", None),
    ("提案・見積", "2026-01-05", "", "lost", "outcome_without_closed_at", None),
    ("受注", "2026-01-05", "", "", "outcome_without_closed_at", None),
    ("失注", "2026-01-05", "2026-02-01", "won", "outcome_contradicts_stage", None),
    ("受注", "2026-01-05T10:00", "2026-01-05", "won", None, "won"),  # a plain day, the day it was created
    ("受注", "2026-01-05T10:00", "2026-01-05T10:00", "won", None, "won"),
    ("受注", "2026-01-05T10:00", "2026-01-05T09:00", "won", "closed_before_created", None),
    ("受注", "2026-01-05", "2026-11-21T23:00", "won", None, "won"),  # within a day from now
    ("受注", "2026-01-05", "2026-11-22T00:01", "won", "future", None),
]


@pytest.mark.parametrize(("stage", "created", "closed", "outcome", "error", "becomes"), DEALS)
def test_deal_outcome_and_closing_time_must_agree(
    store, tmp_path, stage, created, closed, outcome, error, becomes
):
    (tmp_path / "deals.csv").write_text(
        f"{HEADER}\nD1,{created},{stage},x,1,{closed},{outcome}\n", encoding="utf-8"
    )
    result = take(store, tmp_path)
    assert [f.code for f in result.errors] == ([error] if error else [])
    if becomes:
        deal = store.read(TOKYO)["deals"].iloc[0]
        assert deal["outcome"] == becomes
        assert deal["closed_at"] >= deal["created_at"]


def test_the_organisations_own_stages_decide_what_an_ending_is(store, tmp_path):
    (tmp_path / "stages.csv").write_text("stage,position,outcome\n商談中,1,\n成約,2,won\n", encoding="utf-8")
    (tmp_path / "deals.csv").write_text(
        f"{HEADER}\nD1,2026-01-05,成約,x,1,2026-02-01,lost\n", encoding="utf-8"
    )
    assert [f.code for f in take(store, tmp_path).errors] == ["outcome_contradicts_stage"]


def test_row_that_refers_to_a_quarantined_deal_says_so(store, tmp_path):
    (tmp_path / "deals.csv").write_text(f"{HEADER}\nD1,2026-01-99,初回訪問,x,1,,\n", encoding="utf-8")
    (tmp_path / "deal_events.csv").write_text(
        "deal_id,at,field,value\nD1,2026-01-06,stage,提案・見積\n", encoding="utf-8"
    )
    assert [f.code for f in take(store, tmp_path).errors] == ["bad_moment", "deal_in_quarantine"]


def test_values_of_events_are_read_like_the_columns_they_describe(store, tmp_path):
    (tmp_path / "deals.csv").write_text(f"{HEADER}\nD1,2026-01-05,初回訪問,x,1,,\n", encoding="utf-8")
    (tmp_path / "deal_events.csv").write_text(
        "deal_id,at,field,value,old_value\n"
        'D1,2026-01-06,amount,"1,200円",０\n'
        "D1,2026-01-07,金額,多め,\n"
        "D1,2026-01-07,amount,5,-1\n"
        "D1,2026-01-08,expected_close_date,2026/3/1,\n"
        "D1,2026-01-08,expected_close_date,春,\n"
        "D1,2026-01-09,amount,,5\n",
        encoding="utf-8",
    )
    result = take(store, tmp_path)
    assert [(f.line, f.column, f.code) for f in result.errors] == [
        (3, "value", "bad_number"),
        (4, "old_value", "negative"),
        (6, "value", "bad_date"),
    ]
    events = store.read(TOKYO)["deal_events"]
    assert events["value"].astype(object).where(events["value"].notna(), None).tolist() == [
        "1200",
        "2026-03-01",
        None,
    ]
    assert events["old_value"].tolist()[0] == "0"


def test_targets_name_a_metric_a_scope_and_a_period(store, tmp_path):
    (tmp_path / "targets.csv").write_text(
        "metric,scope,period,value\nrevenue,company,2026-Q4,100\nrevenue,team:T1,FY2026-H2,100\n"
        "Revenue!,company,2026-Q4,1\nrevenue,部署,2026-Q4,1\nrevenue,company,来期,1\nrevenue,company,2026-Q3,-1\n",
        encoding="utf-8",
    )
    result = take(store, tmp_path)
    assert [f.code for f in result.errors] == ["bad_metric", "bad_scope", "bad_period", "negative"]
    assert result.total.imported == 2


def test_import_takes_end_dates_that_lie_ahead(store, tmp_path):
    (tmp_path / "contracts.csv").write_text(
        "contract_id,account_id,started_at,ended_at,monthly_amount\nK1,C1,2026-12-01,2030-01-01,5\nK2,C1,2026-12-01,2026-11-01,5\n",
        encoding="utf-8",
    )
    (tmp_path / "people.csv").write_text(
        "person_id,active_from,active_to\nP1,2026-04-01,2027-03-31\nP2,2026-04-01,2026-03-01\n",
        encoding="utf-8",
    )
    result = take(store, tmp_path)
    assert [(f.file, f.line, f.code) for f in result.errors] == [
        ("people.csv", 3, "ended_before_started"),
        ("contracts.csv", 3, "ended_before_started"),
    ]


def test_a_quote_left_open_costs_its_own_line_only(store, tmp_path):
    (tmp_path / "teams.csv").write_text('team_id,name\nT1,a\nT2,"open\nT3,c\nT4,d\n', encoding="utf-8")
    result = take(store, tmp_path)
    assert [(f.line, f.code) for f in result.errors] == [(3, "open_quote")]
    assert store.read(TOKYO)["teams"]["team_id"].tolist() == ["T1", "T3", "T4"]


@pytest.mark.parametrize("closer", ['T4,"open', '"T4,d', 'T4,x"y,'])
def test_two_quotes_left_open_cost_their_own_lines_and_swallow_none_between(store, tmp_path, closer):
    lines = ["team_id,name", "T1,a", 'T2,"open', "T3,c", closer, "T5,e", ""]
    (tmp_path / "teams.csv").write_text("\n".join(lines), encoding="utf-8")
    result = take(store, tmp_path)
    assert 3 in [f.line for f in result.errors]
    found = store.read(TOKYO)["teams"]
    assert {"T1", "T3", "T5"} <= set(found["team_id"])
    assert not any("\n" in str(name) for name in found["name"])


def test_a_text_of_several_lines_stays_one_text(store, tmp_path):
    text = 'team_id,name\nT1,"a\nb, ""c""\n"\nT2,27" wide\nT3,"one"\n'
    (tmp_path / "teams.csv").write_text(text, encoding="utf-8")
    assert take(store, tmp_path).errors == []
    names = dict(store.read(TOKYO)["teams"][["team_id", "name"]].itertuples(index=False))
    assert names["T1"].startswith('a\nb, "c"')
    assert names["T2"] == '27" wide'


def test_control_characters_are_refused_before_a_database_is(store, tmp_path):
    (tmp_path / "teams.csv").write_bytes(b"team_id,name\nT1,a\x00b\nT2,c\n")
    assert [(f.line, f.column, f.code) for f in take(store, tmp_path).errors] == [
        (2, "name", "control_character")
    ]


def test_rows_alike_are_one_and_rows_that_differ_are_reported(store, tmp_path):
    (tmp_path / "teams.csv").write_text("team_id,name\nT1,a\nT1,a \nT1,b\nT2,c\n", encoding="utf-8")
    result = take(store, tmp_path)
    assert (result.total.imported, result.total.unchanged, result.total.quarantined) == (2, 1, 1)
    (error,) = result.errors
    assert (error.line, error.code) == (4, "duplicate_id")
    assert "line 2" in error.reason.en


def test_corrected_quarantine_rows_are_imported_and_leave_the_quarantine(store, tmp_path):
    (tmp_path / "deals.csv").write_text(
        f"{HEADER},規模\nD1,2026-01-05,初回訪問,東京商事,未定,,,3\nD2,2026-02-30,初回訪問,y,1,,,4\nD3,2026-01-05,初回訪問,z,1,,,5\n",
        encoding="utf-8",
    )
    take(store, tmp_path)
    out = tmp_path / "out"
    (path,) = export_quarantine(store, out)
    text = path.read_text(encoding="utf-8-sig")
    assert "未定" in text
    assert "数値ではありません" in text
    assert "not a number" in text
    path.write_text(text.replace("未定", "5000"), encoding="utf-8-sig")  # one corrected in Excel, one left
    result = take(store, out)
    assert (result.resolved, result.total.imported, result.total.quarantined) == (1, 1, 1)
    assert store.quarantine()["code"].tolist() == ["bad_moment"]
    deal = store.read(TOKYO)["deals"].set_index("deal_id").loc["D1"]
    assert (deal["amount"], deal["規模"]) == (5000, 3)


def test_an_exported_value_is_no_formula_and_comes_back_as_it_was(store, tmp_path):
    name = "=HYPERLINK(0)"
    (tmp_path / "deals.csv").write_text(f"{HEADER}\nD1,2026-01-05,初回訪問,{name},-5,,\n", encoding="utf-8")
    take(store, tmp_path)
    (path,) = export_quarantine(store, tmp_path / "out")
    text = path.read_text(encoding="utf-8-sig")
    assert f"'{name}" in text
    path.write_text(text.replace("-5", "5"), encoding="utf-8-sig")
    assert take(store, path).resolved == 1
    assert store.read(TOKYO)["deals"]["name"].tolist() == [name]


def test_a_row_corrected_at_its_source_leaves_the_quarantine_and_one_left_alone_stays_once(store, tmp_path):
    path = tmp_path / "deals.csv"
    path.write_text(
        f"{HEADER}\nD1,2026-01-05,初回訪問,x,未定,,\nD2,2026-02-30,初回訪問,y,1,,\n", encoding="utf-8"
    )
    take(store, path)
    take(store, path)
    assert len(store.quarantine()) == 2
    path.write_text(path.read_text(encoding="utf-8").replace("未定", "7"), encoding="utf-8")
    assert take(store, path).resolved == 1
    assert store.quarantine()["code"].tolist() == ["bad_moment"]


def test_a_file_without_its_columns_is_off_the_list_once_it_has_them(store, tmp_path):
    path = tmp_path / "deals.csv"
    path.write_text("deal_id,created_at,ステージ名\nD1,2026-01-05,初回訪問\n", encoding="utf-8")
    take(store, path)
    assert store.quarantine()["code"].tolist() == ["missing_column"]
    (listed,) = export_quarantine(store, tmp_path / "out")
    (tmp_path / "out" / "teams.csv").write_text("team_id\nT1\n", encoding="utf-8")
    assert take(store, tmp_path / "out").errors == []  # what is written there is read back, or no data
    assert "ステージ名" in listed.read_text(encoding="utf-8")
    path.write_text("deal_id,created_at,stage\nD1,2026-01-05,初回訪問\n", encoding="utf-8")
    take(store, path)
    assert len(store.quarantine()) == 0


@pytest.mark.parametrize(
    ("data", "charset", "damaged"),
    [
        ("あ,い".encode(), "utf-8", False),
        ("\ufeffあ".encode(), "utf-8-sig", False),
        ("株式会社,東京".encode("cp932"), "cp932", False),
        ("㈱①髙".encode("cp932"), "cp932", False),
        ("あ".encode("utf-16"), "utf-16", False),
        (b"ascii", "utf-8", False),
        (b"a\xff\xfeb", "utf-8", True),
        ("顧客\n東京\n大阪\n".encode() + "名古屋".encode("cp932"), "utf-8", True),
        ("顧客\n東京\n大阪\n名古屋".encode("cp932") + "\nあ".encode(), "cp932", True),
    ],
)  # fmt: skip
def test_a_character_set_is_decided_strictly(data, charset, damaged):
    decoded = decode(data)
    assert (decoded.charset, decoded.damaged) == (charset, damaged)
    assert (DAMAGED in decoded.data.decode()) == damaged


def cp932(text):
    return text.encode("cp932", "ignore").decode("cp932")


@example(["－a－－a－－a－"])
@example(["①a①①a①①a①"])
@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abc,亜腕東京株式会社ｱｲｳ①㈱髙～−", min_size=1).map(cp932)))
def test_what_excel_writes_in_cp932_is_read_as_it_was(lines):
    text = "\n".join(["株式会社"] * (sum(map(len, lines)) // 4 + len(lines) + 1) + lines)
    assert decode(text.encode("cp932"))[:3] == (text.encode(), "cp932", False)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_import_survives_any_bytes(data):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder, Store.open("sqlite://") as store:
        (Path(folder) / "deals.csv").write_bytes(b"deal_id,created_at,stage\n" + data)
        take(store, Path(folder) / "deals.csv")
