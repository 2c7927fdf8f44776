"""Which conditions cost wins in which segments? Found on one half of the history, tested on the other.

Both ways round, each condition among all deals that came to its stage and among those that got to the last
one: what kills deals there stands out against less luck. What is found first is what stands out most; its
deals are then set aside, so that what only echoes it (a wider segment, a nearby threshold, a later stage in
which deals it has killed linger) goes with them. The few that are left are tested on deals that had no say
in choosing them, false discoveries held to `FALSE_SHARE` (Benjamini & Hochberg 1995, within each half at
half the rate: cross-screening, Zhao, Small & Rosenbaum 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control, norm

from features.arrays import Floats, Ints
from models.bottlenecks.contrast import (
    ConditionContrast,
    SegmentKey,
    clustered_sd,
    estimate_contrast,
    not_among,
)
from models.statistics import Z90

FALSE_SHARE = 0.05
SCREEN_Z = -2.6  # as far from 0 as a condition must be in one half to be tested in the other
MAX_TESTED = 3
PAIR_Z = 0.6  # segments of two columns are many: they must stand out by so much more
WIDER_Z = 0.7
UNSEEN_SD = 0.03  # of win rates: what no column shows and what choosing adds, in the intervals told
MIN_EFFECT_PP = 5.0  # an effect estimated smaller than this is not worth a manager's time


@dataclass(frozen=True, kw_only=True)
class FoundBottleneck:
    """A condition that costs wins in a segment.

    `effect`, `low`, `high` (90 %) differences in win rate, from deals that had no say in finding it; `q` the
    least share of false discoveries at which it still counts; `deals` with the condition in the segment,
    `rate_with` and `rate_without` their plain win rates.
    """

    contrast: int
    segment: int
    key: SegmentKey
    effect: float
    low: float
    high: float
    q: float
    deals: int
    rate_with: float
    rate_without: float


@dataclass(frozen=True)
class _Screened:
    """What stands out in one half, how far (`z`), and the deals set aside before it.

    `end`: among the deals that got as far as the last stage, not among all.
    """

    contrast: int
    segment: int
    end: bool
    z: float
    aside: Ints


@dataclass(frozen=True)
class _Tested:
    contrast: int
    segment: int
    effect: float
    sd: float
    q: float
    screened: float


def search_conditions(trials: Sequence[ConditionContrast], part: float = 1.0) -> list[FoundBottleneck]:
    """The bottlenecks of these trials, the surest first.

    `part`: how much of the share of false discoveries may be spent on them; q-values are told against all of
    it.
    """
    tested: list[_Tested] = []
    for half in (0, 1):
        chosen = _screen(trials, half)
        tested += _test(trials, chosen, 1 - half, part)
    sound = [one for one in tested if one.q <= FALSE_SHARE and one.effect <= -MIN_EFFECT_PP / 100]
    return _merged(trials, sorted(sound, key=lambda one: (one.q, one.screened)), tested)


def _screen(trials: Sequence[ConditionContrast], half: int) -> list[_Screened]:
    """What stands out in one half, strongest first."""
    handicaps = [np.array([PAIR_Z * (len(key.parts) - 1) for key in t.cohort.segments]) for t in trials]
    aside = np.zeros(0, np.int64)
    chosen: list[_Screened] = []
    while len(chosen) < MAX_TESTED:
        best, strongest = None, np.inf
        for number, (trial, handicap) in enumerate(zip(trials, handicaps, strict=True)):
            use = not_among(trial, aside) & (trial.cohort.half == half)
            for end in (False, True):
                z = estimate_contrast(_restricted(trial, end), use, True).z
                stands_out = z + handicap
                if stands_out.min(initial=np.inf) < strongest:
                    first = int(np.argmin(stands_out))
                    at = _widest(trial.cohort.segments, z, first)
                    strongest = float(stands_out[first])
                    best = _Screened(number, at, end, float(stands_out[at]), aside)
        if best is None or best.z > SCREEN_Z:
            break
        chosen.append(best)
        aside = np.union1d(aside, trials[best.contrast].deals_to_set_aside(best.segment))
    return chosen


def _restricted(trial: ConditionContrast, end: bool) -> ConditionContrast:
    return trial.last_stage_only if end else trial


def _widest(segments: Sequence[SegmentKey], z: Floats, at: int) -> int:
    """The segment itself, or one that holds it and stands out almost as much: the more general truth."""
    wider = [n for n, key in enumerate(segments) if segments[at].within(key) and z[n] <= z[at] + WIDER_Z]
    return min(wider, key=lambda n: (len(segments[n].parts), z[n]))


def _test(
    trials: Sequence[ConditionContrast], chosen: Sequence[_Screened], half: int, part: float
) -> list[_Tested]:
    """What was chosen, on the half that did not choose it."""
    if not chosen:
        return []
    p, found = [], []
    for one in chosen:
        trial, at = trials[one.contrast], one.segment
        use = not_among(trial, one.aside) & (trial.cohort.half == half)
        lean, whole = (
            estimate_contrast(_restricted(trial, one.end), use, True),
            estimate_contrast(trial, use, False),
        )
        found.append((one.contrast, at, float(whole.effect[at]), float(whole.sd[at]), one.z))
        p.append(float(norm.cdf(lean.z[at])) if np.isfinite(lean.effect[at]) else 1.0)
    # Half of the false share is spent on each way round.
    q = np.minimum(2 * false_discovery_control(p) / part, 1.0)
    return [
        _Tested(number, at, effect, sd, float(q[k]), screened)
        for k, (number, at, effect, sd, screened) in enumerate(found)
    ]


def _merged(
    trials: Sequence[ConditionContrast], sound: Sequence[_Tested], tested: Sequence[_Tested]
) -> list[FoundBottleneck]:
    """One finding for what overlaps: same stage and kind, one segment within the other."""
    kept: list[_Tested] = []
    for one in sound:
        if not any(_same(trials, one, other) for other in kept):
            kept.append(one)
    found = [
        _estimated(trials, one, [other for other in tested if _same_condition(trials, one, other)])
        for one in kept
    ]
    # Where deals of one seller or account share their luck, what is sure by deals may not be by them.
    return [one for one in found if one.high < 0]


def _same(trials: Sequence[ConditionContrast], one: _Tested, other: _Tested) -> bool:
    a, b = trials[one.contrast].condition, trials[other.contrast].condition
    key, its = (trials[x.contrast].cohort.segments[x.segment] for x in (one, other))
    same = (a.kind, a.stage, bool(a.feature)) == (b.kind, b.stage, bool(b.feature))
    return same and (key.within(its) or its.within(key))


def _same_condition(trials: Sequence[ConditionContrast], one: _Tested, other: _Tested) -> bool:
    a, b = trials[one.contrast].condition, trials[other.contrast].condition
    key, its = (trials[x.contrast].cohort.segments[x.segment] for x in (one, other))
    return (a.kind, a.stage, a.feature) == (b.kind, b.stage, b.feature) and key == its


def _estimated(
    trials: Sequence[ConditionContrast], one: _Tested, twins: Sequence[_Tested]
) -> FoundBottleneck:
    """The finding, its effect the mean over the halves that did not choose it."""
    weight = np.array([1 / twin.sd**2 for twin in twins])
    effect = float(weight @ np.array([twin.effect for twin in twins]) / weight.sum())
    trial = trials[one.contrast]
    everywhere = np.ones(len(trial.with_condition), bool)
    plain = float(estimate_contrast(trial, everywhere, False).sd[one.segment])
    crowded = max(
        clustered_sd(trial, one.segment, everywhere, by) for by in (trial.cohort.seller, trial.cohort.account)
    )
    sd = float(np.sqrt(1 / weight.sum() + UNSEEN_SD**2)) * max(crowded / plain, 1.0)
    inside = trial.cohort.inside[one.segment] > 0
    met, spared = trial.with_condition & inside, trial.without_condition & inside
    return FoundBottleneck(
        contrast=one.contrast,
        segment=one.segment,
        key=trial.cohort.segments[one.segment],
        effect=effect,
        low=effect - Z90 * sd,
        high=effect + Z90 * sd,
        q=one.q,
        deals=int(met.sum()),
        rate_with=float(trial.outcome[met].mean()),
        rate_without=float(trial.outcome[spared].mean()) if spared.any() else float("nan"),
    )
