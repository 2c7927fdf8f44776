"""Which real models does the promotion gate let through, and were they better on the deals that came after?

    python benchmarks/promotion_worlds.py FOLDER --seeds 301 302 303 --deals 1500

In each simulated world a champion is trained; ninety days later others are, by the same settings and
crippled: two trees of two leaves, the age of a deal as the only feature, data of three months before the
champion's. Each is put to the gate, with a champion of the same day too. The truth is told by the rows of the
half year after, which no gate has seen: mean log loss, candidate minus champion, with an interval that counts
a deal once and the questions of four weeks as partly one. Each world keeps a file in FOLDER. Worlds 1 to 99
are for development; evaluate on others.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.instants import end_of_day
from features import Calendar, build_features, compile_history
from features.arrays import Floats
from models.bundle import Bundle
from models.scoring import feature_columns
from models.snapshot_rows import SnapshotRows
from models.win.model import table_only
from simulator import WorldSettings, crm_tables, simulate
from training.comparison import compare
from training.config import TrainConfig
from training.data import TrainingData
from training.fit import train
from training.promote import gate
from training.validation import rows_of

TOKYO = ZoneInfo("Asia/Tokyo")
END, AFTER, AGE = date(2026, 6, 30), 182, 90


def main() -> None:
    """Run what is missing, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*", default=[301, 302, 303])
    parser.add_argument("--deals", type=int, default=1500)
    parser.add_argument("--trees", type=int, default=60)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in options.seeds:
        file = options.folder / f"world_{seed}_{options.deals}.json"
        if not file.exists():
            began = time.perf_counter()
            found = one_world(seed, options.deals, options.trees)
            file.write_text(json.dumps(found, ensure_ascii=False, indent=1), "utf-8")
            print(f"world {seed}: {time.perf_counter() - began:.0f} s", flush=True)
        for line in json.loads(file.read_text("utf-8")):
            shown = "promoted" if line["promoted"] else "not promoted"
            print(
                f"  {seed} {line['candidate']}: {shown} ({line['code']}; gate {line['gate']}, "
                f"{line['deals']} deals); afterwards {line['after']}, {line['after_deals']} deals"
            )


def one_world(seed: int, deals: int, trees: int) -> list[dict[str, object]]:
    """The gate's decision on each candidate, and what came after."""
    whole = deals * (900 + AFTER) // 900
    world = simulate(WorldSettings(deals=whole, seed=seed, end=END, days=900 + AFTER))
    log = EventLog.of(crm_tables(world), TOKYO)
    config = TrainConfig(seed=seed, trees=trees, max_moments=12_000, max_questions=16_000, threads=1)
    now_day = END - timedelta(days=AFTER)
    now, before, long_before = (end_of_day(now_day - timedelta(days=n), TOKYO) for n in (0, AGE, 2 * AGE))
    later = TrainingData.of(log, end_of_day(END, TOKYO), config)
    names = compile_history(log.as_of(now), Calendar(TOKYO)).features
    blind = replace(config, exclude=tuple(one.name for one in names if one.name != "age_days"))
    stumps = replace(config, trees=2, leaves=2)
    champion, first = train(log, before, config)
    served, decision = gate(champion, first, None)
    out: list[dict[str, object]] = [
        {
            "candidate": "first model against the stage table",
            "promoted": not served.win.is_table,
            "code": decision.code,
            "gate": str(decision.difference),
            "deals": 0 if first.proof is None else first.proof.deals,
            **afterwards(champion, None, later, now),
        }
    ]
    candidates = (
        ("same settings, newer data", config, now),
        ("two trees of two leaves, newer data", stumps, now),
        ("age alone, newer data", blind, now),
        ("same settings, same day", config, before),
        ("two trees of two leaves, same day", stumps, before),
        ("age alone, same day", blind, before),
        ("same settings, data of three months before", config, long_before),
    )
    for name, settings, moment in candidates:
        bundle, report = train(log, moment, settings, champion=champion)
        bundle, decision = gate(bundle, report, champion)
        compared = report.against_champion
        out.append(
            {
                "candidate": name,
                "promoted": decision.promote,
                "code": decision.code,
                "gate": str(decision.difference),
                "deals": 0 if compared is None else compared.deals,
                **afterwards(bundle, champion, later, now),
            }
        )
    return out


def afterwards(bundle: Bundle, other: Bundle | None, later: TrainingData, now: int) -> dict[str, object]:
    """Log loss of one model minus another's (None: its own stage table) on the rows since a moment."""
    rows = later.snapshots.rows
    rows = rows.where(rows.regular & (rows.at >= now))
    against = replace(bundle, win=table_only(bundle.win)) if other is None else other
    said = [_predictions_of(one, later, rows) for one in (bundle, against)]
    found = compare(said[0], said[1], rows_of(rows), np.random.default_rng(0))
    return {"after": str(found.difference), "after_deals": found.deals}


def _predictions_of(bundle: Bundle, later: TrainingData, rows: SnapshotRows) -> Floats:
    """A model's predictions (m,) for the questions of rows."""
    history = compile_history(later.past, bundle.calendar, bundle.levels)
    x = build_features(history, rows.deal, rows.at)[:, feature_columns(bundle, history)]
    horizon = np.where(rows.horizon >= rows.ever_days, np.inf, rows.horizon)
    return bundle.win.won_by(x[rows.row], rows.question_at, horizon)


if __name__ == "__main__":
    main()
