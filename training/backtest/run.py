"""How accurate were forecasts in the past? The pipeline is run again with only what was known at the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from crm.errors import SanchoError
from crm.eventlog import EventLog
from crm.i18n import Text
from crm.instants import DAY, iso
from crm.missing_rates import missing_rates
from crm.periods import Period
from features.calendar import Calendar
from models.bundle import Bundle
from models.forecast.attainment import probability_of
from models.forecast.simulate import Simulation
from training.backtest import period_baselines
from training.backtest.deal_scores import BY_PERIOD_END, EVER, SANCHO, DealRows
from training.backtest.fold_baselines import FoldBaselines, fit_for_fold
from training.backtest.origins import WEEKS, Origin, Span, choose_periods, earlier, origins
from training.backtest.outcomes import Outcomes
from training.backtest.period_scores import ForecastScore, ScopeForecast
from training.backtest.period_snapshots import PeriodSnapshot, SnapshotCache
from training.backtest.predict import OriginForecast, forecast_at
from training.common_factors import with_common_factors
from training.config import TrainConfig
from training.data import Progress, TrainingData
from training.fit import train_on

Retrain = Literal["period", "origin"]

PAST_PERIODS = 8  # earlier periods on whose errors the period baselines are recalibrated
SURE_PERIODS = 8  # with fewer, bootstrap intervals over periods are too narrow
MIN_TRAINED = 30  # deals that must have been created before a cut-off


@dataclass(frozen=True)
class BacktestFold:
    """One training and its forecasts: trained on what was known at `train_until`, evaluated at origins.

    A question is used for training only when its answer was known at the cut-off, and "ever" is evaluated
    only once the longest cycle has passed.
    """

    period: str
    train_until: int
    trained: dict[str, int]
    longest_days: float
    validate_until: int
    origins: list[dict[str, Any]]
    variants: dict[str, dict[str, Any]]

    def to_json(self, log: EventLog) -> dict[str, Any]:
        """Plain values."""
        return {
            "period": self.period,
            "train_until": iso(self.train_until, log.zone),
            "trained": self.trained,
            "maturity_days": self.longest_days,
            "validate_from": self.origins[0]["as_of"] if self.origins else None,
            "validate_until": iso(self.validate_until, log.zone),
            "origins": self.origins,
            "baselines": self.variants,
            "summary": self.describe(log),
        }

    def describe(self, log: EventLog) -> str:
        """The fold in one line: cut-offs, rows and deals."""
        rows = sum(origin["rows_by_period_end"] for origin in self.origins)
        ever = sum(origin["rows_ever"] for origin in self.origins)
        weeks = ", ".join(str(origin["week"]) for origin in self.origins)
        counts = self.trained
        return (
            f"{self.period}: train until {iso(self.train_until, log.zone)[:16]} "
            f"({counts.get('questions', 0)} rows of {counts.get('deals', 0)} deals, "
            f"{counts.get('closed_deals', 0)} closed; outcomes known by then, longest cycle "
            f"{self.longest_days:.0f} days), validate at weeks {weeks} until "
            f"{iso(self.validate_until, log.zone)[:16]} ({rows} rows by the period's end, {ever} rows ever)"
        )


@dataclass
class Backtest:
    """All forecasts and actuals: of deals, by question, and of scopes; with folds, settings and warnings.

    `deal_ids`: the id of each deal number in the rows.
    """

    settings: dict[str, Any]
    log: EventLog = field(repr=False)
    deal_ids: pd.Index = field(repr=False)
    folds: list[BacktestFold] = field(default_factory=list)
    deals: dict[str, list[DealRows]] = field(default_factory=lambda: {EVER: [], BY_PERIOD_END: []})
    forecasts: list[ScopeForecast] = field(default_factory=list)
    warnings: list[tuple[str, Text]] = field(default_factory=list)
    stages: tuple[str, ...] = ()

    def rows(self, question: str) -> DealRows:
        """All deal rows of a question ("ever" or "by_period_end")."""
        return DealRows.joined(self.deals[question])


def backtest(
    log: EventLog,
    config: TrainConfig | None = None,
    periods: int | None = None,
    weeks: Sequence[int] | None = None,
    progress: Progress | None = None,
    *,
    length: str | None = None,
    retrain: Retrain = "period",
    until: int | None = None,
    last_day: date | None = None,
    with_baselines: bool = True,
) -> Backtest:
    """Rolling origins over the last `periods` whole periods (default: up to eight), at `weeks` of each.

    Trains at each period's start (or at each origin with retrain="origin") on the log as of then, scores all
    open deals and forecasts the period at every origin, and compares with the whole log. `until`: the end of
    the log's records (default: its last record). `last_day`: only periods that end by it. `with_baselines`:
    also fit the deal-level baselines. All of it goes by one calendar, the organisation's as of the log's end.
    """
    config = config or TrainConfig()
    log = log.with_organisation()  # one calendar and currency for all periods and models: that of the end
    span = Span.of(log, until)
    month = log.organisation.fiscal_start_month
    length, chosen = choose_periods(span, log.zone, periods, length, month, last_day)
    chosen_weeks = tuple(weeks or WEEKS[length])
    runner = _Runner(log, config, length, chosen_weeks, retrain, span, with_baselines)
    result = Backtest(runner.settings(chosen), log, runner.outcomes.deal_ids, stages=_stage_order(log))
    total = sum(len(origins(period, chosen_weeks, log.zone)) for period in chosen)
    if not total:
        raise SanchoError(
            Text(
                "指定した週（{weeks}）は期間に含まれません。期間の日数より短い週を指定してください。",
                "weeks: none of {weeks} lies within the periods; give smaller numbers.",
            ).format(weeks=", ".join(map(str, chosen_weeks))),
            "bad_weeks",
        )
    done = 0
    training = Text("{p} のモデルを学習しています（{k}/{n}）", "Training for {p} ({k} of {n})")
    for number, period in enumerate(chosen, start=1):
        for cut, group in runner.groups(period):
            _report(progress, training.format(p=period.name, k=number, n=len(chosen)), done / total)
            fold = runner.fold(period, cut, group, result, _FoldProgress(progress, done / total))
            if fold is not None:
                result.folds.append(fold)
            done += len(group)
    if not result.folds:
        raise SanchoError(
            Text(
                "どの期間も、その開始時点までの商談が{n}件未満のため学習できません。"
                "もっと前の商談も取り込んでください（sancho import）。",
                "No period could be backtested: fewer than {n} deals had been created by the start of each; "
                "import earlier deals too (sancho import).",
            ).format(n=MIN_TRAINED),
            "too_short",
        )
    result.warnings += [*missing_rates(log.money), *warnings_of(result)]
    _report(progress, Text("完了", "Done"), 1.0)
    return result


@dataclass(frozen=True)
class _Runner:
    """What all folds share: log, settings, cached snapshots, outcomes."""

    log: EventLog
    config: TrainConfig
    length: str
    weeks: tuple[int, ...]
    retrain: Retrain
    span: Span
    with_baselines: bool

    def __post_init__(self) -> None:
        calendar = Calendar.of_organisation(self.log.organisation)
        object.__setattr__(self, "cache", SnapshotCache(self.log, calendar))
        object.__setattr__(self, "outcomes", Outcomes.of(self.log, self.span.end))

    cache: SnapshotCache = field(init=False)
    outcomes: Outcomes = field(init=False)

    def settings(self, chosen: Sequence[Period]) -> dict[str, Any]:
        return {
            "periods": [period.name for period in chosen],
            "length": self.length,
            "weeks": list(self.weeks),
            "retrain": self.retrain,
            "until": iso(self.span.end, self.log.zone),
            "seed": self.config.seed,
            "train": dict(vars(self.config)),
            "organisation": dict(vars(self.log.organisation)),
        }

    def groups(self, period: Period) -> Iterator[tuple[int, list[Origin]]]:
        """Cut-offs, each with the origins that are forecast by the model trained at it."""
        moments = origins(period, self.weeks, self.log.zone)
        if self.retrain == "origin":
            yield from ((origin.as_of, [origin]) for origin in moments)
        elif moments:
            yield period.start(self.log.zone), moments

    def fold(
        self,
        period: Period,
        cut: int,
        group: Sequence[Origin],
        result: Backtest,
        report_step: Callable[[Text], None],
    ) -> BacktestFold | None:
        """Train once and forecast at each origin; None where there were too few deals to train on."""
        past = self.cache.as_of(cut)
        if len(past["deals"]) < MIN_TRAINED:
            return None
        data = TrainingData.of(past, cut, self.config)
        bundle, report = train_on(data, self.config, judged=False)
        bundle = with_common_factors(bundle, data, self.config)
        fitted = FoldBaselines.none(bundle)
        longest = report.cycle.longest_days if report.cycle else 0.0
        if self.with_baselines:
            report_step(
                Text("{p} の比較手法を学習しています", "Fitting baseline methods for {p}").format(
                    p=period.name
                )
            )
            fitted = fit_for_fold(bundle, data, group, self.config)
        results = []
        for origin in group:
            evaluating = Text("{p} の{w}週目の予測を検証しています", "Evaluating {p} after week {w}")
            report_step(evaluating.format(p=period.name, w=origin.week))
            results.append(self._forecast(bundle, data, origin, fitted, result))
        return BacktestFold(
            period.name,
            cut,
            dict(report.counts),
            longest,
            period.end(self.log.zone),
            results,
            {name: baseline.to_json() for name, baseline in fitted.fitted.items()},
        )

    def _forecast(
        self,
        bundle: Bundle,
        data: TrainingData,
        origin: Origin,
        fitted: FoldBaselines,
        result: Backtest,
    ) -> dict[str, Any]:
        snapshot = self.cache.snapshot(origin)
        past = self.cache.as_of(origin.as_of)
        # At the cut-off the compiled history is that of the training.
        history = data.history if origin.as_of == data.as_of else None
        forecast = forecast_at(
            bundle, past, origin, snapshot.organisation, snapshot.closed_by_person, history
        )
        counts = self._deals(bundle, forecast, fitted, data.snapshots.cycle.longest_days, result)
        result.forecasts += self._scope_forecasts(forecast.simulation, snapshot)
        return {"week": origin.week, "as_of": iso(origin.as_of, self.log.zone), **counts}

    def _deals(
        self,
        bundle: Bundle,
        forecast: OriginForecast,
        fitted: FoldBaselines,
        longest: float,
        result: Backtest,
    ) -> dict[str, int]:
        """Rows of the open deals, for "by period end" and, once the longest cycle has passed, for "ever"."""
        count, origin = len(forecast.deal_ids), forecast.origin
        chances = fitted.chances(forecast, bundle, longest) if count else {}
        number = self.outcomes.numbers(forecast.deal_ids)
        by_period_end = DealRows(
            deal=number,
            origin=np.full(count, origin.as_of, np.int64),
            period=np.full(count, origin.period.first.toordinal(), np.int64),
            week=np.full(count, origin.week, np.int64),
            stage=forecast.stage,
            outcome=self.outcomes.won_by(number, origin.period.end(self.log.zone)),
            alive=np.zeros(count, bool),
            weight=np.ones(count),
            chance={
                SANCHO: forecast.scored.by_end,
                **{name: chance[:count] for name, chance in chances.items()},
            },
        )
        if count:
            result.deals[BY_PERIOD_END].append(by_period_end)
        mature = self.outcomes.is_mature(origin.as_of)
        won, alive = self.outcomes.won_ever(number)
        ever = replace(
            by_period_end,
            outcome=won,
            alive=alive,
            chance={
                SANCHO: forecast.scored.ever,
                **{name: chance[count:] for name, chance in chances.items()},
            },
        ).where(np.full(count, mature))
        if len(ever):
            result.deals[EVER].append(ever)
        return {
            "open_deals": count,
            "rows_by_period_end": count,
            "rows_ever": len(ever),
            "left_out_immature": 0 if mature else count,
            "left_out_open": 0,
            "still_open": int(alive.sum()) if mature else 0,
        }

    def _scope_forecasts(self, simulation: Simulation, snapshot: PeriodSnapshot) -> list[ScopeForecast]:
        """Forecasts of every scope by every method, compared with the actual."""
        actual = self.cache.actuals(snapshot.origin.period)
        rules = self._rules(snapshot.origin)
        columns = {name: period_baselines.columns_of(name, snapshot) for name in rules}
        rng = np.random.default_rng((self.config.seed, snapshot.origin.as_of // DAY))
        cluster = snapshot.origin.period.first.toordinal()
        forecasts = []
        for position, scope in enumerate(snapshot.scopes):
            revenue = actual.get(scope)
            if revenue is None:
                continue
            target = None if np.isnan(snapshot.target[position]) else float(snapshot.target[position])
            people = simulation.organisation.members(scope)
            u = float(rng.random())
            draws = simulation.total(people)
            scores = {
                SANCHO: ForecastScore.of(
                    draws, revenue, target, u, probability_of(simulation, people, target)
                )
            }
            kind = str(snapshot.kind[position])
            for name, of_kind in rules.items():
                scores[name] = ForecastScore.of(
                    of_kind[kind].draws(snapshot.closed[position], columns[name][position]),
                    revenue,
                    target,
                    u,
                )
            forecasts.append(
                ScopeForecast(
                    snapshot.origin.period.name,
                    cluster,
                    snapshot.origin.week,
                    iso(snapshot.origin.as_of, self.log.zone),
                    scope,
                    kind,
                    float(snapshot.closed[position]),
                    revenue,
                    target,
                    str(snapshot.target_from[position]),
                    scores,
                )
            )
        return forecasts

    def _rules(self, origin: Origin) -> dict[str, dict[str, period_baselines.Rule]]:
        """The period baselines, recalibrated on the same week of earlier periods."""
        before = earlier(origin.period, PAST_PERIODS, self.length, self.log.organisation.fiscal_start_month)
        snapshots, actuals = [], []
        for period in before:
            if period.start(self.log.zone) < self.span.first:
                continue
            for past_origin in origins(period, (origin.week,), self.log.zone):
                snapshots.append(self.cache.snapshot(past_origin))
                actuals.append(self.cache.actuals(period))
        rules = {}
        for name in period_baselines.LABELS:
            examples = period_baselines.rule_examples(name, snapshots, actuals)
            width = 2 if name == "stage_weighted" else 1
            rules[name] = {
                kind: period_baselines.fit_rule(kind, examples, width)
                for kind in ("company", "team", "person")
            }
        return rules


def _stage_order(log: EventLog) -> tuple[str, ...]:
    stages = log["stages"].sort_values("position")
    return tuple(str(stage) for stage in stages["stage"])


def fewer_periods_warnings(requested: int | None, result: Backtest) -> list[tuple[str, Text]]:
    """A warning where the history holds fewer periods than requested."""
    count = len(result.settings["periods"])
    if requested is None or count >= requested:
        return []
    text = Text(
        "{requested}期間を指定されましたが、検証できる期間は{n}つでした"
        "（終了していて、その前に同じ長さの期間が2つ以上ある期間）。",
        "{requested} periods were requested; {n} can be backtested (they have ended, and two periods of the "
        "same length come before them).",
    )
    return [("fewer_periods", text.format(requested=requested, n=count))]


def warnings_of(result: Backtest) -> list[tuple[str, Text]]:
    """The limitations of a backtest, in words."""
    warnings = []
    validated = {fold.period for fold in result.folds}
    if len(validated) < SURE_PERIODS:
        text = Text(
            "検証できた期間が{n}つと少ないため、期間の指標の95%区間は目安です（実際より狭くなります）。",
            "Few periods could be evaluated ({n}), so the 95% intervals of period scores are too narrow.",
        )
        warnings.append(("few_periods", text.format(n=len(validated))))
    skipped = [name for name in result.settings["periods"] if name not in validated]
    if skipped:
        text = Text(
            "{skipped} は、開始時点までの商談が{n}件未満のため検証していません。",
            "{skipped}: not evaluated, because fewer than {n} deals had been created by the start.",
        )
        warnings.append(("skipped_periods", text.format(skipped=", ".join(skipped), n=MIN_TRAINED)))
    if not result.deals[EVER]:
        text = Text(
            "どの時点からも最長サイクルが経過していないため、最終的な受注はまだ検証できません。",
            "The longest cycle has not passed since any origin, so eventual wins cannot be evaluated yet.",
        )
        warnings.append(("none_mature", text))
    stand_ins = sum(
        forecast.target is not None and forecast.target_from != "set" for forecast in result.forecasts
    )
    if stand_ins:
        text = Text(
            "目標が登録されていない{n}行では、前年同期または前期の実績を仮の目標にしています。",
            "{n} rows have no target; the actual of last year or of the previous period is used instead.",
        )
        warnings.append(("stand_in_targets", text.format(n=stand_ins)))
    return warnings


@dataclass(frozen=True)
class _FoldProgress:
    """Reports the progress of one fold."""

    progress: Progress | None
    share: float

    def __call__(self, text: Text) -> None:
        _report(self.progress, text, self.share)


def _report(progress: Progress | None, text: Text, share: float) -> None:
    if progress is not None:
        progress(text, share)
