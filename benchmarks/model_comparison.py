"""How often is `sancho models compare` wrong about a crippled and a better candidate?

    python benchmarks/model_comparison.py FOLDER --cases loans crm

On each data set models are trained on what was known at one moment: by the usual settings with two seeds;
with the age of a deal as the only feature; with two trees of two leaves on stage and age; with the endings of
40 % of the closed deals dealt out among them anew; and the usual one made over-confident (log-odds times 2).
Each crippled one is compared, as the candidate, with the usual one in service; then the usual one, as the
candidate, with each crippled one in service; and the usual one with itself by another seed. The verdict is
that of the rows of the time after, as known at its end. The truth is told by the rows of the time after that,
which no comparison has seen: the mean difference in log loss, with its 95 % interval.

Wrong is: "better" or "not worse" where the truth is worse by more than the margin of .005, and the whole
interval above 0; and "worse" where the truth is better beyond doubt (the whole interval below 0).
Each data set keeps a file in FOLDER; the study goes on where it stopped.

The data sets: a bank's loan applications, its telephone sales, a CRM's export, and two simulated
organisations (seeds 321 and 322, which nothing was chosen on). b2b has no dates and so no later rows.

With `--by proofs` the verdict is asked for on the very day of the training, when there are no later rows: it
is that of the proofs that both models are stored with, and all later rows tell the truth. Over-confidence and
shuffled endings are left out, since a proof does not know of the one and would be judged by the other; and
so is another seed, with which other questions are asked.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from leakage_lists import bank_calls
from real_logs import imported
from scipy.special import expit, logit
from scipy.stats import beta

import training.data
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import end_of_day
from features import Calendar, compile_history
from features.arrays import Floats, Ints
from models.bundle import Bundle
from models.snapshot_rows import SnapshotRows
from simulator import WorldSettings, crm_tables, simulate
from training.comparison import MARGIN
from training.config import TrainConfig
from training.fit import train
from training.model_comparison import Contestant, compare_models

TOKYO = ZoneInfo("Asia/Tokyo")
SHUFFLED, TIMES = 0.4, 2.0
USUAL, TWIN, AGE, STUMPS, LABELS, SURE = (
    "usual",
    "usual, other seed",
    "age alone",
    "two stumps on stage and age",
    "labels partly shuffled",
    "over-confident",
)
CRIPPLED = (AGE, STUMPS, LABELS, SURE)


@dataclass(frozen=True)
class Case:
    """A data set, the last day of training, of the comparison's rows, and of the rows that tell the truth."""

    log: Callable[[], EventLog]
    trained: date
    compared: date
    told: date


def world(seed: int) -> EventLog:
    """A simulated organisation with about 3,000 deals."""
    made = simulate(WorldSettings(deals=3000, seed=seed, end=date(2026, 6, 30), days=1100))
    return EventLog.of(crm_tables(made), TOKYO)


CASES = {
    "loans": Case(
        lambda: imported("loan_applications"), date(2011, 11, 20), date(2011, 12, 10), date(2011, 12, 31)
    ),
    "crm": Case(
        lambda: imported("crm_sales_opportunities"), date(2017, 6, 30), date(2017, 9, 30), date(2017, 12, 31)
    ),
    "world_321": Case(lambda: world(321), date(2025, 9, 30), date(2026, 1, 31), date(2026, 6, 30)),
    "world_322": Case(lambda: world(322), date(2025, 9, 30), date(2026, 1, 31), date(2026, 6, 30)),
    "bank_calls": Case(bank_calls, date(2008, 7, 31), date(2008, 8, 31), date(2008, 11, 30)),
}


@dataclass(frozen=True)
class OverConfident:
    """A win model whose log-odds are doubled."""

    inner: Any

    def won_by(self, x: Floats, moments: Ints, horizon_days: Floats) -> Floats:
        """The probabilities (n,), too sure."""
        chance = np.clip(self.inner.won_by(x, moments, horizon_days), 1e-6, 1 - 1e-6)
        out: Floats = expit(TIMES * logit(chance))
        return out


def main() -> None:
    """Run what is missing, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--trees", type=int, default=60)
    parser.add_argument("--by", choices=("rows", "proofs"), default="rows")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.cases:
        file = options.folder / f"{options.by}_{name}.json"
        if not file.exists():
            began = time.perf_counter()
            found = one_case(CASES[name], options.trees, options.by == "proofs")
            file.write_text(json.dumps(found, indent=1), "utf-8")
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    files = sorted(options.folder.glob(f"{options.by}_*.json"))
    show({file.stem: json.loads(file.read_text("utf-8")) for file in files})


def one_case(case: Case, trees: int, by_proofs: bool) -> list[dict[str, Any]]:
    """The verdict and the truth of each pair of a data set."""
    log = case.log()
    trained, compared, told = (end_of_day(day, log.zone) for day in (case.trained, case.compared, case.told))
    config = TrainConfig(trees=trees, max_moments=12_000, max_questions=16_000, threads=1)
    names = [one.name for one in compile_history(log.as_of(trained), Calendar(log.zone)).features]
    blind = replace(config, exclude=tuple(name for name in names if name != "age_days"))
    few = tuple(name for name in names if name not in ("age_days", "stage"))
    made: dict[str, Bundle] = {}
    for name, settings in (
        (USUAL, config),
        (TWIN, replace(config, seed=1)),
        (AGE, blind),
        (STUMPS, replace(config, trees=2, leaves=2, exclude=few)),
    ):
        made[name] = train(log, trained, settings)[0]
    usual = made[USUAL]
    if not by_proofs:
        with shuffled_labels(np.random.default_rng(7)):
            made[LABELS] = train(log, trained, config)[0]
        made[SURE] = replace(usual, win=OverConfident(usual.win))  # type: ignore[arg-type]
        # Later rows alone: a proof was said by a model that is not crippled here.
        made = {name: replace(bundle, proof=None) for name, bundle in made.items()}
    crippled = [name for name in CRIPPLED if name in made]
    pairs = [(name, USUAL) for name in crippled] + [(USUAL, name) for name in crippled]
    pairs += [] if by_proofs else [(TWIN, USUAL)]
    now = trained if by_proofs else compared
    out = []
    for a, b in pairs:
        pair = [Contestant(made[name], Text(name, name)) for name in (a, b)]
        found = compare_models(*pair, log, now)
        later = [replace(one, model=replace(one.model, as_of=now, proof=None)) for one in pair]
        truth = compare_models(*later, log, told)
        gap, told_gap = found.comparison.difference, truth.comparison.difference
        out.append(
            {
                "a": a,
                "b": b,
                "verdict": found.comparison.verdict,
                "deals": found.comparison.deals,
                "rows": found.comparison.rows,
                "difference": gap.to_json(),
                "segments": [
                    [one.kind, one.level, one.deals, one.difference.mean, one.verdict]
                    for one in found.segments
                ],
                "segments_afterwards": [
                    [
                        one.kind,
                        one.level,
                        one.deals,
                        one.difference.mean,
                        one.difference.lo,
                        one.difference.hi,
                    ]
                    for one in truth.segments
                ],
                "truth": told_gap.to_json(),
                "truth_deals": truth.comparison.deals,
            }
        )
    return out


@contextmanager
def shuffled_labels(rng: np.random.Generator) -> Iterator[None]:
    """Within it, trainings read the endings of some closed deals dealt out among them anew."""
    right = training.data.make_rows

    def wrong(outcomes: Any, *rest: Any) -> SnapshotRows:
        closed = np.flatnonzero(outcomes.outcome >= 0)
        some = np.sort(rng.choice(closed, int(SHUFFLED * len(closed)), replace=False))
        dealt = outcomes.outcome.copy()
        dealt[some] = dealt[rng.permutation(some)]
        return right(replace(outcomes, outcome=dealt), *rest)

    training.data.make_rows = wrong
    try:
        yield
    finally:
        training.data.make_rows = right


def show(cases: dict[str, list[dict[str, Any]]]) -> None:
    """Each pair, then how often the verdicts are wrong."""
    for name, found in cases.items():
        print(f"\n{name}")
        for one in found:
            print(
                f"  {one['a']} against {one['b']}: {one['verdict'].replace('_', ' ')} "
                f"{said(one['difference'])}, {one['deals']} deals; afterwards {said(one['truth'])}, "
                f"{one['truth_deals']} deals{'  WRONG' if is_wrong(one) else ''}"
            )
    every = [one for found in cases.values() for one in found]
    groups = {
        "crippled candidate": [one for one in every if one["b"] == USUAL and one["a"] != TWIN],
        "better candidate": [one for one in every if one["a"] == USUAL],
        "same settings, other seed": [one for one in every if one["a"] == TWIN],
    }
    print()
    for title, some in groups.items():
        verdicts = [one["verdict"] for one in some]
        counts = ", ".join(
            f"{verdict.replace('_', ' ')} {verdicts.count(verdict)}"
            for verdict in ("better", "not_worse", "cannot_tell", "worse")
        )
        print(f"{title}: {counts}; wrong {share([is_wrong(one) for one in some])}")
    print(f"all: wrong {share([is_wrong(one) for one in every])}")
    show_segments(every)


def show_segments(every: list[dict[str, Any]]) -> None:
    """Of the segments called better or worse, how many were surely the other way afterwards."""
    called, contradicted = 0, 0
    for one in every:
        after = {(kind, level): (lo, hi) for kind, level, _, _, lo, hi in one["segments_afterwards"]}
        for kind, level, _, _, verdict in one["segments"]:
            if verdict != "no_difference" and (kind, level) in after:
                lo, hi = after[kind, level]
                called += 1
                contradicted += hi < 0.0 if verdict == "worse" else lo > 0.0
    print(f"segments called better or worse: {called}; contradicted afterwards: {contradicted}")


def is_wrong(one: dict[str, Any]) -> bool:
    """Whether the verdict is contradicted by the rows that came after."""
    truth = one["truth"]
    if one["verdict"] in ("better", "not_worse"):
        return bool(truth["lo"] > 0.0 and truth["mean"] > MARGIN)
    return bool(one["verdict"] == "worse" and truth["hi"] < 0.0)


def said(gap: dict[str, float | None]) -> str:
    """A difference with its interval."""
    if gap["lo"] is None:
        return "-"
    return f"{gap['mean']:+.4f} [{gap['lo']:+.4f}, {gap['hi']:+.4f}]"


def share(hits: list[bool]) -> str:
    """How many of how many, with the exact 95 % interval of the share (Clopper-Pearson)."""
    k, n = sum(hits), len(hits)
    if not n:
        return "-"
    low = 0.0 if k == 0 else float(beta.ppf(0.025, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(0.975, k + 1, n - k))
    return f"{k} of {n} ({k / n:.0%} [{low:.0%}, {high:.0%}])"


if __name__ == "__main__":
    main()
