"""Which actions are open to which deals, and what would each do there?"""

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
from models.actions.effects import effect_scale
from models.actions.reliability import bias_adjusted

MIN_IN_STAGE = 40  # deals acted on in a stage, for something to be said of the action there
REPEAT_AFTER = 14 * DAY  # a routine action is not recommended so soon after the last one


@dataclass(frozen=True)
class CandidateAction:
    """An action on open deals (n,): its believed effect on winning with 80 % interval, in win rate.

    `comparable`: enough deals of the stage were acted on; `done`: already done (a routine one: just now).
    `selection_bias`: how much more than other actions' deals its deals were chosen for doing well, on each deal.
    """

    action: str
    effect: Floats
    low: Floats
    high: Floats
    comparable: Flags
    done: Flags
    selection_bias: Floats

    @property
    def recommended(self) -> Flags:
        """Where it is not done yet, there is something to compare with, and the interval is all benefit."""
        return self.comparable & ~self.done & (self.low > 0)


def candidate_actions(
    known: Sequence[ActionEffect],
    x: Floats,
    features: Sequence[Feature],
    levels: Mapping[str, Any],
    chance: Floats,
    deeds: Sequence[ActionEvents],
    deals: Ints,
    moment: int,
) -> list[CandidateAction]:
    """Every known action on open deals with features x (n, k), chances to be won and numbers `deals` (n,)."""
    codes, _ = effect_codes(x, features, levels)
    usual = typical_selection([one.adjustment for one in known if one.action not in BASELINE_ACTIONS])
    slope = effect_scale(chance)
    done_by = {one.action: one for one in deeds}
    out = []
    for one in known:
        effect, variance = one.effects.of(codes, chance)
        chosen = max(one.adjustment - usual, 0.0) * slope
        told = bias_adjusted(effect, variance, chosen)
        stage = codes["stage"]
        seen = np.append(np.asarray(one.by_stage, np.int64), 0)[stage]
        last = np.full(len(deals), NEVER)
        routine = False
        if one.action in done_by:
            last = last_done(done_by[one.action], deals, moment, NEVER)
            routine = done_by[one.action].routine
        done = (last != NEVER) & ((moment - last < REPEAT_AFTER) | (not routine))
        out.append(
            CandidateAction(one.action, told.effect, told.low, told.high, seen >= MIN_IN_STAGE, done, chosen)
        )
    return out


def typical_selection(moved: Sequence[float]) -> float:
    """How much any action's deals are chosen for doing well: what is beyond that is one action's own.

    The median over actions, and the median distance from it.
    """
    if not moved:
        return 0.0
    middle = float(np.median(moved))
    return middle + float(np.median(np.abs(np.asarray(moved) - middle)))
