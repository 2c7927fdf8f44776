"""Are chances right on average at present and in the end, when moods come and go?"""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.instants import DAY
from features import Calendar
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.fitting import WinSettings, fit_win
from models.win.horizons import HorizonWindows
from models.win.level import KNOTS, Level, fit_level, life_table, never_falling, recent_moments
from models.win.model import WinModel
from models.win.moods import MonthlyCounts, fit_mood, monthly_counts, moved_rates
from models.win.stage_rates import fit_stage_rates, horizon_grid
from models.win.trees import PLAIN_TREES, TreeSettings

LAYOUT = FeatureLayout(("stage", "age_days", "quality"), (0,), 0, 1, -1)
LONGEST, EVER = 120.0, 240.0
FIRST, LAST = 20_000, 20_700  # days
HORIZONS = np.array([0.5, 7.0, 20.0, 45.0, 90.0, 119.0, np.inf])


def won_share(day: float) -> float:
    """Half of the deals were won for long; for the last five months it has been a quarter."""
    return 0.5 if day < LAST - 150 else 0.25


def organisation(seed: int = 0, deals: int = 1_500) -> SnapshotRows:
    """Deals that end after 40 days on average, won by the mood of the day they end on; weekly moments."""
    rng = np.random.default_rng(seed)
    created = rng.uniform(FIRST, LAST - 1, deals)
    ends = created + rng.exponential(40.0, deals)
    quality = rng.normal(size=deals)
    share = np.array([won_share(day) for day in ends])
    won = rng.random(deals) < 1 / (1 + np.exp(-(np.log(share / (1 - share)) + 0.5 * quality)))
    parts = [(d, t) for d in range(deals) for t in np.arange(created[d] + 1e-6, min(ends[d], LAST), 7.0)]
    deal, at = np.array([d for d, _ in parts]), np.array([t for _, t in parts])
    done = ends[deal] < LAST
    days = np.where(done, ends[deal], LAST) - at
    event = np.where(done, won[deal], -1)
    x = np.stack([np.zeros(len(at)), at - created[deal], quality[deal]], axis=1)
    row = np.repeat(np.arange(len(at)), 2)
    horizon = np.exp(rng.uniform(0, np.log(LONGEST), len(row)))
    ever = rng.random(len(row)) < 0.2
    horizon[ever] = EVER
    matures = np.where(ever, LONGEST, horizon)
    ripe = matures <= LAST - at[row]
    row, horizon, matures, ever = row[ripe], horizon[ripe], matures[ripe], ever[ripe]
    is_won = (event[row] == 1) & (days[row] < horizon)
    return SnapshotRows(
        x=x, at=(at * DAY).astype(np.int64), deal=deal, days=days, event=event.astype(np.int64),
        weight=np.ones(len(at)), regular=np.ones(len(at), bool), row=row, horizon=horizon,
        won=is_won.astype(float),
        lost=np.where(ever, ~is_won, (event[row] == 0) & (days[row] < horizon)).astype(float),
        matures_after_days=matures, longest_days=LONGEST, ever_days=EVER,
    )  # fmt: skip


def fit(rows: SnapshotRows, level: bool = True) -> WinModel:
    windows = HorizonWindows(Calendar(ZoneInfo("Asia/Tokyo")), LONGEST)
    settings = WinSettings(
        TreeSettings(count=30, threads=1), replace(PLAIN_TREES, count=30, threads=1), with_level=level
    )
    return fit_win(rows, LAYOUT, np.arange(3), windows, settings, np.random.default_rng(0))


@pytest.fixture(scope="module")
def rows() -> SnapshotRows:
    return organisation()


@pytest.fixture(scope="module")
def model(rows: SnapshotRows) -> WinModel:
    return fit(rows)


def latest(rows: SnapshotRows) -> tuple[np.ndarray, np.ndarray]:
    """Features and moments of the last two weeks."""
    recent = rows.at >= (LAST - 14) * DAY
    return rows.x[recent], rows.at[recent]


def test_the_chance_in_the_end_is_not_that_of_better_times(rows: SnapshotRows, model: WinModel):
    x, at = latest(rows)
    ever = np.full(len(at), np.inf)
    learned_long_ago = fit(rows, level=False).won_by(x, at, ever).mean()
    assert learned_long_ago > 0.40
    # A quarter is won at present; the mood goes back, and with it the chance of deals still open by then.
    assert 0.22 < model.won_by(x, at, ever).mean() < 0.36


def test_a_mood_that_has_gone_changes_nothing(rows: SnapshotRows, model: WinModel):
    x, _ = latest(rows)
    soon, later = (np.full(len(x), (LAST + days) * DAY) for days in (0, 3_000))
    ever = np.full(len(x), np.inf)
    now, then = model.won_by(x, soon, ever).mean(), model.won_by(x, later, ever).mean()
    assert then > now + 0.03
    usual = replace(model, level=replace(model.level, now=model.level.usual))
    assert model.won_by(x, later, ever) == pytest.approx(usual.won_by(x, later, ever), abs=1e-6)


def test_half_of_a_mood_is_left_after_its_half_life():
    level = Level(np.array([7.0, 28.0, 240.0]), np.full((2, 3), 0.4), np.zeros((2, 3)), 0, 60.0)
    days = np.array([3.0, 14.0, 90.0, 240.0])
    for passed, left in ((0, 0.4), (60, 0.2), (120, 0.1)):
        assert level.shift("won", np.full(4, passed * DAY), days) == pytest.approx(np.full(4, left))


def test_the_level_of_the_present_is_not_that_of_the_past():
    level = Level(np.array([7.0, 28.0, 240.0]), np.full((2, 3), 0.4), np.full((2, 3), 0.2), 0, 60.0)
    days = np.array([3.0, 240.0])
    for passed, left in ((-6_000, 0.0), (-60, 0.2), (0, 0.4), (60, 0.3), (6_000, 0.2)):
        assert level.shift("won", np.full(2, passed * DAY), days) == pytest.approx(np.full(2, left))


def test_without_its_level_a_model_scores_the_past_and_the_present_alike(rows: SnapshotRows, model: WinModel):
    x, month = rows.x[:50], np.full(50, 30.0)
    plain = model.without_level()
    far, near = (np.full(50, (LAST - days) * DAY) for days in (364, 0))
    assert plain.won_by(x, far, month) == pytest.approx(plain.won_by(x, near, month), abs=0.03)
    assert np.abs(model.won_by(x, near, month) - plain.won_by(x, near, month)).mean() > 0.01


def test_chances_in_the_end_that_are_lowered_lower_those_by_a_day_too(rows: SnapshotRows, model: WinModel):
    shifts = np.array([[0.0, 0.0, 0.1, 0.1, 0.1, -1.5]] * 2)
    days = np.array([7.0, 14.0, 28.0, 56.0, 91.0, EVER])
    lowered = replace(model, level=Level(days, shifts, shifts, LAST * DAY, 60.0))
    assert lowered.level.ever_is_lower
    x, at = rows.x[:200], rows.at[:200]
    curve = lowered.curve(x, at, HORIZONS)
    assert (np.diff(curve.won, axis=1) >= 0).all()
    assert (np.diff(curve.lost, axis=1) >= 0).all()
    assert curve.won + curve.lost + curve.open == pytest.approx(np.ones(curve.won.shape))
    assert (curve.won[:, 4] == curve.won[:, -1]).any()  # the cap is at work
    for column, horizon in enumerate(HORIZONS):
        asked = np.full(len(at), horizon)
        alone = lowered.won_by(x, at, asked)
        assert alone.tolist() == curve.won[:, column].tolist()
        parts = lowered.contributions(x, at, asked)
        assert parts.log_odds == pytest.approx(np.log(alone) - np.log1p(-alone), abs=1e-9)
    logits, _ = lowered.question_log_odds(rows)
    of_questions = lowered.won_by(rows.x[rows.row], rows.question_at, rows.horizon)
    assert lowered.won_by_logits(rows, logits) == pytest.approx(of_questions, abs=1e-12)


def test_the_level_is_the_life_tables_on_the_latest_moments(rows: SnapshotRows, model: WinModel):
    plain = replace(model, level=Level.none())
    once = fit_level(rows, LAYOUT, model.windows, plain._log_odds)
    lasting = replace(model, level=replace(model.level, half_life=1e12))
    again = fit_level(rows, LAYOUT, model.windows, lasting._log_odds)
    assert once.now == pytest.approx(model.level.now, abs=1e-12)
    assert again.now[:, -1] == pytest.approx(np.zeros(2), abs=1e-6)  # nothing is left to shift
    assert once.days.tolist() == [*(day for day in KNOTS if day < EVER / 2), EVER]


def test_moments_of_at_least_a_hundred_deals_set_the_level(rows: SnapshotRows):
    assert len(np.unique(recent_moments(rows, LAST * DAY).deal)) >= 100
    few = rows.where(rows.deal < 120)
    assert len(np.unique(recent_moments(few, LAST * DAY).deal)) >= 100


def test_a_level_is_stored_and_read_again(model: WinModel):
    read = Level.from_json(model.level.to_json())
    moments, days = np.array([LAST * DAY, (LAST + 50) * DAY]), np.array([30.0, EVER])
    for side in ("won", "lost"):
        assert read.shift(side, moments, days).tolist() == model.level.shift(side, moments, days).tolist()


def test_without_a_level_nothing_is_shifted():
    assert Level.none().shift("won", np.zeros(3, np.int64), np.ones(3)).tolist() == [0.0] * 3
    assert not Level.none().ever_is_lower


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=8))
def test_shifts_that_may_not_fall_keep_their_mean_and_what_is_in_order(values):
    found = never_falling(np.array(values))
    assert (np.diff(found) >= -1e-12).all()
    assert found.mean() == pytest.approx(np.mean(values), abs=1e-9)
    in_order = np.sort(values)
    assert never_falling(in_order) == pytest.approx(in_order)


def test_a_mood_is_seen_in_wins_and_losses_and_fades_with_the_days_ahead():
    usual = np.full(30, 40.0)
    low = usual * np.where(np.arange(30) < 26, 1.1, 0.5)
    mood = fit_mood(MonthlyCounts(low, np.full(30, low.mean()), usual, usual))
    won, lost = mood.factors(np.array([0.0, 90.0, 10_000.0]))
    assert won[0] < 0.75
    assert won[0] < won[1] < won[2] == pytest.approx(1.0, abs=1e-6)
    assert (lost >= 1.0 - 1e-9).all()
    assert 60.0 <= mood.half_life <= 240.0


def test_months_that_differ_by_chance_alone_make_hardly_a_mood():
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        won, lost = rng.poisson(20.0, 36).astype(float), rng.poisson(30.0, 36).astype(float)
        mood = fit_mood(MonthlyCounts(won, np.full(36, won.mean()), lost, np.full(36, lost.mean())))
        found.append(mood.factors(np.zeros(1))[0][0])
    assert np.std(np.log(found)) < 0.06
    assert np.mean(found) == pytest.approx(1.0, abs=0.03)


def test_a_month_without_any_record_is_not_taken_for_the_end_of_all_business():
    usual = np.full(30, 40.0)
    silent = np.append(np.full(29, 40.0 * 30 / 29), 0.0)
    mood = fit_mood(MonthlyCounts(silent, usual, usual, usual))
    won, _ = mood.factors(np.zeros(1))
    assert won[0] > 0.35


def test_rates_in_a_good_mood_bring_more_wins_and_stay_coherent():
    rng = np.random.default_rng(1)
    days, event = rng.exponential(30.0, 4_000), (rng.random(4_000) < 0.4).astype(np.int64)
    grid = horizon_grid(LONGEST, EVER)
    rates = fit_stage_rates(np.zeros(4_000), np.zeros(4_000), days, event, np.arange(4_000), grid)
    usual = np.full(30, 40.0)
    good = np.where(np.arange(30) < 26, 36.0, 66.0)
    mood = fit_mood(MonthlyCounts(good, np.full(30, good.mean()), usual, usual))
    moved = moved_rates(rates, mood)
    assert (moved.won[:, :, -1] > rates.won[:, :, -1] + 0.05).all()
    for table in (moved.won, moved.lost):
        assert (np.diff(table, axis=2) >= -1e-12).all()
    assert moved.won[:, :, -1] + moved.lost[:, :, -1] == pytest.approx(np.ones(rates.won.shape[:2]))


def test_where_deals_end_within_days_the_shift_in_the_end_is_that_of_every_horizon():
    level = Level(np.array([3.0]), np.full((2, 1), 0.4), np.zeros((2, 1)), 0, 60.0)
    assert level.shift("won", np.zeros(3, np.int64), np.array([0.5, 2.0, 3.0])).tolist() == [0.4, 0.4, 0.4]
    assert not level.ever_is_lower


def test_calls_made_in_bursts_are_no_mood_where_they_are_won_as_often_as_ever():
    rng = np.random.default_rng(4)
    # A thousand calls a month, a pause of two months, and six hundred on the two days before the cut-off.
    created = np.concatenate([rng.uniform(20_000, 20_140, 5_000), rng.uniform(20_250, 20_252, 600)])
    count = len(created)
    nothing = np.zeros(0)
    calls = SnapshotRows(
        x=np.zeros((count, 3)), at=(created * DAY).astype(np.int64), deal=np.arange(count),
        days=np.full(count, 0.04), event=(np.arange(count) % 20 == 0).astype(np.int64),
        weight=np.ones(count), regular=np.ones(count, bool), row=np.zeros(0, np.int64), horizon=nothing,
        won=nothing, lost=nothing, matures_after_days=nothing, longest_days=7.0, ever_days=14.0,
    )  # fmt: skip
    windows = HorizonWindows(Calendar(ZoneInfo("UTC")), 7.0)
    as_of = int(20_252 * DAY)
    counts = monthly_counts(calls, life_table(calls, LAYOUT, windows), LAYOUT, windows, as_of)
    won, lost = fit_mood(counts).factors(np.array([0.0]))
    assert won[0] == pytest.approx(1.0, abs=0.1)
    assert lost[0] == pytest.approx(1.0, abs=0.1)
