"""Which of two models predicts better what neither has seen, over all and by segment, and how surely?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.eventlog import EventLog
from crm.i18n import Language, Text
from crm.instants import iso
from models.bundle import Bundle
from training import metrics
from training.comparison import Calibration, Comparison, compare
from training.comparison_rows import Part, shared_rows
from training.comparison_segments import FALSE_SHARE, Segment, segments_of

SEED = 0  # of the horizons that are asked: the same models and data give the same comparison


@dataclass(frozen=True)
class Contestant:
    """A model that is compared: what it is called, and its version where it is registered."""

    model: Bundle
    name: Text
    version: str = ""

    @classmethod
    def registered(cls, model: Bundle, version: str) -> Contestant:
        """A registered version."""
        return cls(model, Text("バージョン{v}", "version {v}").format(v=version), version)


@dataclass(frozen=True)
class Side:
    """One of the two models: what it is called, the moment its data end, its mean losses on the rows."""

    name: Text
    version: str
    as_of: int
    log_loss: float
    brier: float


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """Model A against model B on the same rows; differences are A minus B, negative where A is better."""

    a: Side
    b: Side
    until: int
    comparison: Comparison
    brier: metrics.Difference
    parts: tuple[Part, ...]
    segments: list[Segment]

    @property
    def text(self) -> Text:
        """The verdict as a sentence."""
        found = self.comparison
        told = _LESS_CALIBRATED if found.verdict == "worse" and found.is_less_calibrated else _VERDICTS
        template = told[found.verdict] if isinstance(told, dict) else told
        return template.format(
            a=self.a.name,
            b=self.b.name,
            n=found.deals,
            gap=Text("–", "–") if not np.isfinite(found.difference.mean) else str(found.difference),
            error=found.a.error,
            other=found.b.error,
            luck=found.a.luck,
        )

    def to_json(self, lang: Language, zone: ZoneInfo) -> dict[str, Any]:
        """Plain values, as REST answers them; undefined numbers are null."""
        found = self.comparison
        return {
            "a": _side(self.a, found.a, lang, zone),
            "b": _side(self.b, found.b, lang, zone),
            "until": iso(self.until, zone),
            "verdict": found.verdict,
            "text": self.text.to(lang),
            "rows": found.rows,
            "deals": found.deals,
            "log_loss_difference": found.difference.to_json(),
            "brier_difference": self.brier.to_json(),
            "parts": [
                {
                    "basis": part.basis,
                    "deals": part.deals,
                    "rows": part.rows,
                    "first": iso(part.first, zone),
                    "last": iso(part.last, zone),
                    "a_fitted_until": iso(part.fitted_until[0], zone),
                    "b_fitted_until": iso(part.fitted_until[1], zone),
                }
                for part in self.parts
            ],
            "segments": [segment.to_json(lang) for segment in self.segments],
            "false_discovery_rate": FALSE_SHARE,
        }

    def figures(self) -> dict[str, float]:
        """The metrics to log; what is undefined is left out."""
        ends = {"": "mean", ".lo": "lo", ".hi": "hi"}
        values = {
            f"compare.{name}{end}": getattr(interval, field)
            for name, interval in (
                ("log_loss_difference", self.comparison.difference),
                ("brier_difference", self.brier),
            )
            for end, field in ends.items()
        }
        values |= {"compare.deals": float(self.comparison.deals), "compare.rows": float(self.comparison.rows)}
        return {name: float(value) for name, value in values.items() if np.isfinite(value)}


def compare_models(
    a: Contestant,
    b: Contestant,
    log: EventLog,
    until: int,
    tell: Callable[[Text], None] | None = None,
) -> ModelComparison:
    """A against B on the rows that neither was fitted on, by what is known at `until`; see `shared_rows`."""
    if tell is not None:
        tell(Text("比較できる商談を集めています", "Collecting the rows that both are new to"))
    shared, history = shared_rows(a.model, b.model, log, until, SEED)
    asked = shared.asked
    if tell is not None:
        tell(Text("2つのモデルを比べています", "Comparing the two models"))
    rng = np.random.default_rng((SEED, 5))
    found = compare(shared.a, shared.b, asked, rng)
    squared = metrics.brier_scores(shared.a, asked.outcome), metrics.brier_scores(shared.b, asked.outcome)
    brier = metrics.paired_difference(*squared, asked.deal, rng, asked.weight, origin=asked.origins)
    sides = [
        Side(
            one.name,
            one.version,
            one.model.as_of,
            float(np.average(metrics.log_losses(chance, asked.outcome), weights=asked.weight)),
            float(np.average(square, weights=asked.weight)),
        )
        for one, chance, square in zip((a, b), (shared.a, shared.b), squared, strict=True)
    ]
    return ModelComparison(
        a=sides[0],
        b=sides[1],
        until=until,
        comparison=found,
        brier=brier,
        parts=shared.parts,
        segments=segments_of(shared, history),
    )


def _side(side: Side, calibration: Calibration, lang: Language, zone: ZoneInfo) -> dict[str, Any]:
    values = {
        "log_loss": side.log_loss,
        "brier": side.brier,
        "calibration_error": calibration.error,
        "calibration_luck": calibration.luck,
        "slope": calibration.slope,
    }
    plain = {name: value if np.isfinite(value) else None for name, value in values.items()}
    return {
        "name": side.name.to(lang),
        "version": side.version or None,
        "as_of": iso(side.as_of, zone),
        **plain,
        "calibration_is_off": calibration.is_off,
    }


_VERDICTS = {
    "better": Text(
        "{a}は{b}より予測誤差が小さいと言えます（同じ商談{n}件、対数損失の差 {gap}）。",
        "{a} is better than {b} (the same {n} deals, log loss {gap}).",
    ),
    "not_worse": Text(
        "{a}は{b}に劣りません（同じ商談{n}件、対数損失の差 {gap}）。",
        "{a} is not worse than {b} (the same {n} deals, log loss {gap}).",
    ),
    "worse": Text(
        "{a}は{b}より予測誤差が大きいと言えます（同じ商談{n}件、対数損失の差 {gap}）。",
        "{a} is worse than {b} (the same {n} deals, log loss {gap}).",
    ),
    "cannot_tell": Text(
        "{a}と{b}の優劣は判断できません（同じ商談{n}件、対数損失の差 {gap}）。",
        "These rows cannot tell {a} and {b} apart (the same {n} deals, log loss {gap}).",
    ),
}
_LESS_CALIBRATED = Text(
    "{a}は{b}より予測と実績のずれが大きく、劣ります（同じ商談{n}件、較正誤差 {error:.3f} と {other:.3f}、"
    "偶然による分 {luck:.3f}）。",
    "{a} is worse than {b}: less calibrated on the same {n} deals (calibration error {error:.3f} against "
    "{other:.3f}, of which luck {luck:.3f}).",
)
