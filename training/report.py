"""What did a training do and learn? Its report, and the warnings that are attached to every prediction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from crm.i18n import Text
from features.arrays import Floats
from models.bundle import ModelWarning
from models.win.fitting import FEW_DEALS
from models.win.model import WinModel
from training.comparison import Comparison
from training.config import TrainConfig
from training.coverage import Coverage
from training.data_quality import DataFinding
from training.evaluate import Evaluation
from training.leakage import Leak
from training.outcomes_by_chance import ChanceGroup
from training.snapshots import Cycle
from training.validation import ChosenFold


@dataclass
class Report:
    """What a training did and learned; MLflow and the model card show it.

    `proof` compares the model with the stage table (`table_chance`; `alone`: each base model alone),
    `against_champion` with the model in
    service, each on rows that neither was fitted on.
    """

    as_of: int
    config: TrainConfig
    cycle: Cycle | None = None
    findings: list[DataFinding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    left_out: dict[str, Text] = field(default_factory=dict)
    folds: list[str] = field(default_factory=list)
    evaluation: Evaluation | None = None
    validation_fold: ChosenFold | None = None
    validation_chance: Floats | None = None
    coverage: Coverage | None = None  # of the intervals of chances, by outcomes; None = too few later deals
    by_chance: list[ChanceGroup] = field(default_factory=list)  # what came of later deals
    table_chance: Floats | None = None
    alone: Mapping[str, Floats] = field(default_factory=dict)
    proof: Comparison | None = None
    against_champion: Comparison | None = None
    learned: bool = True  # False: too few closed deals, or all of one outcome
    weights: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def warnings_of(report: Report, win: WinModel) -> list[ModelWarning]:
    """The warnings that are attached to every prediction of the model."""
    warnings = [ModelWarning(finding.code, finding.text) for finding in report.findings if finding.serious]
    unscreened = [leak.attribute for leak in report.leaks if leak.reason == "unscreened"]
    warnings += [
        ModelWarning(f"leak_{leak.attribute}", leak.text)
        for leak in report.leaks
        if leak.attribute not in unscreened
    ]
    if unscreened and win.closed_deals >= FEW_DEALS:
        text = Text(
            "決着した商談が少なく、独自項目{n}個（{names}）は決着時に入力されるものか判断できないため使っていません。",
            "{n} attributes of your own ({names}) are not used yet: too few deals have closed to tell "
            "whether they are filled in at closing.",
        )
        warnings.append(
            ModelWarning(
                "unscreened_attributes", text.format(n=len(unscreened), names=", ".join(unscreened[:5]))
            )
        )
    if win.closed_deals < FEW_DEALS:
        text = Text(
            "決着した商談が{n}件しかないため、学習した値ではなく標準的な受注率を使っています。"
            "30件を超えたら再学習してください。",
            "Only {n} deals have closed, so the probabilities are a stated prior, not learned; retrain once "
            "30 have closed.",
        )
        warnings.append(ModelWarning("too_few_deals", text.format(n=win.closed_deals)))
    elif report.learned and report.evaluation is None:
        text = Text(
            "商談が少ないため、後の商談での検証ができませんでした。",
            "There are too few deals to validate the model on later ones.",
        )
        warnings.append(ModelWarning("not_proven", text))
    return [*warnings, *_of_proof(report, win)]


def _of_proof(report: Report, win: WinModel) -> list[ModelWarning]:
    """Whether the learned probabilities are proved, what answers, and whether that is calibrated."""
    proof, warnings = report.proof, []
    if not report.learned:
        return []
    if win.is_table or proof is None or not proof.passes:
        warnings.append(ModelWarning("model_not_proved", _TABLE_ANSWERS if win.is_table else _NOT_PROVED))
    fold, chance = report.validation_fold, report.table_chance if win.is_table else report.validation_chance
    if proof is not None and fold is not None and chance is not None:
        judged = proof.b if win.is_table else proof.a
        if judged.is_off:
            weight = fold.valid.question_weight
            said, won = np.average(chance, weights=weight), np.average(fold.valid.won, weights=weight)
            text = _NOT_CALIBRATED.format(said=said, won=won, n=proof.deals)
            warnings.append(ModelWarning("not_calibrated", text))
    return warnings


_TABLE_ANSWERS = Text(
    "学習したモデルが、ステージ別受注率表より優れていることを後の商談で確かめられていません。"
    "受注確率は、ステージと経過日数ごとの過去の受注率（表）で答えています。",
    "Later deals do not show that the learned model is better than the stage-rate table: win probabilities "
    "are past rates by stage and age, from that table.",
)
_NOT_PROVED = Text(
    "学習したモデルが、ステージ別受注率表より優れていることを後の商談で確かめられていません。",
    "Later deals do not show that the learned model is better than the stage-rate table.",
)
_NOT_CALIBRATED = Text(
    "後の商談{n}件で、予測と実績が偶然の範囲を超えてずれています（平均して予測{said:.0%}、実績{won:.0%}）。",
    "On {n} later deals predictions and outcomes differ by more than chance (on average {said:.0%} "
    "predicted, {won:.0%} won).",
)
