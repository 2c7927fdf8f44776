"""How do each person's results compare with what an average seller would have won with the same deals?

Each closed deal's chance and amount are predicted from what was known when its last owner received it, by
trees that do not see who sells and were fitted without the deal (five folds). Over a period the expectations
add up to what the company won: the average seller is the company's. A person's difference is shrunk towards
zero by the share of people's differences that is chance (empirical Bayes, variance as in DerSimonian & Laird
1986).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, logit

from crm.eventlog import EventLog, codes_in, micros
from crm.instants import NEVER
from features import Feature, History, build_features
from models.bundle import Bundle
from models.crossfit import cross_fitted, folds_of
from models.forecast.organisation import ScopeTree
from models.statistics import Z80, pooled_with_prior, variance_beyond_chance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

# Prior coefficient of variation of sellers' skill; how many people it counts as; the least ever assumed.
_SKILL_CV, _BELIEVED, _LEAST_CV = 0.2, 10.0, 0.05


@dataclass(frozen=True)
class AttributedDeals:
    """Closed deals (n,): whose, when closed, whether won, revenue, and what was expected of each.

    `amount_sd`: spread of the logarithm of amounts around the expected one.
    """

    person: Ints
    closed: Ints
    won: Flags
    brought: Floats
    chance: Floats
    amount: Floats
    amount_sd: float

    def within(self, first: int, end: int) -> AttributedDeals:
        """Those closed in [first, end), their expectations scaled to add up to the results."""
        use = (self.closed >= first) & (self.closed < end)
        inside = replace(
            self,
            person=self.person[use],
            closed=self.closed[use],
            won=self.won[use],
            brought=self.brought[use],
            chance=self.chance[use],
            amount=self.amount[use],
        )
        won = inside.won.sum()
        if not 0 < won < len(inside.won):
            return inside
        odds = logit(np.clip(inside.chance, 1e-4, 1 - 1e-4))
        shift = brentq(lambda by: float(expit(odds + by).sum()) - won, -20, 20)
        chance = expit(odds + shift)
        due = float(chance @ inside.amount)
        return replace(
            inside, chance=chance, amount=inside.amount * (inside.brought.sum() / due if due else 1.0)
        )


@dataclass(frozen=True)
class ResultsAboveExpected:
    """Of each group (g,): deals closed, wins and revenue, what was expected, and the difference.

    `wins_above`, `revenue_above` (g, 3): lower end, middle and upper end (80%) of the difference not due to
    chance.
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
    """All deals closed before the moment; `columns` are the model's features in the history's."""
    deals = known["deals"]
    closed = micros(deals["closed_at"])
    outcome = deals["outcome"].astype(object)
    over = np.flatnonzero((closed != NEVER) & (closed < moment) & outcome.notna().to_numpy())
    ids = deals["deal_id"].astype(object).to_numpy()[over]
    number = codes_in(pd.Series(ids, dtype=object), history.deal_ids)
    received = _received_at(known, ids, micros(deals["created_at"])[over], closed[over])
    x = build_features(history, number, received)[:, columns][:, bundle.win.used]
    features = [history.features[at] for at in columns[bundle.win.used]]
    without_seller = [
        at
        for at, feature in enumerate(features)
        if feature.group != "seller" and "deals.owner_id" not in feature.reads
    ]
    x, features = x[:, without_seller], [features[at] for at in without_seller]
    won = (outcome == "won").to_numpy()[over]
    revenue = np.where(won, deals["amount"].fillna(0.0).to_numpy(float)[over], 0.0)
    person = organisation.person(pd.Index(deals["owner_id"].astype(object).to_numpy()[over]))
    fold = folds_of(np.arange(len(over)))
    chance = cross_fitted(x, features, won.astype(float), fold)
    amount, spread = _amounts(x, features, won, revenue, fold)
    return AttributedDeals(person, closed[over], won, revenue, chance, amount, spread)


def results_above_expected(
    handed: AttributedDeals, lately: AttributedDeals, group: Ints, groups: int
) -> ResultsAboveExpected:
    """Results of groups in `handed`; `group` (people + 1,), -1 = in none; `lately`: how far they differ."""
    spreads = []
    for wins in (True, False):
        effect, noise, _, _ = _effects(lately, group, groups, wins)
        spreads.append(_between(effect, noise))
    deals, won, expected, above = _above(handed, group, groups, True, spreads[0])
    _, revenue, due, more = _above(handed, group, groups, False, spreads[1])
    return ResultsAboveExpected(deals, won, expected, above, revenue, due, more)


def _above(
    handed: AttributedDeals, group: Ints, groups: int, wins: bool, between: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """(deals, got, expected, [lower, middle, upper] above expectation that is not chance)."""
    effect, noise, got, due = _effects(handed, group, groups, wins)
    group_of_deal = group[handed.person]
    deals = np.bincount(group_of_deal[group_of_deal >= 0], minlength=groups).astype(float)
    reliability = np.where(np.isfinite(noise), between / (between + noise), 0.0)
    middle = reliability * np.where(np.isfinite(noise), effect, 0.0)
    sd = np.sqrt(between * (1 - reliability))
    return deals, got, due, np.stack([middle - Z80 * sd, middle, middle + Z80 * sd], axis=1) * due[:, None]


def _effects(
    handed: AttributedDeals, group: Ints, groups: int, wins: bool
) -> tuple[Floats, Floats, Floats, Floats]:
    """(relative difference, its variance by chance, got, expected) by group."""
    group_of_deal = group[handed.person]
    use = group_of_deal >= 0
    p, amount = handed.chance[use], np.ones(int(use.sum())) if wins else handed.amount[use]
    outcome = handed.won[use].astype(float) if wins else handed.brought[use]
    luck = p * (1 - p) * amount**2
    if not wins:
        luck = luck + p * amount**2 * np.expm1(handed.amount_sd**2)
    got, due, variance = (
        np.bincount(group_of_deal[use], values, groups).astype(float)
        for values in (outcome, p * amount, luck)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return (got - due) / due, np.where(due > 0, variance / due**2, np.inf), got, due


def _between(effect: Floats, noise: Floats) -> float:
    """Variance of effects beyond chance."""
    use = np.isfinite(noise) & (noise > 0)
    if use.sum() < 3:
        return _SKILL_CV**2
    found = variance_beyond_chance(effect[use], noise[use])
    return max(pooled_with_prior(found, use.sum() - 1.0, _SKILL_CV**2, _BELIEVED), _LEAST_CV**2)


def _received_at(known: EventLog, ids: NDArray[np.object_], created: Ints, closed: Ints) -> Ints:
    """When the last owner got each deal: at its last hand-over before closing, else just after creation."""
    events = known["deal_events"]
    moved = events[(events["field"] == "owner_id").to_numpy()]
    row = codes_in(moved["deal_id"], pd.Index(ids, dtype=object))
    at = micros(moved["at"])
    inside = row >= 0
    row, at = row[inside], at[inside]
    early = at < closed[row]
    got = created.copy()
    np.maximum.at(got, row[early], at[early])
    return np.asarray(np.minimum(got + 1, closed))


def _amounts(
    x: Floats, features: list[Feature], won: Flags, revenue: Floats, fold: Ints
) -> tuple[Floats, float]:
    """(expected amount if won (n,), spread of the logarithm around it)."""
    use = won & (revenue > 0)
    if not use.any():
        return np.zeros(len(won)), 0.0
    logs = np.log(np.where(use, revenue, 1.0))
    log_amounts = cross_fitted(x, features, logs, fold, use, objective="regression")
    residual = logs[use] - log_amounts[use]
    return np.exp(log_amounts) * float(np.exp(residual).mean()), float(residual.std())
