"""How unusual is it that fewer of a person's rows than usual were followed by what should follow?

Each person is compared with the own past and with how peers of the same style changed meanwhile. Honest
people differ, and the same person differs from one stretch of time to the next by more than chance: both are
estimated from the past and are part of what is usual (a beta-binomial distribution).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, gammaln, logit, logsumexp

from features.arrays import Floats, Ints
from models.statistics import pooled_with_prior

# Chosen on simulated worlds 1 to 99.
_CORRELATION, _CORRELATION_WEIGHT = 0.01, 40.0  # of rows of a person and stretch: usual, and what that weighs
_FARTHEST = 12.0  # squared standard deviations from which a past stretch counts no further: it may be padded
_PEERS = 20.0  # rows that "peers changed nothing" weighs
_BETWEEN = (2.0, 500.0)  # bounds of the rows that the peers' share weighs beside a person's own past
_CAUTION = 1.2  # factor on the spread, which is an estimate itself
_STRETCHES = 1.0  # stretches of time that the peers' pace weighs beside a person's own


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Rows of one kind by person (p,), now and in b earlier stretches of time of the same length (p, b).

    `rows`: all; `settled`: those of which it is certain whether they were followed; `empty`: of these, those
    that were not. `present`: share of the stretch in which the person was there. `group`: style (p,).
    """

    group: Ints
    rows: Floats
    settled: Floats
    empty: Floats
    present: Floats
    past_rows: Floats
    past_settled: Floats
    past_empty: Floats
    past_present: Floats


@dataclass(frozen=True)
class Unusual:
    """What would be usual for each person (p,), and the chance of as many empty rows or more.

    `rows`: expected; `share`: expected share of empty ones among the settled.
    """

    rows: Floats
    share: Floats
    chance: Floats


def unusual(counts: Counts) -> Unusual:
    """How unusual each person's (p,) share of empty rows is, and how many rows would be usual.

    >>> past = np.full((3, 8), 20.0)
    >>> same = {"group": np.zeros(3, int), "rows": np.array([20.0, 20, 40]), "present": np.ones(3)}
    >>> same |= {"past_rows": past, "past_settled": past, "past_empty": past / 4, "past_present": past / 20}
    >>> found = unusual(Counts(settled=same["rows"], empty=np.array([5.0, 6, 25]), **same))
    >>> found.rows.round().tolist(), (found.chance < 1e-3).tolist()
    ([27.0, 27.0, 20.0], [False, False, True])
    """
    past = _Past.of(counts)
    own, weight = past.own_share()
    shift, peers = _peers_shift(counts, own, past.correlation)
    share = expit(logit(own) + shift)
    spread = _CAUTION * (past.correlation + 1 / (weight + 1) + 1 / (peers + _PEERS + 1))
    return Unusual(_usual_rows(counts), share, _chance_of_more(counts.empty, counts.settled, share, spread))


@dataclass(frozen=True)
class _Past:
    """The past of all: shares of empty rows by person, by style, and how much stretches differ."""

    counts: Counts
    usual: Floats  # of the style, (p,)
    correlation: float

    @classmethod
    def of(cls, counts: Counts) -> _Past:
        empty, settled = counts.past_empty, counts.past_settled
        usual = _of_group(counts.group, empty.sum(axis=1) + 0.5, settled.sum(axis=1) + 1.0)
        return cls(counts, usual, _correlation(counts, usual))

    def own_share(self) -> tuple[Floats, Floats]:
        """Each person's share, shrunk to that of the style, and the rows that it rests on."""
        settled = self.counts.past_settled
        worth = (settled / (1 + np.maximum(settled - 1, 0) * self.correlation)).sum(axis=1)
        rows = settled.sum(axis=1)
        raw = np.divide(self.counts.past_empty.sum(axis=1), rows, out=self.usual.copy(), where=rows > 0)
        between = _between(raw, self.usual, worth)
        return (raw * worth + self.usual * between) / (worth + between), worth + between


def _of_group(group: Ints, part: Floats, whole: Floats) -> Floats:
    """The ratio of sums over each person's style, (p,)."""
    size = int(group.max()) + 1 if len(group) else 0
    total = np.bincount(group, whole, size)
    ratio = np.bincount(group, part, size) / np.maximum(total, 1e-9)
    return np.asarray(ratio[group])


def _correlation(counts: Counts, usual: Floats) -> float:
    """Correlation of two rows of a person in the same stretch, beyond what the person and all have in common.

    From the squares of what past stretches deviate by, which grow by 1 + (rows - 1) * correlation.
    """
    empty, rows = counts.past_empty, counts.past_settled
    person = (empty.sum(axis=1) + 4 * usual) / (rows.sum(axis=1) + 4)
    level = np.array([logit(np.clip(usual, 1e-3, 0.999))]).T
    style = np.column_stack(
        [
            _of_group(counts.group, empty[:, b] + _PEERS * usual, rows[:, b] + _PEERS)
            for b in range(rows.shape[1])
        ]
    ).reshape(rows.shape)
    shift = logit(np.clip(style, 1e-3, 0.999)) - level
    expected = expit(logit(np.clip(person, 1e-3, 0.999))[:, None] + shift)
    # A person's own share has followed the stretch; its rows deviate the less for it.
    left = 1 - rows / (rows.sum(axis=1) + 4)[:, None]
    use = (rows >= 2) & (left > 0.1)
    if not use.any():
        return _CORRELATION
    n = rows[use]
    square = (empty[use] - n * expected[use]) ** 2 / (n * expected[use] * (1 - expected[use]) * left[use])
    found = _CORRELATION
    for _ in range(4):
        capped = np.minimum(square, _FARTHEST * (1 + (n - 1) * found))
        moment = float((capped - 1).sum() / (n - 1).sum())
        found = max(pooled_with_prior(moment, float(len(n)), _CORRELATION, _CORRELATION_WEIGHT), 0.002)
    return min(found, 0.5)


def _between(raw: Floats, usual: Floats, worth: Floats) -> float:
    """How many rows the style's share weighs: the fewer, the more people differ beyond chance."""
    use = worth > 0
    binomial = usual * (1 - usual)
    variance = float(((raw - usual) ** 2 - binomial / np.maximum(worth, 1))[use].sum())
    scale = float(binomial[use].sum())
    if variance <= 0 or scale <= 0:
        return _BETWEEN[1]
    return float(np.clip(scale / variance - 1, *_BETWEEN))


def _peers_shift(counts: Counts, own: Floats, correlation: float) -> tuple[Floats, Floats]:
    """By how much the log-odds of peers differ from their own past, (p,), and on how many rows that rests.

    Peers are all others of the style.
    """
    size = int(counts.group.max()) + 1 if len(counts.group) else 0

    def of_others(values: Floats) -> Floats:
        return np.asarray(np.bincount(counts.group, values, size)[counts.group] - values)

    worth = 1 / (1 + np.maximum(counts.settled - 1, 0) * correlation)
    rows = of_others(counts.settled * worth)
    expected = of_others(counts.settled * worth * own)
    empty = of_others(counts.empty * worth)
    before = np.where(rows > 0, expected / np.maximum(rows, 1e-9), own)
    now = (empty + _PEERS * before) / (rows + _PEERS)
    return logit(np.clip(now, 1e-4, 0.9999)) - logit(np.clip(before, 1e-4, 0.9999)), rows


def _usual_rows(counts: Counts) -> Floats:
    """The rows to expect of each person (p,): the own pace, times how peers' pace has changed."""
    there = counts.past_present.sum(axis=1)
    pace = _of_group(counts.group, counts.past_rows.sum(axis=1), there)
    own = (counts.past_rows.sum(axis=1) + _STRETCHES * pace) / (there + _STRETCHES)
    size = int(counts.group.max()) + 1 if len(counts.group) else 0

    def of_others(values: Floats) -> Floats:
        return np.asarray(np.bincount(counts.group, values, size)[counts.group] - values)

    usual = own * counts.present
    change = (of_others(counts.rows) + pace) / np.maximum(of_others(usual) + pace, 1e-9)
    return np.asarray(usual * np.where(pace > 0, change, 1.0))


def _chance_of_more(empty: Floats, rows: Floats, share: Floats, spread: Floats) -> Floats:
    """The chance of as many empty rows or more: the upper tail of a beta-binomial distribution, (p,).

    `spread`: the correlation of two rows, 1 / (a + b + 1).

    >>> float(_chance_of_more(np.array([2.0]), np.array([2.0]), np.array([0.5]), np.array([1 / 3]))[0])
    0.3333333333333333
    """
    size = 1 / np.clip(spread, 1e-6, 0.95) - 1
    a, b = share * size, (1 - share) * size
    chance = np.ones(len(rows))
    for i in np.flatnonzero((empty > 0) & (rows > 0)):
        n, k = rows[i], np.arange(empty[i], rows[i] + 1)
        log = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        log += betaln(k + a[i], n - k + b[i]) - betaln(a[i], b[i])
        chance[i] = min(float(np.exp(logsumexp(log))), 1.0)
    return chance
