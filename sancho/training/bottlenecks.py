"""Which bottlenecks does the history show? Trials of every stage's passages, and what their search found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sancho.features.passages import passages
from sancho.models.bottlenecks import PAIRED, Bottleneck, Found, Key, Trial, names_in, search
from sancho.training.bottleneck_contrasts import stage_entries, trials_of
from sancho.training.observational_data import ObservationalData

MAIN_PART = 0.8  # of the false discoveries allowed


def find_bottlenecks(
    study: ObservationalData, shuffle: np.random.Generator | None = None
) -> tuple[Bottleneck, ...]:
    """Bottlenecks of a history, the surest first.

    `shuffle`: deals exchange their outcomes, so that there is nothing to be found.
    """
    every = passages(study.history, study.as_of)
    came = [stage_entries(study, passage, every[-1].deal) for passage in every]
    if shuffle is not None:
        came = [one.shuffled(shuffle) for one in came]
    found: list[tuple[Found, Trial]] = []
    for family, part in _families(trials_of(study, came)):
        # What was found already shows in other conditions of the same deals too.
        others = [_apart(trial, [one.key for one, _ in found]) for trial in family]
        found += [(one, others[one.trial]) for one in search(others, part)]
    found.sort(key=lambda pair: pair[0].q)
    return tuple(_told(study, one, trial) for one, trial in found)


def _apart(trial: Trial, known: Sequence[Key]) -> Trial:
    """The trial in segments of which none holds a known one or lies within it."""
    keys = trial.starts.segments
    apart = [not any(key.within(one) or one.within(key) for one in known) for key in keys]
    return trial if all(apart) else trial.among(np.array(apart, bool))


def _families(trials: Sequence[Trial]) -> list[tuple[list[Trial], float]]:
    """What is searched together, one after the other, each with its part of the false discoveries allowed.

    First and with most of it how long stages take in the usual segments; then the rest, the company's own
    columns among them.
    """
    families: dict[tuple[str, bool, bool], list[Trial]] = {("interval", False, False): []}
    for trial in trials:
        condition = trial.condition
        kind = (condition.kind, bool(condition.feature))
        if kind != ("interval", False):
            families.setdefault((*kind, False), []).append(trial)
            continue
        usual = np.array(
            [all(name in PAIRED for name, _ in key.parts) for key in trial.starts.segments], bool
        )
        for own, segments in ((False, usual), (True, ~usual)):
            if segments.any():
                families.setdefault((*kind, own), []).append(trial.among(segments))
    main = families.pop(("interval", False, False))
    others = [(family, (1 - MAIN_PART) / len(families)) for family in families.values()]
    return [(main, MAIN_PART), *others]


def _told(study: ObservationalData, one: Found, trial: Trial) -> Bottleneck:
    without = None if np.isnan(one.rate_without) else one.rate_without
    if trial.condition.kind == "conversion":  # against what others in its place would do
        without = float(np.clip(one.rate_with - one.effect, 0.0, 1.0))
    return Bottleneck(
        trial.condition,
        {column: str(names_in(column, study.history.levels)[code]) for column, code in one.key.parts},
        one.effect,
        one.low,
        one.high,
        one.q,
        one.deals,
        one.rate_with,
        without,
    )
