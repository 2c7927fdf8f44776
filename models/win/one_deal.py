"""How likely is ONE deal to be won or lost by several dates, and why?

`WinModel.curve` and `WinModel.contributions` answer for many deals, array by array; for one deal most of
their time goes into calling, not computing. Here one compiled call asks all base models
(`models.win.base_model_kernels`). The mix and the level of their log-odds are the model's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from features.arrays import Floats
from models.explain.layout import joined_layout
from models.win.base_model_kernels import (
    LINEAR,
    TABLE,
    TAIL,
    TREES,
    BaseModels,
    Days,
    Forests,
    Questions,
    Regressions,
    Said,
    Special,
    Tables,
    answer,
)
from models.win.base_models import Linear
from models.win.encoder import Encoder
from models.win.horizons import ramp_edges
from models.win.level import SIDES
from models.win.mix_kernels import Mixes, mix
from models.win.model import Contributions, Curve, WinModel, log_odds_sd_of
from models.win.tree_scores import joined_nodes
from models.win.trees import Trees


@dataclass(frozen=True)
class DealAnswer:
    """Probabilities of one deal by dates, (1, h), and contributions (3, k).

    The contributions are to "won by the end of the period?", "won at all?", and "won at all?" some time ago.
    """

    curve: Curve
    contributions: Contributions


@dataclass(frozen=True)
class OneDeal:
    """A win model, ready to be asked about one deal at a time."""

    win: WinModel
    models: BaseModels
    mixes: Mixes

    @classmethod
    def of(cls, win: WinModel) -> OneDeal:
        """Reads a model's base models into one list."""
        return cls(win, _base_models(win), Mixes.of((win.won.stack, win.lost.stack)))

    def ask(self, x: Floats, moments: tuple[int, int], days: Floats, left_days: float) -> DealAnswer:
        """Answers for features now and some time ago (2, k), at the two moments.

        `days` (h,) ascend, the last is infinite; `left_days`, if above 0, is one of them.
        """
        win = self.win
        within = np.minimum(days, win.ever_days)
        asked = np.append(within, win.ever_days)
        of_period = int(np.searchsorted(days, left_days))
        if left_days <= 0:
            asked, of_period = np.append(0.0, asked), 0
        count = len(asked)
        questions = Questions(
            np.ascontiguousarray(x[:, win.used]),
            np.array(moments, np.int64),
            np.array([0, count, count + 1]),
            np.append(asked, win.ever_days),
            np.array([of_period, count - 1, count]),
        )
        said = self._ask_base_models(questions)
        row = np.zeros(count + 1, np.int64)
        row[-1] = 1
        fresh, at = win.layout.freshness(questions.x)[row], questions.moments[row]
        total, weights = self._mixed(said, win.level.shifts(at, questions.days), fresh)
        curve = self._curve(total[:, :count][:, -len(within) - 1 :], within)
        return DealAnswer(curve, self._contributions(x, questions, said, total[0], weights))

    def _mixed(self, said: Said, levels: Floats, fresh: Floats) -> tuple[Floats, Floats]:
        """Calibrated log-odds (2, q) of both outcomes, and the weights (q, b) of the first's base models."""
        log_clock = np.log1p(said.clock)
        total, weights = np.empty(said.log_odds.shape[:2]), np.empty(said.log_odds.shape[1:])
        shifts = self.mixes.shifts(said.clock, log_clock)
        mix(self.mixes, said.log_odds, shifts, levels, said.clock, log_clock, fresh, total, weights)
        return total, weights

    def _ask_base_models(self, questions: Questions) -> Said:
        columns = len(self.win.won.stack.weights)
        said = Said(
            np.zeros(len(questions.days)),
            np.zeros((len(SIDES), len(questions.days), columns)),
            np.zeros(len(questions.why)),
            np.zeros((len(questions.why), columns, questions.x.shape[1])),
        )
        answer(self.models, questions, said)
        if self.win.won.linear is None:
            layout, rates, asked = self.win.layout, self.win.rates, questions.x[[0, 0, 1]]
            stage, age = layout.column(asked, layout.stage), layout.column(asked, layout.age, 0.0)
            said.variance[:] = rates.variance(expit(said.log_odds[0, questions.why, 0]), stage, age)
        return said

    def _curve(self, log_odds: Floats, days: Floats) -> Curve:
        """As `WinModel.curve`: won never exceeds won in the end, nor lost what is left then."""
        chance = expit(log_odds)
        ever = chance[0, -1]
        by_won, by_lost = np.minimum(chance[0, :-1], ever), np.minimum(chance[1, :-1], 1.0 - ever)
        by_lost[days >= self.win.ever_days] = 1.0 - ever
        over = days <= 0
        by_won[over] = by_lost[over] = 0.0
        return Curve(by_won[None], by_lost[None])

    def _contributions(
        self, x: Floats, questions: Questions, said: Said, won: Floats, every_weight: Floats
    ) -> Contributions:
        win, why = self.win, questions.why
        total, days, log_odds = won[why], questions.days[why], said.log_odds[0, why]
        if win.level.ever_is_lower and days[0] < win.ever_days:
            total[0] = min(total[0], total[1])
        weights = every_weight[why]
        values = np.zeros((len(why), x.shape[1]))
        values[:, win.used] = (weights[:, :, None] * said.contributions).sum(axis=1)
        sd = log_odds_sd_of(log_odds, said.variance, weights)
        return Contributions(values, total - values.sum(axis=1), sd)


def _base_models(win: WinModel) -> BaseModels:
    """The list of a win model's base models, and their arrays."""
    listed: list[tuple[int, int, int, int]] = []
    linears: list[Linear] = []
    forests: list[Trees] = []
    explained: list[Trees] = []
    for side, part in enumerate((win.won, win.lost)):
        listed.append((side, 0, TABLE, side))
        if part.linear is not None:
            listed.append((side, 1, LINEAR, len(linears)))
            linears.append(part.linear)
        for column, trees in ((2, part.trees), (3, part.plain)):
            if trees is not None:
                listed.append((side, column, TREES, len(forests)))
                forests.append(trees)
                explained += [trees] if side == 0 else []
    calendar, rates, layout = win.windows.calendar, win.rates, win.layout
    linear = linears[0] if linears else _no_linear(win)
    width = len(win.used) + (TAIL if layout.close >= 0 else TAIL - 1)
    begin, nodes = joined_nodes([trees.nodes for trees in forests])
    number = np.arange(len(forests))
    return BaseModels(
        np.array(listed, np.int64),
        Days(
            calendar.day_start,
            win.windows.business_days,
            calendar.months_ended,
            calendar.quarters_ended,
            calendar.fiscal_end,
            win.ever_days,
            win.windows.longest_days,
        ),
        Special(layout.stage, layout.age, layout.close),
        Tables(
            rates.stages,
            rates.ages,
            np.concatenate([[0.0], rates.grid]),
            np.pad(np.stack([rates.won, rates.lost]), ((0, 0), (0, 0), (0, 0), (1, 0))),
            rates.share.sum(axis=1),
            rates.share.sum(axis=0),
        ),
        Regressions(
            linear.encoder.value,
            linear.encoder.logged,
            linear.encoder.centre,
            linear.encoder.scale,
            linear.encoder.level,
            linear.encoder.code,
            linear.encoder.gap,
            ramp_edges(win.ever_days),
            linear.stages,
            linear.top,
            np.array([each.coefficients for each in linears]).reshape(len(linears), len(linear.coefficients)),
            np.ascontiguousarray(linear.covariance),
            linear.mean,
            linear.stage_mean,
            linear.close_reference,
        ),
        Forests(
            begin,
            nodes,
            np.where(number < len(explained), number, -1),
            joined_layout([trees.explainer.layout for trees in explained], width),
            width,
        ),
    )


def _no_linear(win: WinModel) -> Linear:
    """A regression without columns, for a model that has none."""
    none, empty = np.zeros(0), np.zeros(0, np.int64)
    encoder = Encoder(empty, np.zeros(0, bool), none, none, empty, none, empty)
    return Linear(encoder, none, np.ones(3), win.ever_days, none, np.zeros((0, 0)), none, none, none)
