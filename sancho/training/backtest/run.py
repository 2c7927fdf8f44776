"""Would it have held? The whole pipeline asked again at past moments, with only what was known then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.eventlog import EventLog
from sancho.crm.i18n import Text
from sancho.crm.instants import DAY, iso
from sancho.crm.periods import Period
from sancho.features.calendar import Calendar
from sancho.models.attainment import probability_of
from sancho.models.bundle import Bundle
from sancho.models.simulate import Simulation
from sancho.training.backtest import deal_baselines, period_baselines
from sancho.training.backtest.deal_scores import BY_PERIOD_END, EVER, OURS, DealRows
from sancho.training.backtest.origins import WEEKS, Origin, Span, choose_periods, earlier, origins
from sancho.training.backtest.outcomes import Outcomes
from sancho.training.backtest.period_scores import ForecastScore, ScopeForecast
from sancho.training.backtest.period_snapshots import PeriodSnapshot, SnapshotCache
from sancho.training.backtest.predict import OriginForecast, deal_questions, forecast_at, learned_rows
from sancho.training.common_factors import with_common_factors
from sancho.training.config import TrainConfig
from sancho.training.fit import train

Floats = NDArray[np.float64]
Progress = Callable[[Text, float], None]
Retrain = Literal["period", "origin"]

PAST_PERIODS = 8  # earlier periods from whose errors the plain period rules learn
SURE_PERIODS = 8  # with fewer, a bootstrap of whole periods promises too much
LEAST_TRAINED = 30  # deals that must have been created before a cut-off


@dataclass(frozen=True)
class Fold:
    """One training and what was asked of it: learn from what was known at `train_until`, judge at origins.

    `maturity` says up to when answers were certain: a question is learned from only when its answer was known
    at the cut-off, and "ever" is judged only once the longest cycle has passed.
    """

    period: str
    train_until: int
    trained: dict[str, int]
    longest_days: float
    validate_until: int
    asked: list[dict[str, Any]]
    variants: dict[str, dict[str, Any]]

    def to_json(self, log: EventLog) -> dict[str, Any]:
        """Plain values."""
        return {
            "period": self.period,
            "train_until": iso(self.train_until, log.zone),
            "trained": self.trained,
            "maturity_days": self.longest_days,
            "validate_from": self.asked[0]["as_of"] if self.asked else None,
            "validate_until": iso(self.validate_until, log.zone),
            "origins": self.asked,
            "rivals": self.variants,
            "said": self.said(log),
        }

    def said(self, log: EventLog) -> str:
        """The fold, printed."""
        rows = sum(one["rows_by_period_end"] for one in self.asked)
        ever = sum(one["rows_ever"] for one in self.asked)
        weeks = ", ".join(str(one["week"]) for one in self.asked)
        counts = self.trained
        return (
            f"{self.period}: train until {iso(self.train_until, log.zone)[:16]} "
            f"({counts.get('questions', 0)} rows of {counts.get('deals', 0)} deals, "
            f"{counts.get('closed_deals', 0)} closed; answers certain by then, longest cycle "
            f"{self.longest_days:.0f} days), validate at weeks {weeks} until "
            f"{iso(self.validate_until, log.zone)[:16]} ({rows} rows by the period's end, {ever} rows ever)"
        )


@dataclass
class Backtest:
    """All that was asked and what came: rows of deals by question, lines of periods, folds, settings.

    `deal_ids` are the ids of the deals that rows number.
    """

    settings: dict[str, Any]
    log: EventLog = field(repr=False)
    deal_ids: pd.Index = field(repr=False)
    folds: list[Fold] = field(default_factory=list)
    deals: dict[str, list[DealRows]] = field(default_factory=lambda: {EVER: [], BY_PERIOD_END: []})
    lines: list[ScopeForecast] = field(default_factory=list)
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
    plain: bool = True,
) -> Backtest:
    """Rolling origins over the last `periods` whole periods (default: up to eight), at `weeks` of each.

    Trains at each period's start (or at each origin with retrain="origin") on the log as of then, scores all
    open deals and forecasts the period at every origin, and holds it against the whole log. `until`: how far
    the log reaches, when not to its last record.
    `last_day`: judge only periods that end by it. `plain` = False leaves the deal-level baselines out.
    """
    config = config or TrainConfig()
    span = Span.of(log, until)
    length, chosen = choose_periods(span, log.zone, periods, length, config.fiscal_start_month, last_day)
    asked_weeks = tuple(weeks or WEEKS[length])
    made = _Maker(log, config, length, asked_weeks, retrain, span, plain)
    result = Backtest(made.settings(chosen), log, made.outcomes.deal_ids, stages=_stage_order(log))
    total = sum(len(origins(period, asked_weeks, log.zone)) for period in chosen)
    if not total:
        raise SanchoError(
            Text(
                "指定した週（{weeks}）は期間に含まれません。期間の日数より短い週を指定してください。",
                "weeks: none of {weeks} lies within the periods; give smaller numbers.",
            ).format(weeks=", ".join(map(str, asked_weeks))),
            "bad_weeks",
        )
    done = 0
    learning = Text("{p} を学習しています（{k}/{n}）", "Training for {p} ({k} of {n})")
    for number, period in enumerate(chosen, start=1):
        for cut, group in made.groups(period):
            _tell(progress, learning.format(p=period.name, k=number, n=len(chosen)), done / total)
            fold = made.fold(period, cut, group, result, _Teller(progress, done / total))
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
            ).format(n=LEAST_TRAINED),
            "too_short",
        )
    result.warnings += warnings_of(result)
    _tell(progress, Text("完了", "Done"), 1.0)
    return result


@dataclass(frozen=True)
class _Maker:
    """Everything that stays the same from fold to fold."""

    log: EventLog
    config: TrainConfig
    length: str
    weeks: tuple[int, ...]
    retrain: Retrain
    span: Span
    plain: bool

    def __post_init__(self) -> None:
        calendar = Calendar(self.log.zone, self.config.fiscal_start_month, self.config.country)
        object.__setattr__(self, "books", SnapshotCache(self.log, calendar))
        object.__setattr__(self, "outcomes", Outcomes.of(self.log, self.span.end))

    books: SnapshotCache = field(init=False)
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
        }

    def groups(self, period: Period) -> Iterator[tuple[int, list[Origin]]]:
        """Cut-offs with the origins that are asked of the model trained there."""
        found = origins(period, self.weeks, self.log.zone)
        if self.retrain == "origin":
            yield from ((origin.as_of, [origin]) for origin in found)
        elif found:
            yield period.start(self.log.zone), found

    def fold(
        self,
        period: Period,
        cut: int,
        group: Sequence[Origin],
        result: Backtest,
        tell: Callable[[Text], None],
    ) -> Fold | None:
        """Train once and ask at each origin; None where there was too little to learn from."""
        past = self.books.as_of(cut)
        if len(past["deals"]) < LEAST_TRAINED:
            return None
        bundle, report = train(past, cut, self.config)
        bundle = with_common_factors(bundle, past, cut, self.config)
        fitted: dict[str, deal_baselines.FittedBaseline] = {}
        longest = report.cycle.longest_days if report.cycle else 0.0
        if self.plain:
            tell(
                Text("{p} の比較用の方法を学習しています", "Fitting plain methods for {p}").format(
                    p=period.name
                )
            )
            rows = learned_rows(bundle, past, self.config)
            known = deal_baselines.baseline_methods(
                bundle.win.layout, bundle.win.windows, self.config.seed, self.config.threads
            )
            rng = np.random.default_rng((self.config.seed, 31))
            fitted = deal_baselines.fit_baselines(rows, cut, known, int(rows.deal.max()) + 1, rng)
        notes = []
        for origin in group:
            judging = Text("{p} の{w}週目の予測を検証しています", "Judging {p} after week {w}")
            tell(judging.format(p=period.name, w=origin.week))
            notes.append(self._ask(bundle, origin, fitted, longest, result))
        return Fold(
            period.name,
            cut,
            dict(report.counts),
            longest,
            period.end(self.log.zone),
            notes,
            {name: {"variant": one.variant, "inner_log_loss": one.tried} for name, one in fitted.items()},
        )

    def _ask(
        self,
        bundle: Bundle,
        origin: Origin,
        fitted: dict[str, deal_baselines.FittedBaseline],
        longest: float,
        result: Backtest,
    ) -> dict[str, Any]:
        page = self.books.page(origin)
        past = self.books.as_of(origin.as_of)
        said = forecast_at(bundle, past, origin, page.organisation, page.closed_by_person)
        counts = self._deals(bundle, said, fitted, longest, result)
        result.lines += self._lines(said.simulation, page)
        return {"week": origin.week, "as_of": iso(origin.as_of, self.log.zone), **counts}

    def _deals(
        self,
        bundle: Bundle,
        said: OriginForecast,
        fitted: dict[str, deal_baselines.FittedBaseline],
        longest: float,
        result: Backtest,
    ) -> dict[str, int]:
        """Rows of the open deals: by the period's end all of them, ever those whose answer is known."""
        count, origin = len(said.deal_ids), said.origin
        questions = deal_questions(said, bundle, longest)
        chances = {name: one.chance(questions) for name, one in fitted.items()} if count else {}
        number = self.outcomes.numbers(said.deal_ids)
        whole = DealRows(
            deal=number,
            origin=np.full(count, origin.as_of, np.int64),
            week=np.full(count, origin.week, np.int64),
            stage=said.stage,
            outcome=self.outcomes.won_by(number, origin.period.end(self.log.zone)),
            chance={OURS: said.scored.by_end, **{name: chance[:count] for name, chance in chances.items()}},
        )
        if count:
            result.deals[BY_PERIOD_END].append(whole)
        mature = self.outcomes.is_mature(origin.as_of)
        won, known = self.outcomes.won_ever(number)
        ever = replace(
            whole,
            outcome=won,
            chance={OURS: said.scored.ever, **{name: chance[count:] for name, chance in chances.items()}},
        ).where(known & mature)
        if len(ever):
            result.deals[EVER].append(ever)
        return {
            "open_deals": count,
            "rows_by_period_end": count,
            "rows_ever": len(ever),
            "left_out_immature": 0 if mature else count,
            "left_out_alive": int((~known).sum()) if mature else 0,
        }

    def _lines(self, simulation: Simulation, page: PeriodSnapshot) -> list[ScopeForecast]:
        """Forecasts of every scope by every method, held against what came."""
        actual = self.books.actuals(page.origin.period)
        rules = self._rules(page.origin)
        columns = {name: period_baselines.columns_of(name, page) for name in rules}
        rng = np.random.default_rng((self.config.seed, page.origin.as_of // DAY))
        cluster = page.origin.period.first.toordinal()
        lines = []
        for at, scope in enumerate(page.scopes):
            came = actual.get(scope)
            if came is None:
                continue
            target = None if np.isnan(page.target[at]) else float(page.target[at])
            people = simulation.organisation.members(scope)
            u = float(rng.random())
            draws = simulation.total(people)
            by = {OURS: ForecastScore.of(draws, came, target, u, probability_of(simulation, people, target))}
            kind = str(page.kind[at])
            for name, of_kind in rules.items():
                by[name] = ForecastScore.of(
                    of_kind[kind].draws(page.closed[at], columns[name][at]), came, target, u
                )
            lines.append(
                ScopeForecast(
                    page.origin.period.name,
                    cluster,
                    page.origin.week,
                    iso(page.origin.as_of, self.log.zone),
                    scope,
                    kind,
                    float(page.closed[at]),
                    came,
                    target,
                    str(page.target_from[at]),
                    by,
                )
            )
        return lines

    def _rules(self, origin: Origin) -> dict[str, dict[str, period_baselines.Rule]]:
        """The plain period rules, recalibrated on the same week of earlier periods."""
        before = earlier(origin.period, PAST_PERIODS, self.length, self.config.fiscal_start_month)
        pages, actuals = [], []
        for period in before:
            if period.start(self.log.zone) < self.span.first:
                continue
            for one in origins(period, (origin.week,), self.log.zone):
                pages.append(self.books.page(one))
                actuals.append(self.books.actuals(period))
        found = {}
        for name in period_baselines.LABELS:
            taught = period_baselines.lessons(name, pages, actuals)
            width = 2 if name == "stage_weighted" else 1
            found[name] = {
                kind: period_baselines.fit_rule(kind, taught, width) for kind in ("company", "team", "person")
            }
        return found


def _stage_order(log: EventLog) -> tuple[str, ...]:
    stages = log["stages"].sort_values("position")
    return tuple(str(stage) for stage in stages["stage"])


def fewer_than(wanted: int | None, result: Backtest) -> list[tuple[str, Text]]:
    """What to say where the history holds fewer periods than were asked for."""
    count = len(result.settings["periods"])
    if wanted is None or count >= wanted:
        return []
    text = Text(
        "{wanted}期間を指定されましたが、終わっていて、前に同じ長さの期間が2つ以上ある期間は{n}つでした。",
        "{wanted} periods were asked for; {n} are over and have two of their length before them.",
    )
    return [("fewer_periods", text.format(wanted=wanted, n=count))]


def warnings_of(result: Backtest) -> list[tuple[str, Text]]:
    """What to bear in mind about a backtest."""
    found = []
    judged = {fold.period for fold in result.folds}
    if len(judged) < SURE_PERIODS:
        text = Text(
            "検証できた期間が{n}つと少ないため、期間の数字の区間は目安です（実際より狭めに出ます）。",
            "Few periods could be judged ({n}): intervals of period figures are rough and too narrow.",
        )
        found.append(("few_periods", text.format(n=len(judged))))
    skipped = [name for name in result.settings["periods"] if name not in judged]
    if skipped:
        text = Text(
            "{skipped} は、開始時点までの商談が{n}件未満のため検証していません。",
            "{skipped}: not judged, because fewer than {n} deals had been created by the start.",
        )
        found.append(("skipped_periods", text.format(skipped=", ".join(skipped), n=LEAST_TRAINED)))
    if not result.deals[EVER]:
        text = Text(
            "最終的な受注を判定できるほど時間が経った時点がありません（最長サイクルが過ぎていません）。",
            "At no origin has the longest cycle passed since, so eventual wins cannot be judged yet.",
        )
        found.append(("none_mature", text))
    stand_ins = sum(line.target is not None and line.target_from != "set" for line in result.lines)
    if stand_ins:
        text = Text(
            "目標が登録されていない{n}行では、前年同期または前期の実績を仮の目標にしています。",
            "In {n} rows no target was in force; last year's or the previous period's actual stands in.",
        )
        found.append(("stand_in_targets", text.format(n=stand_ins)))
    return found


@dataclass(frozen=True)
class _Teller:
    """Tells the progress of one fold."""

    progress: Progress | None
    share: float

    def __call__(self, text: Text) -> None:
        _tell(self.progress, text, self.share)


def _tell(progress: Progress | None, text: Text, share: float) -> None:
    if progress is not None:
        progress(text, share)
