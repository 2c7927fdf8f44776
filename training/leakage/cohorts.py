"""Which deals are compared with which: of like age, open and ended, now and at past moments?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from crm.instants import DAY
from features.arrays import Flags, Floats, Ints
from training.leakage.facts import MIN_DEALS, DealFacts

BANDS = 5  # of age
LANDMARKS = 10  # past moments at most
FEW_OPEN = 8  # open deals from which they are compared with the ended ones of the same months
PULL = 4.0  # deals' worth by which a cell's mean is pulled to its band's, for the error
FLOOR = 0.01  # added to the variance of a single deal, so that none is taken for certain
MONTH = 30 * DAY


@dataclass(frozen=True)
class Difference:
    """A mean now, less what it was in the past (or among ended deals), and its standard error.

    `here` is the mean of another number over the same open deals, with the same weights.
    """

    gap: float
    error: float
    here: float


@dataclass(frozen=True, kw_only=True)
class Cohorts:
    """Entries (l,): deal `row` is counted in `cell` = (band * moments + moment) * sides + side.

    Moment 0 is the present, the others are `past`; side 0 are deals open at the moment, side 1 those of the
    same cohort that had ended by then. Without past moments the ended deals stand for what is expected.
    """

    row: Ints
    cell: Ints
    bands: int
    past: tuple[int, ...]
    sides: int
    smallest: int  # deals of a mean, at least
    fewest: int  # open deals compared, at least

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bands, moments, sides."""
        return self.bands, 1 + len(self.past), self.sides

    @cached_property
    def only_open(self) -> Cohorts:
        """The open side alone, with larger cells, for what ended deals do not have."""
        use = self.cell % self.sides == 0
        return Cohorts(
            row=self.row[use],
            cell=self.cell[use] // self.sides,
            bands=self.bands,
            past=self.past,
            sides=1,
            smallest=2 * self.smallest,
            fewest=self.fewest,
        )

    @cached_property
    def _past_deals(self) -> tuple[Ints, Ints]:
        """Each deal once for a band and side in which it was counted in the past: row, band and side."""
        moment = self.cell // self.sides % self.shape[1]
        place = self.cell // (self.sides * self.shape[1]) * self.sides + self.cell % self.sides
        pairs = np.unique(np.stack([self.row, place])[:, moment > 0], axis=1)
        return pairs[0], pairs[1]

    def means(self, values: Floats, known: Flags) -> tuple[Floats, Ints]:
        """The mean of known entries (l,) by cell, and their number; 0 where there are none."""
        size = int(np.prod(self.shape))
        count = np.bincount(self.cell[known], minlength=size)
        return np.bincount(self.cell[known], values[known], size) / np.maximum(count, 1), count

    def difference(
        self, values: Floats, known: Flags, shown: Floats, known_rows: Flags, groups: Ints
    ) -> Difference | None:
        """Open now against the past, by bands of age; None where there are too few deals.

        `values`, `known` and `shown` are of entries (l,); `known_rows` and `groups` of deals (n,): the error
        allows for deals of one group sharing a value.
        """
        mean, count = self.means(values, known)
        counts = count.reshape(self.shape)
        weight, share = self._weights(counts, known_rows)
        total = weight.sum()
        if total <= 0 or counts[weight > 0, 0, 0].sum() < self.fewest:
            return None
        sign = np.array([1.0, -1.0])[: self.sides]
        coefficient = np.concatenate([np.ones((self.bands, 1)), -share], axis=1)[:, :, None] * sign
        coefficient = (coefficient * (weight / total)[:, None, None]).ravel()
        each = coefficient / np.maximum(count, 1)
        usual = self._shrunk(mean, count)
        influence = np.where(known, each[self.cell] * (np.nan_to_num(values) - usual[self.cell]), 0.0)
        of_group = np.bincount(groups, np.bincount(self.row, influence, len(groups)))
        error = float(np.sqrt((of_group**2).sum() + FLOOR * (each**2 * count).sum()))
        here = self.means(shown, known)[0].reshape(self.shape)[:, 0, 0]
        return Difference(float(coefficient @ mean), error, float(np.average(here, weights=weight)))

    def _shrunk(self, mean: Floats, count: Ints) -> Floats:
        """Means of cells, pulled to their band's where deals are few: few equal values are not certain."""
        means, counts = mean.reshape(self.bands, -1), count.reshape(self.bands, -1)
        of_band = (means * counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1)
        pulled: Floats = (means * counts + PULL * of_band[:, None]) / (counts + PULL)
        return pulled.ravel()

    def _weights(self, counts: Ints, known_rows: Flags) -> tuple[Floats, Floats]:
        """The weight of each band, and within it the share of each past moment; 0 = too few deals."""
        if not self.past:
            usable = (counts[:, 0] >= 1).all(axis=1)
            spread = (1.0 / np.maximum(counts[:, 0], 1)).sum(axis=1)
            return np.where(usable, 1.0 / spread, 0.0), np.zeros((self.bands, 0))
        enough: Flags = np.all(counts >= self.smallest, axis=2)
        size = counts.prod(axis=2) / np.maximum(counts.sum(axis=2), 1) if self.sides == 2 else counts[:, :, 0]
        share = np.where(enough, size, 0.0)[:, 1:]
        row, place = self._past_deals
        of_past = np.bincount(place[known_rows[row]], minlength=self.bands * self.sides)
        distinct = of_past.reshape(self.bands, self.sides)
        spread = (1.0 / np.maximum(counts[:, 0], 1) + 1.0 / np.maximum(distinct, 1)).sum(axis=1)
        usable = enough[:, 0] & (share.sum(axis=1) > 0)
        return np.where(usable, 1.0 / spread, 0.0), share / np.maximum(
            share.sum(axis=1, keepdims=True), 1e-12
        )


def cohorts_by_age(facts: DealFacts) -> Cohorts | None:
    """Deals of like age, now and at past moments since which nearly all deals then open have ended."""
    begun = facts.created[~facts.done]
    if len(begun) < MIN_DEALS or facts.done.sum() < 2 * MIN_DEALS:
        return None
    lives = facts.life[facts.done]
    age = (facts.as_of - begun) / DAY
    age = age[age <= np.quantile(lives, 0.98)]
    if len(age) < MIN_DEALS:
        return None
    edges = np.unique(np.quantile(age, np.linspace(0, 1, BANDS + 1)))
    last = facts.as_of - int(np.quantile(lives, 0.9) * DAY)
    step = max(int(np.quantile(lives, 0.5) * DAY), DAY)
    past = tuple(range(last, int(facts.created.min()), -step))[:LANDMARKS]
    if not past or len(edges) < 2:
        return None
    parts = []
    for band, (low, high) in enumerate(pairwise(edges)):
        for number, moment in enumerate((facts.as_of, *past)):
            at = (moment - facts.created) / DAY
            rows = np.flatnonzero((at >= low) & (at <= high))
            over = facts.ended_by(moment)[rows]
            parts.append((rows, (band * (1 + len(past)) + number) * 2 + over))
    row, cell = (np.concatenate(column).astype(np.int64) for column in zip(*parts, strict=True))
    return Cohorts(row=row, cell=cell, bands=len(edges) - 1, past=past, sides=2, smallest=4, fewest=MIN_DEALS)


def cohorts_by_month(facts: DealFacts) -> Cohorts | None:
    """Open and ended deals created in the same months; all together where they hardly share a month."""
    if (~facts.done).sum() < FEW_OPEN or facts.done.sum() < MIN_DEALS:
        return None
    month = facts.created // MONTH
    month = np.where(np.isin(month, month[~facts.done]), month - month.min(), -1)
    over, size = facts.done.astype(np.int64), int(month.max()) + 1
    counts = np.stack([np.bincount(month[(month >= 0) & (over == side)], minlength=size) for side in (0, 1)])
    shared = (counts.prod(axis=0) / np.maximum(counts.sum(axis=0), 1)).sum()
    if shared < FEW_OPEN:
        month, size = np.zeros(len(month), np.int64), 1
    row = np.flatnonzero(month >= 0)
    return Cohorts(
        row=row, cell=month[row] * 2 + over[row], bands=size, past=(), sides=2, smallest=1, fewest=FEW_OPEN
    )
