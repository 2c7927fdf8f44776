"""What is the effect of each action? Deals with it, compared with deals that had an ordinary contact instead.

Reps act on deals that they still believe in. An action is therefore compared with an ordinary contact on the
same kind of deal (an active comparator) rather than with any other day; a call is compared with emails, and
an email with calls. The expected outcome of an ordinary contact at the same state is predicted by
cross-fitted trees; weighting by the odds of the action makes the mean doubly robust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from crm.instants import DAY, NEVER
from features import History, build_features, deal_states
from features.action_events import BASELINE_ACTIONS, WITH_MANAGER, ActionEvents, action_events_of
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.actions import (
    ActionEffect,
    Evidence,
    HeldOut,
    allowances,
    effect_codes,
    effect_scale,
    fit_effects,
    held_out,
)
from models.crossfit import cross_fitted, folds_of
from training.observational_data import ObservationalData

MIN_DEALS = 120  # deals with an action, for its effect to be estimated
MAX_ORDINARY, MAX_ACTED = 24_000, 4_000
MIN_MINUTES, UNRECORDED_MINUTES, TRAVEL_MINUTES = 5.0, 15.0, 60.0
AWAY = ("visit", WITH_MANAGER)
APART = 14 * DAY  # a routine action sooner after the last one counts as part of it
OVERLAP = (0.05, 0.95)  # propensity of the action rather than an ordinary contact, both equally frequent


@dataclass(frozen=True)
class _Rows:
    """Deals (n,) on days of an action: features at the start of the day, and whether the deal was won."""

    deal: Ints
    at: Ints
    x: Floats
    won: Floats


def learn_actions(observed: ObservationalData) -> tuple[ActionEffect, ...]:
    """The effects of all actions that are frequent enough."""
    events_of = {events.action: events for events in action_events_of(observed.history)}
    ordinary = {name: events_of[name] for name in BASELINE_ACTIONS if name in events_of}
    special = {name: events for name, events in events_of.items() if name not in BASELINE_ACTIONS}
    rng = np.random.default_rng(11)
    effects = _compared(observed, list(ordinary.values()), special, rng)
    for name, events in ordinary.items():
        comparators = [contacts for other, contacts in ordinary.items() if other != name]
        effects += _compared(observed, comparators, {name: events}, rng)
    allowed = allowances([found for _, found in effects])
    return tuple(
        replace(effect, allowance=allowance) for (effect, _), allowance in zip(effects, allowed, strict=True)
    )


def _compared(
    observed: ObservationalData,
    ordinary: Sequence[ActionEvents],
    events_of: Mapping[str, ActionEvents],
    rng: np.random.Generator,
) -> list[tuple[ActionEffect, HeldOut]]:
    """The effects of actions with enough deals, compared with ordinary contacts on similar deals.

    With what held-out deals say of each.
    """
    if not ordinary:
        return []
    history, features = observed.history, observed.features
    base = _rows(observed, _merged(ordinary), MAX_ORDINARY, rng)
    acted = {name: _rows(observed, events, MAX_ACTED, rng) for name, events in events_of.items()}
    acted = {name: rows for name, rows in acted.items() if len(rows.won) >= MIN_DEALS}
    if len(base.won) < 2 * MIN_DEALS or not acted:
        return []
    parts = [base, *acted.values()]
    number = np.repeat(np.arange(len(parts)), [len(part.won) for part in parts])
    x, won = np.concatenate([p.x for p in parts]), np.concatenate([p.won for p in parts])
    deal = np.concatenate([p.deal for p in parts])
    expected = cross_fitted(x, features, won, folds_of(deal), number == 0)
    base_expected = expected[number == 0]
    best = _best_sellers(history, base)
    return [
        _effect(
            history, features, events_of[name], rows, base, expected[number == position], base_expected, best
        )
        for position, (name, rows) in enumerate(acted.items(), 1)
    ]


def _merged(parts: Sequence[ActionEvents]) -> ActionEvents:
    deal, at = (
        np.concatenate([events.deal for events in parts]),
        np.concatenate([events.at for events in parts]),
    )
    order = np.lexsort((at, deal))
    return ActionEvents(parts[0].action, deal[order], at[order])


def _rows(observed: ObservationalData, events: ActionEvents, most: int, rng: np.random.Generator) -> _Rows:
    """Days of an action on deals with a known outcome: the first of each deal, or after a gap if routine."""
    history, outcomes, cycle, as_of = observed.history, observed.outcomes, observed.cycle, observed.as_of
    known = events.at < as_of
    deal, at = events.deal[known], events.at[known]
    first = np.ones(len(deal), bool)
    first[1:] = deal[1:] != deal[:-1]
    if events.routine:
        first[1:] |= np.diff(at) > APART
    deal, at = deal[first], at[first]
    start = history.calendar.start_of(history.calendar.day_of(at))
    done = (outcomes.closed[deal] != NEVER) & (outcomes.closed[deal] < as_of)
    abandoned = ~done & (as_of - outcomes.last_sign[deal] > cycle.silent_days * DAY)
    end = np.where(done, outcomes.closed[deal], outcomes.last_sign[deal])
    use = (done | abandoned) & (as_of - start >= cycle.longest_days * DAY)
    use &= (start > outcomes.created[deal]) & (start < end)
    rows = np.flatnonzero(use)
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    deal, start = deal[rows], start[rows]
    won = (done[rows] & (outcomes.outcome[deal] == 1)).astype(float)
    return _Rows(deal, start, build_features(history, deal, start)[:, observed.used], won)


def _effect(
    history: History,
    features: Sequence[Feature],
    events: ActionEvents,
    rows: _Rows,
    base: _Rows,
    expected: Floats,
    base_expected: Floats,
    best: Flags,
) -> tuple[ActionEffect, HeldOut]:
    codes, sizes = effect_codes(rows.x, features, history.levels)
    base_codes, _ = effect_codes(base.x, features, history.levels)
    odds = _odds(codes, base_codes, sizes, expected, base_expected)
    ratio = len(base.won) / max(len(rows.won), 1)
    propensity = odds[0] * ratio / (1 + odds[0] * ratio)
    inside = (propensity > OVERLAP[0]) & (propensity < OVERLAP[1])
    if inside.sum() < MIN_DEALS / 2:
        inside = np.ones(len(inside), bool)
    weight = odds[1]
    correction = float(weight @ (base.won - base_expected) / max(weight.sum(), 1e-9))
    residual = rows.won - expected - correction
    codes_inside = {column: code[inside] for column, code in codes.items()}
    deal = rows.deal[inside]
    once = (
        1 / np.bincount(deal)[deal]
    )  # a routine action's days on one deal have one outcome: they count once
    data = residual[inside], expected[inside], codes_inside, sizes
    effects = fit_effects(*data, once)
    stage, base_stage = codes["stage"], base_codes["stage"]
    deals_at_stage = np.bincount(stage[inside & (stage >= 0)], minlength=sizes["stage"])
    unadjusted = _unadjusted_difference(rows.won[inside], stage[inside], base.won, base_stage)
    evidence = Evidence(
        len(rows.won),
        len(base.won),
        float(rows.won.mean()),
        float((weight @ base.won) / max(weight.sum(), 1e-9)),
        _share_of(rows.deal, base.deal, best[_owner(history, base)]),
        _share_of(rows.deal, base.deal, ~best[_owner(history, base)]),
    )
    adjustment = (unadjusted - float(residual[inside].mean())) / float(effect_scale(expected[inside]).mean())
    effect = ActionEffect(
        events.action, effects, adjustment, tuple(deals_at_stage.tolist()), _effort(events), evidence
    )
    return effect, held_out(*data, deal, once)


def _effort(events: ActionEvents) -> float:
    """Minutes of a rep's time for the action: as recorded, plus travel."""
    minutes = UNRECORDED_MINUTES if np.isnan(events.minutes) else max(events.minutes, MIN_MINUTES)
    return minutes + (TRAVEL_MINUTES if events.action in AWAY else 0.0)


def _odds(
    codes: Mapping[str, Ints],
    base_codes: Mapping[str, Ints],
    sizes: Mapping[str, int],
    expected: Floats,
    base_expected: Floats,
) -> tuple[Floats, Floats]:
    """Odds of the action rather than an ordinary contact, for (rows with it, rows of ordinary contacts)."""
    from sklearn.linear_model import LogisticRegression

    def design(codes: Mapping[str, Ints], chance: Floats) -> Floats:
        score = np.log(np.clip(chance, 0.005, 0.995) / (1 - np.clip(chance, 0.005, 0.995)))
        parts = [score[:, None], score[:, None] ** 2]
        parts += [np.eye(sizes[name] + 1)[code] for name, code in codes.items() if sizes[name] <= 30]
        return np.concatenate(parts, axis=1)

    acted, contacted = design(codes, expected), design(base_codes, base_expected)
    model = LogisticRegression(C=1.0, max_iter=200)
    model.fit(np.concatenate([acted, contacted]), np.r_[np.ones(len(acted)), np.zeros(len(contacted))])
    return np.exp(model.decision_function(acted)), np.exp(model.decision_function(contacted))


def _unadjusted_difference(won: Floats, stage: Ints, base_won: Floats, base_stage: Ints) -> float:
    """The difference in win rate from ordinary contacts at the same stages, without further adjustment."""
    total = 0.0
    for code in np.unique(stage):
        acted_at, contacted_at = stage == code, base_stage == code
        if contacted_at.any():
            total += float((won[acted_at].mean() - base_won[contacted_at].mean()) * acted_at.sum())
    return total / max(len(won), 1)


def _best_sellers(history: History, base: _Rows) -> Flags:
    """Which reps (people + 1,) are in the top quartile by win rate, shrunk towards the mean."""
    _, first = np.unique(base.deal, return_index=True)
    owner, won = _owner(history, base)[first], base.won[first]
    count = len(history.people) + 1
    deals, wins = np.bincount(owner, minlength=count), np.bincount(owner, won, count)
    mean = won.mean()
    rate = (wins + 20 * mean) / (deals + 20)
    enough = deals >= 10
    enough[-1] = False
    if enough.sum() < 4:
        return np.zeros(count, bool)
    return np.asarray(enough & (rate >= np.quantile(rate[enough], 0.75)))


def _owner(history: History, rows: _Rows) -> Ints:
    """The number of each deal's (n,) owner at the moment; the last number stands for no owner."""
    code = deal_states(history, rows.deal, rows.at).owner
    return np.where(code < 0, len(history.people), code)


def _share_of(acted: Ints, contacted: Ints, sellers: Flags) -> float | None:
    """The share of the contacted deals of some reps that also had the action."""
    deals = np.unique(contacted[sellers])
    return float(np.isin(deals, acted).mean()) if len(deals) else None
