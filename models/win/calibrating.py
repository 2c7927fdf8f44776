"""At which intercepts and level are a model's base models stacked, all together or each alone?"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows, sample_questions
from models.win.level import LevelTargets, level_targets
from models.win.model import Side, WinModel
from models.win.stacking import BASE_MODELS, Answers, Stack, recalibrate_intercept

INTERCEPT_ROWS = 40_000  # regular rows used to recalibrate the intercept
FRESH_ROWS = 10_000  # rows of moments just after changes used for theirs


def with_stacks(
    model: WinModel,
    won: Stack,
    lost: Stack,
    rows: SnapshotRows,
    rng: np.random.Generator,
    with_level: bool = True,
) -> WinModel:
    """The same base models with other stacks, whose intercepts and level are learned from training rows."""
    if model.won.linear is None:
        return model
    return Calibrating.of(model, rows, rng).with_stacks(won, lost, with_level)


def each_alone(model: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> dict[str, WinModel]:
    """Each base model of a model alone, by its name of `BASE_MODELS`, those that the model has.

    Intercept and level are fitted on the training rows exactly as those of the whole are. A base model that
    says nothing of losses leaves them to all.
    """
    return Calibrating.of(model, rows, rng).each_alone()


@dataclass(frozen=True)
class Calibrating:
    """What a model's base models say of its training rows, from which intercepts and the level are learned.

    Whatever the stacks, the base models are asked once. The stated prior has neither intercept nor level.
    """

    model: WinModel
    rows: SnapshotRows
    won: Answers | None
    lost: Answers | None
    _recent: dict[tuple[str, bytes, bytes], Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> Calibrating:
        """Of regular moments, like questions on any day, and of some just after changes."""
        if model.won.linear is None:
            return cls(model, rows, None, None)
        parts = [
            sample_questions(rows.where(rows.regular), INTERCEPT_ROWS, rng),
            sample_questions(rows.where(~rows.regular), FRESH_ROWS, rng),
        ]
        answers = [answers_of(model, part) for part in parts]
        won, lost = (Answers.joined([both[side] for both in answers]) for side in range(2))
        return cls(model, rows, won, lost)

    def with_stacks(self, won: Stack, lost: Stack, with_level: bool = True) -> WinModel:
        """The model with other stacks, their intercepts learned, and the level learned for them or none."""
        if self.won is None or self.lost is None:
            return self.model
        stacked = replace(
            self.model,
            won=replace(self.model.won, stack=recalibrate_intercept(won, self.won)),
            lost=replace(self.model.lost, stack=recalibrate_intercept(lost, self.lost)),
        ).without_level()
        if not with_level or self._targets is None:
            return stacked
        return replace(stacked, level=self._targets.level(partial(self._log_odds, stacked)))

    def each_alone(self) -> dict[str, WinModel]:
        """Each base model alone, by its name, see `each_alone`."""
        if self.won is None:
            return {BASE_MODELS[0]: self.model}
        alone = {}
        for number, name in enumerate(BASE_MODELS):
            if not _has(self.model.won, number):
                continue
            only = Stack.weighted_mean(np.eye(len(BASE_MODELS))[number], self.model.ever_days)
            alone[name] = self.with_stacks(
                only, only if _has(self.model.lost, number) else self.model.lost.stack
            )
        return alone

    @cached_property
    def _targets(self) -> LevelTargets | None:
        return level_targets(self.rows, self.model.layout, self.model.windows)

    def _log_odds(self, stacked: WinModel, side: str, inside: Floats, moments: Ints, days: Floats) -> Floats:
        """Calibrated log-odds (n,) of the rows that set the level, the base models' kept for other stacks."""
        asked = side, moments.tobytes(), days.tobytes()
        clock = stacked.windows.terms(moments, days, stacked.ever_days).clock
        if asked not in self._recent:
            self._recent[asked] = stacked.base_log_odds(side, inside, moments, days, with_variance=False)[0]
        fresh = stacked.layout.freshness(inside)
        return (stacked.won if side == "won" else stacked.lost).stack(self._recent[asked], clock, fresh)


def answers_of(model: WinModel, rows: SnapshotRows, fold: int = 0) -> tuple[Answers, Answers]:
    """What the base models say of the questions of rows with the used features, of won and of lost."""
    sides = []
    clock = model.windows.terms(
        rows.question_at, np.minimum(rows.horizon, model.ever_days), model.ever_days
    ).clock
    for logits, outcome in zip(model.question_log_odds(rows), (rows.won, rows.lost), strict=True):
        answers = Answers(
            logits=logits,
            clock=np.where(rows.horizon >= rows.ever_days, np.inf, clock),
            outcome=outcome,
            weight=rows.question_weight,
            deal=rows.question_deal,
            fold=np.full(len(rows.row), fold),
            fresh=model.layout.freshness(rows.x)[rows.row],
            regular=rows.regular[rows.row],
        )
        sides.append(answers)
    return sides[0], sides[1]


def _has(side: Side, number: int) -> bool:
    """Whether a side has a base model, by its position in `BASE_MODELS`."""
    return number == 0 or (side.linear, side.trees, side.plain)[number - 1] is not None
