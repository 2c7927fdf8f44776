"""Which actions are available on which deals, and what is the effect of each?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crm.instants import DAY, NEVER
from features.action_events import BASELINE_ACTIONS, ActionEvents, last_done
from features.arrays import Flags, Floats, Ints
from features.catalogue import Feature
from models.actions.action_effect import ActionEffect, effect_codes
from models.actions.effects import effect_scale, effects_of
from models.actions.reliability import DEAL_SD, bias_adjusted

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

    @property
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
    typical = typical_selection(
        [action_effect.adjustment for action_effect in known if action_effect.action not in BASELINE_ACTIONS]
    )
    scale = effect_scale(chance)
    effect, variance = map(
        np.stack, zip(*effects_of([each.effects for each in known], codes, chance), strict=True)
    )
    excess, share, sd = np.array(
        [(max(each.adjustment - typical, 0.0), each.allowance.share, each.allowance.sd) for each in known]
    ).T[:, :, None]
    selection_bias = excess * scale
    left, variance = share * effect, share**2 * variance
    of_kind = bias_adjusted(left, variance, selection_bias)
    unsure = (sd * effect) ** 2 + (DEAL_SD * scale) ** 2  # of the share, and of the deal itself
    of_deal = bias_adjusted(left, variance + unsure, selection_bias)
    events_by_action = {events.action: events for events in action_events}
    candidates = []
    for number, action_effect in enumerate(known):
        in_stage = np.append(np.asarray(action_effect.by_stage, np.int64), 0)[codes["stage"]]
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
                in_stage >= MIN_IN_STAGE,
                done,
                selection_bias[number],
            )
        )
    return candidates


def typical_selection(moved: Sequence[float]) -> float:
    """The selection of promising deals that actions have in common; the excess is an action's own.

    The median over actions plus the median absolute deviation.
    """
    if not moved:
        return 0.0
    middle = float(np.median(moved))
    return middle + float(np.median(np.abs(np.asarray(moved) - middle)))
