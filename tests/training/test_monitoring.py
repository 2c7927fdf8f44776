"""Does the watch stay quiet while nothing changes, and name what did when something has?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm.eventlog import EventLog
from crm.instants import as_of_instant
from features import compile_history
from models.bundle import Bundle
from simulator import WorldSettings, crm_tables, simulate
from training.config import TrainConfig
from training.fit import train
from training.monitoring import monitor
from training.monitoring.calibration import PredictedOutcomes, segment_calibrations
from training.monitoring.drift import drifts, stability
from training.monitoring.samples import prediction_windows
from training.promotion_gate import MAX_MS, too_slow

pytestmark = pytest.mark.slow
TOKYO = ZoneInfo("Asia/Tokyo")
WEEKS, PER_WEEK = 40, 60
HOUR = 3_600_000_000  # microseconds


def quiet_columns(rng: np.random.Generator, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (n, k) whose mean wanders a little from week to week, and their week numbers (n,)."""
    week = np.repeat(np.arange(WEEKS), PER_WEEK)
    wander = rng.normal(0, 0.3, (WEEKS, columns))
    return rng.normal(size=(len(week), columns)) + wander[week], week


def test_stability_index_is_zero_for_like_and_large_for_moved_or_emptied_values():
    x = np.random.default_rng(0).normal(size=5_000)
    assert stability(x, x) == 0.0
    assert stability(x, x + 1.0) > 0.5
    assert stability(x, np.full(5_000, np.nan)) > 1.0
    assert stability(np.array([0.0, 0, 1, 1]), np.array([0.0, 1, 0, 1]), category=True) == 0.0
    assert stability(np.array([0.0, 0, 1, 1]), np.array([7.0, 7, 7, 7]), category=True) > 1.0


def test_stability_index_is_large_where_a_column_is_filled_in_that_was_empty_before():
    empty, filled = np.full(5, np.nan), np.arange(5.0)
    assert stability(empty, filled) > 1.0
    assert stability(empty, empty) == 0.0


def test_quiet_columns_raise_hardly_any_alarm_though_they_wander():
    rng = np.random.default_rng(1)
    alarms = []
    for _ in range(40):
        x, week = quiet_columns(rng, 8)
        old = week < WEEKS - 4
        found = drifts(x[old], week[old], x[~old], 4)
        alarms.append(any(one.alarm for one in found))
    # At most 5 % of the alarms are false: where all is quiet, any alarm comes in about 5 % of the times.
    assert np.mean(alarms) <= 0.15


def test_a_column_that_moved_is_named_and_no_other():
    rng = np.random.default_rng(2)
    x, week = quiet_columns(rng, 8)
    old = week < WEEKS - 4
    x[~old, 3] += 2.0
    found = drifts(x[old], week[old], x[~old], 4)
    assert [place for place, one in enumerate(found) if one.alarm] == [3]


def test_a_past_too_short_to_know_its_own_wandering_raises_no_alarm():
    x, week = quiet_columns(np.random.default_rng(3), 1)
    few = week < 12
    assert not drifts(x[few], week[few], x[~few] + 5.0, 4)[0].alarm


def promised(
    rng: np.random.Generator, weaker: float = 1.0, all_weaker: float = 1.0, rows: int = 900
) -> PredictedOutcomes:
    """Promises in a segment of three levels; in level 2 only `weaker` times as much came."""
    segment = rng.integers(0, 3, rows).astype(float)
    chance = rng.uniform(0.1, 0.6, rows)
    true = all_weaker * np.where(segment == 2, weaker * chance, chance)
    return PredictedOutcomes(chance, (rng.random(rows) < true).astype(float), np.arange(rows), {"s": segment})


def test_promises_that_are_kept_raise_hardly_any_alarm():
    rng = np.random.default_rng(5)
    alarms = []
    for _ in range(300):
        # Missed by as much in training as now: no reason to train anew.
        before, since = promised(rng, 0.8, 0.9, 2_000), promised(rng, 0.8, 0.9)
        alarms.append(any(one.alarm for one in segment_calibrations(since, before, 0.0, 0.0)))
    assert 0.01 <= np.mean(alarms) <= 0.08


def test_a_segment_that_halved_is_named_and_no_other():
    rng = np.random.default_rng(6)
    found = segment_calibrations(promised(rng, weaker=0.5), promised(rng), 0.2, 0.1)
    assert {(one.feature, one.level) for one in found if one.alarm} == {("s", 2.0)}
    (worst,) = (one for one in found if one.level == 2.0)
    assert worst.actual < 0.7 * worst.expected
    assert worst.lo < worst.shift < worst.hi < 0


def test_monitoring_reports_a_shift_of_all_deals_once_and_of_no_segment():
    rng = np.random.default_rng(7)
    found = segment_calibrations(promised(rng, all_weaker=0.6), promised(rng), 0.0, 0.0)
    assert [one.feature for one in found if one.alarm] == [None]


def test_a_shock_that_all_deals_share_is_allowed_for():
    rng = np.random.default_rng(8)
    since, before = promised(rng, all_weaker=0.87, rows=2_000), promised(rng, rows=2_000)
    alone, with_shock = (segment_calibrations(since, before, sd, 0.0)[0] for sd in (0.0, 0.3))
    assert alone.alarm
    assert not with_shock.alarm


def test_a_segment_of_few_deals_is_not_judged():
    rng = np.random.default_rng(9)
    since, before = promised(rng, rows=45), promised(rng)
    assert [one.feature for one in segment_calibrations(since, before, 0.0, 0.0)] == [None]


@pytest.fixture(scope="module")
def log() -> EventLog:
    return EventLog.of(crm_tables(simulate(WorldSettings(deals=900, seed=21, end=date(2026, 11, 23)))), TOKYO)


@pytest.fixture(scope="module")
def bundle(log: EventLog) -> Bundle:
    config = TrainConfig(trees=5, leaves=4, max_moments=3_000, questions=1, threads=1)
    return train(log, as_of_instant("2026-06-30", TOKYO), config)[0]


def seen_at(bundle: Bundle, log: EventLog, day: str):
    moment = as_of_instant(day, TOKYO)
    return monitor(bundle, compile_history(log.as_of(moment), bundle.calendar, bundle.levels), moment)


def test_a_fresh_model_of_an_unchanged_world_needs_no_training(bundle: Bundle, log: EventLog):
    seen = seen_at(bundle, log, "2026-08-15")
    assert seen.closed_since > 0
    assert not seen.needed, seen.describe().en
    assert set(seen.drift) == {bundle.features[at] for at in bundle.win.used}
    assert sum(seen.importance.values()) == pytest.approx(1.0)
    assert seen.horizon_days == 7.0 or seen.quality is not None


def test_monitoring_gives_the_same_report_at_any_hour_of_a_day(bundle: Bundle, log: EventLog):
    night = as_of_instant("2026-09-30", TOKYO)
    history = compile_history(log.as_of(night), bundle.calendar, bundle.levels)
    late, noon = (monitor(bundle, history, moment) for moment in (night - 1, night - 12 * HOUR))
    assert late.drift == noon.drift
    assert late.calibration == noon.calibration


def test_windows_of_one_deal_do_not_overlap_and_are_over(bundle: Bundle, log: EventLog):
    now, first, day = as_of_instant("2026-10-31", TOKYO), bundle.as_of, 24 * HOUR
    history = compile_history(log.as_of(now), bundle.calendar, bundle.levels)
    found = prediction_windows(history, np.arange(3), first, now, 28.0, np.random.default_rng(0))
    assert found.at.min() >= first
    assert (found.at + 28 * day <= now).all()
    same = found.deal[1:] == found.deal[:-1]
    assert same.any()
    assert (np.diff(found.at)[same] >= 28 * day).all()


def test_monitoring_reports_nothing_of_a_new_model(bundle: Bundle, log: EventLog):
    seen = seen_at(bundle, log, "2026-07-02")
    assert (seen.drift, seen.calibration, seen.quality) == ({}, [], None)
    assert not seen.needed


def test_wins_that_stay_away_are_told_with_their_numbers(bundle: Bundle, log: EventLog):
    until = np.datetime64("2026-06-30T15:00", "us")
    deals = log["deals"]
    after = deals["closed_at"].dt.tz_convert(None).to_numpy("datetime64[us]") >= until
    outcome = (
        deals["outcome"].astype(object).where(~after | deals["outcome"].isna(), "lost").astype("category")
    )
    events = log["deal_events"]
    won = events["value"].astype(object).eq("受注") & (
        events["at"].dt.tz_convert(None).to_numpy("datetime64[us]") >= until
    )
    gone = EventLog(
        {
            **log.tables,
            "deals": deals.assign(outcome=outcome),
            "deal_events": events[~won].reset_index(drop=True),
        },
        TOKYO,
    )
    seen = seen_at(bundle, gone, "2026-10-31")
    assert seen.needed
    overall = next(one for one in seen.calibration if one.feature is None)
    assert overall.alarm
    assert overall.actual == 0.0
    assert f"{overall.expected:.0f} wins within 28 days were expected; there were 0" in seen.describe().en
    assert "実際は0件" in seen.describe().ja
    told = seen.to_json("en")
    assert told["retrain"]
    assert told["calibration"][0]["segment"] is None
    assert {"stage", "deal_type"} <= {name for one in told["calibration"][1:] for name in one["segment"]}


def test_scores_that_moved_are_a_reason(bundle: Bundle, log: EventLog, monkeypatch: pytest.MonkeyPatch):
    def moved(before, week, since, weeks, categories):
        found = drifts(before, week, since, weeks, categories)
        return [*found[:-1], replace(found[-1], index=0.5, alarm=True)]

    monkeypatch.setattr("training.monitoring.status.drifts", moved)
    assert "win probabilities changed more than usual (population stability index 0.50)" in (
        seen_at(bundle, log, "2026-08-15").describe().en
    )


def test_many_new_closed_deals_are_a_reason(bundle: Bundle, log: EventLog):
    grown = replace(bundle, win=replace(bundle.win, closed_deals=100))
    seen = seen_at(grown, log, "2026-09-30")
    assert any("the model was trained on" in reason.en for reason in seen.reasons)


def test_a_quarter_gone_by_is_a_reason_once_anything_has_closed(bundle: Bundle, log: EventLog):
    grown = replace(bundle, win=replace(bundle.win, closed_deals=1_000_000))
    young, old = (seen_at(grown, log, day) for day in ("2026-09-29", "2026-10-01"))
    assert not any("days have passed" in reason.en for reason in young.reasons)
    assert any("93 days have passed since the model's data" in reason.en for reason in old.reasons)


def test_a_challenger_must_answer_in_time():
    assert too_slow(3.0, None) is None
    assert too_slow(4.9, 0.5) is None, "times this short are noise"
    assert too_slow(9.0, 3.0) is None
    slow = too_slow(30.0, 3.0)
    assert slow is not None
    assert not slow.promote
    assert "30.0 ms" in slow.text.en
    assert too_slow(MAX_MS + 1.0, MAX_MS) is not None
