"""How good is the model on later deals, compared with baseline methods on the same rows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from crm.i18n import Text
from crm.instants import DAY
from features.arrays import Floats, Ints
from models.snapshot_rows import SnapshotRows
from models.win.base_models import FeatureLayout
from models.win.horizons import HorizonWindows
from training import baselines, metrics
from training.comparison import origin_of
from training.in_the_end import InTheEnd

BANDS = ((0.0, 7.5), (7.5, 31.5), (31.5, 92.5), (92.5, np.inf))
MOST_ASKED = 20_000  # later questions that all methods are judged on, drawn at random beyond
MOST_LEARNED = 6_000  # training questions of a baseline that is fitted
MIN_ROWS = 100  # of a stage, to be judged by itself

MODEL, LEARNED = "model", "learned"
LABELS: dict[str, Text] = {
    MODEL: Text("このモデル", "This model"),
    LEARNED: Text("学習したモデル（使っていません）", "Learned model (not in use)"),
    **baselines.ALL_LABELS,
}


@dataclass(frozen=True, kw_only=True)
class FoldFacts:
    """What baselines know of a fold beside its rows: when it was cut, and the calendar's windows.

    `alone`: what each of the model's base models says by itself of the questions (m,), by name.
    """

    as_of: int
    windows: HorizonWindows | None = None
    alone: Mapping[str, Floats] = field(default_factory=dict)
    threads: int = 2


@dataclass(frozen=True)
class Evaluation:
    """Scores by method: over all rows, and of the model by horizon band and by stage.

    `in_the_end`: of the chance to be won at all, for which the questions have no answer yet.
    `log_loss_against`, `brier_against`: by baseline, the model's mean score minus the baseline's; a deal
    counts once, and the questions of four weeks share luck. `curve` are the model's reliability rows (mean
    probability, share won, weight). `variants`: how each baseline was tuned. `asked` numbers the questions
    (q,) that were judged, `baseline_chances` what the baselines said of them.
    """

    overall: Mapping[str, Mapping[str, float]]
    bands: Mapping[str, Mapping[str, float]]
    stages: Mapping[str, Mapping[str, float]]
    log_loss_against: Mapping[str, metrics.Difference]
    brier_against: Mapping[str, metrics.Difference]
    curve: Floats
    deals: int
    in_the_end: InTheEnd | None = None
    variants: Mapping[str, str] = field(default_factory=dict)
    asked: Ints = field(default_factory=lambda: np.zeros(0, np.int64), repr=False)
    baseline_chances: Mapping[str, Floats] = field(default_factory=dict, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Plain values for MLflow and reports."""
        return {
            "deals": self.deals,
            "labels": {
                name: {"ja": LABELS[name].ja, "en": LABELS[name].en}
                for name in self.overall
                if name in LABELS
            },
            "variants": dict(self.variants),
            "overall": {name: dict(figures) for name, figures in self.overall.items()},
            "bands": {name: dict(figures) for name, figures in self.bands.items()},
            "stages": {name: dict(figures) for name, figures in self.stages.items()},
            "log_loss_against": {name: vars(gap) for name, gap in self.log_loss_against.items()},
            "brier_against": {name: vars(gap) for name, gap in self.brier_against.items()},
            "curve": self.curve.tolist(),
            "in_the_end": None if self.in_the_end is None else self.in_the_end.to_json(),
        }


def evaluate(
    chance: Floats,
    train: SnapshotRows,
    valid: SnapshotRows,
    layout: FeatureLayout,
    rng: np.random.Generator,
    stage_names: Mapping[float, str],
    facts: FoldFacts | None = None,
    known: Evaluation | None = None,
) -> Evaluation:
    """Scores of the predicted chances (m,) for `valid`, and of baseline methods fitted on `train`.

    The rows have the columns of the baselines: all that do not leak. `facts`: of the fold; without them, it
    was cut at the last thing known of its training rows. `known`: an evaluation of another model on the same
    rows, whose baselines are not fitted again.
    """
    if facts is None:
        facts = FoldFacts(as_of=int((train.at + train.days * DAY).max(initial=0.0)))
    if known is None:
        asked = np.arange(len(valid.row))
        if len(asked) > MOST_ASKED:
            asked = np.sort(rng.choice(len(asked), MOST_ASKED, replace=False))
        chances, variants = _baselines(train, asked_only(valid, asked), layout, facts, asked, rng)
    else:
        asked, chances, variants = known.asked, dict(known.baseline_chances), dict(known.variants)
    stages = layout.column(valid.x, layout.stage)[valid.row][asked]
    valid, chance = asked_only(valid, asked), chance[asked]
    weight, origin = valid.question_weight, origin_of(valid.question_at)
    overall = {name: metrics.summary(p, valid.won, weight) for name, p in {MODEL: chance, **chances}.items()}
    against: dict[str, dict[str, metrics.Difference]] = {"log_loss": {}, "brier": {}}
    for name, baseline_chance in chances.items():
        for kind, score in (("log_loss", metrics.log_losses), ("brier", metrics.brier_scores)):
            against[kind][name] = metrics.paired_difference(
                score(chance, valid.won),
                score(baseline_chance, valid.won),
                valid.question_deal,
                rng,
                weight,
                origin=origin,
            )
    bands = {}
    for low, high in BANDS:
        in_band = (valid.horizon > low) & (valid.horizon <= high)
        if in_band.any():
            bands[f"{low:.0f}-{high:.0f}d"] = metrics.summary(
                chance[in_band], valid.won[in_band], weight[in_band]
            )
    by_stage = {}
    for code in np.unique(stages[~np.isnan(stages)]):
        in_stage = stages == code
        if in_stage.sum() >= MIN_ROWS:
            name = stage_names.get(float(code), str(int(code)))
            by_stage[name] = metrics.summary(chance[in_stage], valid.won[in_stage], weight[in_stage])
    return Evaluation(
        overall,
        bands,
        by_stage,
        against["log_loss"],
        against["brier"],
        metrics.reliability(chance, valid.won, weight),
        len(np.unique(valid.question_deal)),
        variants=variants,
        asked=asked,
        baseline_chances=chances,
    )


def _baselines(
    train: SnapshotRows,
    valid: SnapshotRows,
    layout: FeatureLayout,
    facts: FoldFacts,
    asked: Ints,
    rng: np.random.Generator,
) -> tuple[dict[str, Floats], dict[str, str]]:
    """What each method says of the questions asked, and the variant that was chosen of it."""
    effort = baselines.Effort(most=MOST_LEARNED, threads=facts.threads, exact=False)
    methods = baselines.baseline_methods(layout, facts.windows, effort)
    fitted = baselines.fit_baselines(train, facts.as_of, methods, (), rng)
    chances = baselines.chances_of(fitted, valid)
    for part, chance in facts.alone.items():
        chances[baselines.alone_name(part)] = chance[asked]
    return chances, {name: baseline.variant for name, baseline in fitted.items()}


def asked_only(rows: SnapshotRows, asked: Ints) -> SnapshotRows:
    """The rows with only some of their questions, by number."""
    names = ("row", "horizon", "won", "lost", "matures_after_days")
    return replace(rows, **{name: getattr(rows, name)[asked] for name in names})
