"""Do all answers of a quarter of an hour stand at one moment, and all of a past day at its beginning?"""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from crm.instants import DAY, as_of_instant, last_known_day, local_datetime
from service.moments import LEAD, STEP, moment_of_now, shared_moment

TOKYO = ZoneInfo("Asia/Tokyo")
ZONES = st.sampled_from([TOKYO, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Europe/Lisbon")])
CLOCKS = st.integers(as_of_instant("2026-01-01", TOKYO), as_of_instant("2027-01-01", TOKYO))


@given(CLOCKS, ZONES)
def test_now_lies_ahead_by_a_little_more_than_a_quarter_of_an_hour_at_most_and_in_the_same_day(
    clock: int, zone: ZoneInfo
):
    now = moment_of_now(clock, zone)
    assert clock < now <= clock + LEAD + STEP
    assert last_known_day(now, zone) == local_datetime(clock, zone).date()
    assert moment_of_now(min(clock + 1, now - LEAD - 1), zone) <= now


@given(CLOCKS, st.integers(-400 * DAY, 400 * DAY), ZONES)
def test_one_deal_is_never_told_of_the_time_after_its_moment_by_a_past_day(
    clock: int, ago: int, zone: ZoneInfo
):
    now, moment = moment_of_now(clock, zone), clock + ago
    shared = shared_moment(moment, now, clock, zone)
    assert shared == now or shared <= moment
    if moment < now - DAY:
        assert shared == shared_moment(shared, now, clock, zone), "all of a day share one"


def test_a_moment_of_today_up_to_now_shares_the_days_beginning_and_the_last_minute_shares_now():
    clock = as_of_instant("2026-11-20T10:07:30", TOKYO)
    now = moment_of_now(clock, TOKYO)
    for given_at, expected in (
        ("2026-11-20T10:07:00", now),
        ("2026-11-20T23:00", now),
        ("2026-11-20", now),
        ("2026-11-20T09:00", as_of_instant("2026-11-19", TOKYO)),
        ("2026-11-18T15:00", as_of_instant("2026-11-17", TOKYO)),
        ("2026-11-18", as_of_instant("2026-11-18", TOKYO)),
        ("2026-11-22T15:00", as_of_instant("2026-11-21", TOKYO)),
    ):
        assert shared_moment(as_of_instant(given_at, TOKYO), now, clock, TOKYO) == expected, given_at
