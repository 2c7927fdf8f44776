"""How is a model made of a log: validate, snapshot, fit, calibrate, prove on later deals, fit on all?"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from sancho.crm.errors import SanchoError
from sancho.crm.eventlog import EventLog
from sancho.crm.i18n import Text
from sancho.crm.instants import DAY
from sancho.features import Calendar, History, change_moments, compile_history, current
from sancho.models.bundle import Bundle, KeptRows, kept_rows
from sancho.models.new_business import NewBusiness
from sancho.models.reference import won_peers
from sancho.models.revenue import RevenueModel, fit_revenue
from sancho.models.rows import Rows
from sancho.models.win import FEW_DEALS, WinModel
from sancho.training.actions import learn_actions
from sancho.training.bottlenecks import find_bottlenecks
from sancho.training.config import TrainConfig, most_rows
from sancho.training.data_quality import examine
from sancho.training.executor import IN_PROCESS, Executor
from sancho.training.leakage import screen
from sancho.training.observational_data import ObservationalData
from sancho.training.report import Report, facts_of, warnings_of
from sancho.training.selection import Selection, select
from sancho.training.snapshots import Cycle, DealOutcomes, cycle_of, deal_outcomes, draw_horizons, make_rows
from sancho.training.validation import Fitter, refit_as_of, validate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Progress = Callable[[Text, float], None]

KEPT = 24  # training moments kept with their scores


@dataclass(frozen=True)
class Snapshots:
    """The training rows of a history, and what they were drawn by."""

    rows: Rows
    cycle: Cycle
    lives: DealOutcomes


def train(
    log: EventLog,
    as_of: int,
    config: TrainConfig | None = None,
    progress: Progress | None = None,
    champion_as_of: int | None = None,
    work: Executor = IN_PROCESS,
) -> tuple[Bundle, Report]:
    """A model of what was known at `as_of` (microseconds UTC), and the report on how good it is.

    `champion_as_of`: data time of a model to be held against; where the proof's own later deals are not later
    than that, the report also has answers of one made then (`rival`). `work`: who computes features and grows
    trees, such as a cluster.
    """
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
    shots = snapshots(past, history, calendar, as_of, config, rng, work)
    few = shots.rows.closed_deals < FEW_DEALS
    chosen = select(history.features, shots.rows.x, shots.rows.at, report.leaks, config, few)
    report.left_out, report.cycle = chosen.left_out, shots.cycle
    report.counts = _counts(shots.rows, chosen)
    fitter = Fitter(shots.rows, chosen, calendar, config, _stage_positions(history, past), work.trees)
    say(Text("後の商談で検証しています", "Proving the model on later deals"), 0.3)
    proof = validate(fitter, as_of, len(shots.lives), _stage_names(history))
    report.folds = [fold.said(log.zone) for fold in proof.folds]
    report.evaluation, report.later, report.later_chance = proof.evaluation, proof.later, proof.later_chance
    if champion_as_of is not None and report.later is not None and champion_as_of > report.later.train_until:
        report.rival = refit_as_of(fitter, proof, champion_as_of, as_of, len(shots.lives))
    say(Text("全データで学習しています", "Fitting on all data"), 0.75)
    win = fitter.fit(fitter.rows, 3, proof.stacks)
    report.weights = {"won": win.won.stack.weights.tolist(), "lost": win.lost.stack.weights.tolist()}
    say(Text("金額と新規案件のモデルを学習しています", "Fitting amounts and new business"), 0.95)
    leaking = {leak.attribute for leak in report.leaks}
    revenue = revenue_of(history, shots, chosen, config, use_amount="amount" not in leaking)
    say(Text("ボトルネックを探しています", "Searching for bottlenecks"), 0.96)
    study = ObservationalData(history, shots.lives, shots.cycle, as_of, chosen.used)
    bottlenecks = find_bottlenecks(study)
    say(Text("打ち手の効果を学習しています", "Learning what actions do"), 0.98)
    bundle = Bundle(
        win=win,
        revenue=revenue,
        new_business=NewBusiness.fit(past, as_of, calendar),
        features=tuple(feature.name for feature in history.features),
        levels=history.levels,
        calendar=calendar,
        as_of=as_of,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        kept=_kept(win, shots.rows, rng),
        peers=won_peers(win, shots.rows, rng),
        warnings=tuple(warnings_of(report, win)),
        facts=facts_of(report),
        drop_amount="amount" in leaking,
        bottlenecks=bottlenecks,
        actions=learn_actions(study),
    )
    say(Text("完了", "Done"), 1.0)
    report.seconds = say.seconds
    return bundle, report


def snapshots(
    past: EventLog,
    history: History,
    calendar: Calendar,
    as_of: int,
    config: TrainConfig,
    rng: np.random.Generator,
    work: Executor = IN_PROCESS,
) -> Snapshots:
    """Training rows of all deals: moments, features, horizons, answers."""
    lives = deal_outcomes(past, history)
    cycle = cycle_of(lives, as_of)
    deal, at = change_moments(history, as_of)
    most = config.most_moments or most_rows(len(lives))
    if len(deal) > most:
        keep = np.sort(rng.choice(len(deal), most, replace=False))
        deal, at = deal[keep], at[keep]
    x = work.features(history, deal, at)
    day = calendar.day_of(at)
    to_quarter_end = (calendar.start_of(calendar.quarter_end[day] + 1) - at) / DAY
    questions = draw_horizons(at, as_of, to_quarter_end, cycle, config.questions, rng)
    return Snapshots(make_rows(lives, deal, at, x, questions, cycle, as_of), cycle, lives)


def revenue_of(
    history: History, shots: Snapshots, chosen: Selection, config: TrainConfig, use_amount: bool = True
) -> RevenueModel:
    """The revenue model of the won deals' moments; what leaks is not looked at here either."""
    rows = shots.rows
    won = rows.event == 1
    deal, at = rows.deal[won], rows.at[won]
    now = current(history, deal, at).amount if use_amount else np.full(len(deal), np.nan)
    names = [feature.name for feature in history.features]
    stage, product, industry = (
        names.index(name) if name in chosen.layout.names else -1 for name in ("stage", "product", "industry")
    )
    return fit_revenue(
        rows.x[won],
        now,
        history.final_amount[deal],
        deal,
        (stage, product, industry),
        config.currency,
    )


def _kept(win: WinModel, rows: Rows, rng: np.random.Generator) -> KeptRows:
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


def _refuse_an_empty_log(past: EventLog) -> None:
    if len(past["deals"]):
        return
    raise SanchoError(
        Text(
            "学習に使える商談がありません。"
            "sancho import で商談を取り込むか、--as-of の日付を確認してください。",
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
