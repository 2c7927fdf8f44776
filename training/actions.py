"""What is the effect of each action? Deals with it, compared with deals that had an ordinary contact instead.

A seller who calls has not given up on a deal; one who sends material has not either. Comparing an action
with an ordinary contact on the same kind of deal, rather than with any other day, isolates what is
special about the action (an active comparator); a call is compared with mails, and a mail with calls. The
expected outcome is that of ordinary contacts at the same state, by trees that did not see the deal; a
correction by the odds of being acted on makes the mean doubly robust.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features import History, build_features, deal_states
from features.action_events import BASELINE_ACTIONS, WITH_MANAGER, ActionEvents, action_events_of
from features.arrays import Floats, Ints
from features.catalogue import Feature
from models.actions import ActionEffect, Evidence, cross_half_slope, effect_codes, effect_scale, fit_effects
from models.crossfit import cross_fitted, folds_of
from training.observational_data import ObservationalData

Flags = NDArray[np.bool_]

MIN_DEALS = 120  # deals acted on, for the effect of an action to be estimated
MAX_ORDINARY, MAX_ACTED = 24_000, 4_000
MIN_MINUTES, UNSAID_MINUTES, TRAVEL_MINUTES = 5.0, 15.0, 60.0
AWAY = ("visit", WITH_MANAGER)
APART = 14 * DAY  # a routine action so soon after the last one is part of it
OVERLAP = (0.05, 0.95)  # of being acted on rather than ordinarily contacted, as a share of two equal groups


@dataclass(frozen=True)
class _Rows:
    """Days on which something was done on deals (n,): features at the day's start, and whether it was won."""

    deal: Ints
    at: Ints
    x: Floats
    won: Floats


def learn_actions(observed: ObservationalData) -> tuple[ActionEffect, ...]:
    """The effects of all actions done often enough."""
    events_of = {events.action: events for events in action_events_of(observed.history)}
    ordinary = {name: events_of[name] for name in BASELINE_ACTIONS if name in events_of}
    special = {name: events for name, events in events_of.items() if name not in BASELINE_ACTIONS}
    rng = np.random.default_rng(11)
    effects = _compared(observed, list(ordinary.values()), special, rng)
    for name, events in ordinary.items():
        comparators = [contacts for other, contacts in ordinary.items() if other != name]
        effects += _compared(observed, comparators, {name: events}, rng)
    return tuple(effects)


def _compared(
    observed: ObservationalData,
    usual_deeds: Sequence[ActionEvents],
    events_of: Mapping[str, ActionEvents],
    rng: np.random.Generator,
) -> list[ActionEffect]:
    """The effects of actions compared with usual ones on similar deals; of those with enough deals."""
    if not usual_deeds:
        return []
    history, features = observed.history, observed.features
    base = _rows(observed, _merged(usual_deeds), MAX_ORDINARY, rng)
    acted = {name: _rows(observed, deeds, MAX_ACTED, rng) for name, deeds in events_of.items()}
    acted = {name: rows for name, rows in acted.items() if len(rows.won) >= MIN_DEALS}
    if len(base.won) < 2 * MIN_DEALS or not acted:
        return []
    parts = [base, *acted.values()]
    number = np.repeat(np.arange(len(parts)), [len(part.won) for part in parts])
    x, won = np.concatenate([p.x for p in parts]), np.concatenate([p.won for p in parts])
    deal = np.concatenate([p.deal for p in parts])
    expected = cross_fitted(x, features, won, folds_of(deal), number == 0)
    usual = expected[number == 0]
    best = _best_sellers(history, base)
    return [
        _effect(history, features, events_of[name], rows, base, expected[number == position], usual, best)
        for position, (name, rows) in enumerate(acted.items(), 1)
    ]


def _merged(parts: Sequence[ActionEvents]) -> ActionEvents:
    deal, at = (
        np.concatenate([events.deal for events in parts]),
        np.concatenate([events.at for events in parts]),
    )
    order = np.lexsort((at, deal))
    return ActionEvents(parts[0].action, deal[order], at[order])


def _rows(observed: ObservationalData, deeds: ActionEvents, most: int, rng: np.random.Generator) -> _Rows:
    """Days of an action on deals whose end is known: the first on each, of routine ones those well apart."""
    history, lives, cycle, as_of = observed.history, observed.outcomes, observed.cycle, observed.as_of
    known = deeds.at < as_of
    deal, at = deeds.deal[known], deeds.at[known]
    begins = np.ones(len(deal), bool)
    begins[1:] = deal[1:] != deal[:-1]
    if deeds.routine:
        begins[1:] |= np.diff(at) > APART
    deal, at = deal[begins], at[begins]
    start = history.calendar.start_of(history.calendar.day_of(at))
    done = (lives.closed[deal] != NEVER) & (lives.closed[deal] < as_of)
    abandoned = ~done & (as_of - lives.last_sign[deal] > cycle.silent_days * DAY)
    end = np.where(done, lives.closed[deal], lives.last_sign[deal])
    use = (done | abandoned) & (as_of - start >= cycle.longest_days * DAY)
    use &= (start > lives.created[deal]) & (start < end)
    rows = np.flatnonzero(use)
    if len(rows) > most:
        rows = np.sort(rng.choice(rows, most, replace=False))
    deal, start = deal[rows], start[rows]
    won = (done[rows] & (lives.outcome[deal] == 1)).astype(float)
    return _Rows(deal, start, build_features(history, deal, start)[:, observed.used], won)


def _effect(
    history: History,
    features: Sequence[Feature],
    deeds: ActionEvents,
    rows: _Rows,
    base: _Rows,
    expected: Floats,
    usual: Floats,
    best: Flags,
) -> ActionEffect:
    codes, sizes = effect_codes(rows.x, features, history.levels)
    base_codes, _ = effect_codes(base.x, features, history.levels)
    odds = _odds(codes, base_codes, sizes, expected, usual)
    fair = len(base.won) / max(len(rows.won), 1)
    share = odds[0] * fair / (1 + odds[0] * fair)
    inside = (share > OVERLAP[0]) & (share < OVERLAP[1])
    if inside.sum() < MIN_DEALS / 2:
        inside = np.ones(len(inside), bool)
    weight = odds[1]
    correction = float(weight @ (base.won - usual) / max(weight.sum(), 1e-9))
    residual = rows.won - expected - correction
    codes_inside = {column: code[inside] for column, code in codes.items()}
    effects = fit_effects(residual[inside], expected[inside], codes_inside, sizes)
    if deeds.action in BASELINE_ACTIONS:
        # One ordinary contact in place of another: only as far as both halves of the deals agree.
        half = folds_of(rows.deal[inside]) % 2
        effects = effects.times(
            cross_half_slope(residual[inside], expected[inside], codes_inside, sizes, half)
        )
    stage, base_stage = codes["stage"], base_codes["stage"]
    seen = np.bincount(stage[inside & (stage >= 0)], minlength=sizes["stage"])
    plain = _plain_difference(rows.won[inside], stage[inside], base.won, base_stage)
    evidence = Evidence(
        len(rows.won),
        len(base.won),
        float(rows.won.mean()),
        float((weight @ base.won) / max(weight.sum(), 1e-9)),
        _share_of(rows.deal, base.deal, best[_owner(history, base)]),
        _share_of(rows.deal, base.deal, ~best[_owner(history, base)]),
    )
    moved = (plain - float(residual[inside].mean())) / float(effect_scale(expected[inside]).mean())
    return ActionEffect(deeds.action, effects, moved, tuple(seen.tolist()), _effort(deeds), evidence)


def _effort(deeds: ActionEvents) -> float:
    """Minutes of a seller's time: as recorded, with the way there."""
    minutes = UNSAID_MINUTES if np.isnan(deeds.minutes) else max(deeds.minutes, MIN_MINUTES)
    return minutes + (TRAVEL_MINUTES if deeds.action in AWAY else 0.0)


def _odds(
    codes: Mapping[str, Ints],
    base_codes: Mapping[str, Ints],
    sizes: Mapping[str, int],
    expected: Floats,
    usual: Floats,
) -> tuple[Floats, Floats]:
    """Odds of being acted on rather than ordinarily contacted, of (those acted on, those contacted)."""
    from sklearn.linear_model import LogisticRegression

    def design(known: Mapping[str, Ints], chance: Floats) -> Floats:
        score = np.log(np.clip(chance, 0.005, 0.995) / (1 - np.clip(chance, 0.005, 0.995)))
        parts = [score[:, None], score[:, None] ** 2]
        parts += [np.eye(sizes[name] + 1)[code] for name, code in known.items() if sizes[name] <= 30]
        return np.concatenate(parts, axis=1)

    acted, contacted = design(codes, expected), design(base_codes, usual)
    model = LogisticRegression(C=1.0, max_iter=200)
    model.fit(np.concatenate([acted, contacted]), np.r_[np.ones(len(acted)), np.zeros(len(contacted))])
    return np.exp(model.decision_function(acted)), np.exp(model.decision_function(contacted))


def _plain_difference(won: Floats, stage: Ints, base_won: Floats, base_stage: Ints) -> float:
    """The difference in win rate from ordinary contacts of the same stages, nothing else adjusted."""
    total = 0.0
    for code in np.unique(stage):
        acted_here, contacted_here = stage == code, base_stage == code
        if contacted_here.any():
            total += float((won[acted_here].mean() - base_won[contacted_here].mean()) * acted_here.sum())
    return total / max(len(won), 1)


def _best_sellers(history: History, base: _Rows) -> Flags:
    """Which sellers (people + 1,) are the better quartile by win rate, drawn to the mean."""
    _, first = np.unique(base.deal, return_index=True)
    owner, won = _owner(history, base)[first], base.won[first]
    count = len(history.people) + 1
    deals, wins = np.bincount(owner, minlength=count), np.bincount(owner, won, count)
    mean = won.mean()
    rate = (wins + 20 * mean) / (deals + 20)
    known = deals >= 10
    known[-1] = False
    if known.sum() < 4:
        return np.zeros(count, bool)
    return np.asarray(known & (rate >= np.quantile(rate[known], 0.75)))


def _owner(history: History, rows: _Rows) -> Ints:
    """Whose each deal (n,) was then; the last number for nobody."""
    code = deal_states(history, rows.deal, rows.at).owner
    return np.where(code < 0, len(history.people), code)


def _share_of(acted: Ints, contacted: Ints, sellers: Flags) -> float | None:
    """The share of the contacted deals of some sellers on which the action was done."""
    deals = np.unique(contacted[sellers])
    return float(np.isin(deals, acted).mean()) if len(deals) else None
