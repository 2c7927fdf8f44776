"""Does a date or time mean the instant a user would say it means?"""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.instants import (
    as_of_instant,
    end_of_day,
    instant,
    iso,
    last_known_day,
    local_datetime,
    start_of_day,
)

TOKYO = ZoneInfo("Asia/Tokyo")
AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def test_a_plain_date_means_the_end_of_that_day_in_the_organisations_zone():
    # 2026-01-01 ends in Tokyo at 2026-01-01T15:00Z.
    end = int(datetime(2026, 1, 1, 15, tzinfo=UTC).timestamp()) * 1_000_000
    assert as_of_instant("2026-01-01", TOKYO) == end
    assert as_of_instant(date(2026, 1, 1), TOKYO) == end
    assert as_of_instant(" 2026-01-01 ", TOKYO) == end


def test_a_time_without_an_offset_is_local_and_one_with_an_offset_is_not():
    assert as_of_instant("2026-01-01T09:00", TOKYO) == as_of_instant("2026-01-01T00:00Z", AMSTERDAM)
    assert instant(datetime(2026, 1, 1, 9), TOKYO) == instant(datetime(2026, 1, 1, 0, tzinfo=UTC), AMSTERDAM)


def test_a_day_of_23_hours_ends_where_the_next_begins():
    # Clocks went forward in Amsterdam on 2011-03-27.
    hours = (end_of_day(date(2011, 3, 27), AMSTERDAM) - start_of_day(date(2011, 3, 27), AMSTERDAM)) / 3.6e9
    assert hours == 23


def test_as_of_instant_without_a_moment_is_now():
    before = datetime.now(TOKYO)
    assert abs(as_of_instant(None, TOKYO) - instant(before, TOKYO)) < 60_000_000


def test_an_unreadable_moment_is_refused_with_an_example():
    with pytest.raises(SanchoError, match="write it like 2026-11-20") as raised:
        as_of_instant("来週", TOKYO)
    assert "来週" in raised.value.text.ja


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2199, 12, 31)))
def test_an_instant_reads_back_as_the_same_time(at):
    assert local_datetime(instant(at, TOKYO), TOKYO).replace(tzinfo=None) == at
    assert as_of_instant(iso(instant(at, TOKYO), TOKYO), AMSTERDAM) == instant(at, TOKYO)


def test_the_last_known_day_is_the_day_asked_for():
    assert last_known_day(as_of_instant("2026-01-01", TOKYO), TOKYO) == date(2026, 1, 1)
    assert last_known_day(as_of_instant("2026-01-01T00:00", TOKYO), TOKYO) == date(2025, 12, 31)
