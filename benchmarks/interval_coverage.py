"""Do the intervals that an answer shows hold the truth as often as they say? Simulated worlds and loans.

    python benchmarks/interval_coverage.py ../coverage --first-seed 301 --worlds 6
    python benchmarks/interval_coverage.py ../coverage show

Each world is simulated until its deals have ended. The product is trained at a quarter's start on what was
known then, and asked after 1, 4, 8 and 12 weeks. Of every open deal: the intervals of its chance to be won
in the end and by the quarter's end, against the true chance (replays of the world); the amount and the day
if won, against those of the deals that were won. Of every scope: the quarter's revenue, against what came,
and the probability of reaching the target, against the world's own. One file per world is kept in the
folder and not computed again. Worlds 1 to 99 are for development; judge on others (--first-seed).

Two plain intervals stand beside that of the chance: of constant width in log-odds around the shown chance
and around the stage table's, their widths set on the development worlds so that they hold there (`show`
needs those in the folder too). `before` is the interval from the standard error alone. By outcomes, where
the truth is unknown: every training does that (`training.coverage`, the model card), also on loans:

    python benchmarks/interval_coverage.py ../coverage --loans
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from real_logs import imported
from scipy.special import expit, logit, ndtri

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, as_of_instant, last_known_day
from crm.periods import Period, period_holding
from features.arrays import Floats
from features.calendar import Calendar
from models.bundle import Bundle
from models.forecast.attainment import probability_of
from models.logistic import bounded_logit
from models.scoring import close_days
from models.statistics import means_of
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
WEEKS = (1, 4, 8, 12)
YEARS_BEFORE, DAYS_AFTER = 1096, 400  # days simulated up to the quarter's end, and after it
QUESTIONS = ("ever", "by_end")
QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
BANDS = ((2, 4, 50), (1, 5, 80), (0, 6, 95))  # positions in QUANTILES, level in percent
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
        show(options.folder)


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
        lines = [
            (origin, scope, float(snapshot.target[position]), forecast, truth)
            for position, scope in enumerate(snapshot.scopes)
        ]
        parts[-1] |= {f"scope_{key}": value for key, value in scope_rows(lines, cache, period).items()}
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


def scope_rows(lines: Sequence[tuple], cache: SnapshotCache, period: Period) -> dict:
    """What is said of each scope's quarter, what came, and the world's own probability of the target."""
    actual = cache.actuals(period)
    rows = []
    for origin, scope, target, forecast, truth in lines:
        if scope not in actual:
            continue
        kind, _, who = scope.partition(":")
        draws = next(iter(truth.revenue.values()))
        table = draws.teams if kind == "team" else draws.people
        true = np.asarray(draws.company if kind == "company" else table[who], float)
        people = forecast.simulation.organisation.members(scope)
        aim = None if np.isnan(target) else target
        said = probability_of(forecast.simulation, people, aim)
        total = forecast.simulation.total(people)
        quantiles = np.quantile(total, QUANTILES).tolist()
        rows.append(
            [
                kind,
                origin.week,
                scope,
                actual[scope],
                target,
                np.nan if said is None else said,
                np.nan if aim is None else float((true >= aim).mean()),
                float(total.mean()),
                float(total.std()),
                float(true.mean()),
                float(true.std()),
                *quantiles,
            ]
        )
    names = (
        "kind",
        "week",
        "scope",
        "actual",
        "target",
        "said",
        "truth",
        "mean",
        "sd",
        "true_mean",
        "true_sd",
    )
    table = list(zip(*rows, strict=True))
    out = {name: np.array(table[at]) for at, name in enumerate(names)}
    out["quantiles"] = np.array(table[len(names) :], float).T
    return out


def loans() -> None:
    """Coverage by outcomes of the loans, as a training measures it."""
    log = imported("loan_applications")
    _, report = train(log, as_of_instant("2012-02-01", log.zone), TrainConfig())
    print(report.coverage)


def show(folder: Path) -> None:
    """Coverage and width of every interval, with 95 % intervals that resample whole worlds."""
    files = sorted(folder.glob("*.npz"))
    cases = {tuple(file.stem.split("-")): dict(np.load(file, allow_pickle=False)) for file in files}
    development = [case for name, case in cases.items() if int(name[1]) < 100]
    for size in sorted({name[0] for name in cases}, key=int):
        judged = [case for name, case in cases.items() if name[0] == size and int(name[1]) >= 100]
        for label, some in (
            ("development", [case for name, case in cases.items() if name[0] == size and int(name[1]) < 100]),
            ("judged", judged),
        ):
            if some:
                print(f"\n== {label}: {len(some)} worlds of about {size} deals")
                show_chances(some, development)
                show_if_won(some)
                show_scopes(some)


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
        parts.append(f"{100 * level:.0f}: {_covered(held)} w {100 * width.mean():.0f}")
    return " | ".join(parts) + f" | n {sum(len(one) for one in truth)}"


def _covered(held: list[np.ndarray]) -> str:
    """The share held in percent, with a 95 % interval that draws worlds."""
    world = np.repeat(np.arange(len(held)), [len(one) for one in held]).astype(np.int64)
    values = np.concatenate(held).astype(float)[:, None]
    found = means_of(values, np.ones(len(values)), world, np.random.default_rng(7))[0]
    return f"{100 * found.mean:.0f} [{100 * found.lo:.0f}, {100 * found.hi:.0f}]"


def show_if_won(cases: list[dict]) -> None:
    """Amount and day of winning, of the deals that were won."""
    for label, said, came in (("amount if won", "revenue", "amount"), ("day if won", "close", "days")):
        parts = []
        for low, high, level in BANDS:
            held = []
            for case in cases:
                won = case["won"]
                slack = 1e-9 * np.abs(case[came][won])
                held.append(
                    (case[said][won, low] - slack <= case[came][won])
                    & (case[came][won] <= case[said][won, high] + slack)
                )
            parts.append(f"{level}: {_covered(held)}")
        print(f"   {label}: {' | '.join(parts)} | n {sum(int(case['won'].sum()) for case in cases)}")


def show_scopes(cases: list[dict]) -> None:
    """The quarter's revenue against what came, and how far the said probability is from the true one."""
    for kind in ("company", "team", "person"):
        for week in WEEKS:
            rows = [(case["scope_kind"] == kind) & (case["scope_week"] == week) for case in cases]
            parts = []
            for low, high, level in BANDS:
                held = []
                for case, use in zip(cases, rows, strict=True):
                    actual, quantiles = case["scope_actual"][use], case["scope_quantiles"][use]
                    slack = 1e-6 * np.maximum(actual, 1.0)
                    held.append(
                        (quantiles[:, low] - slack <= actual) & (actual <= quantiles[:, high] + slack)
                    )
                parts.append(f"{level}: {_covered(held)}")
            said = np.concatenate([case["scope_said"][use] for case, use in zip(cases, rows, strict=True)])
            true = np.concatenate([case["scope_truth"][use] for case, use in zip(cases, rows, strict=True)])
            aimed = ~np.isnan(said)
            off = np.sqrt(np.mean((said - true)[aimed] ** 2)) if aimed.any() else np.nan
            print(
                f"   revenue of {kind}, week {week}: {' | '.join(parts)} | n {len(said)}; attainment off by "
                f"{100 * off:.0f} points (root mean square), n {int(aimed.sum())}"
            )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where each case's file is kept")
    parser.add_argument("show", nargs="?", choices=("show",), help="only print what is there")
    parser.add_argument("--loans", action="store_true", help="by outcomes of the loans instead of worlds")
    parser.add_argument("--worlds", type=int, default=2)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--deals", type=int, default=2000, help="in three years")
    parser.add_argument("--moods", type=float, default=1.0, help="how strongly moods move, as a factor")
    parser.add_argument("--replays", type=int, default=1000, help="of the world, for the true chances")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
