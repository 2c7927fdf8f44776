"""Does the leak screen find columns that know the ending, and leave honest ones alone?

    python benchmarks/leakage.py FOLDER --worlds 10 --first-seed 101 [--losses]

Into each simulated world columns are planted that tell that a deal has ended, when, or how long it lived, and
honest ones (`leakage_columns`). The screen is asked; --losses trains with everything the screen leaves, and
without the planted columns, and compares both on the deals open at the cut-off, whose outcomes the world then
brings. FOLDER keeps one result file per world, and a world that has its file is not run again. Worlds 1 to 99
are for development.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from leakage_columns import (
    TOKYO,
    WORLDS_OWN,
    Past,
    added,
    honest,
    honest_accounts,
    last_contacts,
    leaking,
    leaking_accounts,
    overwritten_activities,
)

from crm.eventlog import EventLog
from crm.frames import micros
from crm.instants import DAY, NEVER, end_of_day
from features import build_features, open_at
from models.statistics import means_of
from models.win.model import WinModel
from simulator import WorldSettings, advance, crm_tables, simulate
from training import metrics
from training.config import TrainConfig
from training.data import TrainingData
from training.leakage import screening
from training.leakage.columns import is_asked
from training.stages import stage_names
from training.validation import Fitter, validate

END = date(2025, 12, 31)
BEFORE_DAYS, AFTER_DAYS = 820, 300
HORIZON_DAYS = 91.0
NOT_HONEST = ("activities.effective",)
"""The world's own column that the study overwrites."""
HISTORY_COLUMN = "最終接触日"


def main() -> None:
    """Run what is missing, and print the table of what is there."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.worlds):
        file = options.folder / f"world_{seed}.json"
        if file.exists() and not (options.losses and "losses" not in json.loads(file.read_text("utf-8"))):
            continue
        began = time.perf_counter()
        result = of_world(seed, options)
        file.write_text(json.dumps(result, ensure_ascii=False, indent=1), "utf-8")
        print(f"seed {seed}: {time.perf_counter() - began:.0f} s", flush=True)
    show([json.loads(file.read_text("utf-8")) for file in sorted(options.folder.glob("world_*.json"))])


def of_world(seed: int, options: argparse.Namespace) -> dict[str, object]:
    """What the screen says in one world, and the log losses where they are asked for."""
    past = world(seed, options.deals)
    log, planted = with_columns(past)
    began = time.perf_counter()
    known = log.as_of(past.cut)
    found = {leak.attribute: leak for leak in screening(known, past.cut).leaks}
    seconds = time.perf_counter() - began
    kinds = {**planted, **WORLDS_OWN}
    result: dict[str, object] = {
        "seed": seed,
        "deals": len(past.created),
        "open": int((~past.ended).sum()),
        "seconds": round(seconds, 2),
        "planted": {
            name: {"kind": kind, "reason": found[name].reason if name in found else None}
            for name, kind in kinds.items()
        },
        "honest": {
            name: found[name].reason if name in found else None for name in honest_names(known, kinds)
        },
        "texts": {name: leak.text.en for name, leak in found.items()},
    }
    if options.losses:
        names = [name if "." in name else f"deals.{name}" for name in planted]
        result["losses"] = losses_of(past, log, names, options)
    return result


def world(seed: int, deals: int) -> Past:
    """A world's log at a cut-off, and what became of its deals."""
    settings = WorldSettings(deals, seed, END, BEFORE_DAYS + AFTER_DAYS, bottlenecks=seed % 3)
    last_day = END - timedelta(days=AFTER_DAYS)
    simulated = simulate(settings, until=last_day)
    log = EventLog.of(crm_tables(simulated), TOKYO)
    advance(simulated, END)
    later = EventLog.of(crm_tables(simulated), TOKYO)["deals"].set_index("deal_id")
    later = later.loc[log["deals"]["deal_id"]]
    closed = micros(later["closed_at"])
    end = end_of_day(END, TOKYO)
    days = (np.where(closed == NEVER, end, closed) - micros(log["deals"]["created_at"])) / DAY
    won = (later["outcome"] == "won").to_numpy(bool)
    return Past(log, end_of_day(last_day, TOKYO), won, days, np.random.default_rng((seed, 5)))


def with_columns(past: Past) -> tuple[EventLog, dict[str, str]]:
    """The log with planted and honest columns, and the planted ones by name with their kind."""
    bad, bad_accounts = leaking(past), leaking_accounts(past)
    log = past.log.with_attribute(HISTORY_COLUMN, last_contacts(past))
    log = added(added(log, "deals", honest(past)), "accounts", honest_accounts(past))
    for table, columns_of in (("deals", bad), ("accounts", bad_accounts)):
        for columns in columns_of.values():
            log = added(log, table, columns)
    log = EventLog({**log.tables, "activities": overwritten_activities(past)}, log.zone)
    kinds = {name: kind for kind, columns in bad.items() for name in columns}
    kinds |= {f"accounts.{name}": kind for kind, columns in bad_accounts.items() for name in columns}
    return log, kinds | {"activities.effective": "an activity's flag"}


def honest_names(log: EventLog, kinds: dict[str, str]) -> list[str]:
    """All columns that the screen asks about and that know nothing of the ending."""
    names = []
    for table in ("deals", "accounts", "people", "leads", "activities"):
        for column in log[table].columns:
            name = column if table == "deals" else f"{table}.{column}"
            if is_asked(table, column) and name not in kinds:
                names.append(name)
    return names


def losses_of(
    past: Past, log: EventLog, planted: list[str], options: argparse.Namespace
) -> dict[str, object]:
    """Log losses on the deals open at the cut-off: screened, without the planted columns, unscreened."""
    config = TrainConfig(seed=1, threads=options.threads, trees=options.trees)
    everything = (*planted, *(f"deals.{name}" for name in WORLDS_OWN))
    runs = {"screened": config, "without": replace(config, exclude=everything)}
    if options.unscreened:
        runs["unscreened"] = replace(config, include=everything)
    data = TrainingData.of(log, past.cut, config)
    deal = open_at(data.history, past.cut)
    at = np.full(len(deal), past.cut)
    x = build_features(data.history, deal, at)
    ends = past.created[deal] + past.days[deal] * DAY
    soon = past.won[deal] & (ends < past.cut + HORIZON_DAYS * DAY)
    questions = {"ever": (past.won[deal], np.inf), "soon": (soon, HORIZON_DAYS)}
    happened = {name: float(won.mean()) for name, (won, _) in questions.items()}
    out: dict[str, object] = {"rows": len(deal), "happened": happened}
    models: dict[tuple[str, ...], WinModel] = {}
    for run, settings in runs.items():
        fitter = Fitter.of(data, settings)
        used = fitter.choice.chosen.layout.names
        # The same features give the same model, number for number: it is fitted once.
        if used not in models:
            models[used] = fitted(data, fitter)
        model = models[used]
        losses = {
            question: metrics.log_losses(
                model.won_by(x, at, np.full(len(deal), days)), won.astype(float)
            ).tolist()
            for question, (won, days) in questions.items()
        }
        out[run] = {"features": list(used), **losses}
    return out


def fitted(data: TrainingData, fitter: Fitter) -> WinModel:
    """The win model as `training.fit` makes it."""
    validation = validate(fitter, data.as_of, len(data.snapshots.outcomes), stage_names(data.history))
    return fitter.fit(fitter.rows, fitter.choice.chosen, 3, validation.stacks)


def show(results: list[dict[str, Any]]) -> None:
    """Prints what was caught by kind, false alarms by column, and the differences in log loss."""
    if not results:
        return
    deals, still = (sum(one[name] for one in results) for name in ("deals", "open"))
    seconds = np.mean([one["seconds"] for one in results])
    print(f"\n{len(results)} worlds, {deals} deals, {still} open; screen {seconds:.1f} s a world")
    kinds: dict[str, list[tuple[int, str, str | None]]] = {}
    for one in results:
        for name, found in one["planted"].items():
            kinds.setdefault(found["kind"], []).append((one["seed"], name, found["reason"]))
    for kind, found in kinds.items():
        missed = [f"{name} in {seed}" for seed, name, reason in found if reason is None]
        reasons = sorted({reason for _, _, reason in found if reason})
        hits = f"{len(found) - len(missed):4d} of {len(found):4d}"
        print(f"  {kind:26s} {hits} ({', '.join(reasons)}) {'; '.join(missed)}")
    flat = [reason for found in kinds.values() for _, _, reason in found]
    caught = sum(reason is not None for reason in flat)
    print(f"caught: {caught} of {len(flat)} = {caught / len(flat):.1%} (to reach 95 %)")
    alarms = [(one["seed"], name, reason) for one in results for name, reason in one["honest"].items()]
    false = [alarm for alarm in alarms if alarm[2] is not None]
    share = len(false) / len(alarms)
    print(f"false alarms: {len(false)} of {len(alarms)} honest columns = {share:.1%} (at most 2 %)")
    for seed, name, reason in false:
        print(f"  {name} in {seed}: {reason}")
    _show_losses([one for one in results if "losses" in one])


def _show_losses(results: list[dict[str, Any]]) -> None:
    if not results:
        return
    rng = np.random.default_rng(7)
    world = np.concatenate([np.full(one["losses"]["rows"], number) for number, one in enumerate(results)])
    print(f"\nlog loss on {len(world)} deals open at the cut-off of {len(results)} worlds [95 % over deals]")
    for question in ("ever", "soon"):
        losses = {
            run: [np.array(one["losses"][run][question]) for one in results if run in one["losses"]]
            for run in ("screened", "without", "unscreened")
        }
        gaps = [one - other for one, other in zip(losses["screened"], losses["without"], strict=True)]
        columns = [np.concatenate(part) for part in (losses["without"], losses["screened"], gaps)]
        means = means_of(np.stack(columns, axis=1), np.ones(len(world)), np.arange(len(world)), rng)
        print(f"  {question}: without the planted columns {means[0]}, screened {means[1]}")
        print(f"    screened minus without {means[2]} (within .005)")
        print(f"    by world: {', '.join(f'{gap.mean():+.4f}' for gap in gaps)}")
        if losses["unscreened"]:
            asked = [one["losses"] for one in results if "unscreened" in one["losses"]]
            raised = [
                np.array(one["unscreened"][question]) - np.array(one["without"][question]) for one in asked
            ]
            rows = np.concatenate(raised)
            (mean,) = means_of(rows[:, None], np.ones(len(rows)), np.arange(len(rows)), rng)
            print(f"    unscreened minus without {mean}, {len(rows)} deals of {len(asked)} worlds")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the result files are kept")
    parser.add_argument("--worlds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=101, help="the first world's seed")
    parser.add_argument("--deals", type=int, default=3500, help="about how many deals a world has")
    parser.add_argument("--losses", action="store_true", help="also train and compare log losses")
    parser.add_argument("--unscreened", action="store_true", help="and train with all planted columns")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
