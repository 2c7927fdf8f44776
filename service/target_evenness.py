"""How uneven were the chances under the targets that were set, on the first day of each past quarter?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm.i18n import Language
from crm.instants import DAY, iso, last_known_day, start_of_day
from crm.periods import Period, period_holding, previous
from crm.store import StoredOutlook
from models.forecast.attainment import probability_of
from models.forecast.period_facts import WonDeals
from service.serving_state import AnswerContext, ServingState
from service.target_sharing import spread

MOST_QUARTERS = 8  # each is a simulation where its chances were not stored
_FIRST_DAYS = 7  # stored chances of these days are taken for those of the first


def evenness_answer(
    serving: ServingState, context: AnswerContext, scope: str, count: int, lang: Language
) -> dict[str, Any]:
    """The last quarters before the one that holds the moment, and that one, the newest first."""
    today = last_known_day(context.moment, context.zone)
    month = context.organisation.fiscal_start_month
    quarter = period_holding(today, "quarter", month)
    quarters = [quarter]
    while len(quarters) < count:
        before = previous(quarters[-1])
        quarters.append(period_holding(before.first, "quarter", month))
    rows = [row for one in quarters if (row := _quarter(serving, context, scope, one, lang)) is not None]
    return {
        "period": context.forecast.period.name,
        "scope": scope,
        "name": context.forecast.names.scope(scope, lang),
        "quarters": rows,
    }


def _quarter(
    serving: ServingState, context: AnswerContext, scope: str, period: Period, lang: Language
) -> dict[str, Any] | None:
    """A quarter; None where no person below the scope had a target on its first day, or no deal is older."""
    state, zone = context.state, context.zone
    start = start_of_day(period.first, zone)
    people = [
        f"person:{context.forecast.organisation.people[number]}"
        for number in context.forecast.organisation.members(scope).tolist()
        if number != context.forecast.organisation.nobody
    ]
    stored = _stored(serving, period, people, start) if context.forecast.moment >= start else {}
    if stored:
        at = min(row.as_of for row in stored.values())
        found = {one: (row.target, row.probability) for one, row in stored.items()}
    elif start <= int(state.history.created.min(initial=start)):
        return None
    else:
        at = start
        then = serving.context_of(state, start, period, context.sight).forecast
        known = [one for one in people if then.organisation.has(one)]
        found = {
            one: (
                target,
                probability_of(then.simulation, then.organisation.members(one), target),
            )
            for one in known
            if (target := then.facts.target(one)) is not None
        }
    if not found:
        return None
    tree, is_over = context.forecast.organisation, period.end(zone) <= context.moment
    wins = WonDeals.of(state.known_at(context.moment), tree).between(start, period.end(zone))
    reached = {
        one: bool(wins[tree.members(one)].sum() >= target)
        for one, (target, _) in found.items()
        if is_over and target is not None
    }
    rows = [
        {
            "scope": one,
            "name": context.forecast.names.scope(one, lang),
            "target": target,
            "probability": chance,
            "reached": reached.get(one),
        }
        for one, (target, chance) in sorted(found.items(), key=lambda item: (item[1][1] or 0.0, item[0]))
    ]
    return {
        "period": period.name,
        "as_of": iso(at, zone),
        "people": len(rows),
        **spread([chance for _, chance in found.values()]),
        "reached": sum(reached.values()) / len(reached) if reached else None,
        "from_stored": bool(stored),
        "targets": rows,
    }


def _stored(
    serving: ServingState, period: Period, people: list[str], start: int
) -> Mapping[str, StoredOutlook]:
    """Of each person, the first forecast with a target that was stored in the quarter's first days."""
    until = start + _FIRST_DAYS * DAY
    name = f"{period.first}..{period.last}"

    def ask() -> dict[str, StoredOutlook]:
        if not serving.store.outlook_days(name):
            return {}
        found = {}
        for one in people:
            rows = [row for row in serving.store.outlooks(name, one, until) if row.as_of >= start]
            first = next((row for row in rows if row.target is not None), None)
            if first is not None:
                found[one] = first
        return found

    return serving.from_store(ask, {})
