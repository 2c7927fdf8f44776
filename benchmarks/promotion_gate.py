"""How often does the promotion gate refuse a model that is right, or promote one that is crippled?

    python benchmarks/promotion_gate.py FOLDER --sizes 30 50 100 200 400 800 1600 3200

Deals go through four stages week by week, with chances of being won, lost or moved on that depend on two
features; so the chance of every deal to be won within any time is known exactly. Rows are what a validation
has: each deal at a widening grid of weeks while it is open, two horizons each, so rows of a deal depend on
each other as they do in an organisation. A model is *right* where it says these chances, or these with an
error of its own of .15 in the log-odds of each deal, as a fitted model has. It is *crippled* where they are
shrunk, over-confident, shifted, noisier, without one of the features, or past rates by stage alone. Its true
log loss beyond that of the right model is computed on 40,000 other deals, and printed.

Wrong is: to refuse a model whose true log loss is not above that of the model in service, or to promote one
whose true log loss is above it by more than .005. Between them neither is wrong. `cannot tell` is the verdict
where the rows show neither; then a model with the settings of the one in service is promoted, since its data
are newer, one with other settings is not, and a first model leaves the answer to the stage table. `half` is
the error of a rule that knew the true difference and promoted below half of it: about the least that both
errors together can be made, so at sizes where it is above 5 % no rule keeps both below.

Each size keeps a file in FOLDER and goes on where it stopped. `--mood .3`: the later deals have better or
worse times than any model could know (a standard deviation of .3 in the log of all chances to be won).

`--swings .3`: every four weeks the times are better or worse for all deals alike. `--span 8`: all questions
are asked within eight weeks, as where sales cycles are short.

Deals are created over a year, so that questions are asked at different times, as in an organisation. `by
deals alone` is the verdict with the interval of a bootstrap over deals, as it was until the interval counted
the times that questions share, too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.special import expit, logit
from scipy.stats import beta

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from training import metrics
from training.comparison import (
    MARGIN,
    MIN_DEALS,
    Calibration,
    Comparison,
    LaterRows,
    calibration,
    origin_of,
)
from training.promotion_gate import decide, decide_first

SIZES = {30: 1000, 50: 1000, 100: 600, 200: 400, 400: 300, 800: 200, 1600: 100, 3200: 100}
WIN, LOSE = np.array([0.002, 0.006, 0.015, 0.05]), np.array([0.05, 0.04, 0.035, 0.03])  # a week, by stage
NEXT = np.array([0.12, 0.12, 0.10, 0.0])
EVER = 104  # weeks
CREATED_WITHIN = 52  # weeks
SWING_WEEKS = 4  # for which times are good or bad, with --swings
GRID = np.array([0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48])
STANDS_FOR = np.array([1, 1, 1, 1, 2, 2, 2, 2] + [4] * 10)
USUAL_ERROR = 0.15
RIGHT, TWIN = "right", "right, other error"
# candidate, model in service
RIGHT_PAIRS = (
    (RIGHT, TWIN),
    (RIGHT, "shrunk"),
    (RIGHT, "over-confident"),
    (RIGHT, "shifted"),
    (RIGHT, "noisy"),
)
CRIPPLED = ("a feature missing", "noisier", "shifted", "shrunk", "over-confident", "noisy", "stage table")
RULES = (
    "before",
    "same settings",
    "same settings, by deals alone",
    "other settings",
    "other settings, by deals alone",
)
HALF = "half width by deals alone"
WRONG_FIRST = ("very noisy", "far shifted")


@dataclass(frozen=True)
class Rows:
    """Questions (m,) about deals: week asked in, stage, horizon in weeks, true chance, outcome; feature 2."""

    later: LaterRows
    week: Ints
    stage: Ints
    horizon: Ints
    chance: Floats
    second: Floats


def main() -> None:
    """Run what is missing, and print what is there."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--samples", type=int, help="at each size; default: more at small sizes")
    parser.add_argument("--mood", type=float, default=0.0)
    parser.add_argument("--swings", type=float, default=0.0)
    parser.add_argument("--span", type=int, help="weeks within which all questions are asked")
    parser.add_argument("--first-seed", type=int, default=1000)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    population = simulate(40_000, np.random.default_rng(1), 0.0)
    table = stage_table(population)
    above = true_differences(population, table)
    print("true log loss beyond the right model's:", {name: round(value, 4) for name, value in above.items()})
    for size in options.sizes:
        shape = f"_swings{options.swings}_span{options.span}" if options.swings or options.span else ""
        file = options.folder / f"{size}_mood{options.mood}{shape}.json"
        found: list[dict[str, dict[str, object]]] = json.loads(file.read_text()) if file.exists() else []
        for number in range(len(found), options.samples or SIZES.get(size, 100)):
            rng = np.random.default_rng((options.first_seed, size, number))
            rows = simulate(size, rng, options.mood, options.swings, options.span)
            found.append(one_sample(rows, table, rng))
            if number % 20 == 19:
                file.write_text(json.dumps(found))
        file.write_text(json.dumps(found))
        show(size, found, above)


def simulate(
    count: int, rng: np.random.Generator, mood: float, swings: float = 0.0, span: int | None = None
) -> Rows:
    """Rows of so many deals, asked within `span` weeks (None: all of their life)."""
    first, second = 0.8 * rng.normal(size=count), 0.6 * rng.normal(size=count)
    strength, times = first + second, mood * rng.normal()
    apart = np.random.default_rng(rng.integers(2**32))
    created = apart.integers(0, CREATED_WITHIN if span is None else span, count)
    now_and_then = swings * apart.normal(size=(2 * EVER + CREATED_WITHIN) // SWING_WEEKS + 2)
    stage, is_open = np.zeros(count, np.int64), np.ones(count, bool)
    won_after, path = np.full(count, 10**6), np.full((2 * EVER, count), -1)
    deals = np.arange(count)
    for now in range(2 * EVER):
        path[now] = np.where(is_open, stage, -1)
        luck = now_and_then[(created + now) // SWING_WEEKS] if swings else np.zeros(count)
        win, lose, go = weekly(strength, times + luck)
        lot, here = rng.random(count), (deals, stage)
        won = is_open & (lot < win[here])
        ended = is_open & (lot < win[here] + lose[here])
        moved = is_open & ~ended & (lot < win[here] + lose[here] + go[here])
        won_after[won] = now + 1
        is_open &= ~ended
        stage = np.where(moved, stage + 1, stage)
    chances = win_chances(strength)
    parts = []
    for age, weight in zip(GRID, STANDS_FOR, strict=True):
        there = np.flatnonzero(path[age] >= 0)
        for _ in range(2):
            some = np.exp(rng.random(len(there)) * np.log(26)).round().astype(np.int64)
            horizon = np.where(rng.random(len(there)) < 0.25, EVER, some)
            parts.append((there, np.full(len(there), age), horizon, np.full(len(there), float(weight))))
    deal, week, horizon, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
    if span is not None:
        inside = created[deal] + week < span
        deal, week, horizon, weight = (column[inside] for column in (deal, week, horizon, weight))
    at_stage = path[week, deal]
    won = (won_after[deal] - week <= horizon).astype(np.float64)
    asked = created[deal] + week
    later = LaterRows(won, weight, deal, origin_of(asked * 7 * DAY))
    return Rows(later, asked, at_stage, horizon, chances[horizon, deal, at_stage], second[deal])


def weekly(strength: Floats, times: Floats | float = 0.0) -> tuple[Floats, Floats, Floats]:
    """Chances (n, 4) of a week to be won, lost, moved on, by stage."""
    win = WIN * np.exp(0.9 * strength + times)[:, None]
    lose = LOSE * np.exp(-0.5 * strength)[:, None]
    go = np.broadcast_to(NEXT, win.shape)
    scale = np.minimum(1.0, 0.9 / (win + lose + go))
    return win * scale, lose * scale, go * scale


def win_chances(strength: Floats) -> Floats:
    """Chances (weeks + 1, n, 4) of being won within so many weeks, from each stage."""
    win, lose, go = weekly(strength)
    out = np.zeros((EVER + 1, len(strength), 4))
    for weeks in range(1, EVER + 1):
        after_next = np.concatenate([out[weeks - 1][:, 1:], np.zeros((len(strength), 1))], axis=1)
        out[weeks] = win + go * after_next + (1.0 - win - lose - go) * out[weeks - 1]
    return out


def stage_table(rows: Rows) -> Floats:
    """The mean chance (4, weeks + 1) by stage and horizon."""
    cell = rows.stage * (EVER + 1) + rows.horizon
    size = np.bincount(cell, rows.later.weight, 4 * (EVER + 1))
    total = np.bincount(cell, rows.later.weight * rows.chance, 4 * (EVER + 1))
    return np.clip(total / np.maximum(size, 1e-9), 1e-4, 1.0 - 1e-4).reshape(4, EVER + 1)


def models(rows: Rows, table: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """What each model says (m,) of the rows."""
    odds = logit(np.clip(rows.chance, 1e-6, 1.0 - 1e-6))
    deal, count, middle = rows.later.deal, int(rows.later.deal.max()) + 1, logit(0.2)

    def noise(sd: float) -> Floats:
        return (sd * rng.normal(size=count))[deal]

    return {
        RIGHT: expit(odds + noise(USUAL_ERROR)),
        TWIN: expit(odds + noise(USUAL_ERROR)),
        "exact": rows.chance,
        "shrunk": expit(middle + 0.6 * (odds - middle)),
        "over-confident": expit(middle + 1.6 * (odds - middle)),
        "shifted": expit(odds + 0.5),
        "noisier": expit(odds + noise(0.4)),
        "noisy": expit(odds + noise(0.8)),
        "a feature missing": expit(odds - 0.8 * rows.second),
        "stage table": table[rows.stage, rows.horizon],
        "very noisy": expit(odds + noise(2.0)),
        "far shifted": expit(odds + 1.6),
    }


def true_differences(rows: Rows, table: Floats) -> dict[str, float]:
    """Each model's expected log loss under the true chances, minus that of the right model."""
    expected = {}
    for name, said in models(rows, table, np.random.default_rng(2)).items():
        yes, no = (metrics.log_losses(said, np.full(len(said), outcome)) for outcome in (1.0, 0.0))
        expected[name] = float(
            np.average(rows.chance * yes + (1.0 - rows.chance) * no, weights=rows.later.weight)
        )
    return {name: value - expected[RIGHT] for name, value in expected.items()}


def pairs() -> list[tuple[str, str]]:
    """Candidate and model in service of each comparison."""
    return [
        *RIGHT_PAIRS,
        *((name, RIGHT) for name in CRIPPLED),
        (RIGHT, "stage table"),
        *((name, "stage table") for name in WRONG_FIRST),
    ]


def one_sample(rows: Rows, table: Floats, rng: np.random.Generator) -> dict[str, dict[str, object]]:
    """The verdict of each pair on one sample of rows, and what the gate of before and the gate do with it."""
    said = models(rows, table, rng)
    later = rows.later
    needed = {name for pair in pairs() for name in pair}
    calibrated = {name: calibration(said[name], later) for name in needed}
    losses = {name: metrics.log_losses(said[name], later.outcome) for name in needed}
    old = {name: metrics.summary(said[name], later.outcome, later.weight) for name in needed}
    out: dict[str, dict[str, object]] = {}
    for a, b in pairs():
        found = judged(calibrated[a], calibrated[b], losses[a], losses[b], later, rng)
        by_deals = by_deals_alone(found, losses[a], losses[b], later, rng)
        out[f"{a}|{b}"] = {
            "mean": found.difference.mean,
            "verdict": found.verdict,
            "verdict by deals alone": by_deals.verdict,
            "same settings, by deals alone": decide(by_deals, same_recipe=True, newer=True).promote,
            "other settings, by deals alone": decide(by_deals, same_recipe=False, newer=True).promote,
            "half width": found.difference.hi - found.difference.mean,
            "half width by deals alone": (by_deals.difference.hi - by_deals.difference.lo) / 2.0,
            "before": promoted_before(old[a], losses[a], losses[b], later, rng),
            "same settings": decide(found, same_recipe=True, newer=True).promote,
            "other settings": decide(found, same_recipe=False, newer=True).promote,
            "first": not decide_first(found).table_only,
        }
    return out


def judged(
    a: Calibration, b: Calibration, losses: Floats, other: Floats, rows: LaterRows, rng: np.random.Generator
) -> Comparison:
    """`compare`, with calibrations that are computed once for all pairs."""
    gap = metrics.paired_difference(losses, other, rows.deal, rng, rows.weight, origin=rows.origins)
    return Comparison(rows.deals, len(losses), gap, a, b)


def by_deals_alone(
    found: Comparison, losses: Floats, other: Floats, rows: LaterRows, rng: np.random.Generator
) -> Comparison:
    """The same comparison with the interval of a bootstrap over deals."""
    gap = metrics.paired_difference(losses, other, rows.deal, rng, rows.weight, expanded=True)
    return replace(found, difference=gap)


def promoted_before(
    figures: Mapping[str, float], losses: Floats, other: Floats, rows: LaterRows, rng: np.random.Generator
) -> bool:
    """The rule until November 2026 for a later model (a first one was always promoted)."""
    if rows.deals < MIN_DEALS or len(losses) < 200:
        return True
    slope_is_off = figures["auc"] > 0.6 and not 0.6 <= figures["slope"] <= 1.6
    if figures["calibration_error"] > 0.06 or slope_is_off:
        return False
    gap = metrics.paired_difference(losses, other, rows.deal, rng, rows.weight)
    return not (gap.lo > 0.0 or gap.mean > MARGIN)


def show(size: int, found: list[dict[str, dict[str, object]]], above: Mapping[str, float]) -> None:
    """One size: both kinds of error, pooled and pair by pair."""
    print(f"\n{size} deals, {len(found)} samples")
    right = [f"{a}|{b}" for a, b in RIGHT_PAIRS]
    wrong = [f"{name}|{RIGHT}" for name in CRIPPLED if above[name] > MARGIN]
    for title, keys, refused in (("refused wrongly", right, True), ("promoted wrongly", wrong, False)):
        cells = [f"{name} {shares(found, keys, name, refused)}" for name in RULES]
        said = ("worse",) if refused else ("better", "not_worse")
        for name in ("verdict", "verdict by deals alone"):
            by_verdict = np.array([one[key][name] in said for one in found for key in keys])
            cells.append(f"by its {name} {interval(by_verdict)}")
        print("\n    ".join([f"  {title}:", *cells]))
    widths = [
        float(np.median([one[key][name] for one in found for key in one])) for name in ("half width", HALF)
    ]
    print(f"  median half width of the interval {widths[0]:.4f}, by deals alone {widths[1]:.4f}")
    for key in (f"{a}|{b}" for a, b in pairs()):
        a, b = key.split("|")
        verdicts = [one[key]["verdict"] for one in found]
        counts = ", ".join(
            f"{name.replace('_', ' ')} {verdicts.count(name) / len(found):.1%}"
            for name in ("better", "not_worse", "cannot_tell", "worse")
        )
        true = above[a] - above[b]
        mean = np.array([one[key]["mean"] for one in found])
        half = np.mean(mean > true / 2 if true < 0 else mean < true / 2)
        promoted = np.mean([one[key]["first" if b == "stage table" else "same settings"] for one in found])
        before = 1.0 if b == "stage table" else np.mean([one[key]["before"] for one in found])
        print(
            f"    {a} against {b} ({true:+.4f}): {counts}; promoted {promoted:.1%}, before {before:.1%}; "
            f"half {half:.1%}"
        )


def shares(found: list[dict[str, dict[str, object]]], keys: list[str], rule: str, refused: bool) -> str:
    """How often a rule refuses (or promotes) these pairs, with the 95 % interval."""
    return interval(np.array([bool(one[key][rule]) != refused for one in found for key in keys]))


def interval(hits: Flags) -> str:
    """A share with its exact 95 % interval (Clopper-Pearson), of samples as if independent."""
    k, n = int(hits.sum()), len(hits)
    low = 0.0 if k == 0 else float(beta.ppf(0.025, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(0.975, k + 1, n - k))
    return f"{k / n:.1%} [{low:.1%}, {high:.1%}], n {n}"


if __name__ == "__main__":
    main()
