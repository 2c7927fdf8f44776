"""Which bottlenecks does the history show? The contrasts of every stage, searched family by family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.stage_visits import stage_visits
from models.bottlenecks import (
    PAIRED,
    Bottleneck,
    ConditionContrast,
    FoundBottleneck,
    SegmentKey,
    names_in,
    search_conditions,
)
from training.bottleneck_contrasts import contrasts_of, stage_entries
from training.observational_data import ObservationalData

MAIN_PART = 0.8  # share of the false discoveries allowed


def find_bottlenecks(
    observed: ObservationalData, shuffle: np.random.Generator | None = None
) -> tuple[Bottleneck, ...]:
    """Bottlenecks of a history, the most certain first.

    `shuffle`: permutes the outcomes of deals, so that there is nothing to find.
    """
    passages_by_stage = stage_visits(observed.history, observed.as_of)
    stages = [stage_entries(observed, passage, passages_by_stage[-1].deal) for passage in passages_by_stage]
    if shuffle is not None:
        stages = [discovery.shuffled(shuffle) for discovery in stages]
    discoveries: list[tuple[FoundBottleneck, ConditionContrast]] = []
    for family, part in _families(contrasts_of(observed, stages)):
        # What was discovered already shows in other conditions of the same deals too.
        others = [_distinct(trial, [discovery.key for discovery, _ in discoveries]) for trial in family]
        discoveries += [
            (discovery, others[discovery.contrast]) for discovery in search_conditions(others, part)
        ]
    discoveries.sort(key=lambda pair: pair[0].q)
    return tuple(_bottleneck(observed, discovery, trial) for discovery, trial in discoveries)


def _distinct(trial: ConditionContrast, known: Sequence[SegmentKey]) -> ConditionContrast:
    """The trial in segments of which none contains a known one or lies within it."""
    keys = trial.cohort.segments
    distinct = [not any(key.within(other) or other.within(key) for other in known) for key in keys]
    return trial if all(distinct) else trial.in_segments(np.array(distinct, bool))


def _families(trials: Sequence[ConditionContrast]) -> list[tuple[list[ConditionContrast], float]]:
    """Trials that are searched together, in order, each family with its share of the false discoveries.

    First, with most of that share, how long stages take in the usual segments; then the rest, including the
    company's own columns.
    """
    families: dict[tuple[str, bool, bool], list[ConditionContrast]] = {("interval", False, False): []}
    for trial in trials:
        condition = trial.condition
        kind = (condition.kind, bool(condition.feature))
        if kind != ("interval", False):
            families.setdefault((*kind, False), []).append(trial)
            continue
        usual = np.array(
            [all(name in PAIRED for name, _ in key.parts) for key in trial.cohort.segments], bool
        )
        for own, segments in ((False, usual), (True, ~usual)):
            if segments.any():
                families.setdefault((*kind, own), []).append(trial.in_segments(segments))
    main = families.pop(("interval", False, False))
    others = [(family, (1 - MAIN_PART) / len(families)) for family in families.values()]
    return [(main, MAIN_PART), *others]


def _bottleneck(
    observed: ObservationalData, discovery: FoundBottleneck, trial: ConditionContrast
) -> Bottleneck:
    without = None if np.isnan(discovery.rate_without) else discovery.rate_without
    if trial.condition.kind == "conversion":  # against what others in its place would do
        without = float(np.clip(discovery.rate_with - discovery.effect, 0.0, 1.0))
    return Bottleneck(
        condition=trial.condition,
        segment={
            column: str(names_in(column, observed.history.levels)[code])
            for column, code in discovery.key.parts
        },
        effect=discovery.effect,
        low=discovery.low,
        high=discovery.high,
        q=discovery.q,
        deals=discovery.deals,
        rate_with=discovery.rate_with,
        rate_without=without,
    )
