"""How is a model made from training data: screen, select, validate on later deals, fit on all of them?"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from crm.eventlog import EventLog
from crm.i18n import Text
from features import History, deal_states
from models.bundle import Bundle, CheckRows, check_rows
from models.forecast.new_business import NewBusiness
from models.forecast.revenue import RevenueModel, fit_revenue
from models.snapshot_rows import SnapshotRows
from models.win.fitting import can_learn
from models.win.model import WinModel, table_only
from models.win.reference import won_peers
from training.actions import learn_actions
from training.blind import fit_blind
from training.bottlenecks import bottlenecks_among, contrasts_in, looked_for
from training.config import TrainConfig
from training.coverage import coverage_of
from training.data import Progress, Steps, TrainingData
from training.data_quality import DataFinding, examine
from training.evaluate import evaluate
from training.executor import IN_PROCESS, Executor
from training.head_to_head import compare_with_champion, proof_rows
from training.observational_data import ObservationalData
from training.outcomes_by_chance import outcomes_by_chance
from training.report import Report, warnings_of
from training.selection import Selection
from training.stages import stage_names
from training.validation import Fitter, validate

KEPT = 24  # training moments stored with their scores
_NOT_READ = Text("値がないか、自由記述（同じ値がほとんどない）", "empty, or free text that hardly repeats")


def train(
    log: EventLog,
    as_of: int,
    config: TrainConfig | None = None,
    progress: Progress | None = None,
    champion: Bundle | None = None,
    executor: Executor = IN_PROCESS,
) -> tuple[Bundle, Report]:
    """A model fitted on what was known at `as_of` (microseconds UTC), and the report on its training.

    See `train_on`.
    """
    config = config or TrainConfig()
    data = TrainingData.of(log, as_of, config, progress, executor)
    return train_on(data, config, progress, champion, executor)


def train_on(
    data: TrainingData,
    config: TrainConfig,
    progress: Progress | None = None,
    champion: Bundle | None = None,
    executor: Executor = IN_PROCESS,
    judged: bool = True,
) -> tuple[Bundle, Report]:
    """A model fitted on training data, and the report on its training; with a champion, compared with it.

    Not `judged`: the report has no evaluation beside baseline methods; a backtest has its own.
    """
    past, history, snapshots, as_of = data.past, data.history, data.snapshots, data.as_of
    calendar, rows, rng = history.calendar, snapshots.rows, data.generator()
    step = Steps(progress)
    report = Report(as_of, config)
    step(Text("データを確認しています", "Checking the data"), 0.28)
    report.findings = examine(past, as_of)
    report.learned = can_learn(rows)
    fitter = Fitter.of(data, config, executor.trees)
    screened, chosen = fitter.choice.screened, fitter.choice.chosen
    report.leaks = list(screened.leaks)
    if screened.unchecked:
        report.findings.append(DataFinding("columns_not_checked", True, screened.unchecked_text))
    report.left_out = chosen.left_out | dict.fromkeys(history.ignored, _NOT_READ)
    report.cycle = snapshots.cycle
    report.counts = _counts(rows, chosen)
    step(Text("後の商談で検証しています", "Validating the model on later deals"), 0.3)
    deals = len(snapshots.outcomes)
    validation = validate(fitter, as_of, deals, stage_names(history), judged)
    report.folds = [fold.describe(past.zone) for fold in validation.folds]
    report.evaluation, report.validation_fold = validation.evaluation, validation.validation_fold
    report.validation_chance, report.alone = validation.validation_chance, validation.alone
    report.table_chance, report.proof = validation.table_chance, validation.proof
    if champion is not None:
        step(Text("使用中のモデルと比べています", "Comparing with the model in service"), 0.7)
        report.against_champion = compare_with_champion(champion, fitter, validation, data)
    proof = None
    if validation.validation_fold is not None and validation.validation_chance is not None:
        proof = proof_rows(validation.validation_fold, validation.validation_chance, data, config.seed)
        last = validation.predictions[-1]  # its rows have the features that its model uses
        report.coverage = coverage_of(last.model, last.fold, validation.validation_chance)
        report.by_chance = outcomes_by_chance(last.fold.valid, validation.validation_chance)
    step(Text("全データで学習しています", "Fitting on all data"), 0.75)
    win = fitter.fit(fitter.rows, chosen, 3, validation.stacks)
    report.weights = {"won": win.won.stack.weights.tolist(), "lost": win.lost.stack.weights.tolist()}
    step(Text("金額と今後の新規商談のモデルを学習しています", "Fitting amounts and deals yet to come"), 0.95)
    leaking = {leak.attribute for leak in report.leaks}
    revenue = revenue_of(
        history, rows, chosen, past.organisation.currency, use_amount="amount" not in leaking
    )
    step(Text("ボトルネックを探しています", "Searching for bottlenecks"), 0.96)
    observed = ObservationalData(history, snapshots.outcomes, snapshots.cycle, as_of, chosen.used)
    contrasts = contrasts_in(observed)
    step(Text("打ち手の効果を学習しています", "Estimating the effects of actions"), 0.98)
    bundle = Bundle(
        win=win,
        revenue=revenue,
        new_business=NewBusiness.fit(past, as_of, calendar),
        features=tuple(feature.name for feature in history.features),
        levels=history.levels,
        calendar=calendar,
        as_of=as_of,
        trained_at=datetime.now(UTC).isoformat(timespec="seconds"),
        self_check=_check_rows(win, rows, rng),
        peers=won_peers(win, rows, rng),
        warnings=tuple(warnings_of(report, win)),
        drop_amount="amount" in leaking,
        bottlenecks=bottlenecks_among(contrasts, history.levels),
        bottlenecks_looked_for=looked_for(contrasts),
        actions=learn_actions(observed),
        rate_kind=past.organisation.rate_kind,
        recipe=config.recipe,
        proof=proof,
        blind=fit_blind(fitter, win, chosen, rows),
    )
    step(Text("完了", "Done"), 1.0)
    report.seconds = {**data.seconds, **step.seconds}
    return bundle, report


def with_table_only(bundle: Bundle, report: Report) -> Bundle:
    """The model with its stage table in place of learned probabilities that are not proved; it says so.

    The report's figures become those of the table, beside those of what was learned (`learned`).
    """
    if bundle.win.is_table:
        return bundle
    fold, chance, learned = report.validation_fold, report.table_chance, report.evaluation
    if fold is not None and chance is not None and learned is not None:
        names = {float(code): str(name) for code, name in enumerate(bundle.levels.get("stage", ()))}
        rng = np.random.default_rng((report.config.seed, 7))
        rivals = fold.baseline
        layout = fold.baseline_layout
        judged = evaluate(chance, rivals.train, rivals.valid, layout, rng, names, known=learned)
        report.evaluation = replace(judged, overall={**judged.overall, "learned": learned.overall["model"]})
    win, kept = table_only(bundle.win), bundle.self_check
    return replace(
        bundle,
        win=win,
        self_check=check_rows(win, kept.x, kept.at, kept.horizon),
        warnings=tuple(warnings_of(report, win)),
        proof=None,
        blind=None,
    )


def revenue_of(
    history: History, rows: SnapshotRows, chosen: Selection, currency: str, use_amount: bool = True
) -> RevenueModel:
    """The revenue model, fitted on moments of won deals; without the amount where it leaks the outcome."""
    won = rows.event == 1
    deal, at = rows.deal[won], rows.at[won]
    now = deal_states(history, deal, at).amount if use_amount else np.full(len(deal), np.nan)
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
        currency,
    )


def _check_rows(win: WinModel, rows: SnapshotRows, rng: np.random.Generator) -> CheckRows:
    picked = rng.choice(len(rows.at), min(KEPT, len(rows.at)), replace=False)
    horizon = np.resize(np.array([7.0, 30.0, 90.0, rows.ever_days]), len(picked))
    return check_rows(win, rows.x[picked], rows.at[picked], horizon)


def _counts(rows: SnapshotRows, chosen: Selection) -> dict[str, int]:
    won = len(np.unique(rows.deal[rows.event == 1]))
    return {
        "deals": rows.deals,
        "closed_deals": rows.closed_deals,
        "won_deals": won,
        "moments": len(rows.at),
        "questions": len(rows.row),
        "features": len(chosen.used),
    }
