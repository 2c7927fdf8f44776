"""How much of the target is won so far, and how does the forecast compare with last year?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.forecast.organisation import ScopeTree
from models.forecast.period_facts import PeriodFacts


def with_progress(answer: Mapping[str, Any], facts: PeriodFacts, organisation: ScopeTree) -> dict[str, Any]:
    """A scope's forecast with its progress and last year beside it, and those of its children.

    `progress` is what is won so far over the target, `vs_last_year` the mean forecast over the revenue of
    the same period a year before; None where the lower number is not known or zero.
    """
    children = []
    for child in answer["children"]:
        people = organisation.members(child["scope"])
        last_year = None if facts.last_year is None else float(facts.last_year[people].sum())
        closed = round(float(facts.closed[people].sum()), 2)
        children.append(
            {**child, "closed": closed, "last_year": last_year, **_shares(child, closed, last_year)}
        )
    shares = _shares(answer, answer["closed"], answer["baselines"]["last_year"])
    return {**answer, **shares, "children": children}


def _shares(side: Mapping[str, Any], closed: float, last_year: float | None) -> dict[str, float | None]:
    target = side["target"]
    return {
        "progress": closed / target if target else None,
        "vs_last_year": side["revenue"]["mean"] / last_year if last_year else None,
    }
