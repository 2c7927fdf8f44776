"""Are KPI forecasts calibrated, and better than the current pace? Simulated worlds, compared with actuals.

    python benchmarks/forecast_kpis.py --first-seed 301 --seeds 5 --deals 10000

In each of the last quarters of a world, at weeks 0, 4 and 8, every KPI that needs no model of deals is
forecast for the company and each team from what was known then, and compared with its value as known at the
quarter's end. The baseline is the current pace: the value so far divided by the share of working days passed,
at week 0 the quarter before. Worlds 1 to 99 are for development; evaluate on others.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from datetime import date
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import DAY
from crm.periods import Period, parse_period, previous
from features.calendar import Calendar
from features.kpis import KPIS, Kpi, KpiEvents, Shape, value_of
from models.forecast.new_business_rates import NewBusinessRates
from models.forecast.organisation import ScopeTree
from models.forecast.simulate import LEVELS, Pipeline, Simulation, simulate
from models.kpis import KpiForecasts, RemainingPeriod
from simulator import WorldSettings, crm_tables
from simulator import simulate as simulate_world

TOKYO = ZoneInfo("Asia/Tokyo")
CALENDAR = Calendar(TOKYO)
WEEKS = (0, 4, 8)
COVERED = {"50": (0.25, 0.75), "80": (0.1, 0.9), "90": (0.05, 0.95)}


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--first-seed", type=int, default=301)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--deals", type=int, default=10_000)
    parser.add_argument("--quarters", type=int, default=4)
    parser.add_argument("--end", type=date.fromisoformat, default=date(2026, 9, 30))
    options = parser.parse_args()
    rows: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        world = simulate_world(WorldSettings(deals=options.deals, seed=seed, end=options.end))
        log = EventLog.of(crm_tables(world), TOKYO)
        for back in range(options.quarters):
            judge(log, previous(parse_period("2026-Q3"), back), rows)
        print(f"world {seed} done", flush=True)
    print(
        "KPI                    week     n   covered 50 / 80 / 90 %   mean abs. error / at the present pace"
    )
    for (name, week), found in sorted(rows.items()):
        _print_row(name, week, np.array(found))
    for week in WEEKS:
        every = np.concatenate([np.array(found) for (_, at), found in rows.items() if at == week])
        for name, of_scope in (("all: company", every[:, 5] == 1), ("all: teams", every[:, 5] == 0)):
            _print_row(name, week, every[of_scope])


def judge(log: EventLog, period: Period, rows: dict[tuple[str, int], list[list[float]]]) -> None:
    """Forecasts a quarter at each week."""
    first, end = period.start(TOKYO), period.end(TOKYO)
    later = log.as_of(end)
    then = ScopeTree.of(later)
    truth = KpiEvents(later, then.people)
    for week in WEEKS:
        moment = first + week * 7 * DAY
        known = log.as_of(moment)
        organisation = ScopeTree.of(known)  # who comes later is not known yet
        happenings = KpiEvents(known, organisation.people)
        ahead = RemainingPeriod.of(known, CALENDAR, organisation, moment, first, end)
        prospects = KpiForecasts(no_deals(organisation), happenings, ahead, period)
        days_passed = float(CALENDAR.working_days(np.array([first]), np.array([moment]))[0])
        share = days_passed / (days_passed + ahead.working_days)
        for kpi in (one for one in KPIS if not needs_deals(one)):
            for scope in ("company", *(f"team:{team}" for team in organisation.teams)):
                members, members_now = (marked(one, scope) for one in (then, organisation))
                found = prospects.of(kpi, scope)
                actual = value_of(kpi, truth, first, end, end, members)
                if found.draws is None or actual is None or found.draws.std() == 0:
                    continue
                pace = (
                    found.value / share if share and kpi.adds_up and found.value is not None else found.value
                )
                if not share:
                    before = previous(period)
                    bounds = before.start(TOKYO), before.end(TOKYO)
                    pace = value_of(kpi, happenings, *bounds, moment, members_now)
                if pace is None:
                    continue
                rng = np.random.default_rng(crc32(f"{kpi.id} {week} {scope}".encode()))
                jitter = rng.random()  # counts tie: the share below, and a random part of those equal
                position = (found.draws < actual).mean() + jitter * (found.draws == actual).mean()
                scale = max(abs(actual), 1e-9)
                miss, other = abs(np.median(found.draws) - actual) / scale, abs(pace - actual) / scale
                inside = [low <= position <= high for low, high in COVERED.values()]
                rows[kpi.id, week].append([*inside, min(miss, 2.0), min(other, 2.0), scope == "company"])


def marked(organisation: ScopeTree, scope: str) -> np.ndarray:
    """Which people's numbers belong to a scope, (people + 1,)."""
    members = np.zeros(len(organisation.people) + 1, bool)
    members[organisation.members(scope)] = True
    return members


def needs_deals(kpi: Kpi) -> bool:
    """Whether its forecast is computed from the scenarios of deals."""
    return kpi.shape is not Shape.REPEAT and "deals.won" in (kpi.count.of, kpi.per.of if kpi.per else "")


def no_deals(organisation: ScopeTree) -> Simulation:
    """A simulation in which nothing is open."""
    people = len(organisation.people) + 1
    nothing = NewBusinessRates(np.zeros(people), 0.0, 0.0, 0.0, np.zeros(0), np.ones(people), np.ones(1))
    empty = Pipeline(np.zeros(0, object), np.zeros(0, np.int64), np.zeros((0, 1)), np.zeros((0, LEVELS)))
    return simulate(organisation, empty, np.zeros(people), nothing, 0.1, 0.1, 1 << 12)


def _print_row(name: str, week: int, found: np.ndarray) -> None:
    mean = 100 * found.mean(0)
    print(
        f"{name:22s} {week:4d} {len(found):5d}   {mean[0]:5.0f} {mean[1]:5.0f} {mean[2]:5.0f}"
        f"          {mean[3]:6.1f} / {mean[4]:.1f} %"
    )


if __name__ == "__main__":
    main()
