"""Which conditions can a history put on trial? Those that enough deals of a stage met, and enough did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sancho.crm.instants import DAY, NEVER
from sancho.features import build, current
from sancho.features.arrays import Floats, Ints
from sancho.features.passages import Passage
from sancho.models.bottlenecks import PAIRED, Condition, Starts, Trial, segment_codes, segments_of
from sancho.models.crossfit import cross_fitted, folds_of
from sancho.training.observational_data import ObservationalData

Flags = NDArray[np.bool_]

THRESHOLDS = (7, 10, 14, 21, 28, 35, 45, 60, 90)
# Steps that a deal may go on without, and intervals between two activities, by the features that tell.
STEPS = ("effective_meetings", "demos", "quotes", "manager_meetings", "materials", "follow_ups")
INTERVALS = ("created_to_meeting_days", "meeting_to_proposal_days", "proposal_to_quote_days")
INTERVAL_DAYS = (7, 14, 21, 28, 45)
MOST_STARTS = 40_000  # the latest of each stage: enough to find what is worth it
LEAST_EACH = 120  # deals with a condition, and without it
# By how much a segment's going on from one stage differs from the other stages' anyway, as a spread.
USUAL_SD = 0.03
BLOCK_DAYS = 91  # halves of the history take turns by stretches so long


@dataclass(frozen=True)
class StageEntries:
    """Deals (n,) that came to a stage and whose end is known: their passage, features at coming and outcome.

    `on` 1 where they went on (after the last stage: were won), `decided` where they got to the last stage.
    """

    passage: Passage
    x: Floats
    won: Floats
    on: Floats
    ended: Ints
    decided: Flags
    starts: Starts

    def shuffled(self, rng: np.random.Generator) -> StageEntries:
        """The same deals with their outcomes exchanged among them."""
        return replace(self, won=rng.permutation(self.won), on=rng.permutation(self.on))


def stage_entries(study: ObservationalData, passage: Passage, last: Ints) -> StageEntries:
    """Those that came so long ago that nearly all have ended; left out is who is still alive.

    `last`: the deals that came to the last stage.
    """
    lives, cycle, as_of = study.outcomes, study.cycle, study.as_of
    deal = passage.deal
    done = (lives.closed[deal] != NEVER) & (lives.closed[deal] < as_of)
    abandoned = ~done & (as_of - lives.last_sign[deal] > cycle.silent_days * DAY)
    ended = np.where(done, lives.closed[deal], lives.last_sign[deal])
    use = (as_of - passage.came >= cycle.longest_days * DAY) & (done | abandoned) & (passage.came < ended)
    at = np.flatnonzero(use)
    at = at[np.argsort(passage.came[at], kind="stable")[-MOST_STARTS:]]
    mine = Passage(
        passage.stage,
        passage.following,
        deal[at],
        passage.came[at],
        passage.went_on[at],
        passage.contacted[at],
    )
    x = build(study.history, mine.deal, mine.came + 1)[:, study.used]
    won = (done & (lives.outcome[deal] == 1))[at].astype(float)
    on = (mine.went_on != NEVER).astype(float) if mine.following else won
    decided = np.isin(mine.deal, last) | (won > 0)
    return StageEntries(mine, x, won, on, ended[at], decided, _starts(study, mine, x))


def _starts(study: ObservationalData, passage: Passage, x: Floats) -> Starts:
    levels = study.history.levels
    segments = segments_of(segment_codes(x, study.features, levels), levels)
    whose = current(study.history, passage.deal, passage.came + 1)
    inside = np.array([who for _, who in segments], np.float32).reshape(len(segments), len(passage.deal))
    return Starts(
        passage.deal,
        whose.account,
        whose.owner,
        np.asarray((study.as_of - passage.came) // (BLOCK_DAYS * DAY) % 2),
        tuple(key for key, _ in segments),
        inside,
    )


def trials_of(study: ObservationalData, came: Sequence[StageEntries]) -> list[Trial]:
    """Every trial of a history's stages."""
    out: list[Trial] = []
    for one in came:
        if len(one.won) >= 2 * LEAST_EACH and one.passage.following:
            expected = cross_fitted(one.x, study.features, one.won, folds_of(np.arange(len(one.won))))
            out += _waits(one, expected, study.as_of)
            out += _passed(study, one, expected)
    return [*out, *_conversions(study, came)]


def _enough(trials: Sequence[Trial]) -> list[Trial]:
    return [one for one in trials if min(one.met.sum(), one.spared.sum()) >= LEAST_EACH]


def _waits(came: StageEntries, expected: Floats, as_of: int) -> list[Trial]:
    """Too long in the stage, and too long without contact in it. (Of the last stage the outcome tells.)"""
    passage = came.passage
    went = passage.went_on != NEVER
    days = (np.where(went, np.minimum(passage.went_on, came.ended), came.ended) - passage.came) / DAY
    quiet = (np.where(passage.contacted == NEVER, as_of, passage.contacted) - passage.came) / DAY
    trials = []
    for limit in THRESHOLDS:
        slow, silent = days > limit, quiet > limit
        for kind, met, spared in (
            ("interval", slow, went & ~slow),
            ("activity_gap", slow & silent, slow & ~silent),
        ):
            condition = Condition(kind, passage.stage, passage.following, limit)
            trials.append(Trial(condition, came.starts, met, spared, came.won, expected, came.decided))
    return _enough(trials)


def _passed(study: ObservationalData, came: StageEntries, expected: Floats) -> list[Trial]:
    """What deals went on without, and how long activities were apart, as far as this stage decided it."""
    passage = came.passage
    went = np.flatnonzero(passage.went_on != NEVER)
    if len(went) < 2 * LEAST_EACH:
        return []
    then = np.full(came.x.shape, np.nan)
    then[went] = build(study.history, passage.deal[went], passage.went_on[went] + 1)[:, study.used]
    on = passage.went_on != NEVER
    place = {feature.name: at for at, feature in enumerate(study.features)}
    found = []
    for name in (name for name in STEPS if name in place):
        before, after = came.x[:, place[name]], then[:, place[name]]
        found.append(
            (Condition("activity_gap", passage.stage, passage.following, 0, name), before == 0, after == 0)
        )
    for name in (name for name in INTERVALS if name in place):
        before, after = came.x[:, place[name]], then[:, place[name]]
        open_yet = np.isnan(before) & ~np.isnan(after)
        for limit in INTERVAL_DAYS:
            condition = Condition("interval", passage.stage, passage.following, limit, name)
            found.append((condition, open_yet, after > limit))
    return _enough(
        [
            Trial(one, came.starts, on & of & met, on & of & ~met, came.won, expected, came.decided)
            for one, of, met in found
        ]
    )


def _conversions(study: ObservationalData, came: Sequence[StageEntries]) -> list[Trial]:
    """Going on from each stage, held against the same segment's going on from the other stages.

    What is expected of a deal goes by all that is known of it but who it belongs to.
    """
    came = [one for one in came if len(one.on) >= 2 * LEAST_EACH]
    if len(came) < 2:
        return []
    neutral = [
        at
        for at, one in enumerate(study.features)
        if one.name not in PAIRED and one.name != "employees" and one.group not in ("seller", "custom")
    ]
    features = [study.features[at] for at in neutral]
    number = np.repeat(np.arange(len(came)), [len(one.on) for one in came])
    deal = np.concatenate([one.passage.deal for one in came])
    fold = folds_of(deal)
    on = np.concatenate([one.on for one in came])
    expected = np.empty(len(on))
    for place, one in enumerate(came):
        mine = number == place
        expected[mine] = cross_fitted(one.x[:, neutral], features, one.on, fold[mine])
        expected[mine] += one.on.mean() - expected[mine].mean()
    shared = [key for key in came[0].starts.segments if all(key in one.starts.segments for one in came)]
    shared = [key for key in shared if len(key.parts) == 1]
    inside = np.concatenate(
        [one.starts.inside[[one.starts.segments.index(key) for key in shared]] for one in came], axis=1
    )
    starts = Starts(
        deal,
        np.concatenate([one.starts.account for one in came]),
        np.concatenate([one.starts.seller for one in came]),
        np.concatenate([one.starts.block for one in came]),
        tuple(shared),
        inside,
    )
    everybody = np.ones(len(on), bool)
    return [
        Trial(
            Condition("conversion", one.passage.stage, one.passage.following, 0),
            starts,
            number == place,
            number != place,
            on,
            expected,
            everybody,
            USUAL_SD,
        )
        for place, one in enumerate(came)
    ]
