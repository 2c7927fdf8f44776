"""At which past moments does a backtest forecast, and which periods?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.frames import micros
from crm.i18n import Text
from crm.instants import DAY, NEVER, end_of_day, last_known_day, start_of_day
from crm.periods import Period, period_holding, previous

# Weeks of a period that have passed when it is forecast, by the period's length.
WEEKS = {"quarter": (1, 4, 8, 12), "month": (1, 2, 3), "week": (0,)}
LENGTHS = tuple(WEEKS)
MIN_PERIODS = 3  # whole periods needed for a length to be chosen automatically
MIN_HISTORY = 2  # whole periods needed before a period that is forecast


@dataclass(frozen=True)
class Origin:
    """A past moment `week` weeks into `period`: only what was recorded before it is known."""

    period: Period
    week: int
    as_of: int


@dataclass(frozen=True)
class Span:
    """What a log covers: from the first creation of a deal to the end of its records."""

    first: int
    end: int

    @classmethod
    def of(cls, log: EventLog, until: int | None = None) -> Span:
        """From a log; it ends at `until`, or after its last record if that is None."""
        created = micros(log["deals"]["created_at"])
        if not len(created):
            raise SanchoError(
                Text(
                    "過去検証に使う商談がありません。先に sancho import で商談を取り込んでください。",
                    "There are no deals to backtest; import some first (sancho import).",
                ),
                "no_deals",
            )
        if until is None:
            stamps = [created, micros(log["deals"]["closed_at"]), micros(log["activities"]["at"])]
            stamps.append(micros(log["deal_events"]["at"]))
            until = max(int(stamp.max()) for stamp in stamps if len(stamp)) + 1
        return cls(int(created[created != NEVER].min()), until)


def recorded_until(log: EventLog, moment: int) -> int:
    """The end of the records of a log as of a moment: the end of the last day with a record.

    On days not imported yet the wins are unknown, so a period is evaluated only when the records reach its
    end.
    """
    last = Span.of(log).end
    return min(end_of_day(last_known_day(last, log.zone), log.zone), moment)


def choose_periods(
    span: Span,
    zone: ZoneInfo,
    count: int | None = None,
    length: str | None = None,
    fiscal_start_month: int = 4,
    last_day: date | None = None,
) -> tuple[str, list[Period]]:
    """The length of periods, and the last `count` whole periods with enough history before, oldest first.

    Default length: the longest of quarter, month and week with at least three such periods. Default count:
    at most eight. With `last_day`: only periods that end by it.
    """
    if length is not None and length not in LENGTHS:
        raise SanchoError(
            Text(
                "期間の長さ「{length}」は使えません。quarter、month、week のいずれかを指定してください。",
                "period length: expected quarter, month or week, got {length!r}.",
            ).format(length=length),
            "bad_period_length",
        )
    whole: list[Period] = []
    for kind in LENGTHS if length is None else (length,):
        whole = _whole_periods(span, zone, kind, fiscal_start_month)
        whole = [period for period in whole if last_day is None or period.last <= last_day]
        if len(whole) >= MIN_PERIODS or (length is not None and whole):
            break
    if not whole:
        raise SanchoError(
            Text(
                "履歴が{days}日分しかなく、過去検証には短すぎます（検証する期間の前に、同じ長さの期間が2つ必要です）。"
                "もっと前の商談も取り込んでください（sancho import）。",
                "The history is too short to backtest: {days} days hold no whole period with two of its "
                "length before it; import earlier deals too (sancho import).",
            ).format(days=max(span.end - span.first, 0) // DAY),
            "too_short",
        )
    return kind, whole[-(count or 8) :]


def _whole_periods(span: Span, zone: ZoneInfo, length: str, fiscal_start_month: int) -> list[Period]:
    first, last = last_known_day(span.first + 1, zone), last_known_day(span.end, zone)
    period = period_holding(last, length, fiscal_start_month)
    if period.end(zone) > span.end:
        period = _before(period, length, fiscal_start_month)
    periods: list[Period] = []
    while previous(period, MIN_HISTORY).first >= first:
        periods.append(period)
        period = _before(period, length, fiscal_start_month)
    return periods[::-1]


def _before(period: Period, length: str, fiscal_start_month: int) -> Period:
    return period_holding(previous(period).first, length, fiscal_start_month)


def earlier(period: Period, count: int, length: str, fiscal_start_month: int = 4) -> list[Period]:
    """The `count` periods of the same length before a period, oldest first."""
    before: list[Period] = []
    for _ in range(count):
        period = _before(before[-1] if before else period, length, fiscal_start_month)
        before.append(period)
    return before[::-1]


def origins(period: Period, weeks: Sequence[int], zone: ZoneInfo) -> list[Origin]:
    """The moments at which these weeks of the period have passed; weeks beyond the period are left out."""
    moments = []
    for week in weeks:
        # By calendar days, so that every origin is a midnight of the zone.
        day = date.fromordinal(period.first.toordinal() + 7 * week)
        if period.first <= day <= period.last:
            moments.append(Origin(period, week, start_of_day(day, zone)))
    return moments
