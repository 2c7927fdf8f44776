"""What did a training do and find? The report, and what of it goes with every answer of the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.i18n import Text
from sancho.models.bundle import Warned
from sancho.models.win import FEW_DEALS, WinModel
from sancho.training.config import TrainConfig
from sancho.training.data_quality import DataFinding
from sancho.training.evaluate import Evaluation
from sancho.training.leakage import Leak
from sancho.training.snapshots import Cycle, Fold

Floats = NDArray[np.float64]


@dataclass
class Report:
    """What a training did and found; all of it goes to MLflow and the model card."""

    as_of: int
    config: TrainConfig
    cycle: Cycle | None = None
    findings: list[DataFinding] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    left_out: dict[str, Text] = field(default_factory=dict)
    folds: list[str] = field(default_factory=list)
    evaluation: Evaluation | None = None
    later: Fold | None = None
    later_chance: Floats | None = None
    rival: tuple[Fold, Floats] | None = None  # made at the champion's data time: what is held against it
    weights: dict[str, list[float]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def warnings_of(report: Report, win: WinModel) -> list[Warned]:
    """What every answer of the model must say."""
    found = [Warned(finding.code, finding.text) for finding in report.findings if finding.serious]
    waiting = [leak.attribute for leak in report.leaks if leak.reason == "unscreened"]
    found += [
        Warned(f"leak_{leak.attribute}", leak.text) for leak in report.leaks if leak.attribute not in waiting
    ]
    if waiting and win.closed_deals >= FEW_DEALS:
        text = Text(
            "決着した商談が少なく、独自項目{n}個（{names}）は決着時に入力されるものか判断できないため使っていません。",
            "{n} attributes of your own ({names}) are not used yet: too few deals have closed to tell "
            "whether they are filled at closing.",
        )
        found.append(
            Warned("unscreened_attributes", text.format(n=len(waiting), names=", ".join(waiting[:5])))
        )
    if win.closed_deals < FEW_DEALS:
        text = Text(
            "決着した商談が{n}件しかないため、学習した値ではなく標準的な受注率を使っています。"
            "30件を超えたら学習し直してください。",
            "Only {n} deals have closed, so the probabilities are a stated prior, not learned; train again "
            "once 30 have closed.",
        )
        found.append(Warned("too_few_deals", text.format(n=win.closed_deals)))
    elif report.evaluation is None:
        text = Text(
            "商談が少ないため、後の商談での検証ができませんでした。",
            "Too few deals to prove the model on later ones.",
        )
        found.append(Warned("not_proven", text))
    return found


def facts_of(report: Report) -> dict[str, Any]:
    """Plain numbers and texts that go with the model."""
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
