"""Which moments are learned from, and are unripe answers left out rather than guessed?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.instants import DAY, NEVER
from features.snapshot_moments import grid_age
from training.snapshots import (
    SHORT_CYCLE,
    Cycle,
    DealOutcomes,
    cycle_of,
    draw_horizons,
    make_rows,
    split,
)

AS_OF = 100 * DAY
CYCLE = Cycle(40.0, 20.0, 50)


def _lives(*deals: tuple[float, float | None, int, float]) -> DealOutcomes:
    """Deals as (created, closed or None, outcome, last sign), all in days."""
    created, closed, outcome, sign = zip(*deals, strict=True)
    return DealOutcomes(
        np.array([int(day * DAY) for day in created]),
        np.array([NEVER if day is None else int(day * DAY) for day in closed]),
        np.array(outcome),
        np.array([int(day * DAY) for day in sign]),
    )


def _rows(lives: DealOutcomes, at_days: list[float], horizon: list[float]):
    at = np.array([int(day * DAY) for day in at_days])
    row = np.arange(len(at))
    days = np.array(horizon)
    ever = np.isinf(days)
    questions = (row, np.where(ever, CYCLE.ever_days, days), np.where(ever, CYCLE.longest_days, days))
    return make_rows(lives, np.arange(len(at)), at, np.zeros((len(at), 1)), questions, CYCLE, AS_OF)


def test_answers_say_won_or_lost_within_the_horizon():
    lives = _lives((0, 30, 1, 30), (0, 30, 0, 30), (0, 30, 1, 30), (0, 30, 0, 30), (0, None, -1, 99))
    rows = _rows(lives, [10, 10, 10, 10, 10], [25.0, 25.0, 15.0, 15.0, 25.0])
    assert rows.won.tolist() == [1, 0, 0, 0, 0]
    assert rows.lost.tolist() == [0, 1, 0, 0, 0]
    assert rows.days.tolist() == [20, 20, 20, 20, 90]
    assert rows.event.tolist() == [1, 0, 1, 0, -1]


def test_a_win_on_the_last_instant_of_the_horizon_is_not_within_it():
    rows = _rows(_lives((0, 30, 1, 30)), [10], [20.0])
    assert rows.won.tolist() == [0]


def test_label_of_an_unlimited_horizon_is_lost_for_an_abandoned_deal():
    lives = _lives((0, None, -1, 50), (0, 90, 1, 90))
    rows = _rows(lives, [10, 10], [np.inf, np.inf])
    assert rows.won.tolist() == [0, 1]
    assert rows.lost.tolist() == [1, 0]


def test_deals_alive_after_the_longest_cycle_are_not_left_out_but_won_as_often_as_those_that_closed_so_late():
    alive = [(0, None, -1, 95)] * 200
    late = [(0, 60, 1, 60)] * 3 + [(0, 70, 0, 70)] * 8
    rows = _rows(_lives(*alive, *late), [10] * 211, [np.inf] * 211)
    assert rows.row.tolist() == list(range(211))
    # Three wins of eleven late closings and one more loss: a quarter.
    assert rows.won[:200].mean() == pytest.approx(0.25, abs=0.01)
    assert (rows.won + rows.lost == 1).all()
    # As known on day 65, nothing had been lost so late: three wins of three, and one more loss.
    known = rows.known_at(65 * DAY)
    assert len(known.row) == 211
    assert known.won[:200].tolist() == rows.won[:200].tolist()
    assert known.won[200:203].tolist() == [1, 1, 1]
    hidden = known.won[203:]
    assert 4 <= hidden.sum() <= 8


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_no_question_is_asked_whose_answer_is_not_certain(seed):
    rng = np.random.default_rng(seed)
    at = (rng.uniform(0, 100, 30) * DAY).astype(np.int64)
    row, horizon, matures = draw_horizons(at, AS_OF, rng.uniform(1, 90, 30), CYCLE, 4, rng)
    assert (at[row] + matures * DAY <= AS_OF).all()
    assert (matures <= horizon).all()
    assert (horizon > 0).all()


def test_the_company_s_own_pace_is_learned():
    lives = _lives(*[(day, day + 10 + day / 10, 1, day + 8) for day in range(50)])
    cycle = cycle_of(lives, AS_OF)
    assert cycle.longest_days == pytest.approx(14.8, abs=0.2)
    assert cycle.silent_days == 14.0
    assert "50" in cycle.describe().en


def test_closings_after_the_cut_off_teach_nothing_about_the_pace():
    early = [(day, day + 10, 1, day + 9) for day in range(20)]
    late = [(day, day + 90, 1, day + 9) for day in range(20)]
    assert cycle_of(_lives(*early, *late), 50 * DAY) == cycle_of(_lives(*early), 50 * DAY)


def _on_grid(created: int, days: float) -> int | None:
    """The last moment of the grid of a deal created then and open for so many days."""
    ages = [grid_age(created, part) for part in range(12) if grid_age(created, part) < days * DAY]
    return created + 1 + max(ages) if ages else None


def _many(seed: int = 0):
    rng = np.random.default_rng(seed)
    created = rng.uniform(0, 95, 200)
    ends = created + rng.exponential(15, 200)
    lives = _lives(
        *[
            (c, e if e < 100 else None, int(rng.random() < 0.4) if e < 100 else -1, c)
            for c, e in zip(created, ends, strict=True)
        ]
    )
    weeks = np.minimum(ends, 100) - created
    deal = np.repeat(np.arange(200), 3)
    at = lives.created[deal] + (np.tile([0.0, 0.3, 0.7], 200) * weeks[deal] * DAY).astype(np.int64)
    at += np.where(np.arange(len(at)) % 3 == 0, 1, 0)
    regular = [_on_grid(*one) for one in zip(lives.created.tolist(), weeks.tolist(), strict=True)]
    at[2::3] = [later if moment is None else moment for moment, later in zip(regular, at[2::3], strict=True)]
    questions = draw_horizons(at, AS_OF, np.full(len(at), 20.0), CYCLE, 3, rng)
    return lives, make_rows(lives, deal, at, np.arange(len(at))[:, None] * 1.0, questions, CYCLE, AS_OF)


def test_no_deal_is_on_both_sides_of_a_fold_and_no_answer_is_early():
    _, rows = _many()
    halves = np.random.default_rng(1).random(200) < 0.5
    cut = 60 * DAY
    fold = split(rows, cut, AS_OF, AS_OF, halves)
    assert len(fold.train.row) > 50
    assert len(fold.valid.row) > 50
    assert not set(fold.train.deal) & set(fold.valid.deal)
    assert (fold.train.question_at + fold.train.matures_after_days * DAY <= cut).all()
    assert (fold.valid.at >= cut).all()


def test_folds_learn_from_all_moments_and_judge_on_regular_ones():
    _, rows = _many()
    fold = split(rows, 60 * DAY, AS_OF, AS_OF, np.random.default_rng(1).random(200) < 0.5)
    assert not rows.regular.all()
    assert not fold.train.regular.all()
    assert len(fold.valid.at) > 20
    assert fold.valid.regular.all()


def test_a_regular_moment_weighs_the_weeks_it_stands_for():
    lives = _lives(*[(0, None, -1, 99)] * 4)
    ages = [(grid_age(0, part) + 1.5) / DAY for part in (0, 6, 10)]
    rows = _rows(lives, [*ages, 84.5], [5.0] * 4)
    assert rows.weight.tolist() == [1 / 7, 2, 4, 1]
    assert rows.regular.tolist() == [True, True, True, False]


def test_where_deals_end_within_days_their_creation_is_a_regular_moment():
    lives = _lives(*[(0.3, None, -1, 99)] * 2)
    at = int(0.3 * DAY) + np.array([1, 2])
    questions = np.arange(2), np.full(2, 3.0), np.full(2, 3.0)
    for cycle in (Cycle(SHORT_CYCLE, 20.0, 50), CYCLE):
        rows = make_rows(lives, np.arange(2), at, np.zeros((2, 1)), questions, cycle, AS_OF)
        assert rows.regular.tolist() == [cycle.longest_days == SHORT_CYCLE, False]
        assert rows.weight.tolist() == [1, 1]


def test_half_of_the_deals_open_at_the_cut_stand_for_all_of_them():
    lives, rows = _many()
    halves = np.arange(200) % 2 == 0
    cut = 60 * DAY
    fold = split(rows, cut, AS_OF, AS_OF, halves)
    open_then = (lives.created < cut) & ((lives.closed == NEVER) | (lives.closed >= cut))
    alone = dict(zip(zip(rows.deal, rows.at, strict=True), rows.weight, strict=True))
    times = [
        weight / alone[one]
        for weight, one in zip(
            fold.train.weight, zip(fold.train.deal, fold.train.at, strict=True), strict=True
        )
    ]
    assert times == np.where(open_then[fold.train.deal], 2.0, 1.0).tolist()
    assert halves[fold.train.deal[open_then[fold.train.deal]]].all()


def test_what_happens_after_an_earlier_cut_off_changes_nothing_known_at_it():
    _, rows = _many()
    cut = 60 * DAY
    known = rows.known_at(cut)
    closes = known.at + known.days * DAY
    assert (closes[known.event >= 0] < cut).all()
    assert (known.days[known.event == -1] <= (cut - known.at[known.event == -1]) / DAY + 1e-9).all()
    assert (known.at < cut).all()
    assert known.known_at(cut).won.tolist() == known.won.tolist()


def test_a_fold_can_be_printed():
    _, rows = _many()
    fold = split(rows, 60 * DAY, AS_OF, AS_OF, np.zeros(200, bool))
    text = fold.describe(ZoneInfo("UTC"))
    assert text.startswith("train until 1970-03-02T00:00 (")
    assert f"{len(fold.valid.row)} rows of {fold.valid.deals} deals" in text
