"""How is a model made of a log: validate, snapshot, fit, calibrate, prove on later deals, fit on all?"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.eventlog import EventLog, codes_in, micros
from sancho.crm.moment import DAY
from sancho.crm.text import SanchoError, Text
from sancho.features import Calendar, History, build, change_moments, compile_history, current
from sancho.models.bundle import Bundle, Warned, kept_rows
from sancho.models.calibrate import Stack, fit_stack
from sancho.models.horizons import Windows
from sancho.models.logistic import sigmoid
from sancho.models.new_business import NewBusiness
from sancho.models.revenue import RevenueModel, fit_revenue
from sancho.models.rows import Rows
from sancho.models.trees import TreeSettings
from sancho.models.win import FEW_DEALS, WinModel, WinSettings, fit_win, with_stacks
from sancho.training.config import TrainConfig
from sancho.training.evaluate import Evaluation, evaluate
from sancho.training.leaks import Leak, screen
from sancho.training.selection import Selection, select
from sancho.training.snapshots import (
    Cycle,
    Fold,
    Lives,
    cycle_of,
    draw_horizons,
    make_rows,
    split,
)
from sancho.training.sufficiency import Finding, examine

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[Text, float], None]

KEPT = 24  # training moments kept with their scores
LEAST_LATER = 20  # deals that must have closed on each side of a fold for it to teach anything


@dataclass
class Report:
    """What a training did and found; all of it goes to MLflow and the model card."""

    as_of: int
    config: TrainConfig
    cycle: Cycle | None = None
    findings: list[Finding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    left_out: dict[str, Text] = field(default_factory=dict)
    folds: list[str] = field(default_factory=list)
    evaluation: Evaluation | None = None
    later: Fold | None = None
    later_deals: Ints | None = None
    later_chance: Floats | None = None
    weights: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Snapshots:
    """The training rows of a history, and what they were drawn by."""

    rows: Rows
    cycle: Cycle
    lives: Lives


def train(
    log: EventLog, as_of: int, config: TrainConfig | None = None, progress: Progress | None = None
) -> tuple[Bundle, Report]:
    """A model of what was known at `as_of` (microseconds UTC), and the report on how good it is."""
    config = config or TrainConfig()
    say = _Steps(progress)
    report = Report(as_of, config)
    past = log.as_of(as_of)
    calendar = Calendar(log.zone, config.fiscal_start_month, config.country)
    _refuse_an_empty_log(past)
    say(Text("データを確認しています", "Checking the data"), 0.0)
    report.findings = examine(past, as_of)
    report.leaks = screen(past, as_of)
    say(Text("商談の履歴を読み込んでいます", "Compiling histories"), 0.05)
    history = compile_history(past, calendar)
    say(Text("過去の時点の特徴量を計算しています", "Computing features of past moments"), 0.15)
    rng = np.random.default_rng(config.seed)
    shots = snapshots(past, history, calendar, as_of, config, rng)
    chosen = select(history.features, shots.rows.x, shots.rows.at, report.leaks, config)
    report.left_out, report.cycle = chosen.left_out, shots.cycle
    report.counts = _counts(shots.rows, chosen)
    fitter = _Fitter(shots, chosen, calendar, config, _stage_positions(history, past))
    say(Text("後の商談で検証しています", "Proving the model on later deals"), 0.3)
    stacks = _prove(fitter, report, log, _stage_names(history))
    say(Text("全データで学習しています", "Fitting on all data"), 0.75)
    win = fitter.fit(fitter.rows, 3, stacks)
    report.weights = {"won": win.won.stack.weights.tolist(), "lost": win.lost.stack.weights.tolist()}
    say(Text("金額と新規案件のモデルを学習しています", "Fitting amounts and new business"), 0.95)
    leaking = {leak.attribute for leak in report.leaks}
    revenue = revenue_of(history, shots, config, use_amount="amount" not in leaking)
    bundle = Bundle(
        win=win,
        revenue=revenue,
        new_business=NewBusiness.fit(past, as_of),
        features=tuple(feature.name for feature in history.features),
        levels=history.levels,
        calendar=calendar,
        as_of=as_of,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        kept=_kept(win, shots.rows, rng),
        warnings=tuple(_warnings(report, win)),
        facts=_facts(report),
        drop_amount="amount" in leaking,
    )
    say(Text("完了", "Done"), 1.0)
    report.seconds = say.seconds
    return bundle, report


def snapshots(
    past: EventLog, history: History, calendar: Calendar, as_of: int, config: TrainConfig, rng: np.random.Generator
) -> Snapshots:
    """Training rows of all deals: moments, features, horizons, answers."""
    lives = lives_of(past, history)
    cycle = cycle_of(lives, as_of)
    deal, at = change_moments(history, as_of)
    if len(deal) > config.most_moments:
        keep = np.sort(rng.choice(len(deal), config.most_moments, replace=False))
        deal, at = deal[keep], at[keep]
    x = build(history, deal, at)
    day = calendar.day_of(at)
    to_quarter_end = (calendar.start_of(calendar.quarter_end[day] + 1) - at) / DAY
    questions = draw_horizons(at, as_of, to_quarter_end, cycle, config.questions, rng)
    return Snapshots(make_rows(lives, deal, at, x, questions, cycle, as_of), cycle, lives)


def lives_of(past: EventLog, history: History) -> Lives:
    """When each deal came, went and last gave a sign."""
    ids = history.deal_ids
    last = history.created.copy()
    for table in ("deal_events", "activities"):
        row = codes_in(past[table]["deal_id"], ids)
        np.maximum.at(last, row[row >= 0], micros(past[table]["at"])[row >= 0])
    return Lives(history.created, history.closed, history.outcome.astype(np.int64), last)


def revenue_of(history: History, shots: Snapshots, config: TrainConfig, use_amount: bool = True) -> RevenueModel:
    """The revenue model of the won deals' moments."""
    rows = shots.rows
    won = rows.event == 1
    deal, at = rows.deal[won], rows.at[won]
    now = current(history, deal, at).amount if use_amount else np.full(len(deal), np.nan)
    names = [feature.name for feature in history.features]
    columns = tuple(names.index(name) if name in names else -1 for name in ("stage", "product", "industry"))
    return fit_revenue(
        rows.x[won], now, history.final_amount[deal], deal, (columns[0], columns[1], columns[2]), config.currency
    )


@dataclass(frozen=True)
class _Fitter:
    """Fits the win model on any part of the rows, always in the same way."""

    shots: Snapshots
    chosen: Selection
    calendar: Calendar
    config: TrainConfig
    positions: Mapping[float, float]

    @property
    def rows(self) -> Rows:
        return self.shots.rows.with_columns(self.chosen.used)

    def fit(self, rows: Rows, number: int, stacks: tuple[Stack, Stack] | None = None) -> WinModel:
        config = self.config
        trees = TreeSettings(
            config.trees, config.leaves, pace=config.pace, threads=config.threads, seed=config.seed + number
        )
        settings = WinSettings(trees, config.most_questions)
        rng = np.random.default_rng((config.seed, number))
        windows = Windows(self.calendar, rows.longest_days)
        return fit_win(rows, self.chosen.layout, self.chosen.used, windows, settings, rng, self.positions, stacks)


@dataclass(frozen=True)
class _Judged:
    """A fold's model on the fold's later deals: log-odds of its members, for won and lost."""

    fold: Fold
    model: WinModel
    won: Floats
    lost: Floats

    def stack(self, use: NDArray[np.bool_], side: str) -> tuple[Floats, Floats, Floats, Floats, Ints]:
        valid = self.fold.valid
        logits, outcome = (self.won, valid.won) if side == "won" else (self.lost, valid.lost)
        return logits[use], valid.horizon[use], outcome[use], valid.question_weight[use], valid.question_deal[use]


def _prove(
    fitter: _Fitter, report: Report, log: EventLog, stage_names: Mapping[float, str]
) -> tuple[Stack, Stack] | None:
    """Two folds in time: the first teaches weights and calibration, the second is judged by them, then both teach.

    None where there are too few deals: the default weights stay.
    """
    rows, as_of = fitter.rows, report.as_of
    cuts = fold_cuts(rows, as_of)
    halves = np.random.default_rng((fitter.config.seed, 99)).random(len(fitter.shots.lives)) < 0.5
    judged: list[_Judged] = []
    for number, (start, end) in enumerate(cuts):
        fold = split(rows, start, end, as_of, halves)
        report.folds.append(fold.said(log.zone))
        if fold.train.closed_deals < FEW_DEALS or fold.valid.closed_deals < LEAST_LATER or not len(fold.valid.row):
            continue
        model = fitter.fit(fold.train, number + 1)
        valid, whole = fold.valid, _wide(fold.valid, fitter)
        logits = [
            model.member_log_odds(side, whole[valid.row], valid.question_at, valid.horizon)
            for side in ("won", "lost")
        ]
        judged.append(_Judged(fold, model, logits[0], logits[1]))
    if not judged:
        return None
    last = judged[-1]
    known = None
    if len(judged) > 1:
        first = judged[0]
        valid = first.fold.valid
        ripe = valid.question_at + valid.matures * DAY <= last.fold.train_until
        known = _stack([(first, ripe)], "won")
    stack = known or last.model.won.stack
    valid = last.fold.valid
    chance = sigmoid(stack(last.won, valid.horizon))
    rng = np.random.default_rng((fitter.config.seed, 7))
    report.evaluation = evaluate(chance, last.fold.train, valid, fitter.chosen.layout, rng, stage_names)
    report.later, report.later_chance = last.fold, chance
    everything = [(one, np.ones(len(one.fold.valid.row), bool)) for one in judged]
    won, lost = _stack(everything, "won"), _stack(everything, "lost")
    return None if won is None or lost is None else (won, lost)


def fold_cuts(rows: Rows, as_of: int) -> list[tuple[int, int]]:
    """(train until, judge until) of two folds; each judges a window of about the longest cycle."""
    start = int(rows.at.min())
    span = as_of - start
    width = int(np.clip(rows.longest_days * DAY, span / 8, span / 4))
    return [(as_of - 2 * width, as_of - width), (as_of - width, as_of)]


def _stack(judged: list[tuple[_Judged, NDArray[np.bool_]]], side: str) -> Stack | None:
    parts = [one.stack(use, side) for one, use in judged]
    logits, days, outcome, weight, deal = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not len(days):
        return None
    model = judged[-1][0].model
    default = (model.won if side == "won" else model.lost).stack.weights
    # A member that one of the folds could not afford is not weighed by what the other says.
    default = np.where((logits != 0).mean(axis=0) > 0.9, default, 0.0)
    if default.sum() <= 0:
        return None
    default = default / default.sum()
    return fit_stack(logits, days, outcome, weight, len(np.unique(deal)), default, model.ever_days)


def _wide(rows: Rows, fitter: _Fitter) -> Floats:
    """Features with all columns again, as a model expects them; unused ones unknown."""
    x = np.full((len(rows.x), fitter.shots.rows.x.shape[1]), np.nan)
    x[:, fitter.chosen.used] = rows.x
    return x


def _kept(win: WinModel, rows: Rows, rng: np.random.Generator) -> Any:
    picked = rng.choice(len(rows.at), min(KEPT, len(rows.at)), replace=False)
    horizon = np.resize(np.array([7.0, 30.0, 90.0, rows.ever_days]), len(picked))
    return kept_rows(win, rows.x[picked], rows.at[picked], horizon)


def _stage_positions(history: History, past: EventLog) -> dict[float, float]:
    """Relative place in the pipeline, 0 to 1, of each stage code: what the stated prior goes by."""
    stages = past["stages"]
    still = stages[stages["outcome"].isna()]
    place = still.set_index(still["stage"].astype(str))["position"].to_dict()
    low, high = (min(place.values()), max(place.values())) if place else (0.0, 1.0)
    names = _stage_names(history)
    return {
        code: (place[name] - low) / (high - low) if high > low else 0.5
        for code, name in names.items()
        if name in place
    }


def _stage_names(history: History) -> dict[float, str]:
    return {float(code): str(name) for code, name in enumerate(history.levels.get("stage", ()))}


def _counts(rows: Rows, chosen: Selection) -> dict[str, int]:
    won = len(np.unique(rows.deal[rows.event == 1]))
    return {
        "deals": rows.deals,
        "closed_deals": rows.closed_deals,
        "won_deals": won,
        "moments": len(rows.at),
        "questions": len(rows.row),
        "features": len(chosen.used),
    }


def _warnings(report: Report, win: WinModel) -> list[Warned]:
    found = [Warned(finding.code, finding.text) for finding in report.findings if finding.serious]
    found += [Warned(f"leak_{leak.attribute}", leak.text) for leak in report.leaks]
    if win.closed_deals < FEW_DEALS:
        text = Text(
            "決着した商談が{n}件しかないため、学習した値ではなく標準的な受注率を使っています。"
            "30件を超えたら学習し直してください。",
            "Only {n} deals have closed, so the probabilities are a stated prior, not learned; train again once 30 "
            "have closed.",
        )
        found.append(Warned("too_few_deals", text.format(n=win.closed_deals)))
    elif report.evaluation is None:
        text = Text(
            "商談が少ないため、後の商談での検証ができませんでした。", "Too few deals to prove the model on later ones."
        )
        found.append(Warned("not_proven", text))
    return found


def _facts(report: Report) -> dict[str, Any]:
    facts: dict[str, Any] = {"counts": report.counts, "weights": report.weights}
    if report.cycle is not None:
        rule = report.cycle.said()
        facts["cycle"] = {
            "longest_days": report.cycle.longest_days,
            "silent_days": report.cycle.silent_days,
            "rule": {"ja": rule.ja, "en": rule.en},
        }
    if report.evaluation is not None:
        facts["evaluation"] = {"overall": report.evaluation.to_json()["overall"]}
    facts["leaks"] = [{"attribute": leak.attribute, "reason": leak.reason} for leak in report.leaks]
    return facts


def _refuse_an_empty_log(past: EventLog) -> None:
    if len(past["deals"]):
        return
    raise SanchoError(
        Text(
            "学習に使える商談がありません。sancho import で商談を取り込むか、--as-of の日付を確認してください。",
            "There are no deals to learn from at this time; import some (sancho import) or check --as-of.",
        ),
        "no_deals",
    )


class _Steps:
    """Tells the progress and keeps the seconds of each step."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress = progress
        self.seconds: dict[str, float] = {}
        self._last: tuple[str, float] | None = None

    def __call__(self, text: Text, share: float) -> None:
        now = time.perf_counter()
        if self._last is not None:
            self.seconds[self._last[0]] = round(now - self._last[1], 3)
        self._last = (text.en, now)
        if self.progress is not None:
            self.progress(text, share)
