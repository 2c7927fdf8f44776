"""Does a period cover the days its name says, and only those?"""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import SanchoError
from crm.periods import later_periods, parse_period, period_holding, previous


@pytest.mark.parametrize(
    ("name", "fiscal", "first", "last"),
    [
        ("2026-Q4", 4, "2026-10-01", "2026-12-31"),
        ("2026-Q4", 1, "2026-10-01", "2026-12-31"),
        ("FY2026-Q3", 4, "2026-10-01", "2026-12-31"),
        ("FY2026-Q4", 4, "2027-01-01", "2027-03-31"),
        ("FY2026-Q4", 1, "2026-10-01", "2026-12-31"),
        ("FY2026-H2", 4, "2026-10-01", "2027-03-31"),
        ("2026-H1", 4, "2026-01-01", "2026-06-30"),
        ("FY2026", 4, "2026-04-01", "2027-03-31"),
        ("FY2026", 12, "2026-12-01", "2027-11-30"),
        ("2026", 4, "2026-01-01", "2026-12-31"),
        ("2026-11", 4, "2026-11-01", "2026-11-30"),
        ("2024-02", 4, "2024-02-01", "2024-02-29"),
        ("2026-W47", 4, "2026-11-16", "2026-11-22"),
        ("2026-W01", 4, "2025-12-29", "2026-01-04"),
        ("2026-10-01..2026-12-31", 4, "2026-10-01", "2026-12-31"),
        ("2026-10-01..2026-10-01", 4, "2026-10-01", "2026-10-01"),
    ],
)
def test_a_name_covers_these_days(name, fiscal, first, last):
    period = parse_period(name, fiscal)
    assert (period.first, period.last) == (date.fromisoformat(first), date.fromisoformat(last))
    assert period.name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "2026-Q5",
        "2026-13",
        "FY2026-11",
        "FY2026-W03",
        "2025-W53",
        "Q4",
        "2026-12-31..2026-10-01",
        "来期",
        "2026-1",
    ],
)
def test_an_unreadable_period_is_refused_with_an_example(name):
    with pytest.raises(SanchoError, match="write it as 2026-Q4"):
        parse_period(name)


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.sampled_from(["month", "quarter", "week", "half", "year"]),
    st.integers(1, 12),
)
def test_the_period_that_holds_a_day_holds_it_and_reads_back(day, length, fiscal):
    period = period_holding(day, length, fiscal)
    assert period.first <= day <= period.last
    assert parse_period(period.name, fiscal) == period


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.sampled_from(["month", "quarter", "week", "half", "year"]),
    st.integers(1, 12),
)
def test_later_periods_begin_after_a_period_and_are_at_least_as_long(day, length, fiscal):
    period = period_holding(day, length, fiscal)
    later = later_periods(period, fiscal)
    assert all(one.first > period.last for one in later)
    assert all(one.days >= period.days - 3 for one in later)  # months and quarters differ by days
    lengths = ["week", "month", "quarter", "half", "year"]
    assert len(later) == len(lengths) - lengths.index(length)
    assert [one.days for one in later] == sorted(one.days for one in later)
    following = period_holding(period.last + timedelta(days=1), length, fiscal)
    assert later[0] == following
    assert all(parse_period(one.name, fiscal) == one for one in later)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.sampled_from(["month", "quarter", "week"]))
def test_the_previous_period_ends_the_day_before(day, length):
    period = period_holding(day, length)
    before = previous(period)
    assert before.last == period.first - timedelta(days=1)
    assert previous(period, 2) == previous(before)
    assert previous(period, 0).first == period.first


def test_the_same_quarter_last_year_is_four_before():
    before = previous(parse_period("2026-Q1"), 4)
    assert (before.first, before.last) == (date(2025, 1, 1), date(2025, 3, 31))


def test_a_stretch_of_days_steps_by_its_length():
    before = previous(parse_period("2026-10-05..2026-10-11"))
    assert (before.first, before.last) == (date(2026, 9, 28), date(2026, 10, 4))
