"""Is a season found where there is one, and nothing else taken for it?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from crm.instants import DAY, start_of_day
from features import Calendar
from models.season import fit_season, month_of, no_season
from models.win.business_time import BusinessClock, uniform_pace

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)
EVEN = np.ones(len(CALENDAR.is_working))
TRUE = np.array([0.8, 1.0, 1.4, 0.8, 0.9, 1.1, 1.0, 0.75, 1.3, 0.95, 1.0, 1.0])


def at(day: str) -> int:
    return start_of_day(date.fromisoformat(day), TOKYO)


def lived(
    season: np.ndarray, years: float, a_day: float, seed: int, growth: float = 0.0, market: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int, int]:
    """Deals created so many a day, from their 61st day on won at .01 a day times the season.

    (created, ended, won, first, last)
    """
    rng = np.random.default_rng(seed)
    first = int(CALENDAR.day_of(np.array([at("2022-04-01")]))[0])
    last = first + round(365.25 * years)
    days = np.arange(first, last + 60)
    new = days[: last - first]
    born = np.repeat(new, rng.poisson(a_day * (1.0 + growth) ** ((new - first) / 365.25)))
    month = month_of(CALENDAR)
    of_month = np.exp(market * rng.standard_normal(len(days) // 28 + 2))[(days - first) // 30]
    rate = 0.01 * season[month[days]] * of_month
    passed = np.concatenate([[0.0], np.cumsum(rate)])
    need = rng.exponential(1.0, len(born)) + passed[born - first + 60]
    over = np.searchsorted(passed, need) + first - 1
    won = over < last
    ended = CALENDAR.start_of(np.minimum(over, last)) + DAY // 2
    return CALENDAR.start_of(born), ended, won, int(CALENDAR.start_of(first)), int(CALENDAR.start_of(last))


def fitted(*deals: object) -> np.ndarray:
    return fit_season(CALENDAR, EVEN, *deals)  # type: ignore[arg-type]


def test_a_season_of_four_years_is_found():
    found = fitted(*lived(TRUE, 4.0, 20.0, 1))
    assert found.mean() == pytest.approx(1.0)
    assert np.abs(np.log(found) - np.log(TRUE / TRUE.mean())).max() < 0.12
    assert np.corrcoef(np.log(found), np.log(TRUE))[0, 1] > 0.95


def test_season_is_not_read_from_growth_or_a_young_pipeline():
    found = fitted(*lived(np.ones(12), 3.0, 10.0, 2, growth=0.6))
    assert np.abs(np.log(found)).max() < 0.08


@pytest.mark.parametrize(("market", "most"), [(0.2, 0.04), (0.6, 0.15)])
def test_season_that_differs_from_year_to_year_is_shrunk_to_almost_none(market: float, most: float):
    # Two years of it leave means whose spread is market / sqrt(2); drawn in, a fraction of that is left.
    found = [np.log(fitted(*lived(np.ones(12), 2.0, 20.0, seed, market=market))) for seed in range(8)]
    assert np.abs(found).mean() < most


def test_months_seen_once_are_like_the_others():
    deals = lived(TRUE, 1.5, 20.0, 5)
    found = fitted(*deals)
    seen_twice = np.isin(np.arange(12), [3, 4, 5, 6, 7, 8])  # April to September, of 2022 and of 2023
    others = found[~seen_twice]
    assert (others == others[0]).all()
    assert len(np.unique(found[seen_twice])) == 6
    assert (fitted(*lived(TRUE, 0.9, 20.0, 6)) == no_season()).all()


def test_a_handful_of_deals_shows_next_to_no_season():
    found = fitted(*lived(TRUE, 3.0, 0.05, 7))
    assert np.abs(np.log(found)).max() < 0.1


def test_season_without_deals_is_flat():
    none = np.zeros(0, np.int64)
    found = fitted(none, none, np.zeros(0, bool), at("2023-01-01"), at("2025-12-31"))
    assert (found == no_season()).all()


def test_the_clock_runs_faster_in_the_months_of_the_season():
    clock = BusinessClock(CALENDAR, uniform_pace(), TRUE)
    moments = np.array([at("2025-03-01"), at("2025-08-01")])
    assert clock.days(moments, np.full(2, 10.0)) == pytest.approx([14.0, 7.5])
    crossing = clock.days(np.array([at("2025-02-26")]), np.array([5.0]))
    assert crossing == pytest.approx([3 * 1.0 + 2 * 1.4])
