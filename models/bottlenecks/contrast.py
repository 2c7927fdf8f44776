"""What is held against what? Deals that stayed too long, and those that went on in time, from one start."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from features.arrays import Flags, Floats, Ints

Matrix = NDArray[np.float32]

LEAST_DEALS = 40  # with the condition inside a segment, for it to be looked at
LEAST_QUICK = 15  # without it: what would have become of them
# What a segment's deals may differ by for reasons that no column shows, as spreads of the win rate: in all of
# them alike (part of which the deals without the condition show), and in those with the condition alone.
ALIKE_SD, ALONE_SD = 0.03, 0.01


@dataclass(frozen=True)
class Key:
    """Columns' values that make a segment: ((column, code), ...), one or two of them."""

    parts: tuple[tuple[str, int], ...]

    def within(self, other: Key) -> bool:
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
    following: str
    days: int
    feature: str = ""


@dataclass(frozen=True)
class Starts:
    """Deals (n,) that came to one stage, whose end is known.

    `deal` their number, `account`, `seller` whose (-1 = nobody's), `block` which half of the history they
    fall into. `segments` (s,) and who is `inside` (s, n).
    """

    deal: Ints
    account: Ints
    seller: Ints
    block: Ints
    segments: tuple[Key, ...]
    inside: Matrix


@dataclass(frozen=True)
class Trial:
    """One condition among the deals that came to its stage: `met` and `spared` (n,), the rest says nothing.

    `outcome` (n,) 0/1, and the chance of it `foreseen` at the start by trees that did not see the deal;
    `decided` (n,) got as far as the last stage.
    """

    condition: Condition
    starts: Starts
    met: Flags
    spared: Flags
    outcome: Floats = field(repr=False)
    foreseen: Floats = field(repr=False)
    decided: Flags = field(repr=False)
    alone_sd: float = ALONE_SD

    @cached_property
    def at_the_end(self) -> Trial:
        """The same among those that got as far as the last stage only.

        What became of the others on the way says little of a condition that shows when the customer decides:
        without their luck it stands out more.
        """
        return replace(self, met=self.met & self.decided, spared=self.spared & self.decided)

    def fell_in(self, segment: int) -> Ints:
        """Numbers of the deals that a finding is about, to be set aside.

        Where the others of the segment would be a selection by how they got on, all of the segment.
        """
        inside = self.starts.inside[segment] > 0
        selects = self.condition.feature or self.condition.kind == "conversion"
        return np.unique(self.starts.deal[inside if selects else inside & self.met])

    def among(self, segments: Flags) -> Trial:
        """The same trial of some segments (s,) only."""
        chosen = [key for key, use in zip(self.starts.segments, segments, strict=True) if use]
        starts = replace(self.starts, segments=tuple(chosen), inside=self.starts.inside[segments])
        return replace(self, starts=starts)

    @cached_property
    def left(self) -> Floats:
        """What came of each deal beyond what deals of its prospects come to, with the condition or without.

        (n,); deals slow everywhere because they were weak come out at 0.
        """
        return np.asarray(np.where(self.met | self.spared, self.outcome - self._usual, 0.0))

    @cached_property
    def chance(self) -> Floats:
        """Variance (n,) of each deal's outcome by luck."""
        usual = np.clip(self._usual, 0.02, 0.98)
        return np.asarray(np.where(self.met | self.spared, usual * (1 - usual), 0.0))

    @cached_property
    def _usual(self) -> Floats:
        odds = logit(np.clip(self.foreseen, 0.005, 0.995))
        design = np.column_stack([np.ones(len(odds)), odds, odds**2])
        usual = self.foreseen.copy()
        for part in (self.met, self.spared):
            if part.any():
                usual[part] = design[part] @ np.linalg.lstsq(design[part], self.outcome[part], rcond=None)[0]
        return usual


@dataclass(frozen=True)
class Contrast:
    """Of segments (s,): how much worse the condition goes with inside than outside, and how sure that is.

    `effect` difference in win rate; `sd` its standard error, with what no column shows; `met` deals with the
    condition. NaN where there are too few.
    """

    effect: Floats
    sd: Floats
    met: Floats

    @property
    def z(self) -> Floats:
        """Effects in standard errors; 0 where there are too few deals."""
        return np.asarray(np.nan_to_num(self.effect / self.sd))


def contrast(trial: Trial, use: Flags, lean: bool) -> Contrast:
    """The condition inside each segment against outside, over the deals `use` (n,).

    What a segment's deals have in common whether or not they met the condition is set aside: with `lean` as
    far as those without it show it (an empirical-Bayes mean: less noise, for finding), else wholly (no bias,
    for estimating).
    """
    inside = trial.starts.inside
    left, chance = trial.left, trial.chance
    met, spared = (trial.met & use).astype(np.float32), (trial.spared & use).astype(np.float32)
    columns = np.column_stack([met, met * left, met * chance, spared, spared * left, spared * chance]).astype(
        np.float32
    )
    here = (inside @ columns).astype(np.float64)
    there = columns.sum(0, dtype=np.float64) - here
    with np.errstate(divide="ignore", invalid="ignore"):
        slow = here[:, 1] / here[:, 0] - there[:, 1] / there[:, 0]
        slow_var = here[:, 2] / here[:, 0] ** 2 + there[:, 2] / there[:, 0] ** 2
        enough = (here[:, 0] >= LEAST_DEALS) & (there[:, 0] >= LEAST_DEALS)
        quick = here[:, 4] / here[:, 3] - there[:, 4] / there[:, 3]
        quick_var = here[:, 5] / here[:, 3] ** 2 + there[:, 5] / there[:, 3] ** 2
        kept = ALIKE_SD**2 / (ALIKE_SD**2 + quick_var) if lean else np.ones(len(quick))
        effect = slow - kept * quick
        variance = slow_var + kept**2 * quick_var + ((1 - kept) * ALIKE_SD) ** 2
        enough &= (here[:, 3] >= LEAST_QUICK) & (there[:, 3] >= LEAST_DEALS)
        sd = np.sqrt(variance + trial.alone_sd**2)
    none = np.where(enough, 0.0, np.nan)
    return Contrast(effect + none, sd + none, here[:, 0])


def clustered_sd(trial: Trial, number: int, use: Flags, by: Ints) -> float:
    """Standard error of one segment's whole contrast where deals of one seller (or account) share their luck.

    The sandwich of a difference of means, clusters `by` (n,), -1 = alone.
    """
    inside = trial.starts.inside[number] > 0
    weight = np.zeros(len(by))
    for part, sign in ((trial.met & use, 1.0), (trial.spared & use, -1.0)):
        for side, way in ((inside, 1.0), (~inside, -1.0)):
            these = part & side
            weight[these] = sign * way / max(these.sum(), 1)
    pulls = weight * (trial.left - _mean_of(trial, inside, use))
    alone = by < 0
    grouped = np.bincount(by[~alone], pulls[~alone]) if (~alone).any() else np.zeros(1)
    return float(np.sqrt((grouped**2).sum() + (pulls[alone] ** 2).sum() + trial.alone_sd**2))


def _mean_of(trial: Trial, inside: Flags, use: Flags) -> Floats:
    """The mean of what is left over, by (condition, segment), at each deal (n,)."""
    out = np.zeros(len(inside))
    for part in (trial.met & use, trial.spared & use):
        for side in (inside, ~inside):
            these = part & side
            if these.any():
                out[these] = trial.left[these].mean()
    return out


def without(trial: Trial, deals: Ints) -> Flags:
    """Which of a trial's deals (n,) are none of `deals`."""
    return np.asarray(~np.isin(trial.starts.deal, deals))
