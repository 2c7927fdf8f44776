"""What are customers worth who buy again and again without a contract?

BG/NBD for how often they buy and whether they still do (Fader, Hardie & Lee 2005), Gamma-Gamma for what a
purchase is worth (Fader & Hardie 2013), both as `lifetimes` fits them. Purchases of one day are one.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.instants import DAY

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

AHEAD_WEEKS = 52.0
_RIDGES = (0.0, 0.001, 0.01)  # tried in turn until a fit is found
_LEAST_CUSTOMERS, _LEAST_REPEATERS = 50, 20


@dataclass(frozen=True)
class Purchases:
    """Of each customer (n,): repeat purchases, weeks from first to last, weeks from first to now, mean value.

    `value` is of the repeat purchases, 0 where there were none.
    """

    customer: Ints
    frequency: Floats
    recency: Floats
    age: Floats
    value: Floats

    @classmethod
    def of(cls, customer: Ints, at: Ints, amount: Floats, until: int) -> Purchases:
        """From purchases (m,), oldest first: who (code), when (instant), how much; those before `until`."""
        early = at < until
        customer, day, amount = customer[early], at[early] // DAY, amount[early]
        both, place = np.unique(np.stack([customer, day]), axis=1, return_inverse=True)
        spent = np.bincount(place.reshape(-1), amount)
        who, start, count = np.unique(both[0], return_index=True, return_counts=True)
        first, last = both[1][start], both[1][start + count - 1]
        again = np.ones(len(spent), bool)
        again[start] = False
        number = np.repeat(np.arange(len(who)), count)
        total = np.bincount(number[again], spent[again], len(who))
        frequency = (count - 1).astype(float)
        return cls(
            who,
            frequency,
            (last - first) / 7.0,
            (until // DAY - first) / 7.0,
            np.where(frequency > 0, total / np.maximum(frequency, 1), 0.0),
        )


@dataclass(frozen=True)
class Repeat:
    """The fitted models: `buys` a BetaGeoFitter, `worth` a GammaGammaFitter (None = values say too little).

    `mean_value` is of all repeat purchases.
    """

    buys: Any
    worth: Any
    mean_value: float

    def purchases(self, of: Purchases, weeks: float) -> Floats:
        """Purchases expected of each customer within so many weeks, (n,)."""
        found = self.buys.conditional_expected_number_of_purchases_up_to_time(
            weeks, of.frequency, of.recency, of.age
        )
        return np.asarray(found, np.float64)

    def alive(self, of: Purchases) -> Floats:
        """Probability that each customer still buys, (n,)."""
        return np.asarray(
            self.buys.conditional_probability_alive(of.frequency, of.recency, of.age), np.float64
        )

    def value(self, of: Purchases) -> Floats:
        """Value expected of each customer's next purchase, (n,)."""
        if self.worth is None:
            return np.full(len(of.frequency), self.mean_value)
        found = self.worth.conditional_expected_average_profit(of.frequency, of.value)
        return np.asarray(found, np.float64)


def fit_repeat(of: Purchases) -> Repeat | None:
    """The models of these customers; None where there are too few, or no fit is found."""
    if len(of.frequency) < _LEAST_CUSTOMERS or (of.frequency > 0).sum() < _LEAST_REPEATERS:
        return None
    from lifetimes import BetaGeoFitter, GammaGammaFitter, fitters
    from lifetimes.utils import ConvergenceError

    # It prints what it tried before it raises: into answers on standard output.
    fitters.print = _nothing

    again = (of.frequency > 0) & (of.value > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        buys = None
        for ridge in _RIDGES:
            try:
                buys = BetaGeoFitter(penalizer_coef=ridge).fit(of.frequency, of.recency, of.age)
                break
            except ConvergenceError:
                continue
        if buys is None:
            return None
        try:
            worth = GammaGammaFitter().fit(of.frequency[again], of.value[again])
            worth = worth if worth.params_["q"] > 1 else None  # without a mean
        except ConvergenceError:
            worth = None
    mean = float(np.average(of.value[again], weights=of.frequency[again])) if again.any() else 0.0
    return Repeat(buys, worth, mean)


def _nothing(*_: object) -> None:
    """Prints nothing."""
