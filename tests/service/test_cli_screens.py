"""Are answers written for people: names, units, signs and dates, in 80 columns? Canned answers, no model."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from rich.cells import cell_len

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from service.cli import answer, models, run, score
from service.settings import read_settings

AT = "2026-11-30T06:35:59.279729+09:00"
ABOUT = {
    "as_of": AT,
    "model": {"name": "sancho", "version": "3", "trained_at": "2026-11-29T22:35:24+00:00"},
    "warnings": [
        {
            "code": "attributes_not_used",
            "message": "予測に使っていない項目：受注理由、確度（理由は `sancho models show 3`）",
        },
        {"code": "model_old", "message": "モデルが古くなっています。"},
    ],
}


def revenue(mean: float) -> dict[str, float]:
    return {"mean": mean, "p10": 0.8 * mean, "p50": mean, "p90": 1.2 * mean}


# The screens of a target out of reach, or safe, are in test_cli_settled.py.
UNDECIDED = {"ranked_by": "attainment", **dict.fromkeys(("reachable", "maximum", "margin", "next_period"))}
DEAL_NAME = {"name": "豊後ストア株式会社 保守サポート", "account_name": "豊後ストア株式会社"}
SCORE: dict[str, Any] = {
    "deals": [
        {
            "deal_id": "D0000317",
            **DEAL_NAME,
            "win_probability": 0.5,
            "win_by_period_end": 0.351,
            "expected_revenue": 1.2e6,
            "expected_close_date": "2026-12-16",
        }
    ],
    "next_cursor": None,
}
FORECAST: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "company",
    "name": "全社",
    "target": 6e8,
    "progress": 0.357,
    "vs_last_year": 0.723,
    "closed": 2.142e8,
    "probability": 0.0004,
    "probability_intervals": {"50": [0.0001, 0.0004], "80": [0.0000046, 0.0045], "95": [1e-6, 0.02]},
    "revenue": revenue(4.389e8),
    "gap": 1.611e8,
    **UNDECIDED,
    "components": [
        {"name": "closed", "mean": 2.142e8},
        {"name": "open_pipeline", "mean": 2.1e8},
        {"name": "new_business", "mean": 1.47e7},
    ],
    "baselines": {"stage_weighted": 5e8, "run_rate": None, "last_year": 6.07e8},
    "children": [
        {
            "scope": "team:T01",
            "name": "法人営業事業部",
            "target": 3e8,
            "probability": 0.9999,
            "revenue": revenue(3.2e8),
            "progress": 0.5,
            "vs_last_year": 1.1,
        },
        {
            "scope": "unassigned",
            "name": "担当者未設定",
            "target": None,
            "probability": None,
            "revenue": revenue(1.1e7),
            "progress": None,
            "vs_last_year": None,
        },
    ],
    "change": {
        "since": "2026-11-23T06:35:59.279729+09:00",
        "from": 0.0,
        "to": 0.0004,
        "contributions": [
            {
                "label": "失注した商談",
                "effect_pp": -0.01,
                "revenue": -47_913.0,
                "deals": [{**DEAL_NAME, "deal_id": f"D{number:07d}", "revenue": 1.0} for number in range(5)],
            },
            {"label": "受注した商談", "effect_pp": 0.05, "revenue": 1_667_913.0, "deals": []},
            {"label": "目標の変更", "effect_pp": 0.0, "revenue": 0.0, "deals": []},
        ],
    },
    "deals": [
        {"deal_id": "D0000317", **DEAL_NAME, "by_period_end": 0.351, "amount": 3.42e6, "swing_pp": 3.21},
        {"deal_id": "D0000303", "by_period_end": 0.9995, "amount": 69_829.0, "swing_pp": 0.0},
    ],
}
KPI = {"unit": "件", "value": 6.0, "target": None, "probability": None, "required_per_business_day": None}
KPIS: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "team:T01",
    "kpis": [
        {
            **KPI,
            "label": "受注額",
            "unit": "金額",
            "value": 9.71e6,
            "target": 5.5e6,
            "probability": 1.0,
            "required_per_business_day": 0.0,
            "forecast": {"p10": 9.71e6, "p50": 1.3e7, "p90": 1.763e7},
            "trend": [{"period": "2026-Q3", "value": 1.983e7}],
        },
        {
            **KPI,
            "label": "月間契約単価（ARPU）",
            "unit": "金額",
            "value": 1.51e5,
            "forecast": {"p10": 1.49e5, "p50": 1.5e5, "p90": 1.51e5},
            "trend": [{"period": "2026-Q3", "value": None}],
        },
        {**KPI, "label": "電話", "value": None, "forecast": None, "trend": [{"period": "x", "value": None}]},
    ],
}
ROW = {
    "deals": 16,
    "wins": 8,
    "expected_wins": 6.2,
    "wins_above_expected": {"p10": -0.8, "p50": 0.72, "p90": 2.2},
    "revenue": 8.72e6,
    "expected_revenue": 1.152e7,
    "verdict": "above",
    "message": "受注が期待を上回っています。",
    "coaching_focus": None,
}
PEOPLE: dict[str, Any] = {
    "period": "FY2026",
    "scope": "company",
    "teams": [{**ROW, "scope": "team:T02", "name": "営業第1チーム"}],
    "people": [
        {
            **ROW,
            "scope": f"person:P{number:03d}",
            "name": "山本 純子" if number == 6 else None,
            "wins_above_expected": {"p10": -1, "p50": number / 10, "p90": 1},
        }
        for number in range(7)
    ],
}
ACTION = {
    "deal_id": "D0000313",
    **DEAL_NAME,
    "owner_id": "P010",
    "owner_name": "山本 純子",
    "label": "フォローの連絡をする",
    "uplift_pp": 19.04,
    "interval": [11.6, 26.4],
    "attainment_pp": 0.001,
    "revenue": 3.2e6,
    "gap_share": 0.02,
    "expected_revenue": 3.2e6,
    "effort_minutes": 15.0,
    "reliability": "medium",
    "evidence": {
        "deals_with": 4000,
        "win_rate_with": 0.4,
        "win_rate_without": 0.39,
        "top_sellers_share": 0.42,
        "other_sellers_share": 0.37,
    },
}
ACTIONS: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "company",
    "open_deals": 1,
    "ranked_by": "attainment",
    "actions": [ACTION],
    "not_recommended": [
        {"label": label, "message": "実施済み、または直近に実施しています。"}
        for label in ("訪問する", "電話をかける")
    ],
}
COUNTS = {"recommended": 12, "shown": 9, "accepted": 5, "dismissed": 2, "done": 4}
REPORT: dict[str, Any] = {
    "by_action": [{"action": "demo", "label": "製品デモを行う", **COUNTS}],
    "hold_out": None,
}
BOTTLENECKS: dict[str, Any] = {
    "scope": "company",
    "ranked_by": "attainment",
    "bottlenecks": [
        {
            "label": "21日を超えると受注率が低い",
            "interval": [-28.2, -12.8],
            "deals": 432,
            "open_deals": 10,
            "approaching_deals": 18,
            "revenue_at_stake": 3.49e6,
            "attainment_pp": 0.01,
            "revenue": 2.1e6,
            "gap_share": 0.013,
            "suggested_action": "日程を確保する",
        }
    ],
    "funnel": [
        {
            "stage": "提案・見積",
            "entered": 1051,
            "advanced": 37,
            "lost": 10,
            "open": 4,
            "conversion": 0.79,
            "days": {"p50": 7.4},
        }
    ],
}
LEVER = {
    "label": "リード獲得数",
    "unit": "件/営業日",
    "from": 31.6,
    "to": 33.0,
    "alone_pp": 2.04,
    "attainment_pp": 2.04,
    "revenue": 1.2e6,
    "gap_share": 0.0075,
}
PERSON = [
    {"label": "提案件数", "usual_per_week": 1.4, "per_week": 1.52},
    {"label": "リード獲得数", "usual_per_week": 0.8, "per_week": 0.81},
]
PLAN: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "company",
    "requested_probability": 0.8,
    "current_probability": 0.0,
    "probability": 0.0004,
    "maximum": 0.0004,
    "attainable": False,
    "revenue": 2.0e6,
    "gap_share": 0.0124,
    "reachable": [{"confidence": share, "revenue": 4e8 - 1e8 * share} for share in (0.5, 0.8, 0.9)],
    "ranked_by": "attainment",
    "levers": [LEVER],
    "people": [
        {"scope": "person:P001", "name": "山本 純子", "kpis": PERSON},
        {"scope": "person:P002", "name": None, "kpis": PERSON[1:]},
    ],
}
TREE: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "company",
    "goal": {"target": 6e8, "probability": 0.31},
    "ranked_by": "attainment",
    "branches": [
        {
            **LEVER,
            "ksf": True,
            "attainment_pp": -0.01,
            "kpis": [{"label": "リード獲得数", "unit": "件", "value": 1167.0}],
        }
    ],
}
WHAT_IF: dict[str, Any] = {
    "period": "2026-Q4",
    "scope": "company",
    "before": {"probability": 0.765, "revenue": revenue(4e8)},
    "after": {"probability": 0.733, "revenue": revenue(4.4e8)},
    "effect_pp": -3.2,
    "revenue_change": 3.824e7,
    "gap_share": 0.19,
    "assumptions": ["KPIの水準は本日から変わる前提です。"],
    "children": [],
}


class Canned:
    """Stands in for every use case: answers whatever is asked with what it was given."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.told = copy.deepcopy({**told, **ABOUT})
        self.settings, log = read_settings(), EventLog.of({}, ZoneInfo("Asia/Tokyo"))
        state = SimpleNamespace(now=0, log=log, organisation=log.organisations.at)
        self.serving = SimpleNamespace(current=lambda: state, outages=SimpleNamespace(reasons=list))

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *_: object, **__: object) -> Any:
        return self.told


@pytest.fixture
def screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command prints of an answer, on both streams, at 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANCHO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")

    def printed(told: dict[str, Any], *typed: str, lang: str = "ja") -> tuple[str, str]:
        for module in (answer, score):
            monkeypatch.setattr(module, "open_service", lambda settings, **_: Canned(told))
        assert run([*typed, "--lang", lang]) == 0
        return capsys.readouterr()

    return printed


def cells(out: str, first: str) -> list[str]:
    """The cells of the row whose first cell says `first`."""
    for line in out.splitlines():
        found = [cell.strip() for cell in line.strip("│").split("│")]
        if line.startswith("│") and found[0] == first:
            return found[1:]
    raise AssertionError(f"no row {first} in\n{out}")


def row_of(out: str, first: str) -> list[str]:
    """The headings whose first says `first`, each in one line."""
    for table in out.split("┏")[1:]:
        lines = [line.strip("┃").split("┃") for line in table.splitlines() if line.startswith("┃")]
        headings = ["".join(cell.strip() for cell in column) for column in zip(*lines, strict=True)]
        if headings[:1] == [first]:
            return headings
    raise AssertionError(f"no headings {first} in\n{out}")


QUESTIONS = {
    ("score",): SCORE,
    ("actions", "--report"): REPORT,
    ("forecast", "2026-Q4"): FORECAST,
    ("kpis", "2026-Q4"): KPIS,
    ("people", "FY2026"): PEOPLE,
    ("actions",): ACTIONS,
    ("actions", "--deal", "D0000313"): ACTIONS,
    ("bottlenecks",): BOTTLENECKS,
    ("plan", "2026-Q4"): PLAN,
    ("tree", "2026-Q4"): TREE,
    ("what-if", "2026-Q4"): WHAT_IF,
}


@pytest.mark.parametrize("typed", QUESTIONS)
def test_a_table_fits_80_columns_and_shows_the_moment_to_the_minute(screen: Any, typed: tuple[str, ...]):
    for lang, moment in (("ja", "2026年11月30日 6:35 時点"), ("en", "as of 2026-11-30 06:35")):
        out, _ = screen(QUESTIONS[typed], *typed, lang=lang)
        assert moment in out
        assert "279729" not in out
        assert all(cell_len(line) <= 80 for line in out.splitlines() if line[:1] in "┏┃┡│└")
        assert not re.search(r"\dpp|[ │]-\d|\b0\.0%|－|～", out)


@pytest.mark.parametrize("typed", QUESTIONS)
def test_json_is_the_answer_itself(screen: Any, typed: tuple[str, ...]):
    out, _ = screen(QUESTIONS[typed], *typed, "--json")
    assert out == orjson.dumps({**QUESTIONS[typed], **ABOUT}).decode() + "\n"
    assert json.loads(out)["as_of"] == AT


def test_columns_left_out_of_the_model_are_one_line_that_says_where_the_reasons_are(screen: Any):
    _, err = screen(FORECAST, "forecast", "2026-Q4")
    assert err.splitlines() == [
        "予測に使っていない項目：受注理由、確度（理由は `sancho models show 3`）",
        "注意：モデルが古くなっています。",
    ]


def test_a_forecast_names_what_a_manager_asks_for(screen: Any):
    out, _ = screen(FORECAST, "forecast", "2026-Q4")
    assert out.startswith("2026年10〜12月期（2026-Q4）　全社\n")
    assert cells(out, "達成確率") == ["1%未満"]
    assert cells(out, "達成確率の幅（80%）") == ["1%未満"]
    assert cells(out, "着地見込み（億円）") == ["4.39"]
    assert cells(out, "予測幅（80%、億円）") == ["3.51〜5.27"]
    assert cells(out, "不足見込み（億円）") == ["1.61"]
    assert cells(out, "進捗率（受注済み÷目標）") == ["35.7%"]
    assert cells(out, "前年比（着地見込み÷前年同期）") == ["72.3%"]
    assert cells(out, "参考：ステージ別受注率による積み上げ（億円）") == ["5.00"]
    assert "現在のペース" not in out  # it is not known here
    assert cells(out, "担当者未設定") == ["–", "0.11 / –", "–", "–"]
    assert cells(out, "法人営業事業部（T01）") == ["99%超", "3.20 / 3.00", "50.0%", "110.0%"]
    assert row_of(out, "対象")[1:3] == ["達成確率", "着地見込み /目標（億円）"]


def test_cli_forecast_names_a_surplus(screen: Any):
    out, _ = screen({**FORECAST, "gap": -1e7}, "forecast", "2026-Q4", lang="en")
    assert cells(out, "surplus (JPY M)") == ["10.0"]
    assert "shortfall" not in out


def test_cli_forecast_without_a_target_shows_nothing_of_attainment(screen: Any):
    nothing = dict.fromkeys(("target", "probability", "probability_intervals", "gap", "change", "progress"))
    none = {**FORECAST, **nothing}
    out, _ = screen(none, "forecast", "2026-Q4")
    assert not [
        word
        for word in ("進捗率", "不足", "超過", "達成確率  ", "達成確率の幅")
        if word in out.split("対象")[0]
    ]


def test_a_change_is_dated_signed_and_in_one_unit(screen: Any):
    out, _ = screen(FORECAST, "forecast", "2026-Q4")
    assert "前週（11月23日）からの変化：達成確率 1%未満 → 1%未満、着地見込み +162万円" in out
    assert cells(out, "失注した商談")[:2] == ["±0.0", "−5"]
    assert cells(out, "受注した商談")[:2] == ["+0.1", "+167"]
    assert row_of(out, "要因") == ["要因", "達成確率（pt）", "着地見込み（万円）", "主な商談"]
    assert "目標の変更" not in out


def test_where_the_id_of_a_deal_a_rep_or_a_team_stands_its_name_stands_too(screen: Any):
    out, _ = screen(FORECAST, "forecast", "2026-Q4")
    assert cells(out, "失注した商談")[2:] == ["豊後ストア株式会社"]
    assert "（D0000000）" in out
    assert cells(out, "豊後ストア株式会社")[1] == "342"
    assert cells(out, "D0000303")[0] == "99%超"  # it has no name
    out, _ = screen(ACTIONS, "actions", lang="en")
    assert "山本\u00a0純子" in out
    detail, _ = screen(ACTIONS, "actions", "--deal", "D0000313")
    assert detail.startswith("2026年10〜12月期（2026-Q4）　豊後ストア株式会社 保守サポート（D0000313）\n")
    of_team = {**FORECAST, "scope": "team:T01", "name": "法人営業事業部"}
    out, _ = screen(of_team, "forecast", "2026-Q4", lang="en")
    assert out.startswith("2026-Q4, 法人営業事業部 (T01)\n")


def test_a_column_that_says_nothing_is_left_out(screen: Any):
    assert "振れ幅" in screen(FORECAST, "forecast", "2026-Q4")[0]
    flat = {**FORECAST, "deals": [{**deal, "swing_pp": 0.0} for deal in FORECAST["deals"]]}
    assert "振れ幅" not in screen(flat, "forecast", "2026-Q4")[0]


def test_only_kpis_with_a_target_show_its_probability(screen: Any):
    out, _ = screen(KPIS, "kpis", "2026-Q4")
    first, second = out.split("すべてのKPI")
    assert cells(first, "受注額（万円）") == ["971", "550", "99%超", "0"]
    assert "ARPU" not in first
    assert cells(second, "受注額（万円）") == ["971", "971〜1,763", "1,983"]
    assert cells(second, "月間契約単価（ARPU）（万円）") == ["15", "15", "–"]
    assert "電話" not in out


def test_teams_and_people_stand_apart_and_at_most_five_are_spoken_of(screen: Any):
    out, _ = screen(PEOPLE, "people", "FY2026")
    assert out.startswith("2026年4月〜2027年3月期（FY2026）　全社\n")
    team = cells(out, "営業第1チーム（T02）")
    assert team == ["8 / 16", "6.2", "+0.7（−0.8〜+2.2）", "872 / 1,152"]
    assert out.index("T02") < out.index("担当者") < out.index("P000")
    spoken = [line for line in out.splitlines() if "：" in line]
    assert len(spoken) == 5
    assert spoken[0] == "山本\u00a0純子（P006）：受注が期待を上回っています。"
    assert "ほかの2人は --json" in out


def test_actions_are_five_columns_and_details_come_with_a_deal(screen: Any):
    out, _ = screen(ACTIONS, "actions")
    assert cells(out, "豊後ストア株式会社") == ["山本\u00a0純子", "フォローの", "+19.0", "+320"]
    assert cells(out, "保守サポート（D0000313）")[1] == "連絡をする"
    assert "推奨しない打ち手：訪問する、電話をかける（実施済み、または直近に実施しています）" in out
    detail, _ = screen(ACTIONS, "actions", "--deal", "D0000313")
    assert cells(detail, "フォローの連絡をする") == ["+19.0（+11.6〜+26.4）", "+320", "15"]
    assert "この商談での推定 +19.0pt（信頼度：中）。全体の参考：実施4,000件の受注率40%" in detail
    assert "成績上位25%の担当者は商談の42%で実施（その他の担当者は37%）" in detail


def test_a_bottleneck_says_its_basis_what_it_costs_and_what_to_do(screen: Any):
    out, _ = screen(BOTTLENECKS, "bottlenecks")
    assert "根拠：過去432件（推定幅 −28〜−13ポイント）。いま該当：10件、放置すると該当：18件" in out
    assert "解消した場合の増加見込み：+349万円（達成確率への影響はごくわずか）" in out
    assert "打ち手：日程を確保する" in out
    assert cells(out, "提案・見積") == ["1,051", "37 / 10 / 4", "79%", "7"]


def test_a_plan_out_of_reach_says_what_to_consider(screen: Any):
    out, _ = screen(PLAN, "plan", "2026-Q4")
    assert "全項目を改善しても達成確率は1%未満で、目標の80%には届きません。目標の見直し" in out
    assert cells(out, "リード獲得数（件/営業日）") == ["31.6", "33", "+2.0", "+120"]
    assert cells(out, "山本\u00a0純子（P001）") == ["提案件数 1.4→1.5"]
    assert "P002" not in out  # nothing changes by a tenth
    reached = {**PLAN, "current_probability": 0.4, "probability": 0.81, "attainable": True}
    assert "達成確率 40.0% → 81.0%（目標水準 80%）" in screen(reached, "plan", "2026-Q4")[0]
    assert "追加の対策は不要です" in screen({**PLAN, "current_probability": 0.9}, "plan", "2026-Q4")[0]


def test_a_tree_marks_key_success_factors(screen: Any):
    out, _ = screen(TREE, "tree", "2026-Q4")
    assert "KGI：売上目標 6.00億円（達成確率 31.0%）" in out
    assert cells(out, "リード獲得数（件/営業日）・重点要因")[:2] == ["31.6", "33"]
    assert cells(out, "└ リード獲得数（件）")[0] == "1,167"


def test_a_what_if_shows_now_and_then_and_the_change_with_its_sign(screen: Any):
    out, _ = screen(WHAT_IF, "what-if", "2026-Q4")
    assert cells(out, "全社") == ["76.5% → 73.3%", "−3.2", "4.40", "+3,824"]
    assert "KPIの水準は本日から変わる前提です。" in out


def test_a_table_wider_than_the_terminal_loses_nothing(screen: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "44")
    out, _ = screen(KPIS, "kpis", "2026-Q4")
    assert "971〜1,763" in out.split("すべて")[1]
    assert all(cell_len(line.rstrip()) <= 44 for line in out.splitlines() if line[:1] in "┃│━受月")


def test_a_model_is_shown_with_labels_local_times_and_one_language():
    found = {
        "version": "3",
        "champion": True,
        "trained_at": "2026-11-29T22:35:24+00:00",
        "as_of": "1795991703281816",
        "gate": "最初のモデルとして採用しました。 / Promoted: the first model.",
        "parameters": {"exclude": "()", "leaks": "受注理由, 確度", "as_of": "1", "numpy": "2.4.6"},
    }
    zone = read_settings().zone
    assert models.facts(found, zone, "ja") == [
        ("バージョン", "3"),
        ("使用中", "はい"),
        ("学習日時", "2026-11-30 07:35"),
        ("学習データの時点", "2026-11-30 07:35"),
        ("採用判定", "最初のモデルとして採用しました。"),
        ("使っていない項目（結果を含むため）", "受注理由、確度"),
    ]
    english = dict(models.facts(found, zone, "en"))
    assert english["promotion gate"] == "Promoted: the first model."


def test_a_command_closes_the_service_also_when_its_question_is_refused(
    screen: Any, monkeypatch: pytest.MonkeyPatch
):
    closed = []

    class Refusing(Canned):
        def kpis(self, *_: Any) -> Any:
            raise SanchoError(Text("期間が違います。", "wrong period."), "bad_period")

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(answer, "open_service", lambda settings, **_: Refusing({}))
    assert run(["kpis", "2026-Q4"]) == 1
    assert closed == [True]


NOTHING_LEFT: dict[str, tuple[tuple[str, ...], dict[str, Any], str, str]] = {
    "the target falls short": (
        ("forecast", "2026-Q4"), FORECAST, "`sancho plan 2026-Q4`", "`sancho plan 2026-Q4`",
    ),
    "no lever reaches the target": (
        ("plan", "2026-Q4"), PLAN, "「リード獲得数」（+2.0pt）から着手", "begin with リード獲得数 (+2.0 pt)",
    ),
    "the target is safe": (
        ("plan", "2026-Q4"), {**PLAN, "current_probability": 0.9},
        "`sancho plan next-quarter`", "next-quarter",
    ),
    "no action helps": (
        ("actions",), {**ACTIONS, "actions": []}, "`sancho bottlenecks`", "`sancho bottlenecks`",
    ),
    "no deal is open": (
        ("actions",), {**ACTIONS, "actions": [], "open_deals": 0}, "`sancho plan 2026-Q4`", "new business",
    ),
    "no action helps this deal": (
        ("actions", "--deal", "D1"), {**ACTIONS, "actions": []}, "次回の日程を決め", "fix the next date",
    ),
    "nobody closed a deal": (
        ("people", "2026-Q4"), {**PEOPLE, "people": [], "teams": []},
        "`sancho people this-year`", "this-year",
    ),
    "nothing was recommended": (
        ("actions", "--report"), {**REPORT, "by_action": []}, "`sancho actions`", "`sancho actions`",
    ),
    "nothing to score": (
        ("score",), {**SCORE, "deals": []}, "`sancho forecast this-quarter`", "this-quarter",
    ),
    "no KPI is recorded": (("kpis", "2026-Q4"), {**KPIS, "kpis": []}, "`sancho import`", "`sancho import`"),
    "a KPI is out of reach": (
        ("kpis", "2026-Q4"), {**KPIS, "kpis": [{**KPIS["kpis"][0], "probability": 0.01}]},
        "達成確率が30%未満のKPI（受注額）", "below 30% for 受注額",
    ),
    "no lever has records": (
        ("tree", "2026-Q4"), {**TREE, "branches": []}, "`sancho import`", "`sancho import`",
    ),
    "no deal moved": (
        ("bottlenecks",), {**BOTTLENECKS, "bottlenecks": [], "funnel": []},
        "`sancho import`", "`sancho import`",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTHING_LEFT)
def test_every_dead_end_is_followed_by_what_to_do(screen: Any, case: str):
    typed, told, ja, en = NOTHING_LEFT[case]
    for lang, said, begins in (("ja", ja, "次の一手："), ("en", en, "Next: ")):
        out, _ = screen(told, *typed, lang=lang)
        [step] = [line for line in out.splitlines() if line.startswith(begins)]
        assert said in step


def test_an_answer_that_is_no_dead_end_says_no_next_step(screen: Any):
    reached = {**PLAN, "current_probability": 0.4, "probability": 0.81, "attainable": True}
    for typed, told in ((("plan", "2026-Q4"), reached), (("forecast", "2026-Q4"), {**FORECAST, "gap": -1.0})):
        assert "次の一手" not in screen(told, *typed)[0]


def test_sentences_on_a_terminal_go_on_in_the_next_line_between_words(
    screen: Any, monkeypatch: pytest.MonkeyPatch
):
    whole = screen(PLAN, "plan", "2026-Q4")[0].split("2026年")[0]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    out = screen(PLAN, "plan", "2026-Q4")[0].split("2026年")[0]
    assert max(cell_len(line) for line in whole.splitlines()) > 80
    assert max(cell_len(line) for line in out.splitlines()) <= 80
    assert "".join(out.split()) == "".join(whole.split())
    assert "`sancho what-if 2026-Q4 --target 金額`" in out  # a command stays in one line


def test_scores_in_a_file_end_with_the_names_so_that_older_columns_stay_where_they_were(
    screen: Any, tmp_path: Path
):
    screen(SCORE, "score", "--out", "scores.csv")
    heading, row = (tmp_path / "scores.csv").read_text("utf-8").splitlines()
    assert heading.startswith("deal_id,win_probability,")
    assert heading.endswith(",name,account_name")
    assert row.endswith(",豊後ストア株式会社 保守サポート,豊後ストア株式会社")


def test_the_report_of_actions_names_them_in_five_columns(screen: Any):
    out, _ = screen(REPORT, "actions", "--report")
    assert cells(out, "製品デモを行う") == ["12", "9", "5 / 2", "4"]
