"""Are repeat purchases modelled as published?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import approx_fprime

from crm.instants import DAY
from features.kpis.repeat_purchase import (
    BgNbd,
    GammaGamma,
    Purchases,
    RepeatPurchaseModel,
    _bg_nbd,
    _gamma_gamma,
    fit_repeat_purchase,
)


@pytest.fixture(scope="module")
def cdnow() -> tuple[Purchases, RepeatPurchaseModel]:
    """The 1/10 sample of CDNOW, 2,357 customers in weeks, with their purchases' values."""
    rows = pd.read_csv(Path(__file__).parents[1] / "data" / "cdnow.csv")
    rows = rows.loc[rows.index.repeat(rows["customers"])]
    columns = (rows[name].to_numpy(float) for name in ("frequency", "recency", "age", "value"))
    bought = Purchases(np.arange(len(rows)), *columns)
    assert len(rows) == 2357
    fitted = fit_repeat_purchase(bought)
    assert fitted is not None
    return bought, fitted


def test_the_published_parameters_of_cdnow_come_out(cdnow: tuple[Purchases, RepeatPurchaseModel]) -> None:
    """Fader, Hardie & Lee (2005), table 2; Fader & Hardie (2013), section 5."""
    bought, fitted = cdnow
    assert fitted.frequency_model.r == pytest.approx(0.243, abs=0.0005)
    assert fitted.frequency_model.alpha == pytest.approx(4.414, abs=0.0005)
    assert fitted.frequency_model.a == pytest.approx(0.793, abs=0.0005)
    assert fitted.frequency_model.b == pytest.approx(2.426, abs=0.0005)
    assert fitted.frequency_model.log_likelihood(bought) == pytest.approx(-9582.4, abs=0.05)
    assert fitted.value_model is not None
    assert fitted.value_model.p == pytest.approx(6.25, abs=0.005)
    assert fitted.value_model.q == pytest.approx(3.74, abs=0.005)
    assert fitted.value_model.gamma == pytest.approx(15.44, abs=0.01)


def test_a_customer_is_expected_to_buy_as_published(cdnow: tuple[Purchases, RepeatPurchaseModel]) -> None:
    """Two repeat purchases, the last in week 30.43 of 38.86: 1.226 more in 39 weeks (Fader et al. 2005)."""
    _, fitted = cdnow
    one = Purchases(np.zeros(1, np.int64), *(np.array([value]) for value in (2.0, 30.43, 38.86, 35.0)))
    assert fitted.purchases(one, 39.0)[0] == pytest.approx(1.226, abs=0.001)
    assert 0 < fitted.alive(one)[0] < 1
    poor, rich = (
        Purchases(one.customer, one.frequency, one.recency, one.age, np.array([v])) for v in (5.0, 90.0)
    )
    assert 5.0 < fitted.value(poor)[0] < fitted.value(rich)[0] < 90.0  # both lean on the mean


def test_purchases_are_counted_by_day_and_only_those_before() -> None:
    at = np.array([10, 10, 17, 24, 31, 40]) * DAY + 5
    bought = Purchases.of(
        np.array([0, 0, 1, 0, 0, 1]), at, np.array([5.0, 6.0, 7.0, 8.0, 10.0, 1.0]), 38 * DAY
    )
    assert bought.customer.tolist() == [0, 1]
    assert bought.frequency.tolist() == [2, 0]  # two on one day are one
    assert bought.recency.tolist() == [3.0, 0.0]
    assert bought.age.tolist() == [4.0, 3.0]
    assert bought.value.tolist() == [9.0, 0.0]  # the first purchase says nothing of those that repeat


def test_too_few_customers_tell_nothing() -> None:
    few = Purchases(np.arange(10), *(np.ones(10) for _ in range(4)))
    assert fit_repeat_purchase(few) is None


def test_customers_who_all_buy_at_one_rate_and_never_leave_have_no_fit() -> None:
    rng = np.random.default_rng(1)
    bought = Purchases(
        np.arange(60), np.full(60, 5.0), np.full(60, 50.0), np.full(60, 50.0), rng.uniform(1, 2, 60)
    )
    assert fit_repeat_purchase(bought) is None


def test_where_the_likelihood_has_no_top_the_parameters_are_drawn_towards_0() -> None:
    """Here a and b would grow without end. Values of lifetimes 0.11.3 with penalizer_coef=0.001."""
    rng = np.random.default_rng(1)
    rng.uniform(1, 2, 60)
    rate = rng.gamma(0.8, 1 / 6, 60)
    times = rng.poisson(rate * 40).astype(float)
    last = np.where(times > 0, rng.uniform(20, 40, 60), 0)
    fitted = fit_repeat_purchase(Purchases(np.arange(60), times, last, np.full(60, 40.0), np.zeros(60)))
    assert fitted is not None
    buys = fitted.frequency_model
    assert [buys.r, buys.alpha, buys.a, buys.b] == pytest.approx([0.58243, 4.9124, 0.17365, 3.7625], rel=1e-4)
    assert fitted.value_model is None


def test_many_purchases_neither_overflow_nor_vanish() -> None:
    """Values of lifetimes 0.11.3 at the same parameters."""
    buys = BgNbd(0.24259292827982148, 4.413532265271809, 0.7928859664406578, 2.4257523826257374)
    bought = Purchases(
        np.arange(3), np.array([0, 400, 90.0]), np.array([0, 51.0, 10]), np.full(3, 52.0), np.ones(3)
    )
    expected = [1.98771071e-01, 7.92177567e01, 2.42731930e-50]
    assert buys.purchases(bought, 52.0) == pytest.approx(expected, rel=1e-8)
    assert buys.alive(bought) == pytest.approx([1.0, 2.82654089e-01, 3.82768271e-52], rel=1e-8)


def test_without_repeat_purchases_a_customer_is_worth_what_all_are_worth() -> None:
    bought = Purchases(np.arange(2), np.array([0.0, 1e9]), np.zeros(2), np.ones(2), np.array([0.0, 70.0]))
    assert GammaGamma(6.25, 3.74, 15.44).value(bought) == pytest.approx([15.44 * 6.25 / 2.74, 70.0])


@pytest.mark.parametrize(
    ("likelihood", "at"), [(_bg_nbd, [0.3, 4.0, 0.8, 2.0]), (_gamma_gamma, [6.0, 4.0, 15.0])]
)
def test_slopes_of_the_likelihoods_are_those_of_small_steps(likelihood, at: list[float]) -> None:
    times = np.array([1.0, 2.0, 7.0, 0.0]) if likelihood is _bg_nbd else np.array([1.0, 2.0, 7.0])
    columns = [times, 4.0 * times, 6.0 * times + 5.0] if likelihood is _bg_nbd else [times, 30.0 / times]
    steps = approx_fprime(np.array(at), lambda point: likelihood(point, *columns)[0], 1e-6)
    assert likelihood(np.array(at), *columns)[1] == pytest.approx(steps, rel=1e-4)
