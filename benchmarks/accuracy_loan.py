"""How good are the probabilities for real loan applications, compared with base rate and stage-rate table?

    python benchmarks/accuracy_loan.py [AS_OF] [END]

1. Trained as of AS_OF (2011-12-15), every open application: won by END (2011-12-31)?
2. Rolling origins within the log: applications at submission, 3 days later, when the offer is sent, 7 and 14
   days later, each scored by the model of the last origin before: won within 21 days?
Baselines are computed on the same past: all deals open on each past day (1.), or at the same point (2.),
with outcomes known at the cut-off. Differences are Sancho minus baseline, with the 95% interval of a
bootstrap over deals.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from real_logs import base_rate, compare, imported, judge_open, score, won_within

from crm.eventlog import EventLog
from crm.instants import DAY, NEVER, as_of_instant
from features import Calendar, History, compile_history, deal_states
from features.arrays import Floats, Ints
from training.config import TrainConfig
from training.fit import train

CONFIG = TrainConfig()
ORIGINS = ("2011-11-10", "2011-11-17", "2011-11-24", "2011-12-01")
WITHIN_DAYS, WINDOW_DAYS = 21.0, 7


def main() -> None:
    as_of, end = [*sys.argv[1:], *["2011-12-15", "2011-12-31"][len(sys.argv) - 1 :]][:2]
    log = imported("loan_applications")
    calendar = Calendar.of_organisation(log.organisation)
    open_deals(log, as_of, end)
    rolling(log, calendar)


def open_deals(log: EventLog, as_of: str, end: str) -> None:
    """Every application open at the cut-off: won by the end of the year?"""
    cut = as_of_instant(as_of, log.zone)
    bundle, report = train(log, cut, CONFIG)
    print(f"\ntrained as of {as_of}: {report.counts}; {report.cycle.describe().en}")
    print("\n".join(report.folds))
    for name, gap in report.evaluation.log_loss_against.items():
        print(f"  own proof on later deals: log loss against {name} {gap}")
    judge_open(log, bundle, cut, end)


def rolling(log: EventLog, calendar: Calendar) -> None:
    """Applications at five points of their history, in the week after each origin."""
    points: dict[str, Callable[[History], Ints]] = {
        "at submission": lambda history: history.created + 1,
        "3 days on": lambda history: history.created + 3 * DAY,
        "offer sent": lambda history: first_reached(history, "proposal"),
        "7 days on": lambda history: history.created + 7 * DAY,
        "14 days on": lambda history: history.created + 14 * DAY,
    }
    rows: dict[str, list[tuple[Floats, Floats, Floats, Ints, Ints]]] = {name: [] for name in points}
    for origin in ORIGINS:
        cut = as_of_instant(origin, log.zone)
        bundle, _ = train(log, cut, CONFIG)
        full = compile_history(log, calendar, bundle.levels)
        for name, point in points.items():
            deal, at = alive(full, point(full))
            mature = at + int(WITHIN_DAYS * DAY) <= cut
            rate = base_rate(won_within(full, deal[mature], at[mature], WITHIN_DAYS))
            later = (at >= cut) & (at < cut + WINDOW_DAYS * DAY)
            deal, at = deal[later], at[later]
            won = won_within(full, deal, at, WITHIN_DAYS)
            rows[name].append(
                (score(bundle, full, deal, at, WITHIN_DAYS), np.full(len(deal), rate), won, deal, at)
            )
        print(f"  origin {origin}: trained")
    print(f"\nwon within {WITHIN_DAYS:.0f} days, rolling origins {', '.join(ORIGINS)}")
    for name, parts in rows.items():
        ours, rate, won, deal, at = (np.concatenate(column) for column in zip(*parts, strict=True))
        print(f"{name}: {len(deal)} applications, {int(won.sum())} won")
        compare(ours, {"base rate": rate}, won, deal, at)


def first_reached(history: History, stage: str) -> Ints:
    """The instant just after each deal first reached a stage; NEVER where it did not."""
    code = list(history.stages).index(stage)
    track = history.deals.stage
    out = np.full(len(history.created), NEVER)
    deal = np.repeat(np.arange(len(history.created)), np.diff(track.start))
    reached = track.value == code
    for number, at in zip(deal[reached][::-1], track.at[reached][::-1], strict=True):
        out[number] = at + 1
    return out


def alive(history: History, at: Ints) -> tuple[Ints, Ints]:
    """Which deals were open at their moments."""
    deal = np.flatnonzero(at != NEVER).astype(np.int64)
    status = deal_states(history, deal, at[deal]).status
    deal = deal[status == -1]
    return deal, at[deal]


if __name__ == "__main__":
    main()
