"""What is held against what? Deals that stayed too long, and those that went on in time, from one start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from features.arrays import Flags, Floats, Ints

Matrix = NDArray[np.float32]

MIN_DEALS = 40  # with the condition inside a segment, for it to be looked at
MIN_WITHOUT = 15  # without it: what would have become of them
# What a segment's deals may differ by for reasons that no column shows, as spreads of the win rate: in all of
# them alike (part of which the deals without the condition show), and in those with the condition alone.
SEGMENT_SD, CONDITION_SD = 0.03, 0.01


@dataclass(frozen=True)
class SegmentKey:
    """Columns' values that make a segment: ((column, code), ...), one or two of them."""

    parts: tuple[tuple[str, int], ...]

    def within(self, other: SegmentKey) -> bool:
        """Whether all deals of this segment are in the other."""
        return set(other.parts) <= set(self.parts)


@dataclass(frozen=True)
class Condition:
    """What went wrong between a stage and the next.

    kind "interval": still in `stage` more than `days` after coming to it, held against those who went on by
    then; with a `feature` ("meeting_to_proposal_days"), that interval was longer, among those who went on.
    kind "activity_gap": nobody turned to the customer in the first `days` in `stage`, against those with whom
    there was contact, both still there then; with a `feature` ("demos"), the deal went on without one.
    kind "conversion": fewer go on from `stage` than the segment's progress elsewhere would have.
    """

    kind: str
    stage: str
    next_stage: str
    days: int
    feature: str = ""


@dataclass(frozen=True)
class StageCohort:
    """Deals (n,) that came to one stage, whose end is known.

    `deal` their number, `account`, `seller` whose (-1 = nobody's), `half` which half of the history they
    fall into. `segments` (s,) and who is `inside` (s, n).
    """

    deal: Ints
    account: Ints
    seller: Ints
    half: Ints
    segments: tuple[SegmentKey, ...]
    inside: Matrix


@dataclass(frozen=True)
class ConditionContrast:
    """One condition among the deals that came to its stage: `with_condition` and `without_condition` (n,), the rest says nothing.

    `outcome` (n,) 0/1, and the chance of it `expected` at the start by trees that did not see the deal;
    `reached_last_stage` (n,) got as far as the last stage.
    """

    condition: Condition
    cohort: StageCohort
    with_condition: Flags
    without_condition: Flags
    outcome: Floats = field(repr=False)
    expected: Floats = field(repr=False)
    reached_last_stage: Flags = field(repr=False)
    condition_sd: float = CONDITION_SD

    @cached_property
    def last_stage_only(self) -> ConditionContrast:
        """The same among those that got as far as the last stage only.

        What became of the others on the way says little of a condition that shows when the customer decides:
        without their luck it stands out more.
        """
        return replace(
            self,
            with_condition=self.with_condition & self.reached_last_stage,
            without_condition=self.without_condition & self.reached_last_stage,
        )

    def deals_to_set_aside(self, segment: int) -> Ints:
        """Numbers of the deals that a finding is about, to be set aside.

        Where the others of the segment would be a selection by how they got on, all of the segment.
        """
        inside = self.cohort.inside[segment] > 0
        selects = self.condition.feature or self.condition.kind == "conversion"
        return np.unique(self.cohort.deal[inside if selects else inside & self.with_condition])

    def in_segments(self, segments: Flags) -> ConditionContrast:
        """The same trial of some segments (s,) only."""
        chosen = [key for key, use in zip(self.cohort.segments, segments, strict=True) if use]
        starts = replace(self.cohort, segments=tuple(chosen), inside=self.cohort.inside[segments])
        return replace(self, cohort=starts)

    @cached_property
    def residual(self) -> Floats:
        """What came of each deal beyond what deals of its prospects come to, with the condition or without.

        (n,); deals slow everywhere because they were weak come out at 0.
        """
        return np.asarray(
            np.where(self.with_condition | self.without_condition, self.outcome - self._usual, 0.0)
        )

    @cached_property
    def variance(self) -> Floats:
        """Variance (n,) of each deal's outcome by luck."""
        usual = np.clip(self._usual, 0.02, 0.98)
        return np.asarray(np.where(self.with_condition | self.without_condition, usual * (1 - usual), 0.0))

    @cached_property
    def _usual(self) -> Floats:
        odds = logit(np.clip(self.expected, 0.005, 0.995))
        design = np.column_stack([np.ones(len(odds)), odds, odds**2])
        usual = self.expected.copy()
        for part in (self.with_condition, self.without_condition):
            if part.any():
                usual[part] = design[part] @ np.linalg.lstsq(design[part], self.outcome[part], rcond=None)[0]
        return usual


@dataclass(frozen=True)
class ContrastEstimates:
    """Of segments (s,): how much worse the condition goes with inside than outside, and how sure that is.

    `effect` difference in win rate; `sd` its standard error, with what no column shows; `with_condition` deals with the
    condition. NaN where there are too few.
    """

    effect: Floats
    sd: Floats
    met: Floats

    @property
    def z(self) -> Floats:
        """Effects in standard errors; 0 where there are too few deals."""
        return np.asarray(np.nan_to_num(self.effect / self.sd))


def estimate_contrast(trial: ConditionContrast, use: Flags, lean: bool) -> ContrastEstimates:
    """The condition inside each segment against outside, over the deals `use` (n,).

    What a segment's deals have in common whether or not they met the condition is set aside: with `lean` as
    far as those without it show it (an empirical-Bayes mean: less noise, for finding), else wholly (no bias,
    for estimating).
    """
    inside = trial.cohort.inside
    left, chance = trial.residual, trial.variance
    met, spared = (
        (trial.with_condition & use).astype(np.float32),
        (trial.without_condition & use).astype(np.float32),
    )
    columns = np.column_stack([met, met * left, met * chance, spared, spared * left, spared * chance]).astype(
        np.float32
    )
    here = (inside @ columns).astype(np.float64)
    there = columns.sum(0, dtype=np.float64) - here
    with np.errstate(divide="ignore", invalid="ignore"):
        slow = here[:, 1] / here[:, 0] - there[:, 1] / there[:, 0]
        slow_var = here[:, 2] / here[:, 0] ** 2 + there[:, 2] / there[:, 0] ** 2
        enough = (here[:, 0] >= MIN_DEALS) & (there[:, 0] >= MIN_DEALS)
        quick = here[:, 4] / here[:, 3] - there[:, 4] / there[:, 3]
        quick_var = here[:, 5] / here[:, 3] ** 2 + there[:, 5] / there[:, 3] ** 2
        kept = SEGMENT_SD**2 / (SEGMENT_SD**2 + quick_var) if lean else np.ones(len(quick))
        effect = slow - kept * quick
        variance = slow_var + kept**2 * quick_var + ((1 - kept) * SEGMENT_SD) ** 2
        enough &= (here[:, 3] >= MIN_WITHOUT) & (there[:, 3] >= MIN_DEALS)
        sd = np.sqrt(variance + trial.condition_sd**2)
    none = np.where(enough, 0.0, np.nan)
    return ContrastEstimates(effect + none, sd + none, here[:, 0])


def clustered_sd(trial: ConditionContrast, number: int, use: Flags, by: Ints) -> float:
    """Standard error of one segment's whole contrast where deals of one seller (or account) share their luck.

    The sandwich of a difference of means, clusters `by` (n,), -1 = alone.
    """
    inside = trial.cohort.inside[number] > 0
    weight = np.zeros(len(by))
    for part, sign in ((trial.with_condition & use, 1.0), (trial.without_condition & use, -1.0)):
        for side, way in ((inside, 1.0), (~inside, -1.0)):
            these = part & side
            weight[these] = sign * way / max(these.sum(), 1)
    pulls = weight * (trial.residual - _mean_of(trial, inside, use))
    alone = by < 0
    grouped = np.bincount(by[~alone], pulls[~alone]) if (~alone).any() else np.zeros(1)
    return float(np.sqrt((grouped**2).sum() + (pulls[alone] ** 2).sum() + trial.condition_sd**2))


def _mean_of(trial: ConditionContrast, inside: Flags, use: Flags) -> Floats:
    """The mean of what is left over, by (condition, segment), at each deal (n,)."""
    out = np.zeros(len(inside))
    for part in (trial.with_condition & use, trial.without_condition & use):
        for side in (inside, ~inside):
            these = part & side
            if these.any():
                out[these] = trial.residual[these].mean()
    return out


def not_among(trial: ConditionContrast, deals: Ints) -> Flags:
    """Which of a trial's deals (n,) are none of `deals`."""
    return np.asarray(~np.isin(trial.cohort.deal, deals))
