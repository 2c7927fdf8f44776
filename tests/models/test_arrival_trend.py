"""Growth and season of past stretches are told apart, and neither is made up."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.calendar import Calendar
from models.forecast.arrival_trend import ELASTICITY, fit_arrival_trend, months_back, season_of_arrivals
from models.season import MONTHS, no_season

END = (date(2026, 10, 1) - date(1970, 1, 1)).days
YEARS = 4


def stretches() -> np.ndarray:
    return END - np.array(months_back(END, YEARS * MONTHS))


def alike(back: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As much came in before each stretch, and as many customers were there."""
    return np.ones(len(back)), np.ones(len(back))


def test_growth_is_learned_and_carried_to_the_stretch_ahead() -> None:
    back = stretches()
    drift = fit_arrival_trend(back, 1000 * np.exp(-0.12 * back / 365.25), *alike(back), no_season(), 1.0)
    assert drift.growth == pytest.approx(0.12, abs=0.02)
    year_ago = drift.relative_to_now(np.ones(1), np.array([365]))
    assert year_ago[0] == pytest.approx(np.exp(-0.12), abs=0.02)


def test_a_season_nobody_knew_of_is_learned() -> None:
    back = stretches()
    shape = np.where(np.arange(len(back)) % MONTHS < 6, 0.8, 1.2)
    drift = fit_arrival_trend(back, 400 * shape, *alike(back), no_season(), 1.0)
    assert drift.season[0] == 1.0  # the stretch twelve months before is like the one ahead
    assert drift.season[6] == pytest.approx(0.8 / 1.2, abs=0.05)
    assert abs(drift.growth) < 0.05


def test_wins_that_do_not_follow_what_came_in_are_not_made_to() -> None:
    back, rng = stretches(), np.random.default_rng(1)
    lately = np.exp(rng.normal(0, 0.5, len(back)))
    flat = fit_arrival_trend(back, np.full(len(back), 500.0), lately, np.ones(len(back)), no_season(), 1.0)
    assert flat.elasticity < 0.1
    close = fit_arrival_trend(back, 500 * lately, lately, np.ones(len(back)), no_season(), 1.0)
    assert close.elasticity > 0.9


def test_without_a_past_there_is_only_what_was_believed_beforehand() -> None:
    drift = fit_arrival_trend(np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0), no_season(), 1.0)
    assert (drift.elasticity, drift.growth) == (ELASTICITY, 0.0)
    assert drift.log_variance(1.0, 2.0) > drift.log_variance(1.0, 1.0) > 0


def test_arrivals_by_working_day_have_their_season_and_growth_is_none() -> None:
    calendar = Calendar("Asia/Tokyo")
    first = (date(2022, 10, 1) - date(1970, 1, 1)).days
    days = np.arange(first, END)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(int) % MONTHS
    pace = 20 * np.exp(0.3 * (days - first) / 365.25) * np.where(month == 7, 0.5, 1.0)
    arrivals = np.rint(pace * calendar.is_working[days]).astype(np.int64)
    season = season_of_arrivals(arrivals, first, calendar)
    others = np.delete(season, 7)
    assert season[7] / others.mean() == pytest.approx(0.5, abs=0.1)
    assert others.max() / others.min() < 1.1


def test_what_came_of_more_customers_is_not_growth() -> None:
    back = stretches()
    grown = np.exp(-0.12 * back / 365.25)
    drift = fit_arrival_trend(back, 1000 * grown, np.ones(len(back)), grown, no_season(), 1.0)
    assert drift.growth == pytest.approx(0.0, abs=1e-3)
    assert drift.season == pytest.approx(np.ones(MONTHS), rel=1e-3)
