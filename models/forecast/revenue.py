"""What will a deal's final amount be if it is won, given its current amount, if any?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from features.arrays import Flags, Floats, Ints

KNOTS = 101  # quantiles stored of each distribution, at (k + 1/2) / 101
DRAWN_LEVELS = 64  # a distribution as so many equally likely amounts
POOLING_DEALS = 25.0  # number of won deals that the pooled distribution weighs in a group
LARGEST_RATIO = 3.0  # log ratios beyond +-3 (20-fold) are entry errors
# Prior, without won deals: the amount stays as it is, with an sd of 20 %.
PRIOR_SPREAD = 0.2


@dataclass(frozen=True)
class RevenueModel:
    """Final amount given won. Deals with an amount: the distribution of log(final / now) of their stage.

    Deals without: the distribution of log final amounts of their product and segment. Each group's
    distribution is the mixture of its own won deals and of its parent group's (product, then all), so a small
    group is mostly the pooled one. All quantiles are monotone by construction.
    `stage`, `product` and `segment` are the columns of the features that hold the codes; -1 = there is none.
    """

    stage: int
    product: int
    segment: int
    stages: Floats
    ratios: Floats  # (stages + 1, KNOTS), the last row for stages unknown or unseen
    products: Floats  # (groups, 2): product and segment codes
    amounts: Floats  # (groups + 1, KNOTS) of log amounts, the last row for all
    currency: str
    won_deals: int

    def quantiles(self, x: Floats, amount_now: Floats, levels: ArrayLike) -> Floats:
        """Final amounts (n, levels) if won, for features (n, k) and present amounts (n,), NaN = none."""
        return self._amounts(x, amount_now, self._read(np.asarray(levels, np.float64)))

    def draws(self, x: Floats, amount_now: Floats) -> Floats:
        """Final amounts if won as 64 equally likely ones (n, 64), ascending; their mean is expected."""
        return self._amounts(x, amount_now, self._drawn)

    def mean(self, x: Floats, amount_now: Floats) -> Floats:
        """Expected final amount (n,) if won."""
        out: Floats = self.draws(x, amount_now).mean(axis=1)
        return out

    def _read(self, levels: Floats) -> Floats:
        """All distributions at some levels: (stages + 1 + groups + 1, levels)."""
        at, rows = (np.arange(KNOTS) + 0.5) / KNOTS, np.concatenate([self.ratios, self.amounts])
        return np.array([np.interp(levels, at, row) for row in rows])

    @cached_property
    def _drawn(self) -> Floats:
        """All distributions as equally likely values."""
        return self._read((np.arange(DRAWN_LEVELS) + 0.5) / DRAWN_LEVELS)

    def _amounts(self, x: Floats, amount_now: Floats, table: Floats) -> Floats:
        """Final amounts (n, levels) from all distributions at these levels."""
        known = ~np.isnan(amount_now) & (amount_now > 0)
        base = np.where(known, np.log(np.where(known, amount_now, 1.0)), 0.0)
        out: Floats = np.exp(base[:, None] + table[self._rows(x, known)])
        return out

    def _rows(self, x: Floats, known: Flags) -> Ints:
        """Which of all distributions is each deal's."""
        stage_row = row_of(np.stack([_column(x, self.stage)], axis=1), self.stages[:, None])
        pair = np.stack([_column(x, self.product), _column(x, self.segment)], axis=1)
        group = row_of(pair, self.products)
        alone = np.stack([pair[:, 0], np.full(len(pair), -1.0)], axis=1)
        group = np.where(group < len(self.products), group, row_of(alone, self.products))
        return np.where(known, stage_row, len(self.ratios) + group)

    def to_json(self) -> dict[str, Any]:
        """What is stored as text."""
        names = ("stage", "product", "segment", "currency", "won_deals")
        return {name: getattr(self, name) for name in names}

    def arrays(self) -> dict[str, Floats]:
        """What is stored as arrays."""
        return {name: getattr(self, name) for name in ("stages", "ratios", "products", "amounts")}

    @classmethod
    def restored(cls, stored: Mapping[str, Any], arrays: Mapping[str, Floats]) -> RevenueModel:
        """The model that `to_json` and `arrays` stored."""
        return cls(**{**stored, **arrays})


def fit_revenue(
    x: Floats,
    amount_now: Floats,
    final: Floats,
    deal: Ints,
    columns: tuple[int, int, int],
    currency: str = "JPY",
) -> RevenueModel:
    """The model from moments (n,) of won deals: features, amount then (NaN = none), final amount, deal.

    `columns`: where stage, product and segment are in the features, -1 = nowhere. Rows whose final amount is
    not above 0 are left out: they have no log ratio.
    """
    usable = ~np.isnan(final) & (final > 0)
    x, amount_now, final, deal = x[usable], amount_now[usable], final[usable], deal[usable]
    stage, product, segment = (_column(x, index) for index in columns)
    known = ~np.isnan(amount_now) & (amount_now > 0)
    ratio = np.clip(np.log(final[known] / amount_now[known]), -LARGEST_RATIO, LARGEST_RATIO)
    prior = PRIOR_SPREAD * _normal_quantiles()
    pooled = _pooled_quantiles(ratio, deal[known], prior, 5.0)
    stages = np.unique(stage[~np.isnan(stage)])
    of_stage = [
        _pooled_quantiles(ratio[stage[known] == s], deal[known][stage[known] == s], pooled, POOLING_DEALS)
        for s in stages
    ]
    # Final amounts are counted once per deal, at its first moment.
    _, once = np.unique(deal, return_index=True)
    logs, product, segment = np.log(final[once]), product[once], segment[once]
    centre = float(logs.mean()) if len(logs) else 0.0
    overall = _pooled_quantiles(logs, deal[once], centre + 1.0 * _normal_quantiles(), 5.0)
    groups: list[tuple[float, float]] = []
    amounts: list[Floats] = []
    for code in np.unique(product[~np.isnan(product)]):
        of_this_product = product == code
        of_product = _pooled_quantiles(logs[of_this_product], deal[once][of_this_product], overall, 10.0)
        groups.append((float(code), -1.0))
        amounts.append(of_product)
        for part in np.unique(segment[of_this_product & ~np.isnan(segment)]):
            both = of_this_product & (segment == part)
            groups.append((float(code), float(part)))
            amounts.append(_pooled_quantiles(logs[both], deal[once][both], of_product, 10.0))
    return RevenueModel(
        *columns,
        stages,
        np.stack([*of_stage, pooled]),
        np.asarray(groups, np.float64).reshape(-1, 2),
        np.stack([*amounts, overall]),
        currency,
        len(once),
    )


def row_of(keys: Floats, table: Floats) -> Ints:
    """Row of each key (n, c) in a table (t, c); t where it is missing (or NaN).

    >>> row_of(np.array([[2.0], [9.0]]), np.array([[1.0], [2.0]])).tolist()
    [1, 2]
    """
    if not len(table):
        return np.zeros(len(keys), np.int64)
    same = (keys[:, None, :] == table[None, :, :]).all(axis=2)
    return np.where(same.any(axis=1), same.argmax(axis=1), len(table)).astype(np.int64)


def _pooled_quantiles(values: Floats, deal: Ints, base: Floats, pull: float) -> Floats:
    """Quantiles (KNOTS,) of the mixture of values (each deal one vote) and `base`, weighing `pull` deals."""
    if not len(values):
        return base
    votes = np.full(len(values), len(np.unique(deal)) / len(values))
    every = np.concatenate([values, base])
    weight = np.concatenate([votes, np.full(len(base), pull / len(base))])
    order = np.argsort(every, kind="stable")
    reached = np.cumsum(weight[order])
    middle = (reached - 0.5 * weight[order]) / reached[-1]
    out: Floats = np.interp((np.arange(KNOTS) + 0.5) / KNOTS, middle, every[order])
    return out


def _normal_quantiles() -> Floats:
    out: Floats = ndtri((np.arange(KNOTS) + 0.5) / KNOTS)
    return out


def _column(x: Floats, index: int) -> Floats:
    return x[:, index] if index >= 0 else np.full(len(x), np.nan)
