"""How are a deal's features told: which, how much each matters, in words a seller reads?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crm.i18n import Language, Text
from crm.instants import DAY, iso
from features import Feature
from features.reasons import REASONS, reasons_of
from models.win.model import Contributions
from models.win.reference import Reference
from service.language import money_text, number_text

Floats = NDArray[np.float64]

AVERAGE_DEAL = Text("学習に使った商談の平均", "the average deal it learned from")
WON_DEALS = Text(
    "同じステージから受注に至った商談の平均", "the average deal that was won from the same stage"
)
_YES_NO = (Text("いいえ", "no"), Text("はい", "yes"))
_TIME = Text("時間の経過", "Time passing")
_OTHER = Text("その他の要因の合計", "All other factors together")
_REST = Text("その他（項目に分けられない差）", "The rest, which no single column explains")
MOST_FACTORS, MOST_CHANGES, MOST_TOLD = 12, 6, 3
_NEGLIGIBLE = 1e-9  # of probability: rounding, not a factor
_STALLED_DAYS, _STALLED_TIMES, _SILENT_DAYS, _NEW_DAYS = 14.0, 2.0, 14.0, 7.0


@dataclass(frozen=True)
class ReferenceComparison:
    """A deal beside its reference: what each feature (k,) adds over it, and the log-odds of both."""

    values: Floats
    reference: float
    deal: float
    name: Text

    @property
    def slope(self) -> float:
        """Probability per log-odd: the difference in probability is split in proportion, so points add up."""
        return _slope(self.reference, self.deal)

    @property
    def rest(self) -> float:
        """What of the difference in log-odds no feature explains."""
        return self.deal - self.reference - float(self.values.sum())


def compare_with_reference(why: Contributions, row: int, reference: Reference | None) -> ReferenceComparison:
    """A row of contributions beside the won deals of its stage, or beside the average training moment."""
    values, base, odds = why.values[row], float(why.base[row]), float(why.log_odds[row])
    if reference is None:
        return ReferenceComparison(values, base, odds, AVERAGE_DEAL)
    return ReferenceComparison(values - reference.values, reference.log_odds, odds, WON_DEALS)


def factors(
    catalogue: Sequence[Feature],
    levels: Mapping[str, Any],
    x: Floats,
    beside: ReferenceComparison,
    currency: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """What each feature (k,) adds on the log-odds, as points of probability: the largest, then the rest."""
    told, rest = _largest(catalogue, levels, x, beside.values, MOST_FACTORS, currency, lang)
    return _finished(told, rest + beside.rest, 0.0, beside.slope, beside.name.to(lang), lang)


def reasons(
    catalogue: Sequence[Feature],
    levels: Mapping[str, Any],
    x: Floats,
    beside: ReferenceComparison,
    currency: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """The same difference by reason, largest first, each with the features that make up most of it."""
    number = reasons_of(catalogue)
    total = np.bincount(number, beside.values, len(REASONS))
    found = []
    for at in np.argsort(-np.abs(total), kind="stable").tolist():
        if abs(total[at]) * beside.slope <= _NEGLIGIBLE:
            continue
        mine = np.where(number == at, beside.values, 0.0)
        told, _ = _largest(catalogue, levels, x, mine, MOST_TOLD, currency, lang)
        reason = REASONS[at]
        found.append(
            {
                "reason": reason.code,
                "label": reason.label.to(lang),
                "contribution": float(total[at]),
                "controllable": reason.controllable,
                "features": [{name: one[name] for name in ("feature", "label", "value")} for one in told],
            }
        )
    if abs(beside.rest) * beside.slope > _NEGLIGIBLE:
        plain = {"reason": "other", "label": _REST.to(lang), "features": []}
        found.append({**plain, "contribution": beside.rest, "controllable": False})
    return _pointed(found, beside.slope, beside.name.to(lang))


def trend(
    catalogue: Sequence[Feature],
    levels: Mapping[str, Any],
    now: Floats,
    change: Floats,
    log_odds: tuple[float, float],
    since: str,
    currency: str,
    lang: Language,
) -> dict[str, Any]:
    """How the log-odds went from then to now, and what changed them; what no feature explains is time."""
    then_odds, now_odds = log_odds
    slope = _slope(then_odds, now_odds)
    told, rest = _largest(catalogue, levels, now, change, MOST_CHANGES, currency, lang)
    time = now_odds - then_odds - float(change.sum())
    because = _finished(told, rest, time, slope, since, lang)
    return {"since": since, "change_pp": 100 * (_chance(now_odds) - _chance(then_odds)), "factors": because}


def _largest(
    catalogue: Sequence[Feature],
    levels: Mapping[str, Any],
    x: Floats,
    contributions: Floats,
    most: int,
    currency: str,
    lang: Language,
) -> tuple[list[dict[str, Any]], float]:
    """The features that add most on the log-odds, and what all others add together."""
    order = np.argsort(-np.abs(contributions), kind="stable")[:most].tolist()
    told = []
    rest = float(contributions.sum())
    for at in order:
        amount = float(contributions[at])
        if amount == 0:
            break
        rest -= amount
        feature = catalogue[at]
        told.append(
            {
                "feature": feature.name,
                "label": feature.label.to(lang),
                "value": value_text(feature, float(x[at]), levels, currency, lang),
                "contribution": amount,
                "controllable": feature.controllable,
            }
        )
    return told, rest


def _finished(
    told: list[dict[str, Any]], rest: float, time: float, slope: float, reference: str, lang: Language
) -> list[dict[str, Any]]:
    """Factors with their points, and what they leave over under its own name."""
    for name, label, amount in (("other", _OTHER, rest), ("time", _TIME, time)):
        if abs(amount) * slope > _NEGLIGIBLE:
            plain = {"feature": name, "label": label.to(lang), "value": None}
            told.append({**plain, "contribution": amount, "controllable": False})
    return _pointed(told, slope, reference)


def _pointed(told: list[dict[str, Any]], slope: float, reference: str) -> list[dict[str, Any]]:
    """Parts of a difference in log-odds with their points of probability."""
    for part in told:
        amount = part["contribution"]
        part["effect_pp"] = 100 * amount * slope
        part["direction"] = "up" if amount > 0 else "down"
        part["compared_with"] = reference
    return told


def value_text(
    feature: Feature, value: float, levels: Mapping[str, Any], currency: str, lang: Language
) -> str | None:
    """A feature's value for reading; None where it is not known."""
    if math.isnan(value):
        return None
    if feature.kind == "category":
        names = levels.get(feature.name, ())
        return str(names[int(value)]) if 0 <= int(value) < len(names) else None
    if feature.scale == "log1p":
        value = math.expm1(min(value, 60.0))
    elif feature.scale == "log":
        value = math.exp(min(value, 60.0))
    unit = feature.unit.en
    if unit == "currency units":
        return money_text(value, currency, lang)
    if unit == "share, 0 to 1":
        return f"{number_text(100 * value)}%"
    if unit == "1 = yes":
        return _YES_NO[int(value >= 0.5)].to(lang)
    if lang == "ja":
        return f"{number_text(value)}{feature.unit.ja}"
    return f"{number_text(value)} {unit}".rstrip()


@dataclass(frozen=True)
class DealFeatures:
    """Features of one deal by name, back on their plain scale; NaN where unknown or not there."""

    place: Mapping[str, int]
    catalogue: Sequence[Feature]
    x: Floats

    def __getitem__(self, name: str) -> float:
        at = self.place.get(name)
        if at is None:
            return math.nan
        value = float(self.x[at])
        scale = self.catalogue[at].scale
        return math.exp(value) if scale == "log" else math.expm1(value) if scale == "log1p" else value


_FLAGS = {
    "new_deal": Text("新しい商談", "New deal"),
    "past_due": Text("受注予定日を過ぎています", "Past its expected close date"),
    "pushed": Text("受注予定日が延期されています", "Its close date has been pushed back"),
    "stalled": Text("同じステージに長くとどまっています", "Stuck in its stage for long"),
    "no_contact": Text("しばらく接触がありません", "No contact for a while"),
    "amount_cut": Text("金額が引き下げられています", "Its amount has been cut"),
}


def flags(deal: DealFeatures, moment: int, zone: Any, lang: Language) -> list[dict[str, Any]]:
    """What to look at about a deal, each since when where that is known."""
    found: list[tuple[str, float]] = []
    if deal["age_days"] < _NEW_DAYS:
        found.append(("new_deal", deal["age_days"]))
    if deal["days_past_due"] > 0:
        found.append(("past_due", deal["days_past_due"]))
    if deal["close_date_pushes"] >= 1:
        found.append(("pushed", deal["days_since_close_date_change"]))
    stays = deal["days_in_stage"]
    if stays >= _STALLED_DAYS and deal["stage_days_vs_usual"] >= _STALLED_TIMES:
        found.append(("stalled", stays))
    quiet = deal["days_since_activity"]
    silent = deal["age_days"] if math.isnan(quiet) else quiet
    if silent >= _SILENT_DAYS:
        found.append(("no_contact", silent))
    if deal["amount_cuts"] >= 1:
        found.append(("amount_cut", deal["days_since_amount_change"]))
    return [
        {
            "code": code,
            "label": _FLAGS[code].to(lang),
            "since": None if math.isnan(days) else iso(moment - int(days * DAY), zone),
        }
        for code, days in found
    ]


def _chance(log_odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(log_odds, -700.0), 700.0)))


def _slope(start: float, end: float) -> float:
    """Probability per log-odd along the way from start to end."""
    if abs(end - start) < 1e-9:
        chance = _chance(end)
        return chance * (1 - chance)
    return (_chance(end) - _chance(start)) / (end - start)
