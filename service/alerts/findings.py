"""What is worth telling people? What has changed for their goal since they were last told, by enough.

A deal that has fallen matters to a scope where the fall moves the probability of the scope's goal by a point,
or, where that probability is settled or there is no goal, costs two hundredths of the goal (of the expected
revenue). A goal has crossed a line where its probability has also changed within a week by more than it
usually does. What is compared with is kept for each scope by itself, so that many small falls add up until
they matter, and nobody is told what another one was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from crm.i18n import Text
from crm.instants import DAY, iso, last_known_day
from models.forecast.undecided import ranked_by
from service.alerts.kinds import DATA_STALE, DEAL_FELL, GOAL_CROSSED, MODEL_DUE
from service.language import period_label
from service.model_state import AnswerContext
from training.log_age import QUIET_DAYS

Key = tuple[str, str]  # kind and subject
GOAL_POINTS = 1.0  # of a goal's probability, from which a fall matters
REVENUE_SHARE = 0.02  # of a goal, from which it does where its probability is settled
FALL = 0.05  # of a deal's chance, below which it is none
LEAST = 0.1  # chance below which a deal cannot fall by much
LINES = (0.25, 0.5, 0.75)
USUAL_CHANGE = 0.1  # of a goal within a week, where little is known of earlier weeks
LEAST_USUAL = 0.05
_QUANTILE = 0.8  # of the changes of earlier weeks
_FEW_WEEKS = 4


@dataclass(frozen=True)
class Finding:
    """Something to tell those who read a scope; `key` says what happened, once and for all."""

    kind: str
    scope: str
    key: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """What is to be told, what subjects are compared with from now on, and which are gone."""

    findings: list[Finding]
    marks: dict[Key, Any]
    gone: list[Key]


def new_findings(
    context: AnswerContext,
    scopes: Sequence[str],
    marks: Mapping[Key, Any],
    history: Mapping[str, Sequence[Mapping[str, Any]]],
    is_model_due: bool | None,
) -> Found:
    """What is worth telling about some scopes; `history`: the stored forecasts of each."""
    findings: list[Finding] = []
    now: dict[Key, Any] = {}
    seen: set[Key] = set()
    looks = [look for scope in scopes for look in _of_scope(context, scope, marks, history.get(scope, ()))]
    for look in (*looks, _age(context, marks), _model(context, marks, is_model_due)):
        seen.add(look.key)
        if look.mark != marks.get(look.key):
            now[look.key] = look.mark
        if look.finding is not None:
            findings.append(look.finding)
    kinds = (DEAL_FELL, GOAL_CROSSED)
    gone = [key for key in marks if key[0] in kinds and key not in seen]
    return Found(findings, now, gone)


@dataclass(frozen=True)
class _Look:
    key: Key
    mark: Any
    finding: Finding | None = None


def _of_scope(
    context: AnswerContext, scope: str, marks: Mapping[Key, Any], history: Sequence[Mapping[str, Any]]
) -> Iterator[_Look]:
    goal = _goal(context, scope, marks, history)
    if goal is not None:
        yield goal
    yield from _deals(context, scope, marks)


def _goal(
    context: AnswerContext, scope: str, marks: Mapping[Key, Any], history: Sequence[Mapping[str, Any]]
) -> _Look | None:
    forecast = context.forecast
    goal = forecast.goal(scope)
    if goal.probability is None:
        return None
    now, key = goal.probability, (GOAL_CROSSED, f"{scope}/{forecast.period.name}")
    mark = marks.get(key)
    if mark is None:
        return _Look(key, [round(now, 6), _side(now)])
    told, side = mark
    if _side(now) == side:
        return _Look(key, mark)
    rows = [row for row in history if row["probability"] is not None]
    usual, before = usual_change(rows), _a_week_before(rows, context.moment)
    before = told if before is None else before
    change, is_down = now - before, _side(now) < side
    if abs(change) <= usual or (change < 0) is not is_down:
        return _Look(key, mark)
    body = {
        "scope": scope,
        "scope_label": _both(forecast.names.label(scope)),
        "period": forecast.period.name,
        "period_label": _both(period_label(forecast.period)),
        "direction": "down" if is_down else "up",
        "line": LINES[_side(now)] if is_down else LINES[_side(now) - 1],
        "before": before,
        "now": now,
        "change": change,
        "usual": usual,
        "target": goal.target,
        "mean": goal.revenue,
        "currency": context.organisation.currency,
        "as_of": iso(context.moment, context.zone),
    }
    happened = f"{GOAL_CROSSED} {key[1]} {_day(context)} {side}-{_side(now)}"
    return _Look(key, [round(now, 6), _side(now)], Finding(GOAL_CROSSED, scope, happened, body))


def usual_change(history: Sequence[Mapping[str, Any]]) -> float:
    """By how much a goal's probability usually changes within a week: more it does in one week of five.

    Of the stored forecasts, each is compared with the one six to eight days before, but for those of the last
    week, of which something is to be said.

    >>> days = [f"2026-11-{day:02d}T00:00:00+09:00" for day in range(1, 30, 7)]
    >>> rows = [{"as_of": day, "probability": p} for day, p in zip(days, (0.5, 0.58, 0.5, 0.44, 0.52))]
    >>> round(usual_change(rows + [{"as_of": "2026-12-06T00:00:00+09:00", "probability": 0.1}]), 3)
    0.08
    """
    moments = np.array([datetime.fromisoformat(row["as_of"]).timestamp() / 86_400 for row in history])
    values = np.array([row["probability"] for row in history], float)
    changes = []
    for at in range(len(values)):
        if moments[at] > moments[-1] - 6.0:
            continue
        earlier = np.flatnonzero((moments <= moments[at] - 6.0) & (moments >= moments[at] - 8.0))
        if len(earlier):
            changes.append(abs(values[at] - values[earlier[-1]]))
    if len(changes) < _FEW_WEEKS:
        return USUAL_CHANGE
    return max(float(np.quantile(changes, _QUANTILE)), LEAST_USUAL)


def _a_week_before(history: Sequence[Mapping[str, Any]], moment: int) -> float | None:
    limit = moment / 1e6 - 6.0 * 86_400
    earlier = [row for row in history if datetime.fromisoformat(row["as_of"]).timestamp() <= limit]
    is_recent = earlier and datetime.fromisoformat(earlier[-1]["as_of"]).timestamp() > limit - 8.0 * 86_400
    return float(earlier[-1]["probability"]) if is_recent else None


def _deals(context: AnswerContext, scope: str, marks: Mapping[Key, Any]) -> Iterator[_Look]:
    """The open deals of a scope that may fall, or have fallen."""
    forecast = context.forecast
    goal, period, day = forecast.goal(scope), forecast.period.name, _day(context)
    by_attainment = ranked_by(goal.probability) == "attainment"
    least_revenue = REVENUE_SHARE * (goal.revenue if goal.target is None else goal.target)
    for deal in forecast.of_scope(scope)["deals"]:
        key = (DEAL_FELL, f"{scope}/{deal['deal_id']}")
        now, mark = round(deal["by_period_end"], 6), marks.get(key)
        if mark is None or mark[0] != period or now > mark[1]:
            if now >= LEAST:
                yield _Look(key, [period, now, day])
            continue
        fall = mark[1] - now
        points = fall * deal["swing_pp"] if by_attainment and deal["swing_pp"] is not None else None
        revenue = fall * deal["amount"]
        matters = points >= GOAL_POINTS if points is not None else revenue >= max(least_revenue, 1e-9)
        if fall < FALL or not matters:
            yield _Look(key, mark)
            continue
        owner = forecast.deals.loc[forecast.deals["deal_id"].astype(str) == deal["deal_id"], "owner_id"]
        owner_id = None if owner.empty or owner.isna().any() else str(owner.iloc[0])
        body = {
            "scope": scope,
            "scope_label": _both(forecast.names.label(scope)),
            "period": period,
            "deal_id": deal["deal_id"],
            "name": deal["name"],
            "account_name": deal["account_name"],
            "owner_id": owner_id,
            "owner_name": forecast.names.person(owner_id),
            "before": mark[1],
            "now": now,
            "since": mark[2],
            "amount": deal["amount"],
            "effect_pp": None if points is None else -points,
            "effect_revenue": -revenue,
            "goal": goal.probability,
            "currency": context.organisation.currency,
            "as_of": iso(context.moment, context.zone),
        }
        happened = f"{DEAL_FELL} {key[1]} {day} {mark[1]}-{now}"
        yield _Look(key, [period, now, day], Finding(DEAL_FELL, scope, happened, body))


def _age(context: AnswerContext, marks: Mapping[Key, Any]) -> _Look:
    newest = context.state.newest_deal_record
    is_stale, key = context.moment - newest > QUIET_DAYS * DAY, (DATA_STALE, "")
    if not is_stale or marks.get(key, True):
        return _Look(key, is_stale)
    day = last_known_day(newest + 1, context.zone).isoformat()
    finding = Finding(DATA_STALE, "company", f"{DATA_STALE} {day}", {"newest_day": day})
    return _Look(key, True, finding)


def _model(context: AnswerContext, marks: Mapping[Key, Any], is_due: bool | None) -> _Look:
    version, key = context.state.info.version, (MODEL_DUE, "")
    before = marks.get(key)
    if is_due is None:  # not known yet
        return _Look(key, before if before is not None else False)
    if not is_due or before is None or before:
        return _Look(key, is_due)
    finding = Finding(MODEL_DUE, "company", f"{MODEL_DUE} {version}", {"version": version})
    return _Look(key, True, finding)


def _side(probability: float) -> int:
    """How many lines lie below a probability."""
    return sum(probability > line for line in LINES)


def _day(context: AnswerContext) -> str:
    return last_known_day(context.moment, context.zone).isoformat()


def _both(text: Text) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}
