"""Which people's KPIs rise while what should follow does not, of all people and kinds of an organisation?

Compared are the KPIs that have risen; whether a KPI has risen says nothing of the share of its rows that are
followed where nobody pads, so that choosing by it is fair (Bourgon, Gentleman & Huber, 2010, "Independent
filtering increases detection power for high-throughput experiments"). False alarms are held over all people
and kinds together (Holm, 1979): the chance of even one question about an organisation in which nobody pads is
`ALLOWED`. A false discovery rate would allow more of them the more is found, and each is a question to an
honest person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.frames import codes_in
from crm.instants import DAY, start_of_day
from features.arrays import Array, Floats, Ints
from features.kpis.followed import Steps, steps_of
from models.padding.kinds import KINDS
from models.padding.unusual import Counts, Unusual, unusual

ALLOWED = 0.05
# Chosen on simulated worlds 1 to 99.
_RISE = 1.2  # rows over those to expect, from which a KPI has risen
_MIN_SETTLED, _MIN_EMPTY = 6, 5  # rows, and empty ones beyond those to expect, below which nothing is asked
_MIN_EXCESS = 0.1  # of the settled rows: what is certain but small is no question
_MIN_STRETCHES, _MAX_STRETCHES, _PAST = 2, 12, 730 * DAY
_FAR = 10**17  # an instant beyond all that is asked about


@dataclass(frozen=True)
class EmptyRow:
    """A row that was not followed: when it was made, of which deal or activity it is."""

    at: int
    deal_id: str | None
    activity_id: str | None


@dataclass(frozen=True, kw_only=True)
class PaddedKpi:
    """A person's KPI that rose without what should follow.

    `usual_rows`, `usual_followed`: to expect by the own past and by peers; `chance`: of as few followed or
    fewer where nobody pads, by itself; `empty`: the rows that were not followed, newest first.
    """

    person: int
    kind: str
    rows: int
    usual_rows: float
    settled: int
    followed: int
    usual_followed: float
    chance: float
    empty: tuple[EmptyRow, ...]


@dataclass(frozen=True)
class Padding:
    """What was found, the least usual first; `compared`: of how many KPIs of people that have risen."""

    found: tuple[PaddedKpi, ...]
    compared: int


def padded_kpis(
    steps: Mapping[str, Steps], styles: Sequence[str], there: tuple[Ints, Ints], start: int, until: int
) -> Padding:
    """What is unusual in [start, until), `until` being no later than the moment of the rows.

    `styles` of the people (p,), "" = unknown; `there`: since when and until when each is (p,), as instants.
    """
    bounds = _stretches(start, until)
    if bounds is None:
        return Padding((), 0)
    tested: list[tuple[str, Ints, Counts, Unusual]] = []
    for kind, rows in steps.items():
        counts = _counts(rows, styles, there, bounds, until)
        plays = np.array([style in (*KINDS[kind].styles, "") for style in styles], bool)
        # Where what should follow has never been recorded, its absence says nothing.
        recorded = bool((counts.past_settled.sum() - counts.past_empty.sum()) > 0)
        if not recorded:
            continue
        found = unusual(counts)
        has_risen = counts.rows >= _RISE * found.rows
        people = np.flatnonzero(plays & has_risen & (counts.settled >= _MIN_SETTLED))
        tested.append((kind, people, counts, found))
    chances = np.concatenate([found.chance[people] for _, people, _, found in tested] or [np.zeros(0)])
    passed = holm(chances, ALLOWED)
    out, at = [], 0
    for kind, people, counts, found in tested:
        for person in people[passed[at : at + len(people)]].tolist():
            if _is_large(counts, found, person):
                out.append(_padded(kind, person, counts, found, steps[kind], start, until))
        at += len(people)
    return Padding(tuple(sorted(out, key=lambda one: one.chance)), len(chances))


def holm(chances: Floats, allowed: float) -> Array:
    """Which of some tests (n,) are significant, the chance of a single false one being `allowed` in all.

    Holm (1979), "A simple sequentially rejective multiple test procedure".

    >>> holm(np.array([0.04, 0.001, 0.02]), 0.05).tolist()
    [True, True, True]
    >>> holm(np.array([0.04, 0.001, 0.03]), 0.05).tolist()
    [False, True, False]
    """
    order = np.argsort(chances, kind="stable")
    steps = chances[order] * np.arange(len(chances), 0, -1)
    passed = np.zeros(len(chances), bool)
    passed[order] = np.maximum.accumulate(steps) <= allowed if len(chances) else False
    return passed


def _stretches(start: int, until: int) -> Ints | None:
    """Bounds of as many earlier stretches as the past has, then of the one asked about; None: too few."""
    length = until - start
    if length < DAY:
        return None
    count = min(_PAST // length, _MAX_STRETCHES)
    if count < _MIN_STRETCHES:
        return None
    return start + length * np.arange(-count, 2)


def _counts(
    steps: Steps, styles: Sequence[str], there: tuple[Ints, Ints], bounds: Ints, moment: int
) -> Counts:
    people, stretches = len(styles), len(bounds) - 1
    at = np.searchsorted(bounds, steps.at, side="right") - 1
    within = (at >= 0) & (at < stretches)

    def count(chosen: Array) -> Floats:
        cell = steps.person[chosen] * stretches + at[chosen]
        return np.bincount(cell, minlength=people * stretches).reshape(people, stretches).astype(float)

    settled = within & (steps.settled <= moment)
    rows, certain, empty = count(within), count(settled), count(settled & ~steps.followed)
    since, to = there
    overlap = np.minimum(to[:, None], bounds[1:]) - np.maximum(since[:, None], bounds[:-1])
    present = np.clip(overlap / (bounds[1] - bounds[0]), 0.0, 1.0)
    # Who has rows was there, whatever the table of people says.
    present = np.where((rows > 0) & (present <= 0), 1.0, present)
    group = np.unique(np.array(styles, str), return_inverse=True)[1] if people else np.zeros(0, np.int64)
    return Counts(
        group=group,
        rows=rows[:, -1],
        settled=certain[:, -1],
        empty=empty[:, -1],
        present=present[:, -1],
        past_rows=rows[:, :-1],
        past_settled=certain[:, :-1],
        past_empty=empty[:, :-1],
        past_present=present[:, :-1],
    )


def _is_large(counts: Counts, found: Unusual, person: int) -> bool:
    """Whether a person has so many more empty rows than usual that they are worth a question."""
    excess = counts.empty[person] - counts.settled[person] * found.share[person]
    return bool(excess >= max(_MIN_EMPTY, _MIN_EXCESS * counts.settled[person]))


def _padded(
    kind: str, person: int, counts: Counts, found: Unusual, steps: Steps, start: int, until: int
) -> PaddedKpi:
    own = (steps.person == person) & (steps.at >= start) & (steps.at < until)
    empty = np.flatnonzero(own & ~steps.followed & (steps.settled <= until))[::-1]
    settled, rows = counts.settled[person], (steps.at, steps.deal, steps.activity)
    return PaddedKpi(
        person=person,
        kind=kind,
        rows=int(counts.rows[person]),
        usual_rows=float(found.rows[person]),
        settled=int(settled),
        followed=int(settled - counts.empty[person]),
        usual_followed=float(settled * (1 - found.share[person])),
        chance=float(found.chance[person]),
        empty=tuple(
            EmptyRow(int(at), deal, activity)
            for at, deal, activity in zip(*(of[empty] for of in rows), strict=True)
        ),
    )


def padding_in(known: EventLog, people: tuple[str, ...], start: int, until: int) -> Padding:
    """What is unusual in [start, until) by a log as of `until` or later; `people`: whom to look at."""
    rows = known["people"].drop_duplicates("person_id", keep="last")
    at = codes_in(pd.Series(people, dtype=object), pd.Index(rows["person_id"].astype(object)))
    style = np.append(rows["style"].astype(object).where(rows["style"].notna(), "").to_numpy(object), "")[at]
    since = np.append(_midnights(rows["active_from"], known, 0, -_FAR), -_FAR)[at]
    to = np.append(_midnights(rows["active_to"], known, 1, _FAR), _FAR)[at]
    return padded_kpis(steps_of(known, people), [str(one) for one in style], (since, to), start, until)


def _midnights(days: pd.Series, known: EventLog, later: int, unknown: int) -> Ints:
    """The instants at which days begin, or `later` days after them; where none is given, `unknown`."""
    return np.array(
        [
            unknown if pd.isna(day) else start_of_day((day + pd.Timedelta(days=later)).date(), known.zone)
            for day in days
        ],
        np.int64,
    )
