"""Are repeat purchases modelled as published?"""

from __future__ import annotations

import numpy as np
import pytest
from lifetimes.datasets import load_cdnow_summary, load_cdnow_summary_data_with_monetary_value

from sancho.crm.instants import DAY
from sancho.features.kpis.repeat import Purchases, Repeat, fit_repeat


@pytest.fixture(scope="module")
def cdnow() -> tuple[Purchases, Repeat]:
    """The 1/10 sample of CDNOW, 2,357 customers in weeks, with their purchases' values."""
    rows = load_cdnow_summary(index_col=[0])
    value = load_cdnow_summary_data_with_monetary_value()["monetary_value"].to_numpy(float)
    columns = (rows[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    bought = Purchases(np.arange(len(rows)), *columns, value)
    fitted = fit_repeat(bought)
    assert fitted is not None
    return bought, fitted


def test_the_published_parameters_of_cdnow_come_out(cdnow: tuple[Purchases, Repeat]) -> None:
    """Fader, Hardie & Lee (2005), table 2; Fader & Hardie (2013), section 5."""
    _, fitted = cdnow
    found = fitted.buys.params_
    assert found["r"] == pytest.approx(0.243, abs=0.001)
    assert found["alpha"] == pytest.approx(4.414, abs=0.002)
    assert found["a"] == pytest.approx(0.793, abs=0.001)
    assert found["b"] == pytest.approx(2.426, abs=0.002)
    worth = fitted.worth.params_
    assert worth["p"] == pytest.approx(6.25, abs=0.01)
    assert worth["q"] == pytest.approx(3.74, abs=0.01)
    assert worth["v"] == pytest.approx(15.44, abs=0.02)


def test_a_customer_is_expected_to_buy_as_published(cdnow: tuple[Purchases, Repeat]) -> None:
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
    assert fit_repeat(few) is None


def test_a_fit_that_fails_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    bought = Purchases(
        np.arange(60), np.full(60, 5.0), np.full(60, 50.0), np.full(60, 50.0), rng.uniform(1, 2, 60)
    )
    fit_repeat(bought)
    assert capsys.readouterr().out == ""
