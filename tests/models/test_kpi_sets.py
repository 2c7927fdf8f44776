"""Are KPIs chosen by what they bring, do sets stay, and does a review tell what can be told?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from crm.i18n import Text
from features.action_events import WITH_MANAGER
from features.kpis import KPIS
from features.kpis.of_actions import action_kpis, action_of
from models.kpi_sets.candidates import Candidate, feasible_value, usual_value
from models.kpi_sets.correlation import _spearman
from models.kpi_sets.nature import STEPS, Padding, nature_of
from models.kpi_sets.proposal import MARGIN_POINTS, chosen, proposed
from models.kpi_sets.reasons import reason_of
from models.kpi_sets.review import AcceptedKpi, reviewed, what_came
from models.kpi_sets.steps import StepEffect
from models.kpis import KpiForecast
from models.kpis.smart import KpiFacts, KpiProposal, check_kpi

BY_ID = {kpi.id: kpi for kpi in KPIS} | action_kpis(["demo", "quote", "follow_up", "material:ROI"])


def effect(points: float, **other: Any) -> StepEffect:
    told = {"revenue": 10 * points, "gap_share": None, "percent": points, "ranked_by": "attainment"}
    return StepEffect(attainment_pp=points, strength=points, **{**told, "goal_scope": "person:P1", **other})


def candidate(name: str, points: float | None, source: str | None = None, **other: Any) -> Candidate:
    kpi = BY_ID[name]
    facts: dict[str, Any] = {
        "scope": "person:P1",
        "in_hand": True,
        "completeness": 1.0,
        "least_complete": None,
        "days_to_revenue": 30.0,
        "so_far": 4.0,
        "expected": 10.0,
        "value": 12.0,
        "probability": 0.35,
        "evidence": "correlation" if points is None else "lever",
        "source": None if points is None else source or name,
        "effect": None if points is None else effect(points),
        "has_goal": True,
        "correlation": 0.6,
        "nature": nature_of(kpi),
        "from_plan": False,
        "deals": np.zeros(0, int),
    }
    return Candidate(kpi=kpi, **{**facts, **other})


def ranked(*candidates: Candidate) -> list[Candidate]:
    return sorted(candidates, key=lambda one: one.order)


def ids(made: list[tuple[Candidate, bool]]) -> list[str]:
    return [one.kpi.id for one, _ in made]


def test_every_kpi_has_a_step_a_padding_class_and_a_reason_in_both_languages() -> None:
    for kpi in BY_ID.values():
        nature = nature_of(kpi)
        assert nature.step in STEPS
        assert nature.why.ja
        assert nature.why.en
        assert nature.why.ja != nature.why.en


def test_what_others_record_too_is_harder_to_pad_than_what_one_writes_alone() -> None:
    assert nature_of(BY_ID["won_deals"]).padding is Padding.HARD
    assert nature_of(BY_ID["appointments"]).padding is Padding.SOME
    assert nature_of(BY_ID["visits"]).padding is Padding.EASY


def test_an_action_has_one_kpi_and_a_visit_with_a_manager_has_none() -> None:
    made = action_kpis(["visit", "call", "demo", "現地調査", "material:ROI", WITH_MANAGER])
    assert list(made) == ["demos", "action:現地調査", "material:ROI"]
    assert [action_of(kpi) for kpi in made.values()] == ["demo", "現地調査", "material:ROI"]
    assert action_of(BY_ID["visits"]) == "visit"
    assert action_of(BY_ID["proposals"]) is None
    assert all(kpi.count.distinct == "deal_id" and kpi.controllable for kpi in made.values())


def test_an_estimated_effect_goes_before_any_correlation_and_ties_go_to_what_is_harder_to_pad() -> None:
    order = ranked(
        candidate("closings", None, correlation=0.99),
        candidate("visits", 1.02),
        candidate("appointments", 1.04),
        candidate("proposals", 3.0),
    )
    assert [one.kpi.id for one in order] == ["proposals", "appointments", "visits", "closings"]
    assert "相関" in reason_of(order[-1]).ja
    assert order[-1].effect is None


def test_what_only_goes_along_with_revenue_is_never_proposed() -> None:
    assert chosen([candidate("closings", None, correlation=0.99)]) == []


def test_a_set_takes_different_steps_and_sources_before_more_of_the_same() -> None:
    order = ranked(
        candidate("proposals", 5.0),
        candidate("quotes", 4.0),
        candidate("meetings", 3.0, "appointment_rate"),
        candidate("qualified", 2.9, "appointment_rate"),
        candidate("leads", 1.5),
    )
    assert ids(chosen(order)) == ["proposals", "meetings", "leads"]


def test_a_fourth_kpi_must_bring_a_whole_point_and_be_of_another_step() -> None:
    order = ranked(
        candidate("proposals", 5.0),
        candidate("meetings", 3.0, "appointment_rate"),
        candidate("leads", 2.0),
        candidate("follow_ups", 1.2),
        candidate("emails", 0.9),
    )
    assert ids(chosen(order)) == ["proposals", "meetings", "leads", "follow_ups"]


@pytest.mark.parametrize("change", [{"in_hand": False}, {"completeness": 0.5}, {"probability": 0.2}])
def test_what_is_not_sound_is_not_proposed(change: dict[str, Any]) -> None:
    assert chosen([candidate("proposals", 5.0, **change)]) == []


def test_a_kpi_stays_while_another_is_not_better_by_the_margin() -> None:
    had = [candidate("proposals", 2.0), candidate("meetings", 1.0), candidate("leads", 0.4)]
    near = candidate("visits", 1.3)
    assert ids(chosen(ranked(*had, near), ["proposals", "meetings", "leads"])) == [
        "proposals",
        "meetings",
        "leads",
    ]
    far = candidate("visits", 0.4 + MARGIN_POINTS + 0.1)
    made = chosen(ranked(*had, far), ["proposals", "meetings", "leads"])
    assert [(one.kpi.id, kept) for one, kept in made] == [
        ("proposals", True),
        ("visits", False),
        ("meetings", True),
    ]


def test_a_kpi_whose_effect_is_gone_makes_room() -> None:
    had = [candidate("proposals", 2.0), candidate("meetings", 1.0), candidate("leads", None)]
    made = chosen(ranked(*had, candidate("visits", 1.8)), ["proposals", "meetings", "leads"])
    assert sorted(ids(made)) == ["meetings", "proposals", "visits"]


def test_a_kpi_that_can_bring_no_more_in_what_is_left_of_the_period_stays() -> None:
    had = [candidate("proposals", 2.0), candidate("meetings", 1.5), candidate("leads", 0.0)]
    made = chosen(ranked(*had, candidate("visits", MARGIN_POINTS - 0.1)), ["proposals", "meetings", "leads"])
    assert sorted(ids(made)) == ["leads", "meetings", "proposals"]


def test_a_kpi_that_would_harm_goes() -> None:
    made = chosen(ranked(candidate("proposals", 2.0), candidate("leads", -0.3)), ["proposals", "leads"])
    assert ids(made) == ["proposals"]


def test_what_is_usual_is_the_value_where_no_step_is_feasible() -> None:
    draws = np.repeat([7.0, 8.0, 9.0], [20, 70, 10])  # 8 or more in 80 %, 9 in 10 %
    forecast = KpiForecast(0.0, draws)
    assert feasible_value(BY_ID["proposals"], forecast) is None
    assert usual_value(BY_ID["proposals"], forecast) == 8.0
    assert usual_value(BY_ID["proposals"], KpiForecast(0.0, np.full(100, 8.0))) is None
    share = KpiForecast(0.5, np.repeat([0.25, 0.5, 0.75], [30, 50, 20]))
    assert usual_value(BY_ID["meeting_rate"], share) == 0.5


def test_a_feasible_step_is_a_whole_number_reached_with_about_a_third() -> None:
    draws = np.arange(100.0) // 10  # 7 or more in 30 %, which a small error would make too few
    assert feasible_value(BY_ID["proposals"], KpiForecast(0.0, draws)) == 6.0


def test_there_is_no_feasible_step_of_what_hardly_happens() -> None:
    draws = np.zeros(1_000)
    draws[:100] = 1.0
    assert feasible_value(BY_ID["proposals"], KpiForecast(0.0, draws)) is None


def test_a_sentence_says_until_when_for_whom_how_many_a_week_and_with_which_chance() -> None:
    one = candidate("proposals", 3.3, deals=np.array([0, 1]))
    made = proposed(one, False, date(2026, 12, 31), 20.0, lambda row: Text(f"商談{row}", f"deal {row}"))
    assert made.per_week == pytest.approx(5 * (12 - 4) / 20)
    assert made.usual_per_week == pytest.approx(5 * (10 - 4) / 20)
    for part in ("2026年12月31日", "提案件数", "12件", "商談0、商談1", "週2.0件", "週1.5件", "35%", "+3.3"):
        assert part in made.sentence.ja
    for part in ("31 December 2026", "Proposals", "12 deals", "deal 0, deal 1", "2.0 a week", "35%", "+3.3"):
        assert part in made.sentence.en


def accepted(name: str = "proposals", **other: Any) -> AcceptedKpi:
    facts: dict[str, Any] = {
        "scope": "person:P1",
        "value": 12.0,
        "expected": 10.0,
        "revenue": 100.0,
        "strength": 3.0,
        "foreseen": (1_000.0, 50.0),
        "now": 12.0,
        "revenue_now": 1_100.0,
        "strength_now": 2.0,
        "probability": 0.5,
    }
    return AcceptedKpi(kpi=name, label=BY_ID[name].label, **{**facts, **other})


def test_what_came_is_worked_out_by_hand() -> None:
    # Two made the whole step, one half of it: 100, 100 and 50 were to come; 120, 60 and 20 came.
    people = [
        accepted(revenue_now=1_120.0),
        accepted(revenue_now=1_060.0),
        accepted(now=11.0, revenue_now=1_020.0),
    ]
    found = what_came(people)
    assert found.people == 3
    assert found.share == pytest.approx((100 * 120 + 100 * 60 + 50 * 20) / (100**2 + 100**2 + 50**2))
    assert found.high is not None
    assert found.low is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.2815516 * 50 / np.sqrt(22_500), rel=1e-6)
    assert found.came == "came"


def test_late_in_a_period_nothing_is_said_about_a_lost_relation() -> None:
    gone = accepted(strength=3.0, strength_now=0.2)
    assert reviewed([gone], False, {})[0].verdict == "drop"
    late = reviewed([replace(gone, relation_told=False)], False, {})[0]
    assert (late.verdict, late.has_lost_relation) == ("keep", False)
    assert "下がって" not in late.sentence.ja


def test_one_person_with_an_uncertain_forecast_tells_nothing() -> None:
    assert what_came([accepted(foreseen=(1_000.0, 400.0))]).came == "cannot_be_told"
    assert what_came([accepted(revenue=None)]).came == "cannot_be_told"
    assert what_came([]).came == "cannot_be_told"


def test_an_interval_below_the_whole_tells_that_less_came() -> None:
    many = [accepted(revenue_now=1_000.0) for _ in range(8)]
    assert what_came(many).came == "less"
    assert what_came([replace(one, revenue_now=700.0) for one in many]).came == "none"


def test_a_review_drops_what_lost_its_relation_or_was_padded_and_changes_what_is_out_of_range() -> None:
    padded = {("person:P1", "visits"): Text("訪問の記録を確認してください。", "Ask about the visits.")}
    found = reviewed(
        [
            accepted("proposals"),
            accepted("meetings", strength_now=None),
            accepted("visits"),
            accepted("leads", now=3.0, probability=0.05, value_now=6.0),
        ],
        False,
        padded,
    )
    assert [one.verdict for one in found] == ["keep", "drop", "drop", "change"]
    assert [one.reached for one in found] == [True, True, True, None]
    assert found[1].has_lost_relation
    assert "Ask about the visits." in found[2].sentence.en
    assert "6" in found[3].sentence.en
    assert all("cannot be told" in one.sentence.en for one in found)


def test_a_missed_kpi_of_a_period_that_is_over_says_so() -> None:
    (one,) = reviewed([accepted(now=8.0)], True, {})
    assert one.reached is False
    assert "未達" in one.sentence.ja


def test_a_kpi_must_move_the_goal_by_a_point_whosever_it_is() -> None:
    def finding(scope: str, points: float) -> bool:
        proposal = KpiProposal("leads", scope, 9.0, None, {}, "2026-Q4", date(2026, 12, 31), None)
        label = BY_ID["leads"].label
        facts = KpiFacts(True, True, label, label, [], 1.0, None, True, 0.4, (8, 10), points, None)
        return check_kpi(proposal, facts, date(2026, 11, 1))["relevant"].ok

    for scope in ("person:P1", "team:T1"):
        assert finding(scope, 1.0)
        assert not finding(scope, 0.9)


def test_a_rank_correlation_is_of_ranks() -> None:
    assert _spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 10.0, 1_000.0])) == 1.0
    assert _spearman(np.ones(3), np.arange(3.0)) == 0.0
