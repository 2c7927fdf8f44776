"""Which conditions cost wins in which segments? Screened on one half of the history, tested on the other.

Both ways round, each condition among all deals that entered its stage and among those that reached the last
stage, where outcomes are less noisy. The strongest is taken first; its deals are then set aside, so that its
echoes (a wider segment, a nearby threshold, a later stage in which its deals linger) disappear with them. The
few that remain are tested on deals that were not used to choose them, with false discoveries controlled at
`FALSE_SHARE` (Benjamini & Hochberg 1995, within each half at half the rate: cross-screening, Zhao, Small &
Rosenbaum 2018). Of those found the effect shown allows for their having been chosen (`effect_prior`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from features.arrays import Floats, Ints
from models.bottlenecks.contrast import (
    ConditionContrast,
    SegmentKey,
    clustered_sd,
    estimate_contrast,
    not_among,
)
from models.bottlenecks.effect_prior import EffectPrior
from models.statistics import Z90

FALSE_SHARE = 0.05
SCREEN_Z = -2.6  # z-score that a condition needs in one half to be tested in the other
MAX_TESTED = 3
PAIR_Z = 0.6  # segments of two columns are many: their z-scores must be this much larger
WIDER_Z = 0.7
UNSEEN_SD = 0.03  # of win rates: unrecorded differences, added to reported intervals
MIN_EFFECT_PP = 5.0  # smaller estimated effects are not reported


@dataclass(frozen=True, kw_only=True)
class FoundBottleneck:
    """A condition that costs wins in a segment.

    `effect`, `low`, `high` (90 %) differences in win rate that allow for its having been chosen; `measured`
    the plain difference on deals not used to find it; `q` its q-value (false-discovery rate); `deals` with
    the condition in the segment, `rate_with` and `rate_without` their plain win rates.
    """

    contrast: int
    segment: int
    key: SegmentKey
    effect: float
    low: float
    high: float
    measured: float
    q: float
    deals: int
    rate_with: float
    rate_without: float


@dataclass(frozen=True)
class _Screened:
    """A condition screened in one half, its z-score, and the deals set aside before it.

    `end`: among the deals that reached the last stage, not among all.
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


def search_conditions(contrasts: Sequence[ConditionContrast], part: float = 1.0) -> list[FoundBottleneck]:
    """The bottlenecks of these contrasts, the most significant first.

    `part`: the part of the false-discovery rate that may be spent on them; q-values refer to all of it.
    """
    tested: list[_Tested] = []
    for half in (0, 1):
        chosen = _screen(contrasts, half)
        tested += _test(contrasts, chosen, 1 - half, part)
    significant = [
        candidate
        for candidate in tested
        if candidate.q <= FALSE_SHARE and candidate.effect <= -MIN_EFFECT_PP / 100
    ]
    return _merged(
        contrasts, sorted(significant, key=lambda candidate: (candidate.q, candidate.screened)), tested
    )


def _screen(contrasts: Sequence[ConditionContrast], half: int) -> list[_Screened]:
    """The conditions that stand out in one half, strongest first."""
    handicaps = [np.array([PAIR_Z * (len(key.parts) - 1) for key in t.cohort.segments]) for t in contrasts]
    aside = np.zeros(0, np.int64)
    chosen: list[_Screened] = []
    while len(chosen) < MAX_TESTED:
        best, strongest = None, np.inf
        for number, (contrast, handicap) in enumerate(zip(contrasts, handicaps, strict=True)):
            use = not_among(contrast, aside) & (contrast.cohort.half == half)
            for end in (False, True):
                z = estimate_contrast(_restricted(contrast, end), use, True).z
                stands_out = z + handicap
                if stands_out.min(initial=np.inf) < strongest:
                    first = int(np.argmin(stands_out))
                    at = _widest(contrast.cohort.segments, z, first)
                    strongest = float(stands_out[first])
                    best = _Screened(number, at, end, float(stands_out[at]), aside)
        if best is None or best.z > SCREEN_Z:
            break
        chosen.append(best)
        aside = np.union1d(aside, contrasts[best.contrast].deals_to_set_aside(best.segment))
    return chosen


def _restricted(contrast: ConditionContrast, end: bool) -> ConditionContrast:
    return contrast.last_stage_only if end else contrast


def _widest(segments: Sequence[SegmentKey], z: Floats, at: int) -> int:
    """The segment itself, or one that contains it and stands out almost as much: the more general finding."""
    wider = [n for n, key in enumerate(segments) if segments[at].within(key) and z[n] <= z[at] + WIDER_Z]
    return min(wider, key=lambda n: (len(segments[n].parts), z[n]))


def _test(
    contrasts: Sequence[ConditionContrast], chosen: Sequence[_Screened], half: int, part: float
) -> list[_Tested]:
    """Tests what one half screened on the other half."""
    if not chosen:
        return []
    from scipy.stats import false_discovery_control  # half a second that answers need not wait for

    p, results = [], []
    for candidate in chosen:
        contrast, at = contrasts[candidate.contrast], candidate.segment
        use = not_among(contrast, candidate.aside) & (contrast.cohort.half == half)
        lean, whole = (
            estimate_contrast(_restricted(contrast, candidate.end), use, True),
            estimate_contrast(contrast, use, False),
        )
        results.append((candidate.contrast, at, float(whole.effect[at]), float(whole.sd[at]), candidate.z))
        p.append(float(ndtr(lean.z[at])) if np.isfinite(lean.effect[at]) else 1.0)
    # Half of the false-discovery rate is spent on each direction.
    q = np.minimum(2 * false_discovery_control(p) / part, 1.0)
    return [
        _Tested(number, at, effect, sd, float(q[k]), screened)
        for k, (number, at, effect, sd, screened) in enumerate(results)
    ]


def _merged(
    contrasts: Sequence[ConditionContrast], significant: Sequence[_Tested], tested: Sequence[_Tested]
) -> list[FoundBottleneck]:
    """One finding of those that overlap: same stage and kind, one segment within the other."""
    distinct: list[_Tested] = []
    for candidate in significant:
        if not any(_same(contrasts, candidate, other) for other in distinct):
            distinct.append(candidate)
    measured = [(candidate, _measured(contrasts, candidate, tested)) for candidate in distinct]
    # Where outcomes within a seller or account are correlated, significance by deals may not hold.
    sure = [(candidate, one) for candidate, one in measured if one.effect + Z90 * one.whole_sd < 0]
    if not sure:
        return []
    prior = _prior(contrasts, tested)
    return [_found(contrasts, candidate, one, prior) for candidate, one in sure]


def _same(contrasts: Sequence[ConditionContrast], candidate: _Tested, other: _Tested) -> bool:
    a, b = contrasts[candidate.contrast].condition, contrasts[other.contrast].condition
    key, other_key = (contrasts[x.contrast].cohort.segments[x.segment] for x in (candidate, other))
    same = (a.kind, a.stage, bool(a.feature)) == (b.kind, b.stage, bool(b.feature))
    return same and (key.within(other_key) or other_key.within(key))


def _same_condition(contrasts: Sequence[ConditionContrast], candidate: _Tested, other: _Tested) -> bool:
    a, b = contrasts[candidate.contrast].condition, contrasts[other.contrast].condition
    key, other_key = (contrasts[x.contrast].cohort.segments[x.segment] for x in (candidate, other))
    return (a.kind, a.stage, a.feature) == (b.kind, b.stage, b.feature) and key == other_key


@dataclass(frozen=True)
class _Measured:
    """An effect on the deals that did not screen it, its standard error, and that beyond chance."""

    effect: float
    sd: float
    unseen_sd: float

    @property
    def whole_sd(self) -> float:
        return float(np.hypot(self.sd, self.unseen_sd))


def _measured(
    contrasts: Sequence[ConditionContrast], candidate: _Tested, tested: Sequence[_Tested]
) -> _Measured:
    """The mean effect over the halves that did not screen it; its error with the luck that sellers share."""
    twins = [other for other in tested if _same_condition(contrasts, candidate, other)]
    weight = np.array([1 / twin.sd**2 for twin in twins])
    effect = float(weight @ np.array([twin.effect for twin in twins]) / weight.sum())
    contrast = contrasts[candidate.contrast]
    all_deals = np.ones(len(contrast.with_condition), bool)
    plain = float(estimate_contrast(contrast, all_deals, False).sd[candidate.segment])
    clustered = max(
        clustered_sd(contrast, candidate.segment, all_deals, by)
        for by in (contrast.cohort.seller, contrast.cohort.account)
    )
    wider = max(clustered / plain, 1.0)
    return _Measured(effect, wider * float(weight.sum() ** -0.5), wider * UNSEEN_SD)


def _prior(contrasts: Sequence[ConditionContrast], tested: Sequence[_Tested]) -> EffectPrior:
    """How large the effects are of all conditions that were tested, found or not; each counts once."""
    distinct: list[_Tested] = []
    for one in tested:
        if np.isfinite(one.effect) and not any(_same_condition(contrasts, one, other) for other in distinct):
            distinct.append(one)
    every = [_measured(contrasts, one, tested) for one in distinct]
    return EffectPrior.fit(np.array([one.effect for one in every]), np.array([one.sd for one in every]))


def _found(
    contrasts: Sequence[ConditionContrast], candidate: _Tested, measured: _Measured, prior: EffectPrior
) -> FoundBottleneck:
    """The finding, its effect what is expected of one that was chosen."""
    contrast = contrasts[candidate.contrast]
    expected = prior.given(measured.effect, measured.sd)
    effect, unseen = expected.mean, Z90 * measured.unseen_sd
    inside = contrast.cohort.inside[candidate.segment] > 0
    with_condition, without_condition = contrast.with_condition & inside, contrast.without_condition & inside
    return FoundBottleneck(
        contrast=candidate.contrast,
        segment=candidate.segment,
        key=contrast.cohort.segments[candidate.segment],
        effect=effect,
        low=effect - float(np.hypot(effect - expected.quantile(0.05), unseen)),
        high=effect + float(np.hypot(expected.quantile(0.95) - effect, unseen)),
        measured=measured.effect,
        q=candidate.q,
        deals=int(with_condition.sum()),
        rate_with=float(contrast.outcome[with_condition].mean()),
        rate_without=float(contrast.outcome[without_condition].mean())
        if without_condition.any()
        else float("nan"),
    )
