"""Which truth is written beside the data: planted effects, latent skills, the oracle's forecasts?

planted.json: action effects by segment, decoys, bottlenecks. sellers.csv: latent skills and habits.
deals.csv: latent state of each deal on the last day or at closing. market.csv: the market's mood by day.
oracle/DATE/deals.csv: true win probabilities. oracle/DATE/revenue.csv: draws of revenue by period and scope.
oracle/DATE/kpis.csv: draws of stages first reached in the rest of each period.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from simulator import catalog as c
from simulator.ground_truth import INTERVALS, QUICK_QUOTE_DAYS, GroundTruth
from simulator.log import C_PERSONS
from simulator.oracles import Oracle, oracle
from simulator.seller_actions import REPEATED
from simulator.tables import TableBuilder, decode, write_csv
from simulator.world import current_deals

DECOYS = ("decoy_by_log", "decoy_by_feeling")
FIXED_SIGNS: dict[str, dict[str, str]] = {
    "demo": {"kind": "demo"},
    "superior_visit": {"kind": "visit", "subject": c.SUBJECTS[c.S_SUPERIOR]},
    "quote": {"kind": "quote", "condition": f"at most {QUICK_QUOTE_DAYS} days after the first visit"},
    "seminar": {"kind": "seminar"},
    "follow_up": {"kind": "follow_up"},
    "email": {"kind": "email"},
    "call": {"kind": "call"},
}


def write_truth(
    builder: TableBuilder, folder: Path, oracle_dates: Iterable[date] = (), replays: int = 400,
    periods: Iterable[tuple[date, date]] | None = None,
) -> None:  # fmt: skip
    """Write all truth files into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    world = builder.world
    text = json.dumps(ground_truth_dict(world.ground_truth), ensure_ascii=False, indent=1)
    (folder / "planted.json").write_text(text + "\n", encoding="utf-8")
    write_csv([sellers(builder)], folder / "sellers.csv")
    write_csv([latent_deals(builder)], folder / "deals.csv")
    market_history = np.array(world.log.market_history, float).reshape(-1, 3)
    market = {
        "date": builder.dates(market_history[:, 0].astype(int)),
        "level": market_history[:, 1],
        "inflow": market_history[:, 2],
    }
    write_csv([pa.table(market)], folder / "market.csv")
    chosen = None if periods is None else list(periods)
    for as_of in oracle_dates:
        write_oracle(oracle(world.settings, as_of, replays, chosen), folder / "oracle" / str(as_of))


def action_signs(ground_truth: GroundTruth) -> dict[str, dict[str, str]]:
    """How each action appears in the activities table: columns and their values."""
    signs = dict(FIXED_SIGNS)
    for action, material in zip(c.ACTIONS[c.A_INDUSTRY : c.A_SEMINAR], ground_truth.materials, strict=True):
        signs[action] = {"kind": "material", "material": c.MATERIALS[int(material)]}
    return {action: signs[action] for action in c.ACTIONS}


def ground_truth_dict(ground_truth: GroundTruth) -> dict[str, Any]:
    """The planted truths as plain data: an effect for each action and segment in which it is not 0."""
    signs = action_signs(ground_truth)
    actions = []
    for number, action in enumerate(c.ACTIONS):
        effect = ground_truth.effects[number]
        table = [
            {
                "industry": c.INDUSTRIES[i],
                "size": c.SIZES[s],
                "product": c.PRODUCTS[p],
                "effect": round(float(effect[i, s, p]), 4),
            }
            for i, s, p in np.argwhere(effect != 0)
        ]
        actions.append({"action": action, "sign": signs[action], "decoy": action in DECOYS, "effects": table})
    bottlenecks = []
    for row, base, pp in zip(
        ground_truth.bottlenecks, ground_truth.bottleneck_base, ground_truth.bottleneck_pp, strict=True
    ):
        begin, end, _ = INTERVALS[int(row["interval"])]
        segment = {
            name: words[int(row[name])]
            for name, words in (("product", c.PRODUCTS), ("industry", c.INDUSTRIES), ("size", c.SIZES))
            if row[name] >= 0
        }
        bottlenecks.append(
            {
                "segment": segment,
                "from_stage": begin,
                "to_stage": end,
                "more_than_days": int(row["days"]),
                "effect_pp": -pp,
                "win_rate_without": round(base, 4),
                "killed_share": round(float(row["kill"]), 4),
            }
        )
    return {
        "unit": "effects are added to the customer's interest and fade with a half-life of about 4 months",
        "repeated": REPEATED,
        "size_bounds_employees": {"small": "< 100", "mid": "100-999", "large": ">= 1000"},
        "actions": actions,
        "bottlenecks": bottlenecks,
    }


def sellers(builder: TableBuilder) -> pa.Table:
    """Latent skills and habits by person."""
    people = builder.world.log.people[: builder.world.log.cursor[C_PERSONS]]
    columns: dict[str, Any] = {"person_id": builder.person_ids(np.arange(len(people)))}
    for name in ("skill", "diligence", "pace", "optimism", "tidy", "tact", "discount"):
        columns[name] = people[name].astype(float).round(4)
    return pa.table(columns)


def latent_deals(builder: TableBuilder) -> pa.Table:
    """Latent state of each deal on the last day, or as it was when it closed."""
    deals = current_deals(builder.world)
    columns: dict[str, Any] = {"deal_id": builder.deal_ids(deals["serial"])}
    for name in ("need", "interest", "boost", "rival", "power", "urgency", "feel", "price"):
        columns[name] = deals[name].astype(float).round(4)
    for name in ("budget", "champion", "dead", "doomed"):
        columns[name] = deals[name] == 1
    for number in range(len(builder.world.ground_truth.bottlenecks)):
        columns[f"in_bottleneck_{number}"] = (deals["crossed"] >> number) & 1 == 1
    columns["true_cause"] = decode(deals["cause"], c.LOST_REASONS)
    return pa.table(columns)


def write_oracle(truth: Oracle, folder: Path) -> None:
    """One date's oracle into `folder`. Scope `person:` without an id = all hired later."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv([pa.Table.from_pandas(truth.deals.round(6), preserve_index=False)], folder / "deals.csv")
    revenue, kpis = [], []
    for (first, last), draws in truth.revenue.items():
        period = f"{first}..{last}"
        wide = pd.concat(
            [
                pd.DataFrame({"company": draws.company}),
                draws.teams.add_prefix("team:"),
                draws.people.add_prefix("person:"),
            ],
            axis=1,
        )
        long = wide.rename_axis("replay").reset_index().melt("replay", var_name="scope", value_name="revenue")
        long.insert(0, "period", period)
        revenue.append(long)
        counts = truth.kpis[first, last].rename_axis("replay").reset_index()
        counts.insert(0, "period", period)
        kpis.append(counts)
    for name, parts in (("revenue", revenue), ("kpis", kpis)):
        if parts:
            table = pa.Table.from_pandas(pd.concat(parts, ignore_index=True), preserve_index=False)
            write_csv([table], folder / f"{name}.csv")
