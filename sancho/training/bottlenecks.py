"""Which bottlenecks does the history show? Trials of every stage's passages, and what their search found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.moment import DAY, NEVER
from sancho.features import History, build, current
from sancho.features.arrays import Floats, Ints
from sancho.features.catalogue import Feature
from sancho.features.passages import Passage, passages
from sancho.models.bottlenecks import (
    PAIRED,
    Bottleneck,
    Condition,
    Starts,
    Trial,
    names_in,
    search,
    segment_codes,
    segments_of,
)
from sancho.training.crossfit import folds_of, foreseen
from sancho.training.study import Study

Flags = NDArray[np.bool_]

THRESHOLDS = (7, 10, 14, 21, 28, 35, 45, 60, 90)
MOST_STARTS = 40_000  # the latest of each stage: enough to find what is worth it
LEAST_EACH = 120  # deals with a condition, and without it
MAIN_PART = 0.8  # of the false discoveries allowed
BLOCK_DAYS = 91  # halves of the history take turns by stretches so long


@dataclass(frozen=True)
class _Came:
    """Deals that came to a stage and whose end is known: their passage, features at coming and outcome."""

    passage: Passage
    x: Floats
    won: Floats
    ended: Ints
    decided: Flags  # got as far as the last stage


def find_bottlenecks(study: Study, shuffle: np.random.Generator | None = None) -> tuple[Bottleneck, ...]:
    """Bottlenecks of a history, the surest first.

    `shuffle`: deals exchange their outcomes, so that there is nothing to be found.
    """
    history, as_of = study.history, study.as_of
    trials: list[Trial] = []
    every = passages(history, as_of)
    for passage in every:
        came = _ended(study, passage, every[-1].deal)
        if shuffle is not None:
            came = replace(came, won=shuffle.permutation(came.won))
        trials += _trials(history, came, study.features, as_of)
    found = [(one, family[one.trial]) for family, part in _families(trials) for one in search(family, part)]
    found.sort(key=lambda pair: pair[0].q)
    return tuple(
        Bottleneck(
            trial.condition,
            {column: str(names_in(column, history.levels)[code]) for column, code in one.key.parts},
            one.effect,
            one.low,
            one.high,
            one.q,
            one.deals,
            one.rate_with,
            None if np.isnan(one.rate_without) else one.rate_without,
        )
        for one, trial in found
    )


def _families(trials: Sequence[Trial]) -> list[tuple[list[Trial], float]]:
    """What is searched together: one kind of condition, by the usual columns or by the company's own.

    Each with its part of the false discoveries allowed: most for how long stages take in the usual segments.
    """
    families: dict[tuple[str, bool], list[Trial]] = {}
    for trial in trials:
        usual = np.array(
            [all(name in PAIRED for name, _ in key.parts) for key in trial.starts.segments], bool
        )
        for own, segments in ((False, usual), (True, ~usual)):
            if segments.any():
                families.setdefault((trial.condition.kind, own), []).append(trial.among(segments))
    main = ("interval", False)
    others = max(len(families) - (main in families), 1)
    return [
        (family, MAIN_PART if key == main else (1 - MAIN_PART) / others) for key, family in families.items()
    ]


def _ended(study: Study, passage: Passage, last: Ints) -> _Came:
    """Those that came so long ago that nearly all have ended; left out is who is still alive.

    `last`: the deals that came to the last stage.
    """
    lives, cycle, as_of = study.lives, study.cycle, study.as_of
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
    return _Came(mine, x, won, ended[at], np.isin(mine.deal, last) | (won > 0))


def _trials(history: History, came: _Came, features: Sequence[Feature], as_of: int) -> list[Trial]:
    passage, won = came.passage, came.won
    if len(won) < 2 * LEAST_EACH or not passage.following:
        return []  # how long the last stage takes is told by the outcome itself
    codes = segment_codes(came.x, features, history.levels)
    starts = _starts(history, passage, codes, history.levels, as_of)
    expected = foreseen(came.x, features, won, folds_of(np.arange(len(won))))
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
            if met.sum() >= LEAST_EACH and spared.sum() >= LEAST_EACH:
                condition = Condition(kind, passage.stage, passage.following, limit)
                trials.append(Trial(condition, starts, met, spared, won, expected, came.decided))
    return trials


def _starts(
    history: History, passage: Passage, codes: Mapping[str, Ints], levels: Mapping[str, Any], as_of: int
) -> Starts:
    segments, whose = segments_of(codes, levels), current(history, passage.deal, passage.came + 1)
    inside = np.array([who for _, who in segments], np.float32).reshape(len(segments), len(passage.deal))
    return Starts(
        passage.deal,
        whose.account,
        whose.owner,
        np.asarray((as_of - passage.came) // (BLOCK_DAYS * DAY) % 2),
        tuple(key for key, _ in segments),
        inside,
    )
