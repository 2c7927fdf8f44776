"""Should the model in service be trained anew, and why? Drift, promises kept, new deals since it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.i18n import Language, Text
from sancho.crm.instants import DAY, NEVER, iso
from sancho.features import Feature, History
from sancho.features.levels import names_of
from sancho.models.bundle import Bundle
from sancho.models.common_factors import CommonFactors
from sancho.models.scoring import feature_columns
from sancho.training.monitoring.calibration import (
    PredictedOutcomes,
    Quality,
    SegmentCalibration,
    quality,
    segment_calibrations,
)
from sancho.training.monitoring.drift import Drift, drifts
from sancho.training.monitoring.samples import (
    MOST_BEFORE,
    MOST_RECENT,
    WEEK,
    Weekly,
    prediction_windows,
    weekly,
    won_within,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HORIZONS = (28.0, 7.0)  # the longest of these that enough weeks have passed for is judged
LEAST_WEEKS = 2  # in service before drift can be told
STRETCHES = 8  # of the time before, that drift is held against
ENOUGH_NEW = 0.2  # new closed deals, as a share of those learned from, that make training worth while
LEAST_NEW = 30
OLD_DAYS = 92  # from the model's data time, when anything that closed since is reason enough
HEAVY = 0.02  # share of all contributions from which a feature's drift is a reason to train
MOST_LEVELS = 20  # of a feature, for its levels to be watched as segments
_EXPLAINED = 300


@dataclass(frozen=True)
class MonitoringReport:
    """What was seen of a model between its data time and `now` (microseconds UTC).

    `drift` and `weight` (share of contributions) by feature; `promises` are of wins within `horizon_days`.
    """

    model_as_of: int
    now: int
    reasons: list[Text]
    closed_since: int
    closed_learned: int
    horizon_days: float | None
    quality: Quality | None
    promises: list[SegmentCalibration]
    drift: Mapping[str, Drift]
    weight: Mapping[str, float]
    score_drift: Drift | None
    levels: Mapping[str, Any] = field(repr=False)
    labels: Mapping[str, Text] = field(repr=False)
    zone: Any = field(repr=False)

    @property
    def needed(self) -> bool:
        """Whether to train anew."""
        return bool(self.reasons)

    def said(self) -> Text:
        """The verdict in a sentence or two."""
        if not self.reasons:
            return Text(
                "学習し直す必要はありません（前回の学習データ以降に決着した商談{n:,}件）。",
                "no need to train anew ({n:,} deals closed since the model's data).",
            ).format(n=self.closed_since)
        joined = Text("".join(one.ja for one in self.reasons), " ".join(one.en for one in self.reasons))
        return Text("学習し直してください（sancho train）。{why}", "train anew (sancho train). {why}").format(
            why=joined
        )

    def to_json(self, lang: Language) -> dict[str, Any]:
        """Plain values, worded in one language."""
        moved = sorted(self.drift, key=lambda name: self.drift[name].p_value)
        return {
            "as_of": iso(self.now, self.zone),
            "retrain": self.needed,
            "reasons": [reason.to(lang) for reason in self.reasons],
            "model_as_of": iso(self.model_as_of, self.zone),
            "closed_deals_since": self.closed_since,
            "closed_deals_in_training": self.closed_learned,
            "horizon_days": self.horizon_days,
            "quality": None
            if self.quality is None
            else {name: value if value == value else None for name, value in vars(self.quality).items()},
            "calibration": [
                {
                    "segment": None if one.feature is None else {one.feature: self.level(one)},
                    "deals": one.deals,
                    "rows": one.rows,
                    "expected": round(one.expected, 2),
                    "observed": one.came,
                    "log_odds_shift": round(one.shift, 4),
                    "interval": [round(one.lo, 4), round(one.hi, 4)],
                    "p_value": one.p_value,
                    "alarm": one.alarm,
                }
                for one in sorted(self.promises, key=lambda one: (one.feature is not None, one.p_value))
            ],
            "feature_drift": [
                {
                    "feature": name,
                    "label": self.labels[name].to(lang),
                    "psi": round(self.drift[name].index, 4),
                    "importance": round(self.weight.get(name, 0.0), 4),
                    "p_value": self.drift[name].p_value,
                    "alarm": self.drift[name].alarm,
                }
                for name in moved[:10]
            ],
            "score_drift": None if self.score_drift is None else _moved(self.score_drift),
        }

    def level(self, kept: SegmentCalibration) -> str:
        """The name of a segment's level."""
        names = names_of(self.levels, kept.feature or "")
        return names[int(kept.level)] if int(kept.level) < len(names) else str(int(kept.level))


def monitor(bundle: Bundle, history: History, now: int, seed: int = 0) -> MonitoringReport:
    """What became of a model since its data time.

    `history` is compiled with the model's levels from the log as of now. For drift, the last weeks since, at
    most an eighth of the 104 looked at before, 400 open deals of each; for promises at most 3,000 deals since
    and before. Of the alarms about features, and of those about segments, at most 5 % are false on average;
    moves below .1 of the stability index and misses below a tenth of the wins expected raise none.
    """
    rng = np.random.default_rng((seed, 41))
    columns = feature_columns(bundle, history)
    features = [history.features[at] for at in columns]
    weekday = int(history.calendar.day_of(np.array([now]))[0]) % 7
    start = max(bundle.as_of - MOST_BEFORE * WEEK, int(history.created.min(initial=bundle.as_of)))
    before = weekly(history, columns, (start, bundle.as_of), weekday, MOST_BEFORE, rng)
    # No more weeks than leave stretches enough to know how much the business always moves.
    recent = min(max((int(before.week.max(initial=-1)) + 1) // STRETCHES, LEAST_WEEKS), MOST_RECENT)
    since = weekly(history, columns, (bundle.as_of, now), weekday, recent, rng)
    weeks = int(since.week.max(initial=-1)) + 1
    drift, score, weight = _drift(bundle, features, before, since, weeks)
    today = int(history.calendar.start_of(history.calendar.day_of(np.array([now])))[0])
    days, judged, told = _promises(bundle, history, columns, features, (start, today), rng)
    done = (history.closed != NEVER) & (history.closed >= bundle.as_of) & (history.closed < now)
    labels = {feature.name: feature.label for feature in features}
    closed, learned = int(done.sum()), bundle.win.closed_deals
    made = MonitoringReport(
        bundle.as_of,
        now,
        [],
        closed,
        learned,
        days,
        told,
        judged,
        drift,
        weight,
        score,
        bundle.levels,
        labels,
        bundle.calendar.zone,
    )
    made.reasons.extend(_reasons(made))
    return made


def _moved(drift: Drift) -> dict[str, Any]:
    return {"psi": drift.index, "p_value": drift.p_value, "alarm": drift.alarm}


def _drift(
    bundle: Bundle, features: list[Feature], before: Weekly, since: Weekly, weeks: int
) -> tuple[dict[str, Drift], Drift | None, dict[str, float]]:
    used = bundle.win.used
    if weeks < LEAST_WEEKS or not len(since) or not len(before):
        return {}, None, {}
    scores = [
        bundle.win.won_by(one.x, one.at, np.full(len(one), HORIZONS[0]))[:, None] for one in (before, since)
    ]
    categories = frozenset(place for place, at in enumerate(used) if features[at].kind == "category")
    columns = [
        np.concatenate([one.x[:, used], score], axis=1)
        for one, score in zip((before, since), scores, strict=True)
    ]
    found = drifts(columns[0], before.week, columns[1], weeks, categories)
    names = [features[at].name for at in used]
    step = max(len(since) // _EXPLAINED, 1)
    parts = bundle.win.contributions(
        since.x[::step], since.at[::step], np.full(len(since.at[::step]), HORIZONS[0])
    )
    strength = np.abs(parts.values[:, used]).mean(axis=0)
    share = strength / max(float(strength.sum()), 1e-12)
    return (
        dict(zip(names, found[:-1], strict=True)),
        found[-1],
        dict(zip(names, share.tolist(), strict=True)),
    )


def _promises(
    bundle: Bundle,
    history: History,
    columns: Ints,
    features: list[Feature],
    between: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[float | None, list[SegmentCalibration], Quality | None]:
    start, now = between
    for days in HORIZONS:
        if now - bundle.as_of >= int((days + 7.0 * LEAST_WEEKS) * DAY):
            break
    else:
        return None, [], None
    categories = [features[at].name for at in bundle.win.used if features[at].kind == "category"]
    watched = [name for name in categories if len(names_of(bundle.levels, name)) <= MOST_LEVELS]
    place = {feature.name: at for at, feature in enumerate(features)}

    def promised(first: int, last: int) -> PredictedOutcomes:
        one = prediction_windows(history, columns, first, last, days, rng)
        chance = bundle.win.won_by(one.x, one.at, np.full(len(one), days))
        came = won_within(history, one.deal, one.at, days)
        return PredictedOutcomes(chance, came, one.deal, {name: one.x[:, place[name]] for name in watched})

    since, before = promised(bundle.as_of, now), promised(start, bundle.as_of)
    stored = bundle.facts.get("common_factors")
    shocks = CommonFactors.prior() if stored is None else CommonFactors.from_json(stored)
    judged = segment_calibrations(since, before, *shocks.at(days * 5.0 / 7.0))
    return days, judged, quality(since.chance, since.came)


def _reasons(seen: MonitoringReport) -> list[Text]:
    found = []
    for one in seen.promises:
        if not one.alarm:
            continue
        where = Text("全体", "Overall")
        if one.feature is not None:
            label, level = seen.labels[one.feature], seen.level(one)
            where = Text(f"{label.ja}「{level}」", f"{label.en} {level!r}")
        found.append(
            Text(
                "{where}：{days:.0f}日以内の受注を{expected:.0f}件と見込みましたが、実際は{came:.0f}件でした。",
                "{where}: {expected:.0f} wins within {days:.0f} days were expected, {came:.0f} came.",
            ).format(where=where, days=seen.horizon_days, expected=one.expected, came=one.came)
        )
    heavy = [name for name, one in seen.drift.items() if one.alarm and seen.weight.get(name, 0.0) >= HEAVY]
    for name in sorted(heavy, key=lambda name: -seen.weight[name])[:3]:
        found.append(
            Text(
                "「{label}」の分布が、これまでの変動を超えて変わりました（安定度指標 {index:.2f}）。",
                "The distribution of “{label}” moved more than it used to (stability index {index:.2f}).",
            ).format(label=seen.labels[name], index=seen.drift[name].index)
        )
    if seen.score_drift is not None and seen.score_drift.alarm:
        found.append(
            Text(
                "受注確率の分布が、これまでの変動を超えて変わりました（安定度指標 {index:.2f}）。",
                "The distribution of win probabilities moved more than it used to (stability index "
                "{index:.2f}).",
            ).format(index=seen.score_drift.index)
        )
    if seen.closed_since >= max(LEAST_NEW, ENOUGH_NEW * seen.closed_learned):
        found.append(
            Text(
                "学習に使った{learned:,}件に対し、その後{n:,}件の商談が決着しました。",
                "{n:,} deals have closed since, {learned:,} were learned from.",
            ).format(n=seen.closed_since, learned=seen.closed_learned)
        )
    elif seen.closed_since and seen.now - seen.model_as_of > OLD_DAYS * DAY:
        found.append(
            Text(
                "学習データの時点から{days:.0f}日たち、その後{n:,}件の商談が決着しました。",
                "{days:.0f} days have passed since the model's data, and {n:,} deals have closed.",
            ).format(days=(seen.now - seen.model_as_of) / DAY, n=seen.closed_since)
        )
    return found
