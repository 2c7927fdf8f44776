"""Which features matter for a deal, by how much, and how is each written for a rep?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from crm.i18n import LANGUAGES, Language, Text
from crm.instants import DAY, iso
from features import Feature
from features.arrays import Floats, Ints
from features.levels import Levels
from features.reasons import REASONS, reasons_of
from models.win.model import Contributions
from models.win.reference import Reference
from service.language import money_text, number_text

AVERAGE_DEAL = Text("学習に使った商談の平均", "the average deal in training")
WON_DEALS = Text("同じステージから受注に至った商談の平均", "the average deal won from the same stage")
_YES_NO = (Text("いいえ", "no"), Text("はい", "yes"))
_TIME = Text("時間の経過", "Time passing")
_OTHER = Text("その他の要因の合計", "All other factors together")
_REST = Text("その他（個別の要因に分けられない分）", "Other (not due to a single factor)")
MAX_FACTORS, MAX_CHANGES, MAX_FEATURES = 12, 6, 3
_NEGLIGIBLE = 1e-9  # of probability: rounding, not a factor
_STALLED_DAYS, _STALLED_TIMES, _SILENT_DAYS, _NEW_DAYS = 14.0, 2.0, 14.0, 7.0
_MAX_DAYS = 36_525.0  # an older day is no day at all but a mark of a CRM, such as 0001-01-01


@dataclass(frozen=True)
class Reader:
    """How a model's features (k,) are read: their names, their levels, the currency, the reason of each."""

    catalogue: tuple[Feature, ...]
    levels: Levels
    currency: str
    columns: Mapping[str, int]
    reason: Sequence[int]

    @cached_property
    def reason_array(self) -> Ints:
        """The reason of each feature (k,)."""
        return np.asarray(self.reason, np.int64)

    @cached_property
    def wordings(self) -> Mapping[Language, tuple[Wording, ...]]:
        """How each feature (k,) is written, by language."""
        return {
            lang: tuple(Wording.of(each, self.levels, self.currency, lang) for each in self.catalogue)
            for lang in LANGUAGES
        }

    @classmethod
    def of(cls, catalogue: tuple[Feature, ...], levels: Levels, currency: str) -> Reader:
        """That of a model's features."""
        columns = {feature.name: at for at, feature in enumerate(catalogue)}
        return cls(catalogue, levels, currency, columns, reasons_of(catalogue).tolist())


@dataclass(frozen=True)
class ReferenceComparison:
    """A deal and a reference: contributions of features (k,) to the difference, log-odds of both."""

    values: Floats
    reference: float
    deal: float
    name: Text

    @property
    def slope(self) -> float:
        """Probability per unit of log-odds; points in proportion to contributions add up."""
        return _slope(self.reference, self.deal)

    @property
    def rest(self) -> float:
        """The part of the difference in log-odds that no feature explains."""
        return self.deal - self.reference - float(self.values.sum())


def compare_with_reference(
    contributions: Contributions, row: int, reference: Reference | None
) -> ReferenceComparison:
    """A row of contributions compared with the deals won from its stage, or with the average training row."""
    values = contributions.values[row]
    base, log_odds = float(contributions.base[row]), float(contributions.log_odds[row])
    if reference is None:
        return ReferenceComparison(values, base, log_odds, AVERAGE_DEAL)
    return ReferenceComparison(values - reference.values, reference.log_odds, log_odds, WON_DEALS)


class Written:
    """How the features of a deal are written for a reader: each once, however often it is mentioned."""

    def __init__(self, reader: Reader, x: Floats, lang: Language) -> None:
        self.reader = reader
        self.lang = lang
        self.wordings = reader.wordings[lang]
        self._x: list[float] = x.tolist()
        self._fields: dict[int, dict[str, Any]] = {}

    def __getitem__(self, at: int) -> dict[str, Any]:
        """Name, label and value of a feature."""
        fields = self._fields.get(at)
        if fields is None:
            wording = self.wordings[at]
            fields = self._fields[at] = {
                "feature": wording.name,
                "label": wording.label,
                "value": wording.text(self._x[at]),
            }
        return fields


def factors(written: Written, comparison: ReferenceComparison) -> list[dict[str, Any]]:
    """Contributions of features (k,), also as points of probability: the largest, then the rest."""
    lang = written.lang
    largest, rest = _largest(written, comparison.values, MAX_FACTORS)
    reference = comparison.name.to(lang)
    return _finished(largest, rest + comparison.rest, 0.0, comparison.slope, reference, lang)


def reasons(written: Written, comparison: ReferenceComparison) -> list[dict[str, Any]]:
    """The same difference by reason, largest first, each with the features that make up most of it."""
    reader, lang = written.reader, written.lang
    slope, left, values = comparison.slope, comparison.rest, comparison.values.tolist()
    total: Floats = np.bincount(reader.reason_array, comparison.values, len(REASONS)).astype(np.float64)
    by_reason: list[float] = total.tolist()
    largest: list[list[int]] = [[] for _ in REASONS]
    for at in _by_size(comparison.values):
        if values[at] == 0:
            break  # so are all after it
        of_reason = largest[reader.reason[at]]
        if len(of_reason) < MAX_FEATURES:
            of_reason.append(at)
    rows = []
    for number in _by_size(total):
        if abs(by_reason[number]) * slope <= _NEGLIGIBLE:
            continue
        reason = REASONS[number]
        rows.append(
            {
                "reason": reason.code,
                "label": reason.label.to(lang),
                "contribution": by_reason[number],
                "controllable": reason.controllable,
                "features": [written[at] for at in largest[number]],
            }
        )
    if abs(left) * slope > _NEGLIGIBLE:
        plain = {"reason": "other", "label": _REST.to(lang), "features": []}
        rows.append({**plain, "contribution": left, "controllable": False})
    return _with_points(rows, slope, comparison.name.to(lang))


def trend(written: Written, change: Floats, log_odds: tuple[float, float], since: str) -> dict[str, Any]:
    """Change of the log-odds since then, and what changed them; what no feature explains is time."""
    then_odds, now_odds = log_odds
    slope = _slope(then_odds, now_odds)
    largest, rest = _largest(written, change, MAX_CHANGES)
    time = now_odds - then_odds - float(change.sum())
    rows = _finished(largest, rest, time, slope, since, written.lang)
    change_pp = 100 * (_probability(now_odds) - _probability(then_odds))
    return {"since": since, "change_pp": change_pp, "factors": rows}


def _largest(written: Written, contributions: Floats, limit: int) -> tuple[list[dict[str, Any]], float]:
    """The features with the largest contributions to the log-odds, and the sum of all others."""
    rows = []
    rest = float(contributions.sum())
    for at in _by_size(contributions)[:limit]:
        amount = float(contributions[at])
        if amount == 0:
            break
        rest -= amount
        rows.append(
            {**written[at], "contribution": amount, "controllable": written.wordings[at].controllable}
        )
    return rows, rest


def _by_size(values: Floats) -> list[int]:
    """Positions of values (n,), the largest in size first."""
    order: list[int] = np.argsort(-np.abs(values), kind="stable").tolist()
    return order


def _finished(
    rows: list[dict[str, Any]], rest: float, time: float, slope: float, reference: str, lang: Language
) -> list[dict[str, Any]]:
    """Factors with their points, then the other features and time under names of their own."""
    for name, label, amount in (("other", _OTHER, rest), ("time", _TIME, time)):
        if abs(amount) * slope > _NEGLIGIBLE:
            plain = {"feature": name, "label": label.to(lang), "value": None}
            rows.append({**plain, "contribution": amount, "controllable": False})
    return _with_points(rows, slope, reference)


def _with_points(rows: list[dict[str, Any]], slope: float, reference: str) -> list[dict[str, Any]]:
    """Parts of a difference in log-odds with their points of probability."""
    for part in rows:
        amount = part["contribution"]
        part["effect_pp"] = 100 * amount * slope
        part["direction"] = "up" if amount > 0 else "down"
        part["compared_with"] = reference
    return rows


@dataclass(frozen=True)
class Wording:
    """How a feature is written in a language: what it is called, and what its values are read from.

    `names` of a category's codes; `unit` as the catalogue has it in English, `after` what follows a number.
    """

    name: str
    label: str
    controllable: bool
    names: tuple[str, ...] | None
    scale: str
    unit: str
    after: str
    currency: str
    lang: Language

    @classmethod
    def of(cls, feature: Feature, levels: Levels, currency: str, lang: Language) -> Wording:
        """That of a feature of a model."""
        names = None if feature.kind != "category" else tuple(map(str, levels.get(feature.name, ())))
        after = feature.unit.ja if lang == "ja" else f" {feature.unit.en}".rstrip()
        about = (feature.name, feature.label.to(lang), feature.controllable, names)
        return cls(*about, feature.scale, feature.unit.en, after, currency, lang)

    def text(self, value: float) -> str | None:
        """A value for reading; None where it is not known."""
        if math.isnan(value):
            return None
        if self.names is not None:
            return self.names[int(value)] if 0 <= int(value) < len(self.names) else None
        if self.scale == "log1p":
            value = math.expm1(min(value, 60.0))
        elif self.scale == "log":
            value = math.exp(min(value, 60.0))
        if self.unit == "currency units":
            return money_text(value, self.currency, self.lang)
        if self.unit == "share, 0 to 1":
            return f"{number_text(100 * value)}%"
        if self.unit == "1 = yes":
            return _YES_NO[int(value >= 0.5)].to(self.lang)
        return number_text(value) + self.after


@dataclass(frozen=True)
class DealFeatures:
    """Features of one deal by name, on their original scale; NaN where unknown or not in the catalogue."""

    columns: Mapping[str, int]
    catalogue: Sequence[Feature]
    x: Floats

    def __getitem__(self, name: str) -> float:
        at = self.columns.get(name)
        if at is None:
            return math.nan
        value = float(self.x[at])
        scale = self.catalogue[at].scale
        return math.exp(value) if scale == "log" else math.expm1(value) if scale == "log1p" else value


FLAGS: Mapping[str, Text] = {
    "new_deal": Text("新しい商談", "New deal"),
    "past_due": Text("受注予定日を過ぎています", "Past its expected close date"),
    "pushed": Text("受注予定日が後ろ倒しされています", "Expected close date pushed back"),
    "stalled": Text(
        f"同じステージで滞留しています（通常の{_STALLED_TIMES:.0f}倍以上）",
        f"Stalled in stage ({_STALLED_TIMES:.0f}× usual)",
    ),
    "no_contact": Text(
        f"{_SILENT_DAYS:.0f}日以上接触がありません", f"No contact for {_SILENT_DAYS:.0f}+ days"
    ),
    "amount_cut": Text("金額が引き下げられています", "Amount reduced"),
}


def raised_flags(deal: DealFeatures) -> list[tuple[str, float]]:
    """What to look at about a deal: codes of `FLAGS`, and for how many days (not a number: not known)."""
    raised: list[tuple[str, float]] = []
    if deal["age_days"] < _NEW_DAYS:
        raised.append(("new_deal", deal["age_days"]))
    if deal["days_past_due"] > 0:
        raised.append(("past_due", deal["days_past_due"]))
    if deal["close_date_pushes"] >= 1:
        raised.append(("pushed", deal["days_since_close_date_change"]))
    in_stage = deal["days_in_stage"]
    if in_stage >= _STALLED_DAYS and deal["stage_days_vs_usual"] >= _STALLED_TIMES:
        raised.append(("stalled", in_stage))
    since_activity = deal["days_since_activity"]
    silent = deal["age_days"] if math.isnan(since_activity) else since_activity
    if silent >= _SILENT_DAYS:
        raised.append(("no_contact", silent))
    if deal["amount_cuts"] >= 1:
        raised.append(("amount_cut", deal["days_since_amount_change"]))
    return raised


def flags(
    raised: Sequence[tuple[str, float]], moment: int, zone: ZoneInfo, lang: Language
) -> list[dict[str, Any]]:
    """Raised flags in words, and since when where that is known."""
    return [
        {
            "code": code,
            "label": FLAGS[code].to(lang),
            "since": None if not days <= _MAX_DAYS else iso(moment - int(days * DAY), zone),
        }
        for code, days in raised
    ]


def _probability(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def _slope(start: float, end: float) -> float:
    """Mean change of the probability per unit of log-odds between start and end."""
    if abs(end - start) < 1e-9:
        probability = _probability(end)
        return probability * (1 - probability)
    return (_probability(end) - _probability(start)) / (end - start)
