"""Which targets were set, when, and from which facts known then?

Before each fiscal quarter management takes the last half year, corrects it for season, multiplies it by an
ambition (about half of all targets are met), and splits it over teams and people by headcount, tenure and
past share. Only facts before the day of setting are used.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import catalog as c
from simulator.business_days import CLOSE_SEASON, FISCAL_START_MONTH, LEAD_SEASON, fiscal_month
from simulator.log import C_EVENTS, C_PERSONS, C_WINS
from simulator.random_stream import key_of, normal, stream_at
from simulator.state_arrays import FAR
from simulator.world import World

LOOK_BACK = 182
SET_BEFORE = 12
"""Days before the quarter at which targets are set."""
OPENING_YIELD = 0.50e6
"""JPY per created deal assumed by the first plans, while there is no half year of history yet."""
LEVEL = {"company": 1.0, "team": 0.97, "person": 0.88}
"""Share of their arithmetic part that teams and people get as target: their results are skewed."""
METRICS = ("revenue", "won_deals", "proposals", "first_visits", "appointments")
UNIT = {"revenue": 100_000}


@dataclass
class TargetRows:
    """Columns of the targets, as lists of equal length."""

    metric: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    number: list[int] = field(default_factory=list)
    period: list[str] = field(default_factory=list)
    value: list[int] = field(default_factory=list)
    set_at: list[int] = field(default_factory=list)

    def add(self, metric: str, kind: str, number: int, period: str, value: float, set_at: int) -> None:
        """Add one target, rounded to its unit; none if it would be 0."""
        unit = UNIT.get(metric, 1)
        amount = round(value / unit) * unit
        if amount > 0:
            self.metric.append(metric)
            self.kind.append(kind)
            self.number.append(number)
            self.period.append(period)
            self.value.append(amount)
            self.set_at.append(set_at)


def targets_table(world: World) -> dict[str, list[Any]]:
    """All targets set up to the last day, with scope as kind and number (team or person)."""
    rows = TargetRows()
    people = world.log.people[: world.log.cursor[C_PERSONS]]
    key = key_of(world.settings.seed, 99)
    facts = {metric: _facts(world, metric) for metric in METRICS}
    settings = world.settings
    horizon = settings.end + timedelta(days=100)
    for start, end, label in fiscal_quarters(settings.start, horizon, settings.fiscal_start_month):
        first = world.day_of(start)
        set_day = first - SET_BEFORE
        if set_day < 0 or set_day > world.last_day:
            continue
        while not world.calendar[set_day]["workday"] and set_day > 0:
            set_day -= 1
        if set_day < 2:
            continue
        present = np.flatnonzero(
            (people["start"] <= set_day) & ((people["end"] == FAR) | (people["end"] > set_day))
        )
        for m, metric in enumerate(METRICS):
            stream = np.uint64(stream_at(np.uint64(key), np.uint64(m), first))
            ambition = float(np.exp(0.04 * normal(stream, 1)))
            company = ambition * _expected(world, facts[metric], metric, set_day, first, world.day_of(end))
            _split(rows, world, metric, label, company, facts[metric], people, present, set_day)
    return rows.__dict__


def fiscal_quarters(
    start: date, end: date, fiscal_start_month: int = FISCAL_START_MONTH
) -> list[tuple[date, date, str]]:
    """First day, day after the last, label (`FY2026-Q3`) of fiscal quarters beginning in [start, end].

    >>> fiscal_quarters(date(2026, 1, 1), date(2026, 3, 31), fiscal_start_month=3)
    [(datetime.date(2026, 3, 1), datetime.date(2026, 6, 1), 'FY2026-Q1')]
    """
    out = []
    for year in range(start.year - 1, end.year + 1):
        for quarter in range(4):
            month = fiscal_start_month + 3 * quarter
            first = date(year + (month > 12), (month - 1) % 12 + 1, 1)
            month += 3
            after = date(year + (month > 12), (month - 1) % 12 + 1, 1)
            if start <= first <= end:
                out.append((first, after, f"FY{year}-Q{quarter + 1}"))
    return out


def _facts(world: World, metric: str) -> dict[str, NDArray[Any]]:
    """What counts towards a metric: day, team, person and weight of each event, shape (n,) each."""
    people = world.log.people
    if metric == "revenue" or metric == "won_deals":
        wins = world.log.wins[: world.log.cursor[C_WINS]]
        weight = wins["amount"].astype(float) if metric == "revenue" else np.ones(len(wins))
        return {"day": wins["day"], "team": wins["team"], "person": wins["person"], "weight": weight}
    if metric == "appointments":
        leads = world.log.leads[: int(world.state.next_lead[0])]
        leads = leads[leads["handed"] >= 0]
        day, person = leads["appointment"] // 86_400, leads["owner"]
    else:
        stage = c.PROPOSAL if metric == "proposals" else c.VISIT
        events = world.log.events[: world.log.cursor[C_EVENTS]]
        events = events[(events["field"] == c.F_STAGE) & (events["value"] == stage)]
        day, person = events["at"] // 86_400, events["actor"]
    return {"day": day, "team": people["team"][person], "person": person, "weight": np.ones(len(day))}


def _season(world: World, metric: str, first: int, last: int) -> float:
    """Weight of the days first to last - 1: working days times the season that management knows."""
    days = world.calendar[max(first, 0) : last]
    if metric in ("revenue", "won_deals"):
        season = np.asarray(CLOSE_SEASON)[fiscal_month(days["month"], world.settings.fiscal_start_month) - 1]
    else:
        season = np.asarray(LEAD_SEASON)[days["month"] - 1]
    return float((days["workday"] * season).sum())


def _expected(
    world: World, facts: dict[str, NDArray[Any]], metric: str, set_day: int, first: int, last: int
) -> float:
    """The quarter's result at the rate of the last half year, corrected for season."""
    recent = (facts["day"] >= set_day - LOOK_BACK) & (facts["day"] < set_day)
    seen = _season(world, metric, set_day - LOOK_BACK, set_day)
    quarter = _season(world, metric, first, last)
    rate = float(facts["weight"][recent].sum()) / max(seen, 1.0)
    if set_day >= LOOK_BACK + 120:
        return rate * quarter
    if metric != "revenue":
        return 1.15 * rate * quarter if set_day > 120 else 0.0
    # The company has just begun to use the CRM: a plan from the usual revenue per deal.
    plan = (
        world.settings.deals_per_day
        * OPENING_YIELD
        * 365.25
        / 242.0
        * (1.0 - float(np.exp(-(first + 45) / 75.0)))
    )
    return plan * quarter


def _split(
    rows: TargetRows, world: World, metric: str, label: str, company: float, facts: dict[str, NDArray[Any]],
    people: NDArray[np.void], present: NDArray[np.int64], set_day: int,
) -> None:  # fmt: skip
    """Split the company's target over the people present, then sum over teams and divisions."""
    set_at = set_day * 86_400 + 17 * 3600
    rows.add(metric, "company", 0, label, company, set_at)
    selling = (c.INSIDE,) if metric == "appointments" else (c.FIELD, c.ROUTE)
    present = present[np.isin(people["style"][present], selling)]
    if len(present) == 0 or company <= 0:
        return
    recent = (facts["day"] >= set_day - 365) & (facts["day"] < set_day)
    teams = len(world.organisation.team_names)
    past = np.bincount(facts["team"][recent], facts["weight"][recent], teams)
    tenure = np.clip((set_day - people["start"][present]) / 250.0, 0.0, 1.0)
    weight = 0.45 + 0.55 * tenure
    team = people["team"][present]
    by_head = np.bincount(team, weight, teams)
    share = by_head / by_head.sum()
    if past.sum() > 0:
        share = 0.35 * share + 0.65 * np.where(by_head > 0, past, 0.0) / max(past[by_head > 0].sum(), 1e-9)
    own = company * share[team] * weight / by_head[team]
    for person, value in zip(present, own, strict=True):
        rows.add(metric, "person", int(person), label, LEVEL["person"] * value, set_at)
    total = company * share
    parent = world.organisation.parent
    # Teams come after their parents, so summing from the last upwards reaches the top.
    for number in range(teams - 1, 0, -1):
        if parent[number] > 0:
            total[parent[number]] += total[number]
        rows.add(metric, "team", number, label, LEVEL["team"] * total[number], set_at)
