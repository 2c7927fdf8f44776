"""Which bottlenecks does the history show? A search over the contrasts of all stages, family by family."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.levels import Levels
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

MAIN_PART = 0.8  # the first family's share of the false discovery rate


def find_bottlenecks(
    observed: ObservationalData, shuffle: np.random.Generator | None = None
) -> tuple[Bottleneck, ...]:
    """Bottlenecks of a history, the most significant first; `shuffle`: see `contrasts_in`."""
    return bottlenecks_among(contrasts_in(observed, shuffle), observed.history.levels)


def looked_for(contrasts: Sequence[ConditionContrast]) -> int:
    """How many conditions are compared, each segment of each counted by itself."""
    return sum(len(contrast.cohort.segments) for contrast in contrasts)


def contrasts_in(
    observed: ObservationalData, shuffle: np.random.Generator | None = None
) -> list[ConditionContrast]:
    """All contrasts of a history; `shuffle` permutes its deals' outcomes: no true bottleneck remains."""
    passages_by_stage = stage_visits(observed.history, observed.as_of)
    stages = [stage_entries(observed, passage, passages_by_stage[-1].deal) for passage in passages_by_stage]
    if shuffle is not None:
        stages = [entries.shuffled(shuffle) for entries in stages]
    return contrasts_of(observed, stages)


def bottlenecks_among(contrasts: Sequence[ConditionContrast], levels: Levels) -> tuple[Bottleneck, ...]:
    """Bottlenecks among all contrasts of a history, the most significant first; `levels` name categories."""
    discoveries: list[tuple[FoundBottleneck, ConditionContrast]] = []
    for family, part in _families(contrasts):
        # A bottleneck that was found already also shows in other conditions of the same deals.
        others = [_distinct(contrast, [discovery.key for discovery, _ in discoveries]) for contrast in family]
        discoveries += [
            (discovery, others[discovery.contrast]) for discovery in search_conditions(others, part)
        ]
    discoveries.sort(key=lambda pair: pair[0].q)
    return tuple(_bottleneck(levels, discovery, contrast) for discovery, contrast in discoveries)


def _distinct(contrast: ConditionContrast, known: Sequence[SegmentKey]) -> ConditionContrast:
    """The contrast, without segments that contain a known one or lie within it."""
    keys = contrast.cohort.segments
    distinct = [not any(key.within(other) or other.within(key) for other in known) for key in keys]
    return contrast if all(distinct) else contrast.in_segments(np.array(distinct, bool))


def _families(contrasts: Sequence[ConditionContrast]) -> list[tuple[list[ConditionContrast], float]]:
    """Contrasts that are searched together, in order, with each family's share of the false discovery rate.

    The first family, with the largest share, is the time in stages of the usual segments; the others follow,
    including segments by the company's own columns.
    """
    families: dict[tuple[str, bool, bool], list[ConditionContrast]] = {("interval", False, False): []}
    for contrast in contrasts:
        condition = contrast.condition
        kind = (condition.kind, bool(condition.feature))
        if kind != ("interval", False):
            families.setdefault((*kind, False), []).append(contrast)
            continue
        usual = np.array(
            [all(name in PAIRED for name, _ in key.parts) for key in contrast.cohort.segments], bool
        )
        for own, segments in ((False, usual), (True, ~usual)):
            if segments.any():
                families.setdefault((*kind, own), []).append(contrast.in_segments(segments))
    main = families.pop(("interval", False, False))
    others = [(family, (1 - MAIN_PART) / len(families)) for family in families.values()]
    return [(main, MAIN_PART), *others]


def _bottleneck(levels: Levels, discovery: FoundBottleneck, contrast: ConditionContrast) -> Bottleneck:
    without = None if np.isnan(discovery.rate_without) else discovery.rate_without
    if contrast.condition.kind == "conversion":  # compared with the expected conversion
        without = float(np.clip(discovery.rate_with - discovery.effect, 0.0, 1.0))
    return Bottleneck(
        condition=contrast.condition,
        segment={column: str(names_in(column, levels)[code]) for column, code in discovery.key.parts},
        effect=discovery.effect,
        low=discovery.low,
        high=discovery.high,
        q=discovery.q,
        deals=discovery.deals,
        rate_with=discovery.rate_with,
        rate_without=without,
    )
