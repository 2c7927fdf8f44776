"""Do the proposed KPIs move revenue, more than the usual ones? And do they stay the same from month to month?

    python benchmarks/accuracy_kpi_sets.py effects FOLDER --first-seed 2411 --seeds 20
    python benchmarks/accuracy_kpi_sets.py steady FOLDER --first-seed 2411 --seeds 10
    python benchmarks/accuracy_kpi_sets.py show FOLDER

effects   At the start of a quarter a model is trained, and a set is proposed to each person. Then the world
          is continued from its true state, as usual and once for each KPI with everybody doing more of it by
          one step (the mean step over people), with the same random numbers. Compared with the most common
          KPIs (visits, calls, deals created), those that went along with revenue most, and random ones: the
          share of KPIs that truly move revenue in two quarters (80 % interval above 0), and revenue gained
          per KPI, in percent.
          Worlds with an odd seed sell mostly in the field, the others mostly inside.
steady    In a world whose market never moves, one model proposes at the end of six months in a row, each time
          from the set of the month before: the share of a set's KPIs that change a month.

One file per case is kept in the folder; a case that is there is not made again. Chosen on seeds below 2411.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from crm.periods import parse_period, period_holding, previous
from features import action_events_of, compile_history
from features.kpis import KPIS, KpiEvents
from features.kpis.definition import STYLES
from features.kpis.of_actions import action_kpis
from models.actions import candidate_actions
from models.bundle import Bundle
from models.kpi_sets.candidates import Candidate, CandidateFinder, medians_to_revenue
from models.kpi_sets.correlation import correlations
from models.kpi_sets.effects import KpiEffects, by_action
from models.kpi_sets.proposal import chosen
from models.kpi_sets.steps import GoalSteps
from models.kpis import KpiForecasts, RemainingPeriod
from models.scoring import feature_columns
from service.drivers import lever_model_of
from service.period_forecast import simulate_period
from simulator import (
    FIELD_HEAVY,
    INSIDE_HEAVY,
    Intervention,
    World,
    WorldSettings,
    action_signs,
    crm_tables,
    replay,
    simulate,
)
from training.config import TrainConfig
from training.fit import train

TOKYO = ZoneInfo("Asia/Tokyo")
AS_OF, PERIOD, UNTIL = date(2026, 9, 30), "2026-Q4", date(2027, 3, 31)
Z80 = 1.2816
COMMON = ("visits", "calls", "new_deals")
_MORE = {
    "proposals": "to_proposal",
    "closings": "to_closing",
    "visits": "visit",
    "effective_meetings": "visit",
    "web_meetings": "web_meeting",
    "calls": "call",
    "emails": "email",
    "follow_ups": "follow_up",
    "demos": "demo",
    "quotes": "quote",
    "seminar_invitations": "seminar",
}
_APPOINTED = ("appointments", "meetings", "qualified", "handovers", "meeting_rate", "qualification_rate")
_STEADY_MONTHS = 6


def main() -> None:
    """Run what is asked for, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=("effects", "steady", "show"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--first-seed", type=int, default=2411)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--deals", type=int, default=4_000)
    parser.add_argument("--replays", type=int, default=60)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        file = options.folder / f"{options.part}-{seed}.json"
        if options.part == "show" or file.exists():
            continue
        case = effects_of if options.part == "effects" else steadiness_of
        file.write_text(json.dumps(case(seed, options), ensure_ascii=False, indent=1), "utf-8")
        print(file.name, flush=True)
    show(options.folder, options.first_seed)


def finder_of(
    bundle: Bundle, log: EventLog, as_of: date, period_name: str
) -> tuple[CandidateFinder, list[str]]:
    """What candidates are found from at a day's end, and the people who sell then."""
    moment, period = end_of_day(as_of, TOKYO), parse_period(period_name)
    known = log.as_of(moment)
    levels = {name: kind if isinstance(kind, str) else list(kind) for name, kind in bundle.levels.items()}
    history = compile_history(known, bundle.calendar, levels)
    forecast = simulate_period(bundle, log, history, moment, period)
    organisation = forecast.organisation
    ahead = RemainingPeriod.of(
        known, bundle.calendar, organisation, moment, period.start(TOKYO), period.end(TOKYO)
    )
    prospects = KpiForecasts(forecast.simulation, KpiEvents(known, organisation.people), ahead, period)
    drive = lever_model_of(forecast, prospects, bundle)
    catalogue = tuple(history.features[at] for at in feature_columns(bundle, history))
    found = candidate_actions(
        bundle.actions, forecast.scored.x, catalogue, bundle.levels, forecast.scored.ever,
        action_events_of(history), forecast.scored.deals, moment,
    )  # fmt: skip
    effects = KpiEffects(prospects, drive, by_action(found))
    kpis = {kpi.id: kpi for kpi in KPIS} | action_kpis(one.action for one in bundle.actions)
    past = [previous(period, back) for back in range(1, 9)]
    bounds = [(one.start(TOKYO), one.end(TOKYO)) for one in past]
    finder = CandidateFinder(
        GoalSteps(effects, forecast.facts.targets, "company", ahead.style),
        kpis,
        correlations(list(kpis.values()), prospects.kpi_events, bounds),
        medians_to_revenue(list(kpis.values()), effects),
    )
    today = int(ahead.calendar.day_of(np.array([moment]))[0])
    there = (ahead.since <= today) & (ahead.until > today) & np.isin(ahead.style, STYLES)
    return finder, [f"person:{organisation.people[one]}" for one in np.flatnonzero(there[:-1])]


def effects_of(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One world: the KPIs of each way to choose them, and what each truly brings."""
    styles = FIELD_HEAVY if seed % 2 else INSIDE_HEAVY
    world = simulate(WorldSettings(deals=options.deals, seed=seed, end=AS_OF, styles=styles))
    log = EventLog.of(crm_tables(world), TOKYO)
    bundle, _ = train(log, end_of_day(AS_OF, TOKYO), TrainConfig())
    finder, people = finder_of(bundle, log, AS_OF, PERIOD)
    found = finder.candidates(people, controllable=True)
    slots = [one.kpi.id for person in people for one, _ in chosen(found[person])]
    how = interventions(world, found)
    usual = replay(world, UNTIL, options.replays, seed, None, to_the_end=False)
    plain = usual.revenue(AS_OF + timedelta(1), UNTIL)
    truth = {}
    for kpi, changed in how.items():
        after = replay(world, UNTIL, options.replays, seed, changed, to_the_end=False)
        gain = 100 * (after.revenue(AS_OF + timedelta(1), UNTIL) - plain) / plain.mean()
        truth[kpi] = [float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(gain)))]
    ways = {
        "proposed": slots,
        "common": [kpi for kpi in COMMON if kpi in truth],
        "correlated": correlated(finder.correlation, truth),
        "random": sorted(truth),
    }
    sizes = {
        style: sum(finder.steps.style[finder.steps.organisation.members(one)[0]] == style for one in people)
        for style in STYLES
    }
    return {"seed": seed, "people": sizes, "few": sum(len(chosen(found[one])) < 3 for one in people),
            "truth": truth, "ways": ways}  # fmt: skip


def correlated(correlation: Mapping[str, float], truth: Mapping[str, Any]) -> list[str]:
    """The three controllable KPIs that went along with revenue most."""
    return sorted((kpi for kpi in truth if kpi in correlation), key=lambda kpi: -correlation[kpi])[:3]


def interventions(world: World, found: Mapping[str, list[Candidate]]) -> dict[str, Intervention]:
    """For each KPI what all people do more of, by the mean step; none for a KPI that no replay can move."""
    kept: dict[str, list[Candidate]] = {}
    for candidates in found.values():
        for one in candidates:
            if one.value is not None and one.expected:
                kept.setdefault(one.kpi.id, []).append(one)
    material = {
        f"material:{sign['material']}": action
        for action, sign in action_signs(world.ground_truth).items()
        if "material" in sign and sign["kind"] == "material"
    }
    out = {}
    for kpi, some in kept.items():
        times = sum(one.value or 0.0 for one in some) / sum(one.expected or 0.0 for one in some)
        if times <= 1:
            continue
        if kpi in ("leads", "new_deals"):
            out[kpi] = Intervention(lead_inflow=times)
        elif kpi in _APPOINTED:
            out[kpi] = Intervention(appointment_rate=times)
        elif kpi in _MORE or kpi in material:
            out[kpi] = Intervention(more=(_MORE.get(kpi) or material[kpi], times))
    return out


def steadiness_of(seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """One world without moods: KPIs that change from month to month, and KPIs there were."""
    styles = FIELD_HEAVY if seed % 2 else INSIDE_HEAVY
    world = simulate(WorldSettings(deals=options.deals, seed=seed, end=AS_OF, moods=0.0, styles=styles))
    log = EventLog.of(crm_tables(world), TOKYO)
    days = [date(2026, month, 1) - timedelta(1) for month in range(10 - _STEADY_MONTHS + 1, 11)]
    bundle, _ = train(log, end_of_day(days[0], TOKYO), TrainConfig())
    before: dict[str, list[str]] = {}
    changed = there = 0
    for day in days:
        period = period_holding(day + timedelta(1))
        finder, people = finder_of(bundle, log, day, period.name)
        held = frozenset((one, kpi) for one, kpis in before.items() for kpi in kpis)
        found = replace(finder, held=held).candidates(people, controllable=True)
        now = {one: [kpi.kpi.id for kpi, _ in chosen(found[one], before.get(one, ()))] for one in people}
        for one in now.keys() & before.keys():
            changed += len(set(before[one]) - set(now[one]))
            there += len(before[one])
        before = now
    return {"seed": seed, "changed": changed, "there": there}


def show(folder: Path, first_seed: int) -> None:
    """Print what is there of the cases from a seed on."""
    cases = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("effects-*.json"))]
    cases = [one for one in cases if one["seed"] >= first_seed]
    print(f"effects: n = {len(cases)} worlds; means over worlds, 95 % interval")
    for way in ("proposed", "common", "correlated", "random"):
        shares, gains = [], []
        for case in cases:
            of = [case["truth"][kpi] for kpi in case["ways"][way] if kpi in case["truth"]]
            if of:
                shares.append(100 * np.mean([gain - Z80 * error > 0 for gain, error in of]))
                gains.append(np.mean([gain for gain, _ in of]))
        print(f"  {way:11s} truly move revenue {_mean(shares)} %   gained per KPI {_mean(gains)} %")
    for other in ("common", "correlated", "random"):
        print(
            f"  proposed minus {other:11s} gained per KPI {_mean([_gap(one, other) for one in cases])} points"
        )
    steady = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("steady-*.json"))]
    steady = [one for one in steady if one["seed"] >= first_seed]
    rates = [100 * one["changed"] / one["there"] for one in steady]
    kpis = sum(one["there"] for one in steady)
    print(f"steady: n = {len(steady)} worlds, {kpis} KPIs; changed a month {_mean(rates)} %")


def _gap(case: Mapping[str, Any], other: str) -> float:
    """How much more a proposed KPI brings than one chosen in another way."""
    ours, theirs = (
        [case["truth"][kpi][0] for kpi in case["ways"][way] if kpi in case["truth"]]
        for way in ("proposed", other)
    )
    return float(np.mean(ours) - np.mean(theirs))


def _mean(values: list[Any]) -> str:
    if not values:
        return "-"
    half = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{np.mean(values):6.2f} +- {half:.2f}"


if __name__ == "__main__":
    main()
