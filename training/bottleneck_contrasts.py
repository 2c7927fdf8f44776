"""Which conditions can be tested? Those that enough deals of a stage met, and enough other deals did not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from crm.instants import DAY, NEVER
from features import build_features, deal_states
from features.arrays import Flags, Floats, Ints
from features.stage_visits import StageVisits
from models.bottlenecks import PAIRED, Condition, ConditionContrast, StageCohort, segment_codes, segments_of
from models.crossfit import cross_fitted, folds_of
from training.observational_data import ObservationalData

THRESHOLDS = (7, 10, 14, 21, 28, 35, 45, 60, 90)
# Features that show skipped steps, and features that are intervals between two activities.
STEPS = ("effective_meetings", "demos", "quotes", "manager_meetings", "materials", "follow_ups")
INTERVALS = ("created_to_meeting_days", "meeting_to_proposal_days", "proposal_to_quote_days")
INTERVAL_DAYS = (7, 14, 21, 28, 45)
MAX_STARTS = 40_000  # of each stage, the most recent
MIN_EACH = 120  # deals that met a condition, and deals that did not
# Usual standard deviation of the difference between a segment's conversion at one stage and at the others.
USUAL_SD = 0.03
BLOCK_DAYS = 91  # alternating blocks of this length divide the history into halves


@dataclass(frozen=True)
class StageEntries:
    """Deals (n,) that entered a stage and whose outcome is known: visits, features at entry and outcome.

    `advanced`: 1 where the deal reached the next stage (at the last stage: was won). `decided`: whether it
    reached the last stage.
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
    """Entries of deals with a known outcome, old enough that nearly all of their deals have one.

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
    attributes = deal_states(observed.history, passage.deal, passage.entered_at + 1)
    inside = np.array([members for _, members in segments], np.float32).reshape(
        len(segments), len(passage.deal)
    )
    return StageCohort(
        passage.deal,
        attributes.account,
        attributes.owner,
        np.asarray((observed.as_of - passage.entered_at) // (BLOCK_DAYS * DAY) % 2),
        tuple(key for key, _ in segments),
        inside,
    )


def contrasts_of(observed: ObservationalData, stages: Sequence[StageEntries]) -> list[ConditionContrast]:
    """Every contrast of a history's stages."""
    contrasts: list[ConditionContrast] = []
    for entries in stages:
        if len(entries.won) >= 2 * MIN_EACH and entries.passage.next_stage:
            expected = cross_fitted(
                entries.x, observed.features, entries.won, folds_of(np.arange(len(entries.won)))
            )
            contrasts += _duration_contrasts(entries, expected, observed.as_of)
            contrasts += _advance_contrasts(observed, entries, expected)
    return [*contrasts, *_conversion_contrasts(observed, stages)]


def _enough(contrasts: Sequence[ConditionContrast]) -> list[ConditionContrast]:
    return [
        contrast
        for contrast in contrasts
        if min(contrast.with_condition.sum(), contrast.without_condition.sum()) >= MIN_EACH
    ]


def _duration_contrasts(entries: StageEntries, expected: Floats, as_of: int) -> list[ConditionContrast]:
    """Contrasts of too long a time in the stage, and of too long a time without contact in it."""
    passage = entries.passage
    advanced = passage.advanced_at != NEVER
    days = (
        np.where(advanced, np.minimum(passage.advanced_at, entries.ended), entries.ended) - passage.entered_at
    ) / DAY
    quiet = (np.where(passage.contacted_at == NEVER, as_of, passage.contacted_at) - passage.entered_at) / DAY
    contrasts = []
    for limit in THRESHOLDS:
        slow, silent = days > limit, quiet > limit
        for kind, met, unmet in (
            ("interval", slow, advanced & ~slow),
            ("activity_gap", slow & silent, slow & ~silent),
        ):
            condition = Condition(kind, passage.stage, passage.next_stage, limit)
            contrasts.append(
                ConditionContrast(
                    condition, entries.starts, met, unmet, entries.won, expected, entries.decided
                )
            )
    return _enough(contrasts)


def _advance_contrasts(
    observed: ObservationalData, entries: StageEntries, expected: Floats
) -> list[ConditionContrast]:
    """Contrasts of steps that deals skipped in this stage, and of intervals between two of its activities."""
    passage = entries.passage
    rows = np.flatnonzero(passage.advanced_at != NEVER)
    if len(rows) < 2 * MIN_EACH:
        return []
    x_after = np.full(entries.x.shape, np.nan)
    x_after[rows] = build_features(observed.history, passage.deal[rows], passage.advanced_at[rows] + 1)[
        :, observed.used
    ]
    advanced = passage.advanced_at != NEVER
    column = {feature.name: at for at, feature in enumerate(observed.features)}
    conditions = []
    for name in (name for name in STEPS if name in column):
        before, after = entries.x[:, column[name]], x_after[:, column[name]]
        conditions.append(
            (Condition("activity_gap", passage.stage, passage.next_stage, 0, name), before == 0, after == 0)
        )
    for name in (name for name in INTERVALS if name in column):
        before, after = entries.x[:, column[name]], x_after[:, column[name]]
        ended_here = np.isnan(before) & ~np.isnan(after)
        for limit in INTERVAL_DAYS:
            condition = Condition("interval", passage.stage, passage.next_stage, limit, name)
            conditions.append((condition, ended_here, after > limit))
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
            for condition, among, met in conditions
        ]
    )


def _conversion_contrasts(
    observed: ObservationalData, stages: Sequence[StageEntries]
) -> list[ConditionContrast]:
    """Contrasts of each stage's conversion with the same segment's conversion at the other stages.

    The expected conversion of a deal uses all its features except those of its owner.
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
        of_stage = number == stage
        expected[of_stage] = cross_fitted(entries.x[:, neutral], features, entries.advanced, fold[of_stage])
        expected[of_stage] += entries.advanced.mean() - expected[of_stage].mean()
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
