"""Next actions: effects by kind of deal, how far they are believed, what is chosen, and whether it helps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crm.eventlog import EventLog
from crm.instants import DAY, NEVER, end_of_day
from crm.store import Outcome, Recommended, Store
from features import (
    ActionEvents,
    Calendar,
    action_events_of,
    actions_of_deal,
    compile_history,
    compile_live_deal,
    last_done,
)
from models.actions import (
    ActionEffect,
    Allowance,
    CandidateAction,
    Effects,
    Evidence,
    HeldOut,
    allowances,
    bias_adjusted,
    candidate_actions,
    e_value,
    effect_scale,
    evaluate_policy,
    fit_effects,
    held_out,
    mean_difference,
    reliability_of,
)
from models.actions.candidates import typical_selection
from models.forecast.attainment import DealEffect
from models.win.similar_deals import PastDeals
from service.actions import ScoredDeal, gain_per_hour, recommend_actions
from service.recommendation_report import effect_report
from service.settings import ActionSettings
from simulator import WorldSettings, crm_tables, simulate
from training.actions import learn_actions
from training.observational_data import ObservationalData

TOKYO = ZoneInfo("Asia/Tokyo")
MOMENT = end_of_day(pd.Timestamp("2026-01-20").date(), TOKYO)


def test_effects_differ_by_kind_of_deal_and_few_deals_stay_near_the_others() -> None:
    rng = np.random.default_rng(1)
    count = 6_000
    industry = np.where(rng.random(count) < 0.01, 2, rng.integers(0, 2, count))
    chance = np.full(count, 0.5)
    true = np.where(industry == 0, 0.15, 0.0)
    left = (rng.random(count) < chance + true) - chance
    found = fit_effects(left, chance, {"industry": industry}, {"industry": 4})
    effect, variance = found.of({"industry": np.array([0, 1, 2, 3, -1])}, np.full(5, 0.5))
    assert effect[:2] == pytest.approx([0.15, 0.0], abs=0.03)
    assert variance[2] > 2 * variance[1]
    assert effect[3] == pytest.approx(effect[4])  # nothing known of either: the action's mean
    again = Effects.from_json(found.to_json())
    assert again.of({"industry": industry}, chance)[0] == pytest.approx(
        found.of({"industry": industry}, chance)[0]
    )


def test_the_best_of_several_equally_good_noisy_kinds_is_not_overstated() -> None:
    believed, shares = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        deal = np.repeat(np.arange(700), 3)  # one outcome for the three days of a deal
        chance, kind = np.full(len(deal), 0.5), rng.integers(0, 12, 700)[deal]
        residual = (rng.random(700) < 0.5).astype(float)[deal] - chance
        codes, levels, once = {"kind": kind}, {"kind": 12}, np.full(len(deal), 1 / 3)
        (allowance,) = allowances([held_out(residual, chance, codes, levels, deal, once)])
        effect, _ = fit_effects(residual, chance, codes, levels, once).of(
            {"kind": np.arange(12)}, np.full(12, 0.5)
        )
        plain, _ = fit_effects(residual, chance, codes, levels).of({"kind": np.arange(12)}, np.full(12, 0.5))
        believed.append((plain.max(), allowance.share * effect.max()))
        shares.append(allowance.share)
    of_rows, of_deals = np.mean(believed, axis=0)
    assert of_rows > 0.04  # what rows that count alone would make of nothing
    assert of_deals < 0.5 * of_rows
    assert of_deals < 0.025


def test_what_was_chosen_by_luck_is_left_out_and_a_truly_better_kind_keeps_its_effect() -> None:
    rng = np.random.default_rng(2)
    deal, chance = np.arange(6_000), np.full(6_000, 0.5)
    kind, luck = rng.integers(0, 8, 6_000), rng.random(6_000)
    codes, levels, once = {"kind": kind}, {"kind": 8}, np.ones(6_000)
    real = (luck < chance + 0.2 * (kind % 2)) - chance
    found = held_out(real, chance, codes, levels, deal, once)
    assert allowances([found])[0].share > 0.9
    lucky = HeldOut(0.0, 50.0)
    kept, lost = allowances([found, lucky])
    assert kept.share > 0.85
    assert lost.share < 0.15
    assert lost.sd < allowances([HeldOut(0.0, 0.0)])[0].sd


def test_a_push_moves_deals_most_that_are_as_likely_won_as_lost() -> None:
    assert effect_scale(np.array([0.0, 0.5, 0.9, 1.0])) == pytest.approx([0.0, 1.0, 0.36, 0.0])


def test_what_recorded_choice_explained_is_taken_off_once_more_and_widens_the_interval() -> None:
    plain = bias_adjusted(np.array([0.1]), np.array([0.0004]), np.zeros(1))
    chosen = bias_adjusted(np.array([0.1]), np.array([0.0004]), np.array([0.06]))
    assert plain.effect[0] == pytest.approx(0.1)
    assert chosen.effect[0] == pytest.approx(0.04)
    assert chosen.high[0] - chosen.low[0] > 1.5 * (plain.high[0] - plain.low[0])


def test_e_values_are_those_of_vanderweele_and_ding() -> None:
    assert e_value(0.2, 0.2) == pytest.approx(2 + np.sqrt(2))  # a risk ratio of 2
    assert e_value(0.2, -0.1) == 1.0


@pytest.mark.parametrize(
    ("effect", "low", "chosen", "bound", "word"),
    [
        (0.1, 0.05, 0.0, 2.0, "high"),
        (0.1, 0.05, 0.0, 1.2, "medium"),
        (0.1, 0.05, 0.03, 2.0, "medium"),
        (0.1, 0.05, 0.06, 2.0, "low"),
        (0.1, -0.01, 0.0, 2.0, "low"),
    ],
)
def test_reliability_in_words(effect: float, low: float, chosen: float, bound: float, word: str) -> None:
    assert reliability_of(effect, low, chosen, bound) == word


def test_the_value_of_another_rule_is_estimated_without_bias() -> None:
    rng = np.random.default_rng(3)
    held, gaps = [], []
    for _ in range(200):
        kind = rng.integers(0, 2, 800)
        share = np.where(kind == 0, 0.8, 0.3)  # of choice 0
        chosen = (rng.random(800) > share).astype(int)
        chance = np.where(kind == chosen, 0.6, 0.3)
        outcome = (rng.random(800) < chance).astype(float)
        propensity = np.where(chosen == 0, share, 1 - share)
        rule = np.eye(2)[kind]
        value = evaluate_policy(outcome, chosen, propensity, rule, np.full((800, 2), 0.4))
        gaps.append([value.ips.value - 0.6, value.snips.value - 0.6, value.doubly_robust.value - 0.6])
        held.append([one.low <= 0.6 <= one.high for one in (value.ips, value.snips, value.doubly_robust)])
    assert np.abs(np.mean(gaps, axis=0)).max() < 0.006
    assert np.mean(held, axis=0) == pytest.approx(0.9, abs=0.07)
    assert np.std(gaps, axis=0)[2] < np.std(gaps, axis=0)[0]


def test_a_difference_of_means_has_its_interval() -> None:
    gap = mean_difference(np.array([1.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 0.0]))
    assert gap.value == pytest.approx(0.5)
    assert gap.low < 0.5 < gap.high


@pytest.fixture(scope="module")
def log() -> EventLog:
    day = [pd.Timestamp(f"2026-01-{n:02d} 10:00", tz="Asia/Tokyo") for n in range(1, 32)]
    rows = [
        ("1", day[2], "demo", "a", "out", "S", None),
        ("2", day[3], "visit", "a", "out", "B", None),
        ("3", day[4], "visit", "b", "out", "S", None),
        ("4", day[5], "material", "b", "out", "S", "事例集"),
        ("5", day[6], "email", "b", "in", None, None),
        ("6", day[7], "工場見学", "a", "out", "S", None),
        ("7", day[8], "proposal", "a", "out", "S", None),
    ]
    names = ("activity_id", "at", "kind", "deal_id", "direction", "actor_id", "material")
    tables = {
        "people": pd.DataFrame({"person_id": ["S", "B"], "style": ["field", "manager"]}),
        "deals": pd.DataFrame(
            {"deal_id": ["a", "b"], "created_at": [day[0]] * 2, "stage": ["x", "x"], "owner_id": ["S", "S"]}
        ),
        "activities": pd.DataFrame(rows, columns=names),
    }
    return EventLog.of(tables, TOKYO)


def test_actions_are_what_our_side_did_and_could_choose_to_do(log: EventLog) -> None:
    found = {one.action: one for one in action_events_of(compile_history(log, Calendar(TOKYO)))}
    assert set(found) == {"demo", "visit", "visit_with_manager", "material:事例集", "工場見学"}
    assert found["visit"].deal.tolist() == [1]
    assert found["visit_with_manager"].deal.tolist() == [0]
    last = last_done(found["demo"], np.array([0, 1]), MOMENT, NEVER)
    assert (last != NEVER).tolist() == [True, False]


def test_the_actions_of_a_sent_deal_are_those_that_the_log_would_have(log: EventLog) -> None:
    history = compile_history(log, Calendar(TOKYO))
    for number, deal in enumerate(("a", "b")):
        activities = log["activities"]
        sent = activities[activities["deal_id"] == deal].astype(object).to_dict("records")
        alone = compile_live_deal(history, log["deals"].iloc[number].to_dict(), (), sent)
        found = {one.action: one for one in actions_of_deal(alone)}
        every = {one.action: one for one in action_events_of(history)}
        of_deal = {name: one for name, one in every.items() if (one.deal == number).any()}
        expected = {name: np.asarray(one.at)[one.deal == number].tolist() for name, one in of_deal.items()}
        assert {name: one.at.tolist() for name, one in found.items()} == expected
        assert all((one.deal == 0).all() for one in found.values())


def action(name: str, effect: float, moved: float = 0.0, by_stage: tuple[int, ...] = (100,)) -> ActionEffect:
    found = Effects((), (), np.array([effect]), np.array([[0.0004]]))
    return ActionEffect(name, found, moved, by_stage, 30.0, Evidence(200, 900, 0.4, 0.3, 0.5, 0.2))


def offered(*known: ActionEffect, deeds: tuple[ActionEvents, ...] = ()) -> list[CandidateAction]:
    from features import CATALOGUE

    stage = next(one for one in CATALOGUE if one.name == "stage")
    levels = {"stage": ["提案・見積"]}
    return candidate_actions(
        known, np.zeros((1, 1)), [stage], levels, np.array([0.5]), deeds, np.array([0]), MOMENT
    )


def chosen(*known: ActionEffect, settings: ActionSettings | None = None, deal: str = "a", **more: Any) -> Any:
    target = ScoredDeal(deal, 0, 0.5, 0.25, DealEffect(0.6, 0.7, 0.58), 1_000_000.0)
    settings = settings or ActionSettings()
    return recommend_actions(target, offered(*known, **more), known, settings, MOMENT, "7", TOKYO, "ja")


def test_choose_recommends_a_sure_action_with_its_effect_on_the_goal() -> None:
    choice = chosen(action("demo", 0.1), action("quote", 0.01))
    assert [one["action"] for one in choice.recommended] == ["demo"]
    first = choice.recommended[0]
    assert first["uplift_pp"] == pytest.approx(10.0)
    # Half of what is ever won is won by the end: 5 points there, each worth 12 points of the goal.
    assert first["attainment_pp"] == pytest.approx(5.0 * 0.12)
    assert first["expected_revenue"] == pytest.approx(50_000.0)
    assert gain_per_hour(first, "attainment") == pytest.approx((1.2, 100_000.0))
    assert gain_per_hour(first, "revenue") == pytest.approx((0.0, 100_000.0))
    assert [(one["action"], one["code"]) for one in choice.not_recommended] == [("quote", "no_benefit")]


def test_what_is_left_of_an_effect_is_what_is_shown_and_ranked() -> None:
    large, sure = action("demo", 0.12), action("quote", 0.1)
    chosen_by_luck = replace(large, allowance=Allowance(0.5, 0.2))
    assert [one["action"] for one in chosen(large, sure).recommended] == ["demo", "quote"]
    first, second = chosen(chosen_by_luck, sure).recommended
    assert (first["action"], second["action"]) == ("quote", "demo")
    assert second["uplift_pp"] == pytest.approx(6.0)
    assert (
        second["interval"][0] < 0
    )  # its share left is uncertain, and so is how this deal differs from others
    assert second["reliability"] == "low"
    assert chosen(replace(large, allowance=Allowance(0.0, 0.1))).recommended == []
    (of_deal,) = offered(large)
    assert of_deal.high[0] - of_deal.low[0] > 2 * (of_deal.effect[0] - of_deal.kind_low[0])


def test_an_action_stored_before_allowances_were_measured_still_loads() -> None:
    known = replace(action("demo", 0.1), allowance=Allowance(0.6, 0.2))
    assert ActionEffect.from_json(known.to_json()).allowance == known.allowance
    older = {name: value for name, value in known.to_json().items() if name != "allowance"}
    assert ActionEffect.from_json(older).allowance == Allowance(1.0, 0.0)


def test_nothing_is_recommended_without_a_comparison_again_or_where_deals_were_chosen() -> None:
    done = ActionEvents("seminar", np.array([0]), np.array([MOMENT - 100 * DAY]))
    choice = chosen(
        action("demo", 0.1, by_stage=(5,)),
        action("seminar", 0.1),
        action("material:x", 0.1, moved=0.2),
        action("quote", 0.1),
        deeds=(done,),
    )
    assert [one["action"] for one in choice.recommended] == ["quote"]
    codes = {one["action"]: one["code"] for one in choice.not_recommended}
    assert codes == {"demo": "no_comparison", "seminar": "done", "material:x": "confounded"}


def test_only_choosing_beyond_what_is_usual_counts_against_an_action() -> None:
    moved = [0.01, 0.02, 0.02, 0.03, 0.2]
    assert typical_selection(moved) == pytest.approx(0.03)
    found = offered(*(action(f"kind {n}", 0.1, moved=one) for n, one in enumerate(moved)))
    assert [one.selection_bias[0] for one in found] == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.17])
    assert typical_selection([]) == 0.0


def test_what_calls_and_mails_are_chosen_for_says_nothing_of_other_actions() -> None:
    special = (action("demo", 0.1, moved=0.2), action("quote", 0.1, moved=0.2))
    everyday = (action("call", 0.1, moved=0.0), action("email", 0.1, moved=0.0))
    assert [one.selection_bias[0] for one in offered(*special, *everyday)] == [0.0] * 4


def test_calls_are_held_against_mails_and_mails_against_calls() -> None:
    end = pd.Timestamp("2026-01-20").date()
    world = simulate(WorldSettings(deals=2_500, seed=5, end=end, bottlenecks=0))
    observed = ObservationalData.of(EventLog.of(crm_tables(world), TOKYO), end_of_day(end, TOKYO))
    known = {one.action: one.evidence for one in learn_actions(observed)}
    assert {"call", "email", "demo", "quote"} <= set(known)
    both = known["demo"].deals_without
    assert known["call"].deals_without + known["email"].deals_without <= 1.5 * both
    assert 0 < known["call"].deals_without < both > known["email"].deals_without > 0


def test_a_routine_action_is_done_again_after_two_weeks() -> None:
    for days, again in ((5, False), (20, True)):
        past = ActionEvents("follow_up", np.array([0]), np.array([MOMENT - days * DAY]))
        assert bool(chosen(action("follow_up", 0.1), deeds=(past,)).recommended) is again


def test_without_exploration_the_best_is_taken_for_certain() -> None:
    choice = chosen(action("demo", 0.1), action("quote", 0.09))
    assert (choice.record.action, choice.record.arm, choice.record.propensity) == ("demo", "usual", 1.0)


def test_exploring_draws_by_how_likely_each_is_the_best() -> None:
    settings = ActionSettings(explore=True)
    logs = [
        chosen(action("demo", 0.1), action("quote", 0.09), settings=settings, deal=f"d{n}").record
        for n in range(300)
    ]
    share = np.mean([one.action == "demo" for one in logs])
    told = np.mean([one.propensity for one in logs if one.action == "demo"])
    assert 0.5 < share < 0.9
    assert share == pytest.approx(told, abs=0.08)
    again = chosen(action("demo", 0.1), action("quote", 0.09), settings=settings, deal="d0").record
    assert again == logs[0]


def test_deals_held_out_are_kept_but_get_no_recommendation() -> None:
    settings = ActionSettings(hold_out=0.3)
    choices = [chosen(action("demo", 0.1), settings=settings, deal=f"d{n}") for n in range(400)]
    held = [one for one in choices if one.held_out]
    assert len(held) / 400 == pytest.approx(0.3, abs=0.08)
    assert all(one.recommended == [] and one.record.arm == "hold_out" for one in held)


def test_the_likest_deals_are_those_in_the_same_leaves() -> None:
    leaves = np.array([[1, 2, 3, 4], [1, 2, 3, 9], [7, 7, 7, 7]], np.int16)
    past = PastDeals(np.array([4, 5, 6]), np.array([10, 20, 30]), np.array([True, False, True]), leaves)
    assert past.most_similar(leaves[0], before=100, exclude=4, count=2) == [(5, False, 0.75), (6, True, 0.0)]
    assert past.most_similar(leaves[0], before=15, exclude=-1) == [(4, True, 1.0)]


def recommended(number: int, arm: str = "usual", act: str = "demo", propensity: float = 1.0) -> Recommended:
    deal = "a" if number == 0 else f"x{number}"
    others = '[{"action": "demo", "uplift": 0.1, "propensity": 1.0}]'
    return Recommended(
        f"R{number}", MOMENT - 19 * DAY, MOMENT, deal, act, arm, "1", 0.3, 0.1, 0.05, 0.15, propensity, others
    )


def test_store_keeps_recommendations_and_their_outcomes(store: Store) -> None:
    store.save_recommendations([recommended(1), recommended(2)])
    store.save_recommendations([recommended(1, act="quote")])  # already there: stays
    assert store.save_outcome(Outcome("R1", "dismissed", 5, "予算がない"))
    assert store.save_outcome(Outcome("R1", "dismissed", 6, "時期が早い"))
    assert not store.save_outcome(Outcome("R9", "shown", 5))
    made, outcomes = store.recommendations()
    assert [(one.recommendation_id, one.action) for one in made] == [("R1", "demo"), ("R2", "demo")]
    assert outcomes == [Outcome("R1", "dismissed", 6, "時期が早い")]


def test_the_report_counts_what_became_of_them_and_sees_what_was_done(log: EventLog) -> None:
    history = compile_history(log, Calendar(TOKYO))
    made = [recommended(0), recommended(1), recommended(2, "hold_out")]
    outcomes = [Outcome("R1", "shown", 1), Outcome("R1", "dismissed", 2, "早い")]
    report = effect_report(made, outcomes, history, action_events_of(history))
    assert report["by_action"] == [
        {"action": "demo", "recommended": 2, "shown": 1, "accepted": 0, "dismissed": 1, "done": 1,
         "reasons": {"早い": 1}}
    ]  # fmt: skip
    assert report["hold_out"]["lift_pp"] is None
    assert report["off_policy_value"] is None


def test_the_lift_is_the_difference_from_deals_held_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from service import recommendation_report as lift

    made = [recommended(n, "hold_out" if n % 2 else "explore", propensity=0.5) for n in range(1, 201)]
    won = {one.deal_id: float(one.arm == "explore" or n % 4 == 0) for n, one in enumerate(made)}
    monkeypatch.setattr(lift, "_won", lambda *_: won)
    monkeypatch.setattr(lift, "_seen_done", lambda *_: set())
    report = effect_report(made, [], None, [])  # type: ignore[arg-type]
    held = report["hold_out"]
    assert (held["win_rate_recommended"], held["win_rate_held_out"]) == (1.0, 0.5)
    assert held["lift_pp"] == pytest.approx(50.0)
    assert report["off_policy_value"]["snips"]["value"] == pytest.approx(1.0)
    # Deals that were recommended something before anyone was held out are no comparison.
    early = [replace(recommended(500 + n), made_at=1) for n in range(100)]
    monkeypatch.setattr(lift, "_won", lambda *_: won | {one.deal_id: 0.0 for one in early})
    assert effect_report([*early, *made], [], None, [])["hold_out"] == held  # type: ignore[arg-type]
