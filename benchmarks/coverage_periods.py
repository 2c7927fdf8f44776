"""Do the intervals of a period hold: of its revenue, and of the probability of its target? Rows and tables.

A quarter ends once, so a few worlds say little: six outcomes of six held happen one time in four where the
interval holds 80 %. The replays of a world say more: the share of them inside is the chance that the interval
holds, given that world. What came is printed beside them.

Where little is open, revenue has values with much probability (nothing more is won). An interval that ends on
one would hold all of it, whatever its level. So such a value counts by the part of it that lies within the
level (randomised probability integral transform; Czado, Gneiting and Held 2009).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.special import expit, logit

from crm.periods import Period
from features.arrays import Flags, Floats
from models.forecast.attainment import probability_of
from models.forecast.attainment_interval import attainment_intervals
from models.statistics import means_of
from models.win.chance_interval import LEVELS
from training.backtest.period_snapshots import PeriodSnapshot

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
BANDS = ((2, 4, 50), (1, 5, 80), (0, 6, 95))  # positions in QUANTILES, level in percent
KINDS = ("company", "team", "person")
WEEKS = (1, 4, 8, 12)
OPEN = (0.01, 0.99)  # shown probabilities between these are undecided
_TRUE = (np.arange(51) + 0.5) / 51  # quantiles kept of the replays
_COLUMNS = {
    "kind": "U8",
    "week": int,
    "scope": "U40",
    "actual": float,
    "target": float,
    "closed": float,
    "weighted": float,
    "said": float,
    "truth": float,
    "mean": float,
    "sd": float,
    "true_mean": float,
    "true_sd": float,
}


def scope_rows(
    snapshot: PeriodSnapshot, forecast, truth, actual: dict[str, float], period: Period
) -> dict[str, np.ndarray]:
    """What is said of each scope's quarter, what came, and what comes in the replays of the world."""
    rows, arrays = [], {"quantiles": [], "true": [], "held": [], "held_actual": []}
    draws = truth.revenue[period.first, period.last]
    for position, scope in enumerate(snapshot.scopes):
        if scope not in actual:
            continue
        kind, _, who = scope.partition(":")
        table = draws.teams if kind == "team" else draws.people
        true = np.asarray(draws.company if kind == "company" else table[who], float)
        people = forecast.simulation.organisation.members(scope)
        target = float(snapshot.target[position])
        aim = None if np.isnan(target) else target
        said = probability_of(forecast.simulation, people, aim)
        total = forecast.simulation.total(people)
        values = (
            kind,
            snapshot.origin.week,
            scope,
            actual[scope],
            target,
            float(snapshot.closed[position]),
            float(snapshot.weighted[position]),
            np.nan if said is None else said,
            np.nan if aim is None else float((true >= aim).mean()),
            float(total.mean()),
            float(total.std()),
            float(true.mean()),
            float(true.std()),
        )
        rows.append(values)
        arrays["quantiles"].append(np.quantile(total, QUANTILES))
        arrays["true"].append(np.quantile(true, _TRUE))
        arrays["held"].append([share_within(true, total, level).mean() for level in LEVELS])
        arrays["held_actual"].append(
            [share_within(np.array([actual[scope]]), total, level)[0] for level in LEVELS]
        )
    table = list(zip(*rows, strict=True))
    out = {name: np.array(column, kind) for (name, kind), column in zip(_COLUMNS.items(), table, strict=True)}
    return out | {name: np.array(values) for name, values in arrays.items()}


def share_within(came: Floats, draws: Floats, level: float) -> Floats:
    """The part of each value (n,) that lies in the central interval of draws (S,) at a level: 0 to 1.

    >>> share_within(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.0, 0.0, 1.0]), 0.5).tolist()
    [0.6666666666666666, 0.0, 0.0]
    """
    ordered, near = np.sort(draws), 0.02 + 1e-6 * np.abs(came)  # amounts are rounded to a step
    low = np.searchsorted(ordered, came - near, side="left") / len(ordered)
    high = np.searchsorted(ordered, came + near, side="right") / len(ordered)
    ends = 0.5 - level / 2.0, 0.5 + level / 2.0
    inside = np.maximum(np.minimum(high, ends[1]) - np.maximum(low, ends[0]), 0.0)
    between = (low >= ends[0]) & (low <= ends[1])
    return np.where(high > low, inside / np.where(high > low, high - low, 1.0), between)


def show_scopes(cases: list[dict], development: list[dict]) -> None:
    """Coverage and width of a quarter's revenue, and of the probability of its target.

    Scopes of which nothing can come (a team without sellers) are left out: every interval holds them.
    """
    cases, development = (
        [_only(one, one["scope_true_sd"] > 0) for one in some] for some in (cases, development)
    )
    for kind in KINDS:
        for week in (*WEEKS, None):
            rows = [_rows(case, kind, week) for case in cases]
            print(f"   revenue of {kind}, {_when(week)}: {_revenue_line(rows)}")
    for name, rival in plain_intervals(development).items():
        for kind in KINDS:
            print(f"   {name}, {kind}: {_plain_line([_rows(case, kind, None) for case in cases], rival)}")
    print("   probability of the target: covered, mean width; `undecided`: shown between 1 and 99 %")
    for name, interval in attainment_methods(development).items():
        for kind in (*KINDS, None):
            for week in (*WEEKS, None) if name == "shown" else (None,):
                rows = [_rows(case, kind, week) for case in cases]
                label = f"{name}, {kind or 'all'}, {_when(week)}"
                for part in ("undecided", "all") if week is None else ("undecided",):
                    print(f"      {label}, {part}: {_attainment_line(rows, interval, part == 'undecided')}")


def plain_intervals(development: list[dict]) -> dict[str, Callable[[dict, int], tuple[Floats, Floats]]]:
    """By name: relative ends around a forecast, by kind and week, that hold in development worlds."""
    out = {}
    for name, centre in (
        ("constant around the forecast", lambda case: case["scope_mean"]),
        ("constant around won and weighted", lambda case: case["scope_closed"] + case["scope_weighted"]),
    ):
        if not development:
            break
        ends = {}
        for kind in KINDS:
            for week in WEEKS:
                rows = [_rows(case, kind, week) for case in development]
                ratio = np.concatenate(
                    [(case["scope_true"] / np.maximum(centre(case), 1.0)[:, None]).ravel() for case in rows]
                )
                ends[kind, week] = [
                    np.quantile(ratio, [0.5 - level / 2.0, 0.5 + level / 2.0]) for level in LEVELS
                ]

        def interval(case: dict, number: int, centre=centre, ends=ends) -> tuple[Floats, Floats]:
            keys = zip(case["scope_kind"], case["scope_week"], strict=True)
            both = np.array([ends[str(kind), int(week)][number] for kind, week in keys]).reshape(-1, 2)
            middle = np.maximum(centre(case), 1.0)
            return middle * both[:, 0], middle * both[:, 1]

        out[name] = interval
    return out


def attainment_methods(development: list[dict]) -> dict[str, Callable[[Floats], list]]:
    """Each way to an interval of the probability: from shown ones (n,) the ends at each level."""

    def shown(said: Floats) -> list:
        every = [attainment_intervals(float(one)) or {} for one in said]
        return [
            (np.array([ends[key][0] for ends in every]), np.array([ends[key][1] for ends in every]))
            for key in (f"{100 * level:.0f}" for level in LEVELS)
        ]

    out: dict[str, Callable[[Floats], list]] = {"shown": shown}
    if development:
        known = [case for case in (_aimed(one, True) for one in development) if len(case["scope_said"])]
        gap = np.concatenate([logit(_seen(case)) - logit(case["scope_said"]) for case in known])
        reach = [np.quantile(np.abs(gap), level) for level in LEVELS]

        def constant(said: Floats) -> list:
            return [(expit(logit(said) - one), expit(logit(said) + one)) for one in reach]

        out["constant in log-odds"] = constant
    return out


def _when(week: int | None) -> str:
    return "every week" if week is None else f"week {week}"


def _rows(case: dict, kind: str | None, week: int | None) -> dict:
    use = np.ones(len(case["scope_kind"]), bool)
    if kind is not None:
        use &= case["scope_kind"] == kind
    if week is not None:
        use &= case["scope_week"] == week
    return _only(case, use)


def _only(case: dict, use: Flags) -> dict:
    picked = {key: value[use] for key, value in case.items() if key.startswith("scope_")}
    return picked | {"replays": case["replays"]}


def _aimed(case: dict, undecided: bool) -> dict:
    said = case["scope_said"]
    low, high = OPEN if undecided else (0.0, 1.0)
    return _only(case, ~np.isnan(said) & (said > low) & (said < high))


def _seen(case: dict) -> Floats:
    """The true probability as the replays show it, half a replay away from 0 and 1."""
    return (case["scope_truth"] * case["replays"] + 0.5) / (case["replays"] + 1.0)


def _revenue_line(rows: Sequence[dict]) -> str:
    def joined(name: str) -> np.ndarray:
        return np.concatenate([case[f"scope_{name}"] for case in rows])

    parts, usual = [], joined("true_mean").mean()
    for number, (low, high, level) in enumerate(BANDS):
        held = covered([case["scope_held"][:, number] for case in rows])
        came = 100 * joined("held_actual")[:, number].mean()
        width = (joined("quantiles")[:, high] - joined("quantiles")[:, low]).mean()
        parts.append(f"{level}: {held} came {came:.0f} w {100 * width / usual:.0f}")
    return f"{' | '.join(parts)} | forecast {_bias(rows):+.0f} % | n {len(joined('said'))}"


def _bias(rows: Sequence[dict]) -> float:
    """The mean forecast over the mean of the replays, in percent above it."""
    said, true = (np.concatenate([case[f"scope_{name}"] for case in rows]) for name in ("mean", "true_mean"))
    return float(100.0 * (said.mean() / true.mean() - 1.0))


def _plain_line(rows: Sequence[dict], interval: Callable[[dict, int], tuple[Floats, Floats]]) -> str:
    parts = []
    usual = np.concatenate([case["scope_true_mean"] for case in rows]).mean()
    for number, level in enumerate(LEVELS):
        ends = [interval(case, number) for case in rows]
        held = [
            ((lo[:, None] <= case["scope_true"]) & (case["scope_true"] <= hi[:, None])).mean(axis=1)
            for case, (lo, hi) in zip(rows, ends, strict=True)
        ]
        width = np.concatenate([hi - lo for lo, hi in ends]).mean()
        parts.append(f"{100 * level:.0f}: {covered(held)} w {100 * width / usual:.0f}")
    return " | ".join(parts)


def _attainment_line(rows: Iterable[dict], interval: Callable[[Floats], list], undecided: bool) -> str:
    used = [_aimed(case, undecided) for case in rows]
    used = [case for case in used if len(case["scope_said"])]
    if not used:
        return "none"
    ends = [interval(case["scope_said"]) for case in used]
    parts = []
    for number, level in enumerate(LEVELS):
        held, width = [], []
        for case, both in zip(used, ends, strict=True):
            lo, hi = both[number]
            near = 0.5 / case["replays"]  # nearer than the replays can tell
            held.append((lo - near <= case["scope_truth"]) & (case["scope_truth"] <= hi + near))
            width.append(hi - lo)
        parts.append(f"{100 * level:.0f}: {covered(held)} w {100 * np.concatenate(width).mean():.0f}")
    error = np.concatenate([case["scope_said"] - case["scope_truth"] for case in used])
    off = 100.0 * float(np.sqrt(np.mean(error**2)))
    bias = 100.0 * error.mean()
    return f"{' | '.join(parts)} | off by {off:.0f} points (root mean square), {bias:+.0f} | n {len(error)}"


def covered(held: Sequence[np.ndarray]) -> str:
    """The share held in percent, with a 95 % interval that counts worlds."""
    world = np.repeat(np.arange(len(held)), [len(one) for one in held]).astype(np.int64)
    values = np.concatenate(held).astype(float)[:, None]
    found = means_of(values, np.ones(len(values)), world, np.random.default_rng(7))[0]
    return f"{100 * found.mean:.0f} [{100 * found.lo:.0f}, {100 * found.hi:.0f}]"
