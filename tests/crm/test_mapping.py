"""Does a mapping turn exports of any shape into canonical rows, with every source row accounted for?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from crm.errors import SanchoError
from crm.importing import import_path
from crm.importing.mapping import load_mapping, shipped_mappings
from crm.instants import as_of_instant
from crm.store import Store

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = as_of_instant("2026-11-20", TOKYO)

MAPPING = """
title_ja = "SFAの案件一覧"
title_en = "SFA export"
dates = ["%d.%m.%Y"]

[sources]
anken = { files = "案件*.csv", skip = 2 }
shohin = { files = "商品.tsv" }
rireki = { files = "履歴.csv" }
nippo = { files = "日報*.csv", optional = true }

[[tables]]
table = "deals"
source = "anken"
history = ["stage", "closed_at", "outcome", "owner_id"]
where = { "案件名" = true, "区分" = { without = ["テスト"] } }
columns.deal_id = { template = "SFA-{案件番号}" }
columns.created_at = "登録日"
columns.name = "案件名"
columns.product = { from = "商品コード", lookup = "shohin", on = "コード", take = "名称" }
columns.amount = { first = [
  { from = "見込金額(千円)", unit = "千円" },
  { from = "商品コード", lookup = "shohin", on = "コード", take = "定価" },
] }
columns.deal_type = { from = "区分", values = { "新" = "new", "追" = "upsell" }, others = "error" }
columns.expected_close_date = { from = "受注予定", dates = ["%Y年%m月期末", "%y/%m/%d"] }
columns.region = { const = "東日本" }
columns.memo = { from = "備考", optional = true }

[[tables]]
table = "deal_events"
source = "rireki"
where = { "項目" = "フェーズ" }
columns.deal_id = { template = "SFA-{案件番号}" }
columns.at = "日時"
columns.field = { const = "stage" }
columns.value = { from = "値", values = { A = "アポイント", B = "提案・見積", X = "受注" }, others = "error" }

[[tables]]
table = "deal_events"
source = "rireki"
where = { "項目" = "担当" }
columns.deal_id = { template = "SFA-{案件番号}" }
columns.at = "日時"
columns.field = { const = "owner_id" }
columns.value = "値"
"""
ANKEN = """SFA 案件一覧,,,,,,
出力日,2026/11/01,,,,,
案件番号,登録日,案件名,商品コード,見込金額(千円),区分,受注予定
1,05.10.2026,東京商事,P1,"1,500",新,26/12/25
2,2026-10-06,大阪物産,P2,,追,2027年3月期末
3,2026-10-07,練習,P1,5,テスト,
4,2026-10-07,名古屋,P9,多,謎,26/12/25
"""
SHOHIN = "コード\t名称\t定価\nP1\tクラウド\t1000\nP2\t保守\t300000\n"
RIREKI = """案件番号,日時,項目,値
1,2026-10-05 10:00,フェーズ,A
1,2026-10-08 10:00,フェーズ,B
1,2026-10-09 10:00,フェーズ,B
1,2026-10-06 10:00,担当,P1
1,2026-10-07 10:00,担当,P2
2,2026-10-06 10:00,フェーズ,A
2,2026-10-20 10:00,フェーズ,X
2,2026-10-21 10:00,フェーズ,Q
2,2026-10-21 10:00,色,赤
"""


@pytest.fixture
def store():
    with Store.open("sqlite://") as opened:
        yield opened


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "案件一覧.csv").write_bytes(ANKEN.encode("cp932"))
    (folder / "商品.tsv").write_text(SHOHIN, encoding="utf-8")
    (folder / "履歴.csv").write_text(RIREKI, encoding="utf-8-sig")
    (tmp_path / "sfa.toml").write_text(MAPPING, encoding="utf-8")
    return folder


def take(store, folder, mapping, **options):
    result = import_path(store, folder, TOKYO, mapping=mapping, now=options.pop("now", NOW), **options)
    for counts in [*result.tables.values(), *result.files.values()]:
        assert counts.read == counts.imported + counts.unchanged + counts.quarantined
    return result


def counts(result, file):
    counts = result.files[file]
    return (counts.read, counts.imported, counts.unchanged, counts.quarantined)


def test_an_export_becomes_deals_and_their_history(store, export):
    result = take(store, export, export.parent / "sfa.toml")
    deals = store.read(TOKYO)["deals"].set_index("deal_id")
    first, second = deals.loc["SFA-1"], deals.loc["SFA-2"]
    assert (first["amount"], first["product"], first["deal_type"]) == (1_500_000, "クラウド", "new")
    assert first["created_at"] == pd.Timestamp("2026-10-05", tz=TOKYO)
    assert first["expected_close_date"] == pd.Timestamp("2026-12-25")
    assert (first["stage"], first["owner_id"], first["region"]) == ("提案・見積", "P2", "東日本")
    assert pd.isna(first["outcome"])
    assert (second["amount"], second["deal_type"]) == (300_000, "upsell")  # the list price stands in
    assert (second["stage"], second["outcome"]) == ("受注", "won")
    assert second["closed_at"] == pd.Timestamp("2026-10-20T10:00", tz=TOKYO)
    assert second["expected_close_date"] == pd.Timestamp("2027-03-01")
    events = store.read(TOKYO)["deal_events"]
    changes = (
        events.astype(object)
        .where(events.notna(), None)[["deal_id", "field", "value", "old_value"]]
        .to_numpy()
        .tolist()
    )
    assert changes == [
        ["SFA-1", "stage", "アポイント", None],
        ["SFA-1", "stage", "提案・見積", "アポイント"],
        ["SFA-1", "owner_id", "P1", None],
        ["SFA-1", "owner_id", "P2", "P1"],
        ["SFA-2", "stage", "アポイント", None],
        ["SFA-2", "stage", "受注", "アポイント"],
    ]
    assert {(f.file, f.line, f.column, f.value, f.code) for f in result.errors} == {
        ("案件一覧.csv", 7, "amount", "多", "bad_number"),
        ("案件一覧.csv", 7, "deal_type", "謎", "unmapped_value"),
        ("案件一覧.csv", 7, "stage", "", "missing"),
        ("履歴.csv", 9, "value", "Q", "unmapped_value"),
    }
    # Four cases: two in, one set aside by the filter, one quarantined.
    assert counts(result, "案件一覧.csv") == (4, 2, 1, 1)
    # Nine lines: six in, one repeats a phase and one is of no block, one quarantined.
    assert counts(result, "履歴.csv") == (9, 6, 2, 1)
    assert counts(result, "商品.tsv") == (2, 0, 2, 0)
    assert any("1 rows of 案件一覧.csv meet no condition" in notice.en for notice in result.notices)


def test_the_same_export_again_changes_nothing(store, export):
    take(store, export, export.parent / "sfa.toml")
    before = store.revision()
    again = take(store, export, export.parent / "sfa.toml")
    assert again.total.imported == 0
    assert counts(again, "案件一覧.csv") == (4, 0, 3, 1)
    assert store.revision() == before
    assert len(store.quarantine()) == 4


def test_a_column_that_the_file_lacks_is_reported_with_those_it_has(store, export):
    (export / "履歴.csv").write_text(RIREKI.replace("日時", "更新日"), encoding="utf-8")
    result = take(store, export, export.parent / "sfa.toml")
    error = next(f for f in result.errors if f.file == "履歴.csv")
    assert (error.code, error.column) == ("missing_column", "日時")
    assert "更新日" in error.reason.ja
    assert counts(result, "履歴.csv") == (9, 0, 0, 9)


def test_a_file_that_the_mapping_needs_and_is_not_there_is_named(store, export):
    (export / "商品.tsv").unlink()
    with pytest.raises(SanchoError, match=r"no file matches 商品\.tsv"):
        take(store, export, export.parent / "sfa.toml")


PAIRS = """
[sources]
log = { files = "log.csv" }

[[tables]]
table = "activities"
source = "log"
pair = { by = ["case", "task"], column = "what", start = "START", end = "END", time = "at" }
columns.activity_id = { template = "{case}-{(line)}" }
columns.at = "at"
columns.kind = "task"
columns.minutes = "(minutes)"

[[tables]]
table = "people"
source = "log"
distinct = true
where = { who = true }
columns.person_id = "who"
"""


def test_mapping_joins_a_start_and_an_end_into_one_activity_with_minutes(store, tmp_path):
    (tmp_path / "log.csv").write_text(
        "case,task,what,at,who\n"
        "1,call,START,2026-10-01T10:00:00,P1\n"
        "1,visit,START,2026-10-01T10:05:00,P2\n"  # begun, never ended
        "1,call,END,2026-10-01T10:12:30,P1\n"
        "2,call,END,2026-10-01T11:00:00,\n"  # ended, never begun
        "2,call,START,2026-10-01T12:00:00,P1\n"
        "2,call,END,2026-10-01T12:00:00,P1\n",
        encoding="utf-8",
    )
    (tmp_path / "m.toml").write_text(PAIRS, encoding="utf-8")
    result = take(store, tmp_path, tmp_path / "m.toml")
    found = store.read(TOKYO)["activities"].set_index("activity_id")
    assert found["minutes"].astype(object).where(found["minutes"].notna(), None).to_dict() == {
        "1-3": None, "1-4": 12.5, "2-5": None, "2-7": 0.0,
    }  # fmt: skip
    assert found["at"]["1-4"] == pd.Timestamp("2026-10-01T10:12:30", tz=TOKYO)
    assert store.read(TOKYO)["people"]["person_id"].tolist() == ["P1", "P2"]
    assert counts(result, "log.csv") == (6, 6, 0, 0)


def test_changes_of_one_instant_keep_the_order_of_the_file_across_blocks(store, tmp_path):
    (tmp_path / "log.csv").write_text(
        "case,what,at\n1,new,2026-10-01T10:00:00\n1,offer,2026-10-02T10:00:00\n1,done,2026-10-02T10:00:00\n",
        encoding="utf-8",
    )
    block = """
[[tables]]
table = "deal_events"
source = "log"
where = { what = %s }
columns.deal_id = "case"
columns.at = "at"
columns.field = { const = "stage" }
columns.value = "what"
"""
    deals = """
[sources]
log = { files = "log.csv" }
[[tables]]
table = "deals"
source = "log"
distinct = true
history = ["stage"]
where = { what = "new" }
columns.deal_id = "case"
columns.created_at = "at"
"""
    (tmp_path / "m.toml").write_text(deals + block % '["new", "done"]' + block % '"offer"', encoding="utf-8")
    take(store, tmp_path, tmp_path / "m.toml")
    log = store.read(TOKYO)
    assert log["deal_events"]["value"].tolist() == ["new", "offer", "done"]
    assert log["deal_events"]["old_value"].astype(object).tolist()[1:] == ["new", "offer"]
    assert log.as_of(NOW)["deals"]["stage"].tolist() == ["done"]


MISTAKES = [
    ("sorces = {}", r"unknown key 'sorces'; did you mean sources"),
    ("[[tables]]\ntable = 'deal'\n", "no 'deal'; did you mean deals"),
    ("[[tables]]\ntable = 'deals'\n", "give either source or rows"),
    ("[sources]\na = {files = 'a.csv'}\n[[tables]]\ntable = 'deals'\nsource = 'b'\n", "no 'b'"),
    ("[sources]\na = {file = 'a.csv'}\n", "unknown key 'file'; did you mean files"),
    ("[sources]\na = {}\n", "files is missing"),
    ("zone = 'Asia/Osaka'\n", "no time zone 'Asia/Osaka'"),
    ("title_en = 'x'\n", "write at least one"),
    ("[[tables]\n", "is not TOML"),
    ("COLUMN name = 'x'\nstagee = 'x'\nTEAMS", "no 'stagee'"),
    ("COLUMN deal_id = {form = 'x'}", "unknown key 'form'; did you mean from"),
    ("COLUMN deal_id = {from = 'x', const = 'y'}", "exactly one of from, const, template, first"),
    ("COLUMN amount = {from = 'x', unit = '千万円玉'}", "no '千万円玉'"),
    ("COLUMN amount = {from = 'x', lookup = 's'}", "lookup, on and take go together"),
    ("COLUMN amount = {from = 'x', lookup = 't', on = 'a', take = 'b'}", "no 't'"),
    ("COLUMN amount = {from = 'x', values = 'y'}", "write a table of source value"),
    ("COLUMN amount = {from = 'x', others = 'drop'}", "no 'drop'"),
    ("COLUMN amount = 5", "expected a table of settings, got 5"),
    ("COLUMN _x = 'y'", "cannot be used"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_mistake_in_a_mapping_is_one_sentence_with_its_place(tmp_path, text, message):
    if text.startswith("COLUMN"):
        table = "teams" if text.endswith("TEAMS") else "deals"
        columns = text.removeprefix("COLUMN").removesuffix("TEAMS")
        text = f"[sources]\ns = {{files = 's.csv'}}\n[[tables]]\ntable = '{table}'\nsource = 's'\n"
        text += f"[tables.columns]\n{columns}\n"
    (tmp_path / "m.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SanchoError, match=message) as raised:
        load_mapping(tmp_path / "m.toml")
    assert raised.value.text.ja.startswith("マッピング")
    assert "\n" not in raised.value.text.en


def test_shipped_mappings_load_and_an_unknown_one_names_them():
    assert shipped_mappings() == ["b2b_qualification", "crm_sales_opportunities", "loan_applications"]
    for name in shipped_mappings():
        assert load_mapping(name).blocks
    with pytest.raises(SanchoError, match="one of b2b_qualification, crm_sales_opportunities"):
        load_mapping("salesforce")


def test_every_row_of_the_loan_applications_is_accounted_for(store, shared_data):
    result = take(store, shared_data / "loan_applications_2011", "loan_applications", now=None)
    assert result.errors == []
    assert counts(result, "cases.csv") == (7455, 7455, 0, 0)
    read, imported, unchanged, quarantined = counts(result, "events.csv.gz")
    assert (read, quarantined) == (138_797, 0)
    # What says nothing new: A_PARTLYSUBMITTED right after A_SUBMITTED, and states reached again.
    assert (imported, unchanged) == (131_162, 7_635)
    log = store.read(TOKYO).with_organisation(currency="EUR")
    deals = log["deals"]
    assert deals["outcome"].value_counts().to_dict() == {"lost": 5680, "won": 1130}
    assert deals["lost_reason"].value_counts().to_dict() == {"declined": 4334, "cancelled": 1346}
    assert "112" not in log["people"]["person_id"].tolist()
    case = deals.set_index("deal_id").loc["173688"]
    assert (case["stage"], case["outcome"], case["owner_id"]) == ("won", "won", "10862")
    assert case["closed_at"] == pd.Timestamp("2011-10-13T10:37:29.226+02:00")
    assert (case["amount"], case["currency"]) == (20000, "EUR")
    stages = log["deal_events"].query("deal_id == '173688' and field == 'stage'")["value"].tolist()
    assert sorted(stages) == sorted(["lead", "qualified", "prepared", "proposal", "returned", "won"])
    calls = log["activities"].query("deal_id == '173688' and kind == 'call'").sort_values("at")
    # 12:15:41.290 to 12:17:08.924 on 2011-10-01, by hand.
    assert calls["minutes"].tolist()[0] == pytest.approx(87.634 / 60, abs=1e-4)


def test_as_of_a_loans_past_nothing_later_shows(store, shared_data):
    take(store, shared_data / "loan_applications_2011", "loan_applications", now=None)
    case = (
        store.read(TOKYO)
        .as_of(as_of_instant("2011-10-01T12:00+02:00", TOKYO))["deals"]
        .set_index("deal_id")
        .loc["173688"]
    )
    assert (case["stage"], case["owner_id"], case["next_step"]) == ("proposal", "10862", "call about offer")
    assert pd.isna(case["outcome"])


def test_the_crm_export_goes_in_corrected_and_what_has_no_creation_is_quarantined(store, shared_data):
    result = take(store, shared_data / "crm_sales_opportunities", "crm_sales_opportunities", now=None)
    assert counts(result, "sales_pipeline.csv") == (8800, 8300, 0, 500)
    assert {(f.column, f.code) for f in result.errors} == {("created_at", "missing")}
    log = store.read(TOKYO).with_organisation(currency="USD")
    assert "GTXPro" not in set(log["deals"]["product"])
    assert set(log["accounts"]["industry"]).isdisjoint({"technolgy"})
    assert set(log["accounts"]["region"]).isdisjoint({"Philipines"})
    deal = log["deals"].set_index("deal_id").loc["Z063OYW0"]
    assert (deal["product"], deal["amount"], deal["outcome"], deal["owner_id"]) == (
        "GTX Pro",
        4514,
        "won",
        "Darcel Schlecht",
    )
    before = log.as_of(as_of_instant("2017-03-10", TOKYO))["deals"].set_index("deal_id").loc["Z063OYW0"]
    assert (before["stage"], before["amount"]) == ("Engaging", 4821)
    teams = log["teams"].set_index("team_id")["parent_team_id"]
    assert teams["Dustin Brinkmann"] == "Central"
    assert pd.isna(teams["Central"])


def test_answers_without_dates_or_ids_become_deals_with_attributes(store, shared_data):
    result = take(store, shared_data / "b2b_qualification", "b2b_qualification", now=None)
    assert counts(result, "Salvirt_B2B_ML_dataset.csv") == (448, 448, 0, 0)
    deals = store.read(TOKYO)["deals"]
    assert deals["outcome"].notna().all()
    assert set(deals["authority"]) == {"Low", "Mid", "High"}
