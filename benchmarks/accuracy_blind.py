"""What does a seller who pads gain in the win model's scores, and what in those of its owner-blind variant?

    python benchmarks/accuracy_blind.py FOLDER --seeds 3 --first-seed 201

A model is trained on each simulated world as of a quarter's beginning. In that quarter each kind of padding
is planted for sellers drawn by chance (`simulator.padding`), one at a time; then the seller's open deals are
scored at its end, with and without the planted rows. Printed is the change of log-odds. The same models are
judged on all deals then open whose ending the world knows: log loss, the mean chance beside the share won,
and how often both differ much; and how long the variant took to fit. Worlds 1 to 200 are for development.

One file per world in FOLDER; a world whose file is there is not simulated again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from scipy.stats import t

from crm.eventlog import EventLog
from crm.periods import parse_period
from features import build_features, compile_history, open_at
from models.bundle import Bundle
from models.scoring import feature_columns
from models.win.blind import BlindVariant
from simulator import WorldSettings, crm_tables, simulate
from simulator.padding import Padding, pad
from training import fit
from training.config import TrainConfig

TOKYO = ZoneInfo("Asia/Tokyo")
PERIOD = parse_period("2026-Q3")
DAYS, AFTER = 1096, 365
KINDS = ("calls", "visits", "stage_moves", "due_deals")  # those that leave rows on deals that are open
SELLERS = 6  # at most, who pad, of each kind
_MIN_DEALS = 3  # open, of a seller who pads
Scores = tuple[NDArray[Any], NDArray[np.float64], NDArray[np.float64]]


def main() -> None:
    """Run what is not there yet, and print what is."""
    options = _arguments()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        file = options.folder / f"blind-{options.deals}-{seed}.json"
        if not file.exists():
            began = time.process_time()
            file.write_text(json.dumps(one_world(seed, options.deals), indent=1), "utf-8")
            print(f"world {seed}: {time.process_time() - began:.0f} s of processor time", flush=True)
    files = sorted(options.folder.glob(f"blind-{options.deals}-*.json"))
    print_table([json.loads(file.read_text("utf-8")) for file in files])


def one_world(seed: int, deals: int) -> dict[str, Any]:
    """What padding changes in one world's scores, and how good both scores are."""
    days = DAYS + AFTER
    settings = WorldSettings(
        deals=round(deals * days / DAYS), seed=seed, end=PERIOD.last + timedelta(days=AFTER), days=days
    )
    tables = crm_tables(simulate(settings))
    log = EventLog.of(tables, TOKYO)
    seconds: list[float] = []
    began = time.process_time()
    with patch.object(fit, "fit_blind", _timed(fit.fit_blind, seconds)):
        bundle, _ = fit.train(log, PERIOD.start(TOKYO), replace(TrainConfig(), seed=seed, threads=1))
    training = time.process_time() - began
    if bundle.blind is None:
        raise SystemExit(f"world {seed}: the model has no variant; give more deals")
    ids, chance, blind = scores(bundle, bundle.blind, tables)
    known = tables["deals"].set_index("deal_id").reindex(ids)
    won, over = (known["outcome"] == "won").to_numpy(), known["closed_at"].notna().to_numpy()
    rng = np.random.default_rng([seed, 2402])
    gains = [gain(bundle, bundle.blind, tables, kind, known, (ids, chance, blind), rng) for kind in KINDS]
    return {
        "seed": seed,
        "training_seconds": training,
        "blind_seconds": seconds[0],
        "much": bundle.blind.much,
        "differ": float(bundle.blind.differs(chance, blind).mean()),
        "open": len(ids),
        "won": won[over].tolist(),
        "chance": chance[over].tolist(),
        "blind": blind[over].tolist(),
        "gains": [row for rows in gains for row in rows],
    }


def scores(bundle: Bundle, variant: BlindVariant, tables: Mapping[str, Any]) -> Scores:
    """The ids of the deals open at the period's end, and the chances of both models (n,)."""
    moment = PERIOD.end(TOKYO)
    known = EventLog.of(tables, TOKYO).as_of(moment)
    history = compile_history(known, bundle.calendar, bundle.levels)
    deals = open_at(history, moment)
    moments = np.full(len(deals), moment, np.int64)
    x = build_features(history, deals, moments)[:, feature_columns(bundle, history)]
    chance = bundle.win.won_by(x, moments, np.full(len(deals), np.inf))
    return np.asarray(history.deal_ids)[deals], chance, variant.chance(x, moments)


def gain(
    bundle: Bundle,
    variant: BlindVariant,
    tables: Mapping[str, Any],
    kind: str,
    known: Any,
    before: Scores,
    rng: np.random.Generator,
) -> list[dict[str, Any]]:
    """The mean change of log-odds of the open deals of each of some sellers who pad one kind."""
    owners = known["owner_id"].value_counts()
    able = owners.index[owners >= _MIN_DEALS].to_numpy(str)
    sellers = rng.choice(able, min(SELLERS, len(able)), replace=False)
    out = []
    ids, chance, blind = before
    for seller in sellers:
        padded = pad(tables, Padding(kind, str(seller), PERIOD.first, PERIOD.last), rng)
        now = scores(bundle, variant, padded.tables)
        own = (known["owner_id"] == seller).to_numpy()
        there = np.searchsorted(now[0], ids[own])
        if not (now[0][there] == ids[own]).all():
            raise SystemExit("deals are in another order")
        out.append(
            {
                "kind": kind,
                "deals": int(own.sum()),
                "planted": len(padded.ids),
                "chance": float((logit(now[1][there]) - logit(chance[own])).mean()),
                "blind": float((logit(now[2][there]) - logit(blind[own])).mean()),
                "most_blind": float(np.abs(logit(now[2][there]) - logit(blind[own])).max()),
            }
        )
    return out


def print_table(worlds: list[dict[str, Any]]) -> None:
    """Gains by kind with 95 % intervals over sellers, accuracy and cost."""
    rows = [row for world in worlds for row in world["gains"]]
    print(f"\n{len(worlds)} worlds, {len(rows)} sellers who pad; mean change of their deals' log-odds:")
    for kind in KINDS:
        of_kind = [row for row in rows if row["kind"] == kind]
        figures = [f"{name} {interval([row[name] for row in of_kind])}" for name in ("chance", "blind")]
        most = max(row["most_blind"] for row in of_kind)
        print(f"  {kind:12} n={len(of_kind)}  {'  '.join(figures)}  largest change of a blind one {most:.4f}")
    won = np.concatenate([np.array(world["won"], float) for world in worlds])
    print(f"deals open at the period's end whose ending is known: {len(won)}, share won {won.mean():.3f}")
    for name in ("chance", "blind"):
        p = np.clip(np.concatenate([world[name] for world in worlds]), 1e-6, 1 - 1e-6)
        loss = -(won * np.log(p) + (1 - won) * np.log(1 - p)).mean()
        bins = np.array_split(np.argsort(p), 15)
        error = sum(len(part) * abs(p[part].mean() - won[part].mean()) for part in bins) / len(p)
        print(f"  {name:7} log loss {loss:.4f}  mean chance {p.mean():.3f}  calibration error {error:.3f}")
    for world in worlds:
        print(
            f"  world {world['seed']}: differs much from {world['much']:.2f} log-odds on, for "
            f"{world['differ']:.1%} of {world['open']} open deals; fitted in {world['blind_seconds']:.1f} s "
            f"of {world['training_seconds']:.0f} s of processor time"
        )


def interval(values: list[float]) -> str:
    """A mean with its 95 % interval over sellers."""
    mean, n = float(np.mean(values)), len(values)
    half = float(t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return f"{mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]"


def _timed(function: Any, seconds: list[float]) -> Any:
    def timed(*given: Any) -> Any:
        began = time.process_time()
        made = function(*given)
        seconds.append(time.process_time() - began)
        return made

    return timed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--deals", type=int, default=8_000, help="of each world, in three years")
    return parser.parse_args()


if __name__ == "__main__":
    main()
