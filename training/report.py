"""What did a training do and learn? Its report, and the warnings that are attached to every prediction."""

from __future__ import annotations

from dataclasses import dataclass, field

from crm.i18n import Text
from features.arrays import Floats
from models.bundle import ModelWarning
from models.win.model import FEW_DEALS, WinModel
from training.config import TrainConfig
from training.data_quality import DataFinding
from training.evaluate import Evaluation
from training.leakage import Leak
from training.snapshots import Cycle, Fold


@dataclass
class Report:
    """What a training did and learned; MLflow and the model card show it.

    `champion_refit`: a model refitted at the champion's data time, its fold and its predictions for it.
    """

    as_of: int
    config: TrainConfig
    cycle: Cycle | None = None
    findings: list[DataFinding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    left_out: dict[str, Text] = field(default_factory=dict)
    folds: list[str] = field(default_factory=list)
    evaluation: Evaluation | None = None
    validation_fold: Fold | None = None
    validation_chance: Floats | None = None
    champion_refit: tuple[Fold, Floats] | None = None
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
    elif report.evaluation is None:
        text = Text(
            "商談が少ないため、後の商談での検証ができませんでした。",
            "There are too few deals to validate the model on later ones.",
        )
        warnings.append(ModelWarning("not_proven", text))
    return warnings
