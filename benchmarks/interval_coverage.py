"""Do the intervals that an answer shows hold the truth as often as they say? Simulated worlds and loans.

    python benchmarks/interval_coverage.py ../coverage --first-seed 301 --worlds 6
    python benchmarks/interval_coverage.py ../coverage show

Each world is simulated until its deals have ended. The product is trained at a quarter's start on what was
known then, and asked after 1, 4, 8 and 12 weeks. Of every open deal: the intervals of its chance to be won
in the end and by the quarter's end, against the true chance (replays of the world); the amount and the day
if won, against those of the deals that were won. Of every scope: the quarter's revenue, against the replays
and what came, and the interval of the probability of its target, against the world's own probability. One
file per world is kept in the folder and not computed again. Worlds with a seed below `--judged-from` are for
development; judge on others (--first-seed).

Plain intervals stand beside those that are shown, their widths set on the development worlds so that they
hold there (`show` needs those in the folder too): of constant width in log-odds around the shown chance,
around the stage table's and around the shown probability of the target; of constant relative width around
the forecast, and around what is won plus the stage-weighted pipeline. `before` is the interval of a chance
from the standard error alone. By outcomes, where
the truth is unknown: every training does that (`training.coverage`, the model card), also on loans:

    python benchmarks/interval_coverage.py ../coverage --loans
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from coverage_periods import BANDS, QUANTILES, WEEKS, covered, scope_rows, show_scopes
from real_logs import imported
from scipy.special import expit, logit, ndtri

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, as_of_instant, last_known_day
from crm.periods import period_holding
from features.arrays import Floats
from features.calendar import Calendar
from models.bundle import Bundle
from models.forecast.amount_interval import amount_intervals
from models.logistic import bounded_logit
from models.scoring import close_days
from models.win.chance_interval import LEVELS, chance_intervals
from models.win.model import table_only
from simulator import Oracle, WorldSettings, advance, crm_tables, oracle, simulate
from training.backtest.origins import origins
from training.backtest.period_snapshots import SnapshotCache
from training.backtest.predict import OriginForecast, forecast_at
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train, train_on

TOKYO = ZoneInfo("Asia/Tokyo")
YEARS_BEFORE, DAYS_AFTER = 1096, 400  # days simulated up to the quarter's end, and after it
QUESTIONS = ("ever", "by_end")
END = date(2025, 9, 30)


def main() -> None:
    """Compute what is missing, and print the tables of what is there."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.loans:
        loans()
    elif options.show != "show":
        for seed in range(options.first_seed, options.first_seed + options.worlds):
            name = options.folder / f"{options.deals}-{seed}-{options.moods:g}"
            if not name.with_suffix(".npz").exists():
                one_world(seed, name, options)
    if not options.loans:
        show(options.folder, options.judged_from)


def one_world(seed: int, name: Path, options: argparse.Namespace) -> None:
    """Everything that is said at four weeks of a quarter of one world, with the truth, as a file."""
    began = time.perf_counter()
    days = YEARS_BEFORE + DAYS_AFTER
    settings = WorldSettings(
        deals=round(options.deals * days / YEARS_BEFORE),
        seed=seed,
        end=END + timedelta(days=DAYS_AFTER),
        days=days,
        moods=options.moods,
    )
    log = EventLog.of(crm_tables(simulate(settings)), TOKYO)
    config = replace(TrainConfig(), threads=options.threads, seed=seed)
    period = period_holding(END)
    cache = SnapshotCache(log, Calendar.of_organisation(log.organisation))
    data = TrainingData.of(cache.as_of(period.start(TOKYO)), period.start(TOKYO), config)
    bundle, _ = train_on(data, config)
    bundle = with_common_factors(bundle, data, config)
    ended = log["deals"].set_index("deal_id")
    world, parts = None, []
    for origin in origins(period, WEEKS, TOKYO):
        day = last_known_day(origin.as_of, TOKYO)
        if world is None:
            world = simulate(settings, until=day)
        advance(world, day)
        truth = oracle(settings, day, options.replays, [(period.first, period.last)], world=world)
        snapshot = cache.snapshot(origin)
        forecast = forecast_at(
            bundle, cache.as_of(origin.as_of), origin, snapshot.organisation, snapshot.closed_by_person
        )
        parts.append(deal_rows(bundle, forecast, truth, ended))
        said = scope_rows(snapshot, forecast, truth, cache.actuals(period), period)
        parts[-1] |= {f"scope_{name}": values for name, values in said.items()}
    columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    np.savez(name.with_suffix(".npz"), **columns, replays=np.array(options.replays))
    print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)


def deal_rows(bundle: Bundle, forecast: OriginForecast, truth: Oracle, ended: pd.DataFrame) -> dict:
    """What is said of each open deal, and what is true of it."""
    origin, ids, x = forecast.origin, forecast.deal_ids, forecast.scored.x
    count = len(ids)
    moments = np.full(count, origin.as_of, np.int64)
    known = truth.deals.set_index("deal_id").loc[ids]
    deals = ended.loc[ids]
    won = (deals["outcome"] == "won").to_numpy()
    closed = micros(deals["closed_at"])
    zone = bundle.calendar.zone
    left = (origin.period.end(zone) - origin.as_of) / DAY
    out = {
        "deal": ids.astype(str),
        "week": np.full(count, origin.week),
        "stage": forecast.stage.astype(str),
        "won": won,
        "alive": deals["outcome"].isna().to_numpy(),
        "won_by_end": won & (closed < origin.period.end(zone)),
        "days": (closed - origin.as_of) / DAY,
        "left": np.full(count, left),
        "amount": deals["amount"].to_numpy(float),
        "revenue": np.quantile(forecast.scored.pipeline.amounts, QUANTILES, axis=1).T,
        "amounts": np.stack(
            [np.stack(ends, axis=1) for ends in amount_intervals(forecast.scored.pipeline.amounts)], axis=1
        ),
        "close": close_days(bundle.win, x, moments, QUANTILES),
    }
    (_, last) = next(iter(truth.revenue))
    for question, horizon, column in (
        ("ever", np.inf, "win_probability"),
        ("by_end", left, f"win_by_{last}"),
    ):
        asked = np.full(count, horizon)
        why = bundle.win.contributions(x, moments, asked)
        out |= {
            f"{question}_log_odds": why.log_odds,
            f"{question}_sd": why.sd,
            f"{question}_table": table_only(bundle.win).won_by(x, moments, asked),
            f"{question}_truth": known[column].to_numpy(float),
        }
    return out


def loans() -> None:
    """Coverage by outcomes of the loans, as a training measures it."""
    log = imported("loan_applications")
    _, report = train(log, as_of_instant("2012-02-01", log.zone), TrainConfig())
    print(report.coverage)


def show(folder: Path, judged_from: int) -> None:
    """Coverage and width of every interval, with 95 % intervals that resample whole worlds."""
    files = sorted(folder.glob("*.npz"))
    cases = {tuple(file.stem.split("-")): dict(np.load(file, allow_pickle=False)) for file in files}
    older = [name for name, case in cases.items() if "scope_held" not in case]
    if older:
        print(
            f"left out, made by an earlier form of this study: {', '.join('-'.join(name) for name in older)}"
        )
    cases = {name: case for name, case in cases.items() if name not in older}
    for size in sorted({name[0] for name in cases}, key=int):
        of_size = {int(name[1]): case for name, case in cases.items() if name[0] == size}
        development = [case for seed, case in of_size.items() if seed < judged_from]
        for label, some in (
            ("development", development),
            ("judged", [case for seed, case in of_size.items() if seed >= judged_from]),
        ):
            if some:
                print(f"\n== {label}: {len(some)} worlds of about {size} deals")
                show_chances(some, development)
                show_if_won(some)
                show_scopes(some, development)


def show_chances(cases: list[dict], development: list[dict]) -> None:
    """A chance's intervals against the true chance; half a win of the replays is added on both sides."""
    for question in QUESTIONS:
        print(f"   {question}: {sum(len(case['deal']) for case in cases):,} chances; covered, mean width")
        for name, interval in methods(question, development).items():
            print(f"      {name:34s} {_line(cases, lambda case, one=interval: one(case), question)}")
        shown = methods(question, [])["shown"]
        for group in ("stage", "week"):
            for value in np.unique(np.concatenate([case[group] for case in cases])):
                parts = [_where(case, case[group] == value) for case in cases]
                print(f"      {group} {value!s:28s} {_line(parts, shown, question)}")
        for low, high in ((0.0, 0.03), (0.03, 0.1), (0.1, 0.3), (0.3, 1.0)):
            parts = [_where(case, _between(expit(case[f"{question}_log_odds"]), low, high)) for case in cases]
            if sum(len(part["deal"]) for part in parts):
                print(f"      chance {low:.2f} to {high:.2f} {'':15s} {_line(parts, shown, question)}")


def methods(question: str, development: list[dict]) -> dict[str, Callable[[dict], list]]:
    """Each way to an interval: from a case its ends at each level."""

    def shown(case: dict) -> list:
        return chance_intervals(expit(case[f"{question}_log_odds"]), case[f"{question}_sd"], LEVELS)

    def before(case: dict) -> list:
        reach = [ndtri(0.5 + level / 2.0) * case[f"{question}_sd"] for level in LEVELS]
        return [_around(case[f"{question}_log_odds"], one, one) for one in reach]

    out = {"shown": shown, "before (standard error alone)": before}
    if development:
        for name, centre in (("shown chance", _shown_log_odds), ("stage table", _table_log_odds)):
            gap = np.concatenate(
                [logit(_truth(case, question)) - centre(case, question) for case in development]
            )
            reach = [np.quantile(gap, [0.5 - level / 2.0, 0.5 + level / 2.0]) for level in LEVELS]

            def constant(case: dict, centre=centre, reach=reach) -> list:
                return [_around(centre(case, question), -lo, hi) for lo, hi in reach]

            out[f"constant around the {name}"] = constant
    return out


def _shown_log_odds(case: dict, question: str) -> Floats:
    return case[f"{question}_log_odds"]


def _table_log_odds(case: dict, question: str) -> Floats:
    """Those of the stage table; a file of an earlier run of this study holds all base models' log-odds."""
    if f"{question}_logits" in case:
        return case[f"{question}_logits"][:, 0]
    return bounded_logit(case[f"{question}_table"])


def _around(log_odds: Floats, below: Floats, above: Floats) -> tuple[Floats, Floats]:
    return expit(log_odds - below), expit(log_odds + above)


def _truth(case: dict, question: str) -> Floats:
    replays = float(case.get("replays", 500))
    return (case[f"{question}_truth"] * replays + 0.5) / (replays + 1.0)


def _where(case: dict, rows: np.ndarray) -> dict:
    """A case with some of its chances only."""
    count = len(case["deal"])
    return {key: value[rows] if value.shape[:1] == (count,) else value for key, value in case.items()}


def _between(values: Floats, low: float, high: float) -> np.ndarray:
    return (values >= low) & (values < high)


def _line(cases: list[dict], interval: Callable[[dict], list], question: str) -> str:
    """Coverage at each level with its interval over worlds, and mean width."""
    ends = [interval(case) for case in cases]
    truth = [_truth(case, question) for case in cases]
    parts = []
    for at, level in enumerate(LEVELS):
        held = [(ends[k][at][0] <= truth[k]) & (truth[k] <= ends[k][at][1]) for k in range(len(cases))]
        width = np.concatenate([one[at][1] - one[at][0] for one in ends])
        parts.append(f"{100 * level:.0f}: {covered(held)} w {100 * width.mean():.0f}")
    return " | ".join(parts) + f" | n {sum(len(one) for one in truth)}"


def show_if_won(cases: list[dict]) -> None:
    """Amount and day of winning, of the deals that were won; the width of an amount is in percent of it."""

    def quantiles(name: str) -> Callable[[dict], list]:
        return lambda case: [(case[name][:, low], case[name][:, high]) for low, high, _ in BANDS]

    def shortest(case: dict) -> list:
        return [(ends[:, 0], ends[:, 1]) for ends in np.moveaxis(case["amounts"], 1, 0)]

    for label, interval, came in (
        ("amount if won", shortest, "amount"),
        ("amount if won, central quantiles", quantiles("revenue"), "amount"),
        ("day if won", quantiles("close"), "days"),
    ):
        parts = []
        for number, level in enumerate(LEVELS):
            held, width = [], []
            for case in cases:
                won = case["won"]
                true, (lo, hi) = case[came][won], (ends[won] for ends in interval(case)[number])
                slack = 0.02 + 1e-9 * np.abs(true)  # amounts are rounded to a step
                held.append((lo - slack <= true) & (true <= hi + slack))
                width.append((hi - lo) / true if came == "amount" else hi - lo)
            scale = 100 if came == "amount" else 1
            parts.append(f"{100 * level:.0f}: {covered(held)} w {scale * np.concatenate(width).mean():.0f}")
        print(f"   {label}: {' | '.join(parts)} | n {sum(int(case['won'].sum()) for case in cases)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where each case's file is kept")
    parser.add_argument("show", nargs="?", choices=("show",), help="only print what is there")
    parser.add_argument("--loans", action="store_true", help="by outcomes of the loans instead of worlds")
    parser.add_argument("--judged-from", type=int, default=100, help="seeds below it are for development")
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--deals", type=int, default=2000, help="in three years")
    parser.add_argument("--moods", type=float, default=1.0, help="how strongly moods move, as a factor")
    parser.add_argument("--replays", type=int, default=1000, help="of the world, for the true chances")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
