"""What are customers who buy repeatedly without a contract worth?

BG/NBD for purchase frequency and whether a customer is still active (Fader, Hardie & Lee 2005, "'Counting
your customers' the easy way"), Gamma-Gamma for the value of a purchase (Fader & Hardie 2013), both by maximum
likelihood. Purchases of one day count as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln, hyp2f1

from crm.instants import DAY
from features.arrays import Floats, Ints

HORIZON_WEEKS = 52.0
_RIDGES = (0.0, 0.001, 0.01)  # penalties on the squared parameters, tried in turn until a fit is found
_LIMIT = 12.0  # of a parameter's logarithm
_MIN_CUSTOMERS, _MIN_REPEATERS = 50, 20


@dataclass(frozen=True)
class Purchases:
    """Of each customer (n,): repeat purchases, weeks from first to last, weeks from first to now, mean value.

    `value` is of the repeat purchases, 0 without any.
    """

    customer: Ints
    frequency: Floats
    recency: Floats
    age: Floats
    value: Floats

    @classmethod
    def of(cls, customer: Ints, at: Ints, amount: Floats, until: int) -> Purchases:
        """From purchases (m,), oldest first: customer (code), instant, amount; those before `until`."""
        early = at < until
        customer, day, amount = customer[early], at[early] // DAY, amount[early]
        customer_day, position = np.unique(np.stack([customer, day]), axis=1, return_inverse=True)
        spent = np.bincount(position.reshape(-1), amount)
        customers, start, count = np.unique(customer_day[0], return_index=True, return_counts=True)
        first, last = customer_day[1][start], customer_day[1][start + count - 1]
        again = np.ones(len(spent), bool)
        again[start] = False
        number = np.repeat(np.arange(len(customers)), count)
        total = np.bincount(number[again], spent[again], len(customers))
        frequency = (count - 1).astype(float)
        return cls(
            customers,
            frequency,
            (last - first) / 7.0,
            (until // DAY - first) / 7.0,
            np.where(frequency > 0, total / np.maximum(frequency, 1), 0.0),
        )


@dataclass(frozen=True)
class BgNbd:
    """Purchase rates from a gamma (r, alpha); after each purchase, dropout with a beta (a, b) probability.

    Formulas: Fader, Hardie & Lee (2005), equations 6, 10 and, for `alive`, Fader & Hardie (2008).
    """

    r: float
    alpha: float
    a: float
    b: float

    def log_likelihood(self, of: Purchases) -> float:
        """Of customers (n,)."""
        return _bg_nbd(np.array([self.r, self.alpha, self.a, self.b]), of.frequency, of.recency, of.age)[0]

    def purchases(self, of: Purchases, weeks: float) -> Floats:
        """Expected purchases of each customer within so many weeks, (n,)."""
        x, age = of.frequency, of.age
        c, z = self.a + self.b + x - 1, weeks / (self.alpha + age + weeks)
        # Euler's transformation keeps the hypergeometric function's series short.
        series = hyp2f1(c - self.r - x, self.a - 1, c, z)
        log_hyp = np.log(series) + (self.a - 1 - self.r - x) * np.log1p(-z)
        gone = 1 - np.exp(log_hyp + (self.r + x) * np.log((self.alpha + age) / (self.alpha + weeks + age)))
        return np.asarray(c / (self.a - 1) * gone * self.alive(of))

    def alive(self, of: Purchases) -> Floats:
        """Probability that each customer still buys, (n,)."""
        x = of.frequency
        odds = (self.r + x) * np.log((self.alpha + of.age) / (self.alpha + of.recency))
        odds = odds + np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        return np.where(x > 0, expit(-odds), 1.0)


@dataclass(frozen=True)
class GammaGamma:
    """Values of purchases from a gamma (p, nu) of each customer's own, nu from a gamma (q, gamma).

    Fader & Hardie (2013), "The gamma-gamma model of monetary value".
    """

    p: float
    q: float
    gamma: float

    def value(self, of: Purchases) -> Floats:
        """Expected value of each customer's next purchase, (n,)."""
        own = self.p * of.frequency / (self.p * of.frequency + self.q - 1)
        return np.asarray((1 - own) * self.gamma * self.p / (self.q - 1) + own * of.value)


@dataclass(frozen=True)
class RepeatPurchaseModel:
    """The fitted models. `value_model`: None with too little data; `mean_value`: of repeat purchases."""

    frequency_model: BgNbd
    value_model: GammaGamma | None
    mean_value: float

    def purchases(self, of: Purchases, weeks: float) -> Floats:
        """Expected purchases of each customer within so many weeks, (n,)."""
        return self.frequency_model.purchases(of, weeks)

    def alive(self, of: Purchases) -> Floats:
        """Probability that each customer still buys, (n,)."""
        return self.frequency_model.alive(of)

    def value(self, of: Purchases) -> Floats:
        """Expected value of each customer's next purchase, (n,)."""
        return (
            np.full(len(of.frequency), self.mean_value)
            if self.value_model is None
            else self.value_model.value(of)
        )


def fit_repeat_purchase(of: Purchases) -> RepeatPurchaseModel | None:
    """The models of these customers; None where there are too few, or no fit exists."""
    if len(of.frequency) < _MIN_CUSTOMERS or (of.frequency > 0).sum() < _MIN_REPEATERS:
        return None
    buys = fit_bg_nbd(of)
    if buys is None:
        return None
    again = (of.frequency > 0) & (of.value > 0)
    mean = float(np.average(of.value[again], weights=of.frequency[again])) if again.any() else 0.0
    return RepeatPurchaseModel(buys, fit_gamma_gamma(of.frequency[again], of.value[again]), mean)


def fit_bg_nbd(of: Purchases) -> BgNbd | None:
    """The maximum-likelihood parameters, with a ridge penalty only where there are none without it."""
    unit = float(of.age.max()) or 1.0  # the oldest customer's age, so that parameters are near 1
    columns = np.stack([of.frequency, of.recency / unit, of.age / unit])
    (frequency, recency, age), count = np.unique(columns, axis=1, return_counts=True)
    for ridge in _RIDGES:
        parameters = _maximum_likelihood(
            lambda at: _bg_nbd(at, frequency, recency, age, count), 4, len(of.age), ridge
        )
        if parameters is not None:
            r, alpha, a, b = parameters.tolist()
            return BgNbd(r, alpha * unit, a, b)
    return None


def fit_gamma_gamma(frequency: Floats, value: Floats) -> GammaGamma | None:
    """The maximum-likelihood parameters for mean values (n,) of so many purchases; None without a mean."""
    unit = float(value.mean()) if len(value) else 0.0
    if unit == 0:
        return None
    parameters = _maximum_likelihood(lambda at: _gamma_gamma(at, frequency, value / unit), 3, len(value), 0.0)
    if parameters is None or parameters[1] <= 1:
        return None
    p, q, gamma = parameters.tolist()
    return GammaGamma(p, q, gamma * unit)


def _maximum_likelihood(
    log_likelihood: Callable[[Floats], tuple[float, Floats]], size: int, customers: int, ridge: float
) -> Floats | None:
    """Parameters (size,) above 0 with the largest likelihood; None where there are none."""

    def loss(logs: Floats) -> tuple[float, Floats]:
        at = np.exp(logs)
        value, slope = log_likelihood(at)
        return ridge * float(at @ at) - value / customers, at * (2 * ridge * at - slope / customers)

    from scipy.optimize import minimize

    bounds = [(-_LIMIT, _LIMIT)] * size
    result = minimize(
        loss,
        np.zeros(size),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"ftol": 1e-14, "gtol": 1e-8},
    )
    # At a bound the likelihood is still rising: it has no maximum.
    inside = np.isfinite(result.fun) and bool((np.abs(result.x) < _LIMIT).all())
    return np.exp(result.x) if inside else None


def _bg_nbd(
    at: Floats, x: Floats, recency: Floats, age: Floats, count: Ints | None = None
) -> tuple[float, Floats]:
    """Log-likelihood at (r, alpha, a, b) of customers (n,), each `count` (n,) times, and its slope (4,)."""
    r, alpha, a, b = at
    again = x > 0
    repeats = np.where(again, x, 1.0)
    staying = -(r + x) * np.log(alpha + age)
    left = np.where(again, np.log(a) - np.log(b + repeats - 1) - (r + x) * np.log(alpha + recency), -np.inf)
    either = np.logaddexp(staying, left)
    gone = np.exp(left - either)
    stays = 1 - gone
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + either
    value += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    slope = np.stack(
        [
            digamma(r + x)
            - digamma(r)
            + np.log(alpha)
            - stays * np.log(alpha + age)
            - gone * np.log(alpha + recency),
            r / alpha - (r + x) * (stays / (alpha + age) + gone / (alpha + recency)),
            digamma(a + b) - digamma(a + b + x) + gone / a,
            digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - gone / (b + repeats - 1),
        ]
    )
    weight = np.ones(len(x)) if count is None else count
    return float(value @ weight), slope @ weight


def _gamma_gamma(at: Floats, x: Floats, mean: Floats) -> tuple[float, Floats]:
    """Log-likelihood at (p, q, gamma) of mean values of x purchases, each (n,), and its slope (3,)."""
    p, q, gamma = at
    total = np.log(gamma + x * mean)
    value = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma) - np.log(mean)
    value += p * x * np.log(x * mean) - (p * x + q) * total
    slope = np.stack(
        [
            x * (digamma(p * x + q) - digamma(p * x) + np.log(x * mean) - total),
            digamma(p * x + q) - digamma(q) + np.log(gamma) - total,
            q / gamma - (p * x + q) / (gamma + x * mean),
        ]
    )
    return float(value.sum()), slope.sum(axis=1)
