"""Are working days, quarters and fiscal years those of the organisation's own calendar?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.instants import DAY, HOUR, start_of_day
from features import (
    EVER_DAYS,
    HORIZON_CATALOGUE,
    HORIZON_FEATURES,
    HORIZON_MONOTONE,
    Calendar,
    horizon_columns,
)

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)
MOMENTS = st.integers(start_of_day(date(2020, 1, 1), TOKYO), start_of_day(date(2030, 1, 1), TOKYO))


def morning(text: str, zone: ZoneInfo = TOKYO) -> np.ndarray:
    return np.array([start_of_day(date.fromisoformat(text), zone)])


@pytest.mark.parametrize(
    ("first", "after", "working"),
    [
        ("2026-04-27", "2026-05-09", 6),  # Golden Week: 4/29, 5/4, 5/5 and 5/6 are holidays
        ("2026-12-28", "2027-01-05", 2),  # closed from 29 December to 3 January
        ("2026-09-19", "2026-09-24", 0),  # a weekend, two holidays and the day between them
        ("2026-11-20", "2026-11-20", 0),
    ],
)
def test_working_days_leave_out_weekends_japanese_holidays_and_the_turn_of_the_year(first, after, working):
    assert CALENDAR.working_days(morning(first), morning(after)) == [working]


def test_a_working_day_that_is_half_over_counts_half():
    noon = morning("2026-11-20") + 12 * HOUR
    assert CALENDAR.working_days(noon, morning("2026-11-21")) == [0.5]


@settings(deadline=None)
@given(MOMENTS, MOMENTS, MOMENTS)
def test_working_days_add_up_and_never_run_backwards(a, b, c):
    a, b, c = (np.array([moment]) for moment in sorted((a, b, c)))
    parts = CALENDAR.working_days(a, b) + CALENDAR.working_days(b, c)
    np.testing.assert_allclose(parts, CALENDAR.working_days(a, c), atol=1e-9)
    assert (CALENDAR.working_days(a, b) >= 0).all()
    assert (CALENDAR.rush_days(a, c) <= CALENDAR.working_days(a, c) + 1e-9).all()


@settings(deadline=None)
@given(st.integers(1, 12), st.dates(date(1971, 1, 1), date(2098, 12, 31)))
def test_a_fiscal_quarter_ends_with_a_month_and_the_year_with_its_fourth_quarter(start, day):
    calendar = Calendar(TOKYO, start)
    number = calendar.day_of(morning(day.isoformat()))
    quarter, year = (
        np.datetime64(int(end[number][0]), "D").astype(date)
        for end in (calendar.quarter_end, calendar.fiscal_end)
    )
    assert day <= quarter <= year
    assert (quarter.month - start + 1) % 3 == 0
    assert (year.month - start + 1) % 12 == 0
    assert (np.datetime64(quarter) + 1).astype(date).day == 1


def test_days_are_those_of_the_zone_also_where_clocks_change():
    berlin = Calendar(ZoneInfo("Europe/Berlin"), country="DE")
    day = berlin.day_of(morning("2026-10-25", berlin.zone))
    assert berlin.start_of(day + 1) - berlin.start_of(day) == [25 * HOUR]
    assert berlin.day_of(berlin.start_of(day + 1) - 1) == day
    assert berlin.working_days(morning("2026-12-24", berlin.zone), morning("2026-12-31", berlin.zone)) == [4]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("America/Sao_Paulo", "2017-10-15"), ("America/Havana", "2026-11-01"), ("Asia/Tokyo", "2026-11-01")],
)
def test_a_day_starts_where_the_moments_say_also_if_midnight_is_skipped_or_comes_twice(zone, day):
    calendar = Calendar(ZoneInfo(zone))
    start = morning(day, calendar.zone)
    assert calendar.start_of(calendar.day_of(start)) == start
    assert calendar.day_of(start - 1) == calendar.day_of(start) - 1


def test_settings_make_the_same_calendar_again():
    calendar = Calendar(ZoneInfo("Europe/Berlin"), 1, "DE")
    assert Calendar.of(calendar.settings()) == calendar


def test_a_fiscal_year_starts_in_one_of_twelve_months():
    with pytest.raises(SanchoError, match="expected 1 to 12, got 13"):
        Calendar(TOKYO, 13)


def test_a_country_without_known_holidays_is_refused_by_name():
    with pytest.raises(SanchoError, match="no holidays are known for 'XX'"):
        _ = Calendar(TOKYO, country="XX").is_working


def columns(moment: np.ndarray, horizon: float) -> dict[str, float]:
    return dict(zip(HORIZON_FEATURES, horizon_columns(CALENDAR, moment, horizon)[0], strict=True))


def test_the_week_before_the_fiscal_year_ends_by_hand():
    # Wednesday 2026-03-25, start of the day; 3/22 to 3/31 are the quarter's last ten days.
    x = columns(morning("2026-03-25"), 7)
    assert np.expm1(x["log_horizon"]) == pytest.approx(7)
    assert np.expm1(x["log_working_days"]) == pytest.approx(5)
    assert x["rush_days"] == 5
    assert (x["month_ends"], x["quarter_ends"], x["crosses_fiscal_end"], x["horizon_ever"]) == (1, 1, 1, 0)
    assert (x["days_to_quarter_end"], x["working_days_to_quarter_end"]) == (7, 5)
    assert (x["days_to_fiscal_end"], x["end_to_quarter_end"]) == (7, 0)


def test_a_horizon_that_stops_short_of_the_end_does_not_reach_it():
    x = columns(morning("2026-03-25"), 6.99)
    assert (x["month_ends"], x["quarter_ends"], x["crosses_fiscal_end"]) == (0, 0, 0)
    assert x["end_to_quarter_end"] == pytest.approx(0.01)


def test_ever_is_three_years_and_says_so():
    ever, capped = columns(morning("2026-03-25"), np.inf), columns(morning("2026-03-25"), EVER_DAYS)
    assert ever.pop("horizon_ever") == 1
    assert capped.pop("horizon_ever") == 0
    assert ever == capped


@settings(deadline=None)
@given(MOMENTS, st.floats(0.01, 5_000), st.floats(0.01, 5_000))
def test_features_declared_to_rise_with_the_horizon_do(moment, one, other):
    near, far = horizon_columns(CALENDAR, np.array([moment]), np.array(sorted((one, other))))
    for name, sign, a, b in zip(HORIZON_FEATURES, HORIZON_MONOTONE, near, far, strict=True):
        assert sign * (b - a) >= -1e-9, name


def test_moments_and_horizons_broadcast():
    grid = horizon_columns(CALENDAR, morning("2026-03-25"), np.array([7.0, 30.0, np.inf]))
    assert grid.shape == (3, len(HORIZON_CATALOGUE))
    assert np.isfinite(grid).all()
    assert horizon_columns(CALENDAR, morning("2026-03-25") + DAY, np.array([7.0])).shape[0] == 1
