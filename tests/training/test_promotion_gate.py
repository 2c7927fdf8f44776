"""Does the gate promote models that are right and refuse crippled ones, and say when it cannot tell?"""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, logit

from training.comparison import MARGIN, MIN_DEALS, Comparison, LaterRows, compare
from training.metrics import Difference
from training.promote import gate
from training.promotion_gate import decide, decide_first, not_learned

ROWS_OF_A_DEAL = 4


def draw(deals: int, seed: int = 0) -> tuple[np.ndarray, LaterRows, np.random.Generator]:
    """True chances, and rows of deals: four horizons each, with one ending per deal."""
    rng = np.random.default_rng((deals, seed))
    deal = np.repeat(np.arange(deals), ROWS_OF_A_DEAL)
    chance = np.sort(rng.beta(1.0, 3.0, (deals, ROWS_OF_A_DEAL)), axis=1).ravel()
    won = (rng.random(deals)[deal] < chance).astype(float)
    return chance, LaterRows(won, np.ones(len(won)), deal), rng


def noisy(chance: np.ndarray, rows: LaterRows, sd: float, rng: np.random.Generator) -> np.ndarray:
    return expit(logit(chance) + (sd * rng.normal(size=rows.deals))[rows.deal])


CRIPPLED = {
    "shrunk": lambda chance, rows, rng: expit(0.5 * logit(chance) - 0.6),
    "over-confident": lambda chance, rows, rng: expit(1.8 * logit(chance)),
    "shifted": lambda chance, rows, rng: expit(logit(chance) + 0.8),
    "noisy": lambda chance, rows, rng: noisy(chance, rows, 1.0, rng),
    "constant": lambda chance, rows, rng: np.full(len(chance), 0.25),
}


@pytest.mark.parametrize("deals", [30, 100, 200])
def test_a_model_right_by_construction_is_hardly_ever_called_worse(deals: int):
    """Against another right one with errors of the same size: refusing it would be wrong."""
    verdicts = []
    for seed in range(100):
        chance, rows, rng = draw(deals, seed)
        a, b = (noisy(chance, rows, 0.15, rng) for _ in range(2))
        verdicts.append(compare(a, b, rows, rng).verdict)
    assert verdicts.count("worse") <= 0.05 * len(verdicts)


@pytest.mark.parametrize("deals", [30, 100])
@pytest.mark.parametrize("name", CRIPPLED)
def test_a_crippled_model_is_hardly_ever_said_to_be_no_worse(deals: int, name: str):
    passed = 0
    for seed in range(60):
        chance, rows, rng = draw(deals, seed)
        passed += compare(CRIPPLED[name](chance, rows, rng), chance, rows, rng).passes
    assert passed <= 0.05 * 60


@pytest.mark.parametrize("name", CRIPPLED)
def test_with_enough_deals_a_crippled_model_is_refused_and_the_right_one_promoted(name: str):
    chance, rows, rng = draw(3_000)
    crippled = CRIPPLED[name](chance, rows, rng)
    worse = compare(crippled, chance, rows, rng)
    assert worse.verdict == "worse"
    assert not decide(worse, same_recipe=True, newer=True).promote
    better = decide(compare(chance, crippled, rows, rng), same_recipe=False, newer=True)
    assert (better.promote, better.code) == (True, "better")
    assert "better than the champion" in better.text.en
    assert "予測誤差が小さい" in better.text.ja


def test_what_luck_gives_is_taken_off_the_calibration_error():
    """30 deals: the error in bins is above .06, the limit of before, for nearly every right model."""
    errors, excess, off = [], [], 0
    for seed in range(60):
        chance, rows, rng = draw(30, seed)
        right = compare(chance, chance, rows, rng).a
        errors.append(right.error)
        excess.append(right.excess)
        off += right.is_off
    assert np.mean(np.array(errors) > 0.06) > 0.8
    assert np.mean(excess) == pytest.approx(0.0, abs=0.02)
    assert off <= 0.05 * 60


def test_a_market_that_turned_puts_both_models_off_and_refuses_neither():
    chance, rows, rng = draw(2_000)
    turned = LaterRows(
        np.where(rng.random(2_000)[rows.deal] < 0.6, rows.outcome, 0.0), rows.weight, rows.deal
    )
    found = compare(noisy(chance, rows, 0.1, rng), noisy(chance, rows, 0.1, rng), turned, rng)
    assert found.a.is_off
    assert found.b.is_off
    assert not found.is_less_calibrated
    assert found.verdict != "worse"


def test_a_model_whose_rows_cannot_tell_is_promoted_only_if_it_was_made_the_same_way():
    chance, rows, rng = draw(60)
    found = compare(noisy(chance, rows, 0.5, rng), chance, rows, rng)
    assert found.verdict == "cannot_tell"
    routine, changed = (decide(found, same_recipe=same, newer=True) for same in (True, False))
    assert (routine.promote, routine.code) == (True, "newer_data")
    assert (changed.promote, changed.code) == (False, "cannot_tell")
    assert "sancho models promote" in changed.text.en
    assert "sancho models promote" in changed.text.ja


def test_without_any_rows_a_changed_way_of_fitting_has_to_wait():
    assert decide(None, same_recipe=True, newer=True).promote
    assert not decide(None, same_recipe=False, newer=True).promote


def test_below_the_least_number_of_deals_nothing_is_told():
    chance, rows, rng = draw(MIN_DEALS - 1)
    assert compare(np.full(len(chance), 0.999), chance, rows, rng).verdict == "cannot_tell"


def test_a_model_of_older_data_is_not_promoted_however_good():
    chance, rows, rng = draw(1_000)
    found = compare(chance, np.full(len(chance), 0.5), rows, rng)
    decision = decide(found, same_recipe=True, newer=False)
    assert (decision.promote, decision.code) == (False, "older_data")


@pytest.mark.parametrize("broken", ["mean", "lo", "hi"])
def test_a_figure_that_is_not_a_number_passes_nothing(broken: str):
    """NaN is not above a limit, which is not to say that it is below."""
    chance, rows, rng = draw(500)
    sound = compare(chance, np.full(len(chance), 0.5), rows, rng)
    assert sound.verdict == "better"
    gap = replace(sound.difference, **{broken: np.nan})
    found = replace(sound, difference=gap)
    assert found.verdict == "cannot_tell"
    assert not decide(found, same_recipe=False, newer=True).promote
    assert decide_first(found).table_only


def test_predictions_that_are_not_numbers_pass_nothing():
    chance, rows, rng = draw(500)
    found = compare(np.full(len(chance), np.nan), chance, rows, rng)
    assert not found.passes
    assert decide_first(found).table_only
    refused = decide(found, same_recipe=True, newer=True)
    assert (refused.promote, refused.code) == (False, "not_a_number")


def test_an_empty_table_of_rows_proves_nothing():
    none = np.zeros(0)
    found = compare(none, none, LaterRows(none, none, none.astype(np.int64)), np.random.default_rng(0))
    assert isinstance(found.difference, Difference)
    assert np.isnan(found.difference.mean)
    assert found.verdict == "cannot_tell"
    first = decide_first(found)
    assert first.table_only
    assert "nan" not in first.decision.text.both()


def test_the_first_model_is_promoted_if_it_beats_the_stage_table():
    chance, rows, rng = draw(500)
    first = decide_first(compare(chance, np.full(len(chance), 0.25), rows, rng))
    assert not first.table_only
    assert (first.decision.promote, first.decision.code) == (True, "first_model")


def test_a_first_model_that_is_worse_leaves_the_answer_to_the_stage_table():
    chance, rows, rng = draw(500)
    first = decide_first(compare(np.full(len(chance), 0.25), chance, rows, rng))
    assert first.table_only
    assert (first.decision.promote, first.decision.code) == (True, "stage_table")
    assert "worse than the table" in first.decision.text.en
    assert "表より予測誤差が大きく" in first.decision.text.ja


def test_a_first_model_that_nothing_proves_leaves_the_answer_to_the_stage_table():
    first = decide_first(None)
    assert first.table_only
    assert "do not show" in first.decision.text.en
    assert "確かめられません" in first.decision.text.ja


def test_a_model_that_could_learn_nothing_serves_only_where_nothing_better_does():
    assert not_learned(12, promote=True).promote
    refused = not_learned(12, promote=False)
    assert (refused.promote, refused.code) == (False, "not_learned")
    assert "12" in refused.text.ja


def test_the_margin_is_the_one_that_still_counts_as_not_worse():
    chance, rows, rng = draw(300)
    same = compare(chance, chance, rows, rng)
    assert (same.difference.mean, same.verdict) == (0.0, "not_worse")
    above = Comparison(same.deals, same.rows, Difference(0.004, 0.001, MARGIN + 1e-9), same.a, same.b)
    assert above.verdict == "worse"
    assert replace(above, difference=Difference(0.004, 0.001, MARGIN)).verdict == "not_worse"


class Model:
    """What the gate asks of a bundle."""

    def __init__(self, as_of: int, is_table: bool = False, recipe: str = "usual") -> None:
        self.as_of, self.recipe = as_of, recipe
        self.win = SimpleNamespace(is_table=is_table, closed_deals=12)


def report(proof: Comparison | None = None, against: Comparison | None = None) -> SimpleNamespace:
    return SimpleNamespace(proof=proof, against_champion=against)


def test_a_model_worse_than_the_stage_table_is_refused_however_it_does_against_the_champion():
    chance, rows, rng = draw(800)
    worse = compare(np.full(len(chance), 0.25), chance, rows, rng)
    better = compare(chance, np.full(len(chance), 0.25), rows, rng)
    _, decision = gate(Model(2), report(worse, better), Model(1))
    assert (decision.promote, decision.code) == (False, "worse_than_table")
    assert decision.text.en.startswith("Not promoted: on 800 later deals")
    assert gate(Model(2), report(better, better), Model(1))[1].promote


def test_the_stage_table_in_service_gives_way_to_a_model_that_is_proved():
    chance, rows, rng = draw(800)
    proof = compare(chance, np.full(len(chance), 0.25), rows, rng)
    _, decision = gate(Model(2), report(proof), Model(1, is_table=True))
    assert (decision.promote, decision.code) == (True, "first_model")
    _, decision = gate(Model(1), report(proof), Model(2, is_table=True))
    assert (decision.promote, decision.code) == (False, "older_data")


def test_the_stated_prior_serves_where_nothing_does_and_replaces_no_learned_model():
    assert gate(Model(2, is_table=True), report(), None)[1].code == "prior"
    assert gate(Model(2, is_table=True), report(), Model(1))[1].code == "not_learned"


def test_a_champion_stored_before_recipes_were_is_taken_for_one_of_the_same():
    decisions = [gate(Model(2), report(), Model(1, recipe=recipe))[1] for recipe in ("usual", "", "other")]
    assert [one.promote for one in decisions] == [True, True, False]
