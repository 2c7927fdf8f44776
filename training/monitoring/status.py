"""Should the model in service be retrained, and why? Drift, calibration, and deals closed since training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.i18n import Language, Text
from crm.instants import DAY, NEVER, iso
from features import Feature, History
from features.arrays import Ints
from features.levels import names_of
from models.bundle import Bundle
from models.scoring import feature_columns
from training.log_age import OLD_DAYS
from training.monitoring.calibration import (
    PredictedOutcomes,
    Quality,
    SegmentCalibration,
    quality,
    segment_calibrations,
)
from training.monitoring.drift import Drift, drifts
from training.monitoring.samples import (
    MAX_BEFORE,
    MAX_RECENT,
    WEEK,
    WeeklySamples,
    prediction_windows,
    weekly,
    won_within,
)

HORIZONS = (28.0, 7.0)  # in days; the longest for which enough weeks have passed is evaluated
MIN_WEEKS = 2  # since the data time, before drift is tested
INTERVALS = 8  # of the time before, with which drift is compared
ENOUGH_NEW = 0.2  # newly closed deals, as a share of those trained on, that are a reason to retrain
MIN_NEW = 30
IMPORTANT = 0.02  # share of all contributions above which a feature's drift is a reason to retrain
MAX_LEVELS = 20  # of a feature, for its levels to be monitored as segments
_EXPLAINED = 300


@dataclass(frozen=True, kw_only=True)
class MonitoringReport:
    """The state of a model between its data time and `now` (microseconds UTC).

    `drift` and `importance` (share of contributions) by feature; `calibration` of wins within
    `horizon_days`.
    """

    model_as_of: int
    now: int
    reasons: list[Text]
    closed_since: int
    closed_in_training: int
    horizon_days: float | None
    quality: Quality | None
    calibration: list[SegmentCalibration]
    drift: Mapping[str, Drift]
    importance: Mapping[str, float]
    score_drift: Drift | None
    levels: Mapping[str, Any] = field(repr=False)
    labels: Mapping[str, Text] = field(repr=False)
    zone: Any = field(repr=False)

    @property
    def needed(self) -> bool:
        """Whether to retrain."""
        return bool(self.reasons)

    def describe(self) -> Text:
        """The result in a sentence or two."""
        if not self.reasons:
            return Text(
                "再学習は不要です（前回の学習データ以降に決着した商談{n:,}件）。",
                "no need to retrain ({n:,} deals closed since the model's data).",
            ).format(n=self.closed_since)
        joined = Text(
            "".join(reason.ja for reason in self.reasons), " ".join(reason.en for reason in self.reasons)
        )
        return Text("再学習してください（sancho train）。{why}", "retrain (sancho train). {why}").format(
            why=joined
        )

    def to_json(self, lang: Language) -> dict[str, Any]:
        """Plain values, with texts in one language."""
        by_p_value = sorted(self.drift, key=lambda name: self.drift[name].p_value)
        return {
            "as_of": iso(self.now, self.zone),
            "retrain": self.needed,
            "reasons": [reason.to(lang) for reason in self.reasons],
            "model_as_of": iso(self.model_as_of, self.zone),
            "closed_deals_since": self.closed_since,
            "closed_deals_in_training": self.closed_in_training,
            "horizon_days": self.horizon_days,
            "quality": None
            if self.quality is None
            else {name: value if value == value else None for name, value in vars(self.quality).items()},
            "calibration": [
                {
                    "segment": None if segment.feature is None else {segment.feature: self.level(segment)},
                    "deals": segment.deals,
                    "rows": segment.rows,
                    "expected": round(segment.expected, 2),
                    "observed": segment.actual,
                    "log_odds_shift": round(segment.shift, 4),
                    "interval": [round(segment.lo, 4), round(segment.hi, 4)],
                    "p_value": segment.p_value,
                    "alarm": segment.alarm,
                }
                for segment in sorted(
                    self.calibration, key=lambda segment: (segment.feature is not None, segment.p_value)
                )
            ],
            "feature_drift": [
                {
                    "feature": name,
                    "label": self.labels[name].to(lang),
                    "psi": round(self.drift[name].index, 4),
                    "importance": round(self.importance.get(name, 0.0), 4),
                    "p_value": self.drift[name].p_value,
                    "alarm": self.drift[name].alarm,
                }
                for name in by_p_value[:10]
            ],
            "score_drift": None if self.score_drift is None else _drift_json(self.score_drift),
        }

    def level(self, segment: SegmentCalibration) -> str:
        """The name of a segment's level."""
        names = names_of(self.levels, segment.feature or "")
        return names[int(segment.level)] if int(segment.level) < len(names) else str(int(segment.level))


def monitor(
    bundle: Bundle,
    history: History,
    now: int,
    seed: int = 0,
    *,
    zone: ZoneInfo | None = None,
    reasons: Sequence[Text] = (),
) -> MonitoringReport:
    """Drift and calibration of a model since its data time, and the reasons to retrain it.

    `history` is compiled with the model's levels from the log as of now. Drift is measured on the last weeks
    since the data time (at most an eighth of the 104 weeks before it), 400 open deals of each week;
    calibration on at most 3,000 deals since and before. The false discovery rate of the alarms is 5% for
    features and for segments; stability indices below .1 and differences below a tenth of the expected wins
    raise no alarm. `reasons`: further ones that the caller knows, such as another calendar; `zone`: in which
    the report writes times (default: the model's).
    """
    rng = np.random.default_rng((seed, 41))
    columns = feature_columns(bundle, history)
    features = [history.features[at] for at in columns]
    weekday = int(history.calendar.day_of(np.array([now]))[0]) % 7
    start = max(bundle.as_of - MAX_BEFORE * WEEK, int(history.created.min(initial=bundle.as_of)))
    before = weekly(history, columns, (start, bundle.as_of), weekday, MAX_BEFORE, rng)
    # At most so many weeks that there are enough intervals before to measure the usual variation.
    recent = min(max((int(before.week.max(initial=-1)) + 1) // INTERVALS, MIN_WEEKS), MAX_RECENT)
    since = weekly(history, columns, (bundle.as_of, now), weekday, recent, rng)
    weeks = int(since.week.max(initial=-1)) + 1
    drift, score, importance = _drift(bundle, features, before, since, weeks)
    today = int(history.calendar.start_of(history.calendar.day_of(np.array([now])))[0])
    days, calibrations, figures = _predictions(bundle, history, columns, features, (start, today), rng)
    done = (history.closed != NEVER) & (history.closed >= bundle.as_of) & (history.closed < now)
    labels = {feature.name: feature.label for feature in features}
    closed, learned = int(done.sum()), bundle.win.closed_deals
    report = MonitoringReport(
        model_as_of=bundle.as_of,
        now=now,
        reasons=list(reasons),
        closed_since=closed,
        closed_in_training=learned,
        horizon_days=days,
        quality=figures,
        calibration=calibrations,
        drift=drift,
        importance=importance,
        score_drift=score,
        levels=bundle.levels,
        labels=labels,
        zone=zone or bundle.calendar.zone,
    )
    report.reasons.extend(_reasons(report))
    return report


def _drift_json(drift: Drift) -> dict[str, Any]:
    return {"psi": drift.index, "p_value": drift.p_value, "alarm": drift.alarm}


def _drift(
    bundle: Bundle, features: list[Feature], before: WeeklySamples, since: WeeklySamples, weeks: int
) -> tuple[dict[str, Drift], Drift | None, dict[str, float]]:
    used = bundle.win.used
    if weeks < MIN_WEEKS or not len(since) or not len(before):
        return {}, None, {}
    win = bundle.win.without_level()
    scores = [
        win.won_by(sample.x, sample.at, np.full(len(sample), HORIZONS[0]))[:, None]
        for sample in (before, since)
    ]
    categories = frozenset(position for position, at in enumerate(used) if features[at].kind == "category")
    columns = [
        np.concatenate([sample.x[:, used], score], axis=1)
        for sample, score in zip((before, since), scores, strict=True)
    ]
    column_drifts = drifts(columns[0], before.week, columns[1], weeks, categories)
    names = [features[at].name for at in used]
    step = max(len(since) // _EXPLAINED, 1)
    parts = bundle.win.contributions(
        since.x[::step], since.at[::step], np.full(len(since.at[::step]), HORIZONS[0])
    )
    strength = np.abs(parts.values[:, used]).mean(axis=0)
    share = strength / max(float(strength.sum()), 1e-12)
    return (
        dict(zip(names, column_drifts[:-1], strict=True)),
        column_drifts[-1],
        dict(zip(names, share.tolist(), strict=True)),
    )


def _predictions(
    bundle: Bundle,
    history: History,
    columns: Ints,
    features: list[Feature],
    between: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[float | None, list[SegmentCalibration], Quality | None]:
    start, now = between
    for days in HORIZONS:
        if now - bundle.as_of >= int((days + 7.0 * MIN_WEEKS) * DAY):
            break
    else:
        return None, [], None
    categories = [features[at].name for at in bundle.win.used if features[at].kind == "category"]
    segments = [name for name in categories if len(names_of(bundle.levels, name)) <= MAX_LEVELS]
    column_of = {feature.name: at for at, feature in enumerate(features)}

    def predicted(first: int, last: int) -> PredictedOutcomes:
        windows = prediction_windows(history, columns, first, last, days, rng)
        chance = bundle.win.won_by(windows.x, windows.at, np.full(len(windows), days))
        won = won_within(history, windows.deal, windows.at, days)
        return PredictedOutcomes(
            chance, won, windows.deal, {name: windows.x[:, column_of[name]] for name in segments}
        )

    since, before = predicted(bundle.as_of, now), predicted(start, bundle.as_of)
    calibrations = segment_calibrations(since, before, *bundle.common_factors.at(days * 5.0 / 7.0))
    return days, calibrations, quality(since.chance, since.outcome)


def _reasons(report: MonitoringReport) -> list[Text]:
    reasons = []
    for segment in report.calibration:
        if not segment.alarm:
            continue
        scope = Text("全体", "Overall")
        if segment.feature is not None:
            label, level = report.labels[segment.feature], report.level(segment)
            scope = Text(f"{label.ja}「{level}」", f"{label.en} {level!r}")
        reasons.append(
            Text(
                "{scope}：{days:.0f}日以内の受注を{expected:.0f}件と予測しましたが、実際は{actual:.0f}件でした。",
                "{scope}: {expected:.0f} wins within {days:.0f} days were expected; there were {actual:.0f}.",
            ).format(scope=scope, days=report.horizon_days, expected=segment.expected, actual=segment.actual)
        )
    important = [
        name
        for name, drift in report.drift.items()
        if drift.alarm and report.importance.get(name, 0.0) >= IMPORTANT
    ]
    for name in sorted(important, key=lambda name: -report.importance[name])[:3]:
        reasons.append(
            Text(
                "「{label}」の分布が、通常の変動の範囲を超えて変わりました（安定度指標PSI {index:.2f}）。",
                "The distribution of “{label}” changed more than usual (population stability index "
                "{index:.2f}).",
            ).format(label=report.labels[name], index=report.drift[name].index)
        )
    if report.score_drift is not None and report.score_drift.alarm:
        reasons.append(
            Text(
                "受注確率の分布が、通常の変動の範囲を超えて変わりました（安定度指標PSI {index:.2f}）。",
                "The distribution of win probabilities changed more than usual (population stability index "
                "{index:.2f}).",
            ).format(index=report.score_drift.index)
        )
    if report.closed_since >= max(MIN_NEW, ENOUGH_NEW * report.closed_in_training):
        reasons.append(
            Text(
                "学習に使った{learned:,}件に対し、その後{n:,}件の商談が決着しました。",
                "{n:,} deals have closed since; the model was trained on {learned:,}.",
            ).format(n=report.closed_since, learned=report.closed_in_training)
        )
    elif report.closed_since and report.now - report.model_as_of > OLD_DAYS * DAY:
        reasons.append(
            Text(
                "学習データの時点から{days:.0f}日たち、その後{n:,}件の商談が決着しました。",
                "{days:.0f} days have passed since the model's data, and {n:,} deals have closed since.",
            ).format(days=(report.now - report.model_as_of) / DAY, n=report.closed_since)
        )
    return reasons
