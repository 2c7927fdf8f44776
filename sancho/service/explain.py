"""How are a deal's features told: which, how much each matters, in words a seller reads?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sancho.crm.moment import DAY, iso
from sancho.crm.text import Language, Text
from sancho.features import Feature
from sancho.service.language import money_text, number_text

Floats = NDArray[np.float64]

REFERENCE = Text("学習に使った商談の平均", "the average deal it learned from")
_YES_NO = (Text("いいえ", "no"), Text("はい", "yes"))
_TIME = Text("時間の経過", "Time passing")
_OTHER = Text("その他の要因の合計", "All other factors together")
MOST_FACTORS, MOST_REASONS = 12, 6
_NEGLIGIBLE = 1e-9  # of probability: rounding, not a factor
_STALLED_DAYS, _STALLED_TIMES, _SILENT_DAYS, _NEW_DAYS = 14.0, 2.0, 14.0, 7.0


def factors(
    catalogue: Sequence[Feature],
    levels: Mapping[str, Any],
    x: Floats,
    contributions: Floats,
    base: float,
    currency: str,
    lang: Language,
) -> list[dict[str, Any]]:
    """What each feature (k,) adds on the log-odds, as points of probability: the largest, then the rest.

    The points split the difference between reference (log-odds `base`) and deal in proportion, so they add
    up to it.
    """
    slope = _slope(base, base + float(contributions.sum()))
    told, rest = _largest(catalogue, levels, x, contributions, MOST_FACTORS, currency, lang)
    return _finished(told, rest, 0.0, slope, REFERENCE.say(lang), lang)


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
    told, rest = _largest(catalogue, levels, now, change, MOST_REASONS, currency, lang)
    time = now_odds - then_odds - float(change.sum())
    because = _finished(told, rest, time, slope, since, lang)
    return {"since": since, "change_pp": 100 * (_chance(now_odds) - _chance(then_odds)), "because": because}


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
                "label": feature.label.say(lang),
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
            plain = {"feature": name, "label": label.say(lang), "value": None}
            told.append({**plain, "contribution": amount, "controllable": False})
    for factor in told:
        amount = factor["contribution"]
        factor["effect_pp"] = 100 * amount * slope
        factor["direction"] = "up" if amount > 0 else "down"
        factor["compared_with"] = reference
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
        return _YES_NO[int(value >= 0.5)].say(lang)
    if lang == "ja":
        return f"{number_text(value)}{feature.unit.ja}"
    return f"{number_text(value)} {unit}".rstrip()


@dataclass(frozen=True)
class Lookup:
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


def flags(deal: Lookup, moment: int, zone: Any, lang: Language) -> list[dict[str, Any]]:
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
            "label": _FLAGS[code].say(lang),
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
