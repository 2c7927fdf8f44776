"""Which conditions can be contrasted? Those that enough deals of a stage met, and enough others did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from crm.instants import DAY, NEVER
from features import build_features, deal_states
from features.arrays import Floats, Ints
from features.stage_visits import StageVisits
from models.bottlenecks import PAIRED, Condition, ConditionContrast, StageCohort, segment_codes, segments_of
from models.crossfit import cross_fitted, folds_of
from training.observational_data import ObservationalData

Flags = NDArray[np.bool_]

THRESHOLDS = (7, 10, 14, 21, 28, 35, 45, 60, 90)
# Steps that a deal may skip, and intervals between two activities, by the features that show them.
STEPS = ("effective_meetings", "demos", "quotes", "manager_meetings", "materials", "follow_ups")
INTERVALS = ("created_to_meeting_days", "meeting_to_proposal_days", "proposal_to_quote_days")
INTERVAL_DAYS = (7, 14, 21, 28, 45)
MAX_STARTS = 40_000  # the latest of each stage
MIN_EACH = 120  # deals with a condition, and without it
# Standard deviation of how much a segment's conversion from one stage usually differs from the other stages'.
USUAL_SD = 0.03
BLOCK_DAYS = 91  # the history is halved by alternating blocks of this length


@dataclass(frozen=True)
class StageEntries:
    """Deals (n,) that entered a stage and whose end is known: passage, features at entry and outcome.

    `advanced` 1 where they reached the next stage (after the last: were won), `decided` where they reached
    the last stage.
    """

    passage: StageVisits
    x: Floats
    won: Floats
    advanced: Floats
    ended: Ints
    decided: Flags
    starts: StageCohort

    def shuffled(self, rng: np.random.Generator) -> StageEntries:
        """The same deals with their outcomes permuted."""
        return replace(self, won=rng.permutation(self.won), advanced=rng.permutation(self.advanced))


def stage_entries(observed: ObservationalData, passage: StageVisits, last: Ints) -> StageEntries:
    """Entries so long ago that nearly all have ended; deals still open are left out.

    `last`: the deals that entered the last stage.
    """
    outcomes, cycle, as_of = observed.outcomes, observed.cycle, observed.as_of
    deal = passage.deal
    done = (outcomes.closed[deal] != NEVER) & (outcomes.closed[deal] < as_of)
    abandoned = ~done & (as_of - outcomes.last_sign[deal] > cycle.silent_days * DAY)
    ended = np.where(done, outcomes.closed[deal], outcomes.last_sign[deal])
    use = (
        (as_of - passage.entered_at >= cycle.longest_days * DAY)
        & (done | abandoned)
        & (passage.entered_at < ended)
    )
    rows = np.flatnonzero(use)
    rows = rows[np.argsort(passage.entered_at[rows], kind="stable")[-MAX_STARTS:]]
    kept = StageVisits(
        passage.stage,
        passage.next_stage,
        deal[rows],
        passage.entered_at[rows],
        passage.advanced_at[rows],
        passage.contacted_at[rows],
    )
    x = build_features(observed.history, kept.deal, kept.entered_at + 1)[:, observed.used]
    won = (done & (outcomes.outcome[deal] == 1))[rows].astype(float)
    advanced = (kept.advanced_at != NEVER).astype(float) if kept.next_stage else won
    decided = np.isin(kept.deal, last) | (won > 0)
    return StageEntries(kept, x, won, advanced, ended[rows], decided, _starts(observed, kept, x))


def _starts(observed: ObservationalData, passage: StageVisits, x: Floats) -> StageCohort:
    levels = observed.history.levels
    segments = segments_of(segment_codes(x, observed.features, levels), levels)
    whose = deal_states(observed.history, passage.deal, passage.entered_at + 1)
    inside = np.array([who for _, who in segments], np.float32).reshape(len(segments), len(passage.deal))
    return StageCohort(
        passage.deal,
        whose.account,
        whose.owner,
        np.asarray((observed.as_of - passage.entered_at) // (BLOCK_DAYS * DAY) % 2),
        tuple(key for key, _ in segments),
        inside,
    )


def contrasts_of(observed: ObservationalData, stages: Sequence[StageEntries]) -> list[ConditionContrast]:
    """Every contrast of a history's stages."""
    trials: list[ConditionContrast] = []
    for entries in stages:
        if len(entries.won) >= 2 * MIN_EACH and entries.passage.next_stage:
            expected = cross_fitted(
                entries.x, observed.features, entries.won, folds_of(np.arange(len(entries.won)))
            )
            trials += _waits(entries, expected, observed.as_of)
            trials += _passed(observed, entries, expected)
    return [*trials, *_conversions(observed, stages)]


def _enough(trials: Sequence[ConditionContrast]) -> list[ConditionContrast]:
    return [
        trial
        for trial in trials
        if min(trial.with_condition.sum(), trial.without_condition.sum()) >= MIN_EACH
    ]


def _waits(entries: StageEntries, expected: Floats, as_of: int) -> list[ConditionContrast]:
    """Too long in the stage, and too long without contact in it (in the last stage, the outcome decides)."""
    passage = entries.passage
    went = passage.advanced_at != NEVER
    days = (
        np.where(went, np.minimum(passage.advanced_at, entries.ended), entries.ended) - passage.entered_at
    ) / DAY
    quiet = (np.where(passage.contacted_at == NEVER, as_of, passage.contacted_at) - passage.entered_at) / DAY
    trials = []
    for limit in THRESHOLDS:
        slow, silent = days > limit, quiet > limit
        for kind, met, spared in (
            ("interval", slow, went & ~slow),
            ("activity_gap", slow & silent, slow & ~silent),
        ):
            condition = Condition(kind, passage.stage, passage.next_stage, limit)
            trials.append(
                ConditionContrast(
                    condition, entries.starts, met, spared, entries.won, expected, entries.decided
                )
            )
    return _enough(trials)


def _passed(observed: ObservationalData, entries: StageEntries, expected: Floats) -> list[ConditionContrast]:
    """Steps that deals skipped in this stage, and how far apart activities in it were."""
    passage = entries.passage
    went = np.flatnonzero(passage.advanced_at != NEVER)
    if len(went) < 2 * MIN_EACH:
        return []
    features_then = np.full(entries.x.shape, np.nan)
    features_then[went] = build_features(observed.history, passage.deal[went], passage.advanced_at[went] + 1)[
        :, observed.used
    ]
    advanced = passage.advanced_at != NEVER
    column = {feature.name: at for at, feature in enumerate(observed.features)}
    contrasts = []
    for name in (name for name in STEPS if name in column):
        before, after = entries.x[:, column[name]], features_then[:, column[name]]
        contrasts.append(
            (Condition("activity_gap", passage.stage, passage.next_stage, 0, name), before == 0, after == 0)
        )
    for name in (name for name in INTERVALS if name in column):
        before, after = entries.x[:, column[name]], features_then[:, column[name]]
        open_yet = np.isnan(before) & ~np.isnan(after)
        for limit in INTERVAL_DAYS:
            condition = Condition("interval", passage.stage, passage.next_stage, limit, name)
            contrasts.append((condition, open_yet, after > limit))
    return _enough(
        [
            ConditionContrast(
                condition,
                entries.starts,
                advanced & among & met,
                advanced & among & ~met,
                entries.won,
                expected,
                entries.decided,
            )
            for condition, among, met in contrasts
        ]
    )


def _conversions(observed: ObservationalData, stages: Sequence[StageEntries]) -> list[ConditionContrast]:
    """Conversion from each stage, compared with the same segment's conversion from the other stages.

    The expectation for a deal uses all that is known of it except its owner.
    """
    stages = [entries for entries in stages if len(entries.advanced) >= 2 * MIN_EACH]
    if len(stages) < 2:
        return []
    neutral = [
        at
        for at, feature in enumerate(observed.features)
        if feature.name not in PAIRED
        and feature.name != "employees"
        and feature.group not in ("seller", "custom")
    ]
    features = [observed.features[at] for at in neutral]
    number = np.repeat(np.arange(len(stages)), [len(entries.advanced) for entries in stages])
    deal = np.concatenate([entries.passage.deal for entries in stages])
    fold = folds_of(deal)
    advanced = np.concatenate([entries.advanced for entries in stages])
    expected = np.empty(len(advanced))
    for stage, entries in enumerate(stages):
        here = number == stage
        expected[here] = cross_fitted(entries.x[:, neutral], features, entries.advanced, fold[here])
        expected[here] += entries.advanced.mean() - expected[here].mean()
    shared = [
        key for key in stages[0].starts.segments if all(key in entries.starts.segments for entries in stages)
    ]
    shared = [key for key in shared if len(key.parts) == 1]
    inside = np.concatenate(
        [entries.starts.inside[[entries.starts.segments.index(key) for key in shared]] for entries in stages],
        axis=1,
    )
    starts = StageCohort(
        deal,
        np.concatenate([entries.starts.account for entries in stages]),
        np.concatenate([entries.starts.seller for entries in stages]),
        np.concatenate([entries.starts.half for entries in stages]),
        tuple(shared),
        inside,
    )
    everyone = np.ones(len(advanced), bool)
    return [
        ConditionContrast(
            Condition("conversion", entries.passage.stage, entries.passage.next_stage, 0),
            starts,
            number == stage,
            number != stage,
            advanced,
            expected,
            everyone,
            USUAL_SD,
        )
        for stage, entries in enumerate(stages)
    ]
