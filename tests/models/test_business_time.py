"""Does a company's own clock count its days by how often deals are won on them?"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.instants import DAY, start_of_day
from features import Calendar
from models.win.business_time import KINDS, BusinessClock, day_kinds, fit_pace, uniform_pace
from models.win.horizons import HorizonWindows

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)


def at(day: str) -> int:
    return start_of_day(date.fromisoformat(day), TOKYO)


def kind_of(day: str) -> int:
    return int(day_kinds(CALENDAR)[CALENDAR.day_of(np.array([at(day)]))[0]])


def test_days_are_told_apart_by_what_is_left_of_month_and_quarter():
    assert kind_of("2025-11-22") == 0, "a Saturday"
    assert kind_of("2025-11-24") == 0, "a holiday"
    assert kind_of("2025-11-10") == 1, "nothing ends soon"
    assert kind_of("2025-11-28") == 2, "the month's last working day"
    assert kind_of("2025-11-26") == 4, "two more to come"
    assert kind_of("2025-12-26") == 6, "the quarter's last working day: offices close on the 29th"
    assert kind_of("2025-12-24") == 8, "two more to come"
    assert kind_of("2025-12-15") == KINDS - 1, "nine more to come"
    assert kind_of("2025-12-12") == 1, "the quarter ends in ten"


def pace_of(won_at, first, last):
    """Of wins from a pipeline always as full and as old: deals enter each day and leave a year later."""
    always = np.arange(first - 365 * DAY, last, DAY)
    age = np.random.default_rng(1).integers(0, 360, len(won_at))
    created = np.concatenate([won_at - age * DAY, np.repeat(always, 20)])
    ended = np.concatenate([won_at, np.repeat(always, 20) + 365 * DAY])
    won = np.arange(len(created)) < len(won_at)
    return fit_pace(CALENDAR, created, ended, won, first, last)


def test_business_time_of_an_even_pace_is_calendar_time():
    clock = BusinessClock(CALENDAR, uniform_pace())
    moments = np.array([at("2025-11-03"), at("2025-11-03") + DAY // 2])
    assert clock.days(moments, np.array([10.0, 3.25])) == pytest.approx([10.0, 3.25])


def test_a_year_of_wins_only_in_the_last_days_of_quarters_makes_those_days_long():
    ends = [at(day) for day in ("2025-03-31", "2025-06-30", "2025-09-30", "2025-12-26")]
    pace = pace_of(np.repeat(ends, 100), at("2025-01-01"), at("2025-12-31"))
    clock = BusinessClock(CALENDAR, pace)
    in_march, in_may = at("2025-03-27"), at("2025-05-15")
    rush, plain = clock.days(np.array([in_march, in_may]), np.array([5.0, 5.0]))
    assert rush > 10 * plain


def test_business_time_makes_the_wins_it_was_fitted_on_even():
    rng = np.random.default_rng(0)
    first, last = at("2023-01-01"), at("2025-12-31")
    days = np.arange(*CALENDAR.day_of(np.array([first, last])))
    rate = np.choose(np.minimum(day_kinds(CALENDAR)[days], 6), [0.1, 4, 6, 6, 6, 6, 12.0])
    won_at = np.repeat(CALENDAR.start_of(days), rng.poisson(rate)) + DAY // 2
    clock = BusinessClock(CALENDAR, pace_of(won_at, first, last))
    weeks = np.arange(first, last - 7 * DAY, 7 * DAY)
    passed = clock.days(weeks, np.full(len(weeks), 7.0))
    came = np.histogram(won_at, np.append(weeks, weeks[-1] + 7 * DAY))[0]
    assert passed.mean() == pytest.approx(7.0, rel=0.01)
    # What is left over is what chance alone leaves: a Poisson count's variance is its mean.
    expected = passed * came.sum() / passed.sum()
    assert ((came - expected) ** 2 / expected).mean() == pytest.approx(1.0, abs=0.25)
    assert ((came - came.mean()) ** 2 / came.mean()).mean() > 3.0


def test_a_rush_seen_in_a_hundred_wins_is_believed_nearly_in_full():
    # A quarter's last three working days bring four times as much, the five before twice as much.
    first, last = at("2023-04-01"), at("2025-12-31")
    days = np.arange(*CALENDAR.day_of(np.array([first, last])))
    kind = day_kinds(CALENDAR)[days]
    rate = np.select([kind == 0, (kind >= 6) & (kind <= 8), (kind >= 9) & (kind <= 10)], [0.0, 4.0, 2.0], 1.0)
    rng = np.random.default_rng(3)
    paces = []
    for _ in range(20):
        won_at = np.repeat(CALENDAR.start_of(days), rng.poisson(0.15 * rate)) + DAY // 2
        paces.append(pace_of(won_at, first, last))
    longer = np.log([pace[6:9].mean() / pace[1] for pace in paces])
    assert np.exp(longer.mean()) == pytest.approx(4.0, rel=0.2), "it was 1.4 when days lent each other none"


def test_a_handful_of_wins_hardly_moves_the_calendar():
    pace = pace_of(np.full(2, at("2025-03-31")), at("2025-01-01"), at("2025-12-31"))
    assert np.abs(pace - 1.0).max() < 0.5


def test_a_pipeline_that_fills_up_is_no_rush():
    first, last = at("2025-04-01"), at("2025-07-01") - 1
    rng = np.random.default_rng(2)
    created = first + rng.integers(0, last - first, 4_000)
    ended = created + (rng.exponential(60.0, 4_000) * DAY).astype(np.int64)
    won = ended < last
    pace = fit_pace(CALENDAR, created, np.minimum(ended, last), won, first, last)
    month_end, quarter_end = pace[2:6], pace[6:9]
    assert month_end == pytest.approx(np.full(4, 1.0), abs=0.25)
    assert quarter_end == pytest.approx(np.full(3, 1.0), abs=0.25)


def test_one_end_of_a_month_is_no_habit():
    first, last = at("2025-04-14"), at("2025-05-16")
    wins = np.repeat(CALENDAR.start_of(np.arange(*CALENDAR.day_of(np.array([first, last])))), 40)
    rush = np.repeat(at("2025-04-30"), 80)
    one = pace_of(np.concatenate([wins, rush]), first, last)
    assert one[2] < 2.5, "120 wins on the day where 40 are usual, once"
    assert one[2] > 1.2


@given(st.lists(st.floats(0, 500), min_size=2, max_size=8), st.integers(0, 9_000), st.integers(0, 5_000))
@settings(max_examples=50, deadline=None)
def test_looking_further_ahead_never_takes_less_time(days, since, seed):
    pace = np.random.default_rng(seed).exponential(1.0, KINDS)
    horizon = np.sort(np.array(days))
    moments = np.full(len(horizon), at("2025-01-01") + since * DAY // 24)
    ahead = HorizonWindows(CALENDAR, 120.0, pace).terms(moments, horizon, 240.0)
    assert (np.diff(ahead.clock) >= -1e-9).all()
    assert (np.diff(ahead.ends, axis=0) >= 0).all()


def test_business_time_keeps_an_unlimited_horizon_apart_from_all_others():
    fast = np.full(KINDS, 3.0)
    ahead = HorizonWindows(CALENDAR, 120.0, fast).terms(
        np.full(2, at("2025-01-06")), np.array([239.0, 240.0]), 240.0
    )
    assert ahead.clock[1] == 240.0
    assert ahead.clock[0] < 240.0
