"""What is compared with what? Deals of one stage that meet a condition, and those that do not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from features.arrays import Flags, Floats, Ints

Matrix = NDArray[np.float32]

MIN_DEALS = 40  # with the condition inside a segment, for it to be tested
MIN_WITHOUT = 15  # without the condition: the comparison group
# Unrecorded differences of a segment's deals, as sd of the win rate: common to all of them (partly visible in
# the deals without the condition), and of those with the condition only.
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

    kind "interval": still in `stage` more than `days` after entering it, compared with those that had
    advanced; with a `feature` ("meeting_to_proposal_days"), that interval was longer, among those that
    advanced. kind "activity_gap": the customer was not contacted in the first `days` in `stage`, compared
    with those contacted, both still in it then; with a `feature` ("demos"), the deal advanced without one.
    kind "conversion": fewer advance from `stage` than expected from the segment's progress elsewhere.
    """

    kind: str
    stage: str
    next_stage: str
    days: int
    feature: str = ""


@dataclass(frozen=True)
class StageCohort:
    """Deals (n,) that entered one stage and whose outcome is known.

    `deal` their number, `account` and `seller` (-1 = none), `half` which half of the history they
    belong to. `segments` (s,) and which deals are `inside` (s, n).
    """

    deal: Ints
    account: Ints
    seller: Ints
    half: Ints
    segments: tuple[SegmentKey, ...]
    inside: Matrix


@dataclass(frozen=True)
class ConditionContrast:
    """One condition among the deals that entered its stage.

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
        """The same contrast among deals that reached the last stage only.

        Deals lost earlier say little about a condition that matters when the customer decides: without their
        noise it stands out more.
        """
        return replace(
            self,
            with_condition=self.with_condition & self.reached_last_stage,
            without_condition=self.without_condition & self.reached_last_stage,
        )

    def deals_to_set_aside(self, segment: int) -> Ints:
        """Numbers of the deals that explain a finding, to be set aside.

        The whole segment, where its other deals would be selected by their progress.
        """
        inside = self.cohort.inside[segment] > 0
        selects = self.condition.feature or self.condition.kind == "conversion"
        return np.unique(self.cohort.deal[inside if selects else inside & self.with_condition])

    def in_segments(self, segments: Flags) -> ConditionContrast:
        """The same contrast for some segments (s,) only."""
        chosen = [key for key, use in zip(self.cohort.segments, segments, strict=True) if use]
        starts = replace(self.cohort, segments=tuple(chosen), inside=self.cohort.inside[segments])
        return replace(self, cohort=starts)

    @cached_property
    def residual(self) -> Floats:
        """Each deal's outcome minus the expected outcome of similar deals with, or without, the condition.

        (n,); deals that are slow because they are weak have a residual of about 0.
        """
        return np.asarray(
            np.where(self.with_condition | self.without_condition, self.outcome - self._usual, 0.0)
        )

    @cached_property
    def variance(self) -> Floats:
        """Variance (n,) of each deal's outcome by chance."""
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
    """Of segments (s,): the condition's effect inside minus outside, and its standard error.

    `effect` difference in win rate; `sd` its standard error, including unrecorded differences;
    `with_condition` deals with the condition. NaN where there are too few.
    """

    effect: Floats
    sd: Floats
    met: Floats

    @property
    def z(self) -> Floats:
        """Effects in standard errors; 0 where there are too few deals."""
        return np.asarray(np.nan_to_num(self.effect / self.sd))


def estimate_contrast(contrast: ConditionContrast, use: Flags, lean: bool) -> ContrastEstimates:
    """The condition's effect inside each segment minus outside, over the deals `use` (n,).

    The difference that a segment's deals show without the condition is subtracted: with `lean` shrunk (an
    empirical-Bayes mean: less noise, for screening), else in full (no bias, for estimating).
    """
    inside = contrast.cohort.inside
    residual, variance = contrast.residual, contrast.variance
    with_condition, without_condition = (
        (contrast.with_condition & use).astype(np.float32),
        (contrast.without_condition & use).astype(np.float32),
    )
    columns = np.column_stack(
        [
            with_condition,
            with_condition * residual,
            with_condition * variance,
            without_condition,
            without_condition * residual,
            without_condition * variance,
        ]
    ).astype(np.float32)
    in_sums = (inside @ columns).astype(np.float64)
    out_sums = columns.sum(0, dtype=np.float64) - in_sums
    with np.errstate(divide="ignore", invalid="ignore"):
        with_gap = in_sums[:, 1] / in_sums[:, 0] - out_sums[:, 1] / out_sums[:, 0]
        with_var = in_sums[:, 2] / in_sums[:, 0] ** 2 + out_sums[:, 2] / out_sums[:, 0] ** 2
        enough = (in_sums[:, 0] >= MIN_DEALS) & (out_sums[:, 0] >= MIN_DEALS)
        without_gap = in_sums[:, 4] / in_sums[:, 3] - out_sums[:, 4] / out_sums[:, 3]
        without_var = in_sums[:, 5] / in_sums[:, 3] ** 2 + out_sums[:, 5] / out_sums[:, 3] ** 2
        shrinkage = SEGMENT_SD**2 / (SEGMENT_SD**2 + without_var) if lean else np.ones(len(without_gap))
        effect = with_gap - shrinkage * without_gap
        variance = with_var + shrinkage**2 * without_var + ((1 - shrinkage) * SEGMENT_SD) ** 2
        enough &= (in_sums[:, 3] >= MIN_WITHOUT) & (out_sums[:, 3] >= MIN_DEALS)
        sd = np.sqrt(variance + contrast.condition_sd**2)
    missing = np.where(enough, 0.0, np.nan)
    return ContrastEstimates(effect + missing, sd + missing, in_sums[:, 0])


def clustered_sd(contrast: ConditionContrast, number: int, use: Flags, by: Ints) -> float:
    """Standard error of one segment's contrast when outcomes within a seller (or account) are correlated.

    The sandwich of a difference of means, clusters `by` (n,), -1 = alone.
    """
    inside = contrast.cohort.inside[number] > 0
    weight = np.zeros(len(by))
    for part, sign in ((contrast.with_condition & use, 1.0), (contrast.without_condition & use, -1.0)):
        for side, side_sign in ((inside, 1.0), (~inside, -1.0)):
            members = part & side
            weight[members] = sign * side_sign / max(members.sum(), 1)
    influence = weight * (contrast.residual - _mean_of(contrast, inside, use))
    alone = by < 0
    grouped = np.bincount(by[~alone], influence[~alone]) if (~alone).any() else np.zeros(1)
    return float(np.sqrt((grouped**2).sum() + (influence[alone] ** 2).sum() + contrast.condition_sd**2))


def _mean_of(contrast: ConditionContrast, inside: Flags, use: Flags) -> Floats:
    """The mean residual by (condition, segment), at each deal (n,)."""
    out = np.zeros(len(inside))
    for part in (contrast.with_condition & use, contrast.without_condition & use):
        for side in (inside, ~inside):
            members = part & side
            if members.any():
                out[members] = contrast.residual[members].mean()
    return out


def not_among(contrast: ConditionContrast, deals: Ints) -> Flags:
    """Which of a contrast's deals (n,) are not among `deals`."""
    return np.asarray(~np.isin(contrast.cohort.deal, deals))
