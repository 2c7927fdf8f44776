"""What is in the table of a scope's open deals? Their scores, and beside them what is known of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crm.instants import DAY
from features import build_features
from features.arrays import Floats
from service import explain
from service.deal_facts import DealFacts, searchable
from service.insight import TREND_DAYS
from service.model_state import AnswerContext


def scope_table(context: AnswerContext, scope: str) -> pd.DataFrame:
    """The open deals of a scope with their scores and facts; `row` is that of the simulation."""
    forecast, version = context.forecast, context.state.info.version
    scores = forecast.scores(context.zone, version)
    table = scores.assign(row=np.arange(len(scores)), **deal_facts(context).columns)
    table = table[table["person"].isin(forecast.organisation.members(scope))].drop(columns="person")
    swing = forecast.swing_points(scope)
    return table.assign(swing_pp=np.nan if swing is None else swing)


def deal_facts(context: AnswerContext) -> DealFacts:
    """What is known of the open deals of a context, kept beside its forecast."""
    return context.state.caches.deal_facts.get(context.key, lambda: _facts(context))


def _facts(context: AnswerContext) -> DealFacts:
    forecast, state = context.forecast, context.state
    deal_ids = forecast.simulation.pipeline.deal_ids.astype(str)
    known = forecast.deals.set_index("deal_id").loc[deal_ids]
    people, person = forecast.organisation.people, forecast.simulation.pipeline.person
    owners = [str(people[one]) if one < len(people) else None for one in person.tolist()]
    names = forecast.names.deals(deal_ids.tolist())
    columns: dict[str, Sequence[Any]] = {
        "owner_id": owners,
        "owner_name": [forecast.names.person(owner) for owner in owners],
        "stage": known["stage"].astype(str).tolist(),
        "amount": known["amount"].to_numpy(float).tolist(),
        "planned_close_date": [_day(day) for day in known["expected_close_date"].tolist()],
        "change_pp": changes(context).tolist(),
    }
    reader = state.reader
    raised = [
        explain.raised_flags(explain.DealFeatures(reader.columns, reader.catalogue, x))
        for x in forecast.scored.x
    ]
    words = [
        searchable(" ".join(filter(None, (deal_id, name["name"], name["account_name"]))))
        for deal_id, name in zip(deal_ids.tolist(), names, strict=True)
    ]
    return DealFacts(columns, raised, words)


def changes(context: AnswerContext) -> Floats:
    """By how many points the chance of a win by the period's end has changed in a week (n,).

    The same model, asked as of a week ago; not a number for deals that were not there yet.
    """
    forecast, state, moment = context.forecast, context.state, context.moment
    deals, then = forecast.scored.deals, moment - TREND_DAYS * DAY
    changed = np.full(len(deals), math.nan)
    there = np.flatnonzero(state.history.created[deals] < then)
    if len(there):
        moments = np.full(len(there), then, np.int64)
        x = build_features(state.history, deals[there], moments)[:, state.columns]
        left = max((forecast.end - then) / DAY, 0.0)
        before = state.bundle_at(moment).win.curve(x, moments, np.array([left])).won[:, 0]
        changed[there] = 100 * (forecast.scored.by_end[there] - before)
    return changed


def _day(day: Any) -> str | None:
    """A date of a row as it is sent."""
    return None if day is None or pd.isna(day) else str(day)[:10]
