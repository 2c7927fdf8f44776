"""Does the SMART check find what is wrong with a KPI, say so in both languages, and propose what would do?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from crm.i18n import Text
from models.kpis.smart import CRITERIA, KpiFacts, KpiProposal, check_kpi, check_person

TODAY = date(2026, 11, 25)
VISITS = KpiProposal(
    "visits", "person:P001", 40.0, "件", {}, "2026-Q4", date(2026, 12, 31), date(2026, 11, 2)
)
SOUND = KpiFacts(
    known=True,
    scope_known=True,
    label=Text("訪問件数", "Visits"),
    unit=Text("件", "visits"),
    unknown_segments=(),
    completeness=0.97,
    least_complete="actor_id",
    controllable=True,
    probability=0.62,
    reachable=(41.0, 46.0),
    goal_pp=3.2,
    stronger=(Text("提案件数", "Proposals"), 5.0),
)


def test_a_sound_kpi_passes_all_five_and_needs_nothing_better():
    found = check_kpi(VISITS, SOUND, TODAY)
    assert tuple(found) == CRITERIA
    assert all(finding.ok and finding.better is None for finding in found.values())
    assert found["achievable"].why.ja == "達成確率は62%です。"
    assert "2026-12-31" in found["time_bound"].why.en
    assert "36 days" in found["time_bound"].why.en


@pytest.mark.parametrize(
    ("criterion", "proposal", "facts", "told", "better"),
    [
        ("specific", {"scope": "tanaka"}, {"scope_known": False}, "tanaka", "team:ID"),
        ("specific", {"value": None}, {}, "no number", "Set a value"),
        ("specific", {"unit": "円"}, {}, "円", "visits"),
        ("specific", {"segment": {"色": "赤"}}, {"unknown_segments": ("色",)}, "色", "column that the CRM"),
        ("specific", {"kpi": "がんばり"}, {"known": False}, "がんばり", "sancho.toml"),
        ("measurable", {}, {"completeness": 0.4}, "40%", "actor_id"),
        ("measurable", {}, {"completeness": None}, "no records", "Start recording"),
        ("achievable", {}, {"probability": 0.05}, "5%", "46 visits with 30%"),
        ("achievable", {}, {"probability": 0.99}, "99%", "about 41 visits"),
        ("achievable", {}, {"probability": 0.9999}, "over 99%", "about 41 visits"),
        ("achievable", {}, {"probability": 0.0001}, "under 1%", "46 visits with 30%"),
        ("achievable", {"value": None}, {"probability": None}, "cannot be computed", "a value"),
        ("relevant", {}, {"goal_pp": 0.2}, "+0.2", "Proposals would change it by +5.0"),
        ("relevant", {}, {"goal_pp": None, "stronger": None}, "cannot be computed", "revenue target"),
        (
            "relevant",
            {},
            {"goal_pp": 0.2, "goal_by": "revenue"},
            "+0.2% of the revenue target",
            "+5.0 points",
        ),
        ("relevant", {}, {"goal_pp": 0.2, "stronger_by": "revenue"}, "+0.2 points", "+5.0% of the target"),
        ("relevant", {}, {"goal_pp": None}, "do not show", "Proposals would change it by +5.0"),
        ("time_bound", {"last_day": None, "period": None}, {}, "no due date", "2026-Q4"),
        ("time_bound", {"last_day": date(2026, 9, 30)}, {}, "passed", "new period"),
        ("time_bound", {"reviewed": date(2026, 10, 1)}, {}, "2026-10-01", "this week"),
    ],
)
def test_each_failing_criterion_says_what_is_wrong_and_what_would_do(
    criterion: str, proposal: dict, facts: dict, told: str, better: str
):
    found = check_kpi(replace(VISITS, **proposal), replace(SOUND, **facts), TODAY)
    finding = found[criterion]
    assert not finding.ok
    assert told in finding.why.en
    assert finding.better is not None
    assert better in finding.better.en
    assert finding.why.ja.endswith("。")
    assert finding.better.ja.endswith("。")
    others = {name for name, one in found.items() if not one.ok} - {criterion}
    assert others <= {"specific", "measurable", "achievable"}, (
        "a KPI nobody defined, or without a number, fails there too"
    )


def test_bounds_belong_to_what_is_fine():
    for chance, fine in ((0.29, False), (0.3, True), (0.9, True), (0.91, False)):
        assert check_kpi(VISITS, replace(SOUND, probability=chance), TODAY)["achievable"].ok is fine
    for last, fine in ((date(2026, 11, 24), False), (TODAY, True)):
        assert check_kpi(replace(VISITS, last_day=last), SOUND, TODAY)["time_bound"].ok is fine


def test_several_faults_of_one_kind_are_told_together():
    finding = check_kpi(replace(VISITS, value=None, scope="田中"), replace(SOUND, scope_known=False), TODAY)[
        "specific"
    ]
    assert finding.why.ja == "誰のKPIか（田中）がわかりません、数値がありません。"
    assert finding.why.en == "Whose it is (田中) is not clear; it has no number."


@pytest.mark.parametrize(("count", "fine"), [(2, False), (3, True), (5, True), (6, False)])
def test_a_person_has_three_to_five(count: int, fine: bool):
    found = check_person([(VISITS, SOUND)] * count)["three_to_five"]
    assert found.ok is fine
    assert (found.better is None) is fine
    assert f"{count}個" in found.why.ja


def test_what_is_not_the_person_s_own_doing_is_named():
    churn = replace(SOUND, label=Text("解約率", "Churn rate"), controllable=False)
    found = check_person([(VISITS, SOUND), (VISITS, churn), (VISITS, SOUND)])["controllable"]
    assert not found.ok
    assert "解約率" in found.why.ja
    assert "Visits" not in found.why.en
    assert check_person([(VISITS, SOUND)] * 3)["controllable"].ok
