"""What is said of a goal that is out of reach, safe or undecided?"""

from __future__ import annotations

import dataclasses
from typing import Literal

import numpy as np
import pytest

from crm.periods import Period, later_periods
from service.schemas import (
    Forecast,
)
from service.schemas.forecasts import LaterPeriod
from service.serving_state import AnswerContext, Caches
from service.settled import settled_fields
from tests.support.story import AS_OF, PERIOD, Service


def aimed_at(service: Service, target: float, period: str = PERIOD) -> AnswerContext:
    """What an answer about the company is computed from, were this its target of the period."""
    context = service.use_cases.serving.context(AS_OF, period)
    facts = context.forecast.facts.with_target("company", target)
    forecast = dataclasses.replace(context.forecast, facts=facts)
    state = dataclasses.replace(context.state, caches=Caches())
    return dataclasses.replace(context, state=state, forecast=forecast)


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_a_target_out_of_reach_says_what_is_reached_at_most_and_later(
    service: Service, lang: Literal["ja", "en"]
) -> None:
    context = aimed_at(service, 1e12)
    goals, total = service.use_cases.goals, context.forecast.company_revenue
    found = goals.settled(context, "company", lang)
    whole = service.get(f"/v1/forecasts/{PERIOD}?as_of={AS_OF}") | found
    Forecast.model_validate(whole)
    for row in found["reachable"]:
        assert (total >= row["revenue"]).mean() == pytest.approx(row["confidence"], abs=0.01)
    most = found["maximum"]
    assert most["expected"] == pytest.approx(total.mean() + most["revenue"])
    assert most["gap_share"] == pytest.approx(most["revenue"] / (1e12 - total.mean()))
    assert found["margin"] is None
    assert found["next_period"] is None  # no later one at the same rate is within reach either
    drivers = goals.drivers(context, "company", lang)
    assert [row["revenue"] for row in drivers] == sorted((row["revenue"] for row in drivers), reverse=True)
    assert all(row["attainment_pp"] == pytest.approx(0.0, abs=0.01) for row in drivers)
    assert goals.settled(context, "company", lang) is found  # it is kept


def test_the_first_later_period_within_reach_comes_with_its_plan(service: Service) -> None:
    targets = {"2027-Q1": 1e12, "FY2027-H1": None, "FY2027": None}
    asked = []

    def later(period: Period) -> AnswerContext:
        asked.append(period.name)
        revenue = service.use_cases.serving.context(AS_OF, period.name).forecast.company_revenue
        return aimed_at(service, targets[period.name] or float(np.quantile(revenue, 0.15)), period.name)

    goals = service.use_cases.goals
    found = settled_fields(aimed_at(service, 1e12), "company", goals.kpi_context, later)["en"]
    LaterPeriod.model_validate(found["next_period"])
    plan = found["next_period"]["plan"]
    assert found["next_period"]["period"] == "FY2027-H1"
    assert found["next_period"]["target_from"] == "set"
    assert found["next_period"]["probability"] == plan["current_probability"] == pytest.approx(0.85, abs=0.01)
    assert plan["attainable"]
    assert "FY2027" not in asked


def test_a_later_period_without_a_target_is_asked_at_the_rate_of_this_one(service: Service) -> None:
    context = aimed_at(service, 1e9)
    found = service.use_cases.goals.settled(aimed_at(service, 1.0), "company", "en")["next_period"]
    assert found["target_from"] == "this_period"
    assert found["target"] == pytest.approx(90 / 92)
    assert found["period"] == "2027-Q1" == later_periods(context.forecast.period)[0].name


def test_a_safe_target_says_what_may_be_lost_and_what_to_start_for_the_next_period(service: Service) -> None:
    total = service.use_cases.serving.context(AS_OF, PERIOD).forecast.company_revenue
    target = 0.9 * float(total.min())
    found = service.use_cases.goals.settled(aimed_at(service, target), "company", "ja")
    assert found["margin"] >= 0.1 * total.min()
    assert (total - found["margin"] >= target - 1e-6).mean() >= 0.98
    assert found["reachable"] is found["maximum"] is None
    assert found["next_period"]["period"] == "2027-Q1"
    assert found["next_period"]["plan"]["levers"]


def test_an_undecided_target_says_neither(service: Service) -> None:
    middle = float(np.median(aimed_at(service, 1.0).forecast.company_revenue))
    found = service.use_cases.goals.settled(aimed_at(service, middle), "company", "ja")
    assert set(found.values()) == {None}
