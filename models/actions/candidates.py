"""Which actions are available on which deals, and what is the effect of each?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from crm.instants import DAY, NEVER
from features.action_events import BASELINE_ACTIONS, ActionEvents, last_done
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.actions.action_effect import ActionEffect, effect_codes
from models.actions.effects import EffectsTogether, effect_scale
from models.actions.reliability import DEAL_SD, bias_adjusted
from models.sameness import Same

MIN_IN_STAGE = 40  # deals with the action in a stage, for its effect there to be estimated
REPEAT_AFTER = 14 * DAY  # a routine action is not recommended within this time of the last one


@dataclass(frozen=True)
class CandidateAction:
    """An action on open deals (n,): its bias-adjusted effect with an 80 % interval, in win rate.

    All allow for having been chosen. `low`, `high`: of the deal itself; `kind_low`: the lower end of the
    interval of the mean effect on deals of its kind, were the share left of it known.
    `comparable`: enough past deals of the stage had it; `done`: already taken (routine actions: recently).
    `selection_bias`: by how much its deals were selected as promising, beyond other actions' deals.
    """

    action: str
    effect: Floats
    low: Floats
    high: Floats
    kind_low: Floats
    comparable: Flags
    done: Flags
    selection_bias: Floats

    @cached_property
    def recommended(self) -> Flags:
        """Where it is not taken yet, comparable deals exist, and its kind's interval is above 0."""
        return self.comparable & ~self.done & (self.kind_low > 0)


def candidate_actions(
    known: Sequence[ActionEffect],
    x: Floats,
    features: Sequence[Feature],
    levels: Mapping[str, Any],
    chance: Floats,
    action_events: Sequence[ActionEvents],
    deals: Ints,
    moment: int,
    segments: Mapping[str, Ints] | None = None,
) -> list[CandidateAction]:
    """Every known action on open deals with features x (n, k), win probabilities and numbers `deals` (n,).

    `segments` are their `segment_codes`, where somebody has them already.
    """
    if not known:
        return []
    codes, _ = effect_codes(x, features, levels, segments)
    together = _together(Same(known))
    scale = effect_scale(chance)
    effect, variance = together.effects(codes, chance)
    excess, share, sd = together.excess, together.share, together.share_sd
    selection_bias = excess * scale
    left, variance = share * effect, share**2 * variance
    of_kind = bias_adjusted(left, variance, selection_bias)
    unsure = (sd * effect) ** 2 + (DEAL_SD * scale) ** 2  # of the share, and of the deal itself
    of_deal = bias_adjusted(left, variance + unsure, selection_bias)
    events_by_action = {events.action: events for events in action_events}
    comparable = together.comparable[:, codes["stage"]]
    candidates = []
    for number, action_effect in enumerate(known):
        done = np.zeros(len(deals), bool)
        if (events := events_by_action.get(action_effect.action)) is not None:
            last = last_done(events, deals, moment, NEVER)
            done = (last != NEVER) & ((moment - last < REPEAT_AFTER) | (not events.routine))
        candidates.append(
            CandidateAction(
                action_effect.action,
                of_deal.effect[number],
                of_deal.low[number],
                of_deal.high[number],
                of_kind.low[number],
                comparable[number],
                done,
                selection_bias[number],
            )
        )
    return candidates


@dataclass(frozen=True)
class _Together:
    """What holds of all known actions (a,) whatever the deal; columns (a, 1).

    `comparable` (a, stages + 1): enough past deals of the stage had the action; last, of an unknown stage.
    """

    effects: EffectsTogether
    excess: Floats
    share: Floats
    share_sd: Floats
    comparable: Flags


@lru_cache(8)
def _together(known: Same[Sequence[ActionEffect]]) -> _Together:
    every = known.value
    typical = typical_selection([each.adjustment for each in every if each.action not in BASELINE_ACTIONS])
    stages = max(len(each.by_stage) for each in every)
    comparable = np.zeros((len(every), stages + 1), bool)
    for row, each in zip(comparable, every, strict=True):
        row[: len(each.by_stage)] = np.asarray(each.by_stage) >= MIN_IN_STAGE
    return _Together(
        EffectsTogether.of([each.effects for each in every]),
        np.array([[max(each.adjustment - typical, 0.0)] for each in every]),
        np.array([[each.allowance.share] for each in every]),
        np.array([[each.allowance.sd] for each in every]),
        comparable,
    )


def typical_selection(moved: Sequence[float]) -> float:
    """The selection of promising deals that actions have in common; the excess is an action's own.

    The median over actions plus the median absolute deviation.
    """
    if not moved:
        return 0.0
    middle = float(np.median(moved))
    return middle + float(np.median(np.abs(np.asarray(moved) - middle)))
