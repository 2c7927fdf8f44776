"""How do each person's results compare with what an average rep would have won with the same deals?

Each closed deal's chance and amount are predicted from what was known when its last owner received it, by
cross-fitted trees (five folds) without features of the owner. Over a period the expectations are scaled to
the company's results, so the average rep is the company's. A person's difference is shrunk towards zero by
the share of the variance between people that is chance (empirical Bayes, variance as in DerSimonian & Laird
1986).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from crm.eventlog import EventLog
from crm.frames import codes_in, micros
from crm.instants import NEVER
from features import Feature, History, build_features
from features.arrays import Flags, Floats, Ints
from models.bundle import Bundle
from models.crossfit import cross_fitted, folds_of
from models.forecast.organisation import ScopeTree
from models.statistics import Z80, pooled_with_prior, variance_beyond_chance

# Coefficient of variation between reps: its prior, the weight of the prior in people, its lower bound.
_PRIOR_CV, _PRIOR_PEOPLE, _LEAST_CV = 0.2, 10.0, 0.05


@dataclass(frozen=True)
class AttributedDeals:
    """Closed deals (n,): owner, closing instant, whether won, revenue, expected chance and amount.

    `amount_sd`: standard deviation of the logarithm of amounts around the expected one.
    """

    person: Ints
    closed: Ints
    won: Flags
    revenue: Floats
    chance: Floats
    amount: Floats
    amount_sd: float

    def within(self, first: int, end: int) -> AttributedDeals:
        """The deals closed in [first, end), with expectations scaled so that they sum to the results."""
        use = (self.closed >= first) & (self.closed < end)
        inside = replace(
            self,
            person=self.person[use],
            closed=self.closed[use],
            won=self.won[use],
            revenue=self.revenue[use],
            chance=self.chance[use],
            amount=self.amount[use],
        )
        won = inside.won.sum()
        if not 0 < won < len(inside.won):
            return inside
        from scipy.optimize import brentq

        odds = logit(np.clip(inside.chance, 1e-4, 1 - 1e-4))
        shift = brentq(lambda by: float(expit(odds + by).sum()) - won, -20, 20)
        chance = expit(odds + shift)
        expected = float(chance @ inside.amount)
        return replace(
            inside,
            chance=chance,
            amount=inside.amount * (inside.revenue.sum() / expected if expected else 1.0),
        )


@dataclass(frozen=True)
class ResultsAboveExpected:
    """By group (g,): deals closed, wins and revenue, expected wins and revenue, and the differences.

    `wins_above`, `revenue_above` (g, 3): lower end, middle and upper end of the 80% interval of the
    difference that is not due to chance.
    """

    deals: Floats
    wins: Floats
    expected_wins: Floats
    wins_above: Floats
    revenue: Floats
    expected_revenue: Floats
    revenue_above: Floats


def attributed_deals(
    bundle: Bundle,
    history: History,
    columns: Ints,
    known: EventLog,
    organisation: ScopeTree,
    moment: int,
) -> AttributedDeals:
    """All deals closed before the moment; `columns`: the model's features among those of the history."""
    deals = known["deals"]
    closed = micros(deals["closed_at"])
    outcome = deals["outcome"].astype(object)
    rows = np.flatnonzero((closed != NEVER) & (closed < moment) & outcome.notna().to_numpy())
    ids = deals["deal_id"].astype(object).to_numpy()[rows]
    number = codes_in(pd.Series(ids, dtype=object), history.deal_ids)
    received = _received_at(known, ids, micros(deals["created_at"])[rows], closed[rows])
    x = build_features(history, number, received)[:, columns][:, bundle.win.used]
    features = [history.features[at] for at in columns[bundle.win.used]]
    without_seller = [
        at
        for at, feature in enumerate(features)
        if feature.group != "seller" and "deals.owner_id" not in feature.reads
    ]
    x, features = x[:, without_seller], [features[at] for at in without_seller]
    won = (outcome == "won").to_numpy()[rows]
    revenue = np.where(won, deals["amount"].fillna(0.0).to_numpy(float)[rows], 0.0)
    person = organisation.person(pd.Index(deals["owner_id"].astype(object).to_numpy()[rows]))
    fold = folds_of(np.arange(len(rows)))
    chance = cross_fitted(x, features, won.astype(float), fold)
    amount, amount_sd = _amounts(x, features, won, revenue, fold)
    return AttributedDeals(person, closed[rows], won, revenue, chance, amount, amount_sd)


def results_above_expected(
    deals: AttributedDeals, recent: AttributedDeals, group: Ints, groups: int
) -> ResultsAboveExpected:
    """Results of groups in `deals`; `group` (people + 1,) is each person's, -1 = none.

    `recent`: the deals from which the variance between groups is estimated.
    """
    variances = []
    for wins in (True, False):
        effect, noise, _, _ = _effects(recent, group, groups, wins)
        variances.append(_variance_between(effect, noise))
    closed, won, expected_wins, wins_above = _above(deals, group, groups, True, variances[0])
    _, revenue, expected_revenue, revenue_above = _above(deals, group, groups, False, variances[1])
    return ResultsAboveExpected(
        closed, won, expected_wins, wins_above, revenue, expected_revenue, revenue_above
    )


def _above(
    deals: AttributedDeals, group: Ints, groups: int, wins: bool, between: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """(deals, actual, expected, [lower, middle, upper] of the difference that is not chance) by group."""
    effect, noise, actual, expected = _effects(deals, group, groups, wins)
    group_of_deal = group[deals.person]
    closed = np.bincount(group_of_deal[group_of_deal >= 0], minlength=groups).astype(float)
    reliability = np.where(np.isfinite(noise), between / (between + noise), 0.0)
    middle = reliability * np.where(np.isfinite(noise), effect, 0.0)
    sd = np.sqrt(between * (1 - reliability))
    above = np.stack([middle - Z80 * sd, middle, middle + Z80 * sd], axis=1) * expected[:, None]
    return closed, actual, expected, above


def _effects(
    deals: AttributedDeals, group: Ints, groups: int, wins: bool
) -> tuple[Floats, Floats, Floats, Floats]:
    """(relative difference, its variance by chance, actual, expected) by group."""
    group_of_deal = group[deals.person]
    use = group_of_deal >= 0
    p, amount = deals.chance[use], np.ones(int(use.sum())) if wins else deals.amount[use]
    outcome = deals.won[use].astype(float) if wins else deals.revenue[use]
    noise = p * (1 - p) * amount**2
    if not wins:
        noise = noise + p * amount**2 * np.expm1(deals.amount_sd**2)
    actual, expected, variance = (
        np.bincount(group_of_deal[use], values, groups).astype(float)
        for values in (outcome, p * amount, noise)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = (actual - expected) / expected
        return relative, np.where(expected > 0, variance / expected**2, np.inf), actual, expected


def _variance_between(effect: Floats, noise: Floats) -> float:
    """The variance of effects between groups that is not due to chance."""
    use = np.isfinite(noise) & (noise > 0)
    if use.sum() < 3:
        return _PRIOR_CV**2
    estimate = variance_beyond_chance(effect[use], noise[use])
    return max(pooled_with_prior(estimate, use.sum() - 1.0, _PRIOR_CV**2, _PRIOR_PEOPLE), _LEAST_CV**2)


def _received_at(known: EventLog, ids: NDArray[np.object_], created: Ints, closed: Ints) -> Ints:
    """When the last owner received each deal: at the last hand-over before closing, else after creation."""
    events = known["deal_events"]
    hand_overs = events[(events["field"] == "owner_id").to_numpy()]
    row = codes_in(hand_overs["deal_id"], pd.Index(ids, dtype=object))
    at = micros(hand_overs["at"])
    inside = row >= 0
    row, at = row[inside], at[inside]
    before_closing = at < closed[row]
    received = created.copy()
    np.maximum.at(received, row[before_closing], at[before_closing])
    return np.asarray(np.minimum(received + 1, closed))


def _amounts(
    x: Floats, features: list[Feature], won: Flags, revenue: Floats, fold: Ints
) -> tuple[Floats, float]:
    """(expected amount if won (n,), standard deviation of the logarithm around it)."""
    use = won & (revenue > 0)
    if not use.any():
        return np.zeros(len(won)), 0.0
    logs = np.log(np.where(use, revenue, 1.0))
    log_amounts = cross_fitted(x, features, logs, fold, use, objective="regression")
    residual = logs[use] - log_amounts[use]
    return np.exp(log_amounts) * float(np.exp(residual).mean()), float(residual.std())
