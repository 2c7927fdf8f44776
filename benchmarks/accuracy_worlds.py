"""How close are forecasts to the best possible ones? Simulated worlds, compared with their oracle.

    python benchmarks/accuracy_worlds.py --seeds 5 --deals 10000 --out accuracy_worlds.json

Each world is simulated beyond the evaluated quarters, so that every deal's outcome is known. The pipeline and
the baselines are trained at each quarter's start on the log as of then and forecast at weeks 1, 4, 8 and 12
(the rolling origins of `sancho backtest`). The oracle replays the world from its true state at the same
moments. Worlds 1 to 99 are for development; evaluate on others (--first-seed).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from crm.eventlog import EventLog
from crm.instants import last_known_day
from crm.periods import parse_period
from models.statistics import Interval, clustered_means, share_of_gap_closed
from simulator import Oracle, World, WorldSettings, advance, crm_tables, oracle, simulate
from training import metrics
from training.backtest import Backtest, backtest
from training.backtest.deal_scores import (
    BY_PERIOD_END,
    EVER,
    QUESTIONS,
    SANCHO,
    DealRows,
)
from training.backtest.period_scores import ForecastScore, ScopeForecast, table_row
from training.config import TrainConfig

TOKYO = ZoneInfo("Asia/Tokyo")
YEARS_BEFORE = 1096  # days simulated up to the end of the last evaluated quarter
DAYS_AFTER = 270  # and after it, so that "ever" can be evaluated
ORACLE = "oracle"


def main() -> None:
    """Run and print."""
    options = _arguments()
    deals: dict[str, list[DealRows]] = {question: [] for question in QUESTIONS}
    lines: list[ScopeForecast] = []
    for number, seed in enumerate(range(options.first_seed, options.first_seed + options.seeds)):
        began = time.perf_counter()
        found, truths = one_world(seed, options)
        for question in QUESTIONS:
            deals[question] += with_truth(found, question, truths, number)
        lines += with_oracle_forecasts(found.forecasts, truths, number)
        for fold in found.folds:
            print(f"  seed {seed}: {fold.describe(found.log)}")
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    rng = np.random.default_rng(7)
    result = {
        "settings": {name: str(value) for name, value in vars(options).items()},
        "deals": {question: deal_part(DealRows.joined(deals[question]), rng) for question in QUESTIONS},
        "periods": {
            kind: period_part([one for one in lines if one.kind == kind], rng)
            for kind in ("company", "team", "person")
        },
    }
    for question in QUESTIONS:
        print_deals(question, result["deals"][question])
    for kind, part in result["periods"].items():
        print_periods(kind, part)
    if options.out:
        options.out.write_text(json.dumps(result, ensure_ascii=False, indent=1), "utf-8")
        print(f"\nwritten: {options.out}")


def one_world(seed: int, options: argparse.Namespace) -> tuple[Backtest, dict[int, Oracle]]:
    """The backtest of one world, and the truth as of each of its origins."""
    settings = WorldSettings(
        deals=round(options.deals * (YEARS_BEFORE + DAYS_AFTER) / YEARS_BEFORE),
        seed=seed,
        end=options.end + timedelta(days=DAYS_AFTER),
        days=YEARS_BEFORE + DAYS_AFTER,
    )
    world = simulate(settings)
    log = EventLog.of(crm_tables(world), TOKYO)
    config = replace(TrainConfig(), seed=seed, threads=options.threads)
    found = backtest(
        log,
        config,
        periods=options.periods,
        weeks=options.weeks,
        length="quarter",
        last_day=options.end,
        retrain=options.retrain,
        progress=_print_progress if options.verbose else None,
    )
    return found, truths_of(settings, found, options.replays)


def truths_of(settings: WorldSettings, found: Backtest, replays: int) -> dict[int, Oracle]:
    """The oracle as of each origin; the world is simulated once, and stops at each."""
    moments = sorted({int(at) for part in found.deals[BY_PERIOD_END] for at in np.unique(part.origin)})
    of_moment = {line.as_of: line.period for line in found.forecasts}
    world: World | None = None
    truths = {}
    for moment in moments:
        day = last_known_day(moment, TOKYO)
        if world is None:
            world = simulate(settings, until=day)
        advance(world, day)
        name = next(period for at, period in of_moment.items() if pd.Timestamp(at).value // 1000 == moment)
        period = parse_period(name)
        truths[moment] = oracle(settings, day, replays, [(period.first, period.last)], world=world)
    return truths


def with_truth(found: Backtest, question: str, truths: dict[int, Oracle], number: int) -> list[DealRows]:
    """The rows with the oracle as a further method; deals of different worlds have different numbers."""
    out = []
    for rows in found.deals[question]:
        truth = truths[int(rows.origin[0])]
        (_, last) = next(iter(truth.revenue))
        column = "win_probability" if question == EVER else f"win_by_{last}"
        known = truth.deals.set_index("deal_id")[column].reindex(found.deal_ids[rows.deal])
        if known.isna().any():
            raise SystemExit(
                f"{int(known.isna().sum())} open deals are unknown to the oracle at {truth.as_of}"
            )
        # The replays estimate a chance with an error: half a win is added on both sides.
        smooth = (known.to_numpy(float) * truth.replays + 0.5) / (truth.replays + 1.0)
        out.append(
            replace(
                rows,
                deal=rows.deal + number * 10_000_000,
                period=rows.period + number * 10_000_000,
                chance={**rows.chance, ORACLE: smooth},
            )
        )
    return out


def with_oracle_forecasts(
    lines: Sequence[ScopeForecast], truths: dict[int, Oracle], number: int
) -> list[ScopeForecast]:
    """The forecasts with the oracle's scores."""
    out = []
    for line in lines:
        truth = truths[int(pd.Timestamp(line.as_of).value // 1000)]
        draws = next(iter(truth.revenue.values()))
        kind, _, name = line.scope.partition(":")
        table = draws.teams if kind == "team" else draws.people
        of_scope = draws.company if kind == "company" else table[name].to_numpy(float)
        oracle_score = ForecastScore.of(np.asarray(of_scope, float), line.actual, line.target, 0.5)
        out.append(
            replace(
                line, cluster=line.cluster + number * 10_000_000, scores={**line.scores, ORACLE: oracle_score}
            )
        )
    return out


def deal_part(rows: DealRows, rng: np.random.Generator) -> dict[str, object]:
    """Scores over all worlds: overall, by week, by stage."""
    if not len(rows):
        return {"rows": 0}
    weeks, stages = np.unique(rows.week), np.unique(rows.stage.astype(str))
    return {
        **deal_figures(rows, rng),
        "by_week": {str(week): deal_figures(rows.where(rows.week == week), rng) for week in weeks},
        "by_stage": {
            stage: deal_figures(rows.where(rows.stage.astype(str) == stage), rng) for stage in stages
        },
        "largest_calibration_error_of_5000": calibration_of_parts(rows, rng),
    }


def deal_figures(rows: DealRows, rng: np.random.Generator) -> dict[str, object]:
    """Scores of each method, and the share closed of the distance from the stage-rate table to the truth."""
    truth = rows.chance[ORACLE]
    realised = {name: metrics.log_losses(chance, rows.outcome) for name, chance in rows.chance.items()}
    # The expected log loss under the true chances: it varies far less by chance.
    expected = {
        name: truth * metrics.log_losses(chance, np.ones(len(rows)))
        + (1.0 - truth) * metrics.log_losses(chance, np.zeros(len(rows)))
        for name, chance in rows.chance.items()
    }
    methods = {}
    for name, chance in rows.chance.items():
        intercept, slope = metrics.slope_intervals(chance, rows.outcome, rows.deal, rows.period)
        columns = [
            realised[name],
            expected[name],
            realised[SANCHO] - realised[name],
            expected[SANCHO] - expected[name],
        ]
        means = clustered_means(np.stack(columns, axis=1), np.ones(len(rows)), rows.deal, rows.period)
        methods[name] = {
            "log_loss": means[0].to_json(),
            "expected_log_loss": means[1].to_json(),
            "difference": means[2].to_json(),
            "expected_difference": means[3].to_json(),
            "brier": float(metrics.brier_scores(chance, rows.outcome).mean()),
            "auc": metrics.auc(chance, rows.outcome),
            "calibration_error": metrics.calibration_error(chance, rows.outcome),
            "slope": slope.to_json(),
            "intercept": intercept.to_json(),
        }
    table, ours, best = "stage_rates", SANCHO, ORACLE
    return {
        "rows": len(rows),
        "deals": len(np.unique(rows.deal)),
        "happened": float(rows.outcome.mean()),
        "methods": methods,
        "share_closed": share_of_gap_closed(
            realised[table], realised[ours], realised[best], rows.deal, rng
        ).to_json(),
        "share_closed_expected": share_of_gap_closed(
            expected[table], expected[ours], expected[best], rows.deal, rng
        ).to_json(),
    }


def calibration_of_parts(rows: DealRows, rng: np.random.Generator, size: int = 5000) -> float | None:
    """The largest calibration error among random parts of 5,000 rows (None with fewer rows)."""
    if len(rows) < size:
        return None
    order = rng.permutation(len(rows))
    parts = [order[first : first + size] for first in range(0, len(rows) - size + 1, size)]
    return max(metrics.calibration_error(rows.chance[SANCHO][part], rows.outcome[part]) for part in parts)


def period_part(lines: list[ScopeForecast], rng: np.random.Generator) -> dict[str, object]:
    """Scores of one kind of scope: overall and by week, with the share of the distance to the oracle closed.

    `pit`: how many actuals are in each tenth of the forecast distribution; uniform if calibrated.
    """
    if not lines:
        return {"rows": 0}
    weeks = sorted({line.week for line in lines})
    return {
        **period_figures(lines, rng),
        "pit": {
            name: np.histogram([line.scores[name].pit for line in lines], 10, (0.0, 1.0))[0].tolist()
            for name in (SANCHO, ORACLE)
        },
        "by_week": {
            str(week): period_figures([one for one in lines if one.week == week], rng) for week in weeks
        },
    }


def period_figures(lines: list[ScopeForecast], rng: np.random.Generator) -> dict[str, object]:
    """Scores of all methods; shares closed in CRPS and in the Brier score of reaching the target."""
    cluster = np.array([line.cluster for line in lines], np.int64)
    crps = {
        name: np.array([line.scores[name].crps for line in lines])
        for name in ("stage_weighted", SANCHO, ORACLE)
    }
    aimed = [line for line in lines if line.target is not None]
    brier = {
        name: np.array(
            [
                (float(line.scores[name].target_probability or 0.0) - (line.actual >= (line.target or 0.0)))
                ** 2
                for line in aimed
            ]
        )
        for name in ("stage_weighted", SANCHO, ORACLE)
    }
    aimed_cluster = np.array([line.cluster for line in aimed], np.int64)
    return {
        **table_row(lines, rng),
        "share_closed_crps": share_of_gap_closed(
            crps["stage_weighted"], crps[SANCHO], crps[ORACLE], cluster, rng
        ).to_json(),
        "share_closed_brier": share_of_gap_closed(
            brier["stage_weighted"], brier[SANCHO], brier[ORACLE], aimed_cluster, rng
        ).to_json(),
    }


def print_deals(question: str, part: dict) -> None:
    """The deal-level table."""
    what = "won by the period's end" if question == BY_PERIOD_END else "won ever"
    print(f"\n== {what}: {part['rows']:,} rows")
    if not part["rows"]:
        return
    print(
        f"   {part['deals']:,} deals, {part['happened']:.1%} won; differences: Sancho - method [95%, by deal]"
    )
    print(
        f"   {'method':16s} {'log loss':>8s} {'difference':>26s} {'expected':>8s} {'brier':>7s} {'auc':>6s} "
        f"{'cal.err':>7s}  slope"
    )
    for name, one in part["methods"].items():
        print(
            f"   {name:16s} {one['log_loss']['mean']:8.4f} {with_interval(one['difference']):>26s} "
            f"{one['expected_log_loss']['mean']:8.4f} {one['brier']:7.4f} {one['auc']:6.3f} "
            f"{one['calibration_error']:7.4f}  {with_interval(one['slope'], '.2f')}"
        )
    print(f"   closed from stage-rate table to truth: {with_interval(part['share_closed'], '.2f')} (goal .5)")
    print(f"   the same in expectation over the truth: {with_interval(part['share_closed_expected'], '.2f')}")
    largest = part["largest_calibration_error_of_5000"]
    error = "too few rows" if largest is None else f"{largest:.4f}"
    print(f"   largest calibration error of 5,000 rows: {error} (to reach: 0.02)")
    for group in ("by_week", "by_stage"):
        for name, one in part[group].items():
            ours = one["methods"][SANCHO]
            print(
                f"   {group[3:]} {name}: {one['rows']:,} rows, log loss {ours['log_loss']['mean']:.4f}, "
                f"closed {with_interval(one['share_closed'], '.2f')}, "
                f"cal.err {ours['calibration_error']:.4f}, slope {with_interval(ours['slope'], '.2f')}"
            )


def print_periods(kind: str, part: dict) -> None:
    """The period-level table."""
    print(f"\n== revenue of {kind}: {part['rows']} forecasts")
    if not part["rows"]:
        return
    rows = {"all": part, **part["by_week"]}
    for week, one in rows.items():
        print(
            f"   week {week}: {one['rows']} forecasts of {one['periods']} periods, "
            f"{one['rows_with_target']} with a target"
        )
        for name, method in one["methods"].items():
            coverage = " / ".join(f"{100 * level['mean']:.0f}" for level in method["coverage"].values())
            brier = method["brier"]["mean"]
            print(
                f"      {name:15s} CRPS {method['crps']['mean'] / one['mean_actual']:.4f} of actual, bias "
                f"{method['error']['mean'] / one['mean_actual']:+.3f}, covers {coverage}%, target Brier "
                f"{'-' if brier is None else f'{brier:.4f}'}"
            )
        briers = {name: method["brier"]["mean"] for name, method in one["methods"].items()}
        skill = ", ".join(
            f"{name} {1.0 - briers[SANCHO] / brier:+.2f}"
            for name, brier in briers.items()
            if brier and briers[SANCHO] is not None and name != SANCHO
        )
        print(f"      Brier skill of reaching the target against: {skill}")
        print(
            "      closed from stage-weighted to oracle: "
            f"CRPS {with_interval(one['share_closed_crps'], '.2f')}, Brier "
            f"{with_interval(one['share_closed_brier'], '.2f')}  (to reach: 0.75)"
        )
    for name, counts in part["pit"].items():
        shares = " ".join(f"{100 * count / part['rows']:.0f}" for count in counts)
        print(f"   actuals in each tenth of the forecast of {name}, in %: {shares}")


def with_interval(value: dict, form: str = "+.4f") -> str:
    """A number with its interval."""
    if value["mean"] is None:
        return "-"
    found = Interval(*(np.nan if value[name] is None else value[name] for name in ("mean", "lo", "hi")))
    return f"{found.mean:{form}} [{found.lo:{form}}, {found.hi:{form}}]"


def _print_progress(text: object, share: float) -> None:
    print(f"    {share:4.0%} {getattr(text, 'en', text)}", file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5, help="how many worlds")
    parser.add_argument("--first-seed", type=int, default=101, help="the first world's seed")
    parser.add_argument("--deals", type=int, default=10_000, help="about how many deals in three years")
    parser.add_argument("--periods", type=int, default=4, help="how many quarters are evaluated")
    parser.add_argument("--weeks", type=int, nargs="+", default=[1, 4, 8, 12])
    parser.add_argument("--replays", type=int, default=400, help="of the oracle")
    parser.add_argument("--retrain", choices=("period", "origin"), default="period")
    parser.add_argument(
        "--end", type=date.fromisoformat, default=date(2025, 9, 30), help="last evaluated day"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--verbose", action="store_true", help="progress on standard error")
    parser.add_argument("--out", type=Path, help="write all figures as JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
