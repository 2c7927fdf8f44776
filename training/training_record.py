"""What is recorded of a training beside its model? Parameters, figures, model card: before MLflow sees it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from crm.i18n import LANGUAGES
from models.bundle import Bundle
from training.model_card import model_card

if TYPE_CHECKING:
    from training.report import Report

_HEADLINES = ("log_loss", "brier", "calibration_error", "slope", "log_loss_against_stage_rates")


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A training as the registry records it; `training_id` keeps it from being registered twice."""

    training_id: str
    trained_at: str
    as_of: int
    fingerprint: str  # of the data
    parameters: dict[str, str]
    metrics: dict[str, float]
    cards: dict[str, str]  # HTML by language
    features: dict[str, Any]
    evaluation: dict[str, Any] | None

    @classmethod
    def of(cls, bundle: Bundle, report: Report, fingerprint: str = "") -> TrainingRecord:
        """Of a training just done."""
        return cls(
            training_id=uuid.uuid4().hex,
            trained_at=bundle.trained_at,
            as_of=int(bundle.as_of),
            fingerprint=fingerprint,
            parameters=_parameters(bundle, report, fingerprint),
            metrics=_metrics(report),
            cards={lang: model_card(bundle, report, lang) for lang in LANGUAGES},
            features=_features(bundle, report),
            evaluation=_evaluation(report),
        )

    def tags(self) -> dict[str, str]:
        """What is tagged on the registered version: all that a list of versions shows."""
        figures = {
            f"figure.{name}": f"{self.metrics[name]:.6g}" for name in _HEADLINES if name in self.metrics
        }
        return {
            "training_id": self.training_id,
            "trained_at": self.trained_at,
            "as_of": str(self.as_of),
            "fingerprint": self.fingerprint,
            **figures,
        }

    def to_json(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TrainingRecord:
        """The record that `to_json` stored."""
        return cls(**stored)


def _parameters(bundle: Bundle, report: Report, fingerprint: str) -> dict[str, str]:
    parameters = {
        **{name: str(value)[:400] for name, value in vars(report.config).items()},
        **bundle.calendar.settings(),
        "currency": bundle.revenue.currency,
        **report.counts,
        "as_of": bundle.as_of,
        "data_fingerprint": fingerprint,
        "longest_days": round(bundle.win.windows.longest_days, 1),
        "left_out": ", ".join(sorted(report.left_out))[:400],
        "leaks": ", ".join(leak.attribute for leak in report.leaks)[:400],
        "lightgbm": version("lightgbm"),
        "numpy": version("numpy"),
    }
    return {name: str(value) for name, value in parameters.items()}


def _evaluation(report: Report) -> dict[str, Any] | None:
    """How good the model was on later deals, what came of them, and how often its intervals held."""
    if report.evaluation is None:
        return None
    return {
        **report.evaluation.to_json(),
        "by_chance": [group.to_json() for group in report.by_chance],
        "coverage": None if report.coverage is None else report.coverage.to_json(),
        "findings": [
            {"code": one.code, "serious": one.serious, "ja": one.text.ja, "en": one.text.en}
            for one in report.findings
        ],
    }


_WEIGHED = ("rates", "linear", "trees", "plain_trees")  # the names of `BASE_MODELS` in MLflow


def _metrics(report: Report) -> dict[str, float]:
    values: dict[str, float] = {f"seconds.{name}": value for name, value in report.seconds.items()}
    if report.evaluation is not None:
        figures = report.evaluation.overall
        values |= figures["model"]
        for name in figures:
            if name != "model":
                values |= {
                    f"{name}.log_loss": figures[name]["log_loss"],
                    f"{name}.brier": figures[name]["brier"],
                }
        for name, gap in report.evaluation.log_loss_against.items():
            values |= {f"log_loss_against_{name}": gap.mean, f"log_loss_against_{name}_hi": gap.hi}
    for side, weights in report.weights.items():
        values |= {f"weight.{side}.{name}": w for name, w in zip(_WEIGHED, weights, strict=True)}
    return {name.replace(" ", "_"): float(value) for name, value in values.items() if value == value}


def _features(bundle: Bundle, report: Report) -> dict[str, Any]:
    left_out = {name: {"ja": why.ja, "en": why.en} for name, why in report.left_out.items()}
    return {"features": list(bundle.features), "used": list(bundle.win.layout.names), "left_out": left_out}
